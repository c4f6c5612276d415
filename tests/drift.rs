//! `ekumen drift`: what it finds, what it says, and that it changes nothing.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use support::program::Programs;

/// A project with this playbook, run on this machine.
struct Project {
    scratch: tempfile::TempDir,
    programs: Programs,
}

struct Drift {
    code: i32,
    text: String,
    report: serde_json::Value,
}

impl Project {
    fn new(tasks: &str) -> Project {
        let scratch = tempfile::tempdir().expect("a folder");
        let project = Project { scratch, programs: Programs::new() };
        let head =
            "- hosts: localhost\n  gather_facts: false\n  vars: {here: '{{ playbook_dir }}/out'}\n  tasks:\n";
        let tasks: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
        fs::write(project.path().join("site.yml"), format!("{head}{tasks}")).expect("a file");
        project
    }

    fn path(&self) -> PathBuf {
        self.scratch.path().canonicalize().expect("it exists")
    }

    /// Applies the playbook.
    fn run(&self) {
        let output = self.programs.command("ekumen", &self.path()).args(["run", "site.yml"]).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// Reports, and checks that nothing was written but the report.
    fn drift(&self) -> Drift {
        self.drift_with(&[])
    }

    fn drift_with(&self, arguments: &[&str]) -> Drift {
        let file = self.scratch.path().join("report.json");
        let _ = fs::remove_file(&file);
        let before = tree(&self.path());
        let output = self
            .programs
            .command("ekumen", &self.path())
            .args(["drift", "site.yml", "--report", "json=report.json"])
            .args(arguments)
            .output()
            .expect("the program starts");
        let report = fs::read(&file).expect("a report");
        fs::remove_file(&file).expect("it is there");
        assert_eq!(before, tree(&self.path()), "nothing is written");
        let text =
            String::from_utf8_lossy(&output.stdout).replace(&self.path().display().to_string(), "{dir}");
        let report: serde_json::Value = serde_json::from_slice(&report).expect("the report is JSON");
        let code = output.status.code().expect("it ends by itself");
        assert_eq!(report["exit_code"], code, "the report says the exit code");
        Drift { code, text, report }
    }
}

impl Drift {
    /// State by task, in order.
    fn states(&self) -> Vec<String> {
        self.report["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .map(|finding| {
                let word = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
                format!("{}: {}", word("task"), word("state"))
            })
            .collect()
    }
}

/// Every path below a folder, with what a change would change (contents, mode, owner, time of the last change).
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("it exists");
            let content = if metadata.is_file() { fs::read(&path).expect("a file") } else { Vec::new() };
            found.insert(path.clone(), (metadata.mode(), metadata.ctime(), metadata.ctime_nsec(), content));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

const FILES: &str = "\
- name: Folder
  file: {path: '{{ here }}', state: directory, mode: '0755'}
