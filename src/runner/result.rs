//! How a task ended on a host.

use crate::diag::{Diagnostic, Severity, Span};
use crate::protocol::{Diff, Outcome};
use crate::template::TemplateError;
use crate::value::{Map, Value, py_str};
use std::sync::Arc;

/// The end of a task (or of one item of its loop) on one host.
#[derive(Clone, Debug, Default)]
pub struct TaskResult {
    /// What `register` sees, without `changed` and `failed` unless the module gave them.
    pub data: Map,
    pub changed: bool,
    pub failed: bool,
    pub skipped: bool,
    pub unreachable: bool,
    /// A failure that `ignore_errors` (or `ignore_unreachable`) turned into a line of text.
    pub ignored: bool,
    /// Why a check could not tell.
    pub unknown: Option<String>,
    pub diff: Vec<Diff>,
    /// Somebody asked to see the diff.
    pub show_diff: bool,
    /// A file of the control machine was to be sent: `register` sees a diff of it even if nothing differs.
    pub sends_file: bool,
    pub items: Option<Vec<TaskResult>>,
    /// The label of an item, as it is shown.
    pub label: Option<String>,
    /// Hide the contents.
    pub no_log: bool,
    /// The host it ran on instead.
    pub delegated: Option<Delegate>,
    /// What the host's operating system said, which the headline of a failure has beside `msg`.
    pub because: Option<String>,
    /// What went wrong before or beside the module, outermost first; empty where the module's own message says it.
    pub causes: Vec<Cause>,
    /// The causes are shown even where `no_log` hides the result: they speak of that keyword alone.
    pub causes_are_shown: bool,
    /// The sentence above the causes, where `msg` says something else.
    pub headline: Option<String>,
    pub warnings: Vec<Diagnostic>,
    /// What the module will not do for ever, as `register` sees it.
    pub deprecations: Vec<Value>,
    /// `until` was never reached, but `failed_when` says that this is no failure: only what is registered calls it one.
    pub gave_up: bool,
    /// The cause was reported already.
    pub said: bool,
    /// The action, where the task has a template instead of its name.
    pub action: Option<String>,
    /// Show the data as the result (`debug`), not as one line of JSON.
    pub verbose_always: bool,
    pub effects: Vec<Effect>,
}

/// What a failure has in place of a stack of Python's.
pub const NO_TRACEBACK: &str = "(traceback unavailable)";

/// The host of `delegate_to`.
#[derive(Clone, Debug)]
pub struct Delegate {
    pub host: String,
    /// As it is shown: with its address, where that is not its name.
    pub shown: String,
}

impl Delegate {
    /// Without its address, which is looked up for what is about to run.
    pub fn without_address(self) -> Self {
        Self { shown: self.host.clone(), host: self.host }
    }
}

/// One link of the chain of causes that is shown above a failed result.
#[derive(Clone, Debug)]
pub struct Cause {
    pub text: String,
    /// Where; the task's own place if `None`.
    pub place: Option<Span>,
    pub help: Option<String>,
}

impl Cause {
    pub fn new(text: impl Into<String>, place: Option<&Span>) -> Self {
        Self { text: text.into(), place: place.cloned(), help: None }
    }

    /// What an error says, and what can be done about it.
    pub fn of(error: &TemplateError, text: impl Into<String>, place: Option<&Span>) -> Self {
        Self { help: error.help.clone(), ..Self::new(text, place) }
    }
}

/// A member of a module's `deprecations`, with all that Ansible has there.
fn deprecation(item: &Value) -> Value {
    let Some(given) = item.as_map() else { return deprecation(&Value::object([("msg", item.clone())])) };
    let mut item = given.clone();
    let collection = item.entry("collection_name".into()).or_insert(Value::Null).clone();
    let deprecator = match collection {
        Value::Null => Value::Null,
        name => Value::object([("resolved_name", name), ("type", Value::Null)]),
    };
    item.insert("deprecator".into(), deprecator);
    if !item.contains_key("date") {
        item.entry("version".into()).or_insert(Value::Null);
    }
    Value::map(item)
}

/// A deprecation as a sentence: what, and when it will go.
fn when_it_goes(item: &Value) -> String {
    let item = item.as_map();
    let text = |name: &str| item?.get(name).filter(|value| !value.is_null()).map(py_str);
    let whose = text("collection_name").map(|name| match name.as_str() {
        "ansible.builtin" => "ansible-core".to_owned(),
        _ => format!("collection '{name}'"),
    });
    let when = match (whose, text("version"), text("date")) {
        (Some(whose), Some(version), _) => format!("from {whose} version {version}"),
        (Some(whose), None, Some(date)) => format!("from {whose} in a release after {date}"),
        _ => "in the future".to_owned(),
    };
    let what = text("msg").unwrap_or_default();
    format!("{}. This feature will be removed {when}.", what.trim_end_matches('.'))
}

