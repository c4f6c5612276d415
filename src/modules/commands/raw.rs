//! `raw`: a line for the login shell, its output as it came.

use crate::modules::kit::{Applied, Command, Failure, Module, Plan, Probe, Target};
use crate::value::{Map, Value};
use serde::Deserialize;

pub struct Raw;

#[derive(Deserialize)]
pub struct Args {
    /// The free form: what stands after `raw:`.
    _raw_params: Option<String>,
    /// The shell to use.
    executable: Option<String>,
    /// Whatever else is given has no effect, as in Ansible.
    #[serde(flatten)]
    _others: Map,
}

impl Module for Raw {
    const NAME: &'static str = "raw";
    type Args = Args;
    type Todo = Command;

    fn plan(args: &Args, _: &Probe) -> Result<Plan<Command>, Failure> {
        let line = args._raw_params.as_deref().unwrap_or_default();
        let shell = args.executable.as_deref().filter(|path| !path.is_empty()).unwrap_or("/bin/sh");
        Ok(Plan::Unknown {
            todo: Command::new([shell, "-c", line]),
            why: "only running the command tells whether it changes anything".into(),
            result: Value::object([("skipped", true)]).as_map().cloned().unwrap_or_default(),
        })
    }

    fn apply(command: Command, host: &mut Target) -> Result<Applied, Failure> {
        super::ended(&host.run(&command)?)
    }
}
