//! Which distribution, release and family this host runs.

use super::Facts;
use super::read::{pairs, text};

/// The files that tell, as far as they exist.
#[derive(Debug, Default)]
pub struct Files {
    pub os_release: Option<String>,
    pub debian_version: Option<String>,
    /// `/etc/redhat-release`, or the one of a relative (`/etc/centos-release`, …) with its path.
    pub redhat_release: Option<(&'static str, String)>,
    pub alpine_release: Option<String>,
    pub suse_release: Option<String>,
    pub lsb_release: Option<String>,
    pub arch_release: bool,
}

/// Reads them.
pub fn files() -> Files {
    let named = |path: &'static str| text(path).map(|content| (path, content));
    Files {
        os_release: text("/etc/os-release").or_else(|| text("/usr/lib/os-release")),
        debian_version: text("/etc/debian_version"),
        redhat_release: named("/etc/oracle-release")
            .or_else(|| named("/etc/centos-release"))
            .or_else(|| named("/etc/redhat-release"))
            .or_else(|| named("/etc/system-release")),
        alpine_release: text("/etc/alpine-release"),
        suse_release: text("/etc/SuSE-release"),
        lsb_release: text("/etc/lsb-release"),
        arch_release: std::path::Path::new("/etc/arch-release").exists(),
    }
}

/// Ansible's name for an `ID` of os-release, and the family.
const KNOWN: &[(&str, &str, &str)] = &[
    ("almalinux", "AlmaLinux", "RedHat"),
    ("alpine", "Alpine", "Alpine"),
    ("alp-dolomite", "ALP-Dolomite", "Suse"),
    ("altlinux", "Altlinux", "Altlinux"),
    ("amzn", "Amazon", "RedHat"),
    ("antergos", "Antergos", "Archlinux"),
    ("arch", "Archlinux", "Archlinux"),
    ("archlinux", "Archlinux", "Archlinux"),
    ("centos", "CentOS", "RedHat"),
    ("clear-linux-os", "Clear Linux OS", "ClearLinux"),
    ("cloudlinux", "CloudLinux", "RedHat"),
    ("coreos", "CoreOS", ""),
    ("cumulus-linux", "Cumulus Linux", "Debian"),
    ("debian", "Debian", "Debian"),
    ("deepin", "Deepin", "Debian"),
    ("devuan", "Devuan", "Debian"),
    ("eurolinux", "EuroLinux", "RedHat"),
    ("euleros", "EulerOS", "RedHat"),
    ("fedora", "Fedora", "RedHat"),
    ("flatcar", "Flatcar", "Flatcar"),
    ("gentoo", "Gentoo", "Gentoo"),
    ("kali", "Kali", "Debian"),
    ("kylin", "Kylin Linux Advanced Server", "RedHat"),
    ("linuxmint", "Linux Mint", "Debian"),
    ("manjaro", "Manjaro", "Archlinux"),
    ("miraclelinux", "MIRACLE", "RedHat"),
    ("neon", "KDE neon", "Debian"),
    ("nixos", "NixOS", "NixOS"),
    ("ol", "OracleLinux", "RedHat"),
    ("openeuler", "openEuler", "RedHat"),
    ("opensuse", "openSUSE", "Suse"),
    ("opensuse-leap", "openSUSE Leap", "Suse"),
    ("opensuse-microos", "openSUSE MicroOS", "Suse"),
    ("opensuse-tumbleweed", "openSUSE Tumbleweed", "Suse"),
    ("osmc", "OSMC", "Debian"),
    ("pardus", "Pardus GNU/Linux", "Debian"),
    ("parrot", "Parrot", "Debian"),
    ("pop", "Pop!_OS", "Debian"),
    ("raspbian", "Debian", "Debian"),
    ("rhel", "RedHat", "RedHat"),
    ("rocky", "Rocky", "RedHat"),
    ("scientific", "Scientific", "RedHat"),
    ("sl-micro", "SL-Micro", "Suse"),
    ("sled", "SLED", "Suse"),
    ("sles", "SLES", "Suse"),
    ("sles_sap", "SLES_SAP", "Suse"),
    ("steamos", "SteamOS", "Debian"),
    ("tencentos", "TencentOS", "RedHat"),
    ("ubuntu", "Ubuntu", "Debian"),
    ("uos", "Uos", "Debian"),
    ("virtuozzo", "Virtuozzo", "RedHat"),
    ("void", "Void", "Void"),
];

/// How the old `*-release` files begin, for hosts without os-release.
const RELEASE_PREFIXES: &[(&str, &str)] = &[
    ("AlmaLinux", "almalinux"),
    ("Amazon", "amzn"),
    ("CentOS", "centos"),
    ("CloudLinux", "cloudlinux"),
    ("EuroLinux", "eurolinux"),
    ("Fedora", "fedora"),
    ("MIRACLE", "miraclelinux"),
    ("Oracle", "ol"),
    ("Red Hat", "rhel"),
    ("Rocky", "rocky"),
    ("Scientific", "scientific"),
    ("TencentOS", "tencentos"),
    ("Virtuozzo", "virtuozzo"),
];

/// The distribution facts.
pub fn facts(files: &Files) -> Facts {
    let os: Vec<(String, String)> = files.os_release.as_deref().map(pairs).unwrap_or_default();
    let lsb: Vec<(String, String)> = files.lsb_release.as_deref().map(pairs).unwrap_or_default();
    let field = |list: &[(String, String)], key: &str| {
        list.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()).filter(|v| !v.is_empty())
    };
    let release_text = files.redhat_release.as_ref().map(|(_, text)| text.trim().to_owned());
    let from_release = release_text.as_deref().and_then(|text| {
        RELEASE_PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, id)| (*id).to_owned())
    });
    let id = from_release
        .filter(|id| {
            !matches!(id.as_str(), "rhel" | "centos")
                || field(&os, "ID").is_none_or(|os| os == *id || os == "redhat")
        })
        .or_else(|| field(&os, "ID"))
        .or_else(|| field(&lsb, "DISTRIB_ID"))
        .or_else(|| files.suse_release.as_deref().map(suse_id))
        .or_else(|| files.alpine_release.as_ref().map(|_| "alpine".to_owned()))
        .or_else(|| files.arch_release.then(|| "arch".to_owned()))
        .or_else(|| files.debian_version.as_ref().map(|_| "debian".to_owned()))
        .unwrap_or_default()
        .to_lowercase();
    let known = KNOWN.iter().find(|(known, _, _)| *known == id);
    let name = match known {
        // Before it had an ID of its own, each openSUSE had its name.
        Some(("opensuse", name, _)) => {
            field(&os, "NAME").filter(|full| full.starts_with(name)).unwrap_or_else(|| (*name).to_owned())
        }
        Some((_, name, _)) => (*name).to_owned(),
        None => field(&os, "NAME").unwrap_or_else(|| if id.is_empty() { "Linux".into() } else { id.clone() }),
    };
    let family = match known {
        Some((_, _, family)) if !family.is_empty() => (*family).to_owned(),
        Some(_) => name.clone(),
        None => family_like(&field(&os, "ID_LIKE").unwrap_or_default()).unwrap_or(&name).to_owned(),
    };
    let version_id = field(&os, "VERSION_ID").or_else(|| field(&lsb, "DISTRIB_RELEASE"));
    let codename = field(&os, "VERSION_CODENAME")
        .or_else(|| field(&os, "UBUNTU_CODENAME"))
        .or_else(|| field(&os, "VERSION").as_deref().and_then(parenthesised))
        .or_else(|| field(&lsb, "DISTRIB_CODENAME"));

    let mut found = Found { version: version_id, release: codename, minor: None };
    let source = match family.as_str() {
        "RedHat" => {
            let unnamed = os.iter().any(|(key, value)| key == "VERSION_CODENAME" && value.is_empty());
            red_hat(&name, &mut found, release_text.as_deref(), files, unnamed)
        }
        "Flatcar" => {
            found.release = None;
            ("/etc/os-release", "Flatcar")
        }
        "ClearLinux" => {
            found.release = Some(id.clone());
            ("/usr/lib/os-release", "ClearLinux")
        }
        "Suse" => suse(&name, &mut found, files),
        "Alpine" => {
            let release = files.alpine_release.as_deref().map(|text| text.trim().to_owned());
            found.version = release.or(found.version);
            found.release = None;
            ("/etc/alpine-release", "Alpine")
        }
        "Archlinux" => {
            if found.version.is_none() && !files.arch_release {
                found.release = None;
            }
            let path = if files.arch_release { "/etc/arch-release" } else { "/etc/os-release" };
            found.version = found.version.or_else(|| field(&os, "BUILD_ID"));
            (path, "Archlinux")
        }
        "Debian" => debian(&name, &mut found, &os, files),
        _ => ("/etc/os-release", "NA"),
    };
    let version = found.version.unwrap_or_else(|| "NA".into());
    let major = version.split('.').next().unwrap_or("NA").to_owned();
    let major = if version.contains(' ') { "NA".to_owned() } else { major };
    let mut facts = Facts::new();
    facts.set("distribution", name);
    facts.set("distribution_version", version);
    facts.set("distribution_release", found.release.unwrap_or_else(|| "NA".into()));
    facts.set("distribution_major_version", major);
    if let Some(minor) = found.minor {
        facts.set("distribution_minor_version", minor);
    }
    if source.1 != "NA" {
        facts.set("distribution_file_path", source.0);
        facts.set("distribution_file_variety", source.1);
        facts.set("distribution_file_parsed", true);
    }
    facts.set("os_family", family);
    facts
}

