//! What Python reads as a literal: `ast.literal_eval`.

use super::object::{Entries, Res, V, failed, key_of};
use num_bigint::BigInt;

/// Literals nested deeper than this are no data that anybody wrote.
const DEEPEST: usize = 100;

/// The value that a text of Python's literals means; tuples and sets are tuples and lists.
///
/// # Errors
/// It is none.
pub fn parse(text: &str) -> Res<V> {
    let mut parser = Parser { rest: text, depth: 0 };
    let first = parser.value()?;
    parser.skip();
    let value = if parser.rest.starts_with(',') { parser.tuple(first, None)? } else { first };
    parser.skip();
    if parser.rest.is_empty() { Ok(value) } else { Err(malformed()) }
}

fn malformed() -> super::TemplateError {
    failed("malformed node or string")
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
    }

    fn eat(&mut self, sign: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Res<V> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(malformed());
        }
        self.skip();
        let value = match self.rest.chars().next() {
            Some('[') => {
                self.eat('[');
                self.items(']').map(V::list)?
            }
            Some('(') => self.parenthesis()?,
            Some('{') => self.braces()?,
            Some('-') => {
                self.eat('-');
                super::object::negate(&self.number_after_sign()?)?
            }
            Some('+') => {
                self.eat('+');
                self.number_after_sign()?
            }
            Some('0'..='9' | '.') => self.number()?,
            Some('\'' | '"') => self.string()?,
            _ => self.word()?,
        };
        self.depth -= 1;
        Ok(value)
    }

    fn number_after_sign(&mut self) -> Res<V> {
        let value = self.value()?;
        if value.is_number() { Ok(value) } else { Err(malformed()) }
    }

    fn items(&mut self, end: char) -> Res<Vec<V>> {
        let mut out = Vec::new();
        while !self.eat(end) {
            out.push(self.value()?);
            if !self.eat(',') {
                if self.eat(end) {
                    break;
                }
                return Err(malformed());
            }
        }
        Ok(out)
    }

    /// The items after the first one of a tuple, up to its end.
    fn tuple(&mut self, first: V, end: Option<char>) -> Res<V> {
        let mut out = vec![first];
        while self.eat(',') {
            self.skip();
            let over = end.map_or(self.rest.is_empty(), |end| self.rest.starts_with(end));
            if over {
                break;
            }
            out.push(self.value()?);
        }
        Ok(V::tuple(out))
    }

    fn parenthesis(&mut self) -> Res<V> {
        self.eat('(');
        if self.eat(')') {
            return Ok(V::tuple(Vec::new()));
        }
        let first = self.value()?;
        self.skip();
        let value = if self.rest.starts_with(',') { self.tuple(first, Some(')'))? } else { first };
        if self.eat(')') { Ok(value) } else { Err(malformed()) }
    }

    fn braces(&mut self) -> Res<V> {
        self.eat('{');
        if self.eat('}') {
            return Ok(V::dict(Entries::default()));
        }
        let first = self.value()?;
        if !self.eat(':') {
            let mut items = vec![first];
            if self.eat(',') {
                items.extend(self.items('}')?);
            } else if !self.eat('}') {
                return Err(malformed());
            }
            return Ok(V::list(items));
        }
        let mut out = Entries::default();
        out.insert(key_of(&first)?, self.value()?);
        loop {
            let more = self.eat(',');
            if self.eat('}') {
                return Ok(V::dict(out));
            }
            if !more {
                return Err(malformed());
            }
            let key = self.value()?;
            if !self.eat(':') {
                return Err(malformed());
            }
            out.insert(key_of(&key)?, self.value()?);
        }
    }

    fn word(&mut self) -> Res<V> {
        for (word, value) in [("None", V::None), ("True", V::Bool(true)), ("False", V::Bool(false))] {
            if let Some(rest) = self.rest.strip_prefix(word)
                && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(malformed())
    }

    fn number(&mut self) -> Res<V> {
        let text = self.rest;
        let mut length = 0;
        let mut chars = text.char_indices().peekable();
        let based = text.len() > 1 && text.starts_with('0') && text.as_bytes()[1].is_ascii_alphabetic();
        while let Some((at, c)) = chars.next() {
            let exponent = matches!(c, 'e' | 'E') && !based;
            if !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) {
                break;
            }
            length = at + 1;
            if exponent && matches!(chars.peek(), Some((_, '+' | '-'))) {
                chars.next();
                length += 1;
            }
        }
        let (digits, rest) = text.split_at(length);
        self.rest = rest;
        // An underscore stands between two digits.
        let spaced = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
        let plain = digits.replace('_', "");
        let base = match plain.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("0x") => 16,
            Some("0o") => 8,
            Some("0b") => 2,
            _ => 10,
        };
        if spaced {
            return Err(malformed());
        }
        if base != 10 || plain.bytes().all(|byte| byte.is_ascii_digit()) {
            let digits = if base == 10 { &plain[..] } else { &plain[2..] };
            if base == 10 && digits.len() > 1 && digits.starts_with('0') && digits.contains(|c| c != '0') {
                return Err(malformed());
            }
            if digits.len() > 4300 {
                return Err(malformed());
            }
            if let Ok(number) = i64::from_str_radix(digits, base) {
                return Ok(V::Int(number));
            }
            let number = BigInt::parse_bytes(digits.as_bytes(), base).ok_or_else(malformed)?;
            return Ok(V::Big(number.into()));
        }
        let numeric =
            plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
        match plain.parse::<f64>() {
            Ok(number) if numeric => Ok(V::Float(number)),
            _ => Err(malformed()),
        }
    }

    /// Strings side by side are one.
    fn string(&mut self) -> Res<V> {
        let mut out = String::new();
        loop {
            self.quoted(&mut out)?;
            self.skip();
            if !self.rest.starts_with(['\'', '"']) {
                return Ok(V::from(out));
            }
        }
    }

    fn quoted(&mut self, out: &mut String) -> Res<()> {
        let quote = if self.rest.starts_with('"') { "\"" } else { "'" };
        let triple = quote.repeat(3);
        let end = if self.rest.starts_with(&triple) { &triple } else { quote };
        self.rest = &self.rest[end.len()..];
        loop {
            if let Some(rest) = self.rest.strip_prefix(end) {
                self.rest = rest;
                return Ok(());
            }
            let mut chars = self.rest.chars();
            match chars.next() {
                None => return Err(malformed()),
                Some('\n') if end.len() == 1 => return Err(malformed()),
                Some('\\') => {
                    self.rest = chars.as_str();
                    self.escape(out)?;
                    continue;
                }
                Some(c) => out.push(c),
            }
            self.rest = chars.as_str();
        }
    }

    fn escape(&mut self, out: &mut String) -> Res<()> {
        let mut chars = self.rest.chars();
        let sign = chars.next().ok_or_else(malformed)?;
        self.rest = chars.as_str();
        match sign {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(sign),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            'x' => self.code(2, 16, out)?,
            'u' => self.code(4, 16, out)?,
            'U' => self.code(8, 16, out)?,
            '0'..='7' => {
                let more = self.rest.chars().take(2).take_while(|c| c.is_digit(8)).count();
                let digits = format!("{sign}{}", &self.rest[..more]);
                self.rest = &self.rest[more..];
                let code = u32::from_str_radix(&digits, 8).map_err(|_| malformed())?;
                out.push(char::from_u32(code).ok_or_else(malformed)?);
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
        Ok(())
    }

    fn code(&mut self, length: usize, base: u32, out: &mut String) -> Res<()> {
        let digits = self.rest.get(..length).ok_or_else(malformed)?;
        let code = u32::from_str_radix(digits, base).map_err(|_| malformed())?;
        out.push(char::from_u32(code).ok_or_else(malformed)?);
        self.rest = &self.rest[length..];
        Ok(())
    }
}
