//! `plugin_filters_cfg`: modules that an administrator does not want to be used.

use crate::diag::Diagnostic;
use crate::source::{Node, Settings, yaml};

/// The short names of rejected modules, and a warning where the file is not there.
///
/// # Errors
/// A file that cannot be read, or that rejects what nothing works without.
pub fn rejected_modules(
    settings: &Settings,
    reader: &yaml::Reader,
) -> Result<(Vec<String>, Option<Diagnostic>), Diagnostic> {
    let Some(path) = settings.path("PLUGIN_FILTERS_CFG") else { return Ok((vec![], None)) };
    if !path.exists() {
        let text = format!("The plugin filter file, {} does not exist. Skipping.", path.display());
        return Ok((vec![], Some(Diagnostic::warning("plugin-filters", text))));
    }
    let node = reader.load(&path)?.node;
    let rejected = names(&node);
    if rejected.iter().any(|name| name == "stat") {
        let text = format!(
            "The stat module was specified in the module reject list file, {}, but Ansible will not function without the stat \
             module.  Please remove stat from the reject list.",
            path.display()
        );
        return Err(Diagnostic::error("plugin-filters", text));
    }
    Ok((rejected, None))
}

/// What `module_rejectlist` names, also by its older name, without collections.
fn names(node: &Node) -> Vec<String> {
    let list = ["module_rejectlist", "module_blacklist"].iter().find_map(|key| node.get(key));
    let items = list.and_then(Node::as_list).unwrap_or_default();
    let short = |name: &str| name.strip_prefix("ansible.builtin.").unwrap_or(name).to_owned();
    items.iter().filter_map(Node::as_str).map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SourceFile;
    use std::sync::Arc;

    #[test]
    fn rejected_modules_are_named() {
        for (text, wanted) in [
            ("filter_version: 1.0\nmodule_rejectlist: [copy, ansible.builtin.ping]\n", &["copy", "ping"][..]),
            ("module_blacklist:\n- copy\n", &["copy"]),
            ("filter_version: 1.0\n", &[]),
        ] {
            let file = Arc::new(SourceFile { path: "filters.yml".into(), text: text.into() });
            let node = yaml::parse(&file).expect("YAML").node;
            assert_eq!(names(&node), wanted, "{text}");
        }
    }
}
