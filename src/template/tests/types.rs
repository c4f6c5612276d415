//! Tests of what a value is like.

use crate::template::eval::Call;
use crate::template::object::{Arith, NO_ELSE, Res, V, arith, equal, failed, key_of};
use crate::template::regex::{self, Flags};
use crate::value::Value;
use crate::value::marks::{self, Mark};
use std::sync::Arc;

pub fn truthy(c: &mut Call) -> Res<bool> {
    if c.flag(0)?
        && let Some(truth) = c.value.to_value()?.ansible_bool()
    {
        return Ok(truth);
    }
    c.value.truth()
}

/// Whether `value % by` is `rest`. A text is a format, as everywhere.
pub fn remainder_is(c: &Call, by: &V, rest: i64) -> Res<bool> {
    equal(&arith(Arith::Rem, &c.value, by)?, &V::Int(rest))
}

pub fn nan(c: &mut Call) -> Res<bool> {
    if undefined(&c.value) {
        return Err(failed(NO_ELSE));
    }
    Ok(c.value.as_f64().is_some_and(f64::is_nan))
}

pub fn undefined(value: &V) -> bool {
    match value {
        V::Missing(_) => true,
        V::Object(object) => object.is_undefined(),
        _ => false,
    }
}

/// Whether something has this name. Names are looked up, so that lists cannot be asked for; what is no text at
/// all counts as known, as it does in Jinja.
pub fn named(c: &Call, exists: fn(&str) -> bool) -> Res<bool> {
    if !matches!(c.value, V::Object(_)) {
        key_of(&c.value)?;
    }
    Ok(c.value.as_str().is_none_or(exists))
}

/// Python's `is`, as far as values can tell: constants and small numbers are themselves.
pub fn same_as(c: &mut Call) -> Res<bool> {
    let other = c.need(0)?;
    Ok(match (&c.value, other) {
        (V::List(a), V::List(b)) => Arc::ptr_eq(a, b),
        (V::Dict(a), V::Dict(b)) => Arc::ptr_eq(a, b),
        (V::Tuple(a), V::Tuple(b)) => Arc::ptr_eq(a, b),
        (V::Object(a), V::Object(b)) => Arc::ptr_eq(a, b),
        (a, b) => a.type_name() == b.type_name() && equal(a, b)?,
    })
}

/// What is known of a text.
pub fn mark(value: &V) -> Option<Mark> {
    match value {
        V::Str(text) => marks::of(text),
        _ => None,
    }
}

/// Whether it was encrypted where it was written.
pub fn is_vaulted(c: &mut Call) -> Res<bool> {
    match &c.value {
        V::Missing(missing) if missing.sealed.is_some() => Ok(true),
        V::Missing(missing) => Err(missing.error()),
        value => Ok(matches!(mark(value), Some(Mark::Vaulted(_)))),
    }
}

/// Whether something is known by one of Ansible's names for it.
pub fn tagged_with(c: &mut Call) -> Res<bool> {
    let tag = c.text_or(0, "")?;
    Ok(match &*tag {
        "TrustedAsTemplate" => matches!(&c.value, V::Str(text) if marks::is_authored(text)),
        "VaultedValue" => matches!(mark(&c.value), Some(Mark::Vaulted(_))),
        "Origin" => matches!(mark(&c.value), Some(Mark::Origin(_))),
        _ => false,
    })
}

/// Whether all items of `a` are in `b`.
pub fn subset(a: &V, b: &V) -> Res<bool> {
    let all: std::collections::HashSet<Value> = b.items()?.iter().map(key_of).collect::<Res<_>>()?;
    let part: Vec<Value> = a.items()?.iter().map(key_of).collect::<Res<_>>()?;
    Ok(part.iter().all(|item| all.contains(item)))
}

/// `match`, `search` and `regex`, which differ in where they begin.
pub fn matches(c: &mut Call, test: &str) -> Res<bool> {
    let text = c.input()?;
    let flags = Flags { ignore_case: c.flag(1)?, multiline: c.flag(2)?, dot_all: false };
    let kind = match test {
        "regex" => c.text_or(3, "search")?,
        other => other.to_owned(),
    };
    let regex = regex::compile(&c.text_or(0, "")?, flags)?;
    let found = match &*kind {
        "search" => return regex.is_match(&*text).map_err(regex::runaway),
        _ => regex.find(&*text).map_err(regex::runaway)?,
    };
    match &*kind {
        "match" => {
            // Anchored at the beginning: the leftmost match need not be it.
            let anchored = regex::compile(&format!("\\A(?:{})", c.text_or(0, "")?), flags)?;
            anchored.is_match(&*text).map_err(regex::runaway)
        }
        "fullmatch" => {
            let whole = regex::compile(&format!("\\A(?:{})\\Z", c.text_or(0, "")?), flags)?;
            whole.is_match(&*text).map_err(regex::runaway)
        }
        _ => Ok(found.is_some()),
    }
}

fn parts(text: &str) -> (String, String) {
    let scheme = match text.split_once(':') {
        Some((scheme, _))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) =>
        {
            scheme.to_ascii_lowercase()
        }
        _ => String::new(),
    };
    let rest = &text[if scheme.is_empty() { 0 } else { scheme.len() + 1 }..];
    let host = rest.strip_prefix("//").map_or("", |rest| rest.split(['/', '?', '#']).next().unwrap_or(""));
    (scheme, host.to_owned())
}

fn allowed(c: &Call, scheme: &str) -> Res<bool> {
    let Some(schemes) = c.given(0) else { return Ok(true) };
    let schemes = schemes.items()?;
    Ok(schemes.is_empty() || schemes.iter().any(|known| known.as_str() == Some(scheme)))
}

/// The address that a value might be; a collection is none.
fn address(c: &Call) -> Res<String> {
    match &c.value {
        V::List(_) | V::Tuple(_) | V::Dict(_) => Ok(String::new()),
        _ => c.input(),
    }
}

pub fn uri(c: &mut Call) -> Res<bool> {
    let (scheme, _) = parts(&address(c)?);
    Ok(!scheme.is_empty() && allowed(c, &scheme)?)
}

pub fn url(c: &mut Call) -> Res<bool> {
    let (scheme, host) = parts(&address(c)?);
    let named = !host.rsplit('@').next().unwrap_or("").is_empty();
    Ok(!scheme.is_empty() && named && allowed(c, &scheme)?)
}

pub fn urn(c: &mut Call) -> Res<bool> {
    Ok(parts(&address(c)?).0 == "urn")
}

/// Whether the value is of a type, or of one of several, as `reveal_ansible_type` names them.
pub fn ansible_type(c: &mut Call) -> Res<bool> {
    let wanted = match c.need(0)? {
        V::Str(_) => vec![c.need(0)?.clone()],
        V::List(_) | V::Tuple(_) => c.need(0)?.items()?,
        other => {
            return Err(failed(format!(
                "The argument dtype must be a string or a list, not {}",
                other.type_name()
            )));
        }
    };
    let own = crate::template::filters::type_of(&c.value, c.get(1))?;
    Ok(wanted.iter().any(|name| name.as_str() == Some(&own)))
}

/// Whether there is a module or action of this name.
pub fn a_module(c: &mut Call) -> Res<bool> {
    match &c.value {
        V::Str(name) => Ok(c.eval.ctx.engine().settings().is_module.is_some_and(|known| known(name))),
        other => Err(failed(format!("unsupported type <class '{}'>", other.type_name()))),
    }
}
