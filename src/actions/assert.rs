//! `assert` and `fail`: conditions on variables.

use super::contract::{text, truth};
use super::{Action, Prepared, Scene};
use crate::diag::Span;
use crate::runner::{Cause, TaskResult};
use crate::source::NodeKind;
use crate::template::Term;
use crate::value::{Map, Value};

pub struct Assert;

impl Action for Assert {
    fn raw_arguments(&self) -> &'static [&'static str] {
        &["that"]
    }

    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let Some(conditions) = conditions(scene) else {
            return Prepared::refused("missing required arguments: that");
        };
        let message = |name: &str| args.get(name).cloned();
        let quiet = truth(&args, "quiet", false);
        for (condition, place) in conditions {
            match holds(&condition, &place, scene) {
                Ok(true) => {}
                Ok(false) => {
                    let mut data = Map::new();
                    data.insert("evaluated_to".into(), false.into());
                    data.insert("assertion".into(), condition.written());
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

/// The single conditions as they were written, in the task or in the variable that holds them or all arguments, each with its
/// place.
fn conditions(scene: &Scene) -> Option<Vec<(Term, Span)>> {
    if let Some(that) = scene.authored.get("that") {
        if let NodeKind::List(items) = &that.kind {
            return Some(items.iter().map(|item| (scene.engine.compile(item), item.span.clone())).collect());
        }
        return Some(single(&scene.engine.compile(that), &that.span, scene));
    }
    let whole = scene.authored.get("_variable_params").or_else(|| scene.authored.get("_raw_params"))?;
    let that = scene.context.authored(&scene.engine.compile(whole)).get("that")?;
    Some(single(&that, &whole.span, scene))
}

/// The items of a list of conditions; what a template has computed is data.
fn single(that: &Term, place: &Span, scene: &Scene) -> Vec<(Term, Span)> {
    let written = scene.context.authored(that);
    let items = written.items().or_else(|| match scene.context.render(&written) {
        Ok(computed @ Value::List(_)) => Term::Data(computed).items(),
        _ => None,
    });
    items.unwrap_or_else(|| vec![that.clone()]).into_iter().map(|item| (item, place.clone())).collect()
}

fn holds(condition: &Term, place: &Span, scene: &Scene) -> Result<bool, Box<TaskResult>> {
    let expr = scene.engine.condition_of(condition, place).map_err(|problem| {
        let cause = Cause::new(problem.summary, problem.span.as_ref());
        Box::new(TaskResult::broken("", cause).with("changed", false))
    })?;
    let failure = |error| Box::new(crate::runner::condition_error(&error, place).with("changed", false));
    scene.context.condition(&expr).map_err(failure)
}

pub struct Fail;

impl Action for Fail {
    fn prepare(&self, args: Map, _: &Scene) -> Prepared {
        let msg = text(&args, "msg").unwrap_or_else(|| "Failed as requested from task".into());
        Prepared::Done(TaskResult::failure(msg).with("changed", false))
    }
}
