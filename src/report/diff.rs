//! Diffs as Ansible prints them.

use crate::protocol::Diff;
use crate::value::{JsonStyle, Value, py_str};
use similar::TextDiff;

/// The text of all diffs of a result, each followed by an empty line, with so many lines around what differs.
pub fn render(diffs: &[Diff], context: usize) -> String {
    let mut out = String::new();
    for diff in diffs {
        if let Some(prepared) = &diff.prepared {
            out.push_str(prepared);
            if !prepared.ends_with('\n') {
                out.push('\n');
            }
            continue;
        }
        let (before, after) = (side(&diff.before), side(&diff.after));
        if before == after && diff.before_header == diff.after_header {
            continue;
        }
        let header = |given: &Option<String>, word: &str| match given {
            Some(name) => format!("{word}: {name}"),
            None => word.to_owned(),
        };
        let text = TextDiff::from_lines(&before, &after);
        let unified = text
            .unified_diff()
            .context_radius(context)
            .header(&header(&diff.before_header, "before"), &header(&diff.after_header, "after"))
            .missing_newline_hint(true)
            .to_string();
        for line in unified.lines() {
            out.push_str(line);
            out.push('\n');
        }
        out.push('\n');
    }
    out
}

/// A text as it is, attributes as sorted JSON.
fn side(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Map(_) | Value::List(_) => {
            let style = JsonStyle { indent: Some(4), sort_keys: true, ..JsonStyle::default() };
            style.write(value) + "\n"
        }
        other => py_str(other),
    }
}
