//! Values as TOML, in the form that Python's tomli-w gives them.

use crate::value::{Map, Value, float_repr, py_str};
use std::fmt::Write;

/// Longer tables are not written in one line.
const LONGEST: usize = 100;

/// A document.
///
/// # Errors
/// TOML has no null: the name of the value that is one.
pub fn dump(document: &Map) -> Result<String, String> {
    let mut out = String::new();
    table(document, "", false, &mut out)?;
    Ok(out)
}

/// A table's own values, then the tables in it.
fn table(entries: &Map, path: &str, in_array: bool, out: &mut String) -> Result<(), String> {
    let mut literals = Vec::new();
    let mut tables: Vec<(String, Vec<&Map>, bool)> = Vec::new();
    for (key, value) in entries {
        let name = key_text(&py_str(key));
        match value {
            Value::Map(inner) => tables.push((name, vec![inner], false)),
            Value::List(items) if is_table_array(items)? => {
                tables.push((name, items.iter().filter_map(Value::as_map).collect(), true));
            }
            value => literals.push((name, value)),
        }
    }
    if in_array || !path.is_empty() && (!literals.is_empty() || tables.is_empty()) {
        let (open, close) = if in_array { ("[[", "]]") } else { ("[", "]") };
        let _ = writeln!(out, "{open}{path}{close}");
    }
    for (name, value) in &literals {
        let text = literal(value, 0).map_err(|()| format!("{path}.{name}"))?;
        let _ = writeln!(out, "{name} = {text}");
    }
    for (name, inners, in_array) in tables {
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        for inner in inners {
            if !out.is_empty() && !out.ends_with("\n\n") {
                out.push('\n');
            }
            table(inner, &path, in_array, out)?;
        }
    }
    Ok(())
}

/// A list of tables of which one at least does not fit in a line.
fn is_table_array(items: &[Value]) -> Result<bool, String> {
    if items.is_empty() || !items.iter().all(|item| matches!(item, Value::Map(_))) {
        return Ok(false);
    }
    for item in items {
        let text = literal(item, 0).map_err(|()| "a list of tables".to_owned())?;
        if text.contains('\n') || text.chars().count() + 5 > LONGEST {
            return Ok(true);
        }
    }
    Ok(false)
}

fn literal(value: &Value, depth: usize) -> Result<String, ()> {
    Ok(match value {
        Value::Null | Value::Unknown(_) => return Err(()),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Big(digits) => digits.to_string(),
        Value::Float(number) if number.is_nan() => "nan".into(),
        Value::Float(number) => float_repr(*number),
        Value::Str(text) => quoted(text),
        Value::Bytes(bytes) => quoted(&String::from_utf8_lossy(bytes)),
        Value::List(items) if items.is_empty() => "[]".into(),
        Value::List(items) => {
            let indent = "    ".repeat(depth);
            let mut out = "[\n".to_owned();
            for item in items.iter() {
                let _ = writeln!(out, "{indent}    {},", literal(item, depth + 1)?);
            }
            out + &indent + "]"
        }
        Value::Map(entries) if entries.is_empty() => "{}".into(),
        Value::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|(key, value)| Ok(format!("{} = {}", key_text(&py_str(key)), literal(value, depth)?)));
            format!("{{ {} }}", pairs.collect::<Result<Vec<_>, ()>>()?.join(", "))
        }
    })
}

fn key_text(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\t' => out.push('\t'),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::dump;
    use crate::source::yaml::parse_text;

    fn dumped(yaml: &str) -> Result<String, String> {
        let value = parse_text("test", yaml).expect("valid").node.to_value();
        dump(value.as_map().expect("a mapping"))
    }

    #[test]
    fn texts_are_tomli_ws() {
        let yaml = "g:\n  hosts:\n    h.x:\n      a: \"q\\\"\\\\\\n\\t\\x01\"\n      e: []\n      d: {}\n      n: {deep: {x: 1}, y: 2.0}\n      ll: [[1, 2], []]\n      k k: true\n      l: [{a: 1}, {b: [1, {c: 2}]}]\n      il: [{a: {b: 1}}]\n      mixed: [{a: 1}, 2]\n";
        let toml = "[g.hosts.\"h.x\"]\na = \"q\\\"\\\\\\n\t\\u0001\"\ne = []\nll = [\n    [\n        1,\n        2,\n    ],\n    [],\n]\n\"k k\" = true\nil = [\n    { a = { b = 1 } },\n]\nmixed = [\n    { a = 1 },\n    2,\n]\n\n[g.hosts.\"h.x\".d]\n\n[g.hosts.\"h.x\".n]\ny = 2.0\n\n[g.hosts.\"h.x\".n.deep]\nx = 1\n\n[[g.hosts.\"h.x\".l]]\na = 1\n\n[[g.hosts.\"h.x\".l]]\nb = [\n    1,\n    { c = 2 },\n]\n";
        assert_eq!(dumped(yaml).expect("no null"), toml);
    }

    #[test]
    fn null_cannot_be_written() {
        assert_eq!(dumped("a: {b: {c: null}}"), Err("a.b.c".into()));
    }
}
