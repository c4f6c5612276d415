//! Records as texts, in the form that they have in zone files.

use super::names;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::base::Rtype;
use domain::base::name::ParsedName;
use domain::base::rdata::{ParseRecordData, RecordData};
use domain::base::wire::ParseError;
use domain::dep::octseq::{Octets, Parser};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The data of a record as a text.
pub struct Text {
    kind: Rtype,
    pub text: String,
}

impl RecordData for Text {
    fn rtype(&self) -> Rtype {
        self.kind
    }
}

impl<'a, Octs: Octets + ?Sized> ParseRecordData<'a, Octs> for Text {
    fn parse_rdata(kind: Rtype, parser: &mut Parser<'a, Octs>) -> Result<Option<Self>, ParseError> {
        let text = Reader(parser).record(kind)?;
        Ok(text.map(|text| Self { kind, text }))
    }
}

/// Hexadecimal digits in one go.
const HEX_WIDTH: usize = 128;
/// Letters of base64 in one go.
const BASE64_WIDTH: usize = 32;

fn pieces(text: &str, width: usize) -> String {
    let bytes: Vec<char> = text.chars().collect();
    bytes.chunks(width).map(|piece| piece.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn hex(bytes: &[u8]) -> String {
    pieces(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), HEX_WIDTH)
}

fn salt(bytes: &[u8]) -> String {
    if bytes.is_empty() { "-".into() } else { hex(bytes) }
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\{byte:03}")),
        }
    }
    out
}

fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes))
}

/// The 32 letters of NSEC3.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bits);
        let letters = (chunk.len() * 8).div_ceil(5);
        out.extend((0..letters).map(|at| char::from(LETTERS[(bits >> (35 - 5 * at)) as usize & 31])));
    }
    out
}

/// `20030322173103`.
fn moment(seconds: u32) -> String {
    let time = jiff::Timestamp::from_second(seconds.into()).unwrap_or_default();
    time.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string()
}

/// An address, the end of one that embeds an older one in decimals.
fn version_6(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
            let [.., a, b, c, d] = address.octets();
            format!("::{a}.{b}.{c}.{d}")
        }
        _ => address.to_string(),
    }
}

struct Reader<'p, 'a, Octs: ?Sized>(&'p mut Parser<'a, Octs>);

