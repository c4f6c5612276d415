//! Lookups of community.general and ansible.utils.

use super::Lookup;
use crate::diag::Diagnostic;
use crate::template::eval::Args;
use crate::template::filters;
use crate::template::object::{Arith, Dict, Entries, Res, V, arith, equal, failed, text};
use crate::template::random::Random;
use crate::template::regex::{self, Flags};
use crate::value::{Value, py_str};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use std::sync::Arc;

/// A filter as a lookup: the first term, or the option `first`, is what it is applied to.
fn filtered(lookup: &mut Lookup, name: &'static str, first: &str) -> Res<V> {
    let def = filters::find(name).ok_or_else(|| failed(format!("no filter named '{name}'")))?;
    let mut terms = std::mem::take(&mut lookup.terms);
    let mut named = std::mem::take(&mut lookup.options);
    let value = if !terms.is_empty() {
        terms.remove(0)
    } else if let Some(at) = named.iter().position(|(known, _)| &**known == first) {
        named.remove(at).1
    } else {
        return Err(failed(format!("missing required arguments: {first}")));
    };
    lookup.eval.filter(def, value, Args { positional: terms, named })?.need()
}

pub fn get_path(lookup: &mut Lookup) -> Res<Vec<V>> {
    filtered(lookup, "ansible.utils.get_path", "var").map(|value| vec![value])
}

pub fn to_paths(lookup: &mut Lookup) -> Res<Vec<V>> {
    filtered(lookup, "ansible.utils.to_paths", "var").map(|value| vec![value])
}

/// All places, not a list of them.
pub fn index_of(lookup: &mut Lookup) -> Res<Vec<V>> {
    match filtered(lookup, "ansible.utils.index_of", "data")? {
        V::List(places) => places.items(),
        place => Ok(vec![place]),
    }
}

/// The errors of data, of which there are none if it is valid.
pub fn validate(lookup: &mut Lookup) -> Res<Vec<V>> {
    let [data, criteria, ..] = &lookup.terms[..] else {
        return Err(failed(
            "missing either 'data' or 'criteria' value in lookup input, refer ansible.utils.validate lookup plugin \
             documentation for details",
        ));
    };
    let (data, criteria) = (data.to_value()?, criteria.to_value()?);
    let engine = lookup.text("engine")?;
    for name in ["draft", "check_format"] {
        let variable = lookup.eval.ctx.variable(&format!("ansible_validate_jsonschema_{name}"))?;
        if let (None, Some(value)) = (lookup.option(name), variable) {
            lookup.options.push((name.into(), value.need()?));
        }
    }
    let errors = filters::validate(lookup.eval, &data, &criteria, engine.as_deref(), &lookup.options)?;
    errors.iter().map(V::from_value).collect()
}

/// Where variables to merge are looked for.
enum Place {
    /// The task's own host.
    Here(Vec<Arc<str>>),
    /// Another host, as `hostvars` has it.
    Host(Arc<Dict>),
}

impl Place {
    fn names(&self) -> Vec<Arc<str>> {
        match self {
            Self::Here(names) => names.clone(),
            Self::Host(vars) => vars.keys().iter().filter_map(Value::as_str).map(Arc::from).collect(),
        }
    }

    fn get(&self, lookup: &Lookup, name: &str) -> Res<Option<V>> {
        match self {
            Self::Here(_) => lookup.eval.ctx.variable(name),
            Self::Host(vars) => vars.get_str(name).transpose(),
        }
    }
}

/// The hosts of the option `groups`, or here.
fn places(lookup: &Lookup) -> Res<Vec<Place>> {
    let ctx = lookup.eval.ctx;
    let wanted = match lookup.option("groups") {
        None | Some(V::None) => return Ok(vec![Place::Here(ctx.names())]),
        Some(V::Str(one)) => vec![one.to_string()],
        Some(list) => list.items()?.iter().map(text).collect::<Res<_>>()?,
    };
    let (Some(V::Dict(groups)), Some(V::Dict(hosts))) = (ctx.variable("groups")?, ctx.variable("hostvars")?)
    else {
        return Ok(Vec::new());
    };
    let mut members = Vec::new();
    for group in &wanted {
        if let Some(hosts) = groups.get_str(group).transpose()? {
            members.extend(hosts.items()?.iter().map(text).collect::<Res<Vec<_>>>()?);
        }
    }
    let mut places = Vec::new();
    for host in hosts.keys() {
        if host.as_str().is_some_and(|name| members.iter().any(|member| member == name))
            && let Some(V::Dict(vars)) = hosts.get(&host).transpose()?
        {
            places.push(Place::Host(vars));
        }
    }
    Ok(places)
}

