//! `getent`: lines of the host's databases.

use crate::facts::program;
use crate::modules::kit::{Applied, Command, Failure, Module, Never, Plan, Probe, Target};
use crate::value::{Map, Value};
use serde::Deserialize;

pub struct Getent;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// `passwd`, `group`, `hosts`, `services`, …
    database: String,
    /// One line instead of all.
    key: Option<String>,
    /// Fail if there is no such line.
    #[serde(default = "yes")]
    fail_key: bool,
    /// Ask this source only.
    service: Option<String>,
    /// What separates the fields.
    split: Option<String>,
}

fn yes() -> bool {
    true
}

impl Module for Getent {
    const NAME: &'static str = "getent";
    type Args = Args;
    type Todo = Never;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Never>, Failure> {
        let key = args.key.as_deref().filter(|key| !key.is_empty());
        let (code, text) = ask(args, key, host)?;
        let name = format!("getent_{}", args.database);
        let facts = |found: Map| Value::object([(name.as_str(), found)]);
        match code {
            0 => {
                let separator = args.split.clone().or_else(|| {
                    matches!(args.database.as_str(), "passwd" | "shadow" | "group" | "gshadow")
                        .then(|| ":".into())
                });
                let found = records(&text, separator.as_deref());
                Ok(Plan::unchanged(Value::object([("ansible_facts", facts(found))])))
            }
            1 => Err(Failure::new("Missing arguments, or database unknown.")),
            2 => {
                let msg = "One or more supplied key could not be found in the database.";
                let Some(key) = key.filter(|_| !args.fail_key) else { return Err(Failure::new(msg)) };
                let found = [(Value::str(key), Value::Null)].into_iter().collect();
                Ok(Plan::unchanged(Value::object([("ansible_facts", facts(found)), ("msg", msg.into())])))
            }
            3 => Err(Failure::new("Enumeration not supported on this database.")),
            _ => Err(Failure::new("Unexpected failure!")),
        }
    }

    fn apply(todo: Never, _: &mut Target) -> Result<Applied, Failure> {
        match todo {}
    }
}

/// `getent`'s answer; a host without it has at least the files.
fn ask(args: &Args, key: Option<&str>, host: &Probe) -> Result<(i32, String), Failure> {
    if program("getent").is_some() {
        let mut words = vec!["getent"];
        if let Some(service) = &args.service {
            words.extend(["-s", service]);
        }
        words.push(&args.database);
        words.extend(key);
        let output = host.query(&Command::new(words))?;
        return Ok((output.rc, output.stdout()));
    }
    let plain = args.database.chars().all(|c| c.is_ascii_alphanumeric());
    let Some(content) = host.read(format!("/etc/{}", args.database)).ok().flatten().filter(|_| plain) else {
        return Ok((1, String::new()));
    };
    let text = String::from_utf8_lossy(&content).into_owned();
    let Some(key) = key else { return Ok((0, text)) };
    let line =
        text.lines().find(|line| line.split(|c: char| c == ':' || c.is_whitespace()).next() == Some(key));
    Ok(line.map_or((2, String::new()), |line| (0, format!("{line}\n"))))
}

/// The first field names the record; a name that comes twice has a list of records.
fn records(text: &str, separator: Option<&str>) -> Map {
    let mut found = Map::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let mut fields: Vec<Value> = match separator {
            Some(separator) => line.split(separator).map(Value::str).collect(),
            None => line.split_whitespace().map(Value::str).collect(),
        };
        let name = fields.remove(0);
        let record = Value::list(fields);
        let combined = match found.get(&name).and_then(Value::as_list) {
            None => record,
            Some(records) if records.first().is_some_and(|first| first.as_list().is_some()) => {
                let mut records = records.to_vec();
                records.push(record);
                Value::list(records)
            }
            Some(first) => Value::list(vec![Value::list(first.to_vec()), record]),
        };
        found.insert(name, combined);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::to_json;

    #[test]
    fn records_are_split() {
        let text = "root:x:0:0:root:/root:/bin/bash\n";
        assert_eq!(
            to_json(&records(text, Some(":")).into()),
            r#"{"root": ["x", "0", "0", "root", "/root", "/bin/bash"]}"#
        );
        assert_eq!(to_json(&records("::1   a b\n::1 c\n", None).into()), r#"{"::1": [["a", "b"], ["c"]]}"#);
    }
}
