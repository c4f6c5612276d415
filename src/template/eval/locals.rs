//! Names of plain loops: what is in them cannot outlive the round it was set in, so that they need no level of their own that
//! others can hold, and no lock.

use super::env::same;
use crate::template::object::V;
use std::sync::Arc;

/// The names of the plain loops around the place that runs, the innermost last.
#[derive(Default)]
pub struct Locals {
    names: Vec<(Arc<str>, V)>,
    /// Where the names of the innermost round begin; `None` outside of plain loops.
    round: Option<usize>,
    /// Names from outside that were read: nothing in a plain loop can set those.
    seen: Vec<(Arc<str>, V)>,
}

/// What to go back to after a loop.
pub struct Outside {
    names: usize,
    round: Option<usize>,
}

impl Locals {
    pub fn get(&self, name: &Arc<str>) -> Option<&V> {
        let mut inner = self.names.iter().rev().chain(&self.seen);
        inner.find(|(known, _)| same(known, name)).map(|(_, value)| value)
    }

    /// Sets a name for the rest of the round. Gives the value back where there is none.
    pub fn set(&mut self, name: &Arc<str>, value: V) -> Option<V> {
        let Some(round) = self.round else { return Some(value) };
        match self.names[round..].iter_mut().find(|(known, _)| same(known, name)) {
            Some((_, old)) => *old = value,
            None => self.names.push((name.clone(), value)),
        }
        None
    }

    /// Keeps the value of a name from outside for as long as the loops last.
    pub fn remember(&mut self, name: &Arc<str>, value: &V) {
        if self.round.is_some() {
            self.seen.push((name.clone(), value.clone()));
        }
    }

    /// Begins a loop.
    pub fn enter(&mut self) -> Outside {
        let outside = Outside { names: self.names.len(), round: self.round };
        self.round = Some(self.names.len());
        outside
    }

    /// A name that all rounds of the loop have.
    pub fn keep(&mut self, name: &Arc<str>, value: V) {
        self.names.push((name.clone(), value));
        self.round = Some(self.names.len());
    }

    /// Forgets what the round before has set.
    pub fn next_round(&mut self) {
        if let Some(round) = self.round {
            self.names.truncate(round);
        }
    }

    pub fn leave(&mut self, outside: Outside) {
        self.names.truncate(outside.names);
        self.round = outside.round;
        if self.round.is_none() {
            self.seen.clear();
        }
    }
}
