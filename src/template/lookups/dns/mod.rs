//! The lookup `community.dns.lookup`: what name servers know.

mod names;
mod records;
mod resolver;
#[cfg(test)]
mod tests;

use super::Lookup;
use crate::template::object::{Res, V, failed};
use crate::template::random::random_bytes;
use domain::base::Rtype;
use names::Asked;
use resolver::{Failure, Resolver};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

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

impl Asking {
    fn new(lookup: &Lookup) -> Res<Self> {
        let kind = lookup.text("type")?.unwrap_or_else(|| "A".to_owned());
        let kind = kind.parse().map_err(|_| failed(format!("unknown type of record: {kind}")))?;
        let unknown = match lookup.text("nxdomain_handling")?.as_deref() {
            Some("fail") => Unknown::Fail,
            Some("message") => Unknown::Message,
            _ => Unknown::Empty,
        };
        let lifetime = Duration::try_from_secs_f64(lookup.number("query_timeout", 10.0)).unwrap_or_default();
        let servers = lookup.list("server")?.unwrap_or_default();
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
            retries: lookup.number("query_retry", 3.0) as i64,
            servfail_retries: lookup.number("servfail_retries", 0.0) as i64,
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
