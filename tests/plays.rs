//! Random small playbooks against what ansible-playbook 2.19 prints for them.
//!
//! `tests/plays/record.py` makes them and runs the real one; some are kept in `tests/plays/recorded`. To try many more, record
//! them elsewhere and name the folder in `EKUMEN_TEST_PLAYS`; `EKUMEN_TEST_CASE=000123` runs one.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use support::program::Programs;

/// How many differences are shown whole.
const SHOWN: usize = 400;

/// A recorded playbook.
struct Case {
    name: String,
    args: Vec<String>,
    files: Vec<(String, String)>,
    printed: String,
}

impl Case {
    /// `### args`, `### file NAME` and `### printed` begin the parts.
    fn read(path: &Path) -> Case {
        let text = std::fs::read_to_string(path).expect("a recorded playbook");
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let mut case = Case { name, args: vec![], files: vec![], printed: String::new() };
        for part in format!("\n{text}").split("\n### ").skip(1) {
            let (title, body) = part.split_once('\n').expect("a title and a body");
            match title.split_once(' ') {
                Some(("file", name)) => case.files.push((name.to_owned(), format!("{body}\n"))),
                _ if title == "args" => case.args = body.split_whitespace().map(str::to_owned).collect(),
                _ => case.printed = body.trim_end().to_owned(),
            }
        }
        case
    }

    fn run(&self, programs: &Programs) -> String {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = scratch.path().canonicalize().expect("it exists").join("project");
        for (name, text) in &self.files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let run = programs
            .command("ansible-playbook", &folder)
            .args(["-i", "inventory"])
            .args(&self.args)
            .env("ANSIBLE_HOST_KEY_CHECKING", "0")
            // As the plays were recorded: who is at work with whom decides what a failure ends.
            .env("ANSIBLE_FORKS", "1")
            .output()
            .expect("the program starts");
        let code = run.status.code().expect("it ends by itself");
        let text = String::from_utf8_lossy(&run.stdout).replace(&folder.display().to_string(), "{dir}");
        let text: Vec<&str> = text.lines().map(|line| line.trim_end_matches(' ')).collect();
        format!("{}\n[exit {code}]", text.join("\n"))
    }

    /// Hosts go their own ways: what they print can only be compared host by host.
    fn is_free(&self) -> bool {
        self.files
            .iter()
            .any(|(_, text)| text.contains("strategy: free") || text.contains("strategy: host_pinned"))
    }
}

/// The host that a line of a result is about.
fn host_of(line: &str) -> Option<&str> {
    let words = [
        "ok: [",
        "changed: [",
        "failed: [",
        "fatal: [",
        "skipping: [",
        "FAILED - RETRYING: [",
        "ASYNC OK on ",
        "ASYNC FAILED on ",
    ];
    let rest = words.iter().find_map(|word| line.strip_prefix(word))?;
    Some(rest.split([']', ' ', ':']).next().unwrap_or(rest))
}

