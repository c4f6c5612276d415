//! `assert` and `fail`: conditions on variables.

use super::contract::{text, truth};
use super::{Action, Prepared, Scene};
use crate::runner::{Cause, TaskResult};
use crate::source::{Node, NodeKind};
use crate::value::Map;

pub struct Assert;

impl Action for Assert {
    fn raw_arguments(&self) -> &'static [&'static str] {
        &["that"]
    }

    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let Some(that) = scene.authored.get("that") else {
            return Prepared::failed("missing required arguments: that");
        };
        let message = |name: &str| args.get(name).cloned();
        let quiet = truth(&args, "quiet", false);
        let mut conditions = Vec::new();
        match &that.kind {
            NodeKind::List(items) => conditions.extend(items.iter()),
            _ => conditions.push(that),
        }
        for condition in conditions {
            match holds(condition, scene) {
                Ok(true) => {}
                Ok(false) => {
                    let mut data = Map::new();
                    data.insert("evaluated_to".into(), false.into());
                    data.insert("assertion".into(), condition.to_value());
                    let msg = message("fail_msg")
                        .or_else(|| message("msg"))
                        .unwrap_or_else(|| "Assertion failed".into());
                    data.insert("msg".into(), msg);
                    data.insert("changed".into(), false.into());
                    return Prepared::Done(TaskResult {
                        data,
                        failed: true,
                        verbose_always: !quiet,
                        ..TaskResult::default()
                    });
                }
                Err(result) => return Prepared::Done(*result),
            }
        }
        let msg = message("success_msg").unwrap_or_else(|| "All assertions passed".into());
        let result = TaskResult { verbose_always: !quiet, ..TaskResult::default() };
        Prepared::Done(result.with("changed", false).with("msg", msg))
    }
}

fn holds(node: &Node, scene: &Scene) -> Result<bool, Box<TaskResult>> {
    let expr = scene.engine.compile_expr(node).map_err(|problem| {
        let cause = Cause::new(problem.summary, problem.span.as_ref());
        Box::new(TaskResult::broken("", cause).with("changed", false))
    })?;
    let failure = |error| Box::new(crate::runner::template_failure(&error).with("changed", false));
    scene.context.condition(&expr).map_err(failure)
}

pub struct Fail;

impl Action for Fail {
    fn prepare(&self, args: Map, _: &Scene) -> Prepared {
        let msg = text(&args, "msg").unwrap_or_else(|| "Failed as requested from task".into());
        Prepared::Done(TaskResult::failure(msg).with("changed", false))
    }
}
