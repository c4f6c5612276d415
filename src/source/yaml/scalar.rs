//! What a plain scalar means, by PyYAML's YAML 1.1 rules.

use crate::source::NodeKind;
use std::sync::Arc;

/// A plain (unquoted, untagged) scalar. Dates stay texts: they print the same, and no module takes a date.
pub fn resolve(text: &str) -> NodeKind {
    let Some(first) = text.bytes().next() else { return NodeKind::Null };
    match first {
        b'~' if text == "~" => return NodeKind::Null,
        b'n' | b'N' if matches!(text, "null" | "Null" | "NULL") => return NodeKind::Null,
        _ => {}
    }
    if let Some(value) = boolean(text) {
        return NodeKind::Bool(value);
    }
    if first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.') {
        if is_int(text) {
            return integer(text).unwrap_or_else(|| NodeKind::Str(text.into()));
        }
        if is_float(text)
            && let Some(value) = float(text)
        {
            return NodeKind::Float(value);
        }
    }
    NodeKind::Str(Arc::from(text))
}

/// The spellings that are booleans without quotes. `y` and `n` are not among them.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(|b| b == b'_' || allowed(b))
}

/// A number in base 60 after its first part: `:` and one or two digits below 60, at least once.
fn sexagesimal_tail(text: &str) -> bool {
    text.split(':').all(|part| match part.as_bytes() {
        [d] => d.is_ascii_digit(),
        [tens, d] => (b'0'..=b'5').contains(tens) && d.is_ascii_digit(),
        _ => false,
    })
}

fn is_int(text: &str) -> bool {
    let body = unsigned(text);
    if let Some(digits) = body.strip_prefix("0b") {
        return all(digits, |b| matches!(b, b'0' | b'1'));
    }
    if let Some(digits) = body.strip_prefix("0x") {
        return all(digits, |b| b.is_ascii_hexdigit());
    }
    if body == "0" {
        return true;
    }
    if let Some(digits) = body.strip_prefix('0') {
        return all(digits, |b| (b'0'..=b'7').contains(&b));
    }
    let (head, tail) = body.split_once(':').map_or((body, None), |(head, tail)| (head, Some(tail)));
    head.starts_with(|c: char| c.is_ascii_digit())
        && all(head, |b| b.is_ascii_digit())
        && tail.is_none_or(sexagesimal_tail)
}

/// The integer that `text` writes (also for `!!int`), of whatever size.
pub fn integer(text: &str) -> Option<NodeKind> {
    int(text).map(NodeKind::Int).or_else(|| Some(NodeKind::Big(big(text)?)))
}

/// An integer of more than 64 bits, in decimal; `None` when it is none, or one in parts of sixty.
fn big(text: &str) -> Option<Arc<str>> {
    let plain = text.replace('_', "");
    let (sign, body) = match plain.strip_prefix('-') {
        Some(body) => ("-", body),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let (digits, base) = match (body.strip_prefix("0b"), body.strip_prefix("0x")) {
        (Some(digits), _) => (digits, 2),
        (_, Some(digits)) => (digits, 16),
        _ if body.starts_with('0') => (body, 8),
        _ => (body, 10),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = num_bigint::BigUint::parse_bytes(digits.as_bytes(), base)?;
    Some(format!("{sign}{magnitude}").into())
}

/// The integer that `text` writes; `None` when it is none, or does not fit 64 bits.
fn int(text: &str) -> Option<i64> {
    let plain = text.replace('_', "");
    let (negative, body) = match plain.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if body.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = if body == "0" {
        0
    } else if let Some(digits) = body.strip_prefix("0b") {
        i128::from_str_radix(digits, 2).ok()?
    } else if let Some(digits) = body.strip_prefix("0x") {
        i128::from_str_radix(digits, 16).ok()?
    } else if body.starts_with('0') && !body.contains(':') {
        i128::from_str_radix(body, 8).ok()?
    } else {
        body.split(':')
            .try_fold(0i128, |sum, part| sum.checked_mul(60)?.checked_add(part.parse::<u64>().ok()?.into()))?
    };
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

fn is_float(text: &str) -> bool {
    let body = unsigned(text);
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((head, tail)) = body.split_once('.') else { return false };
    if head.is_empty() {
        // `.5` has no sign in PyYAML's rule, and no underscore directly after the point.
        let (digits, exponent) = split_exponent(tail);
        return body.len() == text.len()
            && digits.starts_with(|c: char| c.is_ascii_digit())
            && all(digits, |b| b.is_ascii_digit())
            && exponent;
    }
    if let Some((first, rest)) = head.split_once(':') {
        return first.starts_with(|c: char| c.is_ascii_digit())
            && all(first, |b| b.is_ascii_digit())
            && sexagesimal_tail(rest)
            && (tail.is_empty() || all(tail, |b| b.is_ascii_digit()));
    }
    let (digits, exponent) = split_exponent(tail);
    head.starts_with(|c: char| c.is_ascii_digit())
        && all(head, |b| b.is_ascii_digit())
        && (digits.is_empty() || all(digits, |b| b.is_ascii_digit()))
        && exponent
}

/// The digits before an exponent, and whether what follows is a valid exponent (it needs a sign) or nothing.
fn split_exponent(text: &str) -> (&str, bool) {
    match text.find(['e', 'E']) {
        None => (text, true),
        Some(at) => {
            let exponent = &text[at + 1..];
            let valid = exponent
                .strip_prefix(['+', '-'])
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
            (&text[..at], valid)
        }
    }
}

/// The number that `text` writes (also for `!!float`).
pub fn float(text: &str) -> Option<f64> {
    let plain = text.replace('_', "").to_ascii_lowercase();
    let (sign, body) = match plain.strip_prefix('-') {
        Some(body) => (-1.0, body),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    match body {
        ".inf" | "inf" | "infinity" => return Some(sign * f64::INFINITY),
        ".nan" | "nan" => return Some(f64::NAN),
        _ => {}
    }
    if body.contains(':') {
        let sum =
            body.split(':').try_fold(0.0, |sum: f64, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))?;
        return Some(sign * sum);
    }
    if !body.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    body.parse::<f64>().ok().map(|value| sign * value)
}