/// The diff as a result has it: a mapping, or a list of them.
pub fn shown_diff(diffs: &[Diff], as_list: bool) -> Value {
    let mut maps: Vec<Value> = diffs
        .iter()
        .map(|diff| {
            let headers = [
                ("before_header", &diff.before_header),
                ("after_header", &diff.after_header),
                ("prepared", &diff.prepared),
            ];
            let mut map: Map = headers
                .into_iter()
                .filter_map(|(key, text)| Some((Value::str(key), Value::str(text.as_ref()?))))
                .collect();
            if diff.prepared.is_none() {
                map.insert("before".into(), diff.before.clone());
                map.insert("after".into(), diff.after.clone());
            }
            Value::map(map)
        })
        .collect();
    if maps.len() == 1 && !as_list { maps.remove(0) } else { Value::list(maps) }
}

impl TaskResult {
    /// Whether its only change is one of the inventory, made by its last item if it has any: such a change is known only after
    /// handlers were notified.
    pub fn changes_inventory_last(&self) -> bool {
        let for_inventory =
            |effect: &Effect| matches!(effect, Effect::AddHost { .. } | Effect::GroupBy { .. });
        let before_last = match self.items.as_deref() {
            Some(items) => items
                .iter()
                .rposition(|item| !item.skipped)
                .is_some_and(|last| items[..last].iter().any(|item| item.changed)),
            None => false,
        };
        self.changes().any(|(_, effect)| for_inventory(effect)) && !before_last
    }

    /// What it changes in the run, with the host that it was delegated to: each item of a loop may have its own.
    pub fn changes(&self) -> impl Iterator<Item = (Option<&Delegate>, &Effect)> {
        let own = self.effects.iter().map(|effect| (self.delegated.as_ref(), effect));
        let items = self.items.iter().flatten();
        own.chain(items.flat_map(|item| item.effects.iter().map(|effect| (item.delegated.as_ref(), effect))))
    }

    /// Whether both add the same host or group, so that the second changes nothing.
    pub fn adds_what(&self, earlier: &Self) -> bool {
        self.effects.iter().any(|effect| {
            earlier.effects.iter().any(|other| match (effect, other) {
                (Effect::AddHost { name, groups, vars }, Effect::AddHost { name: n, groups: g, vars: v }) => {
                    (n, g, v) == (name, groups, vars)
                }
                (Effect::GroupBy { group, parents }, Effect::GroupBy { group: g, parents: p }) => {
                    (g, p) == (group, parents)
                }
                _ => false,
            })
        })
    }
}

/// What a task changes in the run itself.
#[derive(Clone)]
pub enum Effect {
    /// Facts of the host.
    Facts(Map),
    /// `set_fact`: variables of the host.
    Set(Map),
    /// `include_vars`.
    IncludeVars(Arc<crate::vars::Terms>),
    AddHost {
        name: String,
        groups: Vec<String>,
        vars: Map,
    },
    GroupBy {
        group: String,
        parents: Vec<String>,
    },
    Stats {
        data: Map,
        per_host: bool,
        aggregate: bool,
    },
    /// A dynamic include, to be done by the strategy.
    Include(Include),
}

impl std::fmt::Debug for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Effect::Facts(_) => "Facts",
            Effect::Set(_) => "Set",
            Effect::IncludeVars(_) => "IncludeVars",
            Effect::AddHost { .. } => "AddHost",
            Effect::GroupBy { .. } => "GroupBy",
            Effect::Stats { .. } => "Stats",
            Effect::Include(_) => "Include",
        })
    }
}

/// What a host asked to include.
#[derive(Clone, Debug, PartialEq)]
pub struct Include {
    /// The file or the role's name.
    pub name: String,
    /// The rendered arguments (`tasks_from`, `apply`, …).
    pub args: Value,
    /// The loop variables of the item it was asked for.
    pub locals: Map,
    pub label: Option<String>,
}

impl TaskResult {
    pub fn failure(msg: impl Into<String>) -> Self {
        let data = [(Value::str("msg"), Value::from(msg.into()))].into_iter().collect();
        Self { data, failed: true, ..Self::default() }
    }

    /// The action did not even begin, because of what it was given.
    pub fn refused(msg: impl Into<String>) -> Self {
        let msg = msg.into();
        let causes = vec![Cause::new(format!("Task failed: {msg}"), None)];
        Self { causes, ..Self::failure(msg) }.with("changed", false)
    }

    /// The task ended before its action began; `text` is all there is to say.
    pub fn stopped(text: impl Into<String>) -> Self {
        let text = text.into();
        let causes = vec![Cause::new(text.as_str(), None)];
        Self { causes, ..Self::failure(text) }.with("changed", false)
    }

    pub fn unreachable(msg: impl Into<String>) -> Self {
        let msg = format!("Task failed: {}", msg.into());
        let data =
            [("changed", Value::Bool(false)), ("msg", msg.as_str().into()), ("unreachable", true.into())];
        let data = data.into_iter().map(|(key, value)| (Value::str(key), value)).collect();
        Self { data, unreachable: true, causes: vec![Cause::new(msg, None)], ..Self::default() }
    }

