//! A task's loop: `loop`, `with_NAME` and `loop_control`.

use super::keywords::LOOP_CONTROL;
use super::loader::Loader;
use super::tasks::{Loop, LoopControl};
use crate::diag::{Diagnostic, did_you_mean};
use crate::source::Node;
use crate::value::py_str;
use std::sync::Arc;

impl Loader {
    pub(super) fn looping(&self, node: &Node) -> Option<Loop> {
        let mut found: Option<(Loop, &Node)> = None;
        for (key, value) in node.as_map()? {
            let lookup = match key.as_str() {
                Some("loop") => None,
                Some(name) => match name.strip_prefix("with_") {
                    Some(lookup) => Some(Arc::from(lookup)),
                    None => continue,
                },
                None => continue,
            };
            // `loop:` without a value is none.
            if value.is_null() && lookup.is_none() {
                continue;
            }
            if let Some((_, first)) = &found {
                self.problem(
                    Diagnostic::error(
                        "duplicate-loop",
                        format!("duplicate loop in task: {}", lookup.as_deref().unwrap_or("loop")),
                    )
                    .at(&key.span)
                    .related(&first.span, "the first one is here"),
                );
                continue;
            }
            if value.is_null() {
                self.problem(
                    Diagnostic::error(
                        "empty-loop",
                        format!("you must specify a value when using {}", key.as_str().unwrap_or("loop")),
                    )
                    .at(&key.span),
                );
                continue;
            }
            if let Some(lookup) = &lookup {
                self.check_lookup(lookup, &key.span);
            }
            found = Some((Loop { lookup, items: self.compile(value), span: value.span.clone() }, key));
        }
        found.map(|(looping, _)| looping)
    }

    pub(super) fn loop_control(&self, node: &Node) -> LoopControl {
        let mut control = LoopControl::default();
        let Some(entries) = node.as_map() else {
            let message = "the `loop_control` value must be specified as a dictionary and cannot be a variable itself (though it can contain variables)";
            self.problem(Diagnostic::error("loop-control-not-a-mapping", message).at(&node.span));
            return control;
        };
        for (key, value) in entries {
            let kind = LOOP_CONTROL.iter().find(|(name, _)| key.as_str() == Some(name));
            if let Some((name, kind)) = kind {
                self.check_kind(name, *kind, value);
            }
            let attr = Some(self.attr(value));
            match key.as_str() {
                Some("loop_var") => control.loop_var = attr,
                Some("index_var") => control.index_var = attr,
                // An empty one is none.
                Some("label") if value.is_null() || value.as_str() == Some("") => {}
                Some("label") => control.label = attr,
                Some("pause") => control.pause = attr,
                Some("extended") => control.extended = attr,
                Some("extended_allitems") => control.extended_allitems = attr,
                Some("break_when") if value.as_str() == Some("") => {}
                Some("break_when") => control.break_when = self.conditions(value),
                _ => {
                    let name = py_str(&key.to_value());
                    let message = format!("'{name}' is not a valid attribute for a LoopControl");
                    let mut problem = Diagnostic::error("unknown-keyword", message).at(&key.span);
                    if let Some(near) = did_you_mean(&name, LOOP_CONTROL.iter().map(|(name, _)| *name)) {
                        problem = problem.help(format!("did you mean `{near}`?"));
                    }
                    self.problem(problem);
                }
            }
        }
        control
    }
}
