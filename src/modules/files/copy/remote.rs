//! `remote_src`: from one place on the host to another.

use super::tree::{self, Step};
use super::{Args, FileTodo, Source, Todo, check_directory};
use crate::modules::kit::digest::Algorithm;
use crate::modules::kit::{Attributes, Failure, FileArgs, Plan, Probe, attributes, file, mode, path};
use crate::value::{Map, Value};
use rustix::fs::Access;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub(super) fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
    let Some(src) = args.src.as_ref().map(|src| host.path(src)) else {
        return Err(Failure::new("src (or content) is required"));
    };
    let source = Path::new(&src);
    let Ok(found) = std::fs::metadata(source) else {
        return Err(Failure::new(format!("Source {src} not found")));
    };
    if rustix::fs::access(source, Access::READ_OK).is_err() {
        return Err(Failure::new(format!("Source {src} not readable")));
    }
    let preserved = Value::str(mode::text(found.mode()));
    let attributes = args.file_attributes(host, Some(&preserved))?;
    if found.is_dir() {
        plan_directory(args, host, &src, attributes)
    } else {
        plan_file(args, host, &src, attributes)
    }
}

fn plan_file(args: &Args, host: &Probe, src: &str, attributes: Attributes) -> Result<Plan<Todo>, Failure> {
    let source = Path::new(src);
    let checksum = Algorithm::Sha1.of_file(source)?;
    args.check_expected(&checksum)?;
    let mut dest = host.path(&args.dest);
    let directory = dest.ends_with('/');
    if directory || Path::new(&dest).is_dir() {
        dest = path::join(&dest, path::basename(src));
    }
    if args.follow {
        dest = file::destination(Path::new(&dest), true).to_string_lossy().into_owned();
    }
    let place = PathBuf::from(&dest);
    let mut result = Map::new();
    result.insert("src".into(), src.into());
    result.insert("dest".into(), dest.as_str().into());
    let there = file::metadata(&place, false);
    if there.is_some() && !args.force {
        result.insert("msg".into(), "file already exists".into());
        attributes::describe(host, &place, &mut result);
        return Ok(Plan::Unchanged { result });
    }
    result.insert("checksum".into(), checksum.as_str().into());
    result.insert("md5sum".into(), Algorithm::Md5.of_file(source)?.into());
    if let Some(there) = &there {
        if there.is_dir() {
            return Err(Failure::new(format!("Destination {dest} is a directory")));
        }
        let same = there.is_file() && Algorithm::Sha1.of_file(&place).is_ok_and(|sum| sum == checksum);
        if same {
            let differences = attributes
                .differences(host, &place, false)
                .map_err(|failure| attributes::failure_at(host, &dest, "path", failure))?;
            attributes::describe(host, &place, &mut result);
            if differences.is_empty() {
                return Ok(Plan::Unchanged { result });
            }
            let todo = Todo::Attributes { path: dest, attributes };
            return Ok(Plan::Change { todo, diff: Vec::new(), result });
        }
    }
    let create = (directory && !place.parent().is_some_and(Path::is_dir))
        .then(|| args.directory_attributes(host))
        .transpose()?;
    if create.is_none() {
        check_directory(&dest, attributes.unsafe_writes)?;
    }
    if there.is_some() {
        attributes::describe(host, &place, &mut result);
    }
    let todo = Todo::File(FileTodo {
        path: place,
        content: Source::File(src.into()),
        size: None,
        directories: create,
        attributes,
        backup: args.backup,
        validate: args.validate.clone(),
        result: result.clone(),
    });
    Ok(Plan::Change { todo, diff: Vec::new(), result })
}

