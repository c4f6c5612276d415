//! Every playbook of `playbooks/` runs; the second time it changes nothing.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::path::{Path, PathBuf};
use support::program::Programs;

fn playbooks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("the examples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    found.sort();
    found
}

/// The numbers of the line for localhost: `changed=0` and so on.
fn recap(stdout: &str, key: &str) -> u32 {
    let line = stdout.lines().rfind(|line| line.starts_with("localhost ")).expect("a recap");
    let (_, rest) = line.split_once(&format!("{key}=")).expect("the number");
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn examples_run_and_then_change_nothing() {
    let found = playbooks();
    assert!(found.len() >= 4, "{found:?}");
    for playbook in found {
        let programs = Programs::new();
        let run = || {
            let output = programs
                .command("ekumen", Path::new(env!("CARGO_MANIFEST_DIR")))
                .arg("run")
                .arg(&playbook)
                .output()
                .expect("the program starts");
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{}\n{stdout}{stderr}", playbook.display());
            assert_eq!(recap(&stdout, "failed"), 0);
            stdout
        };
        let first = run();
        assert!(recap(&first, "ok") > 0);
        let second = run();
        assert_eq!(recap(&second, "changed"), 0, "{}\n{second}", playbook.display());
        assert_eq!(recap(&second, "failed"), 0);
    }
}
