//! `format`: those that Python's validator knows without further libraries.

use super::schema::Draft;
use crate::template::regex::{self, Flags};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a text has a format; those that the draft does not have are never wrong.
pub fn holds(text: &str, format: &str, draft: Draft) -> bool {
    match format {
        "email" | "idn-email" => text.contains('@'),
        "ip-address" if draft == Draft::D3 => is_ipv4(text),
        "ipv4" if draft > Draft::D3 => is_ipv4(text),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "regex" => regex::compile(text, Flags::default()).is_ok(),
        "date" if draft == Draft::D3 || draft >= Draft::D7 => is_date(text),
        "time" if draft == Draft::D3 => is_time(text),
        "idn-hostname" if draft >= Draft::D7 => is_hostname(text),
        "uuid" if draft >= Draft::D2019 => is_uuid(text),
        _ => true,
    }
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shaped && !text.starts_with("0000") && text.parse::<jiff::civil::Date>().is_ok()
}

/// `HH:MM:SS`, each of one or two digits.
fn is_time(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let fits = |part: &str, most: u8| {
        matches!(part.len(), 1 | 2)
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u8>().is_ok_and(|number| number <= most)
    };
    matches!(parts[..], [hour, minute, second] if fits(hour, 23) && fits(minute, 59) && fits(second, 61))
}

fn is_hostname(text: &str) -> bool {
    !text.is_empty() && idna::domain_to_ascii_strict(text).is_ok()
}

fn is_uuid(text: &str) -> bool {
    // Python takes hyphens wherever they stand, but wants those four.
    let digits: String =
        text.replace("urn:", "").replace("uuid:", "").trim_matches(['{', '}']).replace('-', "");
    let hyphens = [8, 13, 18, 23].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && hyphens
}
