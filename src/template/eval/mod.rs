//! Runs a program: expressions here, statements and output in their own files.

mod call;
mod env;
mod files;
mod limits;
mod locals;
mod out;
mod stmt;

pub use call::{Args, Call, Params};
pub use limits::{StackGuard, charge, charge_value, check_stack};
pub use out::Out;

use super::context::Ctx;
use super::object::{self, Missing, Res, V, compare, contains, equal, failed, key_of, text};
use super::syntax::Source;
use super::syntax::ir::{Arg, Block, Cmp, Ex, Kind, Pos};
use super::term::Term;
use super::{TemplateError, TemplateErrorKind, globals};
use crate::diag::Diagnostic;
pub use env::Env;
use limits::Limits;
use locals::Locals;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// A block and the template it stands in.
type BlockOf = (Arc<Block>, Arc<Source>);

/// One rendering: a context, the names a template has set, and what it has used of its limits.
pub struct Eval<'a> {
    pub ctx: &'a Ctx,
    source: Arc<Source>,
    env: Arc<Env>,
    locals: Locals,
    macros: Homes,
    /// Variables read so far: within one rendering a variable is always the same object, so that
    /// `list.append()` is seen afterwards.
    roots: Vec<(Arc<str>, V)>,
    limits: Limits,
    /// The blocks of each name, the innermost template's first.
    blocks: HashMap<Arc<str>, Vec<BlockOf>>,
    /// The block being rendered, and how many levels of `super()` deep.
    current_block: Option<(Arc<str>, usize)>,
    parent: Option<files::Loaded>,
    _stack: StackGuard,
}

/// The levels of names in which macros stand. A macro sees the names around it, itself among them: the two would keep each
/// other for ever.
#[derive(Default)]
struct Homes(Vec<Arc<Env>>);

impl Homes {
    fn add(&mut self, env: &Arc<Env>) {
        if !self.0.iter().rev().take(4).any(|known| Arc::ptr_eq(known, env)) {
            self.0.push(env.clone());
        }
    }
}

impl Drop for Homes {
    fn drop(&mut self) {
        self.0.iter().for_each(|env| env.clear());
    }
}

impl<'a> Eval<'a> {
    pub fn new(ctx: &'a Ctx, source: &Arc<Source>) -> Self {
        Self {
            ctx,
            source: source.clone(),
            env: Env::root(),
            locals: Locals::default(),
            macros: Homes::default(),
            roots: Vec::new(),
            limits: Limits::new(ctx.engine().steps),
            blocks: HashMap::new(),
            current_block: None,
            parent: None,
            _stack: StackGuard::new(),
        }
    }

    /// A variable that the template sees besides those of its context.
    pub fn define(&self, name: &str, value: V) {
        self.env.set(name.into(), value);
    }

    /// Runs the body of a template that has no file of its own.
    ///
    /// # Errors
    /// With the innermost place that failed.
    pub fn body_of(&mut self, program: &super::syntax::ir::Program, out: &mut Out) -> Res<()> {
        for block in &program.blocks {
            self.blocks.entry(block.name.clone()).or_default().push((block.clone(), self.source.clone()));
        }
        self.body(&program.body, out).map(|_| ())
    }

    fn placed(&self, mut error: TemplateError, pos: Pos) -> TemplateError {
        if error.trace.is_empty() {
            error.trace.push(self.source.place(pos));
        }
        error
    }

    /// What a plugin gave; its failure is an error only for those who use the result.
    fn kept(&self, result: Res<V>, pos: Pos) -> Res<V> {
        match result {
            Err(error) if error.kind != TemplateErrorKind::Unknown => {
                Ok(V::Missing(Arc::new(Missing::captured(self.placed(error, pos)))))
            }
            result => result,
        }
    }

    /// The value of an expression; a missing one is a value too.
    ///
    /// # Errors
    /// With the innermost place that failed.
    pub fn expr(&mut self, ex: &Ex) -> Res<V> {
        match &ex.kind {
            // The two most frequent kinds, which need no place.
            Kind::Const(value) => Ok(value.clone()),
            Kind::Var(name) => self.variable(name).map_err(|mut error| {
                // Crossing into this template from that of the variable.
                error.trace.push(self.source.place(ex.pos));
                error
            }),
            _ => self.compound(ex).map_err(|error| self.placed(error, ex.pos)),
        }
    }

