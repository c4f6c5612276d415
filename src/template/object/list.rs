//! Lists: of data, of templates not rendered yet, or built by a template.

use super::{Res, V, failed};
use crate::template::context::Ctx;
use crate::template::term::Term;
use crate::value::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A Python list. It can be changed in place, and all holders see it.
pub struct List {
    state: Mutex<State>,
}

#[derive(Clone)]
enum State {
    Own(Arc<Vec<V>>),
    Data(Arc<Vec<Value>>),
    Lazy(Arc<Lazy>),
}

struct Lazy {
    terms: Arc<[Term]>,
    ctx: Ctx,
    done: Mutex<Vec<Option<V>>>,
}

impl Lazy {
    fn get(&self, index: usize) -> Option<Res<V>> {
        let term = self.terms.get(index)?;
        if let Some(done) = lock(&self.done).get(index).cloned().flatten() {
            return Some(Ok(done));
        }
        // The lock is not held while the member renders: it may well read this list.
        let value = self.ctx.value_of(term);
        if let Ok(value) = &value
            && let Some(slot) = lock(&self.done).get_mut(index)
        {
            *slot = Some(value.clone());
        }
        Some(value)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Members as data, without those that are `omit`.
pub(super) fn export<'a>(items: impl Iterator<Item = &'a V>) -> Res<Value> {
    let mut out = Vec::with_capacity(items.size_hint().0);
    crate::template::eval::charge(items.size_hint().0.saturating_mul(size_of::<Value>()))?;
    for item in items {
        let value = item.to_value()?;
        if !crate::template::is_omit(&value) {
            out.push(value);
        }
    }
    Ok(Value::list(out))
}

impl List {
    pub fn new(items: Vec<V>) -> Self {
        Self { state: Mutex::new(State::Own(Arc::new(items))) }
    }

    pub fn from_data(items: Arc<Vec<Value>>) -> Self {
        Self { state: Mutex::new(State::Data(items)) }
    }

    /// Members render when they are read.
    pub fn lazy(terms: Arc<[Term]>, ctx: Ctx) -> Self {
        let done = Mutex::new(vec![None; terms.len()]);
        Self { state: Mutex::new(State::Lazy(Arc::new(Lazy { terms, ctx, done }))) }
    }

    fn state(&self) -> State {
        lock(&self.state).clone()
    }

    pub fn snapshot(&self) -> Self {
        Self { state: Mutex::new(self.state()) }
    }

    pub fn len(&self) -> usize {
        match &*lock(&self.state) {
            State::Own(items) => items.len(),
            State::Data(items) => items.len(),
            State::Lazy(lazy) => lazy.terms.len(),
        }
    }

    pub fn get(&self, index: usize) -> Option<Res<V>> {
        let lazy = match &*lock(&self.state) {
            State::Own(items) => return items.get(index).cloned().map(Ok),
            State::Data(items) => return items.get(index).map(V::from_value),
            // What renders may well read this list: not while it is locked.
            State::Lazy(lazy) => lazy.clone(),
        };
        lazy.get(index)
    }

    /// Whether it holds data alone, in which nothing is omitted or lazy.
    pub fn is_data(&self) -> bool {
        matches!(&*lock(&self.state), State::Data(_))
    }

    /// All members.
    ///
    /// # Errors
    /// The first member whose template fails.
    pub fn items(&self) -> Res<Vec<V>> {
        match self.state() {
            State::Own(items) => Ok(items.to_vec()),
            State::Data(items) => items.iter().map(V::from_value).collect(),
            State::Lazy(lazy) => (0..lazy.terms.len()).filter_map(|index| lazy.get(index)).collect(),
        }
    }

    /// Changes the list in place.
    ///
    /// # Errors
    /// The change's own, or a failing member of a lazy list.
    pub fn change<T>(&self, change: impl FnOnce(&mut Vec<V>) -> Res<T>) -> Res<T> {
        if !matches!(&*lock(&self.state), State::Own(_)) {
            let items = Arc::new(self.items()?);
            *lock(&self.state) = State::Own(items);
        }
        match &mut *lock(&self.state) {
            State::Own(items) => change(Arc::make_mut(items)),
            _ => Err(failed("the list changed while it was being changed")),
        }
    }

    pub fn to_value(&self) -> Res<Value> {
        match self.state() {
            State::Own(items) => export(items.iter()),
            State::Data(items) => Ok(Value::List(items)),
            State::Lazy(_) => export(self.items()?.iter()),
        }
    }
}
