//! Python's two ways to format a string: `%` and `str.format`.

use super::{Res, V, failed, repr, text};
use crate::value::{Value, float_repr};

/// `format % values`.
///
/// # Errors
/// Python's, in its words.
pub fn format_percent(format: &str, values: &V) -> Res<String> {
    let args: Vec<V> = match values {
        V::Tuple(items) => items.to_vec(),
        other => vec![other.clone()],
    };
    let mut next = 0;
    let mut named = false;
    let mut out = String::with_capacity(format.len() + 16);
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut key = None;
        if chars.peek() == Some(&'(') {
            chars.next();
            let mut name = String::new();
            loop {
                match chars.next() {
                    Some(')') => break,
                    Some(c) => name.push(c),
                    None => return Err(failed("incomplete format key")),
                }
            }
            key = Some(name);
        }
        let mut spec = Spec::default();
        while let Some(&flag) = chars.peek() {
            match flag {
                '-' => spec.align = Some('<'),
                '+' => spec.sign = '+',
                ' ' => spec.sign = ' ',
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                _ => break,
            }
            chars.next();
        }
        let mut take = || -> Res<V> {
            let value =
                args.get(next).cloned().ok_or_else(|| failed("not enough arguments for format string"))?;
            next += 1;
            Ok(value)
        };
        let mut width = String::new();
        if chars.peek() == Some(&'*') {
            chars.next();
            width = text(&take()?)?;
        }
        while let Some(digit) = chars.peek().filter(|c| c.is_ascii_digit()) {
            width.push(*digit);
            chars.next();
        }
        spec.width = measure(&width)?;
        let mut precision = None;
        if chars.peek() == Some(&'.') {
            chars.next();
            let mut digits = String::new();
            if chars.peek() == Some(&'*') {
                chars.next();
                digits = text(&take()?)?;
            }
            while let Some(digit) = chars.peek().filter(|c| c.is_ascii_digit()) {
                digits.push(*digit);
                chars.next();
            }
            precision = Some(measure(&digits)?);
        }
        spec.precision = precision;
        while chars.peek().is_some_and(|c| matches!(c, 'l' | 'h' | 'L')) {
            chars.next();
        }
        let Some(kind) = chars.next() else { return Err(failed("incomplete format")) };
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match key {
            Some(name) => {
                named = true;
                match values {
                    V::Dict(dict) => dict.get_str(&name).ok_or_else(|| failed(format!("'{name}'")))??,
                    _ => return Err(failed("format requires a mapping")),
                }
            }
            None => take()?,
        };
        out.push_str(&spec.percent(kind, &value)?);
        too_long(&out)?;
    }
    if !named && next < args.len() && !matches!(values, V::Dict(_) | V::List(_) | V::Object(_)) {
        return Err(failed("not all arguments converted during string formatting"));
    }
    Ok(out)
}

/// Many conversions of one large value make a text that its operands do not foretell.
fn too_long(out: &str) -> Res<()> {
    if out.len() > 64 << 20 { Err(failed("the formatted text is too long")) } else { Ok(()) }
}

/// A width or precision that does not fill the memory.
fn measure(digits: &str) -> Res<usize> {
    match digits.trim_start_matches('-').parse::<usize>() {
        // As wide as Rust's own formatting goes.
        Ok(size) if size > 60_000 => Err(failed("the width in the format string is too large")),
        Ok(size) => Ok(size),
        Err(_) if digits.is_empty() => Ok(0),
        Err(_) => Err(failed("Too many decimal digits in format string")),
    }
}

#[derive(Default, Clone)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: char,
    alternate: bool,
    zero: bool,
    width: usize,
    comma: Option<char>,
    precision: Option<usize>,
}

