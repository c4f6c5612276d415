//! `group`: groups of users.

use crate::modules::kit::{Applied, Command, Failure, Module, Plan, Probe, Target, users};
use crate::value::{Map, Value};
use serde::Deserialize;

pub struct Group;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    name: String,
    #[serde(default)]
    state: State,
    gid: Option<u32>,
    /// A group of the system, with a low number.
    #[serde(default)]
    system: bool,
    /// Look at this host's own files only.
    #[serde(default)]
    local: bool,
    /// Let several groups have the number.
    #[serde(default)]
    non_unique: bool,
    /// Delete it even if it is somebody's primary group.
    #[serde(default)]
    force: bool,
    gid_min: Option<u32>,
    gid_max: Option<u32>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    #[default]
    Present,
}

/// A command, and what the result needs.
pub struct Todo {
    command: Command,
    name: String,
    system: Option<bool>,
}

impl Module for Group {
    const NAME: &'static str = "group";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        if args.non_unique && args.gid.is_none() {
            return Err(Failure::new("non_unique is True but all of the following are missing: gid"));
        }
        for (option, given) in [("gid_min", args.gid_min), ("gid_max", args.gid_max)] {
            if args.local && given.is_some() {
                return Err(Failure::new(format!("'{option}' can not be used with 'local'")));
            }
        }
        let name = args.name.as_str();
        let existing = users::group_by_name(host, name);
        let todo = |words: Vec<String>| Todo {
            command: Command::new(words),
            name: name.to_owned(),
            system: (args.state == State::Present).then_some(args.system),
        };
        let mut words: Vec<String> = Vec::new();
        let mut add = |new: &[&str]| words.extend(new.iter().map(|word| (*word).to_owned()));
        match (args.state, existing) {
            (State::Absent, None) => {
                let result = Value::object([("name", name), ("state", "absent")]);
                Ok(Plan::unchanged(result))
            }
            (State::Absent, Some(_)) => {
                add(&["groupdel"]);
                if args.force {
                    add(&["-f"]);
                }
                add(&[name]);
                Ok(Plan::change(todo(words), Vec::new(), Value::Null))
            }
            (State::Present, Some(group)) if args.gid.is_none_or(|gid| gid == group.gid) => {
                Ok(Plan::Unchanged { result: present(name, group.gid, args.system) })
            }
            (State::Present, Some(group)) => {
                add(&["groupmod", "-g", &args.gid.unwrap_or_default().to_string()]);
                if args.non_unique {
                    add(&["-o"]);
                }
                add(&[name]);
                let result = present(name, group.gid, args.system);
                Ok(Plan::Change { todo: todo(words), diff: Vec::new(), result })
            }
            (State::Present, None) => {
                add(&["groupadd"]);
                if let Some(gid) = args.gid {
                    add(&["-g", &gid.to_string()]);
                    if args.non_unique {
                        add(&["-o"]);
                    }
                }
                if args.system {
                    add(&["-r"]);
                }
                for (name, value) in [("GID_MIN", args.gid_min), ("GID_MAX", args.gid_max)] {
                    if let Some(value) = value {
                        add(&["-K", &format!("{name}={value}")]);
                    }
                }
                add(&[name]);
                Ok(Plan::change(todo(words), Vec::new(), Value::Null))
            }
        }
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        super::run(host, &todo.name, &todo.command).map_err(|mut failure| {
            failure.result.shift_remove("rc");
            failure
        })?;
        let result = match (todo.system, users::group_by_name(&host.probe(), &todo.name)) {
            (Some(system), Some(group)) => Value::map(present(&todo.name, group.gid, system)),
            _ => Value::object([("name", todo.name.as_str()), ("state", "absent")]),
        };
        Ok(Applied::new(result))
    }
}

fn present(name: &str, gid: u32, system: bool) -> Map {
    let result = Value::object([
        ("name", Value::str(name)),
        ("state", "present".into()),
        ("gid", gid.into()),
        ("system", system.into()),
    ]);
    result.as_map().cloned().unwrap_or_default()
}
