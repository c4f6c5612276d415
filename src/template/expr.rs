//! Bare expressions and conditions.

use super::context::rendering;
use super::engine::{SYNTAX, UNKNOWN, diagnostic, is_template};
use super::eval::{Eval, StackGuard};
use super::object::{Res, V};
use super::syntax::ir::{Ex, Pos};
use super::syntax::{self, Problem, Source};
use super::{Context, Engine, Template, TemplateError, TemplateErrorKind, Term};
use crate::diag::{Diagnostic, Severity, Span};
use crate::source::{Node, NodeKind};
use crate::value::marks::{self, Mark};
use crate::value::{Value, str_repr};
use std::sync::Arc;

/// A bare expression (`when`, `changed_when`, `until`, `that`, …).
#[derive(Clone)]
pub struct Expr(pub(super) Arc<ExprInner>);

pub(super) struct ExprInner {
    pub kind: ExprKind,
    pub span: Span,
}

pub(super) enum ExprKind {
    Const(Value),
    /// It was written as `{{ … }}`.
    Template(Term),
    Expression(Ex, Arc<Source>),
    /// It cannot be read, which matters once it is evaluated.
    Broken(TemplateError),
    /// Nothing was written.
    Empty,
}

/// Ansible's words for a text that is data and would have to be evaluated.
pub(super) const UNTRUSTED: &str = "Encountered untrusted template or expression.";

/// Why data is not evaluated.
pub(super) const TRUST: &str = "Templates and expressions must be defined by trusted sources such as playbooks or roles, not untrusted \
                     sources such as module results.";

/// How to go on with conditions that are not boolean.
const BROKEN: &str = "Broken conditionals can be temporarily allowed with the `ALLOW_BROKEN_CONDITIONALS` configuration option.";

/// A text that came as data: it is never evaluated.
fn untrusted(span: &Span) -> ExprKind {
    ExprKind::Broken(
        TemplateError::new(TemplateErrorKind::Failed, UNTRUSTED, vec![span.clone()]).with_help(TRUST),
    )
}

/// Why they are not refused.
const ALLOWED: &str = "Broken conditionals are currently allowed because the `ALLOW_BROKEN_CONDITIONALS` configuration option is enabled.";

impl Engine {
    /// A condition or other bare expression. Booleans and numbers are allowed as they are; a text that is
    /// wholly `{{ … }}` is taken as the expression inside, as Ansible does with a warning.
    ///
    /// # Errors
    /// Syntax errors, unknown filters and tests.
    pub fn compile_expr(&self, node: &Node) -> Result<Expr, Diagnostic> {
        let kind = match &node.kind {
            NodeKind::Str(text) => return self.compile_text_expr(text, &node.span),
            NodeKind::Unsafe(_) => untrusted(&node.span),
            NodeKind::Null => ExprKind::Empty,
            _ => ExprKind::Const(node.to_value()),
        };
        Ok(Expr(Arc::new(ExprInner { kind, span: node.span.clone() })))
    }

    /// What was written in a list of conditions.
    ///
    /// # Errors
    /// As [`Engine::compile_expr`].
    pub fn condition_of(&self, term: &Term, span: &Span) -> Result<Expr, Diagnostic> {
        let kind = match term {
            Term::Const(Value::Str(text)) => return self.compile_text_expr(text, span),
            // What a template passed on is as its author wrote it.
            Term::Data(Value::Str(text)) if marks::is_authored(text) => {
                return self.compile_text_expr(text, span);
            }
            Term::Const(Value::Null) => ExprKind::Empty,
            Term::Const(value) => ExprKind::Const(value.clone()),
            Term::Data(Value::Str(_)) => untrusted(span),
            Term::Data(value) => ExprKind::Const(value.clone()),
            Term::Template(template) => {
                return self.compile_text_expr(&template.source.text, &template.source.span);
            }
            Term::List(_) | Term::Map(_) => ExprKind::Const(term.written()),
        };
        Ok(Expr(Arc::new(ExprInner { kind, span: span.clone() })))
    }

    /// An expression with a syntax error that is reported when it is evaluated, as Ansible does. `None` where the
    /// problem is of another kind.
    pub fn late_expr(&self, node: &Node, problem: &Diagnostic) -> Option<Expr> {
        (problem.code == SYNTAX || UNKNOWN.contains(&problem.code)).then(|| {
            let trace = problem.span.iter().cloned().collect();
            let error = TemplateError::new(TemplateErrorKind::Syntax, &*problem.summary, trace);
            Expr(Arc::new(ExprInner { kind: ExprKind::Broken(error), span: node.span.clone() }))
        })
    }

    pub(super) fn compile_text_expr(&self, text: &str, span: &Span) -> Result<Expr, Diagnostic> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(Expr(Arc::new(ExprInner { kind: ExprKind::Empty, span: span.clone() })));
        }
        let kind = if trimmed.starts_with("{{") && trimmed.ends_with("}}") || trimmed.starts_with("{%") {
            let template = Template::new(text, span);
            if let Err(error) = template.program() {
                let place = error.trace.first().unwrap_or(span);
                return Err(Diagnostic::error(SYNTAX, error.message.clone()).at(place));
            }
            ExprKind::Template(Term::Template(Arc::new(template)))
        } else {
            let source = Source::of_text(text, span);
            match syntax::expression(text) {
                Ok(ex) => ExprKind::Expression(ex, Arc::new(source)),
                Err(problems) => {
                    let what = if is_template(text) {
                        "expression. Template delimiters are not supported in expressions"
                    } else {
                        "expression"
                    };
                    let problem =
                        problems.into_iter().next().unwrap_or(Problem::at("no expression", Pos::default()));
                    return Err(diagnostic(what, &source, &problem));
                }
            }
        };
        Ok(Expr(Arc::new(ExprInner { kind, span: span.clone() })))
    }
}

