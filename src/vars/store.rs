//! What is known of each host: inventory variables, facts, registered results.

use super::Terms;
use crate::diag::Diagnostic;
use crate::inventory::{Inventory, Vars};
use crate::source::Node;
use crate::source::yaml::Reader;
use crate::template::{Engine, Term};
use crate::value::{Map, Value};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

/// One host's variables.
#[derive(Clone, Default)]
pub struct HostVars {
    /// Inventory, group_vars and host_vars, weakest first.
    pub inventory: Arc<Vec<Arc<Terms>>>,
    /// Facts under the names the modules gave them (`ansible_os_family`).
    pub facts: Arc<Map>,
    /// The same as `ansible_facts` shows them (`os_family`).
    pub ansible_facts: Arc<Map>,
    /// `include_vars`.
    pub included: Arc<Terms>,
    /// `set_fact` and `register`.
    pub set: Arc<Map>,
}

/// A layer's variables as they were written, and compiled.
type Layer = (Arc<Vars>, Arc<Terms>);

/// The variables of all hosts, and those that are the same for all.
pub struct Store {
    pub engine: Arc<Engine>,
    pub inventory: Arc<RwLock<Inventory>>,
    /// `-e`.
    pub extra: Arc<Terms>,
    pub playbook_dir: RwLock<PathBuf>,
    hosts: RwLock<HashMap<Arc<str>, HostVars>>,
    problems: Mutex<Vec<Diagnostic>>,
    /// Compiled layers by the address of their variables.
    layers: RwLock<HashMap<usize, Layer>>,
    /// Dictionaries of several layers are merged (`hash_behaviour = merge`).
    pub merge_hashes: bool,
    /// Opens vaulted texts of the inventory.
    pub reader: Reader,
}

impl Store {
    pub fn new(engine: Arc<Engine>, inventory: Arc<RwLock<Inventory>>, extra: Terms) -> Self {
        Self {
            engine,
            inventory,
            extra: Arc::new(extra),
            playbook_dir: RwLock::default(),
            hosts: RwLock::default(),
            problems: Mutex::default(),
            layers: RwLock::default(),
            merge_hashes: false,
            reader: Reader::default(),
        }
    }

    /// A host's variables; cheap (shared) to clone.
    pub fn host(&self, name: &str) -> HostVars {
        if let Some(vars) = self.hosts.read().ok().and_then(|hosts| hosts.get(name).cloned()) {
            return vars;
        }
        let vars = HostVars { inventory: Arc::new(self.inventory_vars(name)), ..HostVars::default() };
        if let Ok(mut hosts) = self.hosts.write() {
            return hosts.entry(Arc::from(name)).or_insert(vars).clone();
        }
        vars
    }

    /// The node with its vaulted texts opened, where the passwords are known.
    fn revealed(&self, node: &Node) -> Node {
        let mut node = node.clone();
        self.reader.reveal(&mut node);
        node
    }

    fn problem(&self, problem: Diagnostic) {
        if let Ok(mut problems) = self.problems.lock()
            && !problems.contains(&problem)
        {
            problems.push(problem);
        }
    }

    /// What was wrong with variable files since the last call.
    pub fn take_problems(&self) -> Vec<Diagnostic> {
        self.problems.lock().map(|mut problems| std::mem::take(&mut *problems)).unwrap_or_default()
    }

    /// The layers of a host's inventory variables, weakest first. Layers of groups are compiled once for all hosts.
    fn inventory_vars(&self, name: &str) -> Vec<Arc<Terms>> {
        let directory = self.playbook_dir.read().map(|dir| dir.clone()).unwrap_or_default();
        let Ok(inventory) = self.inventory.read() else { return vec![] };
        let layers = match inventory.var_layers(name, Some(&directory)) {
            Ok(layers) => layers,
            Err(problem) => {
                self.problem(problem);
                return vec![];
            }
        };
        inventory.take_warnings().into_iter().for_each(|warning| self.problem(warning));
        if self.merge_hashes {
            return vec![Arc::new(self.compile(&inventory.merged(&layers)))];
        }
        layers.iter().map(|layer| self.layer(&layer.vars)).collect()
    }

    fn layer(&self, vars: &Arc<Vars>) -> Arc<Terms> {
        let key = Arc::as_ptr(vars) as usize;
        if let Some((_, terms)) = self.layers.read().ok().and_then(|layers| layers.get(&key).cloned()) {
            return terms;
        }
        let terms = Arc::new(self.compile(vars));
        if let Ok(mut layers) = self.layers.write() {
            // The variables are kept, so that no others can come to stand at their address.
            layers.insert(key, (vars.clone(), terms.clone()));
        }
        terms
    }

    fn compile(&self, vars: &Vars) -> Terms {
        vars.iter().map(|(name, node)| (name.clone(), self.engine.compile(&self.revealed(node)))).collect()
    }

    fn change(&self, host: &str, change: impl FnOnce(&mut HostVars)) {
        let mut vars = self.host(host);
        change(&mut vars);
        if let Ok(mut hosts) = self.hosts.write() {
            hosts.insert(Arc::from(host), vars);
        }
    }

    /// Adds facts, as a module returned them.
    pub fn add_facts(&self, host: &str, facts: &Map) {
        self.change(host, |vars| {
            let raw = Arc::make_mut(&mut vars.facts);
            for (key, value) in facts {
                raw.insert(key.clone(), value.clone());
            }
            let view = Arc::make_mut(&mut vars.ansible_facts);
            for (key, value) in facts {
                view.insert(strip_prefix(key), value.clone());
            }
        });
    }

    /// `set_fact` and `register`.
    pub fn set(&self, host: &str, name: &str, value: Value) {
        self.change(host, |vars| {
            Arc::make_mut(&mut vars.set).insert(Value::str(name), value);
        });
    }

    /// `include_vars`.
    pub fn include(&self, host: &str, terms: &[(Arc<str>, Term)]) {
        self.change(host, |vars| {
            let included = Arc::make_mut(&mut vars.included);
            for (name, term) in terms {
                included.insert(name.clone(), term.clone());
            }
        });
    }

    /// `meta: clear_facts`.
    pub fn clear_facts(&self, host: &str) {
        self.change(host, |vars| {
            vars.facts = Arc::default();
            vars.ansible_facts = Arc::default();
        });
    }

    /// After the inventory changed: its variables are read again.
    pub fn refresh(&self, host: &str) {
        let fresh = Arc::new(self.inventory_vars(host));
        self.change(host, |vars| vars.inventory = fresh);
    }

    /// After `refresh_inventory`: all of them.
    pub fn refresh_all(&self) {
        let names: Vec<Arc<str>> =
            self.hosts.read().map(|hosts| hosts.keys().cloned().collect()).unwrap_or_default();
        names.iter().for_each(|name| self.refresh(name));
    }
}

/// A fact's name in `ansible_facts`.
pub fn strip_prefix(key: &Value) -> Value {
    match key.as_str().and_then(|name| name.strip_prefix("ansible_")) {
        // `ansible_local` keeps its name in both places, as Ansible has it.
        Some(name) if name != "local" => Value::str(name),
        Some(_) => Value::str("ansible_local"),
        None => key.clone(),
    }
}
