//! What can be wrong with a text: its syntax, and names that nobody knows.

use super::ir::Pos;

/// What is wrong with a text, and where.
#[derive(Clone, Debug)]
pub struct Problem {
    pub message: String,
    pub pos: Pos,
    /// The name that nobody knows, if that is the problem.
    pub unknown: Option<(Named, String)>,
    /// It stands where it may never matter: in a branch, or in `map('…')` of what may be empty.
    pub doubtful: bool,
}

/// What an unknown name was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    Filter,
    Test,
    Lookup,
}

impl Named {
    /// What it is called in sentences.
    pub fn word(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Test => "test",
            Self::Lookup => "lookup",
        }
    }
}

impl Problem {
    pub fn at(message: impl Into<String>, pos: Pos) -> Self {
        Self { message: message.into(), pos, unknown: None, doubtful: false }
    }

    pub fn unknown(kind: Named, name: &str, pos: Pos, doubtful: bool) -> Self {
        let message = match kind {
            Named::Filter => format!("No filter named '{name}'."),
            Named::Test => format!("No test named '{name}'."),
            Named::Lookup => format!("The lookup plugin '{name}' was not found."),
        };
        Self { message, pos, unknown: Some((kind, name.to_owned())), doubtful }
    }
}

/// Whether it is the full name of something in a collection.
pub fn of_collection(name: &str) -> bool {
    name.matches('.').count() >= 2
        && !name.starts_with("ansible.builtin.")
        && !name.starts_with("ansible.legacy.")
}
