//! What a person (or a script that reads Ansible's output) sees.

use super::diff;
use super::status::Status;
use crate::diag::{self, Diagnostic, Severity, Style};
use crate::runner::{Cause, Event, Reporter, Tally, TaskInfo, TaskResult};
use crate::value::{JsonStyle, Map, Redactor, Value};
use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::sync::Arc;

/// How things are shown.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub colour: bool,
    pub verbosity: u8,
    pub show_skipped: bool,
    pub show_ok: bool,
    pub width: usize,
    /// A live line at the bottom says what hosts are doing.
    pub live: bool,
    pub deprecations: bool,
    pub diff: bool,
}

pub struct Human {
    look: Look,
    status: Option<Status>,
    /// The task whose banner was printed last.
    banner: Option<Arc<TaskInfo>>,
    seen: HashSet<String>,
}

const OK: &str = "0;32";
const CHANGED: &str = "0;33";
const SKIPPED: &str = "0;36";
const ERROR: &str = "0;31";
const UNREACHABLE: &str = "1;31";

impl Human {
    pub fn new(look: Look) -> Self {
        Self { look, status: look.live.then(Status::new), banner: None, seen: HashSet::new() }
    }

    /// A line on standard output, secrets and control characters made harmless.
    fn line(&self, text: &str, colour: Option<&str>) {
        let text = Redactor::global().redact(text);
        let text = match colour.filter(|_| self.look.colour) {
            Some(colour) => {
                let painted: Vec<String> =
                    text.split('\n').map(|line| format!("\x1b[{colour}m{line}\x1b[0m")).collect();
                painted.join("\n")
            }
            None => text,
        };
        let write = || {
            let mut out = std::io::stdout().lock();
            // A closed pipe (`| head`) is no reason to stop configuring hosts.
            drop(writeln!(out, "{text}"));
            drop(out.flush());
        };
        match &self.status {
            Some(status) => status.suspend(write),
            None => write(),
        }
    }

    fn error_text(&self, text: &str) {
        let text = Redactor::global().redact(text);
        let write = || drop(std::io::stderr().lock().write_all(text.as_bytes()));
        match &self.status {
            Some(status) => status.suspend(write),
            None => write(),
        }
    }

    fn heading(&self, text: &str) {
        let stars = "*".repeat(self.look.width.saturating_sub(text.chars().count()).max(3));
        self.line(&format!("\n{text} {stars}"), None);
    }

