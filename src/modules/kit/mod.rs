//! What makes modules short: the contract between a module and the engine ([`Module`]), typed arguments
//! ([`args`]), and the host as a module sees it ([`Probe`] to look, [`Target`] to change).

pub mod args;
mod contract;
mod entry;
mod host;
mod run;

pub use contract::{Applied, Changed, Failure, Module, Never, Plan};
pub use entry::{Entry, entry};
pub use host::{Host, Probe, Target};
pub use run::{Command, Output};
