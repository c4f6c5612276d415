//! What Python says of a text that is no JSON: scripts and people know those words.

/// As deep as anybody nests by hand; deeper texts get other words.
const DEEPEST: usize = 200;

/// What is wrong, and at which character.
type Wrong = (&'static str, usize);

/// Python's words for the first thing that is wrong with a text; `None` if this finds nothing wrong.
pub fn explain(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut reader = Reader { chars: &chars, at: 0 };
    let (words, at) = reader.document().err()?;
    let before = &chars[..at.min(chars.len())];
    let line = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = at - before.iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1) + 1;
    Some(format!("{words}: line {line} column {column} (char {at})"))
}

struct Reader<'t> {
    chars: &'t [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn document(&mut self) -> Result<(), Wrong> {
        self.blanks();
        self.value(0)?;
        self.blanks();
        if self.at < self.chars.len() { Err(("Extra data", self.at)) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize) -> Result<(), Wrong> {
        let start = self.at;
        match self.peek() {
            Some('"') => self.text(),
            Some('{') if depth < DEEPEST => self.members(depth),
            Some('[') if depth < DEEPEST => self.items(depth),
            _ => {
                let words = ["null", "true", "false", "NaN", "Infinity", "-Infinity"];
                let rest = &self.chars[start..];
                let word = words.iter().find(|word| {
                    word.chars().count() <= rest.len() && word.chars().zip(rest).all(|(a, b)| a == *b)
                });
                match word {
                    Some(word) => self.at += word.len(),
                    None => self.number(),
                }
                if self.at == start { Err(("Expecting value", start)) } else { Ok(()) }
            }
        }
    }

    /// As much of a number as there is.
    fn number(&mut self) {
        let digits = |reader: &mut Self| {
            let start = reader.at;
            while reader.peek().is_some_and(|c| c.is_ascii_digit()) {
                reader.at += 1;
            }
            reader.at > start
        };
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        match self.peek() {
            Some('0') => self.at += 1,
            _ if digits(self) => {}
            _ => {
                self.at = start;
                return;
            }
        }
        let whole = self.at;
        if self.peek() == Some('.') {
            self.at += 1;
            if !digits(self) {
                self.at = whole;
                return;
            }
        }
        let fraction = self.at;
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if !digits(self) {
                self.at = fraction;
            }
        }
    }

    fn text(&mut self) -> Result<(), Wrong> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(("Unterminated string starting at", start)),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => match self.chars.get(self.at + 1) {
                    None => return Err(("Unterminated string starting at", start)),
                    Some('u') => {
                        let code = self.chars.get(self.at + 2..self.at + 6);
                        if !code.is_some_and(|code| code.iter().all(char::is_ascii_hexdigit)) {
                            return Err(("Invalid \\uXXXX escape", self.at + 1));
                        }
                        self.at += 6;
                    }
                    Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => self.at += 2,
                    Some(_) => return Err(("Invalid \\escape", self.at)),
                },
                Some(c) if c < ' ' => return Err(("Invalid control character at", self.at)),
                Some(_) => self.at += 1,
            }
        }
    }

    fn items(&mut self, depth: usize) -> Result<(), Wrong> {
        self.at += 1;
        self.blanks();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(("Expecting ',' delimiter", self.at)),
            }
            self.blanks();
        }
    }

    fn members(&mut self, depth: usize) -> Result<(), Wrong> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        self.at += 1;
        self.blanks();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some('"') {
                return Err((NAME, self.at));
            }
            self.text()?;
            self.blanks();
            if self.peek() != Some(':') {
                return Err(("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.blanks();
            self.value(depth + 1)?;
            self.blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                Some('}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(("Expecting ',' delimiter", self.at)),
            }
            self.blanks();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::explain;

    #[test]
    fn pythons_words() {
        let cases = [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("[1", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
            ("{\"a\"", "Expecting ':' delimiter: line 1 column 5 (char 4)"),
            ("{\"a\":", "Expecting value: line 1 column 6 (char 5)"),
            ("{\"a\":1,}", "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)"),
            ("{'a':1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("\"abc", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)"),
            ("[1] x", "Extra data: line 1 column 5 (char 4)"),
            ("tru", "Expecting value: line 1 column 1 (char 0)"),
            ("\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            ("\"\\u12\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            ("01", "Extra data: line 1 column 2 (char 1)"),
            ("-", "Expecting value: line 1 column 1 (char 0)"),
            ("1.", "Extra data: line 1 column 2 (char 1)"),
            ("[1,\n 2,\n x]", "Expecting value: line 3 column 2 (char 9)"),
        ];
        for (text, expected) in cases {
            assert_eq!(explain(text).as_deref(), Some(expected), "{text:?}");
        }
        for fine in ["[1, -2.5e3, \"\\u00e9\\n\", null, {\"a\": []}]", " {} ", "NaN"] {
            assert_eq!(explain(fine), None, "{fine:?}");
        }
    }
}
