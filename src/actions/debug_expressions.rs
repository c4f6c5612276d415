//! `ansible._protomatter.debug`: the values of expressions, and what is wrong with those that have none.

use super::{Action, Prepared, Scene};
use crate::diag::Diagnostic;
use crate::runner::TaskResult;
use crate::source::Node;
use crate::template::TemplateError;
use crate::value::{Map, Value};

pub struct DebugExpressions;

impl Action for DebugExpressions {
    fn raw_arguments(&self) -> &'static [&'static str] {
        &["expression"]
    }

    fn prepare(&self, _: Map, scene: &Scene) -> Prepared {
        let Some(written) = scene.authored.get("expression") else {
            return Prepared::failed("missing required arguments: expression");
        };
        let mut errors = Vec::new();
        let mut value_of = |node: &Node| {
            let value = match scene.engine.compile_expr(node) {
                Ok(expression) => scene.context.eval(&expression).map_err(TemplateError::into_message),
                Err(problem) => Err(problem.summary),
            };
            value.unwrap_or_else(|message| {
                errors.push(message.clone());
                Value::from(format!("<< error {} - {message} >>", errors.len()))
            })
        };
        let value = match written.as_list() {
            Some(items) => Value::list(items.iter().map(value_of).collect()),
            None => value_of(written),
        };
        let mut result = TaskResult::default().with("expression_result", value);
        for (at, message) in errors.into_iter().enumerate() {
            let text = format!("Encountered 1 template error.\nerror {} - {message}", at + 1);
            result.warnings.push(Diagnostic::warning("template", text));
        }
        result.verbose_always = true;
        Prepared::Done(result)
    }
}
