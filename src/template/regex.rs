//! Python's regular expressions on fancy-regex.

use super::object::{Res, failed};
use fancy_regex::{Captures, Regex};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Flags as the filters take them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    pub ignore_case: bool,
    pub multiline: bool,
    pub dot_all: bool,
}

/// Bytes of a pattern: what is longer was built by a template, and would nest as deep.
const LONGEST: usize = 50_000;

/// A compiled pattern, kept for the life of the process: patterns come from authors, and are few.
///
/// # Errors
/// A pattern that is none.
pub fn compile(pattern: &str, flags: Flags) -> Res<Arc<Regex>> {
    type Cache = Mutex<HashMap<(String, Flags), Arc<Regex>>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let mut cache = CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let key = (pattern.to_owned(), flags);
    if let Some(known) = cache.get(&key) {
        return Ok(known.clone());
    }
    if pattern.len() > LONGEST {
        return Err(failed(format!("Invalid regular expression: it has more than {LONGEST} bytes")));
    }
    let mut translated = String::new();
    if flags != Flags::default() {
        translated.push_str("(?");
        for (flag, letter) in [(flags.ignore_case, 'i'), (flags.multiline, 'm'), (flags.dot_all, 's')] {
            if flag {
                translated.push(letter);
            }
        }
        translated.push(')');
    }
    translated.push_str(&translate(pattern, flags.multiline));
    let regex = Regex::new(&translated)
        .map_err(|error| failed(format!("Invalid regular expression '{pattern}': {error}")))?;
    let regex = Arc::new(regex);
    if cache.len() > 1000 {
        cache.clear();
    }
    cache.insert(key, regex.clone());
    Ok(regex)
}

/// Python's syntax where it differs from fancy-regex's.
fn translate(pattern: &str, multiline: bool) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    let mut class_start = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Z') => out.push_str("\\z"),
                Some(
                    c @ ('<' | '>' | '"' | '\'' | '/' | '@' | '%' | '=' | '!' | ':' | ';' | ',' | '`' | '_'
                    | ' '),
                ) => {
                    // Escapes that Python allows without need.
                    if c == ' ' { out.push_str("\\x20") } else { out.push(c) }
                }
                Some(c) => {
                    out.push('\\');
                    out.push(c);
                }
                None => out.push_str("\\\\"),
            },
            '[' if !in_class => {
                in_class = true;
                class_start = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    out.extend(chars.next());
                }
                continue;
            }
            // In Python a bracket inside a class is itself.
            '[' if in_class => out.push_str("\\["),
            ']' if in_class && class_start => out.push_str("\\]"),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' if in_class && chars.peek() == Some(&'&') => out.push_str("\\&"),
            '~' if in_class && chars.peek() == Some(&'~') => out.push_str("\\~"),
            '-' if in_class && chars.peek() == Some(&'-') => out.push_str("\\-"),
            // Without `m`, `$` also matches before a last newline.
            '$' if !in_class && !multiline => out.push_str("(?=\\n?\\z)"),
            '{' if !in_class && !is_quantifier(chars.clone()) => out.push_str("\\{"),
            c => out.push(c),
        }
        class_start = false;
    }
    out
}

fn is_quantifier(mut rest: impl Iterator<Item = char>) -> bool {
    let mut digits = false;
    let mut comma = false;
    loop {
        match rest.next() {
            Some(c) if c.is_ascii_digit() => digits = true,
            Some(',') if !comma => comma = true,
            Some('}') => return digits,
            _ => return false,
        }
    }
}

/// The replacement text for one match: `\1`, `\g<1>`, `\g<name>`, `\n` and friends.
///
/// # Errors
/// A group that the pattern does not have.
pub fn expand(template: &str, captures: &Captures<str>, out: &mut String) -> Res<()> {
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('\\') => out.push('\\'),
            Some('0') => out.push('\0'),
            Some('g') if chars.peek() == Some(&'<') => {
                chars.next();
                let mut name = String::new();
                for c in chars.by_ref() {
                    if c == '>' {
                        break;
                    }
                    name.push(c);
                }
                match name.parse::<usize>() {
                    Ok(number) => group(captures, number, out)?,
                    Err(_) => {
                        if let Some(found) = captures.name(&name) {
                            out.push_str(found.as_str());
                        }
                    }
                }
            }
            Some(digit) if digit.is_ascii_digit() => {
                let mut number = digit as usize - '0' as usize;
                if let Some(next) = chars.peek().and_then(|c| c.to_digit(10)) {
                    chars.next();
                    number = number * 10 + next as usize;
                }
                group(captures, number, out)?;
            }
            Some(c) if c.is_ascii_alphabetic() => return Err(failed(format!("bad escape \\{c}"))),
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => return Err(failed("bad escape (end of pattern)")),
        }
    }
    Ok(())
}

fn group(captures: &Captures<str>, number: usize, out: &mut String) -> Res<()> {
    if number >= captures.len() {
        return Err(failed(format!("invalid group reference {number}")));
    }
    if let Some(found) = captures.get(number) {
        out.push_str(found.as_str());
    }
    Ok(())
}

/// All matches as `re.finditer` has them: an empty one may follow another, unlike fancy-regex's own.
pub fn matches<'r, 't>(
    regex: &'r Regex,
    text: &'t str,
) -> impl Iterator<Item = Res<Captures<'t, str>>> + use<'r, 't> {
    let mut from = Some(0);
    std::iter::from_fn(move || {
        let found = match regex.captures_from_pos(text, from?) {
            Ok(found) => found?,
            Err(error) => {
                from = None;
                return Some(Err(runaway(error)));
            }
        };
        let (start, end) = found.get(0).map_or((text.len(), text.len()), |all| (all.start(), all.end()));
        // After an empty match the search goes on one character further.
        from = match start == end {
            true => text[end..].chars().next().map(|c| end + c.len_utf8()),
            false => Some(end),
        };
        Some(Ok(found))
    })
}

/// `re.sub`; gives back how often it replaced, too.
///
/// # Errors
/// A bad replacement, or a pattern that runs away.
pub fn replace(regex: &Regex, text: &str, template: &str, most: usize) -> Res<(String, usize)> {
    let mut out = String::with_capacity(text.len());
    let mut last = 0;
    let mut count = 0;
    for captures in regex.captures_iter(text) {
        let captures = captures.map_err(runaway)?;
        let Some(found) = captures.get(0) else { continue };
        out.push_str(&text[last..found.start()]);
        expand(template, &captures, &mut out)?;
        if out.len() > 64 << 20 {
            return Err(failed("the replaced text is too long"));
        }
        last = found.end();
        count += 1;
        if most != 0 && count >= most {
            break;
        }
    }
    out.push_str(&text[last..]);
    Ok((out, count))
}

pub fn runaway(error: fancy_regex::Error) -> super::TemplateError {
    failed(format!("the regular expression failed: {error}"))
}
