//! JSON as Python's `json.dumps` writes it.

use super::{Map, Value, float_repr, py_str};
use std::fmt::Write;

/// How JSON text is laid out.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonStyle {
    /// Spaces per level; `None` puts everything on one line (`", "` and `": "` between).
    pub indent: Option<usize>,
    pub sort_keys: bool,
    /// Escape everything outside ASCII.
    pub ascii: bool,
    /// No spaces at all after separators (only without `indent`).
    pub compact: bool,
}

/// One line, keys in order, non-ASCII as it is.
pub fn to_json(value: &Value) -> String {
    write_json(value, JsonStyle::default())
}

/// What Ansible's default callback prints: four spaces, sorted keys.
pub fn to_json_pretty(value: &Value) -> String {
    write_json(value, JsonStyle { indent: Some(4), sort_keys: true, ..JsonStyle::default() })
}

fn write_json(value: &Value, style: JsonStyle) -> String {
    style.write(value)
}

impl JsonStyle {
    pub fn write(self, value: &Value) -> String {
        let mut out = String::new();
        self.value(value, 0, &mut out);
        out
    }

    fn value(self, value: &Value, level: usize, out: &mut String) {
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Value::Int(i) => {
                let _ = write!(out, "{i}");
            }
            Value::Big(digits) => out.push_str(digits),
            Value::Float(f) if f.is_nan() => out.push_str("NaN"),
            Value::Float(f) if f.is_infinite() => {
                out.push_str(if *f > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Value::Float(f) => out.push_str(&float_repr(*f)),
            Value::Str(s) => self.string(s, out),
            Value::Bytes(b) => self.string(&String::from_utf8_lossy(b), out),
            Value::Unknown(_) => out.push_str("\"<unknown>\""),
            Value::List(items) if items.is_empty() => out.push_str("[]"),
            Value::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    self.separate(i, level + 1, out);
                    self.value(item, level + 1, out);
                }
                self.line(level, out);
                out.push(']');
            }
            Value::Map(map) if map.is_empty() => out.push_str("{}"),
            Value::Map(map) => {
                out.push('{');
                for (i, (key, item)) in self.entries(map).into_iter().enumerate() {
                    self.separate(i, level + 1, out);
                    self.string(&key, out);
                    out.push_str(if self.compact { ":" } else { ": " });
                    self.value(item, level + 1, out);
                }
                self.line(level, out);
                out.push('}');
            }
        }
    }

    fn entries(self, map: &Map) -> Vec<(String, &Value)> {
        let key_text = |key: &Value| match key {
            Value::Null => "null".to_owned(),
            Value::Bool(b) => b.to_string(),
            other => py_str(other),
        };
        let mut entries: Vec<_> = map.iter().map(|(key, value)| (key_text(key), value)).collect();
        if self.sort_keys {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
        }
        entries
    }

    fn separate(self, index: usize, level: usize, out: &mut String) {
        if index > 0 {
            out.push(',');
            if self.indent.is_none() && !self.compact {
                out.push(' ');
            }
        }
        self.line(level, out);
    }

    fn line(self, level: usize, out: &mut String) {
        if let Some(width) = self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * level));
        }
    }

    fn string(self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if (c as u32) < 0x20 => {
                    let _ = write!(out, "\\u{:04x}", c as u32);
                }
                c if self.ascii && (!c.is_ascii() || c == '\u{7f}') => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// Reads JSON text.
///
/// # Errors
/// The parser's message with line and column.
pub fn from_json(text: &str) -> Result<Value, String> {
    let value = match serde_json::from_str(text) {
        Ok(value) => value,
        // Python writes these numbers, and reads them.
        Err(error) if text.contains("NaN") || text.contains("Infinity") => {
            let plain = without_odd_numbers(text);
            serde_json::from_str::<Value>(&plain).map_err(|_| error.to_string())?;
            return Exact(text).value().ok_or_else(|| error.to_string());
        }
        Err(error) => return Err(error.to_string()),
    };
    // The parser makes floats of integers beyond 64 bits.
    let mut digits = 0;
    let large = text.bytes().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits == LONG_NUMBER
    });
    Ok(if large { Exact(text).value().unwrap_or(value) } else { value })
}

