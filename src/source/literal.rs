//! What Python reads as a literal: `ast.literal_eval`.

use num_bigint::BigInt;

/// Literals nested deeper than this are no data that anybody wrote.
const DEEPEST: usize = 60;
/// Python reads no decimal number with more digits.
const MOST_DIGITS: usize = 4300;

/// What a text of Python's literals means.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    None,
    Bool(bool),
    Int(i64),
    /// An integer outside `i64`.
    Big(BigInt),
    Float(f64),
    /// A number with an imaginary part, as it is written.
    Complex(String),
    /// `...`
    Ellipsis,
    Str(String),
    Bytes(Vec<u8>),
    List(Vec<Literal>),
    Tuple(Vec<Literal>),
    /// In the order written, the same item perhaps more than once.
    Set(Vec<Literal>),
    /// In the order written; of equal keys the last one is meant.
    Dict(Vec<(Literal, Literal)>),
}

impl Literal {
    /// Reads a text; blanks before it and a comment after it do not matter. `None` if it is no literal.
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.trim_start_matches([' ', '\t']) };
        let first = reader.literal(0)?;
        reader.blanks();
        let literal = if reader.rest.starts_with(',') { reader.tuple(first, None, 0)? } else { first };
        reader.at_end().then_some(literal)
    }

    /// Whether it can be a key, or in a set.
    fn is_hashable(&self) -> bool {
        match self {
            Self::List(_) | Self::Set(_) | Self::Dict(_) => false,
            Self::Tuple(items) => items.iter().all(Self::is_hashable),
            _ => true,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
    }

    /// Nothing but a comment follows.
    fn at_end(&mut self) -> bool {
        self.blanks();
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, depth: usize) -> Option<Literal> {
        if depth > DEEPEST {
            return None;
        }
        if self.eat("[") {
            return self.items("]", depth).map(Literal::List);
        }
        if self.eat("(") {
            return self.parenthesis(depth);
        }
        if self.eat("{") {
            return self.braces(depth);
        }
        if self.eat("...") {
            return Some(Literal::Ellipsis);
        }
        match self.rest.chars().next()? {
            '-' | '+' => {
                let negative = self.rest.starts_with('-');
                self.rest = &self.rest[1..];
                self.unsigned(negative, depth)
            }
            '.' | '0'..='9' => self.number(false),
            _ if self.prefix().is_some() => self.texts(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Literal> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let literal = match word {
            "True" => Literal::Bool(true),
            "False" => Literal::Bool(false),
            "None" => Literal::None,
            "set" => {
                self.rest = rest;
                return (self.eat("(") && self.eat(")")).then(|| Literal::Set(Vec::new()));
            }
            _ => return None,
        };
        self.rest = rest;
        Some(literal)
    }

    /// Up to `close`, with commas between them and perhaps one more.
    fn items(&mut self, close: &str, depth: usize) -> Option<Vec<Literal>> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.literal(depth + 1)?);
            if !self.eat(",") {
                return self.eat(close).then_some(items);
            }
        }
        Some(items)
    }

    fn parenthesis(&mut self, depth: usize) -> Option<Literal> {
        if self.eat(")") {
            return Some(Literal::Tuple(Vec::new()));
        }
        let first = self.literal(depth + 1)?;
        self.blanks();
        let literal =
            if self.rest.starts_with(',') { self.tuple(first, Some(')'), depth + 1)? } else { first };
        self.eat(")").then_some(literal)
    }

    /// The items after the first one of a tuple, up to its end, which stays.
    fn tuple(&mut self, first: Literal, end: Option<char>, depth: usize) -> Option<Literal> {
        let mut items = vec![first];
        while self.eat(",") {
            let over = match end {
                Some(end) => {
                    self.blanks();
                    self.rest.starts_with(end)
                }
                None => self.at_end(),
            };
            if over {
                break;
            }
            items.push(self.literal(depth + 1)?);
        }
        Some(Literal::Tuple(items))
    }

    fn braces(&mut self, depth: usize) -> Option<Literal> {
        if self.eat("}") {
            return Some(Literal::Dict(Vec::new()));
        }
        let mut key = self.literal(depth + 1)?;
        if !self.eat(":") {
            let mut items = vec![key];
            if self.eat(",") {
                items.extend(self.items("}", depth)?);
            } else if !self.eat("}") {
                return None;
            }
            return items.iter().all(Literal::is_hashable).then_some(Literal::Set(items));
        }
        let mut entries: Vec<(Literal, Literal)> = Vec::new();
        loop {
            if !key.is_hashable() {
                return None;
            }
            let value = self.literal(depth + 1)?;
            match entries.iter_mut().find(|(known, _)| *known == key) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
            let comma = self.eat(",");
            if self.eat("}") {
                return Some(Literal::Dict(entries));
            }
            if !comma {
                return None;
            }
            key = self.literal(depth + 1)?;
            if !self.eat(":") {
                return None;
            }
        }
    }

    /// The length of what stands before a quote, if one follows: nothing, `r`, `b`, `u`, `rb` …
    fn prefix(&self) -> Option<usize> {
        let length = self.rest.find(['\'', '"']).filter(|at| *at <= 2)?;
        let prefix = self.rest[..length].to_ascii_lowercase();
        ["", "r", "b", "u", "rb", "br"].contains(&&*prefix).then_some(length)
    }

    /// One string, or several side by side, which Python joins.
    fn texts(&mut self) -> Option<Literal> {
        let mut out = String::new();
        let mut kind = None;
        while let Some(length) = self.prefix() {
            let prefix = self.rest[..length].to_ascii_lowercase();
            let bytes = prefix.contains('b');
            if *kind.get_or_insert(bytes) != bytes {
                return None;
            }
            self.rest = &self.rest[length..];
            self.quoted(&mut out, prefix.contains('r'), bytes)?;
            self.blanks();
        }
        if kind? {
            // Each letter is one byte here.
            return out
                .chars()
                .map(|c| u8::try_from(u32::from(c)).ok())
                .collect::<Option<_>>()
                .map(Literal::Bytes);
        }
        Some(Literal::Str(out))
    }

    fn quoted(&mut self, out: &mut String, raw: bool, bytes: bool) -> Option<()> {
        let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quote| self.rest.starts_with(quote))?;
        self.rest = &self.rest[quote.len()..];
        loop {
            if let Some(rest) = self.rest.strip_prefix(quote) {
                self.rest = rest;
                return Some(());
            }
            let mut chars = self.rest.chars();
            let letter = chars.next()?;
            self.rest = chars.as_str();
            match letter {
                '\n' if quote.len() == 1 => return None,
                '\\' if raw => {
                    let escaped = chars.next()?;
                    self.rest = chars.as_str();
                    out.extend([letter, escaped]);
                }
                '\\' => self.escape(out, bytes)?,
                _ if bytes && !letter.is_ascii() => return None,
                _ => out.push(letter),
            }
        }
    }

    fn escape(&mut self, out: &mut String, bytes: bool) -> Option<()> {
        let mut chars = self.rest.chars();
        let sign = chars.next()?;
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
            'x' => self.code(2, out)?,
            'u' if !bytes => self.code(4, out)?,
            'U' if !bytes => self.code(8, out)?,
            // A character by its name.
            'N' if !bytes => return None,
            '0'..='7' => {
                let more = self.rest.chars().take(2).take_while(|c| c.is_digit(8)).count();
                let code = u32::from_str_radix(&format!("{sign}{}", &self.rest[..more]), 8).ok()?;
                self.rest = &self.rest[more..];
                out.push(char::from_u32(if bytes { code & 0xff } else { code })?);
            }
            other => out.extend(['\\', other]),
        }
        Some(())
    }

    fn code(&mut self, length: usize, out: &mut String) -> Option<()> {
        let digits =
            self.rest.get(..length).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        self.rest = &self.rest[length..];
        Some(())
    }

    /// A number after its sign, perhaps in parentheses.
    fn unsigned(&mut self, negative: bool, depth: usize) -> Option<Literal> {
        if depth > DEEPEST {
            return None;
        }
        if self.eat("(") {
            let number = self.unsigned(negative, depth + 1)?;
            return self.eat(")").then_some(number);
        }
        self.rest.starts_with(|c: char| c == '.' || c.is_ascii_digit()).then(|| self.number(negative))?
    }

    fn number(&mut self, negative: bool) -> Option<Literal> {
        let based =
            self.rest.starts_with('0') && self.rest[1..].starts_with(|c: char| c.is_ascii_alphabetic());
        let mut end = 0;
        for (at, c) in self.rest.char_indices() {
            let exponent = matches!(c, '+' | '-') && !based && self.rest[..at].ends_with(['e', 'E']);
            if !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || exponent) {
                break;
            }
            end = at + 1;
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if let Some(real) = word.strip_suffix(['j', 'J']) {
            // Its real part may have zeros in front.
            let real = real.trim_start_matches('0');
            let valid = real.is_empty() || number(real, false).is_some();
            return valid.then(|| Literal::Complex(format!("{}{word}", if negative { "-" } else { "" })));
        }
        number(word, negative)
    }
}

