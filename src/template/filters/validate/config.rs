//! The engine `ansible.utils.config`: regular expressions that lines must, or must not, match.

use super::Stop;
use crate::source::yaml;
use crate::template::object::{Res, failed, split_lines};
use crate::template::regex::{self, Flags};
use crate::value::{Value, py_repr, py_str};

pub fn validate(data: &Value, criteria: &Value) -> Res<Vec<Value>> {
    match run(data, criteria) {
        Ok(errors) => Ok(errors),
        Err(Stop::Criteria(words)) => Err(failed(words)),
        Err(Stop::Template(error)) => Err(error),
    }
}

fn run(data: &Value, criteria: &Value) -> Result<Vec<Value>, Stop> {
    let criteria = match criteria.as_str() {
        Some(text) => yaml::parse_text("criteria", text)
            .map_err(|problem| {
                let words = &problem.summary;
                Stop::Criteria(format!(
                    "'criteria' option value is invalid. Failed to read with error '{words}'"
                ))
            })?
            .node
            .to_value(),
        None => criteria.clone(),
    };
    let single = std::slice::from_ref(&criteria);
    let rules = criteria.as_list().unwrap_or(single);
    let mut wrong = Vec::new();
    for rule in rules {
        for key in ["name", "action", "rule"] {
            if rule.get(key).is_none() {
                wrong.push(format!("Criteria {} missing \"{key}\" key", py_repr(rule)));
            }
        }
        if let Some(action) = rule.get("action")
            && !matches!(action.as_str(), Some("warn" | "fail"))
        {
            wrong.push(format!("Action in criteria {} is not one of \"warn\" or \"fail\"", py_repr(rule)));
        }
    }
    if !wrong.is_empty() {
        return Err(Stop::Criteria(wrong.join("\n")));
    }
    let text = py_str(data);
    let lines = split_lines(&text, false);
    let mut out = Vec::new();
    for rule in rules {
        let [name, pattern] = ["name", "rule"].map(|key| rule.get(key).map(py_str).unwrap_or_default());
        let regex = regex::compile(&pattern, Flags::default()).map_err(|error| {
            Stop::Criteria(format!("Failed to compile regex \"{pattern}\": {}", error.message))
        })?;
        if rule.get("action").and_then(Value::as_str) != Some("fail") {
            continue;
        }
        for line in &lines {
            if regex.is_match(line).map_err(regex::runaway)? {
                out.push(Value::object([("message", Value::str(&name)), ("found", Value::str(line))]));
            }
        }
    }
    Ok(out)
}
