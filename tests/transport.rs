//! Connections to a real OpenSSH server, and to this machine.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::panic)] // Tests run what users run, and say so.

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
        diff: false,
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

#[test]
fn unknown_and_changed_host_keys_are_refused() {
    let Some(sshd) = sshd::start() else { return };
    let target = sshd.target();
    let known_hosts = sshd.path("known_hosts");
    let own = fs::read_to_string(&known_hosts).expect("the file");
    sshd::keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &sshd.path("other"));
    let other = fs::read_to_string(sshd.path("other.pub")).expect("a key");
    let line = |key: &str| format!("[127.0.0.1]:{} {key}", sshd.port);

    fs::write(&known_hosts, "").expect("an empty file");
    let message = refusal(&target);
    assert!(
        message.starts_with("Failed to connect to the host via ssh: No ED25519 host key is known for"),
        "{message}"
    );
    assert!(
        message.contains("Host key verification failed.") && message.contains("ssh-keyscan -t ed25519"),
        "{message}"
    );

    fs::write(&known_hosts, line(&other)).expect("another key");
    let message = refusal(&target);
    assert!(message.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{message}");
    assert!(
        message.contains(&format!(
            "ssh-keygen -f '{}' -R '[127.0.0.1]:{}'",
            known_hosts.display(),
            sshd.port
        )),
        "{message}"
    );

    fs::write(&known_hosts, format!("@revoked {own}{own}")).expect("a revoked key");
    assert!(refusal(&target).contains("REVOKED HOST KEY DETECTED"));

    // The same, hashed by the program that users hash with.
    fs::write(&known_hosts, &own).expect("the right key");
    sshd::keygen(&["-q", "-H", "-f"], &known_hosts);
    assert!(!fs::read_to_string(&known_hosts).expect("the file").contains("127.0.0.1"));
    Session::open(&target).expect("hashed names are found");
}

#[test]
fn a_host_with_several_keys_is_known_by_any() {
    let Some(sshd) = sshd::start() else { return };
    let target = sshd.target();
    sshd.known_hosts("ecdsa");
    Session::open(&target).expect("the server prefers ed25519, and known is its ecdsa key");
}

#[test]
fn new_keys_are_accepted_once() {
    let Some(sshd) = sshd::start() else { return };
    let mut target = sshd.target();
    let known_hosts = sshd.path("known_hosts");
    fs::remove_file(&known_hosts).expect("it is there");
    target.ssh_args.push("-oStrictHostKeyChecking=accept-new".into());
    Session::open(&target).expect("a new host");
    let added = fs::read_to_string(&known_hosts).expect("the key was added");
    assert!(added.starts_with(&format!("[127.0.0.1]:{} ssh-ed25519 ", sshd.port)), "{added}");
    Session::open(&target).expect("a known host");
    assert_eq!(fs::read_to_string(&known_hosts).expect("the file"), added, "added once");
    let other = fs::read_to_string(sshd.path("user.pub")).expect("some key");
    fs::write(&known_hosts, format!("[127.0.0.1]:{} {other}", sshd.port)).expect("a changed key");
    assert!(refusal(&target).contains("HAS CHANGED"), "a changed key is never accepted");
}

#[test]
fn each_refusal_has_its_own_words() {
    let Some(sshd) = sshd::start() else { return };
    let target = sshd.target();
    let refused = Target { port: Some(1), ..target.clone() };
    let message = refusal(&refused);
    assert_eq!(
        message,
        "Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused"
    );

    let nameless = Target { address: "no-such-host.invalid".into(), ..target.clone() };
    let message = refusal(&nameless);
    assert!(message.contains("ssh: Could not resolve hostname no-such-host.invalid: "), "{message}");

    // A server that says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let slow = Target { port: Some(port), connect_timeout: Duration::from_secs(1), ..target.clone() };
    let message = refusal(&slow);
    assert!(message.contains("Connection timed out during banner exchange"), "{message}");

    sshd::keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &sshd.path("stranger"));
    let stranger = Target { private_key_file: Some(sshd.path("stranger")), ..target.clone() };
    let message = refusal(&stranger);
    assert!(
        message.contains("Permission denied (publickey") && message.contains("stranger (refused)"),
        "{message}"
    );

    sshd::keygen(&["-q", "-t", "ed25519", "-N", "satz-satz", "-f"], &sshd.path("locked"));
    let locked = Target { private_key_file: Some(sshd.path("locked")), ..target };
    let message = refusal(&locked);
    assert!(message.contains("it is encrypted, and neither an agent nor a passphrase opens it"), "{message}");
    let wrong =
        Target { private_key_passphrase: Some(ekumen::value::Secret::new("falsch-falsch")), ..locked };
    let message = refusal(&wrong);
    assert!(message.contains("the passphrase is wrong"), "{message}");
}

