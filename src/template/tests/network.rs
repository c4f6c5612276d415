//! Tests of `ansible.utils` for addresses.

use crate::template::eval::Call;
use crate::template::filters::network::hardware::Hardware;
use crate::template::filters::network::net::{self, Net, Ranges};
use crate::template::object::{Res, V, failed};

/// The special ranges as the tests know them, which is not quite as the filters do.
static PRIVATE: Ranges = Ranges(&[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/29",
    "192.0.0.170/31",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::1/128",
    "::/128",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "fc00::/7",
    "fe80::/10",
]);
static SHARED: Ranges = Ranges(&["100.64.0.0/10"]);
static RESERVED: Ranges = Ranges(&[
    "240.0.0.0/4",
    "::/8",
    "100::/8",
    "200::/7",
    "400::/6",
    "800::/5",
    "1000::/4",
    "4000::/3",
    "6000::/3",
    "8000::/3",
    "a000::/3",
    "c000::/3",
    "e000::/4",
    "f000::/5",
    "f800::/6",
    "fe00::/9",
]);
static LOOPBACK: Ranges = Ranges(&["127.0.0.0/8", "::1/128"]);
static MULTICAST: Ranges = Ranges(&["224.0.0.0/4", "ff00::/8"]);
static MAPPED: Ranges = Ranges(&["::ffff:0:0/96"]);
static SIX_TO_FOUR: Ranges = Ranges(&["2002::/16"]);
static TEREDO: Ranges = Ranges(&["2001::/32"]);

/// An address without a network.
fn address(value: &V) -> Option<Net> {
    let (v6, addr) = net::address(value.as_str()?)?;
    Some(Net { v6, addr, prefix: if v6 { 128 } else { 32 } })
}

/// An address or a network, without bits of hosts in it.
fn network(value: &V) -> Option<Net> {
    Net::parse(value.as_str()?).filter(|net| net.addr == net.first())
}

pub fn ip(c: &mut Call, v6: Option<bool>) -> Res<bool> {
    Ok(network(&c.value).is_some_and(|net| v6.is_none_or(|v6| net.v6 == v6)))
}

pub fn ip_address(c: &mut Call, v6: Option<bool>) -> Res<bool> {
    Ok(address(&c.value).is_some_and(|net| v6.is_none_or(|v6| net.v6 == v6)))
}

fn in_range(c: &Call, range: &Ranges) -> Res<bool> {
    Ok(address(&c.value).is_some_and(|net| range.contain(net)))
}

pub fn loopback(c: &mut Call) -> Res<bool> {
    in_range(c, &LOOPBACK)
}

pub fn multicast(c: &mut Call) -> Res<bool> {
    in_range(c, &MULTICAST)
}

pub fn reserved(c: &mut Call) -> Res<bool> {
    in_range(c, &RESERVED)
}

pub fn private(c: &mut Call) -> Res<bool> {
    in_range(c, &PRIVATE)
}

pub fn public(c: &mut Call) -> Res<bool> {
    Ok(address(&c.value).is_some_and(|net| !PRIVATE.contain(net) && !SHARED.contain(net)))
}

pub fn mapped(c: &mut Call) -> Res<bool> {
    in_range(c, &MAPPED)
}

pub fn six_to_four(c: &mut Call) -> Res<bool> {
    in_range(c, &SIX_TO_FOUR)
}

pub fn teredo(c: &mut Call) -> Res<bool> {
    in_range(c, &TEREDO)
}

pub fn unspecified(c: &mut Call) -> Res<bool> {
    Ok(address(&c.value).is_some_and(|net| net.addr == 0))
}

/// `255.255.255.0`, or turned around `0.0.0.255`.
pub fn mask(c: &mut Call, host: bool) -> Res<bool> {
    let Some(net) = address(&c.value).filter(|net| !net.v6) else { return Ok(false) };
    let mask = if host { net.addr as u32 } else { !(net.addr as u32) };
    Ok(mask & mask.wrapping_add(1) == 0 && mask != 0 && mask != u32::MAX)
}

pub fn mac(c: &mut Call) -> Res<bool> {
    match &c.value {
        V::Str(text) => {
            let groups = text.split([':', '-', '.']).map(str::len).collect::<Vec<_>>();
            let usual = matches!(&groups[..], [2, 2, 2, 2, 2, 2] | [4, 4, 4] | [12]);
            Ok(usual && Hardware::parse(text).is_some_and(|card| card.bits == 48))
        }
        other => Err(failed(format!("expected string or bytes-like object, got '{}'", other.type_name()))),
    }
}

pub fn subnet_of(c: &mut Call) -> Res<bool> {
    Ok(
        matches!((network(c.need(0)?), network(&c.value)), (Some(outer), Some(inner)) if outer.contains(inner)),
    )
}

pub fn supernet_of(c: &mut Call) -> Res<bool> {
    Ok(
        matches!((network(c.need(0)?), network(&c.value)), (Some(inner), Some(outer)) if outer.contains(inner)),
    )
}

/// How many of the networks hold the value.
pub fn networks_around(c: &mut Call) -> Res<usize> {
    let Some(inner) = network(&c.value) else { return Ok(0) };
    let networks = c.need(0)?.items()?;
    Ok(networks.iter().filter_map(network).filter(|outer| outer.contains(inner)).count())
}

/// Whether the resolver of this machine knows the name or address.
pub fn resolvable(c: &mut Call) -> Res<bool> {
    use std::net::ToSocketAddrs;
    Ok((c.input()?.as_str(), 0).to_socket_addrs().is_ok_and(|mut found| found.next().is_some()))
}

/// Whether a text is the name of a host with its domains (RFC 1123).
pub fn fqdn_valid(c: &mut Call) -> Res<bool> {
    let name = match &c.value {
        V::Str(name) if !name.is_empty() => name,
        _ => return Err(failed("fqdn must be str")),
    };
    let labels: Vec<&str> = name.strip_suffix('.').unwrap_or(name).split('.').collect();
    let underscores = c.flag(1)?;
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || (underscores && b == b'_');
    let good = |label: &&str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(letter)
    };
    let enough = i64::try_from(labels.len()).unwrap_or(i64::MAX) >= c.int_or(0, 1)?;
    Ok(enough && name.trim_end_matches('.').len() <= 253 && labels.iter().all(good))
}
