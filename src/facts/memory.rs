//! Memory, from `/proc/meminfo`.

use super::Facts;
use super::read::text;
use crate::value::Value;

pub fn facts() -> Facts {
    parse(&text("/proc/meminfo").unwrap_or_default())
}

fn parse(meminfo: &str) -> Facts {
    let megabytes = |wanted: &str| -> i64 {
        let line = meminfo.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| *key == wanted);
        let kilobytes = line.and_then(|(_, value)| value.split_whitespace().next()?.parse::<i64>().ok());
        kilobytes.unwrap_or(0) / 1024
    };
    let (total, free) = (megabytes("MemTotal"), megabytes("MemFree"));
    let (swap_total, swap_free) = (megabytes("SwapTotal"), megabytes("SwapFree"));
    let uncached = free + megabytes("Cached") + megabytes("Buffers");
    let mut facts = Facts::new();
    facts.set("memtotal_mb", total);
    facts.set("memfree_mb", free);
    facts.set("swaptotal_mb", swap_total);
    facts.set("swapfree_mb", swap_free);
    facts.set(
        "memory_mb",
        Value::object([
            ("real", Value::object([("total", total), ("used", total - free), ("free", free)])),
            ("nocache", Value::object([("free", uncached), ("used", total - uncached)])),
            (
                "swap",
                Value::object([
                    ("total", swap_total),
                    ("free", swap_free),
                    ("used", swap_total - swap_free),
                    ("cached", megabytes("SwapCached")),
                ]),
            ),
        ]),
    );
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_megabytes() {
        let facts = parse(
            "MemTotal: 2048000 kB\nMemFree: 1024000 kB\nBuffers: 10240 kB\nCached: 102400 kB\nSwapTotal: 1024 kB\nSwapFree: 0 kB\n",
        );
        assert_eq!(facts.get("memtotal_mb"), Some(&Value::Int(2000)));
        let memory = facts.get("memory_mb").expect("it is set");
        assert_eq!(memory.path(&["nocache", "free"]), Some(&Value::Int(1110)));
        assert_eq!(memory.path(&["swap", "used"]), Some(&Value::Int(1)));
    }
}
