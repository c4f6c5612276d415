//! `setup`: what is to be known about the host (`gather_facts`).

use crate::facts::{self, Sources};
use crate::modules::kit::{Applied, Failure, Module, Never, Plan, Probe, Target, glob::fnmatch};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::time::Duration;

pub struct Setup;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Where `*.fact` files are; their contents become `ansible_local`.
    #[serde(default = "fact_path")]
    fact_path: String,
    /// Only facts whose names match one of these patterns.
    #[serde(default)]
    filter: Vec<String>,
    /// Which topics to gather: names, groups (`all`, `min`, `hardware`, `network`, `virtual`), or either with a
    /// `!` before it.
    #[serde(default = "everything")]
    gather_subset: Vec<String>,
    /// So many seconds may a mounted file system take to tell its size.
    #[serde(default = "ten")]
    gather_timeout: i64,
}

fn fact_path() -> String {
    "/etc/ansible/facts.d".into()
}

fn everything() -> Vec<String> {
    vec!["all".into()]
}

fn ten() -> i64 {
    10
}

impl Module for Setup {
    const NAME: &'static str = "setup";
    type Args = Args;
    type Todo = Never;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Never>, Failure> {
        let timeout = Duration::from_secs(u64::try_from(args.gather_timeout).unwrap_or(0));
        let sources = Sources { probe: host, fact_path: host.path(&args.fact_path), timeout };
        let facts = facts::gather(&args.gather_subset, &sources).map_err(Failure::new)?;
        let patterns: Vec<&str> = args.filter.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
        // A pattern may leave the prefix out.
        let wanted = |name: &str| {
            let long = format!("ansible_{name}");
            patterns.is_empty() || patterns.iter().any(|p| fnmatch(p, name) || fnmatch(p, &long))
        };
        let mut found: Map = facts
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| (Value::from(format!("ansible_{name}")), value.clone()))
            .collect();
        for (name, value) in
            [("gather_subset", args.gather_subset.clone().into()), ("module_setup", true.into())]
        {
            if patterns.is_empty() || patterns.iter().any(|pattern| fnmatch(pattern, name)) {
                found.insert(name.into(), value);
            }
        }
        Ok(Plan::unchanged(Value::object([("ansible_facts", found)])))
    }

    fn apply(todo: Never, _: &mut Target) -> Result<Applied, Failure> {
        match todo {}
    }
}