#[test]
fn keys_of_all_kinds() {
    let Some(sshd) = sshd::start() else { return };
    let target = sshd.target();
    let mut authorized = String::new();
    for (kind, phrase) in [("rsa", ""), ("ecdsa", ""), ("ed25519", "satz-satz")] {
        let file = sshd.path(&format!("key_{kind}"));
        sshd::keygen(&["-q", "-t", kind, "-N", phrase, "-f"], &file);
        authorized += &fs::read_to_string(sshd.path(&format!("key_{kind}.pub"))).expect("a key");
    }
    fs::write(sshd.path("authorized_keys"), authorized).expect("the file");
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let target = Target {
            private_key_file: Some(sshd.path(&format!("key_{kind}"))),
            private_key_passphrase: Some(ekumen::value::Secret::new("satz-satz")),
            ..target.clone()
        };
        Session::open(&target).unwrap_or_else(|error| panic!("{kind}: {error}"));
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

#[test]
fn large_files_go_to_the_host_in_two_round_trips() {
    let Some(sshd) = sshd::start() else { return };
    for target in [sshd.target(), local()] {
        let mut session = Session::open(&target).expect("a session");
        let content: Vec<u8> =
            (0..9_000_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let name = digest(&content);
        let files = Files { contents: vec![(name.clone(), content)], ..Files::default() };
        let dest = sshd.path("large");
        let _ = fs::remove_file(&dest);
        let request = task(
            "copy",
            Value::object([("_digest", name.as_str()), ("dest", dest.to_str().expect("a plain path"))]),
        );
        let before = session.stats().round_trips;
        let outcome = session.call(&[request], &files, IDLE).expect("the connection holds").remove(0);
        assert!(!outcome.failed, "{:?}", outcome.result);
        assert_eq!(digest(&fs::read(&dest).expect("it arrived")), name);
        assert_eq!(session.stats().round_trips - before, 2);
    }
}

#[test]
fn contents_that_are_not_hashed_yet_take_two_round_trips() {
    let Some(sshd) = sshd::start() else { return };
    for target in [sshd.target(), local()] {
        let mut session = Session::open(&target).expect("a session");
        let content = vec![b'x'; 400_000];
        let sum = digest(&content);
        let dest = sshd.path("unread");
        let _ = fs::remove_file(&dest);
        // Absent, right, another of the same size, of another size.
        let cases = [
            (None, true),
            (Some(content.clone()), false),
            (Some(vec![b'y'; 400_000]), true),
            (Some(vec![]), true),
        ];
        for (number, (there, changed)) in cases.into_iter().enumerate() {
            let name = format!("unread {number}");
            if let Some(there) = there {
                fs::write(&dest, there).expect("a file");
            }
            let files = Files { contents: vec![(name.clone(), content.clone())], ..Files::default() };
            let args = [
                ("_content", Value::from(name)),
                ("_size", content.len().into()),
                ("dest", dest.to_str().expect("a plain path").into()),
            ];
            let before = session.stats();
            let outcome =
                session.call(&[task("copy", Value::object(args))], &files, IDLE).expect("it holds").remove(0);
            assert!(!outcome.failed, "{:?}", outcome.result);
            assert_eq!(outcome.changed, changed);
            assert_eq!(outcome.result.get("checksum"), Some(&sum.as_str().into()));
            assert_eq!(fs::read(&dest).expect("it is there"), content);
            let after = session.stats();
            assert_eq!(after.round_trips - before.round_trips, 2);
            assert_eq!(after.bytes_sent - before.bytes_sent > 400_000, changed);
        }
        // Where it cannot go, it is not sent; the failure tells its checksum.
        let files = Files { contents: vec![("unread".into(), content.clone())], ..Files::default() };
        let args = [("_content", "unread".into()), ("dest", Value::from("/no/such/folder/f"))];
        let before = session.stats();
        let outcome =
            session.call(&[task("copy", Value::object(args))], &files, IDLE).expect("it holds").remove(0);
        assert!(outcome.failed && outcome.result.get("checksum") == Some(&sum.as_str().into()));
        assert!(session.stats().bytes_sent - before.bytes_sent < 1_000);
        // What vanished meanwhile is a failure, too, and the session goes on.
        let args =
            [("_content", "other".into()), ("dest", Value::from(dest.to_str().expect("a plain path")))];
        let outcome =
            session.call(&[task("copy", Value::object(args))], &files, IDLE).expect("it holds").remove(0);
        assert_eq!(outcome.result.get("msg"), Some(&"it vanished meanwhile".into()));
    }
}

#[test]
fn a_file_that_vanished_fails_the_task_and_not_the_session() {
    let mut session = Session::open(&local()).expect("a session");
    let name = digest(b"never");
    let request = task("copy", Value::object([("_digest", name.as_str()), ("dest", "/nonexistent/x")]));
    let outcome = session.call(&[request], &Files::default(), IDLE).expect("the connection holds").remove(0);
    assert!(outcome.failed);
    assert_eq!(text(&run(&mut session, ping()), "ping"), "pong");
}

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

#[test]
fn no_cache_leaves_nothing() {
    let Some(sshd) = sshd::start() else { return };
    let target = Target { no_cache: true, ..sshd.target() };
    let mut session = Session::open(&target).expect("a session");
    assert_eq!(text(&run(&mut session, ping()), "ping"), "pong");
    assert!(!sshd.path("cache").exists());
    let uid = rustix::process::getuid().as_raw();
    let own = format!("ekumen-{uid}-");
    for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            // Other tests may run; theirs have a helper in it.
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(!name.starts_with(&own), "{folder}/{name}");
        }
    }
}

