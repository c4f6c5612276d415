//! One task on one host: conditions, loops, tries, the call, and what is made of the answer.

use super::connect::{self, Route};
use super::event::{Event, TaskInfo};
use super::result::{Cause, Effect, Include, TaskResult};
use super::{PlayRun, Shared};
use crate::actions::{self, AllBlobs, Blobs, Call, Prepared, Scene};
use crate::playbook::{ActionKind, Condition, Task};
use crate::protocol::{Mode, TaskRequest};
use crate::template::{Context, LookupEnv, TemplateError, TemplateErrorKind, Term};
use crate::transport::CallError;
use crate::value::{Map, Value, py_str};
use crate::vars::TaskScope;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A host that says nothing for so long, pings included, is gone.
const SILENCE: Duration = Duration::from_secs(30);

/// Everything a task needs to run on one host.
pub struct TaskRun<'a> {
    pub shared: &'a Arc<Shared>,
    pub play: &'a Arc<PlayRun>,
    pub host: &'a Arc<str>,
    pub task: &'a Arc<Task>,
    pub info: &'a Arc<TaskInfo>,
    pub send: &'a dyn Fn(Event),
}

/// How the complaint about a loop over something else begins.
const NOT_A_LIST: &str = "The `loop` value must resolve to a 'list'";

/// One item (or the whole task, where there is no loop) on its way.
struct Step {
    context: Context,
    locals: Map,
    label: Option<String>,
    /// The number of the try, with `until`.
    attempt: Option<u64>,
    state: State,
}

enum State {
    Done(Box<TaskResult>),
    Pending(Box<Call>, Box<Route>, Vec<(String, String)>),
}

