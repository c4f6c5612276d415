//! Which calls of dnf a task needs, from what is installed: most tasks need none.

use super::args::{Aim, Args};
use super::command::{Dnf, Generation, Step};
use super::failure::failed;
use super::groups;
use crate::modules::kit::glob::is_pattern;
use crate::modules::kit::{Failure, Probe};
use crate::modules::packages::rpm::{self, Package};
use std::path::Path;

/// The calls, and what the result tells beside them.
#[derive(Debug, Default)]
pub struct Work {
    pub steps: Vec<Step>,
    pub notes: Vec<String>,
}

/// # Errors
/// A file or group that is not there, or tools that cannot be run.
pub fn decide(args: &Args, dnf: &Dnf, installed: &[Package], host: &Probe) -> Result<Work, Failure> {
    let decision = Decision { args, dnf, installed, host };
    let names = args.names();
    if names.is_empty() {
        return Ok(Work { steps: vec![step("autoremove", Vec::new())], notes: Vec::new() });
    }
    match args.aim() {
        Aim::Absent => decision.absent(&names),
        Aim::Latest => decision.latest(&names),
        Aim::Present => decision.present(&names),
    }
}

/// Whether a word of the user stands for that package.
pub fn names(word: &str, package: &Package, host: &Probe) -> bool {
    if !is_file(word) {
        return package.is(word);
    }
    let in_file = || rpm::file(host, word).ok().flatten().is_some_and(|found| found.name == package.name);
    let file = word.rsplit('/').next().and_then(|name| name.strip_suffix(".rpm")).unwrap_or_default();
    package.is(file) || in_file()
}

/// A package file, here or elsewhere.
pub fn is_file(word: &str) -> bool {
    word.contains("://") || word.ends_with(".rpm")
}

fn step(verb: &'static str, words: Vec<String>) -> Step {
    Step { verb, words }
}

struct Decision<'a> {
    args: &'a Args,
    dnf: &'a Dnf,
    installed: &'a [Package],
    host: &'a Probe<'a>,
}

impl Decision<'_> {
    /// What is installed of what a word stands for: packages of that name, or those that provide it.
    fn found(&self, word: &str) -> Result<Vec<Package>, Failure> {
        let named: Vec<Package> = self.installed.iter().filter(|package| package.is(word)).cloned().collect();
        if !named.is_empty() || is_pattern(word) || word.contains(' ') || word.is_empty() {
            return Ok(named);
        }
        rpm::providers(self.host, self.args.root(), word)
    }

    /// A file on this host has to be one that can be read.
    fn file(&self, word: &str, work: &mut Work) -> Result<(), Failure> {
        if !word.contains("://") && (!Path::new(word).exists() || rpm::file(self.host, word)?.is_none()) {
            let text = match self.dnf.generation {
                Generation::Four => {
                    format!("Error occurred attempting remote rpm operation: Could not open: {word}")
                }
                Generation::Five if Path::new(word).exists() => {
                    format!("Failed to load RPM \"{word}\": {word}: not a rpm")
                }
                Generation::Five => format!("Failed to access RPM \"{word}\": No such file or directory"),
            };
            return Err(failed(self.dnf.generation, text, None).with("rc", 1));
        }
        if self.dnf.generation == Generation::Four {
            work.notes.push(format!("Installed {word}"));
        }
        Ok(())
    }

    /// What dnf 4 tells of a group.
    fn group(&self, group: &groups::Group, what: &str, work: &mut Work) {
        if self.dnf.generation == Generation::Four && !group.environment {
            work.notes.push(format!("Group {} {what}.", group.id));
        }
    }

    fn not_installed(&self, word: &str, work: &mut Work) {
        work.notes.push(format!("Packages providing {word} not installed due to update_only specified"));
    }

    fn present(&self, names: &[String]) -> Result<Work, Failure> {
        let mut work = Work::default();
        let mut install = Vec::new();
        for word in names {
            if let Some(name) = word.strip_prefix('@') {
                install.push(match self.known(name)? {
                    Some(group) => {
                        self.group(&group, "installed", &mut work);
                        format!("@{}", group.id)
                    }
                    None => word.clone(),
                });
                continue;
            } else if is_file(word) {
                self.file(word, &mut work)?;
            } else if is_pattern(word) || self.found(word)?.is_empty() {
                if self.args.update_only {
                    self.not_installed(word, &mut work);
                    continue;
                }
            } else {
                continue;
            }
            install.push(word.clone());
        }
        work.steps.extend((!install.is_empty()).then(|| step("install", install)));
        Ok(work)
    }

    fn latest(&self, names: &[String]) -> Result<Work, Failure> {
        let mut work = Work::default();
        let upgrading = if self.args.bugfix || self.args.security { "upgrade-minimal" } else { "upgrade" };
        if names.iter().any(|word| word == "*") {
            work.steps.push(step(upgrading, Vec::new()));
        }
        let (mut upgrade, mut install) = (Vec::new(), Vec::new());
        for word in names.iter().filter(|word| *word != "*") {
            if let Some(name) = word.strip_prefix('@') {
                match self.known(name)? {
                    Some(group) if group.installed => {
                        self.group(&group, "upgraded", &mut work);
                        upgrade.push(format!("@{}", group.id));
                    }
                    Some(group) => {
                        self.group(&group, "installed", &mut work);
                        install.push(format!("@{}", group.id));
                    }
                    None => install.push(word.clone()),
                }
                continue;
            }
            if is_file(word) {
                self.file(word, &mut work)?;
                install.push(word.clone());
                continue;
            }
            let found = self.found(word)?;
            let by_name = found.iter().any(|package| package.is(word));
            if by_name && !is_pattern(word) {
                upgrade.push(word.clone());
                continue;
            }
            upgrade.extend(found.iter().map(|package| package.name.clone()));
            if self.args.update_only {
                if found.is_empty() {
                    self.not_installed(word, &mut work);
                }
            } else if found.is_empty() || is_pattern(word) {
                install.push(word.clone());
            }
        }
        work.steps.extend((!upgrade.is_empty()).then(|| step(upgrading, upgrade)));
        work.steps.extend((!install.is_empty()).then(|| step("install", install)));
        Ok(work)
    }

    fn absent(&self, names: &[String]) -> Result<Work, Failure> {
        let mut work = Work::default();
        let mut remove = Vec::new();
        for word in names {
            if let Some(name) = word.strip_prefix('@') {
                // A group that is not installed is gone already.
                remove.extend(
                    self.known(name)?.filter(|group| group.installed).map(|group| format!("@{}", group.id)),
                );
                continue;
            }
            let found = self.found(word)?;
            if found.is_empty() {
                if self.dnf.generation == Generation::Four {
                    work.notes.push(format!("No match for argument: {word}"));
                }
                continue;
            }
            let named = found.iter().any(|package| package.is(word));
            match named {
                true => remove.push(word.clone()),
                false => remove.extend(found.iter().map(|package| package.name.clone())),
            }
        }
        work.steps.extend((!remove.is_empty()).then(|| step("remove", remove)));
        Ok(work)
    }

    /// The group of that name; modules (`name:stream/profile`) are left to dnf.
    fn known(&self, name: &str) -> Result<Option<groups::Group>, Failure> {
        if name.contains([':', '/']) {
            return Ok(None);
        }
        groups::find(self.dnf, name, self.host)
    }
}
