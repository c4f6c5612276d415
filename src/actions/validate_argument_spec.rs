//! `validate_argument_spec`: whether a role was given what its `meta/argument_specs.yml` asks for.

use super::{Action, Prepared, Scene, argument_spec};
use crate::runner::TaskResult;
use crate::value::{Map, Value, py_str};

pub struct ValidateArgumentSpec;

impl Action for ValidateArgumentSpec {
    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let spec = args.get("argument_spec").cloned().unwrap_or_default();
        let Some(options) = spec.as_map() else {
            return Prepared::failed(format!(
                "Incorrect type for argument_spec, expected dict and got {}",
                spec.type_name()
            ));
        };
        // What the task does not hand over itself are variables.
        let mut provided = Map::new();
        for (name, _) in options {
            match scene.context.variable(&py_str(name)) {
                Ok(Some(value)) => drop(provided.insert(name.clone(), value)),
                Ok(None) => {}
                Err(error) => return Prepared::Done(crate::runner::template_failure(&error)),
            }
        }
        match args.get("provided_arguments") {
            None | Some(Value::Null) => {}
            Some(Value::Map(given)) => provided.extend((**given).clone()),
            Some(other) => {
                return Prepared::failed(format!(
                    "Incorrect type for provided_arguments, expected dict and got {}",
                    other.type_name()
                ));
            }
        }
        let context = args
            .get("validate_args_context")
            .filter(|value| !value.is_null())
            .cloned()
            .unwrap_or_else(|| Value::map(Map::new()));
        let problems = argument_spec::problems(&provided, options);
        if problems.is_empty() {
            let result = TaskResult::default().with("changed", false).with("validate_args_context", context);
            return Prepared::Done(result.with("msg", "The arg spec validation passed"));
        }
        let msg = format!("Validation of arguments failed:\n{}", problems.join("\n"));
        let result = TaskResult::failure(msg)
            .with("changed", false)
            .with("argument_errors", problems)
            .with("argument_spec_data", spec)
            .with("validate_args_context", context);
        Prepared::Done(result)
    }
}
