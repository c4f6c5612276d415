//! Attributes, items, slices and Python's methods of values.

use super::str_methods::string_method;
use super::{Entries, Missing, NO_ELSE, Res, V, compare, equal, failed, key_of, repr};
use crate::template::eval::charge;
use crate::value::Value;
use std::sync::Arc;

pub(super) type Named = [(Arc<str>, V)];

/// `value.name`: a member of a mapping, else an attribute; missing if there is neither.
///
/// # Errors
/// A failing member of a lazy mapping.
pub fn attribute(value: &V, name: &str) -> Res<V> {
    match value {
        V::Missing(_) => Ok(value.clone()),
        // As in Jinja, a method wins over a member of that name (`d.items`), but only when it is called;
        // `call_method` sees to that.
        V::Dict(dict) => match dict.get_str(name) {
            Some(member) => member,
            None if has_method(value, name) => {
                Ok(V::object(Bound { value: value.clone(), name: name.into() }))
            }
            None => Ok(absent(value, name)),
        },
        V::Object(object) => Ok(object.get(name).unwrap_or_else(|| absent(value, name))),
        V::Str(_) | V::List(_) if has_method(value, name) => {
            Ok(V::object(Bound { value: value.clone(), name: name.into() }))
        }
        V::Int(_) | V::Bool(_) if name == "real" => Ok(V::Int(value.as_i64().unwrap_or(0))),
        _ => Ok(absent(value, name)),
    }
}

/// A method that is not called yet.
struct Bound {
    value: V,
    name: Arc<str>,
}

impl super::Object for Bound {
    fn type_name(&self) -> &str {
        "method"
    }

    fn callable(&self) -> bool {
        true
    }

    fn call(&self, _: &mut crate::template::eval::Eval, args: crate::template::eval::Args) -> Res<V> {
        call_method(&self.value, &self.name, &args.positional, &args.named)
    }
}

fn absent(value: &V, name: &str) -> V {
    if name.starts_with("__") && name.ends_with("__") {
        return V::Missing(Arc::new(Missing::hint(format!(
            "access to attribute '{name}' of '{}' object is unsafe.",
            value.type_name()
        ))));
    }
    let words = match value {
        V::Dict(dict) => dict.absent(name),
        _ => None,
    };
    V::Missing(Arc::new(match words {
        Some(words) => Missing::hint(words),
        None => Missing::member(value.type_name(), &crate::value::str_repr(name)),
    }))
}

/// `value[key]`.
///
/// # Errors
/// A failing member of a lazy collection; a missing key.
pub fn item(value: &V, key: &V) -> Res<V> {
    if value.is_missing() {
        return Ok(value.clone());
    }
    key.check()?;
    let written = key;
    let key = match key {
        V::Bool(b) if !matches!(value, V::Dict(_)) => &V::Int(i64::from(*b)),
        key => key,
    };
    let found = match (value, key) {
        (V::Dict(dict), V::Str(name)) => dict.get_str(name).transpose()?,
        // What cannot be a key is none.
        (V::Dict(dict), key) => match key_of(key) {
            Ok(key) => dict.get(&key).transpose()?,
            Err(_) => None,
        },
        (V::List(list), V::Int(i)) => match index(*i, list.len()) {
            Some(i) => list.get(i).transpose()?,
            None => None,
        },
        (V::Tuple(items), V::Int(i)) => index(*i, items.len()).map(|i| items[i].clone()),
        (V::Str(s), V::Int(i)) => index(*i, s.chars().count())
            .and_then(|i| s.chars().nth(i))
            .map(|c| V::str(c.encode_utf8(&mut [0; 4]))),
        (V::Bytes(b), V::Int(i)) => index(*i, b.len()).map(|i| V::Int(i64::from(b[i]))),
        (V::Object(object), V::Str(name)) => object.get(name),
        (V::Object(object), V::Int(i)) => match object.items() {
            Some(items) => {
                let items = items?;
                index(*i, items.len()).map(|i| items[i].clone())
            }
            None => None,
        },
        _ => None,
    };
    match found {
        Some(found) => Ok(found),
        None if matches!((value, key), (V::Dict(_), V::Str(_))) => {
            Ok(absent(value, key.as_str().unwrap_or("")))
        }
        None => Ok(V::Missing(Arc::new(Missing::member(value.type_name(), &repr(written)?)))),
    }
}

