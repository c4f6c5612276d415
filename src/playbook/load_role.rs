//! Roles from their folders.

use super::args::text_node;
use super::keywords::{self, Places};
use super::level::{Attr, Level, LevelKind, Vars};
use super::loader::{Loader, RoleRequest, TaskFile, expand_home, normalize};
use super::role::{Role, RoleContent};
use super::tasks::{Block, Item, Task};
use crate::diag::{Diagnostic, Span};
use crate::inventory::files_below;
use crate::source::{Node, NodeKind};
use crate::template::Term;
use crate::value::{Map, Value, py_str};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A chain of dependencies longer than this goes in circles.
const DEEPEST: usize = 50;

/// Endings of a role's files, in the order in which they are looked for, whatever the settings say.
const EXTENSIONS: [&str; 3] = [".yml", ".yaml", ".json"];

/// Where a role is, and what it is called.
struct FoundRole {
    name: String,
    path: PathBuf,
    collection: Option<String>,
}

impl Loader {
    /// The entries of a play's `roles`.
    pub(super) fn play_roles(&self, node: &Node, level: &Arc<Level>) -> Vec<Arc<Role>> {
        let Some(items) = node.as_list() else {
            if !node.is_null() {
                let message = format!(
                    "A malformed role declaration was encountered: ds ({}) should be a list but was {}",
                    py_str(&node.to_value()),
                    node.describe()
                );
                self.problem(Diagnostic::error("roles-not-a-list", message).at(&node.span));
            }
            return vec![];
        };
        items.iter().filter_map(|item| self.role_entry(item, level)).collect()
    }

    /// One entry of `roles` or `dependencies`: a name, or a mapping of name, keywords and parameters.
    fn role_entry(&self, node: &Node, parent: &Arc<Level>) -> Option<Arc<Role>> {
        let mut request = RoleRequest {
            public: !self.settings.bool("DEFAULT_PRIVATE_ROLE_VARS"),
            ..RoleRequest::default()
        };
        let mut level = Level::empty(LevelKind::Role, Some(parent.clone()));
        match &node.kind {
            NodeKind::Str(name) => request.name = name.to_string(),
            NodeKind::Map(entries) => {
                let keyword = |key: &Node| {
                    key.as_str().and_then(keywords::keyword).is_some_and(|k| k.places.contains(Places::ROLE))
                };
                let words: Vec<(&Node, &Node)> = entries
                    .iter()
                    .filter(|(key, _)| keyword(key) && key.as_str() != Some("role"))
                    .map(|(k, v)| (k, v))
                    .collect();
                level = self.level(&words, LevelKind::Role, Places::ROLE, Some(parent.clone()));
                level.attrs.retain(|(name, _)| *name != "name");
                for (key, value) in entries.iter().filter(|(key, _)| !keyword(key)) {
                    let term = self.engine.compile(value);
                    request.params.insert(py_str(&key.to_value()), term, Some(key.span.clone()));
                }
                // Keywords do not make it another role, but for these; nor does an empty `vars`.
                let told_by = |key: &Node, value: &Node| match key.as_str() {
                    Some("role" | "name") => false,
                    Some("tags" | "when") => true,
                    Some("vars") => value.as_map().is_some_and(|vars| !vars.is_empty()),
                    _ => !keyword(key),
                };
                let written: Vec<String> = entries
                    .iter()
                    .filter(|(key, value)| told_by(key, value))
                    .map(|(key, value)| {
                        format!("{}={}", py_str(&key.to_value()), crate::value::py_repr(&value.to_value()))
                    })
                    .collect();
                request.written_params = written.join(" ");
                if let Some(name) = node.get("name") {
                    self.check_kind("name", keywords::Kind::Text, name);
                }
                let name = node.get("role").or_else(|| node.get("name"));
                match name.and_then(Node::as_str).filter(|name| !name.is_empty()) {
                    Some(name) => request.name = name.to_owned(),
                    None => {
                        self.problem(
                            Diagnostic::error("unnamed-role", "role definitions must contain a role name")
                                .at(&node.span),
                        );
                        return None;
                    }
                }
            }
            _ => {
                let help = format!("a role is a name, or a mapping with one; this is {}", node.describe());
                let problem = Diagnostic::error("not-a-role", "Invalid role definition.").at(&node.span);
                self.problem(problem.help(help));
                return None;
            }
        }
        let level = Arc::new(level);
        self.look(parent);
        if request.name.contains(',') && !request.name.contains("{{") {
            let message = format!("Invalid old style role requirement: {}", request.name);
            let help = "write the name alone; source and version belong into requirements.yml";
            self.problem(Diagnostic::error("old-style-role", message).at(&node.span).help(help));
            return None;
        }
        if request.name.contains("{{") {
            match self.render_static(&self.attr(&text_node(&request.name, node)), &level) {
                Ok(name) => request.name = py_str(&name),
                Err(problem) => {
                    self.problem(Diagnostic { code: "role-template", ..problem });
                    return None;
                }
            }
        }
        self.role(&request, &level, &node.span)
    }