struct Found {
    version: Option<String>,
    release: Option<String>,
    minor: Option<String>,
}

fn family_like(like: &str) -> Option<&'static str> {
    like.split_whitespace().find_map(|id| KNOWN.iter().find(|(known, _, _)| *known == id)).map(|(_, _, f)| *f)
}

/// The number and the name in `Rocky Linux release 8.6 (Green Obsidian)`.
fn red_hat(
    name: &str,
    found: &mut Found,
    release: Option<&str>,
    files: &Files,
    unnamed: bool,
) -> (&'static str, &'static str) {
    let path = files.redhat_release.as_ref().map_or("/etc/os-release", |(path, _)| path);
    if name == "Amazon" {
        let number = |text: &str| {
            text.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
        };
        found.version = found.version.take().or_else(|| release.and_then(number));
        found.minor =
            found.version.as_ref().and_then(|v| v.split_once('.')).map(|(_, minor)| minor.to_owned());
        found.release = None;
        return ("/etc/os-release", "Amazon");
    }
    if let Some(text) = release {
        let number = text
            .split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains('('));
        if let Some(number) = number {
            // 7.9.2009 is 7.9 to playbooks.
            found.version = Some(number.split('.').take(2).collect::<Vec<_>>().join("."));
        }
        found.release = match parenthesised(text) {
            _ if text.contains("Stream") => Some("Stream".into()),
            Some(codename) => Some(codename),
            None => found.release.take(),
        };
    }
    if name == "Fedora" && (found.release.is_none() || unnamed) {
        found.release = Some(String::new());
    }
    let variety = match path {
        "/etc/oracle-release" => "OracleLinux",
        "/etc/centos-release" => "CentOS",
        _ => "RedHat",
    };
    (path, variety)
}