impl Spec {
    fn percent(&self, kind: char, value: &V) -> Res<String> {
        let need_number = |value: &V| {
            failed(format!("%{kind} format: a real number is required, not {}", value.type_name()))
        };
        let mut spec = self.clone();
        if spec.align.is_none() {
            spec.align = Some('>');
        } else {
            spec.zero = false;
        }
        match kind {
            's' | 'r' | 'a' => {
                let body = if kind == 's' { text(value)? } else { repr(value)? };
                let body = match spec.precision {
                    Some(most) => body.chars().take(most).collect(),
                    None => body,
                };
                spec.zero = false;
                Ok(spec.pad(&body, "", false))
            }
            'c' => Ok(spec.pad(&character(value)?, "", false)),
            'd' | 'i' | 'u' => match value {
                V::Float(f) => spec.number('d', &V::Int(f.trunc() as i64)),
                V::Int(_) | V::Bool(_) | V::Big(_) => spec.number('d', value),
                _ => Err(need_number(value)),
            },
            'x' | 'X' | 'o' => match value {
                V::Int(_) | V::Bool(_) => spec.number(kind, value),
                _ => {
                    Err(failed(format!("%{kind} format: an integer is required, not {}", value.type_name())))
                }
            },
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let Some(number) = value.as_f64() else {
                    return Err(failed(format!("must be real number, not {}", value.type_name())));
                };
                spec.number(kind, &V::Float(number))
            }
            other => Err(failed(format!("unsupported format character '{other}' (0x{:x})", other as u32))),
        }
    }

    fn pad(&self, body: &str, prefix: &str, number: bool) -> String {
        let length = body.chars().count() + prefix.chars().count();
        let missing = self.width.saturating_sub(length);
        if self.zero && number && self.fill.is_none() {
            return format!("{prefix}{}{body}", "0".repeat(missing));
        }
        let fill = self.fill.unwrap_or(' ').to_string();
        let align = self.align.unwrap_or(if number { '>' } else { '<' });
        match align {
            '<' => format!("{prefix}{body}{}", fill.repeat(missing)),
            '^' => {
                format!("{}{prefix}{body}{}", fill.repeat(missing / 2), fill.repeat(missing - missing / 2))
            }
            '=' => format!("{prefix}{}{body}", fill.repeat(missing)),
            _ => format!("{}{prefix}{body}", fill.repeat(missing)),
        }
    }

    fn number(&self, kind: char, value: &V) -> Res<String> {
        let (negative, mut digits) = match (kind, value) {
            ('d' | 'n', V::Big(big)) => {
                let text = big.to_string();
                (text.starts_with('-'), text.trim_start_matches('-').to_owned())
            }
            ('d' | 'n' | 'x' | 'X' | 'o' | 'b', _) => {
                let Some(number) = value.as_i64() else {
                    return Err(failed(format!(
                        "Unknown format code '{kind}' for object of type '{}'",
                        value.type_name()
                    )));
                };
                let magnitude = number.unsigned_abs();
                let digits = match kind {
                    'x' => format!("{magnitude:x}"),
                    'X' => format!("{magnitude:X}"),
                    'o' => format!("{magnitude:o}"),
                    'b' => format!("{magnitude:b}"),
                    _ => magnitude.to_string(),
                };
                (number < 0, digits)
            }
            _ => {
                let number = value.as_f64().unwrap_or(0.0);
                (number.is_sign_negative() && !number.is_nan(), self.float(kind, number.abs()))
            }
        };
        if let Some(separator) = self.comma {
            digits = group(&digits, separator);
        }
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        };
        let radix = match kind {
            'x' if self.alternate => "0x",
            'X' if self.alternate => "0X",
            'o' if self.alternate => "0o",
            'b' if self.alternate => "0b",
            _ => "",
        };
        Ok(self.pad(&digits, &format!("{sign}{radix}"), true))
    }

    fn float(&self, kind: char, number: f64) -> String {
        if number.is_nan() || number.is_infinite() {
            return float_repr(number);
        }
        let precision = self.precision.unwrap_or(6);
        match kind {
            'f' | 'F' => format!("{number:.precision$}"),
            '%' => format!("{:.precision$}%", number * 100.0),
            'e' | 'E' => {
                let text = exponent(&format!("{number:.precision$e}"));
                if kind == 'E' { text.to_uppercase() } else { text }
            }
            'g' | 'G' => {
                let text = general(number, precision.max(1), self.alternate);
                if kind == 'G' { text.to_uppercase() } else { text }
            }
            _ => match self.precision {
                Some(precision) => general(number, precision.max(1), false),
                None => float_repr(number),
            },
        }
    }
}

/// Rust's `1e5` as C's `1e+05`.
fn exponent(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text.to_owned(),
    }
}

fn general(number: f64, precision: usize, keep: bool) -> String {
    let scientific = format!("{number:.*e}", precision - 1);
    let power: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let trim = |text: &str| -> String {
        if keep || !text.contains('.') {
            return text.to_owned();
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if power < -4 || power >= precision as i32 {
        let (mantissa, tail) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        return exponent(&format!("{}e{tail}", trim(mantissa)));
    }
    let decimals = (precision as i32 - 1 - power).max(0) as usize;
    trim(&format!("{number:.decimals$}"))
}

fn group(digits: &str, separator: char) -> String {
    let (whole, rest) = match digits.find(['.', 'e']) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(separator);
        }
        out.push(c);
    }
    out + rest
}

fn character(value: &V) -> Res<String> {
    match value {
        V::Str(s) if s.chars().count() == 1 => Ok(s.to_string()),
        V::Int(i) => u32::try_from(*i)
            .ok()
            .and_then(char::from_u32)
            .map(String::from)
            .ok_or_else(|| failed("%c arg not in range(0x110000)")),
        _ => Err(failed("%c requires int or char")),
    }
}

