//! Modules that a project brings along: files of `library` folders, of the module path and of collections.

use crate::modules::commands::program::Style;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

/// Endings of files that are no modules.
const NO_MODULES: &[&str] =
    &["pyc", "pyo", "swp", "bak", "rpm", "md", "txt", "rst", "yaml", "yml", "ini", "json", "orig", "rej"];

/// A module that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    pub path: Arc<Path>,
    /// `None` if it cannot run as it is: Ansible's library for modules in Python or PowerShell is not here.
    pub program: Option<Arc<Program>>,
}

/// What the file of a module says of how it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub style: Style,
    /// What stands after `#!`, unless it is a binary.
    pub interpreter: Option<String>,
    /// It speaks of check mode, so it can be trusted with a check.
    pub knows_checks: bool,
}

/// The modules of some folders, each folder read once.
#[derive(Default)]
pub struct Library {
    /// The `library` folders of the roles so far: from then on everybody can use what is in them.
    roles: RwLock<Vec<PathBuf>>,
    folders: RwLock<HashMap<(PathBuf, Depth), Arc<Listing>>>,
}

type Listing = HashMap<String, Foreign>;

/// Which folders belong to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Depth {
    Itself,
    /// And those directly in it, after it.
    OneBelow,
}

impl Library {
    /// A role brings modules.
    pub fn add_role(&self, role: &Path) {
        let folder = role.join("library");
        if folder.is_dir()
            && let Ok(mut folders) = self.roles.write()
            && !folders.contains(&folder)
        {
            folders.push(folder);
        }
    }

    /// The module of that name: the playbook's, a role's, or one of the module path, in whose folders one more level counts.
    pub fn find(&self, name: &str, playbook: &Path, module_path: &[PathBuf]) -> Option<Foreign> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        let roles = self.roles.read().map(|folders| folders.clone()).unwrap_or_default();
        let own = std::iter::once(playbook.join("library")).chain(roles);
        let configured = module_path.iter().map(|folder| (folder.clone(), Depth::OneBelow));
        own.map(|folder| (folder, Depth::Itself))
            .chain(configured)
            .find_map(|(folder, depth)| self.listing(&folder, depth).get(name).cloned())
    }

    /// The module of that name in exactly this folder.
    pub fn find_in(&self, folder: &Path, name: &str) -> Option<Foreign> {
        self.listing(folder, Depth::Itself).get(name).cloned()
    }

    fn listing(&self, folder: &Path, depth: Depth) -> Arc<Listing> {
        let key = (folder.to_owned(), depth);
        if let Some(known) = self.folders.read().ok().and_then(|folders| folders.get(&key).cloned()) {
            return known;
        }
        let mut listing = Listing::new();
        list(folder, depth, &mut listing);
        let listing = Arc::new(listing);
        if let Ok(mut folders) = self.folders.write() {
            folders.insert(key, listing.clone());
        }
        listing
    }
}

/// Adds the modules of a folder; those that are there already stay.
fn list(folder: &Path, depth: Depth, listing: &mut Listing) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let (files, others): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_file());
    for path in files {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if NO_MODULES.contains(&ending) || ending.ends_with('~') || name == "__init__" {
            continue;
        }
        let name = name.to_owned();
        let foreign = Foreign { program: program(&path).map(Arc::new), path: path.into() };
        listing.entry(name).or_insert(foreign);
    }
    if depth == Depth::OneBelow {
        others.iter().for_each(|folder| list(folder, Depth::Itself, listing));
    }
}

/// A module that needs nothing but what its first line or its format says.
fn program(path: &Path) -> Option<Program> {
    let content = std::fs::read(path).ok()?;
    let style = Style::of(&content);
    let has = |text: &str| content.windows(text.len()).any(|window| window == text.as_bytes());
    let python = has("ansible.module_utils.")
        || has("ansible_collections.")
        || has("from ansible.module_utils")
        || has("#<<INCLUDE_ANSIBLE_MODULE_COMMON>>");
    let powershell = has("#Requires -Module") || has("#AnsibleRequires") || has("#powershell");
    if style != Style::Binary && (python || powershell) {
        return None;
    }
    let line = content.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"#!"));
    let line = line.map(|line| String::from_utf8_lossy(line).trim().to_owned());
    Some(Program {
        style,
        interpreter: line.filter(|line| !line.is_empty() && style != Style::Binary),
        knows_checks: has("_ansible_check_mode"),
    })
}

/// The error for a module of the project that cannot run.
pub fn cannot_run(name: &str, path: &Path) -> String {
    format!(
        "the module {name} ({}) needs Ansible's library for modules in Python or PowerShell, which this version does not have",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_by_their_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        };
        write("library/one.sh", "#!/bin/sh\n");
        write("library/two.py", "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n");
        write("library/three.md", "a text");
        write("library/sub/four", "#!/bin/sh\n");
        write("path/sub/five", "#!/bin/sh\n");
        write("roles/r/library/six.sh", "#!/bin/sh\n");
        let library = Library::default();
        let module_path = [dir.path().join("path")];
        let runs = |name: &str| {
            library.find(name, dir.path(), &module_path).map(|foreign| foreign.program.is_some())
        };
        assert_eq!(runs("one"), Some(true));
        assert_eq!(runs("two"), Some(false));
        assert_eq!(runs("three"), None);
        assert_eq!(runs("four"), None);
        assert_eq!(runs("five"), Some(true));
        assert_eq!(runs("six"), None);
        library.add_role(&dir.path().join("roles/r"));
        assert_eq!(runs("six"), Some(true));
        assert_eq!(runs("../one"), None);
    }
}
