//! How deep a template nests, before anybody walks into it: parsers recurse, and stacks end.

use super::Syntax;

/// Operators, brackets, filters and attributes that may follow or enclose one another; statements likewise.
const DEEPEST: usize = 500;

/// Shorter texts cannot nest too deep.
const SHORT: usize = 1000;

/// Where a template nests too deep.
pub fn too_deep(text: &str, syntax: &Syntax) -> Option<usize> {
    if text.len() < SHORT {
        return None;
    }
    let mut at = 0;
    // Where the next of each kind begins; looked for again once it is passed.
    let mut openers = Openers { variable: 0, block: 0 };
    // For each open statement, how many levels it is: an `elif` is an `if` within the one before.
    let mut statements: Vec<usize> = Vec::new();
    while let Some((start, block)) = openers.next(text, at, syntax) {
        let end = if block { &syntax.block.1 } else { &syntax.variable.1 };
        match code(&text[start..], Some(end)) {
            Ok(length) => at = start + length,
            Err(bad) => return Some(start + bad),
        }
        if block {
            let words = text[start..at].trim_start_matches(['-', '+']).trim_start();
            match words.split(|c: char| !c.is_alphabetic()).next().unwrap_or("") {
                "elif" => *statements.last_mut()? += 1,
                "if" | "for" | "macro" | "call" | "filter" | "with" | "block" | "autoescape" | "set" => {
                    statements.push(1);
                }
                word if word.starts_with("end") => {
                    statements.pop();
                }
                _ => {}
            }
            // `set x = 1` has no end.
            if words.starts_with("set") && words.contains('=') {
                statements.pop();
            }
            if statements.iter().sum::<usize>() > DEEPEST {
                return Some(start);
            }
        }
    }
    None
}

/// Where an expression nests too deep.
pub fn expression_too_deep(text: &str) -> Option<usize> {
    if text.len() < SHORT { None } else { code(text, None).err() }
}

/// Where code begins, after its opening delimiter.
struct Openers {
    variable: usize,
    block: usize,
}

impl Openers {
    /// The next code after `from`, and whether it is a statement.
    fn next(&mut self, text: &str, from: usize, syntax: &Syntax) -> Option<(usize, bool)> {
        let find = |opener: &str, known: usize| match known {
            known if known > from => known,
            _ => text[from..].find(opener).map_or(usize::MAX, |at| from + at + opener.len()),
        };
        self.variable = find(&syntax.variable.0, self.variable);
        self.block = find(&syntax.block.0, self.block);
        let first = self.variable.min(self.block);
        (first < usize::MAX).then_some((first, self.block < self.variable))
    }
}

/// The length of code up to its end, or where it is too deep.
fn code(text: &str, end: Option<&str>) -> Result<usize, usize> {
    // How many steps follow one another at each level of brackets, since the last comma.
    let mut levels = vec![0usize];
    let mut quote = None;
    // Bytes of the name that ends here.
    let mut word = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if let Some(open) = quote {
            match c {
                '\\' => {
                    chars.next();
                }
                c if c == open => quote = None,
                _ => {}
            }
            continue;
        }
        if levels.len() == 1 && end.is_some_and(|end| text[at..].starts_with(end)) {
            return Ok(at + end.map_or(0, str::len));
        }
        if c.is_alphanumeric() || c == '_' {
            word += c.len_utf8();
            continue;
        }
        let nested = levels.len() > 1;
        let last = levels.last_mut().ok_or(at)?;
        if word > 0 && matches!(&text[at - word..at], "not" | "and" | "or" | "if" | "else" | "is" | "in") {
            *last += 1;
        }
        word = 0;
        match c {
            '\'' | '"' => quote = Some(c),
            '(' | '[' | '{' => {
                *last += 1;
                levels.push(0);
            }
            ')' | ']' | '}' if nested => {
                levels.pop();
            }
            ',' => *last = 0,
            '.' | '|' | '+' | '-' | '*' | '/' | '%' | '~' | '<' | '>' | '=' | '!' => *last += 1,
            _ => {}
        }
        if levels.iter().sum::<usize>() > DEEPEST {
            return Err(at);
        }
    }
    Ok(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_is_not_deep() {
        let syntax = Syntax::default();
        let flat = format!("{{{{ [{}] }}}} . . . {{% set x = 1 %}}", "a.b + 1, ".repeat(5000));
        assert_eq!(too_deep(&flat, &syntax), None);
        assert_eq!(too_deep(&"{% if x %}{% set x = 1 %}{{ a }}{% endif %}".repeat(5000), &syntax), None);
        for deep in ["not ", "(", "[", "a.", "1 + ", "x | y | "] {
            let text = format!("{{{{ {} }}}}", deep.repeat(2000));
            assert!(too_deep(&text, &syntax).is_some(), "{deep}");
        }
        assert!(too_deep(&"{% if x %}".repeat(2000), &syntax).is_some());
        assert!(expression_too_deep(&"not ".repeat(2000)).is_some());
        // Letters of several bytes.
        assert_eq!(too_deep("{{ größe and 日本 or ö }}", &syntax), None);
    }
}
