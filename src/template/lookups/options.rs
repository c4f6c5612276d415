//! The options of a lookup as its documentation lists them: an argument, else a variable, the environment, the
//! configuration file, the default; each with a type.

use super::Lookup;
use crate::template::TemplateError;
use crate::template::object::{Res, V, failed, repr, text};

/// The type of an option.
#[derive(Clone, Copy)]
pub enum Kind {
    /// What is neither true nor false is false.
    Bool,
    Float,
    Int,
    Str,
    /// A text is split at commas.
    List,
    Dict,
    Choice(&'static [&'static str]),
}

/// One option. Empty texts stand for places it cannot be set in.
pub struct Opt {
    pub name: &'static str,
    pub kind: Kind,
    pub variable: &'static str,
    pub environment: &'static str,
    /// `section.key`
    pub ini: &'static str,
}

impl Opt {
    /// An option that only an argument sets.
    pub const fn argument(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, variable: "", environment: "", ini: "" }
    }
}

/// The options of one use of a lookup, checked.
pub struct Options {
    values: Vec<(&'static str, V)>,
}

impl Options {
    /// `plugin` is how Ansible calls it: `'url' lookup plugin`.
    ///
    /// # Errors
    /// A value that is not of its option's type, with its place.
    pub fn read(lookup: &Lookup, plugin: &str, table: &'static [Opt]) -> Res<Self> {
        let mut values = Vec::new();
        for option in table {
            let Some((value, origin)) = given(lookup, option)? else { continue };
            let value = option.typed(&value, |wrong| match wrong {
                Wrong::Choice => failed(format!(
                    "Invalid value '{}' for config '{}' for {plugin}.",
                    shown(&value),
                    option.name
                )),
                Wrong::Type(kind) => {
                    let value = repr(&value).unwrap_or_default();
                    failed(format!(
                        "Config '{}' for {plugin} from '{origin}' has an invalid value: \
                         Invalid value provided for '{kind}': {value}",
                        option.name
                    ))
                }
            })?;
            values.push((option.name, value));
        }
        Ok(Self { values })
    }

    pub fn get(&self, name: &str) -> Option<&V> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(V::as_str).map(str::to_owned)
    }

    pub fn flag(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Some(V::Bool(flag)) => *flag,
            _ => default,
        }
    }

    pub fn number(&self, name: &str, default: f64) -> f64 {
        self.get(name).and_then(V::as_f64).unwrap_or(default)
    }

    /// # Errors
    /// An item that has no text.
    pub fn list(&self, name: &str) -> Res<Option<Vec<String>>> {
        self.get(name).map(|list| list.items()?.iter().map(text).collect()).transpose()
    }
}

enum Wrong {
    Type(&'static str),
    Choice,
}

fn shown(value: &V) -> String {
    text(value).unwrap_or_default()
}

/// What an option is set to, and where.
fn given(lookup: &Lookup, option: &Opt) -> Res<Option<(V, String)>> {
    if let Some(value) = lookup.option(option.name).filter(|value| !matches!(value, V::None)) {
        return Ok(Some((value.clone(), "Direct".to_owned())));
    }
    let ctx = &lookup.eval.ctx;
    if !option.variable.is_empty()
        && let Some(value) = ctx.variable(option.variable)?
    {
        return Ok(Some((value.need()?, format!("var: {}", option.variable))));
    }
    let Some(settings) = &ctx.engine().settings().config else { return Ok(None) };
    Ok(settings
        .of_plugin(option.environment, option.ini)
        .map(|(text, origin)| (V::str(text), origin.to_string())))
}

impl Opt {
    fn typed(&self, value: &V, wrong: impl Fn(Wrong) -> TemplateError) -> Res<V> {
        let number = || {
            let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
            number.filter(|number| number.is_finite())
        };
        match self.kind {
            Kind::Bool => Ok(V::Bool(value.to_value()?.ansible_bool().unwrap_or(false))),
            Kind::Float => number().map(V::Float).ok_or_else(|| wrong(Wrong::Type("float"))),
            Kind::Int => {
                number().filter(|n| n.fract() == 0.0).map(V::Float).ok_or_else(|| wrong(Wrong::Type("int")))
            }
            Kind::Str => match value {
                V::Str(_) => Ok(value.clone()),
                V::Bool(_) | V::Int(_) | V::Float(_) => text(value).map(V::str),
                _ => Err(wrong(Wrong::Type("string"))),
            },
            Kind::List => match value {
                V::Str(names) => Ok(V::list(names.split(',').map(|name| V::str(name.trim())).collect())),
                V::List(_) => Ok(value.clone()),
                _ => Err(wrong(Wrong::Type("list"))),
            },
            Kind::Dict => match value {
                V::Dict(_) => Ok(value.clone()),
                _ => Err(wrong(Wrong::Type("dictionary"))),
            },
            Kind::Choice(choices) => match value.as_str() {
                Some(choice) if choices.contains(&choice) => Ok(value.clone()),
                _ => Err(wrong(Wrong::Choice)),
            },
        }
    }
}
