//! Lists as sets. The order is that of first appearance.

use super::lists::hashable;
use super::select::{Attribute, fold_case};
use crate::template::eval::Call;
use crate::template::object::{Res, V};
use crate::value::Value;
use std::collections::HashSet;

fn keys(items: &[V]) -> Res<HashSet<Value>> {
    items.iter().map(hashable).collect()
}

/// Items for which `keep` holds, each once.
fn distinct(items: Vec<V>, mut keep: impl FnMut(&Value) -> bool) -> Res<Vec<V>> {
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for item in items {
        let key = hashable(&item)?;
        if keep(&key) && seen.insert(key) {
            out.push(item);
        }
    }
    Ok(out)
}

pub fn unique(c: &mut Call) -> Res<V> {
    let attribute = c.given(1).map(Attribute::new).transpose()?;
    let case_sensitive = c.flag_or(0, false)?;
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for item in c.value.items()? {
        let mut key = match &attribute {
            Some(attribute) => attribute.get(&item)?.need()?,
            None => item.clone(),
        };
        if !case_sensitive {
            key = fold_case(key);
        }
        if seen.insert(hashable(&key)?) {
            out.push(item);
        }
    }
    Ok(V::list(out))
}

pub fn union(c: &mut Call) -> Res<V> {
    union_of(c.value.clone(), c.need(0)?)
}

pub fn intersect(c: &mut Call) -> Res<V> {
    intersection_of(c.value.clone(), c.need(0)?)
}

pub fn difference(c: &mut Call) -> Res<V> {
    difference_of(c.value.clone(), c.need(0)?)
}

pub fn symmetric_difference(c: &mut Call) -> Res<V> {
    symmetric_difference_of(c.value.clone(), c.need(0)?)
}

pub fn only_once(a: &V) -> Res<V> {
    Ok(V::list(distinct(a.items()?, |_| true)?))
}

pub fn union_of(a: V, b: &V) -> Res<V> {
    let mut items = a.items()?;
    items.extend(b.items()?);
    Ok(V::list(distinct(items, |_| true)?))
}

pub fn intersection_of(a: V, b: &V) -> Res<V> {
    let other = keys(&b.items()?)?;
    Ok(V::list(distinct(a.items()?, |key| other.contains(key))?))
}

pub fn difference_of(a: V, b: &V) -> Res<V> {
    let other = keys(&b.items()?)?;
    Ok(V::list(distinct(a.items()?, |key| !other.contains(key))?))
}

pub fn symmetric_difference_of(a: V, b: &V) -> Res<V> {
    let (a, b) = (a.items()?, b.items()?);
    let (in_a, in_b) = (keys(&a)?, keys(&b)?);
    let both = a.into_iter().chain(b).collect();
    Ok(V::list(distinct(both, |key| in_a.contains(key) != in_b.contains(key))?))
}
