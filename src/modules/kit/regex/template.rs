//! Replacement templates: `\1`, `\g<name>`, `\n`.

use super::Captures;

pub(super) struct Template {
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Group(usize, usize),
    Named(String),
}

impl Template {
    /// Reads a template; errors are Python's, positions count characters.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let chars: Vec<char> = text.chars().collect();
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while at < chars.len() {
            let start = at;
            if chars[at] != '\\' {
                literal.push(chars[at]);
                at += 1;
                continue;
            }
            let Some(&escaped) = chars.get(at + 1) else {
                return Err(format!("bad escape (end of pattern) at position {start}"));
            };
            at += 2;
            let group = match escaped {
                'g' => {
                    let name = match chars.get(at) {
                        Some('<') => chars[at + 1..].iter().take_while(|c| **c != '>').collect::<String>(),
                        _ => return Err(format!("missing < at position {at}")),
                    };
                    let end = at + 1 + name.chars().count();
                    if chars.get(end) != Some(&'>') {
                        return Err(format!("missing >, unterminated name at position {}", at + 1));
                    }
                    at = end + 1;
                    match name.parse() {
                        Ok(number) => Some(Part::Group(number, start + 3)),
                        Err(_) => Some(Part::Named(name)),
                    }
                }
                '0' => {
                    literal.push(octal(&chars, &mut at, 0, 2));
                    None
                }
                '1'..='9' => {
                    let digit = |c: Option<&char>| c.and_then(|c| c.to_digit(10)).map(|d| d as usize);
                    let first = escaped.to_digit(10).unwrap_or(0);
                    let octal_digits =
                        [first, digit_of(chars.get(at)), digit_of(chars.get(at + 1))].iter().all(|d| *d < 8);
                    if octal_digits {
                        literal.push(octal(&chars, &mut at, first, 2));
                        None
                    } else {
                        let mut number = first as usize;
                        if let Some(second) = digit(chars.get(at)) {
                            number = number * 10 + second;
                            at += 1;
                        }
                        Some(Part::Group(number, start + 1))
                    }
                }
                'n' => push(&mut literal, "\n"),
                't' => push(&mut literal, "\t"),
                'r' => push(&mut literal, "\r"),
                'a' => push(&mut literal, "\u{7}"),
                'b' => push(&mut literal, "\u{8}"),
                'f' => push(&mut literal, "\u{c}"),
                'v' => push(&mut literal, "\u{b}"),
                '\\' => push(&mut literal, "\\"),
                letter if letter.is_ascii_alphabetic() => {
                    return Err(format!("bad escape \\{letter} at position {start}"));
                }
                other => {
                    literal.push('\\');
                    literal.push(other);
                    None
                }
            };
            if let Some(group) = group {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(group);
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// Adds the template with the groups filled in; groups that took no part are empty.
    pub(super) fn expand(&self, captures: &Captures, out: &mut String) -> Result<(), String> {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(number, position) => {
                    if *number >= captures.len() {
                        return Err(format!("invalid group reference {number} at position {position}"));
                    }
                    out.push_str(captures.get(*number).map_or("", |group| group.as_str()));
                }
                Part::Named(name) => match captures.name(name) {
                    Some(group) => out.push_str(group.as_str()),
                    None => return Err(format!("unknown group name '{name}'")),
                },
            }
        }
        Ok(())
    }
}

fn push(literal: &mut String, text: &str) -> Option<Part> {
    literal.push_str(text);
    None
}

/// A digit, or something that is no octal digit.
fn digit_of(c: Option<&char>) -> u32 {
    c.and_then(|c| c.to_digit(10)).unwrap_or(9)
}

fn octal(chars: &[char], at: &mut usize, mut value: u32, most: usize) -> char {
    for _ in 0..most {
        let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(8)) else { break };
        value = value * 8 + digit;
        *at += 1;
    }
    char::from_u32(value & 0xff).unwrap_or('\0')
}
