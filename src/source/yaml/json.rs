//! JSON files, tried before YAML as Ansible does: some JSON (`1e3`, `\ud83d\ude00`, tabs) is not YAML 1.1.

use super::build::MAX_DEPTH;
use crate::diag::{SourceFile, Span};
use crate::source::{Node, NodeKind};
use std::sync::Arc;

/// The value of a text that is JSON as Python reads it; `None` for everything else (errors are YAML's to explain).
pub fn parse(file: &Arc<SourceFile>) -> Option<Node> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    if !text.trim_start().starts_with(['{', '[']) {
        // A scalar is the same in YAML.
        return None;
    }
    let mut reader = Reader { file, rest: text, line: 1, column: 1 };
    reader.blanks();
    let node = reader.value(0)?;
    reader.blanks();
    reader.rest.is_empty().then_some(node)
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    rest: &'a str,
    line: u32,
    column: u32,
}

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) {
        for c in self.rest[..bytes].chars() {
            if c == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
        }
        self.rest = &self.rest[bytes..];
    }

    fn blanks(&mut self) {
        let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.skip(blank);
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        if found {
            self.skip(token.len());
        }
        found
    }

    fn span(&self, line: u32, column: u32) -> Span {
        let width = if line == self.line { self.column - column } else { 1 };
        Span::new(self.file, line, column, width)
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (line, column) = (self.line, self.column);
        let kind = match self.rest.chars().next()? {
            '{' => {
                self.skip(1);
                let entries = self.entries(depth)?;
                return Some(Node::new(NodeKind::Map(entries), Span::new(self.file, line, column, 1)));
            }
            '[' => {
                self.skip(1);
                let items = self.items(depth)?;
                return Some(Node::new(NodeKind::List(items), Span::new(self.file, line, column, 1)));
            }
            '"' => NodeKind::Str(self.string()?.into()),
            _ => self.word()?,
        };
        Some(Node::new(kind, self.span(line, column)))
    }

    fn entries(&mut self, depth: usize) -> Option<Vec<(Node, Node)>> {
        let mut map = indexmap::IndexMap::<Arc<str>, (Node, Node)>::new();
        self.blanks();
        if self.eat("}") {
            return Some(Vec::new());
        }
        loop {
            self.blanks();
            let (line, column) = (self.line, self.column);
            let name: Arc<str> = self.string()?.into();
            let key = Node::new(NodeKind::Str(name.clone()), self.span(line, column));
            self.blanks();
            if !self.eat(":") {
                return None;
            }
            self.blanks();
            let value = self.value(depth + 1)?;
            map.insert(name, (key, value));
            self.blanks();
            if self.eat("}") {
                return Some(map.into_values().collect());
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn items(&mut self, depth: usize) -> Option<Vec<Node>> {
        let mut items = Vec::new();
        self.blanks();
        if self.eat("]") {
            return Some(items);
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.eat("]") {
                return Some(items);
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if !self.rest.starts_with('"') {
            return None;
        }
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(at, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(at + 1)
        })?;
        let text = serde_json::from_str(&self.rest[..end]).ok()?;
        self.skip(end);
        Some(text)
    }

    fn word(&mut self) -> Option<NodeKind> {
        let end = self.rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        let kind = match word {
            "null" => NodeKind::Null,
            "true" => NodeKind::Bool(true),
            "false" => NodeKind::Bool(false),
            "NaN" => NodeKind::Float(f64::NAN),
            "Infinity" => NodeKind::Float(f64::INFINITY),
            "-Infinity" => NodeKind::Float(f64::NEG_INFINITY),
            number => {
                let number: serde_json::Number = number.parse().ok()?;
                match number.as_i64() {
                    Some(int) => NodeKind::Int(int),
                    None if word.contains(['.', 'e', 'E']) => NodeKind::Float(number.as_f64()?),
                    None => NodeKind::Big(word.into()),
                }
            }
        };
        self.skip(end);
        Some(kind)
    }
}
