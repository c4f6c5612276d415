//! `pacman`: packages of Arch Linux and its relatives.

use crate::modules::kit::{Applied, Changed, Command, Failure, Module, Output, Plan, Probe, Target, words};
use crate::protocol::Diff;
use crate::value::{Map, Value};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

pub struct Pacman;

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Packages, groups, names that packages provide, package files or URLs of them.
    #[serde(alias = "package", alias = "pkg")]
    name: Option<Vec<String>>,
    #[serde(default)]
    state: State,
    /// Remove without any checks; refresh lists that are fresh.
    #[serde(default)]
    force: bool,
    /// Delete changed files of configuration, too.
    #[serde(default)]
    remove_nosave: bool,
    #[serde(default = "pacman")]
    executable: String,
    #[serde(default)]
    extra_args: String,
    /// Refresh the package lists first.
    update_cache: Option<bool>,
    #[serde(default)]
    update_cache_extra_args: String,
    /// Upgrade everything.
    upgrade: Option<bool>,
    #[serde(default)]
    upgrade_extra_args: String,
    /// What packages are marked as.
    reason: Option<Reason>,
    #[serde(default)]
    reason_for: ReasonFor,
}

fn pacman() -> String {
    "pacman".into()
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    Installed,
    Latest,
    #[default]
    Present,
    Removed,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Reason {
    Dependency,
    Explicit,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Dependency => "dependency",
            Self::Explicit => "explicit",
        }
    }
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum ReasonFor {
    All,
    #[default]
    New,
}

/// Refresh the lists, then look again and run.
pub struct Todo {
    args: Args,
    update: bool,
    work: Work,
}

/// What is to be done with packages.
#[derive(Default)]
struct Work {
    /// The packages that change; `None` where packages are not what the task is about.
    packages: Option<Vec<String>>,
    /// Names and versions, one on a line.
    before: String,
    after: String,
    /// Calls of pacman, in this order; nothing is to be done if there are none.
    calls: Vec<Vec<String>>,
    /// What is said of it: done, in a check, and if it fails.
    done: String,
    foretold: String,
    failed: &'static str,
}

impl Module for Pacman {
    const NAME: &'static str = "pacman";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let upgrade = args.upgrade == Some(true);
        if args.name.is_some() && upgrade {
            return Err(Failure::new("parameters are mutually exclusive: name|upgrade"));
        }
        if args.name.is_none() && args.upgrade.is_none() && args.update_cache.is_none() {
            return Err(Failure::new("one of the following is required: name, update_cache, upgrade"));
        }
        let update = args.update_cache == Some(true);
        let todo = |work| Todo { args: args.clone(), update, work };
        let work = match decide(args, host) {
            Ok(work) => work,
            // What is not there now may be there once the lists are fresh.
            Err(failure) if update => {
                return Ok(Plan::Unknown {
                    todo: todo(Work::default()),
                    why: format!("the package lists are to be refreshed first ({})", failure.msg),
                    result: Map::new(),
                });
            }
            Err(failure) => return Err(failure),
        };
        let mut result = Map::new();
        if let Some(packages) = &work.packages {
            result.insert("packages".into(), Value::from(packages.clone()));
        }
        let nothing = work.calls.is_empty();
        let text = if nothing { &work.done } else { &work.foretold };
        if !text.is_empty() {
            result.insert("msg".into(), text.as_str().into());
        }
        Ok(match (nothing, update) {
            (true, false) => Plan::Unchanged { result },
            (true, true) => Plan::Upkeep { todo: todo(work), result },
            (false, _) => Plan::Change { diff: vec![work.diff()], result, todo: todo(work) },
        })
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        let Todo { args, update, mut work } = todo;
        let (mut said, mut refreshed) = (Vec::new(), false);
        let mut all = Output::default();
        let mut result = Map::new();
        if update {
            let before = lists();
            let output = refresh(&args, host)?;
            refreshed = args.force || lists() != before;
            all.stdout.extend(output.stdout);
            all.stderr.extend(output.stderr);
            said.push("Updated package db".to_owned());
            result.insert("cache_updated".into(), refreshed.into());
            work = decide(&args, &host.probe())?;
        }
        for (number, words) in work.calls.iter().enumerate() {
            let output = host.run(&command(&args, words))?;
            if !output.success() {
                return Err(refused(work.failed, &args, words, &output));
            }
            // What marks packages comes after an empty line, as everything that comes after something else.
            if number > 0 || update {
                all.stdout.push(b'\n');
            }
            all.stdout.extend(output.stdout);
            all.stderr.extend(output.stderr);
        }
        said.push(work.done.clone());
        let msg: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
        result.insert("msg".into(), msg.join("\n").into());
        if let Some(packages) = &work.packages {
            result.insert("packages".into(), Value::from(packages.clone()));
        }
        for (name, text) in [("stdout", all.stdout()), ("stderr", all.stderr())] {
            if !text.is_empty() {
                result.insert(name.into(), text.into());
            }
        }
        let changed = if refreshed || !work.calls.is_empty() { Changed::Yes } else { Changed::No };
        let diff = (!work.calls.is_empty()).then(|| vec![work.diff()]);
        Ok(Applied { result, changed, diff })
    }
}