/// All variables whose names match, as one list or mapping; one for each term.
pub fn merge_variables(lookup: &mut Lookup) -> Res<Vec<V>> {
    let pattern_type = lookup.text("pattern_type")?.unwrap_or_else(|| "regex".to_owned());
    let on_override = lookup.text("override")?.unwrap_or_else(|| "error".to_owned());
    let initial = lookup.option("initial_value").filter(|value| !matches!(value, V::None)).cloned();
    let places = places(lookup)?;
    let mut out = Vec::new();
    for term in lookup.terms.clone() {
        let V::Str(pattern) = &term else {
            let class = term.type_name();
            return Err(failed(format!(
                "Non-string type '<class '{class}'>' passed, only 'str' types are allowed!"
            )));
        };
        let regex = regex::compile(pattern, Flags::default());
        let mut merged = initial.clone();
        for (place, name) in
            places.iter().flat_map(|place| place.names().into_iter().map(move |n| (place, n)))
        {
            let name = &name;
            let matches = match pattern_type.as_str() {
                "prefix" => name.starts_with(&**pattern),
                "suffix" => name.ends_with(&**pattern),
                _ => regex.as_ref().map_err(Clone::clone)?.is_match(&**name).map_err(regex::runaway)?,
            };
            if !matches {
                continue;
            }
            let Some(value) = place.get(lookup, name)? else { continue };
            merged = Some(joined(merged, value.need()?, name, &on_override, lookup)?);
        }
        out.push(merged.unwrap_or(V::None));
    }
    Ok(out)
}

fn joined(merged: Option<V>, value: V, name: &str, on_override: &str, lookup: &Lookup) -> Res<V> {
    if !matches!(value, V::List(_) | V::Dict(_)) {
        return Err(failed("Not supported type detected, variable must be a list or a dict"));
    }
    match (merged, &value) {
        (None, _) => Ok(value),
        (Some(V::Dict(low)), V::Dict(high)) => {
            merge(low.entries()?, high.entries()?, name, on_override, lookup).map(V::dict)
        }
        (Some(low @ V::List(_)), V::List(_)) => arith(Arith::Add, &low, &value),
        _ => Err(failed("Unable to merge, not all variables are of the same type")),
    }
}

