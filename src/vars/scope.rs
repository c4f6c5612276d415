//! What one host and task can see.

use super::{HostVars, Layers, Magic, Store, Terms, magic};
use crate::inventory::Inventory;
use crate::template::{Scope, Term, Var};
use crate::value::{Map, Value};
use std::sync::{Arc, RwLock};

/// What a play adds, the same for all of its tasks.
pub struct PlayScope {
    pub name: String,
    /// `vars_prompt`.
    pub prompts: Map,
    /// `vars_files` by host (their names may depend on the host).
    pub vars_files: RwLock<std::collections::HashMap<Arc<str>, Arc<Terms>>>,
    pub all_hosts: Arc<Vec<String>>,
    pub batch: RwLock<Arc<Vec<String>>>,
    /// Hosts that failed or could not be reached.
    pub gone: RwLock<std::collections::HashSet<String>>,
    pub role_names: Vec<String>,
    pub dependent_role_names: Vec<String>,
    /// Variables of the play's roles and of public includes, lowest first.
    pub exported: RwLock<Arc<Vec<Exported>>>,
    /// Keywords and variables of the play itself.
    pub layers: Arc<dyn Layers>,
}

/// A role whose variables the whole play sees.
pub struct Exported {
    pub vars: Terms,
    pub defaults: Terms,
}

impl PlayScope {
    /// Hosts of the play that are still in it.
    pub fn live_hosts(&self) -> Vec<String> {
        self.without_gone(&self.all_hosts)
    }

    /// Hosts of the batch that are still in it.
    pub fn live_batch(&self) -> Vec<String> {
        self.batch.read().map(|batch| self.without_gone(&batch)).unwrap_or_default()
    }

    fn without_gone(&self, hosts: &[String]) -> Vec<String> {
        match self.gone.read() {
            Ok(gone) => hosts.iter().filter(|host| !gone.contains(*host)).cloned().collect(),
            Err(_) => hosts.to_vec(),
        }
    }
}

/// One host's view, of a task or (in `hostvars`) of none.
#[derive(Clone)]
pub struct TaskScope {
    pub store: Arc<Store>,
    pub host: Arc<str>,
    pub vars: HostVars,
    pub magic: Arc<Magic>,
    pub play: Option<Arc<PlayScope>>,
    pub layers: Option<Arc<dyn Layers>>,
    /// `item` and the like: they win over everything.
    pub locals: Arc<Map>,
    /// The task's own `check_mode`.
    pub check_mode: Option<bool>,
}

impl TaskScope {
    /// A host outside any play.
    pub fn host(store: &Arc<Store>, host: &str, magic: &Arc<Magic>) -> Self {
        Self {
            store: store.clone(),
            host: Arc::from(host),
            vars: store.host(host),
            magic: magic.clone(),
            play: None,
            layers: None,
            locals: Arc::default(),
            check_mode: None,
        }
    }

    pub(super) fn inventory<T>(&self, ask: impl FnOnce(&Inventory) -> T) -> Option<T> {
        self.store.inventory.read().ok().map(|inventory| ask(&inventory))
    }

    pub(super) fn all_hosts(&self) -> AllHosts {
        AllHosts { store: self.store.clone(), magic: self.magic.clone() }
    }

    fn layer(&self, ask: impl Fn(&dyn Layers) -> Option<Term>) -> Option<Var> {
        self.layers.as_deref().and_then(ask).map(Var::Term)
    }

    /// Layers 12 to 14 and 15: the play's.
    fn of_play(&self, name: &str) -> Option<Var> {
        let Some(play) = self.play.as_ref() else {
            return self.layer(|layers| layers.play_vars(name));
        };
        if let Some(exported) = play.exported.read().ok()
            && let Some(term) = exported.iter().rev().find_map(|role| role.vars.get(name))
        {
            return Some(Var::Term(term.clone()));
        }
        if let Some(files) = play.vars_files.read().ok().and_then(|files| files.get(&self.host).cloned())
            && let Some(term) = files.get(name)
        {
            return Some(Var::Term(term.clone()));
        }
        if let Some(value) = play.prompts.get(name) {
            return Some(Var::Value(value.clone()));
        }
        let layers = self.layers.as_ref().unwrap_or(&play.layers);
        layers.play_vars(name).map(Var::Term)
    }