impl Work {
    fn nothing(packages: Option<Vec<String>>, said: &str) -> Self {
        Self { packages, done: said.into(), ..Self::default() }
    }

    fn diff(&self) -> Diff {
        Diff { before: self.before.as_str().into(), after: self.after.as_str().into(), ..Diff::default() }
    }
}

fn command(args: &Args, words: &[String]) -> Command {
    Command::new([args.executable.clone()].iter().chain(words)).english()
}

/// What pacman prints for a question; `None` if it refuses.
fn ask(args: &Args, host: &Probe, question: &[&str]) -> Result<Option<String>, Failure> {
    let words: Vec<String> = question.iter().map(|word| (*word).to_owned()).collect();
    let output = host.query(&command(args, &words))?;
    Ok(output.success().then(|| output.stdout()))
}

/// A failure with what pacman said.
fn refused(msg: &str, args: &Args, words: &[String], output: &Output) -> Failure {
    let mut argv = vec![format!("/usr/bin/{}", args.executable)];
    argv.extend(words.iter().cloned());
    let failure = Failure::new(msg).with("cmd", Value::from(argv));
    let texts = [("stdout", output.stdout()), ("stderr", output.stderr())].into_iter();
    texts.filter(|(_, text)| !text.is_empty()).fold(failure, |failure, (name, text)| failure.with(name, text))
}

fn options(text: &str) -> Result<Vec<String>, Failure> {
    words::split(text).map_err(Failure::new)
}

/// The lists that are there, with the moment each was made.
fn lists() -> BTreeMap<std::path::PathBuf, (u64, Option<SystemTime>)> {
    let entries = std::fs::read_dir("/var/lib/pacman/sync").into_iter().flatten().flatten();
    let stamp =
        |entry: &std::fs::DirEntry| entry.metadata().map(|data| (data.len(), data.modified().ok())).ok();
    entries.filter_map(|entry| Some((entry.path(), stamp(&entry)?))).collect()
}

fn refresh(args: &Args, host: &mut Target) -> Result<Output, Failure> {
    let mut words: Vec<String> = vec!["--sync".into(), "--refresh".into()];
    if args.force {
        words.push("--refresh".into());
    }
    words.extend(options(&args.update_cache_extra_args)?);
    let output = host.run(&command(args, &words))?;
    match output.success() {
        true => Ok(output),
        false => Err(refused("could not update package db", args, &words, &output)),
    }
}

/// What pacman has installed, and why.
struct Installed {
    versions: BTreeMap<String, String>,
    dependencies: BTreeSet<String>,
}

impl Installed {
    fn ask(args: &Args, host: &Probe) -> Result<Self, Failure> {
        let pairs = |text: Option<String>| -> BTreeMap<String, String> {
            let text = text.unwrap_or_default();
            let pair = |line: &str| {
                line.split_once(' ').map(|(name, version)| (name.to_owned(), version.to_owned()))
            };
            text.lines().filter_map(pair).collect()
        };
        let versions = pairs(ask(args, host, &["--query"])?);
        let dependencies = pairs(ask(args, host, &["--query", "--deps"])?).into_keys().collect();
        Ok(Self { versions, dependencies })
    }

    fn reason(&self, name: &str) -> Reason {
        if self.dependencies.contains(name) { Reason::Dependency } else { Reason::Explicit }
    }
}

fn decide(args: &Args, host: &Probe) -> Result<Work, Failure> {
    if args.upgrade == Some(true) {
        return upgrade(args, host);
    }
    let Some(names) = &args.name else { return Ok(Work::default()) };
    let names: Vec<&str> = names.iter().flat_map(|name| name.split(',')).map(str::trim).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Ok(Work::nothing(None, "Nothing to do"));
    }
    match args.state {
        State::Absent | State::Removed => remove(args, &names, host),
        State::Present | State::Installed | State::Latest => install(args, &names, host),
    }
}

/// Packages for which there is a newer version: name, version, newer version.
fn upgrades(args: &Args, host: &Probe) -> Result<Vec<(String, String, String)>, Failure> {
    let text = ask(args, host, &["--query", "--upgrades"])?.unwrap_or_default();
    let upgrade = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name, old, "->", new] => Some(((*name).to_owned(), (*old).to_owned(), (*new).to_owned())),
            // `[ignored]` behind it: it stays as it is.
            _ => None,
        }
    };
    Ok(text.lines().filter_map(upgrade).collect())
}

