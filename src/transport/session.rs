//! One helper on one host: requests out, outcomes back.

use super::Target;
use super::bootstrap;
use super::interrupt;
use super::retry::Attempts;
use super::wire::Wire;
use crate::protocol::{BLOB_CHUNK, Digest, Outcome, Reply, Request, TaskRequest};
use crate::value::Value;
use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::time::{Duration, Instant};

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
    /// The SHA-1 of a content, which may be called something else; computing it may take as long as reading it.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn digest(&self, name: &Digest) -> Result<Digest, String> {
        Ok(name.clone())
    }
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
pub struct Session {
    wire: Wire,
    host: String,
    description: String,
    silence: Duration,
    next_id: u64,
    /// Why nothing can be asked any more.
    dead: Option<CallError>,
    /// When the host last answered.
    heard: Instant,
}

/// While a request is out, something is said at least so often, so that both sides notice when the other is gone.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A host that was silent for longer while nothing was asked may be gone without a word.
const FRESH: Duration = Duration::from_secs(10);

/// So long may it take to say that it is not.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Requests and contents are ahead of the network by so much.
const BACKLOG: usize = 2 * BLOB_CHUNK;

impl Session {
    /// Connects, authenticates, starts the helper (sending it if the host does not have it).
    ///
    /// # Errors
    /// [`CallError::Unreachable`] or [`CallError::Helper`].
    pub fn open(target: &Target) -> Result<Self, CallError> {
        Self::open_telling(target, &|_| {})
    }

    /// As [`Session::open`]; `tell` hears what is done, for people (`-vvv`).
    ///
    /// # Errors
    /// See there.
    pub fn open_telling(target: &Target, tell: &dyn Fn(&str)) -> Result<Self, CallError> {
        let mut attempts = Attempts::new();
        loop {
            let error = match Self::open_once(target, tell) {
                Err(CallError::Unreachable { message }) => message,
                result => return result,
            };
            match attempts.pause(&error, target.retries) {
                Some(pause) => std::thread::sleep(pause),
                None => return Err(CallError::Unreachable { message: error }),
            }
        }
    }

    fn open_once(target: &Target, tell: &dyn Fn(&str)) -> Result<Self, CallError> {
        let opened = super::open(target, tell)?;
        let mut wire = Wire::new(opened.link);
        let hello = match &opened.bootstrap {
            Some(bootstrap) => bootstrap.start(&mut wire, &target.name)?,
            None => {
                wire.stats.round_trips += 1;
                bootstrap::hello(&mut wire, &target.name)?
            }
        };
        if target.openssh.verbosity > 0 {
            wire.complaints().lines().for_each(tell);
        }
        let description = format!("{}, as {}", opened.description, hello.user);
        Ok(Self {
            wire,
            host: target.name.clone(),
            description,
            silence: opened.silence,
            next_id: 1,
            dead: None,
            heard: Instant::now(),
        })
    }

    /// Whether the host is still there, asked before anything new is sent: one that was rebooted between two tasks is not, and as it
    /// has begun nothing of the next one, another connection can be made for that.
    pub fn is_there(&mut self) -> bool {
        if self.dead.is_some() || !self.still_open(Duration::ZERO) {
            return false;
        }
        if self.heard.elapsed() < FRESH {
            return true;
        }
        if self.wire.push_frame(&Request::Ping).is_err() {
            return false;
        }
        self.wire.stats.round_trips += 1;
        let until = Instant::now() + SIGN_OF_LIFE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.still_open(left) {
                return false;
            }
            match self.wire.take_frame() {
                Ok(Some(Reply::Pong)) => break,
                // A sign of life that nobody waited for any more.
                Ok(_) if interrupt::requested() => break,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        self.heard = Instant::now();
        true
    }

    /// Listens so long; whether nobody closed the connection.
    fn still_open(&mut self, wait: Duration) -> bool {
        match self.wire.exchange(wait) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::Interrupted,
        }
    }

