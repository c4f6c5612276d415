//! One module behind a common face: arguments in, outcome out.

use super::{Changed, Failure, Host, Module, Plan, Probe, Target, args};
use crate::protocol::{Mode, Outcome};
use crate::value::{Map, Value};
use serde::de::DeserializeOwned;

/// A module in the registry.
pub struct Entry {
    pub name: &'static str,
    /// Checks arguments without running anything; the message is Ansible's.
    pub validate: fn(&Value) -> Result<(), String>,
    /// The names of all arguments, aliases included, in the order documented.
    pub fields: fn() -> &'static [&'static str],
    run: fn(&Value, &mut Host) -> Outcome,
}

/// The registry's line for a module.
pub const fn entry<M: Module>() -> Entry {
    Entry {
        name: M::NAME,
        validate: |value| args::parse::<M::Args>(M::NAME, value).map(drop),
        fields: args::fields::<M::Args>,
        run: run::<M>,
    }
}

impl Entry {
    /// Runs the module: plan, then apply if the host's mode says so. Never panics on bad arguments.
    pub fn run(&self, arguments: &Value, host: &mut Host) -> Outcome {
        (self.run)(arguments, host)
    }
}

fn run<M: Module>(arguments: &Value, host: &mut Host) -> Outcome {
    let parsed = match args::parse::<M::Args>(M::NAME, arguments) {
        Ok(parsed) => parsed,
        Err(msg) => return failed(Failure::new(msg), host),
    };
    match plan_and_apply::<M>(&parsed, host) {
        Ok(outcome) => finish(outcome, host),
        Err(failure) => failed(failure, host),
    }
}

fn plan_and_apply<M: Module>(arguments: &M::Args, host: &mut Host) -> Result<Outcome, Failure>
where
    M::Args: DeserializeOwned,
{
    let plan = M::plan(arguments, &Probe::new(host))?;
    let (todo, mut result, mut diff, why) = match plan {
        Plan::Unchanged { result } => {
            return Ok(Outcome { result: Value::map(result), ..Outcome::default() });
        }
        Plan::Upkeep { result, .. } if host.mode == Mode::Check => {
            return Ok(Outcome { result: Value::map(result), ..Outcome::default() });
        }
        Plan::Upkeep { todo, result } => (todo, result, Vec::new(), None),
        Plan::Change { todo, diff, result } => (todo, result, diff, None),
        Plan::Unknown { todo, why, result } => (todo, result, Vec::new(), Some(why)),
    };
    if host.mode == Mode::Check {
        let changed = why.is_none();
        return Ok(Outcome { result: Value::map(result), changed, unknown: why, diff, ..Outcome::default() });
    }
    if why.is_some() {
        // What a check would have said is no part of what happened.
        result = Map::new();
    }
    let applied = match M::apply(todo, &mut Target::new(host)) {
        Ok(applied) => applied,
        // What it would have changed belongs to the failure.
        Err(failure) => return Ok(Outcome { diff, ..refused(failure) }),
    };
    result.extend(applied.result);
    if let Some(made) = applied.diff {
        diff = made;
    }
    let changed = applied.changed == Changed::Yes;
    Ok(Outcome { result: Value::map(result), changed, diff, ..Outcome::default() })
}

fn finish(mut outcome: Outcome, host: &mut Host) -> Outcome {
    let mut result = outcome.result.as_map().cloned().unwrap_or_default();
    result.entry("changed".into()).or_insert(outcome.changed.into());
    outcome.result = Value::map(result);
    outcome.warnings = host.warnings.take();
    if host.diff.is_none() {
        // Attributes cost nothing and are part of the result; texts may be large.
        outcome.diff.retain(|diff| matches!(diff.before, Value::Map(_)) && diff.prepared.is_none());
    }
    outcome
}

fn failed(failure: Failure, host: &mut Host) -> Outcome {
    finish(refused(failure), host)
}

/// The answer that a failure is.
fn refused(failure: Failure) -> Outcome {
    let mut result = failure.result;
    result.insert("msg".into(), failure.msg.into());
    result.entry("changed".into()).or_insert(false.into());
    result.insert("failed".into(), true.into());
    let changed = result.get("changed").is_some_and(Value::truthy);
    Outcome { result: Value::map(result), changed, failed: true, cause: failure.cause, ..Outcome::default() }
}
