//! Which package manager this host has.

use super::Facts;
use super::distribution;
use crate::value::Value;
use std::path::{Path, PathBuf};

/// Managers by their programs; the last that exists counts, a family has its own.
const MANAGERS: &[(&str, &str)] = &[
    ("/usr/bin/rpm-ostree", "atomic_container"),
    ("/usr/bin/yum", "yum"),
    ("/usr/bin/microdnf", "dnf"),
    ("/usr/bin/dnf-3", "dnf"),
    ("/usr/bin/dnf5", "dnf5"),
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/sbin/urpmi", "urpmi"),
    ("/usr/bin/pacman", "pacman"),
    ("/bin/opkg", "opkg"),
    ("/usr/pkg/bin/pkgin", "pkgin"),
    ("/opt/local/bin/pkgin", "pkgin"),
    ("/opt/tools/bin/pkgin", "pkgin"),
    ("/opt/local/bin/port", "macports"),
    ("/usr/local/bin/brew", "homebrew"),
    ("/opt/homebrew/bin/brew", "homebrew"),
    ("/sbin/apk", "apk"),
    ("/usr/sbin/pkg", "pkgng"),
    ("/usr/sbin/swlist", "swdepot"),
    ("/usr/bin/emerge", "portage"),
    ("/usr/sbin/slackpkg", "slackpkg"),
    ("/usr/bin/swupd", "swupd"),
    ("/usr/sbin/sorcery", "sorcery"),
    ("/usr/bin/xbps-install", "xbps"),
    ("/usr/bin/apt-rpm", "apt_rpm"),
];

pub fn facts() -> Facts {
    let mut facts = Facts::new();
    facts.set("pkg_mgr", manager());
    facts
}

/// Ansible's name of the package manager, `unknown` if there is none.
pub fn manager() -> String {
    let exists = |path: &str| Path::new(path).exists();
    let distribution = distribution::facts(&distribution::files());
    let family = distribution.get("os_family").and_then(Value::as_str).unwrap_or_default();
    let preferred = match family {
        "Debian" if exists("/usr/bin/apt-get") => Some("apt"),
        "RedHat" => red_hat(&exists),
        "Suse" if exists("/usr/bin/zypper") => Some("zypper"),
        "Archlinux" if exists("/usr/bin/pacman") => Some("pacman"),
        "Alpine" if exists("/sbin/apk") => Some("apk"),
        "Altlinux" if exists("/usr/bin/apt-get") => Some("apt_rpm"),
        _ => None,
    };
    let found = MANAGERS.iter().rev().find(|(path, _)| exists(path)).map(|(_, name)| *name);
    preferred.or(found).unwrap_or("unknown").to_owned()
}

/// `dnf` is a link to the generation in use.
fn red_hat(exists: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    if exists("/run/ostree-booted") && exists("/usr/bin/rpm-ostree") {
        return Some("atomic_container");
    }
    let dnf = super::read::link_name("/usr/bin/dnf");
    match dnf.as_deref() {
        Some("dnf5") => Some("dnf5"),
        Some(_) => Some("dnf"),
        None if exists("/usr/bin/dnf") || exists("/usr/bin/microdnf") => Some("dnf"),
        None if exists("/usr/bin/dnf5") => Some("dnf5"),
        None => exists("/usr/bin/yum").then_some("yum"),
    }
}

/// Where a program is: `PATH` and the directories of administrators.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).collect::<Vec<_>>();
    let places = places.into_iter().chain(["/sbin", "/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    places
        .map(|place| place.join(name))
        .find(|path| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())
}
