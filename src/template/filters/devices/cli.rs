//! `parse_cli`: what regular expressions find in a text.

use super::spec::{Spec, input};
use crate::template::eval::{Call, charge};
use crate::template::object::{Res, V, failed, split_lines};
use crate::template::regex::{self, Flags};
use crate::value::{Map, Value};
use fancy_regex::{Captures, Regex};
use std::sync::Arc;

/// Bytes that a member of a mapping takes, about, with its text.
const MEMBER: usize = 200;

const LINES: Flags = Flags { ignore_case: false, multiline: true, dot_all: false };

fn pattern(value: &Value, flags: Flags) -> Res<Arc<Regex>> {
    match value.as_str() {
        Some(pattern) => regex::compile(pattern, flags),
        None => Err(failed(match value {
            Value::List(_) | Value::Map(_) => format!("unhashable type: '{}'", value.type_name()),
            _ => "first argument must be string or compiled pattern".to_owned(),
        })),
    }
}

pub fn parse_cli(c: &mut Call) -> Res<V> {
    let text = input(c, "parse_cli input should be a string, but was given a input of")?.to_owned();
    let spec = Spec::load(c, "parse_cli")?;
    let mut out = Map::new();
    for key in spec.keys() {
        let (name, attributes, value) = key?;
        let items = attributes.get("items");
        if let (Some(start), Some(end)) = (attributes.get("start_block"), attributes.get("end_block")) {
            let items = items.ok_or_else(|| failed("'items'"))?;
            // Blocks are all there is to such a result.
            return V::from_value(&in_blocks(&spec, &text, [start, end], items, &value)?);
        }
        let value = match (items, &value) {
            (None, _) => value,
            (Some(items), Value::Map(shape)) => {
                spec.shaped(shape, &rows(&*pattern(items, LINES)?, &text)?)?
            }
            (Some(items), _) => {
                pattern(items, LINES)?;
                spec.of_item(&value, &Value::map(Map::new()))?
            }
        };
        out.insert(name.clone(), value);
    }
    V::from_value(&Value::map(out))
}

/// The named groups of all matches; a group that took no part is an empty text.
fn rows(regex: &Regex, text: &str) -> Res<Vec<Value>> {
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    let mut out = Vec::new();
    if names.is_empty() {
        return Ok(out);
    }
    for found in regex::matches(regex, text) {
        let found = found?;
        let group = |name: &str| Value::str(found.name(name).map_or("", |group| group.as_str()));
        charge(MEMBER * (names.len() + 1))?;
        out.push(Value::object(names.iter().map(|name| (*name, group(name)))));
    }
    Ok(out)
}

/// One item for each block of lines: what each expression found in it.
fn in_blocks(spec: &Spec, text: &str, borders: [&Value; 2], items: &Value, value: &Value) -> Res<Value> {
    let plain = Flags::default();
    let [start, end] = [pattern(borders[0], plain)?, pattern(borders[1], plain)?];
    let patterns: Vec<Arc<Regex>> = match items {
        Value::List(items) => items.iter().map(|item| pattern(item, plain)).collect::<Res<_>>()?,
        // Each character is an expression to Python.
        other => {
            let characters = other.as_str().unwrap_or_default().chars();
            characters.map(|c| pattern(&Value::str(c.to_string()), plain)).collect::<Res<_>>()?
        }
    };
    let mut out = Vec::new();
    for block in blocks(text, &start, &end)? {
        let found = patterns.iter().map(|pattern| in_block(pattern, &block));
        let item = Value::list(found.collect::<Res<_>>()?);
        let Some(shape) = value.as_map() else { continue };
        out.push(match shape.get("key") {
            Some(key) => Value::map(Map::from_iter([spec.keyed(shape, key, &item)?])),
            None => spec.members(shape, &item, true)?,
        });
    }
    Ok(Value::list(out))
}

/// Blocks from a line where one begins to the first where one ends; a begin inside begins anew.
fn blocks(text: &str, start: &Regex, end: &Regex) -> Res<Vec<String>> {
    let begins = |regex: &Regex, line: &str| -> Res<bool> {
        let found = regex.find(line).map_err(regex::runaway)?;
        Ok(found.is_some_and(|found| found.start() == 0))
    };
    let mut out = Vec::new();
    let mut block: Option<Vec<String>> = None;
    for line in split_lines(text, false) {
        if begins(start, line)? {
            block = Some(vec![line.to_string()]);
        } else if let Some(mut lines) = block.take() {
            let last = begins(end, line)?;
            lines.push(line.to_string());
            match last {
                true => out.push(lines.join("\n")),
                false => block = Some(lines),
            }
        }
    }
    Ok(out)
}

/// The last match of an expression, and all that its named groups matched; nothing if there is none.
fn in_block(regex: &Regex, block: &str) -> Res<Value> {
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    let of = |found: &Captures<str>, name: &str| match found.name(name) {
        Some(group) => Value::str(group.as_str()),
        None => Value::Null,
    };
    let mut all: Vec<Vec<Value>> = vec![Vec::new(); names.len()];
    let mut last = None;
    for found in regex::matches(regex, block) {
        let found = found?;
        charge(MEMBER * (names.len() + 1))?;
        for (name, all) in names.iter().zip(&mut all) {
            all.push(of(&found, name));
        }
        last = Some(found);
    }
    let Some(last) = last else { return Ok(Value::Null) };
    let mut out: Map = names.iter().map(|name| (Value::str(name), of(&last, name))).collect();
    let groups = last.iter().skip(1).map(|group| match group {
        Some(group) => Value::str(group.as_str()),
        None => Value::Null,
    });
    out.insert(Value::str("match"), Value::list(groups.collect()));
    if !names.is_empty() {
        let all = names.iter().zip(all).map(|(name, all)| (*name, Value::list(all)));
        out.insert(Value::str("match_all"), Value::object(all));
    }
    Ok(Value::map(out))
}
