//! Loops: the items, what marks their results, the result of the whole.

use super::failure::{conditional_text, skipped, template_failure};
use super::keywords::{keyword_error, stopped_at, unconverted};
use super::{State, Step, TaskRun};
use crate::diag::Diagnostic;
use crate::playbook::{ActionKind, Kind, LOOP_CONTROL, Task, number};
use crate::runner::event::Event;
use crate::runner::result::{Cause, Effect, TaskResult};
use crate::template::{Context, TemplateError, TemplateErrorKind};
use crate::value::{Map, Value, py_str};
use crate::vars::{VARIABLE_NAMES, is_identifier};
use std::sync::Arc;
use std::time::Duration;

/// How the complaint about a loop over something else begins.
/// What comes before the reason why something cannot be rendered.
const SEALED: &str = "Error rendering template: ";
const NOT_A_LIST: &str = "The `loop` value must resolve to a 'list'";

/// What is shown in place of an item that must not be.
pub(super) const HIDDEN_LABEL: &str = "(censored due to no_log)";

impl TaskRun<'_> {
    pub(super) fn run_loop(&self) -> TaskResult {
        let result = self.run_items();
        if result.items.is_some() {
            return result;
        }
        // It did not come to any item. Where `no_log` speaks of one, nothing is said either.
        TaskResult { no_log: self.hides(&self.context(Map::new())).unwrap_or(true), ..result }
    }

    fn run_items(&self) -> TaskResult {
        let outer = self.context(Map::new());
        // What is wrong with the loop itself may hold what is to be hidden.
        let hidden = |mut result: TaskResult| {
            result.no_log = self.hides(&outer).unwrap_or(true);
            self.failed_early(result)
        };
        let items = match self.items(&outer) {
            Ok(items) => items,
            Err(error) => {
                let mut failure = self.loop_failure(&outer, &error);
                failure.delegated = self.written_delegate().filter(|_| !failure.skipped);
                return hidden(failure);
            }
        };
        let control = match Control::new(self.task, &outer) {
            Ok(control) => control,
            Err(failure) => return hidden(*failure),
        };
        if let Some(failure) = self.broken_label(&outer) {
            return hidden(failure);
        }
        if !is_identifier(&control.var) {
            let place = self.task.control.loop_var.as_ref().map(|attr| &attr.span);
            let text = format!("Invalid variable name '{}'.", control.var);
            let mut cause = Cause::new(text.clone(), place);
            cause.help = Some(VARIABLE_NAMES.into());
            return hidden(TaskResult { causes: vec![cause], ..TaskResult::failure(text) });
        }
        if !matches!(outer.variable(&control.var), Ok(None)) {
            let place = self.task.control.loop_var.as_ref().map_or(&self.task.span, |attr| &attr.span);
            let text = format!("The loop variable '{}' is already in use.", control.var);
            let help = "You should set the `loop_var` value in the `loop_control` option for the task to something else to avoid \
                        variable collisions and unexpected behavior.";
            let problem = Diagnostic::warning("loop-variable-in-use", text).at(place).help(help);
            (self.send)(Event::Problem(problem));
        }
        let together = !self.tries()
            && control.pause.is_none()
            && self.task.control.break_when.is_empty()
            && !matches!(self.task.action.kind, ActionKind::Missing | ActionKind::Dynamic)
            && !self.is_polled(&outer)
            && !self.reads_its_register();
        let mut results = if together {
            self.all_items(&control, &items)
        } else {
            match self.one_by_one(&control, &items) {
                Ok(results) => results,
                Err(error) => {
                    let delegated = self.written_delegate();
                    return hidden(TaskResult { delegated, ..self.condition_of_break(&error) });
                }
            }
        };
        if self.grows_inventory() {
            self.announce_together(&mut results);
        }
        self.loop_result(results)
    }

    /// Whether it adds hosts or groups: that is done for all items at once, or not at all.
    fn grows_inventory(&self) -> bool {
        matches!(self.task.action.short.as_str(), "add_host" | "group_by")
    }

    /// Where one item failed, the others have done nothing, and nobody hears of them.
    fn announce_together(&self, results: &mut [TaskResult]) {
        let failed = results.iter().any(|result| result.failed);
        for result in results {
            let succeeded = !result.failed && !result.skipped;
            if failed && succeeded && self.task.changed_when.is_none() {
                result.changed = false;
                result.data.insert("changed".into(), false.into());
            }
            if !(failed && succeeded) {
                self.announce(result);
            }
        }
    }

    fn announce(&self, result: &TaskResult) {
        (self.send)(Event::Item {
            host: self.host.clone(),
            task: self.info.of_result(result),
            result: Arc::new(result.clone()),
        });
    }

    /// A label that is no template at all says so before any item. A sound one is not rendered for that: it may do something.
    fn broken_label(&self, outer: &Context) -> Option<TaskResult> {
        let attr = self.task.control.label.as_ref()?;
        if self.shared.engine.check(&attr.term).is_empty() {
            return None;
        }
        let error = outer.render(&attr.term).err().filter(|error| error.kind == TemplateErrorKind::Syntax)?;
        Some(stopped_at(&attr.term.blamed(error)))
    }

    /// The requests of all items go together.
    fn all_items(&self, control: &Control, items: &[Value]) -> Vec<TaskResult> {
        let mut carried = Map::new();
        let mut steps: Vec<Step> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let locals = control.locals(items, index, item, &carried);
            let step = self.prepare(self.context(locals.clone()), locals);
            if let State::Done(result) = &step.state {
                self.carry(&mut carried, result);
            }
            steps.push(step);
        }
        self.call_pending(&mut steps);
        let mut results: Vec<TaskResult> = Vec::with_capacity(items.len());
        for (step, item) in steps.into_iter().zip(items) {
            let locals = step.locals.clone();
            let result = self.finish(step);
            results.push(self.item_done(result, item, control, &locals, &results));
        }
        results
    }

    /// Each item waits for the one before it. The error is that of `break_when`.
    fn one_by_one(&self, control: &Control, items: &[Value]) -> Result<Vec<TaskResult>, TemplateError> {
        let mut carried = Map::new();
        let mut results = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if index > 0
                && let Some(pause) = control.pause
            {
                self.shared.sleep(Duration::from_secs_f64(pause));
            }
            let locals = control.locals(items, index, item, &carried);
            let context = self.context(locals.clone());
            let named = match self.task.action.kind {
                ActionKind::Dynamic => self.with_action(&context).ok(),
                _ => None,
            };
            let one = |run: &TaskRun| {
                let result = run.one_item(context, &locals);
                run.carry(&mut carried, &result);
                run.item_done(result, item, control, &locals, &results)
            };
            let result = match &named {
                Some(task) => one(&TaskRun { task, ..*self }),
                None => one(self),
            };
            let stop = !self.task.control.break_when.is_empty()
                && self.judge(&self.task.control.break_when, &result, &locals)?;
            results.push(result);
            if let (Some(name), Some(last)) = (&self.task.register, results.last()) {
                carried.insert(Value::str(name), last.registered());
            }
            if stop || self.shared.stopping() {
                break;
            }
        }
        Ok(results)
    }

    pub(super) fn one_item(&self, context: Context, locals: &Map) -> TaskResult {
        if self.tries() {
            return self.with_tries(context, locals.clone());
        }
        let mut steps = [self.prepare(context, locals.clone())];
        self.call_pending(&mut steps);
        let [step] = steps;
        self.finish(step)
    }

    /// Whether an item may look at the result of the one before it.
    fn reads_its_register(&self) -> bool {
        let Some(name) = &self.task.register else { return false };
        let mut texts = vec![py_str(&self.task.args_node.to_value())];
        texts.extend(self.task.level.conditions().map(|condition| py_str(&condition.value)));
        texts.iter().any(|text| text.contains(&**name))
    }

    fn condition_of_break(&self, error: &TemplateError) -> TaskResult {
        let text = conditional_text(error);
        let mut cause = Cause::of(error, text.as_str(), error.trace.first());
        cause.place =
            cause.place.or_else(|| self.task.control.break_when.first().map(|when| when.span.clone()));
        TaskResult { causes: vec![cause], ..TaskResult::failure(text) }
    }

    /// What `set_fact` and `include_vars` have made of an item is seen by the items after it.
    fn carry(&self, carried: &mut Map, result: &TaskResult) {
        // What failed for `failed_when` or `until` was set all the same.
        let broke = result.failed && !result.data.contains_key("ansible_facts");
        if broke {
            return;
        }
        let delegated =
            result.delegated.is_some() && self.task.truth_as_written("delegate_facts") == Some(true);
        for effect in &result.effects {
            match effect {
                Effect::Set(vars) => carried.extend(vars.clone()),
                Effect::IncludeVars(terms) if !delegated => self.shared.store.include(self.host, terms),
                _ => {}
            }
        }
    }

    /// The folder of a role in which the action looks for its files.
    fn own_subfolder(&self) -> &'static str {
        match self.task.action.short.as_str() {
            "template" => "templates",
            "include_vars" => "vars",
            _ => "files",
        }
    }

    /// What `loop` gives, or the lookup of `with_NAME`.
    pub(super) fn items(&self, context: &Context) -> Result<Vec<Value>, TemplateError> {
        let Some(looping) = &self.task.looping else { return Ok(vec![]) };
        let value = context.render(&looping.items)?;
        if let Value::Unknown(why) = &value {
            return Err(TemplateError::new(TemplateErrorKind::Unknown, why.to_string(), vec![]));
        }
        match &looping.lookup {
            None => match value {
                Value::List(items) => Ok(items.to_vec()),
                other => Err(TemplateError::new(
                    TemplateErrorKind::Failed,
                    format!("{NOT_A_LIST}, not '{}'.", other.type_name()),
                    vec![looping.span.clone()],
                )),
            },
            Some(lookup) => {
                let terms: Vec<Value> = match value {
                    Value::List(items) => items.to_vec(),
                    other => vec![other],
                };
                let mut options = Map::new();
                if lookup.rsplit('.').next() == Some("first_found") {
                    options.insert("_subdir".into(), self.own_subfolder().into());
                }
                context.lookup(lookup, &terms, &Value::map(options))
            }
        }
    }

    /// A loop whose items cannot be had is no failure where the task would be skipped anyway.
    pub(super) fn loop_failure(&self, context: &Context, error: &TemplateError) -> TaskResult {
        // What is no list is wrong in any case.
        let conditions = self.task.level.conditions().filter(|_| !error.message.starts_with(NOT_A_LIST));
        for condition in conditions {
            match context.condition(&condition.expr) {
                Ok(false) => return skipped(condition),
                Ok(true) => {}
                Err(error) => {
                    // Neither can be had: the loop's failure counts, the condition's is told to who wants to know more.
                    if self.shared.options.verbosity > 0 && !self.hides(context).unwrap_or(true) {
                        (self.send)(Event::Message(conditional_text(&error)));
                    }
                    break;
                }
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
            if error.kind == TemplateErrorKind::Syntax {
                return stopped_at(error);
            }
            if let Some(why) = error.message.strip_prefix(SEALED)
                && why.starts_with("Attempt to use undecryptable")
            {
                // The value is asked for before there is a task.
                let (what, place) = match looping.lookup {
                    Some(_) => ("Error rendering expression", None),
                    None => ("Error rendering template", Some(&looping.span)),
                };
                let causes =
                    vec![Cause::new(format!("{what}."), place), Cause::new(why, error.trace.first())];
                return TaskResult { causes, ..TaskResult::failure(format!("{what}: {why}")) };
            }
            failure = TaskResult::broken("", Cause::of(error, error.message.clone(), Some(place)));
            // What a lookup of `with_NAME` says stands alone in the result.
            if error.message.starts_with("The lookup plugin") && error.message.contains("' failed: ") {
                failure = failure.with("msg", error.message.as_str());
            }
        }
        failure
    }

    /// Adds what marks a result as that of an item, announces it.
    fn item_done(
        &self,
        mut result: TaskResult,
        item: &Value,
        control: &Control,
        locals: &Map,
        before: &[TaskResult],
    ) -> TaskResult {
        if self.task.changed_when.is_none() && before.iter().any(|earlier| result.adds_what(earlier)) {
            result.changed = false;
            if let Some(changed) = result.data.get_mut("changed") {
                *changed = false.into();
            }
        }
        let mut result = self.labelled(result, item, control, locals);
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
        self.conclude(&mut result);
        self.judge_ignored(&mut result, locals.clone());
        result.problems().into_iter().for_each(|problem| (self.send)(Event::Problem(problem)));
        if !self.grows_inventory() {
            self.announce(&result);
        }
        result
    }

    /// The label may speak of the item's own result. Where it cannot be rendered, the item fails.
    fn labelled(&self, mut result: TaskResult, item: &Value, control: &Control, locals: &Map) -> TaskResult {
        let label = match &self.task.control.label {
            None => Ok(py_str(item)),
            Some(attr) => {
                let mut locals = locals.clone();
                if let Some(name) = &self.task.register {
                    locals.insert(Value::str(name), result.registered());
                }
                self.context(locals).render(&attr.term).map(|label| py_str(&label))
            }
        };
        let label = label.unwrap_or_else(|error| {
            // What failed already keeps its own words above the result; what was skipped stays that, too.
            let may_fail = !result.failed && result.data.contains_key("failed_when_result");
            if result.failed {
                result.headline = Some(result.reason());
            }
            let text = format!("Failed to template loop_control.label: {}", error.message);
            result.data.insert("msg".into(), text.into());
            // `failed_when` has the last word.
            if may_fail {
                return if control.var == "item" { py_str(item) } else { "None".to_owned() };
            }
            (result.failed, result.said) = (true, result.said || !result.failed);
            result.effects.clear();
            // What Ansible shows then is the variable `item` of the result, which `debug` has cleared.
            match control.var.as_str() {
                "item" if self.task.action.short != "debug" => py_str(item),
                _ => "None".to_owned(),
            }
        });
        let label = if result.no_log { HIDDEN_LABEL.to_owned() } else { label };
        for effect in &mut result.effects {
            if let Effect::Include(include) = effect {
                // An item that is nothing (0, an empty text) is not shown there.
                let shown = result.no_log || self.task.control.label.is_some() || item.truthy();
                include.label = shown.then(|| label.clone());
            }
        }
        result.label = Some(label);
        result
    }

    fn loop_result(&self, results: Vec<TaskResult>) -> TaskResult {
        let delegated = results.iter().find_map(|result| result.delegated.clone());
        // Each item may have its own: the whole is shown with what somebody wrote.
        let written = self.written_delegate().filter(|written| written.host.contains("{{"));
        let delegated = delegated.map(|other| written.unwrap_or(other.without_address()));
        let mut whole = TaskResult { delegated, ..TaskResult::default() };
        whole.action = results.iter().find_map(|result| result.action.clone());
        whole.no_log = results.iter().any(|result| result.no_log);
        if results.is_empty() {
            whole.no_log = self.hides(&self.context(Map::new())).unwrap_or(true);
        }
        whole.unknown = results.iter().find_map(|result| result.unknown.clone());
        whole.changed = results.iter().any(|result| result.changed);
        whole.failed = results.iter().any(|result| result.failed);
        whole.gave_up = results.iter().any(|result| result.gave_up);
        whole.unreachable = results.iter().any(|result| result.unreachable);
        whole.skipped = results.iter().all(|result| result.skipped);
        let msg = match () {
            () if results.is_empty() => {
                whole.data.insert("skipped_reason".into(), "No items in the list".into());
                None
            }
            () if whole.skipped => Some("All items skipped"),
            () if whole.failed || whole.gave_up => Some("One or more items failed"),
            () => Some("All items completed"),
        };
        if let Some(msg) = msg {
            whole.data.insert("msg".into(), msg.into());
        }
        if whole.unreachable {
            whole.data.insert("unreachable".into(), true.into());
        }
        // What was warned of stands once beside the results.
        for result in &results {
            for warning in &result.warnings {
                if !whole.warnings.iter().any(|known| known.summary == warning.summary) {
                    whole.warnings.push(warning.clone());
                }
            }
            for item in &result.deprecations {
                if !whole.deprecations.contains(item) {
                    whole.deprecations.push(item.clone());
                }
            }
        }
        let listed = results.iter().map(TaskResult::listed).collect();
        whole.data.insert("results".into(), Value::list(listed));
        whole.data.insert("changed".into(), whole.changed.into());
        whole.items = Some(results);
        whole
    }
}

