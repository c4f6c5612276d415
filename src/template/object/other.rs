//! Things only templates have: ranges, namespaces, imported templates; functions are made elsewhere.

use super::list::lock;
use super::{Entries, Res, V, failed};
use crate::template::eval::{Args, Eval};
use crate::value::Value;
use std::sync::{Arc, Mutex};

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

    /// How it prints inside of a collection.
    fn repr(&self) -> String {
        self.text()
    }

    fn to_value(&self) -> Res<Value> {
        Err(failed(format!("Type '{}' is unsupported for variable storage.", self.type_name())))
    }

    /// It stands for a value that is not there.
    fn is_undefined(&self) -> bool {
        false
    }

    /// Filters make a list of it.
    fn is_range(&self) -> bool {
        false
    }

    /// Its part from `start` to `stop`, where that is another object of its kind.
    fn slice(&self, start: Option<i64>, stop: Option<i64>, step: i64) -> Option<V> {
        let _ = (start, stop, step);
        None
    }

    /// Another object of the same kind is compared by this text, if there is one.
    fn order_key(&self) -> Option<i128> {
        None
    }
}

/// What using the value of an `if` without `else` is told.
pub const NO_ELSE: &str =
    "the inline if-expression on line 1 evaluated to false and no else section was defined.";

/// What an `if` without `else` gives: nothing, which is no error by itself.
pub struct Undefined;

impl Object for Undefined {
    fn type_name(&self) -> &str {
        "Undefined"
    }

    fn get(&self, _: &str) -> Option<V> {
        Some(V::Missing(Arc::new(super::Missing::hint(NO_ELSE))))
    }

    fn items(&self) -> Option<Res<Vec<V>>> {
        Some(Ok(Vec::new()))
    }

    fn len(&self) -> Option<usize> {
        Some(0)
    }

    fn text(&self) -> String {
        String::new()
    }

    fn repr(&self) -> String {
        "Undefined".into()
    }

    fn is_undefined(&self) -> bool {
        true
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
        let (start, stop) = (i128::from(self.start), i128::from(self.stop));
        let span = if self.step > 0 { stop - start } else { start - stop };
        if span <= 0 { 0 } else { ((span - 1) / i128::from(self.step).abs() + 1) as usize }
    }
}

impl Object for Range {
    fn type_name(&self) -> &str {
        "range"
    }

    fn items(&self) -> Option<Res<Vec<V>>> {
        // More would be too large a list, and nobody counts that far.
        if self.count() > 2_500_000 {
            return Some(Err(failed("Range too big.")));
        }
        let (start, step) = (self.start, self.step);
        Some(Ok((0..self.count()).map(|i| V::Int(start + step * i as i64)).collect()))
    }

    fn len(&self) -> Option<usize> {
        Some(self.count())
    }

    fn is_range(&self) -> bool {
        true
    }

    fn get(&self, name: &str) -> Option<V> {
        match name {
            "start" => Some(V::Int(self.start)),
            "stop" => Some(V::Int(self.stop)),
            "step" => Some(V::Int(self.step)),
            _ => None,
        }
    }

    fn method(&self, _: &mut Eval, name: &str, args: &Args) -> Option<Res<V>> {
        let wanted = args.positional.first();
        let at = || {
            let distance = i128::from(wanted?.as_i64()?) - i128::from(self.start);
            let step = i128::from(self.step);
            let index = usize::try_from(distance.checked_div(step)?).ok()?;
            (distance % step == 0 && index < self.count()).then_some(index)
        };
        Some(match (name, wanted) {
            ("count", Some(_)) => Ok(V::from(usize::from(at().is_some()))),
            ("index", Some(wanted)) => match (at(), super::repr(wanted)) {
                (Some(index), _) => Ok(V::from(index)),
                (None, Ok(shown)) => Err(failed(format!("{shown} is not in range"))),
                (None, Err(error)) => Err(error),
            },
            _ => return None,
        })
    }

    fn slice(&self, start: Option<i64>, stop: Option<i64>, step: i64) -> Option<V> {
        let length = i64::try_from(self.count()).ok()?;
        let (start, stop) = super::methods::bounds(length, start, stop, step);
        let at = |index: i64| self.step.checked_mul(index).and_then(|far| self.start.checked_add(far));
        Some(V::object(Range { start: at(start)?, stop: at(stop)?, step: self.step.checked_mul(step)? }))
    }

    fn text(&self) -> String {
        match self.step {
            1 => format!("range({}, {})", self.start, self.stop),
            step => format!("range({}, {}, {step})", self.start, self.stop),
        }
    }
}

/// `namespace(…)`.
pub struct Namespace(Mutex<Vec<(Arc<str>, V)>>);

impl Namespace {
    pub fn new(members: Vec<(Arc<str>, V)>) -> Self {
        Self(Mutex::new(members))
    }
}

impl Object for Namespace {
    fn type_name(&self) -> &str {
        "Namespace"
    }

    fn get(&self, name: &str) -> Option<V> {
        lock(&self.0).iter().find(|(known, _)| **known == *name).map(|(_, value)| value.clone())
    }

    fn set(&self, name: &str, value: V) -> Res<()> {
        let mut members = lock(&self.0);
        match members.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, old)) => *old = value,
            None => members.push((name.into(), value)),
        }
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
