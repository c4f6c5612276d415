//! Where to connect, and how.

use crate::value::Secret;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// libssh2, unless the host's configuration asks for what it cannot do: then `OpenSsh`.
    Auto,
    Ssh,
    OpenSsh,
    Local,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Unknown and changed keys are refused.
    #[default]
    Strict,
    /// Unknown keys are added to known_hosts, changed ones refused.
    AcceptNew,
    /// Nothing is checked (`host_key_checking = False`).
    Off,
}

/// Everything a connection needs, taken from variables and settings; `None` is "ssh_config decides, else the default".
#[derive(Clone)]
pub struct Target {
    /// The inventory's name, for messages.
    pub name: String,
    pub kind: TransportKind,
    /// `ansible_host`, or the name.
    pub address: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub private_key_file: Option<PathBuf>,
    pub private_key_passphrase: Option<Secret>,
    pub host_key_policy: HostKeyPolicy,
    /// `ssh_args`, `ansible_ssh_common_args` and `ansible_ssh_extra_args`, split into words, in that order.
    pub ssh_args: Vec<String>,
    /// The `ssh` program of the `openssh` transport.
    pub ssh_executable: Option<String>,
    pub openssh: OpenSshOptions,
    pub connect_timeout: Duration,
    /// Connection attempts after the first (`ansible_ssh_retries`).
    pub retries: u32,
    /// Leave nothing on the host: the helper is removed when the session ends.
    pub no_cache: bool,
}

/// What only the `openssh` transport can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OpenSshOptions {
    /// Why it is to be used, unless another one is forced.
    pub because: Option<&'static str>,
    /// Only a question with this text in it is answered with the password.
    pub prompt: Option<String>,
    /// Another question stays open until the time for a connection is over, as with `sshpass`; else it is refused at once.
    pub leaves_open: bool,
    /// How much `ssh` tells about itself: `-v` so many times.
    pub verbosity: u8,
}

/// What makes two targets the same connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    pub kind: &'static str,
    pub address: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub ssh_args: Vec<String>,
    pub private_key_file: Option<PathBuf>,
    pub openssh: OpenSshOptions,
}

impl Target {
    pub fn connection(&self) -> Connection {
        Connection {
            kind: match self.kind {
                TransportKind::Auto => "auto",
                TransportKind::Ssh => "ssh",
                TransportKind::OpenSsh => "openssh",
                TransportKind::Local => "local",
            },
            address: self.address.clone(),
            port: self.port,
            user: self.user.clone(),
            ssh_args: self.ssh_args.clone(),
            private_key_file: self.private_key_file.clone(),
            openssh: self.openssh.clone(),
        }
    }
}
