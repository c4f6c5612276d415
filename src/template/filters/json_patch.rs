//! Changes of JSON documents (RFC 6902): apply them, and find them.

use crate::template::eval::{Call, charge, check_stack};
use crate::template::object::{Res, V, equal, failed};
use crate::value::{Map, Value, from_json, py_repr, py_str, str_repr, to_json};
use std::sync::Arc;

/// Why a document stays as it was.
enum Refusal {
    /// A `test` that does not hold.
    Test(String),
    Failed(String),
}

fn refused<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Failed(message.into()))
}

/// The keys of a JSON Pointer (RFC 6901).
fn keys(pointer: &str) -> Result<Vec<String>, Refusal> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    match pointer.strip_prefix('/') {
        Some(keys) => Ok(keys.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect()),
        None => refused("Location must start with /"),
    }
}

/// An index of a list as a pointer has it: digits without a zero in front.
fn index(key: &str) -> Result<usize, Refusal> {
    let plain = key.bytes().all(|b| b.is_ascii_digit()) && !key.is_empty();
    match key.parse() {
        Ok(index) if plain && (key == "0" || !key.starts_with('0')) => Ok(index),
        _ => refused(format!("'{key}' is not a valid sequence index")),
    }
}

fn class(value: &Value) -> &'static str {
    match value {
        Value::Null | Value::Unknown(_) => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Big(_) => "int",
        Value::Float(_) => "float",
        Value::Str(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Map(_) => "dict",
    }
}

/// The value below `document` that the keys lead to.
fn walk<'a>(document: &'a mut Value, keys: &[String]) -> Result<&'a mut Value, Refusal> {
    let Some((key, rest)) = keys.split_first() else { return Ok(document) };
    let next = match document {
        Value::Map(map) if !map.contains_key(key.as_str()) => {
            let shown = py_repr(&Value::Map(map.clone()));
            return refused(format!("member {} not found in {shown}", str_repr(key)));
        }
        Value::Map(map) => Arc::make_mut(map).get_mut(key.as_str()),
        Value::List(items) => {
            let at = index(key)?;
            Arc::make_mut(items).get_mut(at)
        }
        other => {
            return refused(format!(
                "Document '<class '{}'>' does not support indexing, must be mapping/sequence or support \
                 __getitem__",
                class(other)
            ));
        }
    };
    match next {
        Some(next) => walk(next, rest),
        None => refused(format!("index '{key}' is out of bounds")),
    }
}

fn add(document: &mut Value, pointer: &str, value: Value) -> Result<(), Refusal> {
    let keys = keys(pointer)?;
    let Some((last, parents)) = keys.split_last() else {
        *document = value;
        return Ok(());
    };
    match walk(document, parents)? {
        Value::Map(map) => {
            Arc::make_mut(map).insert(Value::str(last), value);
            Ok(())
        }
        Value::List(items) => {
            let at = if last == "-" { items.len() } else { index(last)? };
            if at > items.len() {
                return refused("can't insert outside of list");
            }
            Arc::make_mut(items).insert(at, value);
            Ok(())
        }
        other => refused(format!(
            "Document '<class '{}'>' does not support indexing, must be mapping/sequence or support __getitem__",
            class(other)
        )),
    }
}

fn remove(document: &mut Value, pointer: &str) -> Result<Value, Refusal> {
    let keys = keys(pointer)?;
    let Some((last, parents)) = keys.split_last() else { return refused("can't remove the whole document") };
    let removed = match walk(document, parents)? {
        Value::Map(map) => Arc::make_mut(map).shift_remove(last.as_str()),
        Value::List(_) if last == "-" => return refused("invalid array index '-'"),
        Value::List(items) => {
            let at = index(last)?;
            (at < items.len()).then(|| Arc::make_mut(items).remove(at))
        }
        _ => None,
    };
    match removed {
        Some(value) => Ok(value),
        None => refused(format!("can't remove a non-existent object '{last}'")),
    }
}

fn replace(document: &mut Value, pointer: &str, value: Value) -> Result<(), Refusal> {
    let keys = keys(pointer)?;
    let Some((last, parents)) = keys.split_last() else {
        *document = value;
        return Ok(());
    };
    let slot = match walk(document, parents)? {
        Value::Map(map) => match Arc::make_mut(map).get_mut(last.as_str()) {
            Some(slot) => slot,
            None => return refused(format!("can't replace a non-existent object '{last}'")),
        },
        Value::List(_) if last == "-" => {
            return refused("'path' with '-' can't be applied to 'replace' operation");
        }
        Value::List(items) => {
            let at = index(last)?;
            match Arc::make_mut(items).get_mut(at) {
                Some(slot) => slot,
                None => return refused("can't replace outside of list"),
            }
        }
        _ => return refused(format!("can't replace a non-existent object '{last}'")),
    };
    *slot = value;
    Ok(())
}

