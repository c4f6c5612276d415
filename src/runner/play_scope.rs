//! What a play adds to the variables of its hosts.

use super::shared::Shared;
use crate::diag::Diagnostic;
use crate::playbook::{Attr, Play, Role};
use crate::source::yaml::Loaded;
use crate::template::{Context, LookupEnv, TemplateErrorKind};
use crate::value::{Value, py_str};
use crate::vars::{Exported, PlayHosts, PlayScope, RoleNames, TaskScope, Terms};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

/// A play's own variables and those of its roles; `vars_files` are read by [`Shared::read_vars_files`].
pub fn play_scope(play: &Play, name: &str, prompts: Terms, hosts: &[String]) -> PlayScope {
    PlayScope {
        name: name.to_owned(),
        prompts,
        vars_files: RwLock::default(),
        hosts: PlayHosts::new(hosts, []),
        role_names: RwLock::new(role_names(play.roles.iter())),
        exported: RwLock::new(Arc::new(exported_by(play))),
        layers: play.level.clone(),
    }
}

/// The names of these roles: what none of them depends on was named by somebody.
pub fn role_names<'r>(roles: impl Iterator<Item = &'r Arc<Role>>) -> RoleNames {
    let (own, dependent): (Vec<_>, Vec<_>) = roles.partition(|role| role.by_task || role.parents.is_empty());
    let names = |roles: Vec<&Arc<Role>>| roles.into_iter().map(|role| role.display_name()).collect();
    RoleNames { own: names(own), dependent: names(dependent) }
}

/// What the whole play sees of its own roles.
pub fn exported_by(play: &Play) -> Vec<Exported> {
    play.roles.iter().filter(|role| role.public).map(|role| exported(role)).collect()
}

/// What the whole play sees of a role that is public.
pub fn exported(role: &Role) -> Exported {
    Exported { name: role.name.as_str().into(), vars: role.vars.clone(), defaults: role.defaults.clone() }
}

impl Shared {
    /// What a play's keywords are rendered in, for one host (or none: the empty name).
    pub fn play_context(&self, play: &Arc<Play>, scope: Option<&Arc<PlayScope>>, host: &str) -> Context {
        let mut view = TaskScope::host(&self.store, host, &self.magic);
        view.layers = Some(play.level.clone());
        view.play = scope.cloned();
        let directory = self.playbook_dir();
        let env = LookupEnv {
            search_path: vec![play.directory.clone(), directory.clone()],
            playbook_dir: directory,
            hosts: self.host_names(),
            settings: self.lookup_settings.clone(),
        };
        Context::new(&self.engine, Arc::new(view), Arc::new(env))
    }

    /// What is wrong with `vars_files`, as far as that can be told for all hosts.
    ///
    /// # Errors
    /// An entry that names no file, or a file that cannot be read.
    pub fn check_vars_files(&self, play: &Play, context: &Context) -> Result<(), Diagnostic> {
        for attr in &play.vars_files {
            // A host's variables may be missing.
            let Some(value) = vars_file_value(attr, context)? else { continue };
            let paths = vars_file_paths(play, &vars_file_names(attr, &value)?);
            if let Some(path) = paths.iter().find(|path| path.exists()) {
                self.load_vars_file(path)?;
            }
        }
        Ok(())
    }

    fn load_vars_file(&self, path: &Path) -> Result<Loaded, Diagnostic> {
        self.loader.read_vars(path).map_err(|problem| {
            if problem.code == "unreadable-file" {
                return problem;
            }
            let why = problem.summary.trim_end_matches(&format!(" for {}", path.display()));
            let summary = format!("Invalid vars_files file '{}': {why}", path.display());
            Diagnostic { summary, ..problem }
        })
    }

