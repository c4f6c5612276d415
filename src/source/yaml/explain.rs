//! Syntax errors in the words Ansible has for them, with its advice where the mistake is recognised.

use crate::diag::{Diagnostic, SourceFile, Span};
use std::sync::Arc;

const CODE: &str = "yaml-syntax";

/// `line` and `column` are 1-based.
pub fn syntax(file: &Arc<SourceFile>, line: usize, column: usize, message: &str) -> Diagnostic {
    let text = file.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
    if message.contains("tab") && text.contains('\t') {
        let column = text.chars().take_while(|c| *c != '\t').count() + 1;
        return at(file, line, column, 1, "Tabs are usually invalid in YAML.").help("Indent with spaces.");
    }
    if let Some(found) = template_start(file, line, column) {
        return found;
    }
    if message.contains("mapping values are not allowed") || unexpected_colon(message, text) {
        return at(file, line, column, 1, "Colons in unquoted values must be followed by a non-space character.")
            .help("For example:\n\n    raw: echo 'name: ansible'\n\nShould be:\n\n    raw: \"echo 'name: ansible'\"");
    }
    if message.contains("trailing content after") || message.contains("did not find expected key") {
        let value = value_start(text);
        if let Some(quote @ ('"' | '\'')) = text[value..].chars().next() {
            let column = text[..value].chars().count() + 1;
            let (raw, fixed) = match quote {
                '"' => ("\"foo\" in bar", "'\"foo\" in bar'"),
                _ => ("'foo' in bar", "\"'foo' in bar\""),
            };
            return at(file, line, column, 1, "Values starting with a quote must end with the same quote.")
                .help(format!("For example:\n\n    raw: {raw}\n\nShould be:\n\n    raw: {fixed}"));
        }
    }
    at(file, line, column, 1, &sentence(message))
}

/// A value that starts with `{{` and is not quoted, on this line.
pub fn template_start(file: &Arc<SourceFile>, line: usize, column: usize) -> Option<Diagnostic> {
    let text = file.text.lines().nth(line.checked_sub(1)?)?;
    let start = value_start(text);
    if !text[start..].starts_with("{{") || text[..start].chars().count() + 1 > column {
        return None;
    }
    let found = text[..start].chars().count() + 1;
    let width = text[start..].trim_end().chars().count();
    Some(
        at(file, line, found, width, "This may be an issue with missing quotes around a template block.")
            .help("For example:\n\n    raw: {{ some_var }}\n\nShould be:\n\n    raw: \"{{ some_var }}\""),
    )
}

pub fn at(file: &Arc<SourceFile>, line: usize, column: usize, width: usize, what: &str) -> Diagnostic {
    let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let span = Span::new(file, to_u32(line), to_u32(column), to_u32(width));
    Diagnostic::error(CODE, format!("YAML parsing failed: {what}")).at(&span)
}

fn unexpected_colon(message: &str, text: &str) -> bool {
    message.contains("flow mapping") && text.matches(':').count() > 1
}

/// The byte offset of the first value on the line: behind list dashes and one `key:`.
fn value_start(text: &str) -> usize {
    let mut start = text.len() - text.trim_start().len();
    while let Some(rest) = text[start..].strip_prefix("- ") {
        start = text.len() - rest.trim_start().len();
    }
    if let Some(colon) = text[start..].find(": ")
        && !text[start..].starts_with(['"', '\'', '{', '['])
    {
        let rest = &text[start + colon + 1..];
        start = text.len() - rest.trim_start().len();
    }
    start
}

/// The parser's `while doing this, found that` as a sentence.
fn sentence(message: &str) -> String {
    let message = match message {
        m if m.starts_with("unexpected character: `") => {
            "while scanning for the next token found character that cannot start any token"
        }
        m if m.contains("found unknown anchor") => "found undefined alias",
        m => m,
    };
    let mut chars = message.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let rest = chars
        .as_str()
        .replace(", did not", " did not")
        .replace(", found", " found")
        .replace(", expected", " did not find expected");
    format!("{first}{}.", rest.trim_end_matches('.'))
}