    /// Facts: under `ansible_NAME` as they came.
    fn fact(&self, name: &str) -> Option<Var> {
        self.vars.facts.get(name).cloned().map(Var::Value)
    }

    fn exported_default(&self, name: &str) -> Option<Var> {
        let exported = self.play.as_ref()?.exported.read().ok()?.clone();
        exported.iter().rev().find_map(|role| role.defaults.get(name)).cloned().map(Var::Term)
    }
}

impl Scope for TaskScope {
    fn get(&self, name: &str) -> Option<Var> {
        if let Some(value) = self.locals.get(name) {
            return Some(Var::Value(value.clone()));
        }
        if let Some(value) = self.layers.as_deref().and_then(|layers| layers.magic(name)) {
            return Some(Var::Value(value));
        }
        if let Some(found) = self.magic_var(name) {
            return Some(found);
        }
        if let Some(term) = self.store.extra.get(name) {
            return Some(Var::Term(term.clone()));
        }
        self.layer(|layers| layers.include_params(name))
            .or_else(|| self.layer(|layers| layers.role_params(name)))
            .or_else(|| self.vars.set.get(name).cloned().map(Var::Value))
            .or_else(|| self.vars.included.get(name).cloned().map(Var::Term))
            .or_else(|| self.layer(|layers| layers.task_vars(name)))
            .or_else(|| self.layer(|layers| layers.role_vars(name)))
            .or_else(|| self.of_play(name))
            .or_else(|| self.fact(name))
            .or_else(|| {
                self.vars.inventory.iter().rev().find_map(|layer| layer.get(name)).cloned().map(Var::Term)
            })
            .or_else(|| self.layer(|layers| layers.role_defaults(name)))
            .or_else(|| self.exported_default(name))
            .or_else(|| (name == "ansible_host").then(|| Var::Value(Value::str(&self.host))))
    }

    fn names(&self) -> Vec<Arc<str>> {
        // What is a view of all variables is not one of them, or nobody could print them.
        let views =
            |name: &str| name == "vars" || name == "omit" || name == "hostvars" && self.play.is_none();
        let magic = magic::NAMES.iter().filter(|name| !views(name));
        let mut names: Vec<Arc<str>> = magic.map(|name| Arc::from(*name)).collect();
        let keys = |map: &Map| map.keys().filter_map(Value::as_str).map(Arc::from).collect::<Vec<Arc<str>>>();
        names.extend(keys(&self.locals));
        names.extend(keys(&self.vars.set));
        names.extend(keys(&self.vars.facts));
        names.extend(self.vars.included.keys().cloned());
        names.extend(self.vars.inventory.iter().flat_map(|layer| layer.keys().cloned()));
        names.extend(self.store.extra.keys().cloned());
        if let Some(layers) = &self.layers {
            layers.names(&mut names);
        }
        if let Some(play) = &self.play {
            names.extend(keys(&play.prompts));
            play.layers.names(&mut names);
            if let Some(files) = play.vars_files.read().ok().and_then(|files| files.get(&self.host).cloned())
            {
                names.extend(files.keys().cloned());
            }
            if let Ok(exported) = play.exported.read() {
                names.extend(
                    exported.iter().flat_map(|role| role.vars.keys().chain(role.defaults.keys()).cloned()),
                );
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// `hostvars`: a host's name to its variables.
pub(super) struct AllHosts {
    store: Arc<Store>,
    magic: Arc<Magic>,
}

impl Scope for AllHosts {
    fn get(&self, name: &str) -> Option<Var> {
        let known = self.store.inventory.read().ok()?.host(name).is_some();
        known.then(|| Var::Scope(Arc::new(TaskScope::host(&self.store, name, &self.magic))))
    }

    fn names(&self) -> Vec<Arc<str>> {
        let inventory = self.store.inventory.read();
        inventory
            .map(|inventory| inventory.hosts().map(|host| Arc::from(host.name.as_ref())).collect())
            .unwrap_or_default()
    }
}
