//! One helper on one host: requests out, outcomes back.

use super::Target;
use crate::protocol::{Digest, Outcome, TaskRequest};
use std::io::Read;
use std::time::Duration;

/// Why a request has no outcome. All but `Lost` mean that nothing was started.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// No connection: name, network, host key, authentication (`message` says which and what to do).
    #[error("{message}")]
    Unreachable { message: String },
    /// The connection ended, or the host stopped answering, while a task ran.
    #[error("{message}")]
    Lost { message: String },
    /// The host is reachable but the helper cannot run there (no writable folder that allows programs, wrong architecture).
    #[error("{message}")]
    Helper { message: String },
}

/// Contents on the control machine by digest, for tasks that send files.
pub trait BlobStore {
    /// A fresh reader of the content; the error says why there is none (any more).
    ///
    /// # Errors
    /// Why it cannot be read.
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read>, String>;
    /// A piece of a file that the host sends (`fetch`).
    ///
    /// # Errors
    /// Why it cannot be kept; the session goes on.
    fn receive(&self, data: &[u8]) -> Result<(), String>;
    /// What a running command prints, live.
    fn output(&self, text: &str);
}

/// What went over the wire since the session was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times the control machine had to wait for an answer.
    pub round_trips: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
}

/// A connection with a helper at its other end. Used by one thread at a time.
pub struct Session {}

impl Session {
    /// Connects, authenticates, starts the helper (sending it if the host does not have it).
    ///
    /// # Errors
    /// [`CallError::Unreachable`] or [`CallError::Helper`].
    pub fn open(target: &Target) -> Result<Self, CallError> {
        let _ = target;
        todo!()
    }

    /// Runs tasks one after the other, sent together: one outcome per request, in order. `idle` is how long the host may be silent (it
    /// answers pings while it works) before the connection counts as lost.
    ///
    /// # Errors
    /// [`CallError::Lost`]; the session cannot be used any more.
    pub fn call(
        &mut self,
        requests: &[TaskRequest],
        blobs: &dyn BlobStore,
        idle: Duration,
    ) -> Result<Vec<Outcome>, CallError> {
        let _ = (requests, blobs, idle);
        todo!()
    }

    pub fn stats(&self) -> Stats {
        todo!()
    }

    /// How the connection was made and why so (`-v`).
    pub fn describe(&self) -> String {
        todo!()
    }
}
