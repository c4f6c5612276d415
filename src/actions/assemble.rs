//! `assemble`: fragments of the control machine are put together here and sent by `copy`; those of the host are the
//! module's.

use super::contract::{text, truth};
use super::{Action, Call, Prepared, Scene};
use crate::runner::TaskResult;
use crate::value::{Map, Value};
use fancy_regex::Regex;
use std::path::{Path, PathBuf};

pub struct Assemble;

impl Action for Assemble {
    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        let (Some(src), Some(_)) = (text(&args, "src"), text(&args, "dest")) else {
            return Prepared::failed("src and dest are required");
        };
        if truth(&args, "remote_src", true) {
            return Prepared::Call(Call::new("assemble", args));
        }
        let folder = match scene.find("files", &src) {
            Ok(folder) => folder,
            Err(message) => {
                return Prepared::Done(TaskResult::stopped(format!("Task failed: {message}")));
            }
        };
        if !folder.is_dir() {
            return Prepared::failed(format!("Source ({src}) is not a directory"));
        }
        let content = match assembled(&folder, &args, scene) {
            Ok(content) => content,
            Err(message) => return Prepared::failed(message),
        };
        for name in ["remote_src", "delimiter", "regexp", "ignore_hidden", "decrypt"] {
            args.shift_remove(name);
        }
        let mut call = Call::new("copy", Map::new());
        args.insert("src".into(), Value::str(folder.to_string_lossy()));
        args.insert("_name".into(), Value::str(src));
        args.insert("_size".into(), content.len().into());
        args.insert("_digest".into(), Value::from(call.blobs.add_bytes(content)));
        call.args = args;
        Prepared::Call(call)
    }
}

fn assembled(folder: &Path, args: &Map, scene: &Scene) -> Result<Vec<u8>, String> {
    let problem =
        |path: &Path, error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let pattern = text(args, "regexp")
        .map(|text| Regex::new(&text).map_err(|error| format!("Invalid Regexp ({error}) in \"{text}\"")))
        .transpose()?;
    let (hidden, decrypt) = (truth(args, "ignore_hidden", false), truth(args, "decrypt", true));
    let mut fragments: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| problem(folder, &error))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    fragments.sort();
    let mut contents = Vec::new();
    for path in fragments {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let wanted = pattern.as_ref().is_none_or(|pattern| pattern.is_match(&*name).unwrap_or(false));
        if !wanted || hidden && name.starts_with('.') {
            continue;
        }
        let content = match decrypt {
            true => scene.engine.read_file(&path).map_err(|error| problem(&path, &error))?,
            false => std::fs::read(&path).map_err(|error| problem(&path, &error))?,
        };
        contents.push(content);
    }
    Ok(crate::modules::files::joined(contents, text(args, "delimiter").as_deref()))
}
