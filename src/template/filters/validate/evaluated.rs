//! Which items and members the keywords of a schema have looked at, for `unevaluatedItems` and `unevaluatedProperties`.

use super::keywords::found;
use super::references::Place;
use super::schema::{Checked, Draft, Validator};
use crate::template::eval::{charge, check_stack};
use crate::value::{Map, Value, py_str};
use std::collections::HashSet;

/// Schemas that look at the same data: references, branches, combinations that hold.
fn beside(v: &mut Validator, instance: &Value, schema: &Map, base: &str) -> Checked<Vec<Place>> {
    check_stack()?;
    charge(64)?;
    let here = |schema: &Value| Place { schema: schema.clone(), base: base.to_owned() };
    let mut out = Vec::new();
    for name in ["$ref", "$dynamicRef"] {
        if let Some(reference) = schema.get(name).filter(|reference| !reference.is_null()) {
            out.push(v.resolve(reference, base)?);
        }
    }
    if schema.contains_key("$recursiveRef") {
        out.push(v.registry.recursive(base, &v.scopes)?);
    }
    if let Some(condition) = schema.get("if") {
        let holds = v.is_valid(instance, condition, base)?;
        if holds {
            out.push(here(condition));
        }
        out.extend(schema.get(if holds { "then" } else { "else" }).map(here));
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        for part in schema.get(name).and_then(Value::as_list).into_iter().flatten() {
            if v.is_valid(instance, part, base)? {
                out.push(here(part));
            }
        }
    }
    Ok(out)
}

pub fn items(v: &mut Validator, instance: &Value, schema: &Value, base: &str) -> Checked<HashSet<usize>> {
    let mut out = HashSet::new();
    let (Some(members), Some(list)) = (schema.as_map(), instance.as_list()) else { return Ok(out) };
    let base = v.registry.base_of(schema, base);
    match members.get("items") {
        Some(Value::List(schemas)) if v.draft == Draft::D2019 && !members.contains_key("additionalItems") => {
            out.extend(0..schemas.len());
        }
        None => {}
        Some(_) => return Ok((0..list.len()).collect()),
    }
    let prefix = members.get("prefixItems").filter(|_| v.draft == Draft::D2020);
    if let Some(schemas) = prefix.and_then(Value::as_list) {
        out.extend(0..schemas.len());
    }
    for name in ["contains", "unevaluatedItems"] {
        let Some(schema) = members.get(name) else { continue };
        for (index, item) in list.iter().enumerate() {
            if v.is_valid(item, schema, &base)? {
                out.insert(index);
            }
        }
    }
    for place in beside(v, instance, members, &base)? {
        out.extend(items(v, instance, &place.schema, &place.base)?);
    }
    Ok(out)
}

pub fn properties(
    v: &mut Validator,
    instance: &Value,
    schema: &Value,
    base: &str,
) -> Checked<HashSet<Value>> {
    let mut out = HashSet::new();
    let (Some(members), Some(map)) = (schema.as_map(), instance.as_map()) else { return Ok(out) };
    let base = v.registry.base_of(schema, base);
    let known = members.get("properties").and_then(Value::as_map);
    out.extend(known.into_iter().flat_map(Map::keys).filter(|name| map.contains_key(*name)).cloned());
    for name in ["additionalProperties", "unevaluatedProperties"] {
        let Some(schema) = members.get(name).filter(|schema| !schema.is_null()) else { continue };
        for (name, value) in map {
            if v.is_valid(value, schema, &base)? {
                out.insert(name.clone());
            }
        }
    }
    for pattern in members.get("patternProperties").and_then(Value::as_map).into_iter().flat_map(Map::keys) {
        for name in map.keys() {
            if found(pattern, &py_str(name))? {
                out.insert(name.clone());
            }
        }
    }
    for (name, schema) in members.get("dependentSchemas").and_then(Value::as_map).into_iter().flatten() {
        if map.contains_key(name) {
            out.extend(properties(v, instance, schema, &base)?);
        }
    }
    for place in beside(v, instance, members, &base)? {
        out.extend(properties(v, instance, &place.schema, &place.base)?);
    }
    Ok(out)
}
