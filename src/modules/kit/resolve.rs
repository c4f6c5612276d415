//! Names of other machines, from `/etc/hosts`, else from `getent` (or BusyBox's `nslookup`): the helper is static,
//! and a static program that loads the host's resolver modules needs the very C library they were built with.

use super::{Command, Probe};
use std::net::IpAddr;

/// The addresses of a machine, the preferred first; none if it is not known.
pub fn addresses(host: &Probe, name: &str) -> Vec<IpAddr> {
    let plain = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = plain.parse() {
        return vec![address];
    }
    let table = host.read("/etc/hosts").ok().flatten().unwrap_or_default();
    let found = in_hosts(&String::from_utf8_lossy(&table), plain);
    if !found.is_empty() {
        return found;
    }
    let ask = |words: [&str; 3]| {
        let words = words.iter().filter(|word| !word.is_empty());
        host.query(&Command::new(words).english()).map(|output| output.stdout()).unwrap_or_default()
    };
    let found = in_answer(&ask(["getent", "ahosts", plain]));
    if found.is_empty() { in_lookup(&ask(["nslookup", plain, ""])) } else { found }
}

fn in_hosts(table: &str, name: &str) -> Vec<IpAddr> {
    let lines = table.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
        })
        .collect()
}

/// `192.0.2.1  STREAM web`, once for each type of socket.
fn in_answer(text: &str) -> Vec<IpAddr> {
    unique(text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()))
}

/// After the server's own address: `Name: web`, then `Address: 192.0.2.1` (or `Address 1: 192.0.2.1 web`).
fn in_lookup(text: &str) -> Vec<IpAddr> {
    let answer = text.lines().skip_while(|line| !line.starts_with("Name:"));
    unique(answer.filter_map(|line| {
        let (_, rest) = line.strip_prefix("Address")?.split_once(": ")?;
        rest.split_whitespace().next()?.parse().ok()
    }))
}

fn unique(found: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(addresses: &[IpAddr]) -> Vec<String> {
        addresses.iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn names_are_found_in_what_the_host_says() {
        let table = "127.0.0.1 localhost\n::1 ip6-localhost Localhost # the same\n# 192.0.2.9 localhost\n";
        assert_eq!(texts(&in_hosts(table, "localhost")), ["127.0.0.1", "::1"]);
        assert!(in_hosts(table, "local").is_empty());
        let answer = "2001:db8::1 STREAM web\n2001:db8::1 DGRAM\n192.0.2.1 STREAM\n";
        assert_eq!(texts(&in_answer(answer)), ["2001:db8::1", "192.0.2.1"]);
        let old = "Server:    10.0.0.1\nAddress 1: 10.0.0.1 ns\n\nName:      web\nAddress 1: 192.0.2.1 web\n";
        assert_eq!(texts(&in_lookup(old)), ["192.0.2.1"]);
        let new = "Server:\t\t10.0.0.1\nAddress:\t10.0.0.1:53\n\nName:\tweb\nAddress: 192.0.2.2\n";
        assert_eq!(texts(&in_lookup(new)), ["192.0.2.2"]);
        assert!(in_lookup("Server: 10.0.0.1\nAddress: 10.0.0.1\n** can't find web: NXDOMAIN\n").is_empty());
    }
}
