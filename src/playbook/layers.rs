//! The variables of a task's chain, as the variable scopes ask for them.

use super::level::{Level, LevelKind, Vars};
use super::role::Role;
use crate::value::Value;
use crate::vars::{Found, FoundValue, Layer, Layers, Visit};
use std::ops::ControlFlow;
use std::sync::Arc;

impl Layers for Level {
    fn walk(&self, layer: Layer, name: &str, visit: &mut Visit) -> ControlFlow<()> {
        let kinds: &[LevelKind] = match layer {
            Layer::IncludeParams => &[LevelKind::Include],
            // Variables of blocks, tasks and what they are included by have one order: the inner ones win.
            Layer::Task => &[LevelKind::Task, LevelKind::Block, LevelKind::Role, LevelKind::Include],
            Layer::Play => &[LevelKind::Play],
            Layer::RoleParams => {
                return self.roles().try_for_each(|role| tell(&role.params, layer, Some(role), name, visit));
            }
            Layer::RoleVars => {
                let Some(role) = &self.role else { return ControlFlow::Continue(()) };
                walk_dependencies(role, layer, name, visit)?;
                return role
                    .parents
                    .iter()
                    .try_for_each(|role| tell(&role.vars, layer, Some(role), name, visit));
            }
            Layer::RoleDefaults => {
                self.roles().try_for_each(|role| tell(&role.defaults, layer, Some(role), name, visit))?;
                let dependencies = self.role.iter().flat_map(|role| role.dependencies.iter().rev());
                return dependencies
                    .into_iter()
                    .try_for_each(|role| walk_dependencies(role, layer, name, visit));
            }
            Layer::Implicit => {
                // Keywords that are asked for as variables.
                let keyword = match name {
                    "ansible_user" => "remote_user",
                    "ansible_connection" => "connection",
                    _ => return ControlFlow::Continue(()),
                };
                return match self.chain().find_map(|level| level.own(keyword)) {
                    Some(attr) => visit(Found {
                        layer,
                        owner: None,
                        value: FoundValue::Term(&attr.term),
                        place: Some(&attr.span),
                    }),
                    None => ControlFlow::Continue(()),
                };
            }
            _ => return ControlFlow::Continue(()),
        };
        let mut inner: Option<&Level> = None;
        for level in self.chain() {
            let around = inner.replace(level);
            if !kinds.contains(&level.kind) {
                continue;
            }
            let layer = match level.kind {
                _ if layer != Layer::Task => layer,
                LevelKind::Role => Layer::OfRole,
                _ if around.is_some_and(|inner| level.brings_role_of(inner)) => Layer::OfRole,
                LevelKind::Block => Layer::Block,
                _ => layer,
            };
            tell(&level.vars, layer, None, name, visit)?;
        }
        ControlFlow::Continue(())
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
            "ansible_parent_role_names" => names(including(role)?),
            "ansible_parent_role_paths" => {
                let paths = including(role)?.iter().map(|role| Value::str(role.path.to_string_lossy()));
                Value::list(paths.collect())
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

fn tell(
    vars: &Vars,
    layer: Layer,
    role: Option<&Arc<Role>>,
    name: &str,
    visit: &mut Visit,
) -> ControlFlow<()> {
    let Some((term, place)) = vars.get_with_place(name) else { return ControlFlow::Continue(()) };
    let owner = role.map(|role| role.name.as_str());
    visit(Found { layer, owner, value: FoundValue::Term(term), place })
}

/// A role's own variables or defaults, then those of its dependencies, the last one first.
fn walk_dependencies(role: &Arc<Role>, layer: Layer, name: &str, visit: &mut Visit) -> ControlFlow<()> {
    let vars = if layer == Layer::RoleVars { &role.vars } else { &role.defaults };
    tell(vars, layer, Some(role), name, visit)?;
    role.dependencies.iter().rev().try_for_each(|role| walk_dependencies(role, layer, name, visit))
}

/// The roles around the task that brought this role (or the one that depends on it) in, innermost first.
fn including(role: &Arc<Role>) -> Option<&[Arc<Role>]> {
    let brought = std::iter::once(role).chain(&role.parents).find(|role| role.by_task)?;
    Some(&brought.parents[..]).filter(|parents| !parents.is_empty())
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
    /// Whether it is by this task that the role of a level within came in.
    fn brings_role_of(&self, inner: &Level) -> bool {
        let own = self.role.as_ref().map(|role| role.id);
        inner.role.as_ref().is_some_and(|role| role.by_task && own != Some(role.id))
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