/// The text with `0` where it says that a number is none or endless: as valid as the text itself.
fn without_odd_numbers(text: &str) -> String {
    let mut out = String::new();
    // What is outside quotes has every other place.
    let mut quoted = false;
    let mut escaped = false;
    let mut plain = String::new();
    let number = |plain: &str| plain.replace("-Infinity", "0").replace("Infinity", "0").replace("NaN", "0");
    for c in text.chars() {
        if c == '"' && !escaped {
            quoted = !quoted;
            out.push_str(&number(&std::mem::take(&mut plain)));
        }
        escaped = c == '\\' && quoted && !escaped;
        if quoted { out.push(c) } else { plain.push(c) }
    }
    out + &number(&plain)
}

/// So many digits may be more than 64 bits hold.
const LONG_NUMBER: usize = 20;

/// Reads JSON that is known to be valid, and keeps all digits of its integers.
struct Exact<'a>(&'a str);

impl<'a> Exact<'a> {
    fn value(&mut self) -> Option<Value> {
        self.blanks();
        match self.0.as_bytes().first()? {
            b'[' => {
                let mut items = Vec::new();
                while self.more(']')? {
                    items.push(self.value()?);
                }
                Some(Value::list(items))
            }
            b'{' => {
                let mut map = Map::new();
                while self.more('}')? {
                    let key = self.value()?;
                    self.blanks();
                    self.take(1);
                    map.insert(key, self.value()?);
                }
                Some(Value::map(map))
            }
            b'"' => {
                let mut escaped = false;
                let end = self.0[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                })?;
                serde_json::from_str(self.take(end + 2)).ok()
            }
            _ => {
                let end = self.0.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(self.0.len());
                let word = self.take(end);
                let odd = match word {
                    "NaN" => Some(f64::NAN),
                    "Infinity" => Some(f64::INFINITY),
                    "-Infinity" => Some(f64::NEG_INFINITY),
                    _ => None,
                };
                if let Some(number) = odd {
                    return Some(Value::Float(number));
                }
                match serde_json::from_str(word).ok()? {
                    Value::Float(_) if !word.contains(['.', 'e', 'E']) => Some(Value::Big(word.into())),
                    value => Some(value),
                }
            }
        }
    }

    fn take(&mut self, count: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    /// Whether another item follows, after the opening bracket or a comma.
    fn more(&mut self, end: char) -> Option<bool> {
        self.blanks();
        if !self.0.starts_with(end) {
            // The opening bracket, or the comma.
            self.take(1);
            self.blanks();
        }
        let ended = self.0.starts_with(end);
        if ended {
            self.take(1);
        }
        (!self.0.is_empty() || ended).then_some(!ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_digits() {
        for text in [
            "123456789012345678901234567890",
            "[-123456789012345678901234567890, 1, []]",
            "{\"a\": [12345678901234567890123, {\"b\\\\\": {}, \"\\\"]\": 18446744073709551616}], \"c\": 9223372036854775808, \"d\": null}",
            "{\"12345678901234567890123\": [true, [[]], \"x,]\", 1.5]}",
        ] {
            assert_eq!(to_json(&from_json(text).expect("it is valid")), text);
        }
        let spaced = from_json(" [ 123456789012345678901234567890 ,\n 2 ] ").expect("it is valid");
        assert_eq!(to_json(&spaced), "[123456789012345678901234567890, 2]");
        assert_eq!(from_json("12345678901234567890123.5"), Ok(Value::Float(1.234_567_890_123_456_8e22)));
        assert!(from_json("[12345678901234567890123").is_err());
        for text in ["[NaN, {\"NaN\": -Infinity, \"a\\\"\": Infinity}, \"NaN\"]", "NaN"] {
            assert_eq!(to_json(&from_json(text).expect("Python reads it")), text);
        }
        for text in ["NaNx", "[NaN NaN]", "-NaN", "[Infinity,]", "\"NaN"] {
            assert!(from_json(text).is_err(), "{text}");
        }
    }
}