fn merge(mut low: Entries, high: Entries, path: &str, on_override: &str, lookup: &Lookup) -> Res<Entries> {
    crate::template::eval::check_stack()?;
    for (key, value) in high {
        let place = format!("{path}.{}", py_str(&key));
        let joined = match (low.get(&key), &value) {
            (Some(V::Dict(old)), V::Dict(new)) => {
                V::dict(merge(old.entries()?, new.entries()?, &place, on_override, lookup)?)
            }
            (Some(old), V::List(_)) => arith(Arith::Add, old, &value)?,
            (Some(old), _) if !equal(old, &value)? => {
                let message = format!(
                    "The key '{}' with value '{}' will be overwritten with value '{}' from '{place}'",
                    py_str(&key),
                    text(old)?,
                    text(&value)?
                );
                match on_override {
                    "error" => return Err(failed(message)),
                    "warn" => lookup.eval.ctx.engine().warn(Diagnostic::warning("lookup", message)),
                    _ => {}
                }
                value
            }
            _ => value,
        };
        low.insert(key, joined);
    }
    Ok(low)
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const SPECIAL: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// A text of random characters, with so many of each kind at least.
pub fn random_string(lookup: &mut Lookup) -> Res<Vec<V>> {
    let count = |name: &str, default: usize| -> Res<usize> {
        let Some(number) = lookup.option(name).and_then(V::as_i64) else { return Ok(default) };
        let number = usize::try_from(number).unwrap_or(0);
        crate::template::eval::charge(number.saturating_mul(4))?;
        Ok(number)
    };
    let similar = match lookup.flag("ignore_similar_chars", false)? {
        true => lookup.text("similar_chars")?.unwrap_or_else(|| "il1LoO0".into()),
        false => String::new(),
    };
    let usable = |set: &str| set.chars().filter(|c| !similar.contains(*c)).collect::<Vec<char>>();
    let special = lookup.text("override_special")?.unwrap_or_else(|| SPECIAL.into());
    let mut random = match lookup.text("seed")? {
        Some(seed) => Random::of_text(&seed),
        None => Random::new(None)?,
    };
    let mut pick = |set: &[char], count: usize, out: &mut Vec<char>| -> Res<()> {
        if set.is_empty() && count > 0 {
            return Err(failed("Available characters cannot be None, please change constraints"));
        }
        out.extend((0..count).map(|_| set[random.index(set.len())]));
        Ok(())
    };
    let length = count("length", 8)?;
    let mut out = Vec::new();
    let all = match lookup.text("override_all")? {
        Some(set) => usable(&set),
        None => {
            let kinds = [
                ("upper", "min_upper", UPPER),
                ("lower", "min_lower", LOWER),
                ("numbers", "min_numeric", DIGITS),
                ("special", "min_special", &special),
            ];
            let mut all = Vec::new();
            for (name, least, set) in kinds {
                let (set, least) = (usable(set), count(least, 0)?);
                pick(&set, least, &mut out)?;
                if lookup.flag(name, true)? {
                    all.extend(set);
                }
            }
            all
        }
    };
    if all.is_empty() {
        return Err(failed("Available characters cannot be None, please change constraints"));
    }
    let ordered = out.is_empty();
    let rest = length.saturating_sub(out.len());
    pick(&all, rest, &mut out)?;
    if !ordered {
        random.shuffle(&mut out);
    }
    let made: String = out.into_iter().collect();
    Ok(vec![V::from(if lookup.flag("base64", false)? { STANDARD.encode(made) } else { made })])
}

/// The versions of installed collections.
pub fn collection_version(lookup: &mut Lookup) -> Res<Vec<V>> {
    let none = lookup.option("result_not_found").cloned().unwrap_or(V::None);
    let unknown = lookup.option("result_no_version").cloned().unwrap_or_else(|| V::str("*"));
    let env = lookup.eval.ctx.env();
    let folders = match env.settings.get("COLLECTIONS_PATHS") {
        Some(Value::List(folders)) => folders.iter().map(py_str).collect(),
        Some(other) => py_str(other).split(':').map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let beside = env.playbook_dir.join("collections");
    let mut out = Vec::new();
    for name in lookup.texts()? {
        let parts: Vec<&str> = name.split('.').collect();
        let (&[namespace, collection], true) = (&parts[..], parts.iter().all(|part| is_name(part))) else {
            return Err(failed(format!("\"{name}\" is not a FQCN")));
        };
        if name == "ansible.builtin" {
            out.push(unknown.clone());
            continue;
        }
        let mut places = std::iter::once(beside.clone())
            .chain(folders.iter().map(|folder| crate::template::context::expand_home(folder)))
            .map(|folder| folder.join("ansible_collections").join(namespace).join(collection));
        out.push(match places.find(|place| place.is_dir()) {
            None => none.clone(),
            Some(place) => version_in(&place).map_or_else(|| unknown.clone(), V::from),
        });
    }
    Ok(out)
}

fn is_name(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// From what `ansible-galaxy` installed, or from the sources of the collection.
fn version_in(place: &Path) -> Option<String> {
    let text = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(py_str);
    if let Ok(manifest) = std::fs::read_to_string(place.join("MANIFEST.json"))
        && let Ok(manifest) = crate::value::from_json(&manifest)
    {
        return text(manifest.path(&["collection_info", "version"]));
    }
    let galaxy = std::fs::read_to_string(place.join("galaxy.yml")).ok()?;
    let galaxy = crate::source::yaml::parse_text("galaxy.yml", &galaxy).ok()?.node.to_value();
    text(galaxy.get("version"))
}
