//! `gather_facts`: what a play does first; the `setup` module.

use super::{Action, Call, Prepared, Scene};
use crate::value::{Map, Value};

pub struct GatherFacts;

impl Action for GatherFacts {
    fn prepare(&self, mut args: Map, _: &Scene) -> Prepared {
        args.shift_remove("parallel");
        let subset = match args.get("gather_subset") {
            None | Some(Value::Null) => Value::from(vec!["all"]),
            Some(Value::List(items)) => Value::List(items.clone()),
            Some(other) => {
                Value::list(crate::value::py_str(other).split(',').map(|part| part.trim().into()).collect())
            }
        };
        let mut call = Call::new("setup", args);
        call.finish = Some(Box::new(|mut result| {
            if !result.failed
                && let Some(Value::Map(facts)) = result.data.get("ansible_facts").cloned()
            {
                let mut facts = (*facts).clone();
                facts.insert("gather_subset".into(), subset);
                facts.insert("module_setup".into(), true.into());
                facts.insert("_ansible_facts_gathered".into(), true.into());
                result.data.insert("ansible_facts".into(), Value::map(facts));
            }
            result
        }));
        Prepared::Call(call)
    }
}
