//! `dnf` and `dnf5`: packages of Fedora, Red Hat and their relatives, by the command lines of dnf 4 and dnf 5.

mod args;
mod command;
mod failure;
mod groups;
mod list;
mod steps;
mod transaction;

use super::rpm::{self, Package};
use crate::facts;
use crate::modules::kit::{Applied, Command, Failure, Module, Output, Plan, Probe, Target};
use crate::value::{Map, Value};
pub use args::Args;
use args::{Aim, Backend};
use command::{Dnf, Generation, Step};
use failure::{failed, failure};
use std::path::Path;
use steps::Work;
use transaction::Transaction;

pub struct DnfModule;
pub struct Dnf5Module;

/// What to do, in this order.
pub struct Todo {
    args: Args,
    generation: Generation,
    steps: Vec<Step>,
    /// What the result tells beside packages.
    notes: Vec<String>,
    /// Refresh what is known of the repositories, and that is all.
    refresh: bool,
}

impl Module for DnfModule {
    const NAME: &'static str = "dnf";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        plan(args, host)
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        apply(todo, host)
    }
}

impl Module for Dnf5Module {
    const NAME: &'static str = "dnf5";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let mut args = args.clone();
        args.use_backend = Backend::Dnf5;
        plan(&args, host)
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        apply(todo, host)
    }
}

/// The generation that the task or the host wants.
fn generation(args: &Args) -> Result<Generation, Failure> {
    match args.use_backend {
        Backend::Dnf | Backend::Dnf4 | Backend::Yum4 => Ok(Generation::Four),
        Backend::Dnf5 => Ok(Generation::Five),
        Backend::Auto | Backend::Yum => match facts::package_manager().as_str() {
            "dnf5" => Ok(Generation::Five),
            "dnf" | "dnf4" | "yum" | "yum4" => Ok(Generation::Four),
            _ => Err(Failure::new(
                "Could not detect which major revision of dnf is in use, which is required to determine module backend. \
                 You should manually specify use_backend to tell the module whether to use the dnf4 or dnf5 backend})",
            )),
        },
    }
}

fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
    let generation = generation(args)?;
    for (both, names) in [
        (!args.name.is_empty() && args.list.is_some(), "name|list"),
        (args.best.is_some() && args.nobest.is_some(), "best|nobest"),
    ] {
        if both {
            return Err(Failure::new(format!("parameters are mutually exclusive: {names}")));
        }
    }
    if let Some(path) = args.conf_file.as_deref().filter(|path| !Path::new(path).exists()) {
        return Err(match generation {
            Generation::Four => {
                failed(generation, "cannot read configuration file", None).with("conf_file", path)
            }
            Generation::Five => failed(generation, format!("Configuration file \"{path}\" not found"), None),
        });
    }
    let dnf = Dnf::new(generation, args);
    if let Some(what) = &args.list {
        return Ok(Plan::Unchanged { result: list::list(what, &dnf, args.root(), host)? });
    }
    if !rustix::process::geteuid().is_root() {
        return Err(failed(generation, "This command has to be run under the root user.", None));
    }
    if args.autoremove && args.aim() != Aim::Absent {
        return Err(failed(generation, "Autoremove should be used alone or with state=absent", None));
    }
    let todo = |steps, notes, refresh| Todo { args: args.clone(), generation, steps, notes, refresh };
    if args.name.is_empty() && !args.autoremove {
        return Ok(match args.update_cache {
            true => Plan::Upkeep {
                todo: todo(Vec::new(), Vec::new(), true),
                result: result("Cache updated", Vec::new()),
            },
            false => Plan::Unchanged { result: result("Nothing to do", Vec::new()) },
        });
    }
    let installed = rpm::installed(host, args.root())?;
    let work = steps::decide(args, &dnf, &installed, host)?;
    foretell(args, &dnf, work, &installed, host, &todo)
}

