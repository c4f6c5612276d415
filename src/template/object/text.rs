//! `str()` and `repr()` of template values.

use super::{Res, V};
use crate::template::eval::check_stack;
use crate::value::{Value, float_repr, py_repr, str_repr};
use std::fmt::Write;

/// What `{{ value }}` between other text, `~` and the `string` filter print.
///
/// # Errors
/// Missing values and failing members.
pub fn text(value: &V) -> Res<String> {
    let mut out = String::new();
    write_text(value, &mut out)?;
    Ok(out)
}

pub fn write_text(value: &V, out: &mut String) -> Res<()> {
    match value {
        V::Str(s) => out.push_str(s),
        V::Object(object) => out.push_str(&object.text()),
        other => write_repr(other, out)?,
    }
    Ok(())
}

/// A collection among other text: tuples are lists there, at every depth.
///
/// # Errors
/// Missing values and failing members.
pub fn text_of_data(value: &V) -> Res<String> {
    fn as_lists(value: &V) -> Res<V> {
        check_stack()?;
        crate::template::eval::charge(size_of::<V>())?;
        Ok(match value {
            V::List(list) => V::list(list.items()?.iter().map(as_lists).collect::<Res<_>>()?),
            V::Tuple(items) => V::list(items.iter().map(as_lists).collect::<Res<_>>()?),
            V::Dict(dict) => V::dict(
                dict.entries()?
                    .into_iter()
                    .map(|(key, item)| Ok((key, as_lists(&item)?)))
                    .collect::<Res<_>>()?,
            ),
            other => other.clone(),
        })
    }
    if has_object(value)? {
        return repr(&as_lists(value)?);
    }
    Ok(crate::value::py_str(&value.to_value()?))
}

/// Whether there is something in a value that prints otherwise than its data.
fn has_object(value: &V) -> Res<bool> {
    if matches!(value, V::List(_) | V::Tuple(_) | V::Dict(_)) {
        check_stack()?;
        crate::template::eval::charge(size_of::<V>())?;
    }
    Ok(match value {
        V::Object(_) => true,
        V::List(_) | V::Tuple(_) => {
            for item in value.items()? {
                if has_object(&item)? {
                    return Ok(true);
                }
            }
            false
        }
        V::Dict(dict) => {
            for item in dict.entries()?.values() {
                if has_object(item)? {
                    return Ok(true);
                }
            }
            false
        }
        _ => false,
    })
}

/// # Errors
/// Missing values and failing members.
pub fn repr(value: &V) -> Res<String> {
    let mut out = String::new();
    write_repr(value, &mut out)?;
    Ok(out)
}

fn write_repr(value: &V, out: &mut String) -> Res<()> {
    match value {
        V::None => out.push_str("None"),
        V::Bool(b) => out.push_str(if *b { "True" } else { "False" }),
        V::Int(i) => {
            let _ = write!(out, "{i}");
        }
        V::Big(big) => {
            let _ = write!(out, "{big}");
        }
        V::Float(f) => out.push_str(&float_repr(*f)),
        V::Str(s) if crate::template::is_omit(&Value::Str(s.clone())) => out.push_str(s),
        V::Str(s) => out.push_str(&str_repr(s)),
        V::Bytes(b) => out.push_str(&py_repr(&Value::Bytes(b.clone()))),
        V::List(list) => {
            check_stack()?;
            write_items(&list.items()?, "[", "]", out)?;
        }
        V::Tuple(items) if items.len() == 1 => write_items(items, "(", ",)", out)?,
        V::Tuple(items) => write_items(items, "(", ")", out)?,
        V::Dict(dict) => {
            check_stack()?;
            out.push('{');
            for (i, (key, item)) in dict.entries()?.iter().enumerate() {
                if out.len() > 64 << 20 {
                    return Err(super::failed("the text of the value is too long"));
                }
                if i > 0 {
                    out.push_str(", ");
                }
                write_repr(&V::from_value(key)?, out)?;
                out.push_str(": ");
                write_repr(item, out)?;
            }
            out.push('}');
        }
        V::Missing(missing) => return Err(missing.error()),
        V::Object(object) => out.push_str(&object.repr()),
    }
    Ok(())
}

fn write_items(items: &[V], open: &str, close: &str, out: &mut String) -> Res<()> {
    out.push_str(open);
    for (i, item) in items.iter().enumerate() {
        if out.len() > 64 << 20 {
            return Err(super::failed("the text of the value is too long"));
        }
        if i > 0 {
            out.push_str(", ");
        }
        write_repr(item, out)?;
    }
    out.push_str(close);
    Ok(())
}
