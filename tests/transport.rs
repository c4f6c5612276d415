//! Connections to a real OpenSSH server, and to this machine.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use ekumen::protocol::{Digest, Mode, Outcome, TaskRequest};
use ekumen::transport::{BlobStore, CallError, Session, Target, TransportKind};
use ekumen::value::Value;
use std::io::Read;
use std::time::Duration;
use support::sshd;

const IDLE: Duration = Duration::from_secs(30);

struct NoBlobs;

impl BlobStore for NoBlobs {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read>, String> {
        Err(format!("there is no {digest}"))
    }
    fn receive(&self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
    fn output(&self, _: &str) {}
}

fn task(module: &str, args: Value) -> TaskRequest {
    TaskRequest {
        id: 0,
        identity: None,
        module: module.into(),
        args,
        mode: Mode::Apply,
        diff: false,
        environment: Vec::new(),
        timeout: None,
        blobs: Vec::new(),
    }
}

fn ping() -> TaskRequest {
    task("ping", Value::map(Default::default()))
}

fn shell(line: &str) -> TaskRequest {
    task("shell", Value::object([("_raw_params", line)]))
}

fn run(session: &mut Session, request: TaskRequest) -> Outcome {
    session.call(&[request], &NoBlobs, IDLE).expect("the connection holds").remove(0)
}

fn text(outcome: &Outcome, key: &str) -> String {
    outcome.result.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn refusal(target: &Target) -> String {
    match Session::open(target) {
        Ok(_) => panic!("a connection that had to be refused"),
        Err(CallError::Unreachable { message }) => message,
        Err(other) => panic!("another error: {other}"),
    }
}

fn local() -> Target {
    Target {
        name: "localhost".into(),
        kind: TransportKind::Local,
        address: "localhost".into(),
        port: None,
        user: None,
        password: None,
        private_key_file: None,
        private_key_passphrase: None,
        host_key_policy: Default::default(),
        ssh_args: Vec::new(),
        ssh_executable: None,
        connect_timeout: Duration::from_secs(10),
        retries: 0,
        no_cache: false,
    }
}

#[test]
fn local_runs_tasks() {
    let mut session = Session::open(&local()).expect("a helper here");
    assert_eq!(text(&run(&mut session, ping()), "ping"), "pong");
    assert_eq!(session.stats().round_trips, 2);
    let outcomes = session.call(&[ping(), shell("echo a"), ping()], &NoBlobs, IDLE).expect("three outcomes");
    assert_eq!(text(&outcomes[1], "stdout"), "a");
    assert_eq!(session.stats().round_trips, 3, "three tasks, sent together");
}

#[test]
fn ssh_counts_round_trips() {
    let Some(sshd) = sshd::start() else { return };
    let target = sshd.target();
    let mut first = Session::open(&target).expect("a session");
    assert_eq!(first.stats().round_trips, 2, "the helper is sent");
    assert!(first.stats().bytes_sent > 100_000);
    assert_eq!(text(&run(&mut first, ping()), "ping"), "pong");
    assert_eq!(first.stats().round_trips, 3);
    let mut second = Session::open(&target).expect("a session");
    assert_eq!(second.stats().round_trips, 1, "the helper is there");
    assert_eq!(text(&run(&mut second, ping()), "ping"), "pong");
    assert!(second.stats().bytes_sent < 1000, "{:?}", second.stats());
}