fn index(i: i64, length: usize) -> Option<usize> {
    let i = if i < 0 { i + i64::try_from(length).ok()? } else { i };
    usize::try_from(i).ok().filter(|i| *i < length)
}

/// Where a slice of something of this length begins and ends.
pub(super) fn bounds(length: i64, start: Option<i64>, stop: Option<i64>, step: i64) -> (i64, i64) {
    let clamp = |at: Option<i64>, default: i64, low: i64, high: i64| match at {
        None => default,
        Some(at) => (if at < 0 { at.saturating_add(length) } else { at }).clamp(low, high),
    };
    if step > 0 {
        (clamp(start, 0, 0, length), clamp(stop, length, 0, length))
    } else {
        (clamp(start, length - 1, -1, length - 1), clamp(stop, -1, -1, length - 1))
    }
}

/// `value[start:stop:step]`.
///
/// # Errors
/// What cannot be sliced; a step of zero.
pub fn slice(value: &V, start: &V, stop: &V, step: &V) -> Res<V> {
    value.check()?;
    if let V::Object(object) = value
        && object.is_undefined()
    {
        return Err(failed(NO_ELSE));
    }
    if matches!(value, V::None | V::Bool(_) | V::Int(_) | V::Big(_) | V::Float(_)) {
        return Err(failed(format!("'{}' object is not subscriptable", value.type_name())));
    }
    let bound = |v: &V| match v {
        V::None => Ok(None),
        V::Int(i) => Ok(Some(*i)),
        V::Bool(b) => Ok(Some(i64::from(*b))),
        V::Missing(missing) => Err(missing.error()),
        _ => Err(failed("slice indices must be integers or None or have an __index__ method")),
    };
    let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?.unwrap_or(1));
    if step == 0 {
        return Err(failed("slice step cannot be zero"));
    }
    if let V::Object(object) = value
        && let Some(part) = object.slice(start, stop, step)
    {
        return Ok(part);
    }
    let pick = |length: usize| -> Vec<usize> {
        let (mut i, end) = bounds(i64::try_from(length).unwrap_or(i64::MAX), start, stop, step);
        let mut out = Vec::new();
        while if step > 0 { i < end } else { i > end } {
            out.push(i as usize);
            i = i.saturating_add(step);
        }
        out
    };
    Ok(match value {
        V::Str(s) => {
            let chars: Vec<char> = s.chars().collect();
            V::from(pick(chars.len()).into_iter().map(|i| chars[i]).collect::<String>())
        }
        V::Bytes(b) => V::Bytes(pick(b.len()).into_iter().map(|i| b[i]).collect()),
        V::Tuple(items) => V::Tuple(pick(items.len()).into_iter().map(|i| items[i].clone()).collect()),
        V::List(list) => {
            let mut out = Vec::new();
            for i in pick(list.len()) {
                if let Some(item) = list.get(i) {
                    out.push(item?);
                }
            }
            V::list(out)
        }
        V::Object(object) => match object.items() {
            Some(items) => {
                let items = items?;
                V::list(pick(items.len()).into_iter().map(|i| items[i].clone()).collect())
            }
            None => return Err(not_subscriptable(value)),
        },
        V::Dict(_) => return Err(failed("unhashable type: 'slice'")),
        // Jinja turns the failure into an undefined value.
        other => V::Missing(Arc::new(Missing::member(other.type_name(), "slice(None, None, None)"))),
    })
}

fn not_subscriptable(value: &V) -> super::TemplateError {
    failed(format!("'{}' object is not subscriptable", value.type_name()))
}

const STRING: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];
const LIST: &[&str] =
    &["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];
const DICT: &[&str] = &[
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];

/// Whether Python has such a method on this type.
pub fn has_method(value: &V, name: &str) -> bool {
    match value {
        V::Str(_) => STRING.contains(&name),
        V::List(_) => LIST.contains(&name),
        V::Tuple(_) => matches!(name, "count" | "index"),
        V::Dict(_) => DICT.contains(&name),
        V::Int(_) | V::Bool(_) => matches!(name, "bit_length"),
        V::Float(_) => matches!(name, "is_integer"),
        V::Bytes(_) => name == "decode",
        _ => false,
    }
}

pub(super) struct MethodArgs<'a> {
    pub name: &'a str,
    pub args: &'a [V],
    pub named: &'a Named,
}

