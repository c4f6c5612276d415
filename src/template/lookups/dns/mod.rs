//! The lookup `community.dns.lookup`: what name servers know.

mod names;
mod records;
mod resolver;
#[cfg(test)]
mod tests;

use super::Lookup;
use crate::template::object::{Res, V, failed, repr, text};
use crate::template::random::random_bytes;
use domain::base::Rtype;
use names::Asked;
use resolver::{Failure, Resolver};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

const PLUGIN: &str = "'ansible_collections.community.dns.plugins.lookup.lookup' lookup plugin";

/// The kinds of records that can be asked for.
const KINDS: &[Rtype] = &[
    Rtype::A,
    Rtype::AAAA,
    Rtype::CAA,
    Rtype::CNAME,
    Rtype::DNAME,
    Rtype::DNSKEY,
    Rtype::DS,
    Rtype::HINFO,
    Rtype::HTTPS,
    Rtype::LOC,
    Rtype::MX,
    Rtype::NAPTR,
    Rtype::NS,
    Rtype::NSEC,
    Rtype::NSEC3,
    Rtype::NSEC3PARAM,
    Rtype::PTR,
    Rtype::RP,
    Rtype::RRSIG,
    Rtype::SOA,
    Rtype::SPF,
    Rtype::SRV,
    Rtype::SSHFP,
    Rtype::SVCB,
    Rtype::TLSA,
    Rtype::TXT,
];

/// What to do about names that do not exist.
#[derive(Clone, Copy)]
enum Unknown {
    Empty,
    Fail,
    Message,
}

/// How to ask.
struct Asking {
    resolver: Resolver,
    kind: Rtype,
    search: bool,
    unknown: Unknown,
    /// How often to ask again where nobody answered.
    retries: i64,
    /// How often to ask again where a server failed.
    servfail_retries: i64,
}

/// `lookup('community.dns.lookup', …)`.
///
/// # Errors
/// No answer, in Ansible's words.
pub fn lookup(lookup: &mut Lookup) -> Res<Vec<V>> {
    if lookup.terms.is_empty() {
        return Ok(Vec::new());
    }
    let asking = Asking::new(lookup)?;
    let mut out = Vec::new();
    for term in lookup.texts()? {
        out.extend(asking.ask(&term)?.into_iter().map(V::from));
    }
    Ok(out)
}

/// A number for a question, which nobody else can guess.
fn fresh_id() -> Res<u16> {
    Ok(random_bytes(2)?.iter().fold(0, |id, byte| id << 8 | u16::from(*byte)))
}

fn choice(lookup: &Lookup, name: &str, default: &str) -> Res<String> {
    match lookup.option(name) {
        None => Ok(default.to_owned()),
        Some(value) => text(value),
    }
}

fn wrong_choice(given: &str, name: &str) -> crate::template::TemplateError {
    failed(format!("Invalid value '{given}' for config '{name}' for {PLUGIN}."))
}

fn number(lookup: &Lookup, name: &str, kind: &str, default: f64) -> Res<f64> {
    let Some(value) = lookup.option(name) else { return Ok(default) };
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number.filter(|number| number.is_finite() && (kind == "float" || number.fract() == 0.0)).ok_or_else(|| {
        let shown = repr(value).unwrap_or_default();
        failed(format!(
            "Config '{name}' for {PLUGIN} from 'Direct' has an invalid value: Invalid value provided for '{kind}': {shown}"
        ))
    })
}

impl Asking {
    fn new(lookup: &Lookup) -> Res<Self> {
        let kind = choice(lookup, "type", "A")?;
        let known = KINDS.iter().copied().find(|known| known.to_mnemonic_str() == Some(&*kind));
        let kind = known.ok_or_else(|| wrong_choice(&kind, "type"))?;
        let unknown = choice(lookup, "nxdomain_handling", "empty")?;
        let unknown = match unknown.as_str() {
            "empty" => Unknown::Empty,
            "fail" => Unknown::Fail,
            "message" => Unknown::Message,
            other => return Err(wrong_choice(other, "nxdomain_handling")),
        };
        let seconds = number(lookup, "query_timeout", "float", 10.0)?;
        let lifetime = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let servers: Vec<String> = match lookup.option("server") {
            None | Some(V::None) => Vec::new(),
            Some(V::Str(names)) => names.split(',').map(|name| name.trim().to_owned()).collect(),
            Some(names) => names.items()?.iter().map(text).collect::<Res<_>>()?,
        };
        let of_system = || {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            Resolver::of_system(Path::new("/etc/resolv.conf"), &host).map_err(failed)
        };
        let mut resolver = match servers.is_empty() {
            true => of_system()?,
            false => {
                let mut addresses = Vec::new();
                for server in &servers {
                    match server.parse::<IpAddr>() {
                        Ok(address) => addresses.push(address),
                        Err(_) => addresses.extend(addresses_of(&of_system()?, server)?),
                    }
                }
                Resolver::of_servers(
                    addresses.into_iter().map(|address| SocketAddr::new(address, 53)).collect(),
                )
            }
        };
        resolver.lifetime = lifetime;
        Ok(Self {
            resolver,
            kind,
            search: lookup.flag("search", true)?,
            unknown,
            retries: number(lookup, "query_retry", "int", 3.0)? as i64,
            servfail_retries: number(lookup, "servfail_retries", "int", 0.0)? as i64,
        })
    }

    /// The records of one name.
    fn ask(&self, term: &str) -> Res<Vec<String>> {
        let unexpected = |why: &str| failed(format!("Unexpected DNS error for {term}: {why}"));
        let asked = Asked::parse(term).map_err(|wrong| unexpected(&wrong.to_string()))?;
        let (mut late, mut servfails) = (0, 0);
        loop {
            match self.resolver.resolve(&asked, self.kind, self.search, fresh_id()?) {
                Ok(records) => return Ok(records),
                Err(Failure::Unknown { .. }) => {
                    return match self.unknown {
                        Unknown::Empty => Ok(Vec::new()),
                        Unknown::Message => Ok(vec!["NXDOMAIN".into()]),
                        Unknown::Fail => Err(failed(format!("Got NXDOMAIN when querying {term}"))),
                    };
                }
                Err(Failure::Late(_)) if late < self.retries => late += 1,
                Err(Failure::Refused { failed: true, .. }) if servfails < self.servfail_retries => {
                    servfails += 1
                }
                Err(Failure::Late(why) | Failure::Refused { why, .. } | Failure::Other(why)) => {
                    return Err(unexpected(&why));
                }
            }
        }
    }
}

/// The addresses of a name server that has a name.
fn addresses_of(system: &Resolver, server: &str) -> Res<Vec<IpAddr>> {
    let unexpected = |why: &str| failed(format!("Cannot resolve nameserver {server}: {why}"));
    let asked = Asked::parse(server).map_err(|wrong| unexpected(&wrong.to_string()))?;
    let mut found = Vec::new();
    for kind in [Rtype::A, Rtype::AAAA] {
        match system.resolve(&asked, kind, true, fresh_id()?) {
            Ok(addresses) => {
                found.extend(addresses.iter().filter_map(|address| address.parse::<IpAddr>().ok()))
            }
            Err(Failure::Unknown { name }) => {
                return Err(failed(format!(
                    "Nameserver {server} does not exist (The DNS query name does not exist: {name})"
                )));
            }
            Err(Failure::Late(why) | Failure::Refused { why, .. } | Failure::Other(why)) => {
                return Err(unexpected(&why));
            }
        }
    }
    Ok(found)
}
