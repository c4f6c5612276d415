//! The work of one thread, and what the main thread makes of results.

use super::event::{Event, TaskInfo};
use super::handlers;
use super::play::{PlayRun, Runner, Stop, Strategy};
use super::result::{Delegate, Effect, Include, TaskResult};
use super::shared::Shared;
use super::strategy::Walks;
use super::task::TaskRun;
use crate::diag::{Diagnostic, Severity, Span, did_you_mean};
use crate::playbook::percent;
use crate::playbook::{ActionKind, Task};
use crate::template::Context;
use crate::value::{Map, Value, py_str};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc;

/// A task for one host.
pub(super) struct Job {
    pub run: Arc<PlayRun>,
    pub task: Arc<Task>,
    pub info: Arc<TaskInfo>,
    pub host: Arc<str>,
    /// The host's number among those the task was sent to.
    pub index: usize,
}

/// Who failed in a step.
#[derive(Default)]
struct Failures {
    /// Whose task failed, even if that is ignored.
    fell: Vec<usize>,
    /// Who could not be reached, even if that is ignored.
    lost: Vec<usize>,
    /// Who is not where the task was any more: those that failed, by themselves or with others.
    moved: Vec<usize>,
}

/// What comes back.
pub(super) enum Reply {
    Event(usize, Event),
    Done(usize, Box<TaskResult>),
}

impl Job {
    pub fn run(&self, shared: &Arc<Shared>, sender: &mpsc::Sender<Reply>) {
        let send = |event| drop(sender.send(Reply::Event(self.index, event)));
        let work = std::panic::AssertUnwindSafe(|| self.task_run(shared, &send).run());
        let result = std::panic::catch_unwind(work).unwrap_or_else(|_| {
            TaskResult::failure("the task crashed on the control machine; this is a bug in Ekumen")
        });
        drop(sender.send(Reply::Done(self.index, Box::new(result))));
    }

    fn task_run<'a>(&'a self, shared: &'a Arc<Shared>, send: &'a dyn Fn(Event)) -> TaskRun<'a> {
        TaskRun { shared, play: &self.run, host: &self.host, task: &self.task, info: &self.info, send }
    }

    /// The host that the task is delegated to.
    pub fn delegate(&self, shared: &Arc<Shared>) -> Option<Delegate> {
        let run = self.task_run(shared, &|_| {});
        run.delegate(&run.context(Map::new()), &Map::new()).ok().flatten()
    }

    /// What a rescue learns of the task.
    pub fn told(&self, shared: &Arc<Shared>, name: String) -> Value {
        self.task_run(shared, &|_| {}).told(name)
    }

    /// What the task sees on its host.
    pub fn context(&self, shared: &Arc<Shared>, locals: Map) -> Context {
        self.task_run(shared, &|_| {}).context(locals)
    }
}

