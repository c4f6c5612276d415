//! Packages for the hosts of cases, made once per run by a script each.

use super::support::host::Kind;
use super::support::program::copy_tree;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A folder of packages, and where a host has it.
pub struct Repository {
    folder: PathBuf,
    place: &'static str,
    /// Where the manager looks for its configuration, and the files with it; their ends where they lie in the folder.
    configuration: &'static [(&'static str, Text)],
}

enum Text {
    Line(&'static str),
    File(&'static str),
}

/// What hosts of that kind install from.
pub fn repository(kind: Kind) -> &'static Repository {
    static APT: OnceLock<Repository> = OnceLock::new();
    static RPM: OnceLock<Repository> = OnceLock::new();
    static PACMAN: OnceLock<Repository> = OnceLock::new();
    match kind {
        Kind::Plain | Kind::Systemd | Kind::BusyBox => APT.get_or_init(|| Repository {
            folder: made("repository.sh", "repository"),
            place: "srv/repository",
            configuration: &[(
                "etc/apt/sources.list",
                Text::Line("deb [trusted=yes] file:/srv/repository ./\n"),
            )],
        }),
        Kind::Dnf | Kind::Dnf5 => RPM.get_or_init(|| Repository {
            folder: made("rpm.sh", "rpm"),
            place: "srv/rpm",
            configuration: &[
                ("etc/yum.repos.d/tests.repo", Text::File("tests.repo")),
                ("etc/yum.repos.d/extra.repo", Text::File("extra.repo")),
            ],
        }),
        Kind::Pacman => PACMAN.get_or_init(|| Repository {
            folder: made("pacman.sh", "pacman"),
            place: "srv/pacman",
            configuration: &[("etc/pacman.conf", Text::File("pacman.conf"))],
        }),
    }
}

impl Repository {
    /// Gives it to the host with that root.
    pub fn give(&self, root: &Path) {
        copy_tree(&self.folder, &root.join(self.place));
        for (path, text) in self.configuration {
            let text = match text {
                Text::Line(line) => (*line).to_owned(),
                Text::File(name) => std::fs::read_to_string(self.folder.join(name)).expect("it was made"),
            };
            std::fs::write(root.join(path), text).expect("a file");
        }
    }
}

fn made(script: &str, folder: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules").join(script);
    let status = Command::new("sh").arg(script).arg(&folder).status().expect("a shell");
    assert!(status.success(), "the packages cannot be made");
    folder
}
