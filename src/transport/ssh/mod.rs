//! SSH: by libssh2 where it can do what is asked for, else by a system `ssh`.

mod auth;
mod connect;
mod host_key;
mod jump;
mod known_hosts;
mod link;
mod options;
mod pace;
mod plan;

use super::bootstrap::Bootstrap;
use super::openssh;
use super::session::CallError;
use super::{Opened, Target, TransportKind};
use plan::Plan;
use std::time::Duration;

/// Connects, authenticates, and starts the shell that starts the helper.
///
/// # Errors
/// [`CallError::Unreachable`], or [`CallError::Helper`] where no command can be run.
pub fn open(target: &Target, tell: &dyn Fn(&str)) -> Result<Opened, CallError> {
    let bootstrap = Bootstrap::new(!target.no_cache).map_err(|error| unreachable(&error.to_string()))?;
    tell(&format!("ESTABLISH SSH CONNECTION FOR USER: {}", target.user.as_deref().unwrap_or("None")));
    let chosen = match target.kind {
        TransportKind::OpenSsh => Some("it was chosen"),
        TransportKind::Auto => target.openssh.because,
        TransportKind::Ssh | TransportKind::Local => None,
    };
    if let Some(why) = chosen {
        let silence = options::silence(&options::read_words(&target.ssh_args).settings);
        return openssh::open(target, bootstrap, why, silence, tell);
    }
    let ssh = target.ssh_executable.as_deref().unwrap_or("ssh");
    let asked = options::ask(&target.ssh_args, &target.address, target.port, target.user.as_deref(), ssh)
        .map_err(|why| unreachable(&why))?;
    let silence = options::silence(&asked.settings);
    match plan::plan(target, &asked) {
        Ok(plan) => native(target, &plan, bootstrap, silence, tell),
        Err(why) if target.kind == TransportKind::Auto => {
            openssh::open(target, bootstrap, &why, silence, tell)
        }
        Err(why) => Err(unreachable(&format!("libssh2 cannot do what is asked for: {why}."))),
    }
}

fn native(
    target: &Target,
    plan: &Plan,
    bootstrap: Bootstrap,
    silence: Duration,
    tell: &dyn Fn(&str),
) -> Result<Opened, CallError> {
    match connect::connect(target, plan) {
        Ok(connection) => {
            let description = connection.description.clone();
            let link = connection.start(&bootstrap.command)?;
            Ok(Opened { link: Box::new(link), bootstrap: Some(bootstrap), description, silence })
        }
        Err(connect::Refusal::OpenSsh(why)) if target.kind == TransportKind::Auto => {
            openssh::open(target, bootstrap, &why, silence, tell)
        }
        Err(connect::Refusal::OpenSsh(why)) => {
            Err(unreachable(&format!("libssh2 cannot do what is asked for: {why}.")))
        }
        Err(connect::Refusal::Call(error)) => Err(error),
    }
}

/// Ansible's words for a host that cannot be reached.
fn unreachable(why: &str) -> CallError {
    CallError::Unreachable { message: format!("Failed to connect to the host via ssh: {why}") }
}