fn number(word: &str, negative: bool) -> Option<Literal> {
    // An underscore stands between two digits, or after the letter of a base.
    let mut parts = word.split('_').peekable();
    while let Some(part) = parts.next() {
        let joined = parts.peek().is_none_or(|next| {
            part.ends_with(|c: char| c.is_ascii_alphanumeric())
                && next.starts_with(|c: char| c.is_ascii_hexdigit())
        });
        if part.is_empty() || !joined {
            return None;
        }
    }
    let digits = word.replace('_', "").to_ascii_lowercase();
    let (digits, base) = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, base)| Some((digits.strip_prefix(prefix)?, base)))
        .unwrap_or((&digits, 10));
    if base != 10 || digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let zeros = digits.len() > 1 && digits.starts_with('0') && digits.contains(|c| c != '0');
        if base == 10 && (zeros || digits.len() > MOST_DIGITS) {
            return None;
        }
        let magnitude = BigInt::parse_bytes(digits.as_bytes(), base)?;
        let signed = if negative { -magnitude } else { magnitude };
        return Some(i64::try_from(&signed).map_or(Literal::Big(signed), Literal::Int));
    }
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
    let float: f64 = digits.parse().ok().filter(|_| numeric)?;
    Some(Literal::Float(if negative { -float } else { float }))
}

