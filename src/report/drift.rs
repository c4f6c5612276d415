//! The drift report: per host and task, what is in the desired state, what would change, what cannot be known.

use super::diff;
use crate::runner::{Event, Reporter, TaskInfo, TaskResult};
use crate::value::{Redactor, Value};
use std::collections::BTreeMap;

/// One finding.
struct Finding {
    host: String,
    task: String,
    place: String,
    state: State,
    item: Option<String>,
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Converged,
    WouldChange,
    Unknown,
    Skipped,
    Failed,
    Unreachable,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Converged => "in desired state",
            State::WouldChange => "would change",
            State::Unknown => "unknown",
            State::Skipped => "skipped",
            State::Failed => "failed",
            State::Unreachable => "unreachable",
        }
    }
}

/// Gathers findings; see [`DriftReport::to_value`] and [`DriftReport::text`].
#[derive(Default)]
pub struct DriftReport {
    findings: Vec<Finding>,
}

/// Version of the JSON report's shape.
const SCHEMA: i64 = 1;

impl DriftReport {
    fn add(&mut self, host: &str, task: &TaskInfo, result: &TaskResult, item: Option<String>) {
        let (state, detail) = if result.unreachable {
            (State::Unreachable, result.msg())
        } else if let Some(why) = &result.unknown {
            (State::Unknown, why.clone())
        } else if result.failed && !result.ignored {
            (State::Failed, result.msg())
        } else if result.changed {
            let hidden = if result.no_log { String::new() } else { diff::render(&result.diff, 3) };
            (State::WouldChange, hidden)
        } else if result.skipped {
            (State::Skipped, String::new())
        } else {
            (State::Converged, String::new())
        };
        let detail = if result.no_log { String::new() } else { Redactor::global().redact(&detail) };
        let item = if result.no_log { item.map(|_| "(hidden)".to_owned()) } else { item };
        self.findings.push(Finding {
            host: host.into(),
            task: task.name.clone(),
            place: format!("{}:{}", task.span.file.path.display(), task.span.line),
            state,
            item,
            detail,
        });
    }

    /// The worst there is: exit code 0 nothing differs, 10 drift, 11 unknown but no drift, 2 failed, 3 unreachable.
    pub fn exit_code(&self) -> i32 {
        let has = |state| self.findings.iter().any(|finding| finding.state == state);
        match () {
            () if has(State::Failed) => 2,
            () if has(State::Unreachable) => 3,
            () if has(State::WouldChange) => 10,
            () if has(State::Unknown) => 11,
            () => 0,
        }
    }

    /// The report as data.
    pub fn to_value(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            Value::object([
                ("host", Value::str(&finding.host)),
                ("task", Value::str(&finding.task)),
                ("place", Value::str(&finding.place)),
                ("state", finding.state.word().into()),
                ("item", finding.item.clone().into()),
                (
                    if finding.state == State::WouldChange { "diff" } else { "reason" },
                    Value::str(&finding.detail),
                ),
            ])
        });
        let counts = self.counts().into_iter().map(|(host, counts)| {
            let counts = counts.into_iter().map(|(state, number)| (state.word(), Value::from(number)));
            (host, Value::object(counts))
        });
        Value::object([
            ("schema", Value::Int(SCHEMA)),
            ("exit_code", i64::from(self.exit_code()).into()),
            ("hosts", Value::object(counts)),
            ("findings", Value::list(findings.collect())),
        ])
    }

    fn counts(&self) -> BTreeMap<String, BTreeMap<State, u64>> {
        let mut counts: BTreeMap<String, BTreeMap<State, u64>> = BTreeMap::new();
        for finding in &self.findings {
            *counts.entry(finding.host.clone()).or_default().entry(finding.state).or_default() += 1;
        }
        counts
    }

    /// The report for people: what differs, what is unknown, a line per host.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for finding in self.findings.iter().filter(|f| !matches!(f.state, State::Converged | State::Skipped))
        {
            let item = finding.item.as_ref().map(|item| format!(" (item={item})")).unwrap_or_default();
            out.push_str(&format!(
                "{}: [{}] {}{item}\n    {}\n",
                finding.state.word(),
                finding.host,
                finding.task,
                finding.place
            ));
            for line in finding.detail.lines() {
                out.push_str(&format!("    {line}\n"));
            }
        }
        out.push_str("\nDRIFT\n");
        for (host, counts) in self.counts() {
            let parts: Vec<String> =
                counts.iter().map(|(state, number)| format!("{number} {}", state.word())).collect();
            out.push_str(&format!("{host:<26} : {}\n", parts.join(", ")));
        }
        out
    }
}

impl Reporter for DriftReport {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Item { host, task, result } => {
                let label = Some(result.label.clone().unwrap_or_default());
                self.add(host, task, result, label);
            }
            Event::Result { host, task, result } if result.items.as_ref().is_none_or(Vec::is_empty) => {
                self.add(host, task, result, None);
            }
            _ => {}
        }
    }
}
