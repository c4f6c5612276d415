//! Finding and killing the processes of a task.
//!
//! A task's processes are the ones in the helper's session or below the helper that started after the task did.
//! Older ones are what earlier tasks left behind on purpose, or the helpers of other identities, and they and
//! their children stay. A process that became a daemon (a session of its own, adopted by init) has left the task.

use rustix::process::{Pid, Signal};
use std::collections::HashMap;
use std::fs;

/// When a task started: in the kernel's count of process start times, which is coarse, and, for processes that
/// started within the same count, after which process number.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    ticks: u64,
    last_pid: i32,
}

/// The kernel counts start times in hundredths of a second, whatever its own clock does (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

impl Moment {
    pub fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
        let ticks = seconds * TICKS_PER_SECOND + nanoseconds / (1_000_000_000 / TICKS_PER_SECOND);
        // The last field is the number given out last. Without it, all of this hundredth belong to the task.
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let last_pid = load.split_whitespace().next_back().and_then(|pid| pid.parse().ok()).unwrap_or(0);
        Self { ticks, last_pid }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    session: i32,
    /// In ticks since the machine started.
    started: u64,
}

impl Process {
    fn is_older_than(&self, moment: Moment) -> bool {
        self.started < moment.ticks || (self.started == moment.ticks && self.pid <= moment.last_pid)
    }
}

/// Kills the processes of the task that started at `since`; how many there were.
pub fn kill_started_since(since: Moment) -> usize {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let session = rustix::process::getsid(None).map_or(own, |pid| pid.as_raw_nonzero().get());
    let doomed = select(&list(), own, session, since);
    for pid in doomed.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // Gone already, or another user's (a helper of another identity ends its own).
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    doomed.len()
}

fn select(processes: &HashMap<i32, Process>, own: i32, session: i32, since: Moment) -> Vec<i32> {
    let mut doomed: Vec<i32> = processes
        .values()
        .filter(|process| process.pid != own && belongs(processes, process, own, session, since))
        .map(|process| process.pid)
        .collect();
    doomed.sort_unstable();
    doomed
}

fn belongs(
    processes: &HashMap<i32, Process>,
    process: &Process,
    own: i32,
    session: i32,
    since: Moment,
) -> bool {
    let mut current = process;
    let mut in_session = false;
    // A chain of parents is never longer than the table, whatever happened while the table was read.
    for _ in 0..=processes.len() {
        if current.is_older_than(since) {
            return false;
        }
        in_session |= current.session == session;
        if current.parent == own {
            return true;
        }
        match processes.get(&current.parent) {
            // The session tells about an orphan, which init or a sub-reaper outside of it has adopted.
            None => return in_session,
            Some(parent) if parent.pid == 1 => return in_session,
            Some(parent) if current.session == session && parent.session != session => return in_session,
            Some(parent) => current = parent,
        }
    }
    false
}

/// All processes that can be seen.
fn list() -> HashMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok())
        .filter_map(|line| parse(&line))
        .map(|process| (process.pid, process))
        .collect()
}

/// A line of `/proc/PID/stat`. The name in parentheses may hold anything, parentheses and blanks included.
fn parse(line: &str) -> Option<Process> {
    let (pid, rest) = line.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // `proc(5)` counts from 1, and `fields` starts with its third, the state.
    let field = |number: usize| fields.get(number - 3);
    // A zombie is dead already.
    if *field(3)? == "Z" {
        return None;
    }
    Some(Process {
        pid: pid.parse().ok()?,
        parent: field(4)?.parse().ok()?,
        session: field(6)?.parse().ok()?,
        started: field(22)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(i32, i32, i32, u64)]) -> HashMap<i32, Process> {
        rows.iter()
            .map(|(pid, parent, session, started)| {
                (*pid, Process { pid: *pid, parent: *parent, session: *session, started: *started })
            })
            .collect()
    }

    #[test]
    fn selects_what_the_task_started() {
        // (pid, parent, session, started); the helper is 10 in session 10, the task starts at 100.
        let processes = table(&[
            (1, 0, 1, 0),
            (10, 5, 10, 1),
            (5, 1, 5, 0),
            (20, 10, 10, 50),  // a relay's sudo
            (21, 20, 21, 50),  // the helper of another identity
            (22, 21, 21, 120), // a process of that one's task
            (30, 1, 10, 60),   // `nohup … &` of an earlier task
            (32, 1, 10, 100),  // another one, started in the last moment before this task
            (31, 30, 10, 130), // and its child
            (40, 10, 10, 100), // the command of this task
            (41, 40, 10, 101), // its child
            (42, 41, 42, 102), // `setsid` in the foreground
            (43, 1, 10, 103),  // an orphan of this task
            (44, 1, 44, 104),  // a daemon that this task started
            (45, 43, 45, 105), // `setsid` below the orphan
            (50, 5, 5, 150),   // somebody else's
        ]);
        assert_eq!(select(&processes, 10, 10, Moment { ticks: 100, last_pid: 39 }), [40, 41, 42, 43, 45]);
    }

    #[test]
    fn a_sub_reaper_adopts_orphans_as_init_does() {
        // 7 is `systemd --user`, which adopts; it is in another session and was there before.
        let processes =
            table(&[(1, 0, 1, 0), (7, 1, 7, 5), (10, 7, 10, 9), (43, 7, 10, 103), (44, 7, 44, 103)]);
        assert_eq!(select(&processes, 10, 10, Moment { ticks: 100, last_pid: 39 }), [43]);
    }

    #[test]
    fn reads_stat_lines_with_any_name() {
        let line = "77 (a) (b c) S 10 77 66 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9 9";
        let process = Process { pid: 77, parent: 10, session: 66, started: 12345 };
        assert_eq!(parse(line), Some(process));
        assert_eq!(parse(&line.replace(" S ", " Z ")), None);
        assert_eq!(parse("nonsense"), None);
    }
}
