//! `ping`: proves that the host can be reached and the helper runs.

use super::kit::{Applied, Failure, Module, Never, Plan, Probe, Target};
use crate::value::Value;
use serde::Deserialize;

pub struct Ping;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// What to answer; `crash` fails on purpose.
    #[serde(default = "pong")]
    data: String,
}

fn pong() -> String {
    "pong".into()
}

impl Module for Ping {
    const NAME: &'static str = "ping";
    type Args = Args;
    type Todo = Never;

    fn plan(args: &Args, _: &Probe) -> Result<Plan<Never>, Failure> {
        if args.data == "crash" {
            return Err(Failure::new("Task failed: Module failed: boom"));
        }
        Ok(Plan::unchanged(Value::object([("ping", args.data.as_str())])))
    }

    fn apply(todo: Never, _: &mut Target) -> Result<Applied, Failure> {
        match todo {}
    }
}