- name: File
  copy: {content: \"one\\ntwo\\n\", dest: '{{ here }}/file', mode: '0644'}
- name: Line
  lineinfile: {path: '{{ here }}/file', line: three}
";

#[test]
fn nothing_differs_after_a_run() {
    let project = Project::new(
        "- name: Folder\n  file: {path: '{{ here }}', state: directory, mode: '0755'}\n- name: File\n  copy: {content: x, dest: '{{ here }}/file', mode: '0644'}\n- name: Say\n  debug: msg=x\n- name: Not here\n  debug: msg=x\n  when: false\n- name: With creates\n  command: touch {{ here }}/made\n  args: {creates: '{{ here }}/made'}\n",
    );
    project.run();
    let drift = project.drift();
    assert_eq!(drift.code, 0, "{}", drift.text);
    assert_eq!(
        drift.states(),
        [
            "Folder: in desired state",
            "File: in desired state",
            "Say: in desired state",
            "Not here: skipped",
            "With creates: in desired state"
        ]
    );
    assert_eq!(drift.text, "\nDRIFT\nlocalhost                  : 4 in desired state, 1 skipped\n");
    assert_eq!(drift.report["schema"], 1);
    assert_eq!(drift.report["hosts"]["localhost"]["in desired state"], 4);
}

#[test]
fn what_would_change_is_shown_with_its_difference() {
    let project = Project::new(FILES);
    project.run();
    fs::write(project.path().join("out/file"), "one\nother\nthree\n").expect("a change by hand");
    let drift = project.drift();
    assert_eq!(drift.code, 10, "{}", drift.text);
    assert_eq!(drift.states(), ["Folder: in desired state", "File: would change", "Line: in desired state"]);
    for line in ["would change: [localhost] File", "{dir}/site.yml:7", "-other", "+two"] {
        assert!(drift.text.contains(line), "{line}\n{}", drift.text);
    }
    let diff = drift.report["findings"][1]["diff"].as_str().expect("a difference");
    assert!(diff.contains("-other\n-three\n+two\n"), "{diff}");
}

#[test]
fn modes_and_missing_files_are_drift() {
    let project = Project::new(FILES);
    project.run();
    let file = project.path().join("out/file");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    let drift = project.drift();
    assert_eq!(drift.code, 10);
    assert!(drift.states().contains(&"File: would change".to_owned()), "{:?}", drift.states());
    fs::remove_dir_all(project.path().join("out")).expect("gone");
    let drift = project.drift_with(&["--tags", "all", "--limit", "localhost"]);
    assert_eq!(drift.states()[0], "Folder: would change", "{}", drift.text);
}

#[test]
fn what_depends_on_an_unknown_result_is_unknown() {
    let project = Project::new(
        "- name: Command
  command: echo x
  register: r
- name: Condition
  debug: msg=x
  when: r.rc == 0
- name: Condition on the change
  debug: msg=x
  when: r is changed
- name: Template
  copy: {content: '{{ r.stdout }}', dest: '{{ playbook_dir }}/f', mode: '0644'}
- name: Loop
  debug: msg={{ item }}
  loop: '{{ r.stdout_lines }}'
- name: Known whatever it was
  debug: msg=x
  when: false and r.rc == 0
- name: Independent
  debug: msg=x
",
    );
    let drift = project.drift();
    assert_eq!(drift.code, 11, "{}", drift.text);
    assert_eq!(
        drift.states(),
        [
            "Command: unknown",
            "Condition: unknown",
            "Condition on the change: unknown",
            "Template: unknown",
            "Loop: unknown",
            "Known whatever it was: skipped",
            "Independent: in desired state"
        ]
    );
    assert!(
        drift.text.contains("only running the command tells whether it changes anything"),
        "{}",
        drift.text
    );
    let reason = drift.report["findings"][1]["reason"].as_str().expect("a reason");
    assert!(!reason.is_empty());
}

#[test]
fn a_fact_set_from_an_unknown_result_is_unknown() {
    let project = Project::new(
        "- name: Command
  command: echo x
  register: r
- name: Fact
  set_fact: {f: '{{ r.stdout }}'}
- name: Whether it is there
  debug: msg=x
  when: f is defined
- name: Whether it is not
  debug: msg=x
  when: f is not defined
",
    );
    assert_eq!(
        project.drift().states(),
        ["Command: unknown", "Fact: unknown", "Whether it is there: unknown", "Whether it is not: unknown"]
    );
}

#[test]
fn what_fails_after_a_pending_change_is_unknown() {
    let project = Project::new(
        "- name: Folder
  file: {path: '{{ here }}', state: directory}
- name: Needs it
  file: {path: '{{ here }}/x', state: file}
",
    );
    let drift = project.drift();
    assert_eq!(drift.states(), ["Folder: would change", "Needs it: unknown"]);
    assert_eq!(drift.code, 10);
}

#[test]
fn drift_outweighs_what_is_unknown() {
    let project = Project::new(
        "- name: Command\n  command: echo x\n- name: File\n  copy: {content: x, dest: '{{ playbook_dir }}/f', mode: '0644'}\n",
    );
    assert_eq!(project.drift().code, 10);
}

#[test]
fn commands_that_change_nothing_are_asked() {
    // `check_mode: false` is the author's word that a command only looks.
    let project = Project::new(
        "- name: Look\n  command: echo yes\n  check_mode: false\n  changed_when: false\n  register: r\n- name: Depends\n  debug: msg=x\n  when: r.stdout == 'yes'\n",
    );
    let drift = project.drift();
    assert_eq!(drift.code, 0, "{}", drift.text);
    assert_eq!(drift.states(), ["Look: in desired state", "Depends: in desired state"]);
}

#[test]
fn secrets_stay_out_of_the_report() {
    let project = Project::new(
        "- name: Secret\n  copy: {content: hunter2, dest: '{{ playbook_dir }}/s', mode: '0600'}\n  no_log: true\n",
    );
    let drift = project.drift();
    assert_eq!(drift.code, 10);
    assert!(!drift.text.contains("hunter2") && !drift.report.to_string().contains("hunter2"));
}

#[test]
fn failures_and_lost_hosts_have_codes_of_their_own() {
    let project = Project::new("- name: Wrong\n  fail: msg=no\n");
    let drift = project.drift();
    assert_eq!((drift.code, drift.states()), (2, vec!["Wrong: failed".to_owned()]));
    assert!(drift.text.contains("failed: [localhost] Wrong"), "{}", drift.text);

    let project = Project::new(
        "- name: Away\n  ping:\n  vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}\n",
    );
    let drift = project.drift();
    assert_eq!((drift.code, drift.states()), (3, vec!["Away: unreachable".to_owned()]));
    assert!(drift.text.contains("Connection refused"), "{}", drift.text);
}

#[test]
fn wrong_reports_are_refused() {
    let project = Project::new("- ping:\n");
    let output = project
        .programs
        .command("ekumen", &project.path())
        .args(["drift", "site.yml", "--report", "xml=x"])
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("reports are written as json=FILE"), "{text}");
}

