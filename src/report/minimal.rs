//! What `ansible` prints for one module: a result per host.

use super::{Look, diff};
use crate::diag::{self, Severity, Style};
use crate::runner::{Event, Reporter, TaskInfo, TaskResult};
use crate::value::{JsonStyle, Map, Redactor, Value, py_str};
use std::io::Write;

pub struct Minimal {
    look: Look,
    one_line: bool,
}

impl Minimal {
    pub fn new(look: Look, one_line: bool) -> Self {
        Self { look, one_line }
    }

    fn line(&self, text: &str, colour: &str) {
        let text = Redactor::global().redact(text);
        let text = if self.look.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text };
        drop(writeln!(std::io::stdout().lock(), "{text}"));
    }

    fn json(&self, data: &Map) -> String {
        let indent = Some(if self.one_line { 0 } else { 4 });
        let text =
            JsonStyle { indent, sort_keys: true, ..JsonStyle::default() }.write(&Value::map(data.clone()));
        // Ansible's lines have no space after commas; newlines inside texts are escaped.
        if self.one_line { text.replace('\n', "") } else { text }
    }

    fn result(&self, host: &str, task: &TaskInfo, result: &TaskResult) {
        let mut data = result.data.clone();
        data.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("_ansible_")));
        if self.look.verbosity < 3 {
            data.shift_remove("invocation");
        }
        data.entry("changed".into()).or_insert(result.changed.into());
        let (word, colour) = match result {
            r if r.unreachable => ("UNREACHABLE!", "1;31"),
            r if r.failed => ("FAILED!", "0;31"),
            r if r.skipped => ("SKIPPED", "0;36"),
            r if r.changed => ("CHANGED", "0;33"),
            _ => ("SUCCESS", "0;32"),
        };
        let command = matches!(task.action.as_str(), "command" | "shell" | "raw");
        if command && data.contains_key("rc") && !result.unreachable {
            let rc = data.get("rc").map(py_str).unwrap_or_default();
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
                let mut text = part("stdout");
                for more in [part("stderr"), part("msg")] {
                    if !more.is_empty() {
                        if !text.is_empty() && !text.ends_with('\n') {
                            text.push('\n');
                        }
                        text.push_str(&more);
                    }
                }
                format!("{host} | {word} | rc={rc} >>\n{text}")
            };
            return self.line(&shown, colour);
        }
        if self.one_line && result.skipped {
            return self.line(&format!("{host} | SKIPPED"), colour);
        }
        if self.one_line && result.unreachable {
            let why = data.get("msg").map(py_str).unwrap_or_default();
            return self.line(&format!("{host} | {word}: {why}"), colour);
        }
        if self.look.diff && result.changed && !self.one_line {
            self.line(diff::render(&result.diff).trim_end(), colour);
        }
        self.line(&format!("{host} | {word} => {}", self.json(&data)), colour);
    }
}

impl Reporter for Minimal {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Result { host, task, result } => self.result(host, task, result),
            Event::Problem(problem)
                if problem.severity != Severity::Deprecation || self.look.deprecations =>
            {
                let style = if self.look.colour { Style::Colour } else { Style::Plain };
                drop(
                    std::io::stderr()
                        .lock()
                        .write_all(Redactor::global().redact(&diag::render(problem, style)).as_bytes()),
                );
            }
            Event::NoHostsMatched => {
                let text = "[WARNING]: No hosts matched, nothing to do\n";
                drop(std::io::stderr().lock().write_all(text.as_bytes()));
            }
            _ => {}
        }
    }
}
