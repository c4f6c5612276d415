//! Ansible's free-form arguments: `copy: src=a dest="b c"`, `command: ls creates=/x`.

use std::iter::Peekable;
use std::str::Chars;

/// Options that `command` and its kin take out of their command line; any other `key=value` is part of it.
pub const COMMAND_OPTIONS: [&str; 8] =
    ["creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"];

/// The name under which the free-form part of the arguments travels.
pub const RAW_PARAMS: &str = "_raw_params";

/// Splits at blanks and line ends; quoted parts and template blocks stay whole. Blanks that repeat and line
/// ends stay with the argument before them, so that joining gives the text back.
///
/// # Errors
/// A quote or a template block that is not closed, in Ansible's words.
pub fn split_args(text: &str) -> Result<Vec<String>, String> {
    let mut splitter = Splitter::default();
    let lines: Vec<&str> = text.split('\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let mut continued = false;
        for (position, token) in line.split(' ').enumerate() {
            if token == "\\" && !splitter.in_quotes() {
                continued = true;
                continue;
            }
            splitter.token(token, position);
        }
        if number + 1 < lines.len() && !continued {
            splitter.append("\n");
        }
    }
    if splitter.is_open() {
        return Err(format!(
            "failed at splitting arguments, either an unbalanced jinja2 block or quotes: {}",
            text.trim_end()
        ));
    }
    Ok(splitter.arguments)
}

#[derive(Default)]
struct Splitter {
    arguments: Vec<String>,
    quote: Option<char>,
    /// How many `{{`, `{%` and `{#` are open.
    blocks: [usize; 3],
}

impl Splitter {
    fn in_quotes(&self) -> bool {
        self.quote.is_some()
    }

    fn is_open(&self) -> bool {
        self.in_quotes() || self.blocks.iter().any(|depth| *depth > 0)
    }

    fn append(&mut self, text: &str) {
        match self.arguments.last_mut() {
            Some(last) => last.push_str(text),
            None => self.arguments.push(text.to_owned()),
        }
    }

    fn token(&mut self, token: &str, position: usize) {
        let inside = self.is_open();
        if inside || token.is_empty() {
            if position > 0 {
                self.append(" ");
            }
            if !token.is_empty() {
                self.append(token);
            }
        } else {
            self.arguments.push(token.to_owned());
        }
        self.quote = quote_after(token, self.quote);
        for (depth, (open, close)) in self.blocks.iter_mut().zip([("{{", "}}"), ("{%", "%}"), ("{#", "#}")]) {
            *depth = (*depth + token.matches(open).count()).saturating_sub(token.matches(close).count());
        }
    }
}

/// The quote that is open behind `token` when `quote` was open before it.
fn quote_after(token: &str, mut quote: Option<char>) -> Option<char> {
    let mut before = None;
    for c in token.chars() {
        if matches!(c, '"' | '\'') && before != Some('\\') {
            match quote {
                Some(open) if open == c => quote = None,
                Some(_) => {}
                None => quote = Some(c),
            }
        }
        before = Some(c);
    }
    quote
}

/// The `key=value` pairs of a text, in order, a later one over an earlier one of its name; what is no pair is
/// joined under [`RAW_PARAMS`], last. With `check_raw` only the options of `command` are pairs (`command`,
/// `shell`, `script`, `raw`, …).
///
/// # Errors
/// See [`split_args`].
pub fn parse_kv(text: &str, check_raw: bool) -> Result<Vec<(String, String)>, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut raw: Vec<String> = Vec::new();
    for argument in split_args(text)? {
        let decoded = decode_escapes(&argument);
        let Some(at) = equals_sign(&decoded) else {
            // Only an argument with an (escaped) `=` in it loses its escapes.
            raw.push(if decoded.contains('=') { decoded.replace("\\=", "=") } else { argument });
            continue;
        };
        let (key, value) = (&decoded[..at], decoded[at + 1..].trim());
        if check_raw && !COMMAND_OPTIONS.contains(&key) {
            raw.push(argument);
            continue;
        }
        put(&mut pairs, key.trim(), unquote(value).to_owned());
    }
    if !raw.is_empty() {
        put(&mut pairs, RAW_PARAMS, join_args(&raw));
    }
    Ok(pairs)
}

fn put(pairs: &mut Vec<(String, String)>, key: &str, value: String) {
    match pairs.iter_mut().find(|(known, _)| known == key) {
        Some(pair) => pair.1 = value,
        None => pairs.push((key.to_owned(), value)),
    }
}

/// Puts split arguments together again.
pub fn join_args(arguments: &[String]) -> String {
    let mut out = String::new();
    for argument in arguments {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push(' ');
        }
        out.push_str(argument);
    }
    out
}

/// Where the first `=` is that no backslash precedes; the very first character is none.
fn equals_sign(text: &str) -> Option<usize> {
    text.match_indices('=').map(|(at, _)| at).find(|at| *at > 0 && !text[..*at].ends_with('\\'))
}

/// Without the quotes around it, if there are any.
pub fn unquote(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
            && !inner.ends_with('\\')
        {
            return inner;
        }
    }
    text
}

/// Python's escapes of characters (not the octal ones); anything else keeps its backslash.
fn decode_escapes(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let decoded = match (c, chars.peek()) {
            ('\\', Some(&next)) => escape(next, &mut chars),
            _ => None,
        };
        out.push(decoded.unwrap_or(c));
    }
    out
}

fn escape(letter: char, chars: &mut Peekable<Chars>) -> Option<char> {
    let simple = match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' => letter,
        'x' | 'u' | 'U' => {
            let digits = match letter {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let mut ahead = chars.clone();
            ahead.next();
            let code: String = ahead.by_ref().take(digits).collect();
            if code.len() != digits || !code.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let found = char::from_u32(u32::from_str_radix(&code, 16).ok()?)?;
            *chars = ahead;
            return Some(found);
        }
        _ => return None,
    };
    chars.next();
    Some(simple)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn pairs(recorded: &Value) -> Vec<(String, String)> {
        let text = |v: &Value| v.as_str().expect("text").to_owned();
        recorded.as_array().expect("pairs").iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
    }

    /// `tests/source/record.py` recorded what ansible-core makes of these texts.
    #[test]
    fn arguments_are_split_as_ansible_splits_them() {
        let recorded: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/source/arguments.json")).expect("recorded data");
        assert!(recorded.len() > 2000);
        let mut wrong = Vec::new();
        for case in &recorded {
            let text = case["text"].as_str().expect("text");
            if let Some(error) = case["error"].as_str() {
                // Names of characters (`\N{DEGREE SIGN}`) are not decoded here.
                if !error.contains("codec") && split_args(text).err().as_deref() != Some(error) {
                    wrong.push(format!("{text:?}\n  is {:?}\n not {error}", split_args(text)));
                }
                continue;
            }
            let split: Vec<&str> =
                case["split"].as_array().expect("list").iter().filter_map(Value::as_str).collect();
            if split_args(text).as_ref().is_ok_and(|ours| *ours != split) || split_args(text).is_err() {
                wrong.push(format!("{text:?}\n  is {:?}\n not {split:?}", split_args(text)));
                continue;
            }
            for (check_raw, expected) in [(false, &case["kv"]), (true, &case["raw"])] {
                let ours = parse_kv(text, check_raw).expect("splits");
                if ours != pairs(expected) {
                    wrong.push(format!("{text:?} {check_raw}\n  is {ours:?}\n not {expected}"));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {}:\n{}",
            wrong.len(),
            recorded.len(),
            wrong[..wrong.len().min(25)].join("\n")
        );
    }
}
