//! `map`, `select`, `reject` and the attributes they name.

use crate::template::eval::{Args, Call};
use crate::template::object::{Res, V, attribute, failed, item};

/// A path like `a.b.0` into items.
#[derive(Clone)]
pub struct Attribute {
    parts: Vec<V>,
    /// For items that lack it.
    pub default: Option<V>,
}

impl Attribute {
    pub fn new(path: &V) -> Res<Self> {
        path.check()?;
        let parts = match path {
            V::Str(path) => path
                .split('.')
                .map(|part| match part.parse() {
                    Ok(index) if part.bytes().all(|b| b.is_ascii_digit()) => V::Int(index),
                    _ => V::str(part),
                })
                .collect(),
            other => vec![other.clone()],
        };
        Ok(Self { parts, default: None })
    }

    pub fn get(&self, from: &V) -> Res<V> {
        let mut value = from.clone();
        for part in &self.parts {
            value = match (&value, part) {
                (V::Missing(_), _) => value.clone(),
                // `environment.getitem`: the member first, an attribute else.
                (V::Object(_), V::Str(name)) => attribute(&value, name)?,
                _ => item(&value, part)?,
            };
            if value.is_missing()
                && let Some(default) = &self.default
            {
                value = default.clone();
            }
        }
        Ok(value)
    }
}

/// Texts in lower case, for comparisons that ignore it.
pub fn fold_case(value: V) -> V {
    match &value {
        V::Str(s) => V::from(s.to_lowercase()),
        _ => value,
    }
}

/// What there is to go through: nothing in a value that counts as false, whatever its type.
fn items_of(value: &V) -> Res<Vec<V>> {
    if value.truth()? { value.items() } else { Ok(Vec::new()) }
}

pub fn map(c: &mut Call) -> Res<V> {
    let items = items_of(&c.value)?;
    let mut named = std::mem::take(&mut c.named);
    let mut positional = std::mem::take(&mut c.more);
    if positional.is_empty()
        && let Some(at) = named.iter().position(|(name, _)| &**name == "attribute")
    {
        let mut attribute = Attribute::new(&named.remove(at).1)?;
        if let Some(at) = named.iter().position(|(name, _)| &**name == "default") {
            attribute.default = Some(named.remove(at).1);
        }
        if let Some((name, _)) = named.first() {
            return Err(failed(format!("Unexpected keyword argument '{name}'")));
        }
        return items.iter().map(|item| attribute.get(item)).collect::<Res<Vec<V>>>().map(V::list);
    }
    if positional.is_empty() {
        return Err(failed("map requires a filter argument"));
    }
    let name = positional.remove(0).need()?;
    let name = name.as_str().unwrap_or("").to_owned();
    let def = c.eval.filter_named(&name)?;
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        let args = Args { positional: positional.clone(), named: named.clone() };
        out.push(c.eval.filter(def, item, args)?);
    }
    Ok(V::list(out))
}

pub fn select(c: &mut Call, keep: bool, by_attribute: bool) -> Res<V> {
    let items = items_of(&c.value)?;
    let named = std::mem::take(&mut c.named);
    let mut positional = std::mem::take(&mut c.more);
    let attribute = if by_attribute {
        if positional.is_empty() {
            return Err(failed("Missing parameter for attribute name"));
        }
        Some(Attribute::new(&positional.remove(0))?)
    } else {
        None
    };
    let test = if positional.is_empty() {
        None
    } else {
        let name = positional.remove(0).need()?;
        let name = name.as_str().unwrap_or("").to_owned();
        Some(c.eval.test_named(&name)?)
    };
    let mut out = Vec::new();
    for item in items {
        let value = match &attribute {
            Some(attribute) => attribute.get(&item)?,
            None => item.clone(),
        };
        let holds = match test {
            Some(test) => {
                c.eval.test(test, value, Args { positional: positional.clone(), named: named.clone() })?
            }
            None => value.truth()?,
        };
        if holds == keep {
            out.push(item);
        }
    }
    Ok(V::list(out))
}