    pub fn from_outcome(outcome: Outcome) -> Self {
        if outcome.unreachable {
            return Self::unreachable(
                outcome.result.get("msg").map(crate::value::py_str).unwrap_or_default(),
            );
        }
        let mut data = outcome.result.as_map().cloned().unwrap_or_default();
        let deprecations = data.shift_remove("deprecations");
        let deprecations = deprecations.as_ref().and_then(Value::as_list).unwrap_or_default();
        Self {
            skipped: data.get("skipped").is_some_and(Value::truthy),
            data,
            changed: outcome.changed,
            failed: outcome.failed,
            because: outcome.cause,
            unknown: outcome.unknown,
            diff: outcome.diff,
            warnings: outcome.warnings.iter().map(|text| Diagnostic::warning("module", &**text)).collect(),
            deprecations: deprecations.iter().map(deprecation).collect(),
            ..Self::default()
        }
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.data.insert(Value::str(key), value.into());
        self
    }

    /// A failure before the module ran: `outer` (the task) because of `inner` (a place in its text).
    pub fn broken(outer: &str, inner: Cause) -> Self {
        let msg = match outer {
            "" => format!("Task failed: {}", inner.text),
            outer => format!("Task failed: {outer}: {}", inner.text),
        };
        let outer =
            if outer.is_empty() { "Task failed.".to_owned() } else { format!("Task failed: {outer}.") };
        let data = [(Value::str("msg"), Value::from(msg)), ("changed".into(), false.into())];
        let data = data.into_iter().collect();
        Self { data, failed: true, causes: vec![Cause::new(outer, None), inner], ..Self::default() }
    }

    pub fn ok(data: Map) -> Self {
        Self { data, ..Self::default() }
    }

    /// What the module warns of.
    pub fn problems(&self) -> Vec<Diagnostic> {
        let warnings = self.warnings.iter().cloned();
        let deprecations = self.deprecations.iter();
        let deprecations =
            deprecations.map(|item| Diagnostic::new(Severity::Deprecation, "module", when_it_goes(item)));
        warnings.chain(deprecations).collect()
    }

    /// What `register` stores: the data with `changed` and `failed`.
    pub fn registered(&self) -> Value {
        let mut shared = match self.listed() {
            Value::Map(shared) => shared,
            other => return other,
        };
        let data = Arc::make_mut(&mut shared);
        data.shift_remove("invocation");
        if !self.warnings.is_empty() {
            let warnings = self.warnings.iter().map(|warning| warning.summary.as_str().into()).collect();
            data.insert("warnings".into(), Value::list(warnings));
        }
        if !self.deprecations.is_empty() {
            data.insert("deprecations".into(), Value::list(self.deprecations.clone()));
        }
        Value::Map(shared)
    }

    /// The same as one of the results of a loop, which keep `invocation`.
    pub fn listed(&self) -> Value {
        if let Some(why) = &self.unknown {
            return Value::Unknown(why.as_str().into());
        }
        let mut data = self.data.clone();
        data.insert("changed".into(), self.changed.into());
        if self.unreachable {
            data.insert("unreachable".into(), true.into());
        }
        // A loop says so only when it failed; what was skipped or never reached says nothing.
        let failed = self.failed || self.gave_up;
        if failed || (self.items.is_none() && !self.skipped && !self.unreachable) {
            data.insert("failed".into(), failed.into());
        }
        if (failed || self.unreachable) && self.items.is_none() {
            data.entry("exception".into()).or_insert_with(|| NO_TRACEBACK.into());
        }
        if self.skipped || self.items.is_some() {
            data.insert("skipped".into(), self.skipped.into());
        }
        Value::map(data)
    }

    /// The sentence above a failure: the first cause's, or what a module's or an action's message is led in with.
    pub fn reason(&self) -> String {
        let msg = self.msg();
        match (&self.headline, self.causes.as_slice()) {
            (Some(headline), _) => return headline.clone(),
            (None, []) => {}
            (None, [only]) => return only.text.clone(),
            (None, _) => return msg,
        }
        match self.data.contains_key("exception") {
            _ if msg.is_empty() => "Task failed: Action failed.".into(),
            // The helper's own words; what follows is a module's.
            true if msg.starts_with("Task failed:") => msg,
            true => {
                // A sentence ends where its reason begins.
                let because = self.because.as_ref().map(|why| format!(": {why}"));
                let msg = if because.is_some() { msg.trim_end_matches('.') } else { &msg };
                format!("Task failed: Module failed: {msg}{}", because.unwrap_or_default())
            }
            false => format!("Task failed: Action failed: {msg}"),
        }
    }

    pub fn msg(&self) -> String {
        self.data.get("msg").map(crate::value::py_str).unwrap_or_default()
    }
}
