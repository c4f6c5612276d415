//! Filters of community.general.

use super::sets;
use crate::template::eval::Call;
use crate::template::object::{Arith, Entries, Res, V, arith, failed, key_of, repr, sort_values, text};
use crate::template::random::Random;
use crate::template::tests::compare_versions;
use crate::value::Value;
use std::cmp::Ordering;

/// `1 | counter`'s complaint and its like.
fn shown(value: &V) -> Res<String> {
    Ok(format!("{} is <class '{}'>", text(value)?, value.type_name()))
}

pub fn counter(c: &mut Call) -> Res<V> {
    if !matches!(c.value, V::Str(_) | V::List(_) | V::Tuple(_)) {
        return Err(failed(format!(
            "Argument for community.general.counter must be a sequence (string or list). {}",
            shown(&c.value)?
        )));
    }
    let mut counts: indexmap::IndexMap<Value, i64> = indexmap::IndexMap::new();
    for item in c.value.items()? {
        let key = key_of(&item).map_err(|error| {
            failed(format!(
                "community.general.counter needs a sequence with hashable elements (int, float or str) - {}",
                error.message
            ))
        })?;
        *counts.entry(key).or_default() += 1;
    }
    Ok(V::dict(counts.into_iter().map(|(key, count)| (key, V::Int(count))).collect()))
}

pub fn dict(c: &mut Call) -> Res<V> {
    let args = crate::template::eval::Args::of(vec![c.value.clone()]);
    crate::template::globals::dict(args)
}

pub fn dict_kv(c: &mut Call) -> Res<V> {
    Ok(V::dict(Entries::from_iter([(key_of(c.need(0)?)?, c.value.clone())])))
}

pub fn groupby_as_dict(c: &mut Call) -> Res<V> {
    let name = c.need(0)?.clone();
    let attribute = key_of(&name)?;
    let mut out = Entries::new();
    for (at, item) in c.value.items()?.into_iter().enumerate() {
        let V::Dict(dict) = &item else {
            return Err(failed(format!("Sequence element #{at} is not a mapping")));
        };
        let Some(value) = dict.get(&attribute).transpose()? else {
            return Err(failed(format!("Attribute not contained in element #{at} of sequence")));
        };
        let key = key_of(&value)?;
        if out.contains_key(&key) {
            return Err(failed(format!("Multiple sequence entries have attribute value {}", repr(&value)?)));
        }
        out.insert(key, item);
    }
    Ok(V::dict(out))
}

/// Lists of mappings joined by one of their members, in the order of that member.
pub fn lists_mergeby(c: &mut Call) -> Res<V> {
    let mut args = std::mem::take(&mut c.more);
    let mut recursive = false;
    let mut list_merge = "replace".to_owned();
    let mut index = None;
    for (name, value) in &c.named {
        match &**name {
            "recursive" => recursive = value.truth()?,
            "list_merge" => list_merge = text(value)?,
            "index" => index = Some(value.clone()),
            other => return Err(failed(format!("'{other}' is not a valid keyword argument"))),
        }
    }
    let Some(index) = index.or_else(|| args.pop()) else {
        return Err(failed("At least one list is needed: lists_mergeby"));
    };
    let index = key_of(&index)?;
    let mut rows = Vec::new();
    for list in std::iter::once(&c.value).chain(&args) {
        let (V::List(_) | V::Tuple(_)) = list else {
            return Err(failed(format!(
                "All arguments before the argument index for community.general.lists_mergeby must be lists. {}",
                shown(list)?
            )));
        };
        for item in list.items()? {
            if item.is_sequence() { rows.extend(item.items()?) } else { rows.push(item) }
        }
    }
    let mut merged: indexmap::IndexMap<Value, Entries> = indexmap::IndexMap::new();
    for row in rows {
        let V::Dict(row) = &row else {
            return Err(failed(format!("Elements of list arguments must be dictionaries. {}", shown(&row)?)));
        };
        let Some(key) = row.get(&index).transpose()? else { continue };
        let slot = merged.entry(key_of(&key)?).or_default();
        let base = std::mem::take(slot);
        *slot = super::maps::merge(base, row.entries()?, recursive, &list_merge)?;
    }
    let mut out: Vec<(V, Entries)> =
        merged.into_iter().map(|(key, entries)| Ok((V::from_value(&key)?, entries))).collect::<Res<_>>()?;
    sort_values(&mut out, |(key, _)| key)?;
    Ok(V::list(out.into_iter().map(|(_, entries)| V::dict(entries)).collect()))
}

/// Sets of several lists, one after the other.
pub fn lists(c: &mut Call, join: fn(V, &V) -> Res<V>) -> Res<V> {
    let mut all = vec![c.value.clone()];
    all.append(&mut c.more);
    let flatten = match c.named.iter().find(|(name, _)| &**name == "flatten") {
        Some((_, flatten)) => flatten.truth()?,
        None => false,
    };
    if flatten {
        all = all.iter().map(V::items).collect::<Res<Vec<_>>>()?.concat();
    }
    let mut all = all.into_iter();
    let first = all.next().unwrap_or(V::None);
    let mut result = sets::only_once(&first)?;
    for other in all {
        result = join(result, &other)?;
    }
    Ok(result)
}

