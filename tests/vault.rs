//! `ansible-vault`: each line of `tests/vault/commands.txt`, compared with what the real one does (`tests/vault/record.py`).

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use support::program::Programs;

const FILES: &[(&str, &str)] = &[
    ("p1", "one\n"),
    ("p2", "two\n"),
    ("f", "a: 1\n"),
    ("g", "g: 1\n"),
    ("g2", "g: 2\n"),
    ("script", "#!/bin/sh\necho one\n"),
    ("my-client", "#!/bin/sh\necho \"$2\"\n"),
];

#[test]
fn vaults_are_made_and_opened_as_ansible_vault_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vault");
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().canonicalize().expect("it exists");
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text).expect("a file");
        if text.starts_with("#!") {
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(folder.join(name), mode).expect("executable");
        }
    }
    let programs = Programs::new();
    let system = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{system}", programs.home().parent().expect("it is in a folder").display());
    let mut printed = String::new();
    for line in std::fs::read_to_string(root.join("commands.txt")).expect("the commands").lines() {
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(&folder)
            .env_clear()
            .envs([("PATH", path.as_str()), ("LANG", "C.UTF-8"), ("ANSIBLE_NOCOLOR", "1")])
            .env("HOME", &folder)
            .env("ANSIBLE_VAULT_ENCRYPT_SALT", "salt")
            .stdin(Stdio::null())
            .output()
            .expect("there is a shell");
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder.display().to_string(), "{dir}");
        let errors = text(&output.stderr);
        let errors: String = errors
            .lines()
            .filter(|line| line.starts_with("[ERROR]"))
            .map(|line| format!("{line}\n"))
            .collect();
        let code = output.status.code().expect("it ends by itself");
        writeln!(printed, "$ {line}\n{}{errors}[exit {code}]\n", text(&output.stdout))
            .expect("strings take all");
    }
    let expected = std::fs::read_to_string(root.join("expected.txt")).expect("recorded");
    assert!(
        printed == expected,
        "{}",
        similar::TextDiff::from_lines(&expected, &printed).unified_diff().header("ansible", "ours")
    );
}
