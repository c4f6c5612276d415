//! `gather_facts`: what a play does first; the `setup` module.

use super::{Action, Call, Prepared, Scene};
use crate::diag::Span;
use crate::runner::{Cause, TaskResult};
use crate::value::{Map, Value};

pub struct GatherFacts;

impl Action for GatherFacts {
    fn prepare(&self, mut args: Map, _: &Scene) -> Prepared {
        args.shift_remove("parallel");
        let subset = match args.get("gather_subset") {
            None | Some(Value::Null) => Value::from(vec!["all"]),
            Some(Value::List(items)) => Value::List(items.clone()),
            Some(other) => {
                Value::list(crate::value::py_str(other).split(',').map(|part| part.trim().into()).collect())
            }
        };
        let mut call = Call::new("setup", args);
        call.finish = Some(Box::new(|mut result| {
            if result.failed {
                return failure(&result);
            }
            if let Some(Value::Map(facts)) = result.data.get("ansible_facts").cloned() {
                let mut facts = (*facts).clone();
                facts.insert("gather_subset".into(), subset);
                facts.insert("module_setup".into(), true.into());
                facts.insert("_ansible_facts_gathered".into(), true.into());
                result.data.insert("ansible_facts".into(), Value::map(facts));
            }
            result
        }));
        Prepared::Call(call)
    }
}

/// The failure of a gathering, which may be that of several modules: here there is one.
fn failure(of: &TaskResult) -> TaskResult {
    let module = "ansible.legacy.setup";
    let msg = format!("The following modules failed to execute: {module}.");
    let reason = of.reason();
    let reason = ["Task failed: Module failed: ", "Task failed: "]
        .iter()
        .find_map(|lead| reason.strip_prefix(lead))
        .unwrap_or(&reason);
    let lines: String = reason.trim_end().lines().map(|line| format!("| {line}\n")).collect();
    let event = format!("{msg}\n\n+--[ Sub-Event 1 of 1 ]---\n| \n{lines}| \n+--[ End Sub-Event ]---");
    let mut inner = of.data.clone();
    inner.shift_remove("changed");
    inner.insert("failed".into(), true.into());
    let nowhere = Span { line: 0, ..Span::synthetic("result", "") };
    TaskResult {
        headline: Some(format!("Task failed: Action failed: {msg}")),
        causes: vec![Cause::new("Task failed: Action failed.", None), Cause::new(event, Some(&nowhere))],
        ..TaskResult::failure(msg)
    }
    .with("ansible_facts", Value::map(Map::new()))
    .with("changed", false)
    .with("failed_modules", Value::object([(module, Value::map(inner))]))
}
