//! `copy`: files, folders and texts of the control machine, put in place by the module of that name.

use super::contract::{Added, text, truth};
use super::{Action, Call, Files, Prepared, Scene};
use crate::value::{JsonStyle, Map, Value, py_str};
use std::path::{Path, PathBuf};

pub struct Copy;

impl Action for Copy {
    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        let src = text(&args, "src").filter(|src| !src.is_empty());
        let content = args.get("content").filter(|content| !content.is_null()).cloned();
        if src.is_none() && content.is_none() {
            return Prepared::failed("src (or content) is required");
        }
        let Some(dest) = text(&args, "dest").filter(|dest| !dest.is_empty()) else {
            return Prepared::failed("dest is required");
        };
        if src.is_some() && content.is_some() {
            return Prepared::failed("src and content are mutually exclusive");
        }
        if truth(&args, "remote_src", false) {
            return Prepared::Call(Call::new("copy", args));
        }
        args.shift_remove("remote_src");
        args.shift_remove("content");
        match (content, src) {
            (Some(_), _) if dest.ends_with('/') => Prepared::failed("can not use content with a dir as dest"),
            (Some(content), _) => {
                let bytes = match &content {
                    Value::Map(_) | Value::List(_) => JsonStyle::default().write(&content).into_bytes(),
                    Value::Bytes(bytes) => bytes.to_vec(),
                    other => py_str(other).into_bytes(),
                };
                let mut call = Call { sends_file: true, ..Call::new("copy", Map::new()) };
                args.insert("_size".into(), bytes.len().into());
                args.insert("_digest".into(), Value::from(call.blobs.add_bytes(bytes)));
                call.args = args;
                Prepared::Call(call)
            }
            (None, src) => {
                let src = src.unwrap_or_default();
                let path = match scene.find("files", &src) {
                    Ok(path) => path,
                    Err(message) => {
                        return Prepared::refused(format!("Unexpected AnsibleActionFail error: {message}"));
                    }
                };
                let files = scene.files(&args);
                if path.is_dir() {
                    folder(args, &src, &path, files)
                } else {
                    // A prediction tells the checksum, too.
                    let unread = !scene.check && text(&args, "checksum").is_none();
                    file(args, &path, files, unread)
                }
            }
        }
    }
}

/// `unread`: a large file may be sent without having been read before.
fn file(mut args: Map, path: &Path, files: Files, unread: bool) -> Prepared {
    let mut call = Call { sends_file: true, ..Call::new("copy", Map::new()) };
    let added = match unread {
        true => files.add_unread(path, &mut call.blobs),
        false => files.add(path, &mut call.blobs).map(|(digest, size)| Added::Hashed(digest, size)),
    };
    let (argument, name, size) = match added {
        Ok(Added::Hashed(digest, size)) => ("_digest", digest, size),
        Ok(Added::HashedLater(name, size)) => ("_content", name, size),
        Err(message) => return Prepared::failed(message),
    };
    args.insert("src".into(), Value::str(path.to_string_lossy()));
    args.insert(argument.into(), Value::from(name));
    args.insert("_size".into(), size.into());
    args.insert(
        "_name".into(),
        path.file_name().map(|name| Value::str(name.to_string_lossy())).unwrap_or_default(),
    );
    preserve_mode(&mut args, path);
    call.args = args;
    Prepared::Call(call)
}

/// `mode: preserve` means the mode of the file here.
pub(super) fn preserve_mode(args: &mut Map, path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if text(args, "mode").as_deref() == Some("preserve")
        && let Ok(meta) = path.metadata()
    {
        args.insert("_mode".into(), Value::from(format!("0{:o}", meta.permissions().mode() & 0o7777)));
    }
}

