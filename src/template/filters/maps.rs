//! Filters of mappings, and those that choose between values.

use super::select::fold_case;
use crate::diag::{Diagnostic, Severity};
use crate::template::eval::Call;
use crate::template::object::{
    Entries, Res, V, attribute, failed, has_method, item, key_of, repr, sort_values, text, undefined,
};
use crate::value::Value;

pub fn default(c: &mut Call) -> Res<V> {
    let missing = crate::template::tests::is_undefined(&c.value);
    let use_default = if missing { true } else { c.flag(1)? && !c.value.truth()? };
    if use_default { Ok(c.get(0).cloned().unwrap_or_else(|| V::str(""))) } else { Ok(c.value.clone()) }
}

pub fn ternary(c: &mut Call) -> Res<V> {
    let chosen = if matches!(c.value, V::None) && c.given(2).is_some() {
        c.get(2)
    } else if c.value.truth()? {
        c.get(0)
    } else {
        c.get(1)
    };
    Ok(chosen.cloned().unwrap_or(V::None))
}

pub fn mandatory(c: &mut Call) -> Res<V> {
    if !c.value.is_missing() {
        return Ok(c.value.clone());
    }
    match c.text(0)? {
        Some(message) => {
            Err(undefined(format!("The filter plugin 'ansible.builtin.mandatory' failed: {message}")))
        }
        None => match &c.value {
            V::Missing(missing) => {
                let member = || missing.message.split_once(" has no attribute ").map(|(_, name)| name);
                let name = missing.message.strip_suffix(" is undefined").or_else(member).unwrap_or_default();
                let message = format!("Mandatory variable {name} not defined.").replace("  ", " ");
                Err(undefined(format!("The filter plugin 'ansible.builtin.mandatory' failed: {message}")))
            }
            _ => Ok(c.value.clone()),
        },
    }
}

/// Attributes alone, never members.
pub fn attr(c: &mut Call) -> Res<V> {
    if let Some(other) = c.get(0)
        && !matches!(other, V::Str(_))
    {
        return Err(failed(format!("attribute name must be string, not '{}'", other.type_name())));
    }
    let name = c.text_or(0, "")?;
    if let V::Dict(_) = &c.value
        && !has_method(&c.value, &name)
    {
        return attribute(&V::dict(Entries::new()), &name);
    }
    attribute(&c.value, &name)
}

