//! Processors, from `/proc/cpuinfo`.

use super::Facts;
use super::read::text;
use crate::value::Value;
use std::collections::BTreeMap;

pub fn facts() -> Facts {
    let usable = rustix::thread::sched_getaffinity(None).map_or(0, |set| set.count() as usize);
    parse(&text("/proc/cpuinfo").unwrap_or_default(), usable)
}

fn parse(cpuinfo: &str, usable: usize) -> Facts {
    let mut processors: Vec<Value> = Vec::new();
    // Cores and threads by socket.
    let mut cores: BTreeMap<String, usize> = BTreeMap::new();
    let mut siblings: BTreeMap<String, usize> = BTreeMap::new();
    let (mut socket, mut count, mut models, mut vendors) = (None, 0, 0, 0);
    let mut flags: Option<Vec<Value>> = None;
    for line in cpuinfo.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim());
        match key {
            "processor" => {
                count += 1;
                socket = None;
                processors.push(value.into());
            }
            "model name" | "Processor" | "cpu" | "cpu model" => {
                models += 1;
                processors.push(value.into());
            }
            "vendor_id" | "Vendor" => {
                vendors += 1;
                processors.push(value.into());
            }
            "flags" | "Features" if flags.is_none() => {
                flags = Some(value.split_whitespace().map(Value::str).collect());
            }
            "physical id" => socket = Some(value.to_owned()),
            "cpu cores" => {
                if let (Some(socket), Ok(number)) = (&socket, value.parse()) {
                    cores.insert(socket.clone(), number);
                }
            }
            "siblings" => {
                if let (Some(socket), Ok(number)) = (&socket, value.parse()) {
                    siblings.insert(socket.clone(), number);
                }
            }
            _ => {}
        }
    }
    let _ = (models, vendors);
    let sockets = cores.len();
    let per_socket = cores.values().next().copied().unwrap_or(1).max(1);
    let (sockets, per_socket, threads) = match sockets {
        // Machines that do not tell about sockets: each processor is one.
        0 => (count, 1, 1),
        sockets => {
            let threads = siblings.values().next().copied().unwrap_or(per_socket) / per_socket;
            (sockets, per_socket, threads.max(1))
        }
    };
    let mut facts = Facts::new();
    if let Some(flags) = flags {
        facts.set("flags", flags);
    }
    facts.set("processor", processors);
    facts.set("processor_count", sockets);
    facts.set("processor_cores", per_socket);
    facts.set("processor_threads_per_core", threads);
    facts.set("processor_vcpus", sockets * per_socket * threads);
    facts.set("processor_nproc", if usable > 0 { usable } else { count });
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(facts: &Facts) -> Vec<i64> {
        [
            "processor_count",
            "processor_cores",
            "processor_threads_per_core",
            "processor_vcpus",
            "processor_nproc",
        ]
        .iter()
        .map(|name| facts.get(name).and_then(Value::as_i64).unwrap_or(-1))
        .collect()
    }

    #[test]
    fn sockets_cores_and_threads_are_counted() {
        let one = |n: u32, socket: u32| {
            format!(
                "processor\t: {n}\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nphysical id\t: {socket}\nsiblings\t: 4\ncpu cores\t: 2\nflags\t\t: fpu vme\n\n"
            )
        };
        let text: String = (0..8).map(|n| one(n, n / 4)).collect();
        let facts = parse(&text, 8);
        assert_eq!(numbers(&facts), [2, 2, 2, 8, 8]);
        let list = facts.get("processor").and_then(Value::as_list).unwrap_or_default();
        assert_eq!(list[..3], ["0".into(), "GenuineIntel".into(), "Xeon".into()]);
        let arm = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\n\nprocessor\t: 1\n";
        assert_eq!(numbers(&parse(arm, 2)), [2, 1, 1, 2, 2]);
    }
}
