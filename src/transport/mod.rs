//! How bytes reach a machine: `ssh` (libssh2), `openssh` (a system `ssh` as the pipe), `local`; the bootstrap
//! that starts the helper there; the session that speaks the protocol with it.

mod session;
mod target;

pub use session::{BlobStore, CallError, Session, Stats};
pub use target::{Connection, HostKeyPolicy, Target, TransportKind};