impl MethodArgs<'_> {
    pub fn opt(&self, index: usize, name: &str) -> Option<&V> {
        self.args.get(index).or_else(|| self.named.iter().find(|(key, _)| &**key == name).map(|(_, v)| v))
    }

    pub fn need(&self, index: usize, name: &str) -> Res<&V> {
        let value = self.opt(index, name).ok_or_else(|| {
            failed(format!("{}() missing 1 required positional argument: '{name}'", self.name))
        })?;
        value.check()?;
        Ok(value)
    }

    pub fn string(&self, index: usize, name: &str) -> Res<&str> {
        let value = self.need(index, name)?;
        value.as_str().ok_or_else(|| {
            failed(format!("{}() argument {} must be str, not {}", self.name, index + 1, value.type_name()))
        })
    }

    pub fn int(&self, index: usize, name: &str, default: i64) -> Res<i64> {
        match self.opt(index, name) {
            None | Some(V::None) => Ok(default),
            Some(value) => value.as_i64().ok_or_else(|| {
                failed(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
            }),
        }
    }

    pub fn most(&self, most: usize) -> Res<()> {
        if self.args.len() > most {
            return Err(failed(format!(
                "{}() takes at most {most} arguments ({} given)",
                self.name,
                self.args.len()
            )));
        }
        Ok(())
    }
}

/// `value.name(…)` for the methods of [`has_method`].
///
/// # Errors
/// Python's.
pub fn call_method(value: &V, name: &str, args: &[V], named: &Named) -> Res<V> {
    let args = MethodArgs { name, args, named };
    match value {
        V::Str(s) => string_method(s, &args),
        V::List(list) => list_method(value, list, &args),
        V::Tuple(items) => sequence_method(items, &args),
        V::Dict(dict) => dict_method(value, dict, &args),
        V::Float(f) => Ok(V::Bool(f.fract() == 0.0)),
        V::Int(i) => Ok(V::Int(i64::from(64 - i.unsigned_abs().leading_zeros()))),
        V::Bytes(b) => Ok(V::from(String::from_utf8_lossy(b).into_owned())),
        _ => Err(failed(format!("'{}' object has no attribute '{name}'", value.type_name()))),
    }
}

fn sequence_method(items: &[V], args: &MethodArgs) -> Res<V> {
    let wanted = args.need(0, "value")?;
    let mut count = 0;
    for (i, item) in items.iter().enumerate() {
        if equal(item, wanted)? {
            if args.name == "index" {
                return Ok(V::from(i));
            }
            count += 1;
        }
    }
    if args.name == "index" {
        return Err(failed(format!("{} is not in list", repr(wanted)?)));
    }
    Ok(V::Int(count))
}

fn list_method(value: &V, list: &super::List, args: &MethodArgs) -> Res<V> {
    match args.name {
        "append" => {
            let item = args
                .opt(0, "object")
                .cloned()
                .ok_or_else(|| failed("list.append() takes exactly one argument (0 given)"))?;
            list.change(|items| {
                items.push(item);
                Ok(V::None)
            })
        }
        "extend" => {
            let more = args.need(0, "iterable")?.items()?;
            list.change(|items| {
                charge((items.len() + more.len()).saturating_mul(size_of::<V>()))?;
                items.extend(more);
                Ok(V::None)
            })
        }
        "insert" => {
            let at = args.int(0, "index", 0)?;
            let item = args.need(1, "object")?.clone();
            list.change(|items| {
                let length = items.len() as i64;
                let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
                items.insert(at as usize, item);
                Ok(V::None)
            })
        }
        "pop" => {
            let at = args.int(0, "index", -1)?;
            list.change(|items| {
                if items.is_empty() {
                    return Err(failed("pop from empty list"));
                }
                let at = index(at, items.len()).ok_or_else(|| failed("pop index out of range"))?;
                Ok(items.remove(at))
            })
        }
        "remove" => {
            let wanted = args.need(0, "value")?;
            let items = list.items()?;
            for (i, item) in items.iter().enumerate() {
                if equal(item, wanted)? {
                    return list.change(|items| {
                        items.remove(i);
                        Ok(V::None)
                    });
                }
            }
            Err(failed("list.remove(x): x not in list"))
        }
        "reverse" => list.change(|items| {
            items.reverse();
            Ok(V::None)
        }),
        "clear" => list.change(|items| {
            items.clear();
            Ok(V::None)
        }),
        "sort" => {
            let reverse = match args.named.iter().find(|(name, _)| &**name == "reverse") {
                Some((_, flag)) => flag.truth()?,
                None => false,
            };
            let mut items = list.items()?;
            let mut error = None;
            items.sort_by(|a, b| {
                let (a, b) = if reverse { (b, a) } else { (a, b) };
                compare(a, b, "<").map_or_else(
                    |problem| {
                        error.get_or_insert(problem);
                        std::cmp::Ordering::Equal
                    },
                    |order| order.unwrap_or(std::cmp::Ordering::Equal),
                )
            });
            if let Some(error) = error {
                return Err(error);
            }
            list.change(|old| {
                *old = items;
                Ok(V::None)
            })
        }
        "copy" => Ok(value.fresh()),
        _ => sequence_method(&list.items()?, args),
    }
}

