//! The callback `ansible.posix.json`: the whole run as one JSON document, printed at its end.

use super::CENSORED;
use super::sink::{Level, Sink};
use super::stats::CustomStats;
use crate::diag::{self, Severity, Span};
use crate::runner::{Event, Reporter, Tally, TaskInfo, TaskResult};
use crate::value::{JsonStyle, Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Json {
    sink: Arc<Sink>,
    deprecations: bool,
    plays: Vec<Play>,
    stats: CustomStats,
    /// Plays and tasks are numbered.
    next_id: u64,
}

struct Play {
    head: Head,
    tasks: Vec<Task>,
}

struct Task {
    head: Head,
    info: Arc<TaskInfo>,
    hosts: BTreeMap<String, Value>,
}

/// What plays and tasks have in common.
struct Head {
    name: String,
    path: String,
    id: String,
    start: jiff::Timestamp,
    end: Option<jiff::Timestamp>,
}

impl Json {
    pub fn new(sink: Arc<Sink>, deprecations: bool) -> Self {
        Self { sink, deprecations, plays: vec![], stats: CustomStats::default(), next_id: 1 }
    }

    fn head(&mut self, name: &str, place: &Span) -> Head {
        let id = self.next_id;
        self.next_id += 1;
        Head {
            name: name.to_owned(),
            path: format!("{}:{}", place.file.path.display(), place.line),
            id: format!("00000000-0000-0000-0000-{id:012x}"),
            start: jiff::Timestamp::now(),
            end: None,
        }
    }

    /// The task of a result; under `free`, hosts are at several tasks at a time. Where the host has its result already,
    /// the file of the task was included again.
    fn task(&mut self, info: &Arc<TaskInfo>, host: Option<&str>) -> Option<&mut Task> {
        let done = |task: &Task| host.is_some_and(|host| task.hosts.contains_key(host));
        let same = |task: &Task| Arc::ptr_eq(&task.info, info) || task.info.span == info.span && !done(task);
        if !self.plays.last()?.tasks.iter().any(same) {
            let head = self.head(&info.name, &info.span);
            let task = Task { head, info: info.clone(), hosts: BTreeMap::new() };
            self.plays.last_mut()?.tasks.push(task);
        }
        self.plays.last_mut()?.tasks.iter_mut().rev().find(|task| same(task))
    }

    fn result(&mut self, host: &str, info: &Arc<TaskInfo>, result: &TaskResult) {
        self.stats.take(host, result);
        let mut data = if result.no_log {
            let mut shown = Map::new();
            shown.insert("censored".into(), CENSORED.into());
            shown
        } else {
            let mut data = result.data.clone();
            data.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("_ansible_")));
            data
        };
        data.insert("changed".into(), result.changed.into());
        data.insert("action".into(), Value::str(&info.action));
        for (word, holds) in [("failed", result.failed), ("skipped", result.skipped)] {
            if holds {
                data.insert(word.into(), true.into());
            }
        }
        if result.unreachable {
            data.insert("unreachable".into(), true.into());
        }
        if let Some(task) = self.task(info, Some(host)) {
            task.head.end = Some(jiff::Timestamp::now());
            task.hosts.insert(host.to_owned(), Value::map(data));
        }
        if let Some(play) = self.plays.last_mut() {
            play.head.end = Some(jiff::Timestamp::now());
        }
    }

    fn document(&self, tally: &BTreeMap<String, Tally>) -> Value {
        let plays = self.plays.iter().map(|play| {
            let tasks = play.tasks.iter().map(|task| {
                let hosts = task.hosts.iter().map(|(host, data)| (Value::str(host), data.clone())).collect();
                Value::object([("hosts", Value::map(hosts)), ("task", task.head.value())])
            });
            Value::object([("play", play.head.value()), ("tasks", Value::list(tasks.collect()))])
        });
        let stats = tally.iter().map(|(host, t)| {
            let counts = [
                ("ok", t.ok),
                ("changed", t.changed),
                ("unreachable", t.unreachable),
                ("failures", t.failed),
                ("skipped", t.skipped),
                ("rescued", t.rescued),
                ("ignored", t.ignored),
            ];
            (Value::str(host), Value::object(counts.map(|(name, count)| (name, Value::from(count)))))
        });
        let custom = self.stats.hosts.iter().map(|(host, data)| (Value::str(host), Value::map(data.clone())));
        Value::object([
            ("custom_stats", Value::map(custom.collect())),
            ("global_custom_stats", Value::map(self.stats.run.clone())),
            ("plays", Value::list(plays.collect())),
            ("stats", Value::map(stats.collect())),
        ])
    }
}

impl Head {
    fn value(&self) -> Value {
        let moment = |time: jiff::Timestamp| Value::from(time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string());
        let mut duration = vec![("start", moment(self.start))];
        duration.extend(self.end.map(|end| ("end", moment(end))));
        Value::object([
            ("name", Value::str(&self.name)),
            ("id", Value::str(&self.id)),
            ("path", Value::str(&self.path)),
            ("duration", Value::object(duration)),
        ])
    }
}

impl Reporter for Json {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Play { name, place, .. } => {
                let head = self.head(name, place);
                self.plays.push(Play { head, tasks: vec![] });
            }
            Event::Task(info) => drop(self.task(info, None)),
            Event::Result { host, task, result } => self.result(host, task, result),
            Event::Problem(problem) if problem.severity != Severity::Deprecation || self.deprecations => {
                self.sink.error_line(&diag::render(problem), Some(problem.severity.into()), Level::Warning);
            }
            Event::Recap(tally) => {
                self.sink.end_status();
                let style = JsonStyle { indent: Some(4), sort_keys: true, ..JsonStyle::default() };
                self.sink.line(&style.write(&self.document(tally)), None);
            }
            _ => {}
        }
    }
}
