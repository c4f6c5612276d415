//! `script`: a script of the control machine, run from a private file.

use crate::modules::kit::{
    Applied, Command, Failure, Module, Plan, Probe, Target, file::Content, private, words,
};
use crate::value::Value;
use serde::Deserialize;

pub struct Script;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The script's content.
    _digest: String,
    /// The script's file name, for `$0`.
    _name: String,
    /// The arguments, as one line.
    #[serde(default)]
    _raw_params: String,
    /// Change into this directory first (absolute).
    chdir: Option<String>,
    /// A file; if it exists, the script is not run.
    creates: Option<String>,
    /// The program that runs the script.
    executable: Option<String>,
    /// A file; if it does not exist, the script is not run.
    removes: Option<String>,
    /// The action resolves it; nothing is left of it here.
    #[serde(default, rename = "cmd")]
    _cmd: Option<Value>,
    /// The action resolves it; nothing is left of it here.
    #[serde(default, rename = "decrypt")]
    _decrypt: Option<Value>,
}

/// A script to fetch, store and run.
pub struct Todo {
    digest: String,
    name: String,
    arguments: String,
    executable: Option<String>,
    chdir: Option<String>,
}

impl Module for Script {
    const NAME: &'static str = "script";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let given = |path: &Option<String>| path.as_deref().filter(|p| !p.is_empty()).map(|p| host.path(p));
        let skipped = |msg: String| {
            Plan::unchanged(Value::object([("skipped", Value::Bool(true)), ("msg", msg.into())]))
        };
        let (creates, removes) = (given(&args.creates), given(&args.removes));
        if let Some(path) = &creates
            && std::fs::exists(path).unwrap_or(false)
        {
            return Ok(skipped(format!("{path} exists, matching creates option")));
        }
        if let Some(path) = &removes
            && !std::fs::exists(path).unwrap_or(false)
        {
            return Ok(skipped(format!("{path} does not exist, matching removes option")));
        }
        let chdir = given(&args.chdir);
        if let Some(path) = chdir.as_deref().filter(|path| !path.starts_with('/')) {
            return Err(Failure::new(format!(
                "chdir {path} must be an absolute path for a Unix-aware remote node"
            )));
        }
        let todo = Todo {
            digest: args._digest.clone(),
            name: args._name.clone(),
            arguments: args._raw_params.clone(),
            executable: given(&args.executable),
            chdir,
        };
        if creates.is_some() || removes.is_some() {
            return Ok(Plan::change(todo, Vec::new(), Value::Null));
        }
        let result = Value::object([
            ("skipped", Value::Bool(true)),
            ("msg", "Check mode is not supported for this task.".into()),
        ]);
        Ok(Plan::Unknown {
            todo,
            why: "only running the script tells whether it changes anything".into(),
            result: result.as_map().cloned().unwrap_or_default(),
        })
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        let file = match host.content(&todo.digest)? {
            Content::Bytes(bytes) => private::executable(&todo.name, bytes.as_slice())?,
            Content::File(content) | Content::Unnamed(content) => private::executable(&todo.name, content)?,
        };
        let path = file.path().to_string_lossy();
        // A shell splits the arguments, as it does when Ansible hands them to the remote shell.
        let mut line = match &todo.executable {
            Some(program) => format!("{program} {}", words::quote(&path)),
            None => words::quote(&path),
        };
        if !todo.arguments.is_empty() {
            line = format!("{line} {}", todo.arguments);
        }
        if let Some(directory) = &todo.chdir {
            line = format!("cd {} && {line}", words::quote(directory));
        }
        super::ended(&host.run(&Command::new(["/bin/sh", "-c", &line]))?)
    }
}
