//! Filters of ansible-core's own `ansible._protomatter`, as far as they are about values and not about Python's objects.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, python_literal};

use crate::value::marks::{self, Mark};
use std::sync::Arc;

/// Where a text came from, if that is known.
pub fn origin(c: &mut Call) -> Res<V> {
    Ok(match &c.value {
        V::Str(text) => match marks::of(text) {
            Some(Mark::Origin(place)) => V::Str(place),
            _ => V::None,
        },
        _ => V::None,
    })
}

/// The same text as if an author had written it: it may be used as a condition, though not as a template.
pub fn apply_trust(c: &mut Call) -> Res<V> {
    let V::Str(text) = &c.value else { return Ok(c.value.clone()) };
    let trusted = Arc::from(&**text);
    marks::author(&trusted);
    Ok(V::Str(trusted))
}

/// The value that a text of Python's literals means.
pub fn literal(c: &mut Call) -> Res<V> {
    let V::Str(text) = &c.value else {
        return Err(failed(format!("malformed node or string: {}", c.input()?)));
    };
    let value = python_literal(text);
    if value.is_err() && c.flag(0)? { Ok(c.value.clone()) } else { value }
}
