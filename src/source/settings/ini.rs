//! Configuration files as Python's `configparser` reads them (no interpolation).

use crate::diag::{Diagnostic, SourceFile, Span};
use std::collections::HashMap;
use std::sync::Arc;

/// `section.key` (the key in lower case) to its text and place.
pub type Entries = HashMap<String, (String, Span)>;

/// Reads a file.
///
/// # Errors
/// A line before the first section, one that is neither section nor `key = value`, a section or key that is there
/// twice; in Ansible's words.
pub fn parse(file: &Arc<SourceFile>) -> Result<Entries, Diagnostic> {
    let mut entries = Entries::new();
    let mut sections: Vec<String> = Vec::new();
    // The entry that an indented line continues, and how far it was indented itself.
    let mut open: Option<(String, usize)> = None;
    let mut blank_lines = 0;
    for (number, line) in file.text.lines().enumerate() {
        let line_number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let fail = |what: String| {
            let width = u32::try_from(line.trim_end().chars().count()).unwrap_or(1);
            let summary = format!("Error reading config file ({}): {what}", file.path.display());
            Err(Diagnostic::error("bad-config-file", summary).at(&Span::new(file, line_number, 1, width)))
        };
        let text = without_comment(line);
        let trimmed = text.trim();
        let indent = text.len() - text.trim_start().len();
        if trimmed.is_empty() {
            // An empty line inside a value belongs to it, a comment does not.
            if line.trim().is_empty() {
                blank_lines += 1;
            }
            continue;
        }
        if let Some((key, level)) = &open
            && indent > *level
        {
            if let Some((value, _)) = entries.get_mut(key) {
                value.push_str(&"\n".repeat(blank_lines + 1));
                value.push_str(trimmed);
            }
            blank_lines = 0;
            continue;
        }
        blank_lines = 0;
        if let Some(section) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let name = section.0.to_owned();
            if sections.contains(&name) {
                return fail(format!(
                    "While reading from '<string>' [line {line_number:2}]: section '{name}' already exists"
                ));
            }
            sections.push(name);
            open = None;
            continue;
        }
        let Some(section) = sections.last() else {
            return fail(format!(
                "File contains no section headers.\nfile: '<string>', line: {line_number}\n'{trimmed}\\n'"
            ));
        };
        let Some(at) = trimmed.find(['=', ':']).filter(|at| *at > 0) else {
            return fail(format!(
                "Source contains parsing errors: '<string>'\n\t[line {line_number:2}]: '{trimmed}\\n'"
            ));
        };
        let name = trimmed[..at].trim().to_lowercase();
        let value = trimmed[at + 1..].trim().to_owned();
        let key = format!("{section}.{name}");
        if entries.contains_key(&key) {
            return fail(format!(
                "While reading from '<string>' [line {line_number:2}]: option '{name}' in section '{section}' already exists"
            ));
        }
        let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let span = Span::new(file, line_number, to_u32(indent + 1), to_u32(trimmed.chars().count()));
        entries.insert(key.clone(), (value, span));
        open = Some((key, indent));
    }
    Ok(entries)
}

/// Whole lines after `#` and `;`; inside a line only after a blank and `;`.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let inline = line
        .char_indices()
        .zip(line.chars().skip(1))
        .find(|((_, before), c)| before.is_whitespace() && *c == ';');
    inline.map_or(line, |((at, _), _)| &line[..at])
}
