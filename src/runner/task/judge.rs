//! What is made of an answer: lines, facts, `changed_when`, `failed_when`.

use super::failure::conditional_text;
use super::{State, Step, TaskRun};
use crate::diag::Diagnostic;
use crate::playbook::{ActionKind, Condition};
use crate::runner::result::{Effect, TaskResult};
use crate::template::{TemplateError, TemplateErrorKind};
use crate::value::{Map, Value};
use crate::vars::is_restricted;

impl TaskRun<'_> {
    /// What `register` sees of a diff: what was asked for, and for files that are sent always something.
    fn register_diff(&self, result: &mut TaskResult) {
        let hashed = result.data.contains_key("checksum");
        let shown = match result.diff.first() {
            Some(first) if result.show_diff && (result.sends_file || !result.failed) => {
                // Of the attributes alone there is one diff, as `file` has it.
                let as_list = result.sends_file && first.before.as_map().is_none();
                Some(crate::runner::result::shown_diff(&result.diff, as_list))
            }
            _ if !result.sends_file || result.skipped || !hashed => None,
            _ if !result.show_diff => Some(Value::list(vec![])),
            _ if result.failed => None,
            // Nothing differs: that is what it says of the file.
            _ => result.data.get("path").or_else(|| result.data.get("dest")).map(|path| {
                let side = Value::object([("path", path.clone())]);
                Value::object([("before", side.clone()), ("after", side)])
            }),
        };
        if let Some(shown) = shown {
            result.data.entry("diff".into()).or_insert(shown);
        }
    }

    /// The answer in hand: lines, facts, `changed_when`, `failed_when`.
    pub(super) fn finish(&self, step: Step) -> TaskResult {
        let State::Done(result) = step.state else { return TaskResult::failure("the task was never sent") };
        let mut result = *result;
        if step.ran {
            self.note_action(&mut result);
        }
        // An action that broke has no result to judge either, nor does trying again help.
        let ran = step.ran && result.causes.is_empty();
        // What an action says by itself is not split.
        if self.task.action.short != "pause" {
            add_lines(&mut result.data);
        }
        if let Some(attempt) = step.attempt
            && ran
        {
            result.data.insert("attempts".into(), Value::from(attempt));
        }
        self.take_facts(&mut result);
        self.register_diff(&mut result);
        if result.skipped && ran {
            // What leaves itself out says that it has not failed.
            result.data.entry("failed".into()).or_insert(false.into());
        }
        if result.skipped || result.unreachable || result.unknown.is_some() || !ran {
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
                if !failed && let Some(exception) = result.data.shift_remove("exception") {
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

    pub(super) fn judge_failure(
        &self,
        mut result: TaskResult,
        word: &str,
        error: &TemplateError,
    ) -> TaskResult {
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
    pub(super) fn judge(
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
        let context = self.delegated_context(result.delegated.as_ref(), all);
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
    pub(super) fn take_facts(&self, result: &mut TaskResult) {
        if self.task.action.kind == ActionKind::Action
            && matches!(self.task.action.short.as_str(), "set_fact" | "include_vars")
        {
            return;
        }
        if let Some(Value::Map(facts)) = result.data.get("ansible_facts")
            && !result.failed
        {
            for name in facts.keys().filter_map(Value::as_str).filter(|name| is_restricted(name)) {
                let text = format!("Removed restricted key from module data: {name}");
                self.shared.engine.warn(Diagnostic::warning("restricted-fact", text));
            }
            result.effects.push(Effect::Facts((**facts).clone()));
        }
    }
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
