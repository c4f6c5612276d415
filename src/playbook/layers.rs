//! The variables of a task's chain, as the variable scopes ask for them.

use super::level::{Level, LevelKind};
use super::role::Role;
use crate::template::Term;
use crate::value::Value;
use crate::vars::Layers;
use std::sync::Arc;

impl Layers for Level {
    fn include_params(&self, name: &str) -> Option<Term> {
        self.of_kind(name, |kind| kind == LevelKind::Include)
    }

    fn role_params(&self, name: &str) -> Option<Term> {
        self.roles().find_map(|role| role.params.get(name)).cloned()
    }

    fn task_vars(&self, name: &str) -> Option<Term> {
        self.of_kind(name, |kind| matches!(kind, LevelKind::Task | LevelKind::Block | LevelKind::Include))
    }

    fn role_vars(&self, name: &str) -> Option<Term> {
        let role = self.role.as_ref()?;
        let own = role.vars.get(name);
        let depended = || role.dependencies.iter().rev().find_map(|role| depended_vars(role, name));
        let parents = || role.parents.iter().find_map(|role| role.vars.get(name)).cloned();
        own.cloned().or_else(depended).or_else(parents)
    }

    fn play_vars(&self, name: &str) -> Option<Term> {
        self.of_kind(name, |kind| kind == LevelKind::Play)
    }

    fn role_defaults(&self, name: &str) -> Option<Term> {
        let role = self.role.as_ref()?;
        let depended = || role.dependencies.iter().rev().find_map(|role| depended_defaults(role, name));
        self.roles().find_map(|role| role.defaults.get(name)).cloned().or_else(depended)
    }

    fn magic(&self, name: &str) -> Option<Value> {
        let role = self.role.as_ref()?;
        let names =
            |roles: &[Arc<Role>]| Value::list(roles.iter().map(|role| Value::str(&role.name)).collect());
        Some(match name {
            "role_path" => Value::str(role.path.to_string_lossy()),
            "role_name" => Value::str(short_name(role)),
            "ansible_role_name" => Value::str(full_name(role)),
            "role_uuid" => Value::str(role.id.to_string()),
            "ansible_collection_name" => Value::str(role.collection.as_ref()?),
            "ansible_parent_role_names" if role.by_task && !role.parents.is_empty() => names(&role.parents),
            "ansible_parent_role_paths" if role.by_task && !role.parents.is_empty() => {
                Value::list(role.parents.iter().map(|role| Value::str(role.path.to_string_lossy())).collect())
            }
            _ => return None,
        })
    }

    fn names(&self, into: &mut Vec<Arc<str>>) {
        into.extend(self.chain().flat_map(|level| level.vars.keys().cloned()));
        for role in self.roles() {
            for role in role.with_dependencies_of() {
                into.extend(
                    [&role.params, &role.vars, &role.defaults]
                        .into_iter()
                        .flat_map(|vars| vars.keys().cloned()),
                );
            }
        }
        if self.role.is_some() {
            into.extend(["role_path", "role_name", "ansible_role_name"].map(Arc::from));
        }
    }
}

fn depended_vars(role: &Role, name: &str) -> Option<Term> {
    let own = role.vars.get(name).cloned();
    own.or_else(|| role.dependencies.iter().rev().find_map(|role| depended_vars(role, name)))
}

fn depended_defaults(role: &Role, name: &str) -> Option<Term> {
    let own = role.defaults.get(name).cloned();
    own.or_else(|| role.dependencies.iter().rev().find_map(|role| depended_defaults(role, name)))
}

fn short_name(role: &Role) -> &str {
    match role.collection {
        Some(_) => role.name.rsplit('.').next().unwrap_or(&role.name),
        None => role.name.rsplit('/').next().unwrap_or(&role.name),
    }
}

fn full_name(role: &Role) -> String {
    match &role.collection {
        Some(collection) => format!("{collection}.{}", short_name(role)),
        None => short_name(role).to_owned(),
    }
}

impl Level {
    fn of_kind(&self, name: &str, wanted: impl Fn(LevelKind) -> bool) -> Option<Term> {
        self.chain().filter(|level| wanted(level.kind)).find_map(|level| level.vars.get(name)).cloned()
    }

    /// The task's role and the roles it came through, innermost first.
    fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.role.iter().flat_map(|role| std::iter::once(role).chain(role.parents.iter()))
    }
}

impl Role {
    fn with_dependencies_of(&self) -> Vec<&Role> {
        let mut all: Vec<&Role> = vec![self];
        all.extend(self.dependencies.iter().flat_map(|role| role.with_dependencies_of()));
        all
    }

    /// The name that the task banner shows (`TASK [role : task]`).
    pub fn display_name(&self) -> String {
        match &self.collection {
            Some(_) => full_name(self),
            None => self.name.clone(),
        }
    }
}
