//! The live line at the bottom of a terminal: which hosts are still busy, with what, for how long.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Hosts named in the line; the rest are a number.
const NAMED: usize = 4;

pub struct Status {
    bar: ProgressBar,
    busy: Mutex<BTreeMap<String, Busy>>,
}

struct Busy {
    task: String,
    since: Instant,
    last_line: String,
}

impl Status {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, busy: Mutex::default() }
    }

    /// Prints without the line in the way.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub fn begin(&self, host: &str, task: &str) {
        if let Ok(mut busy) = self.busy.lock() {
            busy.insert(
                host.into(),
                Busy { task: task.into(), since: Instant::now(), last_line: String::new() },
            );
        }
        self.refresh();
    }

    pub fn done(&self, host: &str) {
        if let Ok(mut busy) = self.busy.lock() {
            busy.remove(host);
        }
        self.refresh();
    }

    /// The last line a host printed.
    pub fn output(&self, host: &str, text: &str) {
        let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) else { return };
        if let Ok(mut busy) = self.busy.lock()
            && let Some(entry) = busy.get_mut(host)
        {
            entry.last_line = line.chars().filter(|c| !c.is_control()).take(60).collect();
        }
        self.refresh();
    }

    fn refresh(&self) {
        let Ok(busy) = self.busy.lock() else { return };
        let mut hosts: Vec<(&String, &Busy)> = busy.iter().collect();
        hosts.sort_by_key(|(_, busy)| busy.since);
        let mut parts: Vec<String> = hosts
            .iter()
            .take(NAMED)
            .map(|(host, busy)| {
                let line =
                    if busy.last_line.is_empty() { String::new() } else { format!(": {}", busy.last_line) };
                format!("{host} {} s{line}", busy.since.elapsed().as_secs())
            })
            .collect();
        if hosts.len() > NAMED {
            parts.push(format!("and {} more", hosts.len() - NAMED));
        }
        let task = hosts.first().map(|(_, busy)| busy.task.clone()).unwrap_or_default();
        self.bar.set_message(if parts.is_empty() {
            String::new()
        } else {
            format!("{task} | {}", parts.join(", "))
        });
    }

    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}
