//! Interfaces, addresses and default routes.

use super::Facts;
use super::netlink::{self, Address, Route};
use super::read::{line, link_name, names};
use crate::value::{Map, Value};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// The network facts.
pub fn facts() -> Facts {
    let links = netlink::links();
    let addresses = netlink::addresses();
    let name_of = |index: u32| links.iter().find(|(i, _)| *i == index).map(|(_, name)| name.as_str());
    let mut interfaces: Vec<(String, Map)> = links
        .iter()
        .map(|(index, name)| {
            let own: Vec<&Address> = addresses.iter().filter(|address| address.index == *index).collect();
            (name.clone(), interface(name, &own))
        })
        .collect();
    // Names that only addresses have: `eth0:1`.
    for address in addresses.iter().filter(|a| a.ip.is_ipv4()) {
        let Some(label) = address.label.as_deref() else { continue };
        if name_of(address.index) != Some(label)
            && !interfaces.iter().any(|(name, _)| *name == label.replace(':', "_"))
        {
            let entry = Value::object([("ipv4", ipv4(address))]).as_map().cloned().unwrap_or_default();
            interfaces.push((label.replace(':', "_"), entry));
        }
    }
    let mut facts = Facts::new();
    facts.set("interfaces", interfaces.iter().map(|(name, _)| Value::str(name)).collect::<Vec<_>>());
    for (family, fact) in [(netlink::INET, "default_ipv4"), (netlink::INET6, "default_ipv6")] {
        let routes = netlink::routes(family);
        let default = default_route(&routes).and_then(|route| {
            let name = name_of(route.index?)?;
            let entry = interfaces.iter().find(|(known, _)| known == name)?;
            default_facts(route, name, &entry.1, &addresses)
        });
        facts.set(fact, default.unwrap_or_else(|| Value::map(Map::new())));
    }
    let all = |v4: bool| -> Vec<Value> {
        addresses
            .iter()
            .filter(|a| a.ip.is_ipv4() == v4 && !a.ip.is_loopback())
            .map(|a| a.ip.to_string().into())
            .collect()
    };
    facts.set("all_ipv4_addresses", all(true));
    facts.set("all_ipv6_addresses", all(false));
    let reachable = |family| {
        let routes = netlink::routes(family);
        let own = routes.iter().filter(|r| r.table == netlink::LOCAL_TABLE && r.kind == netlink::LOCAL_ROUTE);
        own.filter_map(|route| {
            let ip = route.destination?;
            let whole = if ip.is_ipv4() { 32 } else { 128 };
            Some(if route.prefix == whole { ip.to_string() } else { format!("{ip}/{}", route.prefix) })
        })
        .collect::<Vec<String>>()
    };
    facts.set(
        "locally_reachable_ips",
        Value::object([("ipv4", reachable(netlink::INET)), ("ipv6", reachable(netlink::INET6))]),
    );
    for (name, entry) in interfaces {
        facts.set(&name.replace([':', '-'], "_"), entry);
    }
    facts
}

/// The default route of the main table that is preferred.
fn default_route(routes: &[Route]) -> Option<&Route> {
    routes
        .iter()
        .filter(|r| r.table == netlink::MAIN_TABLE && r.kind == netlink::UNICAST_ROUTE && r.prefix == 0)
        .filter(|r| r.destination.is_none_or(|ip| ip.is_unspecified()))
        .min_by_key(|route| route.priority)
}

fn default_facts(route: &Route, name: &str, entry: &Map, addresses: &[Address]) -> Option<Value> {
    let v4 = route.family == netlink::INET;
    let own = |a: &&Address| Some(a.index) == route.index && a.ip.is_ipv4() == v4;
    let chosen = match route.source {
        Some(source) => addresses.iter().find(|a| a.ip == source),
        None if v4 => addresses.iter().find(own),
        // The kernel takes a global address where there is one.
        None => addresses.iter().filter(own).min_by_key(|a| a.scope),
    }?;
    let mut facts = match v4 {
        true => ipv4(chosen).as_map().cloned().unwrap_or_default(),
        false => ipv6(chosen).as_map().cloned().unwrap_or_default(),
    };
    let mut set = |key: &str, value: Value| facts.insert(key.into(), value);
    if let Some(gateway) = route.gateway {
        set("gateway", gateway.to_string().into());
    }
    set("interface", name.into());
    if v4 {
        set("alias", chosen.label.as_deref().unwrap_or(name).into());
    }
    for key in ["macaddress", "mtu", "type"] {
        if let Some(value) = entry.get(key) {
            set(key, value.clone());
        }
    }
    Some(Value::map(facts))
}