#[test]
fn a_program_is_run_in_a_check_only_if_it_knows_of_checks() {
    let project = Project::new("- name: Plain\n  plain:\n- name: Knows\n  knows:\n");
    let library = project.path().join("library");
    fs::create_dir(&library).expect("a folder");
    let plain = "#!/bin/sh\ntouch \"$(dirname \"$0\")/../ran\"; echo '{\"changed\": true}'\n";
    fs::write(library.join("plain.sh"), plain).expect("a file");
    let knows =
        "#!/bin/sh\n. \"$1\"\nprintf '{\"changed\": true, \"msg\": \"%s\"}' \"$_ansible_check_mode\"\n";
    fs::write(library.join("knows.sh"), knows).expect("a file");
    let drift = project.drift();
    assert_eq!(drift.code, 10, "{}", drift.text);
    assert_eq!(drift.states(), ["Plain: unknown", "Knows: would change"]);
    let why = "remote module (plain) does not support check mode";
    assert!(drift.text.contains(why), "{}", drift.text);
    project.run();
}

#[test]
fn a_module_in_python_is_named_with_its_file() {
    let project = Project::new("- mine:\n  ignore_errors: true\n");
    let library = project.path().join("library");
    fs::create_dir(&library).expect("a folder");
    let python = "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n";
    fs::write(library.join("mine.py"), python).expect("a file");
    let output = project.programs.command("ekumen", &project.path()).args(["run", "site.yml"]).output();
    let text = String::from_utf8_lossy(&output.expect("the program starts").stdout).into_owned();
    let said = "the module mine (";
    let why = "/library/mine.py) needs Ansible's library for modules in Python or PowerShell, which this version does not have";
    assert!(text.contains(said) && text.contains(why), "{text}");
}