fn suse_id(text: &str) -> String {
    if text.starts_with("openSUSE") { "opensuse".into() } else { "sles".into() }
}

fn suse(name: &str, found: &mut Found, files: &Files) -> (&'static str, &'static str) {
    let field = |key: &str| {
        let text = files.suse_release.as_deref().unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(k, _)| k.trim() == key)
            .map(|(_, v)| v.trim().to_owned())
    };
    if found.version.is_none() {
        found.version = field("VERSION").map(|version| match field("PATCHLEVEL") {
            Some(patch) => format!("{version}.{patch}"),
            None => version,
        });
    }
    let minor = found.version.as_deref().and_then(|v| v.split_once('.')).map(|(_, minor)| minor.to_owned());
    found.release = match name {
        "openSUSE Tumbleweed" => Some(String::new()),
        "ALP-Dolomite" | "SL-Micro" | "openSUSE MicroOS" => None,
        _ => Some(minor.unwrap_or_else(|| "0".into())),
    };
    let path = if files.os_release.is_some() { "/etc/os-release" } else { "/etc/SuSE-release" };
    (path, "SUSE")
}

fn debian(
    name: &str,
    found: &mut Found,
    os: &[(String, String)],
    files: &Files,
) -> (&'static str, &'static str) {
    if name == "Debian" {
        // os-release knows only 12 where the version file knows 12.11; testing has a name there, no number.
        let precise = files.debian_version.as_deref().map(str::trim).unwrap_or_default();
        if precise.starts_with(|c: char| c.is_ascii_digit()) {
            found.version = Some(precise.to_owned());
            found.minor = precise.split_once('.').map(|(_, minor)| minor.to_owned());
        }
        if found.release.is_none() && precise.contains('/') {
            found.release = precise.split('/').next().map(str::to_owned);
        }
    }
    if name == "Devuan" || name == "Cumulus Linux" || name == "Linux Mint" || found.release.is_none() {
        let pretty = os.iter().find(|(key, _)| key == "PRETTY_NAME").map(|(_, value)| value.as_str());
        match (name, pretty) {
            ("Devuan", Some(text)) => {
                let words: Vec<&str> = text.split(['/', ' ']).collect();
                found.release = words
                    .iter()
                    .find(|word| word.chars().all(|c| c.is_ascii_lowercase()))
                    .map(|w| (*w).to_owned());
            }
            ("Cumulus Linux", Some(text)) => found.release = Some(text.to_owned()),
            _ => {}
        }
    }
    if name == "OSMC" {
        found.release = None;
    }
    ("/etc/os-release", "Debian")
}

