//! One task on one host. Here: the run as a whole, its context, its tries. `loops`: items. `prepare`: conditions and
//! arguments, up to the call. `call`: requests and answers. `keywords`: their values. `invocation`: the arguments, as they are shown. `judge`: what is made of an answer. `failure`: results of what went
//! wrong before. `told`: what a rescue learns of it.

mod call;
mod failure;
mod invocation;
mod judge;
mod keywords;
mod loops;
mod prepare;
mod told;

pub use call::async_folder;
pub(super) use failure::conditional_text;
pub use failure::{canonical, condition_error, template_failure};
pub use keywords::keyword;

use super::connect::Route;
use super::event::{Event, TaskInfo};
use super::result::{Cause, Delegate, Effect, TaskResult};
use super::{PlayRun, Shared};
use crate::actions::Call;
use crate::playbook::{ActionKind, ActionName, Task};
use crate::source::{Node, NodeKind};
use crate::template::{Context, LookupEnv, TemplateError};
use crate::value::{Map, Value, py_str};
use crate::vars::{CONNECTION, TaskScope};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a failure says for which neither the action nor the module gave a reason.
const UNKNOWN_FAILURE: &str = "Task failed: Action failed: Unknown error.";

/// Everything a task needs to run on one host.
pub struct TaskRun<'a> {
    pub shared: &'a Arc<Shared>,
    pub play: &'a Arc<PlayRun>,
    pub host: &'a Arc<str>,
    pub task: &'a Arc<Task>,
    pub info: &'a Arc<TaskInfo>,
    pub send: &'a dyn Fn(Event),
}

/// One item (or the whole task, where there is no loop) on its way.
struct Step {
    context: Context,
    locals: Map,
    /// The number of the try, with `until`.
    attempt: Option<u64>,
    /// It was neither skipped nor failed before its action began: only then there is something to judge.
    ran: bool,
    state: State,
}

enum State {
    Done(Box<TaskResult>),
    Pending(Box<Call>, Box<Route>, Vec<(String, String)>),
}

/// The action of a task, also where its name is a template.
///
/// # Errors
/// The failure of the task, if the template does not give the name of an action or module.
pub fn action_of(shared: &Shared, task: &Task, context: &Context) -> Result<ActionName, Box<TaskResult>> {
    if task.action.kind != ActionKind::Dynamic {
        return Ok(task.action.clone());
    }
    let place = &task.args_node.span;
    let name = Node::new(NodeKind::Str(task.action.written.as_str().into()), place.clone());
    let name =
        context.render(&shared.engine.compile(&name)).map_err(|error| Box::new(template_failure(&error)))?;
    let name = py_str(&name);
    let failure = |text| Box::new(TaskResult::broken("", Cause::new(text, Some(place))));
    match shared.loader.resolve(name.trim()) {
        None => Err(failure(format!("Cannot resolve '{name}' to an action or module."))),
        Some(action) if action.runs() => Ok(action),
        Some(_) => Err(failure(format!(
            "'{name}' is part of the language of playbooks: it has to be written, and cannot come from a template."
        ))),
    }
}

