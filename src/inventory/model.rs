//! Hosts and groups, by number; names only at the edges.

use super::files::VarsFiles;
use crate::source::{Node, NodeKind};
use crate::value::Value;
use indexmap::IndexMap;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Variables in the order they were first set.
pub type Vars = IndexMap<Arc<str>, Node>;

/// A managed machine.
#[derive(Clone, Debug)]
pub struct Host {
    pub name: Arc<str>,
    /// `localhost`, made because a pattern named it and the inventory has none. No member of `all`.
    pub implicit: bool,
    /// The file it was first seen in; the text itself for `-i a,b`.
    pub inventory_file: Option<Arc<str>>,
    /// That file's folder.
    pub inventory_dir: Option<Arc<str>>,
    pub(super) vars: Arc<Vars>,
    /// Direct membership.
    pub(super) groups: Vec<usize>,
}

impl Host {
    /// Variables from the inventory sources themselves (not from `host_vars`).
    pub fn vars(&self) -> &Arc<Vars> {
        &self.vars
    }
}

/// A named set of hosts, and of other groups.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: Arc<str>,
    /// The longest way down from `all`, which decides whose variables win.
    pub depth: u32,
    /// `ansible_group_priority`: decides between groups of one depth.
    pub priority: i64,
    pub(super) vars: Arc<Vars>,
    pub(super) hosts: Vec<usize>,
    pub(super) children: Vec<usize>,
    pub(super) parents: Vec<usize>,
}

impl Group {
    /// Variables from the inventory sources themselves (not from `group_vars`).
    pub fn vars(&self) -> &Arc<Vars> {
        &self.vars
    }
}

pub(super) const ALL: usize = 0;
pub(super) const UNGROUPED: usize = 1;

/// What every task of every host may ask for: made when first asked, and again after a change of membership.
#[derive(Clone, Debug, Default)]
pub(super) struct Views {
    host_names: OnceLock<Arc<Vec<String>>>,
    groups: OnceLock<Value>,
}

/// Every host and group, immutable in use except for what `add_host` and `group_by` do.
#[derive(Clone, Debug)]
pub struct Inventory {
    pub(super) hosts: Vec<Host>,
    pub(super) host_index: HashMap<Arc<str>, usize>,
    pub(super) groups: Vec<Group>,
    pub(super) group_index: HashMap<Arc<str>, usize>,
    /// Where `group_vars` and `host_vars` are looked for, one per source, in order.
    pub(super) source_dirs: Vec<PathBuf>,
    pub(super) files: Arc<VarsFiles>,
    /// `hash_behaviour = merge`.
    pub(super) merge_hashes: bool,
    pub(super) precedence: Vec<String>,
    pub(super) mismatch: super::pattern::Mismatch,
    pub(super) views: Views,
    /// How the sources were read.
    pub(super) remarks: Vec<String>,
}

impl Default for Inventory {
    fn default() -> Self {
        let mut inventory = Self {
            hosts: Vec::new(),
            host_index: HashMap::new(),
            groups: Vec::new(),
            group_index: HashMap::new(),
            source_dirs: Vec::new(),
            files: Arc::default(),
            merge_hashes: false,
            precedence: super::layers::DEFAULT_PRECEDENCE.iter().map(|&step| step.to_owned()).collect(),
            mismatch: super::pattern::Mismatch::Warning,
            views: Views::default(),
            remarks: Vec::new(),
        };
        inventory.group_id("all");
        inventory.group_id("ungrouped");
        inventory.link(ALL, UNGROUPED);
        inventory
    }
}