    /// The value of an expression that must exist.
    ///
    /// # Errors
    /// With the innermost place that failed.
    pub fn need(&mut self, ex: &Ex) -> Res<V> {
        match self.expr(ex)? {
            V::Missing(missing) => Err(self.placed(missing.error(), ex.pos)),
            value => Ok(value),
        }
    }

    pub fn variable(&mut self, name: &Arc<str>) -> Res<V> {
        if let Some(value) = self.locals.get(name) {
            return Ok(value.clone());
        }
        let known =
            || self.roots.iter().find(|(known, _)| env::same(known, name)).map(|(_, value)| value.clone());
        if let Some(value) = self.env.get(name).or_else(known) {
            self.locals.remember(name, &value);
            return Ok(value);
        }
        let found = match self.ctx.variable(name)? {
            Some(value) => Some(value),
            // What `super` is depends on where it stands.
            None => match self.special(name) {
                Some(value) => return Ok(value),
                None => globals::get(name),
            },
        };
        let Some(value) = found else {
            return Ok(V::Missing(Arc::new(Missing::variable(name))));
        };
        if !value.is_missing() {
            self.roots.push((name.clone(), value.clone()));
        }
        Ok(value)
    }

    /// A template in a text of an expression: as it is, where the settings want that.
    fn embedded(&self, term: &Term, in_template: bool) -> Res<V> {
        let engine = self.ctx.engine();
        if engine.settings().plain_constants
            && let Term::Template(template) = term
        {
            return Ok(V::str(template.text()));
        }
        let help = match in_template {
            true => {
                "Use inline expressions, for example: `msg: \"{{ lookup('env', '{{ a_var }}') }}\"` becomes \
                 `msg: \"{{ lookup('env', a_var) }}\"`"
            }
            false => {
                "Use inline expressions, for example: `when: \"{{ a_var }}\" == 42` becomes `when: a_var == 42`"
            }
        };
        let text = "Jinja constant strings should not contain embedded templates. This feature will be disabled by default in \
                    ansible-core 2.23.";
        let place = self.source.place(Pos::default());
        engine.warn(Diagnostic::warning("embedded-template", text).at(&place).help(help));
        self.ctx.value_of(term)
    }

    /// The truth of a condition.
    fn truth(&mut self, ex: &Ex) -> Res<bool> {
        let value = self.expr(ex)?;
        value.truth().map_err(|error| self.placed(error, ex.pos))
    }

    fn compound(&mut self, ex: &Ex) -> Res<V> {
        self.limits.enter()?;
        let value = self.evaluate(ex);
        self.limits.leave();
        value
    }

