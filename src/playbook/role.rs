//! Roles.

use super::level::Vars;
use super::tasks::{Block, Item, Task};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Tells role instances apart: the same role with the same parameters in one play is one instance.
pub type RoleId = usize;

/// A role as one play (or include) uses it.
pub struct Role {
    pub id: RoleId,
    /// Equal for the same role with the same parameters: it runs once per host then.
    pub fingerprint: String,
    /// As it was named by who uses it.
    pub name: String,
    pub path: PathBuf,
    /// The collection it is in (`ns.name`).
    pub collection: Option<String>,
    /// Where its `meta` says that unqualified names are looked up, too.
    pub collections: Vec<String>,
    pub defaults: Vars,
    pub vars: Vars,
    /// Parameters given where it is used.
    pub params: Vars,
    pub allow_duplicates: bool,
    /// It runs through `include_role` or `import_role`, not as a dependency or from a play's list.
    pub by_task: bool,
    /// Its variables are seen by the whole play (roles of a play, `public: true` includes).
    pub public: bool,
    /// The roles it was a dependency of or included from, innermost first.
    pub parents: Vec<Arc<Role>>,
    pub dependencies: Vec<Arc<Role>>,
    /// Set once the role's files are linked (they refer back to the role).
    pub content: OnceLock<RoleContent>,
}

/// What a role runs.
#[derive(Default)]
pub struct RoleContent {
    /// Checks its arguments before its tasks.
    pub validation: Option<Arc<Task>>,
    pub tasks: Option<Arc<Block>>,
    pub handlers: Vec<Item>,
}

impl Role {
    /// The dependencies, then the role itself: the order in which they run and in which their variables win.
    pub fn with_dependencies(self: &Arc<Self>) -> Vec<Arc<Role>> {
        let mut all: Vec<Arc<Role>> =
            self.dependencies.iter().flat_map(|role| role.with_dependencies()).collect();
        all.push(self.clone());
        all
    }
}
