//! `raw`: a line for the login shell, without `environment` and without anything that a module would tell.

use super::{Action, Call, Prepared, Scene};
use crate::diag::{Diagnostic, Severity};
use crate::runner::TaskResult;
use crate::value::Map;

pub struct Raw;

impl Action for Raw {
    fn takes_environment(&self) -> bool {
        false
    }

    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        // In a check it does not even connect; drift checks tell that nobody knows.
        if scene.check && !scene.drift {
            let result = TaskResult { skipped: true, ..TaskResult::default() };
            return Prepared::Done(result.with("changed", false).with("failed", false).with("skipped", true));
        }
        let mut call = Call { by_module: false, ..Call::new("raw", args) };
        if !scene.environment.is_empty() {
            call.finish = Some(Box::new(|mut result| {
                let text = "raw module does not support the environment keyword";
                result.warnings.push(Diagnostic::new(Severity::Warning, "raw-environment", text));
                result
            }));
        }
        Prepared::Call(call)
    }
}
