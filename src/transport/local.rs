//! This machine: the helper as a child process.

#![allow(clippy::disallowed_methods)] // The home of the processes that are connections.

use super::embedded;
use super::link::{ChildLink, Link};
use super::session::CallError;
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Starts the helper here.
///
/// # Errors
/// [`CallError::Helper`]: no helper for this architecture, no memory, no processes.
pub fn connect() -> Result<Box<dyn Link>, CallError> {
    let helper = |message: String| CallError::Helper { message };
    let program = embedded::own().map_err(helper)?;
    let child =
        start(program).map_err(|e| helper(format!("The helper cannot be started on this machine: {e}")))?;
    Ok(Box::new(child))
}

fn start(program: &[u8]) -> io::Result<ChildLink> {
    // The file is made once and used by all connections. It is in memory: nothing stays on this machine, and no
    // noexec mount is in the way.
    static FILE: Mutex<Option<OwnedFd>> = Mutex::new(None);
    let mut file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let descriptor = match &*file {
        Some(descriptor) => descriptor.as_raw_fd(),
        None => {
            let made = memory_file(program).or_else(|_| unnamed_file(program))?;
            file.insert(made).as_raw_fd()
        }
    };
    // The lock is held while the process starts, so that the descriptor stays what it is.
    let child = Command::new(format!("/proc/self/fd/{descriptor}"))
        .arg0("ekumen-helper")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    ChildLink::new(child)
}

fn memory_file(program: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("ekumen-helper", MemfdFlags::CLOEXEC)?);
    file.write_all(program)?;
    executable(file)
}

/// Where the kernel runs nothing from memory (`vm.memfd_noexec`): a file without a name.
fn unnamed_file(program: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(CWD, std::env::temp_dir(), flags, Mode::RWXU)?);
    file.write_all(program)?;
    executable(file)
}

/// A program that is open for writing cannot be run.
fn executable(file: File) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(File::open(path)?.into())
}
