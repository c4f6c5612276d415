//! What a play adds to the variables of its hosts.

use super::shared::Shared;
use crate::diag::Diagnostic;
use crate::playbook::{Play, Role, exported};
use crate::template::{Context, LookupEnv};
use crate::vars::{Exported, PlayHosts, PlayScope, RoleNames, TaskScope, Terms};
use std::sync::{Arc, RwLock};

/// A play's own variables and those of its roles; `vars_files` are read by [`Shared::read_vars_files`].
pub fn play_scope(play: &Play, name: &str, prompts: Terms, hosts: &[String]) -> PlayScope {
    PlayScope {
        prompts,
        hosts: PlayHosts::new(hosts, []),
        role_names: RwLock::new(role_names(play.roles.iter())),
        exported: RwLock::new(Arc::new(exported_by(play))),
        ..PlayScope::new(name, play.level.clone())
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

    /// What a play's keywords are rendered in while nothing is known of its hosts.
    ///
    /// # Errors
    /// An entry of `vars_files` that names no file, or a file that cannot be read.
    pub fn known_context(&self, play: &Arc<Play>) -> Result<Context, Diagnostic> {
        let scope = self.known_scope(play, Terms::new())?;
        Ok(self.play_context(play, Some(&scope), ""))
    }

    /// The scope of a play of whose hosts nothing is known.
    ///
    /// # Errors
    /// As [`Shared::known_context`].
    pub fn known_scope(&self, play: &Arc<Play>, prompts: Terms) -> Result<Arc<PlayScope>, Diagnostic> {
        let scope = Arc::new(play_scope(play, "", prompts, &[]));
        self.loader.run_play(play, &scope)?;
        Ok(scope)
    }

    /// Reads `vars_files` for each host, since names may hold its variables.
    ///
    /// # Errors
    /// A file that is not there or cannot be read.
    pub fn read_vars_files(
        &self,
        play: &Arc<Play>,
        scope: &Arc<PlayScope>,
        hosts: &[String],
    ) -> Result<(), Diagnostic> {
        let context = |host: &str| self.play_context(play, Some(scope), host);
        self.loader.read_vars_files(play, scope, hosts, &context)
    }
}
