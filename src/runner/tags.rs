//! Which tasks `--tags` and `--skip-tags` select.

use crate::diag::Diagnostic;
use crate::playbook::{ActionKind, Block, Item, Level, Task};
use crate::template::Context;
use crate::value::{Value, py_str};
use std::sync::Arc;

/// `--tags` and `--skip-tags`.
#[derive(Clone, Debug)]
pub struct Selection {
    pub only: Vec<String>,
    pub skip: Vec<String>,
}

impl Default for Selection {
    fn default() -> Self {
        Self { only: vec!["all".into()], skip: vec![] }
    }
}

/// The tags of a task, its blocks, roles and play.
///
/// # Errors
/// The first that cannot be rendered.
pub fn tags_of(level: &Level, context: &Context) -> Result<Vec<String>, Diagnostic> {
    let mut tags = Vec::new();
    for attr in level.all_tags() {
        // Only what an author wrote as one text is divided at its commas.
        match context.render(&attr.term) {
            Ok(Value::List(items)) => tags.extend(items.iter().map(py_str)),
            Ok(Value::Null) => {}
            Err(error) => {
                let place = error.trace.first().unwrap_or(&attr.span);
                return Err(Diagnostic::error("tags", &*error.message).at(place));
            }
            Ok(value) => tags.push(py_str(&value)),
        }
    }
    tags.dedup();
    Ok(tags)
}

impl Selection {
    /// What is left of a block: blocks and sections of which nothing is left are as if they were not there. Handlers run whatever
    /// the tags.
    pub fn prune(&self, block: &Arc<Block>, tags: &dyn Fn(&Arc<Task>) -> Vec<String>) -> Arc<Block> {
        let sections = [&block.main, &block.rescue, &block.always].map(|items| self.items(items, tags));
        if sections.iter().all(Option::is_none) {
            return block.clone();
        }
        let [main, rescue, always] = sections;
        let kept = |new: Option<Vec<Item>>, old: &Vec<Item>| new.unwrap_or_else(|| old.clone());
        Arc::new(Block {
            level: block.level.clone(),
            name: block.name.clone(),
            main: kept(main, &block.main),
            rescue: kept(rescue, &block.rescue),
            always: kept(always, &block.always),
            span: block.span.clone(),
        })
    }

    /// `None` where everything is kept.
    fn items(&self, items: &[Item], tags: &dyn Fn(&Arc<Task>) -> Vec<String>) -> Option<Vec<Item>> {
        let mut same = true;
        let mut left = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Item::Task(task) if self.keeps(task, tags) => left.push(item.clone()),
                Item::Task(_) => same = false,
                Item::Block(block) => {
                    let pruned = self.prune(block, tags);
                    same &= Arc::ptr_eq(&pruned, block);
                    if [&pruned.main, &pruned.rescue, &pruned.always].iter().any(|items| !items.is_empty()) {
                        left.push(Item::Block(pruned));
                    } else {
                        same = false;
                    }
                }
            }
        }
        (!same).then_some(left)
    }

    fn keeps(&self, task: &Arc<Task>, tags: &dyn Fn(&Arc<Task>) -> Vec<String>) -> bool {
        if task.is_handler {
            return true;
        }
        if task.implicit && task.action.kind == ActionKind::Meta {
            // What ends a section or a role has the tag `always`.
            return self.selects(&["always".into()]);
        }
        self.selects(&tags(task))
    }

    /// Whether a task with these tags runs.
    pub fn selects(&self, tags: &[String]) -> bool {
        let has = |list: &[String], word: &str| list.iter().any(|tag| tag == word);
        let meets = |list: &[String]| tags.iter().any(|tag| has(list, tag));
        let untagged = tags.is_empty();
        let never = has(tags, "never");
        let run = if has(tags, "always") || (has(&self.only, "all") && !never) || meets(&self.only) {
            true
        } else {
            (has(&self.only, "tagged") && !untagged && !never) || (has(&self.only, "untagged") && untagged)
        };
        if !run {
            return false;
        }
        let skipped = (has(&self.skip, "all") && (!has(tags, "always") || has(&self.skip, "always")))
            || meets(&self.skip)
            || (has(&self.skip, "tagged") && !untagged)
            || (has(&self.skip, "untagged") && untagged);
        !skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_is_ansibles() {
        let texts = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let cases: &[(&[&str], &[&str], &[&str], bool)] = &[
            (&["all"], &[], &[], true),
            (&["all"], &[], &["never"], false),
            (&["never"], &[], &["never", "x"], true),
            (&["x"], &[], &["never", "x"], true),
            (&["x"], &[], &["y"], false),
            (&["x"], &[], &["always"], true),
            (&["x"], &["always"], &["always"], false),
            (&["tagged"], &[], &["y"], true),
            (&["tagged"], &[], &[], false),
            (&["untagged"], &[], &[], true),
            (&["all"], &["y"], &["y"], false),
            (&["all"], &["tagged"], &["y"], false),
            (&["all"], &["untagged"], &[], false),
            (&["all"], &["all"], &["always"], true),
        ];
        for (only, skip, tags, expected) in cases {
            let selection = Selection { only: texts(only), skip: texts(skip) };
            assert_eq!(
                selection.selects(&texts(tags)),
                *expected,
                "--tags {only:?} --skip-tags {skip:?} on {tags:?}"
            );
        }
    }
}