pub fn boolean(c: &mut Call) -> Res<V> {
    let known = match &c.value {
        V::Bool(b) => Some(*b),
        V::Int(1) => Some(true),
        V::Int(0) => Some(false),
        V::Float(f) => Some(*f == 1.0),
        V::Str(text) => match &*text.to_lowercase() {
            "yes" | "on" | "1" | "true" => Some(true),
            "no" | "off" | "0" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    };
    match known {
        Some(result) => Ok(V::Bool(result)),
        None => {
            let message = format!(
                "The `bool` filter coerced invalid value {} ({}) to False. This feature will be removed from ansible-core \
                 version 2.23.",
                repr(&c.value)?,
                c.value.type_name()
            );
            c.eval.ctx.engine().warn(Diagnostic::new(Severity::Deprecation, "bool-filter", message));
            Ok(V::Bool(false))
        }
    }
}

fn need_dict(value: &V, filter: &str) -> Res<Entries> {
    match value {
        V::Dict(dict) => dict.entries(),
        V::Missing(missing) => Err(missing.error()),
        other => Err(failed(format!("{filter} requires a dictionary, got {} instead.", type_words(other)))),
    }
}

/// A type as Python prints it.
fn type_words(value: &V) -> String {
    format!("<class '{}'>", value.type_name())
}

pub fn items(c: &mut Call) -> Res<V> {
    // What an `if` without `else` gives has no members.
    if matches!(&c.value, V::Object(object) if object.is_undefined()) {
        return Ok(V::list(Vec::new()));
    }
    let V::Dict(dict) = &c.value else {
        return Err(failed("Can only get item pairs from a mapping."));
    };
    pairs(dict.entries()?)
}

fn pairs(entries: Entries) -> Res<V> {
    let pairs: Vec<V> = entries
        .into_iter()
        .map(|(key, value)| Ok(V::tuple(vec![V::from_value(&key)?, value.need()?])))
        .collect::<Res<_>>()?;
    Ok(V::list(pairs))
}

pub fn dictsort(c: &mut Call) -> Res<V> {
    let case_sensitive = c.flag(0)?;
    let by_value = match &*c.text_or(1, "key")? {
        "key" => false,
        "value" => true,
        _ => return Err(failed("You can only sort by either \"key\" or \"value\"")),
    };
    let V::Dict(dict) = &c.value else {
        return Err(failed(format!("'{}' object has no attribute 'items'", c.value.type_name())));
    };
    let mut rows = Vec::new();
    for (key, value) in dict.entries()? {
        value.check()?;
        let key = V::from_value(&key)?;
        let sorted = if by_value { value.clone() } else { key.clone() };
        let sorted = if case_sensitive { sorted } else { fold_case(sorted) };
        rows.push((sorted, V::tuple(vec![key, value])));
    }
    let reverse = c.flag(2)?;
    if reverse {
        rows.reverse();
    }
    sort_values(&mut rows, |(key, _)| key)?;
    if reverse {
        rows.reverse();
    }
    Ok(V::list(rows.into_iter().map(|(_, row)| row).collect()))
}

pub fn dict2items(c: &mut Call) -> Res<V> {
    let (key_name, value_name) = (c.text_or(0, "key")?, c.text_or(1, "value")?);
    if !matches!(c.value, V::Dict(_)) {
        return Err(failed(format!(
            "dict2items requires a dictionary, got {} instead.",
            type_words(&c.value)
        )));
    }
    let mut out = Vec::new();
    for (key, value) in need_dict(&c.value, "dict2items")? {
        let mut entry = Entries::new();
        entry.insert(Value::str(&key_name), V::from_value(&key)?);
        entry.insert(Value::str(&value_name), value.need()?);
        out.push(V::dict(entry));
    }
    Ok(V::list(out))
}

pub fn items2dict(c: &mut Call) -> Res<V> {
    let (key_name, value_name) = (c.text_or(0, "key")?, c.text_or(1, "value")?);
    if !c.value.is_sequence() {
        return Err(failed(format!("items2dict requires a list, got {} instead.", type_words(&c.value))));
    }
    let mut out = Entries::new();
    for entry in c.value.items()? {
        let part = |name: &str| -> Res<V> {
            let found = item(&entry, &V::str(name))?;
            if found.is_missing() {
                return Err(failed(format!(
                    "items2dict requires each dictionary in the list to contain the keys '{key_name}' and \
                     '{value_name}', got {} instead.",
                    repr(&c.value)?
                )));
            }
            Ok(found)
        };
        out.insert(key_of(&part(&key_name)?)?, part(&value_name)?);
    }
    Ok(V::dict(out))
}

pub fn rekey(c: &mut Call) -> Res<V> {
    let key = c.text_or(0, "")?;
    let duplicates = c.text_or(1, "error")?;
    if !matches!(&*duplicates, "error" | "overwrite") {
        return Err(failed(format!(
            "duplicates parameter to rekey_on_member has unknown value: {duplicates}"
        )));
    }
    let rows: Vec<V> = match &c.value {
        V::Dict(dict) => dict.entries()?.into_values().collect(),
        V::List(_) | V::Tuple(_) => c.value.items()?,
        _ => return Err(failed("Type is not a valid list, set, or dict")),
    };
    let mut out = Entries::new();
    for row in rows {
        if !matches!(row, V::Dict(_)) {
            return Err(failed("List item is not a valid dict"));
        }
        let found = item(&row, &V::str(&key))?;
        if found.is_missing() {
            return Err(failed(format!("Key {key} was not found")));
        }
        let name = key_of(&found)?;
        if out.contains_key(&name) && duplicates == "error" {
            return Err(failed(format!(
                "Key {} is not unique, cannot correctly turn into dict",
                text(&found)?
            )));
        }
        out.insert(name, row);
    }
    Ok(V::dict(out))
}

pub fn extract(c: &mut Call) -> Res<V> {
    let container = c.need(0)?.clone();
    let mut value = member(&container, &c.value)?;
    match c.given(1) {
        None => {}
        Some(keys @ (V::List(_) | V::Tuple(_))) => {
            for key in keys.items()? {
                value = member(&value, &key)?;
            }
        }
        Some(key) => value = member(&value, key)?,
    }
    Ok(value)
}

fn member(container: &V, key: &V) -> Res<V> {
    match (container, key) {
        (V::Object(_), V::Str(name)) => attribute(container, name),
        _ => item(container, key),
    }
}

pub fn subelements(c: &mut Call) -> Res<V> {
    let skip_missing = c.flag(1)?;
    let rows: Vec<V> = match &c.value {
        V::Dict(dict) => dict.entries()?.into_values().collect(),
        V::List(_) => c.value.items()?,
        _ => return Err(failed("obj must be a list of dicts or a nested dict")),
    };
    let path: Vec<String> = match c.need(0)? {
        V::Str(path) => path.split('.').map(str::to_owned).collect(),
        keys @ (V::List(_) | V::Tuple(_)) => keys.items()?.iter().map(text).collect::<Res<_>>()?,
        _ => return Err(failed("subelements must be a list or a string")),
    };
    subelements_of(rows, &path, skip_missing)
}

/// Pairs of each row and each of its items at `path`.
fn subelements_of(rows: Vec<V>, path: &[String], skip_missing: bool) -> Res<V> {
    let mut out = Vec::new();
    for row in rows {
        let mut value = row.clone();
        for key in path {
            let V::Dict(_) = &value else {
                return Err(failed(format!(
                    "the key {key} should point to a dictionary, got '{}'",
                    text(&value)?
                )));
            };
            value = item(&value, &V::str(key))?;
            if value.is_missing() {
                if skip_missing {
                    value = V::list(Vec::new());
                    break;
                }
                return Err(failed(format!("could not find '{key}' key in iterated item {}", repr(&row)?)));
            }
        }
        if !value.is_sequence() {
            return Err(failed(format!(
                "the key {} should point to a list, got '{}'",
                path.last().map_or("", String::as_str),
                text(&value)?
            )));
        }
        for part in value.items()? {
            out.push(V::tuple(vec![row.clone(), part]));
        }
    }
    Ok(V::list(out))
}

pub fn combine(c: &mut Call) -> Res<V> {
    let mut recursive = false;
    let mut list_merge = "replace".to_owned();
    for (name, value) in &c.named {
        match &**name {
            "recursive" => recursive = value.truth()?,
            "list_merge" => list_merge = text(value)?,
            other => {
                return Err(failed(format!(
                    "'recursive' and 'list_merge' are the only valid keyword arguments, not '{other}'"
                )));
            }
        }
    }
    if !matches!(&*list_merge, "replace" | "keep" | "append" | "prepend" | "append_rp" | "prepend_rp") {
        return Err(failed(
            "merge_hash: 'list_merge' argument can only be equal to 'replace', 'keep', 'append', 'prepend', \
             'append_rp' or 'prepend_rp'",
        ));
    }
    // Lists of mappings count as their items.
    let mut dicts = Vec::new();
    for term in std::iter::once(&c.value).chain(&c.more) {
        match term.is_sequence() {
            true => dicts.extend(term.items()?),
            false => dicts.push(term.clone()),
        }
    }
    // Nothing adds nothing, also as a text.
    dicts.retain(|dict| !matches!(dict, V::None) && !matches!(dict.as_str(), Some("None" | "null")));
    let mut merged = Entries::new();
    for (i, dict) in dicts.iter().enumerate() {
        let entries = match dict {
            V::Dict(dict) => {
                let entries = dict.entries()?;
                entries.values().try_for_each(V::check)?;
                entries
            }
            V::Missing(missing) => return Err(missing.error()),
            other => {
                return Err(failed(format!(
                    "failed to combine variables, expected dicts but got a '{}' and a '{}': \n{}\n{}",
                    if i == 0 { other.type_name() } else { "dict" },
                    if i == 0 { "dict" } else { other.type_name() },
                    crate::value::to_json(&V::dict(merged.clone()).to_value()?),
                    crate::value::to_json(&other.to_value()?),
                )));
            }
        };
        merged = if merged.is_empty() { entries } else { merge(merged, entries, recursive, &list_merge)? };
    }
    Ok(V::dict(merged))
}

/// `over` on top of `base`.
pub fn merge(mut base: Entries, over: Entries, recursive: bool, list_merge: &str) -> Res<Entries> {
    for (key, value) in over {
        let combined = match (base.get(&key), &value) {
            (Some(V::Dict(old)), V::Dict(new)) if recursive => {
                V::dict(merge(old.entries()?, new.entries()?, recursive, list_merge)?)
            }
            (Some(old @ V::List(_)), V::List(_)) if list_merge != "replace" => {
                V::list(merge_lists(old.items()?, value.items()?, list_merge)?)
            }
            _ => value,
        };
        base.insert(key, combined);
    }
    Ok(base)
}

fn merge_lists(old: Vec<V>, new: Vec<V>, how: &str) -> Res<Vec<V>> {
    let without = |from: Vec<V>, other: &[V]| -> Res<Vec<V>> {
        let keys: Vec<Value> = other.iter().map(V::to_value).collect::<Res<_>>()?;
        let mut out = Vec::new();
        for item in from {
            if !keys.contains(&item.to_value()?) {
                out.push(item);
            }
        }
        Ok(out)
    };
    Ok(match how {
        "keep" => old,
        "append" => old.into_iter().chain(new).collect(),
        "prepend" => new.into_iter().chain(old).collect(),
        "append_rp" => without(old, &new)?.into_iter().chain(new).collect(),
        _ => {
            let kept = without(old, &new)?;
            new.into_iter().chain(kept).collect()
        }
    })
}