    /// Runs tasks one after the other, sent together: one outcome per request, in order. `idle` is how long the host may be silent (it
    /// answers pings while it works) before the connection counts as lost. The requests' own ids do not matter.
    ///
    /// # Errors
    /// [`CallError::Lost`]; the session cannot be used any more.
    pub fn call(
        &mut self,
        requests: &[TaskRequest],
        blobs: &dyn BlobStore,
        idle: Duration,
    ) -> Result<Vec<Outcome>, CallError> {
        if let Some(error) = &self.dead {
            return Err(error.clone());
        }
        let result = self.converse(requests, blobs, idle);
        self.heard = Instant::now();
        if let Err(error) = &result {
            self.dead = Some(error.clone());
            // So that the host ends what it was doing, whenever this session is dropped.
            self.wire.close();
        }
        result
    }

    fn converse(
        &mut self,
        requests: &[TaskRequest],
        blobs: &dyn BlobStore,
        idle: Duration,
    ) -> Result<Vec<Outcome>, CallError> {
        let first = self.next_id;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; requests.len()];
        let mut waiting = (first..).zip(requests).peekable();
        self.next_id += requests.len() as u64;
        let mut open = requests.len();
        let mut asked = false;
        let mut sending: VecDeque<Transfer> = VecDeque::new();
        // What could not be received, by task.
        let mut unkept: HashMap<u64, String> = HashMap::new();
        let interval = PING_INTERVAL.min(idle / 3).max(Duration::from_millis(50));
        let (mut heard, mut pinged) = (Instant::now(), Instant::now());
        while open > 0 {
            let reading = Instant::now();
            while self.wire.backlog() < BACKLOG
                && let Some((id, request)) = waiting.next()
            {
                match self.wire.push_frame(&Request::Task(TaskRequest { id, ..request.clone() })) {
                    Ok(()) if !asked => {
                        asked = true;
                        self.wire.stats.round_trips += 1;
                    }
                    Ok(()) => {}
                    // Nothing of a request that is too large was sent, and the others can run.
                    Err(error) => {
                        let why = format!("The task cannot be sent: {error}");
                        if let Some(slot) = slot_of(&mut outcomes, first, id) {
                            *slot = Some(failure(why));
                            open -= 1;
                        }
                    }
                }
            }
            if open == 0 {
                break;
            }
            self.feed(&mut sending, blobs).map_err(|why| self.lost(&why))?;
            // Nobody listened while this machine was busy with its own files.
            heard += reading.elapsed();
            let backlog = self.wire.backlog();
            let due = interval.saturating_sub(pinged.elapsed()).min(idle.saturating_sub(heard.elapsed()));
            let all_said = sending.is_empty() && waiting.peek().is_none();
            let wait = if all_said || backlog >= BACKLOG { due } else { Duration::ZERO };
            if self.wire.exchange(wait).map_err(|error| self.broken(&error))? {
                heard = Instant::now();
            }
            if backlog >= BACKLOG / 2 && self.wire.backlog() < backlog {
                // A host that takes what is sent to it is there. (Little things only fill this machine's buffers.)
                heard = Instant::now();
            }
            while let Some(reply) = self.wire.take_frame().map_err(|error| self.lost(&error.to_string()))? {
                match reply {
                    Reply::Done { id, mut outcome } => {
                        let Some(slot @ None) = slot_of(&mut outcomes, first, id) else { continue };
                        if let Some(why) = unkept.remove(&id) {
                            outcome = failure(why);
                        }
                        *slot = Some(outcome);
                        open -= 1;
                    }
                    Reply::Need { names, .. } => {
                        self.wire.stats.round_trips += 1;
                        sending.extend(names.into_iter().map(Transfer::new));
                    }
                    Reply::Sum { name, have, .. } => {
                        self.wire.stats.round_trips += 1;
                        let answer = match blobs.digest(&name) {
                            Ok(digest) => {
                                if have.is_some_and(|have| have != digest) {
                                    sending.push_back(Transfer::new(name.clone()));
                                }
                                Request::Sum { name, digest }
                            }
                            Err(why) => Request::NoBlob { name, why },
                        };
                        heard = Instant::now();
                        self.wire.push_frame(&answer).map_err(|error| self.lost(&error.to_string()))?;
                    }
                    Reply::Output { text, .. } => blobs.output(&text),
                    Reply::Data { id, data } => {
                        if !unkept.contains_key(&id)
                            && let Err(why) = blobs.receive(&data)
                        {
                            unkept.insert(id, why);
                        }
                    }
                    Reply::Pong => {}
                    Reply::Hello(_) => return Err(self.lost("its helper started again")),
                }
            }
            if heard.elapsed() >= idle {
                return Err(self.lost(&format!("it did not answer for {} seconds", idle.as_secs())));
            }
            if pinged.elapsed() >= interval {
                pinged = Instant::now();
                self.wire.push_frame(&Request::Ping).map_err(|error| self.lost(&error.to_string()))?;
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Puts pieces of the contents that are asked for on the wire, as many as it takes.
    fn feed(&mut self, sending: &mut VecDeque<Transfer>, blobs: &dyn BlobStore) -> Result<(), String> {
        while self.wire.backlog() < BACKLOG
            && let Some(transfer) = sending.front_mut()
        {
            let request = transfer.next(blobs);
            let ended = !matches!(request, Request::Blob { end: None, .. });
            self.wire.push_frame(&request).map_err(|error| error.to_string())?;
            if ended {
                sending.pop_front();
            }
        }
        Ok(())
    }

    fn broken(&mut self, error: &std::io::Error) -> CallError {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.lost("it was closed"),
            std::io::ErrorKind::Interrupted => self.lost("the run was interrupted"),
            _ => self.lost(&error.to_string()),
        }
    }

    fn lost(&mut self, why: &str) -> CallError {
        let said = self.wire.complaints();
        let said = said.trim();
        let said = if said.is_empty() { String::new() } else { format!(" The host said: {said}") };
        CallError::Lost { message: format!("The connection to {} was lost: {why}.{said}", self.host) }
    }

    /// How long the host may be silent while a task runs, as its configuration has it.
    pub fn silence(&self) -> Duration {
        self.silence
    }

    pub fn stats(&self) -> Stats {
        self.wire.stats
    }

    /// How the connection was made and why so (`-v`).
    pub fn describe(&self) -> String {
        self.description.clone()
    }
}

/// Where the outcome of a request goes.
fn slot_of(outcomes: &mut [Option<Outcome>], first: u64, id: u64) -> Option<&mut Option<Outcome>> {
    outcomes.get_mut(usize::try_from(id.checked_sub(first)?).ok()?)
}

/// A failed outcome that this side makes.
fn failure(msg: String) -> Outcome {
    let members = [("changed", Value::from(false)), ("failed", true.into()), ("msg", msg.into())];
    Outcome { result: Value::object(members), failed: true, ..Outcome::default() }
}

/// A content on its way to the host.
struct Transfer {
    name: Digest,
    reader: Option<Box<dyn Read>>,
}

impl Transfer {
    fn new(name: Digest) -> Self {
        Self { name, reader: None }
    }

    /// The next piece, or why there is none.
    fn next(&mut self, blobs: &dyn BlobStore) -> Request {
        let name = self.name.clone();
        match self.piece(blobs) {
            Ok((data, end)) => Request::Blob { name, data, end },
            Err(why) => Request::NoBlob { name, why },
        }
    }

    fn piece(&mut self, blobs: &dyn BlobStore) -> Result<(Vec<u8>, Option<Digest>), String> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert(blobs.open(&self.name)?),
        };
        let mut data = Vec::with_capacity(BLOB_CHUNK);
        let count = reader
            .take(BLOB_CHUNK as u64)
            .read_to_end(&mut data)
            .map_err(|error| format!("cannot read a file to be sent: {error}"))?;
        let end = if count < BLOB_CHUNK { Some(blobs.digest(&self.name)?) } else { None };
        Ok((data, end))
    }
}
