//! Options that several commands share; their names are Ansible's.

use clap::{ArgAction, Args};
use std::io::Write;
use std::path::PathBuf;

#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Inventory: a file, a folder, or hosts separated by commas
    #[arg(short = 'i', long = "inventory", visible_alias = "inventory-file", value_name = "INVENTORY")]
    pub inventory: Vec<String>,
    /// Only hosts that also match this pattern
    #[arg(short = 'l', long, value_name = "SUBSET")]
    pub limit: Option<String>,
    /// Variables: key=value, YAML, JSON, or @FILE
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS")]
    pub extra_vars: Vec<String>,
    /// Say more (up to -vvvvvv)
    #[arg(short = 'v', long = "verbose", action = ArgAction::Count)]
    pub verbose: u8,
    /// Hosts worked on at the same time
    #[arg(short = 'f', long)]
    pub forks: Option<usize>,
    /// Change nothing, say what would change
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show what changes
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// List the matching hosts and do nothing
    #[arg(long)]
    pub list_hosts: bool,
    /// Check the content and do nothing
    #[arg(long)]
    pub syntax_check: bool,
    /// Ask for vault passwords
    #[arg(short = 'J', long = "ask-vault-password", visible_alias = "ask-vault-pass")]
    pub ask_vault_password: bool,
    /// A file (or program) with a vault password
    #[arg(long = "vault-password-file", visible_alias = "vault-pass-file", value_name = "FILE")]
    pub vault_password_files: Vec<String>,
    /// A vault identity: LABEL@FILE
    #[arg(long = "vault-id", value_name = "ID")]
    pub vault_ids: Vec<String>,
    /// Folders with modules
    #[arg(short = 'M', long = "module-path", value_name = "PATH")]
    pub module_path: Vec<String>,
    /// Clear the fact cache
    #[arg(long)]
    pub flush_cache: bool,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub privilege: Privilege,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection options")]
pub struct Connection {
    /// The key to log in with
    #[arg(long = "private-key", visible_alias = "key-file", value_name = "FILE")]
    pub private_key: Option<String>,
    /// Log in as this user
    #[arg(short = 'u', long = "user", value_name = "USER")]
    pub user: Option<String>,
    /// Connection type: ssh, local
    #[arg(short = 'c', long = "connection", value_name = "TYPE")]
    pub connection: Option<String>,
    /// How ssh is spoken: auto, ssh (built in), openssh (the ssh program)
    #[arg(long, value_name = "NAME")]
    pub transport: Option<String>,
    /// Seconds until a connection attempt fails
    #[arg(short = 'T', long)]
    pub timeout: Option<u64>,
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub ssh_common_args: Option<String>,
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub ssh_extra_args: Option<String>,
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, hide = true)]
    pub sftp_extra_args: Option<String>,
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, hide = true)]
    pub scp_extra_args: Option<String>,
    /// Ask for the login password
    #[arg(short = 'k', long = "ask-pass")]
    pub ask_pass: bool,
    /// A file with the login password
    #[arg(long = "connection-password-file", visible_alias = "conn-pass-file", value_name = "FILE")]
    pub connection_password_file: Option<PathBuf>,
    /// Leave nothing on the hosts (the helper is sent on every run)
    #[arg(long)]
    pub no_cache: bool,
    /// Say at the end how many round trips and bytes the run took
    #[arg(long)]
    pub stats: bool,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Privilege escalation options")]
pub struct Privilege {
    /// Become another user on the hosts
    #[arg(short = 'b', long = "become")]
    pub become_it: bool,
    /// sudo, su, doas or runuser
    #[arg(long, value_name = "METHOD")]
    pub become_method: Option<String>,
    /// Whom to become (root)
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,
    /// Ask for the password for that
    #[arg(short = 'K', long = "ask-become-pass")]
    pub ask_become_pass: bool,
    /// A file with the password for that
    #[arg(long = "become-password-file", visible_alias = "become-pass-file", value_name = "FILE")]
    pub become_password_file: Option<PathBuf>,
}

/// Standard output, a closed pipe ignored.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()));
    drop(out.flush());
}

pub fn print_error(text: &str) {
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
}
