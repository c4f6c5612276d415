//! The types that an argument specification can ask for, and Ansible's ways to make a value one of them.

use crate::inventory::python_literal;
use crate::value::{Map, Value, from_json, py_repr, py_str, to_json};

/// A type of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Str,
    Int,
    Float,
    Bool,
    List,
    Dict,
    Path,
    Raw,
    Json,
    JsonArg,
    Bytes,
    Bits,
    Unknown(String),
}

impl Type {
    pub fn named(name: &str) -> Self {
        match name {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "list" => Self::List,
            "dict" => Self::Dict,
            "path" => Self::Path,
            "raw" => Self::Raw,
            "json" => Self::Json,
            "jsonarg" => Self::JsonArg,
            "bytes" => Self::Bytes,
            "bits" => Self::Bits,
            other => Self::Unknown(other.to_owned()),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::List => "list",
            Self::Dict => "dict",
            Self::Path => "path",
            Self::Raw => "raw",
            Self::Json => "json",
            Self::JsonArg => "jsonarg",
            Self::Bytes => "bytes",
            Self::Bits => "bits",
            Self::Unknown(name) => name,
        }
    }
}

/// The value as that type.
///
/// # Errors
/// Why it is none, in Ansible's words.
pub fn convert(value: &Value, wanted: Type) -> Result<Value, String> {
    let no = |what: &str| Err(format!("<class '{}'> cannot be converted to a {what}", value.type_name()));
    match (&wanted, value) {
        (Type::Str | Type::Path, Value::Str(_)) | (Type::Raw, _) => Ok(value.clone()),
        (Type::Str | Type::Path, _) => Ok(py_str(value).into()),
        (Type::Int, _) => integer(value).ok_or_else(|| format!("\"{}\" cannot be converted to an int", py_repr(value))),
        (Type::Float, Value::Float(_)) => Ok(value.clone()),
        (Type::Float, Value::Int(number)) => Ok(Value::Float(*number as f64)),
        (Type::Float, Value::Bool(truth)) => Ok(Value::Float(f64::from(*truth))),
        (Type::Float, Value::Str(text)) => text.trim().parse().map(Value::Float).or_else(|_| no("float")),
        (Type::Float, _) => no("float"),
        (Type::Bool, Value::List(_) | Value::Map(_)) => no("bool"),
        (Type::Bool, _) => value.ansible_bool().map(Value::Bool).ok_or_else(|| {
            format!("The value '{}' is not a valid boolean. Valid booleans include: 'yes', 'on', '1', 1, 'false', 'n', '0', 0, 'y', 'no', 'f', 'off', 'true', 't'", py_str(value))
        }),
        (Type::List, Value::List(_)) => Ok(value.clone()),
        (Type::List, Value::Str(text)) => {
            Ok(Value::list(text.split(',').map(|item| Value::str(item.trim())).collect()))
        }
        (Type::List, Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Bool(_)) => Ok(Value::list(vec![py_str(value).into()])),
        (Type::List, _) => no("list"),
        (Type::Dict, Value::Map(_)) => Ok(value.clone()),
        (Type::Dict, Value::Str(text)) => dictionary(text),
        (Type::Dict, _) => no("dict"),
        (Type::Json | Type::JsonArg, Value::Str(text)) => Ok(Value::str(text.trim())),
        (Type::Json | Type::JsonArg, Value::List(_) | Value::Map(_)) => Ok(to_json(value).into()),
        (Type::Json | Type::JsonArg, _) => no("json string"),
        (Type::Bytes, _) => human_size(value, 'B').map_or_else(|| no("Byte value"), |size| Ok(Value::Int(size))),
        (Type::Bits, _) => human_size(value, 'b').map_or_else(|| no("Bit value"), |size| Ok(Value::Int(size))),
        (Type::Unknown(_), _) => Err("'NoneType' object is not callable".into()),
    }
}

fn integer(value: &Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::Big(_) | Value::Bool(_) => Some(value.clone()),
        Value::Float(number) if number.fract() == 0.0 => Some(Value::Int(*number as i64)),
        Value::Str(text) => {
            let text = text.trim();
            // A text may be written as a float, as long as it is whole.
            let whole = |number: f64| (number.fract() == 0.0).then_some(number as i64);
            text.parse().ok().or_else(|| text.parse().ok().and_then(whole)).map(Value::Int)
        }
        _ => None,
    }
}

/// A mapping as JSON, as a Python literal, or as `key=value` pairs with commas or blanks between them.
fn dictionary(text: &str) -> Result<Value, String> {
    if text.starts_with('{') {
        return from_json(text)
            .ok()
            .or_else(|| python_literal(text))
            .filter(|value| value.as_map().is_some())
            .ok_or_else(|| "unable to evaluate string as dictionary".into());
    }
    if !text.contains('=') {
        return Err("dictionary requested, could not parse JSON or key=value".into());
    }
    let mut map = Map::new();
    for field in fields(text) {
        let Some((key, value)) = field.split_once('=') else {
            return Err("unable to evaluate string in the \"key=value\" format as dictionary".into());
        };
        map.insert(Value::str(key), Value::str(value));
    }
    Ok(Value::map(map))
}

/// Splits at commas and blanks outside of quotes, which go, as do backslashes before characters.
fn fields(text: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quote = None;
    let mut characters = text.trim().chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (_, '\\') => field.extend(characters.next()),
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, ',' | ' ') => fields.push(std::mem::take(&mut field)),
            (_, other) => field.push(other),
        }
    }
    fields.push(field);
    fields.retain(|field| !field.is_empty());
    fields
}

/// `2K`, `1.5 MB`: a number of bytes or bits.
fn human_size(value: &Value, unit: char) -> Option<i64> {
    if matches!(value, Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Null) {
        return None;
    }
    let text = py_str(value);
    let text = text.trim_end();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let suffix = text[end..].trim_start();
    let suffix = suffix.trim_end();
    let name = if unit == 'B' { "byte" } else { "bit" };
    let power = PREFIXES.iter().position(|prefix| {
        let letter = prefix.get(..1).unwrap_or_default();
        let short =
            suffix.eq_ignore_ascii_case(letter) || suffix == format!("{}{unit}", letter.to_uppercase());
        let long = suffix.to_ascii_lowercase().strip_prefix(prefix).is_some_and(|rest| rest == name);
        short || long || prefix.is_empty() && suffix.eq_ignore_ascii_case("b")
    })?;
    Some((number * 1024f64.powi(i32::try_from(power).ok()?)).round_ties_even() as i64)
}

/// Each 1024 times the one before; the first letters are prefixes, too.
const PREFIXES: [&str; 9] = ["", "kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta"];
