//! Where task files are looked for.

use super::level::Level;
use super::loader::{Loader, expand_home, normalize};
use std::path::{Path, PathBuf};

/// How a file of tasks is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// While everything is loaded.
    Import,
    /// While the play runs.
    Include,
}

impl Loader {
    /// Looks for a task file as Ansible does, but for the folder that the program was started in. A file of a role that includes
    /// another looks in the role's folders first, and where the names of the files around it lead last; one that imports another
    /// the other way round.
    ///
    /// # Errors
    /// Where it was looked for, the playbook's folder last.
    pub fn find_task_file(
        &self,
        name: &str,
        level: &Level,
        way: Way,
        handlers: bool,
    ) -> Result<PathBuf, Vec<PathBuf>> {
        let kind = if handlers { "handlers" } else { "tasks" };
        let playbook = self.directory();
        let named_in_errors = normalize(&playbook.join(expand_home(name)));
        let around = folders_around(level, way);
        let folders: Vec<PathBuf> = match &level.role {
            None => {
                let mut folders: Vec<PathBuf> = around.iter().map(|folder| playbook.join(folder)).collect();
                folders.insert(folders.len().min(1), playbook);
                folders
            }
            Some(role) => {
                let own = role.path.join(kind);
                let of_role = [own.clone(), role.path.join("tasks"), role.path.clone()];
                let of_playbook = [playbook.join(kind), playbook];
                let mut nested = around.iter().map(|folder| {
                    let folder = own.join(folder);
                    [folder.join(kind), folder.join("tasks"), folder]
                });
                match way {
                    Way::Import if !around.is_empty() => {
                        let first = nested.next().into_iter().flatten();
                        first.chain(of_playbook).chain(nested.flatten()).chain(of_role).collect()
                    }
                    _ => of_role.into_iter().chain(of_playbook).chain(nested.flatten()).collect(),
                }
            }
        };
        let mut tried = Vec::new();
        for folder in folders {
            let path = normalize(&folder.join(expand_home(name)));
            if path.is_file() {
                return Ok(path);
            }
            if !tried.contains(&path) && path != named_in_errors {
                tried.push(path);
            }
        }
        tried.push(named_in_errors);
        Err(tried)
    }
}

/// The folders in the names of the files around a task: that of the innermost, that within the one around it, and so on. From an
/// absolute one it begins anew, and so it does with the role that a task brought in.
fn folders_around(level: &Level, way: Way) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut within: Option<PathBuf> = None;
    let mut step = |folder: &Path| {
        let next = match within.take() {
            Some(inner) if inner.is_relative() => folder.join(inner),
            _ => folder.to_owned(),
        };
        if !next.as_os_str().is_empty() && !folders.contains(&next) {
            folders.push(next.clone());
        }
        within = Some(next);
    };
    for level in level.chain() {
        if let Some(folder) = &level.asked_for_in {
            step(folder);
        }
        let around = level.parent.as_ref().and_then(|parent| parent.role.as_ref());
        if let Some(role) = level.role.as_ref().filter(|role| around.is_none_or(|other| other.id != role.id))
        {
            if role.by_task {
                step(&role.path);
            }
            // What is imported is looked for before it is known who brings the role in.
            if way == Way::Import {
                break;
            }
        }
    }
    folders
}
