//! An inventory as text: what `ansible-inventory` prints.

use super::{Group, Inventory, LayerOf, Vars, toml_dump};
use crate::diag::{Diagnostic, Span};
use crate::source::vault::Vault;
use crate::source::{Node, NodeKind};
use crate::template::yaml_dump::{YamlStyle, dump};
use crate::value::{Map, Value, py_str, to_json_pretty};
use crate::vars::Terms;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
    Toml,
}

/// An inventory as `ansible-inventory` shows it.
pub struct View<'a> {
    pub inventory: &'a Inventory,
    /// The folder whose `group_vars` and `host_vars` count as the playbook's.
    pub playbook_dir: Option<&'a Path>,
    /// Variables where they were set, instead of what they come to for each host.
    pub export: bool,
    /// `-e`: they win over what hosts have.
    pub extra: &'a Terms,
    /// For vaulted texts in graphs, which show plain values.
    pub vault: &'a Vault,
}

impl View<'_> {
    /// What the variables come to for a host; with `--export` only those set for the host itself.
    fn host_vars(&self, host: &str) -> Result<Vars, Diagnostic> {
        let mut layers = self.inventory.var_layers(host, self.playbook_dir)?;
        if self.export {
            layers.retain(|layer| matches!(layer.of, LayerOf::Host(_)));
            return Ok(self.inventory.merged(&layers));
        }
        let mut vars = self.inventory.merged(&layers);
        for (name, term) in self.extra.iter() {
            let place = Span::synthetic("<command line>", "");
            vars.insert(name.clone(), Node::from_value(&term.written(), &place));
        }
        Ok(vars)
    }

    fn group_vars(&self, group: &Group) -> Result<Vars, Diagnostic> {
        let layers = self.inventory.group_layers(&group.name, self.playbook_dir)?;
        let mut vars = self.inventory.merged(&layers);
        if group.priority != 1 {
            let span = Span::synthetic("<priority>", "");
            vars.insert("ansible_group_priority".into(), Node::new(NodeKind::Int(group.priority), span));
        }
        Ok(vars)
    }

    /// A host's variables (`--host`).
    ///
    /// # Errors
    /// A variables file that cannot be read.
    pub fn host(&self, name: &str, format: Format) -> Result<String, Diagnostic> {
        let vars = self.host_vars(name)?;
        match format {
            // An inventory program says what is no template only with `--list`.
            Format::Json => Ok(to_json_pretty(&Value::map(
                vars.iter()
                    .map(|(name, value)| (Value::from(name.clone()), for_json(value, false)))
                    .collect(),
            )) + "\n"),
            Format::Yaml => Ok(yaml(&for_yaml(&vars))),
            Format::Toml => toml(for_yaml(&vars).as_map().unwrap_or(&Map::new())),
        }
    }

    /// Everything about `hosts` (`--list`).
    ///
    /// # Errors
    /// A variables file that cannot be read.
    pub fn list(&self, hosts: &HashSet<String>, format: Format) -> Result<String, Diagnostic> {
        match format {
            Format::Json => Ok(self.list_json(hosts)? + "\n"),
            Format::Yaml => self.list_yaml(hosts),
            Format::Toml => self.list_toml(hosts),
        }
    }

    /// The tree below a group (`--graph`), one line per group, host and (if wanted) variable.
    ///
    /// # Errors
    /// A variables file that cannot be read, a vaulted text that cannot be decrypted.
    pub fn graph(&self, group: &Group, vars: bool) -> Result<String, Diagnostic> {
        let mut lines = Vec::new();
        self.subtree(group, 0, vars, &mut lines)?;
        Ok(lines.join("\n") + "\n")
    }

    fn subtree(
        &self,
        group: &Group,
        depth: usize,
        vars: bool,
        lines: &mut Vec<String>,
    ) -> Result<(), Diagnostic> {
        push(lines, depth, &format!("@{}:", group.name));
        let (hosts, children) = self.inventory.direct(group);
        for child in children {
            self.subtree(child, depth + 1, vars, lines)?;
        }
        if &*group.name != "all" {
            for host in hosts {
                push(lines, depth + 1, &host.name);
                if vars {
                    self.graph_vars(&self.host_vars(&host.name)?, depth + 2, lines)?;
                }
            }
        }
        if vars {
            self.graph_vars(&self.group_vars(group)?, depth + 1, lines)?;
        }
        Ok(())
    }

    fn graph_vars(&self, vars: &Vars, depth: usize, lines: &mut Vec<String>) -> Result<(), Diagnostic> {
        let sorted: BTreeMap<&Arc<str>, &Node> = vars.iter().collect();
        for (name, value) in sorted {
            let text = py_str(&self.revealed(value)?);
            push(lines, depth, &format!("{{{name} = {text}}}"));
        }
        Ok(())
    }

    /// The plain value, vaulted texts decrypted.
    fn revealed(&self, node: &Node) -> Result<Value, Diagnostic> {
        Ok(match &node.kind {
            NodeKind::Vault(text) => {
                let (plain, _) = self
                    .vault
                    .decrypt(text)
                    .map_err(|error| Diagnostic::error("vault", error.to_string()).at(&node.span))?;
                Value::from(String::from_utf8_lossy(&plain).into_owned())
            }
            NodeKind::List(items) => {
                Value::list(items.iter().map(|item| self.revealed(item)).collect::<Result<_, _>>()?)
            }
            NodeKind::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(key.to_value(), self.revealed(value)?);
                }
                Value::map(map)
            }
            _ => node.to_value(),
        })
    }

    fn list_json(&self, hosts: &HashSet<String>) -> Result<String, Diagnostic> {
        let mut hostvars = Map::new();
        for host in self.inventory.hosts().filter(|host| hosts.contains(&*host.name)) {
            let vars = self.host_vars(&host.name)?;
            if !vars.is_empty() {
                hostvars.insert(Value::from(host.name.clone()), for_json_map(&vars));
            }
        }
        let meta =
            Value::object([("hostvars", Value::map(hostvars)), ("profile", "inventory_legacy".into())]);
        let mut groups = Map::from([(Value::str("_meta"), meta)]);
        let mut work = vec!["all".to_owned()];
        while let Some(name) = work.pop() {
            let Some(group) = self.inventory.group(&name) else { continue };
            let (members, children) = self.inventory.direct(group);
            let mut entry = Map::new();
            let members: Vec<Value> = members
                .iter()
                .filter(|host| name != "all" && hosts.contains(&*host.name))
                .map(|host| Value::from(host.name.clone()))
                .collect();
            if !members.is_empty() {
                entry.insert("hosts".into(), Value::list(members));
            }
            if !children.is_empty() {
                let names = children.iter().map(|child| Value::from(child.name.clone())).collect();
                entry.insert("children".into(), Value::list(names));
            }
            if self.export {
                let vars = self.group_vars(group)?;
                if !vars.is_empty() {
                    entry.insert("vars".into(), for_json_map(&vars));
                }
            }
            for child in children {
                if !groups.contains_key(&*child.name) {
                    work.push(child.name.to_string());
                }
            }
            if !entry.is_empty() {
                groups.insert(Value::from(name), Value::map(entry));
            }
        }
        Ok(to_json_pretty(&Value::map(groups)))
    }

    fn list_yaml(&self, hosts: &HashSet<String>) -> Result<String, Diagnostic> {
        let Some(all) = self.inventory.group("all") else { return Ok(String::new()) };
        let mut seen = Seen::default();
        let tree = self.yaml_group(all, hosts, &mut seen)?;
        let is_empty = tree.as_map().is_none_or(Map::is_empty);
        Ok(yaml(&Value::map(if is_empty { Map::new() } else { Map::from([("all".into(), tree)]) })))
    }

    /// Hosts and groups in full the first time they come, `{}` from then on.
    fn yaml_group(
        &self,
        group: &Group,
        wanted: &HashSet<String>,
        seen: &mut Seen,
    ) -> Result<Value, Diagnostic> {
        let (hosts, children) = self.inventory.direct(group);
        let mut entry = Map::new();
        let mut subgroups = Map::new();
        for child in children {
            let is_new = seen.groups.insert(child.name.clone());
            let tree = if is_new { self.yaml_group(child, wanted, seen)? } else { Value::map(Map::new()) };
            let is_empty = tree.as_map().is_none_or(Map::is_empty);
            // An empty group is left out; one that was shown above is not empty.
            if !(is_empty && is_new) {
                subgroups.insert(Value::from(child.name.clone()), tree);
            }
        }
        if !subgroups.is_empty() {
            entry.insert("children".into(), Value::map(subgroups));
        }
        let mut members = Map::new();
        for host in hosts {
            if &*group.name == "all" || !wanted.contains(&*host.name) {
                continue;
            }
            let vars = if seen.hosts.insert(host.name.clone()) {
                for_yaml(&self.host_vars(&host.name)?)
            } else {
                Value::map(Map::new())
            };
            members.insert(Value::from(host.name.clone()), vars);
        }
        if !members.is_empty() {
            entry.insert("hosts".into(), Value::map(members));
        }
        if self.export {
            let vars = self.group_vars(group)?;
            if !vars.is_empty() {
                entry.insert("vars".into(), for_yaml(&vars));
            }
        }
        Ok(Value::map(entry))
    }
}

