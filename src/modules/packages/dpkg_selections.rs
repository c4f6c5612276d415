//! `dpkg_selections`: what dpkg is to do with a package (hold it, for the most part).

use crate::modules::kit::{Applied, Command, Failure, Module, Plan, Probe, Target};
use crate::value::Value;
use serde::Deserialize;

pub struct DpkgSelections;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The package.
    name: String,
    selection: Selection,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Selection {
    Install,
    Hold,
    Deinstall,
    Purge,
}

impl Selection {
    fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Hold => "hold",
            Self::Deinstall => "deinstall",
            Self::Purge => "purge",
        }
    }
}

/// A line for `dpkg --set-selections`.
pub struct Todo(String);

impl Module for DpkgSelections {
    const NAME: &'static str = "dpkg_selections";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let wanted = args.selection.name();
        let output = host.query(&Command::new(["dpkg", "--get-selections", &args.name]).english())?;
        let answer = output.stdout();
        let Some(found) = answer.split_whitespace().nth(1) else {
            return Err(Failure::new(format!(
                "Failed to find package '{}' to perform selection '{wanted}'.",
                args.name
            )));
        };
        let result = Value::object([("before", found), ("after", wanted)]);
        if found == wanted {
            return Ok(Plan::unchanged(result));
        }
        Ok(Plan::change(Todo(format!("{} {wanted}", args.name)), Vec::new(), result))
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        let output = host.run(&Command::new(["dpkg", "--set-selections"]).stdin(todo.0).english())?;
        if !output.success() {
            return Err(Failure::new(output.stderr().trim().to_owned()).with("rc", output.rc));
        }
        Ok(Applied::default())
    }
}
