//! `ipaddr`, `ipv4`, `ipv6` and `ipwrap`: queries about addresses.

use super::net::{self, LINK_LOCAL, LOOPBACK, MULTICAST, NOT_GLOBAL, Net, SIX_TO_FOUR, number, show_number};
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, text};

/// Which addresses a filter lets through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Any,
    V4,
    V6,
}

/// A value that was recognised as an address.
#[derive(Clone)]
pub struct Given {
    pub net: Net,
    /// It said how large its network is.
    pub slashed: bool,
    /// As it was written, or with its prefix if it was a number.
    pub value: String,
}

/// An address written in whatever way; `None` if it is none.
pub fn given(value: &V, version: Version) -> Option<Given> {
    let v6 = version == Version::V6;
    let found = match value {
        V::Int(_) | V::Big(_) => {
            let number: u128 = text(value).ok()?.parse().ok()?;
            let net = Net::of_number(number, None, v6)?;
            Given { net, slashed: false, value: net.cidr() }
        }
        V::Str(text) => {
            let (head, tail) = match text.split_once('/') {
                Some((head, tail)) => (head, Some(tail)),
                None => (&**text, None),
            };
            match head.parse::<u128>() {
                Ok(number) if !head.starts_with('+') => {
                    let net = Net::of_number(number, tail, v6 && tail.is_none())?;
                    Given { net, slashed: tail.is_some(), value: net.cidr() }
                }
                _ => Given { net: Net::parse(text)?, slashed: tail.is_some(), value: text.to_string() },
            }
        }
        _ => return None,
    };
    match version {
        Version::V4 if found.net.v6 => None,
        Version::V6 if !found.net.v6 => None,
        _ => Some(found),
    }
}

/// `VALUE | ansible.utils.ipaddr(QUERY)`.
pub fn ipaddr(c: &mut Call, version: Version) -> Res<V> {
    let query = c.get(0).cloned().unwrap_or_else(|| V::str(""));
    let version = match c.given(1).map(text).transpose()?.as_deref() {
        Some("4") => Version::V4,
        Some("6") => Version::V6,
        _ => version,
    };
    apply(&c.value, &query, version, c.name)
}

fn apply(value: &V, query: &V, version: Version, name: &str) -> Res<V> {
    match value {
        V::List(_) | V::Tuple(_) => {
            let mut kept = Vec::new();
            for item in value.items()? {
                // What is no address at all is left out here, where alone it would be an error.
                if matches!(item, V::None | V::Float(_) | V::Dict(_)) {
                    continue;
                }
                let answer = apply(&item, query, version, name)?;
                if answer.truth()? {
                    kept.push(answer);
                }
            }
            Ok(V::list(kept))
        }
        V::Bool(_) | V::Int(0) => Ok(V::Bool(false)),
        V::Int(_) | V::Big(_) | V::Str(_) => match given(value, version) {
            Some(given) => answer(&given, query),
            None => Ok(V::Bool(false)),
        },
        other => {
            let short = name.rsplit('.').next().unwrap_or(name);
            let class = other.type_name();
            Err(failed(format!("Unrecognized type <<class '{class}'>> for {short} filter <value>")))
        }
    }
}