fn same(a: &Value, b: &Value) -> Res<bool> {
    equal(&V::from_value(a)?, &V::from_value(b)?)
}

/// One operation.
fn apply(document: &mut Value, operation: &Map) -> Result<(), Refusal> {
    let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default();
    let path = text("path");
    let value = || match operation.get("value") {
        Some(value) => Ok(value.clone()),
        None => refused("The operation does not contain a 'value' member"),
    };
    let found = |document: &mut Value| walk(document, &keys(text("from"))?).map(|value| value.clone());
    match text("op") {
        "add" => add(document, path, value()?),
        "remove" => remove(document, path).map(|_| ()),
        "replace" => replace(document, path, value()?),
        "copy" => {
            let value = found(document)?;
            add(document, path, value)
        }
        "move" => {
            let from = text("from");
            found(document)?;
            if path == from {
                return Ok(());
            }
            if path.starts_with(&format!("{from}/")) {
                return refused("Cannot move values into their own children");
            }
            let value = remove(document, from)?;
            add(document, path, value)
        }
        _ => {
            let wanted = value()?;
            let there = match keys(path).and_then(|keys| walk(document, &keys).map(|value| value.clone())) {
                Ok(there) => there,
                Err(Refusal::Failed(why) | Refusal::Test(why)) => return Err(Refusal::Test(why)),
            };
            if same(&there, &wanted).unwrap_or(false) {
                return Ok(());
            }
            Err(Refusal::Test(format!(
                "{} (<class '{}'>) is not equal to tested value {} (<class '{}'>)",
                py_str(&there),
                class(&there),
                py_str(&wanted),
                class(&wanted)
            )))
        }
    }
}

/// A document: data, or a text with JSON in it.
fn document(value: &V, plugin: &str, what: &str) -> Res<Value> {
    match value {
        V::Str(text) => from_json(text).map_err(|message| {
            let why = super::json_errors::explain(text).unwrap_or(message);
            failed(format!("{plugin}: could not decode JSON from {what}: {why}"))
        }),
        V::List(_) | V::Tuple(_) | V::Dict(_) => value.to_value(),
        _ => Err(failed(format!("{plugin}: {what} is not dictionary, list or string"))),
    }
}

/// What the operations make of the document; `None` where a test does not hold.
fn run(plugin: &str, mut document: Value, operations: &[Value], fail_test: bool) -> Res<V> {
    for operation in operations {
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let no_text = |name| failed(format!("{plugin}: '{name}' argument is not a string"));
        let op = text("op").ok_or_else(|| no_text("op"))?;
        text("path").ok_or_else(|| no_text("path"))?;
        if !["add", "copy", "move", "remove", "replace", "test"].contains(&op) {
            return Err(failed(format!("{plugin}: unsupported 'op' argument: {op}")));
        }
        if matches!(op, "copy" | "move") && text("from").is_none() {
            return Err(failed(format!("{plugin}: 'from' argument missing for '{op}' operation")));
        }
        let empty = Map::new();
        match apply(&mut document, operation.as_map().unwrap_or(&empty)) {
            Ok(()) => {}
            Err(Refusal::Test(_)) if !fail_test => return Ok(V::None),
            Err(Refusal::Test(why)) => {
                return Err(failed(format!("{plugin}: test operation failed: {why}")));
            }
            Err(Refusal::Failed(why)) => return Err(failed(format!("{plugin}: patch failed: {why}"))),
        }
        charge(size_of::<Value>())?;
    }
    V::from_value(&document)
}

fn fail_test(value: Option<&V>, plugin: &str) -> Res<bool> {
    match value {
        None => Ok(false),
        Some(V::Bool(flag)) => Ok(*flag),
        Some(_) => Err(failed(format!("{plugin}: 'fail_test' argument is not a bool"))),
    }
}

