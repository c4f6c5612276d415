//! The service manager, and whether we are in a change-root.

use super::read::{line, link_name};
use super::{Facts, Sources, packages};
use crate::modules::kit::Command;
use crate::value::Value;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What starts the services here: `systemd`, `openrc`, `sysvinit`, `upstart`, `runit`, … or the name of the first
/// process.
pub fn manager() -> String {
    let first = line("/proc/1/comm").unwrap_or_default();
    let named = match first.as_str() {
        "procd" => Some("openwrt_init"),
        "runit-init" => Some("runit"),
        "svscan" => Some("svc"),
        "openrc-init" => Some("openrc"),
        "" | "COMMAND" | "init" => None,
        other if other.ends_with("sh") => None,
        other => Some(other),
    };
    if let Some(name) = named {
        return name.to_owned();
    }
    let exists = |path: &str| Path::new(path).exists();
    let is_systemd_link = || link_name("/sbin/init").as_deref() == Some("systemd");
    if runs_systemd() || is_systemd_link() {
        "systemd"
    } else if exists("/sbin/initctl") && exists("/etc/init") {
        "upstart"
    } else if exists("/sbin/openrc") {
        "openrc"
    } else if exists("/etc/init.d") {
        "sysvinit"
    } else if exists("/etc/dinit.d") {
        "dinit"
    } else {
        "service"
    }
    .to_owned()
}

/// Whether systemd runs the host (what `sd_booted` asks).
pub fn runs_systemd() -> bool {
    let canaries = ["/run/systemd/system", "/dev/.run/systemd", "/dev/.systemd"];
    packages::program("systemctl").is_some() && canaries.iter().any(|path| Path::new(path).exists())
}

pub fn facts() -> Facts {
    let mut facts = Facts::new();
    facts.set("service_mgr", manager());
    facts
}

/// `systemd`: version and features, where it runs.
pub fn systemd(sources: &Sources) -> Facts {
    let mut facts = Facts::new();
    if !runs_systemd() {
        return facts;
    }
    let Ok(output) = sources.probe.query(&Command::new(["systemctl", "--version"])) else { return facts };
    if let Some(version) = version(&output.stdout()) {
        facts.set("systemd", version);
    }
    facts
}

/// `systemd 252 (252.39-1~deb12u1)`, then a line of features.
fn version(text: &str) -> Option<Value> {
    let mut lines = text.lines();
    let number = lines.next()?.split_whitespace().nth(1)?.parse::<i64>().ok()?;
    Some(Value::object([("features", Value::str(lines.next()?)), ("version", number.into())]))
}

pub fn chroot() -> Facts {
    let mut facts = Facts::new();
    facts.set("is_chroot", is_chroot());
    facts
}

fn is_chroot() -> bool {
    if std::env::var_os("debian_chroot").is_some() {
        return true;
    }
    let Ok(own) = std::fs::metadata("/") else { return false };
    match std::fs::metadata("/proc/1/root/.") {
        Ok(first) => own.ino() != first.ino() || own.dev() != first.dev(),
        // Not ours to look at: the inode of a root that is one.
        Err(_) => {
            let usual = match rustix::fs::statfs("/").map(|fs| fs.f_type as u64) {
                Ok(0x9123_683e) => 256,
                Ok(0x5846_5342) => 128,
                _ => 2,
            };
            own.ino() != usual
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let value = version("systemd 252 (252.39-1~deb12u1)\n+PAM +AUDIT\n").expect("a version");
        assert_eq!(value.get("version"), Some(&Value::Int(252)));
        assert_eq!(value.get("features"), Some(&"+PAM +AUDIT".into()));
        assert_eq!(version("no such thing"), None);
    }
}
