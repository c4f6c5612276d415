//! Background jobs: `async` with `poll: 0` outlives the run that started it.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::path::Path;
use std::time::{Duration, Instant};
use support::program::Programs;

/// Longer than anything here takes, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs tasks on this machine; what was printed.
fn play(programs: &Programs, folder: &Path, tasks: &str) -> String {
    let text = format!("- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n{tasks}");
    std::fs::write(folder.join("site.yml"), text).expect("a file");
    let run = programs
        .command("ansible-playbook", folder)
        .args(["-i", "localhost,", "site.yml"])
        .output()
        .expect("the program starts");
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{printed}{}", String::from_utf8_lossy(&run.stderr));
    printed
}

/// Waits until it is so.
fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_job_outlives_its_run_and_leaves_its_result() {
    let (programs, folder) = (Programs::new(), tempfile::tempdir().expect("a folder"));
    let (go, done) = (folder.path().join("go"), folder.path().join("done"));
    let script =
        format!("while ! test -e {}; do sleep 0.1; done; echo out; touch {}", go.display(), done.display());
    let printed = play(
        &programs,
        folder.path(),
        &format!(
            "    - shell: {script}\n      async: 100\n      poll: 0\n      register: job\n    - debug: msg=\"id={{{{ job.ansible_job_id }}}} at {{{{ job.results_file }}}} {{{{ job.finished }}}}\"\n"
        ),
    );
    let id = printed.split("id=").nth(1).and_then(|rest| rest.split(' ').next()).expect("it has a name");
    let file = programs.home().join(".ansible_async").join(id);
    assert!(printed.contains(&format!("at {} False", file.display())), "{printed}");
    let state = std::fs::read_to_string(&file).expect("the job's file");
    assert!(state.contains("\"finished\": false"), "{state}");
    assert!(!done.exists(), "the run did not wait for it");

    std::fs::write(&go, "").expect("a file");
    wait_until("the job goes on", || done.exists());
    wait_until("it leaves its result", || {
        std::fs::read_to_string(&file).is_ok_and(|state| state.contains("\"stdout\": \"out\""))
    });
    let status = format!(
        "    - async_status: {{jid: {id}}}\n      register: s\n    - debug: msg=\"{{{{ s.rc }}}} {{{{ s.stdout }}}} {{{{ s.finished }}}}\"\n    - async_status: {{jid: {id}, mode: cleanup}}\n"
    );
    let printed = play(&programs, folder.path(), &status);
    assert!(printed.contains("\"msg\": \"0 out True\""), "{printed}");
    assert!(!file.exists(), "cleanup removes the file");
}

#[test]
fn a_job_ends_when_its_time_is_up() {
    let (programs, folder) = (Programs::new(), tempfile::tempdir().expect("a folder"));
    let pid = folder.path().join("pid");
    let tasks = format!(
        "    - shell: echo $$ > {}; sleep 1000\n      async: 1\n      poll: 1\n      register: r\n      failed_when: r.msg != 'Timeout exceeded'\n",
        pid.display()
    );
    let printed = play(&programs, folder.path(), &tasks);
    assert!(printed.contains("ASYNC FAILED on localhost: jid=j"), "{printed}");
    let pid = std::fs::read_to_string(pid).expect("it began");
    wait_until("its processes are gone", || !Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn names_of_jobs_are_no_paths() {
    let (programs, folder) = (Programs::new(), tempfile::tempdir().expect("a folder"));
    let tasks = "    - async_status: {jid: ../x}\n      register: r\n      ignore_errors: true\n    - debug: var=r.msg\n";
    let printed = play(&programs, folder.path(), tasks);
    assert!(printed.contains("'../x' is not the name of a job"), "{printed}");
}
