//! `async_status`: looks where jobs leave their results.

use super::{Action, Call, Prepared, Scene};
use crate::runner::{TaskResult, async_folder};
use crate::value::{Map, Value};

pub struct AsyncStatus;

impl Action for AsyncStatus {
    fn ignores_async(&self) -> bool {
        true
    }

    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        args.insert("_async_dir".into(), Value::from(async_folder(scene.settings, scene.context)));
        let mut call = Call::new("async_status", args);
        call.finish = Some(Box::new(as_the_job_ended));
        Prepared::Call(call)
    }
}

/// The job's own changes are those of the task that asks for them.
pub fn as_the_job_ended(mut result: TaskResult) -> TaskResult {
    result.changed = result.data.get("changed").is_some_and(Value::truthy);
    for text in ["stdout", "stderr"] {
        result.data.entry(text.into()).or_insert_with(|| "".into());
    }
    result
}
