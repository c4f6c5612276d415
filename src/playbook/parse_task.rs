//! One task: its action, its arguments, its keywords; static imports in place.

use super::action::{ActionKind, ActionName, takes_command};
use super::args::text_node;
use super::keywords::{self, Kind, LOOP_CONTROL, Places};
use super::level::{Attr, Level, LevelKind};
use super::loader::{Loader, RoleRequest, TaskFile};
use super::tasks::{Item, Loop, LoopControl, Task};
use crate::diag::{Diagnostic, Severity, did_you_mean};
use crate::source::{Node, NodeKind, yaml};
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
            self.unknown_action(&found.name, &found.key.span);
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
        match action.kind {
            ActionKind::ImportTasks => self.import_tasks(node, &args, parent, handler),
            ActionKind::ImportRole => self.import_role(node, &args, parent),
            _ => {
                self.check_arguments(&action, &args);
                self.plain_task(node, action, &args, &found, parent, handler)
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
            let keyword = key.as_str().and_then(keywords::keyword);
            let strange = |keyword: &keywords::Keyword| {
                keyword.places.contains(place)
                    && !keyword.places.contains(Places::INCLUDE)
                    && !(place == Places::HANDLER && keyword.name == "listen")
            };
            if keyword.is_some_and(strange) {
                self.unknown_keyword_of(class_of(node, place), key, Places::INCLUDE);
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
                self.no_action(node, &strangers);
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

    fn no_action(&self, node: &Node, strangers: &[&Node]) {
        let near_keyword = |key: &&&Node| {
            did_you_mean(key.as_str().unwrap_or(""), keywords::names_at(Places::TASK)).is_some()
        };
        match strangers.iter().find(|key| !near_keyword(key)).or(strangers.first()) {
            Some(key) => self.unknown_action(&py_str(&key.to_value()), &key.span),
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

    fn variable_name(&self, node: &Node) -> Option<Arc<str>> {
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

    fn looping(&self, node: &Node) -> Option<Loop> {
        let mut found: Option<(Loop, &Node)> = None;
        for (key, value) in node.as_map()? {
            let lookup = match key.as_str() {
                Some("loop") => None,
                Some(name) => match name.strip_prefix("with_") {
                    Some(lookup) => Some(Arc::from(lookup)),
                    None => continue,
                },
                None => continue,
            };
            // `loop:` without a value is none.
            if value.is_null() && lookup.is_none() {
                continue;
            }
            if value.is_null() {
                self.problem(
                    Diagnostic::error(
                        "empty-loop",
                        format!("you must specify a value when using {}", key.as_str().unwrap_or("loop")),
                    )
                    .at(&key.span),
                );
                continue;
            }
            if let Some((_, first)) = &found {
                self.problem(
                    Diagnostic::error(
                        "duplicate-loop",
                        format!("duplicate loop in task: {}", lookup.as_deref().unwrap_or("loop")),
                    )
                    .at(&key.span)
                    .related(&first.span, "the first one is here"),
                );
                continue;
            }
            if let Some(lookup) = &lookup {
                self.check_lookup(lookup, &key.span);
            }
            found = Some((Loop { lookup, items: self.compile(value), span: value.span.clone() }, key));
        }
        found.map(|(looping, _)| looping)
    }

    fn loop_control(&self, node: &Node) -> LoopControl {
        let mut control = LoopControl::default();
        let Some(entries) = node.as_map() else {
            let message = "the `loop_control` value must be specified as a dictionary and cannot be a variable itself (though it can contain variables)";
            self.problem(Diagnostic::error("loop-control-not-a-mapping", message).at(&node.span));
            return control;
        };
        for (key, value) in entries {
            let kind = LOOP_CONTROL.iter().find(|(name, _)| key.as_str() == Some(name));
            if let Some((name, kind)) = kind {
                self.check_kind(name, *kind, value);
            }
            let attr = Some(self.attr(value));
            match key.as_str() {
                Some("loop_var") => control.loop_var = attr,
                Some("index_var") => control.index_var = attr,
                // An empty one is none.
                Some("label") if value.is_null() || value.as_str() == Some("") => {}
                Some("label") => control.label = attr,
                Some("pause") => control.pause = attr,
                Some("extended") => control.extended = attr,
                Some("extended_allitems") => control.extended_allitems = attr,
                Some("break_when") if value.as_str() == Some("") => {}
                Some("break_when") => control.break_when = self.conditions(value),
                _ => {
                    let name = py_str(&key.to_value());
                    let message = format!("'{name}' is not a valid attribute for a LoopControl");
                    let mut problem = Diagnostic::error("unknown-keyword", message).at(&key.span);
                    if let Some(near) = did_you_mean(&name, LOOP_CONTROL.iter().map(|(name, _)| *name)) {
                        problem = problem.help(format!("did you mean `{near}`?"));
                    }
                    self.problem(problem);
                }
            }
        }
        control
    }

    /// The keywords of an import count as those of a block around what is imported, its variables included.
    fn import_level(&self, node: &Node, parent: &Arc<Level>) -> Level {
        let entries = node.as_map().unwrap_or_default();
        let rest: Vec<(&Node, &Node)> = entries.iter().map(|(key, value)| (key, value)).collect();
        let owner = class_of(node, Places::TASK);
        let mut level = self.level_of(owner, &rest, LevelKind::Block, Places::TASK, Some(parent.clone()));
        // What is only a task's is not handed on.
        level.attrs.retain(|(name, _)| {
            *name != "name" && keywords::keyword(name).is_some_and(|it| it.places.contains(Places::BLOCK))
        });
        if let Some(name) = node.get("register").filter(|name| !name.is_null()) {
            self.variable_name(name);
        }
        if let Some(control) = node.get("loop_control") {
            self.loop_control(control);
        }
        level
    }

    fn refuse_loop(&self, node: &Node, what: &str) {
        if let Some(looping) = self.looping(node) {
            self.problem(
                Diagnostic::error(
                    "loop-on-import",
                    format!(
                        "You cannot use loops on '{what}' statements. You should use '{}' instead.",
                        what.replace("import", "include")
                    ),
                )
                .at(&looping.span),
            );
        }
    }

    fn import_tasks(&self, node: &Node, args: &Node, parent: &Arc<Level>, handler: bool) -> Vec<Item> {
        self.refuse_loop(node, "import_tasks");
        let Some(name) = args.get("file").or_else(|| args.get("_raw_params")) else {
            self.problem(
                Diagnostic::error("import-without-file", "No file specified for import_tasks").at(&node.span),
            );
            return vec![];
        };
        let mut level = self.import_level(node, parent);
        // `import_tasks: x.yml a=1`: the old way to hand over variables.
        for (key, value) in args.as_map().unwrap_or_default() {
            if let Some(name) = key.as_str().filter(|key| !matches!(*key, "file" | "_raw_params")) {
                level.vars.insert(name, self.engine.compile(value), Some(key.span.clone()));
            }
        }
        let level = Arc::new(level);
        let file = match self.render_static(&self.attr(name), &level) {
            Ok(file) => py_str(&file),
            Err(mut problem) => {
                if problem.code == "static-template" {
                    let written = py_str(&name.to_value());
                    problem.summary = format!(
                        "Error when evaluating variable in import path '{written}': {}",
                        problem.summary
                    );
                }
                self.problem(problem);
                return vec![];
            }
        };
        let path = match self.find_task_file(&file, parent, handler) {
            Ok(path) => path,
            Err(tried) => {
                let last = tried.last().map_or_else(|| file.clone(), |path| path.display().to_string());
                let mut problem = Diagnostic::error("file-not-found", yaml::missing(&last)).at(&name.span);
                let tried: Vec<_> = tried.iter().map(|path| path.display().to_string()).collect();
                problem = problem.help(format!("searched: {}", tried.join(", ")));
                self.problem(problem);
                return vec![];
            }
        };
        if self.imports_itself(&path, parent) {
            self.circular(&path, &name.span);
            return vec![];
        }
        let mut marked = Level::empty(LevelKind::Block, Some(level));
        marked.attrs.push((
            "_file",
            super::level::Attr {
                term: crate::template::Term::Const(path.to_string_lossy().as_ref().into()),
                span: name.span.clone(),
            },
        ));
        let block = self.load_task_file(&TaskFile {
            path,
            span: &name.span,
            level: Arc::new(marked),
            handlers: handler,
        });
        block.map(Item::Block).into_iter().collect()
    }

    /// Whether a file that is being imported now would be imported again.
    fn imports_itself(&self, path: &std::path::Path, level: &Arc<Level>) -> bool {
        level.chain().filter_map(|level| level.own("_file")).any(|attr| match &attr.term {
            crate::template::Term::Const(value) => value.as_str() == path.to_str(),
            _ => false,
        })
    }

    fn import_role(&self, node: &Node, args: &Node, parent: &Arc<Level>) -> Vec<Item> {
        self.refuse_loop(node, "import_role");
        let level = Arc::new(self.import_level(node, parent));
        let text = |name: &str| {
            let value = args.get(name)?;
            match self.render_static(&self.attr(value), &level) {
                Ok(value) => Some(py_str(&value)),
                Err(problem) => {
                    self.problem(Diagnostic { code: "role-template", ..problem });
                    None
                }
            }
        };
        let Some(name) = text("name").or_else(|| text("role")).or_else(|| text("_raw_params")) else {
            self.problem(
                Diagnostic::error("role-without-name", "'name' is a required field for import_role.")
                    .at(&node.span),
            );
            return vec![];
        };
        let truth = |name: &str| args.get(name).and_then(|node| node.to_value().ansible_bool());
        let request = RoleRequest {
            name,
            tasks_from: text("tasks_from"),
            vars_from: text("vars_from"),
            defaults_from: text("defaults_from"),
            handlers_from: text("handlers_from"),
            allow_duplicates: Some(truth("allow_duplicates").unwrap_or(true)),
            public: truth("public").unwrap_or_else(|| !self.settings.bool("DEFAULT_PRIVATE_ROLE_VARS")),
            rolespec_validate: truth("rolespec_validate"),
            by_task: true,
            ..RoleRequest::default()
        };
        let Some(role) = self.role(&request, &level, &node.span) else { return vec![] };
        self.imported_role(role.clone());
        self.role_items(&role)
    }
}

/// `include`, which is gone from ansible-core.
fn is_old_include(name: &str) -> bool {
    matches!(name, "include" | "ansible.builtin.include")
}

/// What errors call a task.
fn class_of(node: &Node, place: Places) -> &'static str {
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
