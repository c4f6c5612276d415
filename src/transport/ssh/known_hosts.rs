//! `known_hosts`: which keys a host may have.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the files say about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Known,
    /// No key of that type; `others` names the types that are known.
    Unknown {
        others: Vec<String>,
    },
    /// Another key of that type is known.
    Changed {
        file: PathBuf,
        line: usize,
    },
    Revoked {
        file: PathBuf,
        line: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    None,
    Revoked,
    Authority,
}

#[derive(Debug)]
enum Names {
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
    Patterns(Vec<String>),
}

#[derive(Debug)]
struct Entry {
    file: PathBuf,
    line: usize,
    marker: Marker,
    names: Names,
    kind: String,
    key: Vec<u8>,
}

/// Everything in the known_hosts files of a connection.
#[derive(Debug, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

/// How a host is named in the files.
pub fn name_of(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

impl KnownHosts {
    /// Reads files; one that is not there is empty. Lines that make no sense are passed over, as OpenSSH does.
    pub fn load(files: &[PathBuf]) -> Self {
        let mut known = Self::default();
        for file in files {
            if let Ok(text) = std::fs::read(file) {
                known.read(file, &String::from_utf8_lossy(&text));
            }
        }
        known
    }

    fn read(&mut self, file: &Path, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace().peekable();
            let marker = match words.peek() {
                Some(&"@revoked") => Marker::Revoked,
                Some(&"@cert-authority") => Marker::Authority,
                Some(word) if word.starts_with('#') || word.starts_with('@') => continue,
                Some(_) => Marker::None,
                None => continue,
            };
            if marker != Marker::None {
                words.next();
            }
            let (Some(names), Some(kind), Some(key)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Some(names) = Names::parse(names) else { continue };
            let Some(key) = decode(key) else { continue };
            let (file, line, kind) = (file.to_path_buf(), index + 1, kind.to_owned());
            self.entries.push(Entry { file, line, marker, names, kind, key });
        }
    }

    /// The types of the keys that a host may show, each once.
    pub fn kinds(&self, host: &str, port: u16) -> Vec<String> {
        let mut kinds: Vec<String> = Vec::new();
        let names = [name_of(host, port), host.to_ascii_lowercase()];
        for entry in names.iter().flat_map(|name| self.matching(name)).filter(|e| e.marker == Marker::None) {
            if !kinds.contains(&entry.kind) {
                kinds.push(entry.kind.clone());
            }
        }
        kinds
    }

    /// Whether keys signed by an authority are accepted for a host.
    pub fn has_authority(&self, host: &str, port: u16) -> bool {
        self.matching(&name_of(host, port)).any(|entry| entry.marker == Marker::Authority)
    }

    /// Judges a key. As with OpenSSH, a key known for the name without a port serves for all ports.
    pub fn check(&self, host: &str, port: u16, kind: &str, key: &[u8]) -> Verdict {
        match self.check_name(&name_of(host, port), kind, key) {
            Verdict::Unknown { others } if port != 22 => {
                match self.check_name(&name_of(host, 22), kind, key) {
                    found @ (Verdict::Known | Verdict::Revoked { .. }) => found,
                    _ => Verdict::Unknown { others },
                }
            }
            verdict => verdict,
        }
    }

    fn check_name(&self, name: &str, kind: &str, key: &[u8]) -> Verdict {
        let at = |entry: &Entry| (entry.file.clone(), entry.line);
        let mut others: Vec<String> = Vec::new();
        let mut known = false;
        let mut changed = None;
        for entry in self.matching(name) {
            match entry.marker {
                Marker::Revoked if entry.key == key => {
                    let (file, line) = at(entry);
                    return Verdict::Revoked { file, line };
                }
                Marker::None if entry.key == key => known = true,
                Marker::None if entry.kind == kind => changed = changed.or(Some(at(entry))),
                Marker::None if !others.contains(&entry.kind) => others.push(entry.kind.clone()),
                _ => {}
            }
        }
        match changed {
            _ if known => Verdict::Known,
            Some((file, line)) => Verdict::Changed { file, line },
            None => Verdict::Unknown { others },
        }
    }

    fn matching<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.names.matches(name))
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()
}

impl Names {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("|1|") {
            Some(hashed) => {
                let (salt, hash) = hashed.split_once('|')?;
                Some(Self::Hashed { salt: decode(salt)?, hash: decode(hash)? })
            }
            None => Some(Self::Patterns(text.split(',').map(str::to_ascii_lowercase).collect())),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => digest(salt, name).is_some_and(|digest| digest == *hash),
            Self::Patterns(patterns) => {
                let hit = |pattern: &str| glob(pattern.as_bytes(), name.as_bytes());
                !patterns.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(hit)
                    && patterns.iter().filter(|pattern| !pattern.starts_with('!')).any(|pattern| hit(pattern))
            }
        }
    }
}

fn digest(salt: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    mac.update(name.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

/// `*` and `?`; everything else is itself, brackets included (`[host]:port`).
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
        Some((b'?', rest)) => !text.is_empty() && glob(rest, &text[1..]),
        Some((byte, rest)) => text.first() == Some(byte) && glob(rest, &text[1..]),
    }
}

