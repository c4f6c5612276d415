//! Inventories in TOML files.

use super::load::Loading;
use super::structured;
use crate::diag::{Diagnostic, SourceFile, Span};
use crate::source::{Node, NodeKind};
use ::toml::Value;
use ::toml::value::Datetime;
use std::sync::Arc;

/// Reads a file's text into the inventory. What stands before an error stays.
///
/// # Errors
/// In Ansible's words; the place where it is known.
pub fn parse(loading: &mut Loading, file: &Arc<SourceFile>) -> Result<(), Diagnostic> {
    let start = Span::new(file, 1, 1, 0);
    let document: ::toml::Table = ::toml::from_str(&file.text).map_err(|error| {
        let what = format!("TOML file ({}) is invalid: {}", file.path.display(), error.message());
        let place = error.span().map_or_else(|| start.clone(), |range| place(file, range.start));
        Diagnostic::error("bad-inventory", what).at(&place)
    })?;
    if document.is_empty() {
        return Err(Diagnostic::error("bad-inventory", "Parsed empty TOML file").at(&start));
    }
    if document.contains_key("plugin") {
        let what = "Plugin configuration TOML file, not TOML inventory";
        return Err(Diagnostic::error("bad-inventory", what).at(&start));
    }
    for (name, definition) in &document {
        group(loading, name, definition, &start)?;
    }
    Ok(())
}

fn group(loading: &mut Loading, name: &str, definition: &Value, place: &Span) -> Result<(), Diagnostic> {
    let id = loading.group(name);
    let Value::Table(sections) = definition else {
        loading.no_group(name, place);
        return Ok(());
    };
    let fail = |what: String| Diagnostic::error("bad-inventory", what).at(place);
    for (section, content) in sections {
        match (section.as_str(), content) {
            ("vars", Value::Table(vars)) => {
                for (key, value) in vars {
                    loading.group_var(id, key, node(value, place));
                }
            }
            ("children", Value::Array(children)) => {
                for child in children.iter().filter_map(Value::as_str) {
                    let child = loading.group(child);
                    loading.link(id, child).map_err(fail)?;
                }
            }
            ("hosts", Value::Table(hosts)) => {
                for (pattern, vars) in hosts {
                    let pattern = Node::new(NodeKind::Str(pattern.as_str().into()), place.clone());
                    structured::host(loading, id, &pattern, &node(vars, place))?;
                }
            }
            ("vars" | "hosts", _) => {
                return Err(fail(format!(
                    "Invalid \"{section}\" entry for \"{name}\" group, requires a dictionary, found \"{}\" instead.",
                    python_type(content)
                )));
            }
            ("children", _) => {
                return Err(fail(format!(
                    "Invalid \"children\" entry for \"{name}\" group, requires a list, found \"{}\" instead.",
                    python_type(content)
                )));
            }
            _ => loading.note(format!(
                "Skipping unexpected key \"{section}\" in group \"{name}\", only \"vars\", \"children\" and \"hosts\" are valid"
            )),
        }
    }
    Ok(())
}

fn python_type(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "str",
        Value::Integer(_) => "int",
        Value::Float(_) => "float",
        Value::Boolean(_) => "bool",
        Value::Datetime(_) => "datetime",
        Value::Array(_) => "list",
        Value::Table(_) => "dict",
    }
}

/// TOML's values know no places; all of them get the one that is given.
fn node(value: &Value, place: &Span) -> Node {
    let kind = match value {
        Value::String(text) => NodeKind::Str(text.as_str().into()),
        Value::Integer(number) => NodeKind::Int(*number),
        Value::Float(number) => NodeKind::Float(*number),
        Value::Boolean(truth) => NodeKind::Bool(*truth),
        Value::Datetime(moment) => NodeKind::Str(iso(moment).into()),
        Value::Array(items) => NodeKind::List(items.iter().map(|item| node(item, place)).collect()),
        Value::Table(entries) => NodeKind::Map(
            entries
                .iter()
                .map(|(key, value)| {
                    (Node::new(NodeKind::Str(key.as_str().into()), place.clone()), node(value, place))
                })
                .collect(),
        ),
    };
    Node::new(kind, place.clone())
}

/// As Python's `isoformat`: `Z` is an offset.
fn iso(moment: &Datetime) -> String {
    let text = moment.to_string();
    match text.strip_suffix(['Z', 'z']) {
        Some(rest) => format!("{rest}+00:00"),
        None => text,
    }
}

/// The line and column of a byte.
fn place(file: &Arc<SourceFile>, at: usize) -> Span {
    let before = file.text.get(..at).unwrap_or(&file.text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span::new(file, number(line), number(column), 0)
}
