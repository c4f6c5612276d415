//! What is to be installed or removed, from the names that were given, what is there and what can be had.

use super::cache::{self, Policy};
use super::command::run;
use super::dpkg::{self, State as DpkgState, Status};
use super::lists::cache_facts;
use super::{Args, State, Step};
use crate::modules::kit::glob::{fnmatch, is_pattern};
use crate::modules::kit::{Failure, Probe};
use crate::value::Map;
use std::cmp::Ordering;

/// A name with its version, as arguments give them.
struct Wanted<'n> {
    name: &'n str,
    version: Option<&'n str>,
    at_least: bool,
}

impl<'n> Wanted<'n> {
    fn parse(text: &'n str) -> Self {
        if let Some((name, version)) = text.split_once(">=") {
            return Self { name: name.trim(), version: Some(version.trim()), at_least: true };
        }
        match text.split_once('=') {
            Some((name, version)) => {
                Self { name: name.trim(), version: Some(version.trim()), at_least: false }
            }
            None => Self { name: text, version: None, at_least: false },
        }
    }

    fn accepts(&self, version: &str) -> bool {
        match self.version {
            None => true,
            Some(wanted) if self.at_least => dpkg::compare(version, wanted) != Ordering::Less,
            Some(wanted) => fnmatch(wanted, version),
        }
    }
}

/// Names with wildcards become the names they stand for.
fn expand(
    names: &[String],
    known: impl Fn(&str) -> Result<Vec<String>, Failure>,
) -> Result<Vec<String>, Failure> {
    let mut expanded = Vec::new();
    for name in names {
        let wanted = Wanted::parse(name);
        if !is_pattern(wanted.name) {
            expanded.push(name.clone());
            continue;
        }
        let prefix = wanted.name.split(['*', '?', '[']).next().unwrap_or_default();
        let matches: Vec<String> =
            known(prefix)?.into_iter().filter(|known| fnmatch(wanted.name, known)).collect();
        if matches.is_empty() {
            return Err(Failure::new(format!("No package(s) matching '{}' available", wanted.name)));
        }
        expanded.extend(matches);
    }
    Ok(expanded)
}

pub(super) fn install(
    args: &Args,
    names: &[String],
    status: &Status,
    host: &Probe,
    updated: bool,
) -> Result<Step, Failure> {
    let is_real = |names: Vec<String>| -> Result<Vec<String>, Failure> {
        let policies = cache::policies(host, &names, args.default_release.as_deref())?;
        Ok(names.into_iter().filter(|n| policies.get(n).is_some_and(|p| p.candidate.is_some())).collect())
    };
    let names = expand(names, |prefix| cache::names(host, prefix).and_then(is_real))?;
    let wanted: Vec<Wanted> = names.iter().map(|name| Wanted::parse(name)).collect();
    let latest = args.state == State::Latest;
    // Only what is not plainly there already has to be looked up: that costs a process.
    let open: Vec<&Wanted> = wanted
        .iter()
        .filter(|w| {
            !status
                .version(w.name)
                .is_some_and(|version| w.accepts(version) && (!latest || w.version.is_some()))
        })
        .collect();
    if open.is_empty() {
        return Ok(Step::Nothing(cache_facts(updated)));
    }
    let asked: Vec<String> = open.iter().map(|wanted| plain(wanted.name, status)).collect();
    let policies = cache::policies(host, &asked, args.default_release.as_deref())?;
    let mut packages = Vec::new();
    for wanted in open {
        let policy = policies.get(&plain(wanted.name, status));
        packages.extend(choose(args, wanted, status, policy, host, updated)?);
    }
    if packages.is_empty() {
        return Ok(Step::Nothing(cache_facts(updated)));
    }
    let fix: &[&str] = if args.state == State::Fixed { &["--fix-broken"] } else { &[] };
    Ok(run(args, fix, "install", &packages, cache_facts(updated)))
}

/// The name without the host's own architecture, as `apt-cache` answers.
fn plain(name: &str, status: &Status) -> String {
    match name.split_once(':') {
        Some((plain, architecture)) if architecture == status.native || architecture == "native" => {
            plain.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// What `apt-get` is to be told for one package, if anything.
fn choose(
    args: &Args,
    wanted: &Wanted,
    status: &Status,
    policy: Option<&Policy>,
    host: &Probe,
    updated: bool,
) -> Result<Option<String>, Failure> {
    let installed = status.version(wanted.name);
    let none = || Failure::new(format!("No package matching '{}' is available", wanted.name));
    let Some(policy) = policy.filter(|policy| policy.candidate.is_some() || !policy.versions.is_empty())
    else {
        if installed.is_some() {
            // It is there, and nobody has it to give any more.
            return Ok(None);
        }
        // A virtual package is there if its only provider is.
        let providers = cache::providers(host, wanted.name)?;
        return match providers.as_slice() {
            [] => Err(none()),
            [only] if status.version(only).is_some() => Ok(None),
            _ => Ok(Some(wanted.name.to_owned())),
        };
    };
    if args.only_upgrade && installed.is_none() {
        return Ok(None);
    }
    if wanted.version.is_some() {
        let Some(version) = policy.versions.iter().find(|version| wanted.accepts(version)) else {
            let sign = if wanted.at_least { ">=" } else { "=" };
            let text = format!(
                "no available installation candidate for {}{sign}{}",
                wanted.name,
                wanted.version.unwrap_or_default()
            );
            let mut failure = Failure::new(text);
            failure.result = cache_facts(updated);
            return Err(failure);
        };
        return Ok((installed != Some(version)).then(|| format!("{}={version}", wanted.name)));
    }
    match (installed, &policy.candidate) {
        (Some(installed), Some(candidate)) if installed == candidate => Ok(None),
        (_, Some(candidate)) => Ok(Some(format!("{}={candidate}", wanted.name))),
        (Some(_), None) => Ok(None),
        (None, None) => Ok(Some(wanted.name.to_owned())),
    }
}

pub(super) fn remove(args: &Args, names: &[String], status: &Status) -> Result<Step, Failure> {
    let known = |_: &str| Ok(status.packages.iter().map(|package| package.name.clone()).collect());
    // What matches nothing that is installed, is gone already.
    let names: Vec<String> =
        names.iter().flat_map(|name| expand(std::slice::from_ref(name), known).unwrap_or_default()).collect();
    let packages: Vec<String> = names
        .iter()
        .map(|name| Wanted::parse(name).name.to_owned())
        .filter(|name| {
            status.find(name).is_some_and(|package| package.state == DpkgState::Installed || args.purge)
        })
        .collect();
    if packages.is_empty() {
        return Ok(Step::Nothing(Map::new()));
    }
    let purge: &[&str] = if args.purge { &["--purge"] } else { &[] };
    Ok(run(args, purge, "remove", &packages, Map::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_versions() {
        let wanted = Wanted::parse("tree=2.1*");
        assert_eq!((wanted.name, wanted.accepts("2.1.0-1"), wanted.accepts("2.2")), ("tree", true, false));
        let wanted = Wanted::parse("foo>=1.9");
        assert_eq!((wanted.name, wanted.accepts("1.10"), wanted.accepts("1.8")), ("foo", true, false));
        assert!(Wanted::parse("lib*").accepts("1"));
    }
}