/// Adds a key to a file, which is made if need be.
///
/// # Errors
/// Why it cannot be written.
pub fn append(file: &Path, host: &str, port: u16, kind: &str, key: &[u8], hashed: bool) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut name = name_of(host, port);
    if hashed {
        let mut salt = [0u8; 20];
        rustix::rand::getrandom(&mut salt, rustix::rand::GetRandomFlags::empty())?;
        if let Some(hash) = digest(&salt, &name) {
            name = format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash));
        }
    }
    // A file without a newline at its end would swallow the line. One write, so that others that append at the
    // same time do not mix theirs in.
    let open_end = std::fs::read(file).is_ok_and(|text| text.last().is_some_and(|byte| *byte != b'\n'));
    let line = format!("{}{name} {kind} {}\n", if open_end { "\n" } else { "" }, STANDARD.encode(key));
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file)?.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> KnownHosts {
        let mut known = KnownHosts::default();
        known.read(Path::new("known_hosts"), text);
        known
    }

    #[test]
    fn verdicts() {
        let (a, b) = (STANDARD.encode("key a"), STANDARD.encode("key b"));
        let changed = Verdict::Changed { file: "known_hosts".into(), line: 1 };
        let revoked = Verdict::Revoked { file: "known_hosts".into(), line: 1 };
        let unknown =
            |others: &[&str]| Verdict::Unknown { others: others.iter().map(|s| (*s).into()).collect() };
        let table = [
            (format!("web ssh-ed25519 {a}"), "web", 22, Verdict::Known),
            (format!("web ssh-ed25519 {a} comment"), "WEB", 22, Verdict::Known),
            (format!("web ssh-ed25519 {}", a.trim_end_matches('=')), "web", 22, Verdict::Known),
            (format!("web ssh-ed25519 {b}"), "web", 22, changed.clone()),
            (format!("web ssh-ed25519 {b}\nweb ssh-ed25519 {a}"), "web", 22, Verdict::Known),
            (format!("web ssh-rsa {b}"), "web", 22, unknown(&["ssh-rsa"])),
            (format!("other ssh-ed25519 {a}"), "web", 22, unknown(&[])),
            (format!("[web]:2222 ssh-ed25519 {a}"), "web", 2222, Verdict::Known),
            (format!("[web]:2222 ssh-ed25519 {a}"), "web", 22, unknown(&[])),
            (format!("web ssh-ed25519 {a}"), "web", 2222, Verdict::Known),
            (format!("web ssh-ed25519 {b}"), "web", 2222, unknown(&[])),
            (format!("[web]:2222 ssh-ed25519 {b}\nweb ssh-ed25519 {a}"), "web", 2222, changed.clone()),
            (format!("x,w?b,*.example ssh-ed25519 {a}"), "web", 22, Verdict::Known),
            (format!("*.example,!bad.example ssh-ed25519 {a}"), "bad.example", 22, unknown(&[])),
            (format!("@revoked * ssh-ed25519 {a}\nweb ssh-ed25519 {a}"), "web", 22, revoked),
            (format!("@cert-authority * ssh-ed25519 {a}"), "web", 22, unknown(&[])),
            (
                format!("# web ssh-ed25519 {a}\n\nweb ssh-ed25519\nweb ssh-ed25519 ???"),
                "web",
                22,
                unknown(&[]),
            ),
        ];
        for (text, host, port, verdict) in table {
            assert_eq!(known(&text).check(host, port, "ssh-ed25519", b"key a"), verdict, "{text}");
        }
    }

    #[test]
    fn hashed_names() {
        // Made with `ssh-keygen -H` for `web` and `[web]:2222`.
        let salt = STANDARD.encode([7u8; 20]);
        let line = |name: &str| {
            let hash = STANDARD.encode(digest(&[7; 20], name).expect("any salt will do"));
            format!("|1|{salt}|{hash} ssh-ed25519 {}", STANDARD.encode("key a"))
        };
        assert_eq!(known(&line("web")).check("Web", 22, "ssh-ed25519", b"key a"), Verdict::Known);
        assert_eq!(known(&line("[web]:2222")).check("web", 2222, "ssh-ed25519", b"key a"), Verdict::Known);
        assert_ne!(known(&line("web")).check("wet", 22, "ssh-ed25519", b"key a"), Verdict::Known);
    }

    #[test]
    fn appended_lines_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new/known_hosts");
        append(&file, "web", 22, "ssh-ed25519", b"key a", false).expect("a new file");
        std::fs::write(&file, std::fs::read_to_string(&file).expect("the file").trim_end())
            .expect("no newline");
        append(&file, "web", 2222, "ssh-ed25519", b"key b", true).expect("a second line");
        let known = KnownHosts::load(&[file]);
        assert_eq!(known.check("web", 22, "ssh-ed25519", b"key a"), Verdict::Known);
        assert_eq!(known.check("web", 2222, "ssh-ed25519", b"key b"), Verdict::Known);
        assert_eq!(known.kinds("web", 2222), ["ssh-ed25519"]);
    }
}
