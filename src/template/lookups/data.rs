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
                V::None => {}
                V::Str(s) if matches!(&**s, "None" | "null") => {}
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

pub fn nested(lookup: &mut Lookup) -> Res<Vec<V>> {
    if lookup.terms.is_empty() {
        return Err(failed("with_nested requires at least one element in the nested list"));
    }
    let mut rows: Vec<Vec<V>> = vec![Vec::new()];
    for term in &lookup.terms {
        let column = listed(term)?;
        if rows.len() * column.len().max(1) > 5_000_000 {
            return Err(failed("the product is too large"));
        }
        rows = rows
            .iter()
            .flat_map(|row| column.iter().map(|item| row.iter().cloned().chain([item.clone()]).collect()))
            .collect();
    }
    Ok(rows.into_iter().map(V::list).collect())
}

pub fn together(lookup: &mut Lookup) -> Res<Vec<V>> {
    if lookup.terms.is_empty() {
        return Err(failed("with_together requires at least one element in each list"));
    }
    let columns: Vec<Vec<V>> = lookup.terms.iter().map(listed).collect::<Res<_>>()?;
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |column: &Vec<V>, i: usize| column.get(i).cloned().unwrap_or(V::None);
    Ok((0..rows).map(|i| V::list(columns.iter().map(|column| cell(column, i)).collect())).collect())
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

const WRONG_TERMS: &str = "subelements lookup expects a list of two or three items, first a dict or a list, second a string \
                           pointing to the subkey";

pub fn subelements(lookup: &mut Lookup) -> Res<Vec<V>> {
    if !(2..=3).contains(&lookup.terms.len()) {
        return Err(failed("subelements lookup expects a list of two or three items"));
    }
    let skipped = |dict: &crate::template::object::Dict| -> Res<bool> {
        dict.get_str("skipped").map_or(Ok(false), |value| value?.truth())
    };
    let rows = match &lookup.terms[0] {
        // A task that was skipped gave nothing.
        V::Dict(dict) if skipped(dict)? => Vec::new(),
        V::Dict(dict) => dict.entries()?.into_values().collect(),
        V::List(_) | V::Tuple(_) => lookup.terms[0].items()?,
        _ => return Err(failed(WRONG_TERMS)),
    };
    // Rows of results that were skipped have nothing to offer.
    let mut kept = Vec::new();
    for row in rows {
        let left_out = match &row {
            V::Dict(dict) => skipped(dict)?,
            _ => false,
        };
        if !left_out {
            kept.push(row);
        }
    }
    let V::Str(path) = &lookup.terms[1] else {
        return Err(failed(WRONG_TERMS));
    };
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    let skip_missing = match lookup.terms.get(2) {
        Some(V::Dict(flags)) => match flags.get_str("skip_missing") {
            Some(value) => value?.to_value()?.ansible_bool().unwrap_or(false),
            None => false,
        },
        Some(_) => {
            return Err(failed("the optional third item must be a dict with flags skip_missing"));
        }
        None => false,
    };
    let pathless = if skip_missing { filters::Pathless::SkipAny } else { filters::Pathless::Fail };
    filters::subelements_of(kept, &path, pathless)?.items()
}
