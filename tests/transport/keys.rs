//! Who the host is, and who we are: host keys, user keys, refusals.

use super::*;

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
