//! Throw-away hosts on this machine, as root: each its own files, users, packages, processes and name, and a real sshd
//! (`host.sh` says how). They end with the test, however it ends.

use super::sshd::keygen;
use ekumen::transport::{HostKeyPolicy, Target, TransportKind};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What a host is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// This machine's programs, but for Python; the SSH server is the first process.
    Plain,
    /// The same with the service manager as the first process.
    Systemd,
    /// No programs but BusyBox and the SSH server.
    BusyBox,
    /// As [`Kind::Plain`], of another family: Python and dnf 4, or dnf 5, or pacman in the place of apt.
    Dnf,
    Dnf5,
    Pacman,
}

impl Kind {
    /// What it is called, for who misses it.
    fn hosts(self) -> &'static str {
        match self {
            Kind::Plain => "hosts of their own",
            Kind::Systemd => "hosts with systemd",
            Kind::BusyBox => "hosts with BusyBox",
            Kind::Dnf => "hosts with dnf",
            Kind::Dnf5 => "hosts with dnf 5",
            Kind::Pacman => "hosts with pacman",
        }
    }

    /// What this machine must have for it.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Kind::Plain => &[],
            Kind::Systemd => &["/lib/systemd/systemd"],
            Kind::BusyBox => &["/bin/busybox"],
            Kind::Dnf => &["/usr/bin/dnf", "/usr/bin/rpmbuild", "/usr/bin/createrepo_c"],
            Kind::Dnf5 => &["/usr/bin/dnf5", "/usr/bin/rpmbuild", "/usr/bin/createrepo_c"],
            Kind::Pacman => &["/usr/bin/pacman"],
        }
    }

    /// The settings of `host.sh`.
    fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Plain | Kind::Systemd | Kind::BusyBox => &[],
            Kind::Dnf => &[("FAMILY", "redhat"), ("PYTHON", "1")],
            Kind::Dnf5 => &[("FAMILY", "redhat")],
            Kind::Pacman => &[("FAMILY", "arch")],
        }
    }

    /// Debian itself may not have what such hosts need.
    fn optional(self) -> bool {
        self == Kind::Dnf5
    }
}

pub struct Host {
    pub name: String,
    pub address: Ipv4Addr,
    pub port: u16,
    folder: tempfile::TempDir,
    /// Keeps the host alive as long as its standard input is open.
    keeper: Child,
}

/// The password of all users of a host.
pub const PASSWORD: &str = "testbed";

/// A new host, or `None` where this machine cannot have any (said once on the terminal). With `EKUMEN_TEST_HOSTS=required` in the
/// environment that is a failure.
pub fn start(name: &str, kind: Kind) -> Option<Host> {
    static POSSIBLE: [OnceLock<bool>; 6] = [const { OnceLock::new() }; 6];
    let possible = *POSSIBLE[kind as usize].get_or_init(|| match obstacle(kind) {
        None => true,
        Some(why) => {
            let required =
                std::env::var("EKUMEN_TEST_HOSTS").is_ok_and(|value| value == "required") && !kind.optional();
            assert!(!required, "hosts are required, but {why}");
            // The terminal is told even if the test is quiet because it passes.
            drop(writeln!(std::io::stderr(), "skipped: tests that need {}: {why}", kind.hosts()));
            false
        }
    });
    possible.then(|| match Host::new(name, kind) {
        Ok(host) => host,
        Err(why) => panic!("the host {name} does not start: {why}"),
    })
}

/// Why there can be no hosts of that kind here.
fn obstacle(kind: Kind) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can start them".into());
    }
    let lower = PathBuf::from(std::env::var_os("LOWER").unwrap_or_default());
    let exists = |program: &&&str| Path::new(program).exists() || lower.join(&program[1..]).exists();
    let mut programs = ["/usr/sbin/sshd"].iter().chain(kind.programs());
    if let Some(program) = programs.find(|program| !exists(program)) {
        return Some(format!("{program} is not installed"));
    }
    Host::new("probe", kind).err()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name)
}

/// The root of hosts with BusyBox, made once.
fn busybox() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("busybox");
        let status = Command::new("sh").arg(script("busybox.sh")).arg(&folder).status().expect("a shell");
        assert!(status.success(), "there is no root with BusyBox");
        folder
    })
}

/// An address of this machine that nothing else uses.
fn own_address() -> (Ipv4Addr, u16) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = (std::process::id() << 8) + COUNT.fetch_add(1, Ordering::Relaxed) % 256;
        let [_, a, b, c] = number.to_be_bytes();
        let address = Ipv4Addr::new(127, a.clamp(1, 254), b, c.clamp(1, 254));
        if let Ok(socket) = TcpListener::bind(SocketAddrV4::new(address, 0)) {
            return (address, socket.local_addr().expect("it is bound").port());
        }
    }
}

