//! From the name in a task to what runs.

use super::arguments::ACTIONS;
use super::library::Foreign;
use super::moved;
use crate::modules;

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionName {
    /// As it was written (`ansible.builtin.copy`), for display.
    pub written: String,
    /// Short (`copy`).
    pub short: String,
    pub kind: ActionKind,
    /// The module's file, where it is one of the project's.
    pub foreign: Option<Foreign>,
}

impl ActionName {
    /// With the collection it belongs to.
    pub fn full_name(&self) -> String {
        let native = COLLECTION_MODULES.iter().find(|(_, short)| *short == self.short);
        if let Some((full, _)) = native {
            return (*full).to_owned();
        }
        match moved::full_name(&self.short) {
            Some(full) => full.to_owned(),
            None if self.short.contains('.') => self.short.clone(),
            None => format!("ansible.builtin.{}", self.short),
        }
    }

    /// Whether it does something on a host, and is no statement of the language.
    pub fn runs(&self) -> bool {
        matches!(
            self.kind,
            ActionKind::Action | ActionKind::Module | ActionKind::Program | ActionKind::Missing
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// Has a control half in `actions` (it may use a module, too).
    Action,
    /// Runs on the host as it is.
    Module,
    /// A program that the project brings along; it runs on the host.
    Program,
    ImportTasks,
    IncludeTasks,
    ImportRole,
    IncludeRole,
    Meta,
    /// The name is a template: it is known when the task runs.
    Dynamic,
    /// Ansible has it, this program does not (yet): the task fails when it runs.
    Missing,
}

/// Modules of ansible-core that are not native here yet.
const MISSING: &[&str] = &[
    "apt_key",
    "apt_repository",
    "async_wrapper",
    "deb822_repository",
    "debconf",
    "expect",
    "get_url",
    "git",
    "iptables",
    "known_hosts",
    "mount_facts",
    "package_facts",
    "pip",
    "reboot",
    "rpm_key",
    "service_facts",
    "subversion",
    "sysvinit",
    "unarchive",
    "uri",
    "yum_repository",
    "win_command",
    "win_shell",
];

/// Modules of collections that are native here, by full name, with their short name.
const COLLECTION_MODULES: &[(&str, &str)] =
    &[("ansible.posix.authorized_key", "authorized_key"), ("community.general.pacman", "pacman")];

/// Whether a module of a collection, by its full name, is native here.
pub fn is_native(full: &str) -> bool {
    COLLECTION_MODULES.iter().any(|(known, _)| *known == full)
}

/// Modules whose text is a command: `key=value` in it is an argument only where the module has one of that name.
pub fn takes_command(short: &str) -> bool {
    matches!(short, "command" | "shell" | "script" | "raw" | "expect" | "win_command" | "win_shell")
}

/// Modules whose only argument may be free text.
pub fn is_free_form(short: &str) -> bool {
    matches!(
        short,
        "command"
            | "shell"
            | "script"
            | "raw"
            | "meta"
            | "include_tasks"
            | "import_tasks"
            | "include_vars"
            | "include"
            | "import_role"
            | "include_role"
            | "add_host"
            | "group_by"
            | "set_fact"
            | "win_command"
            | "win_shell"
            | "expect"
    )
}

/// The action of a name; `None` if nobody knows it.
pub fn resolve(written: &str) -> Option<ActionName> {
    if let Some(template) = dynamic(written) {
        return Some(template);
    }
    let short = written
        .strip_prefix("ansible.builtin.")
        .or_else(|| written.strip_prefix("ansible.legacy."))
        .or_else(|| COLLECTION_MODULES.iter().find(|(full, _)| *full == written).map(|(_, short)| *short))
        .unwrap_or(written);
    let make = |short: &str, kind| {
        Some(ActionName { written: written.into(), short: short.into(), kind, foreign: None })
    };
    match short {
        "import_tasks" => make(short, ActionKind::ImportTasks),
        "include_tasks" | "include" => make("include_tasks", ActionKind::IncludeTasks),
        "import_role" => make(short, ActionKind::ImportRole),
        "include_role" => make(short, ActionKind::IncludeRole),
        "meta" => make(short, ActionKind::Meta),
        "systemd_service" => make("systemd", ActionKind::Module),
        "yum" => make("dnf", ActionKind::Module),
        _ if ACTIONS.iter().any(|(name, _)| *name == short) => make(short, ActionKind::Action),
        _ if modules::registry::find(short).is_some() => make(short, ActionKind::Module),
        _ if MISSING.contains(&short) => make(short, ActionKind::Missing),
        _ if moved::full_name(short).is_some() => make(short, ActionKind::Missing),
        // A collection that is not native: it may well exist, and the task may never run.
        _ if short.matches('.').count() >= 2 => make(short, ActionKind::Missing),
        _ => None,
    }
}

/// Whether Ansible has an action or module of that name, or once had.
pub fn is_known(written: &str) -> bool {
    let moved = |short: &str| moved::full_name(short) == Some(written);
    is_native(written)
        || resolve(written).is_some_and(|action| action.short != written)
        || written.rsplit('.').next().is_some_and(moved)
}

/// Whether a name is that of an action or module that can run here.
pub fn is_available(written: &str) -> bool {
    resolve(written).is_some_and(|action| action.kind != ActionKind::Missing)
}

/// A module that the project brings along.
pub fn of_library(written: &str, foreign: Foreign) -> ActionName {
    let kind = if foreign.program.is_some() { ActionKind::Program } else { ActionKind::Missing };
    let short = written.strip_prefix("ansible.legacy.").unwrap_or(written);
    ActionName { written: written.into(), short: short.into(), kind, foreign: Some(foreign) }
}

/// An action whose name is a template.
fn dynamic(written: &str) -> Option<ActionName> {
    written.contains("{{").then(|| ActionName {
        written: written.into(),
        short: written.into(),
        kind: ActionKind::Dynamic,
        foreign: None,
    })
}

/// The names that can be written, for "did you mean".
pub fn known_names() -> Vec<&'static str> {
    let mut names = vec![
        "import_tasks",
        "include_tasks",
        "import_role",
        "include_role",
        "meta",
        "systemd_service",
        "yum",
    ];
    names.extend(ACTIONS.iter().map(|(name, _)| *name));
    names.extend(modules::registry::MODULES.iter().map(|entry| entry.name));
    names.extend(MISSING);
    names.sort_unstable();
    names.dedup();
    names
}
