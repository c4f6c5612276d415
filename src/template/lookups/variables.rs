//! Lookups of variables, settings and the environment.

use super::Lookup;
use crate::diag::Diagnostic;
use crate::template::object::{Res, V, failed, undefined};
use crate::template::regex::{self, Flags};

pub fn env(lookup: &mut Lookup) -> Res<Vec<V>> {
    let default = lookup.option("default").cloned();
    lookup
        .texts()?
        .iter()
        .map(|name| {
            let name = name.split_whitespace().next().unwrap_or("");
            Ok(match std::env::var_os(name) {
                Some(value) => V::from(value.to_string_lossy().into_owned()),
                None => default.clone().unwrap_or_else(|| V::str("")),
            })
        })
        .collect()
}

pub fn vars(lookup: &mut Lookup) -> Res<Vec<V>> {
    let default = lookup.option("default").cloned();
    let mut out = Vec::new();
    for term in lookup.terms.clone() {
        let V::Str(name) = &term else {
            return Err(failed(format!(
                "Invalid setting identifier, \"{}\" is not a string, it is a {}",
                crate::template::object::text(&term)?,
                term.type_name()
            )));
        };
        let found = lookup.eval.ctx.variable(name)?;
        match found.or_else(|| default.clone()) {
            Some(value) => out.push(value.need()?),
            None => return Err(undefined(format!("No variable named '{name}' was found."))),
        }
    }
    Ok(out)
}

pub fn varnames(lookup: &mut Lookup) -> Res<Vec<V>> {
    let names = lookup.eval.ctx.names();
    let mut out = Vec::new();
    for pattern in lookup.texts()? {
        let regex = regex::compile(&pattern, Flags::default())?;
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