    /// Reads `vars_files` for each host. A list in the list means the first file that exists. Warnings go to the loader.
    ///
    /// # Errors
    /// A file that is not there or cannot be read.
    pub fn read_vars_files(
        &self,
        play: &Arc<Play>,
        scope: &Arc<PlayScope>,
        hosts: &[String],
    ) -> Result<(), Diagnostic> {
        if play.vars_files.is_empty() {
            return Ok(());
        }
        let mut cache: HashMap<PathBuf, Arc<Terms>> = HashMap::new();
        for host in hosts {
            let context = self.play_context(play, Some(scope), host);
            let mut found = Vec::new();
            for attr in &play.vars_files {
                let Some(value) = vars_file_value(attr, &context)? else {
                    let text = "skipping vars_files item due to an undefined variable";
                    self.engine.warn(Diagnostic::warning("vars-files", text).at(&attr.span));
                    continue;
                };
                let candidates = vars_file_names(attr, &value)?;
                if candidates.is_empty() {
                    continue;
                }
                let paths = vars_file_paths(play, &candidates);
                let Some(path) = paths.iter().find(|path| path.exists()) else {
                    let searched: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
                    // ansible-core 2.19 goes on without a word.
                    let message = format!("vars file {} was not found", candidates.join(", "));
                    self.engine.warn(
                        Diagnostic::warning("vars-file-not-found", message)
                            .at(&attr.span)
                            .help(format!("searched: {}", searched.join(", "))),
                    );
                    continue;
                };
                if let Some(terms) = cache.get(path) {
                    found.push(terms.clone());
                    continue;
                }
                let loaded = self.load_vars_file(path)?;
                self.loader.put_back(loaded.warnings);
                let entries = loaded.node.as_map().unwrap_or_default().iter();
                let terms: Terms = entries
                    .map(|(key, node)| {
                        let name = Arc::from(py_str(&key.to_value()));
                        (name, self.engine.compile(node), Some(key.span.clone()))
                    })
                    .collect();
                self.store.warn_of_reserved(terms.places());
                let terms = Arc::new(terms);
                cache.insert(path.clone(), terms.clone());
                found.push(terms);
            }
            if let Ok(mut slot) = scope.vars_files.write() {
                slot.insert(Arc::from(host.as_str()), Arc::new(found));
            }
        }
        Ok(())
    }
}

/// What an entry of `vars_files` says; `None` where it depends on what is not there yet.
///
/// # Errors
/// It is no template.
fn vars_file_value(attr: &Attr, context: &Context) -> Result<Option<Value>, Diagnostic> {
    match context.render(&attr.term) {
        Err(error) if error.kind == TemplateErrorKind::Syntax => {
            let place = error.trace.first().unwrap_or(&attr.span);
            Err(Diagnostic::error("vars-files", &*error.message).at(place))
        }
        rendered => Ok(rendered.ok()),
    }
}

/// Where these files of `vars_files` may be.
fn vars_file_paths(play: &Play, names: &[String]) -> Vec<PathBuf> {
    let paths =
        names.iter().flat_map(|name| [play.directory.join("vars").join(name), play.directory.join(name)]);
    // Without a slash at the end, where a name is empty.
    paths.map(|path| path.components().collect()).collect()
}

/// The files of which an entry of `vars_files` means the first that is there.
///
/// # Errors
/// It is neither a text nor a list of texts (which nobody but an author can make it).
fn vars_file_names(attr: &Attr, value: &Value) -> Result<Vec<String>, Diagnostic> {
    let items = match value {
        Value::List(items) if attr.term.items().is_some() => items,
        Value::Null => return Ok(vec![]),
        other => std::slice::from_ref(other),
    };
    match items.iter().find(|item| item.as_str().is_none()) {
        Some(other) => {
            let text = format!("Invalid `vars_files` value of type '{}'.", other.type_name());
            let help = "A `vars_files` value should either be a string or list of strings.";
            Err(Diagnostic::error("vars-files-type", text).at(&attr.span).help(help))
        }
        None => Ok(items.iter().map(py_str).collect()),
    }
}