    fn evaluate(&mut self, ex: &Ex) -> Res<V> {
        Ok(match &ex.kind {
            Kind::Const(value) => value.clone(),
            Kind::Var(name) => self.variable(name)?,
            Kind::Embedded { term, in_template } => self.embedded(term, *in_template)?,
            Kind::List(items) => V::list(items.iter().map(|item| self.expr(item)).collect::<Res<_>>()?),
            Kind::Tuple(items) => V::Tuple(items.iter().map(|item| self.expr(item)).collect::<Res<_>>()?),
            Kind::Dict(pairs) => {
                let mut entries = object::Entries::with_capacity(pairs.len());
                for (key, value) in pairs {
                    let key = key_of(&self.need(key)?)?;
                    let value = self.expr(value)?;
                    entries.insert(key, value);
                }
                V::dict(entries)
            }
            Kind::Attr(value, name) => object::attribute(&self.expr(value)?, name)?,
            Kind::Item(value, key) => {
                let value = self.expr(value)?;
                if value.is_missing() {
                    return Ok(value);
                }
                let key = self.need(key)?;
                object::item(&value, &key)?
            }
            Kind::Slice(value, bounds) => {
                let value = self.expr(value)?;
                if value.is_missing() {
                    return Ok(value);
                }
                let mut bound = |bound: &Option<Box<Ex>>| match bound {
                    Some(ex) => self.expr(ex),
                    None => Ok(V::None),
                };
                let (start, stop, step) = (bound(&bounds[0])?, bound(&bounds[1])?, bound(&bounds[2])?);
                object::slice(&value, &start, &stop, &step)?
            }
            Kind::Call(callee, args) => match self.call(callee, args)? {
                // A lookup does not know where it was asked for.
                V::Missing(missing) if missing.is_failure() && missing.trace.is_empty() => {
                    self.kept(Err(missing.error()), ex.pos)?
                }
                value => value,
            },
            Kind::Filter(def, value, args) => {
                let value = match value {
                    Some(value) => self.expr(value)?,
                    None => return Err(failed("a filter without a value")),
                };
                let args = self.args(args)?;
                let result = self.filter(def, value, args);
                self.kept(result, ex.pos)?
            }
            Kind::Test(def, value, args) => {
                let value = self.expr(value)?;
                let args = self.args(args)?;
                let result = self.test(def, value, args).map(V::Bool);
                self.kept(result, ex.pos)?
            }
            Kind::Routed(routed) => {
                let value = match &routed.value {
                    Some(value) => self.expr(value)?,
                    None => return Err(failed("a filter without a value")),
                };
                let result = self.routed(routed, value);
                self.kept(result, ex.pos)?
            }
            Kind::Not(value) => V::Bool(!self.truth(value)?),
            Kind::Neg(value) => object::negate(&self.expr(value)?)?,
            Kind::And(left, right) => {
                let left = self.expr(left)?;
                if left.truth()? { self.expr(right)? } else { left }
            }
            Kind::Or(left, right) => {
                let left = self.expr(left)?;
                if left.truth()? { left } else { self.expr(right)? }
            }
            Kind::Arith(op, left, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                object::arith(*op, &left, &right)?
            }
            Kind::Concat(parts) => {
                let mut out = String::new();
                for (at, part) in parts.iter().enumerate() {
                    let value = self.expr(part)?;
                    if let V::Missing(missing) = &value {
                        // What fails in the parts after it comes first.
                        for later in &parts[at + 1..] {
                            self.expr(later)?;
                        }
                        return Err(self.placed(missing.error(), part.pos));
                    }
                    out.push_str(&text(&value)?);
                }
                charge(out.len())?;
                V::from(out)
            }
            Kind::Compare(first, rest) => {
                let mut left = self.expr(first)?;
                for (cmp, right) in rest {
                    let right = self.expr(right)?;
                    if !holds(*cmp, &left, &right)? {
                        return Ok(V::Bool(false));
                    }
                    left = right;
                }
                V::Bool(true)
            }
            Kind::Fail(message) => return Err(failed(&**message)),
            Kind::If(test, yes, no) => {
                if self.truth(test)? {
                    self.expr(yes)?
                } else {
                    match no {
                        Some(no) => self.expr(no)?,
                        None => V::object(object::Undefined),
                    }
                }
            }
        })
    }

    fn args(&mut self, args: &[Arg]) -> Res<Args> {
        let mut out = Args::default();
        for arg in args {
            match arg {
                Arg::Positional(ex) => out.positional.push(self.expr(ex)?),
                Arg::Named(name, ex) => out.named.push((name.clone(), self.expr(ex)?)),
                Arg::Splat(ex) => out.positional.extend(self.need(ex)?.items()?),
                Arg::NamedSplat(ex) => match self.need(ex)? {
                    V::Dict(dict) => {
                        for (key, value) in dict.entries()? {
                            let name = key.as_str().ok_or_else(|| failed("keywords must be strings"))?;
                            out.named.push((name.into(), value));
                        }
                    }
                    other => {
                        return Err(failed(format!(
                            "argument after ** must be a mapping, not {}",
                            other.type_name()
                        )));
                    }
                },
            }
        }
        Ok(out)
    }
}

/// `left cmp right`.
fn holds(cmp: Cmp, left: &V, right: &V) -> Res<bool> {
    let order = |symbol: &str| compare(left, right, symbol);
    Ok(match cmp {
        Cmp::Eq => equal(left, right)?,
        Cmp::Ne => !equal(left, right)?,
        Cmp::Lt => order("<")? == Some(Ordering::Less),
        Cmp::Le => matches!(order("<=")?, Some(Ordering::Less | Ordering::Equal)),
        Cmp::Gt => order(">")? == Some(Ordering::Greater),
        Cmp::Ge => matches!(order(">=")?, Some(Ordering::Greater | Ordering::Equal)),
        Cmp::In => contains(right, left)?,
        Cmp::NotIn => !contains(right, left)?,
    })
}
