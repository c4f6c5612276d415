//! Names that a template sets: one level per loop, macro, `with` and included template.

use crate::template::object::V;
use std::sync::{Arc, Mutex, PoisonError};

pub struct Env {
    names: Mutex<Vec<(Arc<str>, V)>>,
    parent: Option<Arc<Env>>,
}

/// Names of one template are the same memory; those of others are compared by their letters.
pub fn same(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

impl Env {
    pub fn root() -> Arc<Self> {
        Arc::new(Self { names: Mutex::new(Vec::new()), parent: None })
    }

    pub fn child(parent: &Arc<Env>) -> Arc<Self> {
        Arc::new(Self { names: Mutex::new(Vec::new()), parent: Some(parent.clone()) })
    }

    pub fn get(&self, name: &Arc<str>) -> Option<V> {
        let mut env = self;
        loop {
            let names = env.names.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, value)) = names.iter().find(|(known, _)| same(known, name)) {
                return Some(value.clone());
            }
            drop(names);
            env = env.parent.as_ref()?;
        }
    }

    pub fn set(&self, name: Arc<str>, value: V) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        match names.iter_mut().find(|(known, _)| same(known, &name)) {
            Some((_, old)) => *old = value,
            None => names.push((name, value)),
        }
    }

    /// The level for the next round of a loop, with `name` alone in it: this one again, unless something that the round before
    /// made still sees it.
    pub fn round(mut level: Arc<Env>, parent: &Arc<Env>, name: &Arc<str>, value: &V) -> Arc<Env> {
        let Some(env) = Arc::get_mut(&mut level) else {
            let fresh = Env::child(parent);
            fresh.set(name.clone(), value.clone());
            return fresh;
        };
        let names = env.names.get_mut().unwrap_or_else(PoisonError::into_inner);
        names.clear();
        names.push((name.clone(), value.clone()));
        level
    }

    /// Forgets all names of this level.
    pub fn clear(&self) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The names of this level alone.
    pub fn names(&self) -> Vec<(Arc<str>, V)> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
