//! `add_host`: a host for the rest of the run.

use super::{Action, Prepared, Scene};
use crate::runner::{Effect, TaskResult};
use crate::value::{Map, Value, py_str};

pub struct AddHost;

impl Action for AddHost {
    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        if let Some(raw) = args.shift_remove("_raw_params") {
            return Prepared::failed(format!("add_host takes key=value arguments, not `{}`", py_str(&raw)));
        }
        let name = ["name", "hostname", "host"].into_iter().find_map(|key| args.shift_remove(key));
        let Some(name) = name.filter(|name| !name.is_null()).map(|name| py_str(&name)) else {
            return Prepared::refused("name, host or hostname needs to be provided");
        };
        if name.is_empty() {
            return Prepared::refused("Invalid empty host name provided");
        }
        let groups =
            ["groupname", "groups", "group", "groupnames"].into_iter().find_map(|key| args.shift_remove(key));
        let groups: Vec<String> = match groups {
            None | Some(Value::Null) => vec![],
            Some(Value::List(items)) => items.iter().map(py_str).collect(),
            Some(other) => py_str(&other).split(',').map(|group| group.trim().to_owned()).collect(),
        };
        // `name:port`, but not an IPv6 address.
        let (name, port) = match name.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => {
                (host.to_owned(), port.parse::<u16>().ok())
            }
            _ => (name, None),
        };
        if let Some(port) = port {
            args.insert("ansible_ssh_port".into(), Value::from(u64::from(port)));
        }
        let added = Value::object([
            ("groups", Value::from(groups.clone())),
            ("host_name", Value::str(&name)),
            ("host_vars", Value::map(args.clone())),
        ]);
        let known = scene.store.inventory.read().is_ok_and(|inventory| {
            let same = |(key, value): (&Value, &Value)| {
                let layers = inventory.host(&name).map(|host| host.vars().clone());
                layers.is_some_and(|vars| {
                    vars.get(py_str(key).as_str()).is_some_and(|node| node.to_value() == *value)
                })
            };
            inventory.host(&name).is_some()
                && args.iter().all(same)
                && groups
                    .iter()
                    .all(|group| inventory.groups_of(&name).iter().any(|of| of.name.as_ref() == group))
        });
        let mut result = TaskResult { changed: !known, ..TaskResult::default() }
            .with("add_host", added)
            .with("changed", !known);
        result.effects.push(Effect::AddHost { name, groups, vars: args });
        Prepared::Done(result)
    }
}
