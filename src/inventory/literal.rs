//! Values in INI inventories: Python literals where they are ones, texts otherwise.

use crate::diag::Span;
use crate::source::{Node, NodeKind};
use crate::value::Value;

/// Nesting deeper than this is taken as text.
const MAX_DEPTH: usize = 60;

/// What `text` means: a Python literal's value (tuples and sets as lists), or the text itself.
pub fn value(text: &str, span: &Span) -> Node {
    let mut reader = Reader { rest: text.trim_matches([' ', '\t']), span };
    let kind = reader.literal(0).filter(|_| reader.at_end());
    Node::new(kind.unwrap_or_else(|| NodeKind::Str(text.into())), span.clone())
}

/// The value of a Python literal; `None` if the text is none.
pub fn python_literal(text: &str) -> Option<Value> {
    let span = Span::synthetic("a literal", "");
    let mut reader = Reader { rest: text, span: &span };
    let kind = reader.literal(0).filter(|_| reader.at_end())?;
    Some(Node::new(kind, span).to_value())
}

struct Reader<'a> {
    rest: &'a str,
    span: &'a Span,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n']);
    }

    /// Nothing but a comment follows.
    fn at_end(&mut self) -> bool {
        self.blanks();
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    fn eat(&mut self, token: char) -> bool {
        self.blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, depth: usize) -> Option<NodeKind> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        match self.rest.chars().next()? {
            '[' => {
                self.eat('[');
                Some(NodeKind::List(self.items(']', depth)?.0))
            }
            '(' => {
                self.eat('(');
                let (mut items, trailing) = self.items(')', depth)?;
                match items.len() {
                    1 if !trailing => Some(items.remove(0).kind),
                    _ => Some(NodeKind::List(items)),
                }
            }
            '{' => {
                self.eat('{');
                self.braces(depth)
            }
            '\'' | '"' => self.texts(),
            c if matches!(c, 'r' | 'R' | 'u' | 'U' | 'b' | 'B') && self.prefixed() => self.texts(),
            '.' if self.rest.starts_with("...") => {
                self.rest = &self.rest["...".len()..];
                Some(NodeKind::Str("...".into()))
            }
            '+' | '-' | '.' | '0'..='9' => self.number(),
            _ => {
                let end =
                    self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
                let kind = match &self.rest[..end] {
                    "set" if self.rest.starts_with("set()") => {
                        self.rest = &self.rest["set()".len()..];
                        return Some(NodeKind::List(Vec::new()));
                    }
                    "True" => NodeKind::Bool(true),
                    "False" => NodeKind::Bool(false),
                    "None" => NodeKind::Null,
                    _ => return None,
                };
                self.rest = &self.rest[end..];
                Some(kind)
            }
        }
        .and_then(|kind| self.bare_tuple(kind, depth))
    }

    /// `1, 2` without parentheses is a tuple, at the top only.
    fn bare_tuple(&mut self, first: NodeKind, depth: usize) -> Option<NodeKind> {
        self.blanks();
        if depth > 0 || !self.rest.starts_with(',') {
            return Some(first);
        }
        let mut items = vec![Node::new(first, self.span.clone())];
        while self.eat(',') {
            if self.at_end() {
                break;
            }
            items.push(Node::new(self.literal(depth + 1)?, self.span.clone()));
        }
        Some(NodeKind::List(items))
    }

    /// Up to `close`; whether a comma stood before it.
    fn items(&mut self, close: char, depth: usize) -> Option<(Vec<Node>, bool)> {
        let mut items = Vec::new();
        let mut trailing = false;
        loop {
            if self.eat(close) {
                return Some((items, trailing));
            }
            if !items.is_empty() && !trailing {
                return None;
            }
            items.push(Node::new(self.literal(depth + 1)?, self.span.clone()));
            trailing = self.eat(',');
        }
    }

    fn braces(&mut self, depth: usize) -> Option<NodeKind> {
        if self.eat('}') {
            return Some(NodeKind::Map(Vec::new()));
        }
        let first = Node::new(self.literal(depth + 1)?, self.span.clone());
        if !self.eat(':') {
            let mut items = vec![first];
            if self.eat(',') {
                items.extend(self.items('}', depth)?.0);
            } else if !self.eat('}') {
                return None;
            }
            return Some(NodeKind::List(items));
        }
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut key = first;
        loop {
            if matches!(key.kind, NodeKind::Map(_)) {
                return None;
            }
            let value = Node::new(self.literal(depth + 1)?, self.span.clone());
            let known = key.to_value();
            match entries.iter_mut().find(|(old, _)| old.to_value() == known) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
            let comma = self.eat(',');
            if self.eat('}') {
                return Some(NodeKind::Map(entries));
            }
            if !comma {
                return None;
            }
            key = Node::new(self.literal(depth + 1)?, self.span.clone());
            if !self.eat(':') {
                return None;
            }
        }
    }

    fn prefixed(&self) -> bool {
        self.rest[1..].starts_with(['\'', '"'])
    }

    /// One string, or several side by side, which Python joins.
    fn texts(&mut self) -> Option<NodeKind> {
        let mut out = String::new();
        loop {
            self.blanks();
            let raw = self.rest.starts_with(['r', 'R']);
            if self.rest.starts_with(['r', 'R', 'u', 'U', 'b', 'B']) && self.prefixed() {
                self.rest = &self.rest[1..];
            } else if !self.rest.starts_with(['\'', '"']) {
                return Some(NodeKind::Str(out.into()));
            }
            out.push_str(&self.text(raw)?);
        }
    }

    fn text(&mut self, raw: bool) -> Option<String> {
        let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quote| self.rest.starts_with(quote))?;
        let body = &self.rest[quote.len()..];
        let mut out = String::new();
        let mut chars = body.char_indices();
        while let Some((at, c)) = chars.next() {
            if body[at..].starts_with(quote) {
                self.rest = &body[at + quote.len()..];
                return Some(out);
            }
            if c != '\\' {
                out.push(c);
                continue;
            }
            let (_, escaped) = chars.next()?;
            if raw {
                out.push('\\');
                out.push(escaped);
                continue;
            }
            match escaped {
                '\n' => {}
                '\\' | '\'' | '"' => out.push(escaped),
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                'a' => out.push('\u{7}'),
                'b' => out.push('\u{8}'),
                'f' => out.push('\u{c}'),
                'v' => out.push('\u{b}'),
                'x' | 'u' | 'U' => {
                    let digits = match escaped {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let code: String = (0..digits).filter_map(|_| chars.next().map(|(_, c)| c)).collect();
                    out.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                '0'..='7' => {
                    let mut code = escaped.to_digit(8)?;
                    for _ in 0..2 {
                        let mut ahead = chars.clone();
                        let Some(digit) = ahead.next().and_then(|(_, c)| c.to_digit(8)) else { break };
                        code = code * 8 + digit;
                        chars = ahead;
                    }
                    out.push(char::from_u32(code)?);
                }
                other => {
                    out.push('\\');
                    out.push(other);
                }
            }
        }
        None
    }

    fn number(&mut self) -> Option<NodeKind> {
        let unsigned = self.rest.trim_start_matches(['+', '-']);
        let sign = &self.rest[..self.rest.len() - unsigned.len()];
        let body = if sign.is_empty() { unsigned } else { unsigned.trim_start_matches(' ') };
        if sign.len() > 1 {
            return None;
        }
        let mut end = 0;
        for (at, c) in body.char_indices() {
            let exponent_sign = matches!(c, '+' | '-')
                && body[..at].ends_with(['e', 'E'])
                && !body.starts_with("0x")
                && !body.starts_with("0X");
            if !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || exponent_sign) {
                break;
            }
            end = at + c.len_utf8();
        }
        let (word, rest) = body.split_at(end);
        // A complex number stays a text.
        let complex = word.strip_suffix(['j', 'J']).filter(|real| number(real, false).is_some());
        let kind = match complex {
            Some(_) => NodeKind::Str(format!("{sign}{word}").into()),
            None => number(word, sign == "-")?,
        };
        self.rest = rest;
        Some(kind)
    }
}

