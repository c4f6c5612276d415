//! `keep_keys`, `remove_keys` and `replace_keys` of community.general (lists of mappings, one level deep) and of
//! ansible.utils (whatever is nested).

use crate::template::eval::Call;
use crate::template::object::{Entries, Res, V, failed, text};
use crate::template::regex::{self, Flags};
use crate::value::Value;
use fancy_regex::Regex;
use std::sync::Arc;

/// Which keys are meant.
enum Target {
    Equal(Vec<String>),
    StartsWith(Vec<String>),
    EndsWith(Vec<String>),
    Regex(Vec<Arc<Regex>>),
}

impl Target {
    fn new(wanted: Vec<String>, how: &str) -> Res<Self> {
        Ok(match how {
            "equal" => Self::Equal(wanted),
            "starts_with" => Self::StartsWith(wanted),
            "ends_with" => Self::EndsWith(wanted),
            "regex" => Self::Regex(
                wanted.iter().map(|pattern| regex::compile(pattern, Flags::default())).collect::<Res<_>>()?,
            ),
            other => {
                return Err(failed(format!(
                    "The matching_parameter must be one of ['equal', 'starts_with', 'ends_with', 'regex']. \
                     matching_parameter={other}"
                )));
            }
        })
    }

    /// Which of the targets a key is; patterns hold at its beginning.
    fn find(&self, key: &str) -> Res<Option<usize>> {
        Ok(match self {
            Self::Equal(words) => words.iter().position(|word| key == word),
            Self::StartsWith(words) => words.iter().position(|word| key.starts_with(word)),
            Self::EndsWith(words) => words.iter().position(|word| key.ends_with(word)),
            Self::Regex(patterns) => {
                for (at, pattern) in patterns.iter().enumerate() {
                    let found = pattern.find(key).map_err(regex::runaway)?;
                    if found.is_some_and(|found| found.start() == 0) {
                        return Ok(Some(at));
                    }
                }
                None
            }
        })
    }
}

fn key_text(key: &Value) -> String {
    crate::value::py_str(key)
}

/// A text or a list of them.
fn words(target: &V) -> Res<Vec<String>> {
    match target {
        V::Str(word) => Ok(vec![word.to_string()]),
        V::List(_) | V::Tuple(_) => target.items()?.iter().map(text).collect(),
        other => Err(failed(format!(
            "The target must be a string or a list. target is <class '{}'>.",
            other.type_name()
        ))),
    }
}

fn class_of(value: &V) -> Res<String> {
    Ok(format!("{} is <class '{}'>", text(value)?, value.type_name()))
}

/// community.general's: the entries of each mapping of a list.
fn each(c: &Call, change: impl Fn(Entries) -> Res<Entries>) -> Res<V> {
    let mut out = Vec::new();
    if !matches!(c.value, V::List(_) | V::Tuple(_) | V::Str(_)) {
        return Err(failed(format!("First argument for {} must be a list. {}", c.name, class_of(&c.value)?)));
    }
    for item in c.value.items()? {
        let V::Dict(dict) = &item else {
            return Err(failed(format!("The data items must be dictionaries. {}", class_of(&item)?)));
        };
        out.push(V::dict(change(dict.entries()?)?));
    }
    Ok(V::list(out))
}

pub fn select(c: &mut Call, keep: bool) -> Res<V> {
    let how = c.text_or(1, "equal")?;
    let wanted = words(c.need(0)?)?;
    if how == "regex" && wanted.len() != 1 {
        return Err(failed("Single item is required in the target list if matching_parameter=regex."));
    }
    let target = Target::new(wanted, &how)?;
    each(c, |entries| {
        let mut out = Entries::new();
        for (key, value) in entries {
            if target.find(&key_text(&key))?.is_some() == keep {
                out.insert(key, value);
            }
        }
        Ok(out)
    })
}

