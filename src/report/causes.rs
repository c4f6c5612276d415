//! The errors above a failed result: what, where, because of what.

use crate::diag::{self, Span};
use crate::runner::{Cause, TaskInfo, TaskResult};

/// All of it, with a newline at its end but where it is one sentence without a place. What `no_log` hides is not said here either, but for what is wrong with that word itself.
pub fn text(info: &TaskInfo, result: &TaskResult) -> String {
    if result.no_log && !result.causes_are_shown {
        return "[ERROR]: Task failed: Action failed.\n".to_owned();
    }
    let own = match result.data.get("module_stdout") {
        Some(_) => no_result(&result.msg()),
        None => vec![Cause::new(result.reason(), None)],
    };
    let causes = if result.causes.is_empty() { &own[..] } else { &result.causes };
    chain(info, causes, result)
}

/// The text of a chain of causes, as Ansible lays it out.
fn chain(info: &TaskInfo, causes: &[Cause], result: &TaskResult) -> String {
    let place = |cause: &Cause| {
        // Nobody wrote the task that gathers facts.
        if info.implicit && cause.place.is_none() {
            return String::new();
        }
        let place = cause.place.as_ref().unwrap_or(&info.span);
        if place.line == 0 { String::new() } else { diag::excerpt(place) }
    };
    // Under the excerpt, or beside the sentence.
    let shown = |cause: &Cause, text: &str| {
        let place = place(cause);
        match &cause.help {
            Some(help) if place.is_empty() => format!("{text} {help}\n"),
            Some(help) => format!("{text}\n{place}\n{help}\n"),
            None => format!("{text}\n{place}"),
        }
    };
    match causes {
        [only] => {
            let reason = result.headline.as_ref().unwrap_or(&only.text);
            let text = shown(only, reason);
            let alone = only.help.is_none() && place(only).is_empty();
            format!("[ERROR]: {}", if alone { text.trim_end() } else { &text })
        }
        many => {
            let parts: Vec<String> = many.iter().map(|cause| shown(cause, &cause.text)).collect();
            let msg = result.headline.clone().unwrap_or_else(|| result.msg());
            let outer = many.first().map(|cause| cause.text.trim_end_matches('.')).unwrap_or_default();
            let head = if msg.starts_with(outer) { msg } else { format!("{outer}: {msg}") };
            format!("[ERROR]: {head}\n\n{}", parts.join("\n<<< caused by >>>\n\n"))
        }
    }
}

/// A program that is no module, or could not be started.
fn no_result(msg: &str) -> Vec<Cause> {
    let advice = match msg.starts_with("The module interpreter") {
        true => " Consider overriding the configured interpreter path for this host.",
        false => "",
    };
    // The program's text has no place.
    let nowhere = Span { line: 0, ..Span::synthetic("result", "") };
    vec![
        Cause::new("Task failed: Action failed.", None),
        Cause::new(format!("{msg}{advice} See stdout/stderr for the returned output."), Some(&nowhere)),
    ]
}
