//! How bytes reach a machine: `ssh` (libssh2), `openssh` (a system `ssh` as the pipe), `local`; the bootstrap
//! that starts the helper there; the session that speaks the protocol with it.

mod askpass;
mod bootstrap;
mod embedded;
mod interrupt;
mod link;
mod local;
mod openssh;
mod retry;
mod session;
mod ssh;
mod target;
mod wire;

pub use askpass::{askpass_main, set_askpass_program};
pub use interrupt::stop_when;
pub use session::{BlobStore, CallError, Session, Stats};
pub use target::{Connection, HostKeyPolicy, OpenSshOptions, Target, TransportKind};

use bootstrap::Bootstrap;
use link::Link;
use std::time::Duration;

/// A connection on which the helper does not run yet.
struct Opened {
    link: Box<dyn Link>,
    /// What starts it, where it has not been started with the connection.
    bootstrap: Option<Bootstrap>,
    /// How the connection was made.
    description: String,
    /// So long may the host say nothing while a task runs.
    silence: Duration,
}

/// A host that answers no ping for so long is gone, unless `ServerAliveInterval` says something else.
const SILENCE: Duration = Duration::from_secs(30);

/// Connects by the transport that the target wants, or that its configuration asks for. `tell` hears what is done for that.
fn open(target: &Target, tell: &dyn Fn(&str)) -> Result<Opened, CallError> {
    match target.kind {
        TransportKind::Local => Ok(Opened {
            link: local::connect()?,
            bootstrap: None,
            description: "local: a child process".into(),
            silence: SILENCE,
        }),
        TransportKind::Auto | TransportKind::Ssh | TransportKind::OpenSsh => ssh::open(target, tell),
    }
}
