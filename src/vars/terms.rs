//! Authored variables, each with the place where it was written.

use crate::diag::Span;
use crate::template::Term;
use indexmap::IndexMap;
use std::sync::Arc;

/// Authored variables by name, in the order they were first set. A later value replaces an earlier one.
#[derive(Clone, Default)]
pub struct Terms(IndexMap<Arc<str>, Authored>);

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
        self.0.get(name).map(|authored| &authored.term)
    }

    /// A variable and where it was written; `None` inside for what the engine made (the items of a loop).
    pub fn get_with_place(&self, name: &str) -> Option<(&Term, Option<&Span>)> {
        self.0.get(name).map(|authored| (&authored.term, authored.place.as_ref()))
    }

    pub fn insert(&mut self, name: impl Into<Arc<str>>, term: Term, place: Option<Span>) {
        self.0.insert(name.into(), Authored { term, place });
    }

    /// Adds all of `other`, which win.
    pub fn extend(&mut self, other: &Terms) {
        self.0.extend(other.0.iter().map(|(name, authored)| (name.clone(), authored.clone())));
    }

    /// Adds all of `other`, mappings into mappings (`hash_behaviour = merge`).
    pub fn merge(&mut self, other: &Terms) {
        for (name, authored) in &other.0 {
            let term = match self.get(name) {
                Some(low) => authored.term.merged_over(low),
                None => authored.term.clone(),
            };
            self.insert(name.clone(), term, authored.place.clone());
        }
    }

    /// Names and places.
    pub fn places(&self) -> impl Iterator<Item = (&str, Option<&Span>)> {
        self.0.iter().map(|(name, authored)| (&**name, authored.place.as_ref()))
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Term)> {
        self.0.iter().map(|(name, authored)| (name, &authored.term))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Names, terms and places.
impl FromIterator<(Arc<str>, Term, Option<Span>)> for Terms {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Term, Option<Span>)>>(items: I) -> Self {
        Self(items.into_iter().map(|(name, term, place)| (name, Authored { term, place })).collect())
    }
}
