//! Bytes in both directions at once.

use super::askpass::Answers;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

/// Complaints beyond this are of no use to anybody.
const COMPLAINTS: usize = 16 * 1024;

/// So long may a child take to end.
const PATIENCE: Duration = Duration::from_secs(3);

/// So much is read before it is looked at.
const READ_AT_ONCE: usize = 4 * 1024 * 1024;

/// Bytes that wait to be written, in the pieces in which they came: large ones are not copied again.
#[derive(Default)]
pub struct Outgoing {
    pieces: VecDeque<Vec<u8>>,
    /// How much of the first piece was written.
    start: usize,
    length: usize,
}

/// Pieces are joined up to this size, so that many small messages go out together.
const JOINED: usize = 32 * 1024;

impl Outgoing {
    pub fn len(&self) -> usize {
        self.length
    }

    /// What is to be written next; empty only when nothing waits.
    pub fn pending(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| &piece[self.start..])
    }

    pub fn push(&mut self, bytes: Vec<u8>) {
        self.length += bytes.len();
        match self.pieces.back_mut() {
            Some(last) if last.len() + bytes.len() <= JOINED => last.extend_from_slice(&bytes),
            _ if bytes.is_empty() => {}
            _ => self.pieces.push_back(bytes),
        }
    }

    pub fn advance(&mut self, count: usize) {
        self.start += count;
        self.length -= count;
        if self.pieces.front().is_some_and(|piece| piece.len() == self.start) {
            self.pieces.pop_front();
            self.start = 0;
        }
    }
}

/// A connection to a helper, or to the shell that starts it.
pub trait Link: Send {
    /// Writes what can be written and reads what is there; waits for one of both at most so long.
    ///
    /// # Errors
    /// `UnexpectedEof` when the other side closed; else why nothing can be written or read.
    fn exchange(&mut self, outgoing: &mut Outgoing, incoming: &mut Vec<u8>, wait: Duration)
    -> io::Result<()>;

    /// What the other side said on its standard error.
    fn complaints(&mut self) -> String;

    /// Called after the end: why there never was a connection, if that is so.
    fn refusal(&mut self) -> Option<String> {
        None
    }
}

/// A process as the other side.
pub struct ChildLink {
    child: Child,
    /// Closed to end the child.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    complaints: Vec<u8>,
    ssh: Option<SystemSsh>,
}

/// What is special about a child that is `ssh`.
struct SystemSsh {
    has_password: bool,
    /// Kept as long as it may ask.
    answers: Option<Answers>,
}

/// `ssh` ends with this when it has failed itself.
const SSH_FAILED: i32 = 255;