#[test]
fn a_damaged_helper_is_replaced() {
    let Some(sshd) = sshd::start() else { return };
    let target = sshd.target();
    drop(Session::open(&target).expect("a session"));
    let folder = sshd.path("cache/ekumen");
    let helper = fs::read_dir(&folder).expect("the cache").next().expect("a file").expect("a file").path();
    let good = fs::read(&helper).expect("the helper");
    fs::remove_file(&helper).expect("gone");
    fs::write(&helper, b"#!/bin/sh\necho pwned\n").expect("another");
    let session = Session::open(&target).expect("a session");
    assert_eq!(session.stats().round_trips, 2, "it is sent again");
    assert!(fs::read(&helper).expect("the helper") == good);
}

#[test]
fn login_shells_and_noise() {
    let Some(sshd) =
        sshd::start_with("ForceCommand echo Welcome; echo to the machine; eval \"$SSH_ORIGINAL_COMMAND\"")
    else {
        return;
    };
    let mut session = Session::open(&sshd.target()).expect("noise is passed over");
    assert_eq!(text(&run(&mut session, ping()), "ping"), "pong");

    let Some(sshd) = sshd::start_with("ForceCommand echo This account is not available; exit 1") else {
        return;
    };
    match Session::open(&sshd.target()) {
        Err(CallError::Helper { message }) => {
            assert!(message.contains("This account is not available"), "{message}")
        }
        _ => panic!("there is no shell"),
    }
}

#[test]
fn other_architectures_are_told_what_to_do() {
    // A host whose `uname` says so.
    let Some(sshd) = sshd::start() else { return };
    let folder = sshd.path("bin");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("uname"), "#!/bin/sh\necho Linux riscv64\n").expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.join("uname"), mode).expect("executable");
    let command = format!("ForceCommand PATH={}:$PATH; eval \"$SSH_ORIGINAL_COMMAND\"", folder.display());
    let Some(sshd) = sshd::start_with(&command) else { return };
    match Session::open(&sshd.target()) {
        Err(CallError::Helper { message }) => {
            assert!(message.contains("no helper for the architecture riscv64"), "{message}");
            assert!(message.contains("EKUMEN_HELPERS_DIR"), "{message}");
        }
        _ => panic!("it cannot run there"),
    }
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
    };
    TaskRequest { identity: Some(identity), ..request }
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
    assert!(wrong.become_failed && wrong.failed);
    assert_eq!(text(&wrong, "msg"), "Task failed: Incorrect sudo password");
    let missing = run(&mut session, as_somebody(&sudo, None, ping()));
    assert!(missing.become_failed);
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
    assert!(outcome.become_failed && text(&outcome, "msg").contains("unknown user somebody-else"));
    let absent = run(&mut session, as_somebody(std::path::Path::new("/nonexistent/sudo"), None, ping()));
    assert!(absent.become_failed && text(&absent, "msg").contains("Cannot run /nonexistent/sudo"));
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
        let identity =
            Become { method: method.into(), exe: None, user: "nobody".into(), flags, password: None };
        let request = TaskRequest {
            identity: Some(identity),
            ..shell("id -un; ls -d /tmp/ekumen-* /var/tmp/ekumen-*")
        };
        let outcome = run(&mut session, request);
        assert!(text(&outcome, "stdout").starts_with("nobody"), "{outcome:?}");
    }
}
