//! Authored values.

use crate::diag::Span;
use crate::value::Value;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// An authored value: constants and compiled templates. Made by `Engine::compile` from a `source::Node`,
/// and by nothing else; there is no way from a [`Value`] to a `Term` that holds a template.
#[derive(Clone)]
pub enum Term {
    Const(Value),
    /// Data where an author could have written something (`!unsafe`, what an include hands over): a text in it is never taken
    /// for a template or a condition.
    Data(Value),
    Template(Arc<super::Template>),
    List(Arc<[Term]>),
    Map(Arc<[(Term, Term)]>),
}

impl Term {
    /// Whether this was written as a mapping (a template that gives one does not count).
    pub fn is_mapping(&self) -> bool {
        matches!(self, Term::Map(_) | Term::Const(Value::Map(_)) | Term::Data(Value::Map(_)))
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

    /// An error in this value, with the place of the value behind those of the variables in it.
    pub fn blamed(&self, mut error: TemplateError) -> TemplateError {
        if let Term::Template(template) = self {
            let span = &template.source.span;
            // Folded and quoted lines are at most two more than the text has.
            let end = span.line + u32::try_from(template.source.text.lines().count()).unwrap_or(0) + 1;
            let inside =
                |place: &Span| place.file.path == span.file.path && (span.line..=end).contains(&place.line);
            if !error.trace.last().is_some_and(inside) {
                error.trace.push(span.clone());
            }
        }
        error
    }

    /// The value as its author wrote it: templates are the text they are.
    pub fn written(&self) -> Value {
        match self {
            Term::Const(value) | Term::Data(value) => value.clone(),
            Term::Template(template) => Value::str(template.text()),
            Term::List(terms) => Value::list(terms.iter().map(Term::written).collect()),
            Term::Map(entries) => {
                Value::map(entries.iter().map(|(key, value)| (key.written(), value.written())).collect())
            }
        }
    }

    /// The value that a mapping has for a key, as it was written.
    pub fn get(&self, name: &str) -> Option<Term> {
        let named = |(key, _): &(Term, Term)| key.written().as_str() == Some(name);
        self.entries().into_iter().find(named).map(|(_, value)| value)
    }

    /// The items of a list, as they were written; `None` for anything else.
    pub fn items(&self) -> Option<Vec<Term>> {
        match self {
            Term::List(terms) => Some(terms.to_vec()),
            Term::Const(Value::List(items)) => Some(items.iter().cloned().map(Term::Const).collect()),
            Term::Data(Value::List(items)) => Some(items.iter().cloned().map(Term::Data).collect()),
            _ => None,
        }
    }

    fn entries(&self) -> Vec<(Term, Term)> {
        match self {
            Term::Map(entries) => entries.to_vec(),
            Term::Const(Value::Map(map)) => map
                .iter()
                .map(|(key, value)| (Term::Const(key.clone()), Term::Const(value.clone())))
                .collect(),
            Term::Data(Value::Map(map)) => {
                map.iter().map(|(key, value)| (Term::Data(key.clone()), Term::Data(value.clone()))).collect()
            }
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

/// Why a template has no value. Small, as every step of a rendering may give one instead of a value.
#[derive(Clone, Debug)]
pub struct TemplateError(Box<Failure>);

/// What a [`TemplateError`] says.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: TemplateErrorKind,
    /// In Ansible 2.19's words where it has some (`'foo' is undefined`).
    pub message: String,
    /// Innermost place first: where it failed, then the templates that used it.
    pub trace: Vec<Span>,
    /// What can be done about it.
    pub help: Option<String>,
    /// Where the message falls into what failed and why.
    pub link: Option<Box<Link>>,
}

/// A message that says `what: why`, as two links of a chain of causes.
#[derive(Clone, Debug)]
pub struct Link {
    /// Bytes of the reason, at the message's end.
    pub why: usize,
    /// Where the first link is; where the error is, if nothing else is known.
    pub what: Option<Span>,
    /// Whether the reason has a place, that of the error.
    pub placed: bool,
}

impl TemplateError {
    pub fn new(kind: TemplateErrorKind, message: impl Into<String>, trace: Vec<Span>) -> Self {
        Self(Box::new(Failure { kind, message: message.into(), trace, help: None, link: None }))
    }

    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Takes what it says now for a cause of its own of what will be said before it.
    #[must_use]
    pub fn linked(mut self, what: Option<&Span>, placed: bool) -> Self {
        self.0.link = Some(Box::new(Link { why: self.0.message.len(), what: what.cloned(), placed }));
        self
    }

    /// What it says, for those to whom its place means nothing.
    pub fn into_message(self) -> String {
        self.0.message
    }

    pub fn into_failure(self) -> Failure {
        *self.0
    }
}

impl Deref for TemplateError {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl DerefMut for TemplateError {
    fn deref_mut(&mut self) -> &mut Failure {
        &mut self.0
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}
