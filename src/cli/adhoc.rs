//! `ekumen do`, `ansible`: one module on the hosts of a pattern.

use super::exit;
use super::options::{Common, print, print_error};
use super::run;
use super::setup::{setup, show};
use crate::diag::{SourceFile, Span};
use crate::report::Minimal;
use crate::runner::{Event, Reporter};
use crate::source::settings::Name;
use crate::source::{Node, NodeKind, yaml};
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
    #[arg(
        short = 'a',
        long = "args",
        value_name = "ARGUMENTS",
        default_value = "",
        allow_hyphen_values = true
    )]
    args: String,
    /// Seconds after which the task is ended
    #[arg(long, value_name = "SECONDS")]
    task_timeout: Option<u32>,
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
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return run::usage(&error, name),
    };
    let setup = match setup(&args.common, name, |_| {}) {
        Ok(setup) => setup,
        Err(code) => return code,
    };
    if args.common.list_hosts {
        return list_hosts(&setup, &args.pattern);
    }
    let module = args
        .module
        .clone()
        .or_else(|| setup.shared.settings.str("DEFAULT_MODULE_NAME").map(str::to_owned))
        .unwrap_or_else(|| "command".into());
    let needs_arguments = matches!(module.rsplit('.').next(), Some("command" | "shell" | "script" | "raw"));
    if needs_arguments && args.args.is_empty() {
        print_error(&format!("[ERROR]: No argument passed to {module} module\n"));
        return exit::FAILED;
    }
    let node = match play_node(&args, &module) {
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
            return exit::content(name);
        }
    };
    let settings = &setup.shared.settings;
    let callback = settings.str("DEFAULT_STDOUT_CALLBACK").unwrap_or_default();
    let by_callback = settings.bool("DEFAULT_LOAD_CALLBACK_PLUGINS")
        && callback.strip_prefix("ansible.builtin.").unwrap_or(callback) == "oneline";
    let mut reporter = Minimal::new(setup.look, args.one_line || by_callback, setup.sink.clone());
    for warning in &setup.warnings {
        reporter.on(&Event::Problem(warning.clone()));
    }
    run::say_sources(&setup);
    run::execute(&setup, &[(directory, playbook)], &mut reporter, name)
}

/// The play that an ad-hoc command means.
fn play_node(args: &Args, module: &str) -> Result<Node, crate::diag::Diagnostic> {
    let span = Span::synthetic("<command line>", &format!("{module} {}", args.args));
    let text = |text: &str| Node::new(NodeKind::Str(text.into()), span.clone());
    let map = |entries: Vec<(&str, Node)>| {
        Node::new(
            NodeKind::Map(entries.into_iter().map(|(key, value)| (text(key), value)).collect()),
            span.clone(),
        )
    };
    let trimmed = args.args.trim();
    let arguments = if trimmed.starts_with('{') && trimmed.ends_with('}') && !trimmed.starts_with("{{") {
        let file = Arc::new(SourceFile { path: "<command line>".into(), text: trimmed.into() });
        yaml::parse(&file)?.node
    } else {
        text(&args.args)
    };
    let mut task = match module.contains("{{") {
        true => vec![("action", map(vec![("module", text(module))])), ("args", arguments)],
        false => vec![(module, arguments)],
    };
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
            warnings.iter().for_each(show);
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