fn pairs(value: &V) -> Res<Entries> {
    if let V::Dict(dict) = value {
        return dict.entries();
    }
    let mut entries = Entries::new();
    for pair in value.items()? {
        let pair = pair.items()?;
        let [key, item] = &pair[..] else {
            return Err(failed(format!(
                "dictionary update sequence element #{} has length {}; 2 is required",
                entries.len(),
                pair.len()
            )));
        };
        entries.insert(key_of(key)?, item.clone());
    }
    Ok(entries)
}

fn dict_method(value: &V, dict: &super::Dict, args: &MethodArgs) -> Res<V> {
    let tuples = |entries: Entries| -> Res<Vec<V>> {
        entries.into_iter().map(|(key, item)| Ok(V::tuple(vec![V::from_value(&key)?, item]))).collect()
    };
    match args.name {
        "get" => {
            args.most(2)?;
            let key = args.need(0, "key")?;
            match dict.get(&key_of(key)?) {
                Some(found) => found,
                None => Ok(args.opt(1, "default").cloned().unwrap_or(V::None)),
            }
        }
        "items" => Ok(V::list(tuples(dict.entries()?)?)),
        "keys" => Ok(V::list(value.items()?)),
        "values" => Ok(V::list(dict.entries()?.into_values().collect())),
        "copy" => Ok(value.fresh()),
        "update" => {
            let mut more = match args.args.first() {
                Some(other) => pairs(other)?,
                None => Entries::new(),
            };
            for (name, item) in args.named {
                more.insert(Value::Str(name.clone()), item.clone());
            }
            dict.change(|entries| {
                entries.extend(more);
                Ok(V::None)
            })
        }
        "setdefault" => {
            let key = key_of(args.need(0, "key")?)?;
            if let Some(found) = dict.get(&key) {
                // A lazy member becomes the one that later changes are made to.
                let found = found?;
                dict.change(|entries| {
                    entries.insert(key, found.clone());
                    Ok(())
                })?;
                return Ok(found);
            }
            let item = args.opt(1, "default").cloned().unwrap_or(V::None);
            dict.change(|entries| {
                entries.insert(key, item.clone());
                Ok(item)
            })
        }
        "pop" => {
            let key = args.need(0, "key")?;
            let data = key_of(key)?;
            match dict.change(|entries| Ok(entries.shift_remove(&data)))? {
                Some(found) => Ok(found),
                None => match args.opt(1, "default") {
                    Some(default) => Ok(default.clone()),
                    None => Err(failed(repr(key)?)),
                },
            }
        }
        "popitem" => match dict.change(|entries| Ok(entries.pop()))? {
            Some((key, item)) => Ok(V::tuple(vec![V::from_value(&key)?, item])),
            None => Err(failed("'popitem(): dictionary is empty'")),
        },
        "clear" => dict.change(|entries| {
            entries.clear();
            Ok(V::None)
        }),
        "fromkeys" => {
            let item = args.opt(1, "value").cloned().unwrap_or(V::None);
            let keys = args.need(0, "iterable")?.items()?;
            Ok(V::dict(keys.iter().map(|key| Ok((key_of(key)?, item.clone()))).collect::<Res<_>>()?))
        }
        other => Err(failed(format!("'dict' object has no attribute '{other}'"))),
    }
}
