//! Paths as arguments give them, and the questions modules ask about them.

use super::{Probe, users};
use std::path::{Component, Path, PathBuf};

/// Replaces `$NAME` and `${NAME}` (unknown ones stay) and a leading `~` or `~user`, as Ansible does for every
/// argument that is a path.
pub fn expand(host: &Probe, text: &str) -> String {
    let text = expand_variables(host, text);
    let Some(rest) = text.strip_prefix('~') else { return text };
    let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match users::home(host, Some(user).filter(|user| !user.is_empty())) {
        Some(home) => {
            let home = home.to_string_lossy();
            let joined = format!("{}{rest}", home.trim_end_matches('/'));
            if joined.is_empty() { "/".into() } else { joined }
        }
        None => text,
    }
}

fn expand_variables(host: &Probe, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        let (name, length) = match after.strip_prefix('{') {
            Some(braced) => match braced.find('}') {
                Some(end) => (&braced[..end], end + 2),
                None => ("", 0),
            },
            None => {
                let end =
                    after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        match host.variable(name) {
            Some(value) if !name.is_empty() => out.push_str(&value),
            _ => out.push_str(&rest[start..=start + length]),
        }
        rest = &after[length..];
    }
    out.push_str(rest);
    out
}

/// The path with `.`, `..` and doubled slashes resolved in the text (links are not looked at).
pub fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir) => {}
                _ => out.push(".."),
            },
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { ".".into() } else { out }
}

/// The path with all links resolved as far as it exists; what does not exist is kept as it is.
pub fn real(path: &Path) -> PathBuf {
    resolve(path, 0)
}

/// More links than this in a row are a loop (the kernel's own limit).
const MAX_LINKS: u32 = 40;

fn resolve(path: &Path, depth: u32) -> PathBuf {
    if let Ok(real) = std::fs::canonicalize(path) {
        return real;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return normalize(&absolute);
    };
    let here = resolve(parent, depth).join(name);
    match std::fs::read_link(&here) {
        Ok(target) if depth < MAX_LINKS => {
            resolve(&here.parent().unwrap_or(Path::new("/")).join(target), depth + 1)
        }
        _ => here,
    }
}

/// The directory part: all before the last slash, as Python's `os.path.dirname` has it (`a` has none).
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        None => "",
        Some(at) => {
            let trimmed = path[..at].trim_end_matches('/');
            if trimmed.is_empty() { "/" } else { trimmed }
        }
    }
}

/// What follows the last slash (nothing, for a path that ends in one).
pub fn basename(path: &str) -> &str {
    &path[path.rfind('/').map_or(0, |at| at + 1)..]
}

/// Puts `name` after `directory`; an absolute `name` stands for itself.
pub fn join(directory: &str, name: &str) -> String {
    if name.starts_with('/') || directory.is_empty() {
        name.to_owned()
    } else if directory.ends_with('/') {
        format!("{directory}{name}")
    } else {
        format!("{directory}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_paths() {
        assert_eq!(normalize(Path::new("/a/./b//../c")), Path::new("/a/c"));
        assert_eq!(normalize(Path::new("../x/..")), Path::new(".."));
        assert_eq!((parent("/a/b"), parent("/a/b/"), parent("/a"), parent("a")), ("/a", "/a/b", "/", ""));
        assert_eq!((basename("/a/b"), basename("/a/b/"), basename("a")), ("b", "", "a"));
        assert_eq!(join("/a/", "b"), "/a/b");
        assert_eq!(join("/a", "/b"), "/b");
    }

    #[test]
    fn links_are_followed_as_far_as_they_go() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = std::fs::canonicalize(dir.path()).expect("it exists");
        std::os::unix::fs::symlink("gone/deep", root.join("l")).expect("a link");
        std::os::unix::fs::symlink("loop", root.join("loop")).expect("a link");
        assert_eq!(real(&root.join("l")), root.join("gone/deep"));
        assert_eq!(real(&root.join("no/file")), root.join("no/file"));
        assert_eq!(real(&root.join("loop")), root.join("loop"));
    }
}
