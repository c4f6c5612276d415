//! Where a template's text stands in a file.

use super::Syntax;
use super::ir::Pos;
use crate::diag::Span;
use std::sync::Arc;

/// A template's text and its place.
pub struct Source {
    pub text: Arc<str>,
    pub span: Span,
    /// The text is the whole file of the span.
    pub whole_file: bool,
    /// The line of the file that the text begins on (2 after a `#jinja2:` header).
    pub first_line: u32,
    pub syntax: Arc<Syntax>,
}

impl Source {
    /// The place of a part of the template, in the file it was written in.
    pub fn place(&self, pos: Pos) -> Span {
        let start = floor(&self.text, pos.start as usize);
        let end = floor(&self.text, (pos.end as usize).max(start));
        let width = self.text[start..end].lines().next().map_or(0, |line| line.chars().count()) as u32;
        if self.whole_file {
            let (line, column) = line_column(&self.text, start);
            return Span { file: self.span.file.clone(), line: line + self.first_line - 1, column, width };
        }
        // The author's text went through YAML: quotes, folding and indentation are gone. The part is
        // looked for in the file, from where the YAML value starts.
        let part = self.text[start..].lines().next().unwrap_or("");
        let part: String = part.chars().take(40).collect();
        let file = &self.span.file.text;
        let from = offset_of(file, self.span.line, self.span.column);
        if part.trim().is_empty() || from >= file.len() {
            return self.span.clone();
        }
        let nth = self.text[..start].matches(part.as_str()).count();
        let mut found = file[from..].match_indices(part.as_str()).map(|(at, _)| from + at);
        match found.nth(nth) {
            Some(at) => {
                let (line, column) = line_column(file, at);
                Span { file: self.span.file.clone(), line, column, width }
            }
            None => self.span.clone(),
        }
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// 1-based line and column (in characters) of a byte offset.
pub fn line_column(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..floor(text, at)];
    let line = before.bytes().filter(|b| *b == b'\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) as u32 + 1;
    (line, column)
}

fn offset_of(text: &str, line: u32, column: u32) -> usize {
    let mut at = 0;
    for (number, content) in text.split_inclusive('\n').enumerate() {
        if number as u32 + 1 == line {
            let within: usize =
                content.chars().take((column as usize).saturating_sub(1)).map(char::len_utf8).sum();
            return at + within;
        }
        at += content.len();
    }
    text.len()
}
