//! `pop_ace`: entries of access lists that match are taken out.

use crate::template::TemplateError;
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};
use crate::value::{Map, Value, from_json, py_repr, py_str};

const OPTIONS: [&str; 3] = ["failed_when", "match_all", "remove"];
const CRITERIA: [&str; 7] = ["acl_name", "afi", "destination", "grant", "protocol", "sequence", "source"];

fn wrong(words: &str) -> TemplateError {
    failed(format!("[{}]", py_repr(&Value::str(words))))
}

/// An argument that is a mapping, or a text of one; checked against the names it may have.
fn argument(c: &Call, index: usize, name: &str, known: &[&str]) -> Res<Option<Map>> {
    let Some(value) = c.get(index) else { return Ok(None) };
    let value = value.to_value()?;
    let map = match &value {
        Value::Map(map) => (**map).clone(),
        Value::Str(text) => match from_json(text) {
            Ok(Value::Map(map)) => (*map).clone(),
            _ => {
                let pairs = text.split([',', ' ']).filter(|pair| !pair.is_empty());
                let pairs: Option<Map> = pairs
                    .map(|pair| {
                        pair.split_once('=').map(|(k, v)| (Value::str(k.trim()), Value::str(v.trim())))
                    })
                    .collect();
                pairs.ok_or_else(|| {
                    wrong(&format!(
                        "argument '{name}' is of type str and we were unable to convert to dict: dictionary \
                         requested, could not parse JSON or key=value"
                    ))
                })?
            }
        },
        other => {
            let class = other.type_name();
            return Err(wrong(&format!(
                "argument '{name}' is of type {class} and we were unable to convert to dict: <class '{class}'> \
                 cannot be converted to a dict"
            )));
        }
    };
    let unknown = map.keys().map(py_str).filter(|key| !known.contains(&key.as_str()));
    let mut unknown: Vec<String> = unknown.map(|key| format!("{name}.{key}")).collect();
    if !unknown.is_empty() {
        unknown.sort();
        let (unknown, known) = (unknown.join(", "), known.join(", "));
        return Err(wrong(&format!("{unknown}. Supported parameters include: {known}.")));
    }
    Ok(Some(map))
}

fn choice(options: &Map, name: &str, choices: [&str; 2], default: &str) -> Res<String> {
    let given = options.get(name).map_or_else(|| default.to_owned(), py_str);
    if choices.contains(&given.as_str()) {
        return Ok(given);
    }
    let choices = choices.join(", ");
    Err(wrong(&format!("value of {name} must be one of: {choices}, got: {given} found in filter_options")))
}

/// What an entry has to be.
struct Wanted {
    criteria: Vec<(&'static str, String)>,
    all: bool,
}

impl Wanted {
    fn takes(&self, ace: &Value, acl: &str, afi: Option<&str>) -> Res<bool> {
        let mut any = false;
        for (name, wanted) in &self.criteria {
            let found = match *name {
                "afi" => afi == Some(wanted),
                "acl_name" => acl == wanted,
                "source" | "destination" => matches_address(ace.get(name), wanted)?,
                // A number is no text, whatever it looks like.
                name => ace.get(name).and_then(Value::as_str) == Some(wanted),
            };
            if self.all && !found {
                return Ok(false);
            }
            any |= found;
        }
        Ok(any)
    }
}

fn matches_address(address: Option<&Value>, wanted: &str) -> Res<bool> {
    let Some(address) = address.filter(|address| address.truthy()) else { return Ok(false) };
    if address.as_map().is_none() {
        return Err(failed(format!("'{}' object has no attribute 'get'", address.type_name())));
    }
    let is = |name: &str| address.get(name).and_then(Value::as_str) == Some(wanted);
    Ok(is("address") || is("host") || wanted == "any" && address.get("any").is_some_and(Value::truthy))
}

/// One family's lists: those that have entries.
fn family(lists: Vec<Value>, afi: &str) -> Value {
    Value::object([("acls", Value::list(lists)), ("afi", Value::str(afi))])
}

pub fn pop_ace(c: &mut Call) -> Res<V> {
    let options = argument(c, 0, "filter_options", &OPTIONS)?;
    let Some(criteria) = argument(c, 1, "match_criteria", &CRITERIA)? else {
        return Err(wrong("missing required arguments: match_criteria"));
    };
    if !criteria.contains_key("afi") {
        return Err(wrong("missing required arguments: afi found in match_criteria"));
    }
    // Nothing stands for the options that Ansible's own documentation gives them.
    let options = options.ok_or_else(|| failed("'NoneType' object has no attribute 'get'"))?;
    let first = choice(&options, "remove", ["first", "all"], "all")? == "first";
    let lenient = choice(&options, "failed_when", ["missing", "never"], "missing")? == "never";
    let all = match options.get("match_all") {
        None => false,
        Some(flag) => flag.ansible_bool().ok_or_else(|| {
            let (class, shown) = (flag.type_name(), py_str(flag));
            wrong(&format!(
                "argument 'match_all' is of type {class} found in 'filter_options'. and we were unable to convert \
                 to bool: The value '{shown}' is not a valid boolean."
            ))
        })?,
    };
    let given = CRITERIA.iter().filter_map(|name| {
        criteria.get(*name).filter(|value| !value.is_null()).map(|value| (*name, py_str(value)))
    });
    let wanted = Wanted { criteria: given.collect(), all };
    let data = c.value.to_value()?;
    let groups: Vec<Value> = match &data {
        Value::List(groups) => groups.to_vec(),
        Value::Map(groups) => groups.keys().cloned().collect(),
        _ => return Err(failed("Error when using plugin 'pop_ace': Input is not valid for pop_ace")),
    };
    // Kept and removed, each for IPv4 and IPv6.
    let mut lists: [[Vec<Value>; 2]; 2] = Default::default();
    for group in &groups {
        if group.as_map().is_none() {
            return Err(failed(format!("'{}' object has no attribute 'get'", group.type_name())));
        }
        let afi = group.get("afi").and_then(Value::as_str);
        let Some(acls) = group.get("acls").and_then(Value::as_list) else {
            return Err(failed("'NoneType' object is not iterable"));
        };
        for acl in acls {
            let name = acl.get("name").map(py_str).unwrap_or_default();
            let mut parts: [Vec<Value>; 2] = Default::default();
            for ace in acl.get("aces").and_then(Value::as_list).into_iter().flatten() {
                let removed = (!first || parts[1].is_empty()) && wanted.takes(ace, &name, afi)?;
                parts[usize::from(removed)].push(ace.clone());
            }
            for (part, aces) in parts.into_iter().enumerate().filter(|(_, aces)| !aces.is_empty()) {
                let acl = Value::object([("name", Value::str(&name)), ("aces", Value::list(aces))]);
                lists[part][usize::from(afi != Some("ipv4"))].push(acl);
            }
        }
    }
    let [kept, removed] = lists;
    if !lenient && removed.iter().all(Vec::is_empty) {
        return Err(failed(
            "Error when using plugin 'pop_ace': no entries removed on the provided match_criteria",
        ));
    }
    let both = |[four, six]: [Vec<Value>; 2]| {
        Value::object([("acls", Value::list(vec![family(four, "ipv4"), family(six, "ipv6")]))])
    };
    V::from_value(&Value::object([("clean_acls", both(kept)), ("removed_aces", both(removed))]))
}
