//! Filters of ansible.utils that walk through data.

use crate::template::eval::{Args, Call};
use crate::template::object::{Entries, Res, V, attribute, failed, item, key_of, text};
use crate::template::tests;
use crate::value::Value;

/// `a.b[0]['c d']` as steps.
fn steps(path: &str) -> Res<Vec<V>> {
    let mut out = Vec::new();
    let mut rest = path.trim();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let end = inside.find(']').ok_or_else(|| failed(format!("']' is missing in '{path}'")))?;
            let key = inside[..end].trim();
            let quoted = ['\'', '"']
                .into_iter()
                .find_map(|quote| key.strip_prefix(quote).and_then(|key| key.strip_suffix(quote)));
            out.push(match (quoted, key.parse::<i64>()) {
                (Some(key), _) => V::str(key),
                (None, Ok(index)) => V::Int(index),
                (None, Err(_)) => return Err(failed(format!("unexpected '{key}'"))),
            });
            rest = &inside[end + 1..];
            continue;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() {
            return Err(failed(format!("a name is missing in '{path}'")));
        }
        out.push(name.parse::<i64>().map_or_else(|_| V::str(name), V::Int));
        rest = &rest[end..];
    }
    Ok(out)
}

pub fn get_path(c: &mut Call) -> Res<V> {
    let mut value = c.value.clone();
    let path = c.text_or(0, "")?;
    for (at, step) in steps(&path)?.iter().enumerate() {
        let next = match step {
            V::Str(name) => attribute(&value, name)?,
            other => item(&value, other)?,
        };
        if next.is_missing() && at == 0 {
            return Err(crate::template::object::undefined(format!("'{}' is undefined", text(step)?)));
        }
        value = next.need()?;
    }
    Ok(if c.flag(1)? && !value.is_sequence() { V::list(vec![value]) } else { value })
}

pub fn to_paths(c: &mut Call) -> Res<V> {
    let prepend = c.text_or(0, "")?;
    let mut out = Entries::new();
    walk(&c.value, prepend, &mut out)?;
    let want_list = c.flag(1)?;
    let all = V::dict(out);
    Ok(if want_list { V::list(vec![all]) } else { all })
}

fn walk(value: &V, path: String, out: &mut Entries) -> Res<()> {
    crate::template::eval::check_stack()?;
    match value {
        V::Dict(dict) if dict.len() > 0 => {
            for (key, member) in dict.entries()? {
                let step = match &key {
                    Value::Str(name) if is_name(name) && path.is_empty() => name.to_string(),
                    Value::Str(name) if is_name(name) => format!(".{name}"),
                    Value::Str(name) if path.is_empty() => name.to_string(),
                    Value::Str(name) => format!("['{name}']"),
                    other => format!("[{}]", crate::value::py_str(other)),
                };
                walk(&member, format!("{path}{step}"), out)?;
            }
        }
        V::List(_) | V::Tuple(_) if value.len() != Some(0) => {
            for (at, member) in value.items()?.into_iter().enumerate() {
                walk(&member, format!("{path}[{at}]"), out)?;
            }
        }
        other => {
            out.insert(Value::from(path.as_str()), other.clone());
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The places of the items for which a test holds: one alone, else a list.
pub fn index_of(c: &mut Call) -> Res<V> {
    let name = c.text_or(0, "")?;
    let (name, negated) = match &*name {
        "!=" | "ne" => ("eq", true),
        other => match other.strip_prefix("not ").or_else(|| other.strip_prefix('!')) {
            Some(name) => (name, true),
            None => (other, false),
        },
    };
    let test = tests::find(name).ok_or_else(|| {
        failed(format!("Error when using plugin 'index_of': the test '{name}' was not found"))
    })?;
    let (key, fail, want_list) = (c.given(2).cloned(), c.flag(3)?, c.flag(4)?);
    let value = c.given(1).cloned();
    let mut found = Vec::new();
    for (at, row) in c.value.items()?.into_iter().enumerate() {
        let subject = match &key {
            None => row,
            Some(key) => {
                let member = match &row {
                    V::Dict(dict) => dict.get(&key_of(key)?).transpose()?,
                    _ => None,
                };
                match member {
                    Some(member) => member,
                    None if fail => {
                        return Err(failed(format!(
                            "Error when using plugin 'index_of': '{}' was not found in '{}' at [{at}]. \
                             fail_on_missing=True",
                            text(key)?,
                            text(&row)?
                        )));
                    }
                    None => continue,
                }
            }
        };
        let args = Args::of(value.clone().into_iter().collect());
        if c.eval.test(test, subject, args)? != negated {
            found.push(V::from(at));
        }
    }
    Ok(match found.len() {
        1 if !want_list => found.remove(0),
        _ => V::list(found),
    })
}

pub fn param_list_compare(c: &mut Call) -> Res<V> {
    let known = c.value.items()?;
    let mut actionable = Vec::new();
    let mut unsupported = Vec::new();
    let mut excluded: Vec<String> = Vec::new();
    for wish in c.need(0)?.items()? {
        let name = text(&wish)?;
        let bare = name.trim_start_matches('!').to_owned();
        let is_known = known.iter().any(|item| item.as_str() == Some(&bare));
        if bare == "all" || is_known && name == bare {
            if bare == "all" {
                actionable.extend(known.iter().cloned());
            } else {
                actionable.push(wish);
            }
        } else if name != bare && is_known {
            excluded.push(bare);
        } else {
            unsupported.push(wish);
        }
    }
    actionable.retain(|item| !excluded.iter().any(|name| item.as_str() == Some(name)));
    Ok(V::record([("actionable", V::list(actionable)), ("unsupported", V::list(unsupported))]))
}
