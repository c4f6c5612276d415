//! YAML as PyYAML's dumper (on libyaml) writes it: keys sorted, lists not indented, lines folded at the
//! width, the same choice of quotes.

mod analysis;
mod scalars;

use crate::value::marks;
use crate::value::{Map, Value};
use analysis::{analyse, reads_as_text, scalar_text};
use std::sync::Arc;

/// How YAML is laid out: PyYAML's arguments of the same names.
#[derive(Clone, Debug)]
pub struct YamlStyle {
    pub indent: usize,
    pub width: usize,
    pub sort_keys: bool,
    pub allow_unicode: bool,
    pub explicit_start: bool,
    pub explicit_end: bool,
    /// `'` or `"` for all scalars, `|` for literal blocks where they are possible.
    pub default_style: Option<char>,
    /// Collections on one line; `None` for those that hold plain scalars only.
    pub flow: Option<bool>,
    /// Texts that were decrypted are written as they were encrypted.
    pub vault_tags: bool,
    /// Texts of several lines as literal blocks where that is possible.
    pub literal_lines: bool,
}

impl Default for YamlStyle {
    fn default() -> Self {
        Self {
            indent: 2,
            width: 80,
            sort_keys: true,
            allow_unicode: true,
            explicit_start: false,
            explicit_end: false,
            default_style: None,
            flow: None,
            vault_tags: false,
            literal_lines: false,
        }
    }
}

/// A document, with a newline at its end.
pub fn dump(value: &Value, style: &YamlStyle) -> String {
    let indent = if (2..=9).contains(&style.indent) { style.indent } else { 2 };
    let width = if style.width <= indent * 2 { 80 } else { style.width };
    let mut emitter = Emitter {
        style,
        step: indent,
        width,
        out: String::new(),
        column: 0,
        whitespace: true,
        indention: true,
        indent: None,
        flow_level: 0,
    };
    if style.explicit_start {
        emitter.indicator("---", true, false, false);
        if is_block(value, style) {
            emitter.line_break();
        }
    }
    emitter.node(value, Place::Root);
    if !emitter.out.ends_with('\n') {
        emitter.line_break();
    }
    if style.explicit_end {
        emitter.out.push_str("...\n");
    }
    emitter.out
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    /// The value of a mapping in block style.
    Value,
    /// A key on the line of its value.
    SimpleKey,
    Flow,
}

/// What a text was decrypted from, where that is what is to be written.
fn cipher(value: &Value, style: &YamlStyle) -> Option<Arc<str>> {
    match value {
        Value::Str(text) if style.vault_tags => marks::cipher(text),
        _ => None,
    }
}

fn plain_children(value: &Value, style: &YamlStyle) -> bool {
    let scalar =
        |value: &Value| !matches!(value, Value::List(_) | Value::Map(_)) && cipher(value, style).is_none();
    match value {
        Value::List(items) => items.iter().all(scalar),
        Value::Map(map) => map.values().all(scalar),
        _ => true,
    }
}

/// Whether a collection goes over several lines.
fn is_block(value: &Value, style: &YamlStyle) -> bool {
    let empty = match value {
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => return false,
    };
    let flow = style.flow.unwrap_or_else(|| style.default_style.is_none() && plain_children(value, style));
    !empty && !flow
}

struct Emitter<'a> {
    style: &'a YamlStyle,
    step: usize,
    width: usize,
    out: String,
    column: usize,
    /// The last character was a blank, or nothing was written on this line.
    whitespace: bool,
    /// Only indentation and indicators were written on this line.
    indention: bool,
    indent: Option<usize>,
    flow_level: usize,
}

