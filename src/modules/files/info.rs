//! What `stat` and `find` tell of a file.

use crate::modules::kit::{Probe, users};
use crate::value::{Map, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// Names of users and groups, each looked up once.
pub(super) struct Names<'p> {
    host: &'p Probe<'p>,
    users: RefCell<HashMap<u32, Option<String>>>,
    groups: RefCell<HashMap<u32, Option<String>>>,
}

impl<'p> Names<'p> {
    pub(super) fn new(host: &'p Probe<'p>) -> Self {
        Self { host, users: RefCell::default(), groups: RefCell::default() }
    }

    fn user(&self, uid: u32) -> Option<String> {
        let find = || users::user_by_id(self.host, uid).map(|user| user.name);
        self.users.borrow_mut().entry(uid).or_insert_with(find).clone()
    }

    fn group(&self, gid: u32) -> Option<String> {
        let find = || users::group_by_id(self.host, gid).map(|group| group.name);
        self.groups.borrow_mut().entry(gid).or_insert_with(find).clone()
    }
}

const PERMISSIONS: [(&str, u32); 11] = [
    ("wusr", 0o200),
    ("rusr", 0o400),
    ("xusr", 0o100),
    ("wgrp", 0o020),
    ("rgrp", 0o040),
    ("xgrp", 0o010),
    ("woth", 0o002),
    ("roth", 0o004),
    ("xoth", 0o001),
    ("isuid", 0o4000),
    ("isgid", 0o2000),
];

/// The members that both modules have.
pub(super) fn members(names: &Names, found: &Metadata) -> Map {
    let mut map = Map::new();
    let mut set = |key: &str, value: Value| map.insert(key.into(), value);
    let (kind, mode) = (found.file_type(), found.mode());
    set("mode", format!("{:04o}", mode & 0o7777).into());
    set("isdir", kind.is_dir().into());
    set("ischr", kind.is_char_device().into());
    set("isblk", kind.is_block_device().into());
    set("isreg", kind.is_file().into());
    set("isfifo", kind.is_fifo().into());
    set("islnk", kind.is_symlink().into());
    set("issock", kind.is_socket().into());
    set("uid", found.uid().into());
    set("gid", found.gid().into());
    set("size", found.size().into());
    set("inode", found.ino().into());
    set("dev", found.dev().into());
    set("nlink", found.nlink().into());
    set("atime", seconds(found.atime(), found.atime_nsec()));
    set("mtime", seconds(found.mtime(), found.mtime_nsec()));
    set("ctime", seconds(found.ctime(), found.ctime_nsec()));
    for (name, bit) in PERMISSIONS {
        set(name, (mode & bit != 0).into());
    }
    if let Some(name) = names.user(found.uid()) {
        set("pw_name", name.into());
    }
    if let Some(name) = names.group(found.gid()) {
        set("gr_name", name.into());
    }
    map
}

/// Python's number of seconds: the same rounding.
fn seconds(whole: i64, nanoseconds: i64) -> Value {
    Value::Float(whole as f64 + 1e-9 * nanoseconds as f64)
}