impl Runner<'_> {
    /// Takes the results of a step: variables, notifications, failures, includes.
    #[expect(clippy::too_many_arguments, reason = "the state of one step; a struct would only rename them")]
    pub(super) fn absorb(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &mut Walks,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        group: &[usize],
        results: Vec<(Arc<str>, TaskResult)>,
        once: bool,
    ) -> Result<(), Stop> {
        let mut includes: Vec<(usize, Vec<Include>)> = Vec::new();
        let mut step = Failures::default();
        let mut handler_ran = false;
        // What is done once for all by its nature, as `add_host`, is the task of its one host only. Hosts that are not in
        // step each do it, and each for all.
        let for_all = (once || run.strategy != Strategy::Linear)
            && results
                .first()
                .is_some_and(|(host, _)| self.truth(task, &self.task_context(run, task, host), "run_once"));
        // Results come in the order of the group, though some may be missing.
        let mut places = group.iter().copied();
        for (host, result) in &results {
            let Some(index) = places.find(|index| walks[*index].0 == *host) else { continue };
            let receivers: Vec<Arc<str>> = if for_all {
                walks.iter().filter(|(_, walk)| !walk.unreachable).map(|(name, _)| name.clone()).collect()
            } else {
                vec![host.clone()]
            };
            self.keep(run, task, host, &receivers, result)?;
            self.count(host, result);
            if let Some(role) = &task.level.role
                && !result.skipped
                && !result.unreachable
            {
                self.begun_roles.insert((host.to_string(), role.fingerprint.clone()));
            }
            let others = group.iter().copied().filter(|other| once && *other != index);
            if result.unreachable && !result.ignored {
                walks[index].1.lose();
                self.unreachable.insert(host.to_string());
                self.gone(run, host);
                step.lost.push(index);
                // Where that is nobody else's failure, it was their turn all the same.
                includes.extend(others.map(|other| (other, vec![])));
                continue;
            }
            if result.unreachable {
                step.lost.push(index);
            }
            if result.failed {
                step.fell.push(index);
            }
            if result.failed && !result.ignored {
                self.host_failed(run, walks, index, task, result);
                step.moved.push(index);
                if for_all {
                    self.fail_everybody(run, walks, index, &mut step);
                }
                continue;
            }
            let silent = task.changed_when.is_none() && result.changes_inventory_last();
            if (result.changed && !result.failed && !silent) || result.unknown.is_some() {
                for (name, handlers) in self.notify(run, task, host, result)? {
                    walks[index].1.notify(&name, &handlers);
                }
            }
            // A handler with `run_once` has run for all that are flushing.
            if once && task.is_handler {
                handler_ran = true;
            }
            // An include with `run_once` is done by one host only.
            includes.extend(others.map(|other| (other, vec![])));
            includes.push((index, included(result)));
        }
        if handler_ran {
            let handlers = run.handlers.read().map(|handlers| handlers.clone()).unwrap_or_default();
            for (index, _) in handlers.iter().enumerate().filter(|(_, handler)| Arc::ptr_eq(handler, task)) {
                walks.iter_mut().for_each(|(_, walk)| walk.forget(index));
            }
        }
        self.fail_others(run, walks, task, &mut step, once);
        includes.retain(|(index, _)| !step.moved.contains(index));
        if matches!(task.action.kind, ActionKind::IncludeTasks | ActionKind::IncludeRole) {
            let failed = self.include(run, walks, task, info, includes)?;
            let mut later = Failures { fell: failed, ..Failures::default() };
            self.fail_others(run, walks, task, &mut later, once);
            step.fell.extend(later.fell);
        } else {
            includes.into_iter().for_each(|(index, _)| walks[index].1.advance());
        }
        self.too_many_failed(run, walks, task, &step.fell, &step.lost);
        Ok(())
    }

    /// Tells of names that variables should not have, of those that a result is about to set.
    pub(super) fn look_at_result(&self, task: &Task, result: &TaskResult) {
        let store = &self.shared.store;
        for (_, effect) in result.changes() {
            match effect {
                Effect::Set(vars) => {
                    let mut names: Vec<String> = vars.keys().map(py_str).collect();
                    names.sort_unstable();
                    let place = |name: &str| {
                        let key = task.args_node.entry(name).map(|(key, _)| &key.span);
                        key.or(Some(&task.args_span))
                    };
                    store.warn_of_reserved(names.iter().map(|name| (&**name, place(name))));
                }
                Effect::IncludeVars(terms) => store.warn_of_reserved(terms.reserved()),
                _ => {}
            }
        }
    }

    /// Variables and other effects of a result.
    fn keep(
        &mut self,
        run: &Arc<PlayRun>,
        task: &Arc<Task>,
        host: &Arc<str>,
        receivers: &[Arc<str>],
        result: &TaskResult,
    ) -> Result<(), Stop> {
        let delegate_facts = task.attr("delegate_facts").is_some() && {
            // In a loop, the first item decides.
            let first = result.items.iter().flatten().next().map(item_locals);
            let context = self.job(run, task, host).context(&self.shared, first.unwrap_or_default());
            self.truth(task, &context, "delegate_facts")
        };
        let mut inventory_changed = false;
        for (delegated, effect) in result.changes() {
            let delegated = delegated.filter(|_| delegate_facts);
            match effect {
                Effect::Facts(facts) => match delegated {
                    Some(other) => self.shared.store.add_facts(&other.host, facts),
                    None => receivers.iter().for_each(|host| self.shared.store.add_facts(host, facts)),
                },
                Effect::Set(vars) => {
                    for (name, value) in vars {
                        match delegated {
                            Some(other) => self.shared.store.set(&other.host, &py_str(name), value.clone()),
                            None => receivers
                                .iter()
                                .for_each(|host| self.shared.store.set(host, &py_str(name), value.clone())),
                        }
                    }
                }
                Effect::IncludeVars(terms) => match delegated {
                    Some(other) => self.shared.store.include(&other.host, terms),
                    None => receivers.iter().for_each(|host| self.shared.store.include(host, terms)),
                },
                Effect::AddHost { name, groups, vars } => {
                    let known = self.shared.store.inventory.read().is_ok_and(|all| all.host(name).is_some());
                    self.add_host(name, groups, vars, &task.span);
                    self.added.push((host.clone(), effect.clone(), task.span.clone()));
                    if !known {
                        run.scope.hosts.add(name);
                    }
                    inventory_changed = true;
                }
                Effect::GroupBy { group, parents } => {
                    self.group_by(host, group, parents);
                    self.added.push((host.clone(), effect.clone(), task.span.clone()));
                    inventory_changed = true;
                }
                Effect::Stats { .. } | Effect::Include(_) => {}
            }
        }
        if inventory_changed {
            self.shared.store.refresh_all();
        }
        if let Some(name) = &task.register {
            let value = result.registered();
            let named = std::iter::once((&**name, task.register_place.as_ref()));
            self.shared.store.warn_of_reserved(named);
            receivers.iter().for_each(|host| self.shared.store.set(host, name, value.clone()));
        }
        // Names of vars_files may have waited for these facts.
        if result.changes().any(|(_, effect)| matches!(effect, Effect::Facts(_))) {
            let hosts: Vec<String> = receivers.iter().map(|host| host.to_string()).collect();
            self.vars_files(run, &hosts)?;
        }
        Ok(())
    }

    /// What the run itself has added to an inventory that was read anew: hosts first.
    pub(super) fn add_again(&mut self) {
        let added = std::mem::take(&mut self.added);
        for (_, effect, span) in &added {
            if let Effect::AddHost { name, groups, vars } = effect {
                self.add_host(name, groups, vars, span);
            }
        }
        for (host, effect, _) in &added {
            if let Effect::GroupBy { group, parents } = effect {
                self.group_by(host, group, parents);
            }
        }
        self.added = added;
    }

    fn add_host(&mut self, name: &str, groups: &[String], vars: &Map, span: &Span) {
        let Ok(mut inventory) = self.shared.store.inventory.write() else { return };
        inventory.add_host(name, groups);
        for (key, value) in vars {
            // It may be what a host sent: no text in it is a template.
            inventory.set_var(name, &py_str(key), crate::source::Node::from_data(value, span));
        }
    }

    fn group_by(&mut self, host: &str, group: &str, parents: &[String]) {
        let Ok(mut inventory) = self.shared.store.inventory.write() else { return };
        inventory.add_child(group, host);
        for parent in parents.iter().filter(|parent| *parent != "all") {
            inventory.add_child(parent, group);
        }
    }

    /// The recap's counters.
    fn count(&mut self, host: &str, result: &TaskResult) {
        let tally = self.tally.entry(host.to_owned()).or_default();
        if result.unreachable {
            if result.ignored {
                tally.ok += 1;
                tally.ignored += 1;
            } else {
                tally.unreachable += 1;
            }
        } else if result.failed {
            if result.ignored {
                tally.ok += 1;
                tally.ignored += 1;
                if result.changed {
                    tally.changed += 1;
                }
            }
        } else if result.skipped {
            tally.skipped += 1;
        } else {
            // Every file that a loop includes counts.
            tally.ok += included(result).len().max(1) as u64;
            if result.changed {
                tally.changed += 1;
                self.verdict.changed = true;
            }
        }
        if result.unknown.is_some() {
            self.verdict.unknown = true;
        }
    }

    fn host_failed(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &mut Walks,
        index: usize,
        task: &Arc<Task>,
        result: &TaskResult,
    ) {
        let (host, walk) = &mut walks[index];
        let failure = walk.fail();
        let host = host.clone();
        if failure.over {
            self.failed.insert(host.to_string());
        }
        let tally = self.tally.entry(host.to_string()).or_default();
        if !failure.rescued {
            tally.failed += 1;
            self.gone(run, &host);
            return;
        }
        tally.rescued += 1;
        let name = self.written_name(run, task, &host);
        let failed_task = self.job(run, task, &host).told(&self.shared, name);
        self.shared.store.set(&host, "ansible_failed_task", failed_task);
        self.shared.store.set(&host, "ansible_failed_result", result.registered());
    }

    /// The name somebody gave the task, empty if nobody did.
    fn written_name(&self, run: &Arc<PlayRun>, task: &Arc<Task>, host: &Arc<str>) -> String {
        let Some(name) = &task.name else { return String::new() };
        self.task_context(run, task, host).render(&name.term).map(|name| py_str(&name)).unwrap_or_default()
    }

    pub(super) fn gone(&mut self, run: &PlayRun, host: &str) {
        run.scope.hosts.leave(host);
    }

    /// A task with `run_once` that fails fails for all that take part, whatever may be ignored.
    fn fail_everybody(&mut self, run: &PlayRun, walks: &mut Walks, index: usize, step: &mut Failures) {
        for (other, (name, walk)) in walks.iter_mut().enumerate() {
            if other == index || walk.is_out() || walk.unreachable || walk.ended {
                continue;
            }
            run.scope.hosts.leave(name);
            step.moved.push(other);
            walk.fail();
        }
    }

    /// `any_errors_fatal`, which `run_once` implies: the others fail, too.
    fn fail_others(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &mut Walks,
        task: &Arc<Task>,
        step: &mut Failures,
        once: bool,
    ) {
        if run.strategy != Strategy::Linear || step.fell.is_empty() && step.lost.is_empty() {
            return;
        }
        // What a task may fail for is nobody else's failure, even where the host itself may not.
        let may_fail = task.truth_as_written("ignore_errors").unwrap_or(false);
        let fatal = once
            || task
                .truth_as_written("any_errors_fatal")
                .unwrap_or_else(|| self.shared.settings.bool("ANY_ERRORS_FATAL"));
        if may_fail || !fatal {
            return;
        }
        for (index, (name, walk)) in walks.iter_mut().enumerate() {
            if step.fell.contains(&index) || (walk.unreachable && !step.lost.contains(&index)) {
                continue;
            }
            // They are out in the plays to come even if that is rescued. Who could not be reached counts as failed, too, so that not
            // all of a batch seem to be lost, and the next play begins.
            self.failed.insert(name.to_string());
            if walk.unreachable || walk.ended || (walk.is_out() && !step.moved.contains(&index)) {
                continue;
            }
            run.scope.hosts.leave(name);
            step.moved.push(index);
            walk.fail();
        }
    }

    /// `max_fail_percentage`. Hosts count that are out by now and have no handlers to run. If there are too many, all others fail, but
    /// for those that failed in this very task (even if that was ignored): where they are rescued, they go on until the next task is
    /// done. Who could not be reached in it (`lost`) counts as failed, too, so that more than the batch seem to be: the next one begins.
    pub(super) fn too_many_failed(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &mut Walks,
        task: &Arc<Task>,
        fell: &[usize],
        lost: &[usize],
    ) {
        let Some((share, (host, _))) = task.attr("max_fail_percentage").zip(walks.first()) else { return };
        if run.strategy != Strategy::Linear {
            return;
        }
        let context = self.task_context(run, task, &host.clone());
        let share = context.render(&share.term).ok().and_then(|value| percent(&value));
        let out =
            |failed: &HashSet<String>| walks.iter().filter(|(name, _)| failed.contains(&**name)).count();
        if !share.is_some_and(|share| out(&self.failed) as f64 / self.batch_size as f64 * 100.0 > share) {
            return;
        }
        for (index, (name, walk)) in walks.iter_mut().enumerate() {
            if fell.contains(&index) || (walk.unreachable && !lost.contains(&index)) {
                continue;
            }
            self.failed.insert(name.to_string());
            if !walk.unreachable && !walk.ended && !walk.is_out() {
                walk.fail();
                run.scope.hosts.leave(name);
            }
        }
        self.emit(&Event::NoHostsLeft);
        self.verdict.limit_reached = true;
        self.verdict.failed = true;
        if walks.iter().all(|(name, walk)| walk.unreachable || self.failed.contains(&**name)) {
            walks.iter_mut().for_each(|(_, walk)| walk.end());
        }
    }

    /// The handlers that a changed task notifies; each item of a loop may name its own.
    fn notify(
        &mut self,
        run: &Arc<PlayRun>,
        task: &Arc<Task>,
        host: &Arc<str>,
        result: &TaskResult,
    ) -> Result<Vec<(String, Vec<usize>)>, Stop> {
        let attrs = task.notified();
        if attrs.is_empty() {
            return Ok(vec![]);
        }
        let mut wanted = Vec::new();
        match &result.items {
            None => self.notified(run, task, host, &attrs, Map::new(), &mut wanted)?,
            Some(items) => {
                for item in items.iter().filter(|item| !item.skipped) {
                    self.notified(run, task, host, &attrs, item_locals(item), &mut wanted)?;
                }
            }
        }
        Ok(wanted)
    }

    fn notified(
        &mut self,
        run: &Arc<PlayRun>,
        task: &Arc<Task>,
        host: &Arc<str>,
        attrs: &[&crate::playbook::Attr],
        locals: Map,
        wanted: &mut Vec<(String, Vec<usize>)>,
    ) -> Result<(), Stop> {
        let context = self.job(run, task, host).context(&self.shared, locals);
        let handlers = run.handlers.read().map(|handlers| handlers.clone()).unwrap_or_default();
        for attr in attrs {
            let value = context.render(&attr.term).map_err(|error| {
                Stop::Broken(Box::new(
                    Diagnostic::error("notify", &*error.message)
                        .at(error.trace.first().unwrap_or(&attr.span)),
                ))
            })?;
            let names: Vec<String> = match &value {
                Value::List(items) => items.iter().map(py_str).collect(),
                Value::Null => vec![],
                other => vec![py_str(other)],
            };
            for name in names {
                let found = handlers::find(&handlers, &name, &context);
                if found.is_empty() {
                    let unusable = handlers::unusable(&handlers, &context);
                    unusable.into_iter().for_each(|problem| self.emit(&Event::Problem(problem)));
                    let mut problem = Diagnostic::error(
                        "unknown-handler",
                        format!(
                            "The requested handler '{name}' was not found in either the main handlers list nor in the listening handlers list"
                        ),
                    );
                    if !self.shared.settings.bool("ERROR_ON_MISSING_HANDLER") {
                        // Without its place, so that it is said once, as Ansible says it.
                        problem.severity = Severity::Warning;
                        self.emit(&Event::Problem(problem));
                        continue;
                    }
                    problem = problem.at(&attr.span);
                    let known = handlers::known(&handlers, &context);
                    if let Some(near) = did_you_mean(&name, known.iter().map(String::as_str)) {
                        problem = problem.help(format!("did you mean `{near}`?"));
                    }
                    return Err(Stop::Broken(Box::new(problem)));
                }
                self.remark(format!("Notification for handler {name} has been saved."));
                wanted.push((name, found));
            }
        }
        Ok(())
    }
}

/// The loop variables of an item, as its result has them.
fn item_locals(item: &TaskResult) -> Map {
    let mut locals = Map::new();
    for mark in ["ansible_loop_var", "ansible_index_var"] {
        if let Some(name) = item.data.get(mark)
            && let Some(value) = name.as_str().and_then(|name| item.data.get(name))
        {
            locals.insert(name.clone(), value.clone());
        }
    }
    locals
}

fn included(result: &TaskResult) -> Vec<Include> {
    let own = result.changes().filter_map(|(_, effect)| match effect {
        Effect::Include(include) => Some(include.clone()),
        _ => None,
    });
    own.collect()
}
