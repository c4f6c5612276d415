//! `debug`: shows a message or a variable.

use super::{Action, Prepared, Scene};
use crate::diag::Diagnostic;
use crate::runner::{Cause, TaskResult};
use crate::source::Node;
use crate::value::{Map, Value};

pub struct Debug;

impl Action for Debug {
    fn raw_arguments(&self) -> &'static [&'static str] {
        &["var"]
    }

    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let wanted = match args.get("verbosity").map(|value| crate::value::py_str(value).trim().parse::<u8>())
        {
            Some(Ok(level)) => level,
            Some(Err(_)) => return Prepared::failed("argument 'verbosity' must be a whole number"),
            None => 0,
        };
        if wanted > scene.verbosity {
            let data =
                [("skipped_reason", Value::str("Verbosity threshold not met.")), ("skipped", true.into())];
            let data = data.into_iter().map(|(key, value)| (Value::str(key), value)).collect();
            return Prepared::Done(TaskResult { data, skipped: true, ..TaskResult::default() });
        }
        let var = scene.authored.get("var").filter(|node| !node.is_null());
        // A default of the module may come beside what the task says.
        if var.is_some() && args.contains_key("msg") {
            return Prepared::refused("parameters are mutually exclusive: msg|var");
        }
        let mut result = match var {
            Some(node) => show(node, scene),
            None => {
                let msg = args.get("msg").cloned().unwrap_or_else(|| "Hello world!".into());
                TaskResult::default().with("msg", msg)
            }
        };
        result.verbose_always = !result.failed;
        Prepared::Done(result)
    }
}

/// The value under the name of the expression.
fn show(node: &Node, scene: &Scene) -> TaskResult {
    let name = crate::value::py_str(&node.to_value());
    let value = match scene.engine.compile_expr(node) {
        Ok(expr) => scene.context.eval(&expr),
        Err(problem) => return TaskResult::failure(problem.summary),
    };
    match value {
        Ok(value) => TaskResult::default().with(&name, value),
        Err(error) if error.kind == crate::template::TemplateErrorKind::Undefined => {
            let what = format!("Encountered 1 template error.\nerror 1 - {}", error.message);
            let warnings = vec![Diagnostic::warning("template", what).at(&node.span)];
            let shown = format!("<< error 1 - {} >>", error.message);
            TaskResult { warnings, ..TaskResult::default() }.with(&name, shown)
        }
        Err(error) if error.kind == crate::template::TemplateErrorKind::Failed => {
            let cause = Cause::new(&*error.message, error.trace.first());
            let mut result = TaskResult::broken("Error while resolving `var` expression", cause);
            result.data.shift_remove("changed");
            result
        }
        Err(error) => crate::runner::template_failure(&error),
    }
}
