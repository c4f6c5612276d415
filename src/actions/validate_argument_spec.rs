//! `validate_argument_spec`: whether a role was given what its `meta/argument_specs.yml` asks for.

use super::{Action, Prepared, Scene};
use crate::runner::TaskResult;
use crate::value::{Map, Value, from_json, py_repr, py_str};

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
        let mut problems = Problems::default();
        problems.check(&provided, options, &[]);
        problems.errors.extend(problems.unsupported);
        if problems.errors.is_empty() {
            let result = TaskResult::default().with("changed", false).with("validate_args_context", context);
            return Prepared::Done(result.with("msg", "The arg spec validation passed"));
        }
        let msg = format!("Validation of arguments failed:\n{}", problems.errors.join("\n"));
        let result = TaskResult::failure(msg)
            .with("changed", false)
            .with("argument_errors", problems.errors)
            .with("argument_spec_data", spec)
            .with("validate_args_context", context);
        Prepared::Done(result)
    }
}

/// What is wrong, in Ansible's words.
#[derive(Default)]
struct Problems {
    errors: Vec<String>,
    /// Arguments that nobody asked for are named last.
    unsupported: Vec<String>,
}

impl Problems {
    /// Checks what was given against the options; `path` says inside of which option both are.
    fn check(&mut self, given: &Map, options: &Map, path: &[&str]) {
        let found = match path {
            [] => String::new(),
            path => format!(" found in {}", path.join(" -> ")),
        };
        let named: Vec<(String, &Value)> =
            options.iter().map(|(name, option)| (py_str(name), option)).collect();
        let value_of = |name: &str, option: &Value| {
            let aliases = option.get("aliases").and_then(Value::as_list).unwrap_or_default();
            let mut names = std::iter::once(name.to_owned()).chain(aliases.iter().map(py_str));
            names.find_map(|name| given.get(name.as_str())).filter(|value| !value.is_null()).cloned()
        };
        let truth = |option: &Value, name: &str| option.get(name).and_then(Value::ansible_bool) == Some(true);
        let missing: Vec<&str> = named
            .iter()
            .filter(|(name, option)| truth(option, "required") && value_of(name, option).is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        if !missing.is_empty() {
            self.errors.push(format!("missing required arguments: {}{found}", missing.join(", ")));
        }
        let mut values: Vec<(&str, &Value, Value)> = Vec::new();
        for (name, option) in &named {
            let Some(value) = value_of(name, option) else { continue };
            let wanted = option.get("type").map_or_else(|| "str".to_owned(), py_str);
            match converted(&value, &wanted) {
                Ok(value) => values.push((name, option, value)),
                Err(reason) => {
                    let place = match path {
                        [] => " ".to_owned(),
                        path => format!(" found in '{}'. ", path.join(" -> ")),
                    };
                    self.errors.push(format!(
                        "argument '{name}' is of type {}{place}and we were unable to convert to {wanted}: {reason}",
                        value.type_name()
                    ));
                }
            }
        }
        for (name, option, value) in &values {
            let (Some(elements), Some(items)) = (option.get("elements").map(py_str), value.as_list()) else {
                continue;
            };
            for item in items {
                if let Err(reason) = converted(item, &elements) {
                    self.errors.push(format!(
                        "Elements value for option '{name}' is of type {} and we were unable to convert to {elements}: {reason}",
                        item.type_name()
                    ));
                }
            }
        }
        for (name, option, value) in &values {
            self.choices(name, option, value, &found);
        }
        for (name, option, value) in &values {
            let Some(inner) = option.get("options").and_then(Value::as_map) else { continue };
            let path: Vec<&str> = path.iter().copied().chain([*name]).collect();
            let maps = value.as_list().map_or_else(|| vec![value], |items| items.iter().collect());
            for map in maps.into_iter().filter_map(Value::as_map) {
                self.check(map, inner, &path);
            }
        }
        let known = |key: &str| {
            named.iter().any(|(name, option)| {
                let aliases = option.get("aliases").and_then(Value::as_list).unwrap_or_default();
                name == key || aliases.iter().any(|alias| py_str(alias) == key)
            })
        };
        let mut strangers: Vec<String> = given.keys().map(py_str).filter(|key| !known(key)).collect();
        if !strangers.is_empty() {
            strangers.sort();
            let mut supported: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
            supported.sort_unstable();
            let strangers: Vec<String> = strangers
                .iter()
                .map(|key| path.iter().copied().chain([key.as_str()]).collect::<Vec<_>>().join("."))
                .collect();
            self.unsupported.push(format!(
                "{}. Supported parameters include: {}.",
                strangers.join(", "),
                supported.join(", ")
            ));
        }
    }

    fn choices(&mut self, name: &str, option: &Value, value: &Value, found: &str) {
        let Some(choices) = option.get("choices").and_then(Value::as_list) else { return };
        let texts: Vec<String> = choices.iter().map(py_str).collect();
        let listed = texts.join(", ");
        match value.as_list() {
            Some(items) => {
                let strange: Vec<String> =
                    items.iter().map(py_str).filter(|item| !texts.contains(item)).collect();
                if !strange.is_empty() {
                    self.errors.push(format!(
                        "value of {name} must be one or more of: {listed}. Got no match for: {}{found}",
                        strange.join(", ")
                    ));
                }
            }
            None if !texts.contains(&py_str(value)) => {
                self.errors
                    .push(format!("value of {name} must be one of: {listed}, got: {}{found}", py_str(value)));
            }
            None => {}
        }
    }
}

/// The value as that type, or why it is none.
fn converted(value: &Value, wanted: &str) -> Result<Value, String> {
    let class = || format!("<class '{}'>", value.type_name());
    let number = |kind: &str| match value {
        Value::Str(text) => format!("\"{}\" cannot be converted to {kind}", py_repr(&Value::str(text))),
        Value::Map(_) => format!("{} cannot be converted to {kind}", class()),
        other => format!("\"{}\" cannot be converted to {kind}", py_repr(other)),
    };
    match (wanted, value) {
        ("int", Value::Int(_) | Value::Bool(_)) => Ok(value.clone()),
        ("int", Value::Float(number)) if number.fract() == 0.0 => Ok(value.clone()),
        ("int", Value::Str(text)) if text.trim().parse::<f64>().is_ok_and(|number| number.fract() == 0.0) => {
            Ok(value.clone())
        }
        ("int", _) => Err(number("an int")),
        ("float", Value::Int(_) | Value::Float(_) | Value::Bool(_)) => Ok(value.clone()),
        ("float", Value::Str(text)) if text.trim().parse::<f64>().is_ok() => Ok(value.clone()),
        ("float", Value::Str(_)) => Err(number("a float")),
        ("float", _) => Err(format!("{} cannot be converted to a float", class())),
        ("bool", _) => value.ansible_bool().map(Value::Bool).ok_or_else(|| {
            let shown = match value {
                Value::Str(_) => py_repr(value),
                other => format!("'{}'", py_str(other)),
            };
            format!("The value {shown} is not a valid boolean. Valid booleans include: 'yes', 'on', '1', 1, 'false', 'n', '0', 0, 'y', 'no', 'f', 'off', 'true', 't'")
        }),
        ("list", Value::List(_)) => Ok(value.clone()),
        ("list", Value::Str(text)) => Ok(Value::list(text.split(',').map(|item| Value::str(item.trim())).collect())),
        ("list", Value::Int(_) | Value::Float(_)) => Ok(Value::list(vec![Value::from(py_str(value))])),
        ("list", _) => Err(format!("{} cannot be converted to a list", class())),
        ("dict", Value::Map(_)) => Ok(value.clone()),
        ("dict", Value::Str(text)) if text.trim_start().starts_with('{') => {
            from_json(text).map_err(|_| "unable to evaluate string as dictionary".to_owned())
        }
        ("dict", Value::Str(text)) => match text.split([',', ' ']).map(|part| part.split_once('=')).collect() {
            Some(pairs) => {
                let pairs: Vec<(&str, &str)> = pairs;
                let map: Map = pairs.into_iter().map(|(key, value)| (Value::str(key.trim()), Value::str(value))).collect();
                Ok(Value::map(map))
            }
            None => Err("dictionary requested, could not parse JSON or key=value".into()),
        },
        ("dict", _) => Err(format!("{} cannot be converted to a dict", class())),
        _ => Ok(value.clone()),
    }
}