impl Context {
    pub(super) fn eval_lazy(&self, expr: &Expr) -> Res<V> {
        match &expr.0.kind {
            ExprKind::Const(value) => V::from_value(value),
            ExprKind::Template(term) => self.0.value_of(term)?.need(),
            ExprKind::Broken(error) => Err(error.clone()),
            ExprKind::Empty => Ok(V::None),
            ExprKind::Expression(ex, source) => {
                Eval::new(&self.0, source).need(ex).map_err(|error| rendering(error, "expression"))
            }
        }
    }

    /// The expression as a condition: it must be boolean (or broken conditionals are allowed).
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn condition(&self, expr: &Expr) -> Result<bool, TemplateError> {
        let _stack = StackGuard::new();
        let worded = |mut error: TemplateError| {
            if error.kind == TemplateErrorKind::Undefined && !error.message.starts_with("Error while") {
                error.message = format!("Error while evaluating conditional: {}", error.message);
            }
            error
        };
        let allowed = self.0.engine().settings().allow_broken_conditionals;
        let refused =
            |message: &str| TemplateError::new(TemplateErrorKind::Failed, message, vec![expr.0.span.clone()]);
        match &expr.0.kind {
            ExprKind::Empty => return self.empty_condition(&expr.0.span),
            ExprKind::Const(value) if value.as_bool().is_none() && !allowed => {
                return Err(refused("Conditional expressions must be strings."));
            }
            _ => {}
        }
        let mut value = self.eval_lazy(expr).map_err(worded)?;
        if matches!(expr.0.kind, ExprKind::Template(_)) {
            // A text that comes of it is looked at again.
            if !matches!(value, V::Str(_)) {
                self.0.engine().warn(
                    Diagnostic::new(
                        Severity::Deprecation,
                        "templated-conditional",
                        "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}. \
                         This feature will be removed from ansible-core version 2.23.",
                    )
                    .at(&expr.0.span),
                );
            }
            // `when: "{{ name }}"` where `name` holds an authored text: that text is the condition.
            if let V::Str(text) = &value
                && marks::is_authored(text)
            {
                let place = marks::place(text).unwrap_or_else(|| expr.0.span.clone());
                let inner = self.0.engine().compile_text_expr(text, &place);
                let inner = inner.map_err(|diagnostic| {
                    let trace = diagnostic.span.into_iter().collect();
                    TemplateError::new(TemplateErrorKind::Syntax, diagnostic.summary, trace)
                })?;
                value = self.eval_lazy(&inner).map_err(worded)?;
            }
        }
        if let V::Bool(result) = value {
            return Ok(result);
        }
        if matches!(&value, V::Str(text) if crate::template::is_omit(&Value::Str(text.clone()))) {
            let help = "`omit` stands for an argument that is left out; it is no condition";
            return Err(refused("A template was resolved to an Omit scalar.").with_help(help));
        }
        // What its members lack comes before what is wrong with the whole.
        if matches!(value, V::List(_) | V::Tuple(_) | V::Dict(_)) {
            value.to_value().map_err(worded)?;
        }
        let truth = value.truth()?;
        if matches!(expr.0.kind, ExprKind::Template(_))
            && let V::Str(text) = &value
        {
            if text.is_empty() {
                return self.empty_condition(&expr.0.span);
            }
            if !allowed {
                return Err(refused(UNTRUSTED).with_help(TRUST));
            }
        }
        let known = match &value {
            V::None => Some("<unknown>".to_owned()),
            V::Str(text) => match marks::of(text) {
                Some(Mark::Origin(place)) => Some(place.to_string()),
                _ => marks::place(text).map(|place| place.to_string()),
            },
            _ => None,
        };
        let place = known.unwrap_or_else(|| self.0.place_of(expr).unwrap_or(expr.0.span.clone()).to_string());
        let message = format!(
            "Conditional result ({}) was derived from value of type '{}' at {}. Conditionals must have a \
             boolean result.",
            if truth { "True" } else { "False" },
            value.type_name(),
            str_repr(&place),
        );
        if allowed {
            self.broken_condition(message, &expr.0.span);
            return Ok(truth);
        }
        Err(refused(&message).with_help(BROKEN))
    }

    /// A condition with nothing in it.
    fn empty_condition(&self, place: &Span) -> Res<bool> {
        if self.0.engine().settings().allow_broken_conditionals {
            self.broken_condition("Empty conditional expression was evaluated as True.".into(), place);
            return Ok(true);
        }
        Err(TemplateError::new(
            TemplateErrorKind::Failed,
            "Empty conditional expressions are not allowed.",
            vec![place.clone()],
        ))
    }

    fn broken_condition(&self, message: String, place: &Span) {
        let message = format!("{message} This feature will be removed from ansible-core version 2.23.");
        let warning = Diagnostic::new(Severity::Deprecation, "broken-conditional", message).at(place);
        // Under the name `ekumen` they are, whatever is set.
        let config = self.0.engine().settings().config.as_ref();
        let set = config.is_some_and(|config| config.bool("ALLOW_BROKEN_CONDITIONALS"));
        self.0.engine().warn(if set { warning.help(ALLOWED) } else { warning });
    }
}
