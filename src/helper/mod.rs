//! The program that runs on a host: it speaks [`crate::protocol`] on stdin and stdout, runs modules, and starts
//! copies of itself as other users ([`relay`]).
//!
//! Nothing of it outlives its connection: when stdin ends, the processes of the running task are killed
//! ([`processes`]) and the helper exits. What earlier tasks left behind on purpose (a daemon, `nohup … &`, a job of `async`,
//! [`jobs`]) stays.

#![allow(clippy::disallowed_macros)] // What goes wrong before there is a connection goes to the standard error of the login.

mod blobs;
pub mod escalate;
mod jobs;
mod options;
mod outbox;
mod processes;
mod prompt;
mod relay;
mod session;
mod terminal;

pub use session::timed_out_mark;

use options::Options;
use rustix::process::DumpableBehavior;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Runs the helper on stdin and stdout until its input ends; the exit code.
pub fn main() -> i32 {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Options::Serve(serve)) => run(&serve),
        Ok(Options::Verify(digest)) => i32::from(!is_intact(&digest)),
        Ok(Options::Job(file)) => jobs::detach(&file),
        Ok(Options::JobRun(file)) => jobs::run(&file),
        Ok(Options::Terminal { terminal, command }) => terminal::run(&terminal, &command),
        Err(message) => {
            eprintln!("ekumen-helper: {message}");
            2
        }
    }
}

fn run(serve: &options::Serve) -> i32 {
    // Become passwords and file contents pass through this process: no core dumps, no ptrace by the same user.
    // Where the kernel refuses, the helper still works.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = rustix::thread::set_name(c"ekumen-helper");
    // A session of its own marks what its tasks start, and takes away the terminal that `su` may have needed. It
    // fails when the helper leads one already, as it does under sshd.
    let _ = rustix::process::setsid();
    if let Some(umask) = serve.umask {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
    }
    if let Some(directory) = &serve.directory {
        // A home that does not exist is no reason not to work: `/` always does.
        if std::env::set_current_dir(directory).is_err() {
            let _ = std::env::set_current_dir("/");
        }
    }
    for path in &serve.remove {
        remove(path);
    }
    session::serve()
}

/// Removes this program's file, or the private folder that was made for it.
fn remove(path: &Path) {
    // What is gone already is as good as removed, and there is nobody to tell about the rest.
    let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
}

/// Whether this program is the one with that SHA-256 (for hosts without `sha256sum`).
fn is_intact(expected: &str) -> bool {
    let Ok(program) = std::fs::read("/proc/self/exe") else { return false };
    let digest: String = Sha256::digest(program).iter().map(|byte| format!("{byte:02x}")).collect();
    digest == expected
}

/// The name of the user this process runs as.
fn user_name() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    // Users from a directory service are not in the file; the login has told their name.
    named.or_else(|| std::env::var("USER").ok()).or_else(|| std::env::var("LOGNAME").ok()).unwrap_or(uid)
}
