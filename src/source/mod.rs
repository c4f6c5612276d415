//! Files on the control machine: YAML to [`Node`]s with positions.

mod node;
pub mod yaml;

pub use node::{Node, NodeKind};
