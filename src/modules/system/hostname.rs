//! `hostname`: the name of the host, now and after a restart.

use crate::facts;
use crate::modules::kit::{
    Applied, Attributes, Command, Failure, Module, Plan, Probe, Target, error_at, file,
};
use crate::protocol::Diff;
use crate::value::{Map, Value};
use serde::Deserialize;
use std::path::Path;

pub struct Hostname;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    name: String,
    /// How to set it, instead of what is found out.
    #[serde(rename = "use")]
    strategy: Option<Strategy>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Strategy {
    Alpine,
    Debian,
    Freebsd,
    Generic,
    Macos,
    Macosx,
    Darwin,
    Openbsd,
    Openrc,
    Redhat,
    Sles,
    Solaris,
    Systemd,
}

/// What is to be set.
pub struct Todo {
    name: String,
    strategy: Strategy,
    current: bool,
    permanent: bool,
}

impl Module for Hostname {
    const NAME: &'static str = "hostname";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let strategy = args.strategy.unwrap_or_else(detect);
        let current = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let permanent = permanent(strategy, host)?.unwrap_or_else(|| current.clone());
        let todo = Todo {
            name: args.name.clone(),
            strategy,
            current: current != args.name,
            permanent: permanent != args.name,
        };
        let result = result(&args.name, host);
        if !todo.current && !todo.permanent {
            return Ok(Plan::Unchanged { result });
        }
        let before = if todo.current { current } else { permanent };
        let diff = Diff {
            before: format!("hostname = {before}\n").into(),
            after: format!("hostname = {}\n", args.name).into(),
            ..Diff::default()
        };
        Ok(Plan::Change { todo, diff: vec![diff], result })
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        let name = todo.name.as_str();
        if todo.strategy == Strategy::Systemd {
            for (wanted, kind) in [(todo.current, "--transient"), (todo.permanent, "--static")] {
                if wanted {
                    run(host, &["hostnamectl", kind, "set-hostname", name])?;
                }
            }
        } else {
            if todo.permanent {
                let (path, line) = place(todo.strategy, name, &host.probe())?;
                let attributes = Attributes { mode: None, ..Attributes::default() };
                let content = file::Content::Bytes(line.into_bytes());
                file::replace(host, file::Replacement::new(Path::new(path), content, &attributes))
                    .map_err(file::Refused::into_failure)
                    .map_err(|failure| match failure.is_crash() {
                        true => Failure::new(format!("failed to update hostname: {}", denied(path))),
                        false => failure,
                    })?;
            }
            if todo.current {
                run(host, &["hostname", name])?;
            }
        }
        Ok(Applied { result: result(name, &host.probe()), ..Applied::default() })
    }
}

/// What opening a file says that may not be written.
fn denied(path: &str) -> String {
    error_at(&rustix::io::Errno::ACCESS.into(), path)
}

fn run(host: &mut Target, words: &[&str]) -> Result<(), Failure> {
    let output = host.run(&Command::new(words).english())?;
    if output.success() {
        return Ok(());
    }
    let (rc, out, err) = (output.rc, output.stdout(), output.stderr());
    Err(Failure::new(format!("Command failed rc={rc}, out={out}, err={err}")))
}

fn detect() -> Strategy {
    if facts::runs_systemd() {
        return Strategy::Systemd;
    }
    let distribution = facts::distribution::facts(&facts::distribution::files());
    match distribution.get("os_family").and_then(Value::as_str).unwrap_or_default() {
        "Alpine" => Strategy::Alpine,
        "Gentoo" => Strategy::Openrc,
        "RedHat" if Path::new("/etc/sysconfig/network").exists() && !Path::new("/etc/hostname").exists() => {
            Strategy::Redhat
        }
        "Suse" if !Path::new("/etc/hostname").exists() => Strategy::Sles,
        _ => Strategy::Debian,
    }
}

/// The name that the host will have after a restart, if any is set.
fn permanent(strategy: Strategy, host: &Probe) -> Result<Option<String>, Failure> {
    let text = |path: &str| -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&host.read(path)?.unwrap_or_default()).trim().to_owned())
    };
    let assigned = |path: &str, key: &str| -> Result<Option<String>, Failure> {
        let text = text(path)?;
        let line = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(k, _)| k.trim().eq_ignore_ascii_case(key));
        Ok(line.map(|(_, value)| value.trim().trim_matches('"').to_owned()))
    };
    match strategy {
        Strategy::Systemd | Strategy::Debian | Strategy::Alpine => text("/etc/hostname").map(Some),
        Strategy::Sles => text("/etc/HOSTNAME").map(Some),
        Strategy::Openrc => {
            assigned("/etc/conf.d/hostname", "hostname").map(|name| name.or(Some(String::new())))
        }
        Strategy::Redhat => match assigned("/etc/sysconfig/network", "HOSTNAME")? {
            Some(name) => Ok(Some(name)),
            None => Err(Failure::new("Unable to locate HOSTNAME entry in /etc/sysconfig/network")),
        },
        Strategy::Generic => Ok(None),
        _ => Err(Failure::new("this way of setting the name is not one of Linux")),
    }
}

/// The file that keeps the name, and its new content.
fn place(strategy: Strategy, name: &str, host: &Probe) -> Result<(&'static str, String), Failure> {
    let (path, key) = match strategy {
        Strategy::Sles => return Ok(("/etc/HOSTNAME", format!("{name}\n"))),
        Strategy::Openrc => ("/etc/conf.d/hostname", format!("hostname=\"{name}\"")),
        Strategy::Redhat => ("/etc/sysconfig/network", format!("HOSTNAME={name}")),
        _ => return Ok(("/etc/hostname", format!("{name}\n"))),
    };
    let text = String::from_utf8_lossy(&host.read(path)?.unwrap_or_default()).into_owned();
    let is_ours = |line: &str| line.trim_start().to_ascii_lowercase().starts_with("hostname=");
    let mut lines: Vec<&str> = text.lines().filter(|line| !is_ours(line)).collect();
    lines.push(&key);
    Ok((path, lines.join("\n") + "\n"))
}

fn result(name: &str, host: &Probe) -> Map {
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let fqdn = facts::qualified_name(host, &node);
    let domain = fqdn.split_once('.').map_or("", |(_, domain)| domain).to_owned();
    let facts = Value::object([
        ("ansible_hostname", name.split('.').next().unwrap_or_default()),
        ("ansible_nodename", name),
        ("ansible_fqdn", fqdn.as_str()),
        ("ansible_domain", domain.as_str()),
    ]);
    let result = Value::object([("name", Value::str(name)), ("ansible_facts", facts)]);
    result.as_map().cloned().unwrap_or_default()
}
