//! Authored variables, each with the place where it was written.

use super::reserved::is_reserved;
use crate::diag::Span;
use crate::template::Term;
use indexmap::IndexMap;
use std::sync::Arc;

/// Authored variables by name, in the order they were first set. A later value replaces an earlier one.
#[derive(Clone, Default)]
pub struct Terms {
    known: IndexMap<Arc<str>, Authored>,
    /// Some have names that variables should not have.
    reserved: bool,
}

#[derive(Clone)]
struct Authored {
    term: Term,
    place: Option<Span>,
}

impl Terms {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn get(&self, name: &str) -> Option<&Term> {
        self.known.get(name).map(|authored| &authored.term)
    }

    /// A variable and where it was written; `None` inside for what the engine made (the items of a loop).
    pub fn get_with_place(&self, name: &str) -> Option<(&Term, Option<&Span>)> {
        self.known.get(name).map(|authored| (&authored.term, authored.place.as_ref()))
    }

    pub fn insert(&mut self, name: impl Into<Arc<str>>, term: Term, place: Option<Span>) {
        let name = name.into();
        self.reserved |= is_reserved(&name);
        self.known.insert(name, Authored { term, place });
    }

    /// Adds all of `other`, which win.
    pub fn extend(&mut self, other: &Terms) {
        self.reserved |= other.reserved;
        self.known.extend(other.known.iter().map(|(name, authored)| (name.clone(), authored.clone())));
    }

    /// Adds all of `other`, mappings into mappings (`hash_behaviour = merge`).
    pub fn merge(&mut self, other: &Terms) {
        for (name, authored) in &other.known {
            let term = match self.get(name) {
                Some(low) => authored.term.merged_over(low),
                None => authored.term.clone(),
            };
            self.insert(name.clone(), term, authored.place.clone());
        }
    }

    /// Names that variables should not have, and their places.
    pub fn reserved(&self) -> impl Iterator<Item = (&str, Option<&Span>)> {
        let any = self.reserved.then_some(&self.known).into_iter().flatten();
        any.filter(|(name, _)| is_reserved(name)).map(|(name, authored)| (&**name, authored.place.as_ref()))
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.known.keys()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Term)> {
        self.known.iter().map(|(name, authored)| (name, &authored.term))
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// Names, terms and places.
impl FromIterator<(Arc<str>, Term, Option<Span>)> for Terms {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Term, Option<Span>)>>(items: I) -> Self {
        let mut terms = Self::new();
        items.into_iter().for_each(|(name, term, place)| terms.insert(name, term, place));
        terms
    }
}