    fn task_banner(&mut self, info: &Arc<TaskInfo>) {
        if self.banner.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, info)) {
            return;
        }
        self.banner = Some(info.clone());
        let word = if info.handler { "RUNNING HANDLER" } else { "TASK" };
        let check = if info.check_mode && self.look.verbosity > 0 { " [CHECK MODE]" } else { "" };
        self.heading(&format!("{word} [{}]{check}", info.name.trim()));
        if self.look.verbosity >= 2 {
            self.line(
                &format!("task path: {}:{}", info.span.file.path.display(), info.span.line),
                Some("1;30"),
            );
        }
    }

    fn problem(&mut self, problem: &Diagnostic) {
        if problem.severity == Severity::Deprecation && !self.look.deprecations {
            return;
        }
        let style = if self.look.colour { Style::Colour } else { Style::Plain };
        let text = diag::render(problem, style);
        // A warning is said once.
        if problem.severity == Severity::Error || self.seen.insert(text.clone()) {
            self.error_text(&text);
        }
    }

    /// `[host]` or `[host -> delegate]`.
    fn host_label(host: &str, result: &TaskResult) -> String {
        match &result.delegated {
            Some(other) if other.host != host => format!("[{host} -> {}]", other.shown),
            _ => format!("[{host}]"),
        }
    }

    /// The result as JSON: one line, or indented from `-v` on for results that are shown whole.
    fn dump(&self, info: &TaskInfo, result: &TaskResult, pretty: bool) -> String {
        if result.no_log {
            const CENSORED: &str = "the output has been hidden due to the fact that 'no_log: true' was specified for this result";
            let mut shown = result.data.clone();
            shown.retain(|key, _| matches!(key.as_str(), Some("attempts" | "changed" | "retries")));
            shown.insert("censored".into(), CENSORED.into());
            return JsonStyle { sort_keys: true, ..JsonStyle::default() }.write(&Value::map(shown));
        }
        let data = self.shown(result, info);
        let indent = (pretty || result.verbose_always || self.look.verbosity > 2).then_some(4);
        JsonStyle { indent, sort_keys: true, ..JsonStyle::default() }.write(&Value::map(data))
    }

    fn shown(&self, result: &TaskResult, info: &TaskInfo) -> Map {
        let mut data = result.data.clone();
        data.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("_ansible_")));
        if self.look.verbosity < 3 {
            data.shift_remove("invocation");
        }
        if info.action == "debug" {
            // The message alone, or the variable without what marks it as a result.
            let alone = data.contains_key("msg");
            data.retain(|key, _| match key.as_str() {
                Some("msg" | "exception" | "warnings" | "deprecations") => true,
                Some(
                    "changed" | "failed" | "skipped" | "invocation" | "skip_reason" | "ansible_loop_var"
                    | "ansible_index_var" | "ansible_loop",
                ) => false,
                _ => !alone,
            });
        } else if !result.failed && !result.unreachable {
            data.entry("changed".into()).or_insert(result.changed.into());
        }
        data.shift_remove("failed");
        data.shift_remove("diff");
        if result.failed && self.look.verbosity < 3 {
            data.shift_remove("skipped");
        }
        // The lines would repeat what the texts say.
        if self.look.verbosity < 3 && data.len() > 2 {
            data.shift_remove("exception");
        }
        if self.look.verbosity < 3 {
            data.shift_remove("failed_when_suppressed_exception");
        }
        data
    }

    fn result(&mut self, host: &str, info: &Arc<TaskInfo>, result: &TaskResult) {
        if let Some(status) = &self.status {
            status.done(host);
        }
        if let Some(items) = &result.items
            && !items.is_empty()
        {
            return self.loop_end(host, info, result);
        }
        self.one(host, info, result, None);
    }

    /// The end of a loop: its items were shown as they came.
    fn loop_end(&mut self, host: &str, info: &Arc<TaskInfo>, result: &TaskResult) {
        let label = Self::host_label(host, result);
        if result.unreachable {
            self.task_banner(info);
            self.line(
                &format!("fatal: {label}: UNREACHABLE! => {}", self.dump_loop(info, result)),
                Some(UNREACHABLE),
            );
        } else if result.failed {
            if info.action == "debug" {
                self.line(
                    &format!("fatal: {label}: FAILED! => {}", self.dump_loop(info, result)),
                    Some(ERROR),
                );
            }
            if result.ignored {
                self.line("...ignoring", Some(SKIPPED));
            }
        } else if result.skipped && self.look.show_skipped {
            self.task_banner(info);
            self.line(&format!("skipping: [{host}]{}", self.verbose(info, result)), Some(SKIPPED));
        }
    }

    fn dump_loop(&self, info: &TaskInfo, result: &TaskResult) -> String {
        let mut data = self.shown(result, info);
        if !result.unreachable {
            data.shift_remove("results");
        }
        JsonStyle { sort_keys: true, ..JsonStyle::default() }.write(&Value::map(data))
    }

    /// A try as it was, with what the last one will not show.
    fn dump_retry(&self, result: &TaskResult) -> String {
        let mut data = result.data.clone();
        data.retain(|key, _| !matches!(key.as_str(), Some("failed" | "exception" | "diff")));
        data.insert("changed".into(), result.changed.into());
        let indent = (result.verbose_always || self.look.verbosity > 2).then_some(4);
        JsonStyle { indent, sort_keys: true, ..JsonStyle::default() }.write(&Value::map(data))
    }

    /// ` => {…}` where it is wanted.
    fn verbose(&self, info: &TaskInfo, result: &TaskResult) -> String {
        if (result.verbose_always && !result.no_log) || self.look.verbosity > 0 {
            format!(" => {}", self.dump(info, result, false))
        } else {
            String::new()
        }
    }

    fn one(&mut self, host: &str, info: &Arc<TaskInfo>, result: &TaskResult, item: Option<&str>) {
        let label = Self::host_label(host, result);
        let hidden;
        let item_text = match item {
            Some(_) if result.no_log => {
                hidden = " (item=(censored due to no_log))".to_owned();
                hidden.as_str()
            }
            Some(item) => {
                hidden = format!(" (item={item})");
                hidden.as_str()
            }
            None => "",
        };
        let arrow = if item.is_some() { " =>" } else { "" };
        if result.unreachable && item.is_none() {
            self.task_banner(info);
            self.causes(info, result);
            self.line(
                &format!("fatal: {label}: UNREACHABLE! => {}", self.dump(info, result, false)),
                Some(UNREACHABLE),
            );
            if result.ignored {
                self.line("...ignoring", Some(SKIPPED));
            }
        } else if result.failed || result.unreachable {
            self.task_banner(info);
            self.causes(info, result);
            match item {
                Some(_) => self.line(
                    &format!("failed: {label}{item_text} => {}", self.dump(info, result, false)),
                    Some(ERROR),
                ),
                None => {
                    self.line(
                        &format!("fatal: {label}: FAILED! => {}", self.dump(info, result, false)),
                        Some(ERROR),
                    );
                    if result.ignored {
                        self.line("...ignoring", Some(SKIPPED));
                    }
                }
            }
        } else if let Some(why) = &result.unknown {
            self.task_banner(info);
            let shown = if result.skipped && self.look.verbosity == 0 && !self.look.diff {
                format!("skipping: {label}{arrow}{item_text}")
            } else {
                format!("skipping: {label}{arrow}{item_text}: {why}")
            };
            self.line(&shown, Some(SKIPPED));
        } else if result.skipped {
            if self.look.show_skipped {
                self.task_banner(info);
                self.line(
                    &format!(
                        "skipping: [{host}]{arrow}{item_text}{}{}",
                        if item.is_some() { " " } else { "" },
                        self.verbose(info, result)
                    ),
                    Some(SKIPPED),
                );
            }
        } else if info.action == "include_tasks" || info.action == "include_role" {
            // Said by `Included`.
        } else {
            let (word, colour) = if result.changed { ("changed", CHANGED) } else { ("ok", OK) };
            self.diff_of(info, result);
            if result.changed || self.look.show_ok {
                self.task_banner(info);
                self.line(
                    &format!("{word}: {label}{arrow}{item_text}{}", self.verbose(info, result)),
                    Some(colour),
                );
            }
        }
    }

    fn diff_of(&mut self, info: &Arc<TaskInfo>, result: &TaskResult) {
        if result.no_log || !result.changed || !result.show_diff || result.diff.is_empty() {
            return;
        }
        self.task_banner(info);
        let text = diff::render(&result.diff);
        for line in text.lines() {
            let colour = match line.as_bytes().first() {
                Some(b'+') => Some(OK),
                Some(b'-') => Some(ERROR),
                Some(b'@') => Some(SKIPPED),
                _ => None,
            };
            self.line(&escape(line), colour);
        }
    }

    /// The errors above a failed result: what, where, because of what. Said once for all hosts.
    fn causes(&mut self, info: &TaskInfo, result: &TaskResult) {
        if result.said {
            return;
        }
        let text = if result.no_log {
            "[ERROR]: Task failed: Action failed.\n".to_owned()
        } else {
            let own = [Cause::new(failure_text(info, result), None)];
            let causes = if result.causes.is_empty() { &own[..] } else { &result.causes };
            chain(info, causes, &result.msg())
        };
        if self.seen.insert(text.clone()) {
            self.line(&text, Some(ERROR));
        }
    }

    fn recap(&mut self, tally: &BTreeMap<String, Tally>) {
        self.heading("PLAY RECAP");
        for (host, t) in tally {
            let colour = match t {
                t if t.failed > 0 || t.unreachable > 0 => ERROR,
                t if t.changed > 0 => CHANGED,
                _ => OK,
            };
            let count = |name: &str, number: u64, colour: &str| {
                let text = format!("{name}={number:<4}");
                if self.look.colour && number != 0 { format!("\x1b[{colour}m{text}\x1b[0m") } else { text }
            };
            let name = if self.look.colour {
                format!(
                    "\x1b[{colour}m{host}\x1b[0m{:pad$}",
                    "",
                    pad = 26usize.saturating_sub(host.chars().count())
                )
            } else {
                format!("{host:<26}")
            };
            self.line(
                &format!(
                    "{name} : {} {} {} {} {} {} {}",
                    count("ok", t.ok, OK),
                    count("changed", t.changed, CHANGED),
                    count("unreachable", t.unreachable, UNREACHABLE),
                    count("failed", t.failed, ERROR),
                    count("skipped", t.skipped, SKIPPED),
                    count("rescued", t.rescued, OK),
                    count("ignored", t.ignored, "1;35"),
                ),
                None,
            );
        }
        self.line("", None);
    }
}