impl TaskRun<'_> {
    /// Runs the task to its end.
    pub fn run(&self) -> TaskResult {
        if self.task.action.kind == ActionKind::Dynamic {
            return self.run_dynamic();
        }
        let mut result = match &self.task.looping {
            Some(_) => self.run_loop(),
            None => self.run_once(),
        };
        self.settle(&mut result);
        self.judge_ignored(&mut result);
        result
    }

    /// In a drift check, a failure on a host where earlier tasks would change something says nothing: those changes may be
    /// what the task needs. It is unknown, and the check goes on.
    fn settle(&self, result: &mut TaskResult) {
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

    /// The action's name is rendered first.
    fn run_dynamic(&self) -> TaskResult {
        let span = &self.task.args_span;
        let name = crate::source::Node::new(
            crate::source::NodeKind::Str(self.task.action.written.as_str().into()),
            span.clone(),
        );
        let rendered = match self.context(Map::new()).render(&self.shared.engine.compile(&name)) {
            Ok(name) => py_str(&name),
            Err(error) => return template_failure(&error),
        };
        let Some(action) = crate::playbook::resolve(rendered.trim()) else {
            return TaskResult::broken(
                "",
                Cause::new(
                    format!(
                        "couldn't resolve module/action '{rendered}'. This often indicates a misspelling, missing collection, or incorrect module path."
                    ),
                    Some(span),
                ),
            );
        };
        let task = Arc::new(Task { action, ..(**self.task).clone() });
        TaskRun { task: &task, ..*self }.run()
    }

    pub(super) fn context(&self, locals: Map) -> Context {
        let env = Arc::new(self.env());
        let mut all = locals;
        all.insert(
            "ansible_search_path".into(),
            Value::list(env.search_path.iter().map(|path| Value::str(path.to_string_lossy())).collect()),
        );
        let scope = self.scope(self.host, all);
        Context::new(&self.shared.engine, Arc::new(scope), env)
    }

    fn scope(&self, host: &str, locals: Map) -> TaskScope {
        let mut scope = TaskScope::host(&self.shared.store, host, &self.shared.magic);
        scope.play = Some(self.play.scope.clone());
        scope.layers = Some(self.task.level.clone());
        scope.locals = Arc::new(locals);
        scope
    }

    fn env(&self) -> LookupEnv {
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

    fn run_once(&self) -> TaskResult {
        let context = self.context(Map::new());
        if self.tries() {
            return self.with_tries(context, Map::new());
        }
        let step = self.prepare(context, Map::new(), None);
        let mut steps = [step];
        self.call_pending(&mut steps);
        let [step] = steps;
        self.finish(step)
    }

    fn tries(&self) -> bool {
        !self.task.until.is_empty() || self.task.attr("retries").is_some()
    }

    /// `until`: tries until the condition holds, `retries` more times, `delay` seconds apart.
    fn with_tries(&self, context: Context, locals: Map) -> TaskResult {
        let number = |name: &str, default: f64| match self.task.attr(name) {
            None => Ok(default),
            Some(attr) => {
                context.render(&attr.term).map(|value| py_str(&value).trim().parse().unwrap_or(default))
            }
        };
        let (retries, delay) = match (number("retries", 3.0), number("delay", 5.0)) {
            (Ok(retries), Ok(delay)) => (retries.max(0.0) as u64, delay.max(0.0)),
            (Err(error), _) | (_, Err(error)) => return template_failure(&error),
        };
        let mut attempt = 1;
        loop {
            let mut step = self.prepare(self.context(locals.clone()), locals.clone(), None);
            step.attempt = Some(attempt);
            let mut steps = [step];
            self.call_pending(&mut steps);
            let [step] = steps;
            let mut result = self.finish(step);
            if result.skipped || result.unreachable {
                return result;
            }
            let reached = match self.judge(&self.task.until, &result, &locals) {
                // `retries` alone means until it succeeds.
                Ok(_) if self.task.until.is_empty() => !result.failed,
                Ok(reached) => reached,
                Err(error) => {
                    let mut failure = template_failure(&error);
                    failure.data.extend(result.data);
                    return failure;
                }
            };
            if reached {
                return result;
            }
            if attempt > retries {
                result.data.insert("attempts".into(), Value::from(retries));
                // What failed_when said of the last try stands.
                result.failed |= self.task.failed_when.is_none();
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

    fn run_loop(&self) -> TaskResult {
        let outer = self.context(Map::new());
        let items = match self.items(&outer) {
            Ok(items) => items,
            Err(error) => return self.loop_failure(&outer, &error),
        };
        let control = match Control::new(self.task, &outer) {
            Ok(control) => control,
            Err(error) => return template_failure(&error),
        };
        if self.task.level.chain().any(|level| {
            level.kind == crate::playbook::LevelKind::Include && level.vars.contains_key(control.var.as_str())
        }) {
            (self.send)(Event::Problem(
                crate::diag::Diagnostic::warning("loop-variable-in-use", format!("The loop variable '{}' is already in use. You should set the `loop_var` value in the `loop_control` option for the task to something else to avoid variable collisions and unexpected behavior.", control.var)).at(&self.task.span),
            ));
        }
        let together = !self.tries()
            && control.pause.is_none()
            && self.task.control.break_when.is_empty()
            && self.task.action.kind != ActionKind::Missing;
        let mut results: Vec<TaskResult> = Vec::with_capacity(items.len());
        if together {
            let mut steps: Vec<Step> = items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let locals = control.locals(&items, index, item);
                    let context = self.context(locals.clone());
                    let label = control.label(self.task, &context, item);
                    let step = self.prepare(context, locals, Some(label));
                    if let State::Done(result) = &step.state {
                        self.show_next_item(result);
                    }
                    step
                })
                .collect();
            self.call_pending(&mut steps);
            for (step, item) in steps.into_iter().zip(&items) {
                let locals = step.locals.clone();
                let mut result = self.finish(step);
                if results.iter().any(|earlier| result.adds_the_host_of(earlier)) {
                    result.changed = false;
                }
                results.push(self.item_done(result, item, &control, &locals));
            }
        } else {
            for (index, item) in items.iter().enumerate() {
                if index > 0
                    && let Some(pause) = control.pause
                {
                    self.shared.sleep(Duration::from_secs_f64(pause));
                }
                let locals = control.locals(&items, index, item);
                let context = self.context(locals.clone());
                let label = control.label(self.task, &context, item);
                let mut result = if !self.tries() {
                    let mut steps = [self.prepare(context, locals.clone(), Some(label.clone()))];
                    self.call_pending(&mut steps);
                    let [step] = steps;
                    self.finish(step)
                } else {
                    self.with_tries(context, locals.clone())
                };
                result.label = Some(label);
                self.show_next_item(&result);
                let gone = result.unreachable;
                let stop = match self.judge(&self.task.control.break_when, &result, &locals) {
                    Ok(stop) => stop && !self.task.control.break_when.is_empty(),
                    Err(error) => {
                        result = template_failure(&error);
                        true
                    }
                };
                results.push(self.item_done(result, item, &control, &locals));
                if stop || gone || self.shared.stopping() {
                    break;
                }
            }
        }
        self.loop_result(results)
    }

    /// What `set_fact` and `include_vars` have made of an item is seen by the items after it.
    fn show_next_item(&self, result: &TaskResult) {
        if result.failed || self.task.attr("delegate_facts").is_some() {
            return;
        }
        for effect in &result.effects {
            match effect {
                Effect::Set(vars) => {
                    for (name, value) in vars {
                        self.shared.store.set(self.host, &py_str(name), value.clone());
                    }
                }
                Effect::IncludeVars(terms) => self.shared.store.include(self.host, terms),
                _ => {}
            }
        }
    }

    /// What `loop` gives, or the lookup of `with_NAME`.
    fn items(&self, context: &Context) -> Result<Vec<Value>, TemplateError> {
        let Some(looping) = &self.task.looping else { return Ok(vec![]) };
        let value = context.render(&looping.items)?;
        if let Value::Unknown(why) = &value {
            return Err(TemplateError {
                kind: TemplateErrorKind::Unknown,
                message: why.to_string(),
                trace: vec![],
            });
        }
        match &looping.lookup {
            None => match value {
                Value::List(items) => Ok(items.to_vec()),
                other => Err(TemplateError {
                    kind: TemplateErrorKind::Failed,
                    message: format!("{NOT_A_LIST}, not '{}'.", other.type_name()),
                    trace: vec![looping.span.clone()],
                }),
            },
            Some(lookup) => {
                let terms: Vec<Value> = match value {
                    Value::List(items) => items.to_vec(),
                    other => vec![other],
                };
                context.lookup(lookup, &terms, &Value::map(Map::new()))
            }
        }
    }

    /// A loop whose items cannot be had is no failure where the task would be skipped anyway.
    fn loop_failure(&self, context: &Context, error: &TemplateError) -> TaskResult {
        for condition in self.task.level.conditions() {
            match context.condition(&condition.expr) {
                Ok(false) => return skipped(condition),
                Ok(true) => {}
                Err(_) => break,
            }
        }
        let mut failure = template_failure(error);
        if failure.unknown.is_none()
            && let Some(looping) = &self.task.looping
        {
            let place = error.trace.first().unwrap_or(&looping.span);
            if error.message.starts_with(NOT_A_LIST) {
                let mut cause = Cause::new(error.message.clone(), Some(&looping.span));
                cause.help =
                    Some("Provide a list of items/templates, or a template resolving to a list.".into());
                return TaskResult { causes: vec![cause], ..TaskResult::failure(error.message.clone()) };
            }
            failure = TaskResult::broken("", Cause::new(error.message.clone(), Some(place)));
        }
        failure
    }

    /// Adds what marks a result as that of an item, announces it.
    fn item_done(&self, mut result: TaskResult, item: &Value, control: &Control, locals: &Map) -> TaskResult {
        result.data.insert(Value::str(&control.var), item.clone());
        result.data.insert("ansible_loop_var".into(), Value::str(&control.var));
        if let Some(index) = &control.index {
            result.data.insert(Value::str(index), locals.get(index.as_str()).cloned().unwrap_or_default());
            result.data.insert("ansible_index_var".into(), Value::str(index));
        }
        if control.extended
            && let Some(extended) = locals.get("ansible_loop")
        {
            result.data.insert("ansible_loop".into(), extended.clone());
        }
        self.settle(&mut result);
        self.judge_ignored(&mut result);
        (self.send)(Event::Item {
            host: self.host.clone(),
            task: self.info.clone(),
            result: Arc::new(result.clone()),
        });
        result
    }

    fn loop_result(&self, mut results: Vec<TaskResult>) -> TaskResult {
        let mut whole = TaskResult {
            delegated: results.iter().find_map(|r| r.delegated.clone()),
            ..TaskResult::default()
        };
        whole.no_log = results.iter().any(|result| result.no_log);
        whole.effects = results.iter_mut().flat_map(|result| std::mem::take(&mut result.effects)).collect();
        whole.unknown = results.iter().find_map(|result| result.unknown.clone());
        whole.changed = results.iter().any(|result| result.changed);
        whole.failed = results.iter().any(|result| result.failed);
        whole.unreachable = results.iter().any(|result| result.unreachable);
        whole.skipped = results.iter().all(|result| result.skipped);
        let msg = match () {
            () if results.is_empty() => {
                whole.data.insert("skipped_reason".into(), "No items in the list".into());
                None
            }
            () if whole.skipped => Some("All items skipped"),
            () if whole.failed => Some("One or more items failed"),
            () => Some("All items completed"),
        };
        if let Some(msg) = msg {
            whole.data.insert("msg".into(), msg.into());
        }
        let listed = results.iter().map(TaskResult::registered).collect();
        whole.data.insert("results".into(), Value::list(listed));
        whole.data.insert("changed".into(), whole.changed.into());
        whole.items = Some(results);
        whole
    }

    /// `ignore_errors` and `ignore_unreachable`.
    fn judge_ignored(&self, result: &mut TaskResult) {
        if !(result.failed || result.unreachable) || result.ignored {
            return;
        }
        let word = if result.unreachable { "ignore_unreachable" } else { "ignore_errors" };
        let context = self.context(Map::new());
        if let Some(attr) = self.task.attr(word)
            && let Ok(value) = context.render(&attr.term)
        {
            result.ignored = value.ansible_bool().unwrap_or(false);
        }
    }

    /// Conditions, arguments, route: everything up to the call.
    fn prepare(&self, context: Context, locals: Map, label: Option<String>) -> Step {
        let state = match self.prepare_state(&context, &locals) {
            Ok(state) => state,
            Err(mut result) => {
                self.unknown_facts(&mut result);
                State::Done(result)
            }
        };
        Step { context, locals, label, attempt: None, state }
    }

    /// Variables that a `set_fact` would have set, had it been known to what or whether: unknown from here on.
    fn unknown_facts(&self, result: &mut TaskResult) {
        if self.task.action.short != "set_fact" {
            return;
        }
        let Some(why) = &result.unknown else { return };
        let names = self.task.args_node.as_map().unwrap_or_default().iter().filter_map(|(key, _)| key.as_str());
        let unknown = names
            .filter(|name| *name != "cacheable")
            .map(|name| (Value::str(name), Value::Unknown(why.as_str().into())))
            .collect();
        result.effects.push(Effect::Set(unknown));
    }

    fn prepare_state(&self, context: &Context, locals: &Map) -> Result<State, Box<TaskResult>> {
        let fail = |error: TemplateError| Box::new(template_failure(&error));
        for condition in self.task.level.conditions() {
            match context.condition(&condition.expr) {
                Ok(true) => {}
                Ok(false) => return Err(Box::new(skipped(condition))),
                Err(mut error) => {
                    if error.trace.is_empty() {
                        error.trace.push(condition.span.clone());
                    }
                    return Err(Box::new(condition_failure(condition, &error)));
                }
            }
        }
        let no_log = self.truth(context, "no_log").map_err(fail)?.unwrap_or(self.shared.no_log_by_default);
        let marked = |mut result: Box<TaskResult>| {
            result.no_log = no_log;
            result
        };
        let raw = match actions::find(&self.task.action.short) {
            Some(action) => action.raw_arguments(),
            None => &[],
        };
        let args =
            self.arguments(context, raw).map_err(|error| marked(Box::new(self.argument_failure(&error))))?;
        if matches!(self.task.action.kind, ActionKind::IncludeTasks | ActionKind::IncludeRole) {
            return Ok(State::Done(Box::new(self.include(args, locals))));
        }
        if self.task.action.kind == ActionKind::Missing {
            let name = &self.task.action.written;
            return Err(Box::new(TaskResult::failure(format!(
                "the module {name} is not available in this version (docs/compatibility.md lists what is)"
            ))));
        }
        if args.contains_key("_raw_params") && !crate::playbook::is_free_form(&self.task.action.short) {
            let text = format!(
                "Task failed: Action '{}' does not support raw params.",
                canonical(&self.task.action.written)
            );
            let cause = Cause::new(text.as_str(), None);
            return Err(marked(Box::new(TaskResult { causes: vec![cause], ..TaskResult::failure(text) })));
        }
        let delegated = self.delegate(context).map_err(fail)?;
        let route_context = match &delegated {
            Some(host) => {
                let scope = self.scope(host, locals.clone());
                Context::new(&self.shared.engine, Arc::new(scope), Arc::new(self.env()))
            }
            None => context.clone(),
        };
        let route_host = delegated.as_deref().unwrap_or(self.host);
        let route = connect::route(self.shared, self.task, &route_context, route_host).map_err(fail)?;
        let environment = self.environment(context).map_err(fail)?;
        let check = self.truth(context, "check_mode").map_err(fail)?.unwrap_or(self.shared.options.check);
        let diff = self.truth(context, "diff").map_err(fail)?.unwrap_or(self.shared.options.diff);
        let prepared = match actions::find(&self.task.action.short) {
            Some(action) => {
                let call = |call: Call| self.call_now(call, &route, &environment, check, diff, context);
                let reconnect = || self.reconnect(&route);
                let prompt =
                    |text: &str, echo: bool, seconds: Option<u64>| self.shared.prompt(text, echo, seconds);
                let with_locals = |more: Map| {
                    let mut all = locals.clone();
                    all.extend(more);
                    self.context(all)
                };
                let env = self.env();
                let scene = Scene {
                    context,
                    engine: &self.shared.engine,
                    env: &env,
                    loader: &self.shared.loader,
                    store: &self.shared.store,
                    task: self.task,
                    host: self.host,
                    check,
                    diff,
                    verbosity: self.shared.options.verbosity,
                    authored: &self.task.args_node,
                    with_locals: &with_locals,
                    call: &call,
                    reconnect: &reconnect,
                    prompt: &prompt,
                };
                action.prepare(args, &scene)
            }
            None => Prepared::Call(Call::new(&self.task.action.short, args)),
        };
        Ok(match prepared {
            Prepared::Done(mut result) => {
                result.no_log = no_log;
                result.delegated = delegated;
                State::Done(Box::new(result))
            }
            Prepared::Call(mut call) => {
                call.check = Some(call.check.unwrap_or(check));
                call.diff = diff;
                call.no_log = no_log;
                call.delegated = delegated;
                State::Pending(Box::new(call), Box::new(route), environment)
            }
        })
    }

    /// A keyword's value: the innermost that is not `omit`.
    fn keyword(&self, context: &Context, name: &str) -> Result<Option<Value>, TemplateError> {
        keyword(&self.task.level, context, name)
    }

    /// A keyword as a boolean, `None` where nobody says it.
    fn truth(&self, context: &Context, name: &str) -> Result<Option<bool>, TemplateError> {
        match self.keyword(context, name)? {
            None => Ok(None),
            Some(value) => match value.ansible_bool() {
                Some(truth) => Ok(Some(truth)),
                None => Err(TemplateError {
                    kind: TemplateErrorKind::Failed,
                    message: format!(
                        "Error processing keyword '{name}': The value {} could not be converted to 'bool'.",
                        crate::value::py_repr(&value)
                    ),
                    trace: self.task.attr(name).map(|attr| attr.span.clone()).into_iter().collect(),
                }),
            },
        }
    }

    fn delegate(&self, context: &Context) -> Result<Option<String>, TemplateError> {
        let value = self.keyword(context, "delegate_to")?;
        Ok(value.map(|value| py_str(&value)).filter(|name| !name.is_empty()))
    }

    /// The rendered arguments: module defaults, then the task's own. Arguments that the action evaluates itself are left out.
    fn arguments(&self, context: &Context, raw: &[&str]) -> Result<Map, TemplateError> {
        let mut args = self.module_defaults(context)?;
        let own = match &self.task.args {
            Term::Map(entries) => {
                let mut own = Map::new();
                for (key, term) in entries.iter() {
                    let key = context.render(key)?;
                    if key.as_str().is_some_and(|key| raw.contains(&key)) {
                        continue;
                    }
                    let value = context.render(term).map_err(|error| argument_error(&key, error))?;
                    if !crate::template::is_omit(&value) {
                        own.insert(key, value);
                    }
                }
                Value::map(own)
            }
            Term::Const(Value::Map(map)) => Value::map(
                map.iter()
                    .filter(|(key, _)| !key.as_str().is_some_and(|key| raw.contains(&key)))
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
            ),
            other => context.render(other)?,
        };
        if let Value::Map(own) = own {
            let mut own = (*own).clone();
            if let Some(variable) = own.shift_remove("_variable_params") {
                args.extend(variable.as_map().cloned().unwrap_or_default());
            }
            // `module: "{{ variable }}"`: the variable holds all arguments.
            if let Some(Value::Map(whole)) = own.get("_raw_params").cloned() {
                own.shift_remove("_raw_params");
                args.extend((*whole).clone());
            }
            args.extend(own);
        }
        Ok(args)
    }

    fn module_defaults(&self, context: &Context) -> Result<Map, TemplateError> {
        let mut defaults = Map::new();
        for attr in self.task.level.collect("module_defaults") {
            let value = context.render(&attr.term)?;
            let maps: Vec<Value> = match value {
                Value::List(items) => items.to_vec(),
                other => vec![other],
            };
            for map in maps.iter().filter_map(Value::as_map) {
                for (name, given) in map {
                    let name = py_str(name);
                    let matches = crate::playbook::resolve(&name)
                        .is_some_and(|action| action.short == self.task.action.short);
                    if matches && let Some(given) = given.as_map() {
                        defaults.extend(given.clone());
                    }
                }
            }
        }
        Ok(defaults)
    }

    fn environment(&self, context: &Context) -> Result<Vec<(String, String)>, TemplateError> {
        let mut environment: Vec<(String, String)> = Vec::new();
        for attr in self.task.level.collect("environment") {
            let maps = match context.render(&attr.term)? {
                Value::List(items) => items.to_vec(),
                other => vec![other],
            };
            for (name, value) in maps.iter().filter_map(Value::as_map).flatten() {
                if crate::template::is_omit(value) {
                    continue;
                }
                let (name, value) = (py_str(name), py_str(value));
                environment.retain(|(known, _)| *known != name);
                environment.push((name, value));
            }
        }
        Ok(environment)
    }

    fn argument_failure(&self, error: &TemplateError) -> TaskResult {
        let failure = template_failure(error);
        if failure.unknown.is_some() {
            return failure;
        }
        let outer =
            format!("Finalization of task args for '{}' failed", canonical(&self.task.action.written));
        let place = error.trace.first().unwrap_or(&self.task.args_span);
        TaskResult::broken(&outer, Cause::new(error.message.clone(), Some(place)))
    }

    fn include(&self, args: Map, locals: &Map) -> TaskResult {
        let is_role = self.task.action.kind == ActionKind::IncludeRole;
        let names: &[&str] =
            if is_role { &["name", "role", "_raw_params"] } else { &["file", "_raw_params"] };
        let Some(name) = names.iter().find_map(|name| args.get(*name)).map(py_str) else {
            return TaskResult::failure(if is_role {
                "'name' is a required field for include_role."
            } else {
                "No include file was specified to the include"
            });
        };
        let label = locals.get("ansible_loop_var").map(|_| String::new());
        let mut result = TaskResult::default().with("include", Value::str(&name));
        result.effects.push(Effect::Include(Include {
            name,
            args: Value::map(args),
            locals: locals.clone(),
            label,
        }));
        result
    }

    fn request(
        &self,
        call: &Call,
        route: &Route,
        environment: &[(String, String)],
        context: &Context,
    ) -> Result<TaskRequest, TemplateError> {
        let timeout = self.timeout(context)?;
        Ok(TaskRequest {
            id: self.shared.next_id.fetch_add(1, Ordering::Relaxed),
            identity: route.identity.clone(),
            module: call.module.clone(),
            args: Value::map(call.args.clone()),
            mode: if call.check.unwrap_or(self.shared.options.check) { Mode::Check } else { Mode::Apply },
            diff: call.diff,
            environment: environment.to_vec(),
            timeout,
            blobs: call.blobs.inline(call.diff),
        })
    }

    /// `timeout`, in seconds; 0 is none.
    fn timeout(&self, context: &Context) -> Result<Option<u32>, TemplateError> {
        const LONGEST: u32 = 100_000_000;
        let Some(value) = self.keyword(context, "timeout")? else { return Ok(None) };
        let text = py_str(&value);
        match text.trim().parse::<i64>() {
            Ok(0) => Ok(None),
            Ok(seconds) if (1..=i64::from(LONGEST)).contains(&seconds) => Ok(u32::try_from(seconds).ok()),
            _ => Err(TemplateError {
                kind: TemplateErrorKind::Failed,
                message: format!("Timeout {text} is invalid, it must be between 0 and {LONGEST}."),
                trace: self.task.attr("timeout").map(|attr| attr.span.clone()).into_iter().collect(),
            }),
        }
    }

    /// Sends all pending calls; those for one connection go together, one after the other.
    fn call_pending(&self, steps: &mut [Step]) {
        let mut next = 0;
        while next < steps.len() {
            let State::Pending(_, route, _) = &steps[next].state else {
                next += 1;
                continue;
            };
            let connection = route.target.connection();
            let target = route.target.clone();
            let end = steps[next..]
                .iter()
                .position(|step| matches!(&step.state, State::Pending(_, route, _) if route.target.connection() != connection))
                .map_or(steps.len(), |offset| next + offset);
            self.call_group(&mut steps[next..end], &target);
            next = end;
        }
    }

    fn call_group(&self, steps: &mut [Step], target: &crate::transport::Target) {
        let mut requests = Vec::new();
        let mut indices = Vec::new();
        for (index, step) in steps.iter_mut().enumerate() {
            let State::Pending(call, route, environment) = &step.state else { continue };
            match self.request(call, route, environment, &step.context) {
                Ok(request) => {
                    requests.push(request);
                    indices.push(index);
                }
                Err(error) => step.state = State::Done(Box::new(template_failure(&error))),
            }
        }
        let blobs: Vec<&Blobs> = steps
            .iter()
            .filter_map(|step| match &step.state {
                State::Pending(call, _, _) => Some(&call.blobs),
                State::Done(_) => None,
            })
            .collect();
        let outcomes = self.send_requests(target, &requests, blobs);
        let mut outcomes = match outcomes {
            Ok(outcomes) => outcomes.into_iter().map(TaskResult::from_outcome).collect::<Vec<_>>(),
            Err(error) => indices.iter().map(|_| TaskResult::unreachable(error.to_string())).collect(),
        }
        .into_iter();
        for index in indices {
            let step = &mut steps[index];
            let State::Pending(call, _, _) = &mut step.state else { continue };
            let mut result =
                outcomes.next().unwrap_or_else(|| TaskResult::failure("the host gave no answer"));
            if let Some(finish) = call.finish.take()
                && !result.unreachable
            {
                result = finish(result);
            }
            result.no_log = call.no_log;
            result.show_diff = call.diff;
            result.delegated = call.delegated.clone();
            step.state = State::Done(Box::new(result));
        }
    }

    fn send_requests(
        &self,
        target: &crate::transport::Target,
        requests: &[TaskRequest],
        blobs: Vec<&Blobs>,
    ) -> Result<Vec<crate::protocol::Outcome>, CallError> {
        if requests.is_empty() {
            return Ok(vec![]);
        }
        let live = |text: &str| (self.send)(Event::Output { host: self.host.clone(), text: text.to_owned() });
        let store = AllBlobs { blobs, live: &live };
        let describe = |_: &str| {};
        self.shared.sessions.with(target, &describe, |session| session.call(requests, &store, SILENCE))
    }

    fn call_now(
        &self,
        mut call: Call,
        route: &Route,
        environment: &[(String, String)],
        check: bool,
        diff: bool,
        context: &Context,
    ) -> TaskResult {
        call.check = Some(call.check.unwrap_or(check));
        call.diff = diff;
        let request = match self.request(&call, route, environment, context) {
            Ok(request) => request,
            Err(error) => return template_failure(&error),
        };
        match self.send_requests(&route.target, &[request], vec![&call.blobs]) {
            Ok(outcomes) => outcomes.into_iter().next().map(TaskResult::from_outcome).unwrap_or_default(),
            Err(error) => TaskResult::unreachable(error.to_string()),
        }
    }

    fn reconnect(&self, route: &Route) -> Result<(), String> {
        self.shared.sessions.reset(&route.target);
        self.shared.sessions.with(&route.target, &|_| {}, |_| Ok(())).map_err(|error| error.to_string())
    }

    /// The answer in hand: lines, facts, `changed_when`, `failed_when`.
    fn finish(&self, step: Step) -> TaskResult {
        let State::Done(result) = step.state else { return TaskResult::failure("the task was never sent") };
        let mut result = *result;
        result.label = step.label.clone();
        for effect in &mut result.effects {
            if let Effect::Include(include) = effect {
                include.label = step.label.clone();
            }
        }
        add_lines(&mut result.data);
        if let Some(attempt) = step.attempt
            && !result.skipped
        {
            result.data.insert("attempts".into(), Value::from(attempt));
        }
        self.take_facts(&mut result);
        if !result.diff.is_empty() {
            let as_list =
                matches!(self.task.action.short.as_str(), "copy" | "template" | "lineinfile" | "blockinfile");
            let shown = super::result::shown_diff(&result.diff, as_list);
            result.data.entry("diff".into()).or_insert(shown);
        }
        if result.skipped || result.unreachable || result.unknown.is_some() {
            return result;
        }
        let judge = |conditions: &Option<Vec<Condition>>, result: &TaskResult| match conditions {
            None => Ok(None),
            Some(conditions) => self.judge(conditions, result, &step.locals).map(Some),
        };
        match judge(&self.task.changed_when, &result) {
            Ok(None) => {}
            Ok(Some(changed)) => {
                result.changed = changed;
                result.data.insert("changed".into(), changed.into());
            }
            Err(error) => return self.judge_failure(result, "changed_when", &error),
        }
        let failed_when = match &self.task.failed_when {
            None => Ok(None),
            Some(conditions) => self.judge(conditions, &result, &step.locals).map(Some),
        };
        match failed_when {
            Ok(None) => {}
            Ok(Some(failed)) => {
                if result.failed && !failed {
                    let exception = result
                        .data
                        .shift_remove("exception")
                        .unwrap_or_else(|| "(traceback unavailable)".into());
                    result.data.insert("failed_when_suppressed_exception".into(), exception);
                }
                result.failed = failed;
                result.data.insert("failed_when_result".into(), failed.into());
                result.data.insert("failed".into(), failed.into());
            }
            Err(error) => return self.judge_failure(result, "failed_when", &error),
        }
        result
    }

    fn judge_failure(&self, mut result: TaskResult, word: &str, error: &TemplateError) -> TaskResult {
        if error.kind == TemplateErrorKind::Unknown {
            result.unknown = Some(error.message.clone());
            return result;
        }
        result.failed = true;
        let text = conditional_text(error);
        result.data.insert(Value::from(format!("{word}_result")), Value::from(text));
        result
    }

    /// Conditions on the result itself: it is seen under the name of `register`, facts too.
    fn judge(
        &self,
        conditions: &[Condition],
        result: &TaskResult,
        locals: &Map,
    ) -> Result<bool, TemplateError> {
        if conditions.is_empty() {
            return Ok(true);
        }
        let mut all = locals.clone();
        if let Some(Value::Map(facts)) = result.data.get("ansible_facts") {
            for (key, value) in facts.iter() {
                all.insert(key.clone(), value.clone());
            }
        }
        if let Some(name) = &self.task.register {
            all.insert(Value::str(name), result.registered());
        }
        let context = self.context(all);
        for condition in conditions {
            if !context.condition(&condition.expr).map_err(|mut error| {
                if error.trace.is_empty() {
                    error.trace.push(condition.span.clone());
                }
                error
            })? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Facts that a module returned become the host's.
    fn take_facts(&self, result: &mut TaskResult) {
        if self.task.action.kind == ActionKind::Action
            && matches!(self.task.action.short.as_str(), "set_fact" | "include_vars")
        {
            return;
        }
        if let Some(Value::Map(facts)) = result.data.get("ansible_facts")
            && !result.failed
        {
            result.effects.push(Effect::Facts((**facts).clone()));
        }
    }
}

/// A keyword's value: the innermost that is neither nothing nor `omit`.
pub fn keyword(
    level: &crate::playbook::Level,
    context: &Context,
    name: &str,
) -> Result<Option<Value>, TemplateError> {
    for attr in level.chain().filter_map(|level| level.own(name)) {
        let value = context.render(&attr.term)?;
        if crate::template::is_omit(&value) {
            continue;
        }
        return Ok(Some(value).filter(|value| !value.is_null()));
    }
    Ok(None)
}

/// `loop_control`, rendered.
struct Control {
    var: String,
    index: Option<String>,
    extended: bool,
    all_items: bool,
    pause: Option<f64>,
}

impl Control {
    fn new(task: &Task, context: &Context) -> Result<Self, TemplateError> {
        let text = |attr: &Option<crate::playbook::Attr>| match attr {
            Some(attr) => {
                context.render(&attr.term).map(|value| Some(value).filter(|value| !value.is_null()))
            }
            None => Ok(None),
        };
        Ok(Self {
            var: text(&task.control.loop_var)?.map_or_else(|| "item".into(), |value| py_str(&value)),
            index: text(&task.control.index_var)?.map(|value| py_str(&value)),
            extended: text(&task.control.extended)?.and_then(|value| value.ansible_bool()).unwrap_or(false),
            all_items: text(&task.control.extended_allitems)?
                .and_then(|value| value.ansible_bool())
                .unwrap_or(true),
            pause: text(&task.control.pause)?
                .and_then(|value| py_str(&value).parse().ok())
                .filter(|pause| *pause > 0.0),
        })
    }

    fn locals(&self, items: &[Value], index: usize, item: &Value) -> Map {
        let mut locals = Map::new();
        locals.insert(Value::str(&self.var), item.clone());
        locals.insert("ansible_loop_var".into(), Value::str(&self.var));
        if let Some(name) = &self.index {
            locals.insert(Value::str(name), index.into());
            locals.insert("ansible_index_var".into(), Value::str(name));
        }
        if self.extended {
            let length = items.len();
            let mut extended: Vec<(&str, Value)> = vec![
                ("index", (index + 1).into()),
                ("index0", index.into()),
                ("first", (index == 0).into()),
                ("last", (index + 1 == length).into()),
                ("length", length.into()),
                ("revindex", (length - index).into()),
                ("revindex0", (length - index - 1).into()),
            ];
            if self.all_items {
                extended.push(("allitems", Value::list(items.to_vec())));
            }
            if let Some(next) = items.get(index + 1) {
                extended.push(("nextitem", next.clone()));
            }
            if index > 0 {
                extended.push(("previtem", items[index - 1].clone()));
            }
            locals.insert("ansible_loop".into(), Value::object(extended));
        }
        locals
    }

    fn label(&self, task: &Task, context: &Context, item: &Value) -> String {
        match &task.control.label {
            Some(attr) => {
                context.render(&attr.term).map(|value| py_str(&value)).unwrap_or_else(|_| py_str(item))
            }
            None => py_str(item),
        }
    }
}

fn skipped(condition: &Condition) -> TaskResult {
    let shown = condition.value.clone();
    let data = [
        ("changed", Value::Bool(false)),
        ("false_condition", shown),
        ("skip_reason", "Conditional result was False".into()),
    ];
    let data = data.into_iter().map(|(key, value)| (Value::str(key), value)).collect();
    TaskResult { data, skipped: true, ..TaskResult::default() }
}

fn condition_failure(condition: &Condition, error: &TemplateError) -> TaskResult {
    let failure = template_failure(error);
    if failure.unknown.is_some() {
        return failure;
    }
    let not_boolean = error.message.starts_with("Conditional result");
    let place = match error.kind {
        TemplateErrorKind::Syntax => error.trace.first().unwrap_or(&condition.span),
        _ => &condition.span,
    };
    let mut cause = Cause::new(conditional_text(error), Some(place));
    if not_boolean {
        cause.help = Some("Broken conditionals can be temporarily allowed with the `ALLOW_BROKEN_CONDITIONALS` configuration option.".into());
    }
    TaskResult::broken("", cause)
}

/// What went wrong with a condition, said once.
fn conditional_text(error: &TemplateError) -> String {
    if error.message.starts_with("Conditional")
        || error.kind == TemplateErrorKind::Syntax
        || error.message.starts_with("Empty conditional")
        || error.message.starts_with("Encountered untrusted")
        || error.message.starts_with("Error while evaluating conditional")
    {
        error.message.clone()
    } else {
        format!("Error while evaluating conditional: {}", error.message)
    }
}

/// A failed (or undecidable) rendering as a task's result.
pub fn template_failure(error: &TemplateError) -> TaskResult {
    if error.kind == TemplateErrorKind::Unknown {
        return TaskResult { unknown: Some(error.message.clone()), ..TaskResult::default() };
    }
    TaskResult::broken("", Cause::new(error.message.clone(), error.trace.first()))
}

fn argument_error(key: &Value, mut error: TemplateError) -> TemplateError {
    if error.kind != TemplateErrorKind::Unknown {
        error.message = format!("Error while resolving value for '{}': {}", py_str(key), error.message);
    }
    error
}

/// The full name of an action, as error messages give it.
pub fn canonical(written: &str) -> String {
    if written.contains('.') { written.to_owned() } else { format!("ansible.builtin.{written}") }
}

/// `stdout_lines` and `stderr_lines`.
fn add_lines(data: &mut Map) {
    for (text, lines) in [("stdout", "stdout_lines"), ("stderr", "stderr_lines")] {
        if let Some(Value::Str(text)) = data.get(text)
            && !data.contains_key(lines)
        {
            let split = python_lines(text);
            data.insert(lines.into(), split);
        }
    }
}

/// `str.splitlines()`.
fn python_lines(text: &str) -> Value {
    let normal = text.replace("\r\n", "\n").replace(
        ['\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'],
        "\n",
    );
    let mut lines: Vec<Value> = normal.split('\n').map(Value::str).collect();
    if normal.is_empty() || normal.ends_with('\n') {
        lines.pop();
    }
    Value::list(lines)
}
