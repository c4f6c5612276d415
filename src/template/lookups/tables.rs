//! Lookups in tables: what their terms have in common, and CSV files.

use super::Lookup;
use super::files::find_or_fail;
use crate::source::args::{parse_kv, split_args};
use crate::template::object::{Res, V, failed, text};

/// A term: its key, and the options that it or the call gives.
pub struct Term {
    pub key: String,
    options: Vec<(String, V)>,
}

impl Term {
    /// Takes a term apart. Text with `name=value` in it carries options of its own; all else in it is the key.
    ///
    /// # Errors
    /// An option that is not among `known`; a term that cannot be split.
    pub fn new(term: &str, known: &[&str], lookup: &Lookup) -> Res<Self> {
        let mut options = Vec::new();
        let mut key = Vec::new();
        for word in split_args(term).map_err(failed)? {
            match word.split_once('=') {
                Some((name, _))
                    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
                {
                    if !known.contains(&name) {
                        return Err(failed(format!("'{name}' is not a valid option")));
                    }
                    for (name, value) in parse_kv(&word, false).map_err(failed)? {
                        options.push((name, V::from(value)));
                    }
                }
                _ => key.push(word),
            }
        }
        let key = if options.is_empty() { term.to_owned() } else { key.join(" ").trim_end().to_owned() };
        // What the term says goes before what the call says.
        options.extend(lookup.options.iter().map(|(name, value)| (name.to_string(), value.clone())));
        Ok(Self { key, options })
    }

    pub fn get(&self, name: &str) -> Option<&V> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Res<Option<String>> {
        self.get(name).map(text).transpose()
    }

    pub fn flag(&self, name: &str) -> Res<Option<bool>> {
        match self.get(name) {
            Some(V::Bool(flag)) => Ok(Some(*flag)),
            Some(value) => Ok(value.to_value()?.ansible_bool()),
            None => Ok(None),
        }
    }
}

/// The content of a file in `encoding` (a name Python knows).
///
/// # Errors
/// It cannot be read, or is not in that encoding.
pub fn read(path: &std::path::Path, encoding: &str) -> Res<String> {
    let bytes = std::fs::read(path).map_err(|error| failed(format!("{}: {error}", path.display())))?;
    if matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "utf8") {
        return String::from_utf8(bytes).map_err(|_| {
            failed(format!("{} is not UTF-8; its encoding can be named with encoding=", path.display()))
        });
    }
    crate::template::encodings::decode(&bytes, encoding)
}

pub fn csvfile(lookup: &mut Lookup) -> Res<Vec<V>> {
    const KNOWN: &[&str] = &["col", "keycol", "default", "delimiter", "file", "encoding"];
    let mut out = Vec::new();
    let terms = lookup.texts()?;
    if terms.is_empty() {
        return Err(failed("Search key is required but was not found"));
    }
    for term in terms {
        let term = Term::new(&term, KNOWN, lookup)?;
        if term.key.is_empty() {
            return Err(failed("Search key is required but was not found"));
        }
        let delimiter = match &*term.text("delimiter")?.unwrap_or_else(|| "TAB".into()) {
            "TAB" | "t" | "\\t" => '\t',
            other => other.chars().next().unwrap_or('\t'),
        };
        let (column, key_column) = (index(&term, "col", 1)?, index(&term, "keycol", 0)?);
        let name = term.text("file")?.unwrap_or_else(|| "ansible.csv".into());
        let path = find_or_fail(lookup, "files", &V::str(&name)).map_err(|_| {
            failed(format!("No such file or directory: '{name}' is nowhere in the search path"))
        })?;
        let content = read(&path, &term.text("encoding")?.unwrap_or_else(|| "utf-8".into()))?;
        let found = rows(&content, delimiter).into_iter().find(|row| row.get(key_column) == Some(&term.key));
        match found {
            Some(row) => {
                let cell = row.get(column).ok_or_else(|| failed("list index out of range"))?;
                out.push(V::str(cell));
            }
            None => match term.get("default") {
                Some(many @ (V::List(_) | V::Tuple(_))) => out.extend(many.items()?),
                Some(default) => out.push(default.clone()),
                None => {}
            },
        }
    }
    Ok(out)
}

fn index(term: &Term, name: &str, default: usize) -> Res<usize> {
    let Some(text) = term.text(name)? else { return Ok(default) };
    text.parse().map_err(|_| {
        failed(format!(
            "Config '{name}' for 'csvfile' lookup plugin from 'Direct' has an invalid value: Invalid value provided for 'int': '{text}'"
        ))
    })
}

/// Rows of a CSV text, with quoted cells.
fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(row) = rows.last_mut() else { break };
        let Some(cell) = row.last_mut() else { break };
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            '\n' if !quoted => rows.push(vec![String::new()]),
            '\r' if !quoted => {}
            c if c == delimiter && !quoted => row.push(String::new()),
            c => cell.push(c),
        }
    }
    rows
}
