//! Lookups of files and commands on the control machine.

use super::Lookup;
use crate::diag::Diagnostic;
use crate::template::object::{Res, V, failed, text};
use crate::value::{Map, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

fn find(lookup: &Lookup, kind: &str, name: &str) -> Option<PathBuf> {
    lookup.eval.ctx.candidates(kind, name).into_iter().find(|path| path.is_file())
}

/// As [`find`], with a word about what is not there.
fn find_or_warn(lookup: &Lookup, kind: &str, name: &str) -> Option<PathBuf> {
    let found = find(lookup, kind, name);
    if found.is_none() {
        let message = format!("Unable to find '{name}' in expected paths (use -vvvvv to see paths)");
        lookup.eval.ctx.engine().warn(Diagnostic::warning("lookup", message));
    }
    found
}

/// A file's content, decrypted if it is a vault.
fn content(lookup: &Lookup, name: &str) -> Res<Vec<u8>> {
    let Some(path) = find(lookup, "files", name) else {
        return Err(failed(format!(
            "Unable to access the file '{name}': File not found. Use -vvvvv to see paths searched."
        )));
    };
    let read = lookup.eval.ctx.engine().read_file(&path);
    read.map_err(|error| failed(format!("Unable to access the file '{name}': {error}")))
}

pub fn file(lookup: &mut Lookup) -> Res<Vec<V>> {
    let (left, right) = (lookup.flag("lstrip", false)?, lookup.flag("rstrip", true)?);
    let mut out = Vec::new();
    for name in lookup.texts()? {
        let bytes = content(lookup, &name)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut text = &*text;
        if left {
            text = text.trim_start();
        }
        if right {
            text = text.trim_end();
        }
        out.push(V::str(text));
    }
    Ok(out)
}

/// The bytes of files in Base64.
pub fn binary_file(lookup: &mut Lookup) -> Res<Vec<V>> {
    let absent = lookup.text("not_exist")?;
    let mut out = Vec::new();
    for name in lookup.texts()? {
        out.push(match (find(lookup, "files", &name), absent.as_deref()) {
            (Some(path), _) => {
                let bytes = std::fs::read(&path).map_err(|error| failed(format!("{name}: {error}")))?;
                V::from(STANDARD.encode(bytes))
            }
            (None, Some("empty")) => V::str(""),
            (None, Some("empty_str")) => V::str("empty"),
            (None, _) => {
                let message = "Could not locate file in community.general.binary_file lookup";
                return Err(failed(format!("{message}: {name}")));
            }
        });
    }
    Ok(out)
}

/// As `file`, with the white space around the content.
pub fn unvault(lookup: &mut Lookup) -> Res<Vec<V>> {
    let names = lookup.texts()?;
    let read = |name: &String| {
        if find(lookup, "files", name).is_none() {
            return Err(failed(format!("Unable to find file matching \"{name}\"")));
        }
        Ok(V::from(String::from_utf8_lossy(&content(lookup, name)?).into_owned()))
    };
    names.iter().map(read).collect()
}

pub fn fileglob(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    for pattern in lookup.texts()? {
        for candidate in lookup.eval.ctx.candidates("files", &pattern) {
            let found =
                glob::glob(&candidate.to_string_lossy()).map_err(|error| failed(error.to_string()))?;
            let mut files: Vec<String> = found
                .flatten()
                .filter(|path| path.is_file())
                .map(|path| path.display().to_string())
                .collect();
            if !files.is_empty() {
                files.sort();
                out.extend(files.into_iter().map(V::from));
                break;
            }
        }
    }
    Ok(out)
}

/// Runs a command in the shell, in the playbook's folder.
#[expect(clippy::disallowed_methods, reason = "the `pipe` and `lines` lookups are there to run commands")]
fn shell(lookup: &Lookup, command: &str) -> Res<(String, Option<i32>)> {
    let mut child = Command::new("/bin/sh");
    child.arg("-c").arg(command).stdin(Stdio::null()).stderr(Stdio::inherit());
    let dir = &lookup.eval.ctx.env().playbook_dir;
    if dir.is_dir() {
        child.current_dir(dir);
    }
    let output = child.output().map_err(|error| failed(format!("{command}: {error}")))?;
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code()))
}

pub fn pipe(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    for command in lookup.texts()? {
        let (stdout, status) = shell(lookup, &command)?;
        match status {
            Some(0) => out.push(V::str(stdout.trim_end())),
            code => {
                let code = code.unwrap_or(-1);
                return Err(failed(format!("lookup_plugin.pipe({command}) returned {code}")));
            }
        }
    }
    Ok(out)
}

pub fn lines(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    for command in lookup.texts()? {
        let (stdout, status) = shell(lookup, &command)?;
        match status {
            Some(0) => {
                out.extend(crate::template::object::split_lines(&stdout, false).into_iter().map(V::from))
            }
            code => {
                let code = code.unwrap_or(-1);
                return Err(failed(format!("lookup_plugin.lines({command}) returned {code}")));
            }
        }
    }
    Ok(out)
}

pub fn template(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut options = Map::new();
    for (name, value) in &lookup.options {
        // Ansible's lookup, other than its module, knows nothing of this one.
        if &**name == "lstrip_blocks" {
            continue;
        }
        options.insert(Value::Str(name.clone()), value.to_value()?);
    }
    let mut extra: Vec<(Arc<str>, V)> = match lookup.option("template_vars") {
        Some(V::Dict(dict)) => dict
            .entries()?
            .into_iter()
            .filter_map(|(key, value)| Some((key.as_str()?.into(), value)))
            .collect(),
        _ => Vec::new(),
    };
    if !extra.iter().any(|(name, _)| &**name == "ansible_managed") && !lookup.eval.ctx.has("ansible_managed")
    {
        extra.push(("ansible_managed".into(), V::str("Ansible managed")));
    }
    let options = Value::map(options);
    let mut out = Vec::new();
    for name in lookup.texts()? {
        let Some(path) = find_or_warn(lookup, "templates", &name) else {
            return Err(failed(format!("the template file {name} could not be found for the lookup")));
        };
        let ctx = lookup.eval.ctx;
        let source = ctx
            .engine()
            .read_file(&path)
            .map_err(|error| failed(format!("Unable to access the file '{name}': {error}")))?;
        let source = String::from_utf8_lossy(&source);
        let file = ctx.engine().compile_file(&path, &source, &options).map_err(|diagnostic| {
            let mut error = failed(diagnostic.summary);
            error.trace.extend(diagnostic.span);
            error
        })?;
        out.push(ctx.render_file(&file, &extra)?.need()?);
    }
    Ok(out)
}

/// For other lookups: the file of a name among those of `kind`.
pub fn find_or_fail(lookup: &Lookup, kind: &str, name: &V) -> Res<PathBuf> {
    let name = text(name)?;
    find_or_warn(lookup, kind, &name)
        .ok_or_else(|| failed(format!("Could not find file \"{name}\" in the search path")))
}
