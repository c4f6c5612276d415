//! Variables: where they live ([`Store`]) and what a host and task can see of them ([`TaskScope`]).
//!
//! Nothing is merged: a name is looked up by walking the scopes from the one that wins to the one that
//! loses ("Understanding variable precedence" in Ansible's documentation).

mod magic;
mod scope;
mod store;

pub use magic::Magic;
pub use scope::{Exported, PlayScope, TaskScope};
pub use store::{HostVars, Store, strip_prefix};

/// Ansible's version that this program answers for (`ansible_version`).
pub const ANSIBLE_VERSION: &str = "2.19.14";

use crate::template::Term;
use indexmap::IndexMap;
use std::sync::Arc;

/// Authored variables by name.
pub type Terms = IndexMap<Arc<str>, Term>;

/// What the variables need to know of roles and levels, without knowing playbooks: the layers of a task from
/// the one that wins to the one that loses, as they stand in the precedence list.
pub trait Layers: Send + Sync {
    /// Include parameters (21), innermost first.
    fn include_params(&self, name: &str) -> Option<Term>;
    /// Role parameters (20).
    fn role_params(&self, name: &str) -> Option<Term>;
    /// Task, block and include variables (16, 17).
    fn task_vars(&self, name: &str) -> Option<Term>;
    /// Variables of the task's role and of its dependencies and parents (15).
    fn role_vars(&self, name: &str) -> Option<Term>;
    /// Play variables (12).
    fn play_vars(&self, name: &str) -> Option<Term>;
    /// Defaults of the task's role and of its dependencies and parents (2).
    fn role_defaults(&self, name: &str) -> Option<Term>;
    /// `role_path`, `role_name` and the like.
    fn magic(&self, name: &str) -> Option<crate::value::Value>;
    /// All names of all layers.
    fn names(&self, into: &mut Vec<Arc<str>>);
}
