//! Values while a template runs: those of [`crate::value::Value`], and what only templates have (missing
//! values, tuples, functions, lazily rendered collections).
//!
//! Reading a variable never copies its data: lists and mappings keep the `Arc` they came with until
//! somebody changes them.

mod dict;
mod list;
mod literal;
mod methods;
mod missing;
mod ops;
mod other;
mod str_methods;
mod strings;
mod text;

pub use dict::{Dict, Entries};
pub use list::List;
pub use literal::python_literal;
pub use methods::{attribute, call_method, has_method, item, slice};
pub use missing::Missing;
pub use ops::{Arith, arith, compare, contains, equal, key_of, negate, sort_values};
pub use other::{Module, NO_ELSE, Namespace, Object, Range, Undefined};
pub use str_methods::{capitalize, center, join_text, split_lines, split_text};
pub use strings::format_percent;
pub use text::{repr, text, text_of_data, write_text};

use super::{TemplateError, TemplateErrorKind};
use crate::value::Value;
use num_bigint::BigInt;
use std::sync::Arc;

pub type Res<T> = Result<T, TemplateError>;

/// A value while a template runs.
//
// A tag of one byte would be copied in pieces and read back whole, which stalls the processor at every step.
#[derive(Clone)]
#[repr(u64)]
pub enum V {
    None,
    Bool(bool),
    Int(i64),
    /// An integer outside `i64`.
    Big(Arc<BigInt>),
    Float(f64),
    Str(Arc<str>),
    Bytes(Arc<[u8]>),
    List(Arc<List>),
    Tuple(Arc<[V]>),
    Dict(Arc<Dict>),
    /// A variable or member that does not exist: an error as soon as it is used.
    Missing(Arc<Missing>),
    Object(Arc<dyn Object>),
}

/// An error without a place yet.
pub fn failed(message: impl Into<String>) -> TemplateError {
    TemplateError::new(TemplateErrorKind::Failed, message, Vec::new())
}

pub fn undefined(message: impl Into<String>) -> TemplateError {
    TemplateError::new(TemplateErrorKind::Undefined, message, Vec::new())
}

impl V {
    pub fn str(text: impl AsRef<str>) -> Self {
        Self::Str(Arc::from(text.as_ref()))
    }

    pub fn list(items: Vec<V>) -> Self {
        Self::List(Arc::new(List::new(items)))
    }

    pub fn tuple(items: Vec<V>) -> Self {
        Self::Tuple(items.into())
    }

