//! Other users on the host.

use super::*;

/// A `sudo` that needs no privileges: it asks and checks as the real one does, and writes down what it was given.
fn fake_sudo(folder: &std::path::Path, behaviour: &str) -> std::path::PathBuf {
    let file = folder.join("sudo");
    let text = format!(
        r#"#!/bin/sh
tr '\0' ' ' </proc/$$/cmdline >>{folder}/argv
env >>{folder}/env
prompt="Password:" user=
while :; do
  case $1 in
    -p) prompt=$2; shift 2;;
    -u) user=$2; shift 2;;
    -n) no_prompt=1; shift;;
    -*) shift;;
    *) break;;
  esac
done
ask() {{
  [ -z "$no_prompt" ] || {{ echo "sudo: a password is required" >&2; exit 1; }}
  tries=0
  while [ $tries -lt 3 ]; do
    printf %s "$prompt" >&2; IFS= read -r word || exit 1
    [ "$word" = "richtig wort" ] && return
    echo "Sorry, try again." >&2; tries=$((tries + 1))
  done
  echo "sudo: 3 incorrect password attempts" >&2; exit 1
}}
echo "We trust you have received the usual lecture: be good." >&2
{behaviour}
exec "$@"
"#,
        folder = folder.display()
    );
    fs::write(&file, text).expect("a file");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    file
}

fn as_somebody(exe: &std::path::Path, password: Option<&str>, request: TaskRequest) -> TaskRequest {
    let identity = Become {
        method: "sudo".into(),
        exe: Some(exe.display().to_string()),
        user: "somebody-else".into(),
        flags: None,
        password: password.map(Into::into),
        prompts: vec![],
        patience: 10,
        too_late: "too late".into(),
    };
    TaskRequest { identity: Some(Box::new(identity)), ..request }
}

#[test]
fn sudo_with_and_without_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let sudo = fake_sudo(folder.path(), "ask");
    let mut session = Session::open(&local()).expect("a session");
    let outcome =
        run(&mut session, as_somebody(&sudo, Some("richtig wort"), shell("echo in; echo $EKUMEN_TEST")));
    assert_eq!(text(&outcome, "stdout"), "in");
    let again = run(&mut session, as_somebody(&sudo, Some("richtig wort"), ping()));
    assert_eq!(text(&again, "ping"), "pong");
    let argv = fs::read_to_string(folder.path().join("argv")).expect("what it was called with");
    assert_eq!(argv.matches("-u somebody-else /bin/sh -c").count(), 1, "one sudo serves all tasks: {argv}");
    assert!(argv.contains("-H -S -p") && !argv.contains(" -n "), "{argv}");

    let wrong = run(&mut session, as_somebody(&sudo, Some("falsch"), ping()));
    assert!(wrong.failed && !wrong.unreachable);
    assert_eq!(text(&wrong, "msg"), "Task failed: Incorrect sudo password");
    let missing = run(&mut session, as_somebody(&sudo, None, ping()));
    assert!(missing.failed && !missing.unreachable);
    assert_eq!(text(&missing, "msg"), "Task failed: Missing sudo password");
    assert_eq!(text(&run(&mut session, ping()), "ping"), "pong", "the login user is not concerned");

    for file in ["argv", "env"] {
        let seen = fs::read_to_string(folder.path().join(file)).expect("what was written down");
        assert!(!seen.contains("richtig wort") && !seen.contains("falsch"), "the password is in no {file}");
    }
}

#[test]
fn sudo_that_refuses_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let sudo = fake_sudo(folder.path(), "echo \"sudo: unknown user $user\" >&2; exit 1");
    let mut session = Session::open(&local()).expect("a session");
    let outcome = run(&mut session, as_somebody(&sudo, Some("x"), ping()));
    assert!(outcome.failed && text(&outcome, "msg").contains("unknown user somebody-else"));
    let absent = run(&mut session, as_somebody(std::path::Path::new("/nonexistent/sudo"), None, ping()));
    assert!(absent.failed && text(&absent, "msg").contains("Cannot run /nonexistent/sudo"));
}

#[test]
fn sudo_that_wants_a_terminal_gets_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = "(: </dev/tty) 2>/dev/null || { echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1; }; ask";
    let sudo = fake_sudo(folder.path(), check);
    let mut session = Session::open(&local()).expect("a session");
    let task = shell("(: </dev/tty) 2>/dev/null && echo a terminal || echo none");
    let outcome = run(&mut session, as_somebody(&sudo, Some("richtig wort"), task));
    assert_eq!(
        text(&outcome, "stdout"),
        "none",
        "tasks have none, or they could wait for somebody to type: {outcome:?}"
    );
}

#[test]
fn another_identity_ends_with_its_task_and_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let sudo = fake_sudo(folder.path(), "");
    let mut session = Session::open(&local()).expect("a session");
    let request =
        TaskRequest { timeout: Some(1), ..as_somebody(&sudo, None, shell("sleep 7500.25; sleep 7500.25")) };
    let outcome = run(&mut session, request);
    assert_eq!(text(&outcome, "msg"), "Task failed: Timed out after 1 second(s).");
    assert_eq!(left_over("sleep 7500.25"), Vec::<String>::new());
    assert_eq!(text(&run(&mut session, as_somebody(&sudo, None, ping())), "ping"), "pong");

    let helper = text(&run(&mut session, shell("echo $PPID")), "stdout");
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            let request = as_somebody(&sudo, None, shell("sleep 7500.75 | sleep 7500.75"));
            session.call(&[request], &NoBlobs, IDLE)
        });
        wait_for_process("sleep 7500.75");
        // The login user's helper is killed, and with it the pipe to the other one breaks.
        let status = std::process::Command::new("kill").args(["-KILL", &helper]).status();
        assert!(status.expect("kill").success());
        assert!(matches!(call.join().expect("no panic"), Err(CallError::Lost { .. })));
    });
    drop(session);
    assert_eq!(left_over("sleep 7500.75"), Vec::<String>::new());
}

#[test]
fn files_reach_another_identity() {
    let folder = tempfile::tempdir().expect("a folder");
    let sudo = fake_sudo(folder.path(), "");
    let mut session = Session::open(&local()).expect("a session");
    let content = vec![7u8; 3_000_000];
    let name = digest(&content);
    let files = Files { contents: vec![(name.clone(), content)], ..Files::default() };
    let dest = folder.path().join("copied");
    let args = Value::object([("_digest", name.as_str()), ("dest", dest.to_str().expect("a plain path"))]);
    let outcome =
        session.call(&[as_somebody(&sudo, None, task("copy", args))], &files, IDLE).expect("held").remove(0);
    assert!(!outcome.failed, "{:?}", outcome.result);
    assert_eq!(digest(&fs::read(&dest).expect("it arrived")), name);
}

/// As root: to a user who may not read the helper, who gets a copy that leaves no trace.
#[test]
fn root_becomes_an_unprivileged_user() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: only root can become another user without a password");
        return;
    }
    let mut session = Session::open(&local()).expect("a session");
    for method in ["runuser", "su"] {
        let flags = (method == "su").then(|| "-s /bin/sh".to_owned());
        let identity = Become {
            method: method.into(),
            exe: None,
            user: "nobody".into(),
            flags,
            password: None,
            prompts: vec![],
            patience: 10,
            too_late: "too late".into(),
        };
        let request = TaskRequest {
            identity: Some(Box::new(identity)),
            ..shell("id -un; ls -d /tmp/ekumen-* /var/tmp/ekumen-*")
        };
        let outcome = run(&mut session, request);
        assert!(text(&outcome, "stdout").starts_with("nobody"), "{outcome:?}");
    }
}
