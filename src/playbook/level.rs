//! What a play, role, block or task says, and what it inherits.

use super::role::Role;
use crate::diag::Span;
use crate::source::Node;
use crate::template::{Expr, Term};
use crate::value::{Value, py_str};
use std::path::PathBuf;
use std::sync::Arc;

/// Authored variables by name.
pub type Vars = crate::vars::Terms;

/// A keyword's value, with its place.
#[derive(Clone)]
pub struct Attr {
    pub term: Term,
    pub span: Span,
}

/// A condition, with its place and text.
#[derive(Clone)]
pub struct Condition {
    pub expr: Expr,
    pub span: Span,
    /// As it was written, for `false_condition`.
    pub value: crate::value::Value,
}

/// Tags as written: rendered when tasks are selected.
pub type Tags = Vec<Attr>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelKind {
    Play,
    /// A role in a play: its variables are role params.
    Role,
    /// A dynamic or static include: its variables are include params.
    Include,
    Block,
    Task,
}

/// One step of the chain that a task inherits from: task, block, include, role, play.
#[derive(Clone)]
pub struct Level {
    pub kind: LevelKind,
    pub attrs: Vec<(&'static str, Attr)>,
    pub when: Vec<Condition>,
    pub tags: Tags,
    pub vars: Vars,
    pub parent: Option<Arc<Level>>,
    /// The role whose content this is.
    pub role: Option<Arc<Role>>,
    /// The folder of the task file, where relative includes and files are looked for.
    pub directory: Option<PathBuf>,
    /// The folder in the name by which this task file was asked for, as it was written (of a file's own level alone).
    pub asked_for_in: Option<PathBuf>,
}

impl Level {
    /// A level that says nothing.
    pub fn empty(kind: LevelKind, parent: Option<Arc<Level>>) -> Self {
        let role = parent.as_ref().and_then(|parent| parent.role.clone());
        let directory = parent.as_ref().and_then(|parent| parent.directory.clone());
        let (attrs, when, tags, vars) = (vec![], vec![], vec![], Vars::new());
        Self { kind, attrs, when, tags, vars, parent, role, directory, asked_for_in: None }
    }

    /// This level and all above it, innermost first.
    pub fn chain(&self) -> impl Iterator<Item = &Level> {
        std::iter::successors(Some(self), |level| level.parent.as_deref())
    }

    /// What this level itself says.
    pub fn own(&self, name: &str) -> Option<&Attr> {
        self.attrs.iter().find(|(key, _)| *key == name).map(|(_, attr)| attr)
    }

    /// The innermost value of a keyword.
    pub fn find(&self, name: &str) -> Option<&Attr> {
        self.chain().find_map(|level| level.own(name))
    }

    /// Collections in which unqualified names are looked up: those of the role, or those that the play and the blocks name.
    pub fn collections(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        // What a play says is not for its roles.
        let in_role = self.role.is_some();
        for level in self.chain().take_while(|level| level.role.is_some() == in_role) {
            let named = level.own("collections").map(|attr| attr.term.written());
            found.extend(match named {
                Some(Value::List(names)) => names.iter().map(py_str).collect(),
                Some(Value::Str(name)) => vec![name.to_string()],
                _ => vec![],
            });
        }
        if let Some(role) = &self.role {
            found.extend(role.collection.clone());
            found.extend(role.collections.clone());
        }
        found
    }

    /// All values of a keyword that adds up (`environment`, `module_defaults`, `notify`), outermost first.
    pub fn collect(&self, name: &str) -> Vec<&Attr> {
        let mut found: Vec<_> = self.chain().filter_map(|level| level.own(name)).collect();
        found.reverse();
        found
    }

    /// The same, without any conditions here and further out.
    pub fn without_conditions(level: &Arc<Self>) -> Arc<Self> {
        if level.conditions().next().is_none() {
            return level.clone();
        }
        let parent = level.parent.as_ref().map(Self::without_conditions);
        Arc::new(Self { when: vec![], parent, ..(**level).clone() })
    }

    /// All conditions, outermost first.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let mut levels: Vec<_> = self.chain().collect();
        levels.reverse();
        levels.into_iter().flat_map(|level| &level.when)
    }

    /// All tags, outermost first.
    pub fn all_tags(&self) -> Vec<&Attr> {
        let mut levels: Vec<_> = self.chain().collect();
        levels.reverse();
        levels.into_iter().flat_map(|level| &level.tags).collect()
    }
}

/// A text attribute as it was written, for what is decided while loading.
pub fn plain_text(node: &Node) -> Option<String> {
    match node.as_str() {
        Some(text) => Some(text.to_owned()),
        None if node.as_list().is_none() && node.as_map().is_none() && !node.is_null() => {
            Some(crate::value::py_str(&node.to_value()))
        }
        None => None,
    }
}
