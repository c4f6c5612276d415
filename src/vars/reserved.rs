//! Names that variables should not have: keywords of playbooks and functions of templates.

use crate::diag::{Diagnostic, Span};

/// Sorted.
const NAMES: &[&str] = &[
    "action",
    "always",
    "any_errors_fatal",
    "args",
    "async",
    "async_val",
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "block",
    "changed_when",
    "check_mode",
    "collections",
    "connection",
    "cycler",
    "debugger",
    "delay",
    "delegate_facts",
    "delegate_to",
    "dict",
    "diff",
    "environment",
    "fact_path",
    "failed_when",
    "force_handlers",
    "gather_facts",
    "gather_timeout",
    "handlers",
    "hosts",
    "ignore_errors",
    "ignore_unreachable",
    "joiner",
    "lipsum",
    "local_action",
    "lookup",
    "loop",
    "loop_control",
    "loop_with",
    "max_fail_percentage",
    "module_defaults",
    "name",
    "namespace",
    "no_log",
    "notify",
    "now",
    "omit",
    "order",
    "poll",
    "port",
    "post_tasks",
    "pre_tasks",
    "q",
    "query",
    "range",
    "register",
    "remote_user",
    "rescue",
    "retries",
    "roles",
    "run_once",
    "serial",
    "strategy",
    "tags",
    "tasks",
    "throttle",
    "timeout",
    "undef",
    "until",
    "vars_files",
    "vars_prompt",
    "when",
];

/// Whether variables should not have this name.
pub fn is_reserved(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

/// The warning that Ansible gives for a variable of that name, if it is one of these.
pub fn reserved(name: &str, place: Option<&Span>) -> Option<Diagnostic> {
    if !is_reserved(name) {
        return None;
    }
    let what = format!("Found variable using reserved name '{name}'.");
    Some(Diagnostic::warning("reserved-name", what).at_maybe(place))
}

#[cfg(test)]
mod tests {
    use super::{NAMES, reserved};

    #[test]
    fn names_are_found() {
        assert!(NAMES.is_sorted());
        let warning = reserved("tags", None).expect("a keyword");
        assert_eq!(warning.summary, "Found variable using reserved name 'tags'.");
        assert!(reserved("listen", None).is_none());
    }
}
