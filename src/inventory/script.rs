//! Inventories that are programs: `--list`, and `--host NAME` where `_meta` is missing.

use super::load::Loading;
use crate::diag::{Diagnostic, SourceFile, Span};
use crate::source::{Node, NodeKind, yaml};
use crate::template::explain_json;
use crate::value::py_str;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

/// The only way to print inventories in JSON that `_meta.profile` can name.
const PROFILE: &str = "inventory_legacy";

/// What a program printed, and what it said beside that.
struct Printed {
    file: Arc<SourceFile>,
    stderr: String,
}

/// Runs a program and reads what it prints.
///
/// # Errors
/// It cannot be run, it fails, or what it prints is no inventory.
pub fn parse(loading: &mut Loading, path: &Path) -> Result<(), Diagnostic> {
    let printed = run(path, &["--list"])?;
    let document = document(&printed).map_err(|error| printed.explain(error))?;
    loading.say(&printed.stderr);
    let mut names = Vec::new();
    for (key, definition) in document.as_map().unwrap_or_default() {
        let name = py_str(&key.to_value());
        if name != "_meta" {
            group(loading, &name, definition, &mut names)?;
        }
    }
    let hostvars = match document.get("_meta") {
        Some(meta) => {
            let hostvars = meta.get("hostvars");
            let place = hostvars.unwrap_or(meta);
            if hostvars.is_none_or(|hostvars| hostvars.as_map().is_none()) {
                return Err(wrong_type("_meta.hostvars", hostvars, "dict").at(&place.span));
            }
            hostvars
        }
        None if names.is_empty() => None,
        None => {
            let what = "Inventory scripts should always provide 'meta.hostvars'. Host variables will be collected by \
                        running the inventory script with the '--host' option for each host.";
            deprecated(loading, what.to_owned(), &document.span);
            None
        }
    };
    for name in names {
        let vars = match hostvars {
            Some(all) => all.get(&name).cloned(),
            None => of_host(path, &name)?,
        };
        let Some(vars) = vars else { continue };
        let NodeKind::Map(vars) = vars.kind else {
            let given = py_str(&vars.to_value());
            let what = format!("Invalid data from file, expected dictionary and got:\n\n{given}");
            return Err(bad(what).at(&vars.span));
        };
        for (key, value) in vars {
            loading.host_var(&name, &py_str(&key.to_value()), value);
        }
    }
    Ok(())
}

fn bad(what: impl Into<String>) -> Diagnostic {
    Diagnostic::error("bad-inventory", what)
}

fn wrong_type(name: &str, found: Option<&Node>, wanted: &str) -> Diagnostic {
    let found = found.map_or("NoneType", |node| node.to_value().type_name());
    bad(format!("Value contains '{name}' which is '{found}' instead of '{wanted}'."))
}

fn deprecated(loading: &mut Loading, what: String, place: &Span) {
    let what = format!(
        "{what} This feature will be removed from inventory plugin 'script' in ansible-core version 2.23."
    );
    loading.deprecated(what, place);
}

/// What `--list` printed: a mapping, in JSON, whose `_meta` says nothing that would mean another form.
fn document(printed: &Printed) -> Result<Node, Diagnostic> {
    let not_for_us = |why: &str, place: &Span| {
        bad(format!("Unable to get JSON decoder for inventory script result: {why}")).at(place)
    };
    let document = match json(&printed.file) {
        Ok(document) => document,
        Err((why, place)) => {
            return Err(not_for_us(&format!("Value could not be parsed as JSON: {why}"), &place));
        }
    };
    let found = document.to_value().type_name();
    if document.as_map().is_none() {
        return Err(not_for_us(&format!("Value is '{found}' instead of 'dict'."), &document.span));
    }
    if let Some(meta) = document.get("_meta") {
        let found = meta.to_value().type_name();
        if meta.as_map().is_none() {
            let why = format!("Value contains '_meta' which is '{found}' instead of 'dict'.");
            return Err(not_for_us(&why, &meta.span));
        }
        if let Some(profile) = meta.get("profile") {
            let found = profile.to_value().type_name();
            let why = match profile.as_str() {
                Some(PROFILE) => None,
                Some(name) if name.starts_with("inventory_") => {
                    Some(format!("Unknown profile name '{name}'."))
                }
                Some(name) => Some(format!("Non-inventory profile '{name}' is not allowed.")),
                None => Some(format!("Value contains '_meta.profile' which is '{found}' instead of 'str'.")),
            };
            if let Some(why) = why {
                return Err(not_for_us(&why, &profile.span));
            }
        }
    }
    match wrong_mark(&document) {
        Some((why, place)) => {
            Err(bad(format!("Inventory script result could not be parsed as JSON: {why}")).at(&place))
        }
        None => Ok(document.untagged()),
    }
}

/// The variables of one host; none if the program prints nothing.
fn of_host(path: &Path, name: &str) -> Result<Option<Node>, Diagnostic> {
    let printed = run(path, &["--host", name])?;
    if printed.file.text.trim().is_empty() {
        return Ok(None);
    }
    let read = json(&printed.file).map_err(|(why, place)| (format!("JSON parsing failed: {why}"), place));
    let read = read.and_then(|node| wrong_mark(&node).map_or(Ok(node.untagged()), Err));
    read.map(Some).map_err(|(why, place)| {
        let what = format!("Inventory script result for host '{name}' could not be parsed as JSON: {why}");
        printed.explain(bad(what).at(&place))
    })
}

