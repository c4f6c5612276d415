//! What makes modules short: the contract between a module and the engine ([`Module`]), typed arguments
//! ([`args`]), and the host as a module sees it ([`Probe`] to look, [`Target`] to change).

pub mod args;
pub mod attributes;
pub mod clock;
mod contract;
pub mod diff;
pub mod digest;
pub mod edit;
mod entry;
pub mod file;
pub mod flags;
pub mod front;
pub mod glob;
mod host;
pub mod mode;
pub mod path;
pub mod private;
pub mod regex;
pub mod resolve;
mod run;
pub mod selinux;
pub mod text;
pub mod users;
pub mod words;

pub use attributes::{Attributes, Differences, FileArgs};
pub use contract::{Applied, Changed, Failure, Module, Never, Plan};
pub use entry::{Entry, entry};
pub use host::{BlobSource, Fetched, Host, Probe, Purpose, Received, Target};
pub use run::{Command, Output};

/// An operating system error as Python prints it: `[Errno 13] Permission denied`.
pub fn python_error(error: &std::io::Error) -> String {
    format!("[Errno {}] {}", error.raw_os_error().unwrap_or(0), os_error(error))
}

/// The same of a path that is a text.
pub fn error_at(error: &std::io::Error, path: &str) -> String {
    format!("{}: {}", python_error(error), crate::value::str_repr(path))
}

/// The same of a path that is bytes.
pub fn error_at_bytes(error: &std::io::Error, path: &str) -> String {
    format!("{}: b{}", python_error(error), crate::value::str_repr(path))
}

/// The text of an operating system error, as C's `strerror` has it.
pub fn os_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
