//! File modes: octal numbers and `chmod`'s symbolic language.

use super::Failure;
use crate::value::{Value, py_str};

/// A mode as an argument gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModeArg {
    Bits(u32),
    /// `u=rw,g+r,o-w`: depends on the mode the file has.
    Symbolic(String),
}

const INVALID: &str = "mode must be in octal or symbolic form";

impl ModeArg {
    /// Reads a `mode` argument: a number is the mode itself (YAML has read its octal), a text is octal or symbolic.
    ///
    /// # Errors
    /// Ansible's sentence.
    pub fn parse(value: &Value) -> Result<Self, Failure> {
        let bad = |why: String| Failure::new(INVALID).with("details", why);
        let (bits, text) = match value {
            Value::Int(bits) => (Some(*bits), bits.to_string()),
            other => {
                let text = py_str(other).trim().to_owned();
                let digits = text.strip_prefix("0o").unwrap_or(&text);
                (i64::from_str_radix(digits, 8).ok(), text)
            }
        };
        match bits {
            // Higher bits (a mode as git writes it) say nothing about permissions, and `chmod` drops them.
            Some(bits @ 0..) => Ok(Self::Bits((bits & 0o7777) as u32)),
            Some(_) => Err(bad(format!("bad symbolic permission for mode: {text}"))),
            None => {
                symbolic(&text, 0, false, 0).map_err(bad)?;
                Ok(Self::Symbolic(text))
            }
        }
    }

    /// The mode that a file of mode `current` should have.
    pub fn bits(&self, current: u32, directory: bool, umask: u32) -> u32 {
        match self {
            Self::Bits(bits) => *bits,
            // The text was checked when it was read.
            Self::Symbolic(text) => symbolic(text, current, directory, umask).unwrap_or(current),
        }
    }
}

/// Applies a symbolic mode to `mode`.
fn symbolic(text: &str, mut mode: u32, directory: bool, umask: u32) -> Result<u32, String> {
    for clause in text.split(',') {
        let bad = || format!("bad symbolic permission for mode: {clause}");
        let who_end = clause.find(|c| !"ugoa".contains(c)).ok_or_else(bad)?;
        let (who, mut rest) = clause.split_at(who_end);
        // Without a `who` the umask has its say.
        let (who, masked) = if who.is_empty() { ("a", umask) } else { (who, 0) };
        let who = if who.contains('a') { "ugo" } else { who };
        while !rest.is_empty() {
            let (operator, after) = rest.split_at(1);
            if !"-+=".contains(operator) {
                return Err(bad());
            }
            let end = after.find(['-', '+', '=']).unwrap_or(after.len());
            let (permissions, next) = after.split_at(end);
            let bits: u32 = who
                .chars()
                .map(|user| granted(user, permissions, mode, directory).ok_or_else(bad))
                .sum::<Result<u32, String>>()?
                & !masked;
            mode = match operator {
                "+" => mode | bits,
                "-" => mode & !bits,
                _ => mode & !who.chars().map(|user| reach(user) & !masked).sum::<u32>() | bits,
            };
            rest = next;
        }
    }
    Ok(mode)
}

/// All bits that belong to a class.
fn reach(user: char) -> u32 {
    match user {
        'u' => 0o4700,
        'g' => 0o2070,
        _ => 0o1007,
    }
}

fn shift(user: char) -> u32 {
    match user {
        'u' => 6,
        'g' => 3,
        _ => 0,
    }
}

/// What `permissions` mean for one class; `None` if they mean nothing.
fn granted(user: char, permissions: &str, mode: u32, directory: bool) -> Option<u32> {
    if let "u" | "g" | "o" = permissions {
        let other = shift(permissions.chars().next()?);
        return Some(((mode >> other) & 7) << shift(user));
    }
    let mut bits = 0;
    for permission in permissions.chars() {
        bits |= match permission {
            'r' => 4 << shift(user),
            'w' => 2 << shift(user),
            'x' => 1 << shift(user),
            'X' if directory || mode & 0o111 != 0 => 1 << shift(user),
            'X' => 0,
            's' => reach(user) & 0o6000,
            't' => reach(user) & 0o1000,
            _ => return None,
        };
    }
    Some(bits)
}

/// A mode as results show it (`0644`, `01777`).
pub fn text(mode: u32) -> String {
    format!("0{:03o}", mode & 0o7777)
}

/// The umask of this process.
pub fn umask() -> u32 {
    // Asking the kernel with `umask` would change it for a moment, for all threads.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|value| u32::from_str_radix(value.trim(), 8).ok()).unwrap_or(0o022)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_chmods() {
        let cases: &[(&str, u32, bool, u32)] = &[
            ("0644", 0, false, 0o644),
            ("644", 0, false, 0o644),
            ("1777", 0, true, 0o1777),
            ("0o600", 0, false, 0o600),
            ("100644", 0, false, 0o644),
            ("u=rw,g=r,o=", 0o777, false, 0o640),
            ("u=rwX,g=rX,o=", 0o666, false, 0o640),
            ("u=rwX,g=rX,o=", 0o666, true, 0o750),
            ("u+x,g+X", 0o644, false, 0o754),
            ("+x", 0o644, false, 0o755),
            ("+w", 0o444, false, 0o644),
            ("a+w", 0o444, false, 0o666),
            ("g+s", 0o755, true, 0o2755),
            ("+t", 0o777, true, 0o1777),
            ("g=u", 0o640, false, 0o660),
            ("o-rwx", 0o757, false, 0o750),
            ("ug=rw,o=r", 0, false, 0o664),
            ("u=rw+x", 0, false, 0o700),
        ];
        for (text, current, directory, expected) in cases {
            let mode = ModeArg::parse(&Value::str(text)).expect("a mode");
            let bits = mode.bits(*current, *directory, 0o022);
            assert_eq!(bits, *expected, "{text} on {current:o}: {bits:o}");
        }
        assert_eq!(ModeArg::parse(&Value::Int(420)).ok(), Some(ModeArg::Bits(0o644)));
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["u=y", "0999", "rw", "u", "", "u=rw,", "q+r"] {
            let failure = ModeArg::parse(&Value::str(text)).expect_err(text);
            assert_eq!(failure.msg, INVALID);
        }
        assert!(ModeArg::parse(&Value::Int(-1)).is_err());
    }
}
