//! Mounted file systems.

use super::read::{link_name, names, text};
use super::{Facts, Sources};
use crate::value::Value;
use rustix::fs::StatVfs;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::Duration;

/// A file system whose server is gone answers nothing, for ever; it is left out of the sizes.
pub fn facts(sources: &Sources) -> Facts {
    let table = text("/etc/mtab").or_else(|| text("/proc/mounts")).unwrap_or_default();
    let binds = bind_mounts(&text("/proc/self/mountinfo").unwrap_or_default());
    let uuids: BTreeMap<String, String> = names("/dev/disk/by-uuid")
        .into_iter()
        .filter_map(|uuid| Some((link_name(format!("/dev/disk/by-uuid/{uuid}"))?, uuid)))
        .collect();
    let mut facts = Facts::new();
    let mounts = parse(&table).into_iter().map(|mount| {
        let size = within(sources.timeout, &mount.point, |point| rustix::fs::statvfs(point).ok());
        if size.is_none() {
            sources.probe.warn(format!("Timeout exceeded when getting mount info for {}", mount.point));
        }
        mount.facts(&binds, &uuids, size)
    });
    facts.set("mounts", mounts.collect::<Vec<Value>>());
    facts
}

/// What `ask` says about `point`, unless it takes too long: then the asking thread is left behind.
fn within<T: Send + 'static>(
    limit: Duration,
    point: &str,
    ask: impl FnOnce(&str) -> T + Send + 'static,
) -> Option<T> {
    let (answer, answered) = mpsc::channel();
    let point = point.to_owned();
    // Nobody may be waiting for the answer any more.
    let asking = std::thread::Builder::new().spawn(move || drop(answer.send(ask(&point))));
    asking.ok()?;
    answered.recv_timeout(limit).ok()
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
    /// `size` is `None` if the file system did not answer in time, and holds `None` if it has no size.
    fn facts(
        &self,
        binds: &BTreeSet<String>,
        uuids: &BTreeMap<String, String>,
        size: Option<Option<StatVfs>>,
    ) -> Value {
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
        if size.is_none() {
            pairs.push(("note", "Could not get extra information due to timeout".into()));
        }
        if let Some(fs) = size.flatten() {
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
    fn a_file_system_that_does_not_answer_is_left_alone() {
        let (release, held) = mpsc::channel::<()>();
        assert_eq!(within(Duration::ZERO, "/dead", move |_| held.recv().is_ok()), None);
        drop(release);
        assert_eq!(within(Duration::from_secs(60), "/x", str::to_owned).as_deref(), Some("/x"));
        let mount = parse("nas:/x /x nfs4 rw 0 0").remove(0);
        let facts = mount.facts(&BTreeSet::new(), &BTreeMap::new(), None);
        assert_eq!(facts.get("note"), Some(&"Could not get extra information due to timeout".into()));
        assert!(facts.get("size_total").is_none());
    }

    #[test]
    fn parts_of_file_systems_are_binds() {
        let info = "22 1 254:0 / / rw - ext4 /dev/vda rw\n40 22 254:0 /srv /mnt/s rw shared:1 - ext4 /dev/vda rw\n41 22 0:4 mnt:[1] /run/netns/x rw - nsfs nsfs rw\n";
        assert_eq!(bind_mounts(info).into_iter().collect::<Vec<_>>(), ["/mnt/s"]);
    }
}