impl ChildLink {
    /// Takes over a process whose three streams are pipes.
    ///
    /// # Errors
    /// When they are not, or cannot be made non-blocking.
    pub fn new(mut child: Child) -> io::Result<Self> {
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(io::Error::other("the process has no pipes"));
        };
        rustix::io::ioctl_fionbio(&stdin, true)?;
        rustix::io::ioctl_fionbio(&stdout, true)?;
        rustix::io::ioctl_fionbio(&stderr, true)?;
        Ok(Self {
            child,
            stdin: Some(stdin),
            stdout,
            stderr: Some(stderr),
            complaints: Vec::new(),
            ssh: None,
        })
    }

    /// The child is `ssh`.
    pub fn with_ssh(mut self, has_password: bool, answers: Option<Answers>) -> Self {
        self.ssh = Some(SystemSsh { has_password, answers });
        self
    }

    fn listen(&mut self) {
        let mut buffer = [0; 4096];
        while let Some(stderr) = &mut self.stderr {
            match stderr.read(&mut buffer) {
                Ok(count @ 1..) => keep(&mut self.complaints, &buffer[..count]),
                Err(error) if would_block(&error) => break,
                _ => self.stderr = None,
            }
        }
    }

    /// The exit status, if the process has ended.
    pub fn status(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

/// Appends, and forgets the oldest.
pub fn keep(complaints: &mut Vec<u8>, more: &[u8]) {
    complaints.extend_from_slice(more);
    if complaints.len() > COMPLAINTS {
        complaints.drain(..complaints.len() - COMPLAINTS);
    }
}

pub fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

pub fn timespec(wait: Duration) -> Timespec {
    Timespec { tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: wait.subsec_nanos().into() }
}

impl Link for ChildLink {
    fn exchange(
        &mut self,
        outgoing: &mut Outgoing,
        incoming: &mut Vec<u8>,
        wait: Duration,
    ) -> io::Result<()> {
        let until = Instant::now() + wait;
        let before = incoming.len();
        loop {
            let mut moved = false;
            while let Some(stdin) = self.stdin.as_mut().filter(|_| outgoing.len() > 0) {
                match stdin.write(outgoing.pending()) {
                    Ok(count) => {
                        outgoing.advance(count);
                        moved = true;
                    }
                    Err(error) if would_block(&error) => break,
                    // What it says before it ends explains more than the broken pipe does.
                    Err(_) => self.stdin = None,
                }
            }
            let mut buffer = [0; 64 * 1024];
            while incoming.len() - before < READ_AT_ONCE {
                match self.stdout.read(&mut buffer) {
                    Ok(0) => {
                        self.listen();
                        return if incoming.len() > before {
                            Ok(())
                        } else {
                            Err(io::ErrorKind::UnexpectedEof.into())
                        };
                    }
                    Ok(count) => {
                        incoming.extend_from_slice(&buffer[..count]);
                        moved = true;
                    }
                    Err(error) if would_block(&error) => break,
                    Err(error) => return Err(error),
                }
            }
            self.listen();
            let left = until.saturating_duration_since(Instant::now());
            if moved || left.is_zero() {
                return Ok(());
            }
            let mut streams = vec![PollFd::from_borrowed_fd(self.stdout.as_fd(), PollFlags::IN)];
            if let Some(stderr) = &self.stderr {
                streams.push(PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::IN));
            }
            if let Some(stdin) = self.stdin.as_ref().filter(|_| outgoing.len() > 0) {
                streams.push(PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::OUT));
            }
            match poll(&mut streams, Some(&timespec(left))) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn complaints(&mut self) -> String {
        self.listen();
        String::from_utf8_lossy(&self.complaints).into_owned()
    }

    fn refusal(&mut self) -> Option<String> {
        let has_password = self.ssh.as_ref()?.has_password;
        // It has closed its output and is about to end.
        let patience = Instant::now() + PATIENCE;
        let status = loop {
            match self.status() {
                Some(status) => break status,
                None if Instant::now() > patience => return None,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        if status.code() != Some(SSH_FAILED) {
            return None;
        }
        let said = self.complaints();
        let unanswered = self.ssh.as_ref().and_then(|ssh| ssh.answers.as_ref()).and_then(Answers::unanswered);
        let denied = has_password && unanswered.is_none() && said.contains("Permission denied");
        let start =
            if denied { "Invalid/incorrect password" } else { "Failed to connect to the host via ssh" };
        let parts = [Some(format!("{start}: {}", said.trim())), unanswered];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for ChildLink {
    /// The child ends by itself, and ends what it runs, when its input ends; one that does not is killed.
    fn drop(&mut self) {
        self.stdin = None;
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience {
            if self.status().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // It may have ended in this moment.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_out_in_order() {
        let mut outgoing = Outgoing::default();
        let sizes = [1, 3, JOINED - 2, JOINED, 0, 5, 7];
        let pieces: Vec<Vec<u8>> = sizes.iter().zip(b'a'..).map(|(size, byte)| vec![byte; *size]).collect();
        let mut written = Vec::new();
        for piece in &pieces {
            outgoing.push(piece.clone());
            let count = outgoing.pending().len().min(1000);
            written.extend_from_slice(&outgoing.pending()[..count]);
            outgoing.advance(count);
        }
        while outgoing.len() > 0 {
            let count = outgoing.pending().len().min(4096);
            assert!(count > 0, "{} bytes wait", outgoing.len());
            written.extend_from_slice(&outgoing.pending()[..count]);
            outgoing.advance(count);
        }
        assert!(written == pieces.concat());
        assert!(outgoing.pending().is_empty());
    }
}
