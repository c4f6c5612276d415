//! What one host and task can see.

use super::store::{GATHERED, LOCAL_FACTS};
use super::{Found, FoundValue, HostVars, Layer, Layers, Magic, Origin, PlayHosts, Store, Terms, Visit};
use crate::diag::Span;
use crate::inventory::{Inventory, is_localhost};
use crate::template::{Scope, Term, Var};
use crate::value::{Map, Value};
use std::ops::ControlFlow;
use std::sync::{Arc, RwLock};

/// What a play adds, the same for all of its tasks.
pub struct PlayScope {
    pub name: String,
    /// `vars_prompt`.
    pub prompts: Terms,
    /// `vars_files` by host (their names may depend on the host).
    pub vars_files: RwLock<std::collections::HashMap<Arc<str>, VarsFiles>>,
    pub hosts: PlayHosts,
    pub role_names: RwLock<RoleNames>,
    /// Variables of the play's roles and of public includes, lowest first.
    pub exported: RwLock<Arc<Vec<Exported>>>,
    /// Keywords and variables of the play itself.
    pub layers: Arc<dyn Layers>,
}

impl PlayScope {
    /// A play of which nothing else is known: no hosts, no roles, no files.
    pub fn new(name: &str, layers: Arc<dyn Layers>) -> Self {
        Self {
            name: name.to_owned(),
            prompts: Terms::new(),
            vars_files: RwLock::default(),
            hosts: PlayHosts::new(&[], []),
            role_names: RwLock::default(),
            exported: RwLock::default(),
            layers,
        }
    }
}

/// One host's `vars_files`, in the order they are listed.
pub type VarsFiles = Arc<Vec<Arc<Terms>>>;

/// The names of a play's roles, those that came with includes last.
#[derive(Default)]
pub struct RoleNames {
    /// Those that the play and its tasks name.
    pub own: Vec<String>,
    /// Those that they depend on.
    pub dependent: Vec<String>,
}

/// A role whose variables the whole play sees.
#[derive(Clone)]
pub struct Exported {
    pub name: Arc<str>,
    pub vars: Terms,
    pub defaults: Terms,
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
    /// Those of [`CONNECTION`] of the host that the task is delegated to: they are the task's where its own host has none.
    pub delegate: Option<Arc<Map>>,
}

