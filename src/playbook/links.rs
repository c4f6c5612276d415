//! Actions that tasks name: what a name means, and which arguments are known.

use super::action::{self, ActionKind, ActionName};
use super::arguments;
use super::level::Level;
use super::library::Foreign;
use super::loader::Loader;
use crate::diag::{Diagnostic, Span, did_you_mean};
use crate::source::Node;

impl Loader {
    /// What an action's name means: ours, somebody's `library`, or a template. A program of a `library` stands before a
    /// module of ours that has the same short name.
    pub fn resolve(&self, name: &str) -> Option<ActionName> {
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
            (known, None) => known,
        }
    }

    /// The same where `collections` names collections to look in, too.
    pub(super) fn resolve_at(&self, name: &str, level: &Level) -> Option<ActionName> {
        self.resolve(name).or_else(|| {
            let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let mut collections = if plain { level.collections() } else { vec![] }.into_iter();
            collections.find_map(|collection| {
                let full = format!("{collection}.{name}");
                if action::is_native(&full) {
                    return action::resolve(&full);
                }
                self.foreign(&full).map(|foreign| action::of_library(&full, foreign))
            })
        })
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
    pub(super) fn unknown_action(&self, name: &str, span: &Span) {
        let mut problem = Diagnostic::error(
            "unknown-module",
            format!("couldn't resolve module/action '{name}'. This often indicates a misspelling, missing collection, or incorrect module path."),
        )
        .at(span);
        let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
        if let Some(near) = did_you_mean(short, action::known_names()) {
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
