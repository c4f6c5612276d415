//! The order in which variables win, and where a value came from.

use crate::diag::Span;
use crate::template::{Term, Var};
use crate::value::Value;
use std::fmt;
use std::ops::ControlFlow;

/// Where a variable can be set, from what loses to what wins ("Understanding variable precedence" in Ansible's
/// documentation; its numbers are [`Layer::number`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// What a task knows of its connection where nobody says anything: `ansible_host` is the host's name, `ansible_user` is `remote_user`, ….
    Implicit,
    RoleDefaults,
    InventoryGroup,
    InventoryAllFiles,
    PlaybookAllFiles,
    InventoryGroupFiles,
    PlaybookGroupFiles,
    InventoryHost,
    InventoryHostFiles,
    PlaybookHostFiles,
    Facts,
    Play,
    Prompts,
    VarsFiles,
    RoleVars,
    Block,
    /// What stands with a role in `roles`, or with the task that brings it in.
    OfRole,
    Task,
    IncludeVars,
    SetFacts,
    RoleParams,
    IncludeParams,
    Extra,
    /// What the engine itself provides.
    Magic,
    /// `item` and the like.
    Local,
}

impl Layer {
    /// The number in Ansible's list; `None` for what is not in it.
    pub fn number(self) -> Option<u8> {
        Some(match self {
            Self::Implicit | Self::Magic | Self::Local => return None,
            Self::RoleDefaults => 2,
            Self::InventoryGroup => 3,
            Self::InventoryAllFiles => 4,
            Self::PlaybookAllFiles => 5,
            Self::InventoryGroupFiles => 6,
            Self::PlaybookGroupFiles => 7,
            Self::InventoryHost => 8,
            Self::InventoryHostFiles => 9,
            Self::PlaybookHostFiles => 10,
            Self::Facts => 11,
            Self::Play => 12,
            Self::Prompts => 13,
            Self::VarsFiles => 14,
            Self::RoleVars => 15,
            Self::Block | Self::OfRole => 16,
            Self::Task => 17,
            Self::IncludeVars => 18,
            Self::SetFacts => 19,
            Self::RoleParams => 20,
            Self::IncludeParams => 21,
            Self::Extra => 22,
        })
    }
}

/// In the words of the documentation.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Implicit => "the connection",
            Self::RoleDefaults => "role defaults",
            Self::InventoryGroup | Self::InventoryHost => "inventory",
            Self::InventoryAllFiles | Self::InventoryGroupFiles => "inventory group_vars",
            Self::PlaybookAllFiles | Self::PlaybookGroupFiles => "playbook group_vars",
            Self::InventoryHostFiles => "inventory host_vars",
            Self::PlaybookHostFiles => "playbook host_vars",
            Self::Facts => "facts",
            Self::Play => "play vars",
            Self::Prompts => "vars_prompt",
            Self::VarsFiles => "vars_files",
            Self::RoleVars => "role vars",
            Self::Block | Self::OfRole => "block vars",
            Self::Task => "task vars",
            Self::IncludeVars => "include_vars",
            Self::SetFacts => "set_fact or register",
            Self::RoleParams => "role params",
            Self::IncludeParams => "include params",
            Self::Extra => "extra vars",
            Self::Magic => "magic",
            Self::Local => "loop",
        })
    }
}

/// One of the values that a name has.
pub struct Found<'a> {
    pub layer: Layer,
    /// The host, group or role that has it.
    pub owner: Option<&'a str>,
    pub value: FoundValue<'a>,
    pub place: Option<&'a Span>,
}

pub enum FoundValue<'a> {
    /// Data.
    Value(&'a Value),
    /// Written by an author.
    Term(&'a Term),
}

impl FoundValue<'_> {
    pub(super) fn to_var(&self) -> Var {
        match self {
            Self::Value(value) => Var::Value((*value).clone()),
            Self::Term(term) => Var::Term((*term).clone()),
        }
    }

    pub(super) fn to_term(&self) -> Term {
        match self {
            Self::Value(value) => Term::Data((*value).clone()),
            Self::Term(term) => (*term).clone(),
        }
    }
}

/// Told of each value that a name has, from the one that wins to the one that loses, until it breaks off.
pub type Visit<'v> = dyn FnMut(Found) -> ControlFlow<()> + 'v;

/// One value of a name, to show.
#[derive(Clone)]
pub struct Origin {
    pub layer: Layer,
    /// The host, group or role that has it.
    pub owner: Option<String>,
    pub var: Var,
    pub place: Option<Span>,
    /// It wins, or it is a part of what wins (`hash_behaviour = merge`).
    pub counts: bool,
}
