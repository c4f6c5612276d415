//! Variables that the engine itself provides.

use super::{ANSIBLE_VERSION, TaskScope};
use crate::inventory::Inventory;
use crate::template::Var;
use crate::value::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// What a run says about itself, the same for all hosts and tasks.
#[derive(Clone, Default)]
pub struct Magic {
    pub check_mode: bool,
    pub diff_mode: bool,
    pub forks: usize,
    pub verbosity: u8,
    pub limit: Option<String>,
    /// What flags and settings say of connections, by the names of variables: `ansible_user`, `ansible_connection`, ….
    pub connection: Map,
    pub run_tags: Vec<String>,
    pub skip_tags: Vec<String>,
    pub inventory_sources: Vec<String>,
    pub config_file: Option<PathBuf>,
}

/// All names answered here, for `vars` and "did you mean".
pub const NAMES: &[&str] = &[
    "ansible_check_mode",
    "ansible_config_file",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_names",
    "ansible_dependent_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "environment",
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "omit",
    "play_hosts",
    "playbook_dir",
    "role_names",
    "vars",
];

/// Those that only tasks have.
const OF_PLAYS: &[&str] = &[
    "ansible_dependent_role_names",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_role_names",
    "environment",
    // A view of all variables is not one of them where it would hold itself, or nobody could print it.
    "hostvars",
    "play_hosts",
    "role_names",
];

/// Those that are a host's.
const OF_HOSTS: &[&str] = &["group_names", "inventory_hostname", "inventory_hostname_short"];

impl TaskScope {
    /// The names that are there, for whoever walks over all variables.
    pub(super) fn magic_names(&self) -> impl Iterator<Item = &'static str> {
        let in_inventory = self.inventory(|inventory| inventory.host(&self.host).is_some()) == Some(true);
        NAMES.iter().copied().filter(move |name| match *name {
            "vars" | "omit" => false,
            "ansible_limit" => self.magic.limit.is_some(),
            "inventory_dir" | "inventory_file" => in_inventory,
            name => self.play.is_some() || !OF_PLAYS.contains(&name),
        })
    }

    pub(super) fn magic_var(&self, name: &str) -> Option<Var> {
        if self.host.is_empty() && OF_HOSTS.contains(&name) {
            return None;
        }
        let magic = &self.magic;
        let texts = |items: &[String]| Value::from(items.to_vec());
        let value = match name {
            "inventory_hostname" => Value::str(&self.host),
            "inventory_hostname_short" => Value::str(self.host.split('.').next().unwrap_or(&self.host)),
            "groups" => self.inventory(Inventory::groups_map)?,
            "group_names" => self.inventory(|inventory| {
                Value::list(
                    inventory
                        .groups_of(&self.host)
                        .into_iter()
                        .map(|group| Value::Str(group.name.clone()))
                        .collect(),
                )
            })?,
            "hostvars" => return Some(Var::Scope(Arc::new(self.all_hosts()))),
            "vars" => return Some(Var::Scope(Arc::new(self.clone()))),
            "omit" => crate::template::omit(),
            "playbook_dir" => Value::str(self.store.playbook_dir.read().ok()?.to_string_lossy()),
            "inventory_dir" => self.inventory(|inventory| {
                inventory.host(&self.host).map(|host| host.inventory_dir.clone().into())
            })??,
            "inventory_file" => self.inventory(|inventory| {
                inventory.host(&self.host).map(|host| host.inventory_file.clone().into())
            })??,
            "ansible_check_mode" => self.check_mode.unwrap_or(magic.check_mode).into(),
            "ansible_diff_mode" => magic.diff_mode.into(),
            "ansible_forks" => magic.forks.into(),
            "ansible_verbosity" => i64::from(magic.verbosity).into(),
            "ansible_limit" => Value::str(magic.limit.as_ref()?),
            "ansible_run_tags" => texts(&magic.run_tags),
            "ansible_skip_tags" => texts(&magic.skip_tags),
            "ansible_inventory_sources" => texts(&magic.inventory_sources),
            "ansible_config_file" => {
                magic.config_file.as_ref().map(|path| Value::str(path.to_string_lossy())).into()
            }
            "ansible_playbook_python" => "/usr/bin/python3".into(),
            "ansible_version" => version(),
            _ => return self.play_magic(name).map(Var::Value),
        };
        Some(Var::Value(value))
    }

    fn play_magic(&self, name: &str) -> Option<Value> {
        let play = self.play.as_ref()?;
        Some(match name {
            "environment" => Value::list(vec![]),
            "ansible_play_name" => Value::str(&play.name),
            "ansible_play_hosts_all" => play.hosts.all(),
            "ansible_play_hosts" => play.hosts.live(),
            "ansible_play_batch" | "play_hosts" => play.hosts.live_batch(),
            "ansible_play_role_names" | "role_names" => Value::from(play.role_names.read().ok()?.own.clone()),
            "ansible_dependent_role_names" => Value::from(unique(&play.role_names.read().ok()?.dependent)),
            "ansible_role_names" => {
                let names = play.role_names.read().ok()?;
                Value::from(unique(&[&names.dependent[..], &names.own[..]].concat()))
            }
            _ => return None,
        })
    }
}

fn version() -> Value {
    let mut numbers = ANSIBLE_VERSION.split('.').map(|part| part.parse::<i64>().unwrap_or(0));
    let mut next = || Value::Int(numbers.next().unwrap_or(0));
    Value::object([
        ("full", ANSIBLE_VERSION.into()),
        ("major", next()),
        ("minor", next()),
        ("revision", next()),
        ("string", Value::str(ANSIBLE_VERSION)),
    ])
}

/// Each name once, where it first stands.
fn unique(names: &[String]) -> Vec<String> {
    let mut seen = Vec::with_capacity(names.len());
    for name in names {
        if !seen.contains(name) {
            seen.push(name.clone());
        }
    }
    seen
}
