//! Filters of ansible-core's own `ansible._protomatter`, as far as they are about values and not about Python's objects.

use crate::template::Term;
use crate::template::eval::Call;
use crate::template::object::{Entries, Res, V, failed, key_of, negate};
use crate::template::syntax;
use crate::template::syntax::ir::{Ex, Kind};
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
    let value = match syntax::expression(text.trim()) {
        Ok(expression) => value_of(&expression),
        Err(problems) => {
            Err(failed(problems.into_iter().next().map_or_else(String::new, |problem| problem.message)))
        }
    };
    if value.is_err() && c.flag(0)? { Ok(c.value.clone()) } else { value }
}

fn value_of(ex: &Ex) -> Res<V> {
    crate::template::eval::check_stack()?;
    let all = |items: &[Ex]| items.iter().map(value_of).collect::<Res<Vec<V>>>();
    match &ex.kind {
        Kind::Const(value) => Ok(value.clone()),
        // Braces in a text mean nothing here.
        Kind::Embedded(Term::Template(template)) => Ok(V::str(template.text())),
        Kind::List(items) => all(items).map(V::list),
        Kind::Tuple(items) => all(items).map(V::tuple),
        Kind::Dict(pairs) => {
            let entries = pairs.iter().map(|(key, value)| Ok((key_of(&value_of(key)?)?, value_of(value)?)));
            entries.collect::<Res<Entries>>().map(V::dict)
        }
        Kind::Neg(value) => negate(&value_of(value)?),
        _ => Err(failed("malformed node or string")),
    }
}