/// The text of a chain of causes, as Ansible lays it out.
fn chain(info: &TaskInfo, causes: &[Cause], msg: &str) -> String {
    let place = |cause: &Cause| {
        let place = cause.place.as_ref().unwrap_or(&info.span);
        if place.line == 0 || place.file.path.starts_with("<") { String::new() } else { diag::excerpt(place) }
    };
    let help = |cause: &Cause| cause.help.as_ref().map(|help| format!("\n{help}\n")).unwrap_or_default();
    match causes {
        [only] => format!("[ERROR]: {}\n{}{}", only.text, place(only), help(only)),
        many => {
            let parts: Vec<String> =
                many.iter().map(|cause| format!("{}\n{}{}", cause.text, place(cause), help(cause))).collect();
            format!("[ERROR]: {msg}\n\n{}", parts.join("\n<<< caused by >>>\n\n"))
        }
    }
}

/// The sentence above a module's failure.
fn failure_text(info: &TaskInfo, result: &TaskResult) -> String {
    let msg = result.msg();
    match info.action.as_str() {
        _ if msg.is_empty() => "Task failed: Action failed.".into(),
        _ if msg.starts_with("Task failed:") => msg,
        "assert"
        | "raw"
        | "script"
        | "fail"
        | "debug"
        | "set_fact"
        | "include_vars"
        | "add_host"
        | "group_by"
        | "pause"
        | "set_stats"
        | "validate_argument_spec" => {
            format!("Task failed: Action failed: {msg}")
        }
        _ => format!("Task failed: Module failed: {msg}"),
    }
}

