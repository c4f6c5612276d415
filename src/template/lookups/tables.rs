//! Lookups in tables: CSV and INI files.

use super::Lookup;
use super::files::find_or_fail;
use crate::source::args::parse_kv;
use crate::template::object::{Res, V, failed, text};
use crate::template::regex::{self, Flags};

/// The words of a term: a key, and options written as `name=value`.
fn split_term(term: &str, lookup: &Lookup) -> Res<(String, Vec<(String, String)>)> {
    let mut options = Vec::new();
    let mut key = Vec::new();
    for word in term.split_whitespace() {
        match word.split_once('=') {
            Some((name, _)) if name.chars().all(|c| c.is_ascii_alphabetic() || c == '_') => {
                options.extend(parse_kv(word, false).map_err(failed)?);
            }
            _ => key.push(word),
        }
    }
    for (name, value) in &lookup.options {
        options.push((name.to_string(), text(value)?));
    }
    let key = if options.is_empty() { term.to_owned() } else { key.join(" ") };
    Ok((key, options))
}

fn get<'a>(options: &'a [(String, String)], name: &str) -> Option<&'a str> {
    // What the term says goes before what the call says.
    options.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
}

pub fn csvfile(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    for term in lookup.texts()? {
        let (key, options) = split_term(&term, lookup)?;
        if key.is_empty() {
            return Err(failed("Search key is required but was not found"));
        }
        let delimiter = match get(&options, "delimiter").unwrap_or("TAB") {
            "TAB" | "t" | "\\t" => '\t',
            other => other.chars().next().unwrap_or('\t'),
        };
        let index = |name: &str, default: usize| -> Res<usize> {
            get(&options, name).map_or(Ok(default), |text| {
                text.parse().map_err(|_| failed(format!("{name} must be a number, not {text}")))
            })
        };
        let (column, key_column) = (index("col", 1)?, index("keycol", 0)?);
        let name = V::str(get(&options, "file").unwrap_or("ansible.csv"));
        let path = find_or_fail(lookup, "files", &name)?;
        let content = std::fs::read_to_string(&path).map_err(|error| failed(format!("csvfile: {error}")))?;
        let found = rows(&content, delimiter).into_iter().find(|row| row.get(key_column) == Some(&key));
        match found {
            Some(row) => {
                let cell = row.get(column).ok_or_else(|| failed("csvfile: list index out of range"))?;
                out.push(V::str(cell));
            }
            None => {
                if let Some(default) = get(&options, "default") {
                    out.push(V::str(default));
                }
            }
        }
    }
    Ok(out)
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

pub fn ini(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    for term in lookup.texts()? {
        let (key, options) = split_term(&term, lookup)?;
        let name = V::str(get(&options, "file").unwrap_or("ansible.ini"));
        let path = find_or_fail(lookup, "files", &name)?;
        let content = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        let properties = get(&options, "type") == Some("properties");
        let section =
            if properties { "java_properties" } else { get(&options, "section").unwrap_or("global") };
        let flag = |name: &str| {
            get(&options, name)
                .is_some_and(|text| crate::value::Value::str(text).ansible_bool() == Some(true))
        };
        let entries = entries(&content, properties, flag("case_sensitive"), flag("allow_none"));
        let mut of_section = entries.iter().filter(|(known, _, _)| known == section);
        if flag("re") {
            let regex = regex::compile(&key, Flags::default())?;
            let mut found = Vec::new();
            for (_, name, value) in of_section {
                if regex.is_match(name).map_err(regex::runaway)? {
                    found.push(V::str(value));
                }
            }
            out.extend(found);
            continue;
        }
        let wanted = if flag("case_sensitive") { key.clone() } else { key.to_lowercase() };
        match of_section.rfind(|(_, name, _)| *name == wanted) {
            Some((_, _, value)) => out.push(V::str(value)),
            None => out.push(V::str(get(&options, "default").unwrap_or(""))),
        }
    }
    Ok(out)
}

/// Section, key and value of each line, as Python's `configparser` reads them.
fn entries(
    text: &str,
    properties: bool,
    case_sensitive: bool,
    allow_none: bool,
) -> Vec<(String, String, String)> {
    let mut out: Vec<(String, String, String)> = Vec::new();
    let mut section = if properties { "java_properties".to_owned() } else { String::new() };
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with(char::is_whitespace)
            && let Some((_, _, value)) = out.last_mut()
        {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.0.clone_into(&mut section);
            continue;
        }
        let (name, value) = match trimmed.find(['=', ':']) {
            Some(at) => (trimmed[..at].trim(), trimmed[at + 1..].trim()),
            None if allow_none || properties => (trimmed, ""),
            None => continue,
        };
        let name = if case_sensitive { name.to_owned() } else { name.to_lowercase() };
        out.push((section.clone(), name, value.to_owned()));
    }
    out
}