pub fn json_patch(c: &mut Call) -> Res<V> {
    let plugin = "json_patch";
    let mut operation = Map::new();
    operation.insert(Value::str("op"), c.need(0)?.to_value()?);
    operation.insert(Value::str("path"), c.need(1)?.to_value()?);
    operation.insert(Value::str("value"), c.get(2).map_or(Ok(Value::Null), V::to_value)?);
    let mut strict = false;
    for (name, value) in &c.named {
        match &**name {
            "from" => {
                operation.insert(Value::str("from"), value.to_value()?);
            }
            "fail_test" => strict = fail_test(Some(value), plugin)?,
            other => return Err(failed(format!("{plugin}: unexpected keywords arguments: {other}"))),
        }
    }
    run(plugin, document(&c.value, plugin, "input")?, &[Value::map(operation)], strict)
}

pub fn json_patch_recipe(c: &mut Call) -> Res<V> {
    let plugin = "json_patch_recipe";
    if !c.need(0)?.is_sequence() {
        return Err(failed(format!("{plugin}: 'operations' needs to be a list")));
    }
    let operations = c.need(0)?.to_value()?;
    let strict = fail_test(c.get(1), plugin)?;
    run(plugin, document(&c.value, plugin, "input")?, operations.as_list().unwrap_or_default(), strict)
}

/// The operations that make one document of another.
struct Diff(Vec<Value>);

impl Diff {
    fn push(&mut self, op: &str, path: String, value: Option<&Value>) -> Res<()> {
        charge(size_of::<Value>() * 8 + path.len())?;
        let mut operation = Map::new();
        operation.insert(Value::str("op"), Value::str(op));
        operation.insert(Value::str("path"), Value::str(path));
        if let Some(value) = value {
            operation.insert(Value::str("value"), value.clone());
        }
        self.0.push(Value::map(operation));
        Ok(())
    }

    fn compare(&mut self, path: &str, from: &Value, to: &Value) -> Res<()> {
        check_stack()?;
        let below = |key: &Value| {
            let key = py_str(key).replace('~', "~0").replace('/', "~1");
            format!("{path}/{key}")
        };
        match (from, to) {
            (Value::Map(from), Value::Map(to)) => {
                for key in from.keys().filter(|key| !to.contains_key(*key)) {
                    self.push("remove", below(key), None)?;
                }
                for (key, value) in to.iter().filter(|(key, _)| !from.contains_key(*key)) {
                    self.push("add", below(key), Some(value))?;
                }
                for (key, value) in from.iter() {
                    if let Some(new) = to.get(key) {
                        self.compare(&below(key), value, new)?;
                    }
                }
                Ok(())
            }
            (Value::List(from), Value::List(to)) => self.lists(path, from, to),
            // As JSON: 1, 1.0 and true are three values.
            _ if to_json(from) == to_json(to) => Ok(()),
            _ => self.push("replace", path.to_owned(), Some(to)),
        }
    }

    /// Items that are the same at both ends stay; of those between, pairs are compared, and what is left over is removed
    /// or added.
    fn lists(&mut self, path: &str, from: &[Value], to: &[Value]) -> Res<()> {
        let from_texts: Vec<String> = from.iter().map(to_json).collect();
        let to_texts: Vec<String> = to.iter().map(to_json).collect();
        let operations = similar::capture_diff_slices(similar::Algorithm::Myers, &from_texts, &to_texts);
        // How much longer the list is by now than it was.
        let mut shift: i64 = 0;
        for operation in operations {
            let (_, old, new) = operation.as_tag_tuple();
            if matches!(operation, similar::DiffOp::Equal { .. }) {
                continue;
            }
            let start = (old.start as i64 + shift) as usize;
            let pairs = old.len().min(new.len());
            for at in 0..pairs {
                self.compare(&format!("{path}/{}", start + at), &from[old.start + at], &to[new.start + at])?;
            }
            for _ in pairs..old.len() {
                self.push("remove", format!("{path}/{}", start + pairs), None)?;
            }
            for at in pairs..new.len() {
                self.push("add", format!("{path}/{}", start + at), Some(&to[new.start + at]))?;
            }
            shift += new.len() as i64 - old.len() as i64;
        }
        Ok(())
    }
}

pub fn json_diff(c: &mut Call) -> Res<V> {
    let plugin = "json_diff";
    let from = document(&c.value, plugin, "input")?;
    let to = document(c.need(0)?, plugin, "target")?;
    let mut diff = Diff(Vec::new());
    diff.compare("", &from, &to)?;
    V::from_value(&Value::list(diff.0))
}
