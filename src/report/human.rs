//! What a person (or a script that reads Ansible's output) sees.

use super::layout::Layout;
use super::palette::Paint;
use super::sink::{Level, Sink};
use super::stats::CustomStats;
use super::{CENSORED, causes, diff, escaped, problems};
use crate::runner::{Event, Reporter, Tally, TaskInfo, TaskResult};
use crate::value::Map;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// How things are shown.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub colour: bool,
    pub verbosity: u8,
    pub show_skipped: bool,
    pub show_ok: bool,
    pub width: usize,
    pub deprecations: bool,
    pub diff: bool,
    /// How many lines around a difference are shown.
    pub diff_context: usize,
    pub layout: Layout,
    /// Failures go to standard error.
    pub failed_stderr: bool,
    /// Each host that begins to work on a task is told of.
    pub host_starts: bool,
    /// Failures say which task they are of.
    pub path_on_failure: bool,
    /// Plays and tasks that only check say so; `check` is for the run as a whole.
    pub check_markers: bool,
    pub check: bool,
    pub custom_stats: bool,
}

pub struct Human {
    look: Look,
    sink: Arc<Sink>,
    /// The task whose banner was printed last.
    banner: Option<Arc<TaskInfo>>,
    seen: HashSet<String>,
    stats: CustomStats,
}

impl Human {
    pub fn new(look: Look, sink: Arc<Sink>) -> Self {
        Self { look, sink, banner: None, seen: HashSet::new(), stats: CustomStats::default() }
    }

    fn line(&self, text: &str, colour: Option<Paint>) {
        self.sink.line(text, colour);
    }

    /// A line about a failure.
    fn failure_line(&self, text: &str, colour: Paint, level: Level) {
        match self.look.failed_stderr {
            true => self.sink.error_line(text, Some(colour), level),
            false => self.sink.logged_line(text, Some(colour), level),
        }
    }

    fn heading(&self, text: &str) {
        let stars = "*".repeat(self.look.width.saturating_sub(text.chars().count()).max(3));
        self.line(&format!("\n{text} {stars}"), None);
    }

    fn task_banner(&mut self, info: &Arc<TaskInfo>) {
        // Hosts that are not in step come to the same task one after the other.
        let same = |shown: &Arc<TaskInfo>| {
            Arc::ptr_eq(shown, info) || shown.span == info.span && shown.name == info.name
        };
        if self.banner.as_ref().is_some_and(same) {
            return;
        }
        self.banner = Some(info.clone());
        let word = if info.handler { "RUNNING HANDLER" } else { "TASK" };
        let check = if info.check_mode && self.look.check_markers { " [CHECK MODE]" } else { "" };
        let args = info.args.as_ref().map(|args| format!(" {args}")).unwrap_or_default();
        self.heading(&format!("{word} [{}{args}]{check}", info.name.trim()));
        if self.look.verbosity >= 2 {
            self.line(&task_path(info), Some(Paint::Debug));
        }
    }

    /// `[host]` or `[host -> delegate]`; the delegate with its address, unless that could not be reached.
    fn host_label(host: &str, result: &TaskResult) -> String {
        match &result.delegated {
            Some(other) if other.host != host && result.unreachable => format!("[{host} -> {}]", other.host),
            Some(other) if other.host != host => format!("[{host} -> {}]", other.shown),
            _ => format!("[{host}]"),
        }
    }

