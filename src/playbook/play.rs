//! Plays.

use super::level::{Attr, Level};
use super::role::Role;
use super::tasks::{Block, Item};
use crate::diag::Span;
use std::path::PathBuf;
use std::sync::Arc;

/// A playbook file with everything it imports.
pub struct Playbook {
    pub path: PathBuf,
    pub plays: Vec<Arc<Play>>,
}

/// One play.
pub struct Play {
    pub span: Span,
    /// The folder of the file it stands in: its `playbook_dir`.
    pub directory: PathBuf,
    pub name: Option<Attr>,
    pub hosts: Attr,
    /// Keywords, variables, tags.
    pub level: Arc<Level>,
    pub vars_files: Vec<Attr>,
    pub prompts: Vec<PromptSpec>,
    pub roles: Vec<Arc<Role>>,
    pub pre_tasks: Arc<Block>,
    /// Roles and tasks, roles first.
    pub tasks: Arc<Block>,
    pub post_tasks: Arc<Block>,
    /// In the order in which they run: those of roles, then the play's own.
    pub handlers: Vec<Item>,
}

/// An entry of `vars_prompt`.
#[derive(Clone)]
pub struct PromptSpec {
    pub name: String,
    /// Where the name stands.
    pub place: Span,
    pub prompt: Option<Attr>,
    pub default: Option<Attr>,
    pub private: Option<Attr>,
    pub confirm: Option<Attr>,
    pub encrypt: Option<Attr>,
    pub salt: Option<Attr>,
    pub salt_size: Option<Attr>,
    pub is_unsafe: Option<Attr>,
}

/// A step of `serial`: a number of hosts, or a share of them in per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SerialItem {
    Count(usize),
    Percent(f64),
}
