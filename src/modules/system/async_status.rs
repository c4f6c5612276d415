//! `async_status`: what became of a background job.

use crate::modules::kit::{Applied, Changed, Failure, Module, Plan, Probe, Target, os_error};
use crate::value::{Map, Value, from_json};
use serde::Deserialize;
use std::path::PathBuf;

pub struct AsyncStatus;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The job's name, as the task that started it returned it.
    jid: String,
    /// `status`, or `cleanup` to remove the job's file.
    #[serde(default)]
    mode: What,
    /// Where jobs leave their results.
    #[serde(default = "default_folder")]
    _async_dir: String,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum What {
    #[default]
    Status,
    Cleanup,
}

fn default_folder() -> String {
    "~/.ansible_async".into()
}

impl Module for AsyncStatus {
    const NAME: &'static str = "async_status";
    type Args = Args;
    /// The file to remove.
    type Todo = PathBuf;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<PathBuf>, Failure> {
        // A job's name is the name of a file, not a path.
        if args.jid.is_empty() || args.jid.contains('/') || args.jid.starts_with('.') {
            return Err(Failure::new(format!("'{}' is not the name of a job", args.jid)));
        }
        let path = PathBuf::from(host.path(&args._async_dir)).join(&args.jid);
        let shown = Value::str(path.to_string_lossy());
        let marks = |started: bool, finished: bool| {
            let mut marks = Map::new();
            marks.insert("ansible_job_id".into(), Value::str(&args.jid));
            let place = if args.mode == What::Cleanup { "erased" } else { "results_file" };
            marks.insert(place.into(), shown.clone());
            marks.insert("started".into(), started.into());
            marks.insert("finished".into(), finished.into());
            marks
        };
        let failure = |msg: String| Failure { msg, result: marks(true, true), cause: None };
        let text = match host.read(&path) {
            Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            _ => return Err(failure("could not find job".into())),
        };
        if args.mode == What::Cleanup {
            return Ok(Plan::Upkeep { todo: path, result: marks(false, false) });
        }
        let said = match from_json(&text) {
            Ok(Value::Map(said)) => (*said).clone(),
            _ => return Err(failure(format!("Could not parse job output: {text}"))),
        };
        let running =
            said.get("started").is_some_and(Value::truthy) && !said.get("finished").is_none_or(Value::truthy);
        let mut result = marks(true, !running);
        result.extend(said.into_iter().filter(|(key, _)| {
            !matches!(key.as_str(), Some("ansible_job_id" | "started" | "finished" | "results_file"))
        }));
        if let Some(warnings) = result.shift_remove("warnings") {
            host.warn_all(&warnings);
        }
        if result.shift_remove("failed").is_some_and(|failed| failed.truthy()) {
            let msg = result.shift_remove("msg").map(|msg| crate::value::py_str(&msg)).unwrap_or_default();
            return Err(Failure { msg, result, cause: None });
        }
        Ok(Plan::unchanged(Value::map(result)))
    }

    fn apply(path: PathBuf, _: &mut Target) -> Result<Applied, Failure> {
        std::fs::remove_file(&path).map_err(|error| Failure::new(os_error(&error)))?;
        Ok(Applied { changed: Changed::No, ..Applied::default() })
    }
}
