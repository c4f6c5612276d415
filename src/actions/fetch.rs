//! `fetch`: a file of the host, kept on the control machine.

use super::contract::{hex, text, truth};
use super::{Action, Call, Prepared, Scene};
use crate::modules::files::SOURCE;
use crate::runner::TaskResult;
use crate::value::{Map, Value, py_str, str_repr};
use sha1::{Digest as _, Sha1};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub struct Fetch;

/// Files that were begun so far.
static STARTED: AtomicU64 = AtomicU64::new(0);

impl Action for Fetch {
    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let (Some(src), Some(dest)) = (text(&args, "src"), text(&args, "dest")) else {
            return Prepared::failed("src and dest are required");
        };
        if scene.check {
            return Prepared::Done(
                TaskResult { skipped: true, ..TaskResult::default() }
                    .with("msg", "check mode not (yet) supported for this module"),
            );
        }
        let root = scene.env.playbook_dir.join(&dest);
        let (host, flat) = (scene.host.to_owned(), truth(&args, "flat", false));
        let destination = move |src: &str| destination(src, &dest, flat, &root, &host);
        let target = match destination(&src) {
            Ok(target) => target,
            Err(message) => return Prepared::failed(message),
        };
        let have = digest(&target);
        let mut call = Call::new("fetch", Map::new());
        call.args.insert("src".into(), Value::from(src.clone()));
        call.args.insert("_have".into(), have.clone().into());
        call.args.insert("fail_on_missing".into(), truth(&args, "fail_on_missing", true).into());
        // Beside the destination, or as near as there are folders already, so that the file appears whole or not at all.
        let folder = target.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
        // Many hosts, and many items, may send files at the same time.
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let partial = folder.join(format!(".fetched.{}.{number}.part", std::process::id()));
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&partial) {
            Ok(file) => call.blobs.sink = Some(std::sync::Mutex::new(file)),
            Err(error) => return Prepared::failed(format!("cannot write {}: {error}", partial.display())),
        }
        call.finish = Some(Box::new(move |mut result| {
            let finished = match result.data.shift_remove(SOURCE).map(|source| py_str(&source)) {
                Some(source) => match destination(&source) {
                    Ok(target) => finish(result, &source, &target, &partial, digest(&target)),
                    Err(message) => TaskResult::failure(message),
                },
                None => finish(result, &src, &target, &partial, have),
            };
            drop(std::fs::remove_file(&partial));
            finished
        }));
        Prepared::Call(call)
    }
}

/// The SHA-1 of a file here.
fn digest(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| hex(&Sha1::digest(&bytes)))
}

/// `dest/HOST/path`, or `dest` (which is at `root`) itself when flat. What the host says never leads out of `dest`.
fn destination(src: &str, dest: &str, flat: bool, root: &Path, host: &str) -> Result<PathBuf, String> {
    let safe: PathBuf =
        Path::new(src).components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let name = safe.file_name().ok_or_else(|| format!("`{src}` names no file"))?.to_owned();
    if !flat {
        return Ok(root.join(host).join(safe));
    }
    if dest.ends_with('/') {
        return Ok(root.join(name));
    }
    if root.is_dir() {
        return Err("dest is an existing directory, use a trailing slash if you want to fetch src into that directory".into());
    }
    Ok(root.to_owned())
}

fn finish(
    mut result: TaskResult,
    src: &str,
    target: &Path,
    partial: &Path,
    have: Option<String>,
) -> TaskResult {
    if result.failed || result.skipped {
        // What there is to say of it is not what was looked at: the file is read first, then it is asked what it is.
        let msg = result.msg();
        if msg.starts_with("the remote file does not exist") {
            let why = format!("[Errno 2] No such file or directory: {}", str_repr(src));
            result.headline = Some(format!("Task failed: Module failed: File not found: {src}: {why}"));
        } else if msg.starts_with("remote file is a directory") {
            result.headline = Some(format!("Task failed: Action failed: {msg}"));
        }
        return result;
    }
    let Some(sum) = result.data.get("checksum").and_then(Value::as_str).map(str::to_owned) else {
        return result;
    };
    let dest = target.to_string_lossy().into_owned();
    if have.as_deref() != Some(sum.as_str()) {
        let got = std::fs::read(partial).map(|bytes| hex(&Sha1::digest(&bytes))).unwrap_or_default();
        if got != sum {
            return TaskResult::failure("checksum mismatch")
                .with("checksum", got)
                .with("dest", dest)
                .with("remote_checksum", sum);
        }
        let folder = target.parent().unwrap_or(Path::new("."));
        if let Err(error) = std::fs::create_dir_all(folder) {
            return TaskResult::failure(format!(
                "Unable to create local directories({}): {error}",
                folder.display()
            ));
        }
        if let Err(error) = std::fs::rename(partial, target) {
            return TaskResult::failure(format!("cannot write {dest}: {error}"));
        }
        result.changed = true;
        result.data.shift_remove("file");
        result = result.with("remote_checksum", sum.as_str()).with("remote_md5sum", Value::Null);
    } else {
        result.changed = false;
        result.data.retain(|key, _| !matches!(key.as_str(), Some("remote_checksum" | "remote_md5sum")));
        result.data.entry("file".into()).or_insert_with(|| src.into());
    }
    result.data.insert("changed".into(), result.changed.into());
    result.with("dest", dest)
}
