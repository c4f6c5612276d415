//! Files to plays and task lists. One loader serves a whole run: dynamic includes come back to it.

use super::keywords::{self, Kind, Places};
use super::known::Current;
use super::level::{Attr, Level, LevelKind, Vars};
use super::library::Library;
use super::tasks::{Block, Item};
use crate::diag::{Diagnostic, Severity, Span, did_you_mean};
use crate::source::{Node, NodeKind, Settings, yaml};
use crate::template::{Engine, Term};
use crate::value::{Map, Value, py_str};
use crate::vars::{Magic, Store};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

/// Parses and links. All methods push what they find wrong and go on, so that one pass finds everything.
pub struct Loader {
    pub engine: Arc<Engine>,
    pub settings: Arc<Settings>,
    /// Variables, for names of what is imported.
    pub(super) store: Arc<Store>,
    pub(super) magic: Arc<Magic>,
    /// The play that is being loaded, or that runs.
    pub(super) current: RwLock<Option<Arc<Current>>>,
    /// Reads files that may be vaults.
    pub reader: yaml::Reader,
    /// Check the arguments of native modules while loading (under the name `ekumen`).
    pub strict_arguments: bool,
    /// Modules that must not be used, by their short names.
    pub rejected: Vec<String>,
    pub(super) files: RwLock<HashMap<PathBuf, Arc<Node>>>,
    pub(super) role_count: Mutex<usize>,
    pub(super) problems: Mutex<Vec<Diagnostic>>,
    /// Roles imported statically by the play or the file that is being loaded.
    pub(super) imported: Mutex<Vec<Arc<super::role::Role>>>,
    /// Modules that the project brings along.
    pub(super) library: Library,
    /// Groups of modules that were asked for, and their modules.
    pub(super) action_groups: RwLock<HashMap<String, Option<Arc<Vec<String>>>>>,
    /// Collections whose version of Ansible was looked at.
    pub(super) checked_collections: Mutex<HashSet<String>>,
}

/// A dynamic `include_tasks`, ready to be loaded.
pub struct TaskFile<'a> {
    pub path: PathBuf,
    /// As it was asked for.
    pub name: &'a str,
    pub span: &'a Span,
    /// The level its tasks inherit from.
    pub level: Arc<Level>,
    pub handlers: bool,
}

/// A role to be loaded, by whom and how.
#[derive(Default, Clone)]
pub struct RoleRequest {
    pub name: String,
    pub params: Vars,
    /// The parameters as they were written, to tell instances apart.
    pub written_params: String,
    pub tasks_from: Option<String>,
    pub vars_from: Option<String>,
    pub defaults_from: Option<String>,
    pub handlers_from: Option<String>,
    pub allow_duplicates: Option<bool>,
    pub public: bool,
    /// `rolespec_validate`: no means that what it is given is not checked.
    pub rolespec_validate: Option<bool>,
    /// Asked for by `include_role` or `import_role`.
    pub by_task: bool,
}

impl Loader {
    pub fn new(engine: Arc<Engine>, settings: Arc<Settings>, store: Arc<Store>, magic: Arc<Magic>) -> Self {
        Self {
            engine,
            settings,
            store,
            magic,
            current: RwLock::default(),
            reader: yaml::Reader::default(),
            strict_arguments: false,
            rejected: vec![],
            files: RwLock::default(),
            role_count: Mutex::new(0),
            problems: Mutex::default(),
            imported: Mutex::default(),
            library: Library::default(),
            action_groups: RwLock::default(),
            checked_collections: Mutex::default(),
        }
    }

    /// What was found wrong since the last call, warnings included.
    pub fn take_problems(&self) -> Vec<Diagnostic> {
        self.problems.lock().map(|mut problems| std::mem::take(&mut *problems)).unwrap_or_default()
    }

    /// Problems that somebody took and did not want.
    pub fn put_back(&self, problems: Vec<Diagnostic>) {
        problems.into_iter().for_each(|problem| self.problem(problem));
    }

