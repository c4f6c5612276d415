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

impl Term {
    /// Whether this was written as a mapping (a template that gives one does not count).
    pub fn is_mapping(&self) -> bool {
        matches!(self, Term::Map(_) | Term::Const(Value::Map(_)))
    }

    /// This mapping with what only `low` has, at every depth: `hash_behaviour = merge`. The keys of `low` come first.
    /// Where one of both is no mapping, this one alone.
    pub fn merged_over(&self, low: &Term) -> Term {
        if !self.is_mapping() || !low.is_mapping() {
            return self.clone();
        }
        let mut merged = low.entries();
        for (key, value) in self.entries() {
            let text = key.written();
            match merged.iter_mut().find(|(known, _)| known.written() == text) {
                Some((_, known)) => *known = value.merged_over(known),
                None => merged.push((key, value)),
            }
        }
        if merged.iter().all(|(key, value)| matches!((key, value), (Term::Const(_), Term::Const(_)))) {
            let constants = merged.into_iter().map(|(key, value)| (key.written(), value.written()));
            return Term::Const(Value::map(constants.collect()));
        }
        Term::Map(merged.into())
    }

    /// The value as its author wrote it: templates are the text they are.
    pub fn written(&self) -> Value {
        match self {
            Term::Const(value) => value.clone(),
            Term::Template(template) => Value::str(template.text()),
            Term::List(terms) => Value::list(terms.iter().map(Term::written).collect()),
            Term::Map(entries) => {
                Value::map(entries.iter().map(|(key, value)| (key.written(), value.written())).collect())
            }
        }
    }

    fn entries(&self) -> Vec<(Term, Term)> {
        match self {
            Term::Map(entries) => entries.to_vec(),
            Term::Const(Value::Map(map)) => map
                .iter()
                .map(|(key, value)| (Term::Const(key.clone()), Term::Const(value.clone())))
                .collect(),
            _ => Vec::new(),
        }
    }
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
