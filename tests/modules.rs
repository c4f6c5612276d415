//! Modules against a real file system: every case is data (`tests/modules/FAMILY/*.yml`) and runs four passes:
//! check, apply, apply, check. A check writes nothing, what it predicts is what is done, and the second apply
//! changes nothing. The format is described in `tests/modules/README.md`.

#[path = "modules/control.rs"]
mod control;
#[path = "modules/things.rs"]
mod things;

use control::{Control, copy_action};
use ekumen::modules::kit::Host;
use ekumen::protocol::{Mode, Outcome, TaskRequest};
use ekumen::value::{Map, Value, to_json};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use things::{Neutral, Thing, map_strings, snapshot};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// What is in the directory before.
    #[serde(default)]
    setup: Vec<Thing>,
    /// What is on the control side, for `copy`.
    #[serde(default)]
    source: Vec<Thing>,
    module: String,
    #[serde(default)]
    args: Value,
    /// Members of the results of the passes.
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    check: Option<Value>,
    #[serde(default)]
    again: Option<Value>,
    /// Members that results must not have.
    #[serde(default)]
    lacks: Vec<String>,
    /// The whole diff of the change, a mapping per diff.
    #[serde(default)]
    diff: Option<Value>,
    /// What is in the directory after.
    #[serde(default)]
    files: Vec<Thing>,
    /// The message it fails with, in every pass that applies.
    #[serde(default)]
    failed: Option<String>,
    /// A failure that only applying can find.
    #[serde(default)]
    fails_late: bool,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    /// The second apply changes something by design (`touch`, a backup, a new temporary file).
    #[serde(default)]
    never_settles: bool,
    /// Predicted and made diffs differ by design (times).
    #[serde(default)]
    diff_varies: bool,
    /// A check cannot tell what will happen.
    #[serde(default)]
    unknown: bool,
    /// The file whose content the first apply sends.
    #[serde(default)]
    sent: Option<String>,
    /// Only for who may give files away.
    #[serde(default)]
    root: bool,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// What Ansible does differently, and why; for `compare.py`.
    #[serde(default)]
    #[allow(dead_code)]
    differs: Option<String>,
}

#[test]
fn cases() {
    let only = std::env::var("CASE").ok();
    let mut failures = Vec::new();
    let mut count = 0;
    let mut results = Vec::new();
    for file in case_files() {
        let text = std::fs::read_to_string(&file).expect("a case file");
        let cases: Vec<Case> =
            serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for case in cases {
            if only.as_ref().is_some_and(|only| !case.name.contains(only.as_str())) {
                continue;
            }
            if case.root && !rustix::process::geteuid().is_root() {
                continue;
            }
            count += 1;
            let mut run = Run::new(&case);
            run.passes();
            let name = format!("{}: {}", file.file_stem().unwrap_or_default().display(), case.name);
            failures.extend(run.problems.iter().map(|problem| format!("{name}: {problem}")));
            let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let outcomes = run.outcomes.into_iter().map(|outcome| run.neutral.value(&outcome)).collect();
            results.push(Value::object([
                ("file", file.into()),
                ("name", Value::str(&case.name)),
                ("results", Value::list(outcomes)),
                ("files", run.after.into()),
            ]));
        }
    }
    // For tests/modules/compare.py.
    if let Ok(path) = std::env::var("CASE_RESULTS") {
        std::fs::write(path, to_json(&Value::list(results))).expect("results can be written");
    }
    assert!(count > 0, "no case ran");
    assert!(failures.is_empty(), "{} problems in {count} cases:\n{}", failures.len(), failures.join("\n"));
}

fn case_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("the cases")
        .flatten()
        .filter(|family| family.path().is_dir())
        .flat_map(|family| std::fs::read_dir(family.path()).expect("a family").flatten())
        .map(|file| file.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    files.sort();
    files
}

struct Run<'c> {
    case: &'c Case,
    _temporary: tempfile::TempDir,
    dir: PathBuf,
    source: PathBuf,
    neutral: Neutral,
    problems: Vec<String>,
    outcomes: Vec<Value>,
    after: Vec<String>,
}

impl<'c> Run<'c> {
    fn new(case: &'c Case) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let root = temporary.path().canonicalize().expect("it exists");
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        let (dir, source) = (root.join("dir"), root.join("source"));
        let pairs = vec![("{dir}", dir.display().to_string()), ("{source}", source.display().to_string())];
        let neutral = Neutral { pairs };
        for (root, things) in [(&dir, &case.setup), (&source, &case.source)] {
            std::fs::create_dir(root).expect("a new directory");
            things.iter().for_each(|thing| thing.make(root, &neutral));
        }
        Self {
            case,
            _temporary: temporary,
            dir,
            source,
            neutral,
            problems: Vec::new(),
            outcomes: Vec::new(),
            after: Vec::new(),
        }
    }

    fn problem(&mut self, text: impl Into<String>) {
        let text = self.neutral.text(&text.into());
        self.problems.push(text);
    }

    fn passes(&mut self) {
        let before = snapshot(&self.dir);
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
                if !outcome.failed || found != expected {
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
        if first.changed != applied.changed && !self.case.unknown {
            let text = format!("predicted changed={}, made changed={}", first.changed, applied.changed);
            self.problem(text);
        }
        if first.diff != applied.diff && !self.case.diff_varies {
            self.problem(format!("predicted {:?}, made {:?}", first.diff, applied.diff));
        }
        let settled = snapshot(&self.dir);
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
            _ => args,
        };
        let request = TaskRequest {
            id: 1,
            identity: None,
            module: self.case.module.clone(),
            args,
            mode,
            diff: true,
            environment: self
                .case
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), self.neutral.fill(value)))
                .collect(),
            timeout: None,
            blobs,
        };
        let outcome = Host::execute(&request, &mut control);
        self.outcomes.push(seen(&outcome));
        let sends = self.case.sent.as_ref().filter(|_| mode == Mode::Apply);
        let expected = sends.map(|file| std::fs::read(self.dir.join(file)).expect("the file to send"));
        if control.received != expected.unwrap_or_default() {
            self.problem(format!("{pass} sent {} bytes", control.received.len()));
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
        let now = snapshot(&self.dir);
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
        let left = snapshot(&self.dir);
        if let Some(left) = left.keys().find(|path| path.contains(".ekumen-")) {
            self.problem(format!("{left} was left behind"));
        }
    }
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
