//! The password file: hashes and their ages.

use crate::modules::kit::{Failure, Probe};

/// A line of `/etc/shadow`; numbers are days, `None` where nothing is set.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Shadow {
    pub hash: String,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub warn: Option<i64>,
    pub inactive: Option<i64>,
    pub expires: Option<i64>,
}

/// The line of a user; `None` if there is none, or it may not be read.
///
/// # Errors
/// When the file cannot be read for another reason than missing rights.
pub fn of(host: &Probe, name: &str) -> Result<Option<Shadow>, Failure> {
    match host.read("/etc/shadow") {
        Ok(content) => {
            let content = content.unwrap_or_default();
            Ok(find(&String::from_utf8_lossy(&content), name))
        }
        Err(_) if !rustix::process::geteuid().is_root() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn find(text: &str, name: &str) -> Option<Shadow> {
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    let fields: Vec<&str> = line.split(':').collect();
    let number = |n: usize| fields.get(n).and_then(|field| field.parse().ok());
    Some(Shadow {
        hash: (*fields.get(1)?).to_owned(),
        min: number(3),
        max: number(4),
        warn: number(5),
        inactive: number(6),
        expires: number(7),
    })
}

/// Why a text is no hash that a system would take for one; `None` if it looks like one.
pub fn looks_plain(hash: &str) -> bool {
    if hash.is_empty() || matches!(hash, "*" | "!" | "!!" | "x" | "*************") {
        return false;
    }
    let body = hash.trim_start_matches('!');
    let is_hash_char = |c: char| c.is_ascii_alphanumeric() || "./".contains(c);
    match body.strip_prefix('$') {
        Some(rest) => {
            let fields: Vec<&str> = rest.split('$').collect();
            let digest = fields.last().copied().unwrap_or_default();
            let wanted = match fields.first().copied() {
                Some("1") => 22,
                Some("5") => 43,
                Some("6") => 86,
                // bcrypt, yescrypt and what comes after them: anything in that form.
                _ => return fields.len() < 2,
            };
            fields.len() < 3 || digest.len() != wanted || !digest.chars().all(is_hash_char)
        }
        None => !(body.len() == 13 && body.chars().all(is_hash_char)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let text = "root:*:19000:0:99999:7:::\nada:$6$x$y:20000:2:10:3:5:21915:\n";
        let ada = find(text, "ada").expect("she is there");
        assert_eq!((ada.hash.as_str(), ada.min, ada.max), ("$6$x$y", Some(2), Some(10)));
        assert_eq!((ada.warn, ada.inactive, ada.expires), (Some(3), Some(5), Some(21915)));
        assert_eq!(find(text, "ad"), None);
        assert_eq!(find(text, "root").and_then(|root| root.expires), None);
    }

    #[test]
    fn plain_texts_are_noticed() {
        assert!(looks_plain("secret"));
        assert!(looks_plain("$6$abc$def"));
        assert!(!looks_plain("!"));
        assert!(!looks_plain(&format!("$6$salt${}", "a".repeat(86))));
        assert!(!looks_plain(&format!("!$5$rounds=5000$salt${}", "a".repeat(43))));
        assert!(!looks_plain("$2b$12$abcdefghijklmnopqrstuv"));
        assert!(!looks_plain("$y$j9T$abc$def"));
    }
}
