//! Files on the control machine: YAML to [`Node`]s with positions.

pub mod args;
mod literal;
mod node;
pub mod settings;
pub mod vault;
pub mod yaml;

pub use literal::Literal;
pub use node::{Node, NodeKind};
pub use settings::Settings;