/// Control characters from hosts never reach the terminal as such.
fn escape(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\t') {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() && c != '\t' { format!("\\x{:02x}", c as u32) } else { c.to_string() })
        .collect()
}

impl Reporter for Human {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Start { playbook, plays } => {
                if self.look.verbosity >= 2 {
                    let name = playbook
                        .file_name()
                        .map(|name| name.to_string_lossy().into_owned())
                        .unwrap_or_default();
                    self.heading(&format!("PLAYBOOK: {name}"));
                    self.line(&format!("{plays} plays in {name}"), None);
                }
            }
            Event::Play { name } => {
                self.banner = None;
                let name = name.trim();
                self.heading(&if name.is_empty() { "PLAY".to_owned() } else { format!("PLAY [{name}]") });
            }
            Event::NoHostsMatched => self.line("skipping: no hosts matched", Some(SKIPPED)),
            Event::NoHostsLeft => self.heading("NO MORE HOSTS LEFT"),
            Event::Task(info) => {
                if !self.look.show_skipped || !self.look.show_ok {
                    return;
                }
                self.task_banner(info);
            }
            Event::Begin { host, task } => {
                if let Some(status) = &self.status {
                    status.begin(host, &task.name);
                }
            }
            Event::Item { host, task, result } => {
                let label = result.label.clone().unwrap_or_default();
                self.one(host, task, result, Some(&label));
            }
            Event::Result { host, task, result } => self.result(host, task, result),
            Event::Retry { host, task, result, left } => {
                let tail = if self.look.verbosity >= 2 || (result.verbose_always && !result.no_log) {
                    format!("Result was: {}", self.dump_retry(result))
                } else {
                    String::new()
                };
                self.line(
                    &format!(
                        "FAILED - RETRYING: {}: {} ({left} retries left).{tail}",
                        Self::host_label(host, result),
                        task.own_name
                    ),
                    Some("0;30"),
                );
            }
            Event::Included { task, file, hosts, label } => {
                self.task_banner(task);
                let label = label.as_ref().map(|label| format!(" => (item={label})")).unwrap_or_default();
                self.line(&format!("included: {file} for {}{label}", hosts.join(", ")), Some(SKIPPED));
            }
            Event::Output { host, text } => {
                if let Some(status) = &self.status {
                    status.output(host, text);
                }
            }
            Event::Message(text) => self.line(text, None),
            Event::Problem(problem) => self.problem(problem),
            Event::Recap(tally) => {
                if let Some(status) = self.status.take() {
                    status.end();
                }
                self.recap(tally);
            }
        }
    }
}
