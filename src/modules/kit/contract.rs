//! What a module promises.

use super::{Probe, Target};
use crate::protocol::Diff;
use crate::value::{Map, Value};
use serde::de::DeserializeOwned;
use std::path::Path;

/// The host half of a task.
///
/// `plan` looks and decides; `apply` does what `plan` decided, and nothing else. The engine calls `apply` only
/// when changes are wanted, so no module knows whether it runs in check mode. After `apply`, a new `plan`
/// must be `Unchanged` (the four-pass test checks it), and the changes predicted must be the changes made.
pub trait Module {
    /// The short name (`copy`).
    const NAME: &'static str;
    /// Typed arguments; their documentation is the module's manual. `#[serde(deny_unknown_fields)]` and
    /// `#[serde(alias)]` do what Ansible's argument specification does; `args` converts types as Ansible would.
    type Args: DeserializeOwned;
    /// Everything `apply` needs to know.
    type Todo;

    /// # Errors
    /// [`Failure`] fails the task.
    fn plan(args: &Self::Args, host: &Probe) -> Result<Plan<Self::Todo>, Failure>;

    /// # Errors
    /// [`Failure`] fails the task; what was changed until then stays.
    fn apply(todo: Self::Todo, host: &mut Target) -> Result<Applied, Failure>;
}

/// The `Todo` of a module that only reads.
pub enum Never {}

/// What a module found out.
pub enum Plan<T> {
    /// Nothing to do. `result` is what `register` sees.
    Unchanged { result: Map },
    /// Something differs.
    Change {
        todo: T,
        /// What would change, for the diff.
        diff: Vec<Diff>,
        /// The result as a check reports it.
        result: Map,
    },
    /// Something to do that changes no state by itself (systemd is to read its files again): neither a check nor
    /// the run reports a change, unless `apply` finds one.
    Upkeep { todo: T, result: Map },
    /// It cannot be known without doing it (a command without `creates`).
    Unknown {
        todo: T,
        why: String,
        /// The result as `--check` reports it (`skipped` with a `msg`, for a command).
        result: Map,
    },
}

impl<T> Plan<T> {
    /// Nothing to do; `result` is a mapping.
    pub fn unchanged(result: Value) -> Self {
        Self::Unchanged { result: result.as_map().cloned().unwrap_or_default() }
    }

    /// The same with another `Todo`, for a module that stands in front of others.
    pub fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Plan<U> {
        match self {
            Self::Unchanged { result } => Plan::Unchanged { result },
            Self::Change { todo, diff, result } => Plan::Change { todo: wrap(todo), diff, result },
            Self::Upkeep { todo, result } => Plan::Upkeep { todo: wrap(todo), result },
            Self::Unknown { todo, why, result } => Plan::Unknown { todo: wrap(todo), why, result },
        }
    }

    /// Something to do; `result` is a mapping.
    pub fn change(todo: T, diff: Vec<Diff>, result: Value) -> Self {
        Self::Change { todo, diff, result: result.as_map().cloned().unwrap_or_default() }
    }
}

/// What `apply` did.
#[derive(Debug, Default)]
pub struct Applied {
    /// What `register` sees, over the plan's result.
    pub result: Map,
    pub changed: Changed,
    /// In place of the plan's diff, where only doing it shows what changed.
    pub diff: Option<Vec<Diff>>,
}

/// Whether `apply` changed something: yes unless it says otherwise (a command that reports `changed` itself).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Changed {
    #[default]
    Yes,
    No,
}

impl Applied {
    /// `result` is a mapping.
    pub fn new(result: Value) -> Self {
        Self { result: result.as_map().cloned().unwrap_or_default(), ..Self::default() }
    }
}

/// How what is said of an unexpected end begins.
const CRASHED: &str = "Task failed: Module failed: ";

/// Why a task fails: Ansible's `msg`, and further members of the result (`rc`, `stderr`, …).
#[derive(Debug, Clone, Default)]
pub struct Failure {
    pub msg: String,
    pub result: Map,
    /// What the operating system said, as Python shows it; people see it, `msg` does not have it.
    pub cause: Option<String>,
}

impl Failure {
    pub fn new(msg: impl Into<String>) -> Self {
        Self { msg: msg.into(), ..Self::default() }
    }

    /// What happened where nothing was prepared for it: all there is to say is what the operating system said.
    pub fn crash(cause: &str) -> Self {
        Self::new(format!("{CRASHED}{cause}"))
    }

    /// Whether nothing was prepared for it.
    pub fn is_crash(&self) -> bool {
        self.msg.starts_with(CRASHED)
    }

    /// Adds what the operating system said.
    pub fn because(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// The same failure, of the file at `path` instead of a temporary one.
    pub fn about(mut self, temporary: &Path, path: &Path) -> Self {
        let (from, to) = (temporary.to_string_lossy(), path.to_string_lossy());
        self.cause = self.cause.map(|cause| cause.replace(&*from, &to));
        if let Some(shown) = self.result.get_mut("path") {
            *shown = to.as_ref().into();
        }
        self
    }

    /// Adds a member to the result.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.result.insert(key.into(), value.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.msg)
    }
}

impl std::error::Error for Failure {}
