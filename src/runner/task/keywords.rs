//! A task's keywords: their values, and whether they are what they have to be.

use super::TaskRun;
use super::failure::template_failure;
use crate::diag::Span;
use crate::playbook::Kind;
use crate::runner::result::{Cause, TaskResult};
use crate::template::{Context, TemplateError, TemplateErrorKind};
use crate::value::{Value, py_repr};

/// The keywords that are looked at first, in the order in which Ansible finds fault with them: `ignore_errors` is not known yet.
pub(super) const BEFORE_IGNORING: &[&str] = &[
    "delegate_facts",
    "become",
    "become_method",
    "become_user",
    "become_flags",
    "connection",
    "port",
    "remote_user",
    "environment",
    "run_once",
    "check_mode",
    "diff",
    "ignore_errors",
];

/// Those that come next, before the arguments of the task are rendered.
pub(super) const BEFORE_ARGUMENTS: &[&str] =
    &["ignore_unreachable", "any_errors_fatal", "throttle", "timeout", "debugger", "become_exe"];

/// Those that are looked at afterwards.
pub(super) const AFTER_ARGUMENTS: &[&str] = &["async", "delay", "poll", "retries"];

/// Variables that stand for keywords of connections, in the order in which Ansible finds fault with them.
const VARIABLES: &[(&str, &str)] = &[
    ("connection", "ansible_connection"),
    ("port", "ansible_ssh_port"),
    ("port", "ansible_port"),
    ("remote_user", "ansible_ssh_user"),
    ("remote_user", "ansible_user"),
    ("timeout", "ansible_ssh_timeout"),
    ("timeout", "ansible_timeout"),
    ("become", "ansible_become"),
    ("become_method", "ansible_become_method"),
    ("become_user", "ansible_become_user"),
    ("become_flags", "ansible_become_flags"),
    ("become_exe", "ansible_become_exe"),
    ("shell", "ansible_shell_type"),
    ("executable", "ansible_shell_executable"),
    ("remote_addr", "ansible_ssh_host"),
    ("remote_addr", "ansible_host"),
    ("password", "ansible_ssh_pass"),
    ("password", "ansible_password"),
    ("private_key_file", "ansible_ssh_private_key_file"),
    ("private_key_file", "ansible_private_key_file"),
    ("become_pass", "ansible_become_password"),
    ("become_pass", "ansible_become_pass"),
];