impl Emitter<'_> {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, need_whitespace: bool, whitespace: bool, indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(" ");
        }
        self.put(text);
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        while self.column < indent {
            self.put(" ");
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn increase(&mut self, flow: bool, indentless: bool) -> Option<usize> {
        let before = self.indent;
        self.indent = match before {
            None => Some(if flow { self.step } else { 0 }),
            Some(indent) if !indentless => Some(indent + self.step),
            other => other,
        };
        before
    }

    fn node(&mut self, value: &Value, place: Place) {
        let block = self.flow_level == 0 && is_block(value, self.style);
        match value {
            Value::List(items) if block => self.block_list(items, place),
            Value::Map(map) if block => self.block_map(map),
            Value::List(items) => self.flow_list(items),
            Value::Map(map) => self.flow_map(map),
            scalar => self.scalar(scalar, place),
        }
    }

    fn block_list(&mut self, items: &[Value], place: Place) {
        // A list in a mapping stands in the column of its key.
        let before = self.increase(false, place == Place::Value && !self.indention);
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, Place::Item);
        }
        self.indent = before;
    }

    fn entries<'m>(&self, map: &'m Map) -> Vec<(&'m Value, &'m Value)> {
        let mut entries: Vec<_> = map.iter().collect();
        if self.style.sort_keys {
            let texts = entries.iter().all(|(key, _)| matches!(key, Value::Str(_)));
            let numbers = entries
                .iter()
                .all(|(key, _)| matches!(key, Value::Int(_) | Value::Float(_) | Value::Bool(_)));
            let number = |key: &Value| match key {
                Value::Int(i) => *i as f64,
                Value::Float(f) => *f,
                Value::Bool(b) => f64::from(u8::from(*b)),
                _ => 0.0,
            };
            if texts {
                entries.sort_by(|a, b| a.0.as_str().cmp(&b.0.as_str()));
            } else if numbers {
                entries.sort_by(|a, b| number(a.0).total_cmp(&number(b.0)));
            }
        }
        entries
    }

    fn block_map(&mut self, map: &Map) {
        let before = self.increase(false, false);
        for (key, value) in self.entries(map) {
            self.write_indent();
            if is_simple_key(key) {
                self.node(key, Place::SimpleKey);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.node(key, Place::Item);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Place::Value);
        }
        self.indent = before;
    }

    fn flow_list(&mut self, items: &[Value]) {
        self.indicator("[", true, true, false);
        let before = self.increase(true, false);
        self.flow_level += 1;
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.width {
                self.write_indent();
            }
            self.node(item, Place::Flow);
        }
        self.flow_level -= 1;
        self.indent = before;
        self.indicator("]", false, false, false);
    }

    fn flow_map(&mut self, map: &Map) {
        self.indicator("{", true, true, false);
        let before = self.increase(true, false);
        self.flow_level += 1;
        for (i, (key, value)) in self.entries(map).into_iter().enumerate() {
            if i > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.width {
                self.write_indent();
            }
            if is_simple_key(key) {
                self.node(key, Place::SimpleKey);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, false);
                self.node(key, Place::Flow);
                if self.column > self.width {
                    self.write_indent();
                }
                self.indicator(":", true, false, false);
            }
            self.node(value, Place::Flow);
        }
        self.flow_level -= 1;
        self.indent = before;
        self.indicator("}", false, false, false);
    }

    fn scalar(&mut self, value: &Value, place: Place) {
        let simple = place == Place::SimpleKey;
        let (mut text, tag, is_text) = scalar_text(value);
        let mut style = self.style.default_style.unwrap_or('p');
        if let Some(sealed) = cipher(value, self.style) {
            text = sealed.to_string();
            style = '|';
            self.indicator("!vault", true, false, false);
        }
        let analysis = analyse(&text, self.style.allow_unicode);
        if style != 'p' && !is_text {
            self.indicator(tag, true, false, false);
        }
        if self.style.literal_lines && is_text && analysis.line_breaks {
            style = '|';
        }
        if simple && analysis.line_breaks {
            style = '"';
        }
        if style == 'p' {
            let allowed = if self.flow_level > 0 { analysis.flow_plain } else { analysis.block_plain };
            if !allowed
                || (is_text && !reads_as_text(&text))
                || (text.is_empty() && (self.flow_level > 0 || simple))
            {
                style = '\'';
            }
        }
        if style == '\'' && !analysis.single_quoted {
            style = '"';
        }
        if matches!(style, '|' | '>') && (!analysis.block || self.flow_level > 0 || simple) {
            style = '"';
        }
        let before = self.increase(true, false);
        match style {
            'p' => self.plain(&text, !simple),
            '\'' => self.single_quoted(&text, !simple),
            '|' | '>' => self.literal(&text),
            _ => self.double_quoted(&text, !simple),
        }
        self.indent = before;
    }
}

/// A key that fits on the line of its value.
fn is_simple_key(key: &Value) -> bool {
    match key {
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Str(text) => text.len() <= 128 && !text.contains('\n'),
        _ => true,
    }
}