impl<'a, Octs: Octets + ?Sized> Reader<'_, 'a, Octs> {
    /// `None` for kinds of records that cannot be asked for.
    fn record(&mut self, kind: Rtype) -> Result<Option<String>, ParseError> {
        Ok(Some(match kind {
            Rtype::A => Ipv4Addr::from(self.u32()?).to_string(),
            Rtype::AAAA => {
                let octets = self.bytes(16)?;
                version_6(<[u8; 16]>::try_from(octets).map_err(|_| ParseError::ShortInput)?.into())
            }
            Rtype::CNAME | Rtype::DNAME | Rtype::NS | Rtype::PTR => self.name()?,
            Rtype::MX => format!("{} {}", self.u16()?, self.name()?),
            Rtype::RP => format!("{} {}", self.name()?, self.name()?),
            Rtype::SRV => format!("{} {} {} {}", self.u16()?, self.u16()?, self.u16()?, self.name()?),
            Rtype::SOA => {
                let (server, contact) = (self.name()?, self.name()?);
                let numbers: Result<Vec<String>, _> =
                    (0..5).map(|_| self.u32().map(|n| n.to_string())).collect();
                format!("{server} {contact} {}", numbers?.join(" "))
            }
            Rtype::TXT | Rtype::SPF => self.texts()?,
            Rtype::HINFO => format!("{} {}", quoted(&self.text()?), quoted(&self.text()?)),
            Rtype::CAA => {
                let (flags, tag) = (self.u8()?, self.text()?);
                format!("{flags} {} {}", escaped(&tag), quoted(&self.rest()?))
            }
            Rtype::NAPTR => {
                let numbers = format!("{} {}", self.u16()?, self.u16()?);
                let texts = [self.text()?, self.text()?, self.text()?].map(|text| quoted(&text));
                format!("{numbers} {} {}", texts.join(" "), self.name()?)
            }
            Rtype::DNSKEY => format!("{} {} {} {}", self.u16()?, self.u8()?, self.u8()?, self.base64()?),
            Rtype::DS => format!("{} {} {} {}", self.u16()?, self.u8()?, self.u8()?, hex(&self.rest()?)),
            Rtype::SSHFP => format!("{} {} {}", self.u8()?, self.u8()?, hex(&self.rest()?)),
            Rtype::TLSA => format!("{} {} {} {}", self.u8()?, self.u8()?, self.u8()?, hex(&self.rest()?)),
            Rtype::NSEC => format!("{}{}", self.name()?, self.kinds()?),
            Rtype::NSEC3 => {
                let head = format!("{} {} {}", self.u8()?, self.u8()?, self.u16()?);
                let (salt, next) = (salt(&self.text()?), base32(&self.text()?));
                format!("{head} {salt} {next}{}", self.kinds()?)
            }
            Rtype::NSEC3PARAM => {
                format!("{} {} {} {}", self.u8()?, self.u8()?, self.u16()?, salt(&self.text()?))
            }
            Rtype::RRSIG => {
                let covered = kind_name(self.u16()?);
                let numbers = format!("{} {} {}", self.u8()?, self.u8()?, self.u32()?);
                let times = format!("{} {}", moment(self.u32()?), moment(self.u32()?));
                format!("{covered} {numbers} {times} {} {} {}", self.u16()?, self.name()?, self.base64()?)
            }
            Rtype::LOC => self.location()?,
            Rtype::SVCB | Rtype::HTTPS => self.service()?,
            _ => return Ok(None),
        }))
    }

    fn u8(&mut self) -> Result<u8, ParseError> {
        Ok(self.0.parse_u8()?)
    }

    fn u16(&mut self) -> Result<u16, ParseError> {
        Ok(self.0.parse_u16_be()?)
    }

    fn u32(&mut self) -> Result<u32, ParseError> {
        Ok(self.0.parse_u32_be()?)
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, ParseError> {
        let mut bytes = vec![0; count.min(usize::from(u16::MAX))];
        self.0.parse_buf(&mut bytes)?;
        Ok(bytes)
    }

    fn rest(&mut self) -> Result<Vec<u8>, ParseError> {
        self.bytes(self.0.remaining())
    }

    fn base64(&mut self) -> Result<String, ParseError> {
        Ok(pieces(&STANDARD.encode(self.rest()?), BASE64_WIDTH))
    }

    /// Bytes with their number in front.
    fn text(&mut self) -> Result<Vec<u8>, ParseError> {
        let length = self.u8()?;
        self.bytes(length.into())
    }

    fn texts(&mut self) -> Result<String, ParseError> {
        let mut texts = Vec::new();
        while self.0.remaining() > 0 {
            texts.push(quoted(&self.text()?));
        }
        Ok(texts.join(" "))
    }

    fn name(&mut self) -> Result<String, ParseError> {
        let name = ParsedName::parse(self.0)?;
        Ok(names::text(name.iter().map(domain::base::name::Label::as_slice)))
    }

    /// The kinds of records that there are, each with a blank in front.
    fn kinds(&mut self) -> Result<String, ParseError> {
        let mut out = String::new();
        while self.0.remaining() > 0 {
            let (window, bits) = (self.u8()?, self.text()?);
            for (at, byte) in bits.iter().enumerate() {
                for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                    let number = u16::from(window) * 256 + u16::try_from(at * 8 + bit).unwrap_or_default();
                    out.push(' ');
                    out.push_str(&kind_name(number));
                }
            }
        }
        Ok(out)
    }

    /// `52 22 23.000 N 4 53 32.000 E -2.00m`, and the sizes if they are not the usual ones.
    fn location(&mut self) -> Result<String, ParseError> {
        const EQUATOR: u32 = 1 << 31;
        const USUAL: [u64; 3] = [100, 1_000_000, 1_000];
        let _version = self.u8()?;
        let mut sizes = [0; 3];
        for size in &mut sizes {
            let byte = self.u8()?;
            *size = u64::from(byte >> 4) * 10u64.pow((byte & 15).into());
        }
        let angle = |number: u32, letters: [char; 2]| {
            let thousandths = number.abs_diff(EQUATOR);
            let (degrees, minutes) = (thousandths / 3_600_000, thousandths / 60_000 % 60);
            let (seconds, rest) = (thousandths / 1000 % 60, thousandths % 1000);
            let letter = letters[usize::from(number < EQUATOR)];
            format!("{degrees} {minutes} {seconds}.{rest:03} {letter}")
        };
        let (latitude, longitude) = (self.u32()?, self.u32()?);
        let height = i64::from(self.u32()?) - 10_000_000;
        let metres = |centimetres: u64| format!("{}.{:02}m", centimetres / 100, centimetres % 100);
        let sign = if height < 0 { "-" } else { "" };
        let mut out = format!(
            "{} {} {sign}{}",
            angle(latitude, ['N', 'S']),
            angle(longitude, ['E', 'W']),
            metres(height.unsigned_abs())
        );
        if sizes != USUAL {
            for size in sizes {
                out.push(' ');
                out.push_str(&metres(size));
            }
        }
        Ok(out)
    }

    /// A service with its parameters.
    fn service(&mut self) -> Result<String, ParseError> {
        let mut out = format!("{} {}", self.u16()?, self.name()?);
        while self.0.remaining() > 0 {
            let key = self.u16()?;
            let length = self.u16()?;
            let value = self.bytes(length.into())?;
            out.push(' ');
            out.push_str(&parameter(key, &value)?);
        }
        Ok(out)
    }
}

