//! `group_by`: a group named after a variable.

use super::{Action, Prepared, Scene};
use crate::runner::{Effect, TaskResult};
use crate::value::{Map, Value, py_str};

pub struct GroupBy;

impl Action for GroupBy {
    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let Some(key) = args.get("key") else {
            return Prepared::failed("the 'key' param is required when using group_by");
        };
        let clean = |value: &Value| py_str(value).replace(' ', "-");
        let group = clean(key);
        let parents: Vec<String> = match args.get("parents") {
            None | Some(Value::Null) => vec!["all".into()],
            Some(Value::List(items)) => items.iter().map(clean).collect(),
            Some(other) => py_str(other).split(',').map(|part| part.trim().replace(' ', "-")).collect(),
        };
        let member = scene.store.inventory.read().is_ok_and(|inventory| {
            inventory.groups_of(scene.host).iter().any(|of| of.name.as_ref() == group)
        });
        let mut result = TaskResult { changed: !member, ..TaskResult::default() }
            .with("add_group", Value::str(&group))
            .with("changed", !member)
            .with("parent_groups", Value::from(parents.clone()));
        result.effects.push(Effect::GroupBy { group, parents });
        Prepared::Done(result)
    }
}