impl TaskRun<'_> {
    /// Runs the task to its end.
    pub fn run(&self) -> TaskResult {
        // Where it is not known yet, it is the items that tell.
        if self.task.action.kind == ActionKind::Dynamic
            && let Ok(task) = self.with_action(&self.context(Map::new()))
        {
            return TaskRun { task: &task, ..*self }.run();
        }
        let mut result = match &self.task.looping {
            Some(_) => self.run_loop(),
            None => self.run_once(),
        };
        self.settle(&mut result);
        self.conclude(&mut result);
        self.judge_ignored(&mut result, Map::new());
        result
    }

    /// In a drift check, a failure on a host where earlier tasks would change something says nothing: those changes may be
    /// what the task needs. It is unknown, and the check goes on.
    pub(super) fn settle(&self, result: &mut TaskResult) {
        if !self.shared.options.drift {
            return;
        }
        let Ok(mut unsettled) = self.shared.unsettled.lock() else { return };
        if result.failed && result.items.is_none() && unsettled.contains(self.host) {
            let why = if result.no_log { String::new() } else { format!(": {}", result.msg()) };
            result.unknown = Some(format!("it cannot be checked before the changes above are made{why}"));
            result.failed = false;
            result.causes.clear();
        }
        if result.changed || result.unknown.is_some() {
            unsettled.insert(self.host.clone());
        }
    }

    /// The task with its action, where the action's name is a template. `context` is that of an item, if there is a loop.
    pub(super) fn with_action(&self, context: &Context) -> Result<Arc<Task>, Box<TaskResult>> {
        let action = action_of(self.shared, self.task, context)?;
        Ok(Arc::new(Task { action, ..(**self.task).clone() }))
    }

    /// Notes the action that a template gave, for those who show the result.
    pub(super) fn note_action(&self, result: &mut TaskResult) {
        if self.info.action != self.task.action.short {
            result.action = Some(self.task.action.short.clone());
        }
    }

    pub(super) fn context(&self, locals: Map) -> Context {
        self.context_with(locals, None)
    }

    /// The same, once it is known to which host the task is delegated: where its own host has no connection variables, it sees those
    /// of the other.
    pub(super) fn delegated_context(&self, other: Option<&Delegate>, locals: Map) -> Context {
        let connection = other.map(|other| {
            let there = self.context_of(&other.host, &locals);
            let names = CONNECTION.iter().copied().flatten();
            names.filter_map(|name| Some((Value::str(name), there.variable(name).ok()??))).collect()
        });
        self.context_with(locals, connection.map(Arc::new))
    }

    fn context_with(&self, locals: Map, delegate: Option<Arc<Map>>) -> Context {
        let env = Arc::new(self.env());
        let mut all = locals;
        all.insert(
            "ansible_search_path".into(),
            Value::list(env.search_path.iter().map(|path| Value::str(path.to_string_lossy())).collect()),
        );
        let scope = TaskScope { delegate, ..self.scope(self.host, all) };
        Context::new(&self.shared.engine, Arc::new(scope), env)
    }

    pub(super) fn scope(&self, host: &str, locals: Map) -> TaskScope {
        let mut scope = TaskScope::host(&self.shared.store, host, &self.shared.magic);
        scope.play = Some(self.play.scope.clone());
        scope.layers = Some(self.task.level.clone());
        scope.locals = Arc::new(locals);
        scope
    }

    pub(super) fn env(&self) -> LookupEnv {
        let mut path: Vec<PathBuf> = Vec::new();
        let mut push = |folder: PathBuf| {
            if !path.contains(&folder) {
                path.push(folder);
            }
        };
        if let Some(role) = &self.task.level.role {
            push(role.path.clone());
            role.parents.iter().for_each(|role| push(role.path.clone()));
        }
        if let Some(folder) = &self.task.level.directory {
            push(folder.clone());
        }
        push(self.play.play.directory.clone());
        push(self.shared.playbook_dir());
        LookupEnv {
            search_path: path,
            playbook_dir: self.shared.playbook_dir(),
            hosts: self.shared.host_names(),
            settings: self.shared.lookup_settings.clone(),
        }
    }

    pub(super) fn run_once(&self) -> TaskResult {
        self.one_item(self.context(Map::new()), &Map::new())
    }

    fn until_failure(&self, error: &TemplateError) -> TaskResult {
        let written = self.task.until.first().map_or(&self.task.span, |condition| &condition.span);
        failure::condition_error(error, written)
    }

    pub(super) fn tries(&self) -> bool {
        !self.task.until.is_empty() || self.task.attr("retries").is_some()
    }

    /// How often it is tried again, how many seconds later. Without retries there is no condition either. What is wrong with them was
    /// said before the first try.
    fn patience(&self, context: &Context) -> (u64, f64) {
        let number = |name: &str, default: f64| {
            let value = self.keyword(context, name).ok().flatten();
            value.as_ref().and_then(crate::playbook::number).unwrap_or(default).max(0.0)
        };
        (number("retries", 3.0) as u64, number("delay", 5.0))
    }

    /// `until`: tries until the condition holds, `retries` more times, `delay` seconds apart.
    pub(super) fn with_tries(&self, context: Context, locals: Map) -> TaskResult {
        let (retries, delay) = self.patience(&context);
        let tries = retries > 0;
        let mut attempt = 1;
        loop {
            let mut step = self.prepare(self.context(locals.clone()), locals.clone());
            step.attempt = tries.then_some(attempt);
            let mut steps = [step];
            self.call_pending(&mut steps);
            let [step] = steps;
            let ran = step.ran;
            let mut result = self.finish(step);
            if result.unreachable || !ran || !tries || !result.causes.is_empty() {
                return result;
            }
            let reached = match self.judge(&self.task.until, &result, &locals) {
                // `retries` alone means until it succeeds.
                Ok(_) if self.task.until.is_empty() => !result.failed,
                Ok(reached) => reached,
                // What it did is of no more use: nobody can tell whether it was enough.
                Err(error) => {
                    let failure = self.until_failure(&error);
                    let delegated = result.delegated.map(Delegate::without_address);
                    return TaskResult { no_log: result.no_log, delegated, ..failure };
                }
            };
            if reached {
                return result;
            }
            if attempt > retries {
                result.data.insert("attempts".into(), Value::from(retries));
                // What failed_when said of the last try stands, but for who reads what was registered.
                let judged = result.data.contains_key("failed_when_result");
                result.gave_up = judged && !result.failed;
                result.failed |= !judged;
                return result;
            }
            let left = retries - attempt + 1;
            result.data.insert("retries".into(), Value::from(retries + 1));
            (self.send)(Event::Retry {
                host: self.host.clone(),
                task: self.info.clone(),
                result: Arc::new(result),
                left,
            });
            self.shared.sleep(Duration::from_secs_f64(delay.min(1e6)));
            if self.shared.stopping() {
                return TaskResult::failure("interrupted");
            }
            attempt += 1;
        }
    }

    /// `ignore_errors` and `ignore_unreachable`.
    /// Each item of a loop has its own word; the loop is ignored if all that failed in it is.
    pub(super) fn judge_ignored(&self, result: &mut TaskResult, locals: Map) {
        if !(result.failed || result.unreachable) || result.ignored {
            return;
        }
        if let Some(items) = &result.items {
            let mut bad = items.iter().filter(|item| item.failed || item.unreachable).peekable();
            result.ignored = bad.peek().is_some() && bad.all(|item| item.ignored);
            return;
        }
        let word = if result.unreachable { "ignore_unreachable" } else { "ignore_errors" };
        match self.truth(&self.context(locals), word) {
            Ok(ignored) => result.ignored = ignored.unwrap_or(false),
            Err(error) => {
                let failure = template_failure(&error);
                result.failed = true;
                result.causes = failure.causes;
                result.data.extend(failure.data);
            }
        }
    }

    /// A failure changes no variables, and where nothing gave a reason for it (`failed_when`, `until`) it has Ansible's.
    fn conclude(&self, result: &mut TaskResult) {
        if (result.failed || result.gave_up) && result.items.is_none() && !result.data.contains_key("msg") {
            let headline = result.headline.get_or_insert_with(|| UNKNOWN_FAILURE.into());
            result.data.insert("msg".into(), headline.as_str().into());
        }
        if !result.failed {
            return;
        }
        // What these would have changed, they have not.
        let adds = |effect: &Effect| matches!(effect, Effect::AddHost { .. } | Effect::GroupBy { .. });
        if self.task.changed_when.is_none() && result.changes().any(|(_, effect)| adds(effect)) {
            result.changed = false;
            result.data.insert("changed".into(), false.into());
        }
        result.effects.clear();
        result.items.iter_mut().flatten().for_each(|item| item.effects.clear());
    }
}
