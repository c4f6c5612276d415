//! Block devices, from `/sys/block` and the links under `/dev/disk`.

use super::Facts;
use super::read::{line, link_name, names};
use crate::value::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// Device name to the names that link to it.
type Links = BTreeMap<String, Vec<String>>;

pub fn facts() -> Facts {
    let ids = links("/dev/disk/by-id");
    let uuids = links("/dev/disk/by-uuid");
    let labels = links("/dev/disk/by-label");
    let masters = masters();
    let of = |device: &str| {
        Value::object([
            ("ids", list(&ids, device)),
            ("uuids", list(&uuids, device)),
            ("labels", list(&labels, device)),
            ("masters", list(&masters, device)),
        ])
    };
    let mut devices = Map::new();
    for name in names("/sys/block") {
        devices.insert(Value::str(&name), device(&name, &of));
    }
    let mut facts = Facts::new();
    facts.set("devices", devices);
    let whole = |links: &Links| Value::object(links.iter().map(|(k, v)| (k, v.clone())));
    facts.set(
        "device_links",
        Value::object([
            ("ids", whole(&ids)),
            ("uuids", whole(&uuids)),
            ("labels", whole(&labels)),
            ("masters", whole(&masters)),
        ]),
    );
    facts
}

fn links(directory: &str) -> Links {
    let mut found = Links::new();
    for name in names(directory) {
        if let Some(device) = link_name(Path::new(directory).join(&name)) {
            found.entry(device).or_default().push(name);
        }
    }
    found
}

/// Which devices are built on which (`dm-0` on `sda2`).
fn masters() -> Links {
    let mut found = Links::new();
    for name in names("/sys/block") {
        for slave in names(format!("/sys/block/{name}/slaves")) {
            found.entry(slave).or_default().push(name.clone());
        }
    }
    found
}

fn list(links: &Links, device: &str) -> Value {
    links.get(device).cloned().unwrap_or_default().into()
}

fn device(name: &str, links: &dyn Fn(&str) -> Value) -> Value {
    let path = Path::new("/sys/block").join(name);
    let text = |file: &str| line(path.join(file));
    let number = |file: &str| text(file).and_then(|text| text.parse::<u64>().ok());
    let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    let is_virtual = real.starts_with("/sys/devices/virtual");
    let sector_size = text("queue/logical_block_size").or_else(|| text("queue/hw_sector_size"));
    let sector_size = sector_size.unwrap_or_else(|| "512".into());
    let sectors = number("size").unwrap_or(0);
    let mut entry = Map::new();
    let mut set = |key: &str, value: Value| entry.insert(key.into(), value);
    set(
        "virtual",
        i64::from(
            is_virtual
                || !path.join("device").join("scsi_disk").exists() && !path.join("device/model").exists(),
        )
        .into(),
    );
    set("links", links(name));
    for (key, file) in [
        ("vendor", "device/vendor"),
        ("model", "device/model"),
        ("sas_address", "device/sas_address"),
        ("sas_device_handle", "device/sas_device_handle"),
    ] {
        set(key, text(file).into());
    }
    if let Some(value) = text("device/serial") {
        set("serial", value.into());
    }
    for (key, file) in [("removable", "removable"), ("support_discard", "queue/discard_granularity")] {
        if let Some(value) = text(file) {
            set(key, value.into());
        }
    }
    let mut partitions = Map::new();
    for part in names(&path).into_iter().filter(|part| part.starts_with(name)) {
        if let Some(entry) = partition(&path.join(&part), &part, links, &sector_size) {
            partitions.insert(part.into(), entry);
        }
    }
    set("partitions", partitions.into());
    set("rotational", text("queue/rotational").into());
    set("scheduler_mode", text("queue/scheduler").as_deref().map(scheduler).unwrap_or_default().into());
    set("sectors", sectors.into());
    set("sectorsize", sector_size.as_str().into());
    set("size", human(sectors * 512).into());
    set("host", "".into());
    set("holders", holders(&path).into());
    Value::map(entry)
}

fn partition(path: &Path, name: &str, links: &dyn Fn(&str) -> Value, sector_size: &str) -> Option<Value> {
    let number = |file: &str| line(path.join(file)).and_then(|text| text.parse::<u64>().ok());
    let start = line(path.join("start"))?;
    let sectors = number("size").unwrap_or(0);
    let uuids = links(name);
    let uuid = uuids.get("uuids").and_then(Value::as_list).and_then(|list| list.first()).cloned();
    Some(Value::object([
        ("links", uuids),
        ("start", start.into()),
        ("sectors", sectors.into()),
        ("sectorsize", sector_size.parse::<i64>().unwrap_or(512).into()),
        ("size", human(sectors * 512).into()),
        ("uuid", uuid.into()),
        ("holders", holders(path).into()),
    ]))
}

/// Who uses a device: the name, and the volume's if it has one.
fn holders(path: &Path) -> Vec<String> {
    names(path.join("holders"))
        .into_iter()
        .map(|name| line(format!("/sys/block/{name}/dm/name")).unwrap_or(name))
        .collect()
}

/// The one in brackets.
fn scheduler(text: &str) -> &str {
    match text.split_once('[') {
        Some((_, rest)) => rest.split(']').next().unwrap_or_default(),
        None => text,
    }
}

/// `256.00 GB`, counted in 1024s.
pub fn human(bytes: u64) -> String {
    let units = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];
    let power = (0..units.len()).rev().find(|power| bytes >= 1 << (10 * power)).unwrap_or(0);
    format!("{:.2} {}", bytes as f64 / (1u64 << (10 * power)) as f64, units[power])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_schedulers() {
        assert_eq!(human(0), "0.00 Bytes");
        assert_eq!(human(274_877_906_944), "256.00 GB");
        assert_eq!(human(1536), "1.50 KB");
        assert_eq!(scheduler("none mq-deadline [kyber]"), "kyber");
        assert_eq!(scheduler("none"), "none");
    }
}
