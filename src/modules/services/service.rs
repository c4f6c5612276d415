//! `service`: a service under whatever manages services here.

use super::systemd::{self, State};
use super::sysv;
use crate::facts;
use crate::modules::kit::{Applied, Command, Failure, Module, Plan, Probe, Target};
use serde::Deserialize;
use std::time::Duration;

pub struct Service;

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub(super) name: String,
    pub(super) state: Option<State>,
    /// Whether it starts on boot.
    pub(super) enabled: Option<bool>,
    /// Seconds between stop and start of a restart (init scripts only).
    pub(super) sleep: Option<u64>,
    /// What the command line of the running service contains (init scripts only).
    pub(super) pattern: Option<String>,
    /// For OpenRC.
    #[serde(default = "default_runlevel")]
    pub(super) runlevel: String,
    /// Further words for the init script.
    #[serde(default, alias = "args")]
    pub(super) arguments: String,
    /// The manager to use instead of the one found.
    #[serde(default, rename = "use")]
    pub(super) manager: Option<String>,
}

fn default_runlevel() -> String {
    "default".into()
}

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
            let given = [
                ("pattern", args.pattern.is_some()),
                ("runlevel", args.runlevel != default_runlevel()),
                ("sleep", args.sleep.is_some()),
                ("arguments", !args.arguments.is_empty()),
            ];
            for (name, _) in given.iter().filter(|(_, given)| *given) {
                host.warn(format!("Ignoring \"{name}\" as it is not used in \"systemd\""));
            }
            let args = systemd::Args {
                name: Some(args.name.clone()),
                state: args.state,
                enabled: args.enabled,
                ..systemd::Args::default()
            };
            return Ok(match systemd::plan(&args, host)? {
                Plan::Unchanged { result } => Plan::Unchanged { result },
                Plan::Change { todo, diff, result } => {
                    Plan::Change { todo: Todo::Systemd(todo), diff, result }
                }
                Plan::Unknown { todo, why, result } => {
                    Plan::Unknown { todo: Todo::Systemd(todo), why, result }
                }
                Plan::Upkeep { todo, result } => Plan::Upkeep { todo: Todo::Systemd(todo), result },
            });
        }
        let sysv::Decision { commands, sleep, result } = sysv::decide(args, host)?;
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
