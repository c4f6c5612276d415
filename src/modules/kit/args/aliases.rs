//! Which of a struct's names are aliases. Serde lists them all as one; only its complaint about a field that comes
//! twice tells which is the name.

use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use std::fmt;

/// Whether `name` is an alias of another argument.
pub(super) fn is_alias<T: DeserializeOwned>(name: &str) -> bool {
    let twice = [(name, Anything), (name, Anything)];
    match T::deserialize(MapDeserializer::new(twice.into_iter())) {
        Err(Duplicate(Some(field))) => field != name,
        _ => false,
    }
}

/// The error: the field that came twice, if that was it.
#[derive(Debug)]
struct Duplicate(Option<&'static str>);

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the arguments cannot be read")
    }
}

impl std::error::Error for Duplicate {}

impl de::Error for Duplicate {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(Some(field))
    }
}

/// A value of whatever type is asked for.
struct Anything;

macro_rules! scalars {
    ($($method:ident $visit:ident $value:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Duplicate> {
            visitor.$visit($value)
        })*
    };
}

impl<'de> Deserializer<'de> for Anything {
    type Error = Duplicate;

    scalars! {
        deserialize_bool visit_bool false;
        deserialize_i8 visit_i8 0;
        deserialize_i16 visit_i16 0;
        deserialize_i32 visit_i32 0;
        deserialize_i64 visit_i64 0;
        deserialize_i128 visit_i128 0;
        deserialize_u8 visit_u8 0;
        deserialize_u16 visit_u16 0;
        deserialize_u32 visit_u32 0;
        deserialize_u64 visit_u64 0;
        deserialize_u128 visit_u128 0;
        deserialize_f32 visit_f32 0.0;
        deserialize_f64 visit_f64 0.0;
        deserialize_char visit_char ' ';
        deserialize_str visit_str "";
        deserialize_string visit_str "";
        deserialize_bytes visit_bytes b"";
        deserialize_byte_buf visit_bytes b"";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Duplicate> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Duplicate> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Duplicate> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Duplicate> {
        visitor.visit_seq(de::value::SeqDeserializer::new(std::iter::empty::<Anything>()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Duplicate> {
        visitor.visit_map(MapDeserializer::new(std::iter::empty::<(&str, Anything)>()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Duplicate> {
        visitor.visit_enum(variants.first().copied().unwrap_or_default().into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        unit unit_struct tuple tuple_struct struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Duplicate> for Anything {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
