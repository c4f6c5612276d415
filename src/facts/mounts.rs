//! Mounted file systems.

use super::Facts;
use super::read::{link_name, names, text};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

pub fn facts() -> Facts {
    let table = text("/etc/mtab").or_else(|| text("/proc/mounts")).unwrap_or_default();
    let binds = bind_mounts(&text("/proc/self/mountinfo").unwrap_or_default());
    let uuids: BTreeMap<String, String> = names("/dev/disk/by-uuid")
        .into_iter()
        .filter_map(|uuid| Some((link_name(format!("/dev/disk/by-uuid/{uuid}"))?, uuid)))
        .collect();
    let mut facts = Facts::new();
    let mounts: Vec<Value> = parse(&table).into_iter().map(|mount| mount.facts(&binds, &uuids)).collect();
    facts.set("mounts", mounts);
    facts
}

#[derive(Debug, PartialEq)]
struct Mount {
    device: String,
    point: String,
    kind: String,
    options: String,
    dump: i64,
    pass: i64,
}

/// The mounts of devices and of network shares.
fn parse(table: &str) -> Vec<Mount> {
    table
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().map(unescape);
            let mut next = || words.next();
            Some(Mount {
                device: next()?,
                point: next()?,
                kind: next()?,
                options: next()?,
                dump: next().and_then(|n| n.parse().ok()).unwrap_or(0),
                pass: next().and_then(|n| n.parse().ok()).unwrap_or(0),
            })
        })
        .filter(|mount| {
            mount.kind != "none" && (mount.device.starts_with(['/', '\\']) || mount.device.contains(":/"))
        })
        .collect()
}

/// Mount points that show a part of a file system only.
fn bind_mounts(mountinfo: &str) -> BTreeSet<String> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let (root, point) = (*words.get(3)?, *words.get(4)?);
            let separator = words.iter().position(|word| *word == "-")?;
            let device = words.get(separator + 2)?;
            (root != "/" && device.starts_with('/')).then(|| unescape(point))
        })
        .collect()
}

/// `\040` is a space in the kernel's tables.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes.get(at + 1..at + 4).filter(|_| bytes[at] == b'\\');
        let value = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        out.push(value.unwrap_or(bytes[at]));
        at += if value.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Mount {
    fn facts(&self, binds: &BTreeSet<String>, uuids: &BTreeMap<String, String>) -> Value {
        let mut options = self.options.clone();
        if binds.contains(&self.point) && !options.split(',').any(|option| option == "bind") {
            options.push_str(",bind");
        }
        let device = std::fs::canonicalize(&self.device).ok();
        let name = device
            .as_deref()
            .and_then(|path| path.file_name())
            .map(|name| name.to_string_lossy().into_owned());
        let uuid = name.and_then(|name| uuids.get(&name)).map_or("N/A", String::as_str);
        let mut pairs: Vec<(&str, Value)> = vec![
            ("mount", self.point.as_str().into()),
            ("device", self.device.as_str().into()),
            ("fstype", self.kind.as_str().into()),
            ("options", options.into()),
            ("dump", self.dump.into()),
            ("passno", self.pass.into()),
        ];
        if let Ok(fs) = rustix::fs::statvfs(self.point.as_str()) {
            pairs.extend([
                ("size_total", (fs.f_frsize * fs.f_blocks).into()),
                ("size_available", (fs.f_frsize * fs.f_bavail).into()),
                ("block_size", fs.f_bsize.into()),
                ("block_total", fs.f_blocks.into()),
                ("block_available", fs.f_bavail.into()),
                ("block_used", (fs.f_blocks - fs.f_bavail).into()),
                ("inode_total", fs.f_files.into()),
                ("inode_available", fs.f_favail.into()),
                ("inode_used", (fs.f_files - fs.f_favail).into()),
            ]);
        }
        pairs.push(("uuid", uuid.into()));
        Value::object(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_shares_are_mounts() {
        let table =
            "proc /proc proc rw 0 0\n/dev/vda1 /mnt/a\\040b ext4 rw,relatime 0 1\nnas:/x /x nfs4 rw 0 0\n";
        let mounts = parse(table);
        let points: Vec<&str> = mounts.iter().map(|m| m.point.as_str()).collect();
        assert_eq!(points, ["/mnt/a b", "/x"]);
        assert_eq!(mounts[0].pass, 1);
    }

    #[test]
    fn parts_of_file_systems_are_binds() {
        let info = "22 1 254:0 / / rw - ext4 /dev/vda rw\n40 22 254:0 /srv /mnt/s rw shared:1 - ext4 /dev/vda rw\n41 22 0:4 mnt:[1] /run/netns/x rw - nsfs nsfs rw\n";
        assert_eq!(bind_mounts(info).into_iter().collect::<Vec<_>>(), ["/mnt/s"]);
    }
}
