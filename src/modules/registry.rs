//! The table of modules: one line each.

use super::files;
use super::kit::{Entry, entry};

/// Every native module, by its short name.
pub static MODULES: &[Entry] = &[
    entry::<files::Assemble>(),
    entry::<files::BlockInFile>(),
    entry::<files::Copy>(),
    entry::<files::Fetch>(),
    entry::<files::FileModule>(),
    entry::<files::Find>(),
    entry::<files::LineInFile>(),
    entry::<files::Replace>(),
    entry::<files::Slurp>(),
    entry::<files::Stat>(),
    entry::<files::TempFile>(),
    entry::<super::commands::command::RunCommand>(),
    entry::<super::ping::Ping>(),
    entry::<super::commands::program::Program>(),
    entry::<super::commands::raw::Raw>(),
    entry::<super::commands::script::Script>(),
    entry::<super::accounts::authorized_key::AuthorizedKey>(),
    entry::<super::accounts::group::Group>(),
    entry::<super::packages::apt::Apt>(),
    entry::<super::packages::dnf::DnfModule>(),
    entry::<super::packages::dnf::Dnf5Module>(),
    entry::<super::packages::dpkg_selections::DpkgSelections>(),
    entry::<super::packages::package::Package>(),
    entry::<super::packages::pacman::Pacman>(),
    entry::<super::accounts::user::User>(),
    entry::<super::services::service::Service>(),
    entry::<super::services::systemd::Systemd>(),
    entry::<super::services::systemd::SystemdService>(),
    entry::<super::system::async_status::AsyncStatus>(),
    entry::<super::system::cron::Cron>(),
    entry::<super::system::getent::Getent>(),
    entry::<super::system::hostname::Hostname>(),
    entry::<super::system::wait_for::WaitFor>(),
    entry::<super::system::setup::Setup>(),
    entry::<super::commands::command::RunShell>(),
];

/// The module of that short name.
pub fn find(name: &str) -> Option<&'static Entry> {
    MODULES.iter().find(|entry| entry.name == name)
}
