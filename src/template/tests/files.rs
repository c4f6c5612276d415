//! Tests of files on the control machine.

use crate::template::context::expand_home;
use crate::template::eval::Call;
use crate::template::object::{Res, failed};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

fn path(c: &Call) -> Res<PathBuf> {
    Ok(expand_home(&c.path()?))
}

/// Follows links.
pub fn kind(c: &Call, test: fn(&Metadata) -> bool) -> Res<bool> {
    Ok(fs::metadata(path(c)?).is_ok_and(|meta| test(&meta)))
}

pub fn link(c: &mut Call) -> Res<bool> {
    Ok(fs::symlink_metadata(path(c)?).is_ok_and(|meta| meta.is_symlink()))
}

pub fn link_exists(c: &mut Call) -> Res<bool> {
    Ok(fs::symlink_metadata(path(c)?).is_ok())
}

/// A folder on another device than its parent, or the root.
pub fn mount(c: &mut Call) -> Res<bool> {
    let path = path(c)?;
    let Ok(here) = fs::symlink_metadata(&path) else { return Ok(false) };
    if here.is_symlink() {
        return Ok(false);
    }
    let parent = fs::canonicalize(path.join("..")).and_then(fs::metadata);
    Ok(parent.is_ok_and(|parent| parent.dev() != here.dev() || parent.ino() == here.ino()))
}

pub fn same_file(c: &mut Call) -> Res<bool> {
    let other = c.text_or(0, "")?;
    let id = |path: PathBuf| {
        fs::metadata(&path)
            .map(|meta| (meta.dev(), meta.ino()))
            .map_err(|error| failed(format!("{error}: '{}'", path.display())))
    };
    Ok(id(path(c)?)? == id(expand_home(&other))?)
}

pub fn vaulted(c: &mut Call) -> Res<bool> {
    let path = path(c)?;
    let head = fs::read(&path).map_err(|error| failed(format!("{error}: '{}'", path.display())))?;
    Ok(head.starts_with(b"$ANSIBLE_VAULT;"))
}
