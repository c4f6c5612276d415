//! `set_fact` and `set_stats`: variables made by a task.

use super::contract::truth;
use super::{Action, Prepared, Scene};
use crate::runner::{Cause, Effect, TaskResult};
use crate::value::{Map, Value, py_str};
use crate::vars::{VARIABLE_NAMES, is_identifier};

pub struct SetFact;

impl Action for SetFact {
    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        let cacheable = truth(&args, "cacheable", false);
        args.shift_remove("cacheable");
        if args.is_empty() {
            return Prepared::refused(
                "No key/value pairs provided, at least one is required for this action to succeed",
            );
        }
        for key in args.keys() {
            let name = py_str(key);
            if !is_identifier(&name) {
                let kind = match key {
                    Value::Str(_) => String::new(),
                    other => format!(" of type '{}'", other.type_name()),
                };
                let written = scene.authored.as_map().into_iter().flatten();
                let place = written.map(|(key, _)| key).find(|key| key.as_str() == Some(&name));
                let mut cause =
                    Cause::new(format!("Invalid variable name '{name}'{kind}."), place.map(|key| &key.span));
                cause.help = Some(VARIABLE_NAMES.into());
                return Prepared::Done(TaskResult::broken("", cause));
            }
        }
        let mut result =
            TaskResult::default().with("ansible_facts", Value::map(args.clone())).with("changed", false);
        if cacheable {
            result = result.with("_ansible_facts_cacheable", true);
            result.effects.push(Effect::Facts(args.clone()));
        }
        result.effects.push(Effect::Set(args));
        Prepared::Done(result)
    }
}

pub struct SetStats;

impl Action for SetStats {
    fn prepare(&self, args: Map, _: &Scene) -> Prepared {
        let Some(data) = args.get("data").and_then(Value::as_map).cloned() else {
            return Prepared::failed("The 'data' option needs to be a dictionary/hash");
        };
        let (per_host, aggregate) = (truth(&args, "per_host", false), truth(&args, "aggregate", true));
        let stats = Value::object([
            ("aggregate", Value::Bool(aggregate)),
            ("data", Value::map(data.clone())),
            ("per_host", per_host.into()),
        ]);
        let mut result = TaskResult::default().with("ansible_stats", stats).with("changed", false);
        result.effects.push(Effect::Stats { data, per_host, aggregate });
        Prepared::Done(result)
    }
}
