//! `ekumen inventory`, `ansible-inventory`: shows hosts, groups and their variables.

use super::setup::show;
use super::{exit, extra_vars};
use crate::diag::{Diagnostic, Diagnostics};
use crate::inventory::{self, Format, View};
use crate::source::settings::{Name, Surroundings};
use crate::source::vault::Vault;
use crate::source::{Settings, yaml};
use crate::template::{self, Engine};
use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Show hosts, groups and their variables.
#[derive(Debug, Default, Parser)]
#[command(name = "ansible-inventory")]
pub struct Options {
    /// Inventory file, folder or program, or hosts separated by commas; may be repeated
    #[arg(short, long, visible_alias = "inventory-file")]
    pub inventory: Vec<String>,
    /// Further limit the hosts
    #[arg(short, long, value_name = "SUBSET")]
    pub limit: Option<String>,
    /// All hosts and groups
    #[arg(long)]
    pub list: bool,
    /// The variables of one host
    #[arg(long)]
    pub host: Option<String>,
    /// A tree of groups and hosts
    #[arg(long)]
    pub graph: bool,
    /// YAML instead of JSON
    #[arg(short, long)]
    pub yaml: bool,
    /// TOML instead of JSON
    #[arg(long, conflicts_with = "yaml")]
    pub toml: bool,
    /// Show variables in the graph
    #[arg(long)]
    pub vars: bool,
    /// Show variables where they were set, not what they come to for each host
    #[arg(long)]
    pub export: bool,
    /// Variables: key=value, YAML, JSON, or @FILE
    #[arg(short = 'e', long, value_name = "EXTRA_VARS")]
    pub extra_vars: Vec<String>,
    /// Write to a file instead
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The folder whose group_vars and host_vars count as the playbook's
    #[arg(long, value_name = "FOLDER")]
    pub playbook_dir: Option<PathBuf>,
    /// Vault identities: NAME@FILE
    #[arg(long, value_name = "ID")]
    pub vault_id: Vec<String>,
    /// Files with vault passwords
    #[arg(long, value_name = "FILE", visible_alias = "vault-pass-file")]
    pub vault_password_file: Vec<String>,
    /// Ask for the vault password
    #[arg(short = 'J', long, visible_alias = "ask-vault-pass")]
    pub ask_vault_password: bool,
    /// Say more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Clear the fact cache first (there is none)
    #[arg(long, hide = true)]
    pub flush_cache: bool,
    /// The group the graph starts from
    pub group: Option<String>,
}

/// Exit code for wrong options.
const USAGE: i32 = 5;
const FAILED: i32 = 1;

/// Runs the command; the exit code.
pub fn main(args: Vec<String>, name: Name) -> i32 {
    let options = match Options::try_parse_from(args) {
        Ok(options) => options,
        Err(error) => {
            let _ = error.print();
            return error.exit_code();
        }
    };
    let outcome = execute(&options, Surroundings::of_process(name), open_vault);
    outcome.messages.iter().for_each(show);
    let written = match &options.output {
        Some(path) if outcome.code == 0 => std::fs::write(path, &outcome.text),
        _ => std::io::stdout().write_all(outcome.text.as_bytes()),
    };
    match written {
        Ok(()) => outcome.code,
        Err(_) => FAILED,
    }
}

/// The passwords of the options and the settings.
fn open_vault(options: &Options, settings: &Settings) -> Result<Vault, Diagnostic> {
    let (ids, files) = (&options.vault_id, &options.vault_password_file);
    super::vault::open(&super::vault::Keys { ids, files, ask: options.ask_vault_password }, settings)
}

/// What a command line comes to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// For standard output.
    pub text: String,
    /// For standard error.
    pub messages: Diagnostics,
    /// The exit code.
    pub code: i32,
}

