//! An OpenSSH server of the test's own: on loopback, unprivileged, with its own keys, gone with the test.

use ekumen::transport::{HostKeyPolicy, Target, TransportKind};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Sshd {
    pub port: u16,
    pub folder: tempfile::TempDir,
    server: Child,
}

/// A server, or `None` (said on the terminal) where there is none to be started.
pub fn start() -> Option<Sshd> {
    start_with("")
}

/// One with further lines in its configuration.
pub fn start_with(configuration: &str) -> Option<Sshd> {
    let Some(program) = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| Path::new(path).exists())
    else {
        eprintln!("skipped: openssh-server is not installed");
        return None;
    };
    // As root, sshd insists on a folder that the distribution's service makes.
    if rustix::process::getuid().is_root() {
        fs::create_dir_all("/run/sshd").expect("root may make it");
    }
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["host_ed25519", "host_ecdsa", "user"] {
        let kind = name.strip_prefix("host_").unwrap_or("ed25519");
        keygen(&["-q", "-t", kind, "-N", "", "-f"], &folder.path().join(name));
    }
    fs::copy(folder.path().join("user.pub"), folder.path().join("authorized_keys")).expect("a copy");
    let port = free_port();
    let path = folder.path().display();
    let text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host_ed25519\nHostKey {path}/host_ecdsa\n\
         AuthorizedKeysFile {path}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         PidFile none\nPrintMotd no\nPermitRootLogin yes\nAcceptEnv XDG_CACHE_HOME\n\
         SetEnv XDG_CACHE_HOME={path}/cache\n{configuration}\n"
    );
    fs::write(folder.path().join("sshd_config"), text).expect("a file");
    let mut server = Command::new(program)
        .args(["-D", "-e", "-f"])
        .arg(folder.path().join("sshd_config"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("sshd starts");
    let mut log = BufReader::new(server.stderr.take().expect("it is piped"));
    let mut line = String::new();
    while log.read_line(&mut line).expect("a line") > 0 && !line.contains("listening on") {}
    assert!(line.contains("listening on"), "sshd says: {line}");
    // Nobody reads the rest, but sshd must be able to write it.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Some(Sshd { port, folder, server })
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

pub fn keygen(arguments: &[&str], file: &Path) {
    let status = Command::new("ssh-keygen").args(arguments).arg(file).stdout(Stdio::null()).status();
    assert!(status.expect("ssh-keygen is there").success());
}

impl Sshd {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A known_hosts file with the host's key of that kind, under its name and port.
    pub fn known_hosts(&self, kind: &str) -> PathBuf {
        let key = fs::read_to_string(self.path(&format!("host_{kind}.pub"))).expect("a public key");
        let file = self.path("known_hosts");
        fs::write(&file, format!("[127.0.0.1]:{} {key}", self.port)).expect("a file");
        file
    }

    /// A target that knows the host and has a key for it.
    pub fn target(&self) -> Target {
        let known_hosts = self.known_hosts("ed25519");
        Target {
            name: "web".into(),
            kind: TransportKind::Ssh,
            address: "127.0.0.1".into(),
            port: Some(self.port),
            user: None,
            password: None,
            private_key_file: Some(self.path("user")),
            private_key_passphrase: None,
            host_key_policy: HostKeyPolicy::Strict,
            ssh_args: [
                "-F".to_owned(),
                "none".into(),
                format!("-oUserKnownHostsFile={}", known_hosts.display()),
                "-oGlobalKnownHostsFile=none".into(),
                "-oIdentityAgent=none".into(),
            ]
            .into(),
            ssh_executable: None,
            openssh: Default::default(),
            connect_timeout: Duration::from_secs(10),
            retries: 0,
            no_cache: false,
        }
    }

    /// The processes below the server, by command line, once there are none that `unwanted` names; or what is left
    /// after some seconds.
    pub fn processes_with(&self, unwanted: &str) -> Vec<String> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let found =
                command_lines().into_iter().filter(|line| line.contains(unwanted)).collect::<Vec<_>>();
            if found.is_empty() || Instant::now() > until {
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the connections that are open, hard, as a network does.
    pub fn kill_connections(&self) {
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let parent = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| {
                stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok())
            });
            if parent == Some(self.server.id())
                && let Some(pid) = rustix::process::Pid::from_raw(pid)
            {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

pub fn command_lines() -> Vec<String> {
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| !line.is_empty())
        .collect()
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.kill_connections();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