fn interface(name: &str, addresses: &[&Address]) -> Map {
    let path = Path::new("/sys/class/net").join(name);
    let number = |file: &str| line(path.join(file)).and_then(|text| text.parse::<i64>().ok());
    let mut entry = Map::new();
    let mut set = |key: &str, value: Value| entry.insert(key.into(), value);
    set("device", name.into());
    if let Some(mac) = line(path.join("address")).filter(|mac| mac != "00:00:00:00:00:00") {
        set("macaddress", mac.into());
    }
    if let Some(mtu) = number("mtu") {
        set("mtu", mtu.into());
    }
    if let Some(state) = line(path.join("operstate")) {
        set("active", (state != "down").into());
    }
    if let Some(module) = link_name(path.join("device/driver/module")) {
        set("module", module.into());
    }
    if let Some(kind) = number("type") {
        set("type", interface_type(&path, kind).into());
    }
    if path.join("bridge").is_dir() {
        set("type", "bridge".into());
        set("interfaces", names(path.join("brif")).into());
        if let Some(id) = line(path.join("bridge/bridge_id")) {
            set("id", id.into());
        }
        if let Some(stp) = line(path.join("bridge/stp_state")) {
            set("stp", (stp == "1").into());
        }
    }
    if path.join("bonding").is_dir() {
        let text = |file: &str| line(path.join("bonding").join(file)).unwrap_or_default();
        let first = |file: &str| text(file).split_whitespace().next().unwrap_or_default().to_owned();
        set("type", "bonding".into());
        set("slaves", text("slaves").split_whitespace().map(Value::str).collect::<Vec<_>>().into());
        set("mode", first("mode").into());
        set("miimon", first("miimon").into());
        set("lacp_rate", first("lacp_rate").into());
        let primary = text("primary");
        if !primary.is_empty() {
            set("primary", primary.into());
            set("all_slaves_active", (text("all_slaves_active") == "1").into());
        }
    }
    if path.join("bonding_slave").is_dir() {
        set("perm_macaddress", line(path.join("bonding_slave/perm_hwaddr")).unwrap_or_default().into());
    }
    if let Some(id) = link_name(path.join("device")) {
        set("pciid", id.into());
    }
    if let Some(speed) = number("speed") {
        set("speed", speed.into());
    }
    let flags =
        line(path.join("flags")).and_then(|text| i64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    set("promisc", flags.is_some_and(|flags| flags & 0x100 != 0).into());
    let mut v4 = addresses
        .iter()
        .filter(|a| a.ip.is_ipv4() && a.label.as_deref().is_none_or(|l| l == name || !l.contains(':')));
    if let Some(primary) = v4.next() {
        set("ipv4", ipv4(primary));
    }
    let secondaries: Vec<Value> = v4.map(|address| ipv4(address)).collect();
    if !secondaries.is_empty() {
        set("ipv4_secondaries", secondaries.into());
    }
    let v6: Vec<Value> = addresses.iter().filter(|a| a.ip.is_ipv6()).map(|address| ipv6(address)).collect();
    if !v6.is_empty() {
        set("ipv6", v6.into());
    }
    entry
}

fn interface_type(path: &Path, kind: i64) -> &'static str {
    match kind {
        1 if path.join("tun_flags").exists() => "ether",
        1 => "ether",
        32 => "infiniband",
        512 => "ppp",
        772 => "loopback",
        65534 => "tunnel",
        _ => "unknown",
    }
}

fn ipv4(address: &Address) -> Value {
    let IpAddr::V4(ip) = address.ip else { return Value::Null };
    let mask = u32::MAX.checked_shl(32 - u32::from(address.prefix)).unwrap_or(0);
    Value::object([
        ("address", Value::from(ip.to_string())),
        ("broadcast", address.broadcast.map(|ip| ip.to_string()).unwrap_or_default().into()),
        ("netmask", Ipv4Addr::from(mask).to_string().into()),
        ("network", Ipv4Addr::from(u32::from(ip) & mask).to_string().into()),
        ("prefix", address.prefix.to_string().into()),
    ])
}

fn ipv6(address: &Address) -> Value {
    let scope = match address.scope {
        0 => "global",
        200 => "site",
        253 => "link",
        254 => "host",
        _ => "nowhere",
    };
    Value::object([
        ("address", address.ip.to_string()),
        ("prefix", address.prefix.to_string()),
        ("scope", scope.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(ip: &str, prefix: u8) -> Address {
        let ip = ip.parse().expect("an address");
        Address { index: 2, ip, prefix, broadcast: None, label: None, scope: 0, secondary: false }
    }

    #[test]
    fn networks_are_computed() {
        let facts = ipv4(&address("10.236.5.11", 20));
        let text = |key: &str| facts.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert_eq!(
            (text("netmask"), text("network"), text("prefix")),
            ("255.255.240.0".into(), "10.236.0.0".into(), "20".into())
        );
        assert_eq!(ipv4(&address("10.0.0.1", 0)).get("netmask"), Some(&"0.0.0.0".into()));
    }

    #[test]
    fn the_preferred_default_route_is_taken() {
        let route = |priority, index| Route {
            family: netlink::INET,
            destination: None,
            prefix: 0,
            table: netlink::MAIN_TABLE,
            kind: netlink::UNICAST_ROUTE,
            gateway: None,
            source: None,
            index: Some(index),
            priority,
        };
        let routes = [route(200, 1), route(100, 2), Route { table: 5, ..route(0, 3) }];
        assert_eq!(default_route(&routes).and_then(|r| r.index), Some(2));
        assert_eq!(default_route(&[]), None);
    }
}
