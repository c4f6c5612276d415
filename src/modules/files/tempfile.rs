//! `tempfile`: a file or directory with a name nobody else has.

use crate::modules::kit::{Applied, Failure, Module, Plan, Probe, Target, attributes, file};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::path::PathBuf;

pub struct TempFile;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    #[serde(default)]
    state: State,
    /// Where; the system's directory for such things by default.
    path: Option<String>,
    #[serde(default = "prefix")]
    prefix: String,
    #[serde(default)]
    suffix: String,
}

fn prefix() -> String {
    "ansible.".into()
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum State {
    Directory,
    #[default]
    File,
}

pub struct Todo {
    directory: bool,
    place: PathBuf,
    prefix: String,
    suffix: String,
}

impl Module for TempFile {
    const NAME: &'static str = "tempfile";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        for (what, text) in [("prefix", &args.prefix), ("suffix", &args.suffix)] {
            if text.contains('/') {
                return Err(Failure::new(format!(
                    "{what} must be a valid file name component, got '{text}'"
                )));
            }
        }
        let place = match &args.path {
            Some(path) => host.path(path),
            None => ["TMPDIR", "TEMP", "TMP"]
                .iter()
                .find_map(|name| host.variable(name).filter(|value| !value.is_empty()))
                .unwrap_or_else(|| "/tmp".into()),
        };
        let mut result = Map::new();
        result.insert("msg".into(), "remote module (tempfile) does not support check mode".into());
        result.insert("skipped".into(), true.into());
        let todo = Todo {
            directory: args.state == State::Directory,
            place: place.into(),
            prefix: args.prefix.clone(),
            suffix: args.suffix.clone(),
        };
        // Every run makes another one.
        Ok(Plan::Unknown { todo, why: "a new temporary file is made every time".into(), result })
    }

    fn apply(todo: Todo, target: &mut Target) -> Result<Applied, Failure> {
        let path = file::create_temporary(target, &todo.place, &todo.prefix, &todo.suffix, todo.directory)?;
        let mut applied = Applied::default();
        applied.result.insert("path".into(), Value::str(path.to_string_lossy()));
        attributes::describe(&target.probe(), &path, &mut applied.result);
        Ok(applied)
    }
}
