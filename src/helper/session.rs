//! The session loop: frames in, tasks one after the other, frames out.
//!
//! Three kinds of threads: the main one decodes frames and answers pings, so that a busy host still answers; the
//! dispatcher decides what runs and ends what must end; each task has one of its own, which can be given up when
//! it does not end.

#![allow(clippy::disallowed_macros)] // See `helper`.

use super::blobs::{Store, TaskLink};
use super::outbox::Outbox;
use super::processes::{self, Moment};
use super::relay::Relays;
use crate::modules::kit::Host;
use crate::protocol::{FrameError, Hello, Outcome, Reply, Request, TaskRequest, VERSION, read_frame};
use crate::value::{Map, Value};
use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::BufReader;
use std::os::fd::AsFd;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How long a task may take to end after its processes were killed; then it is given up.
const GRACE: Duration = Duration::from_secs(2);

/// The size of the pipe in which requests arrive, if the system grants it.
const PIPE: usize = 1 << 20;

/// Between two rounds of killing, while a task starts new processes.
const KILL_INTERVAL: Duration = Duration::from_millis(10);

/// While a task runs, the control machine says something at least every half minute. After so long a silence the
/// connection is dead even if nobody told this host.
const SILENCE: Duration = Duration::from_secs(15 * 60);

enum Event {
    Task(Box<TaskRequest>),
    /// Something was received.
    Alive,
    Finished {
        id: u64,
        outcome: Box<Outcome>,
    },
    Closed,
}

/// Serves until stdin ends; the exit code.
pub fn serve() -> i32 {
    let (stdin, stdout) =
        match (std::io::stdin().as_fd().try_clone_to_owned(), std::io::stdout().as_fd().try_clone_to_owned())
        {
            (Ok(stdin), Ok(stdout)) => (File::from(stdin), File::from(stdout)),
            _ => return 1,
        };
    std::panic::set_hook(Box::new(remember_panic));
    let outbox = Arc::new(Outbox::new(stdout));
    let store = Arc::new(Store::default());
    let relays = Arc::new(Relays::new(outbox.clone()));
    let user = super::user_name();
    let hello = Hello { version: VERSION, pid: std::process::id(), user: user.clone() };
    if outbox.send(&Reply::Hello(hello)).is_err() {
        return 1;
    }
    let (events, inbox) = mpsc::channel();
    let dispatcher = Dispatcher {
        user,
        inbox,
        events: events.clone(),
        outbox: outbox.clone(),
        store: store.clone(),
        relays: relays.clone(),
        waiting: VecDeque::new(),
        given_up: HashSet::new(),
    };
    let dispatcher = std::thread::spawn(move || dispatcher.run());
    // With more room in the pipe, sshd and this program wait for each other less often. It works without.
    let _ = rustix::pipe::fcntl_setpipe_size(&stdin, PIPE);
    let end = read(&mut BufReader::with_capacity(64 * 1024, stdin), &events, &outbox, &store, &relays);
    if let Err(FrameError::Malformed(_) | FrameError::TooLarge(_)) = &end {
        eprintln!("ekumen-helper: the control machine sent nonsense");
    }
    store.close();
    relays.close();
    // The dispatcher ends the process; a send that fails means that it has ended itself.
    let _ = events.send(Event::Closed);
    let _ = dispatcher.join();
    0
}

/// Decodes frames until the input ends.
fn read(
    stdin: &mut BufReader<File>,
    events: &Sender<Event>,
    outbox: &Outbox,
    store: &Store,
    relays: &Relays,
) -> Result<(), FrameError> {
    loop {
        let request = read_frame(stdin)?;
        let event = match request {
            Request::Task(task) => Event::Task(Box::new(task)),
            Request::Ping => {
                outbox.send(&Reply::Pong)?;
                relays.forward(&Request::Ping);
                Event::Alive
            }
            // Contents go where the running task is.
            content => {
                match relays.forward_blob(content) {
                    Some(Request::Blob { name, data, end }) => store.receive(&name, &data, end.as_ref()),
                    Some(Request::Sum { name, digest }) => store.learn(name, digest),
                    Some(Request::NoBlob { name, why }) => store.refuse(&name, why),
                    _ => {}
                }
                Event::Alive
            }
        };
        if events.send(event).is_err() {
            return Ok(());
        }
    }
}

