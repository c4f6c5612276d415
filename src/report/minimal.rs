//! What `ansible` prints for one module: a result per host.

use super::palette::Paint;
use super::sink::{Level, Sink};
use super::{CENSORED, Look, causes, diff, escaped, problems};
use crate::diag::Diagnostic;
use crate::runner::{Event, Reporter, TaskInfo, TaskResult};
use crate::value::{JsonStyle, Map, Value, py_str};
use std::collections::HashSet;
use std::sync::Arc;

/// Said where a pattern is that of the whole command.
pub const NO_HOSTS_MATCHED: &str = "No hosts matched, nothing to do";

pub struct Minimal {
    look: Look,
    one_line: bool,
    /// Whether it is worth a word if a pattern matches no host.
    expects_hosts: bool,
    sink: Arc<Sink>,
    /// What was said about failures: once for all hosts.
    seen: HashSet<String>,
}

impl Minimal {
    pub fn new(look: Look, one_line: bool, sink: Arc<Sink>) -> Self {
        Self { look, one_line, expects_hosts: true, sink, seen: HashSet::new() }
    }

    /// Somebody else says that there are no hosts.
    pub fn without_hosts(self) -> Self {
        Self { expects_hosts: false, ..self }
    }

    fn line(&self, text: &str, colour: Paint) {
        self.sink.line(text, Some(colour));
    }

    fn text(&self, data: &Map, long: bool) -> String {
        if !self.one_line {
            return self.look.layout.text(data, true);
        }
        // The lines without what divides them; newlines inside texts are escaped.
        let indent = Some(if long { 4 } else { 0 });
        let style = JsonStyle { indent, sort_keys: true, ..JsonStyle::default() };
        style.write(&Value::map(data.clone())).replace('\n', "")
    }

    fn result(&mut self, host: &str, task: &TaskInfo, result: &TaskResult) {
        let mut data = shown(task, result, self.look.verbosity);
        if self.one_line {
            data.entry("changed".into()).or_insert(result.changed.into());
        }
        // In a playbook it is not obvious of what task that is.
        let says = !self.one_line && !result.said && result.items.is_none();
        if (result.failed || result.unreachable) && says && !task.span.file.path.starts_with("<") {
            let text = causes::text(task, result) + "\n";
            if self.seen.insert(text.clone()) {
                self.sink.logged_line(&text, Some(Paint::Error), Level::Error);
            }
        }
        let (word, colour) = match result {
            r if r.unreachable => ("UNREACHABLE!", Paint::Unreachable),
            r if r.failed => ("FAILED!", Paint::Error),
            r if r.skipped => ("SKIPPED", Paint::Skip),
            r if r.changed => ("CHANGED", Paint::Changed),
            _ => ("SUCCESS", Paint::Ok),
        };
        let command = matches!(task.action.as_str(), "command" | "shell" | "raw");
        let job = data.contains_key("ansible_job_id") && !result.failed;
        if command && !result.skipped && !result.unreachable && !job {
            let rc = data.get("rc").map_or_else(|| "-1".to_owned(), py_str);
            let part = |name: &str| data.get(name).map(py_str).unwrap_or_default();
            let word = if result.failed { "FAILED" } else { word };
            let shown = if self.one_line {
                let mut text =
                    format!("{host} | {word} | rc={rc} | (stdout) {}", part("stdout").replace('\n', "\\n"));
                let error = part("stderr");
                if !error.is_empty() {
                    text.push_str(&format!(" (stderr) {}", error.replace('\n', "\\n")));
                }
                text
            } else {
                format!("{host} | {word} | rc={rc} >>\n{}{}{}\n", part("stdout"), part("stderr"), part("msg"))
            };
            self.line(&escaped(&shown), colour);
            // The real one says of a failed command both.
            if !(self.one_line && result.failed) {
                return;
            }
        }
        if result.skipped {
            return self.line(&format!("{host} | SKIPPED"), colour);
        }
        if self.one_line && result.unreachable {
            let why = data.get("msg").map(py_str).unwrap_or_default();
            return self.line(&format!("{host} | {word}: {why}"), colour);
        }
        if result.show_diff && result.changed && !result.no_log && !self.one_line && !result.diff.is_empty() {
            self.sink.line(&escaped(&diff::render(&result.diff, self.look.diff_context)), None);
        }
        self.line(&format!("{host} | {word} => {}", self.text(&data, result.verbose_always)), colour);
    }
}

/// What is shown of a result.
pub(super) fn shown(task: &TaskInfo, result: &TaskResult, verbosity: u8) -> Map {
    let mut data = result.data.clone();
    if result.no_log {
        data.retain(|key, _| matches!(key.as_str(), Some("attempts" | "changed" | "retries")));
        data.insert("censored".into(), CENSORED.into());
    }
    data.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("_ansible_")));
    data.shift_remove("failed");
    if verbosity < 3 {
        data.shift_remove("invocation");
        data.shift_remove("exception");
    }
    data.shift_remove("diff");
    if task.action == "debug" && result.items.is_none() && !result.failed {
        data.shift_remove("changed");
    } else {
        data.entry("changed".into()).or_insert(result.changed.into());
    }
    data
}

impl Reporter for Minimal {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Result { host, task, result } => self.result(host, task, result),
            Event::Problem(problem) => problems::say(problem, &self.look, &self.sink, &mut self.seen),
            Event::Remark { text, level } => {
                self.sink.remark(&escaped(text), None, *level, self.look.verbosity);
            }
            Event::NoHostsMatched if self.expects_hosts => {
                let problem = Diagnostic::warning("no-hosts", NO_HOSTS_MATCHED);
                problems::say(&problem, &self.look, &self.sink, &mut self.seen);
            }
            _ => {}
        }
    }
}
