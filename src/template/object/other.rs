//! Things only templates have: ranges, namespaces, imported templates; functions are made elsewhere.

use super::list::lock;
use super::{Entries, Res, V, failed};
use crate::template::eval::{Args, Eval};
use crate::value::Value;
use std::sync::Mutex;

/// A value with behaviour of its own.
pub trait Object: Send + Sync {
    fn type_name(&self) -> &str;

    fn get(&self, name: &str) -> Option<V> {
        let _ = name;
        None
    }

    /// `{% set ns.name = value %}`.
    fn set(&self, name: &str, value: V) -> Res<()> {
        let _ = (name, value);
        Err(failed("cannot assign attribute on non-namespace object"))
    }

    fn call(&self, eval: &mut Eval, args: Args) -> Res<V> {
        let _ = (eval, args);
        Err(failed(format!("'{}' object is not callable", self.type_name())))
    }

    fn callable(&self) -> bool {
        false
    }

    /// `value.name(…)`; `None` if there is no such method.
    fn method(&self, eval: &mut Eval, name: &str, args: &Args) -> Option<Res<V>> {
        let _ = (eval, name, args);
        None
    }

    fn items(&self) -> Option<Res<Vec<V>>> {
        None
    }

    fn len(&self) -> Option<usize> {
        None
    }

    fn truth(&self) -> bool {
        self.len() != Some(0)
    }

    fn text(&self) -> String {
        format!("<{}>", self.type_name())
    }

    fn to_value(&self) -> Res<Value> {
        Err(failed(format!("Type '{}' is unsupported for variable storage.", self.type_name())))
    }

    /// Another object of the same kind is compared by this text, if there is one.
    fn order_key(&self) -> Option<i128> {
        None
    }
}

/// `range(…)`.
pub struct Range {
    pub start: i64,
    pub stop: i64,
    pub step: i64,
}

impl Range {
    fn count(&self) -> usize {
        let span = if self.step > 0 { self.stop - self.start } else { self.start - self.stop };
        if span <= 0 { 0 } else { ((span - 1) / self.step.abs() + 1) as usize }
    }
}

impl Object for Range {
    fn type_name(&self) -> &str {
        "range"
    }

    fn items(&self) -> Option<Res<Vec<V>>> {
        // As many items as a rendering may take steps: more could never be used.
        if self.count() > 10_000_000 {
            return Some(Err(failed("Range too big.")));
        }
        let (start, step) = (self.start, self.step);
        Some(Ok((0..self.count()).map(|i| V::Int(start + step * i as i64)).collect()))
    }

    fn len(&self) -> Option<usize> {
        Some(self.count())
    }

    fn text(&self) -> String {
        match self.step {
            1 => format!("range({}, {})", self.start, self.stop),
            step => format!("range({}, {}, {step})", self.start, self.stop),
        }
    }
}

/// `namespace(…)`.
pub struct Namespace(pub Mutex<Entries>);

impl Object for Namespace {
    fn type_name(&self) -> &str {
        "Namespace"
    }

    fn get(&self, name: &str) -> Option<V> {
        lock(&self.0).get(name).cloned()
    }

    fn set(&self, name: &str, value: V) -> Res<()> {
        lock(&self.0).insert(Value::str(name), value);
        Ok(())
    }
}

/// `{% import … as module %}`.
pub struct Module(pub Entries);

impl Object for Module {
    fn type_name(&self) -> &str {
        "TemplateModule"
    }

    fn get(&self, name: &str) -> Option<V> {
        self.0.get(name).cloned()
    }
}
