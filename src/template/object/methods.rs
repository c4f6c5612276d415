//! Attributes, items, slices and Python's methods of values.

use super::strings::format_braces;
use super::{Entries, Missing, Res, V, compare, equal, failed, key_of, repr, text};
use crate::value::Value;
use std::sync::Arc;

type Named = [(Arc<str>, V)];

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
    if name.starts_with("__") {
        return V::Missing(Arc::new(Missing::hint(format!(
            "access to attribute '{name}' of '{}' object is unsafe.",
            value.type_name()
        ))));
    }
    V::Missing(Arc::new(Missing::member(value.type_name(), &format!("'{name}'"))))
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
    let found = match (value, key) {
        (V::Dict(dict), V::Str(name)) => dict.get_str(name).transpose()?,
        (V::Dict(dict), key) => dict.get(&key_of(key)?).transpose()?,
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
        None => Ok(V::Missing(Arc::new(Missing::member(value.type_name(), &repr(key)?)))),
    }
}

fn index(i: i64, length: usize) -> Option<usize> {
    let i = if i < 0 { i + i64::try_from(length).ok()? } else { i };
    usize::try_from(i).ok().filter(|i| *i < length)
}

/// `value[start:stop:step]`.
///
/// # Errors
/// What cannot be sliced; a step of zero.
pub fn slice(value: &V, start: &V, stop: &V, step: &V) -> Res<V> {
    value.check()?;
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
    let pick = |length: usize| -> Vec<usize> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let clamp = |i: Option<i64>, default: i64, low: i64, high: i64| match i {
            None => default,
            Some(i) => (if i < 0 { i + length } else { i }).clamp(low, high),
        };
        let mut out = Vec::new();
        if step > 0 {
            let (mut i, end) = (clamp(start, 0, 0, length), clamp(stop, length, 0, length));
            while i < end {
                out.push(i as usize);
                i = i.saturating_add(step);
            }
        } else {
            let (mut i, end) = (clamp(start, length - 1, -1, length - 1), clamp(stop, -1, -1, length - 1));
            while i > end {
                out.push(i as usize);
                i = i.saturating_add(step);
            }
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

struct MethodArgs<'a> {
    name: &'a str,
    args: &'a [V],
    named: &'a Named,
}

impl MethodArgs<'_> {
    fn opt(&self, index: usize, name: &str) -> Option<&V> {
        self.args.get(index).or_else(|| self.named.iter().find(|(key, _)| &**key == name).map(|(_, v)| v))
    }

    fn need(&self, index: usize, name: &str) -> Res<&V> {
        let value = self.opt(index, name).ok_or_else(|| {
            failed(format!("{}() missing 1 required positional argument: '{name}'", self.name))
        })?;
        value.check()?;
        Ok(value)
    }

    fn string(&self, index: usize, name: &str) -> Res<&str> {
        let value = self.need(index, name)?;
        value.as_str().ok_or_else(|| {
            failed(format!("{}() argument {} must be str, not {}", self.name, index + 1, value.type_name()))
        })
    }

    fn int(&self, index: usize, name: &str, default: i64) -> Res<i64> {
        match self.opt(index, name) {
            None | Some(V::None) => Ok(default),
            Some(value) => value.as_i64().ok_or_else(|| {
                failed(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
            }),
        }
    }

    fn most(&self, most: usize) -> Res<()> {
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

/// Python's notion of white space for `strip` and `split`.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip<'a>(text: &'a str, args: &MethodArgs, left: bool, right: bool) -> Res<&'a str> {
    let chars: Option<Vec<char>> = match args.opt(0, "chars") {
        None | Some(V::None) => None,
        Some(_) => Some(args.string(0, "chars")?.chars().collect()),
    };
    let matches = |c: char| chars.as_ref().map_or_else(|| is_space(c), |chars| chars.contains(&c));
    let mut out = text;
    if left {
        out = out.trim_start_matches(matches);
    }
    if right {
        out = out.trim_end_matches(matches);
    }
    Ok(out)
}

pub fn split_text(text: &str, separator: Option<&str>, most: i64, from_right: bool) -> Res<Vec<V>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let parts: Vec<&str> = match separator {
        Some("") => return Err(failed("empty separator")),
        Some(separator) if from_right => {
            let mut parts: Vec<&str> = text.rsplitn(most.saturating_add(1), separator).collect();
            parts.reverse();
            parts
        }
        Some(separator) => text.splitn(most.saturating_add(1), separator).collect(),
        None if most == usize::MAX => text.split(is_space).filter(|part| !part.is_empty()).collect(),
        None => {
            let mut parts = Vec::new();
            let mut rest = text.trim_matches(is_space);
            while !rest.is_empty() && parts.len() < most {
                let found = if from_right { rest.rfind(is_space) } else { rest.find(is_space) };
                let Some(at) = found else { break };
                if from_right {
                    let width = rest[at..].chars().next().map_or(1, char::len_utf8);
                    parts.push(&rest[at + width..]);
                    rest = rest[..at].trim_end_matches(is_space);
                } else {
                    parts.push(&rest[..at]);
                    rest = rest[at..].trim_start_matches(is_space);
                }
            }
            if !rest.is_empty() {
                parts.push(if from_right { rest.trim_start_matches(is_space) } else { rest });
            }
            if from_right {
                parts.reverse();
            } else if let Some(last) = parts.last_mut()
                && most > 0
            {
                *last = last.trim_end_matches(is_space);
            }
            parts
        }
    };
    Ok(parts.into_iter().map(V::from).collect())
}

pub fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    out
}

pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase()
    })
}

pub fn center(text: &str, width: usize, fill: char) -> String {
    let length = text.chars().count();
    let missing = width.saturating_sub(length);
    // Python gives the odd one to the left side when the width is odd.
    let left = missing / 2 + (missing & width & 1);
    let fill = |n: usize| fill.to_string().repeat(n);
    format!("{}{text}{}", fill(left), fill(missing - left))
}

/// Lines as `str.splitlines` has them.
pub fn split_lines(text: &str, keep: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let breaks = matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !breaks {
            continue;
        }
        let mut end = at + c.len_utf8();
        if c == '\r' && chars.peek().is_some_and(|(_, next)| *next == '\n') {
            chars.next();
            end += 1;
        }
        lines.push(&text[start..if keep { end } else { at }]);
        start = end;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

fn fix_case(text: &str, upper: bool) -> bool {
    text.chars().any(|c| if upper { c.is_uppercase() } else { c.is_lowercase() })
        && !text.chars().any(|c| if upper { c.is_lowercase() } else { c.is_uppercase() })
}

fn string_method(s: &Arc<str>, args: &MethodArgs) -> Res<V> {
    let text_of = |s: &str| V::str(s);
    let all = |test: fn(char) -> bool| V::Bool(!s.is_empty() && s.chars().all(test));
    let fill = |args: &MethodArgs| -> Res<char> {
        match args.opt(1, "fillchar") {
            None => Ok(' '),
            Some(_) => {
                let fill = args.string(1, "fillchar")?;
                let mut chars = fill.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Ok(c),
                    _ => Err(failed("The fill character must be exactly one character long")),
                }
            }
        }
    };
    let width = |args: &MethodArgs| -> Res<usize> {
        args.need(0, "width")?;
        Ok(usize::try_from(args.int(0, "width", 0)?).unwrap_or(0).min(100_000_000))
    };
    let pad = |width: usize, c: char| c.to_string().repeat(width.saturating_sub(s.chars().count()));
    // The part between optional start and end, and how many characters stand before it.
    let window = |args: &MethodArgs| -> Res<(String, usize)> {
        let length = s.chars().count() as i64;
        let clamp = |i: i64| (if i < 0 { i + length } else { i }).clamp(0, length);
        let (start, end) = (clamp(args.int(1, "start", 0)?), clamp(args.int(2, "end", length)?));
        let part = s.chars().skip(start as usize).take((end - start).max(0) as usize).collect();
        Ok((part, start as usize))
    };
    let affix = |args: &MethodArgs, test: fn(&str, &str) -> bool| -> Res<V> {
        let (part, _) = window(args)?;
        match args.need(0, "prefix")? {
            V::Tuple(options) => {
                Ok(V::Bool(options.iter().any(|o| o.as_str().is_some_and(|o| test(&part, o)))))
            }
            V::Str(wanted) => Ok(V::Bool(test(&part, wanted))),
            other => Err(failed(format!(
                "{} first arg must be str or a tuple of str, not {}",
                args.name,
                other.type_name()
            ))),
        }
    };
    let find = |args: &MethodArgs, right: bool| -> Res<i64> {
        let (part, offset) = window(args)?;
        let wanted = args.string(0, "sub")?;
        let at = if right { part.rfind(wanted) } else { part.find(wanted) };
        Ok(at.map_or(-1, |at| (part[..at].chars().count() + offset) as i64))
    };
    Ok(match args.name {
        "upper" => text_of(&s.to_uppercase()),
        "lower" | "casefold" => text_of(&s.to_lowercase()),
        "title" => V::from(title(s)),
        "capitalize" => V::from(capitalize(s)),
        "swapcase" => V::from(
            s.chars()
                .flat_map(|c| -> Vec<char> {
                    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
                })
                .collect::<String>(),
        ),
        "strip" => text_of(strip(s, args, true, true)?),
        "lstrip" => text_of(strip(s, args, true, false)?),
        "rstrip" => text_of(strip(s, args, false, true)?),
        "split" | "rsplit" => {
            let separator = match args.opt(0, "sep") {
                None | Some(V::None) => None,
                Some(_) => Some(args.string(0, "sep")?),
            };
            V::list(split_text(s, separator, args.int(1, "maxsplit", -1)?, args.name == "rsplit")?)
        }
        "splitlines" => {
            let keep = args.opt(0, "keepends").map_or(Ok(false), V::truth)?;
            V::list(split_lines(s, keep).into_iter().map(V::from).collect())
        }
        "startswith" => affix(args, |text, wanted| text.starts_with(wanted))?,
        "endswith" => affix(args, |text, wanted| text.ends_with(wanted))?,
        "find" => V::Int(find(args, false)?),
        "rfind" => V::Int(find(args, true)?),
        "index" | "rindex" => match find(args, args.name == "rindex")? {
            -1 => return Err(failed("substring not found")),
            at => V::Int(at),
        },
        "count" => {
            let (part, _) = window(args)?;
            let wanted = args.string(0, "sub")?;
            let count =
                if wanted.is_empty() { part.chars().count() + 1 } else { part.matches(wanted).count() };
            V::from(count)
        }
        "replace" => {
            let (old, new) = (args.string(0, "old")?, args.string(1, "new")?);
            match usize::try_from(args.int(2, "count", -1)?) {
                Ok(count) => V::from(s.replacen(old, new, count)),
                Err(_) => V::from(s.replace(old, new)),
            }
        }
        "join" => {
            let mut out = String::new();
            for (i, item) in args.need(0, "iterable")?.items()?.iter().enumerate() {
                if i > 0 {
                    out.push_str(s);
                }
                match item {
                    V::Str(part) => out.push_str(part),
                    other => {
                        return Err(failed(format!(
                            "sequence item {i}: expected str instance, {} found",
                            other.type_name()
                        )));
                    }
                }
            }
            V::from(out)
        }
        "format" => V::from(format_braces(s, args.args, args.named)?),
        "format_map" => {
            let named = match args.need(0, "mapping")? {
                V::Dict(dict) => dict
                    .entries()?
                    .into_iter()
                    .filter_map(|(key, value)| Some((Arc::from(key.as_str()?), value)))
                    .collect(),
                _ => Vec::new(),
            };
            V::from(format_braces(s, &[], &named)?)
        }
        "ljust" => V::from(format!("{s}{}", pad(width(args)?, fill(args)?))),
        "rjust" => V::from(format!("{}{s}", pad(width(args)?, fill(args)?))),
        "center" => V::from(center(s, width(args)?, fill(args)?)),
        "zfill" => {
            let zeros = pad(width(args)?, '0');
            match s.strip_prefix(['-', '+']) {
                Some(rest) => V::from(format!("{}{zeros}{rest}", &s[..1])),
                None => V::from(format!("{zeros}{s}")),
            }
        }
        "partition" | "rpartition" => {
            let separator = args.string(0, "sep")?;
            let right = args.name == "rpartition";
            let found = if right { s.rsplit_once(separator) } else { s.split_once(separator) };
            let (before, middle, after) = match found {
                Some((before, after)) => (before, separator, after),
                None if right => ("", "", &**s),
                None => (&**s, "", ""),
            };
            V::tuple(vec![text_of(before), text_of(middle), text_of(after)])
        }
        "removeprefix" => text_of(s.strip_prefix(args.string(0, "prefix")?).unwrap_or(s)),
        "removesuffix" => text_of(s.strip_suffix(args.string(0, "suffix")?).unwrap_or(s)),
        "encode" => V::Bytes(s.as_bytes().into()),
        "expandtabs" => {
            let size = usize::try_from(args.int(0, "tabsize", 8)?).unwrap_or(0);
            let mut out = String::new();
            let mut column = 0;
            for c in s.chars() {
                match c {
                    '\t' => {
                        let count = if size == 0 { 0 } else { size - column % size };
                        out.extend(std::iter::repeat_n(' ', count));
                        column += count;
                    }
                    '\n' | '\r' => {
                        out.push(c);
                        column = 0;
                    }
                    c => {
                        out.push(c);
                        column += 1;
                    }
                }
            }
            V::from(out)
        }
        "isdigit" | "isdecimal" | "isnumeric" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(is_space),
        "isascii" => V::Bool(s.is_ascii()),
        "isupper" => V::Bool(fix_case(s, true)),
        "islower" => V::Bool(fix_case(s, false)),
        "istitle" => V::Bool(s.chars().any(char::is_alphabetic) && title(s) == **s),
        "isprintable" => V::Bool(!s.chars().any(char::is_control)),
        "isidentifier" => {
            let mut chars = s.chars();
            V::Bool(
                chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
                    && chars.all(|c| c == '_' || c.is_alphanumeric()),
            )
        }
        other => return Err(failed(format!("'str' object has no attribute '{other}'"))),
    })
}

/// `', '.join(texts of items)`, for filters.
pub fn join_text(items: &[V], separator: &str) -> Res<String> {
    let mut out = String::new();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        out.push_str(&text(item)?);
    }
    Ok(out)
}
