//! Networks within networks, and the addresses in them.

use super::ipaddr::{Given, Version, given, need_address};
use super::net::{self, Net, number, show_number};
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, text};

/// The most addresses that `usable_range` lists.
const MOST: u128 = 1 << 20;

fn no() -> Res<V> {
    Ok(V::Bool(false))
}

/// An integer, or a text that is one.
fn integer(value: &V) -> Option<i128> {
    match value {
        V::Int(i) => Some(i128::from(*i)),
        V::Str(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Splits a network, or finds the one around an address, or the rank of one in another.
pub fn ipsubnet(c: &mut Call) -> Res<V> {
    let Some(given) = given(&c.value, Version::Any) else { return no() };
    let net = given.net.network();
    let Some(query) = c.given(0).filter(|query| query.as_str() != Some("")) else {
        return Ok(V::from(net.cidr()));
    };
    let index = c.given(1).and_then(integer);
    match integer(query) {
        Some(size) => {
            let Some(size) = u32::try_from(size).ok().filter(|size| *size <= net.bits()) else { return no() };
            if net.single() { around(net, size, index) } else { split(net, size, index) }
        }
        None => rank(net, &text(query)?),
    }
}

/// The networks that hold an address: the largest one, or one of them by index.
fn around(net: Net, size: u32, index: Option<i128>) -> Res<V> {
    let count = i128::from(net.bits() - size);
    let at = match index {
        None => 0,
        Some(at) if at < 0 => at + count,
        Some(at) => at,
    };
    if count == 0 {
        return Err(failed("list index out of range"));
    }
    if !(0..count).contains(&at) {
        return no();
    }
    let prefix = size + at as u32;
    Ok(V::from(Net { prefix, ..net }.network().cidr()))
}

fn split(net: Net, size: u32, index: Option<i128>) -> Res<V> {
    let Some(deeper) = size.checked_sub(net.prefix) else {
        return match index {
            None => Err(failed(format!("Requested subnet size of {size} is invalid"))),
            // What a network that is smaller than what was asked for begins with.
            Some(0) => Ok(V::from(format!("{}/{size}", net.ip()))),
            Some(_) => no(),
        };
    };
    let count = 1u128.checked_shl(deeper);
    let Some(index) = index else {
        return Ok(V::from(count.map_or_else(|| format!("{}", u128::MAX), |count| count.to_string())));
    };
    let last = count.map_or(u128::MAX, |count| count - 1);
    let at = if index < 0 { last.checked_sub(index.unsigned_abs() - 1) } else { Some(index as u128) };
    match at.filter(|at| *at <= last) {
        Some(at) => {
            let shift = net.bits() - size;
            let addr = net.addr + at.checked_shl(shift).unwrap_or(0);
            Ok(V::from(Net { addr, prefix: size, ..net }.cidr()))
        }
        None => no(),
    }
}

fn rank(net: Net, query: &str) -> Res<V> {
    let Some(outer) = Net::parse(query) else {
        return Err(failed(format!("You must pass a valid subnet or IP address; {query} is invalid")));
    };
    if !outer.contains(net) {
        return Err(failed(format!("{} is not in the subnet {}", net.cidr(), outer.cidr())));
    }
    let behind = net.first() - outer.first();
    let rank = behind.checked_shr(net.bits() - net.prefix).unwrap_or(0) + 1;
    Ok(V::from(rank.to_string()))
}

pub fn ipmath(c: &mut Call) -> Res<V> {
    let Some(amount) = c.get(0).and_then(integer) else {
        return Err(failed("the amount must be a whole number"));
    };
    let shown = c.input()?;
    let head = shown.split('/').next().unwrap_or("");
    let Some((v6, addr)) = net::address(head).filter(|_| Net::parse(&shown).is_some()) else {
        return Err(failed(format!("You must pass a valid IP address; {shown} is invalid")));
    };
    let most = if v6 { u128::MAX } else { u128::from(u32::MAX) };
    match addr.checked_add_signed(amount).filter(|sum| *sum <= most) {
        Some(sum) => Ok(V::from(net::show(v6, sum))),
        None => Err(failed("result outside valid IP address boundary!")),
    }
}

pub fn nthhost(c: &mut Call) -> Res<V> {
    let (Some(given), Some(index)) = (given(&c.value, Version::Any), c.get(0).and_then(integer)) else {
        return no();
    };
    match given.net.at(index) {
        Some(addr) => Ok(V::from(given.net.show(addr))),
        None if index < 0 => Err(failed("index out range for address range size!")),
        None => no(),
    }
}

/// The usable address some places behind that of the value.
pub fn nth_usable(c: &mut Call, sign: i128) -> Res<V> {
    let Some(Given { net, .. }) = given(&c.value, Version::Any) else { return no() };
    let Some(offset) = c.get(0).and_then(integer) else {
        return Err(failed("Must pass in an integer"));
    };
    let wanted = net.addr.checked_add_signed(offset * sign);
    Ok(match (net.usable(), wanted) {
        (Some((first, last)), Some(wanted)) if (first..=last).contains(&wanted) => {
            V::from(show_number(wanted))
        }
        _ => V::None,
    })
}

/// Whether the argument is within the value.
fn within(value: &V, test: &V, usable: bool) -> bool {
    match (given(value, Version::Any), given(test, Version::Any)) {
        (Some(outer), Some(inner)) => {
            let (outer, inner) = (outer.net, inner.net);
            match outer.usable().filter(|_| usable) {
                Some((first, last)) => outer.v6 == inner.v6 && first <= inner.first() && inner.last() <= last,
                None => outer.contains(inner),
            }
        }
        (None, None) => true,
        _ => false,
    }
}

pub fn network_in(c: &mut Call, usable: bool) -> Res<V> {
    Ok(V::Bool(within(&c.value, c.need(0)?, usable)))
}

pub fn reduce_on_network(c: &mut Call) -> Res<V> {
    let network = c.need(0)?;
    let items = match &c.value {
        V::Str(_) => vec![c.value.clone()],
        other => other.items()?,
    };
    Ok(V::list(items.into_iter().filter(|item| within(network, item, false)).collect()))
}

pub fn cidr_merge(c: &mut Call) -> Res<V> {
    let items = match &c.value {
        V::Str(_) => vec![c.value.clone()],
        other => other.items()?,
    };
    let action = c.text_or(0, "merge")?;
    if !matches!(&*action, "merge" | "span") {
        return Err(failed(format!("cidr_merge: invalid action '{action}'")));
    }
    let mut nets = Vec::new();
    for item in &items {
        let shown = text(item)?;
        let net = Net::parse(&shown)
            .ok_or_else(|| failed(format!("cidr_merge: error in netaddr:\ninvalid IPNetwork {shown}")))?;
        nets.push(net.network());
    }
    if action == "merge" {
        return Ok(V::list(merged(nets).into_iter().map(|net| V::from(net.cidr())).collect()));
    }
    let (Some(low), Some(high)) =
        (nets.iter().map(|net| net.first()).min(), nets.iter().map(|net| net.last()).max())
    else {
        return Ok(V::None);
    };
    let mut span = nets[0];
    if nets.iter().any(|net| net.v6 != span.v6) {
        let message = "cidr_merge: error in netaddr:\nIP sequence cannot contain both IPv4 and IPv6!";
        return Err(failed(message));
    }
    span.prefix = nets.iter().map(|net| net.prefix).min().unwrap_or(0);
    while span.prefix > 0 && !(span.first() <= low && high <= span.last()) {
        span.prefix -= 1;
    }
    Ok(V::from(span.network().cidr()))
}

/// The fewest networks that hold the same addresses, in order.
fn merged(mut nets: Vec<Net>) -> Vec<Net> {
    nets.sort_by_key(|net| (net.v6, net.first(), net.prefix));
    let mut out: Vec<Net> = Vec::new();
    for net in nets {
        if out.last().is_some_and(|last| last.contains(net)) {
            continue;
        }
        out.push(net);
        // Two halves are a whole, which may be a half again.
        while let [.., left, right] = out[..] {
            let whole = Net { prefix: left.prefix.saturating_sub(1), ..left };
            let halves = left.prefix == right.prefix && left.prefix > 0 && left.v6 == right.v6;
            if !halves || whole.first() != left.first() || whole.last() != right.last() {
                break;
            }
            out.truncate(out.len() - 2);
            out.push(whole);
        }
    }
    out
}

pub fn usable_range(c: &mut Call) -> Res<V> {
    let shown = c.input()?;
    let Some(net) = Net::parse(&shown) else {
        return Err(failed(format!(
            "Error while using plugin 'usable_range': '{shown}' does not appear to be an IPv4 or IPv6 network"
        )));
    };
    if net.addr != net.first() {
        return Err(failed(format!("Error while using plugin 'usable_range': {shown} has host bits set")));
    }
    if net.hostmask() >= MOST {
        return Err(failed(format!("{shown} has more addresses than can be listed")));
    }
    let ips: Vec<V> = (net.first()..=net.last()).map(|addr| V::from(net.show(addr))).collect();
    Ok(V::record([("usable_ips", V::list(ips)), ("number_of_ips", number(net.hostmask() + 1))]))
}

pub fn ip4_hex(c: &mut Call) -> Res<V> {
    let delimiter = c.text_or(0, "")?;
    let (v6, addr) = need_address(&c.value)?;
    if v6 {
        return Err(failed(format!("'{}' is no address of version 4", c.input()?)));
    }
    let bytes: Vec<String> = (addr as u32).to_be_bytes().iter().map(|b| format!("{b:02x}")).collect();
    Ok(V::from(bytes.join(&delimiter)))
}

/// The first or last bits of an address, written as its groups are.
pub fn ipcut(c: &mut Call) -> Res<V> {
    let (v6, addr) = need_address(&c.value)?;
    let amount = c.get(0).and_then(integer).ok_or_else(|| failed("the amount must be a whole number"))?;
    let (bits, group) = if v6 { (128, 16) } else { (32, 8) };
    let count = usize::try_from(amount.unsigned_abs()).unwrap_or(bits).min(bits);
    let all: Vec<u128> = (0..bits).rev().map(|at| (addr >> at) & 1).collect();
    let kept = if amount < 0 { &all[bits - count..] } else { &all[..count] };
    let groups = kept.chunks(group).map(|chunk| chunk.iter().fold(0, |sum, bit| sum << 1 | bit));
    Ok(V::from(if v6 {
        groups.map(|group| format!("{group:x}")).collect::<Vec<_>>().join(":")
    } else {
        groups.map(|group| group.to_string()).collect::<Vec<_>>().join(".")
    }))
}

pub fn ipv6form(c: &mut Call) -> Res<V> {
    let form = c.text(0)?.unwrap_or_else(|| "None".into());
    if !matches!(&*form, "compress" | "expand" | "x509") {
        return Err(failed(format!("You must pass valid format; {form} is not a valid format")));
    }
    let (v6, addr) = need_address(&c.value)?;
    if !v6 && form != "x509" {
        return Ok(V::from(net::show(false, addr)));
    }
    if !v6 {
        return Err(failed(format!("You must pass a valid IP address; {} is invalid", c.input()?)));
    }
    let words = std::net::Ipv6Addr::from(addr).segments();
    let joined = |show: fn(&u16) -> String| words.iter().map(show).collect::<Vec<_>>().join(":");
    Ok(V::from(match &*form {
        "expand" => joined(|word| format!("{word:04x}")),
        "x509" => joined(|word| format!("{word:x}")),
        _ => compressed(&words),
    }))
}

/// Hexadecimal groups alone, the longest run of zeros left out.
fn compressed(words: &[u16; 8]) -> String {
    let mut best = (0, 0);
    let mut at = 0;
    while at < 8 {
        let run = words[at..].iter().take_while(|word| **word == 0).count();
        if run > best.1 {
            best = (at, run);
        }
        at += run.max(1);
    }
    let show = |words: &[u16]| words.iter().map(|word| format!("{word:x}")).collect::<Vec<_>>().join(":");
    if best.1 < 2 {
        return show(words);
    }
    format!("{}::{}", show(&words[..best.0]), show(&words[best.0 + best.1..]))
}
