//! What arguments a task's action takes: to find wrong ones before any host is contacted, and to refuse them in Ansible's words.

use super::action::{ActionKind, ActionName};
use crate::modules;
use crate::modules::kit::args::unsupported_message;
use crate::source::args::COMMAND_OPTIONS;
use crate::value::{Map, Value};

/// The arguments of an action's control half.
#[derive(Clone, Copy, Debug)]
pub enum Arguments {
    /// Whatever is there becomes a variable.
    Any,
    /// Those of the module of the same name, which refuses others itself.
    Module,
    /// These. Whatever does the work refuses others itself, or does not mind.
    Known(&'static [&'static str]),
    /// These; others are refused with `Invalid options for …`.
    Options(&'static [&'static str]),
    /// These, and their aliases; others are refused with `Unsupported parameters for …`.
    Parameters(&'static [&'static str], &'static [&'static str]),
}

/// The actions: what has a control half (`actions::find` knows the same names; a test there compares them).
pub const ACTIONS: &[(&str, Arguments)] = &[
    ("add_host", Arguments::Any),
    ("ansible._protomatter.debug", Arguments::Parameters(&["expression"], &[])),
    ("assemble", Arguments::Module),
    ("async_status", Arguments::Module),
    ("assert", Arguments::Parameters(&["fail_msg", "quiet", "success_msg", "that"], &["msg"])),
    ("copy", Arguments::Module),
    ("debug", Arguments::Parameters(&["msg", "var", "verbosity"], &[])),
    ("fail", Arguments::Options(&["msg"])),
    ("fetch", Arguments::Known(&["src", "dest", "fail_on_missing", "flat", "validate_checksum"])),
    (
        "gather_facts",
        Arguments::Known(&["parallel", "gather_subset", "gather_timeout", "filter", "fact_path"]),
    ),
    ("group_by", Arguments::Options(&["key", "parents"])),
    (
        "include_vars",
        Arguments::Known(&[
            "file",
            "dir",
            "name",
            "depth",
            "extensions",
            "files_matching",
            "hash_behaviour",
            "ignore_files",
            "ignore_unknown_extensions",
        ]),
    ),
    // Its manager's arguments are not known here.
    ("package", Arguments::Any),
    ("pause", Arguments::Parameters(&["echo", "minutes", "prompt", "seconds"], &[])),
    ("raw", Arguments::Known(&COMMAND_OPTIONS)),
    ("script", Arguments::Known(&["cmd", "chdir", "creates", "decrypt", "executable", "removes"])),
    ("set_fact", Arguments::Any),
    ("set_stats", Arguments::Options(&["aggregate", "data", "per_host"])),
    ("template", Arguments::Known(TEMPLATE)),
    (
        "validate_argument_spec",
        Arguments::Known(&["argument_spec", "provided_arguments", "validate_args_context"]),
    ),
    ("wait_for_connection", Arguments::Options(&["connect_timeout", "delay", "sleep", "timeout"])),
];

const TEMPLATE: &[&str] = &[
    "src",
    "dest",
    "attr",
    "attributes",
    "backup",
    "block_end_string",
    "block_start_string",
    "comment_end_string",
    "comment_start_string",
    "follow",
    "force",
    "group",
    "lstrip_blocks",
    "mode",
    "newline_sequence",
    "output_encoding",
    "owner",
    "selevel",
    "serole",
    "setype",
    "seuser",
    "trim_blocks",
    "unsafe_writes",
    "validate",
    "variable_end_string",
    "variable_start_string",
];

const SERVICE: &[&str] =
    &["name", "state", "enabled", "sleep", "pattern", "runlevel", "arguments", "args", "use"];

fn of_action(short: &str) -> Option<Arguments> {
    ACTIONS.iter().find(|(name, _)| *name == short).map(|(_, arguments)| *arguments)
}

/// The names of all arguments, aliases included; `None` if it takes any, or if only the host can tell.
pub fn known(action: &ActionName) -> Option<Vec<&'static str>> {
    let of_module = |short: &str| {
        let fields = modules::registry::find(short).map(|entry| (entry.fields)()).unwrap_or_default();
        let public: Vec<_> = fields.iter().copied().filter(|field| !field.starts_with('_')).collect();
        (!public.is_empty()).then_some(public)
    };
    match action.kind {
        // Whatever manages services on the host takes the rest.
        ActionKind::Module if action.short == "service" => {
            let mut names = SERVICE.to_vec();
            names.extend(of_module("systemd")?.iter().filter(|name| !SERVICE.contains(name)));
            Some(names)
        }
        ActionKind::Module => of_module(&action.short),
        ActionKind::Action => match of_action(&action.short)? {
            Arguments::Any => None,
            Arguments::Module => of_module(&action.short),
            Arguments::Known(names) | Arguments::Options(names) => Some(names.to_vec()),
            Arguments::Parameters(names, aliases) => Some([names, aliases].concat()),
        },
        _ => None,
    }
}

/// What the task fails with where its action refuses arguments on the control side.
pub fn refusal(short: &str, args: &Map) -> Option<String> {
    let strange = |known: &dyn Fn(&str) -> bool| -> Option<Vec<String>> {
        let keys = args.keys().filter_map(Value::as_str);
        let strange: Vec<String> = keys.filter(|key| !known(key)).map(str::to_owned).collect();
        (!strange.is_empty()).then_some(strange)
    };
    match of_action(short)? {
        Arguments::Options(names) => strange(&|name| names.contains(&name))
            .map(|strange| format!("Invalid options for {short}: {}", strange.join(","))),
        Arguments::Parameters(names, aliases) => {
            strange(&|name| names.contains(&name) || aliases.contains(&name))
                .map(|strange| unsupported_message(short, strange, names, aliases))
        }
        Arguments::Any | Arguments::Module | Arguments::Known(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{known, refusal};
    use crate::playbook::resolve;
    use crate::value::{Map, Value};

    #[test]
    fn strange_arguments_are_refused_in_ansibles_words() {
        let args: Map = [("msg", "x"), ("zzz", "1")]
            .into_iter()
            .map(|(name, value)| (Value::str(name), Value::str(value)))
            .collect();
        let cases = [
            ("fail", Some("Invalid options for fail: zzz")),
            (
                "debug",
                Some(
                    "Unsupported parameters for (debug) module: zzz. Supported parameters include: msg, var, verbosity.",
                ),
            ),
            ("set_fact", None),
            ("copy", None),
            ("stat", None),
        ];
        for (name, message) in cases {
            assert_eq!(refusal(name, &args).as_deref(), message, "{name}");
        }
    }

    #[test]
    fn every_action_says_what_it_takes() {
        for (name, anything) in [("copy", false), ("assemble", false), ("stat", false), ("add_host", true)] {
            let action = resolve(name).expect("a known action");
            assert_eq!(known(&action).is_none(), anything, "{name}");
        }
    }
}
