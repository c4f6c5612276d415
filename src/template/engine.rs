//! Compiling and rendering.

use super::{LookupEnv, Scope, TemplateError, Term};
use crate::diag::Diagnostic;
use crate::source::Node;
use crate::value::Value;
use std::path::Path;
use std::sync::Arc;

/// The template language: filters, tests, lookups, settings. One for a whole run.
pub struct Engine {}

/// A text with `{{ }}`, `{% %}` or `{# #}` in it, compiled when first needed.
pub struct Template {}

/// A bare expression (`when`, `changed_when`, `until`, `that`, …).
#[derive(Clone)]
pub struct Expr {}

/// A template file (the `template` action and lookup), with its own whitespace options.
pub struct FileTemplate {}

/// An engine, a scope and a place to look for files: everything a rendering needs. Cheap to clone. Values
/// of lazy variables are kept for the life of the context (make one per host and task).
#[derive(Clone)]
pub struct Context {}

impl Engine {
    pub fn new() -> Arc<Self> {
        todo!()
    }

    /// The value that a node means. Never fails: a syntax error is kept and reported when the template is
    /// rendered, or by [`Engine::check`].
    pub fn compile(&self, node: &Node) -> Term {
        let _ = node;
        todo!()
    }

    /// Every syntax error, unknown filter and unknown test in a term.
    pub fn check(&self, term: &Term) -> Vec<Diagnostic> {
        let _ = term;
        todo!()
    }

    /// A condition or other bare expression. Booleans and numbers are allowed as they are; a text that is
    /// wholly `{{ … }}` is taken as the expression inside, as Ansible does with a warning.
    ///
    /// # Errors
    /// Syntax errors, unknown filters and tests.
    pub fn compile_expr(&self, node: &Node) -> Result<Expr, Diagnostic> {
        let _ = node;
        todo!()
    }

    /// A template file's text; `options` are the `template` module's (`trim_blocks`, `lstrip_blocks`,
    /// `variable_start_string`, …), over which a `#jinja2:` header wins.
    ///
    /// # Errors
    /// Syntax errors, unknown filters and tests, with their place in the file.
    pub fn compile_file(&self, path: &Path, text: &str, options: &Value) -> Result<FileTemplate, Diagnostic> {
        let _ = (path, text, options);
        todo!()
    }
}

impl Context {
    pub fn new(engine: &Arc<Engine>, scope: Arc<dyn Scope>, env: Arc<LookupEnv>) -> Self {
        let _ = (engine, scope, env);
        todo!()
    }

    /// The term's value, all templates rendered, all the way down. Members that are `omit` are left out.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn render(&self, term: &Term) -> Result<Value, TemplateError> {
        let _ = term;
        todo!()
    }

    /// The expression's value.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn eval(&self, expr: &Expr) -> Result<Value, TemplateError> {
        let _ = expr;
        todo!()
    }

    /// The expression as a condition: it must be boolean (or broken conditionals are allowed).
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn condition(&self, expr: &Expr) -> Result<bool, TemplateError> {
        let _ = expr;
        todo!()
    }

    /// A variable's value; `None` if there is none of that name.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn variable(&self, name: &str) -> Result<Option<Value>, TemplateError> {
        let _ = name;
        todo!()
    }

    /// A template file rendered to text.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn render_file(&self, template: &FileTemplate) -> Result<String, TemplateError> {
        let _ = template;
        todo!()
    }

    /// Runs a lookup by name, as `with_NAME` and `query` do: always a list.
    ///
    /// # Errors
    /// See [`TemplateError`]; an unknown name is `Failed`.
    pub fn lookup(&self, name: &str, terms: &[Value], options: &Value) -> Result<Vec<Value>, TemplateError> {
        let _ = (name, terms, options);
        todo!()
    }
}
