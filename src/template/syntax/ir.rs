//! The program a template is compiled to.

use super::{Named, Problem};
use crate::template::Term;
use crate::template::filters::FilterDef;
use crate::template::object::{Arith, V};
use crate::template::tests::TestDef;
use std::sync::Arc;

/// Bytes of the template's text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pos {
    pub start: u32,
    pub end: u32,
}

pub struct Ex {
    pub pos: Pos,
    pub kind: Kind,
}

/// A filter or test of a collection, found when it is used.
pub struct Routed {
    pub named: Named,
    pub name: String,
    /// In a template, not in a bare expression.
    pub in_template: bool,
    pub value: Option<Box<Ex>>,
    pub args: Vec<Arg>,
}

pub enum Kind {
    Const(V),
    /// A text inside a condition, or in what a lookup is given (`in_template`), that is a template itself.
    Embedded {
        term: Term,
        in_template: bool,
    },
    Var(Arc<str>),
    List(Vec<Ex>),
    Tuple(Vec<Ex>),
    Dict(Vec<(Ex, Ex)>),
    Attr(Box<Ex>, Arc<str>),
    Item(Box<Ex>, Box<Ex>),
    Slice(Box<Ex>, [Option<Box<Ex>>; 3]),
    Call(Box<Ex>, Vec<Arg>),
    Filter(&'static FilterDef, Option<Box<Ex>>, Vec<Arg>),
    Test(&'static TestDef, Box<Ex>, Vec<Arg>),
    Not(Box<Ex>),
    Neg(Box<Ex>),
    And(Box<Ex>, Box<Ex>),
    Or(Box<Ex>, Box<Ex>),
    Arith(Arith, Box<Ex>, Box<Ex>),
    Concat(Vec<Ex>),
    Compare(Box<Ex>, Vec<(Cmp, Ex)>),
    If(Box<Ex>, Box<Ex>, Option<Box<Ex>>),
    /// A filter or test that may be known by another name, which its collection tells.
    Routed(Box<Routed>),
    /// A filter or test nobody knows, in a branch that may never be taken.
    Fail(Arc<str>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cmp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

pub enum Arg {
    Positional(Ex),
    Named(Arc<str>, Ex),
    Splat(Ex),
    NamedSplat(Ex),
}

pub type Body = Vec<Stmt>;

pub enum Stmt {
    Raw(Arc<str>),
    Emit(Ex),
    If(Ex, Body, Body),
    For(Arc<For>),
    Set(Target, Ex),
    SetBlock(Target, Option<Ex>, Body),
    With(Vec<(Target, Ex)>, Body),
    Filter(Ex, Body),
    Group(Body),
    Block(Arc<str>, Pos),
    Extends(Ex),
    Include(Ex, bool),
    Import(Ex, Arc<str>),
    FromImport(Ex, Vec<(Arc<str>, Arc<str>)>),
    Macro(Arc<Macro>),
    CallBlock(Ex, Vec<Arg>, Arc<Macro>, Pos),
    Do(Ex),
    Break,
    Continue,
}

pub struct For {
    pub pos: Pos,
    pub target: Target,
    pub iter: Ex,
    pub filter: Option<Ex>,
    pub recursive: bool,
    /// Whether nothing in it can keep the names it sets: no macro, `call`, include, import or block, and no level of names.
    pub plain: bool,
    pub body: Body,
    pub otherwise: Body,
}

impl For {
    /// Whether nothing in these statements can keep the names around it, or sets up a level of them.
    pub fn is_plain(body: &Body) -> bool {
        body.iter().all(|stmt| match stmt {
            Stmt::Raw(_) | Stmt::Emit(_) | Stmt::Set(..) | Stmt::Do(_) | Stmt::Break | Stmt::Continue => true,
            Stmt::If(_, yes, no) => Self::is_plain(yes) && Self::is_plain(no),
            Stmt::Group(body) => Self::is_plain(body),
            Stmt::For(inner) => inner.plain,
            _ => false,
        })
    }
}

pub enum Target {
    Name(Arc<str>),
    Attr(Box<Ex>, Arc<str>),
    Tuple(Vec<Target>),
}

pub struct Macro {
    pub name: Arc<str>,
    pub args: Vec<Arc<str>>,
    /// Of the last arguments.
    pub defaults: Vec<Ex>,
    /// Whether the body asks for `varargs` and `kwargs`.
    pub more: (bool, bool),
    pub body: Body,
}

pub struct Block {
    pub name: Arc<str>,
    pub required: bool,
    pub body: Body,
}

pub struct Program {
    pub body: Body,
    /// Unknown lookups, and unknown filters and tests in branches or in `map('…')`: errors once they are used.
    pub suspects: Vec<Problem>,
    pub blocks: Vec<Arc<Block>>,
}
