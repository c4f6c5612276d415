//! How the helper gets to the host, and what it finds there.

use super::*;

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
