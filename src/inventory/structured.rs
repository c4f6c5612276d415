//! Inventories in YAML (and JSON) files.

use super::load::Loading;
use super::range;
use crate::diag::Diagnostic;
use crate::source::{Node, NodeKind};
use crate::value::py_str;

/// Reads a document into the inventory. What stands before an error stays.
///
/// # Errors
/// In Ansible's words, at the place.
pub fn parse(loading: &mut Loading, document: &Node) -> Result<(), Diagnostic> {
    let fail = |what: &str| Err(error(what, document));
    let groups = match &document.kind {
        NodeKind::Null => return fail("Parsed empty YAML file"),
        NodeKind::Map(groups) if groups.is_empty() => return fail("Parsed empty YAML file"),
        NodeKind::Map(groups) => groups,
        _ => {
            let kind = document.to_value().type_name();
            return fail(&format!(
                "YAML inventory has invalid structure, it should be a dictionary, got: {kind}"
            ));
        }
    };
    if document.get("plugin").is_some() {
        return fail("Plugin configuration YAML file, not YAML inventory");
    }
    for (name, definition) in groups {
        group(loading, name, definition)?;
    }
    Ok(())
}

fn error(what: impl Into<String>, node: &Node) -> Diagnostic {
    Diagnostic::error("bad-inventory", what).at(&node.span)
}

/// The sections in the order written, which decides the order of hosts.
fn group(loading: &mut Loading, key: &Node, definition: &Node) -> Result<Option<usize>, Diagnostic> {
    let name = py_str(&key.to_value());
    let entries = match &definition.kind {
        NodeKind::Map(entries) => entries.as_slice(),
        NodeKind::Null => &[],
        _ => {
            loading.no_group(&name, &key.span);
            return Ok(None);
        }
    };
    if key.as_str().is_none() {
        return Err(error(
            format!(
                "Invalid group name supplied, expected a string but got {} for {name}",
                key.to_value().type_name()
            ),
            key,
        ));
    }
    let id = loading.group(&name);
    for (section, value) in entries {
        let title = py_str(&section.to_value());
        let members = match &value.kind {
            NodeKind::Map(members) => members.clone(),
            // `hosts: h1` is one host without variables.
            NodeKind::Str(_) | NodeKind::Unsafe(_) => {
                vec![(value.clone(), Node::new(NodeKind::Null, value.span.clone()))]
            }
            NodeKind::Null => Vec::new(),
            _ if matches!(title.as_str(), "vars" | "children" | "hosts") => {
                let kind = value.to_value().type_name();
                return Err(error(
                    format!(
                        "Invalid \"{title}\" entry for \"{name}\" group, requires a dictionary, found \"{kind}\" instead."
                    ),
                    value,
                ));
            }
            _ => {
                let kind = value.to_value().type_name();
                loading.warn(
                    format!(
                        "Skipping key ({title}) in group ({name}) as it is not a mapping, it is a {kind}"
                    ),
                    &section.span,
                );
                continue;
            }
        };
        match title.as_str() {
            "vars" => {
                for (key, value) in members {
                    loading.group_var(id, &py_str(&key.to_value()), value.named_by(&key));
                }
            }
            "children" => {
                for (key, definition) in members {
                    let Some(child) = group(loading, &key, &definition)? else {
                        let name = py_str(&key.to_value());
                        return Err(error(format!("{name} is not a known host nor group"), &key));
                    };
                    loading.link(id, child).map_err(|what| error(what, &key))?;
                }
            }
            "hosts" => {
                for (key, definition) in members {
                    host(loading, id, &key, &definition)?;
                }
            }
            _ => loading.warn(
                format!("Skipping unexpected key ({title}) in group ({name}), only \"vars\", \"children\" and \"hosts\" are valid"),
                &section.span,
            ),
        }
    }
    Ok(Some(id))
}

/// A host, or all that a pattern with ranges stands for, with its variables.
///
/// # Errors
/// A name that is no text, variables that are no mapping, a malformed range.
pub fn host(loading: &mut Loading, group: usize, key: &Node, definition: &Node) -> Result<(), Diagnostic> {
    let Some(pattern) = key.as_str() else {
        let given = py_str(&key.to_value());
        return Err(error(
            format!("Host pattern {given} must be a string. Enclose integers/floats in quotation marks."),
            key,
        ));
    };
    let vars = match &definition.kind {
        NodeKind::Map(vars) => vars.as_slice(),
        NodeKind::Null => &[],
        _ => {
            let given = py_str(&definition.to_value());
            return Err(error(
                format!("Invalid data from file, expected dictionary and got:\n\n{given}"),
                definition,
            ));
        }
    };
    let (names, port) = range::expand_hosts(pattern).map_err(|what| error(what, key))?;
    for name in names {
        loading.host(&name, Some(group), port, &key.span);
        for (key, value) in vars {
            loading.host_var(&name, &py_str(&key.to_value()), value.clone().named_by(key));
        }
    }
    Ok(())
}
