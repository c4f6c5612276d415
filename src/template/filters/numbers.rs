//! Filters of numbers.

use crate::template::eval::Call;
use crate::template::object::{NO_ELSE, Res, V, failed, negate};
use num_bigint::BigInt;
use std::sync::Arc;

/// `int(text, base)` of Python, without its errors.
pub fn parse_int(text: &str, base: u32) -> Option<BigInt> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match (base, lower.get(..2)) {
        (0 | 16, Some("0x")) => (16, lower[2..].trim_start_matches('_')),
        (0 | 2, Some("0b")) => (2, lower[2..].trim_start_matches('_')),
        (0 | 8, Some("0o")) => (8, lower[2..].trim_start_matches('_')),
        (0, _) => (10, &*lower),
        (base, _) => (base, &*lower),
    };
    if digits.is_empty() || digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let digits = digits.replace('_', "");
    if !(2..=36).contains(&base) || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let number = BigInt::parse_bytes(digits.as_bytes(), base)?;
    Some(if negative { -number } else { number })
}

/// `float(text)` of Python, without its errors.
pub fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    match lower.trim_start_matches(['+', '-']) {
        "inf" | "infinity" => {
            return Some(if lower.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        "nan" => return Some(f64::NAN),
        other if !other.starts_with(|c: char| c.is_ascii_digit() || c == '.') => return None,
        _ => {}
    }
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    text.replace('_', "").parse().ok()
}

pub fn int(c: &mut Call) -> Res<V> {
    let default = c.get(0).cloned().unwrap_or(V::Int(0));
    let base = u32::try_from(c.int_or(1, 10)?).unwrap_or(10);
    Ok(match &c.value {
        V::Str(text) => match parse_int(text, base) {
            Some(number) => V::from(number),
            // As Jinja: a text like `42.9` is read as a float.
            None => match parse_float(text) {
                Some(f) if f.is_finite() => truncated(f),
                _ => default,
            },
        },
        V::Float(f) if f.is_finite() => truncated(*f),
        V::Int(_) | V::Big(_) => c.value.clone(),
        V::Bool(b) => V::Int(i64::from(*b)),
        V::Object(object) if object.is_undefined() => return Err(failed(NO_ELSE)),
        _ => default,
    })
}

fn truncated(f: f64) -> V {
    let whole = f.trunc();
    if whole.abs() < 9.2e18 {
        V::Int(whole as i64)
    } else {
        format!("{whole:.0}").parse::<BigInt>().map_or(V::Float(whole), V::from)
    }
}

pub fn float(c: &mut Call) -> Res<V> {
    let default = c.get(0).cloned().unwrap_or(V::Float(0.0));
    Ok(match &c.value {
        V::Str(text) => parse_float(text).map_or(default, V::Float),
        other => other.as_f64().map_or(default, V::Float),
    })
}

pub fn abs(c: &mut Call) -> Res<V> {
    Ok(match &c.value {
        V::Float(f) => V::Float(f.abs()),
        V::Int(i) if *i >= 0 => V::Int(*i),
        V::Bool(b) => V::Int(i64::from(*b)),
        V::Big(big) if big.sign() != num_bigint::Sign::Minus => V::Big(Arc::clone(big)),
        V::Int(_) | V::Big(_) => negate(&c.value)?,
        other => return Err(failed(format!("bad operand type for abs(): '{}'", other.type_name()))),
    })
}

/// Half to even, on the decimal text as Python does.
fn round_to(f: f64, digits: i64) -> f64 {
    if digits >= 0 {
        let digits = usize::try_from(digits.min(300)).unwrap_or(0);
        format!("{f:.digits$}").parse().unwrap_or(f)
    } else {
        let scale = 10f64.powi(i32::try_from(-digits).unwrap_or(300));
        (f / scale).round_ties_even() * scale
    }
}

pub fn round(c: &mut Call) -> Res<V> {
    let precision = c.int_or(0, 0)?;
    let method = c.text_or(1, "common")?;
    let Some(number) = c.value.as_f64() else {
        return Err(failed(format!("type {} doesn't define __round__ method", c.value.type_name())));
    };
    let scale = 10f64.powi(i32::try_from(precision).unwrap_or(0));
    match &*method {
        "common" => match &c.value {
            V::Int(_) | V::Big(_) if precision >= 0 => Ok(c.value.clone()),
            V::Bool(b) => Ok(V::Int(i64::from(*b))),
            V::Int(_) => Ok(truncated(round_to(number, precision))),
            _ => Ok(V::Float(round_to(number, precision))),
        },
        // Python rounds to an integer first, which has no negative zero.
        "ceil" => Ok(V::Float(((number * scale).ceil() + 0.0) / scale)),
        "floor" => Ok(V::Float(((number * scale).floor() + 0.0) / scale)),
        _ => Err(failed("method must be common, ceil or floor")),
    }
}

fn number(value: &V, what: &str) -> Res<f64> {
    match value {
        V::Missing(missing) => Err(missing.error()),
        _ => value.as_f64().ok_or_else(|| {
            failed(format!(
                "{what} can only be used on numbers: must be real number, not {}",
                value.type_name()
            ))
        }),
    }
}

pub fn pow(c: &mut Call) -> Res<V> {
    let (x, y) = (number(&c.value, "pow()")?, number(c.need(0)?, "pow()")?);
    power(x, y)
}

pub fn log(c: &mut Call) -> Res<V> {
    let x = number(&c.value, "log()")?;
    if x <= 0.0 {
        return Err(failed("math domain error"));
    }
    Ok(V::Float(match c.given(0) {
        None => x.ln(),
        Some(base) => match number(base, "log()")? {
            10.0 => x.log10(),
            1.0 => return Err(failed("float division by zero")),
            base => x.ln() / base.ln(),
        },
    }))
}

pub fn root(c: &mut Call) -> Res<V> {
    let x = number(&c.value, "root()")?;
    let base = c.given(0).map_or(Ok(2.0), |base| number(base, "root()"))?;
    if base == 0.0 {
        return Err(failed("float division by zero"));
    }
    let result = if base == 2.0 { power(x.sqrt(), 1.0) } else { power(x, 1.0 / base) };
    match result {
        Ok(V::Float(root)) if root.is_nan() && !x.is_nan() => {
            Err(failed("root() can only be used on numbers: math domain error"))
        }
        result => result,
    }
}

/// `math.pow`.
fn power(x: f64, y: f64) -> Res<V> {
    let result = x.powf(y);
    if x.is_finite() && y.is_finite() {
        if result.is_nan() || (x == 0.0 && y < 0.0) {
            return Err(failed("math domain error"));
        }
        if result.is_infinite() {
            return Err(failed("math range error"));
        }
    }
    Ok(V::Float(result))
}

pub fn filesizeformat(c: &mut Call) -> Res<V> {
    let binary = c.flag(0)?;
    let bytes = match &c.value {
        V::Str(text) => {
            parse_float(text).ok_or_else(|| failed(format!("could not convert string to float: '{text}'")))?
        }
        other => number(other, "filesizeformat")?,
    };
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    let units: [&str; 8] = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    if bytes == 1.0 {
        return Ok("1 Byte".into());
    }
    if bytes < base {
        return Ok(V::from(format!("{} Bytes", bytes.trunc())));
    }
    for (i, unit) in units.iter().enumerate() {
        let limit = base.powi(i as i32 + 2);
        if bytes < limit || i == units.len() - 1 {
            return Ok(V::from(format!("{:.1} {unit}", base * bytes / limit)));
        }
    }
    Ok(V::None)
}

const UNITS: [(char, i32); 9] =
    [('Y', 8), ('Z', 7), ('E', 6), ('P', 5), ('T', 4), ('G', 3), ('M', 2), ('K', 1), ('B', 0)];

pub fn human_readable(c: &mut Call) -> Res<V> {
    let bits = c.flag(0)?;
    let wanted = c.text(1)?.and_then(|unit| unit.chars().next()).map(|c| c.to_ascii_uppercase());
    let Some(size) = c.value.as_f64() else {
        return Err(failed(format!(
            "human_readable() failed on bad input: '>=' not supported between instances of '{}' and 'int'",
            c.value.type_name()
        )));
    };
    let base = if bits { "bits" } else { "Bytes" };
    for (letter, power) in UNITS {
        let limit = 1024f64.powi(power);
        let fits = match wanted {
            Some(unit) => unit == letter,
            None => size >= limit,
        };
        if fits || (wanted.is_none() && letter == 'B') {
            let suffix = if letter == 'B' { base.to_owned() } else { format!("{letter}{}", &base[..1]) };
            return Ok(V::from(format!("{:.2} {suffix}", size / limit)));
        }
    }
    Ok(V::from(format!("{size:.2} {base}")))
}

pub fn human_to_bytes(c: &mut Call) -> Res<V> {
    let bits = c.flag(1)?;
    let text = c.input()?;
    let wrong =
        |why: String| failed(format!("human_to_bytes() can't interpret the input: human_to_bytes() {why}"));
    let (digits, rest) =
        text.split_at(text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len()));
    let given = rest.trim_start();
    let plain = !digits.ends_with('.') && given.chars().all(char::is_alphabetic);
    let number = digits.parse().ok().filter(|_| plain);
    let number: f64 = number.ok_or_else(|| wrong(format!("can't interpret following string: {text}")))?;
    let default = c.text(0)?;
    let unit = if given.is_empty() { default.as_deref().unwrap_or("") } else { given };
    if unit.is_empty() {
        return Ok(truncated(number.round_ties_even()));
    }
    let letter = unit.chars().next().unwrap_or('B').to_ascii_uppercase();
    let Some((_, power)) = UNITS.iter().find(|(known, _)| *known == letter) else {
        return Err(wrong(format!(
            "failed to convert {text} (unit = {unit}). The suffix must be one of Y, Z, E, P, T, G, M, K, B"
        )));
    };
    // The letter alone, or with a unit behind it; bytes and bits may be written out.
    let sign = if bits { 'b' } else { 'B' };
    let (good, expected) = match letter {
        'B' => {
            let (word, expected) = if bits { ("bit", "b or bit") } else { ("byte", "B or byte") };
            (unit.len() == 1 || unit.eq_ignore_ascii_case(word), expected.to_owned())
        }
        _ => (unit.len() == 1 || unit[1..].chars().eq([sign]), format!("{letter}{sign} or {letter}")),
    };
    if !good {
        return Err(wrong(format!(
            "failed to convert {text}. Value is not a valid string (expect {expected})"
        )));
    }
    Ok(truncated((number * 1024f64.powi(*power)).round_ties_even()))
}