fn number(word: &str, negative: bool) -> Option<NodeKind> {
    if word.is_empty() || word.contains("__") || word.ends_with('_') || word.starts_with('_') {
        return None;
    }
    let digits = word.replace('_', "").to_ascii_lowercase();
    let radix = |prefix: &str, base| digits.strip_prefix(prefix).map(|body| i128::from_str_radix(body, base));
    let whole = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2));
    let magnitude = match whole {
        Some(parsed) => parsed.ok()?,
        None if digits.bytes().all(|b| b.is_ascii_digit()) => {
            if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
                return None;
            }
            // Beyond 128 bits it stays a text, which keeps all digits.
            digits.parse::<i128>().ok()?
        }
        None => {
            let valid = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
            if !valid {
                return None;
            }
            let float: f64 = digits.parse().ok()?;
            return Some(NodeKind::Float(if negative { -float } else { float }));
        }
    };
    let signed = if negative { -magnitude } else { magnitude };
    Some(match i64::try_from(signed) {
        Ok(int) => NodeKind::Int(int),
        Err(_) => NodeKind::Big(signed.to_string().into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::py_repr;

    #[test]
    fn literals_are_pythons_and_the_rest_is_text() {
        let span = Span::synthetic("t", "");
        for (text, expected) in [
            ("1", "1"),
            ("-5", "-5"),
            ("- 5", "-5"),
            ("[..., 1j, set(), {1, 2}, b'x']", "['...', '1j', [], [1, 2], 'x']"),
            ("+1", "1"),
            ("1_000", "1000"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0b1", "1"),
            ("0777", "'0777'"),
            ("00", "0"),
            ("1e3", "1000.0"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("1e400", "inf"),
            ("1.2.3", "'1.2.3'"),
            ("10.0.0.1", "'10.0.0.1'"),
            ("1L", "'1L'"),
            ("1+1", "'1+1'"),
            ("--5", "'--5'"),
            ("True", "True"),
            ("true", "'true'"),
            ("None", "None"),
            ("yes", "'yes'"),
            ("'x' 'y'", "'xy'"),
            ("\"\"\"x\"\"\"", "'x'"),
            ("'a' # c", "'a'"),
            ("a # c", "'a # c'"),
            ("1 # c", "1"),
            ("# c", "'# c'"),
            ("r'\\x'", "'\\\\x'"),
            ("'\\t\\x41\\101'", "'\\tAA'"),
            ("b'x'", "'x'"),
            ("f'x'", "\"f'x'\""),
            ("\"a\"b", "'\"a\"b'"),
            ("'unterminated", "\"'unterminated\""),
            ("[True, None, 'x', \"y\", 1.5, -2,]", "[True, None, 'x', 'y', 1.5, -2]"),
            ("{'a': {'b': [1, (2, 3)]}}", "{'a': {'b': [1, [2, 3]]}}"),
            ("{1: 2, 'a': 3}", "{1: 2, 'a': 3}"),
            ("{1, 2}", "[1, 2]"),
            ("{}", "{}"),
            ("()", "[]"),
            ("(1)", "1"),
            ("(1,)", "[1]"),
            ("1,2", "[1, 2]"),
            ("[1,", "'[1,'"),
            ("[1] + [2]", "'[1] + [2]'"),
            ("set()", "[]"),
            ("{a:1}", "'{a:1}'"),
            ("", "''"),
            ("...", "'...'"),
            ("a=b", "'a=b'"),
            ("not True", "'not True'"),
        ] {
            assert_eq!(py_repr(&value(text, &span).to_value()), expected, "{text}");
        }
    }
}
