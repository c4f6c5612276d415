//! One module on the hosts of a pattern: `ansible`, `ekumen do`.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use support::program::Programs;

/// A folder to work in.
struct Site {
    programs: Programs,
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { programs: Programs::new(), folder: tempfile::tempdir().expect("a folder") };
        fs::write(site.path().join("hosts"), "web ansible_connection=local\n").expect("an inventory");
        site
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = self.programs.command(name, self.path());
        if name == "ekumen" {
            command.arg("do");
        }
        command.args(["-i", "hosts", "web"]).args(arguments).output().expect("the program starts")
    }

    /// What it prints, with the exit code.
    fn said(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run("ansible", arguments);
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    }
}

#[test]
fn in_the_background() {
    let site = Site::new();
    let said = site.said(&["-B", "30", "-P", "1", "-m", "shell", "-a", "sleep 1; echo done"], 0);
    // As Ansible: the result of a job is shown whole, even that of a command.
    assert!(said.starts_with("web | CHANGED => {\n    \"ansible_job_id\": \"j"), "{said}");
    assert!(said.contains("\"finished\": true") && said.contains("\"stdout\": \"done\""), "{said}");
    let said = site.said(&["-B", "30", "-P", "1", "-m", "command", "-a", "false"], 2);
    assert!(said.contains("web | FAILED | rc=1 >>\nnon-zero return code\n"), "{said}");
    let said = site.said(&["-B", "1", "-P", "1", "-m", "command", "-a", "sleep 8306.5"], 2);
    assert!(said.contains("web | FAILED | rc=-1 >>\nTimeout exceeded\n"), "{said}");
    let said = site.said(&["-B", "30", "-m", "debug", "-a", "msg=x"], 2);
    assert!(said.contains("This action (debug) does not support async."), "{said}");

    // Nobody waits for it, and it goes on.
    let mark = site.path().join("mark");
    let command = format!("sleep 1; touch {}", mark.display());
    let said = site.said(&["-B", "30", "-P", "0", "-m", "shell", "-a", &command], 0);
    assert!(said.contains("\"finished\": false") && !mark.exists(), "{said}");
    let job = said.split('"').find(|word| word.starts_with('j') && word.contains('.')).expect("its number");
    for _ in 0..100 {
        if mark.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(mark.exists());
    let said = site.said(&["-m", "async_status", "-a", &format!("jid={job} mode=cleanup")], 0);
    assert!(said.contains("\"erased\": "), "{said}");
}

#[test]
fn results_in_a_folder() {
    let site = Site::new();
    let read = || fs::read_to_string(site.path().join("tree/new/web")).expect("the host's file");
    let said = site.said(&["-t", "tree/new", "-m", "ping"], 0);
    assert_eq!(read(), r#"{"changed": false, "ping": "pong"}"#);
    assert!(said.contains("web | SUCCESS => {"), "{said}");
    let deprecated = "The '-t' argument is deprecated. This feature will be removed from ansible-core version 2.23. \
                      Use callback configuration to enable the tree callback instead.";
    let goes = "The tree callback plugin is deprecated. This feature will be removed from ansible-core version 2.23.";
    assert!(said.contains(deprecated) && said.contains(goes), "{said}");
    site.said(&["--tree", "tree/new", "-m", "fail", "-a", "msg=x"], 2);
    assert_eq!(read(), r#"{"changed": false, "msg": "x"}"#);
    let output = site.run("ekumen", &["-t", "tree/new", "-m", "ping"]);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = site.said(&["-t", "hosts/no", "-m", "ping"], 0);
    assert!(said.contains("[WARNING]: Unable to access or create the configured directory ("), "{said}");
    fs::create_dir_all(site.path().join("taken/web")).expect("a folder");
    let said = site.said(&["-t", "taken", "-m", "ping"], 0);
    assert!(said.contains("[WARNING]: Unable to write to web's file: "), "{said}");
}

#[test]
fn modules_from_other_folders() {
    let site = Site::new();
    let folder = site.path().join("modules");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("mine.sh"), "#!/bin/sh\necho '{\"changed\": true, \"msg\": \"from mine\"}'\n")
        .expect("a module");
    fs::set_permissions(folder.join("mine.sh"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    for path in ["modules", "/nonexistent:modules"] {
        let said = site.said(&["-M", path, "-m", "mine"], 0);
        assert!(said.contains("\"msg\": \"from mine\""), "{said}");
    }
    let said = site.said(&["-m", "mine"], 2);
    assert!(said.contains("couldn't resolve module/action 'mine'"), "{said}");
    assert_eq!(site.run("ekumen", &["-m", "mine"]).status.code(), Some(20));
}

#[rustfmt::skip]
const EMPTY: &str = "[WARNING]: provided hosts list is empty, only localhost is available. Note that the implicit localhost does not match 'all'\n";

#[test]
fn an_empty_inventory() {
    let site = Site::new();
    fs::write(site.path().join("hosts"), "").expect("an inventory");
    let warning = EMPTY;
    let run = |pattern: &str| {
        let mut command = site.programs.command("ansible", site.path());
        let output =
            command.args(["-i", "hosts", "-m", "ping", pattern]).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(run("all"), warning);
    assert_eq!(run("localhost"), "");
    fs::write(site.path().join("hosts"), "web ansible_connection=local").expect("an inventory");
    assert_eq!(
        run("other*"),
        "[WARNING]: Could not match supplied host pattern, ignoring: other*\n[WARNING]: No hosts matched, nothing to do\n"
    );
}

#[test]
fn a_template_names_the_module() {
    let site = Site::new();
    let said = site.said(&["-m", "{{ 'debug' }}", "-a", "msg='a b'"], 0);
    assert!(said.contains("\"msg\": \"a b\""), "{said}");
    assert!(!said.contains("DEPRECATION"), "{said}");
}

#[test]
fn facts_of_this_machine_are_forgotten() {
    let site = Site::new();
    let run = |arguments: &[&str]| {
        let mut command = site.programs.command("ansible", site.path());
        command.env("ANSIBLE_CACHE_PLUGIN", "jsonfile").env("ANSIBLE_CACHE_PLUGIN_CONNECTION", "facts");
        let output = command.arg("localhost").args(arguments).output().expect("the program starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&["-m", "setup", "-a", "gather_subset=!all,!min,distribution"]);
    assert!(run(&["-m", "debug", "-a", "msg={{ ansible_facts.distribution is defined }}"]).contains("true"));
    assert!(run(&["--flush-cache", "-m", "debug", "-a", "msg={{ ansible_facts }}"]).contains("\"msg\": {}"));
}