fn parenthesised(text: &str) -> Option<String> {
    let inside = &text[text.find('(')? + 1..];
    let name = inside[..inside.find(')')?].trim();
    // `16.04.1 LTS (Xenial Xerus)` and `7 (wheezy)`: Ubuntu's names are two words, the code is the first.
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(os: &str, change: impl FnOnce(&mut Files)) -> Vec<String> {
        let mut files =
            Files { os_release: Some(os.to_owned()).filter(|os| !os.is_empty()), ..Files::default() };
        change(&mut files);
        let facts = facts(&files);
        [
            "os_family",
            "distribution",
            "distribution_version",
            "distribution_major_version",
            "distribution_release",
        ]
        .iter()
        .map(|name| facts.get(name).and_then(crate::value::Value::as_str).unwrap_or("?").to_owned())
        .collect()
    }

    #[test]
    fn distributions_are_told_apart() {
        let debian = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        assert_eq!(
            of(debian, |f| f.debian_version = Some("12.11\n".into())),
            ["Debian", "Debian", "12.11", "12", "bookworm"]
        );
        let ubuntu =
            "NAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\n";
        assert_eq!(
            of(ubuntu, |f| f.debian_version = Some("bookworm/sid\n".into())),
            ["Debian", "Ubuntu", "22.04", "22", "jammy"]
        );
        let rocky = "NAME=\"Rocky Linux\"\nVERSION=\"9.3 (Blue Onyx)\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.3\"\n";
        assert_eq!(
            of(rocky, |f| f.redhat_release =
                Some(("/etc/redhat-release", "Rocky Linux release 9.3 (Blue Onyx)\n".into()))),
            ["RedHat", "Rocky", "9.3", "9", "Blue Onyx"]
        );
        assert_eq!(
            of("", |f| f.redhat_release =
                Some(("/etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n".into()))),
            ["RedHat", "CentOS", "7.9", "7", "Core"]
        );
        assert_eq!(
            of("ID=alpine\nVERSION_ID=3.19.1\n", |f| f.alpine_release = Some("3.19.1\n".into())),
            ["Alpine", "Alpine", "3.19.1", "3", "NA"]
        );
        assert_eq!(
            of("ID=\"opensuse-leap\"\nVERSION_ID=\"15.5\"\n", |_| ()),
            ["Suse", "openSUSE Leap", "15.5", "15", "5"]
        );
        assert_eq!(
            of("ID=arch\nBUILD_ID=rolling\n", |f| f.arch_release = true),
            ["Archlinux", "Archlinux", "rolling", "rolling", "NA"]
        );
        assert_eq!(
            of("ID=mine\nNAME=\"My Linux\"\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=5\n", |_| ())[..2],
            ["Debian", "My Linux"]
        );
    }
}
