//! Playbook files: plays and imported playbooks.

use super::keywords::{self, Kind, Places};
use super::level::{Attr, Condition, Level, LevelKind, plain_text};
use super::load_role::{meta_task, section};
use super::loader::{Loader, normalize};
use super::play::{Play, Playbook, PromptSpec};
use super::role::Role;
use super::tasks::Item;
use super::terms::unconverted;
use crate::diag::{Diagnostic, Severity, Span};
use crate::source::{Node, NodeKind};
use crate::template::Term;
use crate::value::{Value, py_str};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Playbooks that import one another deeper than this go in circles.
const DEEPEST: usize = 50;

impl Loader {
    /// Loads and links a playbook.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn playbook(&self, path: &Path) -> Result<Playbook, Vec<Diagnostic>> {
        let directory = path
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
            .map_or_else(|| PathBuf::from("."), Path::to_owned);
        let directory = directory.canonicalize().unwrap_or(directory);
        self.enter(&directory);
        let full = path.file_name().map_or_else(|| path.to_owned(), |name| directory.join(name));
        let plays = self.plays_of(&full, None, 0, None);
        self.judged(Playbook { path: full, plays })
    }

    /// A playbook that stands in no file (an ad-hoc command).
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn playbook_from(&self, node: &Node, directory: &Path) -> Result<Playbook, Vec<Diagnostic>> {
        self.enter(directory);
        let path = directory.join("<command line>");
        let plays = node
            .as_list()
            .unwrap_or_default()
            .iter()
            .flat_map(|item| self.play_or_import(item, &path, None, 0))
            .collect();
        self.judged(Playbook { path, plays })
    }

    /// The playbook, unless loading it found errors.
    fn judged(&self, playbook: Playbook) -> Result<Playbook, Vec<Diagnostic>> {
        let mut warnings = self.take_problems();
        let is_error = |problem: &Diagnostic| problem.severity == Severity::Error;
        // What comes after an error may be of its making.
        let first = warnings.iter().position(is_error).unwrap_or(warnings.len());
        let errors: Vec<Diagnostic> = warnings.split_off(first).into_iter().filter(is_error).collect();
        self.put_back(warnings);
        if errors.is_empty() { Ok(playbook) } else { Err(errors) }
    }

    /// `asked` is the place of the import.
    fn plays_of(
        &self,
        path: &Path,
        parent: Option<&Arc<Level>>,
        depth: usize,
        asked: Option<&Span>,
    ) -> Vec<Arc<Play>> {
        let node = match self.yaml(path) {
            Ok(node) => node,
            Err(problem) => {
                self.problem(match (problem.span.is_none(), asked) {
                    (true, Some(place)) => problem.at(place),
                    _ => problem,
                });
                return vec![];
            }
        };
        match &node.kind {
            NodeKind::List(items) if items.is_empty() => {
                let message = format!("A playbook must contain at least one play: {}", path.display());
                self.problem(Diagnostic::error("empty-playbook", message).at(&node.span));
                vec![]
            }
            NodeKind::List(items) => {
                items.iter().flat_map(|item| self.play_or_import(item, path, parent, depth)).collect()
            }
            NodeKind::Null => {
                self.problem(
                    Diagnostic::error("empty-playbook", "Empty playbook, nothing to do").at(&node.span),
                );
                vec![]
            }
            _ => {
                self.problem(
                    Diagnostic::error(
                        "not-a-playbook",
                        format!(
                            "A playbook must be a list of plays, got {} instead: {}",
                            node.describe(),
                            path.display()
                        ),
                    )
                    .at(&node.span),
                );
                vec![]
            }
        }
    }

    fn play_or_import(
        &self,
        node: &Node,
        path: &Path,
        parent: Option<&Arc<Level>>,
        depth: usize,
    ) -> Vec<Arc<Play>> {
        let Some(entries) = node.as_map() else {
            self.problem(
                Diagnostic::error(
                    "not-a-play",
                    "playbook entries must be either valid plays or 'import_playbook' statements",
                )
                .at(&node.span),
            );
            return vec![];
        };
        let import = entries.iter().find(|(key, _)| {
            matches!(
                key.as_str(),
                Some(
                    "import_playbook"
                        | "ansible.builtin.import_playbook"
                        | "ansible.legacy.import_playbook"
                        | "include"
                )
            )
        });
        match import {
            Some((key, value)) if key.as_str() != Some("include") || node.get("hosts").is_none() => {
                self.import_playbook(node, key, value, path, parent, depth)
            }
            _ => self.play(node, entries, path, parent).map(Arc::new).into_iter().collect(),
        }
    }

    fn import_playbook(
        &self,
        node: &Node,
        key: &Node,
        value: &Node,
        path: &Path,
        parent: Option<&Arc<Level>>,
        depth: usize,
    ) -> Vec<Arc<Play>> {
        if depth > DEEPEST {
            self.circular(path, &value.span);
            return vec![];
        }
        let old = key.as_str() == Some("include");
        let entries = node.as_map().unwrap_or_default();
        let words: Vec<(&Node, &Node)> = entries
            .iter()
            .filter(|(k, _)| !std::ptr::eq(k, key) && k.as_str() != Some("name"))
            .map(|(k, v)| (k, v))
            .collect();
        for (key, _) in words.iter().filter(|_| !old) {
            let keyword = key.as_str().and_then(keywords::keyword);
            if !keyword.is_some_and(|keyword| keyword.places.contains(Places::PLAYBOOK)) {
                self.unknown_keyword(key, Places::PLAYBOOK);
            }
        }
        // It stands in no play.
        self.enter_play(None);
        let place = if old { Places::TASK } else { Places::PLAYBOOK };
        let mut written = self.level(&words, LevelKind::Play, place, parent.cloned());
        if let Some(when) = node.get("when") {
            match self.rendered_conditions(when, &Arc::new(written.clone())) {
                Ok(conditions) => written.when = conditions,
                Err(problem) => {
                    self.problem(problem);
                    return vec![];
                }
            }
        }
        let written = Arc::new(written);
        self.check_import_keywords(&written, self.name(node).as_ref());
        // Variables, tags and conditions are all that is handed on.
        let (vars, tags, when) = (written.vars.clone(), written.tags.clone(), written.when.clone());
        let level = Arc::new(Level { vars, tags, when, ..Level::empty(LevelKind::Play, parent.cloned()) });
        self.check_kind("import_playbook", Kind::Text, value);
        if value.is_null() {
            let message = "The field 'import_playbook' is required but was not set.";
            self.problem(Diagnostic::error("import-without-file", message).at(&key.span));
        }
        if plain_text(value).is_none() {
            return vec![];
        }
        let name = match self.render_static(&self.attr(value), &level) {
            Ok(name) => py_str(&name),
            Err(problem) => {
                let summary = format!("Error processing keyword 'import_playbook': {}", problem.summary);
                self.problem(Diagnostic { summary, code: "play-keyword", ..problem });
                return vec![];
            }
        };
        // Behind its name stood variables.
        let file = if old { name.split_whitespace().next().unwrap_or_default() } else { &name };
        let directory = path.parent().unwrap_or(Path::new("."));
        let target = self.collection_playbook(file).unwrap_or_else(|| normalize(&directory.join(file)));
        // Roles and the like of an imported playbook are beside it.
        let here = self.directory();
        self.enter(target.parent().unwrap_or(Path::new(".")));
        let plays = self.plays_of(&target, Some(&level), depth + 1, Some(&value.span));
        self.enter(&here);
        plays
    }

    /// The conditions of an import: what is a template in them is rendered at once. A text that comes of one stays the template it is.
    fn rendered_conditions(&self, when: &Node, level: &Arc<Level>) -> Result<Vec<Condition>, Diagnostic> {
        let items = when.as_list().unwrap_or(std::slice::from_ref(when));
        let mut conditions = Vec::new();
        for item in items {
            let value = match item.as_str().is_some_and(|text| text.contains("{{")) {
                true => self.render_static(&self.attr(item), level).map_err(|problem| {
                    let summary = format!("Error processing keyword 'when': {}", problem.summary);
                    Diagnostic { summary, code: "play-keyword", ..problem }
                })?,
                false => Value::Null,
            };
            conditions.extend(match value {
                Value::Bool(truth) => self.conditions(&Node::new(NodeKind::Bool(truth), item.span.clone())),
                _ => self.conditions(item),
            });
        }
        Ok(conditions)
    }

    /// The keywords of an import are rendered at once, but for conditions and variables.
    fn check_import_keywords(&self, level: &Arc<Level>, name: Option<&Attr>) {
        let tags = level.tags.iter().map(|attr| ("tags", attr));
        let attrs = level.attrs.iter().map(|(name, attr)| (*name, attr));
        let all = name.map(|attr| ("name", attr)).into_iter().chain(attrs).chain(tags);
        for (name, attr) in all.filter(|(name, _)| *name != "module_defaults") {
            let kind = keywords::keyword(name).map_or(Kind::Other, |keyword| keyword.kind);
            let problem = match self.render_static(attr, level) {
                // That was said already.
                Ok(_) if self.strict_arguments && matches!(attr.term, Term::Const(_)) => continue,
                Ok(value) => match kind.check(&value) {
                    Ok(()) => {
                        match Some(&value).filter(|_| name == "debugger").and_then(keywords::debugger_fault) {
                            Some(why) => {
                                let text = format!("Error processing keyword 'debugger': {why}");
                                Diagnostic::error("play-keyword", text).at(&attr.span)
                            }
                            None => continue,
                        }
                    }
                    Err(expected) => unconverted(name, &value, expected, &attr.span),
                },
                Err(problem) => {
                    let summary = format!("Error processing keyword '{name}': {}", problem.summary);
                    let help = "only -e and the variables of the import itself are known while it is read";
                    Diagnostic { summary, code: "play-keyword", ..problem }.help(help)
                }
            };
            self.problem(problem);
        }
    }

    /// `ns.collection.playbook`, perhaps with the ending of its file.
    pub fn collection_playbook(&self, name: &str) -> Option<PathBuf> {
        let (collection, playbook) = super::collections::split(name)?;
        let folder = self.collection(collection)?.join("playbooks");
        self.runtime(collection);
        let endings = ["", ".yml", ".yaml"].into_iter();
        let file = if playbook.ends_with(".yml") || playbook.ends_with(".yaml") {
            let (stem, ending) = playbook.rsplit_once('.')?;
            format!("{}.{ending}", stem.replace('.', "/"))
        } else {
            playbook.replace('.', "/")
        };
        endings.map(|ending| folder.join(format!("{file}{ending}"))).find(|path| path.is_file())
    }

    fn play(
        &self,
        node: &Node,
        entries: &[(Node, Node)],
        path: &Path,
        parent: Option<&Arc<Level>>,
    ) -> Option<Play> {
        for (key, _) in entries {
            if !key
                .as_str()
                .and_then(keywords::keyword)
                .is_some_and(|keyword| keyword.places.contains(Places::PLAY))
            {
                self.unknown_keyword(key, Places::PLAY);
            }
        }
        const OWN: &[&str] = &[
            "name",
            "hosts",
            "tasks",
            "pre_tasks",
            "post_tasks",
            "handlers",
            "roles",
            "vars_files",
            "vars_prompt",
        ];
        let words: Vec<(&Node, &Node)> = entries
            .iter()
            .filter(|(key, _)| key.as_str().is_some_and(|name| !OWN.contains(&name)))
            .map(|(key, value)| (key, value))
            .collect();
        let directory = path.parent().unwrap_or(Path::new(".")).to_owned();
        let mut level = self.level(&words, LevelKind::Play, Places::PLAY, parent.cloned());
        level.directory = Some(directory.clone());
        // What imports hand over wins over what the play says, that of the outermost one over others.
        parent.iter().flat_map(|import| import.chain()).for_each(|import| level.vars.extend(&import.vars));
        let level = Arc::new(level);
        let vars_files = self.list_attrs(node.get("vars_files"));
        let written = node.get("name").or(node.get("hosts")).and_then(plain_text).unwrap_or_default();
        self.begin(&level, &written, vars_files.clone(), &directory);
        let Some(hosts) = node.get("hosts") else {
            self.problem(
                Diagnostic::error("play-without-hosts", "the field 'hosts' is required but was not set")
                    .at(&node.span),
            );
            return None;
        };
        if hosts.is_null() || hosts.as_list().is_some_and(<[Node]>::is_empty) || hosts.as_str() == Some("") {
            self.problem(
                Diagnostic::error(
                    "play-without-hosts",
                    "Hosts list cannot be empty. Please check your playbook",
                )
                .at(&hosts.span),
            );
        } else if let Some(items) = hosts.as_list() {
            if let Some(item) = items.iter().find(|item| item.as_str().is_none()) {
                let message =
                    format!("Hosts list contains an invalid host value: '{}'", py_str(&item.to_value()));
                self.problem(Diagnostic::error("bad-hosts", message).at(&item.span));
            }
        } else if !matches!(hosts.to_value(), Value::Str(_)) {
            let message = "Hosts list must be a sequence or string. Please check your playbook.";
            self.problem(Diagnostic::error("bad-hosts", message).at(&hosts.span));
        }
        if node.get("user").is_some()
            && let Some(second) = node.get("remote_user")
        {
            let message = "both 'user' and 'remote_user' are set for this play. The use of 'user' is deprecated, and should be removed";
            self.problem(Diagnostic::error("user-twice", message).at(&second.span));
        }
        self.check_collection_names(node.get("collections"));
        drop(self.take_imported());
        let roles = node.get("roles").map(|roles| self.play_roles(roles, &level)).unwrap_or_default();
        self.export(&roles);
        // What an import of the playbook says as `when` is for everything but the play's own handlers.
        let unconditional = Level::without_conditions(&level);
        let items = |name: &str, handlers: bool| match node.get(name).map(|value| (&value.kind, value)) {
            None | Some((NodeKind::Null, _)) => vec![],
            Some((NodeKind::List(items), _)) => {
                self.items(items, if handlers { &unconditional } else { &level }, handlers)
            }
            Some((_, value)) => {
                let written = py_str(&value.to_value());
                let text = format!("{} should be a list or None but is {}", written, value.describe());
                let text =
                    format!("A malformed block was encountered while loading {name}: {}", text.trim_start());
                self.problem(Diagnostic::error("not-a-task-list", text).at(&value.span));
                vec![]
            }
        };
        // One task for all sections: hosts that wait at different ones of them are in step.
        let flush = Arc::new(meta_task("flush_handlers", &level, &node.span));
        let with_flush = |mut items: Vec<Item>| {
            items.push(Item::Task(flush.clone()));
            section(items, &level, &node.span)
        };
        let pre_tasks = with_flush(items("pre_tasks", false));
        let mut main: Vec<Item> = roles.iter().flat_map(|role| self.role_items(role)).collect();
        main.extend(items("tasks", false));
        let tasks = with_flush(main);
        let post_tasks = with_flush(items("post_tasks", false));
        let own_handlers = items("handlers", true);
        let with_dependencies = |roles: &[Arc<Role>]| -> Vec<Arc<Role>> {
            roles.iter().flat_map(|role| role.with_dependencies()).collect()
        };
        let (mut all_roles, imported) = (with_dependencies(&roles), with_dependencies(&self.take_imported()));
        let of_roles = |roles: &[Arc<Role>]| -> Vec<Item> {
            let contents = roles.iter().filter_map(|role| role.content.get());
            contents.flat_map(|content| content.handlers.clone()).collect()
        };
        let handlers = [of_roles(&all_roles), own_handlers, of_roles(&imported)].concat();
        all_roles.extend(imported);
        if let Some(defaults) = node.get("module_defaults") {
            self.check_module_defaults(defaults);
        }
        Some(Play {
            span: node.span.clone(),
            directory,
            name: self.name(node),
            hosts: self.attr(hosts),
            level,
            vars_files,
            prompts: node.get("vars_prompt").map(|prompts| self.prompts(prompts)).unwrap_or_default(),
            roles: all_roles,
            pre_tasks,
            tasks,
            post_tasks,
            handlers,
        })
    }

    fn list_attrs(&self, node: Option<&Node>) -> Vec<super::level::Attr> {
        match node.map(|node| (&node.kind, node)) {
            None | Some((NodeKind::Null, _)) => vec![],
            Some((NodeKind::List(items), _)) => items.iter().map(|item| self.attr(item)).collect(),
            Some((_, node)) => vec![self.attr(node)],
        }
    }

    fn prompts(&self, node: &Node) -> Vec<PromptSpec> {
        let items = match &node.kind {
            NodeKind::Null => &[],
            NodeKind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        items.iter().filter_map(|item| self.prompt(item)).collect()
    }

    fn prompt(&self, node: &Node) -> Option<PromptSpec> {
        const KNOWN: &[&str] =
            &["name", "prompt", "default", "private", "confirm", "encrypt", "salt", "salt_size", "unsafe"];
        if node.as_map().is_none() {
            let message =
                format!("Invalid vars_prompt data structure, expected a mapping and got {}", node.describe());
            self.problem(Diagnostic::error("prompt-not-a-mapping", message).at(&node.span));
            return None;
        }
        let Some(name) = node.get("name").and_then(plain_text) else {
            self.problem(
                Diagnostic::error(
                    "prompt-without-name",
                    "Invalid vars_prompt data structure, missing 'name' key",
                )
                .at(&node.span),
            );
            return None;
        };
        for (key, _) in node.as_map().unwrap_or_default() {
            if !key.as_str().is_some_and(|name| KNOWN.contains(&name)) {
                self.problem(
                    Diagnostic::error(
                        "unknown-keyword",
                        format!(
                            "Invalid vars_prompt data structure, found unsupported key '{}'",
                            py_str(&key.to_value())
                        ),
                    )
                    .at(&key.span),
                );
            }
        }
        let attr = |key: &str| node.get(key).map(|value| self.attr(value));
        Some(PromptSpec {
            name,
            place: node.get("name").map_or_else(|| node.span.clone(), |name| name.span.clone()),
            prompt: attr("prompt"),
            default: attr("default"),
            private: attr("private"),
            confirm: attr("confirm"),
            encrypt: attr("encrypt"),
            salt: attr("salt"),
            salt_size: attr("salt_size"),
            is_unsafe: attr("unsafe"),
        })
    }

    /// The roles that what was loaded since the last time imports, in the order of its tasks.
    pub fn take_imported(&self) -> Vec<Arc<Role>> {
        self.imported.lock().map(|mut imported| std::mem::take(&mut *imported)).unwrap_or_default()
    }

    /// A role that what is being loaded brings along.
    pub fn imported_role(&self, role: Arc<Role>) {
        if let Ok(mut imported) = self.imported.lock() {
            imported.push(role.clone());
        }
        self.export(&[role]);
    }
}
