//! `service`: a service under whatever manages services here.

use super::{systemd, sysv};
use crate::facts;
use crate::modules::kit::{Applied, Command, Failure, Module, Plan, Probe, Target, args, front};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::time::Duration;

pub struct Service;

#[derive(Deserialize)]
pub struct Args {
    /// The manager to use instead of the one found.
    #[serde(default, rename = "use")]
    manager: Option<String>,
    /// Everything else is for the manager, which may have more arguments than those documented here (`daemon_reload`).
    #[serde(flatten)]
    others: Map,
}

/// What systemd has no use for.
const FOR_SCRIPTS: &[&str] = &["pattern", "runlevel", "sleep", "arguments", "args"];

/// What to do, by manager.
pub enum Todo {
    Systemd(systemd::Todo),
    Scripts(Vec<Vec<String>>, Option<u64>),
}

impl Module for Service {
    const NAME: &'static str = "service";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let manager = match args.manager.as_deref() {
            None | Some("auto") => facts::service_manager(),
            Some(name) => name.rsplit('.').next().unwrap_or(name).to_owned(),
        };
        if matches!(manager.as_str(), "systemd" | "systemd_service") {
            let mut others = front::arguments(&args.others, "systemd");
            for name in FOR_SCRIPTS {
                if others.shift_remove(*name).is_some() {
                    host.warn(format!("Ignoring \"{name}\" as it is not used in \"systemd\""));
                }
            }
            let args: systemd::Args =
                args::parse("ansible.legacy.systemd", &Value::map(others)).map_err(Failure::new)?;
            return Ok(systemd::plan(&args, host)?.map(Todo::Systemd));
        }
        let args: sysv::Args =
            args::parse(Self::NAME, &Value::map(front::arguments(&args.others, "sysvinit")))
                .map_err(Failure::new)?;
        let sysv::Decision { commands, sleep, result } = sysv::decide(&args, host)?;
        if commands.is_empty() {
            return Ok(Plan::Unchanged { result });
        }
        Ok(Plan::Change { todo: Todo::Scripts(commands, sleep), diff: Vec::new(), result })
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        let (commands, sleep) = match todo {
            Todo::Systemd(todo) => return systemd::apply(todo, host),
            Todo::Scripts(commands, sleep) => (commands, sleep),
        };
        for (number, words) in commands.iter().enumerate() {
            if number > 0
                && let Some(seconds) = sleep
            {
                std::thread::sleep(Duration::from_secs(seconds));
            }
            let output = host.run(&Command::new(words))?;
            if !output.success() {
                let said = if output.stderr.is_empty() { output.stdout() } else { output.stderr() };
                return Err(Failure::new(said.trim().to_owned()));
            }
        }
        Ok(Applied::default())
    }
}
