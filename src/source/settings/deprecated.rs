//! Settings that Ansible will drop: said of each that somebody has set.

use super::{Name, Settings};
use crate::diag::{Diagnostic, Severity};

struct Deprecated {
    name: &'static str,
    why: &'static str,
    alternatives: &'static str,
    version: &'static str,
}

const fn deprecated(
    name: &'static str,
    version: &'static str,
    why: &'static str,
    alternatives: &'static str,
) -> Deprecated {
    Deprecated { name, why, alternatives, version }
}

const UNUSED: &str = "This option is no longer used in the Ansible Core code base.";
const MOVED: &str = "This option was moved to the plugin itself";
const NO_ALTERNATIVE: &str = "There is no alternative at the moment. A different mechanism would have to be implemented in the current code base.";
const OF_THE_PLUGIN: &str = "Use the option from the plugin itself.";

/// In the order of their names.
#[rustfmt::skip]
const ALL: &[Deprecated] = &[
    deprecated("ANSIBLE_CONNECTION_PATH", "2.22", "This setting has no effect.", "none"),
    deprecated("DEFAULT_ALLOW_UNSAFE_LOOKUPS", "2.23", UNUSED, "Lookup plugins are responsible for tagging strings containing templates to allow evaluation as a template."),
    deprecated("DEFAULT_JINJA2_EXTENSIONS", "2.23", "Jinja2 extensions have been deprecated", "Ansible-supported Jinja plugins (tests, filters, lookups)"),
    deprecated("DEFAULT_JINJA2_NATIVE", "2.23", UNUSED, "Jinja2 native mode is now the default and only option."),
    deprecated("DEFAULT_LIBVIRT_LXC_NOSECLABEL", "2.22", MOVED, OF_THE_PLUGIN),
    deprecated("DEFAULT_MANAGED_STR", "2.23", "The `ansible_managed` variable can be set just like any other variable, or a different variable can be used.", "Set the `ansible_managed` variable, or use any custom variable in templates."),
    deprecated("DEFAULT_NULL_REPRESENTATION", "2.23", UNUSED, NO_ALTERNATIVE),
    deprecated("DEFAULT_UNDEFINED_VAR_BEHAVIOR", "2.23", UNUSED, NO_ALTERNATIVE),
    deprecated("PARAMIKO_HOST_KEY_AUTO_ADD", "2.20", MOVED, OF_THE_PLUGIN),
    deprecated("PARAMIKO_LOOK_FOR_KEYS", "2.20", MOVED, OF_THE_PLUGIN),
    deprecated("STRING_TYPE_FILTERS", "2.23", "This option has no effect.", "None; native types returned from filters are always preserved."),
];

/// What is to be said; nothing under the name `ekumen`, which drops nothing, or where nobody wants to know.
pub fn warnings(settings: &Settings) -> Vec<Diagnostic> {
    if settings.surroundings.name == Name::Ekumen || !settings.bool("DEPRECATION_WARNINGS") {
        return vec![];
    }
    let set = ALL.iter().filter(|setting| settings.is_set(setting.name));
    set.map(|Deprecated { name, why, alternatives, version }| {
        let alternatives = alternatives.trim_end_matches('.');
        Diagnostic::new(
            Severity::Deprecation,
            "deprecated-setting",
            format!(
                "{name} option. Reason: {why}\nAlternatives: {alternatives}. This feature will be removed from \
                 ansible-core version {version}."
            ),
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::TABLE;
    use super::*;

    #[test]
    fn what_is_deprecated_is_a_setting() {
        for Deprecated { name, .. } in ALL {
            assert!(TABLE.iter().any(|row| row.name == *name), "{name}");
        }
    }
}
