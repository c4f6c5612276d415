//! A libssh2 channel as a link.

use crate::transport::interrupt;
use crate::transport::link::{Link, Outgoing, keep, timespec, would_block};
use rustix::event::{PollFd, PollFlags, poll};
use ssh2::{BlockDirections, Channel, ErrorCode, Session};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// So much is read before it is looked at.
const READ_AT_ONCE: usize = 4 * 1024 * 1024;

pub struct SshLink {
    session: Session,
    /// The session's own, to wait for.
    socket: OwnedFd,
    channel: Channel,
    complaints: Vec<u8>,
    /// What was interrupted with a packet half on its way: it has to go on before anything else may be sent.
    unfinished: Unfinished,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    Nothing,
    Write,
    Read,
}

impl SshLink {
    pub fn new(session: Session, socket: OwnedFd, channel: Channel) -> Self {
        Self { session, socket, channel, complaints: Vec::new(), unfinished: Unfinished::Nothing }
    }

    /// What to wait for before the next exchange.
    pub fn poll_fd(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.socket.as_fd(), wanted(&self.session))
    }

    /// Whether a packet of ours waits for room in the socket.
    fn is_stuck(&self) -> bool {
        matches!(self.session.block_directions(), BlockDirections::Outbound | BlockDirections::Both)
    }

    /// Whether something was written; `false` also when there is no room.
    fn write(&mut self, outgoing: &mut Outgoing) -> io::Result<bool> {
        let mut moved = false;
        while outgoing.len() > 0 {
            match self.channel.write(outgoing.pending()) {
                Ok(0) => break,
                Ok(count) => {
                    outgoing.advance(count);
                    moved = true;
                }
                Err(error) if would_block(&error) => {
                    if self.is_stuck() {
                        self.unfinished = Unfinished::Write;
                    }
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }

    fn read(&mut self, incoming: &mut Vec<u8>) -> io::Result<bool> {
        let before = incoming.len();
        let mut buffer = [0; 64 * 1024];
        let mut heard = false;
        while incoming.len() - before < READ_AT_ONCE {
            match self.channel.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => incoming.extend_from_slice(&buffer[..count]),
                Err(error) if would_block(&error) => {
                    if self.is_stuck() {
                        self.unfinished = Unfinished::Read;
                        return Ok(incoming.len() > before);
                    }
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        loop {
            match self.channel.stderr().read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    keep(&mut self.complaints, &buffer[..count]);
                    heard = true;
                }
                Err(error) if would_block(&error) => {
                    if self.is_stuck() {
                        self.unfinished = Unfinished::Read;
                    }
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if incoming.len() == before && self.channel.eof() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(heard || incoming.len() > before)
    }
}

impl Link for SshLink {
    fn exchange(
        &mut self,
        outgoing: &mut Outgoing,
        incoming: &mut Vec<u8>,
        wait: Duration,
    ) -> io::Result<()> {
        let until = Instant::now() + wait;
        loop {
            let mut moved = false;
            let unfinished = std::mem::replace(&mut self.unfinished, Unfinished::Nothing);
            if unfinished == Unfinished::Read {
                moved |= self.read(incoming)?;
            }
            if self.unfinished == Unfinished::Nothing {
                moved |= self.write(outgoing)?;
            }
            if self.unfinished == Unfinished::Nothing {
                moved |= self.read(incoming)?;
            }
            let left = until.saturating_duration_since(Instant::now());
            if moved || left.is_zero() {
                return Ok(());
            }
            wait_for(&self.session, &self.socket, left)?;
        }
    }

    fn complaints(&mut self) -> String {
        String::from_utf8_lossy(&self.complaints).into_owned()
    }
}

/// What a session waits for.
fn wanted(session: &Session) -> PollFlags {
    match session.block_directions() {
        BlockDirections::Outbound => PollFlags::OUT,
        BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
        BlockDirections::Inbound | BlockDirections::None => PollFlags::IN,
    }
}

/// Waits until the session can go on, at most so long; whether it can.
///
/// # Errors
/// When the socket cannot be waited for.
pub fn wait_for(session: &Session, socket: &OwnedFd, wait: Duration) -> io::Result<bool> {
    // sshd does not set TCP_NODELAY for sessions like ours: its second small packet waits until the first one is
    // acknowledged, which a kernel puts off for 40 ms unless told otherwise, each time anew. Tunnels are no TCP.
    let _ = rustix::net::sockopt::set_tcp_quickack(socket, true);
    match poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), wanted(session))], Some(&timespec(wait))) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Repeats a step of a non-blocking session until it is done or `until` has passed.
///
/// # Errors
/// The step's own; a timeout is one of libssh2's.
pub fn drive<T>(
    session: &Session,
    socket: &OwnedFd,
    until: Instant,
    mut step: impl FnMut() -> Result<T, ssh2::Error>,
) -> Result<T, ssh2::Error> {
    loop {
        match step() {
            Err(error) if error.code() == AGAIN => {
                let left = until.saturating_duration_since(Instant::now());
                let wait = left.min(interrupt::INTERVAL);
                if left.is_zero() || interrupt::requested() || wait_for(session, socket, wait).is_err() {
                    return Err(ssh2::Error::from_errno(TIMEOUT));
                }
            }
            result => return result,
        }
    }
}

/// libssh2 would have to wait.
const AGAIN: ErrorCode = ErrorCode::Session(-37);
/// libssh2 has waited long enough.
pub const TIMEOUT: ErrorCode = ErrorCode::Session(-9);

impl Drop for SshLink {
    /// Ends the channel and with it what runs on the host; nobody waits for its answer.
    fn drop(&mut self) {
        // The socket closes after this, and sshd ends what runs; this makes it an orderly end where it can be one.
        if self.unfinished == Unfinished::Nothing && self.channel.send_eof().is_ok() {
            let _ = self.channel.close();
        }
    }
}
