//! `ekumen drift`: what differs from the state that playbooks describe. Nothing is changed.

use super::exit;
use super::options::{Common, print, print_error};
use super::run::{self, Choice};
use super::setup::{setup, show};
use crate::report::DriftReport;
use crate::runner::Runner;
use crate::source::settings::Name;
use clap::Parser;
use std::path::PathBuf;

/// Reports what differs from the state that playbooks describe, and changes nothing.
///
/// Exit codes: 0 nothing differs, 10 something would change, 11 nothing would change but something is unknown, 2 a host failed, 3 a host
/// is unreachable.
#[derive(Parser, Debug)]
struct Args {
    /// Playbooks, checked one after the other
    #[arg(required = true, value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,
    /// Also write the report: json=FILE (`-` is standard output)
    #[arg(long, value_name = "FORMAT=FILE")]
    report: Vec<String>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    choice: Choice,
}

pub fn main(args: Vec<String>) -> i32 {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return run::usage(&error, Name::Ekumen),
    };
    let mut files = Vec::new();
    for report in &args.report {
        match report.split_once('=') {
            Some(("json", file)) => files.push(file.to_owned()),
            _ => {
                print_error(&format!(
                    "ekumen drift: `--report {report}`: reports are written as json=FILE\n"
                ));
                return exit::USAGE;
            }
        }
    }
    let choice = args.choice.clone();
    let setup = setup(&args.common, Name::Ekumen, |options| {
        options.check = true;
        options.diff = true;
        options.drift = true;
        options.tags = run::selection(&choice);
    });
    let setup = match setup {
        Ok(setup) => setup,
        Err(code) => return code,
    };
    setup.warnings.iter().for_each(show);
    let playbooks = match run::load(&setup, &args.playbooks, Name::Ekumen) {
        Ok(playbooks) => playbooks,
        Err(code) => return code,
    };
    let mut report = DriftReport::default();
    let mut problems = Problems;
    let mut runner = match Runner::new(setup.shared.clone(), vec![&mut report, &mut problems]) {
        Ok(runner) => runner,
        Err(error) => {
            print_error(&format!("[ERROR]: no threads could be started: {error}\n"));
            return exit::ERROR;
        }
    };
    for (_, playbook) in &playbooks {
        runner.run(playbook);
    }
    let verdict = runner.finish(true);
    print(&report.text());
    for file in files {
        let text = crate::value::to_json_pretty(&report.to_value()) + "\n";
        if file == "-" {
            print(&text);
        } else if let Err(error) = std::fs::write(&file, text) {
            print_error(&format!("[ERROR]: the report cannot be written to {file}: {error}\n"));
            return exit::ERROR;
        }
    }
    match () {
        () if verdict.interrupted => exit::INTERRUPTED,
        () if verdict.broken.is_some() => exit::CONTENT,
        () if verdict.nothing_ran => exit::NOTHING,
        () => report.exit_code(),
    }
}

/// Warnings and errors go to standard error as they come.
struct Problems;

impl crate::runner::Reporter for Problems {
    fn on(&mut self, event: &crate::runner::Event) {
        if let crate::runner::Event::Problem(problem) = event {
            show(problem);
        }
    }
}
