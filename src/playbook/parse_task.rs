//! One task: its action, its arguments, its keywords; static imports in place.

use super::action::{ActionKind, ActionName, takes_command};
use super::args::text_node;
use super::keywords::{self, Kind, Places};
use super::level::{Attr, Level, LevelKind};
use super::loader::Loader;
use super::tasks::{Item, Task};
use crate::diag::{Diagnostic, Severity, did_you_mean};
use crate::source::{Node, NodeKind};
use crate::value::{Value, py_str};
use crate::vars::{VARIABLE_NAMES, is_identifier};
use std::sync::Arc;

/// What includes and imports of task files and roles take.
fn include_options(kind: ActionKind) -> &'static [&'static str] {
    match kind {
        ActionKind::ImportTasks => &["file"],
        ActionKind::IncludeTasks => &["file", "apply"],
        ActionKind::ImportRole | ActionKind::IncludeRole => &[
            "name",
            "role",
            "tasks_from",
            "vars_from",
            "defaults_from",
            "handlers_from",
            "allow_duplicates",
            "public",
            "rolespec_validate",
            "apply",
        ],
        _ => &[],
    }
}

/// The action of a task as it was found: name, its node, its value, the keys that were no keyword.
struct Found<'n> {
    name: String,
    key: &'n Node,
    value: Node,
}

