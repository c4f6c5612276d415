//! `ekumen run`, `ansible-playbook`.

use super::exit;
use super::list;
use super::options::{Common, print};
use super::setup::{Setup, setup, show};
use crate::diag::Diagnostic;
use crate::playbook::Playbook;
use crate::report::{Paint, of_settings};
use crate::runner::{Event, Reporter, Runner, Selection};
use crate::source::settings::Name;
use clap::Parser;
use std::path::PathBuf;

/// Brings hosts to the state that playbooks describe.
#[derive(Parser, Debug)]
#[command(disable_version_flag = true)]
pub struct Args {
    /// Playbooks, run one after the other
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub choice: Choice,
}

/// Which tasks, and how.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Choice {
    /// Only plays and tasks with these tags
    #[arg(short = 't', long)]
    pub tags: Vec<String>,
    /// Only plays and tasks without these tags
    #[arg(long)]
    pub skip_tags: Vec<String>,
    /// Run handlers even on hosts that failed
    #[arg(long)]
    pub force_handlers: bool,
    /// Start at the task of this name
    #[arg(long, value_name = "TASK")]
    pub start_at_task: Option<String>,
    /// Ask before each task
    #[arg(long)]
    pub step: bool,
    /// List the tasks and do nothing
    #[arg(long)]
    pub list_tasks: bool,
    /// List the tags and do nothing
    #[arg(long)]
    pub list_tags: bool,
}

pub fn main(args: Vec<String>, name: Name) -> i32 {
    if name == Name::Ansible && args.iter().any(|arg| arg == "--version") {
        print(&version_text(&args[0]));
        return exit::OK;
    }
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return usage(&error, name),
    };
    let choice = args.choice.clone();
    let mut setup = match setup(&args.common, name, |options| {
        options.tags = selection(&choice);
        options.start_at = choice.start_at_task.clone();
        options.step = choice.step;
        options.force_handlers = choice.force_handlers;
    }) {
        Ok(setup) => setup,
        Err(code) => return code,
    };
    let (mut reporters, found) = match of_settings(&setup.shared.settings, setup.look, &setup.sink) {
        Ok(reporters) => reporters,
        Err(problem) => {
            show(&problem);
            return exit::ERROR;
        }
    };
    setup.warnings.extend(found);
    for warning in std::mem::take(&mut setup.warnings) {
        reporters.on(&Event::Problem(warning));
    }
    if let Some(warning) = setup.nothing_but_localhost() {
        reporters.on(&Event::Problem(warning));
    }
    say_sources(&setup);
    if let Some(text) = &args.common.limit
        && let Err(code) = check_limit(&setup, text, name)
    {
        return code;
    }
    let playbooks = match load(&setup, &args.playbooks, name) {
        Ok(playbooks) => playbooks,
        Err(code) => return code,
    };
    if args.common.list_hosts || choice.list_tasks || choice.list_tags {
        return list::show(
            &setup,
            &playbooks,
            &list::What::new(
                args.common.list_hosts,
                choice.list_tasks,
                choice.list_tags,
                &setup.shared.options.tags,
            ),
            name,
        );
    }
    if args.common.syntax_check {
        if let Err(code) = list::look(&setup, &playbooks, name) {
            return code;
        }
        list::warn_of_patterns(&setup, &playbooks);
        playbooks.iter().for_each(|playbook| print(&format!("\nplaybook: {}\n", playbook.0.display())));
        return exit::OK;
    }
    let stats = args.common.connection.stats;
    let code = execute(&setup, &playbooks, &mut reporters, name);
    if stats {
        let stats = setup.shared.sessions.stats();
        print(&format!(
            "STATS round_trips={} bytes_sent={} bytes_received={}\n",
            stats.round_trips, stats.bytes_sent, stats.bytes_received
        ));
    }
    code
}

