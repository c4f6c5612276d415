//! Hosts and groups, host patterns, and the variables an inventory gives. One file per source format.

mod files;
mod ini;
mod layers;
mod literal;
mod load;
mod model;
mod pattern;
mod plugins;
mod range;
mod script;
mod show;
mod structured;
#[cfg(test)]
mod tests;
mod toml;
mod toml_dump;

pub use files::files_below;
pub use layers::{LayerOf, VarLayer};
pub use literal::python_literal;
pub use load::{Given, load, load_with};
pub use model::{Group, Host, Inventory, Vars};
pub use pattern::is_localhost;
pub use show::{Format, View};
