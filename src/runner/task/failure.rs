//! Results of what went wrong, or was skipped, before anything ran.

use crate::diag::Span;
use crate::playbook::Condition;
use crate::runner::result::{Cause, TaskResult};
use crate::template::{TemplateError, TemplateErrorKind};
use crate::value::Value;

pub fn skipped(condition: &Condition) -> TaskResult {
    let shown = condition.value.clone();
    let data = [
        ("changed", Value::Bool(false)),
        ("false_condition", shown),
        ("skip_reason", "Conditional result was False".into()),
    ];
    let data = data.into_iter().map(|(key, value)| (Value::str(key), value)).collect();
    TaskResult { data, skipped: true, ..TaskResult::default() }
}

pub fn condition_failure(condition: &Condition, error: &TemplateError) -> TaskResult {
    condition_error(error, &condition.span)
}

/// What went wrong with a condition that stands at `written`.
pub fn condition_error(error: &TemplateError, written: &Span) -> TaskResult {
    let failure = template_failure(error);
    if failure.unknown.is_some() {
        return failure;
    }
    let text = conditional_text(error);
    // What speaks of the condition itself does so at its own place.
    let place = if text == error.message { error.trace.first().unwrap_or(written) } else { written };
    let cause = Cause::of(error, text, Some(place));
    linked(TaskResult::broken("", cause), error, Some(written))
}

/// What was looked at, as a link of its own, where what is wrong with it is elsewhere: in a variable that it uses.
pub fn linked(mut result: TaskResult, error: &TemplateError, outer: Option<&Span>) -> TaskResult {
    if let Some(link) = &error.link
        && let Some(last) = result.causes.last_mut()
        && let Some(at) = last.text.len().checked_sub(link.why).filter(|at| *at > 2)
        && last.text.is_char_boundary(at)
    {
        let why = last.text.split_off(at);
        let what = last.text.trim_end_matches([':', ' ']);
        last.text = format!("{what}.");
        let place = match link.placed {
            true => error.trace.first().cloned(),
            false => Some(Span { line: 0, ..Span::synthetic("", "") }),
        };
        let help = last.help.take();
        if link.what.is_some() {
            last.place.clone_from(&link.what);
        }
        result.causes.push(Cause { text: why, place, help });
        return result;
    }
    let (Some(inner), Some(outer)) = (error.trace.first(), outer.or_else(|| error.trace.last())) else {
        return result;
    };
    let elsewhere = inner.line != outer.line || inner.file.path != outer.file.path;
    // Ansible does not tell where a plugin was used.
    if !elsewhere || error.message.contains(" plugin '") {
        return result;
    }
    if let Some(last) = result.causes.pop() {
        let starts = [
            "Error while resolving value for '",
            "Error processing keyword '",
            "Error while evaluating conditional",
        ];
        let known = starts.iter().any(|start| last.text.starts_with(start));
        // What cannot be decrypted is an error of the template that asks for it.
        let sealed = last
            .text
            .find(": Attempt to use undecryptable")
            .filter(|_| known || last.text.starts_with("Error rendering"));
        let split = sealed.or_else(|| last.text.find(": ").filter(|_| known));
        match split {
            Some(at) => {
                let link = Cause::new(format!("{}.", &last.text[..at]), Some(outer));
                let why = last.text[at + 2..].to_owned();
                result
                    .causes
                    .extend([link, Cause { place: Some(inner.clone()), text: why, help: last.help }]);
            }
            None => result.causes.push(last),
        }
    }
    result
}

/// What went wrong with a condition, said once.
pub fn conditional_text(error: &TemplateError) -> String {
    if error.message.starts_with("Conditional")
        || error.kind == TemplateErrorKind::Syntax
        || error.message.starts_with("Empty conditional")
        || error.message.starts_with("Encountered untrusted")
        || error.message.starts_with("Recursive loop")
        || error.message.starts_with("A template was resolved to an Omit")
        || error.message.starts_with("Error while evaluating conditional")
    {
        error.message.clone()
    } else if let Some(why) =
        error.message.strip_prefix("Error rendering template: Attempt to use undecryptable")
    {
        format!("Error rendering expression: Attempt to use undecryptable{why}")
    } else {
        format!("Error while evaluating conditional: {}", error.message)
    }
}

/// A failed (or undecidable) rendering as a task's result.
pub fn template_failure(error: &TemplateError) -> TaskResult {
    if error.kind == TemplateErrorKind::Unknown {
        return TaskResult { unknown: Some(error.message.clone()), ..TaskResult::default() };
    }
    let cause = Cause::of(error, error.message.clone(), error.trace.first());
    linked(TaskResult::broken("", cause), error, None)
}

/// The full name of an action, as error messages give it.
pub fn canonical(written: &str) -> String {
    if written.contains('.') { written.to_owned() } else { format!("ansible.builtin.{written}") }
}
