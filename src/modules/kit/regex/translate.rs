//! A Python pattern as one that fancy-regex reads the same way.

use super::Flags;
use std::fmt::Write;

pub(super) struct Translated {
    pub(super) text: String,
    pub(super) multiline: bool,
}

struct Translator {
    chars: Vec<char>,
    at: usize,
    out: String,
    flags: Flags,
    verbose: bool,
    /// The flags outside of each open group.
    outer: Vec<(Flags, bool)>,
}

pub(super) fn translate(pattern: &str, flags: Flags) -> Result<Translated, String> {
    let mut translator = Translator {
        chars: pattern.chars().collect(),
        at: 0,
        out: String::with_capacity(pattern.len() + 16),
        flags,
        verbose: false,
        outer: Vec::new(),
    };
    if flags.multiline {
        translator.out.push_str("(?m)");
    }
    if flags.dotall {
        translator.out.push_str("(?s)");
    }
    while translator.at < translator.chars.len() {
        translator.element()?;
    }
    if !translator.outer.is_empty() {
        let at = pattern.find('(').map_or(0, |at| pattern[..at].chars().count());
        return Err(format!("missing ), unterminated subpattern at position {at}"));
    }
    Ok(Translated { text: translator.out, multiline: translator.flags.multiline })
}

impl Translator {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, c)| self.peek(index) == Some(c))
    }

    fn element(&mut self) -> Result<(), String> {
        let Some(c) = self.peek(0) else { return Ok(()) };
        match c {
            '\\' => self.escape(false),
            '[' => self.class(),
            '(' => self.group(),
            ')' => {
                let Some((flags, verbose)) = self.outer.pop() else {
                    return Err(format!("unbalanced parenthesis at position {}", self.at));
                };
                (self.flags, self.verbose) = (flags, verbose);
                self.copy(1);
                Ok(())
            }
            '$' if self.flags.multiline => {
                self.copy(1);
                Ok(())
            }
            '$' => {
                // Python's `$` also matches before a line end that is the last character.
                self.out.push_str("(?=\\n?\\z)");
                self.at += 1;
                Ok(())
            }
            '{' => {
                self.brace();
                Ok(())
            }
            '}' => {
                self.out.push_str("\\}");
                self.at += 1;
                Ok(())
            }
            '#' if self.verbose => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
                Ok(())
            }
            _ => {
                self.copy(1);
                Ok(())
            }
        }
    }

    fn copy(&mut self, count: usize) {
        self.out.extend(self.chars.iter().skip(self.at).take(count));
        self.at += count;
    }

    /// A repetition, or a brace that is just one.
    fn brace(&mut self) {
        let rest: String = self.chars[self.at + 1..].iter().take_while(|c| **c != '}').collect();
        let closed = self.peek(rest.chars().count() + 1) == Some('}');
        let (low, high) = match rest.split_once(',') {
            Some((low, high)) => (low, Some(high)),
            None => (rest.as_str(), None),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let counts = digits(low) && high.is_none_or(digits) && !(low.is_empty() && high.is_none());
        if !closed || !counts {
            self.out.push_str("\\{");
            self.at += 1;
            return;
        }
        let low = if low.is_empty() { "0" } else { low };
        let _ = match high {
            Some(high) => write!(self.out, "{{{low},{high}}}"),
            None => write!(self.out, "{{{low}}}"),
        };
        self.at += rest.chars().count() + 2;
    }

    fn group(&mut self) -> Result<(), String> {
        let outer = (self.flags, self.verbose);
        if self.starts_with("(?#") {
            while let Some(c) = self.peek(0) {
                self.at += 1;
                if c == ')' {
                    return Ok(());
                }
            }
            return Err("missing ), unterminated comment".into());
        }
        if self.starts_with("(?P=") {
            let name: String = self.chars[self.at + 4..].iter().take_while(|c| **c != ')').collect();
            self.at += 5 + name.chars().count();
            let _ = write!(self.out, "\\k<{name}>");
            return Ok(());
        }
        if !self.starts_with("(?") || self.starts_with("(?P<") || self.starts_with("(?<") {
            self.outer.push(outer);
            // A question mark here names the group, or looks behind.
            let prefix = ["(?P<", "(?<=", "(?<!"].iter().find(|prefix| self.starts_with(prefix));
            self.copy(prefix.map_or(1, |prefix| prefix.len()));
            return Ok(());
        }
        if let Some(prefix) =
            ["(?:", "(?=", "(?!", "(?>", "(?("].iter().find(|prefix| self.starts_with(prefix))
        {
            self.outer.push(outer);
            self.copy(prefix.len());
            if *prefix == "(?(" {
                while let Some(c) = self.peek(0) {
                    self.copy(1);
                    if c == ')' {
                        break;
                    }
                }
            }
            return Ok(());
        }
        self.inline_flags(outer)
    }

    /// `(?im)` for all that follows, `(?im-s:…)` for a group.
    fn inline_flags(&mut self, outer: (Flags, bool)) -> Result<(), String> {
        let start = self.at;
        self.at += 2;
        let (mut on, mut off, mut negative) = (String::new(), String::new(), false);
        loop {
            let Some(c) = self.peek(0) else {
                return Err(format!("missing -, : or ) at position {}", self.at));
            };
            self.at += 1;
            match c {
                'i' | 'm' | 's' | 'x' => {
                    match c {
                        'm' => self.flags.multiline = !negative,
                        'x' => self.verbose = !negative,
                        _ => {}
                    }
                    if negative { off.push(c) } else { on.push(c) }
                }
                'a' => self.flags.ascii = true,
                'u' | 'L' => {}
                '-' => negative = true,
                ':' | ')' => {
                    if c == ':' {
                        self.outer.push(outer);
                    }
                    let close = if c == ':' { ":" } else { ")" };
                    if on.is_empty() && off.is_empty() && c == ')' {
                        return Ok(());
                    }
                    let dash = if off.is_empty() { "" } else { "-" };
                    let _ = write!(self.out, "(?{on}{dash}{off}{close}");
                    return Ok(());
                }
                _ => return Err(format!("unknown extension ?{c} at position {}", start + 1)),
            }
        }
    }

    /// A character class; everything that means more here than in Python is escaped.
    fn class(&mut self) -> Result<(), String> {
        let start = self.at;
        self.copy(1);
        if self.peek(0) == Some('^') {
            self.copy(1);
        }
        let mut first = true;
        loop {
            match self.peek(0) {
                None => return Err(format!("unterminated character set at position {start}")),
                Some(']') if !first => {
                    self.copy(1);
                    return Ok(());
                }
                Some('\\') => self.escape(true)?,
                Some('-') => {
                    // Between two members it makes a range; at the ends it stands for itself.
                    let last = self.peek(1) == Some(']');
                    self.out.push_str(if first || last { "\\-" } else { "-" });
                    self.at += 1;
                }
                Some(c) => {
                    self.literal_in_class(c);
                    self.at += 1;
                }
            }
            first = false;
        }
    }

    fn literal_in_class(&mut self, c: char) {
        if c.is_whitespace() {
            let _ = write!(self.out, "\\x{{{:x}}}", u32::from(c));
        } else {
            if matches!(c, '[' | ']' | '&' | '~' | '^' | '-' | '#') {
                self.out.push('\\');
            }
            self.out.push(c);
        }
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let start = self.at;
        let Some(c) = self.peek(1) else {
            return Err(format!("bad escape (end of pattern) at position {start}"));
        };
        self.at += 2;
        match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' if self.flags.ascii => {
                let members = match c.to_ascii_lowercase() {
                    'd' => "0-9",
                    'w' => "a-zA-Z0-9_",
                    _ => "\\t\\n\\r\\f\\v\\x20",
                };
                let not = if c.is_ascii_uppercase() { "^" } else { "" };
                let _ = match (in_class, not) {
                    (true, "") => write!(self.out, "{members}"),
                    _ => write!(self.out, "[{not}{members}]"),
                };
            }
            'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't' | 'a' | 'f' | 'v' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'b' if in_class => self.out.push_str("\\x08"),
            'b' | 'B' | 'A' if !in_class => {
                self.out.push('\\');
                self.out.push(c);
            }
            'Z' if !in_class => self.out.push_str("\\z"),
            'x' | 'u' | 'U' => {
                let length = match c {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits: String = self.chars[self.at..].iter().take(length).collect();
                match u32::from_str_radix(&digits, 16) {
                    Ok(code) if digits.len() == length => {
                        let _ = write!(self.out, "\\x{{{code:x}}}");
                        self.at += length;
                    }
                    _ => return Err(format!("incomplete escape \\{c}{digits} at position {start}")),
                }
            }
            '0'..='9' => self.number(c, in_class),
            letter if letter.is_ascii_alphabetic() => {
                return Err(format!("bad escape \\{letter} at position {start}"));
            }
            // Some of these mean something else with a backslash before them (`\<`).
            '<' | '>' | '\'' | '"' | '/' | '%' | '@' | ',' | ';' | ':' | '=' | '!' | '`' | '_' => {
                self.out.push(c);
            }
            other if other.is_ascii_punctuation() => {
                self.out.push('\\');
                self.out.push(other);
            }
            other if other.is_whitespace() => {
                let _ = write!(self.out, "\\x{{{:x}}}", u32::from(other));
            }
            other => self.out.push(other),
        }
        Ok(())
    }

    /// An octal number, or a group that matched before.
    fn number(&mut self, first: char, in_class: bool) {
        let octal_at = |index: usize| self.peek(index).filter(|c| ('0'..='7').contains(c));
        let octal =
            first == '0' || in_class || (octal_at(0).is_some() && octal_at(1).is_some() && first < '8');
        if octal {
            let mut code = first.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                let Some(digit) = self.peek(0).and_then(|c| c.to_digit(8)) else { break };
                code = code * 8 + digit;
                self.at += 1;
            }
            let _ = write!(self.out, "\\x{{{code:x}}}");
            return;
        }
        let mut number = String::from(first);
        if let Some(second) = self.peek(0).filter(char::is_ascii_digit) {
            number.push(second);
            self.at += 1;
        }
        // In a group of its own, so that a digit after it stays a digit.
        let _ = write!(self.out, "(?:\\{number})");
    }
}
