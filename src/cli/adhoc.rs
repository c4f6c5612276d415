//! `ekumen do`, `ansible`: one module on the hosts of a pattern.

use super::exit;
use super::options::{Common, print};
use super::run;
use super::setup::{setup, show};
use crate::diag::{Diagnostic, Severity, SourceFile, Span};
use crate::report::{NO_HOSTS_MATCHED, Reporters};
use crate::runner::{Event, Reporter};
use crate::source::settings::Name;
use crate::source::{Node, NodeKind, Settings, args, yaml};
use clap::Parser;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs one module on the hosts of a pattern.
#[derive(Parser, Debug)]
#[command(disable_version_flag = true)]
struct Args {
    /// Host pattern
    #[arg(value_name = "PATTERN")]
    pattern: String,
    /// The module
    #[arg(short = 'm', long = "module-name", value_name = "MODULE")]
    module: Option<String>,
    /// Its arguments: key=value pairs, or a JSON mapping
    #[arg(short = 'a', long = "args", value_name = "ARGUMENTS", allow_hyphen_values = true)]
    args: Option<String>,
    /// Seconds after which the task is ended
    #[arg(long, value_name = "SECONDS")]
    task_timeout: Option<u32>,
    /// Seconds that the task may take in the background
    #[arg(short = 'B', long = "background", value_name = "SECONDS", default_value_t = 0)]
    background: u32,
    /// Seconds between questions whether it is done; 0 does not wait for it
    #[arg(short = 'P', long = "poll", value_name = "SECONDS")]
    poll: Option<u32>,
    /// A folder for a file with the result of each host
    #[arg(short = 't', long = "tree", value_name = "FOLDER")]
    tree: Option<PathBuf>,
    /// One line per host
    #[arg(short = 'o', long = "one-line")]
    one_line: bool,
    /// The folder relative paths start from
    #[arg(long, value_name = "FOLDER")]
    playbook_dir: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub fn main(args: Vec<String>, name: Name) -> i32 {
    if name == Name::Ansible && args.iter().any(|arg| arg == "--version") {
        print(&run::version_text(&args[0]));
        return exit::OK;
    }
    let words = args.clone();
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return run::usage(&error, name),
    };
    let mut setup = match setup(&args.common, name, |_| {}) {
        Ok(setup) => setup,
        Err(code) => return code,
    };
    setup.warnings.extend(deprecated(&words, name));
    let local = matches!(args.pattern.as_str(), "localhost" | "127.0.0.1" | "::1");
    let empty = setup.nothing_but_localhost().filter(|_| !local);
    if args.common.list_hosts {
        setup.warnings.extend(empty);
        return list_hosts(&setup, &args.pattern);
    }
    let arguments =
        args.args.clone().or_else(|| setup.shared.settings.str("DEFAULT_MODULE_ARGS").map(str::to_owned));
    let arguments = arguments.unwrap_or_default();
    let module = args
        .module
        .clone()
        .or_else(|| setup.shared.settings.str("DEFAULT_MODULE_NAME").map(str::to_owned))
        .unwrap_or_else(|| "command".into());
    let needs_arguments = matches!(module.rsplit('.').next(), Some("command" | "shell" | "script" | "raw"));
    if needs_arguments && arguments.is_empty() {
        show(&Diagnostic::error("no-arguments", format!("No argument passed to {module} module")));
        return if name == Name::Ansible { exit::BAD_OPTION } else { exit::FAILED };
    }
    let node = match play_node(&args, &module, &arguments) {
        Ok(node) => node,
        Err(problem) => {
            show(&problem);
            return exit::FAILED;
        }
    };
    let directory = args.playbook_dir.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let playbook = match setup.shared.loader.playbook_from(&node, &directory) {
        Ok(playbook) => playbook,
        Err(problems) => {
            problems.iter().for_each(show);
            // Ansible finds these when the task runs, and so the task fails.
            return if name == Name::Ansible { exit::FAILED } else { exit::content(name) };
        }
    };
    let settings = &setup.shared.settings;
    let callback = settings.str("DEFAULT_STDOUT_CALLBACK").unwrap_or_default();
    let by_callback = settings.bool("DEFAULT_LOAD_CALLBACK_PLUGINS")
        && callback.strip_prefix("ansible.builtin.").unwrap_or(callback) == "oneline";
    let (mut reporter, will_go) = Reporters::of_one_task(
        args.one_line || by_callback,
        setup.has_hosts() || local,
        setup.look,
        &setup.sink,
    );
    // Under its own name these are no callbacks.
    let told = |warning: &Diagnostic| name == Name::Ansible || warning.severity != Severity::Deprecation;
    setup.warnings.extend(will_go.filter(told));
    setup.warnings.extend(empty);
    if let Some(folder) = &args.tree {
        let mut settings = Settings::clone(settings);
        settings.set_flag("tree.directory", folder.to_string_lossy().into_owned(), "--tree");
        setup.warnings.extend(reporter.with_tree(&settings, setup.look, &setup.sink).filter(told));
    }
    for warning in &setup.warnings {
        reporter.on(&Event::Problem(warning.clone()));
    }
    run::say_sources(&setup);
    run::execute(&setup, &[(directory, playbook)], &mut reporter, name)
}

