//! `ansible.utils.validate`: data against criteria, as a filter, a test and a lookup.

mod config;
mod evaluated;
mod failure;
mod formats;
mod keywords;
mod legacy;
mod references;
mod schema;

use super::json_errors;
use crate::template::TemplateError;
use crate::template::eval::{Call, Eval};
use crate::template::object::{Res, V, failed};
use crate::value::{Value, from_json, py_str};
use schema::Draft;
use std::sync::Arc;

const ENGINE: &str = "ansible.utils.jsonschema";

/// What goes wrong while something is validated.
enum Stop {
    /// The criteria are none; the words are the result.
    Criteria(String),
    Template(TemplateError),
}

impl From<TemplateError> for Stop {
    fn from(error: TemplateError) -> Self {
        Self::Template(error)
    }
}

fn refused(reasons: impl std::fmt::Display) -> TemplateError {
    failed(format!("validate lookup plugin failed with errors: {reasons}"))
}

/// An option of the engine: an argument, else the environment.
fn option(eval: &Eval, named: &[(Arc<str>, V)], name: &str, environment: &'static str) -> Res<Option<Value>> {
    if let Some((_, value)) = named.iter().find(|(known, _)| **known == *name) {
        return Ok(Some(value.to_value()?).filter(|value| !value.is_null()));
    }
    let config = eval.ctx.engine().settings().config.as_ref();
    Ok(config.and_then(|config| config.of_plugin(environment, "")).map(|(text, _)| Value::str(text)))
}

/// Validates; the errors, of which there are none if the data is valid.
///
/// # Errors
/// Data, criteria or options that are none.
pub fn validate(
    eval: &Eval,
    data: &Value,
    criteria: &Value,
    engine: Option<&str>,
    named: &[(Arc<str>, V)],
) -> Res<Vec<Value>> {
    match engine.unwrap_or(ENGINE) {
        ENGINE => {}
        "ansible.utils.config" => return config::validate(data, criteria),
        other if other.split('.').count() < 3 => {
            return Err(refused("Parser name should be provided as a full name including collection"));
        }
        other => {
            let words = format!("For engine '{other}' error loading the corresponding validate plugin");
            return Err(refused(format!("{words}: there is none of that name")));
        }
    }
    let unfit = |words: String| {
        refused(format!(
            "For engine '{ENGINE}' error loading the corresponding validate plugin: argspec validation failed \
             for {ENGINE} plugin with errors: [{words}]"
        ))
    };
    let draft = match option(eval, named, "draft", "ANSIBLE_VALIDATE_JSONSCHEMA_DRAFT")? {
        None => None,
        Some(name) => Some(Draft::of_option(&py_str(&name)).ok_or_else(|| {
            let names = Draft::OPTIONS.map(|(name, _)| name).join(", ");
            unfit(format!("'value of draft must be one of: {names}, got: {}'", py_str(&name)))
        })?),
    };
    let check = option(eval, named, "check_format", "ANSIBLE_VALIDATE_JSONSCHEMA_CHECK_FORMAT")?;
    let check_format = match check {
        None => true,
        Some(flag) => flag.ansible_bool().ok_or_else(|| {
            let (class, shown) = (flag.type_name(), py_str(&flag));
            unfit(format!(
                "\"argument 'check_format' is of type {class} and we were unable to convert to bool: The value \
                 '{shown}' is not a valid boolean.\""
            ))
        })?,
    };
    let data = read(data, "data")?;
    let criteria = read(criteria, "criteria")?;
    let single = std::slice::from_ref(&criteria);
    let mut out = Vec::new();
    for schema in criteria.as_list().unwrap_or(single) {
        match schema::errors(&data, schema, draft, check_format) {
            Ok(errors) => out.extend(errors),
            // Then that is all there is to say.
            Err(Stop::Criteria(words)) => return Ok(vec![Value::str(words)]),
            Err(Stop::Template(error)) => return Err(error),
        }
    }
    Ok(out)
}

/// A text is JSON.
fn read(value: &Value, option: &str) -> Res<Value> {
    let Some(text) = value.as_str() else { return Ok(value.clone()) };
    from_json(text).map_err(|_| {
        failed(format!(
            "'{option}' option value is invalid, value should a valid JSON. Failed to read with error '{}'",
            json_errors::explain(text).unwrap_or_else(|| "no JSON".to_owned())
        ))
    })
}

/// The filter.
pub fn filter(c: &mut Call) -> Res<V> {
    let criteria = match c.more.first() {
        Some(criteria) => criteria.to_value()?,
        None => {
            return Err(failed(
                "Missing either 'data' or 'criteria' value in filter input, refer 'ansible.utils.validate' filter \
                 plugin documentation for details",
            ));
        }
    };
    let engine = c.more.get(1).or_else(|| named(&c.named, "engine")).map(text).transpose()?;
    let data = c.value.to_value()?;
    let errors = validate(c.eval, &data, &criteria, engine.as_deref(), &c.named)?;
    V::from_value(&Value::list(errors))
}

/// The test: whether there are no errors.
pub fn test(c: &mut Call) -> Res<bool> {
    let Some(criteria) = named(&c.named, "criteria") else {
        return Err(failed(
            "argspec validation failed for validate test plugin with errors: ['missing required arguments: criteria']",
        ));
    };
    let criteria = criteria.to_value()?;
    let engine = named(&c.named, "engine").map(text).transpose()?;
    let data = c.value.to_value()?;
    Ok(validate(c.eval, &data, &criteria, engine.as_deref(), &c.named)?.is_empty())
}

fn named<'n>(named: &'n [(Arc<str>, V)], name: &str) -> Option<&'n V> {
    named.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
}

fn text(value: &V) -> Res<String> {
    crate::template::object::text(value)
}