/// As [`main`], without printing.
pub fn execute(
    options: &Options,
    surroundings: Surroundings,
    open_vault: impl FnOnce(&Options, &Settings) -> Result<Vault, Diagnostic>,
) -> Outcome {
    let mut messages = Diagnostics::new();
    let (text, code) = match answer(options, surroundings, open_vault, &mut messages) {
        Ok(text) => (text, 0),
        Err((error, code)) => {
            messages.push(error);
            (String::new(), code)
        }
    };
    Outcome { text, messages, code }
}

type Failure = (Diagnostic, i32);

fn failed(error: Diagnostic) -> Failure {
    (error, FAILED)
}

fn wrong(what: &str) -> Failure {
    (Diagnostic::error("usage", what), USAGE)
}

#[expect(clippy::result_large_err, reason = "once per run")]
fn answer(
    options: &Options,
    surroundings: Surroundings,
    open_vault: impl FnOnce(&Options, &Settings) -> Result<Vault, Diagnostic>,
    messages: &mut Diagnostics,
) -> Result<String, Failure> {
    match usize::from(options.list) + usize::from(options.graph) + usize::from(options.host.is_some()) {
        1 => {}
        0 => {
            return Err(wrong(
                "No action selected, at least one of --host, --graph or --list needs to be specified.",
            ));
        }
        _ => {
            return Err(wrong(
                "Conflicting options used, only one of --host, --graph or --list can be used at the same time.",
            ));
        }
    }
    let working_directory = surroundings.working_directory.clone();
    let name = surroundings.name;
    let (settings, warnings) =
        Settings::load(surroundings).map_err(|problem| (problem, exit::of_settings(name)))?;
    let settings = Arc::new(settings);
    messages.extend(warnings);
    let vault = Arc::new(open_vault(options, &settings).map_err(failed)?);
    let reader = yaml::Reader::new(vault.clone()).with_duplicates(yaml::Duplicates::of_settings(&settings));
    let engine = Engine::with_settings(template::Settings {
        allow_broken_conditionals: settings.bool("ALLOW_BROKEN_CONDITIONALS"),
        plain_constants: !settings.bool("ALLOW_EMBEDDED_TEMPLATES"),
        untrusted: template::Untrusted::Ignore,
        vault: vault.clone(),
        is_module: Some(crate::playbook::is_available),
        config: Some(settings.clone()),
    });
    let extra = extra_vars::parse(&options.extra_vars, &engine, &reader, messages).map_err(failed)?;
    let given = inventory::Given { reader, engine, extra: Arc::new(extra) };
    let (inventory, warnings) =
        inventory::load_with(&options.inventory, &settings, &given).or_else(|mut problems| {
            // The last is the error.
            match problems.pop() {
                Some(error) => {
                    messages.append(&mut problems);
                    Err(failed(error))
                }
                None => Ok(Default::default()),
            }
        })?;
    messages.extend(warnings);
    let playbook_dir = options.playbook_dir.as_ref().map(|dir| working_directory.join(dir));
    let view = View {
        inventory: &inventory,
        playbook_dir: playbook_dir.as_deref(),
        export: options.export || settings.bool("INVENTORY_EXPORT"),
        extra: &given.extra,
        vault: &vault,
    };
    let format = match (options.yaml, options.toml) {
        (true, _) => Format::Yaml,
        (_, true) => Format::Toml,
        _ => Format::Json,
    };
    let text = if let Some(host) = &options.host {
        let (found, warnings) = inventory.select(host, None).map_err(failed)?;
        messages.extend(warnings);
        let [name] = &found[..] else {
            return Err(wrong("You must pass a single valid host to --host parameter"));
        };
        view.host(name, format)
    } else if options.graph {
        let start = options.group.as_deref().unwrap_or("all");
        let Some(group) = inventory.group(start) else {
            return Err(wrong("Pattern must be valid group name when using --graph"));
        };
        view.graph(group, options.vars)
    } else {
        let pattern = options.group.as_deref().unwrap_or("all");
        let (hosts, warnings) = inventory.select(pattern, options.limit.as_deref()).map_err(failed)?;
        messages.extend(warnings);
        view.list(&hosts.into_iter().collect(), format)
    };
    messages.extend(inventory.take_warnings());
    text.map_err(failed)
}
