//! What a template can see.

use super::Term;
use crate::diag::Span;
use crate::value::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// A variable as the store has it.
#[derive(Clone)]
pub enum Var {
    /// Data: never evaluated.
    Value(Value),
    /// Authored: rendered when it is read, in the scope it was found in.
    Term(Term),
    /// A mapping view of another scope (`hostvars`, `hostvars['h']`, `vars`): its members are read, and
    /// their templates rendered, in that scope.
    Scope(Arc<dyn Scope>),
}

/// Names to variables: for one host and task, for all hosts (`hostvars`), for a test.
pub trait Scope: Send + Sync {
    fn get(&self, name: &str) -> Option<Var>;
    /// All names, sorted.
    fn names(&self) -> Vec<Arc<str>>;

    /// Where the name of the variable stands that [`Scope::get`] gives, if an author wrote it.
    fn place(&self, name: &str) -> Option<Span> {
        let _ = name;
        None
    }

    /// What to say of a name that is not there, where that is not what is said of mappings.
    fn absent(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// What Python calls the mapping that it is to templates.
    fn type_name(&self) -> &'static str {
        "dict"
    }
}

/// Where lookups and `include`/`import` in templates find files and settings.
#[derive(Clone, Debug, Default)]
pub struct LookupEnv {
    /// Folders in the order they are searched: for `kind` (`files`, `templates`, `vars`) each one is tried
    /// as `DIR/kind/NAME`, then `DIR/NAME` (role, parent roles, the task file's folder, the playbook's folder).
    pub search_path: Vec<PathBuf>,
    pub playbook_dir: PathBuf,
    /// Hosts of the inventory in order, for `inventory_hostnames`.
    pub hosts: Arc<Vec<String>>,
    /// `DEFAULT_JINJA2_NATIVE` and friends, by configuration name.
    pub settings: Arc<std::collections::BTreeMap<String, Value>>,
}
