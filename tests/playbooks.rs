//! Playbooks against what ansible-playbook 2.19 prints for them: each folder of `tests/playbooks/` is a case.
//!
//! `site.yml` is run with each line of `args` (or once), in a copy of the folder; standard output and exit codes are compared with
//! `expected.txt`, which `tests/playbooks/record.py` wrote by running the real one. Where they differ, `differs.diff` has the
//! difference and `differs.md` says why: on purpose, or not right yet. `EKUMEN_TEST_CASE=NAME` runs one; `EKUMEN_TEST_ACCEPT=1`
//! writes the differences that there are.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use support::program::{Programs, copy_tree};

/// The folders with a `site.yml`.
fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbooks");
    let wanted = std::env::var("EKUMEN_TEST_CASE").ok();
    let mut cases: Vec<_> = std::fs::read_dir(root)
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("site.yml").exists())
        .filter(|path| wanted.as_ref().is_none_or(|wanted| path.ends_with(wanted)))
        .collect();
    cases.sort();
    cases
}

/// What depends on the moment or the place is left out; `record.py` does the same.
fn normalise(text: &str, folder: &Path) -> String {
    let text = text.replace(&folder.display().to_string(), "{dir}");
    let times = fancy_regex::Regex::new(r#""(start|end|delta)": "[^"]*""#).expect("a pattern");
    let text = times.replace_all(&text, r#""$1": "…""#);
    // Errors inside a template are shown at the expression, not at the start of the value.
    let places =
        fancy_regex::Regex::new(r"(?m)(Origin: \S+:\d+):\d+$|^ *\^ column \d+\n").expect("a pattern");
    let text = places.replace_all(&text, "$1");
    let spans = fancy_regex::Regex::new(r"\b0:00:0\d\.\d+").expect("a pattern");
    spans.replace_all(&text, "…").into_owned()
}

/// The differences, or what the program printed.
fn run(case: &Path, programs: &Programs) -> String {
    let scratch = tempfile::tempdir().expect("a folder");
    let scratch_path = scratch.path().canonicalize().expect("it exists");
    let folder = scratch_path.join("project");
    copy_tree(case, &folder);
    if !folder.join("inventory").exists() {
        let shared = case.parent().expect("it is in a folder").join("inventory");
        std::fs::copy(shared, folder.join("inventory")).expect("a copy");
    }
    let lines = std::fs::read_to_string(folder.join("args")).unwrap_or_else(|_| "site.yml\n".to_owned());
    let mut out = String::new();
    for line in lines.lines() {
        let words = ekumen::source::args::split_args(line).expect("quotes are balanced");
        let words = words.iter().map(|word| ekumen::source::args::unquote(word));
        let run = programs
            .command("ansible-playbook", &folder)
            .args(["-i", "inventory"])
            .args(words)
            .output()
            .expect("the program starts");
        let code = run.status.code().expect("it ends by itself");
        let text = String::from_utf8_lossy(&run.stdout);
        writeln!(out, "$ ansible-playbook {line}\n{text}[exit {code}]").expect("strings take all");
    }
    normalise(&out, &folder)
}

/// Lines that differ, as a patch shows them.
fn difference(expected: &str, actual: &str) -> String {
    similar::TextDiff::from_lines(expected, actual)
        .unified_diff()
        .context_radius(2)
        .header("expected", "printed")
        .to_string()
}

#[test]
fn playbooks_print_what_ansible_prints() {
    let programs = Programs::new();
    let queue = Mutex::new(cases().into_iter().collect::<VecDeque<_>>());
    assert!(!queue.lock().expect("no panic").is_empty(), "there are cases");
    let failures = Mutex::new(Vec::new());
    let accept = std::env::var_os("EKUMEN_TEST_ACCEPT").is_some();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().expect("no panic").pop_front() else { break };
                    let name = case.file_name().expect("a name").to_string_lossy().into_owned();
                    let actual = run(&case, &programs);
                    let recorded =
                        std::fs::read_to_string(case.join("expected.txt")).expect("it was recorded");
                    let found = difference(&recorded, &actual);
                    let file = case.join("differs.diff");
                    let known = std::fs::read_to_string(&file).unwrap_or_default();
                    if found == known {
                        continue;
                    }
                    if accept && found.is_empty() {
                        std::fs::remove_file(&file).expect("it was there");
                    } else if accept {
                        std::fs::write(&file, &found).expect("a file");
                    }
                    let what = if known.is_empty() {
                        found
                    } else {
                        format!("not the difference that differs.diff has:\n{}", difference(&known, &found))
                    };
                    failures.lock().expect("no panic").push(format!("=== {name}\n{what}"));
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no panic");
    failures.sort();
    assert!(failures.is_empty(), "{} cases differ\n{}", failures.len(), failures.join("\n"));
}
