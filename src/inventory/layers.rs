//! Which variables apply to a host, weakest first.

use super::files::VarsFile;
use super::model::{ALL, Inventory, Vars, put};
use super::pattern::is_localhost;
use crate::diag::{Diagnostic, Span};
use crate::source::{Node, NodeKind};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub(super) const DEFAULT_PRECEDENCE: [&str; 6] = [
    "all_inventory",
    "groups_inventory",
    "all_plugins_inventory",
    "all_plugins_play",
    "groups_plugins_inventory",
    "groups_plugins_play",
];

/// What a layer belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerOf {
    Group(Arc<str>),
    Host(Arc<str>),
}

/// Variables from one place. Layers of groups and files are shared between hosts: the same `Arc`.
#[derive(Clone, Debug)]
pub struct VarLayer {
    pub of: LayerOf,
    /// The `group_vars` or `host_vars` file; `None` for variables of the inventory source itself.
    pub file: Option<PathBuf>,
    /// The file stands beside the playbook, not beside an inventory source.
    pub beside_playbook: bool,
    pub vars: Arc<Vars>,
}

/// `group 'web' (/p/group_vars/web.yml)`.
impl fmt::Display for VarLayer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.of {
            LayerOf::Group(name) => write!(f, "group '{name}'")?,
            LayerOf::Host(name) => write!(f, "host '{name}'")?,
        }
        match &self.file {
            Some(file) => write!(f, " ({})", file.display()),
            None => f.write_str(" (inventory)"),
        }
    }
}

impl Inventory {
    /// The inventory variables of a host, weakest first: its groups' (in the order of the setting
    /// `VARIABLE_PRECEDENCE`), then its own. `playbook_dir` is where `group_vars` and `host_vars` beside the
    /// playbook are looked for. Unknown hosts get what is for `all`.
    ///
    /// # Errors
    /// A variables file that cannot be read or parsed, or is no mapping.
    pub fn var_layers(&self, host: &str, playbook_dir: Option<&Path>) -> Result<Vec<VarLayer>, Diagnostic> {
        let id = self.host_index.get(host).copied();
        let groups: Vec<usize> = match id {
            Some(id) => self.ancestors(id).into_iter().filter(|group| *group != ALL).collect(),
            None => Vec::new(),
        };
        let mut layers = Vec::new();
        for step in &self.precedence {
            match step.as_str() {
                "all_inventory" => self.group_layer(ALL, &mut layers),
                "groups_inventory" => groups.iter().for_each(|group| self.group_layer(*group, &mut layers)),
                "all_plugins_inventory" => self.group_files(&[ALL], None, &mut layers)?,
                "all_plugins_play" => self.group_files(&[ALL], Some(playbook_dir), &mut layers)?,
                "groups_plugins_inventory" => self.group_files(&groups, None, &mut layers)?,
                "groups_plugins_play" => self.group_files(&groups, Some(playbook_dir), &mut layers)?,
                // The loader refused other words.
                _ => {}
            }
        }
        let name: Arc<str> = id.map_or_else(|| host.into(), |id| self.hosts[id].name.clone());
        match id {
            Some(id) if !self.hosts[id].vars.is_empty() => layers.push(VarLayer {
                of: LayerOf::Host(name.clone()),
                file: None,
                beside_playbook: false,
                vars: self.hosts[id].vars.clone(),
            }),
            Some(_) => {}
            None if is_localhost(host) => layers.push(VarLayer {
                of: LayerOf::Host(name.clone()),
                file: None,
                beside_playbook: false,
                vars: implicit_localhost_vars(),
            }),
            None => {}
        }
        let beside_sources = self.source_dirs.iter().map(|dir| (dir.as_path(), false));
        for (dir, beside_playbook) in beside_sources.chain(playbook_dir.map(|dir| (dir, true))) {
            let of = LayerOf::Host(name.clone());
            add(&mut layers, &of, beside_playbook, &self.files.get(&dir.join("host_vars"), &name)?);
        }
        Ok(layers)
    }

    /// The layers as one set of variables; mappings are merged where the settings say so (`hash_behaviour`).
    pub fn merged(&self, layers: &[VarLayer]) -> Vars {
        let mut merged = Vars::new();
        for (name, value) in layers.iter().flat_map(|layer| layer.vars.iter()) {
            put(&mut merged, name, value.clone(), self.merge_hashes);
        }
        merged
    }

    /// The variables that belong to a group itself: from the sources, then from `group_vars`.
    ///
    /// # Errors
    /// See [`Inventory::var_layers`].
    pub fn group_layers(
        &self,
        group: &str,
        playbook_dir: Option<&Path>,
    ) -> Result<Vec<VarLayer>, Diagnostic> {
        let mut layers = Vec::new();
        if let Some(&id) = self.group_index.get(group) {
            self.group_layer(id, &mut layers);
            self.group_files(&[id], None, &mut layers)?;
            self.group_files(&[id], Some(playbook_dir), &mut layers)?;
        }
        Ok(layers)
    }

    /// What was noticed in variable files since the last time (duplicate keys).
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        self.files.take_warnings()
    }

    fn group_layer(&self, group: usize, layers: &mut Vec<VarLayer>) {
        let group = &self.groups[group];
        if !group.vars.is_empty() {
            layers.push(VarLayer {
                of: LayerOf::Group(group.name.clone()),
                file: None,
                beside_playbook: false,
                vars: group.vars.clone(),
            });
        }
    }

    /// `play`: the folder beside the playbook instead of those beside the sources.
    fn group_files(
        &self,
        groups: &[usize],
        play: Option<Option<&Path>>,
        layers: &mut Vec<VarLayer>,
    ) -> Result<(), Diagnostic> {
        let dirs: Vec<&Path> = match play {
            None => self.source_dirs.iter().map(PathBuf::as_path).collect(),
            Some(dir) => dir.into_iter().collect(),
        };
        for dir in dirs {
            let folder = dir.join("group_vars");
            for group in groups {
                let name = &self.groups[*group].name;
                let of = LayerOf::Group(name.clone());
                add(layers, &of, play.is_some(), &self.files.get(&folder, name)?);
            }
        }
        Ok(())
    }
}

fn add(layers: &mut Vec<VarLayer>, of: &LayerOf, beside_playbook: bool, files: &[VarsFile]) {
    for file in files.iter().filter(|file| !file.vars.is_empty()) {
        layers.push(VarLayer {
            of: of.clone(),
            file: Some(file.path.clone()),
            beside_playbook,
            vars: file.vars.clone(),
        });
    }
}

fn implicit_localhost_vars() -> Arc<Vars> {
    static VARS: OnceLock<Arc<Vars>> = OnceLock::new();
    VARS.get_or_init(|| {
        let span = Span::synthetic("<implicit localhost>", "");
        let local = Node::new(NodeKind::Str("local".into()), span);
        Arc::new(Vars::from([("ansible_connection".into(), local)]))
    })
    .clone()
}
