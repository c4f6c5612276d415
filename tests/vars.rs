//! What `ekumen vars` prints: each line of `tests/vars/commands.txt` in `tests/vars/project`, compared with `tests/vars/expected.txt`.
//! `EKUMEN_TEST_ACCEPT=1` writes what it prints now; read it.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::fmt::Write as _;
use std::path::Path;
use support::program::{Programs, copy_tree};

#[test]
fn variables_are_shown_with_their_places() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vars");
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().canonicalize().expect("it exists").join("project");
    copy_tree(&root.join("project"), &folder);
    let programs = Programs::new();
    let commands = std::fs::read_to_string(root.join("commands.txt")).expect("the commands");
    let mut printed = String::new();
    for line in commands.lines() {
        let words = ekumen::source::args::split_args(line).expect("quotes are balanced");
        let output = programs.command("ekumen", &folder).arg("vars").args(words).output().expect("it starts");
        let code = output.status.code().expect("it ends by itself");
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .replace(&folder.display().to_string(), "{dir}")
                .replace(&programs.home().display().to_string(), "{home}")
        };
        let (out, error) = (text(&output.stdout), text(&output.stderr));
        writeln!(printed, "$ ekumen vars {line}\n{out}{error}[exit {code}]\n").expect("strings take all");
    }
    let expected = root.join("expected.txt");
    if std::env::var_os("EKUMEN_TEST_ACCEPT").is_some() {
        std::fs::write(&expected, &printed).expect("it can be written");
    }
    let expected = std::fs::read_to_string(expected).unwrap_or_default();
    assert!(
        printed == expected,
        "{}",
        similar::TextDiff::from_lines(&expected, &printed).unified_diff().header("expected", "printed")
    );
}
