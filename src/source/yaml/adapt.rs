//! What YAML 1.1 (PyYAML) allows and the parser, which follows YAML 1.2, does not.

use std::collections::HashSet;

/// Wider than any indentation that a collection with [`MAX_DEPTH`] levels is likely to have.
const PADDING: usize = 400;

/// A text changed where YAML 1.1 is more liberal than the parser; nothing that has a meaning changes.
pub struct Adapted {
    text: String,
    /// Lines (1-based) that begin with [`PADDING`] more blanks than in the file.
    padded: HashSet<usize>,
}

/// What to change before another attempt. Lines are 1-based, columns 0-based.
pub enum Fix {
    /// A tab between tokens, at or just before this place.
    Tab { line: usize, column: usize },
    /// A line inside brackets that is indented less than the collection around them.
    Indent { line: usize },
    /// The further lines of the quoted text that starts here.
    IndentQuoted { line: usize, column: usize },
}

impl Adapted {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), padded: HashSet::new() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// False if there is nothing to change.
    pub fn apply(&mut self, fix: Fix) -> bool {
        match fix {
            Fix::Tab { line, column } => {
                let Some(at) = tab_at(&self.text, line, column) else { return false };
                self.text.replace_range(at..=at, " ");
                true
            }
            Fix::Indent { line } => self.pad(line..=line),
            Fix::IndentQuoted { line, column } => {
                let start = self.offset(line);
                let start =
                    start + self.text[start..].chars().take(column).map(char::len_utf8).sum::<usize>();
                let lines = quoted_lines(&self.text[start..]);
                lines > 0 && self.pad(line + 1..=line + lines)
            }
        }
    }

    fn offset(&self, line: usize) -> usize {
        self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum()
    }

    fn pad(&mut self, lines: std::ops::RangeInclusive<usize>) -> bool {
        let mut changed = false;
        for line in lines.rev() {
            let at = self.offset(line);
            let is_blank = self.text[at..].split('\n').next().is_none_or(|line| line.trim().is_empty());
            if !is_blank && self.padded.insert(line) {
                self.text.insert_str(at, &" ".repeat(PADDING));
                changed = true;
            }
        }
        changed
    }

    /// Whether the text ends, without a line end, in the last line of this block scalar: PyYAML adds none then.
    pub fn ends_inside(&self, span: &saphyr_parser::Span, has_properties: bool) -> bool {
        if self.text.ends_with('\n') || span.end.line() < self.text.matches('\n').count() + 1 {
            return false;
        }
        let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
        // With a tag or an anchor the scalar begins on their line, else on its first line of text.
        let first = span.start.line().saturating_sub(1) + usize::from(has_properties);
        let body = self.text.split('\n').skip(first).filter(|line| !line.trim().is_empty());
        let last = self.text.rsplit('\n').next().unwrap_or("");
        body.map(indent).min().is_some_and(|least| {
            if last.trim().is_empty() {
                last.len() >= least
            } else {
                indent(last) >= span.start.col() || has_properties
            }
        })
    }

    /// A column of this text as one of the file.
    pub fn column(&self, line: usize, column: usize) -> usize {
        if self.padded.contains(&line) { column.saturating_sub(PADDING) } else { column }
    }
}

/// How many line ends a quoted scalar at the beginning of `text` has in it.
fn quoted_lines(text: &str) -> usize {
    let mut chars = text.chars().peekable();
    let mut lines = 0;
    // A tag or an anchor may come first.
    let Some(quote) = chars.by_ref().find(|c| matches!(c, '"' | '\'')) else { return 0 };
    while let Some(c) = chars.next() {
        match c {
            '\n' => lines += 1,
            '\\' if quote == '"' => lines += usize::from(chars.next() == Some('\n')),
            c if c == quote => {
                if quote == '"' || chars.peek() != Some(&quote) {
                    return lines;
                }
                chars.next();
            }
            _ => {}
        }
    }
    lines
}

fn tab_at(text: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let rest = text[start..].split('\n').next()?;
    let chars: Vec<(usize, char)> = rest.char_indices().take(column + 1).collect();
    // The marker stands on the tab or behind a run of blanks.
    chars.iter().rev().find(|(_, c)| *c == '\t').map(|(at, _)| start + at)
}
