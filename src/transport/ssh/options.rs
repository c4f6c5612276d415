//! What a connection is asked for: the words of `ssh_args` and OpenSSH's configuration files, as settings.
//!
//! The words are understood here. The files are not: where some exist that say more than a distribution's
//! defaults, `ssh -G` resolves both, since nobody but OpenSSH itself gets all of `Match`, `Include` and the tokens
//! right. Only what differs from OpenSSH's own defaults counts as asked for.

#![allow(clippy::disallowed_methods)] // The home of `ssh -G`.

use crate::transport::SILENCE;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Settings by lower-case keyword; several values only where OpenSSH adds them up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    values: HashMap<String, Vec<String>>,
}

/// Keywords that may be given more than once; for all others the first counts.
const ADDITIVE: &[&str] = &[
    "identityfile",
    "certificatefile",
    "sendenv",
    "setenv",
    "localforward",
    "remoteforward",
    "dynamicforward",
];

impl Settings {
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.values.get(keyword)?.first().map(String::as_str)
    }

    pub fn all(&self, keyword: &str) -> &[String] {
        self.values.get(keyword).map_or(&[], Vec::as_slice)
    }

    /// Whether a yes-or-no setting says yes (`true` and `force` do, too).
    pub fn is_on(&self, keyword: &str) -> bool {
        self.get(keyword).is_some_and(|value| matches!(value, "yes" | "true" | "force"))
    }

    pub fn is_off(&self, keyword: &str) -> bool {
        self.get(keyword).is_some_and(|value| matches!(value, "no" | "false" | "none"))
    }

    /// In a fixed order.
    pub fn keywords(&self) -> impl Iterator<Item = &str> {
        let mut keywords: Vec<_> = self.values.keys().map(String::as_str).collect();
        keywords.sort_unstable();
        keywords.into_iter()
    }

    fn add(&mut self, keyword: &str, value: &str) {
        let keyword = keyword.to_ascii_lowercase();
        let additive = ADDITIVE.contains(&keyword.as_str());
        let values = self.values.entry(keyword).or_default();
        if values.is_empty() || additive {
            values.push(value.to_owned());
        }
    }
}

/// How long a host may be silent: as long as OpenSSH would wait with these settings, if they ask for that at all.
pub fn silence(settings: &Settings) -> Duration {
    let number = |keyword: &str| settings.get(keyword).and_then(|text| text.parse::<u64>().ok());
    match number("serveraliveinterval") {
        None | Some(0) => SILENCE,
        // Less than that, and a busy host is taken for a dead one.
        Some(interval) => {
            Duration::from_secs(interval.saturating_mul(number("serveralivecountmax").unwrap_or(3)).max(5))
        }
    }
}

/// The words of a command line for `ssh`, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub settings: Settings,
    /// `-F`.
    pub configuration: Option<String>,
    /// Options that are not understood here.
    pub unknown: Vec<String>,
}

/// Reads `-o Keyword=value` and the flags that stand for keywords.
pub fn read_words(words: &[String]) -> Words {
    let mut read = Words::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            read.unknown.push(word.to_owned());
            continue;
        };
        let mut rest = letters;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            if "oFilpJcmbeDELQRSWwIBO".contains(letter) {
                let value = if rest.is_empty() { words.next().unwrap_or_default() } else { rest };
                read.flag_with_value(letter, value, word);
                break;
            }
            match letter {
                'C' => read.settings.add("compression", "yes"),
                '4' => read.settings.add("addressfamily", "inet"),
                '6' => read.settings.add("addressfamily", "inet6"),
                'A' => read.settings.add("forwardagent", "yes"),
                'k' => read.settings.add("gssapidelegatecredentials", "no"),
                // How much is said, terminals and X11: nothing to do with a stream of bytes.
                'v' | 'q' | 'T' | 't' | 'a' | 'x' | 'n' => {}
                _ => read.unknown.push(word.to_owned()),
            }
        }
    }
    read
}

impl Words {
    fn flag_with_value(&mut self, letter: char, value: &str, word: &str) {
        let keyword = match letter {
            'o' => {
                match value.trim().split_once(['=', ' ', '\t']) {
                    Some((keyword, value)) => {
                        let value = value.trim().trim_start_matches('=').trim();
                        let value =
                            value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
                        self.settings.add(keyword.trim(), value);
                    }
                    None => self.unknown.push(format!("-o {value}")),
                }
                return;
            }
            'F' => {
                self.configuration.get_or_insert(value.to_owned());
                return;
            }
            'i' => "identityfile",
            'l' => "user",
            'p' => "port",
            'J' => "proxyjump",
            'c' => "ciphers",
            'm' => "macs",
            'b' => "bindaddress",
            // `-e`: the escape character of a terminal. `-S`: the control socket, of which there is none.
            'e' | 'S' | 'E' => return,
            _ => {
                self.unknown.push(word.to_owned());
                return;
            }
        };
        self.settings.add(keyword, value);
    }
}

