//! Module arguments: a [`Value`] mapping to a typed struct, with Ansible's conversions (a text is a number
//! where a number is asked for, `yes` is true, `a,b` is a list, a number is a text) and its error messages.

use crate::value::{Map, Value, py_repr, py_str};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use std::fmt;
use std::sync::Arc;

/// Reads a module's arguments.
///
/// # Errors
/// Ansible's sentence: unsupported parameters, missing ones, or a value of the wrong type.
pub fn parse<T: DeserializeOwned>(module: &str, value: &Value) -> Result<T, String> {
    let empty = Value::map(crate::value::Map::new());
    let value = if value.is_null() { &empty } else { value };
    check_names(module, value, fields::<T>(), &is_alias::<T>)?;
    T::deserialize(Args::new(value.clone(), None)).map_err(|error| error.0)
}

/// Refuses arguments that are not among those supported, if any are named.
fn check_names(
    module: &str,
    value: &Value,
    supported: &[&str],
    is_alias: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    let Some(map) = value.as_map().filter(|_| !supported.is_empty()) else { return Ok(()) };
    let unsupported: Vec<String> =
        map.keys().map(py_str).filter(|key| !supported.contains(&key.as_str())).collect();
    if unsupported.is_empty() {
        return Ok(());
    }
    let (names, aliases): (Vec<&str>, Vec<&str>) =
        supported.iter().filter(|name| !internal(name)).partition(|name| !is_alias(name));
    Err(unsupported_message(module, unsupported, &names, &aliases))
}

/// Whether `name` is an alias of another argument. Serde lists them all as one; only its complaint about a field
/// that comes twice tells which is the name. (Asked of the same deserializer that reads arguments: one more would
/// double the code of every module.)
fn is_alias<T: DeserializeOwned>(name: &str) -> bool {
    let twice = Args { what: What::Twice, ..Args::new(Value::str(name), None) };
    match T::deserialize(twice) {
        Err(error) => error
            .0
            .strip_prefix(DUPLICATE)
            .and_then(|rest| rest.split_once(' '))
            .is_some_and(|(field, _)| field != name),
        Ok(_) => false,
    }
}

/// How the complaint about a field that comes twice starts.
const DUPLICATE: &str = "parameters are mutually exclusive: ";

/// Arguments that only our own control side sends; the others with an underscore are Ansible's own.
fn internal(name: &str) -> bool {
    name.starts_with('_') && !matches!(name, "_original_basename" | "_diff_peek")
}

/// Ansible's sentence for arguments that a module does not have.
pub fn unsupported_message(
    module: &str,
    mut unsupported: Vec<String>,
    supported: &[&str],
    aliases: &[&str],
) -> String {
    unsupported.sort();
    let sorted = |names: &[&str]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.join(", ")
    };
    let aliases = if aliases.is_empty() { String::new() } else { format!(" ({})", sorted(aliases)) };
    format!(
        "Unsupported parameters for ({module}) module: {}. Supported parameters include: {}{aliases}.",
        unsupported.join(", "),
        sorted(supported),
    )
}

/// The argument names of a struct, aliases included; empty if it takes any.
pub fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut found: &'static [&'static str] = &[];
    // The struct tells its fields to the deserializer before it asks for any value.
    drop(T::deserialize(FieldsProbe(&mut found)));
    found
}

