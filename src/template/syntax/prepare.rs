//! What minijinja's lexer reads otherwise than Jinja's, put right before it sees the text. Every change
//! keeps the number of bytes, so that positions stay true.

use super::Syntax;

/// Stand for a backslash and for quotes after one inside string literals: how they are read depends on
/// where the literal stands (see [`decode`]).
const BACKSLASH: char = '\u{1}';
const SINGLE: char = '\u{2}';
const DOUBLE: char = '\u{3}';

/// A whole template.
pub fn template(text: &str, syntax: &Syntax) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Longer delimiters win where one is the beginning of another.
    let mut openers = [(&*syntax.block.0, 'b'), (&*syntax.variable.0, 'v'), (&*syntax.comment.0, 'c')];
    openers.sort_by_key(|(opener, _)| std::cmp::Reverse(opener.len()));
    loop {
        let next = openers
            .iter()
            .filter_map(|(opener, kind)| rest.find(opener).map(|at| (at, *opener, *kind)))
            .min_by_key(|(at, opener, _)| (*at, std::cmp::Reverse(opener.len())));
        let Some((at, opener, kind)) = next else {
            out.push_str(rest);
            return out;
        };
        out.push_str(&rest[..at + opener.len()]);
        rest = &rest[at + opener.len()..];
        match kind {
            'c' => {
                let end =
                    rest.find(&*syntax.comment.1).map_or(rest.len(), |end| end + syntax.comment.1.len());
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            'v' => rest = code(rest, &syntax.variable.1, &mut out),
            _ => {
                if let Some((head, tail)) = raw_tag(rest, &syntax.block.1) {
                    // Jinja keeps the line break after `{% raw %}`: a `+` tells the lexer so.
                    let marked = head.strip_suffix([' ', '\t']).filter(|_| syntax.trim_blocks);
                    match marked {
                        Some(head) if !head.trim_end().ends_with(['-', '+']) => {
                            out.push_str(head);
                            out.push('+');
                        }
                        _ => out.push_str(head),
                    }
                    out.push_str(&syntax.block.1);
                    let end = end_of_raw(tail, syntax);
                    out.push_str(&tail[..end]);
                    rest = &tail[end..];
                } else {
                    rest = code(rest, &syntax.block.1, &mut out);
                }
            }
        }
    }
}

/// A bare expression.
pub fn expression(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    code(text, "", &mut out);
    out
}

/// After `{%`: the inside of a `raw` tag and what follows its end.
fn raw_tag<'a>(rest: &'a str, end: &str) -> Option<(&'a str, &'a str)> {
    let at = rest.find(end)?;
    let head = &rest[..at];
    let word = head.trim_start_matches(['-', '+']).trim().trim_end_matches(['-', '+']).trim();
    (word == "raw").then(|| (head, &rest[at + end.len()..]))
}

fn end_of_raw(text: &str, syntax: &Syntax) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find(&*syntax.block.0) {
        let inside = &text[from + at + syntax.block.0.len()..];
        if inside.trim_start_matches(['-', '+']).trim_start().starts_with("endraw") {
            return from + at;
        }
        from += at + syntax.block.0.len();
    }
    text.len()
}

/// Copies code up to and including `end`; gives back what follows.
fn code<'a>(text: &'a str, end: &str, out: &mut String) -> &'a str {
    let mut depth = 0i32;
    let mut at = 0;
    // A white space marker of the opening delimiter is no operator.
    if !end.is_empty() && text.starts_with(['-', '+']) {
        out.push_str(&text[..1]);
        at = 1;
    }
    // Whether a value may start here: then `+` is a sign.
    let mut operand = true;
    let mut word = String::new();
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let marked = !end.is_empty() && rest.starts_with(['-', '+']) && rest[1..].starts_with(end);
        if depth <= 0 && !end.is_empty() && (marked || rest.starts_with(end)) {
            let length = end.len() + usize::from(marked);
            out.push_str(&rest[..length]);
            return &rest[length..];
        }
        at += c.len_utf8();
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            out.push(c);
            operand = false;
            continue;
        }
        if !word.is_empty() {
            operand = matches!(&*word, "and" | "or" | "not" | "in" | "if" | "else" | "elif");
            word.clear();
        }
        match c {
            '\'' | '"' => {
                out.push(c);
                at += string(&text[at..], c, out);
                operand = false;
                continue;
            }
            '\u{a0}' => out.push_str("  "),
            '+' if operand => out.push(' '),
            c => out.push(c),
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if !c.is_whitespace() {
            operand = !matches!(c, ')' | ']' | '}' | '.');
        }
    }
    ""
}

/// Copies a string literal after its opening quote; gives back its length.
fn string(text: &str, quote: char, out: &mut String) -> usize {
    let mut at = 0;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        at += c.len_utf8();
        if c == quote {
            out.push(c);
            return at;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(BACKSLASH);
        if let Some(escaped) = chars.next() {
            at += escaped.len_utf8();
            out.push(match escaped {
                '\\' => BACKSLASH,
                '\'' => SINGLE,
                '"' => DOUBLE,
                other => other,
            });
        }
    }
    at
}

/// The value of a literal: with Python's escapes, or with its backslashes as they are.
pub fn decode(text: &str, raw: bool) -> String {
    if !text.contains([BACKSLASH, SINGLE, DOUBLE]) {
        return text.to_owned();
    }
    let original = text.replace(BACKSLASH, "\\").replace(SINGLE, "'").replace(DOUBLE, "\"");
    if raw { original } else { unescape(&original) }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(kind) = chars.next() else {
            out.push('\\');
            break;
        };
        let simple = match kind {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'v' => Some('\u{b}'),
            '\\' | '\'' | '"' => Some(kind),
            _ => None,
        };
        if let Some(c) = simple {
            out.push(c);
            continue;
        }
        let (radix, most) = match kind {
            '\n' => continue,
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => (8, 2),
            other => {
                out.push('\\');
                out.push(other);
                continue;
            }
        };
        let mut digits = if radix == 8 { kind.to_string() } else { String::new() };
        let wanted = digits.len() + most;
        while digits.len() < wanted && chars.peek().is_some_and(|c| c.is_digit(radix)) {
            digits.extend(chars.next());
        }
        match u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32) {
            Some(c) => out.push(c),
            None => {
                out.push('\\');
                out.push(kind);
                out.push_str(&digits);
            }
        }
    }
    out
}
