//! `apt`: packages of Debian and its relatives.

mod cache;
mod choose;
mod command;
mod deb;
mod dpkg;
mod lists;
mod policy_rc_d;

use crate::modules::kit::private::PrivateFile;
use crate::modules::kit::{Applied, Changed, Failure, Module, Plan, Probe, Target};
use crate::value::{Map, Value};
use choose::{install, remove};
use command::{apt_get, diff_of, failure, nothing_changes, run, with_output};
use deb::{deb, fetch, fetched_path};
use dpkg::Status;
use lists::{cache_facts, cache_time, refresh, wants_update};
use policy_rc_d::PolicyRcD;
use serde::Deserialize;
use std::path::Path;

pub struct Apt;

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Packages: `tree`, `tree=2.1*`, `tree>=2`, `lib*`.
    #[serde(default, rename = "package", alias = "name", alias = "pkg")]
    name: Vec<String>,
    #[serde(default)]
    state: State,
    /// Refresh the package lists first.
    #[serde(alias = "update-cache")]
    update_cache: Option<bool>,
    /// … only if they are older than so many seconds.
    #[serde(default)]
    cache_valid_time: u64,
    #[serde(default = "retries")]
    update_cache_retries: u32,
    #[serde(default = "retry_delay")]
    update_cache_retry_max_delay: u64,
    /// Delete configuration files, too.
    #[serde(default)]
    purge: bool,
    /// Remove what nothing needs any more.
    #[serde(default)]
    autoremove: bool,
    #[serde(default)]
    autoclean: bool,
    #[serde(default)]
    clean: bool,
    /// A package file on the host.
    deb: Option<String>,
    #[serde(alias = "default-release")]
    default_release: Option<String>,
    #[serde(alias = "install-recommends")]
    install_recommends: Option<bool>,
    /// Ask nothing, check nothing.
    #[serde(default)]
    force: bool,
    #[serde(default, alias = "allow-unauthenticated")]
    allow_unauthenticated: bool,
    #[serde(default, alias = "allow-downgrade", alias = "allow_downgrades", alias = "allow-downgrades")]
    allow_downgrade: bool,
    #[serde(default)]
    allow_change_held_packages: bool,
    #[serde(default = "dpkg_options")]
    dpkg_options: String,
    #[serde(default)]
    upgrade: Upgrade,
    #[serde(default)]
    only_upgrade: bool,
    /// The exit status of `/usr/sbin/policy-rc.d` meanwhile (101: start no services).
    policy_rc_d: Option<i64>,
    #[serde(default)]
    fail_on_autoremove: bool,
    #[serde(default = "lock_timeout")]
    lock_timeout: u64,
    /// There is nothing but apt-get here.
    #[serde(default, rename = "force_apt_get")]
    _force_apt_get: Option<bool>,
    /// Nothing has to be installed for this module.
    #[serde(default, rename = "auto_install_module_deps")]
    _auto_install_module_deps: Option<bool>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
pub enum State {
    #[serde(rename = "absent")]
    Absent,
    #[serde(rename = "build-dep")]
    BuildDep,
    #[serde(rename = "fixed")]
    Fixed,
    #[serde(rename = "latest")]
    Latest,
    #[default]
    #[serde(rename = "present")]
    Present,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Upgrade {
    Dist,
    Full,
    #[default]
    No,
    Safe,
    Yes,
}

fn retries() -> u32 {
    5
}

fn retry_delay() -> u64 {
    12
}

fn lock_timeout() -> u64 {
    60
}

fn dpkg_options() -> String {
    "force-confdef,force-confold".into()
}

/// What to do: refresh the lists, then look again and run.
pub struct Todo {
    args: Args,
    update: bool,
    /// What was decided; decided again after a refresh.
    step: Step,
}

/// The one command of a task.
enum Step {
    Nothing(Map),
    /// Words after `apt-get`.
    Run {
        words: Vec<String>,
        failed: String,
        result: Map,
        /// The package file that was fetched for it; gone with the step.
        fetched: Option<PrivateFile>,
    },
    Clean,
}

impl Module for Apt {
    const NAME: &'static str = "apt";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        plan(args, host)
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        apply(todo, host)
    }
}

fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
    let exclusive = [args.deb.is_some(), !args.name.is_empty(), args.upgrade != Upgrade::No];
    if exclusive.iter().filter(|given| **given).count() > 1 {
        return Err(Failure::new("parameters are mutually exclusive: deb|package|upgrade"));
    }
    let update = wants_update(args);
    let todo = |step| Todo { args: args.clone(), update, step };
    let step = match decide(args, host, update) {
        Ok(step) => step,
        // What is not there now may be there once the lists are fresh.
        Err(failure) if update => {
            return Ok(Plan::Unknown {
                todo: todo(Step::Nothing(Map::new())),
                why: format!("the package lists are to be refreshed first ({})", failure.msg),
                result: Map::new(),
            });
        }
        Err(failure) => return Err(failure),
    };
    match step {
        Step::Nothing(result) if !update => Ok(Plan::Unchanged { result }),
        Step::Nothing(ref result) => {
            let result = result.clone();
            Ok(Plan::Upkeep { todo: todo(step), result })
        }
        Step::Clean => {
            let empty = [("stdout", ""), ("stderr", ""), ("msg", "")];
            Ok(Plan::change(todo(step), Vec::new(), Value::object(empty)))
        }
        Step::Run { ref words, ref failed, ref result, .. } => {
            let mut simulated = vec!["--simulate".to_owned()];
            simulated.extend(words.iter().cloned());
            let output = host.query(&apt_get(args, &simulated))?;
            if !output.success() {
                return match update {
                    true => Ok(Plan::Unknown {
                        why: format!(
                            "the package lists are to be refreshed first ({})",
                            output.stderr().trim()
                        ),
                        result: result.clone(),
                        todo: todo(step),
                    }),
                    false => {
                        Err(failure(&failed.replace("{}", host.wording("", "--simulate")), &output, result))
                    }
                };
            }
            let mut result = with_output(result, &output);
            if args.upgrade != Upgrade::No {
                result.insert("msg".into(), output.stdout().into());
            }
            if nothing_changes(&output.stdout()) {
                return Ok(match update {
                    true => Plan::Upkeep { todo: todo(Step::Nothing(result.clone())), result },
                    false => Plan::Unchanged { result },
                });
            }
            let diff = vec![diff_of(&output.stdout())];
            Ok(Plan::Change { diff, result, todo: todo(step) })
        }
    }
}

fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
    let Todo { args, update, mut step } = todo;
    let before = cache_time();
    let mut cache_updated = false;
    if update {
        refresh(&args, host)?;
        cache_updated = cache_time() != before;
        step = decide(&args, &host.probe(), cache_updated)?;
    }
    match step {
        Step::Nothing(result) => {
            let only_update = args.name.is_empty() && args.state != State::Fixed;
            let changed = if cache_updated && only_update { Changed::Yes } else { Changed::No };
            Ok(Applied { result, changed, diff: None })
        }
        Step::Clean => {
            let output = host.run(&apt_get(&args, &["clean".to_owned()]))?;
            match output.success() {
                true => Ok(Applied::new(Value::map(with_output(&Map::new(), &output)))),
                false => Err(failure("apt-get clean failed: ", &output, &Map::new())),
            }
        }
        // What was fetched has to stay until the command is done.
        Step::Run { words, failed, result, fetched: _fetched } => {
            let policy = args.policy_rc_d.map(PolicyRcD::set).transpose()?;
            let output = host.run(&apt_get(&args, &words));
            drop(policy);
            let output = output?;
            if !output.success() {
                return Err(failure(&failed.replace("{}", ""), &output, &result));
            }
            let text = output.stdout();
            let changed = if nothing_changes(&text) { Changed::No } else { Changed::Yes };
            let mut result = with_output(&result, &output);
            if args.upgrade != Upgrade::No {
                result.insert("msg".into(), text.as_str().into());
            }
            if result.contains_key("cache_updated") {
                result.insert("cache_updated".into(), cache_updated.into());
            }
            Ok(Applied { result, changed, diff: Some(vec![diff_of(&text)]) })
        }
    }
}

fn decide(args: &Args, host: &Probe, updated: bool) -> Result<Step, Failure> {
    if args.clean {
        let archives = crate::modules::kit::glob::glob("/var/cache/apt/archives/*.deb", Path::new("/"));
        if !archives.is_empty() {
            return Ok(Step::Clean);
        }
        if args.name.is_empty() && args.deb.is_none() && args.upgrade == Upgrade::No {
            let empty = Value::object([("stdout", ""), ("stderr", ""), ("msg", "")]);
            return Ok(Step::Nothing(empty.as_map().cloned().unwrap_or_default()));
        }
    }
    match args.upgrade {
        Upgrade::No => {}
        Upgrade::Yes | Upgrade::Safe => {
            return Ok(run(args, &["--with-new-pkgs"], "upgrade", &[], Map::new()));
        }
        Upgrade::Full | Upgrade::Dist => return Ok(run(args, &[], "dist-upgrade", &[], Map::new())),
    }
    if let Some(path) = &args.deb {
        if !path.contains("://") {
            return deb(args, &host.path(path), host);
        }
        let file = fetch(path, host)?;
        let mut step = deb(args, &fetched_path(&file), host)?;
        if let Step::Run { fetched, .. } = &mut step {
            *fetched = Some(file);
        }
        return Ok(step);
    }
    let names: Vec<String> = args
        .name
        .iter()
        .flat_map(|name| name.split(','))
        .map(|n| n.trim().to_owned())
        .filter(|n| !n.is_empty())
        .collect();
    if names.is_empty() {
        if args.state == State::Fixed {
            return Ok(run(args, &["--fix-broken"], "install", &[], cache_facts(updated)));
        }
        if args.autoremove {
            let purge: &[&str] = if args.purge { &["--purge"] } else { &[] };
            return Ok(run(args, purge, "autoremove", &[], Map::new()));
        }
        if args.autoclean {
            return Ok(run(args, &[], "autoclean", &[], Map::new()));
        }
        return Ok(Step::Nothing(cache_facts(updated)));
    }
    let status =
        Status::parse(&String::from_utf8_lossy(&host.read("/var/lib/dpkg/status")?.unwrap_or_default()));
    match args.state {
        State::Absent => remove(args, &names, &status),
        State::BuildDep => Ok(run(args, &[], "build-dep", &names, cache_facts(updated))),
        State::Present | State::Latest | State::Fixed => install(args, &names, &status, host, updated),
    }
}
