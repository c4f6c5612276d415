//! Groups of modules, for `module_defaults: group/NAME`: as an installed collection has them, else as is known of it.

use super::action::ActionName;
use super::loader::Loader;
use crate::diag::{Diagnostic, did_you_mean};
use crate::source::{Node, NodeKind};
use crate::value::py_str;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The full names of the modules in a group.
pub(super) type Members = Arc<Vec<String>>;

/// Groups and what was written of them: modules, and after a `+` other groups.
static KNOWN: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let lines = include_str!("action_groups.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(group, members)| (group, members.split_whitespace().collect()))
        .collect()
});

/// Groups inside groups end somewhere.
const DEEPEST: usize = 8;

impl Loader {
    /// The modules of a group; `None` if there is no such group.
    pub fn action_group(&self, name: &str) -> Option<Members> {
        let full = match name.matches('.').count() {
            0 => format!("ansible.builtin.{name}"),
            _ => name.to_owned(),
        };
        if let Some(members) = self.action_groups.read().ok().and_then(|groups| groups.get(&full).cloned()) {
            return members;
        }
        let mut members = Vec::new();
        let found = self.gather_group(&full, DEEPEST, &mut members).then(|| Arc::new(members));
        if let Ok(mut groups) = self.action_groups.write() {
            groups.insert(full, found.clone());
        }
        found
    }

    /// Whether the default arguments under this name (an action's, or `group/NAME`) are for an action.
    pub fn defaults_apply(&self, name: &str, action: &ActionName) -> bool {
        match name.strip_prefix("group/") {
            Some(group) => {
                let full = action.full_name();
                self.action_group(group).is_some_and(|members| members.contains(&full))
            }
            None => self.resolve(name).is_some_and(|named| named.full_name() == action.full_name()),
        }
    }

    /// Whether `module_defaults` is a mapping (or some), and names modules and groups that there are.
    pub(super) fn check_module_defaults(&self, value: &Node) {
        let maps = match &value.kind {
            NodeKind::Null => return,
            NodeKind::List(items) => items.iter().collect(),
            _ => vec![value],
        };
        if let Some(other) = maps.iter().find(|map| map.as_map().is_none()) {
            let text = "The field 'module_defaults' is supposed to be a dictionary or list of dictionaries, the keys of which must be \
                        static action, module, or group names. Only the values may contain templates. For example: \
                        {'ping': \"{{ ping_defaults }}\"}";
            self.problem(Diagnostic::error("module-defaults", text).at(&other.span));
            return;
        }
        for (key, _) in maps.into_iter().filter_map(Node::as_map).flatten() {
            let name = py_str(&key.to_value());
            match name.strip_prefix("group/") {
                Some(group) if self.action_group(group).is_none() => {
                    let full =
                        if group.contains('.') { group.into() } else { format!("ansible.builtin.{group}") };
                    let text = format!(
                        "Error loading module_defaults: could not resolve the module_defaults group {full}"
                    );
                    self.problem(Diagnostic::error("unknown-action-group", text).at(&key.span));
                }
                None if name.contains("{{") || self.resolve(&name).is_none() => {
                    let text = format!("Could not resolve action ansible.legacy.{name} in module_defaults");
                    let near = did_you_mean(&name, super::action::known_names());
                    let problem = Diagnostic::error("unknown-module", text).at(&key.span);
                    self.problem(match near {
                        Some(near) => problem.help(format!("did you mean `{near}`?")),
                        None => problem,
                    });
                }
                _ => {}
            }
        }
    }

    fn gather_group(&self, full: &str, depth: usize, members: &mut Vec<String>) -> bool {
        let mut parts = full.rsplitn(2, '.');
        let (Some(group), Some(collection)) = (parts.next(), parts.next()) else { return false };
        let Some(written) = self.written_group(collection, group) else { return false };
        for name in written {
            let qualified = |name: &str| match name.matches('.').count() {
                0 => format!("{collection}.{name}"),
                _ => name.to_owned(),
            };
            match name.strip_prefix('+') {
                Some(other) if depth > 0 => {
                    // A collection that is not installed adds nothing.
                    self.gather_group(&qualified(other), depth - 1, members);
                }
                Some(_) => {}
                None => members.push(qualified(&name)),
            }
        }
        true
    }

    /// What an installed collection says of a group, else what is known of it.
    fn written_group(&self, collection: &str, group: &str) -> Option<Vec<String>> {
        if let Some(runtime) = self.runtime(collection) {
            let entries = runtime.get("action_groups")?.get(group)?;
            let mut written = Vec::new();
            for entry in entries.as_list().unwrap_or_default() {
                match entry.as_str() {
                    Some(name) => written.push(name.to_owned()),
                    None => {
                        let more = entry.get("metadata").and_then(|metadata| metadata.get("extend_group"));
                        let more = more.and_then(Node::as_list).unwrap_or_default();
                        written.extend(more.iter().filter_map(|name| Some(format!("+{}", name.as_str()?))));
                    }
                }
            }
            return Some(written);
        }
        KNOWN
            .get(format!("{collection}.{group}").as_str())
            .map(|names| names.iter().map(|n| (*n).into()).collect())
    }
}

/// The default arguments of an action, outermost first: what is said further in replaces what is said of the same name further
/// out, and what is said of the action wins over what is said of a group.
pub fn module_defaults<'a, T>(
    loader: &Loader,
    action: &ActionName,
    said: impl IntoIterator<Item = (String, &'a T)>,
) -> Vec<&'a T> {
    let mut groups: Vec<(String, &T)> = Vec::new();
    let mut own = None;
    for (name, value) in said {
        if !loader.defaults_apply(&name, action) {
            continue;
        }
        match name.starts_with("group/") {
            true => match groups.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => groups.push((name, value)),
            },
            false => own = Some(value),
        }
    }
    groups.into_iter().map(|(_, value)| value).chain(own).collect()
}
