//! The way back to the control machine.

use crate::protocol::{FrameError, Reply, write_frame};
use std::fs::File;
use std::io::BufWriter;
use std::sync::Mutex;

/// Replies, written whole, from any thread.
pub struct Outbox {
    stdout: Mutex<BufWriter<File>>,
}

impl Outbox {
    pub fn new(stdout: File) -> Self {
        Self { stdout: Mutex::new(BufWriter::with_capacity(64 * 1024, stdout)) }
    }

    /// # Errors
    /// When the connection is gone, or the reply is larger than a message may be.
    pub fn send(&self, reply: &Reply) -> Result<(), FrameError> {
        // A thread that panicked while writing has lost its own reply only if nothing of it went out; the
        // connection is useless otherwise, and the control machine will find that out.
        let mut stdout = self.stdout.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        write_frame(&mut *stdout, reply)
    }
}
