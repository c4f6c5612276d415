//! What is to be known about a host: one probe per topic, each a pure parser over what the kernel and a few files
//! say. Processes are started only where there is no other way.

mod cpu;
mod date_time;
mod devices;
pub mod distribution;
mod dmi;
mod environment;
mod local;
mod memory;
mod mounts;
mod netlink;
mod network;
mod packages;
mod platform;
mod python;
mod read;
mod security;
mod services;
mod ssh_keys;
mod storage;
mod user;
mod virtualization;

pub use packages::{manager as package_manager, program};
pub use platform::qualified_name;
pub use services::{manager as service_manager, runs_systemd};

use crate::modules::kit::Probe;
use crate::value::{Map, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// Facts by name, without the `ansible_` prefix.
#[derive(Debug, Default)]
pub struct Facts(Map);

impl Facts {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(Value::str(name), value.into());
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn extend(&mut self, other: Facts) {
        self.0.extend(other.0);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str()?, value)))
    }
}

/// What a collector may look at.
pub struct Sources<'p> {
    pub probe: &'p Probe<'p>,
    /// Where `*.fact` files are.
    pub fact_path: String,
    /// How long a file system may take to answer.
    pub timeout: Duration,
}

/// A topic: its names in `gather_subset`, whether the minimum includes it, the group it belongs to, and what it
/// needs with it.
struct Collector {
    name: &'static str,
    aliases: &'static [&'static str],
    group: Group,
    needs: &'static [&'static str],
    collect: fn(&Sources) -> Facts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Minimum,
    Rest,
}

const fn minimum(
    name: &'static str,
    aliases: &'static [&'static str],
    needs: &'static [&'static str],
    collect: fn(&Sources) -> Facts,
) -> Collector {
    Collector { name, aliases, group: Group::Minimum, needs, collect }
}

const fn rest(
    name: &'static str,
    aliases: &'static [&'static str],
    needs: &'static [&'static str],
    collect: fn(&Sources) -> Facts,
) -> Collector {
    Collector { name, aliases, group: Group::Rest, needs, collect }
}

fn nothing(_: &Sources) -> Facts {
    Facts::new()
}

static COLLECTORS: &[Collector] = &[
    minimum("apparmor", &[], &[], |_| security::apparmor()),
    minimum("caps", &["system_capabilities", "system_capabilities_enforced"], &[], |_| {
        security::capabilities()
    }),
    minimum("cmdline", &[], &[], |_| environment::kernel_command_line()),
    minimum("date_time", &[], &[], date_time::facts),
    minimum(
        "distribution",
        &["distribution_version", "distribution_release", "distribution_major_version", "os_family"],
        &[],
        |_| distribution::facts(&distribution::files()),
    ),
    minimum("dns", &[], &[], |_| environment::dns()),
    minimum("env", &[], &[], environment::variables),
    minimum("fips", &[], &[], |_| security::fips()),
    minimum("local", &[], &[], local::facts),
    minimum("lsb", &[], &[], environment::lsb),
    minimum("pkg_mgr", &[], &["distribution"], |_| packages::facts()),
    minimum(
        "platform",
        &["system", "kernel", "kernel_version", "machine", "python_version", "architecture", "machine_id"],
        &[],
        platform::facts,
    ),
    minimum("python", &[], &[], python::facts),
    minimum("selinux", &[], &[], |_| security::selinux()),
    minimum("service_mgr", &[], &["platform", "distribution"], |_| services::facts()),
    minimum(
        "ssh_pub_keys",
        &[
            "ssh_host_pub_keys",
            "ssh_host_key_dsa_public",
            "ssh_host_key_rsa_public",
            "ssh_host_key_ecdsa_public",
            "ssh_host_key_ed25519_public",
        ],
        &[],
        |_| ssh_keys::facts(),
    ),
    minimum(
        "user",
        &[
            "user_id",
            "user_uid",
            "user_gid",
            "user_gecos",
            "user_dir",
            "user_shell",
            "real_user_id",
            "effective_user_id",
            "effective_group_ids",
        ],
        &[],
        user::facts,
    ),
    rest("chroot", &["is_chroot"], &[], |_| services::chroot()),
    rest("facter", &[], &[], nothing),
    rest("fibre_channel_wwn", &[], &[], |_| storage::fibre_channel()),
    rest(
        "hardware",
        &["processor", "processor_cores", "processor_count", "mounts", "devices"],
        &["platform"],
        hardware,
    ),
    rest("iscsi", &[], &[], |_| storage::iscsi()),
    rest("loadavg", &[], &[], |_| environment::load()),
    rest(
        "network",
        &["interfaces", "default_ipv4", "default_ipv6", "all_ipv4_addresses", "all_ipv6_addresses"],
        &["platform", "distribution"],
        |_| network::facts(),
    ),
    rest("nvme", &[], &[], |_| storage::nvme()),
    rest("ohai", &[], &[], nothing),
    rest("systemd", &[], &[], services::systemd),
    rest(
        "virtual",
        &[
            "virtualization_type",
            "virtualization_role",
            "virtualization_tech_guest",
            "virtualization_tech_host",
        ],
        &[],
        |_| virtualization::facts(),
    ),
];

