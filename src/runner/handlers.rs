//! The handlers of a play: finding those that a notification means.

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
    let name = py_str(&name);
    let mut names = vec![name.clone()];
    if let Some(role) = &task.level.role {
        names.push(format!("{} : {name}", role.name));
        names.push(format!("{} : {name}", role.display_name()));
    }
    names
}

/// The indices of the handlers that a notification means: one of that name, and of those that listen to it one of each name.
/// Of several with one name, the play's come before those of roles, the last role's before those of others, and the first of a
/// list wins.
pub fn find(handlers: &[Arc<Task>], wanted: &str, context: &Context) -> Vec<usize> {
    let listens = |handler: &Task| {
        handler.listen.iter().any(|topic| match context.render(&topic.term) {
            Ok(crate::value::Value::List(topics)) => topics.iter().any(|topic| py_str(topic) == wanted),
            Ok(topic) => py_str(&topic) == wanted,
            Err(_) => false,
        })
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
    let topics = |handler: &Arc<Task>| -> Vec<String> {
        handler
            .listen
            .iter()
            .filter_map(|topic| context.render(&topic.term).ok())
            .map(|topic| py_str(&topic))
            .collect()
    };
    handlers
        .iter()
        .flat_map(|handler| names(handler, context).into_iter().take(1).chain(topics(handler)))
        .collect()
}
