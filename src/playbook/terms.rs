//! Values that authors wrote, compiled and checked: variables, conditions, tags, and what must be known while loading.

use super::keywords::Kind;
use super::level::{Attr, Condition, Level, Tags, Vars};
use super::loader::Loader;
use crate::diag::{Diagnostic, Severity, Span};
use crate::source::{Node, NodeKind};
use crate::template::{TemplateErrorKind, Term};
use crate::value::{Value, py_str};
use std::sync::Arc;

impl Loader {
    /// The variables of a mapping; anything else is a problem.
    pub(super) fn vars(&self, node: &Node, what: &str) -> Vars {
        match &node.kind {
            NodeKind::Null => Vars::new(),
            NodeKind::Map(entries) => entries
                .iter()
                .map(|(key, value)| {
                    let name: Arc<str> = Arc::from(py_str(&key.to_value()));
                    let term = self.engine.compile(value);
                    // A variable may never be read.
                    self.check_term(&term, Severity::Warning);
                    (name, term, Some(key.span.clone()))
                })
                .collect(),
            // A list of mappings is an old way to write variables.
            NodeKind::List(items) if items.iter().all(|item| item.as_map().is_some()) => {
                let mut vars = Vars::new();
                items.iter().for_each(|item| vars.extend(&self.vars(item, what)));
                vars
            }
            _ => {
                self.problem(
                    Diagnostic::error(
                        "vars-not-a-mapping",
                        format!("Vars in a {what} must be specified as a dictionary."),
                    )
                    .at(&node.span),
                );
                Vars::new()
            }
        }
    }

    /// Refuses a value that a keyword cannot have, where that shows before anything is rendered.
    pub(super) fn check_kind(&self, name: &str, kind: Kind, value: &Node) {
        let nested = value.as_list().is_some() || value.as_map().is_some();
        let template = value.as_str().is_some_and(|text| text.contains("{{") || text.contains("{%"));
        if self.strict_arguments
            && !template
            && let Err(expected) = kind.check(&value.to_value())
        {
            self.problem(unconverted(name, &value.to_value(), expected, &value.span));
        }
        match kind {
            Kind::Text if nested => {
                let message = format!(
                    "The field '{name}' is supposed to be a string type, however the incoming data structure is {}",
                    value.describe()
                );
                self.problem(Diagnostic::error("keyword-type", message).at(&value.span));
            }
            Kind::Names if !value.is_null() => {
                let items = value.as_list().unwrap_or(std::slice::from_ref(value));
                if let Some(item) = items.iter().find(|item| item.as_str().is_none()) {
                    let message = format!(
                        "Keyword '{name}' items must be of type 'str', not '{}'.",
                        item.to_value().type_name()
                    );
                    self.problem(Diagnostic::error("keyword-type", message).at(&item.span));
                }
            }
            _ => {}
        }
    }

    pub(super) fn attr(&self, node: &Node) -> Attr {
        Attr { term: self.compile(node), span: node.span.clone() }
    }

    /// A value that will be rendered: under the name `ekumen`, what is wrong with its templates is found now.
    pub(super) fn compile(&self, node: &Node) -> Term {
        let term = self.engine.compile(node);
        self.check_term(&term, Severity::Error);
        term
    }

    fn check_term(&self, term: &Term, worst: Severity) {
        if !self.strict_arguments {
            return;
        }
        for mut problem in self.engine.check(term) {
            if worst == Severity::Warning {
                problem.severity = Severity::Warning;
            }
            self.template_problem(problem);
        }
    }

    /// The problem of a template: a warning where the project may bring what is missing.
    fn template_problem(&self, mut problem: Diagnostic) {
        if self.may_be_plugin(&problem) {
            problem.severity = Severity::Warning;
        }
        self.problem(problem);
    }

