//! What every template sees besides its variables: functions and constants.

use super::eval::{Args, Eval};
use super::filters::{self};
use super::object::{Entries, Missing, Namespace, Object, Range, Res, V, failed, key_of, text};
use super::{lookups, omit};
use crate::value::{Value, py_str};
use std::sync::{Arc, Mutex, PoisonError};

type Run = fn(&mut Eval, Args) -> Res<V>;

#[rustfmt::skip]
static FUNCTIONS: &[(&str, Run)] = &[
    ("lookup", |eval, args| lookups::function(eval, args, false)),
    ("query", |eval, args| lookups::function(eval, args, true)),
    ("q", |eval, args| lookups::function(eval, args, true)),
    ("range", |_, args| range(&args)),
    ("dict", |_, args| dict(args)),
    ("namespace", |_, args| namespace(args)),
    ("now", |_, args| filters::now(&args)),
    ("undef", |_, args| undef(&args)),
    ("cycler", |_, args| cycler(args)),
    ("joiner", |_, args| joiner(&args)),
];

fn namespace(args: Args) -> Res<V> {
    let members = entries(args)?.into_iter().map(|(name, value)| (Arc::from(py_str(&name)), value));
    Ok(V::object(Namespace::new(members.collect())))
}

/// A global by name.
pub fn get(name: &str) -> Option<V> {
    if name == "omit" {
        return V::from_value(&omit()).ok();
    }
    let (name, run) = FUNCTIONS.iter().find(|(known, _)| *known == name)?;
    Some(V::object(Function { name, run: *run }))
}

struct Function {
    name: &'static str,
    run: Run,
}

impl Object for Function {
    fn type_name(&self) -> &str {
        "function"
    }

    fn callable(&self) -> bool {
        true
    }

    fn call(&self, eval: &mut Eval, args: Args) -> Res<V> {
        // A missing argument goes through to whoever uses the result; a lookup's default is used when it is needed.
        let lookup = matches!(self.name, "lookup" | "query" | "q");
        let missing = args.positional.iter().find(|value| value.is_missing()).or_else(|| {
            let mut named = args.named.iter().filter(|(name, _)| !(lookup && &**name == "default"));
            named.find(|(_, value)| value.is_missing()).map(|(_, value)| value)
        });
        if let Some(missing) = missing {
            return Ok(missing.clone());
        }
        (self.run)(eval, args)
    }

    fn text(&self) -> String {
        format!("<function {}>", self.name)
    }
}

fn range(args: &Args) -> Res<V> {
    let number = |value: &V| {
        value.as_i64().ok_or_else(|| {
            failed(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
        })
    };
    let given: Vec<i64> = args.positional.iter().map(number).collect::<Res<_>>()?;
    let (start, stop, step) = match given[..] {
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] => (start, stop, step),
        _ => return Err(failed(format!("range expected at most 3 arguments, got {}", given.len()))),
    };
    if step == 0 {
        return Err(failed("range() arg 3 must not be zero"));
    }
    Ok(V::object(Range { start, stop, step }))
}

fn entries(args: Args) -> Res<Entries> {
    let mut out = match args.positional.first() {
        None => Entries::new(),
        Some(V::Dict(dict)) => dict.entries()?,
        Some(pairs) => {
            let mut out = Entries::new();
            for (i, pair) in pairs.items()?.iter().enumerate() {
                let pair = pair.items()?;
                let [key, value] = &pair[..] else {
                    return Err(failed(format!(
                        "dictionary update sequence element #{i} has length {}; 2 is required",
                        pair.len()
                    )));
                };
                out.insert(key_of(key)?, value.clone());
            }
            out
        }
    };
    for (name, value) in args.named {
        out.insert(Value::Str(name), value);
    }
    Ok(out)
}

/// `dict(…)`: a mapping from pairs.
///
/// # Errors
/// What is no pair.
pub fn dict(args: Args) -> Res<V> {
    entries(args).map(V::dict)
}

/// What a missing value says that somebody made without a reason.
pub const NOT_OVERRIDDEN: &str = "Mandatory variable has not been overridden";

fn undef(args: &Args) -> Res<V> {
    let hint = match args.get(0, "hint") {
        Some(hint) => text(hint)?,
        None => NOT_OVERRIDDEN.to_owned(),
    };
    Ok(V::Missing(Arc::new(Missing::hint(hint))))
}

struct Cycler {
    items: Vec<V>,
    at: Mutex<usize>,
}

fn cycler(args: Args) -> Res<V> {
    if args.positional.is_empty() {
        return Err(failed("at least one item has to be provided"));
    }
    Ok(V::object(Cycler { items: args.positional, at: Mutex::new(0) }))
}

impl Object for Cycler {
    fn type_name(&self) -> &str {
        "Cycler"
    }

    fn get(&self, name: &str) -> Option<V> {
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        (name == "current").then(|| self.items[at].clone())
    }

    fn method(&self, _: &mut Eval, name: &str, _: &Args) -> Option<Res<V>> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        match name {
            "next" => {
                let item = self.items[*at].clone();
                *at = (*at + 1) % self.items.len();
                Some(Ok(item))
            }
            "reset" => {
                *at = 0;
                Some(Ok(V::None))
            }
            _ => None,
        }
    }
}

struct Joiner {
    separator: V,
    used: Mutex<bool>,
}

fn joiner(args: &Args) -> Res<V> {
    let separator = args.get(0, "sep").cloned().unwrap_or_else(|| V::str(", "));
    Ok(V::object(Joiner { separator, used: Mutex::new(false) }))
}

impl Object for Joiner {
    fn type_name(&self) -> &str {
        "Joiner"
    }

    fn callable(&self) -> bool {
        true
    }

    fn call(&self, _: &mut Eval, _: Args) -> Res<V> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let first = !std::mem::replace(&mut *used, true);
        Ok(if first { V::str("") } else { self.separator.clone() })
    }
}

/// The difference of two points in time, in microseconds.
pub fn time_delta(micros: i128) -> V {
    V::object(filters::TimeDelta(micros))
}