/// `template.format(*args, **kwargs)`.
///
/// # Errors
/// Python's, in its words.
pub fn format_braces(template: &str, args: &[V], named: &[(std::sync::Arc<str>, V)]) -> Res<String> {
    let mut out = String::new();
    let mut rest = template;
    let mut auto = 0;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        if rest.as_bytes().first() == Some(&brace) {
            out.push(char::from(brace));
            rest = &rest[1..];
            continue;
        }
        if brace == b'}' {
            return Err(failed("Single '}' encountered in format string"));
        }
        let mut depth = 1;
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                depth == 0
            })
            .map(|(i, _)| i)
            .ok_or_else(|| failed("expected '}' before end of string"))?;
        let field = &rest[..end];
        rest = &rest[end + 1..];
        let (field, spec) = field.split_once(':').unwrap_or((field, ""));
        let (path, conversion) = match field.split_once('!') {
            Some((path, conversion)) => (path, conversion),
            None => (field, ""),
        };
        let value = lookup_field(path, args, named, &mut auto)?;
        let spec = if spec.contains('{') { format_braces(spec, args, named)? } else { spec.to_owned() };
        let value = match conversion {
            "r" | "a" => V::from(repr(&value)?),
            "s" => V::from(text(&value)?),
            _ => value,
        };
        out.push_str(&format_spec(&value, &spec)?);
        too_long(&out)?;
    }
    out.push_str(rest);
    Ok(out)
}

fn lookup_field(path: &str, args: &[V], named: &[(std::sync::Arc<str>, V)], auto: &mut usize) -> Res<V> {
    let head_end = path.find(['.', '[']).unwrap_or(path.len());
    let (head, mut tail) = path.split_at(head_end);
    let position = if head.is_empty() {
        *auto += 1;
        Some(*auto - 1)
    } else {
        head.parse().ok()
    };
    let mut value = match position {
        Some(index) => args.get(index).cloned().ok_or_else(|| {
            failed(format!("Replacement index {index} out of range for positional args tuple"))
        })?,
        None => named
            .iter()
            .find(|(name, _)| &**name == head)
            .map(|(_, value)| value.clone())
            .ok_or_else(|| failed(format!("'{head}'")))?,
    };
    while !tail.is_empty() {
        let (key, after) = if let Some(inner) = tail.strip_prefix('[') {
            let end = inner.find(']').ok_or_else(|| failed("Missing ']' in format string"))?;
            (&inner[..end], &inner[end + 1..])
        } else {
            let inner = tail.strip_prefix('.').unwrap_or(tail);
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            inner.split_at(end)
        };
        let subscript = key.parse::<i64>().map_or_else(|_| Value::str(key), Value::Int);
        value = super::methods::item(&value, &V::from_value(&subscript)?)?.need()?;
        tail = after;
    }
    Ok(value)
}

/// `format(value, spec)`.
fn format_spec(value: &V, spec: &str) -> Res<String> {
    if spec.is_empty() {
        return text(value);
    }
    let mut parsed = Spec::default();
    let chars: Vec<char> = spec.chars().collect();
    let mut at = 0;
    if chars.len() > 1 && matches!(chars[1], '<' | '>' | '^' | '=') {
        parsed.fill = Some(chars[0]);
        parsed.align = Some(chars[1]);
        at = 2;
    } else if matches!(chars[0], '<' | '>' | '^' | '=') {
        parsed.align = Some(chars[0]);
        at = 1;
    }
    if let Some(sign) = chars.get(at).filter(|c| matches!(c, '+' | '-' | ' ')) {
        parsed.sign = *sign;
        at += 1;
    }
    if chars.get(at) == Some(&'#') {
        parsed.alternate = true;
        at += 1;
    }
    if chars.get(at) == Some(&'0') {
        parsed.zero = parsed.align.is_none();
        at += 1;
    }
    let number = |at: &mut usize| -> Res<Option<usize>> {
        let start = *at;
        while chars.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
        let digits: String = chars[start..*at].iter().collect();
        if digits.is_empty() { Ok(None) } else { measure(&digits).map(Some) }
    };
    parsed.width = number(&mut at)?.unwrap_or(0);
    if let Some(separator) = chars.get(at).filter(|c| matches!(c, ',' | '_')) {
        parsed.comma = Some(*separator);
        at += 1;
    }
    if chars.get(at) == Some(&'.') {
        at += 1;
        parsed.precision = number(&mut at)?;
    }
    let kind = chars.get(at).copied();
    match (kind, value) {
        (None | Some('s'), V::Str(_) | V::None | V::List(_) | V::Dict(_) | V::Tuple(_) | V::Object(_)) => {
            let mut body = text(value)?;
            if let Some(most) = parsed.precision {
                body = body.chars().take(most).collect();
            }
            parsed.zero = false;
            Ok(parsed.pad(&body, "", false))
        }
        (None, V::Float(_)) => parsed.number(if parsed.precision.is_some() { 'g' } else { '\0' }, value),
        (None, _) => parsed.number('d', value),
        (Some('c'), _) => Ok(parsed.pad(&character(value)?, "", true)),
        (Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'), _) if value.is_number() => {
            parsed.number(kind.unwrap_or('f'), &V::Float(value.as_f64().unwrap_or(0.0)))
        }
        (Some(kind), _) if value.is_number() => parsed.number(kind, value),
        (Some(kind), _) => {
            Err(failed(format!("Unknown format code '{kind}' for object of type '{}'", value.type_name())))
        }
    }
}
