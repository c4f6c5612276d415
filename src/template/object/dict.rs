//! Mappings: of data, of templates not rendered yet, views of a scope, or built by a template.

use super::list::lock;
use super::{Res, V, failed};
use crate::template::context::Ctx;
use crate::template::term::Term;
use crate::value::{Map, Value};
use indexmap::IndexMap;
use std::sync::{Arc, Mutex};

/// Members in order. Keys are data: what cannot be hashed in Python is refused before it gets here.
pub type Entries = IndexMap<Value, V>;

/// A Python dict. It can be changed in place, and all holders see it.
pub struct Dict {
    state: Mutex<State>,
}

#[derive(Clone)]
enum State {
    Own(Arc<Entries>),
    Data(Arc<Map>),
    Lazy(Arc<Lazy>),
    /// The variables of another scope, rendered there.
    Scope(Ctx),
}

struct Lazy {
    terms: IndexMap<Value, Term>,
    ctx: Ctx,
    done: Mutex<Vec<Option<V>>>,
}

impl Lazy {
    fn at(&self, index: usize) -> Option<Res<V>> {
        let (_, term) = self.terms.get_index(index)?;
        if let Some(done) = lock(&self.done).get(index).cloned().flatten() {
            return Some(Ok(done));
        }
        let value = self.ctx.value_of(term);
        if let Ok(value) = &value
            && let Some(slot) = lock(&self.done).get_mut(index)
        {
            *slot = Some(value.clone());
        }
        Some(value)
    }
}

impl Dict {
    pub fn new(entries: Entries) -> Self {
        Self { state: Mutex::new(State::Own(Arc::new(entries))) }
    }

    pub fn from_data(map: Arc<Map>) -> Self {
        Self { state: Mutex::new(State::Data(map)) }
    }

    pub fn scope(ctx: Ctx) -> Self {
        Self { state: Mutex::new(State::Scope(ctx)) }
    }

    /// Members render when they are read.
    pub fn lazy(terms: &[(Term, Term)], ctx: Ctx) -> Self {
        let map: IndexMap<Value, Term> =
            terms.iter().map(|(key, term)| (key.written(), term.clone())).collect();
        let done = Mutex::new(vec![None; map.len()]);
        Self { state: Mutex::new(State::Lazy(Arc::new(Lazy { terms: map, ctx, done }))) }
    }

    /// What Python calls it.
    pub fn type_name(&self) -> &'static str {
        match &*lock(&self.state) {
            State::Scope(ctx) => ctx.type_name(),
            _ => "dict",
        }
    }

    fn state(&self) -> State {
        lock(&self.state).clone()
    }

    pub fn snapshot(&self) -> Self {
        Self { state: Mutex::new(self.state()) }
    }

    pub fn len(&self) -> usize {
        match self.state() {
            State::Own(entries) => entries.len(),
            State::Data(map) => map.len(),
            State::Lazy(lazy) => lazy.terms.len(),
            State::Scope(ctx) => ctx.names().len(),
        }
    }

    pub fn get(&self, key: &Value) -> Option<Res<V>> {
        let state = match &*lock(&self.state) {
            State::Own(entries) => return entries.get(key).cloned().map(Ok),
            State::Data(map) => return map.get(key).map(V::from_value),
            // What renders may well read this mapping: not while it is locked.
            other => other.clone(),
        };
        match state {
            State::Own(_) | State::Data(_) => None,
            State::Lazy(lazy) => lazy.at(lazy.terms.get_index_of(key)?),
            State::Scope(ctx) => ctx.variable(key.as_str()?).transpose(),
        }
    }

    pub fn get_str(&self, key: &str) -> Option<Res<V>> {
        let state = match &*lock(&self.state) {
            State::Own(entries) => return entries.get(key).cloned().map(Ok),
            State::Data(map) => return map.get(key).map(V::from_value),
            other => other.clone(),
        };
        match state {
            State::Own(_) | State::Data(_) => None,
            State::Lazy(lazy) => lazy.at(lazy.terms.get_index_of(key)?),
            State::Scope(ctx) => ctx.variable(key).transpose(),
        }
    }

    /// What to say of a member that is not there, where this is a view that has words of its own.
    pub fn absent(&self, name: &str) -> Option<String> {
        match self.state() {
            State::Scope(ctx) => ctx.absent(name),
            _ => None,
        }
    }

    pub fn contains(&self, key: &Value) -> bool {
        match self.state() {
            State::Own(entries) => entries.contains_key(key),
            State::Data(map) => map.contains_key(key),
            State::Lazy(lazy) => lazy.terms.contains_key(key),
            State::Scope(ctx) => key.as_str().is_some_and(|name| ctx.has(name)),
        }
    }

    pub fn keys(&self) -> Vec<Value> {
        match self.state() {
            State::Own(entries) => entries.keys().cloned().collect(),
            State::Data(map) => map.keys().cloned().collect(),
            State::Lazy(lazy) => lazy.terms.keys().cloned().collect(),
            State::Scope(ctx) => ctx.names().into_iter().map(Value::Str).collect(),
        }
    }

    /// Whether it holds data alone, in which nothing is omitted or lazy.
    pub fn is_data(&self) -> bool {
        matches!(&*lock(&self.state), State::Data(_))
    }

    /// All members.
    ///
    /// # Errors
    /// The first member whose template fails.
    pub fn entries(&self) -> Res<Entries> {
        match self.state() {
            State::Own(entries) => Ok((*entries).clone()),
            State::Data(map) => map.iter().map(|(k, v)| Ok((k.clone(), V::from_value(v)?))).collect(),
            State::Lazy(lazy) => (0..lazy.terms.len())
                .filter_map(|index| {
                    let key = lazy.terms.get_index(index)?.0.clone();
                    Some(lazy.at(index)?.map(|value| (key, value)))
                })
                .collect(),
            State::Scope(ctx) => ctx
                .names()
                .into_iter()
                .filter_map(|name| {
                    Some(ctx.variable(&name).transpose()?.map(|value| (Value::Str(name), value)))
                })
                .collect(),
        }
    }

    /// Changes the mapping in place.
    ///
    /// # Errors
    /// The change's own, or a failing member of a lazy mapping.
    pub fn change<T>(&self, change: impl FnOnce(&mut Entries) -> Res<T>) -> Res<T> {
        if !matches!(&*lock(&self.state), State::Own(_)) {
            let entries = Arc::new(self.entries()?);
            *lock(&self.state) = State::Own(entries);
        }
        match &mut *lock(&self.state) {
            State::Own(entries) => change(Arc::make_mut(entries)),
            _ => Err(failed("the mapping changed while it was being changed")),
        }
    }

    pub fn to_value(&self) -> Res<Value> {
        if let State::Data(map) = self.state() {
            return Ok(Value::Map(map));
        }
        let mut out = Map::new();
        for (key, item) in self.entries()? {
            let value = item.to_value()?;
            if !crate::template::is_omit(&value) {
                out.insert(key, value);
            }
        }
        Ok(Value::map(out))
    }
}