fn upgrade(args: &Args, host: &Probe) -> Result<Work, Failure> {
    let upgrades = upgrades(args, host)?;
    if upgrades.is_empty() {
        return Ok(Work::nothing(None, "Nothing to upgrade"));
    }
    let mut call: Vec<String> =
        ["--sync", "--sysupgrade", "--quiet", "--noconfirm", "--noprogressbar"].map(str::to_owned).into();
    call.extend(options(&args.upgrade_extra_args)?);
    Ok(Work {
        before: upgrades.iter().map(|(name, old, _)| format!("{name}-{old}\n")).collect(),
        after: upgrades.iter().map(|(name, _, new)| format!("{name}-{new}\n")).collect(),
        foretold: format!("{} packages would have been upgraded", upgrades.len()),
        packages: Some(upgrades.into_iter().map(|(name, ..)| name).collect()),
        calls: vec![call],
        done: "System upgraded".into(),
        failed: "Could not upgrade",
    })
}

/// What a name stands for.
struct Wanted {
    name: String,
    /// The file or URL that it comes from, if it is not from a repository.
    file: Option<String>,
}

/// Names, groups, provided names and files become packages.
fn resolve(args: &Args, names: &[&str], installed: &Installed, host: &Probe) -> Result<Vec<Wanted>, Failure> {
    let mut groups: Option<String> = None;
    let mut wanted = Vec::new();
    for name in names {
        if installed.versions.contains_key(*name) {
            wanted.push(Wanted { name: (*name).to_owned(), file: None });
            continue;
        }
        if groups.is_none() {
            groups = Some(groups_of_lists(args, host)?);
        }
        let members = groups.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_once(' '));
        let before = wanted.len();
        wanted.extend(
            members
                .filter(|(group, _)| group == name)
                .map(|(_, member)| Wanted { name: member.to_owned(), file: None }),
        );
        if wanted.len() > before {
            continue;
        }
        // Without what it needs: what remains is the package itself.
        let only = ["--nodeps", "--nodeps", "--print-format", "%n"];
        let sync = [&["--sync"], only.as_slice(), &["--", name]].concat();
        let file = match ask(args, host, &sync)? {
            Some(text) => {
                wanted.extend(text.lines().map(|line| Wanted { name: line.trim().to_owned(), file: None }));
                continue;
            }
            None => ["--upgrade", "--print-format", "%n", name].map(str::to_owned),
        };
        let lone = [&["--upgrade"], only.as_slice(), &["--", name]].concat();
        match ask(args, host, &lone)? {
            Some(text) => {
                let package = text.lines().last().unwrap_or_default().trim().to_owned();
                wanted.push(Wanted { name: package, file: Some((*name).to_owned()) });
            }
            None => {
                let output = host.query(&command(args, &file))?;
                let failure = refused(&format!("Failed to list package {name}"), args, &file, &output);
                return Err(failure.with("rc", output.rc));
            }
        }
    }
    Ok(wanted)
}

/// The groups of all repositories, a member on a line.
fn groups_of_lists(args: &Args, host: &Probe) -> Result<String, Failure> {
    let words = ["--sync", "--groups", "--groups"].map(str::to_owned);
    let output = host.query(&command(args, &words))?;
    let said = output.stderr();
    // Where there is no group at all, it fails in silence.
    if output.success() || said.is_empty() {
        return Ok(output.stdout());
    }
    let failure =
        Failure::new(said.trim()).with("cmd", format!("/usr/bin/{} {}", args.executable, words.join(" ")));
    Err(failure.with("rc", output.rc).with("stdout", output.stdout()).with("stderr", said))
}