impl Host {
    fn new(name: &str, kind: Kind) -> Result<Host, String> {
        let folder = tempfile::tempdir().expect("a folder");
        for key in ["host_ed25519", "user"] {
            keygen(&["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"], &folder.path().join(key));
        }
        let (address, port) = own_address();
        let mut command = Command::new("sh");
        if kind == Kind::BusyBox {
            command.env("LOWER", busybox());
        }
        command.envs(kind.environment().iter().copied());
        let keeper = command
            .arg(script("host.sh"))
            .arg(folder.path())
            .args([name, &address.to_string(), &port.to_string()])
            .arg(if kind == Kind::Systemd { "systemd" } else { "sshd" })
            .stdin(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("start")).expect("a file"))
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut host = Host { name: name.into(), address, port, folder, keeper };
        let until = Instant::now() + Duration::from_secs(60);
        while !host.answers() {
            if host.keeper.try_wait().expect("a child").is_some() || Instant::now() > until {
                let said =
                    ["start", "log"].map(|file| fs::read_to_string(host.path(file)).unwrap_or_default());
                return Err(said.concat().trim().to_owned());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(host)
    }

    /// Whether its SSH server says something.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect((self.address, self.port)) else { return false };
        drop(stream.set_read_timeout(Some(Duration::from_secs(10))));
        stream.read_exact(&mut [0; 4]).is_ok()
    }

    /// A file about the host on this machine.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn disk(&self) -> PathBuf {
        // The keeper sees the host's disk, others do not.
        let seen = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        seen.join(self.path("disk").strip_prefix("/").expect("it is absolute"))
    }

    /// Where the host's `/` can be reached from here (without what is mounted there: `/proc`, `/dev`, `/run`).
    pub fn root(&self) -> PathBuf {
        self.disk().join("root")
    }

    /// Everything on the host's disk that is not from this machine; what is deleted there is a device here.
    pub fn upper(&self) -> PathBuf {
        self.disk().join("upper")
    }

    fn first_process(&self) -> String {
        fs::read_to_string(self.path("pid")).expect("it runs").trim().to_owned()
    }

    /// Runs a shell script on the host as root, not by SSH.
    pub fn shell(&self, script: &str) -> Output {
        Command::new("nsenter")
            .args(["-t", &self.first_process(), "-m", "-u", "-i", "-p", "-C", "-r", "-w", "--"])
            .args(["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
            .args(["HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"])
            .args(["sh", "-euc", script])
            .stdin(Stdio::null())
            .output()
            .expect("nsenter is there")
    }

    /// Runs a shell script on the host as root, which must succeed; what it prints.
    pub fn sh(&self, script: &str) -> String {
        let output = self.shell(script);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// Puts lines before the configuration of the SSH server (what comes first counts), which reads it again.
    pub fn configure_sshd(&self, lines: &str) {
        let starts =
            || fs::read_to_string(self.path("log")).unwrap_or_default().matches("Server listening").count();
        let before = starts();
        self.sh(&format!("sed -i '1i {lines}' /etc/ssh/sshd_config; kill -HUP 1"));
        let until = Instant::now() + Duration::from_secs(10);
        while starts() == before && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The command lines of the host's processes.
    pub fn processes(&self) -> Vec<String> {
        let seen = format!("/proc/{}/root/proc", self.first_process());
        let mut lines: Vec<String> = fs::read_dir(seen)
            .expect("it runs")
            .flatten()
            .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        lines.sort();
        lines
    }

    /// A known_hosts file that knows it.
    pub fn known_hosts(&self) -> PathBuf {
        let key = fs::read_to_string(self.path("host_ed25519.pub")).expect("a public key");
        let file = self.path("known_hosts");
        fs::write(&file, format!("[{}]:{} {key}", self.address, self.port)).expect("a file");
        file
    }

    /// The private key that opens all its users.
    pub fn user_key(&self) -> PathBuf {
        self.path("user")
    }

    /// The public key that all its users have.
    pub fn public_key(&self) -> String {
        fs::read_to_string(self.path("user.pub")).expect("a public key").trim().to_owned()
    }

    /// How to reach it.
    pub fn target(&self, user: &str) -> Target {
        Target {
            name: self.name.clone(),
            kind: TransportKind::Ssh,
            address: self.address.to_string(),
            port: Some(self.port),
            user: Some(user.into()),
            password: None,
            private_key_file: Some(self.user_key()),
            private_key_passphrase: None,
            host_key_policy: HostKeyPolicy::Strict,
            ssh_args: [
                "-F".to_owned(),
                "none".into(),
                format!("-oUserKnownHostsFile={}", self.known_hosts().display()),
                "-oGlobalKnownHostsFile=none".into(),
                "-oIdentityAgent=none".into(),
            ]
            .into(),
            ssh_executable: None,
            openssh: Default::default(),
            connect_timeout: Duration::from_secs(20),
            retries: 0,
            no_cache: false,
        }
    }

    /// Its line in an inventory.
    pub fn inventory_line(&self) -> String {
        format!(
            "{} ansible_host={} ansible_port={} ansible_ssh_private_key_file={} ansible_ssh_common_args='-F none \
             -oUserKnownHostsFile={} -oGlobalKnownHostsFile=none -oIdentityAgent=none -oIdentitiesOnly=yes'",
            self.name,
            self.address,
            self.port,
            self.user_key().display(),
            self.known_hosts().display(),
        )
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}
