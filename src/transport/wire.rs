//! Frames over a link, and what they cost.

use super::interrupt;
use super::link::{Link, Outgoing};
use super::session::Stats;
use crate::protocol::{FrameError, MAX_FRAME, Reply, Request, frame, read_frame};
use std::io;
use std::time::{Duration, Instant};

/// A link with its buffers.
pub struct Wire {
    link: Box<dyn Link>,
    outgoing: Outgoing,
    incoming: Vec<u8>,
    /// How far `incoming` was read.
    start: usize,
    pub stats: Stats,
}

impl Wire {
    pub fn new(link: Box<dyn Link>) -> Self {
        Self { link, outgoing: Outgoing::default(), incoming: Vec::new(), start: 0, stats: Stats::default() }
    }

    /// Bytes that wait to be sent.
    pub fn backlog(&self) -> usize {
        self.outgoing.len()
    }

    pub fn push(&mut self, bytes: Vec<u8>) {
        self.outgoing.push(bytes);
    }

    pub fn push_frame(&mut self, request: &Request) -> Result<(), FrameError> {
        self.outgoing.push(frame(request)?);
        Ok(())
    }

    /// Moves bytes, in either direction; waits for some at most so long. Whether anything was received.
    ///
    /// # Errors
    /// The link's; `Interrupted` when the user wants no more.
    pub fn exchange(&mut self, wait: Duration) -> io::Result<bool> {
        let until = Instant::now() + wait;
        loop {
            if interrupt::requested() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let backlog = self.outgoing.len();
            let left = until.saturating_duration_since(Instant::now());
            let received = self.exchange_once(left.min(interrupt::INTERVAL))?;
            if received || self.outgoing.len() < backlog || left <= interrupt::INTERVAL {
                return Ok(received);
            }
        }
    }

    fn exchange_once(&mut self, wait: Duration) -> io::Result<bool> {
        if self.start > 0 {
            self.incoming.drain(..self.start);
            self.start = 0;
        }
        let (unsent, received) = (self.outgoing.len(), self.incoming.len());
        let result = self.link.exchange(&mut self.outgoing, &mut self.incoming, wait);
        self.stats.bytes_sent += (unsent - self.outgoing.len()) as u64;
        self.stats.bytes_received += (self.incoming.len() - received) as u64;
        result.map(|()| self.incoming.len() > received)
    }

    /// What was received and not yet taken.
    pub fn received(&self) -> &[u8] {
        &self.incoming[self.start..]
    }

    pub fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// The next whole message, if there is one.
    pub fn take_frame(&mut self) -> Result<Option<Reply>, FrameError> {
        let received = self.received();
        let Some(header) = received.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*header);
        if length > MAX_FRAME {
            return Err(FrameError::TooLarge(length));
        }
        let whole = 4 + length as usize;
        let Some(mut frame) = received.get(..whole) else { return Ok(None) };
        let reply = read_frame(&mut frame)?;
        self.consume(whole);
        Ok(Some(reply))
    }

    /// Ends the connection now.
    pub fn close(&mut self) {
        self.link = Box::new(Closed);
    }

    /// See [`Link::refusal`].
    pub fn refusal(&mut self) -> Option<String> {
        self.link.refusal()
    }

    pub fn complaints(&mut self) -> String {
        self.link.complaints()
    }
}

/// What a connection is after its end.
struct Closed;

impl Link for Closed {
    fn exchange(&mut self, _: &mut Outgoing, _: &mut Vec<u8>, _: Duration) -> io::Result<()> {
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn complaints(&mut self) -> String {
        String::new()
    }
}