/// The variables of connections that a task knows in any case, each with its other name.
pub const CONNECTION: &[&[&str]] = &[
    &["ansible_connection"],
    &["ansible_host", "ansible_ssh_host"],
    &["ansible_port", "ansible_ssh_port"],
    &["ansible_user", "ansible_ssh_user"],
    &["ansible_password", "ansible_ssh_pass"],
    &["ansible_private_key_file", "ansible_ssh_private_key_file"],
    &["ansible_timeout", "ansible_ssh_timeout"],
    &["ansible_shell_type"],
    &["ansible_shell_executable"],
];

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
            delegate: None,
        }
    }

    pub(super) fn inventory<T>(&self, ask: impl FnOnce(&Inventory) -> T) -> Option<T> {
        self.store.inventory.read().ok().map(|inventory| ask(&inventory))
    }

    pub(super) fn all_hosts(&self) -> AllHosts {
        AllHosts { store: self.store.clone(), magic: self.magic.clone() }
    }

    /// Every value that the name has below the engine's own variables, the one that wins first.
    fn walk(&self, name: &str, visit: &mut Visit) -> ControlFlow<()> {
        self.walk_written(name, visit)?;
        // In a play, a task knows its connection, also where nobody wrote how to make it.
        if self.play.is_some()
            && let Some(names) = CONNECTION.iter().find(|names| names.contains(&name))
        {
            self.walk_connection(names, name, visit)?;
        }
        ControlFlow::Continue(())
    }

    fn walk_connection(&self, names: &[&str], name: &str, visit: &mut Visit) -> ControlFlow<()> {
        if let Some(delegate) = &self.delegate {
            return values(delegate, Layer::Implicit, name, visit);
        }
        for other in names.iter().filter(|other| **other != name) {
            values(&self.locals, Layer::Local, other, visit)?;
            self.walk_written(other, visit)?;
        }
        let first = names[0];
        if let Some(layers) = self.layers.as_deref() {
            layers.walk(Layer::Implicit, first, visit)?;
        }
        values(&self.magic.connection, Layer::Implicit, first, visit)?;
        if first == "ansible_host" {
            let host = FoundValue::Value(&Value::str(&self.host));
            visit(Found { layer: Layer::Implicit, owner: None, value: host, place: None })?;
        }
        ControlFlow::Continue(())
    }

    /// The same, where somebody wrote it or it was found out.
    fn walk_written(&self, name: &str, visit: &mut Visit) -> ControlFlow<()> {
        let layers = self.layers.as_deref();
        let layer = |layer, visit: &mut Visit| match layers {
            Some(layers) => layers.walk(layer, name, visit),
            None => ControlFlow::Continue(()),
        };
        terms(&self.store.extra, Layer::Extra, None, name, visit)?;
        layer(Layer::IncludeParams, visit)?;
        layer(Layer::RoleParams, visit)?;
        values(&self.vars.set, Layer::SetFacts, name, visit)?;
        terms(&self.vars.included, Layer::IncludeVars, None, name, visit)?;
        layer(Layer::Task, visit)?;
        layer(Layer::RoleVars, visit)?;
        self.walk_play(name, visit)?;
        if name == "ansible_facts" {
            // Unlike the engine's other names, anybody's of that name wins over it.
            let facts = Value::Map(self.vars.ansible_facts.clone());
            visit(Found { layer: Layer::Magic, owner: None, value: FoundValue::Value(&facts), place: None })?;
        }
        if name == LOCAL_FACTS && !self.store.inject_facts {
            let local = Value::str(LOCAL_FACTS);
            let local = self.vars.facts.get(&local).cloned().unwrap_or_else(|| Value::map(Map::new()));
            visit(Found { layer: Layer::Facts, owner: None, value: FoundValue::Value(&local), place: None })?;
        } else if name != GATHERED && self.store.inject_facts {
            values(&self.vars.facts, Layer::Facts, name, visit)?;
        }
        for one in self.vars.inventory.iter().rev() {
            terms(&one.terms, one.layer, Some(&one.owner), name, visit)?;
        }
        layer(Layer::RoleDefaults, visit)?;
        if let Some(exported) = self.exported() {
            for role in exported.iter().rev() {
                terms(&role.defaults, Layer::RoleDefaults, Some(&role.name), name, visit)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Layers 12 to 15: the play's, with the variables of its roles.
    fn walk_play(&self, name: &str, visit: &mut Visit) -> ControlFlow<()> {
        let Some(play) = self.play.as_ref() else {
            return match &self.layers {
                Some(layers) => layers.walk(Layer::Play, name, visit),
                None => ControlFlow::Continue(()),
            };
        };
        if let Some(exported) = self.exported() {
            for role in exported.iter().rev() {
                terms(&role.vars, Layer::RoleVars, Some(&role.name), name, visit)?;
            }
        }
        let files = play.vars_files.read().ok().and_then(|files| files.get(&self.host).cloned());
        for file in files.iter().flat_map(|files| files.iter().rev()) {
            terms(file, Layer::VarsFiles, None, name, visit)?;
        }
        terms(&play.prompts, Layer::Prompts, None, name, visit)?;
        self.layers.as_ref().unwrap_or(&play.layers).walk(Layer::Play, name, visit)
    }

    fn exported(&self) -> Option<Arc<Vec<Exported>>> {
        Some(self.play.as_ref()?.exported.read().ok()?.clone())
    }

    /// What the engine itself says of a name, which wins over everything anybody wrote.
    fn provided(&self, name: &str) -> Option<(Layer, Var)> {
        if let Some(value) = self.locals.get(name) {
            return Some((Layer::Local, Var::Value(value.clone())));
        }
        let magic = self.layers.as_deref().and_then(|layers| layers.magic(name)).map(Var::Value);
        magic.or_else(|| self.magic_var(name)).map(|var| (Layer::Magic, var))
    }

    /// All values of a name, the one that wins first. Two roads to one value (a role's variables are the task's and
    /// the play's) count once.
    pub fn origins(&self, name: &str) -> Vec<Origin> {
        let mut origins: Vec<Origin> = Vec::new();
        let mut adding = Adding::new(self.store.merge_hashes);
        if let Some((layer, var)) = self.provided(name) {
            origins.push(Origin { layer, owner: None, var, place: None, counts: true });
            adding.done = true;
        }
        let _ = self.walk(name, &mut |found| {
            let is_same = |origin: &Origin| {
                origin.layer == found.layer && origin.place.is_some() && origin.place.as_ref() == found.place
            };
            if !origins.iter().any(is_same) {
                origins.push(Origin {
                    layer: found.layer,
                    owner: found.owner.map(str::to_owned),
                    var: found.value.to_var(),
                    place: found.place.cloned(),
                    counts: adding.takes(found.layer, found.value.to_term().is_mapping()),
                });
            }
            ControlFlow::Continue(())
        });
        origins
    }
}

fn terms(vars: &Terms, layer: Layer, owner: Option<&str>, name: &str, visit: &mut Visit) -> ControlFlow<()> {
    match vars.get_with_place(name) {
        Some((term, place)) => visit(Found { layer, owner, value: FoundValue::Term(term), place }),
        None => ControlFlow::Continue(()),
    }
}

fn values(vars: &Map, layer: Layer, name: &str, visit: &mut Visit) -> ControlFlow<()> {
    match vars.get(name) {
        Some(value) => visit(Found { layer, owner: None, value: FoundValue::Value(value), place: None }),
        None => ControlFlow::Continue(()),
    }
}

/// Which of the values of a name count, told from the one that wins: the first alone, or with `hash_behaviour = merge`
/// all mappings until something else stands in the way.
struct Adding {
    merge: bool,
    last: Option<Layer>,
    done: bool,
}

impl Adding {
    fn new(merge: bool) -> Self {
        Self { merge, last: None, done: false }
    }

    fn takes(&mut self, layer: Layer, is_mapping: bool) -> bool {
        // Of a task, its blocks and what included them, the innermost counts alone.
        let layer = if layer == Layer::Block { Layer::Task } else { layer };
        if self.done || matches!(layer, Layer::Task | Layer::IncludeParams) && self.last == Some(layer) {
            return false;
        }
        let is_first = self.last.is_none();
        self.done = !(self.merge && is_mapping);
        self.last = Some(layer);
        is_first || is_mapping
    }

    fn flow(&self) -> ControlFlow<()> {
        if self.done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Scope for TaskScope {
    fn type_name(&self) -> &'static str {
        // What `hostvars` has knows no play.
        if self.play.is_none() { "HostVarsVars" } else { "dict" }
    }

    fn place(&self, name: &str) -> Option<Span> {
        if self.provided(name).is_some() {
            return None;
        }
        let mut place = None;
        let _ = self.walk(name, &mut |found| {
            place = found.place.cloned();
            ControlFlow::Break(())
        });
        place
    }

    fn get(&self, name: &str) -> Option<Var> {
        if let Some((_, var)) = self.provided(name) {
            return Some(var);
        }
        let mut adding = Adding::new(self.store.merge_hashes);
        let mut result: Option<Term> = None;
        let mut only = None;
        let _ = self.walk(name, &mut |found| {
            if !self.store.merge_hashes {
                only = Some(found.value.to_var());
                return ControlFlow::Break(());
            }
            let low = found.value.to_term();
            if adding.takes(found.layer, low.is_mapping()) {
                result = Some(match result.take() {
                    Some(high) => high.merged_over(&low),
                    None => low,
                });
            }
            adding.flow()
        });
        only.or(result.map(Var::Term))
    }

    fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.magic_names().map(Arc::from).collect();
        let keys = |map: &Map| map.keys().filter_map(Value::as_str).map(Arc::from).collect::<Vec<Arc<str>>>();
        names.extend(keys(&self.locals));
        names.extend(keys(&self.vars.set));
        match self.store.inject_facts {
            true => names.extend(keys(&self.vars.facts)),
            false => names.push(LOCAL_FACTS.into()),
        }
        names.extend(self.vars.included.keys().cloned());
        names.extend(self.vars.inventory.iter().flat_map(|layer| layer.terms.keys().cloned()));
        names.extend(self.store.extra.keys().cloned());
        if let Some(layers) = &self.layers {
            layers.names(&mut names);
        }
        if let Some(play) = &self.play {
            names.extend(play.prompts.keys().cloned());
            play.layers.names(&mut names);
            if let Some(files) = play.vars_files.read().ok().and_then(|files| files.get(&self.host).cloned())
            {
                names.extend(files.iter().flat_map(|file| file.keys().cloned()));
            }
            if let Ok(exported) = play.exported.read() {
                names.extend(
                    exported.iter().flat_map(|role| role.vars.keys().chain(role.defaults.keys()).cloned()),
                );
            }
        }
        names.retain(|name| !matches!(&**name, GATHERED | "ansible_search_path"));
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
    fn type_name(&self) -> &'static str {
        "HostVars"
    }

    fn get(&self, name: &str) -> Option<Var> {
        let known = self.store.inventory.read().ok()?.host(name).is_some();
        let host = match name {
            _ if known => name,
            // It is there without being named anywhere.
            _ if is_localhost(name) => "localhost",
            _ => return None,
        };
        Some(Var::Scope(Arc::new(TaskScope::host(&self.store, host, &self.magic))))
    }

    fn absent(&self, name: &str) -> Option<String> {
        Some(format!("hostvars['{name}']"))
    }

    fn names(&self) -> Vec<Arc<str>> {
        let inventory = self.store.inventory.read();
        inventory
            .map(|inventory| inventory.hosts().map(|host| Arc::from(host.name.as_ref())).collect())
            .unwrap_or_default()
    }
}