#[cfg(test)]
mod tests {
    use super::Literal::{
        self, Big, Bool, Bytes, Complex, Dict, Ellipsis, Float, Int, List, Set, Str, Tuple,
    };

    #[test]
    fn literals_are_pythons() {
        for (text, expected) in [
            ("1", Some(Int(1))),
            (" \t1 # one", Some(Int(1))),
            ("- 5", Some(Int(-5))),
            ("-(5)", Some(Int(-5))),
            ("--5", None),
            ("-True", None),
            ("1_000", Some(Int(1000))),
            ("1__0", None),
            ("0x_1", Some(Int(1))),
            ("1._5", None),
            ("1_0.5_0", Some(Float(10.5))),
            ("01.5", Some(Float(1.5))),
            ("0x1F", Some(Int(31))),
            ("0777", None),
            ("00", Some(Int(0))),
            ("100000000000000000000", Some(Big(100_000_000_000_000_000_000_i128.into()))),
            (".5", Some(Float(0.5))),
            ("1e-3", Some(Float(0.001))),
            ("1e", None),
            ("0xe+1", None),
            ("1j", Some(Complex("1j".into()))),
            ("1+1", None),
            ("...", Some(Ellipsis)),
            ("True", Some(Bool(true))),
            ("true", None),
            ("Truer", None),
            ("'x' \"y\"", Some(Str("xy".into()))),
            ("'x' b'y'", None),
            (r"b'\xff\0'", Some(Bytes(vec![255, 0]))),
            (r"rb'\x'", Some(Bytes(b"\\x".to_vec()))),
            ("b'é'", None),
            (r"'\u00e9\101\q'", Some(Str("éA\\q".into()))),
            (r"'\xz1'", None),
            ("'a\nb'", None),
            ("'''a\nb'''", Some(Str("a\nb".into()))),
            ("f'x'", None),
            ("()", Some(Tuple(vec![]))),
            ("(1)", Some(Int(1))),
            ("(1,)", Some(Tuple(vec![Int(1)]))),
            ("1, 2,", Some(Tuple(vec![Int(1), Int(2)]))),
            ("[1, 2,]", Some(List(vec![Int(1), Int(2)]))),
            ("[,]", None),
            ("[1 2]", None),
            ("set()", Some(Set(vec![]))),
            ("{1, 2}", Some(Set(vec![Int(1), Int(2)]))),
            ("{1: 2, 1: 3}", Some(Dict(vec![(Int(1), Int(3))]))),
            ("{[1]: 2}", None),
            ("{(1, [2])}", None),
            ("{a: 1}", None),
            ("", None),
        ] {
            assert_eq!(Literal::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_no_literal() {
        assert_eq!(Literal::parse(&"[".repeat(100_000)), None);
        assert_eq!(Literal::parse(&format!("-{}", "(".repeat(100_000))), None);
    }
}