/// A text as JSON, or Python's words for why it is none and the place.
fn json(file: &Arc<SourceFile>) -> Result<Node, (String, Span)> {
    if let Some(node) = yaml::parse_json(file) {
        return Ok(node);
    }
    match explain_json(&file.text) {
        // A text or a number alone.
        None => yaml::parse(file)
            .map(|loaded| loaded.node)
            .map_err(|error| (error.summary, Span::new(file, 1, 1, 1))),
        Some(why) => {
            let number = |word: &str| -> Option<u32> {
                why.rsplit_once(word)?.1.split_whitespace().next()?.parse().ok()
            };
            let place = Span::new(file, number("line ").unwrap_or(1), number("column ").unwrap_or(1), 1);
            Err((why, place))
        }
    }
}

fn wrong_mark(node: &Node) -> Option<(String, Span)> {
    let (mark, value) = node.wrong_mark()?;
    let found = value.to_value().type_name();
    Some((format!("JSON parsing failed: {mark} is <class '{found}'> not <class 'str'>"), value.span.clone()))
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
            return Err(wrong_type(&format!("{name}.hosts"), Some(list), "list").at(&list.span));
        };
        for host in hosts {
            let host_name = name_of(host, "host")?;
            loading.host(&host_name, Some(id), None, &host.span);
            if !names.contains(&host_name) {
                names.push(host_name);
            }
        }
        Ok(())
    };
    let NodeKind::Map(entries) = &definition.kind else {
        let found = definition.to_value().type_name();
        let what = format!("Group '{name}' was converted to 'dict' from '{found}'.");
        deprecated(loading, what, &definition.span);
        return add(loading, definition);
    };
    if !["hosts", "vars", "children"].iter().any(|key| definition.get(key).is_some()) {
        // A group without members is a host with variables, which are data.
        let what = format!(
            "Treating malformed group '{name}' as the sole host of that group. Variables provided in this manner \
             cannot be templated."
        );
        deprecated(loading, what, &definition.span);
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
    if let Some(hosts) = definition.get("hosts") {
        add(loading, hosts)?;
    }
    if let Some(vars) = definition.get("vars") {
        let Some(entries) = vars.as_map() else {
            return Err(wrong_type(&format!("{name}.vars"), Some(vars), "dict").at(&vars.span));
        };
        for (key, value) in entries {
            loading.group_var(id, &py_str(&key.to_value()), value.clone());
        }
    }
    if let Some(children) = definition.get("children") {
        let Some(children) = children.as_list() else {
            return Err(wrong_type(&format!("{name}.children"), Some(children), "list").at(&children.span));
        };
        for child in children {
            let child_id = loading.group(&name_of(child, "group")?);
            loading.link(id, child_id).map_err(|what| bad(what).at(&child.span))?;
        }
    }
    Ok(())
}

/// The name of a host or group.
fn name_of(node: &Node, kind: &str) -> Result<String, Diagnostic> {
    node.as_str().map(str::to_owned).ok_or_else(|| {
        let (found, value) = (node.to_value().type_name(), py_str(&node.to_value()));
        bad(format!("Invalid {kind} name supplied, expected a string but got <class '{found}'> for {value}"))
            .at(&node.span)
    })
}

impl Printed {
    /// An error about what was printed, with what the program said of it.
    fn explain(&self, error: Diagnostic) -> Diagnostic {
        match self.stderr.as_str() {
            "" => error,
            said => error.help(format!("Standard error from inventory script:\n{said}")),
        }
    }
}

// The reviewed place for inventory programs: the path the user named, no shell, arguments as a vector.
#[allow(clippy::disallowed_methods)]
fn run(path: &Path, arguments: &[&str]) -> Result<Printed, Diagnostic> {
    let output = Command::new(path).args(arguments).stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } = output.map_err(|error| {
        let (path, arguments) = (path.display(), arguments.join(" "));
        bad(format!("Failed to execute inventory script command '{path} {arguments}': {error}"))
    })?;
    let stderr = String::from_utf8_lossy(&stderr).trim_end().to_owned();
    let name = format!("<inventory script output from '{}'>", path.display());
    let text = String::from_utf8(stdout);
    let undecodable = text.as_ref().err().map(|error| {
        let at = error.utf8_error().valid_up_to();
        format!(
            "Inventory script result contained characters that cannot be interpreted as UTF-8: byte 0x{:02x} in \
             position {at}",
            error.as_bytes()[at]
        )
    });
    let text = text.unwrap_or_default();
    let printed = Printed { file: Arc::new(SourceFile { path: name.into(), text: text.into() }), stderr };
    if !status.success() {
        let code = status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(1);
        return Err(printed.explain(bad(format!("Inventory script returned non-zero exit code {code}."))));
    }
    match undecodable {
        Some(what) => Err(printed.explain(bad(what))),
        None => Ok(printed),
    }
}
