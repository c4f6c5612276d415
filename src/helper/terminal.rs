//! Runs a command with a controlling terminal while its standard streams stay pipes: `su` and `doas` ask for
//! their password on the terminal, and `sudo` may be told to refuse to work without one (`requiretty`).

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)] // It runs one command and complains where `sudo` does.

use rustix::fs::{Mode, OFlags};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// A process that opens a terminal owns it when it leads a session without one; the command is a child, since
/// the leader's own program could not leave the session again.
pub fn run(terminal: &Path, command: &[OsString]) -> i32 {
    let _ = rustix::process::setsid();
    let terminal = rustix::fs::open(terminal, OFlags::RDWR, Mode::empty());
    if let Err(error) = &terminal {
        eprintln!("no terminal: {error}");
    }
    let Some((program, arguments)) = command.split_first() else { return 2 };
    match Command::new(program).args(arguments).status() {
        Ok(status) => status.code().unwrap_or(1),
        Err(error) => {
            eprintln!("{}: {error}", program.to_string_lossy());
            127
        }
    }
}
