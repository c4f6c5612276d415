//! A setting's text to its value.

use super::{Kind, Surroundings};
use crate::value::{Value, str_repr};
use std::path::{Component, Path, PathBuf};

/// Why a text is not a value of a setting's kind.
pub enum Invalid {
    /// In Ansible's words.
    Type(String),
    Choice {
        given: String,
        valid: &'static [&'static str],
    },
}

/// `base` is the folder that relative paths start from.
pub fn convert(kind: Kind, text: &str, base: &Path, around: &Surroundings) -> Result<Value, Invalid> {
    let wrong =
        |word: &str| Err(Invalid::Type(format!("Invalid value provided for '{word}': {}", str_repr(text))));
    Ok(match kind {
        // Anything that is not true is false, without complaint.
        Kind::Bool => Value::Bool(Value::str(unquote(text)).ansible_bool().unwrap_or(false)),
        Kind::Int => match unquote(text).trim().parse::<f64>() {
            Ok(number) if number.fract() == 0.0 && number.abs() < 9e15 => Value::Int(number as i64),
            _ => return wrong("integer"),
        },
        Kind::Float => match unquote(text).trim().parse::<f64>() {
            Ok(number) => Value::Float(number),
            Err(_) => return wrong("float"),
        },
        Kind::Str => Value::str(unquote(text)),
        Kind::Choice(valid) => {
            let given = unquote(text);
            if !valid.contains(&given) {
                return Err(Invalid::Choice { given: given.to_owned(), valid });
            }
            Value::str(given)
        }
        Kind::List => {
            Value::list(unquote(text).split(',').map(|item| Value::str(unquote(item.trim()))).collect())
        }
        Kind::Path => Value::from(path(unquote(text), base, around)),
        Kind::PathSpec => paths(unquote(text), ':', base, around),
        Kind::PathList => paths(unquote(text), ',', base, around),
    })
}

fn paths(text: &str, separator: char, base: &Path, around: &Surroundings) -> Value {
    Value::list(text.split(separator).map(|item| Value::from(path(item.trim(), base, around))).collect())
}

/// An absolute path: `~`, `$NAME` and `{{CWD}}` replaced, `.` and `..` resolved as text.
fn path(text: &str, base: &Path, around: &Surroundings) -> String {
    let mut clean = PathBuf::new();
    for part in base.join(expand(text, around)).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean.to_string_lossy().into_owned()
}

/// `~` and `~/` at the start, `$NAME` and `${NAME}` anywhere, `{{CWD}}`.
pub fn expand(text: &str, around: &Surroundings) -> PathBuf {
    let text = text.replace("{{CWD}}", &around.working_directory.to_string_lossy());
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, length) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        match around.variables.get(name) {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[at..at + 1 + length]),
        }
        rest = &after[length..];
    }
    out.push_str(rest);
    match out.strip_prefix('~') {
        Some("") => around.home.clone(),
        Some(below) if below.starts_with('/') => around.home.join(below.trim_start_matches('/')),
        _ => PathBuf::from(out),
    }
}

/// Without one pair of quotes around it.
pub fn unquote(text: &str) -> &str {
    crate::source::args::unquote(text)
}