    /// Where roles are looked for.
    fn role_folders(&self, level: &Level) -> Vec<PathBuf> {
        let directory = self.directory();
        let mut folders = vec![directory.join("roles")];
        folders.extend(self.settings.paths("DEFAULT_ROLES_PATH"));
        if let Some(role) = &level.role {
            folders.extend(role.path.parent().map(Path::to_owned));
        }
        folders.push(directory);
        folders
    }

    /// The folder of a role, and its collection if it is in one.
    fn find_role(&self, request: &RoleRequest, level: &Level) -> Result<FoundRole, Vec<PathBuf>> {
        let name = expand_home(&request.name);
        let mut tried = Vec::new();
        let parts: Vec<&str> = request.name.splitn(3, '.').collect();
        let mut collections: Vec<(String, &str)> = Vec::new();
        if let [namespace, collection, role] = parts[..]
            && !request.name.contains('/')
        {
            collections.push((format!("{namespace}.{collection}"), role));
        } else {
            collections.extend(level.collections().into_iter().map(|c| (c, request.name.as_str())));
        }
        for (collection, role) in collections {
            for folder in self.collection_folders() {
                let path = folder
                    .join("ansible_collections")
                    .join(collection.replace('.', "/"))
                    .join("roles")
                    .join(role);
                if path.is_dir() {
                    self.runtime(&collection);
                    return Ok(FoundRole { name: request.name.clone(), path, collection: Some(collection) });
                }
                tried.push(path);
            }
        }
        for folder in self.role_folders(level) {
            let path = normalize(&folder.join(&name));
            if path.is_dir() {
                return Ok(FoundRole { name: request.name.clone(), path, collection: None });
            }
            if !tried.contains(&folder) {
                tried.push(folder);
            }
        }
        // The name is a path, perhaps from where the program was started.
        match std::path::absolute(&name) {
            Ok(path) if path.is_dir() => {
                let path = normalize(&path);
                let own = path.file_name().map(|own| own.to_string_lossy().into_owned());
                Ok(FoundRole { name: own.unwrap_or_else(|| request.name.clone()), path, collection: None })
            }
            _ => Err(tried),
        }
    }