/// What is asked for, for one host name.
pub struct Asked {
    pub settings: Settings,
    /// Why only OpenSSH can do it, as far as the words tell.
    pub unknown: Vec<String>,
    /// Whether `ssh -G` was asked.
    pub resolved: bool,
}

/// The settings for a host, from words and files.
///
/// # Errors
/// What `ssh -G` says: a mistake in the words or files.
pub fn ask(
    words: &[String],
    address: &str,
    port: Option<u16>,
    user: Option<&str>,
    ssh: &str,
) -> Result<Arc<Asked>, String> {
    type Key = (Vec<String>, String, Option<u16>, Option<String>);
    static KNOWN: Mutex<Option<HashMap<Key, Arc<Asked>>>> = Mutex::new(None);
    let key = (words.to_vec(), address.to_owned(), port, user.map(String::from));
    if let Some(asked) =
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|map| map.get(&key))
    {
        return Ok(asked.clone());
    }
    let read = read_words(words);
    let needs_openssh = match read.configuration.as_deref() {
        Some("none" | "/dev/null") => false,
        Some(_) => true,
        None => has_configuration(),
    };
    let resolved = if needs_openssh { resolve(words, address, port, user, ssh)? } else { None };
    let asked = Arc::new(Asked {
        resolved: resolved.is_some(),
        settings: resolved.unwrap_or(read.settings),
        unknown: read.unknown,
    });
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().insert(key, asked.clone());
    Ok(asked)
}

/// Whether there are configuration files that say more than a distribution's defaults.
fn has_configuration() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        if home().is_some_and(|home| home.join(".ssh/config").exists()) {
            return true;
        }
        match std::fs::read_to_string("/etc/ssh/ssh_config") {
            Ok(text) => !is_trivial(&text, &included("/etc/ssh/ssh_config.d")),
            Err(_) => false,
        }
    })
}

/// The texts of the configuration files in a folder.
fn included(folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "conf"))
        // One that cannot be read is not trivial.
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_else(|_| "unreadable".into()))
        .collect()
}

/// Whether the system's files say only what distributions ship, none of which matters here.
fn is_trivial(text: &str, included: &[String]) -> bool {
    let harmless = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_ascii_lowercase);
        match words.next().as_deref() {
            None => true,
            Some(first) if first.starts_with('#') => true,
            Some(
                "sendenv" | "hashknownhosts" | "gssapiauthentication" | "forwardx11trusted" | "forwardx11",
            ) => true,
            Some("host") => words.eq(["*"]),
            Some("include") => words.all(|word| word.starts_with("/etc/ssh/ssh_config.d/")),
            _ => false,
        }
    };
    text.lines().chain(included.iter().flat_map(|text| text.lines())).all(harmless)
}

/// The home of who runs this program.
pub fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

/// Asks OpenSSH; `None` where there is no such program.
fn resolve(
    words: &[String],
    address: &str,
    port: Option<u16>,
    user: Option<&str>,
    ssh: &str,
) -> Result<Option<Settings>, String> {
    let mut arguments: Vec<String> = words.to_vec();
    arguments.extend(port.map(|port| format!("-oPort={port}")));
    arguments.extend(user.map(|user| format!("-oUser={user}")));
    arguments.extend(["--".to_owned(), address.to_owned()]);
    let Some(effective) = run_g(ssh, &arguments)? else { return Ok(None) };
    // What OpenSSH would do with no configuration at all.
    static DEFAULTS: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let defaults = DEFAULTS.get_or_init(|| {
        let arguments = ["-F", "none", "--", "host.invalid"].map(String::from);
        run_g(ssh, &arguments).ok().flatten().unwrap_or_default()
    });
    Ok(Some(differences(effective, defaults)))
}

fn run_g(ssh: &str, arguments: &[String]) -> Result<Option<Vec<(String, String)>>, String> {
    let output = Command::new(ssh).arg("-G").args(arguments).stdin(Stdio::null()).output();
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot run {ssh}: {error}")),
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            let pairs = text.lines().filter_map(|line| line.split_once(' '));
            Ok(Some(pairs.map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned())).collect()))
        }
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// What was configured: the lines that are not among the defaults. The names are always told.
fn differences(effective: Vec<(String, String)>, defaults: &[(String, String)]) -> Settings {
    let mut settings = Settings::default();
    // The default key files are a list; where it is not the default one, all of it counts.
    let list = |pairs: &[(String, String)]| -> Vec<String> {
        pairs.iter().filter(|(key, _)| key == "identityfile").map(|(_, value)| value.clone()).collect()
    };
    let own_keys = list(&effective) != list(defaults);
    for (key, value) in effective {
        let told = match key.as_str() {
            "hostname" | "user" | "port" => true,
            "host" => false,
            "identityfile" => own_keys,
            _ => !defaults.iter().any(|(other, default)| *other == key && *default == value),
        };
        if told {
            settings.add(&key, &value);
        }
    }
    settings
}