fn install(args: &Args, names: &[&str], host: &Probe) -> Result<Work, Failure> {
    let installed = Installed::ask(args, host)?;
    let wanted = resolve(args, names, &installed, host)?;
    let newer: BTreeSet<String> = match args.state {
        State::Latest => upgrades(args, host)?.into_iter().map(|(name, ..)| name).collect(),
        _ => BTreeSet::new(),
    };
    let there = |name: &str| installed.versions.contains_key(name);
    let open = |wanted: &&Wanted| {
        !there(&wanted.name)
            || newer.contains(&wanted.name)
            || args.state == State::Latest && wanted.file.is_some()
    };
    let mut work = Work { failed: "Failed to install package(s)", ..Work::default() };
    let (mut packages, mut before, mut after) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    let new = args.reason.map(|reason| format!("-{}", reason.name())).unwrap_or_default();
    let open: Vec<&Wanted> = wanted.iter().filter(open).collect();
    for (verb, targets) in [
        ("--sync", open.iter().filter(|w| w.file.is_none()).map(|w| w.name.clone()).collect::<Vec<_>>()),
        ("--upgrade", open.iter().filter_map(|w| w.file.clone()).collect()),
    ] {
        if targets.is_empty() {
            continue;
        }
        let mut call: Vec<String> =
            ["--noconfirm", "--noprogressbar", "--needed", verb].map(str::to_owned).into();
        call.extend(options(&args.extra_args)?);
        let mut list = call.clone();
        list.extend(["--print-format".into(), "%n %v".into()]);
        list.extend(targets.iter().cloned());
        let output = host.query(&command(args, &list))?;
        if !output.success() {
            return Err(refused("Failed to list package(s) to install", args, &list, &output));
        }
        let text = output.stdout();
        let listed: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(' ')).collect();
        // `loading packages...` is printed there, too.
        let listed =
            listed.into_iter().filter(|(_, version)| !version.contains(' ') && !version.ends_with("..."));
        let mut any = false;
        for (name, version) in listed {
            any = true;
            packages.insert(name.to_owned());
            let mark = match installed.versions.get(name) {
                Some(old) => {
                    let mark = format!("-{}", installed.reason(name).name());
                    before.insert(name.to_owned(), format!("{name}-{old}{mark}\n"));
                    mark
                }
                None => new.clone(),
            };
            after.insert(name.to_owned(), format!("{name}-{version}{mark}\n"));
        }
        if any {
            call.extend(targets);
            work.calls.push(call);
        }
    }
    if let Some(reason) = args.reason {
        let wrong = |name: &String| match args.reason_for {
            ReasonFor::New => !there(name) && packages.contains(name),
            ReasonFor::All => !there(name) || installed.reason(name) != reason,
        };
        let marked: Vec<String> = wanted.iter().map(|w| w.name.clone()).filter(wrong).collect();
        if !marked.is_empty() {
            let flag = if reason == Reason::Dependency { "--asdeps" } else { "--asexplicit" };
            let call = ["--noconfirm", "--database", flag].map(str::to_owned);
            work.calls.push(call.into_iter().chain(marked.iter().cloned()).collect());
            packages.extend(marked);
        }
    }
    if work.calls.is_empty() {
        return Ok(Work::nothing(Some(Vec::new()), "package(s) already installed"));
    }
    work.before = before.into_values().collect();
    work.after = after.into_values().collect();
    work.done = format!("Installed {} package(s)", packages.len());
    work.foretold = format!("Would have installed {} packages", packages.len());
    work.packages = Some(packages.into_iter().collect());
    Ok(work)
}

fn remove(args: &Args, names: &[&str], host: &Probe) -> Result<Work, Failure> {
    let installed = Installed::ask(args, host)?;
    let groups = ask(args, host, &["--query", "--groups"])?.unwrap_or_default();
    let members = |group: &str| {
        let pairs = groups.lines().filter_map(|line| line.split_once(' '));
        let members = pairs.filter(|(name, _)| *name == group).map(|(_, member)| member.to_owned());
        members.collect::<BTreeSet<_>>()
    };
    let mut targets: Vec<String> = Vec::new();
    for name in names {
        match installed.versions.contains_key(*name) {
            true => targets.push((*name).to_owned()),
            false => targets.extend(members(name)),
        }
    }
    if targets.is_empty() {
        return Ok(Work::nothing(Some(Vec::new()), "package(s) already absent"));
    }
    let mut call: Vec<String> = ["--remove", "--noconfirm", "--noprogressbar"].map(str::to_owned).into();
    call.extend(options(&args.extra_args)?);
    if args.force {
        call.extend(["--nodeps".into(), "--nodeps".into()]);
    }
    let mut list = call.clone();
    if args.remove_nosave {
        call.push("--nosave".into());
    }
    list.extend(["--print-format".into(), "%n-%v".into()]);
    list.extend(targets.iter().cloned());
    let output = host.query(&command(args, &list))?;
    if !output.success() {
        return Err(refused("failed to list package(s) to remove", args, &list, &output));
    }
    let packages: Vec<String> = output.stdout().lines().map(str::to_owned).collect();
    call.extend(targets);
    Ok(Work {
        before: packages.iter().map(|package| format!("{package}\n")).collect(),
        done: format!("Removed {} package(s)", packages.len()),
        foretold: format!("Would have removed {} packages", packages.len()),
        packages: Some(packages),
        calls: vec![call],
        failed: "failed to remove package(s)",
        ..Work::default()
    })
}
