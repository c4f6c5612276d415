//! What a validator says of data that is not valid.

use super::Stop;
use crate::value::{Map, Value, py_str};
use std::cmp::Ordering;

pub struct Failure {
    /// From the root of the data to what is wrong: names and numbers.
    pub path: Vec<Value>,
    pub schema_path: Vec<Value>,
    pub message: String,
    /// The keyword; nothing for a schema that is `false`.
    pub validator: Value,
    pub expected: Value,
    pub found: Value,
    pub schema: Value,
}

fn dotted(path: &[Value]) -> Value {
    Value::str(path.iter().map(py_str).collect::<Vec<_>>().join("."))
}

impl Failure {
    pub fn into_value(self) -> Value {
        let members = [
            ("message", Value::str(&self.message)),
            ("data_path", dotted(&self.path)),
            ("json_path", Value::str(self.json_path())),
            ("schema_path", dotted(&self.schema_path)),
            ("relative_schema", self.schema),
            ("expected", self.expected),
            ("validator", self.validator),
            ("found", self.found),
        ];
        Value::map(members.into_iter().map(|(name, value)| (Value::str(name), value)).collect::<Map>())
    }

    fn json_path(&self) -> String {
        let mut out = "$".to_owned();
        for step in &self.path {
            match step.as_str() {
                None => out.push_str(&format!("[{}]", py_str(step))),
                Some(name) => out.push_str(&format!(".{name}")),
            }
        }
        out
    }
}

/// In the order of the data.
pub fn sort(failures: &mut [Failure]) -> Result<(), Stop> {
    let mut mixed = None;
    failures.sort_by(|a, b| {
        for (a, b) in a.path.iter().zip(&b.path) {
            let order = match (a, b) {
                (Value::Int(a), Value::Int(b)) => a.cmp(b),
                (Value::Str(a), Value::Str(b)) => a.cmp(b),
                (a, b) => {
                    mixed = Some((b.type_name(), a.type_name()));
                    Ordering::Equal
                }
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        a.path.len().cmp(&b.path.len())
    });
    match mixed {
        None => Ok(()),
        Some((a, b)) => {
            Err(Stop::Criteria(format!("'<' not supported between instances of '{a}' and '{b}'")))
        }
    }
}
