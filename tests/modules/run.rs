//! The four passes of a case.

use super::case::Case;
use super::control::{Control, copy_action, program_action, script_action};
use super::place::Place;
use super::things::{Neutral, map_strings, snapshot};
use ekumen::protocol::{Mode, Outcome, TaskRequest};
use ekumen::value::{Map, Value, to_json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A case, and what comes of it.
pub struct Run<'c> {
    case: &'c Case,
    place: Place,
    dir: PathBuf,
    source: PathBuf,
    pub neutral: Neutral,
    pub problems: Vec<String>,
    pub outcomes: Vec<Value>,
    /// What is in the directory after the first apply.
    pub after: Vec<String>,
}

impl<'c> Run<'c> {
    pub fn new(case: &'c Case, place: Place) -> Self {
        let (dir, source) = (place.outside(), place.source());
        let mut pairs =
            vec![("{dir}", place.inside().display().to_string()), ("{source}", source.display().to_string())];
        pairs.extend(place.words());
        let neutral = Neutral { pairs };
        for (root, things) in [(&dir, &case.setup), (&source, &case.source)] {
            std::fs::create_dir_all(root).expect("a new directory");
            things.iter().for_each(|thing| thing.make(root, &neutral));
        }
        let mut run = Self {
            case,
            place,
            dir,
            source,
            neutral,
            problems: Vec::new(),
            outcomes: Vec::new(),
            after: Vec::new(),
        };
        if let Some(script) = &case.before
            && let Err(why) = run.place.shell(&run.neutral.fill(script))
        {
            run.problem(format!("before: {why}"));
        }
        run
    }

    fn problem(&mut self, text: impl Into<String>) {
        let text = self.neutral.text(&text.into());
        self.problems.push(text);
    }

    pub fn passes(&mut self) {
        let before = self.place.snapshot();
        let first = self.pass("check", Mode::Check);
        self.unchanged("the first check wrote", &before);
        let applied = self.pass("apply", Mode::Apply);
        self.after = snapshot(&self.dir).into_iter().map(|(path, what)| format!("{path} {what}")).collect();
        if let Some(expected) = &self.case.failed {
            let message = |outcome: &Outcome| outcome.result.get("msg").map(ekumen::value::py_str);
            let expected = self.neutral.fill(expected);
            let mut outcomes = vec![("apply", &applied)];
            if !self.case.fails_late {
                outcomes.push(("check", &first));
            }
            for (pass, outcome) in outcomes {
                let found = message(outcome).unwrap_or_default();
                if !outcome.failed || !reads(&expected, &found) {
                    self.problem(format!("{pass} should fail with `{expected}`, but: {}", shown(outcome)));
                }
            }
            self.members("apply", &self.case.result, &applied);
            self.expect_files();
            return;
        }
        self.members("check", &self.case.check, &first);
        self.members("apply", &self.case.result, &applied);
        self.expect_files();
        if first.unknown.is_some() != self.case.unknown {
            self.problem(format!("the check says unknown: {:?}", first.unknown));
        }
        if first.changed != applied.changed && !self.case.unknown && !self.case.unforeseen {
            let text = format!("predicted changed={}, made changed={}", first.changed, applied.changed);
            self.problem(text);
        }
        if first.diff != applied.diff && !self.case.diff_varies && !self.case.unknown {
            self.problem(format!("predicted {:?}, made {:?}", first.diff, applied.diff));
        }
        let settled = self.place.snapshot();
        let again = self.pass("second apply", Mode::Apply);
        self.members("second apply", &self.case.again, &again);
        if self.case.never_settles {
            return;
        }
        if again.changed {
            self.problem(format!("the second apply changed something: {}", shown(&again)));
        }
        self.unchanged("the second apply wrote", &settled);
        let last = self.pass("second check", Mode::Check);
        if last.changed {
            self.problem(format!("the second check would change something: {}", shown(&last)));
        }
        self.unchanged("the second check wrote", &settled);
    }

