//! What is known of each host: inventory variables, facts, registered results.

use super::restricted::is_restricted;
use super::{FactCache, Layer, Terms, reserved};
use crate::diag::{Diagnostic, Span};
use crate::inventory::{Inventory, LayerOf, VarLayer, Vars};
use crate::source::Node;
use crate::source::yaml::Reader;
use crate::template::Engine;
use crate::value::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

/// One host's variables.
#[derive(Clone, Default)]
pub struct HostVars {
    /// Inventory, group_vars and host_vars, weakest first.
    pub inventory: Arc<Vec<InventoryLayer>>,
    /// Facts under the names the modules gave them (`ansible_os_family`).
    pub facts: Arc<Map>,
    /// The same as `ansible_facts` shows them (`os_family`).
    pub ansible_facts: Arc<Map>,
    /// `include_vars`.
    pub included: Arc<Terms>,
    /// `set_fact` and `register`.
    pub set: Arc<Map>,
}

/// The fact that says that a play gathered the others.
pub(super) const GATHERED: &str = "_ansible_facts_gathered";

/// The fact that is a variable, and be it an empty one, even where the others are not.
pub(super) const LOCAL_FACTS: &str = "ansible_local";

impl HostVars {
    fn add_facts(&mut self, facts: &Map) {
        let raw = Arc::make_mut(&mut self.facts);
        let restricted = |key: &Value| key.as_str().is_some_and(is_restricted);
        for (key, value) in facts.iter().filter(|(key, _)| !restricted(key)) {
            raw.insert(key.clone(), value.clone());
        }
        let view = Arc::make_mut(&mut self.ansible_facts);
        for (key, value) in facts {
            view.insert(strip_prefix(key), value.clone());
        }
    }
}

/// Variables of the inventory from one place; shared by all hosts that have them.
#[derive(Clone)]
pub struct InventoryLayer {
    pub layer: Layer,
    /// The group or host.
    pub owner: Arc<str>,
    pub terms: Arc<Terms>,
}

/// Variables as they were written, and compiled.
type Compiled = (Arc<Vars>, Arc<Terms>);

