//! The program under test, under its names, in a home of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Links to the program, and a home folder for what it leaves there; gone with the test.
pub struct Programs {
    folder: tempfile::TempDir,
}

impl Programs {
    pub fn new() -> Programs {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("home")).expect("a folder");
        for name in
            ["ekumen", "ansible-playbook", "ansible", "ansible-inventory", "ansible-config", "ansible-vault"]
        {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ekumen"), folder.path().join(name))
                .expect("a link");
        }
        Programs { folder }
    }

    /// Where `HOME` points.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Where the program of that name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program by that name, to run in that folder, with nothing of the caller's settings.
    pub fn command(&self, name: &str, folder: &Path) -> Command {
        self.surrounded(Command::new(self.path(name)), folder)
    }

    /// A shell in that folder that finds the programs by their names.
    pub fn shell(&self, folder: &Path) -> Command {
        let mut command = self.surrounded(Command::new("sh"), folder);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.folder.path().display()));
        command
    }

    fn surrounded(&self, mut command: Command, folder: &Path) -> Command {
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("LANG", "C.UTF-8")
            .env("ANSIBLE_NOCOLOR", "1")
            .stdin(Stdio::null());
        command
    }
}

/// A folder with all that is in it.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}
