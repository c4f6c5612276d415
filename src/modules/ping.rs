//! `ping`: proves that the host can be reached and the helper runs.

use super::commands::program::no_interpreter;
use super::kit::{Applied, Command, Failure, Module, Never, Plan, Probe, Target};
use crate::value::Value;
use serde::Deserialize;

pub struct Ping;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// What to answer; `crash` fails on purpose.
    #[serde(default = "pong")]
    data: String,
    /// The Python that has to be there.
    #[serde(rename = "_python")]
    python: Option<String>,
}

fn pong() -> String {
    "pong".into()
}

impl Module for Ping {
    const NAME: &'static str = "ping";
    type Args = Args;
    type Todo = Never;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Never>, Failure> {
        if args.data == "crash" {
            return Err(Failure::new("Task failed: Module failed: boom"));
        }
        if let Some(python) = &args.python {
            let words = python.split_whitespace().chain(["--version"]);
            host.query(&Command::new(words)).map_err(|failure| no_interpreter(python, &failure))?;
        }
        Ok(Plan::unchanged(Value::object([("ping", args.data.as_str())])))
    }

    fn apply(todo: Never, _: &mut Target) -> Result<Applied, Failure> {
        match todo {}
    }
}
