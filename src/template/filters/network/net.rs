//! An address, or an address with the size of its network, of either version of IP.

use crate::template::object::V;
use num_bigint::BigInt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// What `10.1.2.3/8` and `10.1.2.3` mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    pub v6: bool,
    pub addr: u128,
    pub prefix: u32,
}

/// The text of an address; the last 32 bits in decimals where C's `inet_ntop` has them so.
pub fn show(v6: bool, addr: u128) -> String {
    if !v6 {
        return Ipv4Addr::from(addr as u32).to_string();
    }
    let words = Ipv6Addr::from(addr).segments();
    if words[..6].iter().all(|word| *word == 0) && words[6] != 0 {
        return format!("::{}", Ipv4Addr::from(addr as u32));
    }
    Ipv6Addr::from(addr).to_string()
}

/// An address that is only known by its number: of version 4 if it fits.
pub fn show_number(addr: u128) -> String {
    show(addr > u128::from(u32::MAX), addr)
}

/// An unsigned number as a template's integer.
pub fn number(value: u128) -> V {
    i64::try_from(value).map_or_else(|_| V::Big(Arc::new(BigInt::from(value))), V::Int)
}

/// An address without a network.
pub fn address(text: &str) -> Option<(bool, u128)> {
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some((false, u128::from(v4.to_bits())));
    }
    text.parse::<Ipv6Addr>().ok().map(|v6| (true, v6.to_bits()))
}

impl Net {
    pub fn bits(self) -> u32 {
        if self.v6 { 128 } else { 32 }
    }

    /// `ADDRESS`, `ADDRESS/PREFIX` or `ADDRESS/MASK`.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, tail) = match text.split_once('/') {
            Some((head, tail)) => (head, Some(tail)),
            None => (text, None),
        };
        let (v6, addr) = address(head)?;
        Self { v6, addr, prefix: 0 }.with_tail(tail)
    }

    /// A number is an address, too; of version 6 if it is too large for 4 or that is asked for.
    pub fn of_number(number: u128, tail: Option<&str>, v6: bool) -> Option<Self> {
        let v6 = v6 || number > u128::from(u32::MAX);
        Self { v6, addr: number, prefix: 0 }.with_tail(tail)
    }

    fn with_tail(mut self, tail: Option<&str>) -> Option<Self> {
        self.prefix = match tail {
            None => self.bits(),
            Some(tail) if !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit()) => {
                tail.parse().ok().filter(|prefix| *prefix <= self.bits())?
            }
            Some(mask) => {
                let (v6, mask) = address(mask).filter(|(v6, _)| *v6 == self.v6)?;
                prefix_of_mask(v6, mask)?
            }
        };
        Some(self)
    }

    /// The bits that hosts of the network differ in.
    pub fn hostmask(self) -> u128 {
        let free = self.bits() - self.prefix;
        if free == 128 { u128::MAX } else { (1u128 << free) - 1 }
    }

    pub fn netmask(self) -> u128 {
        let all = if self.v6 { u128::MAX } else { u128::from(u32::MAX) };
        all & !self.hostmask()
    }

    pub fn first(self) -> u128 {
        self.addr & !self.hostmask()
    }

    pub fn last(self) -> u128 {
        self.addr | self.hostmask()
    }

    /// One address alone.
    pub fn single(self) -> bool {
        self.prefix == self.bits()
    }

    /// Two addresses, both of which are hosts.
    pub fn pair(self) -> bool {
        self.prefix + 1 == self.bits()
    }

    /// The first and the last address that a host may have; `None` for one address alone.
    pub fn usable(self) -> Option<(u128, u128)> {
        if self.single() {
            None
        } else if self.pair() {
            Some((self.first(), self.last()))
        } else {
            Some((self.first() + 1, self.last() - 1))
        }
    }

    pub fn network(self) -> Self {
        Self { addr: self.first(), ..self }
    }

    pub fn contains(self, other: Self) -> bool {
        self.v6 == other.v6 && self.first() <= other.first() && other.last() <= self.last()
    }

    pub fn ip(self) -> String {
        show(self.v6, self.addr)
    }

    pub fn show(self, addr: u128) -> String {
        show(self.v6, addr)
    }

    /// `ADDRESS/PREFIX`.
    pub fn cidr(self) -> String {
        format!("{}/{}", self.ip(), self.prefix)
    }

    /// How many addresses there are; the whole of version 6 has one more than `u128` can say.
    pub fn size(self) -> V {
        match self.hostmask().checked_add(1) {
            Some(size) => number(size),
            None => V::Big(Arc::new(BigInt::from(u128::MAX) + 1)),
        }
    }

    /// The address at an index, counted from the end if it is negative; `None` outside of the network.
    pub fn at(self, index: i128) -> Option<u128> {
        if index >= 0 {
            let index = index as u128;
            return (index <= self.hostmask()).then(|| self.first() + index);
        }
        let back = index.unsigned_abs() - 1;
        (back <= self.hostmask()).then(|| self.last() - back)
    }
}

/// The length of a netmask or hostmask.
fn prefix_of_mask(v6: bool, mask: u128) -> Option<u32> {
    let bits = if v6 { 128 } else { 32 };
    let all = if v6 { u128::MAX } else { u128::from(u32::MAX) };
    let host = all & !mask;
    // A netmask has its ones in front; what has them at the end is a hostmask.
    if host & host.wrapping_add(1) == 0 {
        return Some(bits - host.count_ones());
    }
    (mask & mask.wrapping_add(1) == 0).then(|| bits - mask.count_ones())
}

/// Ranges of addresses by their networks.
pub struct Ranges(pub &'static [&'static str]);

impl Ranges {
    /// Whether both ends of a network are in one of the ranges.
    pub fn contain(&self, net: Net) -> bool {
        self.hold(net, net.first()) && self.hold(net, net.last())
    }

    fn hold(&self, net: Net, addr: u128) -> bool {
        let alone = Net { addr, prefix: net.bits(), ..net };
        self.0.iter().filter_map(|range| Net::parse(range)).any(|range| range.contains(alone))
    }
}

pub static LOOPBACK: Ranges = Ranges(&["127.0.0.0/8", "::1/128"]);
pub static LINK_LOCAL: Ranges = Ranges(&["169.254.0.0/16", "fe80::/10"]);
pub static MULTICAST: Ranges = Ranges(&["224.0.0.0/4", "ff00::/8"]);
pub static SIX_TO_FOUR: Ranges = Ranges(&["2002::/16"]);

/// What the registries of special addresses say is not reachable from everywhere.
pub static NOT_GLOBAL: Ranges = Ranges(&[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
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
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_shown() {
        for (text, shown) in [
            ("10.1.2.3", "10.1.2.3/32"),
            ("10.1.2.3/255.0.0.0", "10.1.2.3/8"),
            ("10.1.2.3/0.0.0.255", "10.1.2.3/24"),
            ("::1.2.3.4", "::1.2.3.4/128"),
            ("::2a/10", "::2a/10"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4/128"),
        ] {
            assert_eq!(Net::parse(text).map(Net::cidr).as_deref(), Some(shown), "{text}");
        }
        for text in ["1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/255.0.255.0", "x", "1.2.3.4/::", "::/129"] {
            assert_eq!(Net::parse(text), None, "{text}");
        }
        assert_eq!(Net::parse("::/0").and_then(|net| net.at(-1)), Some(u128::MAX));
    }
}