const PARAMETERS: [&str; 7] = ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"];

fn parameter_name(key: u16) -> String {
    PARAMETERS.get(usize::from(key)).map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}

fn parameter(key: u16, value: &[u8]) -> Result<String, ParseError> {
    let number = |bytes: &[u8]| match bytes {
        [high, low] => Ok(u16::from_be_bytes([*high, *low])),
        _ => Err(ParseError::ShortInput),
    };
    let shown = match key {
        0 => {
            let keys: Result<Vec<String>, _> =
                value.chunks(2).map(|key| number(key).map(parameter_name)).collect();
            keys?.join(",")
        }
        1 => {
            let mut protocols = Vec::new();
            let mut rest = value;
            while let [length, after @ ..] = rest {
                let (protocol, after) =
                    after.split_at_checked((*length).into()).ok_or(ParseError::ShortInput)?;
                // Once for the list of texts, once for the quotes.
                protocols.push(escaped(escaped(protocol).replace(',', "\\,").as_bytes()));
                rest = after;
            }
            protocols.join(",")
        }
        3 => number(value)?.to_string(),
        4 => value
            .chunks_exact(4)
            .map(|a| Ipv4Addr::new(a[0], a[1], a[2], a[3]).to_string())
            .collect::<Vec<_>>()
            .join(","),
        5 => STANDARD.encode(value),
        6 => {
            let addresses = value.chunks_exact(16).filter_map(|octets| <[u8; 16]>::try_from(octets).ok());
            addresses.map(|octets| version_6(octets.into())).collect::<Vec<_>>().join(",")
        }
        _ => escaped(value),
    };
    let name = parameter_name(key);
    Ok(if value.is_empty() { name } else { format!("{name}=\"{shown}\"") })
}

fn kind_name(number: u16) -> String {
    Rtype::from_int(number).to_mnemonic_str().map_or_else(|| format!("TYPE{number}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_five_bits() {
        for (bytes, letters) in [
            ("", ""),
            ("f", "co"),
            ("fo", "cpng"),
            ("foo", "cpnmu"),
            ("fooba", "cpnmuoj1"),
            ("foobar", "cpnmuoj1e8"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), letters);
        }
    }
}
