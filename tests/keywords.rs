//! Every keyword at every place, with values that are right, wrong and unknown, against what ansible-playbook 2.19 says.
//!
//! `tests/keywords/record.py` makes the plays and runs the real one; `differs.txt` says what differs on purpose. `EKUMEN_TEST_KEYWORDS` names a
//! file with more of them, `EKUMEN_TEST_CASE=task.become.list` runs one.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use support::program::Programs;

/// What stands beside each playbook.
const FILES: &[(&str, &str)] = &[
    ("inventory", "h1 ansible_connection=local\nh2 ansible_connection=local\n"),
    ("t.yml", "[{\"debug\": {\"msg\": \"inside\"}, \"changed_when\": true}]"),
    ("roles/r/tasks/main.yml", "[{\"debug\": {\"msg\": \"role\"}, \"changed_when\": true}]"),
    ("vars.yml", "b: 2\n"),
    (
        "other.yml",
        "[{\"hosts\": \"h1\", \"gather_facts\": false, \"tasks\": [{\"debug\": {\"msg\": \"other\"}}]}]",
    ),
];

/// How many differences are shown whole.
const SHOWN: usize = 60;

struct Case {
    name: String,
    playbook: String,
    answer: String,
}

fn read(text: &str) -> Vec<Case> {
    let parts = text.split("=== ").skip(1);
    let case = |part: &str| {
        let (name, rest) = part.split_once('\n').expect("a name");
        let (playbook, answer) = rest.split_once("\n---\n").expect("a playbook and an answer");
        Case { name: name.to_owned(), playbook: format!("{playbook}\n"), answer: answer.to_owned() }
    };
    parts.map(case).collect()
}

/// What is compared: results and recap, the first error, warnings, the exit code (`record.py` does the same with the real one's).
fn condensed(out: &str, err: &str, code: i32) -> String {
    let starts =
        ["ok", "changed", "fatal", "failed", "skipping", "included", "TASK", "PLAY", "RUNNING", "h1 "];
    let moments = fancy_regex::Regex::new("Must be one of [^\"]*").expect("an expression");
    let plain = |line: &str| moments.replace_all(line.trim_end(), "Must be one of …").into_owned();
    let lines = out.lines().filter(|line| starts.iter().any(|start| line.starts_with(start)));
    let mut lines: Vec<String> = lines.map(plain).collect();
    let said = || out.lines().chain(err.lines()).filter(|line| line.starts_with('[') && line.contains("]: "));
    lines.extend(said().find(|line| line.starts_with("[ERROR]")).map(plain));
    let mut warnings: Vec<String> = said()
        .filter(|line| !line.starts_with("[ERROR]") && !line.contains("Deprecation warnings can be disabled"))
        .map(plain)
        .collect();
    warnings.sort();
    lines.extend(warnings);
    format!("{}\n[exit {code}]\n", lines.join("\n")).trim_start().to_owned()
}

fn run(case: &Case, programs: &Programs) -> String {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().canonicalize().expect("it exists");
    for (name, text) in FILES.iter().chain(&[("site.yml", case.playbook.as_str())]) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let output = programs
        .command("ansible-playbook", &folder)
        .args(["-i", "inventory", "site.yml"])
        .output()
        .expect("the program starts");
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .replace(&folder.display().to_string(), "{dir}")
            .replace(&programs.home().display().to_string(), "{home}")
    };
    condensed(&text(&output.stdout), &text(&output.stderr), output.status.code().expect("it ends by itself"))
}

/// The cases that differ on purpose, by name, and why: a line for a reason, indented lines for the names.
fn differing(text: &str) -> BTreeMap<String, String> {
    let mut why = String::new();
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ") {
            Some(names) => {
                found.extend(names.split_whitespace().map(|name| (name.to_owned(), why.clone())));
            }
            None => line.clone_into(&mut why),
        }
    }
    found
}

#[test]
fn keywords_do_what_they_do_with_ansible() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keywords");
    let more = std::env::var_os("EKUMEN_TEST_KEYWORDS");
    let answers = more.as_ref().map_or_else(|| root.join("answers.txt"), Into::into);
    let only = std::env::var("EKUMEN_TEST_CASE").ok();
    let cases = read(&fs::read_to_string(answers).expect("recorded answers"));
    let cases: Vec<Case> =
        cases.into_iter().filter(|case| only.as_ref().is_none_or(|name| *name == case.name)).collect();
    let differing = differing(&fs::read_to_string(root.join("differs.txt")).expect("the differences"));
    let programs = Programs::new();
    let next = Mutex::new(cases.iter());
    let failures: Mutex<BTreeMap<String, String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = next.lock().ok().and_then(|mut cases| cases.next()) {
                    let printed = run(case, &programs);
                    if printed != case.answer {
                        let patch = similar::TextDiff::from_lines(&case.answer, &printed)
                            .unified_diff()
                            .header("ansible", "ekumen")
                            .to_string();
                        failures.lock().expect("no thread panicked").insert(case.name.clone(), patch);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panicked");
    let unexpected: Vec<String> = failures
        .iter()
        .filter(|(name, _)| !differing.contains_key(*name))
        .map(|(name, patch)| format!("{name}\n{patch}"))
        .collect();
    assert!(
        unexpected.is_empty(),
        "{} of {} cases differ\n{}",
        unexpected.len(),
        cases.len(),
        unexpected[..unexpected.len().min(SHOWN)].join("\n")
    );
    let names: BTreeSet<&String> = cases.iter().map(|case| &case.name).collect();
    let equal: Vec<&String> =
        differing.keys().filter(|name| names.contains(name) && !failures.contains_key(*name)).collect();
    assert!(equal.is_empty(), "these do not differ any more: {equal:?}");
}
