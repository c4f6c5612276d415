//! Lookups of variables, settings and the environment.

use super::Lookup;
use crate::diag::Diagnostic;
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
    let default = lookup.option("default").cloned();
    let mut out = Vec::new();
    for term in lookup.terms.clone() {
        let V::Str(name) = &term else {
            return Err(not_a_name(&term));
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
            failed(format!("Unable to use \"{pattern}\" as a search parameter: {cause}"))
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
    let mut out = Vec::new();
    for name in lookup.texts()? {
        match lookup.eval.ctx.env().settings.get(&name) {
            Some(value) => out.push(V::from_value(value)?),
            None => {
                let message = format!("Unable to find setting {name}");
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
