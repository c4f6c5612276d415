//! Where the value of an expression was written, for messages about conditions.

use super::context::Ctx;
use super::engine::is_template;
use super::eval::Eval;
use super::expr::{Expr, ExprKind};
use super::object::V;
use super::scope::{Scope, Var};
use super::syntax::Source;
use super::syntax::ir::{Ex, Kind, Stmt};
use super::{Template, Term};
use crate::diag::Span;
use crate::source::{Node, NodeKind, yaml};
use std::sync::Arc;

impl Ctx {
    /// The place of an expression's value, where the expression names or chooses one that somebody wrote.
    pub(super) fn place_of(&self, expr: &Expr) -> Option<Span> {
        let node = match &expr.0.kind {
            ExprKind::Expression(ex, source) => self.written(ex, source)?,
            ExprKind::Template(Term::Template(template)) => self.given(template)?,
            _ => return None,
        };
        Some(node.span)
    }

    /// What a template of one expression passes on; of any other the template itself.
    fn given(&self, template: &Template) -> Option<Node> {
        let program = template.program().ok()?;
        let passed = match &program.body[..] {
            [Stmt::Emit(ex)] => self.written(ex, &template.source),
            _ => None,
        };
        passed.or_else(|| Some(Node::new(NodeKind::Null, template.source.span.clone())))
    }

    /// The value that an expression means, as it was written.
    fn written(&self, ex: &Ex, source: &Arc<Source>) -> Option<Node> {
        let eval = |ex: &Ex| Eval::new(self, source).expr(ex).ok();
        let truth = |ex: &Ex| eval(ex)?.truth().ok();
        match &ex.kind {
            Kind::Var(name) => self.resolved(value_at(&self.scope_place(name)?)),
            Kind::Attr(base, name) => match self.scope_of(base, source) {
                Some(scope) => self.variable_at(&*scope, name),
                None => self.resolved(self.written(base, source)?.get(name)?.clone()),
            },
            Kind::Item(base, key) => match (self.scope_of(base, source), eval(key)?) {
                (Some(scope), V::Str(name)) => self.variable_at(&*scope, &name),
                (None, V::Str(name)) => self.resolved(self.written(base, source)?.get(&name)?.clone()),
                (None, V::Int(index)) => {
                    let list = self.written(base, source)?;
                    let items = list.as_list()?;
                    let end = i64::try_from(items.len()).ok()?;
                    let index = if index < 0 { index + end } else { index };
                    self.resolved(items.get(usize::try_from(index).ok()?)?.clone())
                }
                _ => None,
            },
            Kind::Filter(filter, Some(base), args) => match (filter.names.first(), args.first()) {
                (Some(&"default"), Some(super::syntax::ir::Arg::Positional(other))) => match eval(base)? {
                    V::Missing(_) => self.written(other, source),
                    _ => self.written(base, source),
                },
                (Some(&"first"), None) => {
                    self.resolved(self.written(base, source)?.as_list()?.first()?.clone())
                }
                (Some(&"last"), None) => {
                    self.resolved(self.written(base, source)?.as_list()?.last()?.clone())
                }
                _ => None,
            },
            Kind::And(first, second) => self.written(if truth(first)? { second } else { first }, source),
            Kind::Or(first, second) => self.written(if truth(first)? { first } else { second }, source),
            Kind::If(condition, yes, no) => match truth(condition)? {
                true => self.written(yes, source),
                false => self.written(no.as_ref()?, source),
            },
            _ => None,
        }
    }

    /// A view of variables (`hostvars`, a host of it, `vars`).
    fn scope_of(&self, ex: &Ex, source: &Arc<Source>) -> Option<Arc<dyn Scope>> {
        let found = match &ex.kind {
            Kind::Var(name) => self.scope_get(name),
            Kind::Attr(base, name) => self.scope_of(base, source)?.get(name),
            Kind::Item(base, key) => match Eval::new(self, source).expr(key).ok()? {
                V::Str(name) => self.scope_of(base, source)?.get(&name),
                _ => None,
            },
            _ => None,
        };
        match found? {
            Var::Scope(scope) => Some(scope),
            _ => None,
        }
    }

    fn variable_at(&self, scope: &dyn Scope, name: &str) -> Option<Node> {
        self.resolved(value_at(&scope.place(name)?))
    }

    /// What a text that is a template stands for.
    fn resolved(&self, node: Node) -> Option<Node> {
        match &node.kind {
            NodeKind::Str(text) if is_template(text) => self.given(&Template::new(text, &node.span)),
            _ => Some(node),
        }
    }
}

/// The value of the variable whose name stands at this place. Terms do not keep the places of what is in them, so the file is read
/// once more; where it holds no such YAML, only the place is known.
fn value_at(place: &Span) -> Node {
    fn find(node: &Node, place: &Span) -> Option<Node> {
        match &node.kind {
            NodeKind::Map(entries) => entries.iter().find_map(|(key, value)| {
                let here = (key.span.line, key.span.column) == (place.line, place.column);
                if here { Some(value.clone()) } else { find(key, place).or_else(|| find(value, place)) }
            }),
            NodeKind::List(items) => items.iter().find_map(|item| find(item, place)),
            _ => None,
        }
    }
    let file = yaml::parse(&place.file).ok();
    let found = file.and_then(|file| find(&file.node, place));
    found.unwrap_or_else(|| Node::new(NodeKind::Null, place.clone()))
}
