//! Addresses, links and routes, asked from the kernel over a netlink socket.

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, netlink::SocketAddrNetlink, recv,
    send, socket_with,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const LINK_DUMP: u16 = 18;
const ADDRESS_DUMP: u16 = 22;
const ROUTE_DUMP: u16 = 26;
const REQUEST_DUMP: u16 = 0x301;
const DONE: u16 = 3;
const ERROR: u16 = 2;

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub index: u32,
    pub ip: IpAddr,
    pub prefix: u8,
    pub broadcast: Option<IpAddr>,
    /// `eth0:1`, where it was set.
    pub label: Option<String>,
    pub scope: u8,
    pub secondary: bool,
}

/// A route: what the fact probes need of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub family: u8,
    pub destination: Option<IpAddr>,
    pub prefix: u8,
    pub table: u32,
    pub kind: u8,
    pub gateway: Option<IpAddr>,
    pub source: Option<IpAddr>,
    pub index: Option<u32>,
    pub priority: u32,
}

/// The table of addresses that are this host's own, and the kind of its routes.
pub const LOCAL_TABLE: u32 = 255;
pub const MAIN_TABLE: u32 = 254;
pub const LOCAL_ROUTE: u8 = 2;
pub const UNICAST_ROUTE: u8 = 1;
pub const INET: u8 = 2;
pub const INET6: u8 = 10;

/// All interfaces: index and name, in the kernel's order.
pub fn links() -> Vec<(u32, String)> {
    dump(LINK_DUMP, 0).iter().filter_map(|message| parse_link(message)).collect()
}

/// All addresses, in the kernel's order.
pub fn addresses() -> Vec<Address> {
    dump(ADDRESS_DUMP, 0).iter().filter_map(|message| parse_address(message)).collect()
}

/// All routes of a family.
pub fn routes(family: u8) -> Vec<Route> {
    dump(ROUTE_DUMP, family).iter().filter_map(|message| parse_route(message)).collect()
}

/// The bodies of the messages that answer; empty where there is no netlink.
fn dump(kind: u16, family: u8) -> Vec<Vec<u8>> {
    exchange(kind, family).unwrap_or_default()
}

fn exchange(kind: u16, family: u8) -> rustix::io::Result<Vec<Vec<u8>>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, 0))?;
    // struct nlmsghdr, then the family in a header that is zero otherwise (rtgenmsg, padded to the largest).
    let mut request = Vec::with_capacity(28);
    request.extend_from_slice(&28u32.to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&REQUEST_DUMP.to_ne_bytes());
    request.extend_from_slice(&1u32.to_ne_bytes());
    request.extend_from_slice(&0u32.to_ne_bytes());
    request.push(family);
    request.resize(28, 0);
    send(&socket, &request, SendFlags::empty())?;
    let mut messages = Vec::new();
    let mut buffer = vec![0; 65536];
    loop {
        let (count, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        if count == 0 || !split(&buffer[..count], &mut messages) {
            return Ok(messages);
        }
    }
}

/// Splits a datagram into message bodies; whether more datagrams follow.
fn split(mut datagram: &[u8], messages: &mut Vec<Vec<u8>>) -> bool {
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let length = length as usize;
        if length < 16 || length > datagram.len() || kind == DONE || kind == ERROR {
            return false;
        }
        messages.push(datagram[16..length].to_vec());
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    true
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The attributes after a fixed header.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (length, kind) = (u16_at(bytes, 0)? as usize, u16_at(bytes, 2)?);
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        // The two high bits say how it is encoded.
        Some((kind & 0x3fff, value))
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|b| *b == 0).next().unwrap_or_default()).into_owned()
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
        _ => None,
    }
}

fn parse_link(body: &[u8]) -> Option<(u32, String)> {
    let index = u32_at(body, 4)?;
    let name = attributes(body.get(16..)?).find(|(kind, _)| *kind == 3)?;
    Some((index, text(name.1)))
}

fn parse_address(body: &[u8]) -> Option<Address> {
    let [_, prefix, flags, scope] = *body.get(..4)? else { return None };
    let index = u32_at(body, 4)?;
    let (mut local, mut peer, mut broadcast, mut label) = (None, None, None, None);
    for (kind, value) in attributes(body.get(8..)?) {
        match kind {
            1 => peer = ip(value),
            2 => local = ip(value),
            3 => label = Some(text(value)),
            4 => broadcast = ip(value),
            _ => {}
        }
    }
    // On a point-to-point link the address is the peer's, and ours is the local one.
    Some(Address { index, ip: local.or(peer)?, prefix, broadcast, label, scope, secondary: flags & 1 != 0 })
}

fn parse_route(body: &[u8]) -> Option<Route> {
    let [family, prefix, _, _, table, _, _, kind] = *body.get(..8)? else { return None };
    let mut route = Route {
        family,
        destination: None,
        prefix,
        table: table.into(),
        kind,
        gateway: None,
        source: None,
        index: None,
        priority: 0,
    };
    for (kind, value) in attributes(body.get(12..)?) {
        match kind {
            1 => route.destination = ip(value),
            4 => route.index = u32_at(value, 0),
            5 => route.gateway = ip(value),
            6 => route.priority = u32_at(value, 0).unwrap_or(0),
            7 => route.source = ip(value),
            9 => {
                // Several next hops (struct rtnexthop): the first one.
                route.index = u32_at(value, 4);
                let hop = value.get(8..).unwrap_or_default();
                route.gateway = attributes(hop).find(|(kind, _)| *kind == 5).and_then(|(_, v)| ip(v));
            }
            15 => route.table = u32_at(value, 0).unwrap_or(route.table),
            _ => {}
        }
    }
    Some(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn messages_are_taken_apart() {
        let mut address = vec![2, 24, 1, 0, 7, 0, 0, 0];
        address[4..8].copy_from_slice(&7u32.to_ne_bytes());
        address.extend(attribute(1, &[192, 0, 2, 9]));
        address.extend(attribute(2, &[192, 0, 2, 2]));
        address.extend(attribute(4, &[192, 0, 2, 255]));
        address.extend(attribute(3, b"eth0:1\0"));
        let parsed = parse_address(&address).expect("a whole message");
        assert_eq!(parsed.ip, "192.0.2.2".parse::<IpAddr>().expect("an address"));
        assert_eq!((parsed.index, parsed.prefix, parsed.secondary), (7, 24, true));
        assert_eq!(parsed.label.as_deref(), Some("eth0:1"));

        let mut route = vec![2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        route.extend(attribute(5, &[192, 0, 2, 1]));
        route.extend(attribute(4, &3u32.to_ne_bytes()));
        let parsed = parse_route(&route).expect("a whole message");
        assert_eq!((parsed.index, parsed.table, parsed.destination), (Some(3), MAIN_TABLE, None));
    }

    #[test]
    fn cut_off_messages_are_nothing() {
        assert_eq!(parse_address(&[2, 24]), None);
        assert_eq!(parse_route(&[]), None);
        assert!(!split(&[200, 0, 0, 0, 20, 0, 0, 0], &mut Vec::new()));
    }
}
