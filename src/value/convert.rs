//! `Value` over serde: on the wire (MessagePack), from JSON, and from any `Serialize` type.

use super::{Map, Value};
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A value that does not have the shape asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CoerceError(pub String);

/// Any serialisable data as a [`Value`] (structs become mappings).
///
/// # Errors
/// When the data cannot be expressed (never for plain structs, lists, maps and scalars).
pub fn to_value<T: Serialize>(data: &T) -> Result<Value, CoerceError> {
    let bytes = rmp_serde::to_vec_named(data).map_err(|error| CoerceError(error.to_string()))?;
    rmp_serde::from_slice(&bytes).map_err(|error| CoerceError(error.to_string()))
}

/// Typed data out of a [`Value`], strictly: a text is not a number here (module arguments are read by
/// `modules::kit::args`, which knows Ansible's conversions).
///
/// # Errors
/// What does not fit, in serde's words.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, CoerceError> {
    let bytes = rmp_serde::to_vec_named(value).map_err(|error| CoerceError(error.to_string()))?;
    rmp_serde::from_slice(&bytes).map_err(|error| CoerceError(error.to_string()))
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null | Value::Unknown(_) => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(i) => serializer.serialize_i64(*i),
            // No format carries every integer.
            Value::Big(digits) => match digits.parse() {
                Ok(number) => serializer.serialize_u64(number),
                Err(_) => serializer.serialize_str(digits),
            },
            Value::Float(f) => serializer.serialize_f64(*f),
            Value::Str(s) => serializer.serialize_str(s),
            Value::Bytes(b) => serializer.serialize_bytes(b),
            Value::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, item) in entries.iter() {
                    map.serialize_entry(key, item)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E: de::Error>(self, i: i64) -> Result<Value, E> {
        Ok(Value::Int(i))
    }

    fn visit_u64<E: de::Error>(self, i: u64) -> Result<Value, E> {
        Ok(Value::from(i))
    }

    fn visit_f64<E: de::Error>(self, f: f64) -> Result<Value, E> {
        Ok(Value::Float(f))
    }

    fn visit_str<E: de::Error>(self, s: &str) -> Result<Value, E> {
        Ok(Value::str(s))
    }

    fn visit_string<E: de::Error>(self, s: String) -> Result<Value, E> {
        Ok(Value::from(s))
    }

    fn visit_bytes<E: de::Error>(self, b: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(b.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(4096));
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::list(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::with_capacity(access.size_hint().unwrap_or(0).min(4096));
        while let Some((key, item)) = access.next_entry::<Value, Value>()? {
            map.insert(key, item);
        }
        Ok(Value::map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_wire() {
        let mut map = Map::new();
        map.insert(Value::Int(1), Value::list(vec![Value::Null, 1.5.into(), "x".into()]));
        map.insert("b".into(), Value::Bytes(vec![0, 255].as_slice().into()));
        let value = Value::map(map);
        let back: Value = from_value(&value).expect("the wire carries every value");
        assert_eq!(back, value);
    }
}