    /// `with_NAME` of a lookup there is not.
    pub(super) fn check_lookup(&self, name: &str, span: &Span) {
        if self.strict_arguments
            && let Some(problem) = self.engine.check_lookup(name, span)
        {
            self.template_problem(problem);
        }
    }

    /// Whether an unknown filter, test or lookup may be one that the project brings along: a collection's, or
    /// one from a folder beside the playbook or in the role.
    fn may_be_plugin(&self, problem: &Diagnostic) -> bool {
        let folder = match problem.code {
            "unknown-filter" => "filter_plugins",
            "unknown-test" => "test_plugins",
            "unknown-lookup" => "lookup_plugins",
            _ => return false,
        };
        let name = problem.summary.split('\'').nth(1).unwrap_or("");
        if name.contains('.') && !name.starts_with("ansible.builtin.") {
            return true;
        }
        let beside = problem.span.as_ref().map(|span| span.file.path.clone()).unwrap_or_default();
        let beside = beside.ancestors().skip(1).take(4).any(|dir| dir.join(folder).is_dir());
        beside || self.directory().join(folder).is_dir()
    }

    /// One condition or a list of them.
    pub(super) fn conditions(&self, node: &Node) -> Vec<Condition> {
        match &node.kind {
            NodeKind::List(items) => items.iter().flat_map(|item| self.conditions(item)).collect(),
            NodeKind::Null => Vec::new(),
            _ => self.condition(node).into_iter().collect(),
        }
    }

    /// One condition, which cannot be left empty.
    pub(super) fn condition(&self, node: &Node) -> Option<Condition> {
        let compiled = self.engine.compile_expr(node).or_else(|problem| {
            // Ansible reads a condition when it gets there, and such an error can be ignored or rescued.
            let plugin = self.may_be_plugin(&problem);
            let late =
                if self.strict_arguments && !plugin { None } else { self.engine.late_expr(node, &problem) };
            if plugin && self.strict_arguments && late.is_some() {
                self.problem(Diagnostic { severity: Severity::Warning, ..problem.clone() });
            }
            late.ok_or(problem)
        });
        match compiled {
            Ok(expr) => Some(Condition { expr, span: node.span.clone(), value: node.to_value() }),
            Err(problem) => {
                self.problem(problem);
                None
            }
        }
    }

    /// Tags: a list, or a text with commas.
    pub(super) fn tags(&self, node: &Node) -> Tags {
        match &node.kind {
            NodeKind::Null => vec![],
            NodeKind::List(items) => items.iter().map(|item| self.attr(item)).collect(),
            NodeKind::Str(text) => {
                let part = |tag: &str| Node::new(NodeKind::Str(tag.trim().into()), node.span.clone());
                parts(text).into_iter().map(|tag| self.attr(&part(tag))).collect()
            }
            _ => vec![self.attr(node)],
        }
    }

    /// Renders what must be known while loading, with what the play and its roles say and `-e`.
    pub(super) fn render_static(&self, attr: &Attr, level: &Arc<Level>) -> Result<Value, Diagnostic> {
        let context = self.known_context(level);
        context.render(&attr.term).map_err(|error| {
            let code = match error.kind {
                TemplateErrorKind::Syntax => "static-syntax",
                _ => "static-template",
            };
            Diagnostic::error(code, &*error.message)
                .at(error.trace.first().unwrap_or(&attr.span))
                .help("what is imported must be known before the play starts: only -e and variables of the play, its vars_files, roles and blocks can be used here; include_tasks and include_role have no such limit")
        })
    }
}

/// What is said of a keyword that has a value of another type.
pub fn unconverted(name: &str, value: &Value, expected: &str, place: &Span) -> Diagnostic {
    let shown = crate::value::py_repr(value);
    let message = format!(
        "Error processing keyword '{name}': The value {shown} could not be converted to '{expected}'."
    );
    Diagnostic::error("keyword-type", message).at(place)
}

/// What stands between the commas of a text, but for those inside of templates.
fn parts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut depth) = (0, 0_u32);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found
}
