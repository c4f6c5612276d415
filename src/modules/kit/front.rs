//! Modules that stand in front of others (`package`, `service`): which one does the work is known on the host only.

use crate::value::{Map, Value};

/// The argument in which the control machine sends the default arguments of the modules behind, by their names.
pub const DEFAULTS: &str = "_defaults";

/// The modules that may do the work of that one.
pub fn behind(module: &str) -> &'static [&'static str] {
    match module {
        "package" => &["apt", "dnf", "dnf5", "pacman"],
        "service" => &["systemd", "sysvinit"],
        _ => &[],
    }
}

/// The arguments for the module that was chosen: its defaults, and what the task says.
pub fn arguments(given: &Map, chosen: &str) -> Map {
    let all = given.get(DEFAULTS).and_then(|all| all.get(chosen)).and_then(Value::as_map);
    let mut arguments = all.cloned().unwrap_or_default();
    arguments.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
    arguments.shift_remove(DEFAULTS);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_task_says_wins() {
        let defaults = Value::object([("apt", Value::object([("state", "latest"), ("purge", "yes")]))]);
        let given: Map = [("name", "vim".into()), ("state", "absent".into()), (DEFAULTS, defaults)]
            .map(|(name, value)| (Value::str(name), value))
            .into_iter()
            .collect();
        let expected = [("name", "vim"), ("state", "absent"), ("purge", "yes")];
        assert_eq!(Value::map(arguments(&given, "apt")), Value::object(expected));
        assert_eq!(Value::map(arguments(&given, "dnf")), Value::object([expected[0], expected[1]]));
    }
}
