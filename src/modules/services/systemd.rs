//! `systemd_service` (`systemd`): units of systemd.

use crate::modules::kit::{Applied, Changed, Command, Failure, Module, Output, Plan, Probe, Target};
use crate::value::{Map, Value};
use serde::Deserialize;

/// Under its short name of old.
pub struct Systemd;

pub struct SystemdService;

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The unit; `.service` is implied.
    #[serde(alias = "service", alias = "unit")]
    pub(super) name: Option<String>,
    pub(super) state: Option<State>,
    /// Whether the unit starts on boot.
    pub(super) enabled: Option<bool>,
    /// Whether the unit is masked: it cannot be started at all.
    pub(super) masked: Option<bool>,
    /// Override existing links.
    pub(super) force: Option<bool>,
    /// Make systemd read its units again, first of all.
    #[serde(default, alias = "daemon-reload")]
    pub(super) daemon_reload: bool,
    /// Make systemd execute itself again, first of all.
    #[serde(default, alias = "daemon-reexec")]
    pub(super) daemon_reexec: bool,
    #[serde(default)]
    pub(super) scope: Scope,
    /// Do not wait until it is done.
    #[serde(default)]
    pub(super) no_block: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Reloaded,
    Restarted,
    Started,
    Stopped,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    #[default]
    System,
    User,
    Global,
}

impl State {
    /// The state of the service afterwards, as results show it.
    pub(super) fn reached(self) -> &'static str {
        if self == Self::Stopped { "stopped" } else { "started" }
    }
}

impl Module for Systemd {
    const NAME: &'static str = "systemd";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        plan(args, host)
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        apply(todo, host)
    }
}

impl Module for SystemdService {
    const NAME: &'static str = "systemd_service";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        plan(args, host)
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        apply(todo, host)
    }
}

/// The commands to give, in order.
pub struct Todo {
    args: Args,
    actions: Vec<&'static str>,
}

/// What a look at the unit says.
struct Decision {
    actions: Vec<&'static str>,
    result: Map,
}

pub(super) fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
    let reload = args.daemon_reload || args.daemon_reexec;
    let decision = match decide(args, host) {
        // systemd may know the unit only once it has read its files again.
        Err(failure) if !reload || args.name.is_none() => return Err(failure),
        Err(failure) => {
            let result = failure.result;
            return Ok(Plan::Upkeep { todo: Todo { args: args.clone(), actions: Vec::new() }, result });
        }
        Ok(decision) => decision,
    };
    let Decision { actions, result } = decision;
    let todo = Todo { args: args.clone(), actions };
    Ok(match (todo.actions.is_empty(), reload) {
        (true, false) => Plan::Unchanged { result },
        (true, true) => Plan::Upkeep { todo, result },
        (false, _) => Plan::Change { todo, diff: Vec::new(), result },
    })
}

fn decide(args: &Args, host: &Probe) -> Result<Decision, Failure> {
    let Some(name) = args.name.as_deref() else {
        let wanted = [
            ("state", args.state.is_some()),
            ("enabled", args.enabled.is_some()),
            ("masked", args.masked.is_some()),
        ];
        if let Some((name, _)) = wanted.iter().find(|(_, given)| *given) {
            return Err(Failure::new(format!("missing parameter(s) required by '{name}': name")));
        }
        let result = Value::object([("name", Value::Null), ("status", Value::map(Map::new()))]);
        return Ok(Decision { actions: Vec::new(), result: result.as_map().cloned().unwrap_or_default() });
    };
    if let Some(glob) = ['*', '?', '['].iter().find(|glob| name.contains(**glob)) {
        return Err(Failure::new(format!(
            "This module does not currently support using glob patterns, found '{glob}' in service name: {name}"
        )));
    }
    let output = host.query(&systemctl(args, host, &["show", name]))?;
    let offline = !output.success();
    let status = properties(&output.stdout());
    let property = |key: &str| status.get(key).and_then(Value::as_str).unwrap_or_default();
    let load = property("LoadState").to_owned();
    let mut result = Map::new();
    result.insert("name".into(), name.into());
    result.insert("status".into(), status.clone().into());
    let mut actions = Vec::new();

    if offline && args.state.is_some() {
        let why = output.stderr();
        return Err(Failure::new(format!("Service is in unknown state: {}", why.trim()))
            .with("status", status.clone()));
    }
    if matches!(load.as_str(), "error" | "bad-setting") {
        let why = property("LoadError");
        return Err(Failure::new(format!("Error loading unit file '{name}': {why}")));
    }
    let found = load != "not-found";
    let is_enabled = |host: &Probe| -> Result<Output, Failure> {
        host.query(&systemctl(args, host, &["is-enabled", name]))
    };
    let known = found || (offline && is_enabled(host)?.success());

    if let Some(masked) = args.masked {
        let is_masked = match load.as_str() {
            "masked" => true,
            _ => {
                property("UnitFileState").starts_with("masked")
                    || is_enabled(host)?.stdout().trim() == "masked"
            }
        };
        if is_masked != masked {
            actions.push(if masked { "mask" } else { "unmask" });
        }
    }
    // Anything can be masked, even what does not exist (yet).
    if !known && (args.enabled.is_some() || args.state.is_some()) {
        return Err(Failure::new(format!("Could not find the requested service {name}: host")));
    }
    if let Some(enabled) = args.enabled {
        result.insert("enabled".into(), enabled.into());
        let output = is_enabled(host)?;
        let state = output.stdout().trim().to_owned();
        let is_enabled = match state.as_str() {
            "enabled" | "enabled-runtime" => state == "enabled" || args.scope != Scope::System,
            // Neither can be switched: they start when something needs them.
            "static" | "generated" | "transient" => enabled,
            "" => false,
            "alias" | "indirect" | "disabled" | "masked" | "masked-runtime" | "linked" | "linked-runtime" => {
                false
            }
            _ => output.success(),
        };
        if is_enabled != enabled {
            actions.push(if enabled { "enable" } else { "disable" });
        }
    }
    if let Some(state) = args.state {
        result.insert("state".into(), state.reached().into());
        let active = property("ActiveState");
        let runs = matches!(active, "active" | "activating" | "reloading");
        match state {
            State::Started if !runs => actions.push("start"),
            State::Stopped if runs || active == "deactivating" => actions.push("stop"),
            State::Reloaded | State::Restarted if !runs => actions.push("start"),
            State::Reloaded => actions.push("reload"),
            State::Restarted => actions.push("restart"),
            _ => {}
        }
    }
    Ok(Decision { actions, result })
}

