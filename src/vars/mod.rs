//! Variables: where they live ([`Store`]) and what a host and task can see of them ([`TaskScope`]).
//!
//! Nothing is merged: a name is looked up by walking the scopes from the one that wins to the one that
//! loses ("Understanding variable precedence" in Ansible's documentation).

mod fact_cache;
mod hosts;
mod magic;
mod names;
mod origin;
mod reserved;
mod restricted;
mod scope;
mod store;
mod terms;

pub use fact_cache::FactCache;
pub use hosts::PlayHosts;
pub use magic::Magic;
pub use names::{VARIABLE_NAMES, is_identifier, is_word};
pub use origin::{Found, FoundValue, Layer, Origin, Visit};
pub use reserved::reserved;
pub use restricted::is_restricted;
pub use scope::{CONNECTION, Exported, PlayScope, RoleNames, TaskScope};
pub use store::{HostVars, InventoryLayer, Store, strip_prefix};
pub use terms::Terms;

/// Ansible's version that this program answers for (`ansible_version`).
pub const ANSIBLE_VERSION: &str = "2.19.14";

use std::ops::ControlFlow;
use std::sync::Arc;

/// What the variables need to know of tasks, blocks, roles and plays, without knowing playbooks.
pub trait Layers: Send + Sync {
    /// Tells of every value that the name has in a layer, the one that wins first. Layers that a chain of levels
    /// does not have (facts, the inventory) have none.
    fn walk(&self, layer: Layer, name: &str, visit: &mut Visit) -> ControlFlow<()>;
    /// `role_path`, `role_name` and the like.
    fn magic(&self, name: &str) -> Option<crate::value::Value>;
    /// All names of all layers.
    fn names(&self, into: &mut Vec<Arc<str>>);
}
