//! Lookups that rearrange what they are given.

use super::Lookup;
use crate::template::filters;
use crate::template::object::{Res, V, failed, text};

/// A list's items, or the one value.
fn listed(value: &V) -> Res<Vec<V>> {
    if value.is_sequence() { value.items() } else { Ok(vec![value.clone()]) }
}

pub fn items(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    for term in &lookup.terms {
        out.extend(listed(term)?);
    }
    Ok(out)
}

pub fn flattened(lookup: &mut Lookup) -> Res<Vec<V>> {
    fn add(items: Vec<V>, out: &mut Vec<V>) -> Res<()> {
        for item in items {
            match &item {
                // What a missing variable once became ends the list.
                V::Str(s) if matches!(&**s, "None" | "null") => break,
                V::List(_) | V::Tuple(_) => add(item.items()?, out)?,
                _ => out.push(item),
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    add(lookup.terms.clone(), &mut out)?;
    Ok(out)
}

pub fn indexed_items(lookup: &mut Lookup) -> Res<Vec<V>> {
    let items = items(lookup)?;
    Ok(items.into_iter().enumerate().map(|(i, item)| V::tuple(vec![V::from(i), item])).collect())
}

pub fn dict(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    for term in &lookup.terms {
        let V::Dict(dict) = term else {
            return Err(failed(format!(
                "the 'dict' lookup plugin expects a dictionary, got '{}' of type <class '{}'>)",
                text(term)?,
                term.type_name()
            )));
        };
        for (key, value) in dict.entries()? {
            out.push(V::record([("key", V::from_value(&key)?), ("value", value)]));
        }
    }
    Ok(out)
}

/// The members with those of lists among them in their place, one level deep.
fn spread(items: &[V]) -> Res<Vec<V>> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        out.extend(listed(item)?);
    }
    Ok(out)
}

/// All pairs of the members of two columns; lists among them lose a level.
fn pairs(left: &[V], right: &[V]) -> Res<Vec<V>> {
    if left.len().saturating_mul(right.len()) > 5_000_000 {
        return Err(failed("the product is too large"));
    }
    let all = left.iter().flat_map(|a| right.iter().map(move |b| [a.clone(), b.clone()]));
    all.map(|pair| Ok(V::list(spread(&pair)?))).collect()
}

pub fn nested(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut columns = lookup.terms.iter();
    let Some(first) = columns.next() else {
        return Err(failed("with_nested requires at least one element in the nested list"));
    };
    let mut rows = first.items()?;
    for column in columns {
        rows = pairs(&rows, &column.items()?)?;
    }
    rows.iter().map(|row| Ok(V::list(spread(&row.items()?)?))).collect()
}

/// As `nested`, but what is no list is a column of its own, and all lists lose one level only.
pub fn cartesian(lookup: &mut Lookup) -> Res<Vec<V>> {
    if lookup.terms.is_empty() {
        return Err(failed("with_cartesian requires at least one element in each list"));
    }
    let mut rows: Vec<Vec<V>> = vec![Vec::new()];
    for term in &lookup.terms {
        let column = listed(term)?;
        if rows.len().saturating_mul(column.len()) > 5_000_000 {
            return Err(failed("the product is too large"));
        }
        let longer = |row: &Vec<V>, item: &V| row.iter().cloned().chain([item.clone()]).collect();
        rows = rows.iter().flat_map(|row| column.iter().map(move |item| longer(row, item))).collect();
    }
    rows.iter().map(|row| Ok(V::list(spread(row)?))).collect()
}

pub fn together(lookup: &mut Lookup) -> Res<Vec<V>> {
    if lookup.terms.is_empty() {
        return Err(failed("with_together requires at least one element in each list"));
    }
    let columns: Vec<Vec<V>> = lookup.terms.iter().map(V::items).collect::<Res<_>>()?;
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let row = |i: usize| -> Vec<V> {
        columns.iter().map(|column| column.get(i).cloned().unwrap_or(V::None)).collect()
    };
    (0..rows).map(|i| Ok(V::list(spread(&row(i))?))).collect()
}

pub fn random_choice(lookup: &mut Lookup) -> Res<Vec<V>> {
    // A single list counts as its items only when it is a term of its own: terms are the choices.
    let def = filters::find("random").ok_or_else(|| failed("there is no filter 'random'"))?;
    if lookup.terms.is_empty() {
        return Ok(Vec::new());
    }
    let choices = V::list(lookup.terms.clone());
    Ok(vec![lookup.eval.filter(def, choices, crate::template::eval::Args::default())?])
}

/// Each row without what is at the path, beside each item that was there.
pub fn subelements(lookup: &mut Lookup) -> Res<Vec<V>> {
    let wrong =
        |more: &str| failed(format!("subelements lookup expects a list of two or three items,{more}"));
    if !(2..=3).contains(&lookup.terms.len()) {
        return Err(wrong(""));
    }
    let V::Str(path) = &lookup.terms[1] else {
        return Err(wrong(" first a dict or a list, second a string pointing to the subkey"));
    };
    let path: Vec<&str> = path.split('.').collect();
    let skipped = |dict: &crate::template::object::Dict| -> Res<bool> {
        dict.get_str("skipped").map_or(Ok(false), |value| value?.truth())
    };
    let rows = match &lookup.terms[0] {
        // A task that was skipped gave nothing.
        V::Dict(dict) if skipped(dict)? => Vec::new(),
        V::Dict(dict) => dict.entries()?.into_values().collect(),
        V::List(_) => lookup.terms[0].items()?,
        _ => return Err(wrong(" first a dict or a list, second a string pointing to the subkey")),
    };
    let skip_missing = match lookup.terms.get(2) {
        Some(V::Dict(flags)) => match flags.get_str("skip_missing") {
            Some(value) => value?.to_value()?.ansible_bool().unwrap_or(false),
            None => false,
        },
        Some(_) => return Err(wrong(" the optional third item must be a dict with flags skip_missing")),
        None => false,
    };
    let mut out = Vec::new();
    for row in rows {
        let V::Dict(dict) = &row else {
            return Err(failed(format!("subelements lookup expects a dictionary, got '{}'", text(&row)?)));
        };
        // Rows of results that were skipped have nothing to offer.
        if skipped(dict)? {
            continue;
        }
        if let Some((rest, items)) = taken_apart(dict, &path, skip_missing)? {
            out.extend(items.into_iter().map(|item| V::tuple(vec![rest.clone(), item])));
        }
    }
    Ok(out)
}

/// A mapping without the list at a path, and that list's items. `None` if it does not have the path and need not.
fn taken_apart(
    dict: &crate::template::object::Dict,
    path: &[&str],
    skip_missing: bool,
) -> Res<Option<(V, Vec<V>)>> {
    let Some((key, deeper)) = path.split_first() else { return Ok(None) };
    let Some(value) = dict.get_str(key).transpose()? else {
        let row = crate::template::object::repr(&V::dict(dict.entries()?))?;
        return match skip_missing {
            true => Ok(None),
            false => Err(failed(format!("could not find '{key}' key in iterated item '{row}'"))),
        };
    };
    let mut rest = dict.entries()?;
    let name = crate::value::Value::str(key);
    if deeper.is_empty() {
        let V::List(_) = &value else {
            let got = text(&value)?;
            return Err(failed(format!("the key {key} should point to a list, got '{got}'")));
        };
        rest.shift_remove(&name);
        return Ok(Some((V::dict(rest), value.items()?)));
    }
    let V::Dict(inner) = &value else {
        return match skip_missing {
            true => Ok(None),
            false => {
                Err(failed(format!("the key {key} should point to a dictionary, got '{}'", text(&value)?)))
            }
        };
    };
    Ok(taken_apart(inner, deeper, skip_missing)?.map(|(below, items)| {
        rest.insert(name, below);
        (V::dict(rest), items)
    }))
}
