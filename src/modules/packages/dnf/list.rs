//! `list`: what packages there are.

use super::command::{Dnf, Generation};
use crate::modules::kit::{Failure, Probe};
use crate::modules::packages::rpm::{self, Package};
use crate::value::{Map, Value};
use std::cmp::Ordering;

/// The result of `list`.
///
/// # Errors
/// When dnf or rpm cannot be asked.
pub fn list(what: &str, dnf: &Dnf, root: Option<&str>, host: &Probe) -> Result<Map, Failure> {
    let found = match what {
        "installed" => described(dnf, rpm::installed(host, root)?),
        "available" => available(dnf, host, "*")?,
        "updates" | "upgrades" => {
            let there = rpm::installed(host, root)?;
            let newer = |package: &Package| {
                there.iter().any(|old| {
                    old.name == package.name
                        && old.architecture == package.architecture
                        && package.compare(old) == Ordering::Greater
                })
            };
            let mut packages = query(dnf, host, "*")?;
            packages.retain(|(package, _)| newer(package));
            packages
                .iter()
                .map(|(package, repository)| entry(dnf, package, repository, "available"))
                .collect()
        }
        "repos" | "repositories" => repositories(dnf, host)?,
        name => {
            let there = rpm::installed(host, root)?.into_iter().filter(|package| package.is(name)).collect();
            let mut found = described(dnf, there);
            found.extend(available(dnf, host, name)?);
            found
        }
    };
    let mut result = Map::new();
    result.insert("msg".into(), "".into());
    result.insert("results".into(), Value::list(found));
    if dnf.generation == Generation::Five {
        result.insert("rc".into(), 0.into());
    }
    Ok(result)
}

fn described(dnf: &Dnf, packages: Vec<Package>) -> Vec<Value> {
    packages.iter().map(|package| entry(dnf, package, "@System", "installed")).collect()
}

fn available(dnf: &Dnf, host: &Probe, name: &str) -> Result<Vec<Value>, Failure> {
    let packages = query(dnf, host, name)?;
    Ok(packages.iter().map(|(package, repository)| entry(dnf, package, repository, "available")).collect())
}

/// Packages of the repositories, and which has them.
fn query(dnf: &Dnf, host: &Probe, name: &str) -> Result<Vec<(Package, String)>, Failure> {
    let format = "--queryformat=%{name}|%{epoch}|%{version}|%{release}|%{arch}|%{repoid}\n";
    let output = host.query(&dnf.question(["repoquery", format, "--available", "--", name]))?;
    if !output.success() {
        return Err(Failure::new(output.stderr().trim().to_owned()).with("rc", output.rc));
    }
    let parsed = |line: &str| Some((Package::parse(line)?, line.rsplit('|').next()?.to_owned()));
    Ok(output.stdout().lines().filter_map(parsed).collect())
}

fn repositories(dnf: &Dnf, host: &Probe) -> Result<Vec<Value>, Failure> {
    let output = host.query(&dnf.question(["repolist"]))?;
    let text = output.stdout();
    let ids = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    Ok(ids.map(|id| Value::object([("repoid", id), ("state", "enabled")])).collect())
}

fn entry(dnf: &Dnf, package: &Package, repository: &str, state: &str) -> Value {
    let Package { name, epoch, version, release, architecture } = package;
    let nevra = match dnf.generation {
        Generation::Four => format!("{epoch}:{name}-{version}-{release}.{architecture}"),
        Generation::Five => package.to_string(),
    };
    Value::object([
        ("name", name.as_str()),
        ("arch", architecture),
        ("epoch", epoch),
        ("release", release),
        ("version", version),
        ("repo", repository),
        ("envra", &nevra),
        ("nevra", &nevra),
        ("yumstate", state),
    ])
}
