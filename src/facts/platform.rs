//! The kernel, the machine, and the names of the host.

use super::read::{line, text};
use super::{Facts, Sources, python};
use crate::modules::kit::{Command, Probe};

pub fn facts(sources: &Sources) -> Facts {
    let uname = rustix::system::uname();
    let of = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let (node, machine) = (of(uname.nodename()), of(uname.machine()));
    let fqdn = qualified_name(sources.probe, &node);
    let mut facts = Facts::new();
    facts.set("system", of(uname.sysname()));
    facts.set("kernel", of(uname.release()));
    facts.set("kernel_version", of(uname.version()));
    facts.set("machine", machine.as_str());
    if let Some(version) = python::version() {
        facts.set("python_version", version);
    }
    facts.set("domain", fqdn.split_once('.').map_or("", |(_, domain)| domain));
    facts.set("fqdn", fqdn);
    facts.set("hostname", node.split('.').next().unwrap_or_default());
    facts.set("nodename", node.as_str());
    let bits = usize::BITS.to_string();
    let is_386 = matches!(machine.as_bytes(), [b'i', b'3'..=b'6', b'8', b'6']);
    facts.set("userspace_bits", bits.as_str());
    facts.set("architecture", if is_386 { "i386" } else { machine.as_str() });
    if machine == "x86_64" || is_386 {
        facts.set("userspace_architecture", if bits == "64" { "x86_64" } else { "i386" });
    }
    if let Some(id) = line("/var/lib/dbus/machine-id").or_else(|| line("/etc/machine-id")) {
        facts.set("machine_id", id);
    }
    facts
}

/// The fully qualified name, as Python's `socket.getfqdn` finds it: the name's address, that address's names, the
/// first of them with a dot in it.
pub fn qualified_name(probe: &Probe, node: &str) -> String {
    let hosts = text("/etc/hosts").unwrap_or_default();
    if let Some(name) = from_hosts(&hosts, node) {
        return name;
    }
    let answer = |key: &str| {
        let output = probe.query(&Command::new(["getent", "hosts", key])).ok().filter(|o| o.success())?;
        let text = output.stdout();
        let mut words = text.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.collect::<Vec<_>>()))
    };
    let found = answer(node).and_then(|(address, names)| {
        let names = answer(&address).map_or(names, |(_, names)| names);
        dotted(&names)
    });
    found.unwrap_or_else(|| node.to_owned())
}

/// The answer where `/etc/hosts` knows the name.
fn from_hosts(hosts: &str, node: &str) -> Option<String> {
    let entries: Vec<Vec<String>> = hosts
        .lines()
        .map(|line| {
            line.split('#').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        })
        .filter(|words: &Vec<String>| words.len() > 1)
        .collect();
    let of_name =
        entries.iter().find(|words| words[1..].iter().any(|name| name.eq_ignore_ascii_case(node)))?;
    // Going back from the address finds the first line of that address.
    let of_address = entries.iter().find(|words| words[0] == of_name[0]).unwrap_or(of_name);
    dotted(&of_address[1..])
}

/// The first name with a dot, else the first.
fn dotted(names: &[String]) -> Option<String> {
    names.iter().find(|name| name.contains('.')).or_else(|| names.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_hosts_file() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1\tweb.example.org web # me\n127.0.0.1 vm\n";
        assert_eq!(from_hosts(hosts, "web").as_deref(), Some("web.example.org"));
        assert_eq!(from_hosts(hosts, "vm").as_deref(), Some("localhost"));
        assert_eq!(from_hosts(hosts, "other"), None);
        assert_eq!(from_hosts("10.0.0.1 h1\n", "h1").as_deref(), Some("h1"));
    }
}
