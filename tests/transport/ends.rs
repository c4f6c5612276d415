//! How tasks and connections end.

use super::*;

#[test]
fn timeouts_end_a_task_and_its_processes() {
    let mut session = Session::open(&local()).expect("a session");
    let sleeps = "sleep 7200.25 & setsid sleep 7200.25; sleep 7200.25";
    let request = TaskRequest { timeout: Some(1), ..shell(sleeps) };
    let outcome = run(&mut session, request);
    assert!(outcome.failed);
    assert_eq!(text(&outcome, "msg"), "Task failed: Timed out after 1 second(s).");
    assert_eq!(left_over("sleep 7200.25"), Vec::<String>::new());
    assert_eq!(text(&run(&mut session, shell("echo on")), "stdout"), "on");
}

#[test]
fn a_lost_connection_ends_what_runs() {
    let Some(sshd) = sshd::start() else { return };
    let mut session = Session::open(&sshd.target()).expect("a session");
    // Numbers of our own, lest another run of the tests meet these processes.
    let [stays, ends] = [3, 4].map(|kind| format!("sleep 7{kind}00.{}", std::process::id()));
    let outcome = run(&mut session, shell(&format!("{stays} > /dev/null 2>&1 &")));
    assert!(!outcome.failed, "an earlier task leaves a process behind on purpose");
    std::thread::scope(|scope| {
        let call = scope.spawn(|| session.call(&[shell(&format!("{ends} | {ends}"))], &NoBlobs, IDLE));
        wait_for_process(&ends);
        sshd.kill_connections();
        match call.join().expect("no panic") {
            Err(CallError::Lost { message }) => {
                assert!(message.contains("The connection to web was lost"), "{message}")
            }
            other => panic!("not a lost connection: {other:?}"),
        }
    });
    assert_eq!(left_over(&ends), Vec::<String>::new());
    assert!(sshd::command_lines().iter().any(|line| line.starts_with(&stays)), "which stays");
    let again = session.call(&[ping()], &NoBlobs, IDLE);
    assert!(matches!(again, Err(CallError::Lost { .. })), "a lost session stays lost");
    drop(session);
    let status = std::process::Command::new("pkill").args(["-f", &format!("^{stays}")]).status();
    assert!(status.expect("pkill").success());
    let names: Vec<_> = fs::read_dir(sshd.path("cache/ekumen"))
        .expect("the cache")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.len() == 1 && names[0].starts_with("helper-"), "nothing but the helper stays: {names:?}");
}

#[test]
fn a_host_that_stops_answering_is_lost() {
    let mut session = Session::open(&local()).expect("a session");
    // A stopped helper is as silent as a dead host.
    let sleep = format!("sleep 7400.{}", std::process::id());
    let stop = shell(&format!("kill -STOP $PPID; {sleep}"));
    let started = Instant::now();
    match session.call(&[stop], &NoBlobs, Duration::from_secs(1)) {
        Err(CallError::Lost { message }) => {
            assert!(message.contains("did not answer for 1 seconds"), "{message}")
        }
        other => panic!("not lost: {other:?}"),
    }
    assert!(started.elapsed() >= Duration::from_secs(1));
    drop(session);
    // A helper that is killed cannot clean up.
    let status = std::process::Command::new("pkill").args(["-f", &sleep]).status();
    assert!(status.expect("pkill").success());
}

#[test]
fn a_busy_host_is_not_lost() {
    let mut session = Session::open(&local()).expect("a session");
    let outcome = session.call(&[shell("sleep 2; echo done")], &NoBlobs, Duration::from_millis(600));
    assert_eq!(text(&outcome.expect("it answers pings")[0], "stdout"), "done");
}