/// With `-v`: which settings hold. With `-vvv`: how the inventory was read.
pub fn say_sources(setup: &Setup) {
    let text = match setup.shared.settings.config_file() {
        Some(path) => format!("Using {} as config file", path.display()),
        None => "No config file found; using defaults".to_owned(),
    };
    let verbosity = setup.look.verbosity;
    setup.sink.remark(&text, Some(Paint::Verbose), 1, verbosity);
    if setup.shared.options.remarks >= 3
        && let Ok(inventory) = setup.shared.store.inventory.read()
    {
        let say = |remark: &String| setup.sink.remark(remark, Some(Paint::Verbose), 3, verbosity);
        inventory.remarks().iter().for_each(say);
    }
}

/// Runs loaded playbooks with one reporter.
pub fn execute(
    setup: &Setup,
    playbooks: &[(PathBuf, Playbook)],
    reporter: &mut dyn Reporter,
    name: Name,
) -> i32 {
    let mut runner = match Runner::new(setup.shared.clone(), vec![reporter]) {
        Ok(runner) => runner,
        Err(error) => {
            show(&Diagnostic::error("threads", format!("no threads could be started: {error}")));
            return exit::ERROR;
        }
    };
    for (_, playbook) in playbooks {
        runner.run(playbook);
    }
    exit::of(&runner.finish(name == Name::Ekumen), name)
}

/// Loads playbooks; problems are shown.
///
/// # Errors
/// The exit code.
pub fn load(setup: &Setup, paths: &[PathBuf], name: Name) -> Result<Vec<(PathBuf, Playbook)>, i32> {
    let mut playbooks = Vec::new();
    for path in paths {
        // `ns.collection.playbook`.
        let found =
            (!path.exists()).then(|| setup.shared.loader.collection_playbook(&path.to_string_lossy()));
        let path = &found.flatten().unwrap_or_else(|| path.clone());
        if !path.exists() {
            let text = format!("the playbook: {} could not be found", path.display());
            show(&Diagnostic::error("no-playbook", text));
            return Err(if name == Name::Ansible { exit::ERROR } else { exit::CONTENT });
        }
        match setup.shared.loader.playbook(path) {
            Ok(playbook) => playbooks.push((path.clone(), playbook)),
            Err(problems) => {
                setup.shared.loader.take_problems().iter().for_each(show);
                problems.iter().for_each(show);
                return Err(exit::of_problems(&problems, name));
            }
        }
    }
    Ok(playbooks)
}

/// A limit that selects nothing is an error before anything runs.
fn check_limit(setup: &Setup, limit: &str, name: Name) -> Result<(), i32> {
    let Ok(inventory) = setup.shared.store.inventory.read() else { return Ok(()) };
    match inventory.select("all", Some(limit)) {
        Ok((hosts, warnings)) if hosts.is_empty() => {
            warnings.iter().for_each(show);
            // Hosts that exist only by name (`localhost`) may be what the limit means.
            if inventory.select(limit, None).is_ok_and(|(hosts, _)| !hosts.is_empty()) {
                return Ok(());
            }
            let text = "Specified inventory, host pattern and/or --limit leaves us with no hosts to target.";
            show(&Diagnostic::error("no-hosts", text));
            Err(if name == Name::Ansible { exit::ERROR } else { exit::NOTHING })
        }
        Ok(_) => Ok(()),
        Err(problem) => {
            show(&problem);
            Err(exit::ERROR)
        }
    }
}

pub fn selection(choice: &Choice) -> Selection {
    let split = |texts: &[String]| -> Vec<String> {
        texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(|tag| tag.trim().to_owned())
            .filter(|tag| !tag.is_empty())
            .collect()
    };
    let only = split(&choice.tags);
    Selection {
        only: if only.is_empty() { vec!["all".into()] } else { only },
        skip: split(&choice.skip_tags),
    }
}

/// What clap has to say, with Ansible's code under its names.
pub fn usage(error: &clap::Error, name: Name) -> i32 {
    drop(error.print());
    match error.kind() {
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => exit::OK,
        _ => exit::usage(name),
    }
}

/// `--version` as scripts parse it.
pub fn version_text(program: &str) -> String {
    let name = std::path::Path::new(program)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    format!("{name} [core {}]\n  ekumen {}\n", crate::vars::ANSIBLE_VERSION, env!("CARGO_PKG_VERSION"))
}
