//! Texts of Python's literals as values of templates.

use super::{Entries, Res, V, failed, key_of};
use crate::source::Literal;

/// The value that a text of Python's literals means. A set is a list here.
///
/// # Errors
/// It is none, or of a type that templates do not have.
pub fn python_literal(text: &str) -> Res<V> {
    let malformed = || failed("malformed node or string");
    of(Literal::parse(text).ok_or_else(malformed)?)?.ok_or_else(malformed)
}

fn of(literal: Literal) -> Res<Option<V>> {
    let items = |items: Vec<Literal>| items.into_iter().map(of).collect::<Res<Option<Vec<V>>>>();
    Ok(Some(match literal {
        Literal::None => V::None,
        Literal::Bool(truth) => V::Bool(truth),
        Literal::Int(number) => V::Int(number),
        Literal::Big(number) => V::from(number),
        Literal::Float(number) => V::Float(number),
        Literal::Complex(_) | Literal::Ellipsis => return Ok(None),
        Literal::Str(text) => V::from(text),
        Literal::Bytes(bytes) => V::Bytes(bytes.into()),
        Literal::List(members) | Literal::Set(members) => return Ok(items(members)?.map(V::list)),
        Literal::Tuple(members) => return Ok(items(members)?.map(V::tuple)),
        Literal::Dict(members) => {
            let mut entries = Entries::default();
            for (key, value) in members {
                let (Some(key), Some(value)) = (of(key)?, of(value)?) else { return Ok(None) };
                entries.insert(key_of(&key)?, value);
            }
            V::dict(entries)
        }
    }))
}
