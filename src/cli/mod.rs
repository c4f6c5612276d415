//! One file per command; the only place that wires parts together.
//!
//! The program answers to several names: as `ekumen` it has subcommands, as `ansible-playbook`, `ansible`,
//! `ansible-inventory`, `ansible-config` and `ansible-vault` it behaves as those do.

mod adhoc;
mod config;
mod drift;
mod exit;
mod extra_vars;
mod inventory;
mod list;
mod options;
mod run;
mod setup;
mod vars;
mod vault;
mod vault_command;

use crate::source::settings::Name;
use std::path::Path;

/// Reads the command line and runs what it asks for; the exit code.
pub fn main() -> i32 {
    let mut args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    if args.is_empty() {
        return exit::USAGE;
    }
    let called =
        Path::new(&args[0]).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match called.as_str() {
        "ansible-playbook" => run::main(args, Name::Ansible),
        "ansible" => adhoc::main(args, Name::Ansible),
        "ansible-inventory" => inventory::main(args, Name::Ansible),
        "ansible-config" => config::main(args, Name::Ansible),
        "ansible-vault" => vault_command::main(args, Name::Ansible),
        _ => {
            let command = args.get(1).cloned().unwrap_or_default();
            let rest = |args: &mut Vec<String>| {
                args.remove(1);
                args[0] = format!("{called} {command}");
                std::mem::take(args)
            };
            match command.as_str() {
                "run" => run::main(rest(&mut args), Name::Ekumen),
                "drift" => drift::main(rest(&mut args)),
                "do" => adhoc::main(rest(&mut args), Name::Ekumen),
                "inventory" => inventory::main(rest(&mut args), Name::Ekumen),
                "config" => config::main(rest(&mut args), Name::Ekumen),
                "vars" => vars::main(rest(&mut args)),
                "vault" => vault_command::main(rest(&mut args), Name::Ekumen),
                "-V" | "--version" | "version" => {
                    options::print(&format!("ekumen {}\n", env!("CARGO_PKG_VERSION")));
                    exit::OK
                }
                "-h" | "--help" | "help" | "" => {
                    options::print(HELP);
                    if command.is_empty() { exit::USAGE } else { exit::OK }
                }
                other => {
                    let names =
                        ["run", "drift", "do", "inventory", "vars", "vault", "config", "version", "help"];
                    let hint = crate::diag::did_you_mean(other, names)
                        .map(|near| format!(" (did you mean `{near}`?)"))
                        .unwrap_or_default();
                    options::print_error(&format!(
                        "ekumen: there is no command `{other}`{hint}; see `ekumen help`\n"
                    ));
                    exit::USAGE
                }
            }
        }
    }
}

const HELP: &str = "\
Ekumen runs Ansible playbooks over SSH, without Ansible or Python.

Usage: ekumen COMMAND …

  run PLAYBOOK…      bring hosts to the state that playbooks describe
  drift PLAYBOOK…    report what differs from that state; change nothing
  do PATTERN         run one module on the hosts of a pattern (-m MODULE -a ARGUMENTS)
  inventory          show hosts, groups and their variables (--list, --graph, --host NAME)
  vars HOST [NAME]   print variables, where they came from and what they overrode
  config ACTION      settings and where they were set (dump, list, view, init, validate)
  vault ACTION       encrypt, decrypt, view, edit, create and rekey files; encrypt texts
  version            print the version
  help               print this text

`ekumen COMMAND --help` lists a command's options. Called as ansible-playbook, ansible, ansible-inventory, ansible-config or ansible-vault (a link of that
name to this program), it behaves as those do.
";
