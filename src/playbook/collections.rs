//! Installed collections, and what they say of their modules and plugins in `meta/runtime.yml`: other names, old ones, some that are gone.

use super::loader::Loader;
use crate::diag::{Diagnostic, Severity};
use crate::source::Node;
use crate::template::{Named, PluginRoute, satisfies};
use crate::value::{Value, py_repr, py_str, str_repr};
use crate::vars::ANSIBLE_VERSION;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the name of a module leads.
pub(super) struct Route {
    /// The last name on the way, which is the first one if there is no other.
    pub name: String,
    /// What was said on the way.
    pub notes: Vec<Diagnostic>,
    /// Why it leads nowhere.
    pub end: Option<Diagnostic>,
}

/// `namespace.collection` and what comes after, but for the two that are Ansible itself.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let dot = name.match_indices('.').nth(1)?.0;
    let (collection, rest) = (&name[..dot], &name[dot + 1..]);
    let own = matches!(collection, "ansible.builtin" | "ansible.legacy");
    (!rest.is_empty() && !name.contains('/') && !own).then_some((collection, rest))
}

impl Loader {
    /// The folder of an installed collection.
    pub(super) fn collection(&self, name: &str) -> Option<PathBuf> {
        let below = PathBuf::from("ansible_collections").join(name.replace('.', "/"));
        self.collection_folders().into_iter().map(|folder| folder.join(&below)).find(|path| path.is_dir())
    }

    /// What an installed collection says of itself. That it is for another version of Ansible is said once.
    pub(super) fn runtime(&self, collection: &str) -> Option<Arc<Node>> {
        let path = self.collection(collection)?.join("meta/runtime.yml");
        if !path.is_file() {
            return None;
        }
        let runtime = self.yaml(&path).ok()?;
        let fits = |wanted: &str| satisfies(ANSIBLE_VERSION, wanted).unwrap_or(true);
        if let Some(wanted) = runtime.get("requires_ansible").and_then(Node::as_str)
            && !fits(wanted)
            && self.checked_collections.lock().is_ok_and(|mut known| known.insert(collection.to_owned()))
        {
            let help = format!("it asks for {wanted} ({})", path.display());
            let severity = match self.settings.str("COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH") {
                Some("ignore") => return Some(runtime),
                Some("error") => Severity::Error,
                _ => Severity::Warning,
            };
            let text = format!("Collection {collection} does not support Ansible version {ANSIBLE_VERSION}");
            let problem = Diagnostic { severity, ..Diagnostic::error("collection-version", text) };
            self.problem(if severity == Severity::Error { problem.help(help) } else { problem });
        }
        Some(runtime)
    }

    /// Where the full name of a module leads.
    pub(super) fn route(&self, name: &str) -> Route {
        self.route_of(name, &["action", "modules"])
    }

    /// Where the full name of a filter, test or lookup leads.
    pub fn plugin_route(&self, named: Named, name: &str) -> PluginRoute {
        let Route { name, notes, end } = self.route_of(name, &[named.word()]);
        PluginRoute { name, notes, end: end.map(|why| why.summary) }
    }

    /// Where a full name leads, as the first of these sections that has it says.
    fn route_of(&self, name: &str, kinds: &[&'static str]) -> Route {
        let mut route = Route { name: name.to_owned(), notes: vec![], end: None };
        let mut path = vec![name.to_owned()];
        while let Some((collection, plugin)) = split(&route.name)
            && let Some(runtime) = self.runtime(collection)
            && let Some((kind, entry)) = kinds
                .iter()
                .find_map(|kind| Some((*kind, runtime.get("plugin_routing")?.get(kind)?.get(plugin)?)))
        {
            if let Some(tombstone) =
                entry.get("tombstone").filter(|node| node.as_map().is_some_and(|m| !m.is_empty()))
            {
                let what = match kind {
                    "action" => "action plugin",
                    "filter" => "filter plugin",
                    "test" => "test plugin",
                    "lookup" => "lookup plugin",
                    _ => "module",
                };
                let when = moment(tombstone).unwrap_or_default();
                let text = sentence(tombstone);
                let text = format!(
                    "The '{}' {what} has been removed.{text} This feature was removed from collection '{collection}'{when}.",
                    route.name
                );
                route.end = Some(Diagnostic::error("module-removed", text));
                break;
            }
            if let Some(deprecation) = entry.get("deprecation").filter(|node| !node.is_null()) {
                let when = moment(deprecation).unwrap_or_else(|| " in a future release".to_owned());
                let text = sentence(deprecation);
                let what = match kind {
                    "filter" => format!("Filter \"{}\"", route.name),
                    "test" => format!("Test \"{}\"", route.name),
                    _ => route.name.clone(),
                };
                let text = format!(
                    "{what} has been deprecated.{text} This feature will be removed from collection '{collection}'{when}."
                );
                route.notes.push(Diagnostic::new(Severity::Deprecation, "module-deprecated", text));
            }
            let Some(redirect) = entry.get("redirect").filter(|node| !node.is_null()) else { break };
            let next = py_str(&redirect.to_value());
            if next.matches('.').count() < 2 {
                let text = format!(
                    "Collection {collection} contains invalid redirect for {}: {next}. Redirects must use fully qualified collection \
                     names.",
                    route.name
                );
                route.end = Some(Diagnostic::error("module-redirect", text));
                break;
            }
            if path.contains(&next) {
                let path = Value::list(path.iter().map(Value::str).collect());
                let text = match kind {
                    "filter" | "test" | "lookup" => {
                        format!("recursive collection redirect found for {}", str_repr(name))
                    }
                    _ => format!("plugin redirect loop resolving {name} (path: {})", py_repr(&path)),
                };
                route.end = Some(Diagnostic::error("module-redirect-loop", text));
                break;
            }
            path.push(next.clone());
            route.name = next;
        }
        route
    }

    /// Whether an installed collection has a file for a module or its action.
    pub(super) fn has_module(&self, collection: &str, plugin: &str) -> bool {
        let Some(folder) = self.collection(collection) else { return false };
        let (below, name) = plugin.rsplit_once('.').unwrap_or(("", plugin));
        ["modules", "action"].into_iter().any(|kind| {
            let folder = folder.join("plugins").join(kind).join(below.replace('.', "/"));
            self.library.find_in(&folder, name).is_some()
        })
    }
}

/// When a collection loses a module; `None` if nobody says.
fn moment(entry: &Node) -> Option<String> {
    let written =
        |key: &str| entry.get(key).filter(|node| !node.is_null()).map(|node| py_str(&node.to_value()));
    let date = written("removal_date").map(|date| format!(" in a release after {date}"));
    date.or_else(|| Some(format!(" version {}", written("removal_version")?)))
}

/// What a collection says beside.
fn sentence(entry: &Node) -> String {
    match entry.get("warning_text").map(|text| py_str(&text.to_value())) {
        Some(text) if !text.is_empty() => format!(" {}.", text.trim_end_matches('.')),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn full_names_have_a_collection() {
        for (name, expected) in [
            ("my.col.thing", Some(("my.col", "thing"))),
            ("my.col.sub.thing", Some(("my.col", "sub.thing"))),
            ("ansible.builtin.copy", None),
            ("ansible.legacy.copy", None),
            ("ansible.posix.mount", Some(("ansible.posix", "mount"))),
            ("copy", None),
            ("my.col", None),
            ("my.col.", None),
        ] {
            assert_eq!(split(name), expected, "{name}");
        }
    }
}
