//! Inventories that are configured, not written down: YAML files with a `plugin` key.

mod constructed;
mod generator;

use super::load::Loading;
use crate::diag::Diagnostic;
use crate::source::Node;

/// Runs the plugin that a configuration names, for the reader `auto`.
///
/// # Errors
/// No plugin of that name is known, or what the plugin says of its configuration.
pub fn auto(loading: &mut Loading, config: &Node) -> Result<(), Diagnostic> {
    let Some(plugin) = config.get("plugin") else {
        let what = format!(
            "no root 'plugin' key found, '{}' is not a valid YAML inventory plugin config file",
            config.span.file.path.display()
        );
        return Err(error(what, config));
    };
    let name = plugin.as_str().unwrap_or_default();
    run(loading, short(name), config).unwrap_or_else(|| {
        let what = format!(
            "inventory config '{}' specifies unknown plugin '{name}'",
            config.span.file.path.display()
        );
        Err(error(what, plugin))
    })
}

/// Runs a plugin by its short name; `None` if there is none.
pub fn run(loading: &mut Loading, name: &str, config: &Node) -> Option<Result<(), Diagnostic>> {
    let parse = match name {
        "constructed" => constructed::parse,
        "generator" => generator::parse,
        _ => return None,
    };
    let path = config.span.file.path.clone();
    if config.is_null() {
        return Some(Err(error(format!("{} is empty", path.display()), config)));
    }
    if config.as_map().is_none() {
        let what = format!(
            "inventory source has invalid structure, it should be a dictionary, got: <class '{}'>",
            config.to_value().type_name()
        );
        return Some(Err(error(what, config)));
    }
    let named = config.get("plugin").and_then(Node::as_str).unwrap_or_default();
    if short(named) != name {
        let what =
            format!("Incorrect plugin name in file: {}", if named.is_empty() { "none found" } else { named });
        return Some(Err(error(what, config)));
    }
    Some(parse(loading, config))
}

/// Whether there is a reader or plugin of that short name.
pub fn is_known(name: &str) -> bool {
    const READERS: &[&str] = &["host_list", "advanced_host_list", "script", "auto", "yaml", "ini", "toml"];
    READERS.contains(&name) || matches!(name, "constructed" | "generator")
}

/// A name without `ansible.builtin.`.
pub fn short(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").unwrap_or(name)
}

/// A variable that an author wrote, if a text is its name alone and it holds no template. Such a text stays what it is;
/// everything else that expressions make is data.
fn authored(name: &str, find: impl Fn(&str) -> Option<Node>) -> Option<Node> {
    let node = find(name.trim())?;
    let is_plain = node.as_str().is_some_and(|text| !text.contains("{{") && !text.contains("{%"));
    is_plain.then_some(node)
}

fn error(what: impl Into<String>, node: &Node) -> Diagnostic {
    Diagnostic::error("bad-inventory", what).at(&node.span)
}
