//! Blocks and tasks.

use super::action::{ActionKind, ActionName};
use super::level::{Attr, Condition, Level};
use crate::diag::Span;
use crate::source::{Node, NodeKind};
use crate::template::Term;
use crate::value::{Map, Value};
use std::sync::Arc;

/// A list of items with a rescue and an always section. Also what a task file, a role or a play's section is.
pub struct Block {
    pub level: Arc<Level>,
    pub name: Option<Attr>,
    pub main: Vec<Item>,
    pub rescue: Vec<Item>,
    pub always: Vec<Item>,
    pub span: Span,
}

#[derive(Clone)]
pub enum Item {
    Task(Arc<Task>),
    Block(Arc<Block>),
}

/// One task (or handler).
#[derive(Clone)]
pub struct Task {
    /// What it says itself; the chain gives the rest.
    pub level: Arc<Level>,
    pub span: Span,
    pub name: Option<Attr>,
    pub action: ActionName,
    /// A mapping (possibly `_raw_params` in it), or a template that gives one.
    pub args: Term,
    /// The arguments as they were written, for actions that evaluate some of them themselves.
    pub args_node: Arc<Node>,
    pub args_span: Span,
    pub looping: Option<Loop>,
    pub control: LoopControl,
    pub register: Option<Arc<str>>,
    pub register_place: Option<Span>,
    pub until: Vec<Condition>,
    pub changed_when: Option<Vec<Condition>>,
    pub failed_when: Option<Vec<Condition>>,
    pub notify: Vec<Attr>,
    /// Topics a handler listens to.
    pub listen: Vec<Attr>,
    pub is_handler: bool,
    /// Made by the engine, not written by anybody (implicit `flush_handlers`, fact gathering).
    pub implicit: bool,
}

impl Task {
    /// A task that the engine makes: with an action, but without arguments and keywords.
    pub fn made(action: &str, kind: ActionKind, level: Level, span: &Span) -> Self {
        let nothing = Node::new(NodeKind::Map(vec![]), span.clone());
        Self {
            level: Arc::new(level),
            span: span.clone(),
            name: None,
            action: ActionName { written: action.into(), short: action.into(), kind, foreign: None },
            args: Term::Const(Value::map(Map::new())),
            args_node: Arc::new(nothing),
            args_span: span.clone(),
            looping: None,
            control: LoopControl::default(),
            register: None,
            register_place: None,
            until: vec![],
            changed_when: None,
            failed_when: None,
            notify: vec![],
            listen: vec![],
            is_handler: false,
            implicit: false,
        }
    }

    /// What a change of it notifies. What blocks around it say counts where the task itself says nothing.
    pub fn notified(&self) -> Vec<&Attr> {
        match self.notify.is_empty() {
            true => self.attr("notify").into_iter().collect(),
            false => self.notify.iter().collect(),
        }
    }

    /// A keyword's innermost value.
    pub fn attr(&self, name: &str) -> Option<&Attr> {
        self.level.find(name)
    }

    /// A keyword as it is before anybody renders it: a template counts as yes, as any text does. `None` where nobody says it.
    pub fn truth_as_written(&self, name: &str) -> Option<bool> {
        self.attr(name).map(|attr| attr.term.written().truthy())
    }
}

/// `loop` or `with_NAME`.
#[derive(Clone)]
pub struct Loop {
    /// The lookup of `with_NAME`.
    pub lookup: Option<Arc<str>>,
    pub items: Term,
    pub span: Span,
}

#[derive(Clone, Default)]
pub struct LoopControl {
    pub loop_var: Option<Attr>,
    pub index_var: Option<Attr>,
    pub label: Option<Attr>,
    pub pause: Option<Attr>,
    pub extended: Option<Attr>,
    pub extended_allitems: Option<Attr>,
    pub break_when: Vec<Condition>,
}