struct FieldsProbe<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldsProbe<'_> {
    type Error = ArgError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ArgError> {
        Err(ArgError(String::new()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ArgError> {
        *self.0 = fields;
        Err(ArgError(String::new()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The message of a failed conversion, whole.
#[derive(Debug)]
pub struct ArgError(String);

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArgError {}

impl de::Error for ArgError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self(format!("missing required arguments: {field}"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(format!("{DUPLICATE}{field} and its aliases"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self(format!("value must be one of: {}, got: {variant}", expected.join(", ")))
    }
}

/// One value, with the name of the argument it belongs to.
struct Args {
    value: Value,
    field: Option<Arc<str>>,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// What somebody gave.
    Given,
    /// Whatever type is asked for, for [`is_alias`].
    Anything,
    /// A struct in which the field that `value` names comes twice.
    Twice,
}

impl Args {
    fn new(value: Value, field: Option<Arc<str>>) -> Self {
        Self { value, field, what: What::Given }
    }

    fn is_anything(&self) -> bool {
        self.what == What::Anything
    }

    fn wrong(&self, wanted: &str, reason: &str) -> ArgError {
        let field = self.field.as_deref().unwrap_or("?");
        ArgError(format!(
            "argument '{field}' is of type {} and we were unable to convert to {wanted}: {reason}",
            self.value.type_name()
        ))
    }

    fn not_a_number(&self, wanted: &str) -> ArgError {
        let name = self.value.type_name();
        self.wrong(wanted, &format!("{} cannot be converted to {wanted}", quoted_type(name, &self.value)))
    }

    fn integer(&self) -> Result<i64, ArgError> {
        match &self.value {
            _ if self.is_anything() => Ok(0),
            Value::Int(i) => Ok(*i),
            Value::Bool(b) => Ok(i64::from(*b)),
            Value::Float(f) if f.fract() == 0.0 => Ok(*f as i64),
            Value::Str(s) => s.trim().parse().map_err(|_| self.not_a_number("int")),
            _ => Err(self.not_a_number("int")),
        }
    }

    fn text(&self) -> Result<String, ArgError> {
        match &self.value {
            // What `str` does in Ansible's argument conversion: anything has a text.
            Value::Bytes(b) => Ok(String::from_utf8_lossy(b).into_owned()),
            other => Ok(py_str(other)),
        }
    }

    /// The members of a mapping.
    fn entries(&self) -> Result<Vec<(String, Args)>, ArgError> {
        let map = match &self.value {
            Value::Str(name) if self.what == What::Twice => {
                let anything = || Args { what: What::Anything, ..Args::new(Value::Null, None) };
                return Ok((0..2).map(|_| (name.to_string(), anything())).collect());
            }
            _ if self.is_anything() => return Ok(Vec::new()),
            Value::Map(map) => map.clone(),
            Value::Str(text) => match dictionary(text) {
                Some(map) => map,
                None => return Err(self.wrong("dict", "unable to evaluate string as dictionary")),
            },
            _ => {
                let what = quoted_type(self.value.type_name(), &self.value);
                return Err(self.wrong("dict", &format!("{what} cannot be converted to a dict")));
            }
        };
        let entry = |(key, value): (&Value, &Value)| {
            let name = py_str(key);
            let field = Some(Arc::from(name.as_str()));
            (name, Args::new(value.clone(), field))
        };
        Ok(map.iter().map(entry).collect())
    }

    /// Names the argument in messages that do not know it.
    fn named<T>(field: Option<&str>, result: Result<T, ArgError>) -> Result<T, ArgError> {
        result.map_err(|error| match (field, error.0.strip_prefix("value must be one of")) {
            (Some(field), Some(rest)) => ArgError(format!("value of {field} must be one of{rest}")),
            _ => error,
        })
    }
}

fn quoted_type(name: &str, value: &Value) -> String {
    match value {
        Value::Str(_) => py_repr(value),
        _ => format!("<class '{name}'>"),
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
            let number = self.integer()?;
            match <$type>::try_from(number) {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(self.wrong("int", &format!("{number} is out of range"))),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Args {
    type Error = ArgError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        match &self.value {
            Value::Null | Value::Unknown(_) => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Int(i) => visitor.visit_i64(*i),
            Value::Big(digits) => visitor.visit_str(digits),
            Value::Float(f) => visitor.visit_f64(*f),
            Value::Str(s) => visitor.visit_str(s),
            Value::Bytes(b) => visitor.visit_bytes(b),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        match self.value.ansible_bool() {
            _ if self.is_anything() => visitor.visit_bool(false),
            Some(b) => visitor.visit_bool(b),
            None => {
                let text = py_str(&self.value);
                Err(self.wrong(
                    "bool",
                    &format!("The value '{text}' is not a valid boolean. Valid booleans include: 'y', 0, 1, '1', 'yes', 'true', 'f', 't', 'n', 'false', 'no', 'on', 'off', '0'"),
                ))
            }
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        let number = match &self.value {
            Value::Float(f) => *f,
            Value::Str(s) if !self.is_anything() => {
                s.trim().parse().map_err(|_| self.not_a_number("float"))?
            }
            _ => self.integer()? as f64,
        };
        visitor.visit_f64(number)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        match &self.value {
            Value::Bytes(b) => visitor.visit_bytes(b),
            _ => visitor.visit_byte_buf(self.text()?.into_bytes()),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        match &self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgError> {
        visitor.visit_newtype_struct(self)
    }

    /// A list; a text is split at commas, a single scalar is a list of one.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        let items: Vec<Value> = match &self.value {
            Value::List(items) => items.to_vec(),
            Value::Str(text) => text.split(',').map(|part| Value::str(part.trim())).collect(),
            Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Bool(_) => vec![self.value.clone()],
            _ if self.is_anything() => Vec::new(),
            _ => {
                return Err(self.wrong(
                    "list",
                    &format!(
                        "{} cannot be converted to a list",
                        quoted_type(self.value.type_name(), &self.value)
                    ),
                ));
            }
        };
        let items = items.into_iter().map(|value| Args::new(value, self.field.clone()));
        visitor.visit_seq(SeqDeserializer::new(items))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ArgError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ArgError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        let entries = self.entries()?;
        visitor.visit_map(MapDeserializer::new(entries.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ArgError> {
        let text = match &self.value {
            _ if self.is_anything() => variants.first().copied().unwrap_or_default().to_owned(),
            // `state: yes` and the like: YAML made a boolean of a word.
            Value::Bool(b) => if *b { "yes" } else { "no" }.to_owned(),
            _ => self.text()?,
        };
        Self::named(self.field.as_deref(), visitor.visit_enum(text.into_deserializer()))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        visitor.visit_unit()
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        visitor.visit_i64(self.integer()?)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgError> {
        visitor.visit_i64(self.integer()?)
    }
}

impl IntoDeserializer<'_, ArgError> for Args {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// `{"a": 1}` or `a=1, b=2`, as Ansible's `dict` type takes them.
fn dictionary(text: &str) -> Option<Arc<Map>> {
    let value = if text.trim_start().starts_with('{') {
        crate::value::from_json(text).ok()?
    } else {
        let pairs = text.split(',').map(|pair| pair.trim().split_once('=')).collect::<Option<Vec<_>>>()?;
        Value::object(pairs.into_iter().map(|(key, value)| (key.trim(), value.trim())))
    };
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum State {
        Present,
        Absent,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[serde(alias = "dest")]
        path: String,
        state: Option<State>,
        #[serde(default)]
        force: bool,
        #[serde(default)]
        groups: Vec<String>,
        uid: Option<i64>,
        mode: Option<Value>,
    }

    fn example(value: Value) -> Result<Example, String> {
        parse("example", &value)
    }

    #[test]
    fn conversions_are_ansibles() {
        let value = Value::object([
            ("dest", Value::Int(5)),
            ("state", "absent".into()),
            ("force", "yes".into()),
            ("groups", "a, b".into()),
            ("uid", "12".into()),
            ("mode", "0644".into()),
        ]);
        let expected = Example {
            path: "5".into(),
            state: Some(State::Absent),
            force: true,
            groups: vec!["a".into(), "b".into()],
            uid: Some(12),
            mode: Some("0644".into()),
        };
        assert_eq!(example(value), Ok(expected));
    }

    #[test]
    fn errors_are_ansibles() {
        let error =
            |pairs: &[(&str, &str)]| example(Value::object(pairs.iter().copied())).expect_err("must fail");
        assert_eq!(error(&[]), "missing required arguments: path");
        assert_eq!(
            error(&[("path", "x"), ("foo", "1")]),
            "Unsupported parameters for (example) module: foo. Supported parameters include: force, groups, mode, path, state, uid (dest)."
        );
        assert_eq!(
            error(&[("path", "x"), ("state", "gone")]),
            "value of state must be one of: present, absent, got: gone"
        );
        assert!(
            error(&[("path", "x"), ("uid", "many")])
                .starts_with("argument 'uid' is of type str and we were unable to convert to int")
        );
    }
}
