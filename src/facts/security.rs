//! SELinux, AppArmor, capabilities, FIPS mode.

use super::Facts;
use super::read::{line, pairs, text};
use crate::value::{Map, Value};
use std::path::Path;

pub fn apparmor() -> Facts {
    let mut facts = Facts::new();
    let status = if Path::new("/sys/kernel/security/apparmor").exists() { "enabled" } else { "disabled" };
    facts.set("apparmor", Value::object([("status", status)]));
    facts
}

pub fn fips() -> Facts {
    let mut facts = Facts::new();
    facts.set("fips", line("/proc/sys/crypto/fips_enabled").as_deref() == Some("1"));
    facts
}

pub fn selinux() -> Facts {
    let mut found = Map::new();
    let mut set = |key: &str, value: &str| found.insert(key.into(), value.into());
    match line("/sys/fs/selinux/enforce") {
        None => {
            set("status", "disabled");
        }
        Some(enforce) => {
            let config = text("/etc/selinux/config").map(|text| pairs(&text)).unwrap_or_default();
            let of = |key: &str| config.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
            set("status", "enabled");
            set("policyvers", line("/sys/fs/selinux/policyvers").as_deref().unwrap_or("unknown"));
            set("config_mode", of("SELINUX").unwrap_or("unknown"));
            set("mode", if enforce == "1" { "enforcing" } else { "permissive" });
            set("type", of("SELINUXTYPE").unwrap_or("unknown"));
        }
    }
    let mut facts = Facts::new();
    facts.set("selinux", found);
    facts.set("selinux_python_present", true);
    facts
}

/// The names of capabilities, by number (`linux/capability.h`).
const CAPABILITIES: &[&str] = &[
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// What `capsh --print` calls the current capabilities, where there is a `capsh` (Ansible asks it).
pub fn capabilities() -> Facts {
    let mut facts = Facts::new();
    if super::packages::program("capsh").is_none() {
        return facts;
    }
    let status = text("/proc/self/status").unwrap_or_default();
    let set = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
    };
    let last = line("/proc/sys/kernel/cap_last_cap").and_then(|text| text.parse::<u32>().ok()).unwrap_or(40);
    let all = u64::MAX >> (63 - last.min(63));
    let (enforced, list) = enforced(set("CapEff:") & all, all);
    facts.set("system_capabilities_enforced", enforced);
    facts.set("system_capabilities", list);
    facts
}

fn enforced(effective: u64, all: u64) -> (&'static str, Vec<String>) {
    if effective == all {
        return ("False", Vec::new());
    }
    let name = |n: usize| CAPABILITIES.get(n).map_or_else(|| n.to_string(), |name| format!("cap_{name}"));
    let missing: Vec<String> = (0..64).filter(|n| (all & !effective) >> n & 1 == 1).map(name).collect();
    if effective.count_ones() * 2 > all.count_ones() {
        let text = format!("ep {}-ep", missing.join(","));
        return ("True", text.split(',').map(str::to_owned).collect());
    }
    let text = if effective == 0 { "" } else { "ep" };
    ("True", vec![text.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_named_as_capsh_does() {
        let all = 0x1ff_ffff_ffff;
        assert_eq!(enforced(all, all), ("False", vec![]));
        assert_eq!(enforced(0x1ff_feff_ffff, all).1, ["ep cap_sys_resource-ep"]);
        assert_eq!(enforced(0x1ff_feff_fffe, all).1, ["ep cap_chown", "cap_sys_resource-ep"]);
        assert_eq!(enforced(0, all).1, [""]);
    }
}