    /// The result as JSON: one line, or indented from `-v` on for results that are shown whole.
    fn dump(&self, info: &TaskInfo, result: &TaskResult, pretty: bool) -> String {
        if result.no_log {
            let mut shown = result.data.clone();
            shown.retain(|key, _| match key.as_str() {
                Some("changed") => info.action != "debug",
                Some("attempts" | "retries") => true,
                _ => false,
            });
            shown.insert("censored".into(), CENSORED.into());
            return self.look.layout.text(&shown, self.look.verbosity > 2);
        }
        let long = pretty || result.verbose_always || self.look.verbosity > 2;
        self.look.layout.text(&self.shown(result, info), long)
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
        } else if info.action != "meta" && (!result.failed || result.causes.is_empty()) {
            data.entry("changed".into()).or_insert(result.changed.into());
        }
        data.shift_remove("failed");
        data.shift_remove("diff");
        if result.items.as_ref().is_some_and(Vec::is_empty) {
            data.shift_remove("results");
        }
        if (result.failed || result.skipped) && self.look.verbosity < 3 {
            data.shift_remove("skipped");
        }
        // The lines would repeat what the texts say.
        if self.look.verbosity < 3 && data.len() > 2 {
            data.shift_remove("exception");
        }
        data
    }

    fn result(&mut self, host: &str, info: &Arc<TaskInfo>, result: &TaskResult) {
        self.sink.with_status(|status| status.done(host));
        self.stats.take(host, result);
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
            self.fatal_line(
                info,
                &format!("fatal: {label}: UNREACHABLE! => {}", self.dump_loop(info, result)),
                Paint::Unreachable,
            );
            if result.ignored {
                self.line("...ignoring", Some(Paint::Skip));
            }
        } else if result.failed {
            if info.action == "debug" && !result.no_log {
                self.fatal_line(
                    info,
                    &format!("fatal: {label}: FAILED! => {}", self.dump_loop(info, result)),
                    Paint::Error,
                );
            }
            if result.ignored {
                self.line("...ignoring", Some(Paint::Skip));
            }
        } else if result.skipped && self.look.show_skipped {
            self.task_banner(info);
            let text = match self.look.verbosity {
                0 => String::new(),
                _ => format!(" => {}", self.dump_loop(info, result)),
            };
            self.line(&format!("skipping: [{host}]{text}"), Some(Paint::Skip));
        }
    }

    fn dump_loop(&self, info: &TaskInfo, result: &TaskResult) -> String {
        if result.no_log {
            return self.dump(info, result, false);
        }
        let mut data = self.shown(result, info);
        if !result.unreachable {
            data.shift_remove("results");
        }
        self.look.layout.text(&data, false)
    }

    /// A try as it was, with what the last one will not show.
    fn dump_retry(&self, info: &TaskInfo, result: &TaskResult) -> String {
        if result.no_log {
            return self.dump(info, result, false);
        }
        let mut data = result.data.clone();
        data.retain(|key, _| !matches!(key.as_str(), Some("failed" | "exception" | "diff")));
        data.insert("changed".into(), result.changed.into());
        self.look.layout.text(&data, result.verbose_always || self.look.verbosity > 2)
    }

    /// ` => {…}` where it is wanted.
    fn verbose(&self, info: &TaskInfo, result: &TaskResult) -> String {
        // Facts are many, and nobody asked for them.
        let shown = self.look.verbosity > 0 && !matches!(info.action.as_str(), "gather_facts" | "setup");
        if (result.verbose_always && !result.no_log) || shown {
            format!(" => {}", self.dump(info, result, false))
        } else {
            String::new()
        }
    }

    fn one(&mut self, host: &str, info: &Arc<TaskInfo>, result: &TaskResult, item: Option<&str>) {
        let label = Self::host_label(host, result);
        let item_text = item.map(|item| format!(" (item={item})")).unwrap_or_default();
        let arrow = if item.is_some() { " =>" } else { "" };
        if result.unreachable && item.is_none() {
            self.task_banner(info);
            self.causes(info, result);
            self.fatal_line(
                info,
                &format!("fatal: {label}: UNREACHABLE! => {}", self.dump(info, result, false)),
                Paint::Unreachable,
            );
            if result.ignored {
                self.line("...ignoring", Some(Paint::Skip));
            }
        } else if result.failed || result.unreachable {
            self.task_banner(info);
            self.causes(info, result);
            match item {
                Some(_) => self.failure_line(
                    &format!("failed: {label}{item_text} => {}", self.dump(info, result, false)),
                    Paint::Error,
                    Level::Info,
                ),
                None => {
                    self.fatal_line(
                        info,
                        &format!("fatal: {label}: FAILED! => {}", self.dump(info, result, false)),
                        Paint::Error,
                    );
                    if result.ignored {
                        self.line("...ignoring", Some(Paint::Skip));
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
            self.line(&shown, Some(Paint::Skip));
        } else if result.skipped {
            if self.look.show_skipped {
                self.task_banner(info);
                self.line(
                    &format!(
                        "skipping: [{host}]{arrow}{item_text}{}{}",
                        if item.is_some() { " " } else { "" },
                        self.verbose(info, result)
                    ),
                    Some(Paint::Skip),
                );
            }
        } else if info.action == "include_tasks" || info.action == "include_role" {
            // Said by `Included`.
        } else {
            let (word, colour) = if result.changed { ("changed", Paint::Changed) } else { ("ok", Paint::Ok) };
            if result.gave_up {
                self.task_banner(info);
                self.causes(info, result);
            }
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
        let text = diff::render(&result.diff, self.look.diff_context);
        for line in text.lines() {
            let colour = match line.as_bytes().first() {
                Some(b'+') => Some(Paint::DiffAdd),
                Some(b'-') => Some(Paint::DiffRemove),
                Some(b'@') => Some(Paint::DiffLines),
                _ => None,
            };
            self.line(&escaped(line), colour);
        }
    }

    /// The errors above a failed result: what, where, because of what. Said once for all hosts.
    fn causes(&mut self, info: &TaskInfo, result: &TaskResult) {
        if result.said {
            return;
        }
        let text = causes::text(info, result);
        if self.seen.insert(text.clone()) {
            self.failure_line(&(text + "\n"), Paint::Error, Level::Error);
        }
    }

    /// The first line about a host that failed at a task.
    fn fatal_line(&self, info: &TaskInfo, text: &str, colour: Paint) {
        if self.look.path_on_failure && self.look.verbosity < 2 {
            self.line(&task_path(info), Some(Paint::Debug));
        }
        self.failure_line(text, colour, Level::Info);
    }

    fn recap(&mut self, tally: &BTreeMap<String, Tally>) {
        self.heading("PLAY RECAP");
        for (host, t) in tally {
            let colour = match t {
                t if t.failed > 0 || t.unreachable > 0 => Paint::Error,
                t if t.changed > 0 => Paint::Changed,
                _ => Paint::Ok,
            };
            let count = |name: &str, number: u64, colour: Paint| {
                let text = format!("{name}={number:<4}");
                if number == 0 { text } else { self.sink.painted(&text, colour) }
            };
            // What makes the colour counts as part of the name.
            let width = if self.look.colour { 37 } else { 26 };
            let shown = self.sink.painted(host, colour);
            let pad = width.max(shown.chars().count()) - shown.chars().count();
            let name = format!("{shown}{:pad$}", "");
            self.line(
                &format!(
                    "{name} : {} {} {} {} {} {} {}",
                    count("ok", t.ok, Paint::Ok),
                    count("changed", t.changed, Paint::Changed),
                    count("unreachable", t.unreachable, Paint::Unreachable),
                    count("failed", t.failed, Paint::Error),
                    count("skipped", t.skipped, Paint::Skip),
                    count("rescued", t.rescued, Paint::Ok),
                    count("ignored", t.ignored, Paint::Warning),
                ),
                None,
            );
        }
        self.line("", None);
        self.custom_stats();
        if self.look.check && self.look.check_markers {
            self.heading("DRY RUN");
        }
    }

    /// What `set_stats` has collected.
    fn custom_stats(&self) {
        if !self.look.custom_stats || self.stats.is_empty() {
            return;
        }
        let line = |data: &Map| self.look.layout.stats(data);
        self.heading("CUSTOM STATS:");
        for (host, data) in &self.stats.hosts {
            self.line(&format!("\t{host}: {}", line(data)), None);
        }
        if !self.stats.run.is_empty() {
            self.line("", None);
            self.line(&format!("\tRUN: {}", line(&self.stats.run)), None);
        }
        self.line("", None);
    }
}

fn task_path(info: &TaskInfo) -> String {
    format!("task path: {}:{}", info.span.file.path.display(), info.span.line)
}

impl Reporter for Human {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Start { playbook, plays } => {
                if self.look.check && self.look.check_markers && self.look.verbosity < 2 {
                    self.heading("DRY RUN");
                }
                if self.look.verbosity >= 2 {
                    let name = playbook
                        .file_name()
                        .map(|name| name.to_string_lossy().into_owned())
                        .unwrap_or_default();
                    self.heading(&format!("PLAYBOOK: {name}"));
                    if self.look.check && self.look.check_markers {
                        self.heading("DRY RUN");
                    }
                    self.line(&format!("{plays} plays in {name}"), None);
                }
            }
            Event::Play { name, check_mode, .. } => {
                self.banner = None;
                let name = name.trim();
                let check = if *check_mode && self.look.check_markers { " [CHECK MODE]" } else { "" };
                self.heading(&if name.is_empty() {
                    format!("PLAY{check}")
                } else {
                    format!("PLAY [{name}]{check}")
                });
            }
            Event::NoHostsMatched => self.line("skipping: no hosts matched", Some(Paint::Skip)),
            Event::NoHostsLeft => self.heading("NO MORE HOSTS LEFT"),
            Event::Task(info) => {
                // Where it waits for a result, the banner of the same task is still good.
                let waits = !self.look.show_skipped || !self.look.show_ok;
                if !waits || self.banner.as_ref().is_some_and(|shown| shown.task != info.task) {
                    self.banner = None;
                }
                if !waits {
                    self.task_banner(info);
                }
            }
            Event::Begin { host, task } => {
                if self.look.host_starts {
                    self.line(&format!(" [started TASK: {} on {host}]", task.name.trim()), None);
                }
                self.sink.with_status(|status| status.begin(host, &task.name));
            }
            Event::Item { host, task, result } => {
                let label = result.label.clone().unwrap_or_default();
                self.one(host, task, result, Some(&label));
            }
            Event::Result { host, task, result } => self.result(host, task, result),
            Event::Retry { host, task, result, left } => {
                let delegate =
                    result.delegated.as_ref().map(|other| &other.host).filter(|other| *other != &**host);
                let place =
                    delegate.map_or_else(|| format!("[{host}]"), |other| format!("[{host} -> {other}]"));
                let tail = if self.look.verbosity >= 2 || (result.verbose_always && !result.no_log) {
                    format!("Result was: {}", self.dump_retry(task, result))
                } else {
                    String::new()
                };
                self.line(
                    &format!("FAILED - RETRYING: {place}: {} ({left} retries left).{tail}", task.own_name),
                    Some(Paint::Debug),
                );
            }
            Event::Included { task, file, hosts, label } => {
                self.task_banner(task);
                let label = label.as_ref().map(|label| format!(" => (item={label})")).unwrap_or_default();
                self.line(
                    &format!("included: {file} for {}{label}", hosts.join(", ")),
                    Some(Paint::Included),
                );
            }
            Event::Output { host, text } => {
                self.sink.with_status(|status| status.output(host, text));
            }
            Event::Terminal { wanted: true } => self.sink.end_status(),
            Event::Terminal { wanted: false } => self.sink.begin_status(),
            Event::Message(text) => self.line(text, None),
            Event::Remark { text, level } => {
                self.sink.remark(&escaped(text), None, *level, self.look.verbosity);
            }
            Event::End { .. } => {}
            Event::Problem(problem) => problems::say(problem, &self.look, &self.sink, &mut self.seen),
            Event::Recap(tally) => {
                self.sink.end_status();
                self.recap(tally);
            }
        }
    }
}
