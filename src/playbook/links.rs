//! Actions that tasks name: what a name means, and which arguments are known.

use super::action::{self, ActionKind, ActionName};
use super::arguments;
use super::collections;
use super::level::Level;
use super::library::Foreign;
use super::loader::Loader;
use crate::diag::{Diagnostic, Span, did_you_mean};
use crate::source::Node;
use crate::value::{Value, py_repr};
use crate::vars::is_identifier;

impl Loader {
    /// What an action's name means: ours, somebody's `library`, or a template. A collection may give it another name.
    pub fn resolve(&self, name: &str) -> Option<ActionName> {
        let route = self.route(name);
        if route.end.is_some() {
            return None;
        }
        if route.name == name {
            return self.resolve_here(name);
        }
        let action = self.resolve_here(&route.name)?;
        // Nobody has seen the collection that it leads to.
        let lost =
            action.kind == ActionKind::Missing && !action::is_known(&route.name) && action.foreign.is_none();
        (!lost).then(|| ActionName { written: name.into(), ..action })
    }

    /// The same without other names. A program of a `library` stands before a module of ours that has the same short name.
    fn resolve_here(&self, name: &str) -> Option<ActionName> {
        let known = action::resolve(name);
        if known.as_ref().is_some_and(|action| self.rejected.contains(&action.short)) {
            return None;
        }
        let on_host = |action: &ActionName| matches!(action.kind, ActionKind::Module | ActionKind::Missing);
        let foreign = match &known {
            Some(action) if !on_host(action) => None,
            _ => self.foreign(name),
        };
        match (known, foreign) {
            (Some(known), Some(foreign)) if foreign.program.is_none() && known.kind == ActionKind::Module => {
                Some(known)
            }
            (_, Some(foreign)) => Some(action::of_library(name, foreign)),
            // A collection that is installed has what it has.
            (Some(known), None)
                if known.kind == ActionKind::Missing
                    && let Some((collection, plugin)) = collections::split(name)
                    && self.collection(collection).is_some() =>
            {
                self.has_module(collection, plugin).then_some(known)
            }
            (known, None) => known,
        }
    }

    /// The same where `collections` names collections to look in, too.
    pub(super) fn resolve_at(&self, name: &str, level: &Level) -> Option<ActionName> {
        self.resolve(name).or_else(|| {
            let action = self.resolve(&self.full_name_at(name, level)?)?;
            Some(ActionName { written: name.into(), ..action })
        })
    }

    /// The full name of what one of the level's `collections` has under a short name.
    fn full_name_at(&self, name: &str, level: &Level) -> Option<String> {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let collections = if plain { level.collections() } else { vec![] };
        let full = collections.into_iter().map(|collection| (format!("{collection}.{name}"), collection));
        full.filter(|(full, collection)| action::is_native(full) || self.collection(collection).is_some())
            .map(|(full, _)| full)
            .find(|full| self.resolve(full).is_some() || self.route(full).end.is_some())
    }

    /// Says what collections say of the modules that a task names.
    pub(super) fn announce_route(&self, name: &str, level: &Level) {
        let full = match self.resolve(name) {
            Some(_) => None,
            None => self.full_name_at(name, level),
        };
        self.route(full.as_deref().unwrap_or(name)).notes.into_iter().for_each(|note| self.problem(note));
    }

    /// Warns of what `collections` names for an action and what can be none.
    pub(super) fn check_collections(&self, name: &str, level: &Level) {
        if name.contains('.') {
            return;
        }
        for collection in level.collections().into_iter().filter(|name| !is_collection(name)) {
            let text = format!(
                "Error loading plugin '{name}': {collection}.{name} is not a valid collection reference"
            );
            let place = level.find("collections").map(|attr| &attr.span);
            self.problem(Diagnostic::warning("bad-collection", text).at_maybe(place));
        }
    }

    /// Warns of templates in `collections`: nothing renders them.
    pub(super) fn check_collection_names(&self, node: Option<&Node>) {
        let Some(node) = node.filter(|node| !node.is_null()) else { return };
        let items = node.as_list().unwrap_or(std::slice::from_ref(node));
        if items.iter().any(|item| item.as_str().is_some_and(|text| text.contains("{{"))) {
            let mut written: Vec<Value> = items.iter().map(Node::to_value).collect();
            written.push("ansible.legacy".into());
            let text = format!(
                "\"collections\" is not templatable, but we found: {}, it will not be templated and will be used \"as is\".",
                py_repr(&Value::list(written))
            );
            self.problem(Diagnostic::warning("collections", text).at(&node.span));
        }
    }

    /// The module of that name that the project brings along.
    fn foreign(&self, name: &str) -> Option<Foreign> {
        let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
        let Some((collection, module)) = short.rsplit_once('.') else {
            return self.library.find(short, &self.directory(), &self.settings.paths("DEFAULT_MODULE_PATH"));
        };
        let folder = format!("ansible_collections/{}/plugins/modules", collection.replace('.', "/"));
        self.collection_folders().iter().find_map(|base| self.library.find_in(&base.join(&folder), module))
    }

    /// Reports a module or action that nobody knows.
    pub(super) fn unknown_action(&self, name: &str, level: &Level, span: &Span) {
        let full = self.full_name_at(name, level).unwrap_or_else(|| name.to_owned());
        let route = self.route(&full);
        route.notes.into_iter().for_each(|note| self.problem(note));
        if let Some(end) = route.end {
            return self.problem(end.at(span));
        }
        let mut problem = Diagnostic::error(
            "unknown-module",
            format!("couldn't resolve module/action '{name}'. This often indicates a misspelling, missing collection, or incorrect module path."),
        )
        .at(span);
        let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
        if route.name != full {
            problem = problem.help(format!("its collection says that it is `{}` now", route.name));
        } else if let Some(near) = did_you_mean(short, action::known_names()) {
            problem = problem.help(format!("did you mean `{near}`?"));
        }
        self.problem(problem);
    }

    /// Under the name `ekumen`: arguments that an action or module does not have are found before any host is contacted.
    pub(super) fn check_arguments(&self, action: &action::ActionName, args: &Node) {
        if !self.strict_arguments {
            return;
        }
        let Some(fields) = arguments::known(action) else { return };
        for (key, _) in args.as_map().unwrap_or_default() {
            let Some(name) = key.as_str().filter(|name| !name.contains("{{") && !name.starts_with('_'))
            else {
                continue;
            };
            if !fields.contains(&name) {
                let mut problem = Diagnostic::error(
                    "unknown-argument",
                    format!("the module `{}` has no argument `{name}`", action.short),
                )
                .at(&key.span);
                problem = problem.help(match did_you_mean(name, fields.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its arguments are: {}", fields.join(", ")),
                });
                self.problem(problem);
            }
        }
    }
}

/// Whether this can be a collection's name: `namespace.name`.
fn is_collection(name: &str) -> bool {
    matches!(name.split_once('.'), Some((namespace, name)) if is_identifier(namespace) && is_identifier(name))
}