    /// The level that `apply` of a dynamic include describes: a block around what is included. `given` is what came of its templates.
    pub fn apply_level(&self, apply: &Node, given: Option<&Value>, parent: Option<Arc<Level>>) -> Level {
        let entries = apply.as_map().unwrap_or_default();
        for (key, _) in entries {
            if !key.as_str().and_then(keywords::keyword).is_some_and(|k| k.places.contains(Places::BLOCK)) {
                self.unknown_keyword(key, Places::BLOCK);
            }
        }
        self.refuse_apply_sections(apply, given);
        // What a template gives instead of a mapping is looked at when it is used.
        let late = |key: &Node, value: &Node| {
            matches!(key.as_str(), Some("module_defaults" | "vars"))
                && value.as_str().is_some_and(|text| text.contains("{{"))
        };
        let words: Vec<(&Node, &Node)> = entries
            .iter()
            .filter(|(key, value)| !late(key, value))
            .map(|(key, value)| (key, value))
            .collect();
        let mut level = self.level(&words, LevelKind::Block, Places::BLOCK, parent);
        for (key, value) in entries.iter().filter(|(key, value)| late(key, value)) {
            let given = key.as_str().and_then(|name| given?.get(name)).and_then(Value::as_map);
            match (key.as_str(), given) {
                (Some("vars"), Some(vars)) => {
                    for (name, term) in vars {
                        level.vars.insert(py_str(name), Term::Data(term.clone()), Some(value.span.clone()));
                    }
                }
                (Some("vars"), None) => level.vars = self.vars(value, "Block"),
                _ => level.attrs.push(("module_defaults", self.attr(value))),
            }
        }
        level
    }

    /// What stands where a task should is none.
    fn not_a_task(&self, section: &str, node: &Node) {
        let what = if section == "block" { "a block" } else { section };
        let message = format!(
            "A malformed block was encountered while loading {what}: a task is a mapping, this is {}",
            node.describe()
        );
        self.problem(Diagnostic::error("not-a-task", message).at(&node.span));
    }

    /// What is included is the block of `apply`: it has no `rescue` and no `always`.
    fn refuse_apply_sections(&self, apply: &Node, given: Option<&Value>) {
        for (key, node) in apply.as_map().unwrap_or_default() {
            let Some(name @ ("rescue" | "always")) = key.as_str() else { continue };
            let value = given.and_then(|given| given.get(name)).cloned().unwrap_or_else(|| node.to_value());
            match value.as_list() {
                None => self.not_a_list(name, &value, &node.span),
                Some([]) => {}
                Some(_) => {
                    let message = format!("'{name}' keyword cannot be used without 'block'");
                    let help = "write a block around the include";
                    self.problem(Diagnostic::error("block-missing", message).at(&key.span).help(help));
                }
            }
        }
    }

    /// What should be a list of tasks is none.
    fn not_a_list(&self, section: &str, value: &Value, place: &Span) {
        let what = if section == "block" { "a block" } else { section };
        let message = format!(
            "A malformed block was encountered while loading {what}: The ds ({}) should be a list but was {}",
            py_str(value),
            value.describe()
        );
        self.problem(Diagnostic::error("block-section", message).at(place));
    }

    pub(super) fn problem(&self, diagnostic: Diagnostic) {
        if let Ok(mut problems) = self.problems.lock() {
            problems.push(diagnostic);
        }
    }

    /// A YAML file, vaults in it opened.
    ///
    /// # Errors
    /// It cannot be read, parsed or decrypted.
    pub fn read_vars(&self, path: &Path) -> Result<yaml::Loaded, Diagnostic> {
        let mut loaded = self.reader.load(path)?;
        self.reader.reveal(&mut loaded.node);
        Ok(loaded)
    }

    /// A YAML file's content, read once per run.
    pub(super) fn yaml(&self, path: &Path) -> Result<Arc<Node>, Diagnostic> {
        if let Some(node) = self.files.read().ok().and_then(|files| files.get(path).cloned()) {
            return Ok(node);
        }
        let loaded = self.read_vars(path)?;
        loaded.warnings.into_iter().for_each(|warning| self.problem(warning));
        let node = Arc::new(loaded.node);
        if let Ok(mut files) = self.files.write() {
            files.insert(path.to_owned(), node.clone());
        }
        Ok(node)
    }

