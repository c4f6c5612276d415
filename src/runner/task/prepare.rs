//! Conditions, keywords, arguments: everything up to the call.

use super::failure::{canonical, condition_failure, linked, skipped, template_failure};
use super::keywords::{AFTER_ARGUMENTS, BEFORE_ARGUMENTS, BEFORE_IGNORING, keyword_error};
use super::{State, Step, TaskRun};
use crate::actions::{self, Call, Prepared, Scene};
use crate::diag::Diagnostic;
use crate::modules::kit;
use crate::playbook::{ActionKind, ActionName, arguments};
use crate::runner::Question;
use crate::runner::connect::{self, Route};
use crate::runner::event::Event;
use crate::runner::result::{Cause, Delegate, Effect, Include, TaskResult};
use crate::template::{Context, TemplateError, TemplateErrorKind, Term};
use crate::transport::TransportKind;
use crate::value::{Map, Value, py_str, str_repr};
use crate::vars::TaskScope;
use std::sync::Arc;

/// How the complaint about a `delegate_to` that names nobody begins.
const NO_DELEGATE: &str = "Empty hostname produced from delegate_to";

impl TaskRun<'_> {
    /// Conditions, arguments, route: everything up to the call.
    pub(super) fn prepare(&self, context: Context, locals: Map) -> Step {
        // Both are told of a task that is skipped or fails before it starts, too.
        let no_log = self.hides(&context);
        let delegate = self.delegate(&context, &locals);
        let context = match &delegate {
            Ok(Some(other)) => self.delegated_context(Some(other), locals.clone()),
            _ => context,
        };
        let (state, ran) = match self.prepare_state(&context, &locals, &no_log, &delegate) {
            Ok(state) => (state, true),
            Err(mut result) => {
                self.unknown_facts(&mut result);
                result.no_log = no_log.unwrap_or(true);
                if result.delegated.is_none() {
                    result.delegated = delegate.map_or_else(
                        |_| self.written_delegate(),
                        |other| other.map(Delegate::without_address),
                    );
                }
                (State::Done(result), false)
            }
        };
        Step { context, locals, attempt: None, ran, state }
    }

    /// Variables that a `set_fact` would have set, had it been known to what or whether: unknown from here on.
    pub(super) fn unknown_facts(&self, result: &mut TaskResult) {
        if self.task.action.short != "set_fact" {
            return;
        }
        let Some(why) = &result.unknown else { return };
        let names =
            self.task.args_node.as_map().unwrap_or_default().iter().filter_map(|(key, _)| key.as_str());
        let unknown = names
            .filter(|name| *name != "cacheable")
            .map(|name| (Value::str(name), Value::Unknown(why.as_str().into())))
            .collect();
        result.effects.push(Effect::Set(unknown));
    }

    fn prepare_state(
        &self,
        context: &Context,
        locals: &Map,
        no_log: &Result<bool, TemplateError>,
        delegate: &Result<Option<Delegate>, TemplateError>,
    ) -> Result<State, Box<TaskResult>> {
        let fail = |error: TemplateError| Box::new(template_failure(&error));
        let fail_early = |error: TemplateError| Box::new(self.failed_early(template_failure(&error)));
        if let Err(error) = delegate
            && error.message.starts_with(NO_DELEGATE)
        {
            let failure = TaskResult::stopped(format!("Task failed: {}", error.message));
            let delegated = self.written_delegate();
            return Err(Box::new(TaskResult { delegated, ..self.failed_early(failure) }));
        }
        for condition in self.task.level.conditions() {
            match context.condition(&condition.expr) {
                Ok(true) => {}
                Ok(false) => return Err(Box::new(skipped(condition))),
                Err(mut error) => {
                    if error.trace.is_empty() {
                        error.trace.push(condition.span.clone());
                    }
                    return Err(Box::new(self.failed_early(condition_failure(condition, &error))));
                }
            }
        }
        if let Err(failure) = self.check_keywords(context, &["no_log"], true) {
            let text = failure.msg();
            let why = text.strip_prefix("Task failed: ").unwrap_or(&text);
            let text = format!("Invalid no_log value for task, output will be masked: {why}");
            let place = self.task.attr("no_log").map(|attr| &attr.span);
            (self.send)(Event::Problem(Diagnostic::warning("no-log", text).at_maybe(place)));
            return Err(Box::new(TaskResult { causes_are_shown: true, ..*failure }));
        }
        let no_log = no_log.clone().map_err(fail_early)?;
        if self.task.action.kind == ActionKind::Dynamic
            && let Err(failure) = self.with_action(context)
        {
            return Err(failure);
        }
        let raw = match actions::of(&self.task.action) {
            Some(action) => action.raw_arguments(),
            None => &[],
        };
        self.check_notify(context).map_err(fail_early)?;
        self.check_handler_tags(context).map_err(fail_early)?;
        self.check_keywords(context, BEFORE_IGNORING, true)?;
        self.check_keywords(context, BEFORE_ARGUMENTS, false)?;
        let args = self.arguments(context, raw).map_err(|error| {
            let mut failure = self.argument_failure(&error);
            self.note_action(&mut failure);
            Box::new(failure)
        })?;
        self.check_keywords(context, AFTER_ARGUMENTS, false)?;
        if matches!(self.task.action.kind, ActionKind::IncludeTasks | ActionKind::IncludeRole) {
            return Ok(State::Done(Box::new(self.include(args, locals, no_log))));
        }
        if self.task.action.kind == ActionKind::Missing {
            let action = &self.task.action;
            return Err(Box::new(TaskResult::refused(match &action.foreign {
                Some(foreign) => crate::playbook::cannot_run(&action.written, &foreign.path),
                None => format!(
                    "the module {} is not available in this version (docs/compatibility.md lists what is)",
                    action.written
                ),
            })));
        }
        let timeout = self.timeout(context).map_err(fail)?;
        let own = self.task.action.kind != ActionKind::Program;
        if args.contains_key("_raw_params") && !crate::playbook::is_free_form(&self.task.action.short) {
            return Err(Box::new(TaskResult::stopped(format!(
                "Task failed: Action '{}' does not support raw params.",
                if own { canonical(&self.task.action.written) } else { self.task.action.written.clone() }
            ))));
        }
        if let Some(message) = arguments::refusal(&self.task.action.short, &args).filter(|_| own) {
            return Err(Box::new(TaskResult::refused(message)));
        }
        let delegated = delegate.clone().map_err(|error| {
            let delegated = self.written_delegate();
            Box::new(TaskResult { delegated, ..*fail_early(error) })
        })?;
        if let Some(other) = self.keyword(context, "delegate_to").map_err(fail)?
            && other.as_str().is_none()
        {
            let text =
                format!("Task failed: expected string or bytes-like object, got '{}'", other.type_name());
            let mut cause = Cause::new(text.as_str(), self.task.attr("delegate_to").map(|attr| &attr.span));
            cause.help = Some("The name of a host is a text: write it in quotes.".into());
            return Err(Box::new(TaskResult { delegated, causes: vec![cause], ..TaskResult::stopped(text) }));
        }
        let route_context = match &delegated {
            Some(other) => self.context_there(context, &other.host, locals),
            None => context.clone(),
        };
        let route_host = delegated.as_ref().map_or(&**self.host, |other| &other.host);
        let route = connect::route(self.shared, self.task, context, &route_context, route_host)
            .map_err(|error| fail(self.blamed_variable(&route_context).unwrap_or(error)))?;
        if let Some(other) =
            route.identity.as_deref().filter(|other| !crate::helper::escalate::knows(&other.method))
        {
            let text = format!(
                "Task failed: Invalid become method specified, could not find matching plugin: {}. Use `ansible-doc -t become -l` \
                 to list available plugins.",
                str_repr(&other.method)
            );
            return Err(Box::new(TaskResult::stopped(text)));
        }
        let environment = self.environment(context).map_err(fail_early)?;
        let check =
            self.truth(context, "check_mode").map_err(fail_early)?.unwrap_or(self.shared.options.check);
        let diff = self.truth(context, "diff").map_err(fail_early)?.unwrap_or(self.shared.options.diff);
        let refuses_async = match actions::of(&self.task.action) {
            Some(action) => !action.ignores_async(),
            None => false,
        };
        if refuses_async && self.is_background(context).map_err(fail)? {
            let text = format!("This action ({}) does not support async.", self.task.action.short);
            return Err(Box::new(TaskResult::refused(text)));
        }
        let args = self.with_shell(args, context, &route).map_err(fail)?;
        let prepared = match actions::of(&self.task.action) {
            Some(action) => {
                let call = |call: Call| self.call_now(call, &route, &environment, check, diff, context);
                let reconnect = || self.reconnect(&route);
                let prompt = |question: &Question| self.shared.prompt(question);
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
                    digests: &self.shared.digests,
                    settings: &self.shared.settings,
                    store: &self.shared.store,
                    task: self.task,
                    host: self.host,
                    check,
                    drift: self.shared.options.drift,
                    diff,
                    environment: &environment,
                    no_log,
                    verbosity: self.shared.options.verbosity,
                    timeout,
                    authored: &self.task.args_node,
                    with_locals: &with_locals,
                    call: &call,
                    reconnect: &reconnect,
                    prompt: &prompt,
                };
                action.prepare(args, &scene)
            }
            None => Prepared::Call(Call { may_be_job: true, ..Call::new(&self.task.action.short, args) }),
        };
        Ok(match prepared {
            Prepared::Done(mut result) => {
                result.no_log = no_log;
                // What refuses its arguments has not begun.
                let begun = !result.failed || result.causes.is_empty();
                result.delegated = if begun { delegated } else { delegated.map(Delegate::without_address) };
                State::Done(Box::new(result))
            }
            Prepared::Call(mut call) => {
                self.add_chosen_defaults(context, &mut call).map_err(fail)?;
                call.check = Some(call.check.unwrap_or(check));
                call.diff = diff;
                call.no_log = no_log;
                call.delegated = delegated;
                let takes = actions::of(&self.task.action).is_none_or(|action| action.takes_environment());
                State::Pending(Box::new(call), Box::new(route), if takes { environment } else { vec![] })
            }
        })
    }

    /// Adds which shell a line of shell is for, where its task does not say: `ansible_shell_executable`, but what is said to a login
    /// user's own shell is for that one.
    fn with_shell(&self, mut args: Map, context: &Context, route: &Route) -> Result<Map, TemplateError> {
        let name = match self.task.action.short.as_str() {
            "shell" => "_shell",
            "command" if args.get("_uses_shell").is_some_and(Value::truthy) => "_shell",
            "raw" if route.target.kind == TransportKind::Local => return Ok(args),
            "raw" if route.identity.is_none() => {
                args.insert("_login".into(), true.into());
                return Ok(args);
            }
            "raw" => "executable",
            _ => return Ok(args),
        };
        let given = args.get(name).is_some_and(Value::truthy);
        if !given && let Some(shell) = context.variable("ansible_shell_executable")?.filter(Value::truthy) {
            args.insert(name.into(), py_str(&shell).into());
        }
        Ok(args)
    }

    /// The other host as somebody wrote it: what fails before the keywords are rendered is shown with it.
    pub(super) fn written_delegate(&self) -> Option<Delegate> {
        let text = self.shared.engine.source_of(&self.task.attr("delegate_to")?.term);
        (!text.is_empty()).then(|| Delegate { host: text.clone(), shown: text })
    }

    /// The host of `delegate_to`, as it is shown.
    pub(in crate::runner) fn delegate(
        &self,
        context: &Context,
        locals: &Map,
    ) -> Result<Option<Delegate>, TemplateError> {
        let Some(host) = self.keyword(context, "delegate_to")?.map(|value| py_str(&value)) else {
            return Ok(None);
        };
        if host.is_empty() {
            return match self.task.attr("delegate_to") {
                // Somebody meant a host, and has not said which.
                Some(attr) if !matches!(attr.term, Term::Const(_) | Term::Data(_)) => {
                    Err(TemplateError::new(
                        TemplateErrorKind::Failed,
                        format!("{NO_DELEGATE}: \"{}\"", self.shared.engine.source_of(&attr.term)),
                        vec![self.task.span.clone()],
                    ))
                }
                _ => Ok(None),
            };
        }
        let address = self.context_of(&host, locals).variable("ansible_host").ok().flatten();
        let address = address.map(|address| py_str(&address));
        let shown = match address {
            Some(address) if address != host => format!("{host}({address})"),
            _ => host.clone(),
        };
        Ok(Some(Delegate { host, shown }))
    }

    /// The task's context, but with the variables of another host.
    pub(super) fn context_of(&self, host: &str, locals: &Map) -> Context {
        let scope = self.scope(host, locals.clone());
        Context::new(&self.shared.engine, Arc::new(scope), Arc::new(self.env()))
    }

    /// The context for the way to another host: the variables are that host's, but what the task itself (or what is around it) says
    /// speaks of the host that the task is for.
    fn context_there(&self, own: &Context, host: &str, locals: &Map) -> Context {
        let (here, there) = (self.scope(self.host, locals.clone()), self.scope(host, locals.clone()));
        let place = |scope: &TaskScope, name: &str| scope.origins(name).into_iter().next()?.place;
        let mut locals = locals.clone();
        for level in self.task.level.chain() {
            for (name, _) in level.vars.iter().filter(|(name, _)| name.starts_with("ansible_")) {
                let written = level.vars.get_with_place(name).and_then(|(_, place)| place.cloned());
                let wins =
                    written.is_some() && place(&there, name) == written && place(&here, name) == written;
                if wins && let Ok(Some(value)) = own.variable(name) {
                    locals.insert(Value::str(&**name), value);
                }
            }
        }
        self.context_of(host, &locals)
    }

    /// The rendered arguments: module defaults, then the task's own. Arguments that the action evaluates itself are left out.
    pub(super) fn arguments(&self, context: &Context, raw: &[&str]) -> Result<Map, TemplateError> {
        let mut args = self.module_defaults(context, &self.task.action)?;
        let own = match &self.task.args {
            Term::Map(entries) => {
                let mut own = Map::new();
                for (key, term) in entries.iter() {
                    let key = context.render(key)?;
                    if key.as_str().is_some_and(|key| raw.contains(&key)) {
                        continue;
                    }
                    if key.as_str() == Some("_variable_params") {
                        self.warn_of_whole_arguments();
                    }
                    let value = context.render(term).map_err(|error| match key.as_str() {
                        // All arguments come from it: it is none itself.
                        Some("_variable_params") => term.blamed(error),
                        _ => argument_error(&key, term.blamed(error)),
                    })?;
                    if !crate::template::is_omit(&value) {
                        own.insert(key, value);
                    }
                }
                Value::map(own)
            }
            Term::Const(Value::Map(map)) | Term::Data(Value::Map(map)) => Value::map(
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
                let Some(whole) = variable.as_map() else {
                    let (kind, message) = match &variable {
                        Value::Unknown(why) => (TemplateErrorKind::Unknown, why.to_string()),
                        other => (
                            TemplateErrorKind::Failed,
                            format!("Task args must resolve to a 'dict' not '{}'.", other.type_name()),
                        ),
                    };
                    return Err(TemplateError::new(kind, message, vec![self.task.args_span.clone()]));
                };
                args.extend(whole.clone());
            }
            // `set_fact: "{{ variable }}"`: the variable holds all arguments.
            if let Some(Value::Map(whole)) = own.get("_raw_params").cloned() {
                own.shift_remove("_raw_params");
                args.extend((*whole).clone());
            }
            args.extend(own);
        }
        Ok(args)
    }

    /// The defaults of the module that the call stands for. Where only the host knows which that is, it gets those of all.
    fn add_chosen_defaults(&self, context: &Context, call: &mut Call) -> Result<(), TemplateError> {
        let of = |name: &str| match self.shared.loader.resolve(name) {
            Some(action) => self.module_defaults(context, &action),
            None => Ok(Map::new()),
        };
        if self.task.action.short == "gather_facts" {
            let given = std::mem::replace(&mut call.args, of("setup")?);
            call.args.extend(given);
        }
        let mut defaults = Map::new();
        for name in kit::front::behind(&call.module) {
            let own = of(name)?;
            if !own.is_empty() {
                defaults.insert(Value::str(name), Value::map(own));
            }
        }
        if !defaults.is_empty() {
            call.args.insert(kit::front::DEFAULTS.into(), Value::map(defaults));
        }
        Ok(())
    }

    /// The default arguments that the levels around the task have for an action.
    fn module_defaults(&self, context: &Context, action: &ActionName) -> Result<Map, TemplateError> {
        let attrs = self.task.level.collect("module_defaults");
        let mut said: Vec<(String, Value)> = Vec::new();
        for attr in attrs {
            let maps: Vec<Value> = match context.render(&attr.term)? {
                Value::List(items) => items.to_vec(),
                other => vec![other],
            };
            for map in maps.iter().filter_map(Value::as_map) {
                said.extend(map.iter().map(|(name, given)| (py_str(name), given.clone())));
            }
        }
        let pairs = said.iter().map(|(name, given)| (name.clone(), given));
        let chosen = crate::playbook::module_defaults(&self.shared.loader, action, pairs);
        let mut defaults = Map::new();
        for given in chosen.into_iter().filter_map(Value::as_map) {
            defaults.extend(given.clone());
        }
        Ok(defaults)
    }

    /// `module: "{{ variable }}"`: a fact of that name could choose the arguments.
    fn warn_of_whole_arguments(&self) {
        if self.shared.settings.bool("INJECT_FACTS_AS_VARS")
            && let Some(node) = self.task.args_node.get("_variable_params")
        {
            let text = "Using a template for task args is unsafe in some situations (see https://docs.ansible.com/ansible/devel/reference_appendices/faq.html#argsplat-unsafe).";
            (self.send)(Event::Problem(Diagnostic::warning("argument-template", text).at(&node.span)));
        }
    }

    pub(super) fn environment(&self, context: &Context) -> Result<Vec<(String, String)>, TemplateError> {
        let mut items: Vec<Value> = Vec::new();
        for attr in self.task.level.collect("environment") {
            let value = context
                .render(&attr.term)
                .map_err(|error| keyword_error("environment", &attr.span, error))?;
            match value {
                Value::List(more) => items.extend(more.iter().cloned()),
                Value::Null => {}
                other => items.push(other),
            }
        }
        if items.iter().any(|item| item.as_map().is_none() && !crate::template::is_omit(item)) {
            let shown = crate::value::py_repr(&Value::list(items.clone()));
            let text = format!("could not parse environment value, skipping: {shown}");
            (self.send)(Event::Problem(Diagnostic::warning("environment", text)));
        }
        let mut environment: Vec<(String, String)> = Vec::new();
        for (name, value) in items.iter().filter_map(Value::as_map).flatten() {
            if crate::template::is_omit(value) {
                continue;
            }
            let (name, value) = (py_str(name), py_str(value));
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value));
        }
        Ok(environment)
    }

    pub(super) fn argument_failure(&self, error: &TemplateError) -> TaskResult {
        let failure = template_failure(error);
        if failure.unknown.is_some() {
            return failure;
        }
        let outer =
            format!("Finalization of task args for '{}' failed", canonical(&self.task.action.written));
        let place = error.trace.first().unwrap_or(&self.task.args_span);
        let mut result = TaskResult::broken(&outer, Cause::of(error, error.message.clone(), Some(place)));
        // Where the arguments begin at another place than the task, that is a link of the chain.
        let (args, task) = (&self.task.args_span, &self.task.span);
        if (args.line, args.column) != (task.line, task.column) {
            let args = Cause::new(format!("{outer}."), Some(args));
            result.causes.splice(..1, [Cause::new("Task failed.", None), args]);
        }
        linked(result, error, None)
    }

    pub(super) fn include(&self, args: Map, locals: &Map, no_log: bool) -> TaskResult {
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
        let label = match no_log {
            true => Some(super::loops::HIDDEN_LABEL.to_owned()),
            false => locals.get("ansible_loop_var").map(|_| String::new()),
        };
        let mut result = TaskResult { no_log, ..TaskResult::default() };
        let mut given = args.clone();
        if !is_role {
            result = result.with("include", Value::str(&name));
            names.iter().for_each(|name| drop(given.shift_remove(*name)));
        }
        result = result.with("include_args", Value::map(given));
        result.effects.push(Effect::Include(Include {
            name,
            args: Value::map(args),
            locals: locals.clone(),
            label,
        }));
        result
    }
}

fn argument_error(key: &Value, mut error: TemplateError) -> TemplateError {
    if error.kind != TemplateErrorKind::Unknown {
        error.message = format!("Error while resolving value for '{}': {}", py_str(key), error.message);
    }
    error
}
