//! What the firmware says about the machine.

use super::Facts;
use super::read::text;

/// The facts, and the kernel's files that have them.
const FIELDS: &[(&str, &str)] = &[
    ("bios_date", "bios_date"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("form_factor", "chassis_type"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("system_vendor", "sys_vendor"),
];

/// The names of chassis types (SMBIOS, 7.4.1).
const FORM_FACTORS: &[&str] = &[
    "Unknown",
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

pub fn facts() -> Facts {
    let mut facts = Facts::new();
    for (fact, file) in FIELDS {
        let value =
            text(format!("/sys/devices/virtual/dmi/id/{file}")).map(|text| text.trim_end().to_owned());
        let value = match (*fact, value) {
            ("form_factor", Some(number)) => {
                let name = number.parse::<usize>().ok().and_then(|n| FORM_FACTORS.get(n));
                name.map_or_else(|| format!("unknown ({number})"), |name| (*name).to_owned())
            }
            (_, Some(value)) => value,
            (_, None) => "NA".to_owned(),
        };
        facts.set(fact, value);
    }
    facts
}