/// Asks dnf what the steps would do, and leaves out those that would do nothing.
fn foretell(
    args: &Args,
    dnf: &Dnf,
    work: Work,
    installed: &[Package],
    host: &Probe,
    todo: &dyn Fn(Vec<Step>, Vec<String>, bool) -> Todo,
) -> Result<Plan<Todo>, Failure> {
    let Work { steps, mut notes } = work;
    let mut run = |command: &Command| host.query(command);
    let (mut left, mut changes) = (Vec::new(), Vec::new());
    for mut step in steps {
        let transaction = loop {
            let found = dnf
                .simulate(&step, installed, &mut run)
                .map_err(|refusal| failure(dnf.generation, &step, refusal))?;
            // An older version is not what a name with a version asks for, unless it is allowed.
            let older =
                |word: &String| found.downgraded.iter().any(|package| steps::names(word, package, host));
            let words = step.words.len();
            if !args.allow_downgrade && step.verb == "install" {
                step.words.retain(|word| !older(word));
            }
            if step.words.len() == words {
                break Some(found);
            }
            if step.words.is_empty() {
                break None;
            }
        };
        let Some(transaction) = transaction else { continue };
        if dnf.generation == Generation::Five && step.verb == "remove" && !args.allowerasing {
            refuse_dependents(&transaction)?;
        }
        if step.verb == "install" {
            let missing = transaction.unavailable.iter();
            notes.extend(missing.map(|word| format!("No package {word} available.")));
        }
        let nothing = transaction.is_empty() || args.download_only && downloaded(args, &transaction);
        if !nothing {
            changes.extend(described(args, dnf.generation, &transaction));
            left.push(step);
        }
    }
    if left.is_empty() {
        return Ok(Plan::Unchanged { result: result("Nothing to do", notes) });
    }
    let told = notes.iter().cloned().chain(changes).collect();
    let text = "Check mode: No changes made, but would have if not in check mode";
    Ok(Plan::Change { diff: Vec::new(), result: result(text, told), todo: todo(left, notes, false) })
}

fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
    let Todo { args, generation, steps, mut notes, refresh } = todo;
    let dnf = Dnf::new(generation, &args);
    if refresh {
        let output = host.run(&dnf.question(["makecache"]))?;
        if !output.success() {
            let step = Step { verb: "makecache", words: Vec::new() };
            return Err(failure(generation, &step, command::Refusal::Said(output)));
        }
        return Ok(Applied {
            result: result("Cache updated", Vec::new()),
            changed: crate::modules::kit::Changed::No,
            diff: None,
        });
    }
    for step in steps {
        let installed = rpm::installed(&host.probe(), args.root())?;
        let mut run = |command: &Command| -> Result<Output, Failure> { host.run(command) };
        let done = dnf
            .perform(&step, &installed, &mut run)
            .map_err(|refusal| failure(generation, &step, refusal))?;
        notes.extend(described(&args, generation, &done));
    }
    Ok(Applied { result: result("", notes), ..Applied::default() })
}

/// With dnf 5, what needs a package goes with it only if that is allowed; the command line does not ask.
fn refuse_dependents(transaction: &Transaction) -> Result<(), Failure> {
    if transaction.dependents.is_empty() {
        return Ok(());
    }
    let problem = |package: &Package| {
        format!(
            "Problem: installed package {package} requires what is to be removed (allowerasing removes it, too)"
        )
    };
    let problems = transaction.dependents.iter().map(problem).collect();
    Err(failed(Generation::Five, "Depsolve Error occurred", Some(problems)))
}

/// Whether all packages are in the folder where they are to be.
fn downloaded(args: &Args, transaction: &Transaction) -> bool {
    let Some(folder) = args.download_dir.as_deref().map(Path::new) else { return false };
    let file = |package: &Package| {
        let Package { name, version, release, architecture, .. } = package;
        folder.join(format!("{name}-{version}-{release}.{architecture}.rpm"))
    };
    transaction.installed.iter().all(|package| file(package).exists())
}

/// A transaction in the words of results.
fn described(args: &Args, generation: Generation, transaction: &Transaction) -> Vec<String> {
    let Transaction { installed, downgraded, removed, .. } = transaction;
    if args.download_only {
        return installed.iter().map(|package| format!("Downloaded: {package}")).collect();
    }
    let older = match generation {
        Generation::Four => "Installed",
        Generation::Five => "Downgrade",
    };
    let installed = installed.iter().map(|package| format!("Installed: {package}"));
    let downgraded = downgraded.iter().map(|package| format!("{older}: {package}"));
    let removed = removed.iter().map(|package| format!("Removed: {package}"));
    installed.chain(downgraded).chain(removed).collect()
}

fn result(msg: &str, results: Vec<String>) -> Map {
    let mut result = Map::new();
    result.insert("msg".into(), msg.into());
    result.insert("results".into(), Value::from(results));
    result.insert("rc".into(), 0.into());
    result
}
