//! Dynamic includes: files and roles that tasks ask for while the play runs.

use super::event::{Event, TaskInfo};
use super::play::{PlayRun, Runner, Stop};
use super::play_scope::role_names;
use super::result::{Include, TaskResult};
use super::strategy::Walks;
use super::walk::Walk;
use crate::diag::Diagnostic;
use crate::playbook::exported;
use crate::playbook::{ActionKind, Block, Item, Level, LevelKind, Role, RoleRequest, Task, TaskFile, Way};
use crate::source::yaml;
use crate::template::Term;
use crate::value::{Value, py_str};
use std::sync::Arc;

/// What is wrong with an include that only fails the hosts that asked for it.
const MISSING: &[&str] = &["file-not-found", "role-not-found", "not-a-task-list", "tags-not-a-list"];

/// What several hosts asked for alike.
struct Group {
    include: Include,
    hosts: Vec<usize>,
}

impl Runner<'_> {
    /// Loads what hosts asked for and puts it in front of them. Hosts whose file cannot be loaded fail: their numbers.
    pub(super) fn include(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &mut Walks,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        asked: Vec<(usize, Vec<Include>)>,
    ) -> Result<Vec<usize>, Stop> {
        let mut groups: Vec<Group> = Vec::new();
        let mut wanted: Vec<(usize, Vec<usize>)> = Vec::new();
        for (host, includes) in asked {
            let mut numbers = Vec::new();
            for include in includes {
                // A host that asks twice for the same gets it twice.
                let same = |group: &Group| group.include == include && !group.hosts.contains(&host);
                let number = match groups.iter().position(same) {
                    Some(number) => number,
                    None => {
                        groups.push(Group { include, hosts: vec![] });
                        groups.len() - 1
                    }
                };
                groups[number].hosts.push(host);
                numbers.push(number);
            }
            wanted.push((host, numbers));
        }
        let mut blocks: Vec<Option<Arc<Block>>> = Vec::new();
        let mut broken: Vec<(usize, Vec<Diagnostic>)> = Vec::new();
        for group in &groups {
            let loaded = match task.action.kind {
                ActionKind::IncludeRole => self.include_role(walks, task, info, group),
                _ => self.include_file(walks, task, info, group),
            };
            let imported = self.shared.loader.take_imported();
            if loaded.is_ok() {
                self.adopt(run, &imported);
            }
            match loaded {
                Ok(block) if !task.is_handler => {
                    let host = walks[group.hosts[0]].0.clone();
                    blocks.push(Some(self.selection(run, &block, &host)?));
                }
                Ok(block) => blocks.push(Some(block)),
                Err(problems) => {
                    broken.extend(group.hosts.iter().map(|host| (*host, problems.clone())));
                    blocks.push(None);
                }
            }
        }
        self.emit_warnings();
        for (host, numbers) in wanted {
            if let Some((_, problems)) = broken.iter().find(|(broken, _)| *broken == host) {
                let asked: Vec<&Include> = numbers.iter().map(|number| &groups[*number].include).collect();
                self.include_failed(run, &mut walks[host], task, info, &asked, problems)?;
                continue;
            }
            let mine: Vec<Arc<Block>> = numbers.iter().filter_map(|number| blocks[*number].clone()).collect();
            walks[host].1.include(mine, numbers);
        }
        Ok(broken.into_iter().map(|(host, _)| host).collect())
    }

    /// A host whose include cannot be loaded fails, whatever `ignore_errors` says; the recap counts it even if it is rescued.
    /// Wrong content in what was loaded ends the run, as it would have before the start.
    fn include_failed(
        &mut self,
        run: &Arc<PlayRun>,
        (host, walk): &mut (Arc<str>, Walk),
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        asked: &[&Include],
        problems: &[Diagnostic],
    ) -> Result<(), Stop> {
        if let Some(wrong) = problems.iter().find(|problem| !MISSING.contains(&problem.code)) {
            return Err(Stop::Content(Box::new(wrong.clone())));
        }
        let reason = problems.first().map(|problem| problem.summary.clone()).unwrap_or_default();
        let context = self.task_context(run, task, host);
        let no_log = self.truth(task, &context, "no_log");
        let delegated = self.job(run, task, host).delegate(&self.shared);
        let mut result = TaskResult { failed: true, said: true, no_log, delegated, ..TaskResult::default() };
        result = result.with("changed", false).with("reason", reason);
        if let (Some(first), ActionKind::IncludeTasks) = (asked.first(), task.action.kind) {
            result = result.with("include", Value::str(&first.name));
        }
        problems.iter().for_each(|problem| self.emit(&Event::Problem(problem.clone())));
        // Those of a loop are counted, but not shown.
        if task.looping.is_none() {
            let (task, result) = (info.clone(), Arc::new(result));
            self.emit(&Event::Result { host: host.clone(), task, result });
        }
        let tally = self.tally.entry(host.to_string()).or_default();
        // The includes themselves had been counted as ok.
        let count = asked.len() as u64;
        tally.ok = tally.ok.saturating_sub(count);
        tally.failed += count;
        // Even if it is rescued, it is out of the lists of the play's hosts, and of the plays to come.
        walk.fail();
        self.failed.insert(host.to_string());
        let host = host.clone();
        self.gone(run, &host);
        Ok(())
    }

    /// The level that included tasks inherit from: where the include stands, with its variables and `apply`.
    fn include_level(&self, task: &Task, include: &Include) -> Result<Level, Vec<Diagnostic>> {
        let mut parent = task.level.parent.clone();
        if let Some(apply) = task.args_node.get("apply") {
            parent = Some(Arc::new(self.shared.loader.apply_level(apply, include.args.get("apply"), parent)));
            let problems = self.errors();
            if !problems.is_empty() {
                return Err(problems);
            }
        }
        let mut level = Level::empty(LevelKind::Include, parent);
        level.vars.extend(&task.level.vars);
        for (name, value) in &include.locals {
            if !matches!(name.as_str(), Some("ansible_search_path")) {
                level.vars.insert(py_str(name), Term::Data(value.clone()), None);
            }
        }
        // `include_tasks: x.yml a=1`: the old way to hand over variables.
        if task.action.kind == ActionKind::IncludeTasks
            && let Some(args) = include.args.as_map()
        {
            for (name, value) in args {
                if let Some(name) =
                    name.as_str().filter(|name| !matches!(*name, "file" | "_raw_params" | "apply"))
                {
                    level.vars.insert(name, Term::Data(value.clone()), Some(task.args_span.clone()));
                }
            }
        }
        Ok(level)
    }

    /// Errors that the loader gathered; warnings stay with it.
    fn errors(&self) -> Vec<Diagnostic> {
        let (errors, warnings): (Vec<_>, Vec<_>) = self
            .shared
            .loader
            .take_problems()
            .into_iter()
            .partition(|problem| problem.severity == crate::diag::Severity::Error);
        self.shared.loader.put_back(warnings);
        errors
    }

    fn include_file(
        &mut self,
        walks: &Walks,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        group: &Group,
    ) -> Result<Arc<Block>, Vec<Diagnostic>> {
        let include = &group.include;
        let level = Arc::new(self.include_level(task, include)?);
        let path = self
            .shared
            .loader
            .find_task_file(&include.name, &task.level, Way::Include, task.is_handler)
            .map_err(|tried| {
                let shown = tried.last().map(|path| path.display().to_string()).unwrap_or_default();
                let tried: Vec<_> = tried.iter().map(|path| path.display().to_string()).collect();
                vec![
                    Diagnostic::error("file-not-found", missing_file(&shown))
                        .at(&task.args_span)
                        .help(format!("searched: {}", tried.join(", "))),
                ]
            })?;
        let (name, span) = (include.name.as_str(), &task.args_span);
        let file = TaskFile { path: path.clone(), name, span, level, handlers: task.is_handler };
        let block = self.shared.loader.task_file(&file)?;
        let hosts = group.hosts.iter().map(|index| walks[*index].0.to_string()).collect();
        self.emit_warnings();
        self.emit(&Event::Included {
            task: info.clone(),
            file: path.to_string_lossy().into_owned(),
            hosts,
            label: include.label.clone(),
        });
        Ok(block)
    }

    fn include_role(
        &mut self,
        walks: &Walks,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        group: &Group,
    ) -> Result<Arc<Block>, Vec<Diagnostic>> {
        let include = &group.include;
        let level = Arc::new(self.include_level(task, include)?);
        let args = include.args.as_map().cloned().unwrap_or_default();
        let text = |name: &str| args.get(name).filter(|value| !value.is_null()).map(py_str);
        let truth = |name: &str| args.get(name).and_then(Value::ansible_bool);
        // With other variables, or for another item, it is another role.
        let mut given: Vec<String> = include
            .locals
            .iter()
            .filter(|(name, _)| name.as_str() != Some("ansible_search_path"))
            .map(|(name, value)| format!("{}={}", py_str(name), crate::value::py_repr(value)))
            .collect();
        given.extend(self.shared.loader.written_vars(&task.level.vars));
        // The setting speaks of includes, too, but only where somebody made it.
        let setting = "DEFAULT_PRIVATE_ROLE_VARS";
        let settings = &self.shared.settings;
        let shown_if_set = || settings.is_set(setting) && !settings.bool(setting);
        let request = RoleRequest {
            written_params: given.join(" "),
            name: include.name.clone(),
            tasks_from: text("tasks_from"),
            vars_from: text("vars_from"),
            defaults_from: text("defaults_from"),
            handlers_from: text("handlers_from"),
            allow_duplicates: Some(truth("allow_duplicates").unwrap_or(true)),
            public: truth("public").unwrap_or_else(shown_if_set),
            rolespec_validate: truth("rolespec_validate"),
            by_task: true,
            ..RoleRequest::default()
        };
        let named = ["name", "role"].iter().find_map(|key| task.args_node.get(key));
        let place = named.map_or(&task.args_span, |name| &name.span);
        let role = self.shared.loader.role(&request, &level, place);
        let errors = self.errors();
        let Some(role) = role.filter(|_| errors.is_empty()) else { return Err(errors) };
        let hosts = group.hosts.iter().map(|index| walks[*index].0.to_string()).collect();
        self.emit_warnings();
        self.emit(&Event::Included {
            task: info.clone(),
            file: include.name.clone(),
            hosts,
            label: include.label.clone(),
        });
        let main = self.shared.loader.role_items(&role);
        self.shared.loader.imported_role(role);
        Ok(Arc::new(Block {
            level,
            name: None,
            main,
            rescue: vec![],
            always: vec![],
            span: task.span.clone(),
        }))
    }

    /// The play gets the handlers of roles that came with an include, and the variables of those that are public.
    fn adopt(&mut self, run: &Arc<PlayRun>, roles: &[Arc<Role>]) {
        if roles.is_empty() {
            return;
        }
        let with_dependencies = |role: &Arc<Role>| role.with_dependencies();
        let all: Vec<Arc<Role>> = roles.iter().flat_map(with_dependencies).collect();
        let new: Vec<Item> = all
            .iter()
            .filter_map(|role| role.content.get().map(|content| content.handlers.clone()))
            .flatten()
            .collect();
        if let Ok(mut handlers) = run.handlers.write() {
            let mut all = (**handlers).clone();
            all.extend(super::handlers::flatten(&new));
            *handlers = Arc::new(all);
        }
        if let Ok(mut names) = run.scope.role_names.write() {
            let new = role_names(all.iter());
            names.own.extend(new.own);
            names.dependent.extend(new.dependent);
        }
        let public = roles.iter().filter(|role| role.public).flat_map(with_dependencies);
        if let Ok(mut slot) = run.scope.exported.write() {
            *slot = Arc::new(slot.iter().cloned().chain(public.map(|role| exported(&role))).collect());
        }
    }
}

/// Ansible's words for a file that is not there.
fn missing_file(path: &str) -> String {
    format!("Could not find or access '{path}' on the Ansible Controller: {}", yaml::missing(path))
}
