//! Modules that a project brings along: files of `library` folders, of the module path and of collections.

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
    /// Whether it can run as it is: Ansible's library for modules in Python or PowerShell is not here.
    pub runs: bool,
}

/// The modules of some folders, each folder read once.
#[derive(Default)]
pub struct Library {
    /// The `library` folders of the roles so far: from then on everybody can use what is in them.
    roles: RwLock<Vec<PathBuf>>,
    folders: RwLock<HashMap<PathBuf, Arc<Listing>>>,
}

type Listing = HashMap<String, Foreign>;

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
        own.chain(module_path.iter().cloned())
            .find_map(|folder| self.listing(&folder).get(name).cloned())
            .or_else(|| module_path.iter().find_map(|folder| self.below(folder, name)))
    }

    /// The module of that name in exactly this folder.
    pub fn find_in(&self, folder: &Path, name: &str) -> Option<Foreign> {
        self.listing(folder).get(name).cloned()
    }

    fn below(&self, folder: &Path, name: &str) -> Option<Foreign> {
        let entries = std::fs::read_dir(folder).ok()?.flatten();
        let mut folders: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        folders.iter().find_map(|folder| self.find_in(folder, name))
    }

    fn listing(&self, folder: &Path) -> Arc<Listing> {
        if let Some(known) = self.folders.read().ok().and_then(|folders| folders.get(folder).cloned()) {
            return known;
        }
        let listing = Arc::new(list(folder));
        if let Ok(mut folders) = self.folders.write() {
            folders.insert(folder.to_owned(), listing.clone());
        }
        listing
    }
}

fn list(folder: &Path) -> Listing {
    let Ok(entries) = std::fs::read_dir(folder) else { return Listing::new() };
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    let mut listing = Listing::new();
    for path in paths {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if NO_MODULES.contains(&ending) || ending.ends_with('~') || name == "__init__" {
            continue;
        }
        let name = name.to_owned();
        let foreign = Foreign { runs: runs(&path), path: path.into() };
        listing.entry(name).or_insert(foreign);
    }
    listing
}

/// Whether a module needs nothing but what its first line or its format says.
fn runs(path: &Path) -> bool {
    let Ok(content) = std::fs::read(path) else { return false };
    let has = |text: &str| content.windows(text.len()).any(|window| window == text.as_bytes());
    let python = has("ansible.module_utils.")
        || has("ansible_collections.")
        || has("from ansible.module_utils")
        || has("#<<INCLUDE_ANSIBLE_MODULE_COMMON>>");
    let powershell = has("#Requires -Module") || has("#AnsibleRequires") || has("#powershell");
    !python && !powershell
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
        let runs = |name: &str| library.find(name, dir.path(), &module_path).map(|foreign| foreign.runs);
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
