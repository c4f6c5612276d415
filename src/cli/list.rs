//! `--list-hosts`, `--list-tasks`, `--list-tags`.

use super::exit;
use super::options::print;
use super::setup::{Setup, show as show_problem};
use crate::diag::Diagnostic;
use crate::playbook::{ActionKind, Block, Item, Play, Playbook};
use crate::runner::{Selection, check_play, tags_of};
use crate::source::settings::Name;
use crate::template::Context;
use crate::value::{Value, py_repr, py_str};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// What is listed.
pub struct What {
    pub hosts: bool,
    pub tasks: bool,
    pub tags: bool,
    /// The tasks that are looked at.
    pub selection: Selection,
}

impl What {
    /// Who asks for tags wants to see those of tasks that never run by themselves, too.
    pub fn new(hosts: bool, tasks: bool, tags: bool, selection: &Selection) -> Self {
        let mut selection = selection.clone();
        if tags && selection.only == ["all"] {
            selection.only.push("never".into());
        }
        Self { hosts, tasks, tags, selection }
    }
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

pub fn show(setup: &Setup, playbooks: &[(PathBuf, Playbook)], what: &What, name: Name) -> i32 {
    if let Err(code) = look(setup, playbooks, name) {
        return code;
    }
    warn_of_patterns(setup, playbooks);
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
                list_hosts(setup, play, &context, &mut out);
            }
            if what.tasks || what.tags {
                let mut all = BTreeSet::new();
                if what.tasks {
                    out.push_str("    tasks:\n");
                }
                for block in [&play.pre_tasks, &play.tasks, &play.post_tasks] {
                    list_tasks(block, &context, what, &mut all, &mut out);
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
    let known = setup.shared.known_context(play);
    // What is wrong was said by [`look`].
    known.unwrap_or_else(|_| setup.shared.play_context(play, None, ""))
}

/// Looks at the variables and keywords of all plays, as a run would, and shows what there is to say of what was loaded.
///
/// # Errors
/// The exit code, where `vars_files` or keywords are wrong.
pub fn look(setup: &Setup, playbooks: &[(PathBuf, Playbook)], name: Name) -> Result<(), i32> {
    let loader = &setup.shared.loader;
    let mut wrong = None;
    for play in playbooks.iter().flat_map(|(_, playbook)| &playbook.plays) {
        let context = setup.shared.known_context(play);
        loader.look_at_play(play);
        wrong = wrong.or(context.and_then(|context| check_play(play, &context)).err());
    }
    loader.take_problems().iter().for_each(show_problem);
    wrong.map_or(Ok(()), |problem| {
        show_problem(&problem);
        Err(exit::of_problems(&[problem], name))
    })
}

/// What hosts are selected from, with the warnings that this brings about.
fn select(setup: &Setup, pattern: &str) -> Result<(Vec<String>, Vec<Diagnostic>), Diagnostic> {
    match setup.shared.store.inventory.read() {
        Ok(inventory) => inventory.select(pattern, setup.shared.options.limit.as_deref()),
        Err(_) => Ok((vec![], vec![])),
    }
}

/// Patterns of plays that match nothing are told of before anything is listed or checked, each once.
pub fn warn_of_patterns(setup: &Setup, playbooks: &[(PathBuf, Playbook)]) {
    let mut said = BTreeSet::new();
    for play in playbooks.iter().flat_map(|(_, playbook)| &playbook.plays) {
        let pattern = show_pattern(play, &context(setup, play));
        let problems = match select(setup, &pattern) {
            Ok((_, warnings)) => warnings,
            Err(problem) => vec![problem],
        };
        problems.iter().filter(|problem| said.insert(problem.summary.clone())).for_each(show_problem);
    }
}

fn list_hosts(setup: &Setup, play: &Play, context: &Context, out: &mut String) {
    let written = match context.render(&play.hosts.term) {
        Ok(Value::List(items)) => Value::list(items.to_vec()),
        _ => Value::list(vec![Value::from(show_pattern(play, context))]),
    };
    let Ok((hosts, _)) = select(setup, &show_pattern(play, context)) else { return };
    out.push_str(&format!("    pattern: {}\n    hosts ({}):\n", py_repr(&written), hosts.len()));
    hosts.iter().for_each(|host| out.push_str(&format!("      {host}\n")));
}

/// The tasks of a block, names as they are written. What only runs after a failure or at the end is not listed.
fn list_tasks(block: &Block, context: &Context, what: &What, all: &mut BTreeSet<String>, out: &mut String) {
    for item in &block.main {
        match item {
            Item::Block(block) => list_tasks(block, context, what, all, out),
            Item::Task(task) if task.implicit => {}
            Item::Task(task) => {
                let tags = tags_of(&task.level, context).unwrap_or_default();
                if !what.selection.selects(&tags) {
                    continue;
                }
                all.extend(tags.iter().cloned());
                if what.tasks {
                    let name = match &task.name {
                        Some(name) => py_str(&name.term.written()),
                        None => task.action.written.clone(),
                    };
                    let shown = match &task.level.role {
                        Some(role) if task.name.is_some() && task.action.kind != ActionKind::IncludeRole => {
                            format!("{} : {name}", role.display_name())
                        }
                        _ => name,
                    };
                    let mut tags = tags;
                    tags.sort();
                    tags.dedup();
                    out.push_str(&format!("      {shown}\tTAGS: [{}]\n", tags.join(", ")));
                }
            }
        }
    }
}