    pub fn dict(entries: Entries) -> Self {
        Self::Dict(Arc::new(Dict::new(entries)))
    }

    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Arc::new(object))
    }

    /// A mapping with string keys, in the order given.
    pub fn record<const N: usize>(pairs: [(&str, V); N]) -> Self {
        Self::dict(pairs.into_iter().map(|(key, value)| (Value::str(key), value)).collect())
    }

    /// Data as it is, without copying it.
    ///
    /// # Errors
    /// An unknown result cannot be used.
    pub fn from_value(value: &Value) -> Res<Self> {
        Ok(match value {
            Value::Null => Self::None,
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(i) => Self::Int(*i),
            Value::Big(digits) => digits.parse::<BigInt>().map_or(Self::None, Self::from),
            Value::Float(f) => Self::Float(*f),
            Value::Str(s) => Self::Str(s.clone()),
            Value::Bytes(b) => Self::Bytes(b.clone()),
            Value::List(items) => Self::List(Arc::new(List::from_data(items.clone()))),
            Value::Map(map) => Self::Dict(Arc::new(Dict::from_data(map.clone()))),
            Value::Unknown(why) => return Err(unknown(why)),
        })
    }

    /// The value as data: tuples become lists, members that are `omit` are left out.
    ///
    /// # Errors
    /// Missing values, failing templates in lazy members, and things that are no data (functions).
    pub fn to_value(&self) -> Res<Value> {
        if matches!(self, Self::List(_) | Self::Dict(_) | Self::Tuple(_)) {
            super::eval::check_stack()?;
            // What a collection takes besides its items, as far as it is a new one.
            super::eval::charge(160)?;
        }
        Ok(match self {
            Self::None => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Int(i) => Value::Int(*i),
            Self::Big(big) => Value::Big(big.to_string().into()),
            Self::Float(f) => Value::Float(*f),
            Self::Str(s) => Value::Str(s.clone()),
            Self::Bytes(b) => Value::Bytes(b.clone()),
            Self::List(list) => list.to_value()?,
            Self::Tuple(items) => list::export(items.iter())?,
            Self::Dict(dict) => dict.to_value()?,
            Self::Missing(missing) => return Err(missing.error()),
            Self::Object(object) => object.to_value()?,
        })
    }

    /// What failed instead of giving this value.
    pub fn failure(&self) -> Option<&Missing> {
        match self {
            Self::Missing(missing) if missing.is_failure() => Some(missing),
            _ => None,
        }
    }

    /// The value itself, or the error of a missing one.
    pub fn need(self) -> Res<Self> {
        match &self {
            Self::Missing(missing) => Err(missing.error()),
            _ => Ok(self),
        }
    }

    pub fn check(&self) -> Res<()> {
        match self {
            Self::Missing(missing) => Err(missing.error()),
            _ => Ok(()),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// Python's truth.
    pub fn truth(&self) -> Res<bool> {
        Ok(match self {
            Self::None => false,
            Self::Bool(b) => *b,
            Self::Int(i) => *i != 0,
            Self::Big(_) => true,
            Self::Float(f) => *f != 0.0,
            Self::Str(s) => !s.is_empty(),
            Self::Bytes(b) => !b.is_empty(),
            Self::List(list) => list.len() != 0,
            Self::Tuple(items) => !items.is_empty(),
            Self::Dict(dict) => dict.len() != 0,
            Self::Missing(missing) => return Err(missing.error()),
            Self::Object(object) => object.truth(),
        })
    }

    /// Python's name of the type, as `type_debug` prints it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(dict) => dict.type_name(),
            Self::Missing(missing) if missing.is_failure() => "CapturedExceptionMarker",
            Self::Missing(_) => "UndefinedMarker",
            Self::Object(object) => object.type_name(),
        }
    }

    /// What iterating over the value yields: characters, items, keys.
    ///
    /// # Errors
    /// A value that cannot be iterated over.
    pub fn items(&self) -> Res<Vec<V>> {
        Ok(match self {
            Self::Str(s) => s.chars().map(|c| V::str(c.encode_utf8(&mut [0; 4]))).collect(),
            Self::Bytes(b) => b.iter().map(|byte| V::Int(i64::from(*byte))).collect(),
            Self::List(list) => list.items()?,
            Self::Tuple(items) => items.to_vec(),
            Self::Dict(dict) => dict.keys().iter().map(V::from_value).collect::<Res<_>>()?,
            Self::Missing(missing) => return Err(missing.error()),
            Self::Object(object) => match object.items() {
                Some(items) => items?,
                None => return Err(failed(format!("'{}' object is not iterable", self.type_name()))),
            },
            _ => return Err(failed(format!("'{}' object is not iterable", self.type_name()))),
        })
    }

    /// `len()`; `None` where Python has none.
    pub fn len(&self) -> Option<usize> {
        Some(match self {
            Self::Str(s) => s.chars().count(),
            Self::Bytes(b) => b.len(),
            Self::List(list) => list.len(),
            Self::Tuple(items) => items.len(),
            Self::Dict(dict) => dict.len(),
            Self::Object(object) => return object.len(),
            _ => return None,
        })
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Big(_) | Self::Float(_) | Self::Bool(_))
    }

    pub fn is_sequence(&self) -> bool {
        matches!(self, Self::List(_) | Self::Tuple(_))
    }

    /// The number as a float; booleans count as 0 and 1.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Bool(b) => Some(f64::from(u8::from(*b))),
            Self::Int(i) => Some(*i as f64),
            Self::Big(big) => big.to_string().parse().ok(),
            Self::Float(f) => Some(*f),
            _ => None,
        }
    }

    /// An integer or boolean.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Bool(b) => Some(i64::from(*b)),
            Self::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// The same value for another rendering: what that one appends or removes is not seen here.
    pub fn fresh(&self) -> Self {
        match self {
            Self::List(list) => Self::List(Arc::new(list.snapshot())),
            Self::Dict(dict) => Self::Dict(Arc::new(dict.snapshot())),
            other => other.clone(),
        }
    }
}

/// The error of a value that depends on a result nobody knows.
pub fn unknown(why: &str) -> TemplateError {
    TemplateError::new(TemplateErrorKind::Unknown, why, Vec::new())
}

impl From<&str> for V {
    fn from(text: &str) -> Self {
        Self::str(text)
    }
}

impl From<String> for V {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<bool> for V {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for V {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for V {
    fn from(value: usize) -> Self {
        i64::try_from(value).map_or(Self::Float(value as f64), Self::Int)
    }
}

impl From<f64> for V {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<BigInt> for V {
    fn from(value: BigInt) -> Self {
        i64::try_from(&value).map_or_else(|_| Self::Big(Arc::new(value)), Self::Int)
    }
}