/// The options that Ansible will drop, as they were written.
fn deprecated(words: &[String], name: Name) -> Vec<Diagnostic> {
    if name != Name::Ansible {
        return vec![];
    }
    let options = [(["-t", "--tree"], "tree"), (["-o", "--one-line"], "oneline")];
    let written = options.iter().flat_map(|(names, callback)| {
        names.iter().filter(|name| words.iter().any(|word| word == *name)).map(move |name| (name, callback))
    });
    written
        .map(|(name, callback)| {
            let what = format!(
                "The '{name}' argument is deprecated. This feature will be removed from ansible-core version 2.23. \
                 Use callback configuration to enable the {callback} callback instead."
            );
            Diagnostic::new(Severity::Deprecation, "deprecated-option", what)
        })
        .collect()
}

/// The play that an ad-hoc command means.
fn play_node(args: &Args, module: &str, given: &str) -> Result<Node, Diagnostic> {
    let span = Span::synthetic("<command line>", &format!("{module} {given}"));
    let text = |text: &str| Node::new(NodeKind::Str(text.into()), span.clone());
    let map = |entries: Vec<(&str, Node)>| {
        Node::new(
            NodeKind::Map(entries.into_iter().map(|(key, value)| (text(key), value)).collect()),
            span.clone(),
        )
    };
    let trimmed = given.trim();
    let arguments = if trimmed.starts_with('{') && trimmed.ends_with('}') && !trimmed.starts_with("{{") {
        let file = Arc::new(SourceFile { path: "<command line>".into(), text: trimmed.into() });
        yaml::parse(&file)?.node
    } else {
        text(given)
    };
    // A template for a module has its arguments beside it; what makes no sense is told of where they are read.
    let pairs = if module.contains("{{") { args::parse_kv(given, false).ok() } else { None };
    let arguments = match (pairs, &arguments.kind) {
        (Some(pairs), NodeKind::Str(_)) => {
            map(pairs.iter().map(|(key, value)| (key.as_str(), text(value))).collect())
        }
        _ => arguments,
    };
    let mut task = match module.contains("{{") {
        true => vec![("action", text(module)), ("args", arguments)],
        false => vec![(module, arguments)],
    };
    let number = |number: u32| Node::new(NodeKind::Int(number.into()), span.clone());
    if args.background > 0 {
        task.push(("async", number(args.background)));
        task.extend(args.poll.map(|seconds| ("poll", number(seconds))));
    }
    if let Some(seconds) = args.task_timeout {
        task.push(("timeout", Node::new(NodeKind::Int(seconds.into()), span.clone())));
    }
    let play = map(vec![
        ("name", text("Ansible Ad-Hoc")),
        ("hosts", text(&args.pattern)),
        ("gather_facts", Node::new(NodeKind::Bool(false), span.clone())),
        ("tasks", Node::new(NodeKind::List(vec![map(task)]), span.clone())),
    ]);
    Ok(Node::new(NodeKind::List(vec![play]), span.clone()))
}

fn list_hosts(setup: &super::setup::Setup, pattern: &str) -> i32 {
    let Ok(inventory) = setup.shared.store.inventory.read() else { return exit::ERROR };
    match inventory.select(pattern, setup.shared.options.limit.as_deref()) {
        Ok((hosts, warnings)) => {
            setup.warnings.iter().chain(&warnings).for_each(show);
            if hosts.is_empty() && setup.has_hosts() {
                show(&Diagnostic::warning("no-hosts", NO_HOSTS_MATCHED));
            }
            print(&format!("  hosts ({}):\n", hosts.len()));
            hosts.iter().for_each(|host| print(&format!("    {host}\n")));
            exit::OK
        }
        Err(problem) => {
            show(&problem);
            exit::ERROR
        }
    }
}