fn answer(given: &Given, query: &V) -> Res<V> {
    let net = given.net;
    let query = match query {
        V::Str(query) => query.to_string(),
        V::Int(index) => return Ok(indexed(given, i128::from(*index))),
        other => return Err(unknown_query(&text(other)?)),
    };
    let some = |text: String| Ok(V::from(text));
    let when = |holds: bool, text: String| Ok(if holds { V::from(text) } else { V::None });
    // The address is one that a host has, as opposed to the name of the network.
    let is_host = net.single() || net.addr != net.first();
    let host_or_pair = is_host || net.pair();
    match &*query {
        "" if given.slashed => some(net.cidr()),
        "" => some(net.ip()),
        "bool" => Ok(V::Bool(true)),
        "address" | "ip" => when(net.v6 || host_or_pair, net.ip()),
        "host" => when(host_or_pair, net.cidr()),
        "address/prefix" | "gateway" | "gw" | "host/prefix" | "hostnet" | "router" => {
            let good = net.usable().is_none_or(|(first, last)| first <= net.addr && net.addr <= last);
            Ok(if good { V::from(net.cidr()) } else { V::Bool(false) })
        }
        "ip/prefix" => when(!net.single() && host_or_pair, net.cidr()),
        "ip_netmask" => {
            when(!net.single() && host_or_pair, format!("{} {}", net.ip(), net.show(net.netmask())))
        }
        "broadcast" => when(!net.single() && !net.pair(), net.show(net.last())),
        "cidr" => some(net.cidr()),
        "hostmask" | "wildcard" => some(net.show(net.hostmask())),
        "netmask" => some(net.show(net.netmask())),
        "network" | "network_id" => some(net.show(net.first())),
        "network/prefix" | "subnet" => some(net.network().cidr()),
        "network_netmask" => some(format!("{} {}", net.show(net.first()), net.show(net.netmask()))),
        "network_wildcard" => some(format!("{} {}", net.show(net.first()), net.show(net.hostmask()))),
        "net" => when(!net.single() && net.addr == net.first(), net.cidr()),
        "prefix" => Ok(V::Int(i64::from(net.prefix))),
        "version" => Ok(V::Int(if net.v6 { 6 } else { 4 })),
        "type" => Ok(V::str(if is_host { "address" } else { "network" })),
        "int" if given.slashed => some(format!("{}/{}", net.addr, net.prefix)),
        "int" => Ok(number(net.addr)),
        "size" => Ok(net.size()),
        "size_usable" => Ok(match net.usable() {
            Some((first, last)) => number(last - first + 1),
            None => V::Int(0),
        }),
        "revdns" => some(reverse_name(net)),
        "ipv4" => Ok(as_v4(given)),
        "ipv6" => Ok(V::from(match net.v6 {
            true => given.value.clone(),
            false => Net { v6: true, addr: net.addr | 0xffff_0000_0000, prefix: net.prefix + 96 }.cidr(),
        })),
        "6to4" => Ok(six_to_four(given, is_host)),
        "wrap" if net.v6 => some(wrapped(given)),
        "wrap" => some(given.value.clone()),
        "lo" | "loopback" => when(LOOPBACK.contain(net), given.value.clone()),
        "link-local" => when(LINK_LOCAL.contain(net), given.value.clone()),
        "multicast" => when(MULTICAST.contain(net), given.value.clone()),
        "unicast" => when(!MULTICAST.contain(net), given.value.clone()),
        "private" => when(NOT_GLOBAL.contain(net), given.value.clone()),
        "public" => when(!NOT_GLOBAL.contain(net) && !MULTICAST.contain(net), given.value.clone()),
        "first_usable" => Ok(needed(given)?.map_or(V::None, |(first, _)| V::from(show_number(first)))),
        "last_usable" => Ok(needed(given)?.map_or(V::None, |(_, last)| V::from(show_number(last)))),
        "range_usable" => Ok(needed(given)?.map_or(V::None, |(first, last)| {
            V::from(format!("{}-{}", show_number(first), show_number(last)))
        })),
        "next_usable" => step(given, 1),
        "previous_usable" => step(given, -1),
        "peer" => peer(given),
        _ => {
            if let Ok(index) = query.parse::<i128>() {
                return Ok(indexed(given, index));
            }
            let range = Net::parse(&query).ok_or_else(|| unknown_query(&query))?;
            when(range.contains(net), given.value.clone())
        }
    }
}

fn unknown_query(query: &str) -> crate::template::TemplateError {
    failed(format!("'{query}' is no query that addresses know, no index and no network"))
}

/// The usable addresses of a value that names a network.
fn needed(given: &Given) -> Res<Option<(u128, u128)>> {
    if given.slashed { Ok(given.net.usable()) } else { Err(failed("Not a network address")) }
}

