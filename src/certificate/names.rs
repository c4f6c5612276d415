//! Names of persons, organisations and machines in certificates.

use super::{Encoding, Fault, asn1, idna, items, oids};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Bytes in hexadecimal with `:` between.
pub fn colons(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

/// The parts of a name in their order: the identifier of each with its text.
pub fn parts(name: &X509Name) -> Result<Vec<(String, String)>, Fault> {
    name.iter_attributes().map(|part| Ok((part.attr_type().to_id_string(), text_of(part)?))).collect()
}

fn text_of(part: &AttributeTypeAndValue) -> Result<String, Fault> {
    let value = part.attr_value();
    let data = value.data;
    let wide = |size: usize, number: fn(&[u8]) -> u32| -> Option<String> {
        let chunks = data.chunks_exact(size);
        let whole = chunks.remainder().is_empty();
        whole.then(|| chunks.map(|unit| char::from_u32(number(unit))).collect())?
    };
    let text = match value.tag() {
        Tag::BmpString => {
            let units: Vec<u16> =
                data.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
            String::from_utf16(&units).ok().filter(|_| data.len() % 2 == 0)
        }
        Tag::UniversalString => wide(4, |unit| u32::from_be_bytes([unit[0], unit[1], unit[2], unit[3]])),
        // With its first byte, which says how many bits of the last do not count.
        Tag::BitString => Some(String::from_utf8_lossy(data).into_owned()),
        _ => String::from_utf8(data.to_vec()).ok(),
    };
    text.ok_or_else(|| asn1("InvalidValue, location: [\"AttributeTypeValue::value\"]"))
}

/// A name in one line, the last part first (RFC 4514).
pub fn distinguished(name: &X509Name) -> Result<String, Fault> {
    let parts: Vec<String> = parts(name)?
        .iter()
        .rev()
        .map(|(oid, text)| format!("{}={}", oids::short_name(oid), escaped(text)))
        .collect();
    Ok(parts.join(","))
}

fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::new();
    for (at, letter) in text.chars().enumerate() {
        match letter {
            '\0' => out.push_str("\\00"),
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => out.extend(['\\', letter]),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            '#' if at == 0 => out.push_str("\\#"),
            _ => out.push(letter),
        }
    }
    out
}

/// Several names of one kind or another, each with its kind in front (`DNS:example.org`).
pub fn general_names(names: &[u8], encoding: Encoding) -> Result<Vec<String>, Fault> {
    items(names)?.iter().map(|name| general_name(name, encoding)).collect()
}

/// The address of a resource; `None` for names of other kinds.
pub fn uri(name: &Any, encoding: Encoding) -> Result<Option<String>, Fault> {
    match name.tag().0 {
        6 => Ok(Some(in_uri(plain(name, "UniformResourceIdentifier")?, encoding)?)),
        _ => Ok(None),
    }
}

fn general_name(name: &Any, encoding: Encoding) -> Result<String, Fault> {
    Ok(match name.tag().0 {
        0 => {
            let [oid, value] = &items(name.data)?[..] else { return Err(asn1("ShortData")) };
            let oid = oid.clone().oid().map_err(|_| asn1("InvalidValue"))?;
            format!("otherName:{};{}", oid.to_id_string(), colons(value.data))
        }
        1 => format!("email:{}", in_address(plain(name, "RFC822Name")?, encoding)?),
        2 => format!("DNS:{}", domain(plain(name, "DNSName")?, encoding)?),
        4 => {
            let (_, name) = <X509Name as x509_parser::prelude::FromDer<_>>::from_der(name.data)
                .map_err(|_| asn1("InvalidValue, location: [\"GeneralName::DirectoryName\"]"))?;
            format!("dirName:{}", distinguished(&name)?)
        }
        6 => format!("URI:{}", in_uri(plain(name, "UniformResourceIdentifier")?, encoding)?),
        7 => format!("IP:{}", address(name.data)?),
        8 => format!("RID:{}", x509_parser::asn1_rs::Oid::new(name.data.into()).to_id_string()),
        3 | 5 => return Err(Fault("x400Address/EDIPartyName are not supported types".into())),
        _ => return Err(asn1("UnexpectedTag")),
    })
}

fn plain<'a>(name: &Any<'a>, kind: &str) -> Result<&'a str, Fault> {
    std::str::from_utf8(name.data)
        .map_err(|_| asn1(&format!("InvalidValue, location: [\"GeneralName::{kind}\"]")))
}

fn domain(name: &str, encoding: Encoding) -> Result<String, Fault> {
    match encoding {
        Encoding::Ignore => Ok(name.to_owned()),
        Encoding::Idna => idna::to_ascii(name).map_err(Fault),
        Encoding::Unicode => idna::to_unicode(name).map_err(Fault),
    }
}

/// The domain of `me@example.org`.
fn in_address(address: &str, encoding: Encoding) -> Result<String, Fault> {
    match address.rsplit_once('@') {
        Some((user, host)) => Ok(format!("{user}@{}", domain(host, encoding)?)),
        None => Ok(address.to_owned()),
    }
}

/// The host of `https://user@example.org:80/path`.
fn in_uri(uri: &str, encoding: Encoding) -> Result<String, Fault> {
    let Some((scheme, rest)) = uri.split_once("://") else { return Ok(uri.to_owned()) };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, Some(port)),
        _ => (host, None),
    };
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{user}{}{port}{path}", domain(host, encoding)?))
}

fn address(data: &[u8]) -> Result<String, Fault> {
    let invalid = || Fault("Invalid netmask".into());
    if let Ok(octets) = <[u8; 4]>::try_from(data) {
        return Ok(Ipv4Addr::from(octets).to_string());
    }
    if let Ok(octets) = <[u8; 16]>::try_from(data) {
        return Ok(version_6(octets.into()));
    }
    let (network, mask) = data.split_at(data.len() / 2);
    let bits = mask.iter().map(|byte| byte.leading_ones()).take_while(|ones| *ones == 8).count() * 8;
    let rest = mask.get(bits / 8).map_or(0, |byte| byte.leading_ones() as usize);
    let length = bits + rest;
    if mask.iter().map(|byte| byte.count_ones() as usize).sum::<usize>() != length {
        return Err(invalid());
    }
    let network: IpAddr = match (<[u8; 4]>::try_from(network), <[u8; 16]>::try_from(network)) {
        (Ok(octets), _) if data.len() == 8 => octets.into(),
        (_, Ok(octets)) if data.len() == 32 => octets.into(),
        _ => return Err(asn1("InvalidValue, location: [\"GeneralName::IPAddress\"]")),
    };
    Ok(match network {
        IpAddr::V4(network) => format!("{network}/{length}"),
        IpAddr::V6(network) => format!("{}/{length}", version_6(network)),
    })
}

/// As Python writes it: no decimals in the end.
fn version_6(address: Ipv6Addr) -> String {
    match address.to_ipv4_mapped() {
        Some(_) => {
            let [.., high, low] = address.segments();
            format!("::ffff:{high:x}:{low:x}")
        }
        None => address.to_string(),
    }
}