fn hardware(sources: &Sources) -> Facts {
    let mut facts = Facts::new();
    facts.extend(cpu::facts());
    facts.extend(memory::facts());
    facts.extend(dmi::facts());
    facts.extend(devices::facts());
    facts.extend(mounts::facts(sources));
    facts.extend(storage::uptime());
    facts.extend(storage::lvm(sources));
    facts
}

/// The facts that `subsets` ask for.
///
/// # Errors
/// Ansible's sentence for a subset that does not exist.
pub fn gather(subsets: &[String], sources: &Sources) -> Result<Facts, String> {
    let wanted = select(subsets)?;
    let mut facts = Facts::new();
    for collector in COLLECTORS.iter().filter(|collector| wanted.contains(collector.name)) {
        facts.extend((collector.collect)(sources));
    }
    Ok(facts)
}

/// The collectors asked for: the minimum and what is named, without what is excluded; what is named and what the
/// others need comes in spite of an exclusion.
fn select(subsets: &[String]) -> Result<BTreeSet<&'static str>, String> {
    let of = |name: &str| COLLECTORS.iter().find(|c| c.name == name || c.aliases.contains(&name));
    let group = |name: &str| -> Option<Vec<&'static str>> {
        let members =
            |keep: fn(&Collector) -> bool| COLLECTORS.iter().filter(|c| keep(c)).map(|c| c.name).collect();
        match name {
            "min" => Some(members(|c| c.group == Group::Minimum)),
            "all" => Some(members(|_| true)),
            _ => None,
        }
    };
    let mut wanted: BTreeSet<&str> = group("min").unwrap_or_default().into_iter().collect();
    let (mut excluded, mut explicit) = (BTreeSet::new(), BTreeSet::new());
    for subset in subsets {
        match subset.strip_prefix('!') {
            Some("all") => {
                excluded.extend(COLLECTORS.iter().filter(|c| c.group == Group::Rest).map(|c| c.name))
            }
            Some(name) => match group(name) {
                Some(members) => excluded.extend(members),
                // An exclusion of something unknown is no error.
                None => excluded.extend(of(name).map(|c| c.name)),
            },
            None => match (group(subset), of(subset)) {
                (Some(members), _) => wanted.extend(members),
                (None, Some(collector)) => {
                    wanted.insert(collector.name);
                    explicit.insert(collector.name);
                }
                (None, None) => return Err(unknown(subset)),
            },
        }
    }
    wanted.retain(|name| !excluded.contains(name) || explicit.contains(name));
    let needed: Vec<&str> =
        COLLECTORS.iter().filter(|c| wanted.contains(c.name)).flat_map(|c| c.needs).copied().collect();
    wanted.extend(needed);
    Ok(wanted)
}

fn unknown(subset: &str) -> String {
    let mut names: Vec<&str> =
        COLLECTORS.iter().flat_map(|c| c.aliases.iter().copied().chain([c.name])).collect();
    names.push("all");
    names.sort_unstable();
    format!("Bad subset '{subset}' given to Ansible. gather_subset options allowed: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(subsets: &[&str]) -> BTreeSet<&'static str> {
        select(&subsets.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).expect("all of them exist")
    }

    #[test]
    fn subsets_choose_collectors() {
        let all = COLLECTORS.len();
        let minimum = COLLECTORS.iter().filter(|c| c.group == Group::Minimum).count();
        for (subsets, count) in [
            (vec!["all"], all),
            (vec!["min"], minimum),
            (vec!["!all"], minimum),
            (vec!["!hardware"], minimum),
            (vec!["!date_time"], minimum - 1),
            (vec!["!all", "!min"], 0),
            (vec!["all", "!hardware"], all - 1),
            (vec!["all", "!hardware", "devices"], all),
            (vec!["!all", "network"], minimum + 1),
            (vec!["!all", "!network", "network"], minimum + 1),
            (vec!["network", "!all"], minimum + 1),
            // The network needs platform and distribution, whatever was excluded.
            (vec!["!min", "network"], 3),
            (vec!["all", "!distribution"], all),
            (vec!["all", "!no-such-thing"], all),
        ] {
            assert_eq!(selected(&subsets).len(), count, "{subsets:?}");
        }
        let error = select(&["hostname".to_owned()]).expect_err("there is no such subset");
        assert!(error.starts_with("Bad subset 'hostname' given to Ansible. gather_subset options allowed: all, all_ipv4_addresses, all_ipv6_addresses, apparmor,"), "{error}");
    }
}