    /// Runs the module once.
    fn pass(&mut self, pass: &str, mode: Mode) -> Outcome {
        let mut control = Control::default();
        let args = map_strings(&self.case.args, &|text| self.neutral.fill(text));
        let mut blobs = Vec::new();
        let args = match self.case.module.as_str() {
            "copy" => copy_action(args, &self.source, &mut control, &mut blobs),
            "script" => script_action(args, &mut control, &mut blobs),
            "program" => program_action(args, &mut control, &mut blobs),
            _ => args,
        };
        let request = TaskRequest {
            id: 1,
            identity: None,
            module: self.case.module.clone(),
            args,
            mode,
            diff: Some(104_448),
            environment: self
                .case
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), self.neutral.fill(value)))
                .collect(),
            timeout: None,
            blobs,
            job: None,
        };
        let outcome = self.place.execute(&request, &mut control);
        self.outcomes.push(seen(&outcome));
        let sends = self.case.sent.as_ref().filter(|_| mode == Mode::Apply);
        let expected = sends.map(|file| std::fs::read(self.dir.join(file)).expect("the file to send"));
        if control.received() != expected.unwrap_or_default() {
            self.problem(format!("{pass} sent {} bytes", control.received().len()));
        }
        if outcome.failed && self.case.failed.is_none() {
            self.problem(format!("{pass} failed: {}", shown(&outcome)));
        }
        if let Some(expected) = &self.case.warnings
            && pass == "apply"
            && expected.iter().map(|text| self.neutral.fill(text)).collect::<Vec<_>>() != outcome.warnings
        {
            self.problem(format!("{pass} warned {:?}", outcome.warnings));
        }
        for member in &self.case.lacks {
            if outcome.result.get(member).is_some() {
                self.problem(format!("{pass} has the member {member}: {}", shown(&outcome)));
            }
        }
        if let (Some(expected), true) = (&self.case.diff, outcome.changed) {
            let expected = map_strings(expected, &|text| self.neutral.fill(text));
            let found = diffs(&outcome);
            if expected != found && !pass.starts_with("second") {
                self.problem(format!("the diff of {pass} is {}", to_json(&found)));
            }
        }
        outcome
    }

    fn members(&mut self, pass: &str, expected: &Option<Value>, outcome: &Outcome) {
        let Some(expected) = expected.as_ref().and_then(Value::as_map) else { return };
        for (name, expected) in expected {
            let expected = map_strings(expected, &|text| self.neutral.fill(text));
            let found = outcome.result.as_map().and_then(|map| map.get(name));
            if found != Some(&expected) {
                let text = format!(
                    "{pass}: {} should be {}: {}",
                    ekumen::value::py_str(name),
                    to_json(&expected),
                    shown(outcome)
                );
                self.problem(text);
            }
        }
    }

    fn unchanged(&mut self, what: &str, before: &BTreeMap<String, String>) {
        let now = self.place.snapshot();
        if now == *before {
            return;
        }
        let removed = before.iter().filter(|(path, _)| !now.contains_key(*path)).map(|(path, _)| path);
        let other = now.iter().filter(|(path, what)| before.get(*path) != Some(what)).map(|(path, _)| path);
        let paths: Vec<&String> = removed.chain(other).collect();
        self.problem(format!("{what} {paths:?}"));
    }

    fn expect_files(&mut self) {
        for thing in &self.case.files {
            if let Err(problem) = thing.check(&self.dir, &self.neutral) {
                self.problem(format!("{}: {problem}", thing.path));
            }
        }
        for (command, expected) in &self.case.shows {
            let expected = self.neutral.fill(expected);
            match self.place.shell(&self.neutral.fill(command)) {
                Ok(found) if found == expected.trim_end() => {}
                Ok(found) => self.problem(format!("`{command}` prints `{found}`, not `{expected}`")),
                Err(why) => self.problem(format!("`{command}` fails: {why}")),
            }
        }
        let left = self.place.snapshot();
        if let Some(left) = left.keys().find(|path| path.contains(".ekumen-")) {
            self.problem(format!("{left} was left behind"));
        }
    }
}

/// Whether a text is as expected, where `…` stands for anything.
fn reads(expected: &str, found: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last == Some("")
}

/// A result as one value, with what travels beside it.
fn seen(outcome: &Outcome) -> Value {
    let mut map = outcome.result.as_map().cloned().unwrap_or_default();
    map.insert("changed".into(), outcome.changed.into());
    map.insert("failed".into(), outcome.failed.into());
    if !outcome.diff.is_empty() {
        map.insert("diff".into(), diffs(outcome));
    }
    if !outcome.warnings.is_empty() {
        map.insert("warnings".into(), outcome.warnings.clone().into());
    }
    Value::map(map)
}

fn shown(outcome: &Outcome) -> String {
    to_json(&seen(outcome))
}

fn diffs(outcome: &Outcome) -> Value {
    let diffs = outcome.diff.iter().map(|diff| {
        let mut map = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                map.insert(name.into(), value);
            }
        };
        set("before_header", diff.before_header.clone().into());
        set("after_header", diff.after_header.clone().into());
        set("before", diff.before.clone());
        set("after", diff.after.clone());
        set("prepared", diff.prepared.clone().into());
        Value::map(map)
    });
    Value::list(diffs.collect())
}
