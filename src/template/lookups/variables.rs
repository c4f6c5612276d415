//! Lookups of variables, settings and the environment.

use super::Lookup;
use crate::diag::Diagnostic;
use crate::source::settings::{TABLE, plugin_type};
use crate::template::globals::NOT_OVERRIDDEN;
use crate::template::object::{Missing, Res, V, failed, undefined};
use crate::template::regex::{self, Flags};
use crate::value::marks::{self, Mark};
use std::sync::Arc;

pub fn env(lookup: &mut Lookup) -> Res<Vec<V>> {
    let default = lookup.option("default").cloned();
    lookup
        .texts()?
        .iter()
        .map(|name| {
            let name = name.split_whitespace().next().unwrap_or("");
            Ok(match std::env::var_os(name) {
                Some(value) => {
                    let text: Arc<str> = value.to_string_lossy().into();
                    marks::mark(&text, Mark::Origin(format!("<environment variable '{name}'>").into()));
                    V::Str(text)
                }
                None => match &default {
                    Some(V::Missing(missing)) if missing.message == NOT_OVERRIDDEN => {
                        let hint = format!("The environment variable '{name}' is not set.");
                        V::Missing(Arc::new(Missing::hint(hint)))
                    }
                    Some(default) => default.clone(),
                    None => V::str(""),
                },
            })
        })
        .collect()
}

pub fn vars(lookup: &mut Lookup) -> Res<Vec<V>> {
    let default = lookup.option("default").filter(|default| !matches!(default, V::None)).cloned();
    let mut out = Vec::new();
    for term in lookup.terms.clone() {
        let V::Str(name) = &term else {
            let class = term.type_name();
            return Err(failed(format!("Variable name must be 'str' not '{class}'.")).linked(None, false));
        };
        let found = lookup.eval.ctx.variable(name)?;
        match found.or_else(|| default.clone()) {
            Some(value) => out.push(value.need()?),
            None => return Err(undefined(format!("No variable named '{name}' was found."))),
        }
    }
    Ok(out)
}

fn not_a_name(term: &V) -> crate::template::TemplateError {
    let shown = crate::template::object::text(term).unwrap_or_default();
    let class = term.type_name();
    failed(format!("Invalid setting identifier, \"{shown}\" is not a string, it is a <class '{class}'>"))
}

pub fn varnames(lookup: &mut Lookup) -> Res<Vec<V>> {
    let names = lookup.eval.ctx.names();
    let mut out = Vec::new();
    for term in &lookup.terms {
        let V::Str(pattern) = term else { return Err(not_a_name(term)) };
        let regex = regex::compile(pattern, Flags::default()).map_err(|error| {
            let cause = match pattern.chars().next() {
                Some('*' | '+' | '?') => "nothing to repeat at position 0".to_owned(),
                _ => error.into_message(),
            };
            failed(format!("Unable to use \"{pattern}\" as a search parameter: {cause}")).linked(None, false)
        })?;
        for name in &names {
            if regex.is_match(&**name).map_err(regex::runaway)? {
                out.push(V::Str(name.clone()));
            }
        }
    }
    Ok(out)
}

pub fn config(lookup: &mut Lookup) -> Res<Vec<V>> {
    let on_missing = lookup.text("on_missing")?.unwrap_or_else(|| "error".into());
    let plugin = match (lookup.text("plugin_type")?, lookup.text("plugin_name")?) {
        (None, None) => None,
        (Some(kind), Some(name)) => Some(plugin_of(&kind, &name)?),
        _ => {
            return Err(failed(
                "Both plugin_type and plugin_name are required, cannot use one without the other.",
            ));
        }
    };
    let mut out = Vec::new();
    for name in lookup.texts()? {
        let found = match &plugin {
            Some((_, plugin)) => option_of(lookup, plugin, &name)?,
            None => match lookup.eval.ctx.env().settings.get(&name) {
                Some(value) => Some(V::from_value(value)?),
                None => None,
            },
        };
        match found {
            Some(value) => out.push(value),
            None => {
                let message = match &plugin {
                    Some((kind, plugin)) => {
                        format!("No config definition exists for '{name}' for '{plugin}' {kind} plugin.")
                    }
                    None => format!("No config definition exists for '{name}'."),
                };
                match &*on_missing {
                    "skip" => {}
                    "warn" => lookup.eval.ctx.engine().warn(Diagnostic::warning("lookup", message)),
                    _ => return Err(failed(message)),
                }
            }
        }
    }
    Ok(out)
}

/// A plugin with options: its type and its short name.
fn plugin_of(kind: &str, name: &str) -> Res<(String, String)> {
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    let prefix = format!("{short}.");
    if plugin_type(short) != kind || !TABLE.iter().any(|row| row.name.starts_with(&prefix)) {
        return Err(failed(format!("Unable to load {kind} plugin '{name}'.")));
    }
    Ok((kind.to_owned(), short.to_owned()))
}

/// The value of a plugin's option: that of a variable, else the setting.
fn option_of(lookup: &mut Lookup, plugin: &str, name: &str) -> Res<Option<V>> {
    let ctx = &lookup.eval.ctx;
    let Some(value) = ctx.env().settings.get(&format!("{plugin}.{name}")).cloned() else { return Ok(None) };
    // Options are named after their variables, but for a few.
    let bare = match name {
        "remote_user" => "user",
        "reconnection_retries" => "retries",
        other => other.strip_prefix(&format!("{plugin}_")).unwrap_or(other),
    };
    for variable in [format!("ansible_{plugin}_{bare}"), format!("ansible_{name}"), format!("ansible_{bare}")]
    {
        if let Some(value) = ctx.variable(&variable)? {
            return value.need().map(Some);
        }
    }
    V::from_value(&value).map(Some)
}
