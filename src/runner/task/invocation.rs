//! `invocation`: the arguments that a module was given, as Ansible shows them: with their types, defaults and other names.

use crate::actions::argument_types::{Type, convert};
use crate::value::{Map, Value, from_json, py_str};
use std::sync::LazyLock;

/// Stands for the value of a secret argument.
const HIDDEN: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";

/// What is known of the arguments of modules (`scripts/record-module-arguments.py` asks them).
static KNOWN: LazyLock<Value> = LazyLock::new(|| {
    from_json(include_str!("module_arguments.json"))
        .expect("the file is part of the program, and a test reads it")
});

/// What `invocation` says of a call of `module`.
pub fn invocation(module: &str, given: &Map) -> Value {
    Value::object([("module_args", Value::map(arguments(module, given)))])
}

fn arguments(module: &str, given: &Map) -> Map {
    let name = if module == "shell" { "command" } else { module };
    let mut arguments = Map::new();
    let Some(known) = KNOWN.get(name).and_then(Value::as_map) else {
        arguments.extend(
            given
                .iter()
                .filter(|(name, _)| !name.as_str().is_some_and(|name| name.starts_with('_')))
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        return arguments;
    };
    for (name, argument) in known {
        let aliases = argument.get("aliases").and_then(Value::as_list).unwrap_or_default();
        let mut said =
            std::iter::once(name).chain(aliases).filter(|name| given.contains_key(*name)).peekable();
        let value = match said.peek() {
            Some(name) => given.get(*name).cloned().unwrap_or_default(),
            None => argument.get("default").cloned().unwrap_or_default(),
        };
        let secret = argument.get("no_log").is_some_and(Value::truthy) && !value.is_null();
        let wanted = argument.get("type").map_or_else(|| "str".to_owned(), py_str);
        // What is of the wrong type is shown as it is: the module complains of it.
        let shown = |value: Value| match (secret, value) {
            (true, _) => HIDDEN.into(),
            (false, Value::Null) => Value::Null,
            (false, value) => convert(&value, Type::named(&wanted)).unwrap_or(value),
        };
        for alias in said.filter(|alias| *alias != name) {
            arguments.insert(alias.clone(), if secret { HIDDEN.into() } else { value.clone() });
        }
        arguments.insert(name.clone(), shown(value));
    }
    if module == "shell" {
        arguments.insert("_uses_shell".into(), true.into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::to_json;

    #[test]
    fn arguments_are_shown_whole() {
        let shown = |module: &str, pairs: &[(&str, Value)]| {
            let given = pairs.iter().map(|(name, value)| (Value::str(name), value.clone())).collect();
            to_json(&Value::map(arguments(module, &given)))
        };
        assert_eq!(shown("ping", &[]), r#"{"data": "pong"}"#);
        assert_eq!(
            shown("stat", &[("dest", "/x".into()), ("follow", "yes".into())]),
            r#"{"checksum_algorithm": "sha1", "follow": true, "get_attributes": true, "get_checksum": true, "get_mime": true, "dest": "/x", "path": "/x"}"#
        );
        let user = shown("user", &[("name", "ann".into()), ("password", "hash".into())]);
        assert!(user.contains(r#""password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER""#), "{user}");
        assert!(user.contains(r#""uid": null"#) && !user.contains("hash"), "{user}");
        // Not known: as it was given.
        assert_eq!(shown("nosuch", &[("a", 1.into()), ("_content", "x".into())]), r#"{"a": 1}"#);
    }
}
