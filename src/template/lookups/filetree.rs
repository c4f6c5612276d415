//! `community.general.filetree`: everything below folders, with its attributes.

use super::Lookup;
use crate::template::object::{Res, V, failed};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Entries of the first folder win over those of the same path in later ones.
pub fn filetree(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut found: Vec<(String, V)> = Vec::new();
    let accounts = Accounts::read();
    for term in lookup.texts()? {
        let Some(root) = lookup.eval.ctx.candidates("files", &term).into_iter().find(|path| path.is_dir())
        else {
            continue;
        };
        walk(&root, "", &accounts, &mut found)?;
    }
    Ok(found.into_iter().map(|(_, entry)| entry).collect())
}

/// The folders of a folder, then its files, by name; then what is in each of its folders.
fn walk(root: &Path, below: &str, accounts: &Accounts, found: &mut Vec<(String, V)>) -> Res<()> {
    crate::template::eval::check_stack()?;
    let Ok(entries) = fs::read_dir(root.join(below)) else { return Ok(()) };
    let mut names: Vec<(bool, String)> = entries
        .flatten()
        .map(|entry| (!entry.path().is_dir(), entry.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    let path_of = |name: &str| if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
    for (_, name) in &names {
        let path = path_of(name);
        if !found.iter().any(|(known, _)| *known == path) {
            let entry = describe(root, &path, accounts)?;
            found.push((path, entry));
        }
    }
    for (is_file, name) in &names {
        let path = path_of(name);
        if !is_file && !root.join(&path).is_symlink() {
            walk(root, &path, accounts, found)?;
        }
    }
    Ok(())
}

fn describe(root: &Path, path: &str, accounts: &Accounts) -> Res<V> {
    let full = root.join(path);
    let data = fs::symlink_metadata(&full)
        .map_err(|error| failed(format!("cannot read {}: {error}", full.display())))?;
    let time = |seconds: i64, nanoseconds: i64| V::Float(seconds as f64 + nanoseconds as f64 / 1e9);
    let kind = data.file_type();
    let (state, src) = if kind.is_dir() {
        ("directory", None)
    } else if kind.is_symlink() {
        let target = fs::read_link(&full).map_err(|error| failed(error.to_string()))?;
        ("link", Some(target.to_string_lossy().into_owned()))
    } else {
        ("file", Some(full.to_string_lossy().into_owned()))
    };
    let mut members = vec![
        ("root", V::str(root.to_string_lossy())),
        ("path", V::str(path)),
        ("state", V::str(state)),
        ("uid", V::Int(data.uid().into())),
        ("gid", V::Int(data.gid().into())),
        ("owner", accounts.user(data.uid())),
        ("group", accounts.group(data.gid())),
        ("mode", V::from(format!("0{:o}", data.mode() & 0o7777))),
        ("size", V::Int(i64::try_from(data.size()).unwrap_or(i64::MAX))),
        ("mtime", time(data.mtime(), data.mtime_nsec())),
        ("ctime", time(data.ctime(), data.ctime_nsec())),
    ];
    members.extend(src.map(|src| ("src", V::from(src))));
    Ok(V::dict(members.into_iter().map(|(name, value)| (name.into(), value)).collect()))
}

/// The names of users and groups of the control machine.
struct Accounts {
    users: String,
    groups: String,
}

impl Accounts {
    fn read() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self { users: read("/etc/passwd"), groups: read("/etc/group") }
    }

    fn user(&self, id: u32) -> V {
        named(&self.users, id)
    }

    fn group(&self, id: u32) -> V {
        named(&self.groups, id)
    }
}

/// The name of a number; the number where it has none.
fn named(lines: &str, id: u32) -> V {
    let name = lines.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then_some(name)
    });
    name.map_or(V::Int(id.into()), V::str)
}
