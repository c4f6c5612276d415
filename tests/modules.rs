//! Modules against real file systems and hosts: every case is data (`tests/modules/FAMILY/*.yml`) and runs four passes:
//! check, apply, apply, check. A check writes nothing, what it predicts is what is done, and the second apply changes nothing.
//! The format is described in `tests/modules/README.md`.

#[path = "modules/case.rs"]
mod case;
#[path = "modules/control.rs"]
mod control;
#[path = "modules/place.rs"]
mod place;
#[path = "modules/repositories.rs"]
mod repositories;
#[path = "modules/run.rs"]
mod run;
#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;
#[path = "modules/things.rs"]
mod things;

use case::{Case, label};
use ekumen::value::{Value, to_json};
use place::Place;
use run::Run;
use std::path::PathBuf;
use std::sync::Mutex;

/// Those in a directory of this machine.
#[test]
fn cases() {
    cases_that(|case| case.host.is_none());
}

/// Those on hosts of their own.
#[test]
fn cases_on_hosts() {
    cases_that(|case| case.host.is_some());
}

/// Every module has cases, in one kind of place or the other.
#[test]
fn every_module_has_cases() {
    if std::env::var("CASE").is_ok() {
        return;
    }
    let cases = case::all();
    let without: Vec<_> = ekumen::modules::registry::MODULES
        .iter()
        .map(|module| module.name)
        .filter(|name| !cases.iter().any(|(_, case)| case.module == *name))
        .collect();
    assert_eq!(without, Vec::<&str>::new());
}

fn cases_that(wanted: impl Fn(&Case) -> bool) {
    let root = rustix::process::geteuid().is_root();
    let cases: Vec<_> =
        case::all().into_iter().filter(|(_, case)| wanted(case) && (root || !case.root)).collect();
    assert!(!cases.is_empty() || std::env::var("CASE").is_ok(), "no case ran");
    let results = in_parallel(&cases);
    let failures: Vec<String> = results.iter().flat_map(|(_, problems)| problems.clone()).collect();
    record(results.into_iter().map(|(result, _)| result).collect());
    let count = cases.len();
    assert!(failures.is_empty(), "{} problems in {count} cases:\n{}", failures.len(), failures.join("\n"));
}

/// Runs cases, each processor one at a time; results and problems in their order.
fn in_parallel(cases: &[(PathBuf, Case)]) -> Vec<(Value, Vec<String>)> {
    let next = Mutex::new(cases.iter().enumerate());
    let done = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some((number, (file, case))) = next.lock().expect("no panic").next() else { return };
                    let Some(place) = Place::new(case) else { continue };
                    let mut run = Run::new(case, place);
                    run.passes();
                    let label = label(file, case);
                    let problems = run.problems.iter().map(|problem| format!("{label}: {problem}")).collect();
                    let outcomes = run.outcomes.iter().map(|outcome| run.neutral.value(outcome)).collect();
                    let result = Value::object([
                        ("file", file.file_name().unwrap_or_default().to_string_lossy().into_owned().into()),
                        ("name", Value::str(&case.name)),
                        ("results", Value::list(outcomes)),
                        ("files", run.after.into()),
                    ]);
                    done.lock().expect("no panic").push((number, (result, problems)));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no panic");
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// For tests/modules/compare.py.
fn record(results: Vec<Value>) {
    static ALL: Mutex<Vec<Value>> = Mutex::new(Vec::new());
    let Ok(path) = std::env::var("CASE_RESULTS") else { return };
    let mut all = ALL.lock().expect("no panic");
    all.extend(results);
    std::fs::write(path, to_json(&Value::list(all.clone()))).expect("results can be written");
}