/// The pairs of `before` and `after`.
fn renames(target: &V, how: &str) -> Res<(Target, Vec<V>)> {
    let mut before = Vec::new();
    let mut after = Vec::new();
    for pair in target.items()? {
        let V::Dict(pair) = &pair else {
            return Err(failed("The target must be a list of dictionaries with `before` and `after`"));
        };
        let part = |name: &str| match pair.get_str(name) {
            Some(value) => value,
            None => Err(failed("All items in the target list must be dictionaries with before and after.")),
        };
        before.push(text(&part("before")?)?);
        after.push(part("after")?);
    }
    Ok((Target::new(before, how)?, after))
}

pub fn replace(c: &mut Call) -> Res<V> {
    let (target, after) = renames(c.need(0)?, &c.text_or(1, "equal")?)?;
    each(c, |entries| {
        let mut out = Entries::new();
        for (key, value) in entries {
            let key = match target.find(&key_text(&key))? {
                Some(at) => after[at].to_value()?,
                None => key,
            };
            out.insert(key, value);
        }
        Ok(out)
    })
}

/// ansible.utils': what is nested, too.
pub fn select_deep(c: &mut Call, keep: bool) -> Res<V> {
    let target = Target::new(words(c.need(0)?)?, &c.text_or(1, "equal")?)?;
    if keep {
        Ok(kept(&c.value, &target)?.unwrap_or_else(|| empty_like(&c.value)))
    } else {
        removed(&c.value, &target)
    }
}

fn empty_like(value: &V) -> V {
    match value {
        V::Dict(_) => V::dict(Entries::new()),
        V::List(_) | V::Tuple(_) => V::list(Vec::new()),
        other => other.clone(),
    }
}

/// What is left of a value: members that are meant, and those that hold some.
fn kept(value: &V, target: &Target) -> Res<Option<V>> {
    crate::template::eval::check_stack()?;
    Ok(match value {
        V::Dict(dict) => {
            let mut out = Entries::new();
            for (key, member) in dict.entries()? {
                if target.find(&key_text(&key))?.is_some() {
                    out.insert(key, member);
                } else if matches!(member, V::Dict(_) | V::List(_))
                    && let Some(member) = kept(&member, target)?
                {
                    out.insert(key, member);
                }
            }
            (!out.is_empty()).then(|| V::dict(out))
        }
        V::List(_) | V::Tuple(_) => {
            let mut out = Vec::new();
            for item in value.items()? {
                if let Some(item) = kept(&item, target)? {
                    out.push(item);
                }
            }
            (!out.is_empty()).then(|| V::list(out))
        }
        _ => None,
    })
}

fn removed(value: &V, target: &Target) -> Res<V> {
    crate::template::eval::check_stack()?;
    Ok(match value {
        V::Dict(dict) => {
            let mut out = Entries::new();
            for (key, member) in dict.entries()? {
                if target.find(&key_text(&key))?.is_none() {
                    out.insert(key, removed(&member, target)?);
                }
            }
            V::dict(out)
        }
        V::List(_) | V::Tuple(_) => {
            V::list(value.items()?.iter().map(|item| removed(item, target)).collect::<Res<_>>()?)
        }
        other => other.clone(),
    })
}

pub fn replace_deep(c: &mut Call) -> Res<V> {
    let (target, after) = renames(c.need(0)?, &c.text_or(1, "equal")?)?;
    renamed(&c.value, &target, &after)
}

fn renamed(value: &V, target: &Target, after: &[V]) -> Res<V> {
    crate::template::eval::check_stack()?;
    Ok(match value {
        V::Dict(dict) => {
            let mut out = Entries::new();
            // What is renamed comes last.
            let mut moved = Entries::new();
            for (key, member) in dict.entries()? {
                let member = renamed(&member, target, after)?;
                match target.find(&key_text(&key))? {
                    Some(at) => moved.insert(after[at].to_value()?, member),
                    None => out.insert(key, member),
                };
            }
            out.extend(moved);
            V::dict(out)
        }
        V::List(_) | V::Tuple(_) => {
            V::list(value.items()?.iter().map(|item| renamed(item, target, after)).collect::<Res<_>>()?)
        }
        other => other.clone(),
    })
}