fn step(given: &Given, by: i128) -> Res<V> {
    let Some((first, last)) = needed(given)? else { return Ok(V::None) };
    let Some(next) = given.net.addr.checked_add_signed(by) else {
        return Err(failed("failed to detect a valid IP address from -1"));
    };
    Ok(if (first..=last).contains(&next) { V::from(show_number(next)) } else { V::None })
}

fn peer(given: &Given) -> Res<V> {
    let net = given.net;
    needed(given)?;
    let at = net.addr - net.first();
    let peer = match net.bits() - net.prefix {
        1 => net.first() + 1 - at,
        2 if at == 0 => return Err(failed(format!("Network address of /{} has no peer", net.prefix))),
        2 if at == 3 => return Err(failed(format!("Broadcast address of /{} has no peer", net.prefix))),
        2 => net.first() + 3 - at,
        _ => return Err(failed("Not a point-to-point network")),
    };
    Ok(V::from(net.show(peer)))
}

fn indexed(given: &Given, index: i128) -> V {
    let net = given.net;
    if net.single() {
        return V::from(if given.slashed { net.cidr() } else { net.ip() });
    }
    match net.at(index) {
        Some(addr) => V::from(Net { addr, ..net }.cidr()),
        None => V::Bool(false),
    }
}

/// An address of version 6 that holds one of version 4.
fn as_v4(given: &Given) -> V {
    let net = given.net;
    if !net.v6 {
        return V::from(given.value.clone());
    }
    let high = net.addr >> 32;
    if (high == 0xffff || high == 0) && net.prefix >= 96 {
        return V::from(
            Net { v6: false, addr: net.addr & u128::from(u32::MAX), prefix: net.prefix - 96 }.cidr(),
        );
    }
    V::Bool(false)
}

fn six_to_four(given: &Given, is_host: bool) -> V {
    let net = given.net;
    if net.v6 {
        let holds = is_host && SIX_TO_FOUR.contain(net);
        return if holds { V::from(given.value.clone()) } else { V::Bool(false) };
    }
    if !is_host || MULTICAST.contain(net) {
        return V::Bool(false);
    }
    V::from(format!("2002:{:04x}:{:04x}::1/48", net.addr >> 16, net.addr & 0xffff))
}

fn reverse_name(net: Net) -> String {
    if !net.v6 {
        let [a, b, c, d] = (net.addr as u32).to_be_bytes();
        return format!("{d}.{c}.{b}.{a}.in-addr.arpa.");
    }
    let nibbles: Vec<String> = (0..32).map(|at| format!("{:x}", (net.addr >> (4 * at)) & 15)).collect();
    format!("{}.ip6.arpa.", nibbles.join("."))
}

fn wrapped(given: &Given) -> String {
    match given.slashed {
        true => format!("[{}]/{}", given.net.ip(), given.net.prefix),
        false => format!("[{}]", given.net.ip()),
    }
}

/// Brackets around addresses of version 6; everything else stays as it is.
pub fn ipwrap(c: &mut Call) -> Res<V> {
    wrap(&c.value)
}

fn wrap(value: &V) -> Res<V> {
    Ok(match value {
        V::List(_) | V::Tuple(_) => V::list(value.items()?.iter().map(wrap).collect::<Res<_>>()?),
        V::Bool(_) => value.clone(),
        V::Str(_) => match given(value, Version::Any) {
            Some(given) if given.net.v6 => V::from(wrapped(&given)),
            Some(given) if given.slashed => V::from(given.net.cidr()),
            Some(given) => V::from(given.net.ip()),
            None => value.clone(),
        },
        other => {
            let class = other.type_name();
            return Err(failed(format!("Unrecognized type <<class '{class}'>> for ipwrap filter <value>")));
        }
    })
}

/// An address without a network, or the error of filters that need one.
pub fn need_address(value: &V) -> Res<(bool, u128)> {
    let shown = text(value)?;
    net::address(&shown)
        .ok_or_else(|| failed(format!("You must pass a valid IP address; {shown} is invalid")))
}