impl View<'_> {
    fn list_toml(&self, wanted: &HashSet<String>) -> Result<String, Diagnostic> {
        let Some(all) = self.inventory.group("all") else { return Ok(String::new()) };
        let mut document = Map::new();
        self.toml_group(all, wanted, &mut HashSet::new(), &mut document)?;
        document.retain(|_, group| group.as_map().is_some_and(|group| !group.is_empty()));
        toml(&document)
    }

    /// A group's section, then those of its children; a host has its variables where it comes first.
    fn toml_group(
        &self,
        group: &Group,
        wanted: &HashSet<String>,
        seen: &mut HashSet<Arc<str>>,
        document: &mut Map,
    ) -> Result<(), Diagnostic> {
        let (hosts, children) = self.inventory.direct(group);
        let mut section = Map::new();
        let is_all = &*group.name == "all";
        let name = Value::from(group.name.clone());
        if !is_all && !children.is_empty() {
            let names = children.iter().map(|child| Value::from(child.name.clone())).collect();
            section.insert("children".into(), Value::list(names));
        }
        document.insert(name.clone(), Value::map(section.clone()));
        for child in children {
            self.toml_group(child, wanted, seen, document)?;
        }
        let mut members = Map::new();
        for host in hosts.into_iter().filter(|host| !is_all && wanted.contains(&*host.name)) {
            let vars = if seen.insert(host.name.clone()) { self.host_vars(&host.name)? } else { Vars::new() };
            members.insert(Value::from(host.name.clone()), for_yaml(&vars));
        }
        if !members.is_empty() {
            section.insert("hosts".into(), Value::map(members));
        }
        if self.export {
            let vars = self.group_vars(group)?;
            if !vars.is_empty() {
                section.insert("vars".into(), for_yaml(&vars));
            }
        }
        document.insert(name, Value::map(section));
        Ok(())
    }
}

