//! The handlers of a play: finding those that a notification means.

use crate::diag::Diagnostic;
use crate::playbook::{Item, Task};
use crate::template::Context;
use crate::value::py_str;
use std::sync::Arc;

/// All handlers in the order in which they run.
pub fn flatten(items: &[Item]) -> Vec<Arc<Task>> {
    items
        .iter()
        .flat_map(|item| match item {
            Item::Task(task) => vec![task.clone()],
            Item::Block(block) => flatten(&block.main),
        })
        .collect()
}

/// The names that a handler answers to.
fn names(task: &Task, context: &Context) -> Vec<String> {
    let Some(name) = task.name.as_ref().and_then(|name| context.render(&name.term).ok()) else {
        return vec![];
    };
    with_role(task, py_str(&name))
}

/// A name or topic as it can be written: alone, or after the role that it is of.
fn with_role(task: &Task, name: String) -> Vec<String> {
    let role = task.level.role.as_ref();
    let long = role.map(|role| [role.name.to_string(), role.display_name().to_string()]);
    let long: Vec<_> = long.iter().flatten().map(|role| format!("{role} : {name}")).collect();
    std::iter::once(name).chain(long).collect()
}

/// The topics that a handler listens to: as they are written, no templates.
fn topics(task: &Task) -> impl Iterator<Item = String> {
    task.listen.iter().map(|topic| py_str(&topic.term.written()))
}

/// The indices of the handlers that a notification means: one of that name, and of those that listen to it one of each name.
/// Of several with one name, the play's come before those of roles, the last role's before those of others, and the first of a
/// list wins.
pub fn find(handlers: &[Arc<Task>], wanted: &str, context: &Context) -> Vec<usize> {
    let listens = |handler: &Task| {
        topics(handler).flat_map(|topic| with_role(handler, topic)).any(|topic| topic == wanted)
    };
    let mut found: Vec<usize> = Vec::new();
    let mut named = false;
    let mut heard: Vec<String> = Vec::new();
    let source = |index: &usize| handlers[*index].level.role.as_ref().map(|role| role.id);
    let all: Vec<usize> = (0..handlers.len()).collect();
    for index in all.chunk_by(|a, b| source(a) == source(b)).rev().flatten().copied() {
        let names = names(&handlers[index], context);
        if !named && names.iter().any(|name| name == wanted) {
            named = true;
            found.push(index);
        }
        let first = names.first().is_none_or(|name| !heard.contains(name));
        if first && listens(&handlers[index]) {
            heard.extend(names.into_iter().next());
            if !found.contains(&index) {
                found.push(index);
            }
        }
    }
    found
}

/// Everything that can be notified.
pub fn known(handlers: &[Arc<Task>], context: &Context) -> Vec<String> {
    handlers
        .iter()
        .flat_map(|handler| names(handler, context).into_iter().take(1).chain(topics(handler)))
        .collect()
}

/// What to say of handlers that nothing can notify: they listen to nothing, and their names cannot be rendered.
pub fn unusable(handlers: &[Arc<Task>], context: &Context) -> Vec<Diagnostic> {
    let silent = handlers.iter().filter(|handler| handler.listen.is_empty());
    silent
        .filter_map(|handler| {
            let name = handler.name.as_ref()?;
            let error = context.render(&name.term).err()?;
            let text = format!(
                "Handler '{}' is unusable because it has no listen topics and the name could not be templated (host-specific variables \
                 are not supported in handler names). The error: {}",
                py_str(&name.term.written()),
                error.message
            );
            Some(Diagnostic::warning("unusable-handler", text).at(&name.span))
        })
        .collect()
}
