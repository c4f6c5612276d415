//! Odds and ends of storage and uptime.

use super::read::{line, names, text};
use super::{Facts, Sources, packages};
use crate::modules::kit::Command;
use crate::value::{Map, Value};

pub fn uptime() -> Facts {
    let mut facts = Facts::new();
    let seconds = line("/proc/uptime").and_then(|text| text.split('.').next()?.parse::<i64>().ok());
    if let Some(seconds) = seconds {
        facts.set("uptime_seconds", seconds);
    }
    facts
}

pub fn iscsi() -> Facts {
    let mut facts = Facts::new();
    let file = text("/etc/iscsi/initiatorname.iscsi").unwrap_or_default();
    let name = file.lines().find_map(|line| line.trim().strip_prefix("InitiatorName="));
    facts.set("iscsi_iqn", name.unwrap_or_default());
    facts
}

pub fn nvme() -> Facts {
    let mut facts = Facts::new();
    let file = text("/etc/nvme/hostnqn").unwrap_or_default();
    facts.set(
        "hostnqn",
        file.lines().map(str::trim).find(|line| line.starts_with("nqn.")).unwrap_or_default(),
    );
    facts
}

pub fn fibre_channel() -> Facts {
    let ports = names("/sys/class/fc_host");
    let wwns: Vec<String> = ports
        .iter()
        .filter_map(|port| line(format!("/sys/class/fc_host/{port}/port_name")))
        .map(|name| name.trim_start_matches("0x").to_owned())
        .collect();
    let mut facts = Facts::new();
    facts.set("fibre_channel_wwn", wwns);
    facts
}

/// Volume groups and volumes. The tools are slow, so they are asked only where there are volumes.
pub fn lvm(sources: &Sources) -> Facts {
    let mut facts = Facts::new();
    if !rustix::process::getuid().is_root() || packages::program("vgs").is_none() {
        facts.set("lvm", "N/A");
        return facts;
    }
    let mut groups = (Map::new(), Map::new(), Map::new());
    let signs = names("/sys/block").iter().any(|name| name.starts_with("dm-"));
    if signs || !names("/run/lvm/pvs_online").is_empty() || !names("/etc/lvm/backup").is_empty() {
        let rows = |program: &str| -> Vec<Vec<String>> {
            let command =
                Command::new([program, "--noheadings", "--nosuffix", "--units", "g", "--separator", ","]);
            let output = sources.probe.query(&command).map(|output| output.stdout()).unwrap_or_default();
            output.lines().map(|line| line.trim().split(',').map(str::to_owned).collect()).collect()
        };
        let field = |row: &[String], n: usize| Value::str(row.get(n).map_or("", String::as_str));
        for row in rows("vgs").iter().filter(|row| row.len() > 6) {
            let entry = [("size_g", 5), ("free_g", 6), ("num_lvs", 2), ("num_pvs", 1)];
            groups.0.insert(field(row, 0), Value::object(entry.map(|(key, n)| (key, field(row, n)))));
        }
        for row in rows("lvs").iter().filter(|row| row.len() > 3) {
            groups.1.insert(field(row, 0), Value::object([("size_g", field(row, 3)), ("vg", field(row, 1))]));
        }
        for row in rows("pvs").iter().filter(|row| row.len() > 5) {
            let entry = [("size_g", 4), ("free_g", 5), ("vg", 1)];
            groups.2.insert(field(row, 0), Value::object(entry.map(|(key, n)| (key, field(row, n)))));
        }
    }
    facts.set("lvm", Value::object([("vgs", groups.0), ("lvs", groups.1), ("pvs", groups.2)]));
    facts
}
