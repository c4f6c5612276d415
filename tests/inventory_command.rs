//! What `ansible-inventory` says of wrong use, and of what it cannot decrypt.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::fs;
use support::program::Programs;

/// Exit code and what is printed to standard error.
fn run(files: &[(&str, &str)], args: &[&str]) -> (i32, String) {
    let programs = Programs::new();
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let output = programs.command("ansible-inventory", folder.path()).args(args).output().expect("it starts");
    (output.status.code().expect("it ends by itself"), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn wrong_use_is_named() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "No action selected, at least one of --host, --graph or --list needs to be specified."),
        (
            &["--list", "--graph"],
            "Conflicting options used, only one of --host, --graph or --list can be used at the same time.",
        ),
    ];
    for (args, text) in cases {
        let (code, said) = run(&[], &[&["-i", "localhost,"], *args].concat());
        assert!(code != 0 && said.contains(text), "{args:?}: {code}: {said}");
    }
}

#[test]
fn an_encrypted_variable_needs_a_password() {
    let inventory =
        "all:\n  hosts:\n    web:\n      secret: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        61\n";
    let (code, said) = run(&[("hosts.yml", inventory)], &["-i", "hosts.yml", "--graph", "--vars"]);
    assert!(
        code != 0 && said.contains("Attempting to decrypt but no vault secrets found."),
        "{code}: {said}"
    );
}