/// The lines, but for what differs on purpose: the place of an error inside a value, the error of a task with `no_log`, the words
/// about a connection that cannot be made, the time a command took, the number of a job and how often it was asked for.
fn without_differences(text: &str) -> Vec<String> {
    let times = fancy_regex::Regex::new(r#""(delta|start|end)": "[^"]*""#).expect("an expression");
    let text = times.replace_all(text, "\"$1\": \"…\"");
    let jobs = fancy_regex::Regex::new(r#"[^" ]*\bj\d+\.\d+"#).expect("an expression");
    let text = jobs.replace_all(&text, "…");
    let mut lines: Vec<String> = Vec::new();
    let mut error = None;
    let (mut validates, mut unplaced) = (false, false);
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.trim_start().starts_with("^ column ") || line.starts_with("ASYNC POLL on ") {
            continue;
        }
        // The task that validates has no place in the real one.
        if line.ends_with("***") {
            validates = line.contains(" : Validating arguments against arg spec ");
        }
        let begins = ["[ERROR]: ", "<<< ", "fatal: ", "failed: ", "TASK ", "PLAY "];
        unplaced = validates && (unplaced || line.starts_with("Origin: "));
        unplaced &= !begins.iter().any(|word| line.starts_with(word));
        let several =
            validates && line.starts_with("[ERROR]: ") && line.contains("Validation of arguments failed");
        if unplaced || several {
            unplaced = true;
            continue;
        }
        if line.starts_with("[ERROR]: ") || line.starts_with("Error while evaluating conditional: ") {
            error.get_or_insert(lines.len());
        } else if host_of(line).is_some() {
            if let Some(start) = error.take()
                && line.contains("\"censored\"")
            {
                lines.truncate(start);
            }
        }
        let line = match (line.split_once("UNREACHABLE! => "), line.strip_prefix("Origin: ")) {
            (Some((head, _)), _) => format!("{head}UNREACHABLE!"),
            (_, Some(place)) => format!("Origin: {}", place.rsplit_once(':').map_or(place, |(line, _)| line)),
            _ => line.to_owned(),
        };
        if line.starts_with("NO MORE HOSTS LEFT") && lines.last() == Some(&line) {
            continue;
        }
        lines.push(line);
    }
    lines
}

/// What is compared. A task's results stand in the order of the hosts, since the real one shows what comes first; where hosts go
/// their own ways, so do the results of a play.
fn comparable(text: &str, free: bool) -> String {
    let mut banner = String::new();
    let mut pending = String::new();
    // The number of the banner before it, the host, the text.
    let mut chunks: Vec<(usize, String, String)> = Vec::new();
    let mut number = 0;
    for line in without_differences(text) {
        // Which of its results a host ignores is seen in the recap; after loops, and where hosts go their own ways, the line
        // stands anywhere.
        let after_loop = chunks.last().is_some_and(|(_, _, text)| text.contains("(item="));
        if (free || after_loop) && line == "...ignoring" {
            continue;
        }
        let title = line.ends_with("***");
        let end = line.starts_with("[exit ");
        if title || end {
            let of_play = line.starts_with("PLAY ") || end;
            if !free || of_play {
                number += 1;
                chunks.push((number, String::new(), std::mem::take(&mut pending) + &line));
            } else {
                banner = format!("{line}\n");
            }
            continue;
        }
        let included = line.strip_prefix("included: ").and_then(|rest| rest.rsplit(" for ").next());
        let host = host_of(&line).or_else(|| included.and_then(|hosts| hosts.split([',', ' ']).next()));
        if let (true, Some(hosts)) = (free, included) {
            // Hosts that come by at the same time share a line.
            let what = line.split(" for ").next().unwrap_or(&line);
            let hosts = hosts.split(" => ").next().unwrap_or(hosts);
            chunks.extend(hosts.split(", ").map(|host| (number, host.to_owned(), what.to_owned())));
            continue;
        }
        if let Some(host) = host {
            let host = host.to_owned();
            if free {
                // An error that several hosts have is shown for the first of them, whichever that is.
                pending.clear();
            }
            // A try is shown under whichever banner is the last.
            let banner = if line.starts_with("FAILED - RETRYING") { "" } else { banner.as_str() };
            chunks.push((number, host, format!("{banner}{}{line}", std::mem::take(&mut pending))));
        } else if line.starts_with("[ERROR]") || !pending.is_empty() {
            pending += &line;
            pending += "\n";
        } else if let Some((_, _, text)) = chunks.last_mut() {
            *text += "\n";
            *text += &line;
        }
    }
    if text.trim_end().ends_with("[exit 1]") {
        // What breaks off shows the results of its last task, or not.
        chunks.retain(|(at, host, _)| *at + 1 != number || host.is_empty());
    }
    // The real one shows items that are skipped before or after those that are not, as it happens.
    let skipped_item = |text: &str| text.starts_with("skipping: ") && text.contains("(item=");
    chunks.sort_by(|a, b| (a.0, &a.1, skipped_item(&a.2)).cmp(&(b.0, &b.1, skipped_item(&b.2))));
    chunks.into_iter().map(|(_, _, text)| text + "\n").collect()
}

#[test]
fn random_plays_print_what_ansible_prints() {
    let folder = match std::env::var_os("EKUMEN_TEST_PLAYS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plays/recorded"),
    };
    let wanted = std::env::var("EKUMEN_TEST_CASE").ok();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("a folder of recorded playbooks")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            wanted.as_ref().is_none_or(|wanted| path.file_stem().is_some_and(|name| name == &**wanted))
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are recorded playbooks");
    let total = paths.len();
    let programs = Programs::new();
    let queue = Mutex::new(VecDeque::from(paths));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(path) = queue.lock().expect("no panic").pop_front() else { break };
                    let case = Case::read(&path);
                    let expected = comparable(&case.printed, case.is_free());
                    let actual = comparable(&case.run(&programs), case.is_free());
                    if expected != actual {
                        let difference = similar::TextDiff::from_lines(&expected, &actual)
                            .unified_diff()
                            .context_radius(2)
                            .header("ansible", "ekumen")
                            .to_string();
                        failures.lock().expect("no panic").push((case.name, difference));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no panic");
    failures.sort();
    let names: Vec<&str> = failures.iter().map(|(name, _)| name.as_str()).collect();
    let shown: Vec<String> =
        failures.iter().take(SHOWN).map(|(name, difference)| format!("=== {name}\n{difference}")).collect();
    assert!(
        failures.is_empty(),
        "{} of {total} differ: {}\n{}",
        failures.len(),
        names.join(" "),
        shown.join("\n")
    );
}
