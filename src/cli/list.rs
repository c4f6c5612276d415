//! `--list-hosts`, `--list-tasks`, `--list-tags`.

use super::exit;
use super::options::print;
use super::setup::{Setup, show as show_problem};
use crate::playbook::{Block, Item, Play, Playbook};
use crate::runner::tags_of;
use crate::template::{Context, LookupEnv};
use crate::value::{Value, py_str};
use crate::vars::TaskScope;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// What is listed.
pub struct What {
    pub hosts: bool,
    pub tasks: bool,
    pub tags: bool,
}

fn show_play_name(play: &Play, context: &Context) -> String {
    play.name
        .as_ref()
        .and_then(|name| context.render(&name.term).ok())
        .map(|name| py_str(&name))
        .unwrap_or_default()
}

fn show_pattern(play: &Play, context: &Context) -> String {
    match context.render(&play.hosts.term) {
        Ok(Value::List(items)) => items.iter().map(py_str).collect::<Vec<_>>().join(","),
        Ok(other) => py_str(&other),
        Err(_) => String::new(),
    }
}

pub fn show(setup: &Setup, playbooks: &[(PathBuf, Playbook)], what: &What) -> i32 {
    for warning in setup.shared.loader.take_problems() {
        show_problem(&warning);
    }
    let mut out = String::new();
    for (path, playbook) in playbooks {
        out.push_str(&format!("\nplaybook: {}\n", path.display()));
        for (number, play) in playbook.plays.iter().enumerate() {
            let context = context(setup, play);
            let pattern = show_pattern(play, &context);
            let mut name = show_play_name(play, &context);
            if name.is_empty() {
                name = pattern.clone();
            }
            let tags = tags_of(&play.level, &context).unwrap_or_default();
            out.push_str(&format!(
                "\n  play #{} ({pattern}): {name}\tTAGS: [{}]\n",
                number + 1,
                tags.join(",")
            ));
            if what.hosts {
                list_hosts(setup, &pattern, &mut out);
            }
            if what.tasks || what.tags {
                let mut all = BTreeSet::new();
                if what.tasks {
                    out.push_str("    tasks:\n");
                }
                for block in [&play.pre_tasks, &play.tasks, &play.post_tasks] {
                    list_tasks(setup, block, &context, what, &mut all, &mut out);
                }
                if what.tags {
                    out.push_str(&format!(
                        "      TASK TAGS: [{}]\n",
                        all.into_iter().collect::<Vec<_>>().join(", ")
                    ));
                }
            }
        }
    }
    print(&out);
    exit::OK
}

fn context(setup: &Setup, play: &Arc<Play>) -> Context {
    let mut scope = TaskScope::host(&setup.shared.store, "", &setup.shared.magic);
    scope.layers = Some(play.level.clone());
    Context::new(&setup.shared.engine, Arc::new(scope), Arc::new(LookupEnv::default()))
}

fn list_hosts(setup: &Setup, pattern: &str, out: &mut String) {
    let Ok(inventory) = setup.shared.store.inventory.read() else { return };
    match inventory.select(pattern, setup.shared.options.limit.as_deref()) {
        Ok((hosts, warnings)) => {
            warnings.iter().for_each(show_problem);
            out.push_str(&format!("    pattern: ['{pattern}']\n    hosts ({}):\n", hosts.len()));
            hosts.iter().for_each(|host| out.push_str(&format!("      {host}\n")));
        }
        Err(problem) => show_problem(&problem),
    }
}

fn list_tasks(
    setup: &Setup,
    block: &Block,
    context: &Context,
    what: &What,
    all: &mut BTreeSet<String>,
    out: &mut String,
) {
    for item in block.main.iter().chain(&block.rescue).chain(&block.always) {
        match item {
            Item::Block(block) => list_tasks(setup, block, context, what, all, out),
            Item::Task(task) if task.implicit => {}
            Item::Task(task) => {
                let tags = tags_of(&task.level, context).unwrap_or_default();
                all.extend(tags.iter().cloned());
                if !setup.shared.options.tags.selects(&tags) {
                    continue;
                }
                if what.tasks {
                    let name = match &task.name {
                        Some(name) => context
                            .render(&name.term)
                            .map(|name| py_str(&name))
                            .unwrap_or_else(|_| setup.shared.engine.source_of(&name.term)),
                        None => task.action.written.clone(),
                    };
                    let shown = match &task.level.role {
                        Some(role) if task.name.is_some() => format!("{} : {name}", role.display_name()),
                        _ => name,
                    };
                    let mut tags = tags;
                    tags.sort();
                    out.push_str(&format!("      {shown}\tTAGS: [{}]\n", tags.join(", ")));
                }
            }
        }
    }
}