    /// Reads the keywords that levels of all kinds have; the caller takes those that are its own before.
    pub(super) fn level(
        &self,
        entries: &[(&Node, &Node)],
        kind: LevelKind,
        place: Places,
        parent: Option<Arc<Level>>,
    ) -> Level {
        self.level_of(place.name(), entries, kind, place, parent)
    }

    /// The same, for what errors call `owner`.
    pub(super) fn level_of(
        &self,
        owner: &str,
        entries: &[(&Node, &Node)],
        kind: LevelKind,
        place: Places,
        parent: Option<Arc<Level>>,
    ) -> Level {
        let mut level = Level::empty(kind, parent);
        for (key, value) in entries {
            let Some(name) = key.as_str() else { continue };
            match name {
                "when" => level.when = self.conditions(value),
                "tags" => {
                    if !matches!(value.kind, NodeKind::Str(_) | NodeKind::List(_) | NodeKind::Unsafe(_)) {
                        let text = "tags must be specified as a list";
                        self.problem(Diagnostic::error("tags-not-a-list", text).at(&value.span));
                    }
                    level.tags = self.tags(value);
                }
                "vars" => level.vars = self.vars(value, owner),
                _ => {
                    if let Some(keyword) =
                        keywords::keyword(name).filter(|keyword| keyword.places.contains(place))
                    {
                        // The roles of a play may bring along the modules that it names.
                        if keyword.kind == Kind::Defaults && place != Places::PLAY {
                            self.check_module_defaults(value);
                        }
                        let name = if keyword.name == "user" { "remote_user" } else { keyword.name };
                        self.check_kind(name, keyword.kind, value);
                        level.attrs.push((name, self.attr(value)));
                    }
                }
            }
        }
        level
    }

    pub(super) fn circular(&self, path: &Path, place: &Span) {
        let message = format!("{} imports itself", path.display());
        self.problem(Diagnostic::error("circular-import", message).at(place));
    }

    /// The sentence for a keyword that does not exist at `place`.
    pub(super) fn unknown_keyword(&self, key: &Node, place: Places) {
        self.unknown_keyword_of(place.name(), key, place);
    }

    /// The same, for what errors call `owner`.
    pub(super) fn unknown_keyword_of(&self, owner: &str, key: &Node, place: Places) {
        let name = py_str(&key.to_value());
        let mut problem =
            Diagnostic::error("unknown-keyword", format!("'{name}' is not a valid attribute for a {owner}"))
                .at(&key.span);
        if let Some(near) = did_you_mean(&name, keywords::names_at(place)) {
            problem = problem.help(format!("did you mean `{near}`?"));
        }
        self.problem(problem);
    }

    /// Loads what comes next for a playbook in that folder.
    pub fn enter(&self, directory: &Path) {
        if let Ok(mut slot) = self.store.playbook_dir.write() {
            directory.clone_into(&mut slot);
        }
    }

    pub(super) fn directory(&self) -> PathBuf {
        self.store.playbook_dir.read().map(|dir| dir.clone()).unwrap_or_default()
    }