fn toml(document: &Map) -> Result<String, Diagnostic> {
    toml_dump::dump(document).map_err(|name| {
        let help = "TOML has no null; leave the variable out, or use JSON or YAML";
        Diagnostic::error("toml", format!("{name} is null, which cannot be written as TOML")).help(help)
    })
}

#[derive(Default)]
struct Seen {
    groups: HashSet<Arc<str>>,
    hosts: HashSet<Arc<str>>,
}

fn push(lines: &mut Vec<String>, depth: usize, text: &str) {
    let indent = "  |".repeat(depth);
    let dashes = if depth > 0 { "--" } else { "" };
    lines.push(format!("{indent}{dashes}{text}"));
}

/// Variables as JSON that an inventory can be made of again.
fn for_json_map(vars: &Vars) -> Value {
    Value::map(vars.iter().map(|(name, value)| (Value::from(name.clone()), for_json(value, true))).collect())
}

fn for_json(node: &Node, tagged: bool) -> Value {
    match &node.kind {
        NodeKind::Vault(text) => Value::object([("__ansible_vault", Value::from(text.clone()))]),
        NodeKind::Unsafe(text) if tagged => Value::object([("__ansible_unsafe", Value::from(text.clone()))]),
        NodeKind::List(items) => Value::list(items.iter().map(|item| for_json(item, tagged)).collect()),
        NodeKind::Map(entries) => {
            Value::map(entries.iter().map(|(key, value)| (key.to_value(), for_json(value, tagged))).collect())
        }
        _ => node.to_value(),
    }
}

fn for_yaml(vars: &Vars) -> Value {
    Value::map(vars.iter().map(|(name, value)| (Value::from(name.clone()), plain(value))).collect())
}

/// As [`Node::to_value`], with vaulted texts marked for [`yaml`].
fn plain(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Vault(text) => Value::from(format!("{VAULT_MARK}{}", text.replace('\n', ":"))),
        NodeKind::List(items) => Value::list(items.iter().map(plain).collect()),
        NodeKind::Map(entries) => {
            Value::map(entries.iter().map(|(key, value)| (key.to_value(), plain(value))).collect())
        }
        _ => node.to_value(),
    }
}

/// A plain scalar that nobody writes; what follows is a vault's text with `:` for line ends.
const VAULT_MARK: &str = "ekumen-vaulted-text:";

fn yaml(value: &Value) -> String {
    let style = YamlStyle { flow: Some(false), ..YamlStyle::default() };
    let text = dump(value, &style);
    if !text.contains(VAULT_MARK) {
        return text;
    }
    let mut out = String::new();
    for line in text.lines() {
        let Some((before, sealed)) = line.split_once(VAULT_MARK) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let indent = before.len() - before.trim_start_matches([' ', '-']).len() + 2;
        out.push_str(before.trim_end_matches('\''));
        out.push_str("!vault |\n");
        for part in sealed.trim_end_matches(['\'', ':']).split(':') {
            out.push_str(&format!("{}{part}\n", " ".repeat(indent)));
        }
    }
    out
}