/// A folder goes as one list of entries; only contents that differ travel. Hashing uses all cores.
fn folder(mut args: Map, src: &str, path: &Path, files: Files) -> Prepared {
    use rayon::prelude::*;
    use std::os::unix::fs::PermissionsExt;
    let follow = truth(&args, "local_follow", true);
    // `src: dir/` copies what is in it, `src: dir` the folder itself.
    let base = if src.ends_with('/') { path.to_owned() } else { path.parent().unwrap_or(path).to_owned() };
    let mut found: Vec<Found> = Vec::new();
    if !src.ends_with('/') {
        found.push(Found { path: path.to_owned(), as_link: false });
    }
    if let Err(error) = walk(path, follow, &mut vec![identity(path)], &mut found) {
        return Prepared::failed(error);
    }
    if let Some((only, beside)) = only_file(&found) {
        // It is told of as the file that it is.
        let dest = text(&args, "dest").unwrap_or_default();
        let beside = beside.strip_prefix(&base).unwrap_or(Path::new(""));
        let place = Path::new(&dest).join(beside).join("");
        args.insert("dest".into(), Value::str(place.to_string_lossy()));
        return file(args, only, files, false);
    }
    let relative = |path: &Path| path.strip_prefix(&base).unwrap_or(path).to_string_lossy().into_owned();
    let hashed: Vec<Result<(Value, super::Blobs), String>> = found
        .par_iter()
        .map(|Found { path, as_link }| {
            let mut blobs = super::Blobs::default();
            let shown = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
            // A link that leads nowhere is copied as a link.
            let meta = match path.metadata() {
                Ok(meta) if !as_link => meta,
                _ => path.symlink_metadata().map_err(shown)?,
            };
            let name = Value::from(relative(path));
            let entry = if meta.is_dir() {
                Value::object([("path", name), ("directory", true.into())])
            } else if meta.is_symlink() {
                let link = std::fs::read_link(path).map_err(shown)?;
                Value::object([("path", name), ("link", Value::str(link.to_string_lossy()))])
            } else {
                let (digest, size) = files.add_one_of_many(path, &mut blobs)?;
                Value::object([
                    ("path", name),
                    ("digest", Value::from(digest)),
                    ("size", size.into()),
                    ("mode", Value::from(format!("0{:o}", meta.permissions().mode() & 0o7777))),
                ])
            };
            Ok((entry, blobs))
        })
        .collect();
    let mut call = Call::new("copy", Map::new());
    let mut entries = Vec::with_capacity(hashed.len());
    for item in hashed {
        match item {
            Ok((entry, blobs)) => {
                entries.push(entry);
                call.blobs.merge(blobs);
            }
            Err(message) => return Prepared::failed(message),
        }
    }
    // Which of them are needed is not known: none travels ahead.
    call.blobs.on_demand();
    args.insert("src".into(), Value::str(path.to_string_lossy()));
    args.insert("_entries".into(), Value::list(entries));
    call.args = args;
    Prepared::Call(call)
}

/// The file and its folder, if there is nothing else but the folders on the way to it.
fn only_file(found: &[Found]) -> Option<(&Path, &Path)> {
    let plain = |one: &&Found| !one.as_link && one.path.is_file();
    let mut others = found.iter().filter(|one| !(plain(one) || !one.as_link && one.path.is_dir()));
    let mut files = found.iter().filter(plain);
    let (only, None, None) = (files.next()?, files.next(), others.next()) else { return None };
    let on_the_way = |one: &Found| only.path.starts_with(&one.path);
    found.iter().all(on_the_way).then_some((only.path.as_path(), only.path.parent()?))
}

/// Something in a folder; links that lead back up are copied as links.
struct Found {
    path: PathBuf,
    as_link: bool,
}

/// What makes two paths the same folder.
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Everything below a folder; `above` are the folders on the way to it, itself included.
fn walk(
    folder: &Path,
    follow: bool,
    above: &mut Vec<Option<(u64, u64)>>,
    found: &mut Vec<Found>,
) -> Result<(), String> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let is_link = path.is_symlink();
        let own = identity(&path);
        let as_link = is_link && (!follow || above.contains(&own));
        let enter = !as_link && path.is_dir();
        found.push(Found { path: path.clone(), as_link });
        if enter {
            if found.len() > 1_000_000 {
                return Err(format!("{} has more than a million files", folder.display()));
            }
            above.push(own);
            walk(&path, follow, above, found)?;
            above.pop();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_unless_they_lead_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("src");
        std::fs::create_dir_all(root.join("a/b")).expect("directories");
        std::fs::write(root.join("a/f"), "x").expect("a file");
        for (target, link) in
            [("../..", "a/b/up"), ("../../a", "a/b/side"), ("a", "toa"), ("f", "a/fl"), ("nowhere", "lost")]
        {
            symlink(target, root.join(link)).expect("a link");
        }
        let names = |follow: bool| {
            let mut found = Vec::new();
            walk(&root, follow, &mut vec![identity(&root)], &mut found).expect("readable");
            let name = |one: &Found| {
                let name = one.path.strip_prefix(&root).expect("below").display().to_string();
                if one.as_link { name + "@" } else { name }
            };
            found.iter().map(name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names(true),
            "a a/b a/b/side@ a/b/up@ a/f a/fl lost toa toa/b toa/b/side@ toa/b/up@ toa/f toa/fl"
        );
        assert_eq!(names(false), "a a/b a/b/side@ a/b/up@ a/f a/fl@ lost@ toa@");
    }
}
