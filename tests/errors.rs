//! What is said about content that is wrong: each file of `tests/errors/` is a case.
//!
//! Such a file holds the files of a project, each below a line `=== NAME` (`args` is the command line, `site.yml` without it), and
//! then what the program says on standard error: below `=== stderr` if it says the same under both names, else below
//! `=== stderr of NAME`, and the exit codes below `=== exit`. What begins with `#!` can be executed. `EKUMEN_TEST_ACCEPT=1` writes what it says now; read it.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::program::Programs;

const NAMES: [&str; 2] = ["ekumen", "ansible-playbook"];

/// The parts of a case: name and text.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("=== ") {
            Some(name) => parts.push((name.trim_end().to_owned(), String::new())),
            None => parts.last_mut().expect("a file starts with a name").1.push_str(line),
        }
    }
    parts
}

fn run(case: &str, programs: &Programs) -> String {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().canonicalize().expect("it exists");
    let files: Vec<_> = sections(case)
        .into_iter()
        .filter(|(name, _)| !name.starts_with("stderr") && name != "exit")
        .collect();
    let mut out = String::new();
    let mut args = "site.yml".to_owned();
    for (name, text) in &files {
        let _ = write!(out, "=== {name}\n{text}");
        if name == "args" {
            args = text.trim_end().to_owned();
            continue;
        }
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        if text.starts_with("#!") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
    }
    let words = ekumen::source::args::split_args(&args).expect("quotes are balanced");
    let mut said = Vec::new();
    let mut codes = String::new();
    for name in NAMES {
        let mut command = programs.command(name, &folder);
        if name == "ekumen" {
            command.arg("run");
        }
        command.args(words.iter().map(|word| ekumen::source::args::unquote(word)));
        let output = command.output().expect("the program starts");
        let plain = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .replace(&folder.display().to_string(), "{dir}")
                .replace(&programs.home().display().to_string(), "{home}")
        };
        let text = plain(&output.stderr);
        // Some errors are part of the run's output, as Ansible has it.
        let shown = plain(&output.stdout);
        let text = if shown.contains("ERROR") { format!("{text}(stdout)\n{shown}") } else { text };
        said.push(
            text.replace("[WARNING]: No inventory was parsed, only implicit localhost is available\n", "").replace(
                "[WARNING]: provided hosts list is empty, only localhost is available. Note that the implicit localhost does \
                 not match 'all'\n",
                "",
            ),
        );
        let code = output.status.code().expect("it ends by itself");
        let _ = writeln!(codes, "{name}: {code}");
    }
    if said[0] == said[1] {
        let _ = write!(out, "=== stderr\n{}", said[0]);
    } else {
        for (name, text) in NAMES.iter().zip(&said) {
            let _ = write!(out, "=== stderr of {name}\n{text}");
        }
    }
    let _ = write!(out, "=== exit\n{codes}");
    out
}

#[test]
fn errors_are_said_for_people() {
    let programs = Programs::new();
    let accept = std::env::var_os("EKUMEN_TEST_ACCEPT").is_some();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors");
    let mut failures = Vec::new();
    let mut cases: Vec<_> =
        fs::read_dir(root).expect("the cases").map(|entry| entry.expect("an entry").path()).collect();
    cases.sort();
    assert!(cases.len() > 50, "there are cases");
    for file in cases {
        let case = fs::read_to_string(&file).expect("a case");
        let actual = run(&case, &programs);
        if actual != case {
            let patch = similar::TextDiff::from_lines(&case, &actual).unified_diff().to_string();
            failures.push(format!("{}\n{patch}", file.display()));
            if accept {
                fs::write(&file, actual).expect("a file");
            }
        }
    }
    assert!(failures.is_empty(), "{} cases differ\n{}", failures.len(), failures.join("\n"));
}
