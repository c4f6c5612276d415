//! Files on the control machine: YAML to [`Node`]s with positions.

mod node;

pub use node::{Node, NodeKind};