/// The variables of all hosts, and those that are the same for all.
pub struct Store {
    pub engine: Arc<Engine>,
    pub inventory: Arc<RwLock<Inventory>>,
    /// `-e`.
    pub extra: Arc<Terms>,
    pub playbook_dir: RwLock<PathBuf>,
    hosts: RwLock<HashMap<Arc<str>, HostVars>>,
    problems: Mutex<Vec<Diagnostic>>,
    /// Warnings about reserved names that were given.
    reserved: Mutex<HashSet<String>>,
    /// Compiled layers by the address of their variables.
    layers: RwLock<HashMap<usize, Compiled>>,
    /// Dictionaries of several layers are merged (`hash_behaviour = merge`).
    pub merge_hashes: bool,
    /// Facts are variables, too, not only members of `ansible_facts` (`inject_facts_as_vars`).
    pub inject_facts: bool,
    /// Where facts are kept between runs.
    pub cache: Option<FactCache>,
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
            reserved: Mutex::default(),
            layers: RwLock::default(),
            merge_hashes: false,
            inject_facts: true,
            cache: None,
            reader: Reader::default(),
        }
    }

    /// A host's variables; cheap (shared) to clone.
    pub fn host(&self, name: &str) -> HostVars {
        if let Some(vars) = self.hosts.read().ok().and_then(|hosts| hosts.get(name).cloned()) {
            return vars;
        }
        let mut vars = HostVars { inventory: Arc::new(self.inventory_vars(name)), ..HostVars::default() };
        match self.cache.as_ref().map(|cache| cache.load(name)) {
            Some(Ok(Some(facts))) => vars.add_facts(&facts),
            Some(Err(problem)) => self.problem(problem),
            _ => {}
        }
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
    fn inventory_vars(&self, name: &str) -> Vec<InventoryLayer> {
        // Where there is no host, what the inventory says of all of them may be wrong for some.
        if name.is_empty() {
            return vec![];
        }
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
        layers
            .iter()
            .map(|one| {
                let (layer, owner) = place_of(one);
                InventoryLayer { layer, owner, terms: self.layer(&one.vars) }
            })
            .collect()
    }

    fn layer(&self, vars: &Arc<Vars>) -> Arc<Terms> {
        let key = Arc::as_ptr(vars) as usize;
        if let Some((_, terms)) = self.layers.read().ok().and_then(|layers| layers.get(&key).cloned()) {
            return terms;
        }
        let terms = Arc::new(self.compile(vars));
        self.warn_of_reserved(terms.reserved());
        if let Ok(mut layers) = self.layers.write() {
            // The variables are kept, so that no others can come to stand at their address.
            layers.insert(key, (vars.clone(), terms.clone()));
        }
        terms
    }

    fn compile(&self, vars: &Vars) -> Terms {
        vars.iter()
            .map(|(name, node)| {
                (name.clone(), self.engine.compile(&self.revealed(node)), Some(node.span.clone()))
            })
            .collect()
    }

    /// Changes a host's variables in place: a map is copied only while a task still looks at it.
    fn change(&self, host: &str, change: impl FnOnce(&mut HostVars)) {
        // Makes them where they are missing, without the lock that is taken below.
        drop(self.host(host));
        if let Ok(mut hosts) = self.hosts.write()
            && let Some(vars) = hosts.get_mut(host)
        {
            change(vars);
        }
    }

    /// Adds facts, as a module returned them. Those that say how a host is reached are no variables.
    pub fn add_facts(&self, host: &str, facts: &Map) {
        self.change(host, |vars| vars.add_facts(facts));
        if let Some(cache) = &self.cache
            && let Err(problem) = cache.store(host, &self.host(host).facts)
        {
            self.problem(problem);
        }
    }

    /// Whether a play has gathered the host's facts, in this run or in one that the cache remembers.
    pub fn has_facts(&self, host: &str) -> bool {
        self.host(host).facts.contains_key(GATHERED)
    }

    /// `set_fact` and `register`.
    pub fn set(&self, host: &str, name: &str, value: Value) {
        self.change(host, |vars| {
            Arc::make_mut(&mut vars.set).insert(Value::str(name), value);
        });
    }

    /// `include_vars`.
    pub fn include(&self, host: &str, terms: &Terms) {
        self.change(host, |vars| {
            let included = Arc::make_mut(&mut vars.included);
            if self.merge_hashes {
                included.merge(terms);
            } else {
                included.extend(terms);
            }
        });
    }

    /// What is to be said of names that variables should not have, once per place.
    pub fn reserved<'n>(&self, names: impl Iterator<Item = (&'n str, Option<&'n Span>)>) -> Vec<Diagnostic> {
        let warnings = names.filter_map(|(name, place)| reserved(name, place));
        let is_new = |warning: &Diagnostic| {
            let told = format!("{}{:?}", warning.summary, warning.span);
            self.reserved.lock().is_ok_and(|mut seen| seen.insert(told))
        };
        warnings.filter(is_new).collect()
    }

    /// Tells of names that variables should not have.
    pub fn warn_of_reserved<'n>(&self, names: impl Iterator<Item = (&'n str, Option<&'n Span>)>) {
        self.reserved(names).into_iter().for_each(|warning| self.problem(warning));
    }

    /// `meta: clear_facts`.
    pub fn clear_facts(&self, host: &str) {
        self.change(host, |vars| {
            vars.facts = Arc::default();
            vars.ansible_facts = Arc::default();
        });
        if let Some(cache) = &self.cache {
            cache.forget(host);
        }
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

fn place_of(one: &VarLayer) -> (Layer, Arc<str>) {
    let beside_playbook = one.beside_playbook;
    match (&one.of, &one.file) {
        (LayerOf::Host(name), None) => (Layer::InventoryHost, name.clone()),
        (LayerOf::Host(name), Some(_)) if beside_playbook => (Layer::PlaybookHostFiles, name.clone()),
        (LayerOf::Host(name), Some(_)) => (Layer::InventoryHostFiles, name.clone()),
        (LayerOf::Group(name), None) => (Layer::InventoryGroup, name.clone()),
        (LayerOf::Group(name), Some(_)) => {
            let layer = match (&**name == "all", beside_playbook) {
                (true, true) => Layer::PlaybookAllFiles,
                (true, false) => Layer::InventoryAllFiles,
                (false, true) => Layer::PlaybookGroupFiles,
                (false, false) => Layer::InventoryGroupFiles,
            };
            (layer, name.clone())
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Settings;
    use crate::vars::{Magic, TaskScope};
    use std::fmt::Write;

    /// What the process holds, in bytes.
    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
        let pages = text.split_whitespace().nth(1).and_then(|word| word.parse::<usize>().ok());
        pages.expect("a number") * 4096
    }

    #[test]
    fn ten_thousand_variables_are_not_copied_for_a_thousand_hosts() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut vars = String::new();
        for number in 0..10_000 {
            writeln!(
                vars,
                "variable_{number}: {{text: 'value {number}', lazy: '{{{{ variable_0.text }}}}'}}"
            )
            .expect("strings take all");
        }
        std::fs::create_dir(folder.path().join("group_vars")).expect("a folder");
        std::fs::write(folder.path().join("group_vars/all.yml"), vars).expect("written");
        std::fs::write(folder.path().join("hosts"), "[all]\nh[0001:1000]\n").expect("written");
        let source = folder.path().join("hosts").to_string_lossy().into_owned();
        let (inventory, _) = crate::inventory::load(&[source], &Settings::defaults()).expect("loads");
        let store = Arc::new(Store::new(Engine::new(), Arc::new(RwLock::new(inventory)), Terms::new()));
        let magic = Arc::new(Magic::default());
        let empty = resident();
        let first = TaskScope::host(&store, "h0001", &magic);
        let one_copy = resident().saturating_sub(empty);
        let before = resident();
        let mut scopes = Vec::new();
        for number in 1..=1000 {
            let host = format!("h{number:04}");
            store.set(&host, "registered", Value::from(number));
            for _task in 0..20 {
                scopes.push(TaskScope::host(&store, &host, &magic));
            }
        }
        let last = scopes.last().expect("there are some");
        for (mine, theirs) in first.vars.inventory.iter().zip(last.vars.inventory.iter()) {
            assert!(Arc::ptr_eq(&mine.terms, &theirs.terms), "{:?} is shared", mine.layer);
        }
        assert_eq!(first.vars.inventory.iter().map(|layer| layer.terms.len()).sum::<usize>(), 10_000);
        let grown = resident().saturating_sub(before);
        println!("the variables: {one_copy} bytes; 20,000 views of 1,000 hosts: {grown} bytes more");
        // Copies would be a thousand times the variables; what hosts and tasks need of their own is small.
        assert!(grown < 200_000_000, "{grown} bytes more");
    }
}
