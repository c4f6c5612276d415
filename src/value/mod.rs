//! The one data type that variables, arguments, facts and results are made of.
//!
//! A [`Value`] is inert: it never holds a template, so nothing that a host sent can ever be evaluated
//! (see `template` for the types that hold what an author wrote).

mod convert;
mod json;
pub mod marks;
mod python;
mod secret;

pub use convert::{CoerceError, from_value, to_value};
pub use json::{JsonStyle, from_json, to_json, to_json_pretty};
pub use python::{float_repr, py_repr, py_str, str_repr};
pub use secret::{Redactor, Secret};

use indexmap::IndexMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// An ordered mapping. Keys are scalars, most often strings (`map.get("name")` works with a `&str`).
pub type Map = IndexMap<Value, Value>;

/// A Python-like value: what YAML and JSON can express, plus bytes and *unknown*.
#[derive(Clone, Debug, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// An integer outside `i64`: its digits, without leading zeros, `-` in front of a negative one.
    Big(Arc<str>),
    Float(f64),
    Str(Arc<str>),
    Bytes(Arc<[u8]>),
    List(Arc<Vec<Value>>),
    Map(Arc<Map>),
    /// A result that a drift check could not determine; the text says why. It never leaves the control side.
    Unknown(Arc<str>),
}

impl Value {
    pub fn str(text: impl AsRef<str>) -> Self {
        Self::Str(Arc::from(text.as_ref()))
    }

    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Arc::new(items))
    }

    pub fn map(map: Map) -> Self {
        Self::Map(Arc::new(map))
    }

    /// A mapping with string keys, in the order given.
    pub fn object<K: AsRef<str>, V: Into<Value>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::map(pairs.into_iter().map(|(k, v)| (Value::str(k), v.into())).collect())
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(i) => Some(*i),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The member `key` of a mapping; `None` for a missing key and for everything that is not a mapping.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// Follows `keys` through nested mappings.
    pub fn path(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Python's truth: empty and zero are false.
    pub fn truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(b) => *b,
            Self::Int(i) => *i != 0,
            Self::Big(_) => true,
            Self::Float(f) => *f != 0.0,
            Self::Str(s) => !s.is_empty(),
            Self::Bytes(b) => !b.is_empty(),
            Self::List(l) => !l.is_empty(),
            Self::Map(m) => !m.is_empty(),
            Self::Unknown(_) => false,
        }
    }

    /// Ansible's boolean reading (`yes`, `on`, `1`, `true`, `t`, `y`, and their opposites); `None` for anything else.
    pub fn ansible_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            Self::Int(1) => Some(true),
            Self::Int(0) => Some(false),
            Self::Float(f) if *f == 1.0 => Some(true),
            Self::Float(f) if *f == 0.0 => Some(false),
            Self::Str(s) => match s.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Some(true),
                "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Python's name of the type (`NoneType`, `bool`, `int`, `float`, `str`, `bytes`, `list`, `dict`).
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "dict",
            Self::Unknown(_) => "unknown",
        }
    }

    /// What kind of thing this is, in a user's words (`a list`, `a mapping`, `a text`, …).
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Big(_) | Self::Float(_) => "a number",
            Self::Str(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Unknown(_) => "something unknown",
        }
    }

    /// The reason of the first unknown value in this one, at any depth.
    pub fn unknown(&self) -> Option<&Arc<str>> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::List(items) => items.iter().find_map(Value::unknown),
            Self::Map(map) => map.values().find_map(Value::unknown),
            _ => None,
        }
    }
}

/// Merges `over` into `base`: mappings recursively when `recursive`, lists replaced.
pub fn merge_maps(base: &Map, over: &Map, recursive: bool) -> Map {
    let mut merged = base.clone();
    for (key, value) in over {
        let combined = match (merged.get(key), value) {
            (Some(Value::Map(old)), Value::Map(new)) if recursive => Value::map(merge_maps(old, new, true)),
            _ => value.clone(),
        };
        merged.insert(key.clone(), combined);
    }
    merged
}

/// Equality is Python's: `1 == 1.0 == True`, mappings regardless of order.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len() && a.iter().all(|(key, value)| b.get(key) == Some(value))
            }
            (Self::Unknown(a), Self::Unknown(b)) | (Self::Big(a), Self::Big(b)) => a == b,
            (a, b) => match (a.number(), b.number()) {
                (Some(Number::Int(a)), Some(Number::Int(b))) => a == b,
                (Some(a), Some(b)) => a.float() == b.float(),
                _ => false,
            },
        }
    }
}

impl Eq for Value {}

enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn float(&self) -> f64 {
        match self {
            Number::Int(i) => *i as f64,
            Number::Float(f) => *f,
        }
    }
}

impl Value {
    fn number(&self) -> Option<Number> {
        match self {
            Self::Bool(b) => Some(Number::Int(i64::from(*b))),
            Self::Int(i) => Some(Number::Int(*i)),
            Self::Float(f) => Some(Number::Float(*f)),
            Self::Big(digits) => digits.parse().ok().map(Number::Float),
            _ => None,
        }
    }
}

/// A string hashes as `str` does, so that maps can be asked with a `&str`.
impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Str(s) => s.hash(state),
            Self::Null => 0u8.hash(state),
            Self::Bool(b) => i64::from(*b).hash(state),
            Self::Int(i) => i.hash(state),
            Self::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => (*f as i64).hash(state),
            Self::Float(f) => f.to_bits().hash(state),
            // As the float that may equal it.
            Self::Big(digits) => digits.parse::<f64>().unwrap_or(f64::INFINITY).to_bits().hash(state),
            Self::Bytes(b) => b.hash(state),
            Self::List(l) => l.hash(state),
            Self::Map(m) => m.len().hash(state),
            Self::Unknown(why) => why.hash(state),
        }
    }
}

impl indexmap::Equivalent<Value> for str {
    fn equivalent(&self, key: &Value) -> bool {
        key.as_str() == Some(self)
    }
}

macro_rules! value_from {
    ($($from:ty => |$x:ident| $body:expr;)*) => {
        $(impl From<$from> for Value { fn from($x: $from) -> Self { $body } })*
    };
}

value_from! {
    bool => |x| Value::Bool(x);
    i64 => |x| Value::Int(x);
    i32 => |x| Value::Int(x.into());
    u32 => |x| Value::Int(x.into());
    u64 => |x| i64::try_from(x).map_or_else(|_| Value::Big(x.to_string().into()), Value::Int);
    usize => |x| Value::from(x as u64);
    f64 => |x| Value::Float(x);
    &str => |x| Value::str(x);
    String => |x| Value::Str(x.into());
    &String => |x| Value::str(x);
    Arc<str> => |x| Value::Str(x);
    Map => |x| Value::map(x);
    Vec<Value> => |x| Value::list(x);
    Vec<String> => |x| Value::list(x.into_iter().map(Value::from).collect());
    Vec<&str> => |x| Value::list(x.into_iter().map(Value::from).collect());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(x: Option<T>) -> Self {
        x.map_or(Value::Null, Into::into)
    }
}
