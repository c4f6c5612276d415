//! Authored values.

use crate::diag::Span;
use crate::value::Value;
use std::fmt;
use std::sync::Arc;

/// An authored value: constants and compiled templates. Made by `Engine::compile` from a `source::Node`,
/// and by nothing else; there is no way from a [`Value`] to a `Term` that holds a template.
#[derive(Clone)]
pub enum Term {
    Const(Value),
    Template(Arc<super::Template>),
    List(Arc<[Term]>),
    Map(Arc<[(Term, Term)]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// The text is no template.
    Syntax,
    /// A variable, attribute or item that does not exist was used.
    Undefined,
    /// The value depends on a result that a drift check could not determine (`message` is the reason).
    Unknown,
    /// A filter, test, lookup or operator refused its operands.
    Failed,
}

/// Why a template has no value.
#[derive(Clone, Debug)]
pub struct TemplateError {
    pub kind: TemplateErrorKind,
    /// In Ansible 2.19's words where it has some (`'foo' is undefined`).
    pub message: String,
    /// Innermost place first: where it failed, then the templates that used it.
    pub trace: Vec<Span>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}