impl TaskRun<'_> {
    /// The error of a variable that stands for a keyword of the connection, where one of them is why there is none.
    pub(super) fn blamed_variable(&self, context: &Context) -> Option<TemplateError> {
        VARIABLES.iter().find_map(|(keyword, variable)| {
            let error = context.variable(variable).err()?;
            Some(keyword_error(keyword, &self.task.span, error))
        })
    }

    /// A keyword's value: the innermost that is not `omit`.
    pub(super) fn keyword(&self, context: &Context, name: &str) -> Result<Option<Value>, TemplateError> {
        keyword(&self.task.level, context, name)
    }

    /// A keyword as a boolean, `None` where nobody says it.
    pub(super) fn truth(&self, context: &Context, name: &str) -> Result<Option<bool>, TemplateError> {
        // What is neither was refused before, but where the task did not come so far: there it is Python's truth that counts.
        Ok(self.keyword(context, name)?.map(|value| value.ansible_bool().unwrap_or_else(|| value.truthy())))
    }

    /// Whether `no_log` hides what comes of the task: what cannot be read as yes or no does.
    pub(super) fn hides(&self, context: &Context) -> Result<bool, TemplateError> {
        Ok(match self.keyword(context, "no_log")? {
            Some(value) => value.ansible_bool().unwrap_or(true),
            None => self.shared.no_log_by_default,
        })
    }

    /// Whether `debugger` says something that there is.
    fn check_debugger(&self, value: &Value) -> Result<(), TemplateError> {
        match crate::playbook::debugger_fault(value) {
            Some(why) => Err(TemplateError::new(
                TemplateErrorKind::Failed,
                format!("Error processing keyword 'debugger': {why}"),
                self.task.attr("debugger").map(|attr| attr.span.clone()).into_iter().collect(),
            )),
            None => Ok(()),
        }
    }

    /// A task that failed before its `ignore_errors` was rendered.
    pub(super) fn failed_early(&self, result: TaskResult) -> TaskResult {
        TaskResult {
            ignored: result.failed && self.task.truth_as_written("ignore_errors").unwrap_or(false),
            ..result
        }
    }

    /// Renders those of these keywords that somebody has said anything for, and refuses what is not what it has to be.
    /// Whether a failure counts may not be known yet (`early`).
    pub(super) fn check_keywords(
        &self,
        context: &Context,
        names: &[&str],
        early: bool,
    ) -> Result<(), Box<TaskResult>> {
        let failed = |failure: TaskResult| {
            let failure = if early { self.failed_early(failure) } else { failure };
            Err(Box::new(failure))
        };
        let said: Vec<&'static str> =
            self.task.level.chain().flat_map(|level| level.attrs.iter().map(|(name, _)| *name)).collect();
        for name in names.iter().filter(|name| said.contains(name)) {
            let value = match self.keyword(context, name) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(error) => return failed(template_failure(&error)),
            };
            if let Value::Unknown(why) = &value {
                return Err(Box::new(TaskResult { unknown: Some(why.to_string()), ..TaskResult::default() }));
            }
            let kind = crate::playbook::keyword(name).map_or(Kind::Other, |keyword| keyword.kind);
            if let Err(expected) = kind.check(&value) {
                return failed(self.conversion_failure(name, &value, expected));
            }
            if *name == "debugger" {
                self.check_debugger(&value).or_else(|error| failed(template_failure(&error)))?;
            }
        }
        Ok(())
    }

    /// The tags of a handler select nothing, but they have to be some.
    pub(super) fn check_handler_tags(&self, context: &Context) -> Result<(), TemplateError> {
        if !self.task.is_handler {
            return Ok(());
        }
        for attr in self.task.level.all_tags() {
            let refused = |error| keyword_error("tags", &attr.span, attr.term.blamed(error));
            let tag = context.render(&attr.term).map_err(refused)?;
            if !matches!(tag, Value::Str(_) | Value::Int(_)) && !crate::template::is_omit(&tag) {
                let kind = tag.type_name();
                let text = format!("Keyword 'tags' items must be of type 'str' or 'int', not '{kind}'.");
                let error = TemplateError::new(TemplateErrorKind::Failed, text, vec![attr.span.clone()]);
                return Err(refused(error));
            }
        }
        Ok(())
    }

    /// What cannot be rendered of `notify` is found before the task runs, not after.
    pub(super) fn check_notify(&self, context: &Context) -> Result<(), TemplateError> {
        for attr in self.task.notified() {
            context
                .render(&attr.term)
                .map_err(|error| keyword_error("notify", &attr.span, attr.term.blamed(error)))?;
        }
        Ok(())
    }

    fn conversion_failure(&self, name: &str, value: &Value, expected: &str) -> TaskResult {
        let place = self.task.attr(name).map_or(&self.task.span, |attr| &attr.span);
        let mut result = unconverted(name, value, expected, place);
        let text = format!("Task failed: {}", result.msg());
        result.causes.insert(0, Cause::new("Task failed.", None));
        result.with("msg", text).with("changed", false)
    }
}

/// The failure for a value that a keyword cannot have.
pub(super) fn unconverted(name: &str, value: &Value, expected: &str, place: &Span) -> TaskResult {
    let start = format!("Error processing keyword '{}'", shown_name(name));
    let why = format!("The value {} could not be converted to '{expected}'.", py_repr(value));
    let whole = format!("{start}: {why}");
    let causes = vec![Cause::new(format!("{start}."), Some(place)), Cause::new(why, Some(place))];
    TaskResult { causes, ..TaskResult::failure(whole) }
}

/// The failure of what is rendered before the task as such begins.
pub(super) fn stopped_at(error: &TemplateError) -> TaskResult {
    let failure = template_failure(error);
    if failure.unknown.is_some() {
        return failure;
    }
    let causes = vec![Cause::new(error.message.as_str(), error.trace.first())];
    TaskResult { causes, ..TaskResult::failure(error.message.as_str()) }
}

/// The name of a keyword in an error.
fn shown_name(name: &str) -> &str {
    if name == "async" { "async_val" } else { name }
}

/// A keyword's value: the innermost that is neither nothing nor `omit`.
pub fn keyword(
    level: &crate::playbook::Level,
    context: &Context,
    name: &str,
) -> Result<Option<Value>, TemplateError> {
    for attr in level.chain().filter_map(|level| level.own(name)) {
        let value = context
            .render(&attr.term)
            .map_err(|error| keyword_error(name, &attr.span, attr.term.blamed(error)))?;
        if crate::template::is_omit(&value) {
            continue;
        }
        return Ok(Some(value).filter(|value| !value.is_null()));
    }
    Ok(None)
}

/// `delegate_to` is told as it is: Ansible renders it before all others.
pub(super) fn keyword_error(name: &str, written: &Span, mut error: TemplateError) -> TemplateError {
    // Mappings in a list stand apart from what is wrong in them.
    if name == "environment" {
        error = error.linked(Some(written), true);
    }
    if error.kind != TemplateErrorKind::Unknown && name != "delegate_to" {
        error.message = format!("Error processing keyword '{}': {}", shown_name(name), error.message);
    }
    error
}
