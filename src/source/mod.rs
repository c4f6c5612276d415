//! Files on the control machine: YAML to [`Node`]s with positions.

pub mod args;
mod node;
pub mod settings;
pub mod vault;
pub mod yaml;

pub use node::{Node, NodeKind};
pub use settings::Settings;
