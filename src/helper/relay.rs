//! Helpers of other identities: a copy of this program under `sudo` and the like, one per identity, started on
//! first use and kept. Frames are passed on.

use super::escalate;
use super::outbox::Outbox;
use super::session::failed;
use crate::protocol::{Become, Outcome, Reply, Request, TaskRequest, read_frame, write_frame};
use std::collections::HashMap;
use std::io::{BufWriter, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All helpers of other identities on this connection.
pub struct Relays {
    outbox: Arc<Outbox>,
    open: Mutex<HashMap<Become, Arc<Relay>>>,
    /// The one whose task runs.
    current: Mutex<Option<Arc<Relay>>>,
}

/// A running helper of another identity.
struct Relay {
    /// Dropped to end it.
    stdin: Mutex<Option<BufWriter<ChildStdin>>>,
    done: Mutex<Receiver<(u64, Outcome)>>,
    /// The last words of the program on its standard error.
    complaints: Arc<Mutex<String>>,
    /// Says nothing, and is closed when the program has ended.
    gone: Mutex<Receiver<()>>,
    /// A terminal that closes ends the session on it.
    _terminal: Option<OwnedFd>,
}

/// How long a helper that has nothing to do may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What [`escalate::start`] hands over: a process that has said hello.
pub struct Started {
    pub child: Child,
    pub stdin: ChildStdin,
    pub stdout: Box<dyn Read + Send>,
    pub terminal: Option<OwnedFd>,
    pub complaints: Arc<Mutex<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Relays {
    pub fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox, open: Mutex::default(), current: Mutex::default() }
    }

    /// Runs a task as its identity.
    pub fn run(&self, task: &TaskRequest) -> Outcome {
        let Some(identity) = task.identity.as_deref() else {
            return failed("a task without an identity".into(), []);
        };
        let known = lock(&self.open).get(identity).cloned();
        let relay = match known {
            Some(relay) => relay,
            None => match escalate::start(identity) {
                Ok(started) => {
                    let relay = Arc::new(Relay::new(started, self.outbox.clone()));
                    lock(&self.open).insert(identity.clone(), relay.clone());
                    relay
                }
                Err(refusal) => {
                    return Outcome { unreachable: refusal.too_late, ..failed(refusal.msg, []) };
                }
            },
        };
        *lock(&self.current) = Some(relay.clone());
        let outcome = relay.run(task);
        *lock(&self.current) = None;
        outcome.unwrap_or_else(|| {
            lock(&self.open).remove(identity);
            let complaints = lock(&relay.complaints);
            let user = &identity.user;
            failed(
                format!("The helper of user {user} ended while it ran the task. {}", complaints.trim()),
                [],
            )
        })
    }

    /// Passes a request on to the identity whose task runs, if one does.
    pub fn forward(&self, request: &Request) {
        let current = lock(&self.current).clone();
        if let Some(relay) = current {
            // A helper that ended shows where its task is waited for.
            relay.send(request);
        }
    }

    /// As [`Self::forward`]; gives the request back if it is for this helper.
    pub fn forward_blob(&self, request: Request) -> Option<Request> {
        let current = lock(&self.current).clone();
        let Some(relay) = current else { return Some(request) };
        relay.send(&request);
        None
    }

    /// Ends the helpers of a user: none may run who is to be removed or changed.
    pub fn leave(&self, user: &str) {
        let mut open = lock(&self.open);
        let identities: Vec<Become> = open.keys().filter(|identity| identity.user == user).cloned().collect();
        for relay in identities.iter().filter_map(|identity| open.remove(identity)) {
            lock(&relay.stdin).take();
            // Whoever does not end in time shows in what `userdel` says.
            let _ = lock(&relay.gone).recv_timeout(PATIENCE);
        }
    }

    /// The connection has ended, so theirs end.
    pub fn close(&self) {
        for relay in lock(&self.open).values() {
            lock(&relay.stdin).take();
        }
    }
}

impl Relay {
    fn new(started: Started, outbox: Arc<Outbox>) -> Self {
        let Started { mut child, stdin, mut stdout, terminal, complaints } = started;
        let (answers, done) = mpsc::channel();
        let (running, gone) = mpsc::channel();
        std::thread::spawn(move || {
            while let Ok(reply) = read_frame::<Reply>(&mut stdout) {
                match reply {
                    Reply::Done { id, outcome } => {
                        if answers.send((id, outcome)).is_err() {
                            break;
                        }
                    }
                    Reply::Hello(_) | Reply::Pong => {}
                    // What cannot be passed on has nobody to go to any more.
                    other => drop(outbox.send(&other)),
                }
            }
            drop(answers);
            // Only so that no zombie stays.
            let _ = child.wait();
            drop(running);
        });
        Self {
            stdin: Mutex::new(Some(BufWriter::with_capacity(64 * 1024, stdin))),
            done: Mutex::new(done),
            complaints,
            gone: Mutex::new(gone),
            _terminal: terminal,
        }
    }

    fn send(&self, request: &Request) -> bool {
        lock(&self.stdin).as_mut().is_some_and(|stdin| write_frame(stdin, request).is_ok())
    }

    /// `None` when the helper ended.
    fn run(&self, task: &TaskRequest) -> Option<Outcome> {
        let done = lock(&self.done);
        let request = Request::Task(TaskRequest { identity: None, ..task.clone() });
        if !self.send(&request) {
            return None;
        }
        loop {
            match done.recv() {
                Ok((id, outcome)) if id == task.id => return Some(outcome),
                // The late answer of a task that was given up.
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}
