//! Lookups (`lookup('name', …)`, `query`, `with_name`): one table, one line per lookup.

mod data;
mod dependent;
mod dns;
mod files;
mod filetree;
mod first_found;
mod general;
mod hosts;
mod ini;
mod k8s;
mod options;
mod passwords;
mod random_pet;
mod sequence;
mod tables;
mod url;
mod variables;

use super::eval::{Args, Eval};
use super::object::{Missing, Res, V, failed, text};
use super::syntax::Named;
use super::{TemplateError, TemplateErrorKind, filters};
use crate::diag::Diagnostic;
use options::{NONE, Opt};
use std::sync::Arc;

pub use ini::sections as ini_sections;

type Run = fn(&mut Lookup) -> Res<Vec<V>>;

#[rustfmt::skip]
static LOOKUPS: &[(&str, Run, &[Opt])] = &[
    ("config", variables::config, options::CONFIG),
    ("csvfile", tables::csvfile, options::CSVFILE),
    ("dict", data::dict, NONE),
    ("env", variables::env, NONE),
    ("file", files::file, options::FILE),
    ("fileglob", files::fileglob, NONE),
    ("first_found", first_found::first_found, NONE),
    ("flattened", data::flattened, NONE),
    ("indexed_items", data::indexed_items, NONE),
    ("ini", ini::ini, options::INI),
    ("inventory_hostnames", hosts::inventory_hostnames, NONE),
    ("items", data::items, NONE),
    ("lines", files::lines, NONE),
    ("list", |lookup| Ok(std::mem::take(&mut lookup.terms)), NONE),
    ("nested", data::nested, NONE),
    ("cartesian", data::cartesian, NONE),
    ("password", passwords::password, options::PASSWORD),
    ("pipe", files::pipe, NONE),
    ("random_choice", data::random_choice, NONE),
    ("sequence", sequence::sequence, NONE),
    ("subelements", data::subelements, NONE),
    ("template", files::template, options::TEMPLATE),
    ("together", data::together, NONE),
    ("unvault", files::unvault, NONE),
    ("url", url::url, options::URL),
    ("varnames", variables::varnames, NONE),
    ("vars", variables::vars, NONE),
    // Of collections.
    ("ansible.utils.get_path", general::get_path, NONE),
    ("ansible.utils.index_of", general::index_of, NONE),
    ("ansible.utils.to_paths", general::to_paths, NONE),
    ("ansible.utils.validate", general::validate, NONE),
    ("community.dns.lookup", dns::lookup, options::DNS),
    ("community.general.binary_file", files::binary_file, options::BINARY_FILE),
    ("community.general.cartesian", data::nested, NONE),
    ("community.general.collection_version", general::collection_version, NONE),
    ("community.general.dependent", dependent::dependent, NONE),
    ("community.general.filetree", filetree::filetree, NONE),
    ("community.general.flattened", data::flattened, NONE),
    ("community.general.merge_variables", general::merge_variables, options::MERGE_VARIABLES),
    ("community.general.random_pet", random_pet::random_pet, options::RANDOM_PET),
    ("community.general.random_string", general::random_string, options::RANDOM_STRING),
    ("kubernetes.core.k8s", k8s::k8s, NONE),
];

/// One use of a lookup.
pub struct Lookup<'e, 'a> {
    pub eval: &'e mut Eval<'a>,
    pub terms: Vec<V>,
    pub options: Vec<(Arc<str>, V)>,
}