/// A directory: its content if `src` ends in a slash, else the directory itself, into the destination. Owner and
/// group go to everything, the mode to the top alone; all the rest keep the modes of their sources.
fn plan_directory(
    args: &Args,
    host: &Probe,
    src: &str,
    attributes: Attributes,
) -> Result<Plan<Todo>, Failure> {
    let mut dest = host.path(&args.dest);
    let there = Path::new(&dest);
    if there.exists() && !there.is_dir() {
        let msg =
            format!("cannot copy recursively the src '{src}' to '{dest}'; destination is not a directory");
        return Err(Failure::new(msg));
    }
    let new = (!there.exists()).then(|| there.to_owned());
    let root = if src.ends_with('/') { there.to_owned() } else { there.join(path::basename(src)) };
    if new.is_none() {
        dest =
            root.to_string_lossy().into_owned() + if root == there && dest.ends_with('/') { "/" } else { "" };
    }
    let owned = FileArgs { mode: None, attributes: None, ..args.file_args() }.resolve(host)?;
    let mut steps = Vec::new();
    let follow = args.local_follow == Some(true);
    if let Some(new) = new.as_ref().filter(|new| **new != root) {
        steps.push(Step::Directory { path: new.clone(), mode: None });
    }
    walk(host, Path::new(src), &root, follow, args.force, &owned, &mut steps)?;
    if root.is_dir() {
        let top = Attributes { owner: None, group: None, ..attributes.clone() };
        if !top.differences(host, &root, false)?.is_empty() {
            steps.push(Step::Attributes { path: root.clone(), attributes: top });
        }
    } else if !attributes.is_empty() {
        // Ansible gives the mode to the destination when it makes it, and to the directory in it when it comes
        // again; both at once, and there is nothing left to do the second time.
        for path in new.iter().chain([&root]) {
            steps.push(Step::Attributes { path: path.clone(), attributes: attributes.clone() });
        }
    }
    let described = new.unwrap_or_else(|| root.clone());
    let mut result = Map::new();
    result.insert("src".into(), src.into());
    result.insert("dest".into(), dest.into());
    result.insert("checksum".into(), Value::Null);
    result.insert("md5sum".into(), Value::Null);
    attributes::describe(host, &described, &mut result);
    if steps.is_empty() {
        return Ok(Plan::Unchanged { result });
    }
    let todo = tree::Todo {
        steps,
        attributes: owned.clone(),
        directories: owned,
        backup: args.backup,
        validate: args.validate.clone(),
        describe: Some(described),
    };
    Ok(Plan::Change { todo: Todo::Tree(todo), diff: Vec::new(), result })
}

fn walk(
    host: &Probe,
    from: &Path,
    to: &Path,
    follow: bool,
    force: bool,
    owned: &Attributes,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(format!("cannot read {}: {}", from.display(), crate::modules::kit::os_error(&error)))
    };
    let found = attributes::metadata(from, follow).map_err(cannot)?;
    let there = file::metadata(to, false);
    if found.is_symlink() && !from.as_os_str().to_string_lossy().ends_with('/') {
        let target = std::fs::read_link(from).map_err(cannot)?;
        if std::fs::read_link(to).ok().as_ref() != Some(&target) && (force || there.is_none()) {
            steps.push(Step::Link { path: to.to_owned(), target });
        }
        return Ok(());
    }
    if std::fs::metadata(from).map_err(cannot)?.is_dir() {
        let mode = found.mode() & 0o7777;
        match there {
            None => steps.push(Step::Directory { path: to.to_owned(), mode: Some(mode) }),
            Some(_) => attributes_of(host, to, owned, steps)?,
        }
        let mut entries: Vec<_> = std::fs::read_dir(from).map_err(cannot)?.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            // Copying a directory into itself would never end.
            if entry.path() != to {
                walk(host, &entry.path(), &to.join(entry.file_name()), follow, force, owned, steps)?;
            }
        }
        return Ok(());
    }
    if !found.is_file() {
        return Ok(());
    }
    match there {
        Some(_) if !force => return Ok(()),
        Some(there)
            if there.is_file()
                && there.len() == found.len()
                && Algorithm::Sha1.of_file(to)? == Algorithm::Sha1.of_file(from)? =>
        {
            return attributes_of(host, to, owned, steps);
        }
        _ => {}
    }
    let mode = Some(mode::ModeArg::Bits(found.mode() & 0o7777));
    let attributes = Attributes { mode, ..owned.clone() };
    let content = Source::File(from.to_owned());
    steps.push(Step::File { path: to.to_owned(), content, size: None, attributes: Some(attributes) });
    Ok(())
}

fn attributes_of(
    host: &Probe,
    path: &Path,
    wanted: &Attributes,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    if !wanted.differences(host, path, false)?.is_empty() {
        steps.push(Step::Attributes { path: path.to_owned(), attributes: wanted.clone() });
    }
    Ok(())
}
