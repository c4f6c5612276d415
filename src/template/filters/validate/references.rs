//! Where a reference in a schema leads.

use super::Stop;
use super::schema::Draft;
use crate::template::eval::{charge, check_stack};
use crate::value::{Value, py_repr};
use percent_encoding::percent_decode_str;
use std::collections::HashMap;

/// A schema and the address that references in it start from.
#[derive(Clone)]
pub struct Place {
    pub schema: Value,
    pub base: String,
}

/// All schemas of a document that have an address or a name.
pub struct Registry {
    draft: Draft,
    resources: HashMap<String, Value>,
    /// By address and name; whether the name is dynamic.
    anchors: HashMap<(String, String), (Value, bool)>,
}

/// Members whose values are data, not schemas.
const DATA: [&str; 4] = ["enum", "const", "default", "examples"];

impl Registry {
    pub fn new(root: &Value, draft: Draft) -> Result<(Self, String), Stop> {
        let mut registry = Self { draft, resources: HashMap::new(), anchors: HashMap::new() };
        registry.resources.insert(String::new(), root.clone());
        let base = registry.base_of(root, "");
        registry.gather(root, "")?;
        Ok((registry, base))
    }

    /// The address of a schema that has one of its own, else that of what it is part of.
    pub fn base_of(&self, schema: &Value, around: &str) -> String {
        let name = if self.draft <= Draft::D4 { "id" } else { "$id" };
        match schema.get(name).and_then(Value::as_str) {
            Some(id) if !id.starts_with('#') => joined(around, id).trim_end_matches('#').to_owned(),
            _ => around.to_owned(),
        }
    }

    fn gather(&mut self, schema: &Value, around: &str) -> Result<(), Stop> {
        check_stack()?;
        match schema {
            Value::Map(members) => {
                let base = self.base_of(schema, around);
                charge(64 + base.len())?;
                if base != around {
                    self.resources.insert(base.clone(), schema.clone());
                }
                let mut name = |text: Option<&Value>, dynamic: bool| {
                    if let Some(text) = text.and_then(Value::as_str) {
                        let key = (base.clone(), text.trim_start_matches('#').to_owned());
                        self.anchors.entry(key).or_insert((schema.clone(), dynamic));
                    }
                };
                if self.draft >= Draft::D2019 {
                    name(members.get("$anchor"), false);
                    name(members.get("$dynamicAnchor"), true);
                } else {
                    let id = members.get(if self.draft <= Draft::D4 { "id" } else { "$id" });
                    name(id.filter(|id| id.as_str().is_some_and(|id| id.starts_with('#'))), false);
                }
                for (key, member) in members.iter() {
                    let definitions = key.as_str() == Some("$defs") && self.draft <= Draft::D7;
                    if !definitions && key.as_str().is_none_or(|key| !DATA.contains(&key)) {
                        self.gather(member, &base)?;
                    }
                }
            }
            Value::List(items) => {
                for item in items.iter() {
                    self.gather(item, around)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// `scopes`: the addresses of the schemas on the way here, the outermost first.
    pub fn resolve(&self, reference: &str, base: &str, scopes: &[String]) -> Result<Place, Stop> {
        let whole = joined(base, reference);
        let (address, fragment) = whole.split_once('#').unwrap_or((&whole, ""));
        let Some(resource) = self.resources.get(address) else {
            return Err(Stop::Criteria(format!("Unresolvable: {reference}")));
        };
        let fragment = percent_decode_str(fragment).decode_utf8_lossy().into_owned();
        if fragment.is_empty() {
            return Ok(Place { schema: resource.clone(), base: address.to_owned() });
        }
        if fragment.starts_with('/') {
            return self.pointed(&fragment, resource, address);
        }
        let found = |address: &str| self.anchors.get(&(address.to_owned(), fragment.clone()));
        let Some((schema, dynamic)) = found(address) else {
            let words = format!("'{fragment}' does not exist within {}", py_repr(resource));
            return Err(Stop::Criteria(format!("NoSuchAnchor: {words}")));
        };
        if *dynamic {
            let outer = scopes.iter().find_map(|scope| match found(scope) {
                Some((schema, true)) => Some(Place { schema: schema.clone(), base: scope.clone() }),
                _ => None,
            });
            if let Some(outer) = outer {
                return Ok(outer);
            }
        }
        Ok(Place { schema: schema.clone(), base: address.to_owned() })
    }

    fn pointed(&self, pointer: &str, resource: &Value, address: &str) -> Result<Place, Stop> {
        let mut place = Place { schema: resource.clone(), base: address.to_owned() };
        for (depth, step) in pointer[1..].split('/').enumerate() {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match &place.schema {
                Value::List(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)).cloned(),
                schema => schema.get(&step).cloned(),
            };
            let Some(next) = next else {
                let words = format!("'{pointer}' does not exist within {}", py_repr(resource));
                return Err(Stop::Criteria(format!("PointerToNowhere: {words}")));
            };
            if depth > 0 || place.schema.as_map().is_some() {
                place.base = self.base_of(&next, &place.base);
            }
            place.schema = next;
        }
        Ok(place)
    }

    /// `$recursiveRef`: the outermost schema on the way here that says it may be extended.
    pub fn recursive(&self, base: &str, scopes: &[String]) -> Result<Place, Stop> {
        let extensible = |schema: &Value| schema.get("$recursiveAnchor").is_some_and(Value::truthy);
        let mut place = self.resolve("#", base, scopes)?;
        if extensible(&place.schema) {
            for scope in scopes.iter().rev() {
                let outer = self.resolve(scope, "", scopes)?;
                if !extensible(&outer.schema) {
                    break;
                }
                place = outer;
            }
        }
        Ok(place)
    }
}

/// A reference seen from an address.
fn joined(base: &str, reference: &str) -> String {
    let scheme = reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    let base = base.split('#').next().unwrap_or_default();
    if scheme || base.is_empty() {
        return reference.to_owned();
    }
    if reference.is_empty() || reference.starts_with('#') {
        return format!("{base}{reference}");
    }
    let authority = base.find("://").map_or(0, |at| {
        let rest = &base[at + 3..];
        at + 3 + rest.find('/').unwrap_or(rest.len())
    });
    if reference.starts_with('/') {
        return format!("{}{reference}", &base[..authority]);
    }
    let folder = base[authority..].rfind('/').map_or(authority, |at| authority + at);
    let mut folder = base[..folder].to_owned();
    let mut rest = reference;
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            let up = folder[authority..].rfind('/').map_or(authority, |at| authority + at);
            folder.truncate(up);
        } else {
            break;
        }
    }
    if folder.is_empty() { rest.to_owned() } else { format!("{folder}/{rest}") }
}