struct Dispatcher {
    /// The name of the user this helper runs as.
    user: String,
    inbox: Receiver<Event>,
    events: Sender<Event>,
    outbox: Arc<Outbox>,
    store: Arc<Store>,
    relays: Arc<Relays>,
    waiting: VecDeque<Box<TaskRequest>>,
    /// Tasks that did not end when they had to; what they still answer is dropped.
    given_up: HashSet<u64>,
}

impl Dispatcher {
    fn run(mut self) {
        loop {
            while let Some(task) = self.waiting.pop_front() {
                let id = task.id;
                let Some(outcome) = self.run_task(task) else { return };
                if self.outbox.send(&Reply::Done { id, outcome: fit(outcome) }).is_err() {
                    return;
                }
                self.store.tidy();
            }
            match self.inbox.recv() {
                Ok(Event::Task(task)) => self.waiting.push_back(task),
                Ok(Event::Closed) | Err(_) => return,
                Ok(Event::Alive | Event::Finished { .. }) => {}
            }
        }
    }

    /// `None` when the connection ended.
    fn run_task(&mut self, mut task: Box<TaskRequest>) -> Option<Outcome> {
        let id = task.id;
        // As with Ansible: who is that user already need not become it, and needs no sudo.
        task.identity.take_if(|identity| identity.user == self.user);
        // `userdel` and `usermod` refuse while a process of that user runs, and its helper would.
        if task.module == "user"
            && let Some(name) = ["name", "user"].iter().find_map(|key| task.args.get(key)?.as_str())
        {
            self.relays.leave(name);
        }
        let since = Moment::now();
        let timeout = task.timeout.filter(|seconds| *seconds > 0);
        // The helper of another identity watches its own clock.
        let relayed = task.identity.is_some();
        // So does a job.
        let deadline = timeout
            .filter(|_| !relayed && task.job.is_none())
            .map(|seconds| (Instant::now() + Duration::from_secs(seconds.into()), seconds));
        self.start(task);
        let mut heard = Instant::now();
        loop {
            let until = deadline.map_or(heard + SILENCE, |(at, _)| at.min(heard + SILENCE));
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Finished { id: finished, outcome }) if finished == id => return Some(*outcome),
                Ok(Event::Finished { id: finished, .. }) => {
                    self.given_up.remove(&finished);
                }
                Ok(Event::Task(task)) => {
                    heard = Instant::now();
                    self.waiting.push_back(task);
                }
                Ok(Event::Alive) => heard = Instant::now(),
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => {
                    // What the task waits for is gone and its processes are killed until it notices.
                    self.end_task(id, since);
                    return None;
                }
                Err(RecvTimeoutError::Timeout) => match deadline {
                    Some((at, seconds)) if Instant::now() >= at => {
                        return self.end_task(id, since).map(|()| timed_out(seconds));
                    }
                    _ if heard.elapsed() >= SILENCE => {
                        self.end_task(id, since);
                        std::process::exit(1);
                    }
                    _ => {}
                },
            }
        }
    }

    fn start(&self, task: Box<TaskRequest>) {
        let id = task.id;
        let (events, store, outbox) = (self.events.clone(), self.store.clone(), self.outbox.clone());
        let relays = self.relays.clone();
        let work = move || {
            let outcome = match &task.identity {
                Some(_) => relays.run(&task),
                None if let Some(job) = &task.job => super::jobs::start(&task, job),
                None => guard(&task.module, || {
                    let mut link = TaskLink::new(&task, store, outbox);
                    Host::execute(&task, &mut link)
                }),
            };
            // Nobody listens any more when the connection is gone.
            let _ = events.send(Event::Finished { id, outcome: Box::new(outcome) });
        };
        if let Err(error) = std::thread::Builder::new().name("task".into()).stack_size(8 << 20).spawn(work) {
            let outcome = failed(format!("the host cannot start a thread: {error}"), []);
            let _ = self.events.send(Event::Finished { id, outcome: Box::new(outcome) });
        }
    }

    /// Kills the task's processes until it ends, or gives it up; `None` if the connection ended meanwhile.
    fn end_task(&mut self, id: u64, since: Moment) -> Option<()> {
        let give_up = Instant::now() + GRACE;
        let mut closed = false;
        while Instant::now() < give_up {
            processes::kill_started_since(since);
            match self.inbox.recv_timeout(KILL_INTERVAL) {
                Ok(Event::Finished { id: finished, .. }) if finished == id => {
                    // What it has started in its last moments.
                    processes::kill_started_since(since);
                    return if closed { None } else { Some(()) };
                }
                Ok(Event::Task(task)) => self.waiting.push_back(task),
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => closed = true,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
        processes::kill_started_since(since);
        self.given_up.insert(id);
        if closed { None } else { Some(()) }
    }
}

/// The result of a task whose time is up, as Ansible reports it.
fn timed_out(seconds: u32) -> Outcome {
    let mark = timed_out_mark(seconds);
    failed(format!("Task failed: Timed out after {seconds} second(s)."), [("timedout", mark)])
}

/// What such a result has as `timedout`.
pub fn timed_out_mark(seconds: u32) -> Value {
    let frame = "Configure `DISPLAY_TRACEBACK` to see a traceback on timeout errors.";
    Value::object([("frame", Value::from(frame)), ("period", seconds.into())])
}

/// A failed outcome with that message.
pub fn failed<const N: usize>(msg: String, more: [(&str, Value); N]) -> Outcome {
    let mut result: Map = more.into_iter().map(|(key, value)| (Value::str(key), value)).collect();
    result.insert("changed".into(), false.into());
    result.insert("failed".into(), true.into());
    result.insert("msg".into(), msg.into());
    Outcome { result: Value::map(result), failed: true, ..Outcome::default() }
}

/// An outcome that no message can carry becomes a failure that says so.
fn fit(outcome: Outcome) -> Outcome {
    fn size(value: &Value) -> usize {
        match value {
            Value::Str(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(items) => items.iter().map(size).sum(),
            Value::Map(map) => map.iter().map(|(key, value)| size(key) + size(value)).sum(),
            _ => 0,
        }
        .saturating_add(9)
    }
    let texts = outcome.diff.iter().map(|diff| size(&diff.before) + size(&diff.after)).sum::<usize>();
    let total = size(&outcome.result) + texts;
    if total < crate::protocol::MAX_FRAME as usize - (1 << 20) {
        return outcome;
    }
    let mut replaced = failed(
        format!(
            "The result of the task has {total} bytes, more than the {} that a result may have.",
            crate::protocol::MAX_FRAME
        ),
        [("changed", outcome.changed.into())],
    );
    replaced.changed = outcome.changed;
    replaced
}

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what a panic says for the outcome; nothing of it belongs on the connection.
fn remember_panic(info: &std::panic::PanicHookInfo) {
    let payload = info.payload();
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no reason given".into());
    let place =
        info.location().map_or_else(String::new, |place| format!(" ({}:{})", place.file(), place.line()));
    PANIC.with(|panic| *panic.borrow_mut() = Some(text + &place));
}

/// Runs a module; a panic in it is a failed task.
pub fn guard(module: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let why = PANIC.with(|panic| panic.borrow_mut().take()).unwrap_or_default();
        failed(format!("The module {module} broke off because of a bug in it: {why}"), [])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::to_json;

    #[test]
    fn ends_are_told_as_ansible_does() {
        let outcome = timed_out(3);
        assert!(outcome.failed && !outcome.changed);
        assert_eq!(outcome.result.get("msg"), Some(&"Task failed: Timed out after 3 second(s).".into()));
        assert_eq!(outcome.result.path(&["timedout", "period"]), Some(&3i64.into()));
    }

    #[test]
    fn a_panic_is_a_failed_task() {
        std::panic::set_hook(Box::new(remember_panic));
        let outcome = guard("broken", || panic!("index {} out of range", 7));
        let _ = std::panic::take_hook();
        let text = to_json(&outcome.result);
        assert!(outcome.failed && text.contains("index 7 out of range (src/helper/session.rs:"), "{text}");
    }

    #[test]
    fn a_result_that_no_message_carries_is_a_failure() {
        let huge = Value::Bytes(vec![0u8; crate::protocol::MAX_FRAME as usize].into());
        let outcome =
            Outcome { result: Value::object([("content", huge)]), changed: true, ..Outcome::default() };
        let outcome = fit(outcome);
        assert!(outcome.failed && outcome.changed);
        assert!(!fit(Outcome { result: Value::object([("a", "b")]), ..Outcome::default() }).failed);
    }
}
