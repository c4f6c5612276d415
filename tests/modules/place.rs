//! Where a case happens: in a directory of this machine, or on a host of its own.

use super::case::{Case, Kind};
use super::control::Control;
use super::repositories::repository;
use super::support::host::{self, Host};
use super::things::snapshot;
use ekumen::protocol::{Outcome, TaskRequest};
use ekumen::transport::{CallError, Session};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub struct Place {
    temporary: tempfile::TempDir,
    host: Option<(Host, Session)>,
}

/// The directory of a case on its host.
const DIRECTORY: &str = "/srv/case";

/// What may change on a host at any time, and says nothing about the task: the helper, logs, what the service manager remembers, and
/// apt's caches, which every question to it may renew.
const RESTLESS: &[&str] = &[
    "root/.cache",
    "home/deploy/.cache",
    "home/plain/.cache",
    "var/log",
    "var/lib/systemd",
    "var/lib/dbus",
    "var/cache/apt/pkgcache.bin",
    "var/cache/apt/srcpkgcache.bin",
    "var/cache/apt",
    "var/lib/apt/lists/lock",
    "var/lib/apt/lists",
    "var/cache/dnf",
    "var/cache/libdnf5",
    "var/cache/pacman",
    "var/lib/pacman/sync",
    "var/lib/dnf",
    "var/lib/rpm",
    // What was read there gets its checksum as an extended attribute.
    "srv/rpm",
];

impl Place {
    /// The place, or `None` where this machine has no such hosts.
    pub fn new(case: &Case) -> Option<Self> {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        std::fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(0o755))
            .expect("it is ours");
        let kind = match case.host {
            None => return Some(Self { temporary, host: None }),
            Some(Kind::Plain) => host::Kind::Plain,
            Some(Kind::Systemd) => host::Kind::Systemd,
            Some(Kind::Dnf) => host::Kind::Dnf,
            Some(Kind::Dnf5) => host::Kind::Dnf5,
            Some(Kind::Pacman) => host::Kind::Pacman,
        };
        let host = host::start("web", kind)?;
        std::fs::create_dir(host.root().join("srv/case")).expect("a new directory");
        if case.repository {
            repository(kind).give(&host.root());
        }
        let session = Session::open(&host.target(case.login.as_deref().unwrap_or("root")))
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        Some(Self { temporary, host: Some((host, session)) })
    }

    /// The directory of the case, as tasks name it.
    pub fn inside(&self) -> PathBuf {
        match &self.host {
            Some(_) => DIRECTORY.into(),
            None => self.here().join("dir"),
        }
    }

    /// The same directory, as this process reaches it.
    pub fn outside(&self) -> PathBuf {
        match &self.host {
            Some((host, _)) => host.root().join(&DIRECTORY[1..]),
            None => self.here().join("dir"),
        }
    }

    /// The directory on the control side.
    pub fn source(&self) -> PathBuf {
        self.here().join("source")
    }

    fn here(&self) -> PathBuf {
        self.temporary.path().canonicalize().expect("it exists")
    }

    /// Further words for cases, with what they stand for here.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        match &self.host {
            Some((host, _)) => {
                vec![
                    ("{address}", host.address.to_string()),
                    ("{port}", host.port.to_string()),
                    ("{key}", host.public_key()),
                ]
            }
            None => Vec::new(),
        }
    }

    /// Runs a script on the host; what it printed, without the last line's end.
    pub fn shell(&self, script: &str) -> Result<String, String> {
        let (host, _) = self.host.as_ref().ok_or("only hosts have a shell")?;
        let output = host.shell(script);
        let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        match output.status.success() {
            true => Ok(said),
            false => Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Everything that the task could have changed.
    pub fn snapshot(&self) -> BTreeMap<String, String> {
        let Some((host, _)) = &self.host else { return snapshot(&self.outside()) };
        let mut tree = snapshot(&host.upper());
        // That a directory changes when something in it comes or goes says nothing, either; what stays there does.
        tree.retain(|path, _| {
            path != "tmp"
                && !RESTLESS.iter().any(|restless| {
                    Path::new(path).starts_with(restless) || Path::new(restless).starts_with(path)
                })
        });
        tree
    }

    pub fn execute(&mut self, request: &TaskRequest, control: &mut Control) -> Outcome {
        match &mut self.host {
            None => ekumen::modules::kit::Host::execute(request, control),
            Some((_, session)) => {
                let outcomes: Result<_, CallError> =
                    session.call(std::slice::from_ref(request), &control.store(), Duration::from_secs(60));
                match outcomes {
                    Ok(mut outcomes) => outcomes.pop().expect("an outcome per request"),
                    Err(error) => panic!("{}: {error}", request.module),
                }
            }
        }
    }
}
