//! The arguments of a task: a mapping, `key=value` text, or free text.

use super::action::{ActionKind, ActionName, is_free_form, takes_command};
use super::loader::Loader;
use crate::diag::{Diagnostic, Severity};
use crate::source::{Node, NodeKind, args as free_form};
use std::sync::Arc;

/// What `args` has to be.
const ARGS_ARE: &str = "A mapping or template which resolves to a mapping is required.";

impl Loader {
    /// The action's own value and `args:`, as one node: a mapping. A template in place of `args`' mapping is
    /// kept under `_variable_params`.
    pub(super) fn arguments(&self, action: &ActionName, value: &Node, args: Option<&Node>) -> Node {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut put = |key: Node, value: Node| match entries
            .iter_mut()
            .find(|(known, _)| known.as_str() == key.as_str())
        {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        };
        match args.map(|node| (&node.kind, node)) {
            None => {}
            Some((NodeKind::Null, node)) => {
                let text = "Ignoring empty task `args` keyword. This feature will be removed from ansible-core version 2.23.";
                let problem = Diagnostic::new(Severity::Deprecation, "empty-args", text).at(&node.span);
                self.problem(problem.help(ARGS_ARE));
            }
            Some((NodeKind::Map(given), _)) => {
                given.iter().for_each(|(key, value)| put(key.clone(), value.clone()))
            }
            Some((NodeKind::Str(text), node)) if text.contains("{{") => {
                put(text_node("_variable_params", node), node.clone());
            }
            Some((_, node)) => self.problem(
                Diagnostic::error("args-not-a-mapping", "The value of the task `args` keyword is invalid.")
                    .at(&node.span)
                    .help(ARGS_ARE),
            ),
        }
        match &value.kind {
            NodeKind::Null => {}
            NodeKind::Map(given) => given.iter().for_each(|(key, value)| put(key.clone(), value.clone())),
            NodeKind::Str(text) => {
                let free = is_free_form(&action.short);
                for (key, text) in self.key_values(text, takes_command(&action.short), value) {
                    if key == "_raw_params" && !free && text.contains("{{") {
                        put(text_node("_variable_params", value), text_node(&text, value));
                        continue;
                    }
                    if key == "_raw_params"
                        && !free
                        && self.strict_arguments
                        && action.kind != ActionKind::Dynamic
                    {
                        self.problem(
                            Diagnostic::error(
                                "free-form-not-allowed",
                                format!(
                                    "`{}` takes key=value pairs or a mapping, not free text: `{text}`",
                                    action.written
                                ),
                            )
                            .at(&value.span),
                        );
                    }
                    put(text_node(&key, value), text_node(&text, value));
                }
            }
            NodeKind::Unsafe(_) if is_free_form(&action.short) => {
                put(text_node("_raw_params", value), value.clone())
            }
            _ => self.unexpected_arguments(value),
        }
        Node::new(NodeKind::Map(entries), value.span.clone())
    }

    /// What is neither a text nor a mapping says no arguments.
    pub(super) fn unexpected_arguments(&self, value: &Node) {
        let message = format!("unexpected parameter type in action: {}", value.describe());
        self.problem(Diagnostic::error("unexpected-arguments", message).at(&value.span));
    }

    /// `module: key=value` beside `args`.
    pub(super) fn warn_of_merged(&self, action: &ActionName, value: &Node) {
        let Some(text) = value.as_str() else { return };
        let Ok(pairs) = free_form::parse_kv(text, takes_command(&action.short)) else { return };
        let names: Vec<String> = pairs
            .iter()
            .filter(|(name, _)| name != "_raw_params")
            .map(|(name, _)| format!("'{name}'"))
            .collect();
        if names.is_empty() {
            return;
        }
        let text = format!(
            "Merging legacy k=v args ({}) into task args. This feature will be removed from ansible-core version 2.23.",
            names.join(", ")
        );
        let problem = Diagnostic::new(Severity::Deprecation, "merged-args", text).at(&value.span);
        self.problem(problem.help("Include all task args in the task `args` mapping."));
    }

    pub(super) fn key_values(&self, text: &str, free: bool, node: &Node) -> Vec<(String, String)> {
        match free_form::parse_kv(text, free) {
            Ok(pairs) => pairs,
            Err(message) => {
                self.problem(Diagnostic::error("malformed-arguments", message.to_string()).at(&node.span));
                vec![]
            }
        }
    }
}

/// A text at the place of another node.
pub(super) fn text_node(text: &str, place: &Node) -> Node {
    Node::new(NodeKind::Str(Arc::from(text)), place.span.clone())
}