    /// A task file: the block of its tasks.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn task_file(&self, file: &TaskFile) -> Result<Arc<Block>, Vec<Diagnostic>> {
        let before = self.take_problems();
        let block = self.load_task_file(file);
        let mut problems = self.take_problems();
        for earlier in before {
            self.problem(earlier);
        }
        match block {
            Some(block) if problems.iter().all(|p| p.severity != Severity::Error) => {
                problems.into_iter().for_each(|warning| self.problem(warning));
                Ok(block)
            }
            _ => {
                problems.retain(|p| p.severity == Severity::Error);
                Err(problems)
            }
        }
    }

    pub(super) fn load_task_file(&self, file: &TaskFile) -> Option<Arc<Block>> {
        let node = match self.yaml(&file.path) {
            Ok(node) => node,
            Err(problem) => {
                self.problem(if problem.span.is_none() { problem.at(file.span) } else { problem });
                return None;
            }
        };
        let mut level = Level::empty(LevelKind::Block, Some(file.level.clone()));
        level.directory = file.path.parent().map(Path::to_owned);
        level.asked_for_in =
            Path::new(file.name).parent().map(|folder| PathBuf::from(expand_home(&folder.to_string_lossy())));
        let level = Arc::new(level);
        let main = match &node.kind {
            NodeKind::Null => vec![],
            NodeKind::List(items) => self.items(items, &level, file.handlers),
            _ => {
                self.problem(
                    Diagnostic::error("not-a-task-list", "included task files must contain a list of tasks")
                        .at(&node.span),
                );
                return None;
            }
        };
        Some(Arc::new(Block {
            level,
            name: None,
            main,
            rescue: vec![],
            always: vec![],
            span: node.span.clone(),
        }))
    }

    /// A list of tasks and blocks.
    pub(super) fn items(&self, nodes: &[Node], parent: &Arc<Level>, handlers: bool) -> Vec<Item> {
        nodes.iter().flat_map(|node| self.item(node, parent, handlers)).collect()
    }

    fn item(&self, node: &Node, parent: &Arc<Level>, handlers: bool) -> Vec<Item> {
        match node.as_map() {
            Some(entries)
                if entries
                    .iter()
                    .any(|(key, _)| matches!(key.as_str(), Some("block" | "rescue" | "always"))) =>
            {
                self.block(node, parent, handlers)
                    .into_iter()
                    .map(|block| Item::Block(Arc::new(block)))
                    .collect()
            }
            Some(_) => self.task(node, parent, handlers),
            None => {
                if !node.is_null() {
                    self.not_a_task("tasks", node);
                }
                vec![]
            }
        }
    }

    /// A block among handlers is as if it were not there, but for what is in it: no blocks.
    fn refuse_nested_blocks(&self, block: &Node) {
        let sections =
            ["block", "rescue", "always"].into_iter().filter_map(|name| block.get(name)?.as_list());
        for nested in sections.flatten().filter(|item| item.get("block").is_some()) {
            let message = "Using a block as a handler is not supported.";
            let help = "handlers that listen to the same topic run one after the other";
            self.problem(Diagnostic::error("block-as-handler", message).at(&nested.span).help(help));
        }
    }

    /// What a play, block or task is called.
    pub(super) fn name(&self, node: &Node) -> Option<Attr> {
        let name = node.get("name").filter(|name| !name.is_null())?;
        self.check_kind("name", Kind::Text, name);
        Some(self.attr(name))
    }

    fn block(&self, node: &Node, parent: &Arc<Level>, handlers: bool) -> Option<Block> {
        let entries = node.as_map()?;
        for (key, _) in entries {
            let known =
                key.as_str().and_then(keywords::keyword).is_some_and(|k| k.places.contains(Places::BLOCK));
            if !known {
                self.unknown_keyword(key, Places::BLOCK);
            }
        }
        let rest: Vec<(&Node, &Node)> = entries
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), Some("block" | "rescue" | "always" | "name")))
            .map(|(key, value)| (key, value))
            .collect();
        let level = Arc::new(self.level(&rest, LevelKind::Block, Places::BLOCK, Some(parent.clone())));
        self.check_collection_names(node.get("collections"));
        if handlers {
            self.refuse_nested_blocks(node);
        }
        let section = |name: &str| match node.get(name).map(|value| (&value.kind, value)) {
            None => vec![],
            Some((NodeKind::List(items), _)) => {
                // An empty entry is no task, though lists of tasks elsewhere may have some.
                items.iter().filter(|item| item.is_null()).for_each(|item| self.not_a_task(name, item));
                self.items(items, &level, handlers)
            }
            Some((_, value)) => {
                self.not_a_list(name, &value.to_value(), &value.span);
                vec![]
            }
        };
        let (main, rescue, always) = (section("block"), section("rescue"), section("always"));
        if node.get("block").is_none() {
            self.problem(
                Diagnostic::error(
                    "block-missing",
                    "'rescue' and 'always' keywords cannot be used without 'block'",
                )
                .at(&node.span),
            );
        }
        let name = self.name(node);
        Some(Block { level, name, main, rescue, always, span: node.span.clone() })
    }
}

/// `~` at the start of a path.
pub(super) fn expand_home(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

/// A mapping of constants.
pub(super) fn constants<const N: usize>(pairs: [(&str, Value); N]) -> Term {
    Term::Const(Value::map(pairs.into_iter().map(|(k, v)| (Value::str(k), v)).collect::<Map>()))
}

/// The path without `.` and `..` (by its text: what is a link stays one).
pub(super) fn normalize(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