pub fn accumulate(c: &mut Call) -> Res<V> {
    if !matches!(c.value, V::Str(_) | V::List(_) | V::Tuple(_)) {
        let class = c.value.type_name();
        return Err(failed(format!(
            "Invalid value type (<class '{class}'>) for accumulate ({})",
            c.input()?
        )));
    }
    let mut out: Vec<V> = Vec::new();
    for item in c.value.items()? {
        let next = match out.last() {
            Some(sum) => arith(Arith::Add, sum, &item)?,
            None => item,
        };
        out.push(next);
    }
    Ok(V::list(out))
}

pub fn version_sort(c: &mut Call) -> Res<V> {
    let reverse = c.flag(0)?;
    let mut items: Vec<(String, V)> =
        c.value.items()?.into_iter().map(|item| Ok((text(&item)?, item))).collect::<Res<_>>()?;
    let mut error = None;
    items.sort_by(|(a, _), (b, _)| {
        let (a, b) = if reverse { (b, a) } else { (a, b) };
        compare_versions(a, b, "loose").unwrap_or_else(|problem| {
            error.get_or_insert(problem);
            Ordering::Equal
        })
    });
    match error {
        Some(error) => Err(error),
        None => Ok(V::list(items.into_iter().map(|(_, item)| item).collect())),
    }
}

/// The rest of an address whose first bytes are given.
pub fn random_mac(c: &mut Call) -> Res<V> {
    let V::Str(prefix) = &c.value else {
        return Err(failed(format!(
            "Invalid value type (<class '{}'>) for random_mac ({})",
            c.value.type_name(),
            c.input()?
        )));
    };
    let prefix = prefix.to_lowercase();
    let bytes: Vec<&str> = prefix.split(':').collect();
    if bytes.len() > 5 {
        return Err(failed(format!(
            "Invalid value ({prefix}) for random_mac: 5 colon(:) separated items max"
        )));
    }
    let byte = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(wrong) = bytes.iter().find(|part| !byte(part)) {
        let why = if wrong.is_empty() { "empty item".to_owned() } else { format!("{wrong} not hexa byte") };
        return Err(failed(format!("Invalid value ({prefix}) for random_mac: {why}")));
    }
    // A number of ten digits, of which as many are used as are wanted.
    const LOW: u64 = 0x10_0000_0000;
    let mut random = Random::new(c.given(0))?;
    let digits = format!("{:x}", LOW + random.below(0x100_0000_0000 - LOW));
    let rest = digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
    let all: Vec<String> = bytes.iter().map(|byte| (*byte).to_owned()).chain(rest).take(6).collect();
    Ok(V::from(all.join(":")))
}

pub fn crc32(c: &mut Call) -> Res<V> {
    let mut crc = flate2::Crc::new();
    crc.update(c.input()?.as_bytes());
    Ok(V::from(format!("{:x}", crc.sum())))
}

/// `{'section': {'option': value}}` as an INI file.
pub fn to_ini(c: &mut Call) -> Res<V> {
    let wrong = || failed("to_ini requires a dict of dicts");
    let V::Dict(sections) = &c.value else { return Err(wrong()) };
    let mut parts = Vec::new();
    for (section, options) in sections.entries()? {
        let V::Dict(options) = &options else { return Err(wrong()) };
        let mut part = format!("[{}]\n", crate::value::py_str(&section));
        for (option, value) in options.entries()? {
            let option = crate::value::py_str(&option).to_lowercase();
            part.push_str(&format!("{option} = {}\n", text(&value)?.replace('\n', "\n\t")));
        }
        parts.push(part);
    }
    Ok(V::from(parts.join("\n")))
}

/// The names of the types in a value, as `list[dict|int]`, by the names that `alias` has for them.
///
/// # Errors
/// An alias that is no mapping; members that fail.
pub fn type_of(value: &V, alias: Option<&V>) -> Res<String> {
    let names = match alias {
        None | Some(V::None) => Entries::new(),
        Some(V::Dict(names)) => names.entries()?,
        Some(other) => {
            return Err(failed(format!("The argument alias must be a dictionary. {}", shown(other)?)));
        }
    };
    let plain = |value: &V| match names.get(value.type_name()) {
        Some(name) => text(name),
        None => Ok(value.type_name().to_owned()),
    };
    let joined = |values: &[V]| -> Res<String> {
        let mut names: Vec<String> = values.iter().map(plain).collect::<Res<_>>()?;
        names.sort_unstable();
        names.dedup();
        Ok(names.join("|"))
    };
    let own = plain(value)?;
    Ok(match value {
        V::List(_) | V::Tuple(_) => match &value.items()?[..] {
            [] => own,
            items => format!("{own}[{}]", joined(items)?),
        },
        V::Dict(dict) if dict.len() > 0 => {
            let entries = dict.entries()?;
            let keys: Vec<V> = entries.keys().map(V::from_value).collect::<Res<_>>()?;
            let values: Vec<V> = entries.into_values().collect();
            format!("{own}[{}, {}]", joined(&keys)?, joined(&values)?)
        }
        _ => own,
    })
}

pub fn reveal_type(c: &mut Call) -> Res<V> {
    type_of(&c.value, c.get(0)).map(V::from)
}
