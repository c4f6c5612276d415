//! Texts in each of YAML's styles, folded at the width.

use super::Emitter;
use super::analysis::is_printable;
use std::fmt::Write;

impl Emitter<'_> {
    pub(super) fn plain(&mut self, text: &str, split: bool) {
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

    pub(super) fn single_quoted(&mut self, text: &str, split: bool) {
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

    pub(super) fn double_quoted(&mut self, text: &str, split: bool) {
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

    pub(super) fn literal(&mut self, text: &str) {
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
