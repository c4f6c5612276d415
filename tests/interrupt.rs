//! What waits for a host ends when the user says so. Alone in its program: the flag is for all connections.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::panic)] // Tests run what users run.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use ekumen::protocol::{Digest, Mode, TaskRequest};
use ekumen::transport::{BlobStore, CallError, Session, stop_when};
use ekumen::value::Value;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::sshd;

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

#[test]
fn an_interrupt_ends_waiting_and_what_runs() {
    let Some(sshd) = sshd::start() else { return };
    let flag = Arc::new(AtomicBool::new(false));
    stop_when(flag.clone());
    let mut session = Session::open(&sshd.target()).expect("a session");
    let request = TaskRequest {
        id: 0,
        identity: None,
        module: "shell".into(),
        args: Value::object([("_raw_params", "sleep 7600.25; sleep 7600.25")]),
        mode: Mode::Apply,
        diff: None,
        environment: Vec::new(),
        timeout: None,
        blobs: Vec::new(),
        job: None,
    };
    std::thread::scope(|scope| {
        let call = scope.spawn(|| session.call(&[request], &NoBlobs, Duration::from_secs(3600)));
        while !sshd::command_lines().iter().any(|line| line.contains("sleep 7600.25")) {
            std::thread::sleep(Duration::from_millis(10));
        }
        flag.store(true, Ordering::Relaxed);
        match call.join().expect("no panic") {
            Err(CallError::Lost { message }) => assert!(message.contains("interrupted"), "{message}"),
            other => panic!("not interrupted: {other:?}"),
        }
    });
    assert_eq!(sshd.processes_with("sleep 7600.25"), Vec::<String>::new(), "though the session still lives");
    assert!(Session::open(&sshd.target()).is_err(), "nothing new begins");
}