    pub(super) fn collection_folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.directory().join("collections")];
        folders.extend(self.settings.paths("COLLECTIONS_PATHS"));
        folders
    }

    /// Variables as they were written: with others, a role is another one.
    pub fn written_vars(&self, vars: &Vars) -> impl Iterator<Item = String> {
        let text = |name: &str| vars.get(name).map(|term| self.engine.source_of(term)).unwrap_or_default();
        vars.keys().map(move |name| format!("{name}={}", text(name)))
    }

    /// Loads a role for a level (which gives it keywords and parents).
    pub fn role(&self, request: &RoleRequest, level: &Arc<Level>, span: &Span) -> Option<Arc<Role>> {
        let FoundRole { name, path, collection } = match self.find_role(request, level) {
            Ok(found) => found,
            Err(tried) => {
                let tried: Vec<_> = tried.iter().map(|path| path.display().to_string()).collect();
                self.problem(
                    Diagnostic::error(
                        "role-not-found",
                        format!("the role '{}' was not found in {}", request.name, tried.join(":")),
                    )
                    .at(span),
                );
                return None;
            }
        };
        let parents: Vec<Arc<Role>> = match &level.role {
            Some(parent) => std::iter::once(parent.clone()).chain(parent.parents.iter().cloned()).collect(),
            None => vec![],
        };
        if parents.len() > DEEPEST {
            self.problem(
                Diagnostic::error("circular-roles", format!("the role '{}' depends on itself", request.name))
                    .at(span),
            );
            return None;
        }
        let meta = self.role_file(&path, "meta", None, span).unwrap_or_else(|| empty_map(span));
        let id = self.role_count.lock().map(|mut count| {
            *count += 1;
            *count
        });
        let mut role = Role {
            id: id.unwrap_or_default(),
            fingerprint: format!(
                "{}|{}|{}|{:?}|{:?}|{:?}|{:?}|{}",
                request.by_task,
                // Ansible tells them apart by what they are called, too; that of a collection has one name.
                if collection.is_none() { &name } else { "" },
                path.display(),
                request.tasks_from,
                request.vars_from,
                request.defaults_from,
                request.handlers_from,
                request.written_params
            ),
            name,
            defaults: self.role_vars(&path, request, "defaults", request.defaults_from.as_deref(), span),
            vars: self.role_vars(&path, request, "vars", request.vars_from.as_deref(), span),
            path,
            collection,
            collections: meta
                .get("collections")
                .and_then(Node::as_list)
                .unwrap_or_default()
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            params: request.params.clone(),
            allow_duplicates: request
                .allow_duplicates
                .or_else(|| meta.get("allow_duplicates").and_then(|node| node.to_value().ansible_bool()))
                .unwrap_or(false),
            public: request.public,
            by_task: request.by_task,
            parents,
            dependencies: vec![],
            content: OnceLock::new(),
        };
        if let Some(dependencies) = meta.get("dependencies").filter(|node| !node.is_null()) {
            // Dependencies see this role as the one that asks for them, and inherit its keywords.
            let asking = Arc::new(Role { content: OnceLock::new(), dependencies: vec![], ..shallow(&role) });
            let mut inherited = Level::empty(LevelKind::Block, Some(level.clone()));
            inherited.role = Some(asking);
            let inherited = Arc::new(inherited);
            role.dependencies = dependencies
                .as_list()
                .unwrap_or_default()
                .iter()
                .filter_map(|item| self.role_entry(item, &inherited))
                .collect();
        }
        let role = Arc::new(role);
        self.role_content(&role, request, level, span);
        Some(role)
    }

    fn role_content(&self, role: &Arc<Role>, request: &RoleRequest, level: &Arc<Level>, span: &Span) {
        let mut own = Level::empty(LevelKind::Block, Some(level.clone()));
        own.role = Some(role.clone());
        own.directory = Some(role.path.join("tasks"));
        let own = Arc::new(own);
        self.library.add_role(&role.path);
        let load = |kind: &str, from: Option<&str>| {
            let path = self.role_main(&role.path, kind, from);
            if path.is_none()
                && let Some(from) = from
            {
                self.missing_role_file(&role.path, kind, from, span);
            }
            let path = self.inside_role(&role.path, &role.name, kind, path?, from, span)?;
            self.load_task_file(&TaskFile {
                path,
                name: "",
                span,
                level: own.clone(),
                handlers: kind == "handlers",
            })
        };
        let handlers = load("handlers", request.handlers_from.as_deref())
            .map(|block| vec![Item::Block(block)])
            .unwrap_or_default();
        let tasks = load("tasks", request.tasks_from.as_deref());
        let validation = self.validation(role, request, &own, span);
        // It was made just before, so nothing is there yet.
        drop(role.content.set(RoleContent { validation, tasks, handlers }));
    }

    /// The task that checks what the role is given, if `meta/argument_specs.yml` (or `meta/main.yml`) says what that has to be.
    fn validation(
        &self,
        role: &Arc<Role>,
        request: &RoleRequest,
        level: &Arc<Level>,
        span: &Span,
    ) -> Option<Arc<Task>> {
        if request.rolespec_validate == Some(false) {
            return None;
        }
        let own = self
            .role_main(&role.path, "meta", Some("argument_specs"))
            .and_then(|_| self.role_file(&role.path, "meta", Some("argument_specs"), span));
        let file = match own {
            Some(file) => file,
            None => self.role_file(&role.path, "meta", None, span)?,
        };
        let entry = request.tasks_from.as_deref().unwrap_or("main");
        let entry = entry.strip_suffix(".yml").or_else(|| entry.strip_suffix(".yaml")).unwrap_or(entry);
        let spec = file.get("argument_specs")?.get(entry)?;
        let options =
            spec.get("options").map(|options| options.to_value()).filter(|options| !options.is_null());
        let description = spec.get("short_description").and_then(super::level::plain_text);
        let name = match description {
            Some(text) => format!("Validating arguments against arg spec '{entry}' - {text}"),
            None => format!("Validating arguments against arg spec '{entry}'"),
        };
        let context = Value::object([
            ("argument_spec_name", Value::str(entry)),
            ("name", Value::str(&role.name)),
            ("path", Value::str(role.path.to_string_lossy())),
            ("type", "role".into()),
        ]);
        let mut own = Level::empty(LevelKind::Task, Some(level.clone()));
        own.tags = vec![Attr { term: Term::Const("always".into()), span: span.clone() }];
        // What the role is given where it is named wins over all variables.
        let given = |name: &str| Some((Term::Const(name.into()), request.params.get(name)?.clone()));
        let given: Vec<_> = request.params.keys().filter_map(|name| given(name)).collect();
        let argument = |name: &str, value: Value| (Term::Const(name.into()), Term::Const(value));
        Some(Arc::new(Task {
            name: Some(Attr { term: Term::Const(name.into()), span: span.clone() }),
            args: Term::Map(Arc::from([
                argument("argument_spec", options.unwrap_or_else(|| Value::map(Map::new()))),
                argument("validate_args_context", context),
                (Term::Const("provided_arguments".into()), Term::Map(given.into())),
            ])),
            ..Task::made("validate_argument_spec", super::action::ActionKind::Action, own, span)
        }))
    }

    /// The items that running a role means: dependencies, its tasks, and the mark that it has run.
    pub fn role_items(&self, role: &Arc<Role>) -> Vec<Item> {
        let mut items = Vec::new();
        for role in role.with_dependencies() {
            let Some(block) = role.content.get().and_then(|content| content.tasks.clone()) else { continue };
            let done = meta_task("role_complete", &block.level, &block.span);
            if let Some(task) = role.content.get().and_then(|content| content.validation.clone()) {
                items.push(Item::Task(task));
            }
            items.push(Item::Block(block));
            items.push(Item::Task(Arc::new(done)));
        }
        items
    }

    fn role_vars(
        &self,
        role: &Path,
        request: &RoleRequest,
        kind: &str,
        from: Option<&str>,
        span: &Span,
    ) -> Vars {
        // `vars/main/` and the like may be folders of files, which add up.
        let folder = role.join(kind).join(from.unwrap_or("main"));
        if folder.is_dir() && self.role_main(role, kind, from).is_none() {
            if self.inside_role(role, &request.name, kind, folder.clone(), from, span).is_none() {
                return Vars::new();
            }
            let mut vars = Vars::new();
            let files = files_below(&folder, &EXTENSIONS);
            files.iter().for_each(|path| vars.extend(&self.vars_file(path, kind, span)));
            return vars;
        }
        if let Some(path) = self.role_main(role, kind, from)
            && self.inside_role(role, &request.name, kind, path, from, span).is_none()
        {
            return Vars::new();
        }
        match self.role_file(role, kind, from, span) {
            Some(node) => self.vars(&node, kind),
            None => Vars::new(),
        }
    }

    fn vars_file(&self, path: &Path, kind: &str, span: &Span) -> Vars {
        match self.yaml(path) {
            Ok(node) => self.vars(&node, kind),
            Err(problem) => {
                self.problem(if problem.span.is_none() { problem.at(span) } else { problem });
                Vars::new()
            }
        }
    }

    fn role_main(&self, role: &Path, kind: &str, from: Option<&str>) -> Option<PathBuf> {
        let stem = role.join(kind).join(from.unwrap_or("main"));
        std::iter::once("")
            .chain(EXTENSIONS)
            .map(|extension| PathBuf::from(format!("{}{extension}", stem.display())))
            .find(|path| path.is_file())
    }

    /// Refuses a file that somebody asked a role for and that is not the role's.
    fn inside_role(
        &self,
        role: &Path,
        name: &str,
        kind: &str,
        path: PathBuf,
        from: Option<&str>,
        span: &Span,
    ) -> Option<PathBuf> {
        let folder = role.join(kind);
        if from.is_none() || normalize(&path).starts_with(normalize(&folder)) {
            return Some(path);
        }
        let text = format!(
            "Failed loading '{}' for role ({}) as it is not inside the expected role path: '{}'",
            path.display(),
            name,
            folder.display()
        );
        self.problem(Diagnostic::error("file-outside-role", text).at(span));
        None
    }

    /// Somebody asked for a file that a role does not have. In a folder that it does not have nothing is missed.
    fn missing_role_file(&self, role: &Path, kind: &str, from: &str, span: &Span) {
        if role.join(kind).is_dir() {
            let message = format!("Could not find specified file in role: {kind}/{from}");
            return self.problem(Diagnostic::error("role-file-not-found", message).at(span));
        }
        let message = format!("The role has no folder '{kind}', so `{kind}_from: {from}` brings nothing.");
        self.problem(Diagnostic::warning("role-folder-not-found", message).at(span));
    }

    fn role_file(&self, role: &Path, kind: &str, from: Option<&str>, span: &Span) -> Option<Arc<Node>> {
        let Some(path) = self.role_main(role, kind, from) else {
            if let Some(from) = from {
                self.missing_role_file(role, kind, from, span);
            }
            return None;
        };
        match self.yaml(&path) {
            Ok(node) => Some(node),
            Err(problem) => {
                self.problem(if problem.span.is_none() { problem.at(span) } else { problem });
                None
            }
        }
    }
}

