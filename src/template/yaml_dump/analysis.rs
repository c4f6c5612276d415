//! What a text would be read as, and in which styles it can be written.

use crate::source::yaml;
use crate::value::{Value, float_repr};

/// A scalar's text and tag, and whether it is a text by nature.
pub(super) fn scalar_text(value: &Value) -> (String, &'static str, bool) {
    match value {
        Value::Bool(b) => (b.to_string(), "!", false),
        Value::Int(i) => (i.to_string(), "!", false),
        Value::Big(digits) => (digits.to_string(), "!", false),
        Value::Float(f) => {
            let text = if f.is_nan() {
                ".nan".to_owned()
            } else if f.is_infinite() {
                if *f > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() }
            } else {
                let text = float_repr(*f);
                // Without a point YAML 1.1 would read a text.
                if !text.contains('.') { text.replacen('e', ".0e", 1) } else { text }
            };
            (text, "!", false)
        }
        Value::Str(text) => (text.to_string(), "", true),
        Value::Bytes(bytes) => (String::from_utf8_lossy(bytes).into_owned(), "", true),
        _ => ("null".to_owned(), "!", false),
    }
}

/// Whether the text, without quotes, would be read as a text again.
pub(super) fn reads_as_text(text: &str) -> bool {
    if text.is_empty() || matches!(text, "<<" | "=") || is_timestamp(text) {
        return false;
    }
    if matches!(text, "~" | "null" | "Null" | "NULL") || yaml::plain_boolean(text).is_some() {
        return false;
    }
    !is_number(text)
}

/// Numbers and times by the rules of YAML 1.1.
fn is_number(text: &str) -> bool {
    let pattern = r"\A(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)\z";
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && crate::template::regex::compile(pattern, crate::template::regex::Flags::default())
            .is_ok_and(|regex| regex.is_match(text).unwrap_or(false))
}

fn is_timestamp(text: &str) -> bool {
    let pattern = r"\A(?:\d\d\d\d-\d\d-\d\d|\d\d\d\d-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)\z";
    text.starts_with(|c: char| c.is_ascii_digit())
        && crate::template::regex::compile(pattern, crate::template::regex::Flags::default())
            .is_ok_and(|regex| regex.is_match(text).unwrap_or(false))
}

/// libyaml's notion: beyond the basic plane nothing is.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

/// In which styles a text can be written.
pub(super) struct Analysis {
    pub line_breaks: bool,
    pub flow_plain: bool,
    pub block_plain: bool,
    pub single_quoted: bool,
    pub block: bool,
}

pub(super) fn analyse(text: &str, allow_unicode: bool) -> Analysis {
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_blank = |c: char| c == ' ' || c == '\t' || c == '\0' || is_break(c);
    let chars: Vec<char> = text.chars().collect();
    let mut block_indicators = text.starts_with("---") || text.starts_with("...");
    let mut flow_indicators = block_indicators;
    let (mut line_breaks, mut special) = (false, false);
    let (mut edge, mut trailing_space, mut break_space, mut space_break) = (false, false, false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    for (i, c) in chars.iter().enumerate() {
        let followed = chars.get(i + 1).is_none_or(|c| is_blank(*c));
        let preceded = i == 0 || is_blank(chars[i - 1]);
        match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`'
                if i == 0 =>
            {
                flow_indicators = true;
                block_indicators = true;
            }
            '?' | ':' if i == 0 => {
                flow_indicators = true;
                block_indicators |= followed;
            }
            '-' if i == 0 && followed => {
                flow_indicators = true;
                block_indicators = true;
            }
            ',' | '?' | '[' | ']' | '{' | '}' if i > 0 => flow_indicators = true,
            ':' if i > 0 => {
                flow_indicators = true;
                block_indicators |= followed;
            }
            '#' if i > 0 && preceded => {
                flow_indicators = true;
                block_indicators = true;
            }
            _ => {}
        }
        if !is_printable(*c) || (!c.is_ascii() && !allow_unicode) {
            special = true;
        }
        line_breaks |= is_break(*c);
        let last = i + 1 == chars.len();
        if *c == ' ' {
            edge |= i == 0 || last;
            trailing_space |= last;
            break_space |= previous_break;
            (previous_space, previous_break) = (true, false);
        } else if is_break(*c) {
            edge |= i == 0 || last;
            space_break |= previous_space;
            (previous_space, previous_break) = (false, true);
        } else {
            (previous_space, previous_break) = (false, false);
        }
    }
    let odd = space_break || special;
    let plain = !edge && !break_space && !odd && !line_breaks;
    Analysis {
        line_breaks,
        flow_plain: plain && !flow_indicators && !chars.is_empty(),
        block_plain: plain && !block_indicators,
        single_quoted: !break_space && !odd,
        block: !trailing_space && !odd,
    }
}
