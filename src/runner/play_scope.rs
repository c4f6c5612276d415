//! What a play adds to the variables of its hosts.

use super::shared::Shared;
use crate::diag::Diagnostic;
use crate::playbook::{Play, Role};
use crate::template::{Context, LookupEnv, TemplateErrorKind};
use crate::value::{Value, py_str};
use crate::vars::{Exported, PlayHosts, PlayScope, RoleNames, TaskScope, Terms};
use std::collections::HashMap;
use std::path::PathBuf;
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
                let value = match context.render(&attr.term) {
                    Ok(value) => value,
                    Err(error) if error.kind == TemplateErrorKind::Syntax => {
                        let place = error.trace.first().unwrap_or(&attr.span);
                        return Err(Diagnostic::error("vars-files", &*error.message).at(place));
                    }
                    // It may depend on facts that are not there yet.
                    Err(_) => {
                        let text = "skipping vars_files item due to an undefined variable";
                        self.engine.warn(Diagnostic::warning("vars-files", text).at(&attr.span));
                        continue;
                    }
                };
                let items = match &value {
                    Value::List(items) => items.to_vec(),
                    Value::Null => continue,
                    other => vec![other.clone()],
                };
                if let Some(other) = items.iter().find(|item| item.as_str().is_none()) {
                    let text = format!("Invalid `vars_files` value of type '{}'.", other.type_name());
                    return Err(Diagnostic::error("vars-files-type", text).at(&attr.span));
                }
                let candidates: Vec<String> = items.iter().map(py_str).collect();
                let paths: Vec<_> = candidates
                    .iter()
                    .flat_map(|name| [play.directory.join("vars").join(name), play.directory.join(name)])
                    .collect();
                let Some(path) = paths.iter().find(|path| path.is_file()) else {
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
                let loaded = self.loader.read_vars(path).map_err(|problem| {
                    let why = problem.summary.trim_end_matches(&format!(" for {}", path.display()));
                    let summary = format!("Invalid vars_files file '{}': {why}", path.display());
                    Diagnostic { summary, ..problem }
                })?;
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
