//! Users and groups of the host, from the files in `/etc`, else from `getent`: the helper is static, and a
//! static program has no name service switch.

use super::{Command, Probe};
use std::path::PathBuf;

/// A line of the user database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// The comment field.
    pub gecos: String,
    pub home: String,
    pub shell: String,
}

/// A line of the group database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

impl User {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        fields.next()?;
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        let mut text = || fields.next().unwrap_or_default().to_owned();
        Some(Self { name, uid, gid, gecos: text(), home: text(), shell: text() })
    }
}

impl Group {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        fields.next()?;
        let gid = fields.next()?.parse().ok()?;
        let members = fields.next().unwrap_or_default();
        let members = members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect();
        Some(Self { name, gid, members })
    }
}

/// The user of that name.
pub fn user_by_name(host: &Probe, name: &str) -> Option<User> {
    lookup(host, "passwd", name, User::parse, |user| user.name == name)
}

/// The user of that number.
pub fn user_by_id(host: &Probe, uid: u32) -> Option<User> {
    lookup(host, "passwd", &uid.to_string(), User::parse, |user| user.uid == uid)
}

/// The group of that name.
pub fn group_by_name(host: &Probe, name: &str) -> Option<Group> {
    lookup(host, "group", name, Group::parse, |group| group.name == name)
}

/// The group of that number.
pub fn group_by_id(host: &Probe, gid: u32) -> Option<Group> {
    lookup(host, "group", &gid.to_string(), Group::parse, |group| group.gid == gid)
}

fn lookup<T>(
    host: &Probe,
    database: &str,
    key: &str,
    parse: fn(&str) -> Option<T>,
    wanted: impl Fn(&T) -> bool,
) -> Option<T> {
    let file = std::fs::read(format!("/etc/{database}")).unwrap_or_default();
    let found = |text: &str| text.lines().filter_map(parse).find(&wanted);
    if let Some(entry) = found(&String::from_utf8_lossy(&file)) {
        return Some(entry);
    }
    // A key that could be taken for an option, or for no key at all, is no name of anybody.
    if key.is_empty() || key.starts_with('-') || !has_other_sources(database) {
        return None;
    }
    let output = host.query(&Command::new(["getent", database, key])).ok()?;
    found(&output.stdout())
}

/// Whether the host asks anything but files for `database`: a process is not started in vain.
fn has_other_sources(database: &str) -> bool {
    let Ok(text) = std::fs::read_to_string("/etc/nsswitch.conf") else { return false };
    text.lines()
        .filter_map(|line| line.split('#').next().unwrap_or_default().split_once(':'))
        .filter(|(name, _)| name.trim() == database)
        .flat_map(|(_, sources)| sources.split_whitespace())
        .any(|source| !source.starts_with('[') && source != "files")
}

/// The home directory of a user (`None`: of the one the helper runs as, `HOME` first).
pub fn home(host: &Probe, name: Option<&str>) -> Option<PathBuf> {
    match name {
        Some(name) => user_by_name(host, name).map(|user| user.home.into()),
        None => match host.variable("HOME").filter(|home| !home.is_empty()) {
            Some(home) => Some(home.into()),
            None => user_by_id(host, rustix::process::getuid().as_raw()).map(|user| user.home.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let user = User::parse("www:x:33:34:Web,,,:/var/www:/bin/sh").expect("a whole line");
        assert_eq!((user.uid, user.gid, user.home.as_str()), (33, 34, "/var/www"));
        let group = Group::parse("adm:x:4:syslog,ada").expect("a whole line");
        assert_eq!(group.members, ["syslog", "ada"]);
        assert_eq!(Group::parse("adm:x:4:").map(|g| g.members.len()), Some(0));
        assert_eq!(User::parse("+::::::"), None);
    }
}