fn shallow(role: &Role) -> Role {
    Role {
        id: role.id,
        fingerprint: role.fingerprint.clone(),
        name: role.name.clone(),
        path: role.path.clone(),
        collection: role.collection.clone(),
        collections: role.collections.clone(),
        defaults: role.defaults.clone(),
        vars: role.vars.clone(),
        params: role.params.clone(),
        allow_duplicates: role.allow_duplicates,
        public: role.public,
        by_task: role.by_task,
        parents: role.parents.clone(),
        dependencies: vec![],
        content: OnceLock::new(),
    }
}

fn empty_map(span: &Span) -> Arc<Node> {
    Arc::new(Node::new(NodeKind::Map(vec![]), span.clone()))
}

/// A `meta` task that nobody wrote.
pub(super) fn meta_task(what: &str, level: &Arc<Level>, span: &Span) -> Task {
    let own = Level::empty(LevelKind::Task, Some(level.clone()));
    Task {
        args: super::loader::constants([("_raw_params", what.into())]),
        implicit: true,
        ..Task::made("meta", super::action::ActionKind::Meta, own, span)
    }
}

/// A block of items that stand in no file of their own.
pub(super) fn section(items: Vec<Item>, level: &Arc<Level>, span: &Span) -> Arc<Block> {
    Arc::new(Block {
        level: level.clone(),
        name: None,
        main: items,
        rescue: vec![],
        always: vec![],
        span: span.clone(),
    })
}
