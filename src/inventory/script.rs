//! Inventories that are programs: `--list`, and `--host NAME` where `_meta` is missing.

use super::load::Loading;
use crate::diag::{Diagnostic, SourceFile};
use crate::source::{Node, NodeKind, yaml};
use crate::value::py_str;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

/// Runs a program and reads what it prints.
///
/// # Errors
/// It cannot be run, it fails, or what it prints is no inventory.
pub fn parse(loading: &mut Loading, path: &Path) -> Result<(), Diagnostic> {
    let document = run(loading, path, &["--list"])?;
    let NodeKind::Map(groups) = &document.kind else {
        let what = "failed to parse executable inventory script results: needs to be a json dict";
        return Err(Diagnostic::error("bad-inventory", what).at(&document.span));
    };
    let mut hostvars = None;
    let mut names = Vec::new();
    for (key, definition) in groups {
        let name = py_str(&key.to_value());
        if name == "_meta" {
            hostvars = definition.get("hostvars").cloned();
            continue;
        }
        group(loading, &name, definition, &mut names)?;
    }
    for name in names {
        let vars = match &hostvars {
            Some(all) => all.get(&name).cloned(),
            None => Some(run(loading, path, &["--host", &name])?),
        };
        if let Some(NodeKind::Map(vars)) = vars.map(|node| node.kind) {
            for (key, value) in vars {
                loading.host_var(&name, &py_str(&key.to_value()), value);
            }
        }
    }
    Ok(())
}

fn deprecated(loading: &mut Loading, what: String) {
    let what = format!(
        "{what} This feature will be removed from inventory plugin 'script' in ansible-core version 2.23."
    );
    loading.deprecated(what);
}

fn group(
    loading: &mut Loading,
    name: &str,
    definition: &Node,
    names: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    let id = loading.group(name);
    let mut add = |loading: &mut Loading, list: &Node| -> Result<(), Diagnostic> {
        let Some(hosts) = list.as_list() else {
            let what = format!(
                "You defined a group '{name}' with bad data for the host list:\n {}",
                py_str(&list.to_value())
            );
            return Err(Diagnostic::error("bad-inventory", what).at(&list.span));
        };
        for host in hosts {
            let host_name = py_str(&host.to_value());
            loading.host(&host_name, Some(id), None, &host.span);
            if !names.contains(&host_name) {
                names.push(host_name);
            }
        }
        Ok(())
    };
    match &definition.kind {
        NodeKind::List(_) => {
            deprecated(loading, format!("Group '{name}' was converted to 'dict' from 'list'."));
            return add(loading, definition);
        }
        NodeKind::Map(entries) => {
            let is_group = ["hosts", "vars", "children"].iter().any(|key| definition.get(key).is_some());
            if !is_group {
                // A group without members is a host with variables, which are data.
                deprecated(
                    loading,
                    format!(
                        "Treating malformed group '{name}' as the sole host of that group. Variables provided \
                         in this manner cannot be templated."
                    ),
                );
                loading.host(name, Some(id), None, &definition.span);
                for (key, value) in entries {
                    let value = Node::from_data(&value.to_value(), &value.span);
                    loading.group_var(id, &py_str(&key.to_value()), value);
                }
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
                return Ok(());
            }
        }
        _ => return Ok(()),
    }
    if let Some(hosts) = definition.get("hosts") {
        add(loading, hosts)?;
    }
    if let Some(vars) = definition.get("vars") {
        let Some(vars) = vars.as_map() else {
            let what = format!(
                "You defined a group '{name}' with bad data for variables:\n {}",
                py_str(&vars.to_value())
            );
            return Err(Diagnostic::error("bad-inventory", what).at(&definition.span));
        };
        for (key, value) in vars {
            loading.group_var(id, &py_str(&key.to_value()), value.clone());
        }
    }
    for child in definition.get("children").and_then(Node::as_list).unwrap_or_default() {
        let child_id = loading.group(&py_str(&child.to_value()));
        loading
            .link(id, child_id)
            .map_err(|what| Diagnostic::error("bad-inventory", what).at(&child.span))?;
    }
    Ok(())
}

// The reviewed place for inventory programs: the path the user named, no shell, arguments as a vector.
#[allow(clippy::disallowed_methods)]
fn run(loading: &mut Loading, path: &Path, arguments: &[&str]) -> Result<Node, Diagnostic> {
    let fail = |what: String| Diagnostic::error("bad-inventory", what);
    let Output { status, stdout, stderr } =
        Command::new(path).args(arguments).stdin(Stdio::null()).output().map_err(|error| {
            fail(format!("problem running {} {}: {error}", path.display(), arguments.join(" ")))
        })?;
    let stderr = String::from_utf8_lossy(&stderr).trim_end().to_owned();
    if !status.success() {
        let code = status.code().map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
        let what = format!("Inventory script returned non-zero exit code {code}.");
        let help = (!stderr.is_empty()).then(|| format!("Standard error from inventory script:\n{stderr}"));
        return Err(Diagnostic { help, ..fail(what) });
    }
    if !stderr.is_empty() {
        loading.note(format!("Standard error from inventory script {}: {stderr}", path.display()));
    }
    let text = String::from_utf8(stdout).map_err(|_| {
        fail("Inventory script result contained characters that cannot be interpreted as UTF-8.".into())
    })?;
    let name = format!("<inventory script output from '{}'>", path.display());
    let file = Arc::new(SourceFile { path: name.into(), text: text.into() });
    if file.text.trim().is_empty() && arguments[0] == "--host" {
        return Ok(Node::new(NodeKind::Null, crate::diag::Span::new(&file, 1, 1, 0)));
    }
    yaml::parse_json(&file).map(|node| node.untagged()).ok_or_else(|| {
        let what =
            "Unable to get JSON decoder for inventory script result: Value could not be parsed as JSON";
        fail(what.into()).at(&crate::diag::Span::new(&file, 1, 1, 1))
    })
}