impl Lookup<'_, '_> {
    pub fn option(&self, name: &str) -> Option<&V> {
        self.options.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Res<Option<String>> {
        match self.option(name) {
            None | Some(V::None) => Ok(None),
            Some(value) => text(value).map(Some),
        }
    }

    pub fn flag(&self, name: &str, default: bool) -> Res<bool> {
        match self.option(name) {
            None | Some(V::None) => Ok(default),
            Some(V::Bool(flag)) => Ok(*flag),
            // What is neither true nor false is false.
            Some(value) => Ok(value.to_value()?.ansible_bool().unwrap_or(false)),
        }
    }

    pub fn number(&self, name: &str, default: f64) -> f64 {
        self.option(name).and_then(V::as_f64).unwrap_or(default)
    }

    pub fn list(&self, name: &str) -> Res<Option<Vec<String>>> {
        self.option(name).map(|list| list.items()?.iter().map(text).collect()).transpose()
    }

    /// All terms as texts.
    pub fn texts(&self) -> Res<Vec<String>> {
        self.terms.iter().map(text).collect()
    }
}

/// Whether there is a lookup of this name.
pub fn exists(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<(Run, &'static [Opt])> {
    let short = filters::short_name(name);
    LOOKUPS.iter().find(|(known, _, _)| *known == short).map(|(_, run, options)| (*run, *options))
}

/// The names of all lookups, for guessing what was meant.
pub fn names() -> impl Iterator<Item = &'static str> {
    LOOKUPS.iter().map(|(name, _, _)| *name)
}

/// Runs a lookup: always a list.
///
/// # Errors
/// Its own; an unknown name.
pub fn run(eval: &mut Eval, name: &str, args: Args) -> Res<Vec<V>> {
    let now = eval.now_called(Named::Lookup, name)?;
    let name = if exists(&now) { &now } else { name };
    run_plain(eval, name, args).map_err(|error| explained(error, name))
}

fn run_plain(eval: &mut Eval, name: &str, args: Args) -> Res<Vec<V>> {
    let Some((run, options)) = find(name) else {
        return Err(failed(format!("The lookup plugin '{name}' was not found.")));
    };
    let mut terms = Vec::with_capacity(args.positional.len());
    for term in args.positional {
        terms.push(term.need()?);
    }
    let mut lookup = Lookup { eval, terms, options: args.named };
    options::apply(&mut lookup, name, options)?;
    run(&mut lookup)
}

/// Ansible's words around what a lookup says.
fn explained(mut error: TemplateError, name: &str) -> TemplateError {
    let explained = error.message.starts_with("The ") && error.message.contains(" plugin '");
    if error.kind == TemplateErrorKind::Failed && !explained {
        error.message = format!("The lookup plugin '{name}' failed: {}", error.message);
    }
    error
}

/// `lookup(…)` and `query(…)`.
///
/// # Errors
/// Wrong arguments. What goes wrong in the lookup is an error for whoever uses the result, unless `errors=` says otherwise.
pub fn function(eval: &mut Eval, mut args: Args, want_list: bool) -> Res<V> {
    if args.positional.is_empty() {
        return Err(failed("lookup() missing 1 required positional argument: 'plugin_name'"));
    }
    let name = text(&args.positional.remove(0).need()?)?;
    let mut want_list = want_list;
    let mut errors = "strict".to_owned();
    if let Some(at) = args.named.iter().position(|(name, _)| &**name == "wantlist") {
        // A query gives a list in any case.
        want_list |= args.named.remove(at).1.truth()?;
    }
    if let Some(at) = args.named.iter().position(|(name, _)| &**name == "errors") {
        errors = text(&args.named.remove(at).1)?;
    }
    let name = match eval.now_called(Named::Lookup, &name) {
        Ok(now) if exists(&now) => now,
        Ok(_) => name,
        Err(error) => return Ok(V::Missing(Arc::new(Missing::captured(error)))),
    };
    if !exists(&name) {
        let error = failed(format!("The lookup plugin '{name}' was not found."));
        return Ok(V::Missing(Arc::new(Missing::captured(error))));
    }
    let found = match run_plain(eval, &name, args) {
        Ok(found) => found,
        Err(error) if error.kind == TemplateErrorKind::Failed && matches!(&*errors, "warn" | "ignore") => {
            if errors == "warn" {
                let message =
                    format!("An error occurred while running the lookup plugin '{name}': {}", error.message);
                eval.ctx.engine().warn(Diagnostic::warning("lookup", message));
            }
            return Ok(if want_list { V::list(Vec::new()) } else { V::None });
        }
        Err(error) if error.kind == TemplateErrorKind::Unknown => return Err(error),
        Err(error) => return Ok(V::Missing(Arc::new(Missing::captured(explained(error, &name))))),
    };
    if want_list {
        return Ok(V::list(found));
    }
    if found.len() == 1 {
        return Ok(found.into_iter().next().unwrap_or(V::None));
    }
    if !found.is_empty() && found.iter().all(|item| matches!(item, V::Str(_))) {
        let texts: Vec<&str> = found.iter().filter_map(V::as_str).collect();
        return Ok(V::from(texts.join(",")));
    }
    Ok(V::list(found))
}