impl Inventory {
    /// How the sources were read, a sentence each, for who wants to know everything.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// All hosts but an implicit localhost, in the order of the inventory: that of the pattern `all`.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.members(ALL).into_iter().map(|id| &self.hosts[id])
    }

    pub fn host(&self, name: &str) -> Option<&Host> {
        self.host_index.get(name).map(|id| &self.hosts[*id])
    }

    pub fn group(&self, name: &str) -> Option<&Group> {
        self.group_index.get(name).map(|id| &self.groups[*id])
    }

    /// All groups in the order they were defined; `all` and `ungrouped` first.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// The groups a host is in, at any depth, sorted by name and without `all`: `group_names`.
    pub fn groups_of(&self, host: &str) -> Vec<&Group> {
        let Some(&id) = self.host_index.get(host) else { return Vec::new() };
        let mut groups: Vec<&Group> =
            self.ancestors(id).into_iter().filter(|id| *id != ALL).map(|id| &self.groups[id]).collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        groups
    }

    /// The magic variable `groups`: every group's hosts at any depth.
    pub fn groups_map(&self) -> Value {
        let names = |id| {
            Value::list(
                self.members(id).into_iter().map(|id| Value::Str(self.hosts[id].name.clone())).collect(),
            )
        };
        let make = || {
            Value::object(self.groups.iter().enumerate().map(|(id, group)| (group.name.as_ref(), names(id))))
        };
        self.views.groups.get_or_init(make).clone()
    }

    /// The names of [`Inventory::hosts`].
    pub fn host_names(&self) -> Arc<Vec<String>> {
        let make = || Arc::new(self.hosts().map(|host| host.name.to_string()).collect());
        self.views.host_names.get_or_init(make).clone()
    }

    /// The names of a group's hosts at any depth.
    pub fn hosts_of(&self, group: &str) -> Vec<Arc<str>> {
        let Some(&id) = self.group_index.get(group) else { return Vec::new() };
        self.members(id).into_iter().map(|id| self.hosts[id].name.clone()).collect()
    }

    /// The names of a group's own hosts and of its child groups.
    pub fn direct(&self, group: &Group) -> (Vec<&Host>, Vec<&Group>) {
        (
            group.hosts.iter().map(|id| &self.hosts[*id]).collect(),
            group.children.iter().map(|id| &self.groups[*id]).collect(),
        )
    }

    /// Hosts of a group and of those below it, each once, nearer groups first.
    pub(super) fn members(&self, group: usize) -> Vec<usize> {
        let mut order = vec![group];
        let mut seen = vec![false; self.groups.len()];
        seen[group] = true;
        let mut next = 0;
        while next < order.len() {
            for &child in &self.groups[order[next]].children {
                if !std::mem::replace(&mut seen[child], true) {
                    order.push(child);
                }
            }
            next += 1;
        }
        let mut taken = vec![false; self.hosts.len()];
        let mut hosts = Vec::new();
        for group in order {
            for &host in &self.groups[group].hosts {
                if !std::mem::replace(&mut taken[host], true) {
                    hosts.push(host);
                }
            }
        }
        hosts
    }

    /// Every group a host is in, at any depth, `all` included (unless it is implicit), in the order in which
    /// their variables apply: by depth, then priority, then name.
    pub(super) fn ancestors(&self, host: usize) -> Vec<usize> {
        let mut found = self.hosts[host].groups.clone();
        if !self.hosts[host].implicit && !found.contains(&ALL) {
            found.push(ALL);
        }
        let mut next = 0;
        while next < found.len() {
            for &parent in &self.groups[found[next]].parents {
                if !found.contains(&parent) {
                    found.push(parent);
                }
            }
            next += 1;
        }
        found.sort_by(|a, b| {
            let (a, b) = (&self.groups[*a], &self.groups[*b]);
            (a.depth, a.priority, &a.name).cmp(&(b.depth, b.priority, &b.name))
        });
        found
    }

    pub(super) fn host_id(&mut self, name: &str) -> usize {
        if let Some(&id) = self.host_index.get(name) {
            return id;
        }
        let name: Arc<str> = name.into();
        self.host_index.insert(name.clone(), self.hosts.len());
        self.hosts.push(Host {
            name,
            implicit: false,
            inventory_file: None,
            inventory_dir: None,
            vars: Arc::default(),
            groups: Vec::new(),
        });
        self.hosts.len() - 1
    }

    pub(super) fn group_id(&mut self, name: &str) -> usize {
        if let Some(&id) = self.group_index.get(name) {
            return id;
        }
        let name: Arc<str> = name.into();
        self.views = Views::default();
        self.group_index.insert(name.clone(), self.groups.len());
        self.groups.push(Group {
            name,
            depth: 0,
            priority: 1,
            vars: Arc::default(),
            hosts: Vec::new(),
            children: Vec::new(),
            parents: Vec::new(),
        });
        self.groups.len() - 1
    }

    /// Puts a host into a group.
    pub(super) fn enlist(&mut self, group: usize, host: usize) {
        self.views = Views::default();
        if !self.hosts[host].groups.contains(&group) {
            self.hosts[host].groups.push(group);
            self.groups[group].hosts.push(host);
        }
    }

    fn dismiss(&mut self, group: usize, host: usize) {
        self.views = Views::default();
        self.hosts[host].groups.retain(|id| *id != group);
        self.groups[group].hosts.retain(|id| *id != host);
    }

    /// Makes `child` a child of `parent`, unless that would be a loop.
    pub(super) fn link(&mut self, parent: usize, child: usize) -> bool {
        if self.groups[parent].children.contains(&child) {
            return true;
        }
        if parent == child || self.is_below(child, parent) {
            return false;
        }
        self.views = Views::default();
        self.groups[parent].children.push(child);
        self.groups[child].parents.push(parent);
        self.deepen(child, self.groups[parent].depth + 1);
        true
    }

    fn deepen(&mut self, group: usize, depth: u32) {
        let mut work = vec![(group, depth)];
        while let Some((id, depth)) = work.pop() {
            if self.groups[id].depth < depth {
                self.groups[id].depth = depth;
                work.extend(self.groups[id].children.iter().map(|child| (*child, depth + 1)));
            }
        }
    }

    fn is_below(&self, top: usize, wanted: usize) -> bool {
        let mut work = vec![top];
        let mut seen = vec![false; self.groups.len()];
        while let Some(id) = work.pop() {
            if id == wanted {
                return true;
            }
            if !std::mem::replace(&mut seen[id], true) {
                work.extend(&self.groups[id].children);
            }
        }
        false
    }

    pub(super) fn set_host_var(&mut self, host: usize, name: &str, value: Node) {
        put(Arc::make_mut(&mut self.hosts[host].vars), name, value, self.merge_hashes);
    }

    pub(super) fn set_group_var(&mut self, group: usize, name: &str, value: Node) {
        if name == "ansible_group_priority" {
            // It steers the order and is no variable.
            self.groups[group].priority = match &value.kind {
                NodeKind::Int(priority) => *priority,
                _ => value.as_str().and_then(|text| text.trim().parse().ok()).unwrap_or(1),
            };
            return;
        }
        put(Arc::make_mut(&mut self.groups[group].vars), name, value, self.merge_hashes);
    }

    /// After loading: every group hangs below `all`, every host is in a group. Returns the names that are both
    /// a host's and a group's.
    pub(super) fn reconcile(&mut self) -> Vec<Arc<str>> {
        self.views = Views::default();
        for id in UNGROUPED..self.groups.len() {
            if self.groups[id].parents.is_empty() {
                self.link(ALL, id);
            }
        }
        let mut leaving = vec![false; self.hosts.len()];
        for (id, leaves) in leaving.iter_mut().enumerate() {
            if self.hosts[id].implicit {
                continue;
            }
            let grouped = self.hosts[id].groups.iter().any(|group| *group > UNGROUPED);
            if !grouped {
                self.enlist(UNGROUPED, id);
            } else if self.hosts[id].groups.contains(&UNGROUPED) {
                self.hosts[id].groups.retain(|group| *group != UNGROUPED);
                *leaves = true;
            }
        }
        self.groups[UNGROUPED].hosts.retain(|host| !leaving[*host]);
        self.hosts
            .iter()
            .filter(|host| self.group_index.contains_key(&host.name))
            .map(|h| h.name.clone())
            .collect()
    }

    /// The action `add_host`: a host that may be new, in groups that may be new. True if anything changed.
    pub fn add_host(&mut self, name: &str, groups: &[String]) -> bool {
        let known = self.hosts.len();
        let host = self.host_id(name);
        let mut changed = self.hosts.len() > known;
        // That puts it before those that are in `all` only by their groups.
        self.enlist(ALL, host);
        for group in groups {
            changed |= self.add_host_to_group(group, host);
        }
        if self.hosts[host].groups.iter().all(|group| *group <= UNGROUPED) {
            self.enlist(UNGROUPED, host);
        }
        changed
    }

    fn add_host_to_group(&mut self, group: &str, host: usize) -> bool {
        let group = self.new_group(group);
        let is_new = !self.hosts[host].groups.contains(&group);
        self.enlist(group, host);
        if group > UNGROUPED {
            self.dismiss(UNGROUPED, host);
        }
        is_new
    }

    fn new_group(&mut self, name: &str) -> usize {
        let id = self.group_id(name);
        if id != ALL && self.groups[id].parents.is_empty() {
            self.link(ALL, id);
        }
        id
    }

    /// The action `group_by`: a group that may be new. True if it was.
    pub fn add_group(&mut self, name: &str) -> bool {
        let known = self.groups.len();
        self.new_group(name);
        self.groups.len() > known
    }

    /// Makes a host or a group (tried in this order of names) a member of `group`, which is created if need be. True
    /// if anything changed, false also when it would make a loop or there is no such member.
    pub fn add_child(&mut self, group: &str, child: &str) -> bool {
        if let Some(&child) = self.group_index.get(child) {
            let parent = self.new_group(group);
            let is_new = !self.groups[parent].children.contains(&child);
            return is_new && self.link(parent, child);
        }
        match self.host_index.get(child) {
            Some(&host) => self.add_host_to_group(group, host),
            None => false,
        }
    }

    /// Sets an inventory variable of a host; nothing happens when there is no such host.
    pub fn set_var(&mut self, host: &str, name: &str, value: Node) {
        if let Some(&id) = self.host_index.get(host) {
            self.set_host_var(id, name, value);
        }
    }

    /// The host that `localhost` and its like stand for: the inventory's, or an implicit one, made when first asked for.
    pub fn implicit_localhost(&mut self, name: &str) -> &Host {
        let id = match self.host_index.get(name) {
            Some(&id) => id,
            None => {
                let id = self.host_id(name);
                self.hosts[id].implicit = true;
                let span = crate::diag::Span::synthetic("<implicit localhost>", "");
                self.set_host_var(id, "ansible_connection", Node::new(NodeKind::Str("local".into()), span));
                id
            }
        };
        &self.hosts[id]
    }
}

/// A later value replaces an earlier one, or is merged into it (`hash_behaviour = merge`).
pub(super) fn put(vars: &mut Vars, name: &str, value: Node, merge: bool) {
    match vars.get_mut(name) {
        Some(old) if merge => merge_nodes(old, value),
        Some(old) => *old = value,
        None => {
            vars.insert(name.into(), value);
        }
    }
}

fn merge_nodes(old: &mut Node, new: Node) {
    match (&mut old.kind, new.kind) {
        (NodeKind::Map(entries), NodeKind::Map(added)) => {
            for (key, value) in added {
                let text = key.to_value();
                match entries.iter_mut().find(|(known, _)| known.to_value() == text) {
                    Some((_, known)) => merge_nodes(known, value),
                    None => entries.push((key, value)),
                }
            }
        }
        (_, kind) => *old = Node::new(kind, new.span),
    }
}
