//! Statements.

use super::call::MacroObject;
use super::env::Env;
use super::{Eval, Out};
use crate::template::eval::Args;
use crate::template::object::{Missing, Object, Res, V, equal, failed};
use crate::template::syntax::ir::{Body, Ex, For, Kind, Pos, Stmt, Target};
use crate::template::syntax::loop_name;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What follows a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Next,
    Break,
    Continue,
}

impl Eval<'_> {
    pub(super) fn body(&mut self, body: &Body, out: &mut Out) -> Res<Flow> {
        for stmt in body {
            match self.stmt(stmt, out)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn stmt(&mut self, stmt: &Stmt, out: &mut Out) -> Res<Flow> {
        match stmt {
            Stmt::Raw(text) => {
                if self.parent.is_none() {
                    out.raw(text)?;
                }
            }
            Stmt::Emit(ex) => {
                if self.parent.is_none() {
                    let value = self.expr(ex)?;
                    out.value(value).map_err(|error| self.placed(error, ex.pos))?;
                }
            }
            Stmt::If(test, yes, no) => {
                let body = if self.truth(test)? { yes } else { no };
                return self.body(body, out);
            }
            Stmt::For(each) => return self.each(each, None, 0, out),
            Stmt::Set(target, ex) => {
                let value = self.expr(ex)?;
                self.assign(target, value, ex.pos)?;
            }
            Stmt::SetBlock(target, filter, body) => {
                let mut value = self.captured(body)?;
                if let Some(filter) = filter {
                    value = self.filtered(filter, value)?;
                }
                self.assign(target, value, Pos::default())?;
            }
            Stmt::With(assignments, body) => {
                // All values see the names outside.
                let values: Vec<V> = assignments.iter().map(|(_, ex)| self.expr(ex)).collect::<Res<_>>()?;
                let outer = self.push();
                let result = (|| {
                    for ((target, ex), value) in assignments.iter().zip(values) {
                        self.assign(target, value, ex.pos)?;
                    }
                    self.body(body, out)
                })();
                self.env = outer;
                return result;
            }
            Stmt::Filter(filter, body) => {
                let value = self.captured(body)?;
                let value = self.filtered(filter, value)?;
                out.value(value)?;
            }
            Stmt::Group(body) => return self.body(body, out),
            Stmt::Block(name, pos) => {
                if self.parent.is_none() {
                    self.block(name, 0, out).map_err(|error| self.placed(error, *pos))?;
                }
            }
            Stmt::Extends(ex) => self.extends(ex)?,
            Stmt::Include(ex, ignore_missing) => self.include(ex, *ignore_missing, out)?,
            Stmt::Import(ex, name) => {
                let module = self.import(ex)?;
                self.env.set(name.clone(), module);
            }
            Stmt::FromImport(ex, names) => {
                let module = self.import(ex)?;
                for (name, alias) in names {
                    let value = match &module {
                        V::Object(object) => object.get(name),
                        _ => None,
                    };
                    let value = value.unwrap_or_else(|| {
                        V::Missing(Arc::new(Missing::hint(format!(
                            "the template does not export the requested name '{name}'"
                        ))))
                    });
                    self.env.set(alias.clone(), value);
                }
            }
            Stmt::Macro(definition) => {
                let value = V::object(MacroObject {
                    definition: definition.clone(),
                    env: self.env.clone(),
                    source: self.source.clone(),
                });
                self.env.set(definition.name.clone(), value);
                self.macros.add(&self.env);
            }
            Stmt::CallBlock(callee, args, caller, pos) => {
                let function = self.expr(callee)?;
                let mut args = self.args(args)?;
                args.named.push((
                    "caller".into(),
                    V::object(MacroObject {
                        definition: caller.clone(),
                        env: self.env.clone(),
                        source: self.source.clone(),
                    }),
                ));
                let value = self.call_value(&function, args).map_err(|error| self.placed(error, *pos))?;
                out.value(value).map_err(|error| self.placed(error, *pos))?;
            }
            Stmt::Do(ex) => {
                self.need(ex)?;
            }
            Stmt::Break => return Ok(Flow::Break),
            Stmt::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    /// A new level of names; gives back the one outside.
    pub(super) fn push(&mut self) -> Arc<Env> {
        let child = Env::child(&self.env);
        std::mem::replace(&mut self.env, child)
    }

    fn captured(&mut self, body: &Body) -> Res<V> {
        let mut out = Out::default();
        let outer = self.push();
        let result = self.body(body, &mut out);
        self.env = outer;
        result?;
        Ok(out.finish())
    }

    /// A filter chain without a value of its own, applied to `value`.
    fn filtered(&mut self, filter: &Ex, value: V) -> Res<V> {
        let Kind::Filter(def, inner, args) = &filter.kind else { return self.expr(filter) };
        let value = match inner {
            Some(inner) => self.filtered(inner, value)?,
            None => value,
        };
        let args = self.args(args)?;
        self.filter(def, value, args).map_err(|error| self.placed(error, filter.pos))
    }

    fn assign(&mut self, target: &Target, value: V, pos: Pos) -> Res<()> {
        match target {
            Target::Name(name) => {
                if let Some(value) = self.locals.set(name, value) {
                    self.env.set(name.clone(), value);
                }
            }
            Target::Attr(owner, name) => match self.need(owner)? {
                V::Object(object) => object.set(name, value).map_err(|error| self.placed(error, pos))?,
                _ => return Err(self.placed(failed("cannot assign attribute on non-namespace object"), pos)),
            },
            Target::Tuple(targets) => {
                let place = |error| self.placed(error, pos);
                let items = match &value {
                    V::Missing(missing) => return Err(place(missing.error())),
                    V::Str(_) | V::List(_) | V::Tuple(_) | V::Dict(_) | V::Object(_) => {
                        value.items().map_err(place)?
                    }
                    other => {
                        let message = format!("cannot unpack non-iterable {} object", other.type_name());
                        return Err(place(failed(message)));
                    }
                };
                let wanted = targets.len();
                if items.len() > wanted {
                    return Err(place(failed(format!("too many values to unpack (expected {wanted})"))));
                }
                if items.len() < wanted {
                    let got = items.len();
                    let message = format!("not enough values to unpack (expected {wanted}, got {got})");
                    return Err(place(failed(message)));
                }
                for (target, item) in targets.iter().zip(items) {
                    self.assign(target, item, pos)?;
                }
            }
        }
        Ok(())
    }

    fn each(&mut self, each: &Arc<For>, given: Option<V>, depth: usize, out: &mut Out) -> Res<Flow> {
        let value = match given {
            Some(value) => value,
            None => self.need(&each.iter)?,
        };
        let items = value.items().map_err(|error| self.placed(error, each.pos))?;
        if each.plain {
            let outside = self.locals.enter();
            let result = self.each_plain(each, items, depth, out);
            self.locals.leave(outside);
            return result;
        }
        let outer = self.push();
        let result = (|| {
            let items = self.chosen(each, items, |eval| eval.env.clear())?;
            if items.is_empty() {
                return self.body(&each.otherwise, out);
            }
            let object = Arc::new(Loop::new(items, depth, each, &outer));
            let shown = V::Object(object.clone());
            for (i, item) in object.items.iter().enumerate() {
                self.limits.step().map_err(|error| self.placed(error, each.pos))?;
                let level = std::mem::replace(&mut self.env, outer.clone());
                self.env = Env::round(level, &outer, loop_name(), &shown);
                object.index.store(i, Ordering::Relaxed);
                self.assign(&each.target, item.clone(), each.pos)?;
                if self.body(&each.body, out)? == Flow::Break {
                    break;
                }
            }
            Ok(Flow::Next)
        })();
        self.env = outer;
        result
    }

    /// The items that the loop's own condition keeps; `forget` drops what it has set for one.
    fn chosen(&mut self, each: &For, items: Vec<V>, forget: fn(&mut Self)) -> Res<Vec<V>> {
        let Some(filter) = &each.filter else { return Ok(items) };
        let mut kept = Vec::new();
        for item in items {
            self.assign(&each.target, item.clone(), each.pos)?;
            if self.truth(filter)? {
                kept.push(item);
            }
            forget(self);
        }
        Ok(kept)
    }

    /// The rounds of a loop that nothing can hold on to.
    fn each_plain(&mut self, each: &Arc<For>, items: Vec<V>, depth: usize, out: &mut Out) -> Res<Flow> {
        let items = self.chosen(each, items, |eval| eval.locals.next_round())?;
        if items.is_empty() {
            return self.body(&each.otherwise, out);
        }
        let object = Arc::new(Loop::new(items, depth, each, &self.env));
        self.locals.keep(loop_name(), V::Object(object.clone()));
        for (i, item) in object.items.iter().enumerate() {
            self.limits.step().map_err(|error| self.placed(error, each.pos))?;
            self.locals.next_round();
            object.index.store(i, Ordering::Relaxed);
            self.assign(&each.target, item.clone(), each.pos)?;
            if self.body(&each.body, out)? == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }
}

/// The `loop` variable.
struct Loop {
    items: Vec<V>,
    index: AtomicUsize,
    /// What `loop.changed` saw last.
    last: Mutex<Option<V>>,
    depth: usize,
    /// What a recursive loop does again, and the names around it.
    recursion: Option<(Arc<For>, Arc<Env>)>,
}

impl Loop {
    fn new(items: Vec<V>, depth: usize, each: &Arc<For>, env: &Arc<Env>) -> Self {
        Self {
            items,
            index: AtomicUsize::new(0),
            last: Mutex::new(None),
            depth,
            recursion: each.recursive.then(|| (each.clone(), env.clone())),
        }
    }
}

impl Loop {
    fn index(&self) -> usize {
        self.index.load(Ordering::Relaxed)
    }
}

impl Object for Loop {
    fn type_name(&self) -> &str {
        "LoopContext"
    }

    fn get(&self, name: &str) -> Option<V> {
        let index = self.index();
        let length = self.items.len();
        let missing = |hint: &str| Some(V::Missing(Arc::new(Missing::hint(hint))));
        Some(match name {
            "index" => V::from(index + 1),
            "index0" => V::from(index),
            "revindex" => V::from(length - index),
            "revindex0" => V::from(length - index - 1),
            "first" => V::Bool(index == 0),
            "last" => V::Bool(index + 1 == length),
            "length" => V::from(length),
            "depth" => V::from(self.depth + 1),
            "depth0" => V::from(self.depth),
            "previtem" if index == 0 => return missing("there is no previous item"),
            "previtem" => self.items[index - 1].clone(),
            "nextitem" => match self.items.get(index + 1) {
                Some(next) => next.clone(),
                None => return missing("there is no next item"),
            },
            _ => return None,
        })
    }

    fn method(&self, _: &mut Eval, name: &str, args: &Args) -> Option<Res<V>> {
        match name {
            "cycle" => Some(if args.positional.is_empty() {
                Err(failed("no items for cycling given"))
            } else {
                Ok(args.positional[self.index() % args.positional.len()].clone())
            }),
            "changed" => {
                let value = V::tuple(args.positional.clone());
                let slot = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
                let last = slot().clone();
                let same = match last.map(|last| equal(&last, &value)) {
                    Some(Ok(same)) => same,
                    Some(Err(error)) => return Some(Err(error)),
                    None => false,
                };
                *slot() = Some(value);
                Some(Ok(V::Bool(!same)))
            }
            _ => None,
        }
    }

    fn callable(&self) -> bool {
        true
    }

    /// `loop(children)` in a recursive loop.
    fn call(&self, eval: &mut Eval, args: Args) -> Res<V> {
        let Some((each, env)) = &self.recursion else {
            return Err(failed("The loop must have the 'recursive' marker to be called recursively."));
        };
        let items = args.positional.into_iter().next().ok_or_else(|| failed("loop() needs the items"))?;
        let mut out = Out::default();
        eval.limits.enter()?;
        let inner = std::mem::replace(&mut eval.env, env.clone());
        let locals = std::mem::take(&mut eval.locals);
        let result = eval.each(each, Some(items), self.depth + 1, &mut out);
        eval.locals = locals;
        eval.env = inner;
        eval.limits.leave();
        result?;
        Ok(out.finish())
    }
}