/// `loop_control`, rendered.
pub(super) struct Control {
    var: String,
    index: Option<String>,
    extended: bool,
    all_items: bool,
    pause: Option<f64>,
}

impl Control {
    fn new(task: &Task, context: &Context) -> Result<Self, Box<TaskResult>> {
        let value =
            |name: &str, attr: &Option<crate::playbook::Attr>| -> Result<Option<Value>, Box<TaskResult>> {
                let Some(attr) = attr else { return Ok(None) };
                let value = context.render(&attr.term).map_err(|error| {
                    Box::new(stopped_at(&keyword_error(name, &attr.span, attr.term.blamed(error))))
                })?;
                let kind = LOOP_CONTROL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
                match kind.unwrap_or(Kind::Other).check(&value) {
                    Ok(()) => Ok(Some(value).filter(|value| !value.is_null())),
                    Err(expected) => Err(Box::new(unconverted(name, &value, expected, &attr.span))),
                }
            };
        let control = &task.control;
        let truth = |value: Option<Value>, default: bool| {
            value.and_then(|value| value.ansible_bool()).unwrap_or(default)
        };
        let var = match (value("loop_var", &control.loop_var)?, &control.loop_var) {
            (Some(name), _) => py_str(&name),
            (None, None) => "item".to_owned(),
            (None, Some(attr)) => {
                let text = "Invalid variable name 'None' of type 'NoneType'.";
                let cause = Cause::new(format!("{text} {VARIABLE_NAMES}"), Some(&attr.span));
                return Err(Box::new(TaskResult { causes: vec![cause], ..TaskResult::failure(text) }));
            }
        };
        let index = value("index_var", &control.index_var)?.map(|value| py_str(&value));
        Ok(Self {
            var,
            index: index.filter(|name| !name.is_empty()),
            extended: truth(value("extended", &control.extended)?, false),
            all_items: truth(value("extended_allitems", &control.extended_allitems)?, true),
            pause: value("pause", &control.pause)?.as_ref().and_then(number).filter(|pause| *pause > 0.0),
        })
    }

    fn locals(&self, items: &[Value], index: usize, item: &Value, carried: &Map) -> Map {
        let mut locals = carried.clone();
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
}
