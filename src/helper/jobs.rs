//! Background jobs (`async`): tasks that run on after the connection has ended.
//!
//! The helper writes the job's file, then starts a copy of itself that starts another and ends at once: the second belongs to
//! nobody, is in a session of its own, and so outlives the helper. It runs the module and replaces the file by the result, which
//! is where `async_status` (ours and Ansible's) looks for it.

#![allow(clippy::disallowed_methods)] // It starts copies of this program, whose input is a request.

use super::blobs::{Store, TaskLink};
use super::outbox::Outbox;
use super::processes::{self, Moment};
use super::session::{failed, guard};
use crate::modules::kit::Host;
use crate::protocol::{Job, Outcome, Request, TaskRequest, read_frame, write_frame};
use crate::value::{Map, Value, to_json};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// This program, even if its file is gone.
const SELF: &str = "/proc/self/exe";

/// How often processes are killed that a job starts while it is being ended.
const ROUNDS: u32 = 20;

/// Starts a job; what the task is told.
pub fn start(task: &TaskRequest, job: &Job) -> Outcome {
    match try_start(task, job) {
        Ok(result) => Outcome { result, changed: true, ..Outcome::default() },
        Err(error) => failed(format!("could not start the background job: {error}"), []),
    }
}

fn try_start(task: &TaskRequest, job: &Job) -> io::Result<Value> {
    let folder = folder(&job.folder);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let id = format!("j{}.{}", job.number, std::process::id());
    let file = folder.join(&id);
    let begun = Value::object([
        ("started", Value::Bool(true)),
        ("finished", false.into()),
        ("ansible_job_id", Value::str(&id)),
    ]);
    write(&file, &begun)?;
    let mut child = Command::new(SELF)
        .arg("--job")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let request = Request::Task(TaskRequest { job: None, identity: None, ..task.clone() });
        write_frame(&mut stdin, &request).map_err(|error| io::Error::other(error.to_string()))?;
    }
    child.wait()?;
    Ok(Value::object([
        ("ansible_job_id", Value::from(id)),
        ("changed", true.into()),
        ("finished", false.into()),
        ("results_file", Value::str(file.to_string_lossy())),
        ("started", true.into()),
    ]))
}

/// The first copy: hands its input to the second.
pub fn detach(file: &Path) -> i32 {
    let started =
        Command::new(SELF).arg("--job-run").arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    i32::from(started.is_err())
}

/// The second copy: runs the module, writes the result.
pub fn run(file: &Path) -> i32 {
    // It is the child of one that has ended or will at once; nothing of the connection's session may reach it.
    let _ = rustix::process::setsid();
    let Ok(Request::Task(task)) = read_frame::<Request>(&mut io::stdin().lock()) else { return 1 };
    let since = Moment::now();
    let limit = Duration::from_secs(task.timeout.unwrap_or(u32::MAX).into());
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let outcome = match OpenOptions::new().write(true).open("/dev/null") {
            Ok(nowhere) => guard(&task.module, || {
                let store = Arc::new(Store::default());
                // There is nobody to ask for contents any more.
                store.close();
                let mut link = TaskLink::new(&task, store, Arc::new(Outbox::new(nowhere)));
                Host::execute(&task, &mut link)
            }),
            Err(error) => failed(format!("/dev/null cannot be opened: {error}"), []),
        };
        // After the limit nobody waits for it.
        let _ = sender.send(outcome);
    };
    if std::thread::Builder::new().name("task".into()).stack_size(8 << 20).spawn(work).is_err() {
        return 1;
    }
    let outcome = receiver.recv_timeout(limit).unwrap_or_else(|_| {
        for _ in 0..ROUNDS {
            if processes::kill_started_since(since) == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        failed("Timeout exceeded".into(), [("child_pid", i64::from(std::process::id()).into())])
    });
    let mut result: Map = outcome.result.as_map().cloned().unwrap_or_default();
    result.insert("changed".into(), outcome.changed.into());
    if outcome.failed {
        result.insert("failed".into(), true.into());
    }
    if !outcome.warnings.is_empty() {
        let warnings = outcome.warnings.into_iter().map(Value::from).collect();
        result.insert("warnings".into(), Value::list(warnings));
    }
    i32::from(write(file, &Value::map(result)).is_err())
}

/// Replaces a job's file, so that who reads it sees all or nothing of it.
fn write(file: &Path, content: &Value) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".tmp");
    let new = PathBuf::from(name);
    let mut out: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = out.write_all(to_json(content).as_bytes()).and_then(|()| std::fs::rename(&new, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written
}

/// The folder, `~` replaced by the home of the user that this helper runs as.
fn folder(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}
