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
    /// Where there is none: the login shell of the user, who became nobody else.
    #[serde(default)]
    _login: bool,
    /// Whatever else is given has no effect, as in Ansible.
    #[serde(flatten)]
    _others: Map,
}

impl Module for Raw {
    const NAME: &'static str = "raw";
    type Args = Args;
    type Todo = Command;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Command>, Failure> {
        let line = args._raw_params.as_deref().unwrap_or_default();
        let named = args.executable.clone().filter(|path| !path.is_empty());
        let command = match named {
            None if args._login
                && let Some(shell) = host.variable("SHELL").filter(|it| it.starts_with('/')) =>
            {
                // A login shell goes by its name alone, in its complaints, too.
                let name = shell.rsplit('/').next().unwrap_or(&shell).to_owned();
                Command::new([shell, "-c".into(), line.into(), name])
            }
            named => Command::new([named.as_deref().unwrap_or("/bin/sh"), "-c", line]),
        };
        Ok(Plan::Unknown {
            todo: command,
            why: "only running the command tells whether it changes anything".into(),
            result: Value::object([("skipped", true)]).as_map().cloned().unwrap_or_default(),
        })
    }

    fn apply(command: Command, host: &mut Target) -> Result<Applied, Failure> {
        super::ended(&host.run(&command)?)
    }
}
