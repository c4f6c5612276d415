//! `debug`: shows a message or a variable.

use super::{Action, Prepared, Scene};
use crate::diag::{Diagnostic, Span};
use crate::runner::{Cause, TaskResult};
use crate::template::{TemplateError, TemplateErrorKind, Term, is_omit};
use crate::value::{Map, Value};
use std::sync::Arc;

pub struct Debug;

impl Action for Debug {
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
        let var = args.get("var").filter(|var| !var.is_null() && var.as_str() != Some(""));
        // A default of the module may come beside what the task says.
        if var.is_some() && args.contains_key("msg") {
            return Prepared::refused("parameters are mutually exclusive: msg|var");
        }
        let mut result = match var {
            Some(Value::Str(text)) => show(text, scene),
            Some(other) => {
                return Prepared::refused(format!(
                    "argument 'var' is of type {} and we were unable to convert to _check_type_str_no_conversion: \
                     '{}' is not a string and conversion is not allowed",
                    other.type_name(),
                    crate::value::py_str(other),
                ));
            }
            None => {
                let msg = args.get("msg").cloned().unwrap_or_else(|| "Hello world!".into());
                TaskResult::default().with("msg", msg)
            }
        };
        result.verbose_always = !result.failed;
        Prepared::Done(result)
    }
}

/// The value under the name of the expression, which stands there or is what a template made, if that only passed on what an author wrote.
fn show(text: &Arc<str>, scene: &Scene) -> TaskResult {
    let name = &**text;
    let node = scene.authored.get("var");
    let span = node.map_or(&scene.task.args_span, |node| &node.span);
    let compiled = match node {
        Some(node) if node.as_str() == Some(name) => scene.engine.compile_expr(node),
        _ => scene.engine.condition_of(&Term::Data(Value::Str(text.clone())), span),
    };
    let value = match compiled {
        Ok(expr) => scene.context.eval_to_show(&expr),
        Err(problem) => return TaskResult::failure(problem.summary),
    };
    match value {
        Ok((value, missing)) => {
            let mut result = TaskResult::default();
            if is_omit(&value) {
                let what = "The result of the `var` expression could not be omitted; a placeholder was used instead.";
                result.warnings.push(Diagnostic::warning("template", what).at(span));
            }
            if !missing.is_empty() {
                result.warnings.push(told_of(&missing, span));
            }
            result.with(name, value)
        }
        Err(error) if matches!(error.kind, TemplateErrorKind::Failed | TemplateErrorKind::Syntax) => {
            let outer = "Error while resolving `var` expression";
            let mut result = TaskResult::broken(outer, Cause::new(&*error.message, error.trace.first()));
            result.data.shift_remove("changed");
            // What is wrong with a variable is a link of its own.
            let elsewhere = error
                .trace
                .first()
                .filter(|place| place.file.path != span.file.path || place.line != span.line);
            let links = match elsewhere {
                Some(place) => vec![
                    Cause::new(format!("{outer}."), Some(span)),
                    Cause::new(&*error.message, Some(place)),
                ],
                None => vec![Cause::new(format!("{outer}: {}", error.message), Some(span))],
            };
            result.causes = std::iter::once(Cause::new("Task failed.", None)).chain(links).collect();
            result
        }
        Err(error) => crate::runner::template_failure(&error),
    }
}

/// The warning of what is missing in a value that is shown.
fn told_of(missing: &[TemplateError], span: &Span) -> Diagnostic {
    let errors = if missing.len() == 1 { "error" } else { "errors" };
    let each = missing.iter().enumerate();
    let each: Vec<String> =
        each.map(|(number, error)| format!("error {} - {}", number + 1, error.message)).collect();
    let text = format!("Encountered {} template {errors}.\n{}", missing.len(), each.join("\n"));
    let place = match missing {
        [only] => only.trace.first().unwrap_or(span),
        _ => span,
    };
    Diagnostic::warning("template", text).at(place)
}
