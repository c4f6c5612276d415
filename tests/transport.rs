//! Connections to a real OpenSSH server, and to this machine.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::panic)] // Tests run what users run, and say so.

#[path = "transport/contents.rs"]
mod contents;
#[path = "transport/ends.rs"]
mod ends;
#[path = "transport/helper.rs"]
mod helper;
#[path = "transport/identities.rs"]
mod identities;
#[path = "transport/keys.rs"]
mod keys;
#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use ekumen::protocol::{Become, Digest, Mode, Outcome, TaskRequest};
use ekumen::transport::{BlobStore, CallError, Session, Target, TransportKind};
use ekumen::value::Value;
use std::cell::RefCell;
use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};
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
        diff: None,
        environment: Vec::new(),
        timeout: None,
        blobs: Vec::new(),
        job: None,
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
        openssh: Default::default(),
        connect_timeout: Duration::from_secs(10),
        retries: 0,
        no_cache: false,
    }
}

/// Contents in memory (by digest, or by any name), and what a host sends.
#[derive(Default)]
struct Files {
    contents: Vec<(Digest, Vec<u8>)>,
    received: RefCell<Vec<u8>>,
}

impl BlobStore for Files {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read>, String> {
        let found = self.contents.iter().find(|(name, _)| name == digest);
        let (_, bytes) = found.ok_or("it vanished meanwhile")?;
        Ok(Box::new(std::io::Cursor::new(bytes.clone())))
    }
    fn digest(&self, name: &Digest) -> Result<Digest, String> {
        let found = self.contents.iter().find(|(known, _)| known == name);
        Ok(found.map(|(_, bytes)| digest(bytes)).ok_or("it vanished meanwhile")?)
    }
    fn receive(&self, data: &[u8]) -> Result<(), String> {
        self.received.borrow_mut().extend_from_slice(data);
        Ok(())
    }
    fn output(&self, _: &str) {}
}

fn digest(bytes: &[u8]) -> Digest {
    use sha1::{Digest as _, Sha1};
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The processes with that in their command line, once there are none, or after some seconds.
fn left_over(unwanted: &str) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let found: Vec<_> =
            sshd::command_lines().into_iter().filter(|line| line.contains(unwanted)).collect();
        if found.is_empty() || Instant::now() > until {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn wait_for_process(wanted: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while !sshd::command_lines().iter().any(|line| line.contains(wanted)) {
        assert!(Instant::now() < until, "{wanted} does not start");
        std::thread::sleep(Duration::from_millis(10));
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

#[test]
fn openssh_as_the_pipe() {
    let Some(sshd) = sshd::start() else { return };
    let target = Target { kind: TransportKind::OpenSsh, ..sshd.target() };
    let mut session = Session::open(&target).expect("a session");
    assert_eq!(text(&run(&mut session, ping()), "ping"), "pong");
    assert!(session.describe().starts_with("openssh to 127.0.0.1, because it was chosen"));

    let mut automatic = Target { kind: TransportKind::Auto, ..sshd.target() };
    automatic.ssh_args.push("-oProxyCommand=nc %h %p".into());
    let why = match Session::open(&automatic) {
        Ok(session) => session.describe(),
        // There may be no `nc`; the point is who tried.
        Err(error) => error.to_string(),
    };
    assert!(why.contains("proxycommand nc") || why.contains("nc:"), "{why}");

    fs::write(sshd.path("known_hosts"), "").expect("nobody is known");
    let message = refusal(&target);
    assert!(message.starts_with("Failed to connect to the host via ssh: "), "{message}");
    assert!(message.contains("Host key verification failed"), "{message}");
    let message = refusal(&Target { port: Some(1), ..target });
    assert!(message.contains("Connection refused"), "{message}");
}

#[test]
fn configuration_files_and_jump_hosts() {
    let (Some(jump), Some(sshd)) = (sshd::start(), sshd::start()) else { return };
    let user = std::process::Command::new("id").arg("-un").output().expect("id").stdout;
    let user = String::from_utf8_lossy(&user).trim().to_owned();
    let text_of = |server: &sshd::Sshd| {
        format!(
            " HostName 127.0.0.1\n Port {}\n User {user}\n IdentityFile {}\n UserKnownHostsFile {}\n",
            server.port,
            server.path("user").display(),
            server.known_hosts("ed25519").display(),
        )
    };
    let configuration = format!(
        "Host bastion\n{}\nHost inner\n{} ProxyJump bastion\nHost *\n IdentityAgent none\n GlobalKnownHostsFile none\n",
        text_of(&jump),
        text_of(&sshd)
    );
    let file = sshd.path("ssh_config");
    fs::write(&file, configuration).expect("a file");
    let target = Target {
        address: "inner".into(),
        port: None,
        private_key_file: None,
        ssh_args: vec!["-F".into(), file.display().to_string()],
        ..sshd.target()
    };
    let mut session = Session::open(&target).expect("through the jump host");
    assert!(session.describe().contains("through a jump host"), "{}", session.describe());
    let outcome =
        run(&mut session, shell("echo $SSH_CONNECTION; head -c 3000000 /dev/zero | tr '\\0' x | wc -c"));
    assert!(text(&outcome, "stdout").ends_with("3000000"));
    drop(session);
    drop(jump);
    assert!(refusal(&target).contains("Connection refused"));
}

#[test]
fn many_tasks_many_sessions() {
    let Some(sshd) = sshd::start() else { return };
    let target = sshd.target();
    std::thread::scope(|scope| {
        for number in 0..24 {
            let target = &target;
            scope.spawn(move || {
                let mut session =
                    Session::open(target).expect("sshd refuses more than ten at once, and is asked again");
                let line = format!("echo {number}");
                assert_eq!(text(&run(&mut session, shell(&line)), "stdout"), number.to_string());
            });
        }
    });
}
