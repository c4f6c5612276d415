//! Static imports: `import_tasks` and `import_role`, in place of which stands what they import.

use super::args::text_node;
use super::keywords::{self, Places};
use super::level::{Level, LevelKind};
use super::loader::{Loader, RoleRequest, TaskFile};
use super::parse_task::class_of;
use super::task_files::Way;
use super::tasks::Item;
use crate::diag::Diagnostic;
use crate::source::{Node, yaml};
use crate::value::py_str;
use std::sync::Arc;

impl Loader {
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
        if let Some(action) = node.get("local_action") {
            level.attrs.retain(|(name, _)| *name != "delegate_to");
            level.attrs.push(("delegate_to", self.attr(&text_node("localhost", action))));
        }
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

    pub(super) fn import_tasks(
        &self,
        node: &Node,
        args: &Node,
        parent: &Arc<Level>,
        handler: bool,
    ) -> Vec<Item> {
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
        self.look(&level);
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
        let path = match self.find_task_file(&file, parent, Way::Import, handler) {
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
        if self.yaml(&path).is_ok_and(|node| node.is_null()) {
            let text = format!("file {} is empty and had no tasks to include", path.display());
            self.problem(Diagnostic::warning("empty-task-file", text));
        }
        let block = self.load_task_file(&TaskFile {
            path,
            name: &file,
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

    pub(super) fn import_role(&self, node: &Node, args: &Node, parent: &Arc<Level>) -> Vec<Item> {
        self.refuse_loop(node, "import_role");
        let level = Arc::new(self.import_level(node, parent));
        self.look(&level);
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
            written_params: self.written_vars(&level.vars).collect::<Vec<_>>().join(" "),
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
