//! Addresses of network cards.

use super::ipaddr::{Version, given};
use super::net::{self, number};
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, text};

/// An address of 48 or 64 bits in one of the usual notations.
#[derive(Clone, Copy)]
pub struct Hardware {
    pub bits: u32,
    pub addr: u64,
}

impl Hardware {
    pub fn parse(text: &str) -> Option<Self> {
        let separator = text.chars().find(|c| matches!(c, ':' | '-' | '.'));
        let groups: Vec<&str> = match separator {
            Some(separator) => text.split(separator).collect(),
            None => vec![text],
        };
        let (bits, width) = match (groups.len(), separator) {
            (6, Some(':' | '-')) => (48, 2),
            (8, Some(':' | '-')) => (64, 2),
            (3, Some(_)) => (48, 4),
            (4, Some(_)) => (64, 4),
            (2, Some(':' | '-')) => (48, 6),
            (1, _) if (11..=12).contains(&text.len()) => (48, 12),
            (1, _) if text.len() == 16 => (64, 16),
            _ => return None,
        };
        let mut addr: u64 = 0;
        for group in groups {
            if group.is_empty() || group.len() > width || !group.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            addr = addr.checked_shl(width as u32 * 4).unwrap_or(0) | u64::from_str_radix(group, 16).ok()?;
        }
        Some(Self { bits, addr })
    }

    fn of(value: &V) -> Option<Self> {
        match value {
            V::Int(i) => Self::of_number(u64::try_from(*i).ok()?),
            V::Str(text) => match text.parse() {
                Ok(number) => Self::of_number(number),
                Err(_) => Self::parse(text),
            },
            _ => None,
        }
    }

    fn of_number(addr: u64) -> Option<Self> {
        Some(Self { bits: if addr >> 48 == 0 { 48 } else { 64 }, addr })
    }

    fn octets(self) -> Vec<u8> {
        self.addr.to_be_bytes()[8 - self.bits as usize / 8..].to_vec()
    }
}

/// `VALUE | ansible.utils.hwaddr(QUERY)`.
pub fn hwaddr(c: &mut Call) -> Res<V> {
    let query = c.text_or(0, "")?;
    let shown = text(&c.value)?;
    let found = Hardware::of(&c.value);
    let Some(hardware) = found else {
        return match &*query {
            "" | "bool" => Ok(V::None),
            _ => Err(failed(format!("hwaddr: not a hardware address: {shown}"))),
        };
    };
    let join = |upper: bool, separator: &str| {
        let octets = hardware.octets();
        let hex = octets.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") });
        hex.collect::<Vec<_>>().join(separator)
    };
    let wide = hardware.bits == 64 && !matches!(&*query, "" | "bool" | "int");
    if wide {
        return Err(failed(format!("{shown} has more than 48 bits")));
    }
    Ok(match &*query {
        "" => V::from(shown),
        "bool" => V::Bool(true),
        "int" => number(u128::from(hardware.addr)),
        "bare" => V::from(join(true, "")),
        "eui48" | "win" => V::from(join(true, "-")),
        "linux" => V::from(join(false, ":")),
        "unix" => {
            let octets: Vec<_> = hardware.octets().iter().map(|b| format!("{b:x}")).collect();
            V::from(octets.join(":"))
        }
        "cisco" => V::from(grouped(&join(false, ""), 4, ".")),
        "pgsql" | "postgresql" | "psql" => V::from(grouped(&join(false, ""), 6, ":")),
        other => return Err(failed(format!("hwaddr: unknown filter type: {other}"))),
    })
}

fn grouped(digits: &str, width: usize, separator: &str) -> String {
    let groups: Vec<String> =
        digits.as_bytes().chunks(width).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(separator)
}

/// The address that a card gives itself in a network of version 6.
pub fn slaac(c: &mut Call) -> Res<V> {
    let (Some(given), Some(card)) = (given(&c.value, Version::Any), c.get(0).and_then(Hardware::of)) else {
        return Ok(V::Bool(false));
    };
    if !given.net.v6 {
        return Ok(V::Bool(false));
    }
    let id = match card.bits {
        64 => card.addr,
        _ => (card.addr >> 24) << 40 | 0xff_fe00_0000 | card.addr & 0xff_ffff,
    };
    let id = id ^ 1 << 57;
    Ok(V::from(net::show(true, given.net.first().wrapping_add(u128::from(id)))))
}

#[cfg(test)]
mod tests {
    use super::Hardware;

    #[test]
    fn notations_are_told_apart() {
        for text in
            ["1a:2b:3c:4d:5e:6f", "1A-2B-3C-4D-5E-6F", "1a2b.3c4d.5e6f", "1a2b3c4d5e6f", "1a2b3c:4d5e6f"]
        {
            assert_eq!(Hardware::parse(text).map(|card| card.addr), Some(0x1a2b_3c4d_5e6f), "{text}");
        }
        for text in ["", "x", "1a:2b:3c:4d:5e", "1a:2b:3c:4d:5e:6g", "1a:2b:3c:4d:5e:6ff", "1a::3c:4d:5e:6f"]
        {
            assert!(Hardware::parse(text).is_none(), "{text}");
        }
    }
}
