//! Services without systemd: init scripts and OpenRC.

use super::systemd::State;
use crate::facts::program;
use crate::modules::kit::{Command, Failure, Probe};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    name: String,
    state: Option<State>,
    /// Whether it starts on boot.
    enabled: Option<bool>,
    /// Seconds between stop and start of a restart.
    sleep: Option<u64>,
    /// What the command line of the running service contains.
    pattern: Option<String>,
    /// For OpenRC.
    #[serde(default = "default_runlevel")]
    runlevel: String,
    /// Further words for the init script.
    #[serde(default, alias = "args")]
    arguments: String,
}

fn default_runlevel() -> String {
    "default".into()
}

/// The commands to give, in order, and the result.
pub struct Decision {
    pub commands: Vec<Vec<String>>,
    pub sleep: Option<u64>,
    pub result: Map,
}

/// Looks at a service and says what would make it as wanted.
///
/// # Errors
/// When there is no such service.
pub fn decide(args: &Args, host: &Probe) -> Result<Decision, Failure> {
    let name = &args.name;
    let openrc = program("rc-service").is_some() && Path::new("/etc/init.d").join(name).exists();
    let script = Path::new("/etc/init.d").join(name);
    if !script.exists() {
        return Err(Failure::new(format!("Could not find the requested service {name}: host")));
    }
    let act = |action: &str| -> Vec<String> {
        let mut words: Vec<String> = if openrc {
            vec!["rc-service".into(), name.clone(), action.into()]
        } else if program("service").is_some() {
            vec!["service".into(), name.clone(), action.into()]
        } else {
            vec![script.display().to_string(), action.into()]
        };
        words.extend(args.arguments.split_whitespace().map(str::to_owned));
        words
    };
    let mut result = Map::new();
    result.insert("name".into(), name.as_str().into());
    let mut commands = Vec::new();
    let mut sleep = None;
    if let Some(enabled) = args.enabled {
        result.insert("enabled".into(), enabled.into());
        let is_enabled = if openrc { in_runlevel(name, &args.runlevel) } else { has_links(name) };
        if is_enabled != enabled {
            commands.extend(switch(name, enabled, openrc, &args.runlevel)?);
        }
    }
    if let Some(state) = args.state {
        result.insert("state".into(), state.reached().into());
        let runs = runs(args, host, &act("status"))?;
        match (state, runs) {
            (State::Started, false) | (State::Reloaded, false) => commands.push(act("start")),
            (State::Stopped, true) => commands.push(act("stop")),
            (State::Reloaded, true) => commands.push(act("reload")),
            (State::Restarted, _) if args.sleep.is_some() => {
                sleep = args.sleep;
                commands.extend([act("stop"), act("start")]);
            }
            (State::Restarted, _) => commands.push(act("restart")),
            _ => {}
        }
    }
    let foretold = host.wording("", "service state changed");
    if args.state.is_some() && !commands.is_empty() && !foretold.is_empty() {
        result.insert("msg".into(), foretold.into());
    }
    Ok(Decision { commands, sleep, result })
}

/// Whether the service runs: what its script says, else whether the processes have the pattern.
fn runs(args: &Args, host: &Probe, status: &[String]) -> Result<bool, Failure> {
    if let Some(pattern) = &args.pattern {
        return Ok(processes().iter().any(|line| line.contains(pattern.as_str())));
    }
    let output = host.query(&Command::new(status).english())?;
    let text = output.stdout().to_lowercase();
    Ok(match output.rc {
        0 => !text.contains("not running") && !text.contains("is stopped"),
        1..=3 => false,
        _ => text.contains("running") && !text.contains("not running"),
    })
}

/// The command lines of all processes.
fn processes() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().chars().all(|c| c.is_ascii_digit()))
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}

/// Whether one of the runlevels with a login starts it.
fn has_links(name: &str) -> bool {
    (2..=5).any(|level| {
        let directories = [format!("/etc/rc{level}.d"), format!("/etc/rc.d/rc{level}.d")];
        directories.iter().filter_map(|d| std::fs::read_dir(d).ok()).flatten().flatten().any(|entry| {
            let file = entry.file_name().to_string_lossy().into_owned();
            file.strip_prefix('S')
                .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()) == name)
        })
    })
}

fn in_runlevel(name: &str, level: &str) -> bool {
    Path::new("/etc/runlevels").join(level).join(name).exists()
}

fn switch(name: &str, on: bool, openrc: bool, level: &str) -> Result<Vec<Vec<String>>, Failure> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    if openrc {
        return Ok(vec![words(&["rc-update", if on { "add" } else { "delete" }, name, level])]);
    }
    if program("update-rc.d").is_some() {
        return Ok(match on {
            true => vec![words(&["update-rc.d", name, "defaults"]), words(&["update-rc.d", name, "enable"])],
            false => vec![words(&["update-rc.d", name, "disable"])],
        });
    }
    if program("chkconfig").is_some() {
        return Ok(vec![words(&["chkconfig", name, if on { "on" } else { "off" }])]);
    }
    Err(Failure::new(format!("cannot tell how services are enabled here: {name}"))
        .with("name", Value::str(name)))
}