/// Expands `~` and the tokens that OpenSSH leaves in file names.
pub fn expand(path: &str, tokens: &[(char, &str)]) -> PathBuf {
    let home = home().unwrap_or_default();
    let mut text = String::new();
    let mut characters = path.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('%') | None => text.push('%'),
            Some('d') => text.push_str(&home.to_string_lossy()),
            Some(token) => match tokens.iter().find(|(name, _)| *name == token) {
                Some((_, value)) => text.push_str(value),
                None => text.extend(['%', token]),
            },
        }
    }
    match text.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => Path::new(&text).to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Words {
        read_words(&line.split('|').map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn how_long_a_host_may_be_silent() {
        for (words, seconds) in [
            ("", 30),
            ("-oServerAliveInterval=0", 30),
            ("-oServerAliveInterval=60", 180),
            ("-oServerAliveInterval=15 -oServerAliveCountMax=20", 300),
            ("-oServerAliveInterval=1 -oServerAliveCountMax=1", 5),
        ] {
            let words: Vec<String> = words.split_whitespace().map(String::from).collect();
            let found = silence(&read_words(&words).settings);
            assert_eq!(found, Duration::from_secs(seconds), "{words:?}");
        }
    }

    #[test]
    fn words_in_all_their_forms() {
        let table = [
            ("-o|Port=22", "port", "22"),
            ("-oPort=22", "port", "22"),
            ("-o|Port 22", "port", "22"),
            ("-o|port = 22", "port", "22"),
            ("-o|User=\"a b\"", "user", "a b"),
            ("-p|22", "port", "22"),
            ("-p22", "port", "22"),
            ("-vvvCp22", "port", "22"),
            ("-i|~/.ssh/x", "identityfile", "~/.ssh/x"),
            ("-J|a,b", "proxyjump", "a,b"),
            ("-C", "compression", "yes"),
            ("-4", "addressfamily", "inet"),
            ("-o|Port=1|-o|Port=2", "port", "1"),
        ];
        for (line, keyword, value) in table {
            let read = read(line);
            assert_eq!(read.settings.get(keyword), Some(value), "{line}");
            assert!(read.unknown.is_empty(), "{line}");
        }
        assert_eq!(read("-i|a|-i|b").settings.all("identityfile"), ["a", "b"]);
        assert_eq!(read("-F|none").configuration.as_deref(), Some("none"));
        assert_eq!(read("-Y|-W|h:1|-o|x").unknown, ["-Y", "-W", "-o x"]);
    }

    #[test]
    fn distributions_defaults_are_trivial() {
        let debian = "# comment\nInclude /etc/ssh/ssh_config.d/*.conf\nHost *\n   #   Port 22\n    SendEnv LANG LC_*\n    HashKnownHosts yes\n    GSSAPIAuthentication yes\n";
        assert!(is_trivial(debian, &[]));
        assert!(is_trivial(debian, &["Host *\n".into()]));
        assert!(!is_trivial(debian, &["Host bastion\n".into()]));
        assert!(!is_trivial("Include ~/x", &[]));
        assert!(!is_trivial("ProxyCommand none", &[]));
    }

    #[test]
    fn only_what_was_configured_counts() {
        let pairs = |text: &str| -> Vec<(String, String)> {
            text.lines().filter_map(|line| line.split_once(' ')).map(|(k, v)| (k.into(), v.into())).collect()
        };
        let defaults = pairs("port 22\nuser root\nbatchmode no\nidentityfile ~/.ssh/id_rsa");
        let same =
            differences(pairs("port 22\nuser root\nbatchmode no\nidentityfile ~/.ssh/id_rsa"), &defaults);
        assert_eq!(same.keywords().collect::<Vec<_>>(), ["port", "user"]);
        let other =
            differences(pairs("batchmode yes\nidentityfile ~/x\nidentityfile ~/.ssh/id_rsa"), &defaults);
        assert_eq!(other.all("identityfile"), ["~/x", "~/.ssh/id_rsa"]);
        assert!(other.is_on("batchmode"));
    }

    #[test]
    fn tokens_in_file_names() {
        let tokens = [('h', "web"), ('r', "ann")];
        assert_eq!(expand("/k/%r@%h%%", &tokens), PathBuf::from("/k/ann@web%"));
        assert_eq!(expand("/k/%z", &tokens), PathBuf::from("/k/%z"));
        if let Some(home) = home() {
            assert_eq!(expand("~/.ssh/x", &tokens), home.join(".ssh/x"));
            assert_eq!(expand("%d/x", &tokens), home.join("x"));
        }
    }
}