impl Loader {
    pub(super) fn task(&self, node: &Node, parent: &Arc<Level>, handler: bool) -> Vec<Item> {
        let place = if handler { Places::HANDLER } else { Places::TASK };
        let Some(found) = self.find_action(node, place, parent) else { return vec![] };
        let Some(mut action) = self.resolve_at(&found.name, parent) else {
            self.unknown_action(&found.name, parent, &found.key.span);
            return vec![];
        };
        self.announce_route(&found.name, parent);
        if is_old_include(&found.name) {
            action.written = found.name.clone();
            self.problem(
                Diagnostic::warning(
                    "include-removed",
                    "`include` was removed from ansible-core in 2.16; it is read as `include_tasks`",
                )
                .at(&found.key.span)
                .help("write include_tasks (dynamic) or import_tasks (static)"),
            );
        }
        if matches!(action.kind, ActionKind::IncludeTasks | ActionKind::IncludeRole)
            && !is_old_include(&found.name)
        {
            self.check_include_keywords(node, place);
        }
        if node.get("args").is_some() && !matches!(found.key.as_str(), Some("action" | "local_action")) {
            self.warn_of_merged(&action, &found.value);
        }
        let args = self.arguments(&action, &found.value, node.get("args"));
        for (key, _) in args.as_map().unwrap_or_default() {
            if let Some(name) = key.as_str().filter(|name| name.starts_with("_ansible_")) {
                let message = format!(
                    "Invalid parameter specified beginning with keyword '_ansible_' for action '{}': '{name}'. \
                     The prefix '_ansible_' is reserved for internal use only.",
                    action.written
                );
                self.problem(Diagnostic::error("reserved-argument", message).at(&key.span));
            }
        }
        self.check_include_options(&action, &args);
        if handler && matches!(action.kind, ActionKind::ImportRole | ActionKind::IncludeRole) {
            let message = format!("Using '{}' as a handler is not supported.", action.written);
            self.problem(Diagnostic::error("role-as-handler", message).at(&node.span).help(
                "`include_tasks` can run the tasks of a file as a handler; the handlers of a role are known once it runs in the play",
            ));
            return vec![];
        }
        if !matches!(action.kind, ActionKind::Meta | ActionKind::IncludeTasks) {
            self.check_collection_names(node.get("collections"));
        }
        match action.kind {
            ActionKind::ImportTasks => self.import_tasks(node, &args, parent, handler),
            ActionKind::ImportRole => self.import_role(node, &args, parent),
            _ => {
                self.check_arguments(&action, &args);
                let looks = action.kind == ActionKind::IncludeTasks;
                self.plain_task(node, action, &args, &found, parent, handler)
                    .inspect(|task| {
                        if looks {
                            self.look(&task.level)
                        }
                    })
                    .map(|task| Item::Task(Arc::new(task)))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// Options that an include or import does not have. (`include`, which is gone, took variables that way.)
    fn check_include_options(&self, action: &ActionName, args: &Node) {
        let known = include_options(action.kind);
        if known.is_empty() || is_old_include(&action.written) {
            return;
        }
        for (key, _) in args.as_map().unwrap_or_default() {
            let Some(name) = key.as_str().filter(|name| *name != "_raw_params" && !known.contains(name))
            else {
                continue;
            };
            let message = format!("Invalid options for {}: {name}", action.written);
            let mut problem = Diagnostic::error("invalid-option", message).at(&key.span);
            if let Some(near) = did_you_mean(name, known.iter().copied()) {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
            self.problem(problem);
        }
    }

    /// Keywords that a dynamic include does not pass on: `apply` does.
    fn check_include_keywords(&self, node: &Node, place: Places) {
        for (key, _) in node.as_map().unwrap_or_default() {
            // It stands for a host.
            let meant = match key.as_str() {
                Some("local_action") => &text_node("delegate_to", key),
                _ => key,
            };
            let keyword = meant.as_str().and_then(keywords::keyword);
            let strange = |keyword: &keywords::Keyword| {
                keyword.places.contains(place)
                    && !keyword.places.contains(Places::INCLUDE)
                    && !(place == Places::HANDLER && keyword.name == "listen")
            };
            if keyword.is_some_and(strange) && !self.settings.bool("INVALID_TASK_ATTRIBUTE_FAILED") {
                let text = format!("Ignoring invalid attribute: {}", py_str(&meant.to_value()));
                self.problem(Diagnostic::warning("ignored-keyword", text));
            } else if keyword.is_some_and(strange) {
                self.unknown_keyword_of(class_of(node, place), meant, Places::INCLUDE);
            }
        }
    }

    /// The one key that names an action. More or fewer are errors.
    fn find_action<'n>(&self, node: &'n Node, place: Places, level: &Level) -> Option<Found<'n>> {
        let entries = node.as_map()?;
        let mut found: Vec<Found> = Vec::new();
        let mut strangers: Vec<&Node> = Vec::new();
        let mut misplaced: Vec<&Node> = Vec::new();
        for (key, value) in entries {
            let name = py_str(&key.to_value());
            match name.as_str() {
                "action" | "local_action" => {
                    if value.as_map().is_some() {
                        let what = "Using a mapping for `action` is deprecated. This feature will be removed from ansible-core version 2.23.";
                        let problem = Diagnostic::new(Severity::Deprecation, "deprecated-action", what);
                        self.problem(problem.at(&value.span).help("Use a string value for `action`."));
                    }
                    if let Some((name, value)) = self.action_statement(value) {
                        found.push(Found { name, key, value });
                    }
                }
                _ if name.starts_with("with_") => {}
                _ if keywords::keyword(&name).is_some_and(|keyword| keyword.places.contains(place)) => {}
                // `user` and `gather_facts` are keywords of plays, but modules here.
                _ if self.resolve_at(&name, level).is_some() => {
                    found.push(Found { name, key, value: value.clone() });
                }
                _ if keywords::keyword(&name).is_some() => misplaced.push(key),
                _ => strangers.push(key),
            }
        }
        if node.get("action").is_some() && node.get("local_action").is_some() {
            let message = "action and local_action are mutually exclusive";
            self.problem(Diagnostic::error("conflicting-actions", message).at(&node.span));
            return None;
        }
        // What names the action by a keyword is named first.
        found.sort_by_key(|found| !matches!(found.key.as_str(), Some("action" | "local_action")));
        let owner = class_of(node, place);
        misplaced.iter().for_each(|key| self.unknown_keyword_of(owner, key, place));
        match found.len() {
            1 => {
                strangers.iter().for_each(|key| self.unknown_keyword_of(owner, key, place));
                found.pop()
            }
            0 => {
                self.no_action(node, &strangers, level);
                None
            }
            _ => {
                self.problem(
                    Diagnostic::error(
                        "conflicting-actions",
                        format!(
                            "conflicting action statements: {}",
                            found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ")
                        ),
                    )
                    .at(&found[1].key.span)
                    .related(&found[0].key.span, "the first one is here"),
                );
                None
            }
        }
    }

    fn no_action(&self, node: &Node, strangers: &[&Node], level: &Level) {
        let near_keyword = |key: &&&Node| {
            did_you_mean(key.as_str().unwrap_or(""), keywords::names_at(Places::TASK)).is_some()
        };
        match strangers.iter().find(|key| !near_keyword(key)).or(strangers.first()) {
            Some(key) => self.unknown_action(&py_str(&key.to_value()), level, &key.span),
            None => self
                .problem(Diagnostic::error("no-action", "no module/action detected in task.").at(&node.span)),
        }
    }

    /// `action: copy src=a dest=b` or `action: {module: copy, src: a}`.
    fn action_statement(&self, value: &Node) -> Option<(String, Node)> {
        match &value.kind {
            NodeKind::Str(text) => {
                let text = text.trim();
                let (name, rest) = text.split_at(end_of_name(text));
                Some((name.to_owned(), text_node(rest.trim(), value)))
            }
            NodeKind::Map(entries) => {
                let name = value.get("module").and_then(Node::as_str)?.to_owned();
                let (name, raw) = match name.split_once(char::is_whitespace).filter(|_| !name.contains("{{"))
                {
                    Some((name, raw)) => (name.to_owned(), Some(raw.to_owned())),
                    None => (name, None),
                };
                let mut rest: Vec<_> = entries
                    .iter()
                    .filter(|(key, _)| !matches!(key.as_str(), Some("module" | "args")))
                    .cloned()
                    .collect();
                if let Some(raw) = raw {
                    let short = self.resolve(&name).map_or_else(|| name.clone(), |action| action.short);
                    for (key, text) in self.key_values(&raw, takes_command(&short), value) {
                        rest.retain(|(known, _)| known.as_str() != Some(&key));
                        rest.push((text_node(&key, value), text_node(&text, value)));
                    }
                }
                // `{module: NAME, args: {…}}`: what is nested wins.
                for (key, value) in value.get("args").and_then(Node::as_map).unwrap_or_default() {
                    rest.retain(|(known, _)| known.as_str() != key.as_str());
                    rest.push((key.clone(), value.clone()));
                }
                Some((name, Node::new(NodeKind::Map(rest), value.span.clone())))
            }
            _ => {
                self.unexpected_arguments(value);
                None
            }
        }
    }

    fn plain_task(
        &self,
        node: &Node,
        action: ActionName,
        args: &Node,
        found: &Found,
        parent: &Arc<Level>,
        handler: bool,
    ) -> Option<Task> {
        const OWN: &[&str] = &[
            "name",
            "action",
            "local_action",
            "args",
            "loop",
            "loop_control",
            "register",
            "until",
            "changed_when",
            "failed_when",
            "notify",
            "listen",
        ];
        let entries = node.as_map()?;
        let place = if handler { Places::HANDLER } else { Places::TASK };
        let rest: Vec<(&Node, &Node)> = entries
            .iter()
            .filter(|(key, _)| {
                key.as_str().is_some_and(|name| !OWN.contains(&name) && !name.starts_with("with_"))
            })
            .map(|(key, value)| (key, value))
            .collect();
        let owner = class_of(node, place);
        let mut level = self.level_of(owner, &rest, LevelKind::Task, place, Some(parent.clone()));
        if node.get("local_action").is_some() {
            // It wins over a `delegate_to` beside it.
            level.attrs.retain(|(name, _)| *name != "delegate_to");
            let localhost = text_node("localhost", found.key);
            level.attrs.push(("delegate_to", self.attr(&localhost)));
        }
        self.check_collections(&action.written, &level);
        let looping = self.looping(node);
        let control = node.get("loop_control").map(|node| self.loop_control(node)).unwrap_or_default();
        let list = |name: &str| match node.get(name).map(|value| (&value.kind, value)) {
            None | Some((NodeKind::Null, _)) => vec![],
            Some((NodeKind::List(items), _)) => items.iter().map(|item| self.attr(item)).collect(),
            Some((_, value)) => vec![self.attr(value)],
        };
        // What decides about the result cannot be left empty.
        let verdict = |name: &str| {
            node.get(name).map(|value| match value.is_null() {
                true => self.condition(value).into_iter().collect(),
                false => self.conditions(value),
            })
        };
        if handler
            && action.kind == ActionKind::Meta
            && args.get("_raw_params").and_then(Node::as_str) == Some("end_role")
        {
            let text = "Cannot execute 'end_role' from a handler";
            self.problem(Diagnostic::error("end-role-in-handler", text).at(&found.key.span));
        }
        let register = match node.get("register") {
            None => None,
            Some(name) if name.is_null() => None,
            Some(name) => self.variable_name(name),
        };
        Some(Task {
            level: Arc::new(level),
            span: node.span.clone(),
            name: self.name(node),
            action,
            args: self.compile(args),
            args_node: Arc::new(args.clone()),
            args_span: found.key.span.clone(),
            looping,
            control,
            register,
            register_place: node.get("register").map(|name| name.span.clone()),
            until: node.get("until").map(|value| self.conditions(value)).unwrap_or_default(),
            // An empty list says nothing.
            changed_when: verdict("changed_when").filter(|conditions| !conditions.is_empty()),
            failed_when: verdict("failed_when").filter(|conditions| !conditions.is_empty()),
            notify: list("notify"),
            listen: self.topics(node),
            is_handler: handler,
            implicit: false,
        })
    }

    /// What a handler listens to: names, not templates.
    fn topics(&self, node: &Node) -> Vec<Attr> {
        let Some(topics) = node.get("listen").filter(|topics| !topics.is_null()) else { return vec![] };
        self.check_kind("listen", Kind::Names, topics);
        let items = topics.as_list().unwrap_or(std::slice::from_ref(topics));
        if items.iter().any(|item| item.as_str().is_some_and(|text| text.contains("{{"))) {
            let written: Vec<Value> = items.iter().map(Node::to_value).collect();
            let text = format!(
                "\"listen\" is not templatable, but we found: {}, it will not be templated and will be used \"as is\".",
                crate::value::py_repr(&Value::list(written))
            );
            self.problem(Diagnostic::warning("listen", text).at(&topics.span));
        }
        items.iter().map(|item| self.attr(item)).collect()
    }

    pub(super) fn variable_name(&self, node: &Node) -> Option<Arc<str>> {
        let name = node.as_str().unwrap_or_default();
        if is_identifier(name) {
            return Some(Arc::from(name));
        }
        let value = node.to_value();
        let kind = value.type_name();
        let text = match &value {
            Value::Str(name) => format!("Invalid variable name '{name}'."),
            Value::List(_) | Value::Map(_) => format!("Invalid variable name of type '{kind}'."),
            other => format!("Invalid variable name '{}' of type '{kind}'.", py_str(other)),
        };
        self.problem(
            Diagnostic::error("invalid-variable-name", format!("Invalid 'register' specified: {text}"))
                .at(&node.span)
                .help(VARIABLE_NAMES),
        );
        None
    }
}

/// `include`, which is gone from ansible-core.
fn is_old_include(name: &str) -> bool {
    matches!(name, "include" | "ansible.builtin.include")
}

/// What errors call a task.
pub(super) fn class_of(node: &Node, place: Places) -> &'static str {
    let names = node.as_map().unwrap_or_default().iter().filter_map(|(key, _)| key.as_str());
    let mut short = names.map(|name| name.strip_prefix("ansible.builtin.").unwrap_or(name));
    match short.find(|name| name.starts_with("include_") || name.starts_with("import_")) {
        Some("include_tasks" | "import_tasks") if place == Places::HANDLER => "HandlerTaskInclude",
        Some("include_tasks" | "import_tasks") => "TaskInclude",
        Some("include_role" | "import_role") => "IncludeRole",
        _ => place.name(),
    }
}

/// Where the name at the start of `action: NAME …` ends: at the first space that is in no template.
fn end_of_name(text: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next().filter(|c| !c.is_whitespace()) {
        at += match text[at..].starts_with("{{") {
            true => text[at..].find("}}").map_or(text.len() - at, |end| end + 2),
            false => c.len_utf8(),
        };
    }
    at
}
