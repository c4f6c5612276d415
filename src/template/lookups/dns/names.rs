//! Domain names as texts, with the escapes of zone files.

use crate::certificate::idna;
use domain::base::name::Name;

/// A name as it was asked for: its labels, and whether it ends with a dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    labels: Vec<Vec<u8>>,
    pub absolute: bool,
}

/// Why a text is no name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("A DNS label is empty.")]
    Empty,
    #[error("A DNS label is > 63 octets long.")]
    LongLabel,
    #[error("A DNS name is > 255 octets long.")]
    Long,
    #[error("An escaped code in a text format of DNS name is invalid.")]
    Escape,
    #[error("{0}")]
    Idna(String),
}

impl Asked {
    /// Reads a name; letters beyond ASCII are coded.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let coded = idna::to_ascii(text).map_err(Wrong::Idna)?;
        let mut labels = vec![Vec::new()];
        let mut bytes = coded.bytes();
        while let Some(byte) = bytes.next() {
            let label = labels.last_mut().ok_or(Wrong::Empty)?;
            match byte {
                b'.' => labels.push(Vec::new()),
                b'\\' => match bytes.next() {
                    Some(digit) if digit.is_ascii_digit() => {
                        let mut digits = vec![digit];
                        digits.extend(bytes.by_ref().take(2));
                        let number = std::str::from_utf8(&digits).ok().filter(|digits| digits.len() == 3);
                        label.push(number.and_then(|digits| digits.parse().ok()).ok_or(Wrong::Escape)?);
                    }
                    Some(other) => label.push(other),
                    None => return Err(Wrong::Escape),
                },
                other => label.push(other),
            }
        }
        if coded == "." || coded.is_empty() {
            return Ok(Self { labels: Vec::new(), absolute: coded == "." });
        }
        let absolute = labels.len() > 1 && labels.last().is_some_and(Vec::is_empty);
        if absolute {
            labels.pop();
        }
        if labels.iter().any(Vec::is_empty) {
            return Err(Wrong::Empty);
        }
        if labels.iter().any(|label| label.len() > 63) {
            return Err(Wrong::LongLabel);
        }
        let asked = Self { labels, absolute };
        asked.wire().map(|_| asked)
    }

    /// The name above all.
    pub fn root() -> Self {
        Self { labels: Vec::new(), absolute: true }
    }

    /// How many labels it has, without the root.
    pub fn depth(&self) -> usize {
        self.labels.len()
    }

    /// This name below another.
    pub fn below(&self, suffix: &Self) -> Self {
        Self { labels: self.labels.iter().chain(&suffix.labels).cloned().collect(), absolute: true }
    }

    /// The whole name, as it is sent.
    pub fn wire(&self) -> Result<Name<Vec<u8>>, Wrong> {
        let mut bytes = Vec::new();
        for label in &self.labels {
            bytes.push(u8::try_from(label.len()).map_err(|_| Wrong::LongLabel)?);
            bytes.extend(label);
        }
        bytes.push(0);
        Name::from_octets(bytes).map_err(|_| Wrong::Long)
    }

    /// The whole name as a text.
    pub fn text(&self) -> String {
        text(self.labels.iter().map(Vec::as_slice))
    }
}

/// A name as a text that ends with a dot.
pub fn text<'a>(labels: impl Iterator<Item = &'a [u8]>) -> String {
    let mut out = String::new();
    for label in labels.filter(|label| !label.is_empty()) {
        for byte in label {
            match byte {
                b'"' | b'(' | b')' | b'.' | b';' | b'\\' | b'@' | b'$' => {
                    out.extend(['\\', char::from(*byte)])
                }
                0x21..=0x7e => out.push(char::from(*byte)),
                _ => out.push_str(&format!("\\{byte:03}")),
            }
        }
        out.push('.');
    }
    if out.is_empty() { ".".into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        for (given, shown, absolute) in [
            ("example.org", "example.org.", false),
            ("example.org.", "example.org.", true),
            (".", ".", true),
            ("", ".", false),
            ("a\\.b.c", "a\\.b.c.", false),
            ("sp ace.x", "sp\\032ace.x.", false),
            ("\\200\\\\x", "\\200\\\\x.", false),
            ("bücher.de", "xn--bcher-kva.de.", false),
        ] {
            let name = Asked::parse(given).expect(given);
            assert_eq!((name.text().as_str(), name.absolute), (shown, absolute), "{given}");
        }
        for (given, wrong) in [
            ("a..b", Wrong::Empty),
            ("..", Wrong::Empty),
            (".a", Wrong::Empty),
            (&"a".repeat(64), Wrong::LongLabel),
            (&"a.".repeat(128), Wrong::Long),
            ("a\\", Wrong::Escape),
            ("a\\1x", Wrong::Escape),
            ("a\\999", Wrong::Escape),
        ] {
            assert_eq!(Asked::parse(given), Err(wrong), "{given}");
        }
    }
}
