//! `ansible-config`: what it says of a configuration file.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::process::Command;
use support::program::Programs;

#[test]
fn settings_and_where_they_were_set() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().canonicalize().expect("it exists");
    let file = folder.join("ansible.cfg");
    std::fs::write(&file, "[defaults]\nforks = 7\nnosuch = 1\n[ssh_connection]\nretries = 3\n[odd]\na = 1\n")
        .expect("a file");
    let programs = Programs::new();
    let system = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{system}", programs.home().parent().expect("it is in a folder").display());
    let run = |line: &str| {
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(&folder)
            .env_clear()
            .envs([("PATH", path.as_str()), ("ANSIBLE_HOST_KEY_CHECKING", "no")])
            .env("HOME", programs.home())
            .output()
            .expect("a shell");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*folder.to_string_lossy(), "DIR");
        format!("{}{}exit {}", text(&output.stdout), text(&output.stderr), output.status.code().unwrap_or(-1))
    };
    assert_eq!(
        run("ekumen config dump --only-changed"),
        "CONFIG_FILE() = DIR/ansible.cfg\nDEFAULT_FORKS(DIR/ansible.cfg) = 7\n\
         HOST_KEY_CHECKING(env: ANSIBLE_HOST_KEY_CHECKING) = False\nexit 0"
    );
    let connection = run("ekumen config dump --only-changed -t connection");
    assert!(connection.contains("\nreconnection_retries(DIR/ansible.cfg) = 3\n"), "{connection}");
    let json = run("ekumen config dump --only-changed -f json");
    assert!(
        json.contains(
            "\"name\": \"DEFAULT_FORKS\",\n        \"origin\": \"DIR/ansible.cfg\",\n        \"value\": 7"
        ),
        "{json}"
    );
    assert_eq!(
        run("ekumen config validate"),
        "[ERROR]: Found unknown key 'nosuch' in section 'defaults' in 'DIR/ansible.cfg.\n\
         [ERROR]: Found unknown section 'odd' in 'DIR/ansible.cfg.\nexit 1"
    );
    assert!(run("ekumen config view").starts_with("[defaults]\nforks = 7\n"));
    assert_eq!(
        run("ekumen config view -c nosuch.cfg"),
        "[ERROR]: The provided configuration file is missing or not accessible: nosuch.cfg\nexit 1"
    );
    // What it proposes is a configuration that it knows.
    assert_eq!(
        run("ekumen config init -t all --disabled > b.cfg && ekumen config validate -c b.cfg"),
        "All configurations seem valid!\nexit 0"
    );
}