pub(super) fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
    let Todo { args, mut actions } = todo;
    let mut result = Map::new();
    for (wanted, verb, noun) in
        [(args.daemon_reload, "daemon-reload", "reload"), (args.daemon_reexec, "daemon-reexec", "reexec")]
    {
        if wanted {
            let output = host.run(&systemctl(&args, &host.probe(), &[verb]))?;
            if !output.success() {
                return Err(Failure::new(format!(
                    "failure {} during daemon-{noun}: {}",
                    output.rc,
                    output.stderr()
                )));
            }
        }
    }
    if args.daemon_reload || args.daemon_reexec {
        // What was seen before may be no longer so.
        let decision = decide(&args, &host.probe())?;
        actions = decision.actions;
        result = decision.result;
    }
    let name = args.name.as_deref().unwrap_or_default();
    for action in &actions {
        let output = host.run(&systemctl(&args, &host.probe(), &[action, name]))?;
        if !output.success() {
            let said = match output.stderr() {
                text if text.is_empty() => output.stdout(),
                text => text,
            };
            return Err(Failure::new(format!("Unable to {action} service {name}: {said}")));
        }
    }
    let changed = if actions.is_empty() { Changed::No } else { Changed::Yes };
    Ok(Applied { result, changed, diff: None })
}

fn systemctl(args: &Args, host: &Probe, words: &[&str]) -> Command {
    let mut argv = vec!["systemctl"];
    match args.scope {
        Scope::System => {}
        Scope::User => argv.push("--user"),
        Scope::Global => argv.push("--global"),
    }
    if args.no_block {
        argv.push("--no-block");
    }
    if args.force == Some(true) {
        argv.push("--force");
    }
    argv.extend(words);
    let mut command = Command::new(argv).english();
    // A login by SSH alone does not always say where the user's own bus is.
    if args.scope == Scope::User && host.variable("XDG_RUNTIME_DIR").is_none() {
        let directory = format!("/run/user/{}", rustix::process::getuid().as_raw());
        command.environment.push(("XDG_RUNTIME_DIR".into(), directory));
    }
    command
}

/// `Key=value` lines; a value in braces may go over several lines.
fn properties(text: &str) -> Map {
    let mut found = Map::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        if let Some((key, value)) = &mut open {
            value.push('\n');
            value.push_str(line);
            if line.trim_end().ends_with('}') {
                found.insert(Value::str(&key), value.as_str().into());
                open = None;
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        if key.starts_with("Exec") && value.starts_with('{') && !value.trim_end().ends_with('}') {
            open = Some((key.to_owned(), value.to_owned()));
        } else {
            found.insert(key.into(), value.trim().into());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read() {
        let text = "Id=x.service\nExecStart={ path=/bin/sh ; argv[]=/bin/sh -c a\nb ; pid=1 }\nDescription=a = b\nEmpty=\n";
        let map = properties(text);
        let of = |key: &str| map.get(key).and_then(Value::as_str);
        assert_eq!(of("Id"), Some("x.service"));
        assert_eq!(of("ExecStart"), Some("{ path=/bin/sh ; argv[]=/bin/sh -c a\nb ; pid=1 }"));
        assert_eq!(of("Description"), Some("a = b"));
        assert_eq!(of("Empty"), Some(""));
    }
}
