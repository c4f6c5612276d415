//! What is said beside the results, and the settings that silence it, against ansible-core 2.19: each file of `tests/warnings/` is a case.
//!
//! Such a file holds the files of a project, each below a line `=== NAME`, `commands` with lines of shell, `answers` with what they print
//! with the real programs (`tests/warnings/record.py` records it: both streams together and the exit code), and where it differs here,
//! `differs: WHY` with the difference. `EKUMEN_TEST_CASE=NAME` runs one; `EKUMEN_TEST_ACCEPT=1` writes the differences that there are.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use support::program::Programs;

/// The parts of a case: name and text.
fn sections(text: &str) -> Vec<(&str, String)> {
    let mut parts: Vec<(&str, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("=== ") {
            Some(name) => parts.push((name.trim_end(), String::new())),
            None => parts.last_mut().expect("a file starts with a name").1.push_str(line),
        }
    }
    parts
}

/// What depends on the moment or the place is left out; `record.py` does the same.
fn normalise(text: &str, folder: &Path, home: &Path) -> String {
    let text =
        text.replace(&folder.display().to_string(), "{dir}").replace(&home.display().to_string(), "{home}");
    let rules = [
        (r"(?m)(Origin: \S+:\d+):\d+$|^ *\^ column \d+\n", "$1"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+|\b0:00:0\d\.\d+", "…"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} p=\d+ u=\S*", "(when) p=(pid) u=(user)"),
        // More than the real one says: where the first of two keys is, and that help is help.
        (r"(?m)^The first one is here: .*\n\n(?:[ \d].*\n)+|^Help: ", ""),
    ];
    rules.iter().fold(text, |text, (pattern, by)| {
        fancy_regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *by).into_owned()
    })
}

fn run(case: &str) -> String {
    let programs = Programs::new();
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().canonicalize().expect("it exists").join("project");
    fs::create_dir(&folder).expect("a folder");
    let mut commands = String::new();
    for (name, text) in sections(case) {
        match name.split(':').next() {
            Some("commands") => commands = text,
            Some("answers" | "differs") => {}
            _ => {
                let path = folder.join(name);
                fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
                fs::write(&path, &text).expect("a file");
                if text.starts_with("#!") {
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
                }
            }
        }
    }
    let mut out = String::new();
    for line in commands.lines() {
        let output = programs
            .shell(&folder)
            .env("ANSIBLE_FORKS", "1")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .output()
            .expect("there is a shell");
        let code = output.status.code().expect("it ends by itself");
        let _ = writeln!(out, "$ {line}\n{}[exit {code}]", String::from_utf8_lossy(&output.stdout));
    }
    normalise(&out, &folder, &programs.home())
}

/// Lines that differ, as a patch shows them.
fn difference(expected: &str, actual: &str) -> String {
    similar::TextDiff::from_lines(expected, actual)
        .unified_diff()
        .context_radius(2)
        .header("ansible", "ekumen")
        .to_string()
}

/// What is to be said of a case, if anything; with `accept` the difference is written down.
fn compare(file: &Path, accept: bool) -> Option<String> {
    let case = fs::read_to_string(file).expect("a case");
    let parts = sections(&case);
    let part = |wanted: &str| parts.iter().find(|(name, _)| name.split(':').next() == Some(wanted));
    let (_, answers) = part("answers").expect("it was recorded");
    let (why, known) = part("differs").map_or(("", ""), |(name, text)| (*name, text.as_str()));
    let found = difference(answers, &run(&case));
    if found == known {
        return None;
    }
    if accept {
        let kept = case.split("=== differs").next().expect("there is a first part");
        let heading = if why.is_empty() { "differs: ?" } else { why };
        let added = if found.is_empty() { String::new() } else { format!("=== {heading}\n{found}") };
        fs::write(file, format!("{kept}{added}")).expect("a file");
    }
    let name = file.file_stem().expect("a name").to_string_lossy();
    Some(if known.is_empty() {
        format!("=== {name}\n{found}")
    } else {
        format!("=== {name}: not the difference that is known\n{}", difference(known, &found))
    })
}

#[test]
fn what_is_said_is_what_ansible_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warnings");
    let accept = std::env::var_os("EKUMEN_TEST_ACCEPT").is_some();
    let wanted = std::env::var("EKUMEN_TEST_CASE").ok();
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .filter(|path| {
            wanted.as_ref().is_none_or(|name| path.file_stem().is_some_and(|stem| stem == name.as_str()))
        })
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "there are cases");
    let queue = Mutex::new(cases.iter());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(file) = queue.lock().ok().and_then(|mut cases| cases.next()) {
                    failures.lock().expect("no thread panicked").extend(compare(file, accept));
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no thread panicked");
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} cases differ\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}
