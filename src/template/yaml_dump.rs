//! YAML as PyYAML's dumper (on libyaml) writes it: keys sorted, lists not indented, lines folded at the
//! width, the same choice of quotes.

use crate::source::yaml;
use crate::value::marks;
use crate::value::{Map, Value, float_repr};
use std::fmt::Write;
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

    fn plain(&mut self, text: &str, split: bool) {
        if !self.whitespace && !text.is_empty() {
            self.put(" ");
        }
        let chars: Vec<char> = text.chars().collect();
        let mut spaces = false;
        for (i, c) in chars.iter().enumerate() {
            if *c == ' ' {
                if split && !spaces && self.column > self.width && chars.get(i + 1) != Some(&' ') {
                    self.write_indent();
                } else {
                    self.put(" ");
                }
                spaces = true;
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
                self.indention = false;
                spaces = false;
            }
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, split: bool) {
        self.indicator("'", true, false, false);
        let chars: Vec<char> = text.chars().collect();
        let (mut spaces, mut breaks) = (false, false);
        for (i, c) in chars.iter().enumerate() {
            match c {
                ' ' => {
                    let inside = i > 0 && i + 1 < chars.len() && chars[i + 1] != ' ';
                    if split && !spaces && self.column > self.width && inside {
                        self.write_indent();
                    } else {
                        self.put(" ");
                    }
                    spaces = true;
                }
                '\n' => {
                    if !breaks {
                        self.line_break();
                    }
                    self.line_break();
                    breaks = true;
                    continue;
                }
                c => {
                    if breaks {
                        self.write_indent();
                    }
                    if *c == '\'' {
                        self.put("''");
                    } else {
                        self.put(c.encode_utf8(&mut [0; 4]));
                    }
                    self.indention = false;
                    spaces = false;
                }
            }
            breaks = false;
        }
        if breaks {
            self.write_indent();
        }
        self.indicator("'", false, false, false);
    }

    fn double_quoted(&mut self, text: &str, split: bool) {
        self.indicator("\"", true, false, false);
        let chars: Vec<char> = text.chars().collect();
        let mut spaces = false;
        for (i, c) in chars.iter().enumerate() {
            let printable = is_printable(*c) && (c.is_ascii() || self.style.allow_unicode) && *c != '\n';
            if !printable || matches!(c, '"' | '\\') {
                let short = match c {
                    '\0' => Some('0'),
                    '\u{7}' => Some('a'),
                    '\u{8}' => Some('b'),
                    '\t' => Some('t'),
                    '\n' => Some('n'),
                    '\u{b}' => Some('v'),
                    '\u{c}' => Some('f'),
                    '\r' => Some('r'),
                    '\u{1b}' => Some('e'),
                    '"' | '\\' => Some(*c),
                    '\u{85}' => Some('N'),
                    '\u{a0}' => Some('_'),
                    '\u{2028}' => Some('L'),
                    '\u{2029}' => Some('P'),
                    _ => None,
                };
                let code = *c as u32;
                let escaped = match short {
                    Some(letter) => format!("\\{letter}"),
                    None if code <= 0xff => format!("\\x{code:02X}"),
                    None if code <= 0xffff => format!("\\u{code:04X}"),
                    None => format!("\\U{code:08X}"),
                };
                self.put(&escaped);
                spaces = false;
            } else if *c == ' ' {
                if split && !spaces && self.column > self.width && i > 0 && i + 1 < chars.len() {
                    self.write_indent();
                    if chars[i + 1] == ' ' {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                spaces = true;
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
                spaces = false;
            }
        }
        self.indention = false;
        self.indicator("\"", false, false, false);
    }

    fn literal(&mut self, text: &str) {
        let mut hints = String::new();
        if text.starts_with([' ', '\n']) {
            let _ = write!(hints, "{}", self.step);
        }
        if !text.ends_with('\n') {
            hints.push('-');
        } else if text == "\n" || text.ends_with("\n\n") {
            hints.push('+');
        }
        self.indicator(&format!("|{hints}"), true, false, false);
        self.line_break();
        let mut breaks = true;
        for c in text.chars() {
            if c == '\n' {
                self.line_break();
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c.encode_utf8(&mut [0; 4]));
                self.whitespace = false;
                self.indention = false;
                breaks = false;
            }
        }
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

/// A scalar's text and tag, and whether it is a text by nature.
fn scalar_text(value: &Value) -> (String, &'static str, bool) {
    match value {
        Value::Bool(b) => (b.to_string(), "!", false),
        Value::Int(i) => (i.to_string(), "!", false),
        Value::Float(f) => {
            let text = if f.is_nan() {
                ".nan".to_owned()
            } else if f.is_infinite() {
                if *f > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() }
            } else {
                let text = float_repr(*f);
                // Without a point YAML 1.1 would read a text.
                if !text.contains('.') { text.replacen('e', ".0e", 1) } else { text }
            };
            (text, "!", false)
        }
        Value::Str(text) => (text.to_string(), "", true),
        Value::Bytes(bytes) => (String::from_utf8_lossy(bytes).into_owned(), "", true),
        _ => ("null".to_owned(), "!", false),
    }
}

/// Whether the text, without quotes, would be read as a text again.
fn reads_as_text(text: &str) -> bool {
    if text.is_empty() || matches!(text, "<<" | "=") || is_timestamp(text) {
        return false;
    }
    if matches!(text, "~" | "null" | "Null" | "NULL") || yaml::plain_boolean(text).is_some() {
        return false;
    }
    !is_number(text)
}

/// Numbers and times by the rules of YAML 1.1.
fn is_number(text: &str) -> bool {
    let pattern = r"\A(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)\z";
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && super::regex::compile(pattern, super::regex::Flags::default())
            .is_ok_and(|regex| regex.is_match(text).unwrap_or(false))
}

fn is_timestamp(text: &str) -> bool {
    let pattern = r"\A(?:\d\d\d\d-\d\d-\d\d|\d\d\d\d-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)\z";
    text.starts_with(|c: char| c.is_ascii_digit())
        && super::regex::compile(pattern, super::regex::Flags::default())
            .is_ok_and(|regex| regex.is_match(text).unwrap_or(false))
}

/// libyaml's notion: beyond the basic plane nothing is.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

/// In which styles a text can be written.
struct Analysis {
    line_breaks: bool,
    flow_plain: bool,
    block_plain: bool,
    single_quoted: bool,
    block: bool,
}

fn analyse(text: &str, allow_unicode: bool) -> Analysis {
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_blank = |c: char| c == ' ' || c == '\t' || c == '\0' || is_break(c);
    let chars: Vec<char> = text.chars().collect();
    let mut block_indicators = text.starts_with("---") || text.starts_with("...");
    let mut flow_indicators = block_indicators;
    let (mut line_breaks, mut special) = (false, false);
    let (mut edge, mut trailing_space, mut break_space, mut space_break) = (false, false, false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    for (i, c) in chars.iter().enumerate() {
        let followed = chars.get(i + 1).is_none_or(|c| is_blank(*c));
        let preceded = i == 0 || is_blank(chars[i - 1]);
        match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`'
                if i == 0 =>
            {
                flow_indicators = true;
                block_indicators = true;
            }
            '?' | ':' if i == 0 => {
                flow_indicators = true;
                block_indicators |= followed;
            }
            '-' if i == 0 && followed => {
                flow_indicators = true;
                block_indicators = true;
            }
            ',' | '?' | '[' | ']' | '{' | '}' if i > 0 => flow_indicators = true,
            ':' if i > 0 => {
                flow_indicators = true;
                block_indicators |= followed;
            }
            '#' if i > 0 && preceded => {
                flow_indicators = true;
                block_indicators = true;
            }
            _ => {}
        }
        if !is_printable(*c) || (!c.is_ascii() && !allow_unicode) {
            special = true;
        }
        line_breaks |= is_break(*c);
        let last = i + 1 == chars.len();
        if *c == ' ' {
            edge |= i == 0 || last;
            trailing_space |= last;
            break_space |= previous_break;
            (previous_space, previous_break) = (true, false);
        } else if is_break(*c) {
            edge |= i == 0 || last;
            space_break |= previous_space;
            (previous_space, previous_break) = (false, true);
        } else {
            (previous_space, previous_break) = (false, false);
        }
    }
    let odd = space_break || special;
    let plain = !edge && !break_space && !odd && !line_breaks;
    Analysis {
        line_breaks,
        flow_plain: plain && !flow_indicators && !chars.is_empty(),
        block_plain: plain && !block_indicators,
        single_quoted: !break_space && !odd,
        block: !trailing_space && !odd,
    }
}
