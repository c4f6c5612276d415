//! A system `ssh` as the pipe.

use super::bootstrap::Bootstrap;
use super::link::ChildLink;
use super::session::CallError;
use super::{Opened, Target};
use std::process::{Command, Stdio};

/// Starts `ssh`; `why` it and not libssh2.
///
/// # Errors
/// When there is no such program.
pub fn open(target: &Target, bootstrap: Bootstrap, why: &str) -> Result<Opened, CallError> {
    let program = target.ssh_executable.as_deref().unwrap_or("ssh");
    let mut command = Command::new(program);
    command.arg("-T").args(&target.ssh_args);
    command.arg("--").arg(&target.address).arg(&bootstrap.command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().and_then(ChildLink::new).map_err(|error| CallError::Unreachable {
        message: format!("Failed to connect to the host via ssh: cannot run {program}: {error}"),
    })?;
    let description = format!("openssh to {}, because {why}", target.address);
    Ok(Opened { link: Box::new(child), bootstrap: Some(bootstrap), description })
}
