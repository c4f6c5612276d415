//! `group_vars` and `host_vars`: found by name, read once, shared.

use super::model::Vars;
use crate::diag::{Diagnostic, Diagnostics};
use crate::source::{Node, NodeKind, yaml};
use crate::value::{py_str, str_repr};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// One file's variables.
#[derive(Clone, Debug)]
pub struct VarsFile {
    pub path: PathBuf,
    pub vars: Arc<Vars>,
}

/// The files of one host or group, in the order they apply.
type Found = Arc<[VarsFile]>;

/// The file itself, or all files below a folder that have one of the extensions or none, but for hidden ones and copies that
/// editors keep.
pub fn files_below(path: &Path, extensions: &[impl AsRef<str>]) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut files = Vec::new();
    for name in entries(path) {
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let entry = path.join(&name);
        let known = match name.rfind('.') {
            Some(dot) if dot > 0 => extensions.iter().any(|extension| extension.as_ref() == &name[dot..]),
            _ => true,
        };
        if entry.is_dir() || known && entry.exists() {
            files.extend(files_below(&entry, extensions));
        }
    }
    files
}

/// Finds and keeps variable files.
#[derive(Debug)]
pub struct VarsFiles {
    /// Extensions that are read; a name without one always is.
    pub extensions: Vec<String>,
    pub reader: yaml::Reader,
    folders: Mutex<HashMap<PathBuf, Arc<BTreeSet<String>>>>,
    loaded: Mutex<HashMap<(PathBuf, Arc<str>), Found>>,
    warnings: Mutex<Diagnostics>,
}

impl Default for VarsFiles {
    fn default() -> Self {
        Self::new(vec![".yml".into(), ".yaml".into(), ".json".into()], yaml::Reader::default())
    }
}

impl VarsFiles {
    pub fn new(extensions: Vec<String>, reader: yaml::Reader) -> Self {
        Self {
            extensions,
            reader,
            folders: Mutex::default(),
            loaded: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// The variable files for `name` in `folder` (a `group_vars` or `host_vars`): the first of `name`,
    /// `name.yml`, … that is there; of a folder, all files in it.
    ///
    /// # Errors
    /// A file cannot be read or parsed, or is no mapping.
    pub fn get(&self, folder: &Path, name: &Arc<str>) -> Result<Found, Diagnostic> {
        let names = self.names(folder);
        if names.is_empty() {
            return Ok(Arc::new([]));
        }
        let key = (folder.to_owned(), name.clone());
        if let Some(found) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(found.clone());
        }
        let mut files = Vec::new();
        for extension in std::iter::once("").chain(self.extensions.iter().map(String::as_str)) {
            let file = format!("{name}{extension}");
            if names.contains(&file) {
                files = files_below(&folder.join(file), &self.extensions);
                break;
            }
        }
        let found: Found = files.iter().map(|path| self.read(path)).collect::<Result<Vec<_>, _>>()?.into();
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        Ok(found)
    }

    /// What was noticed while reading, once.
    pub fn take_warnings(&self) -> Diagnostics {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn names(&self, folder: &Path) -> Arc<BTreeSet<String>> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = folders.get(folder) {
            return names.clone();
        }
        let names = Arc::new(entries(folder));
        folders.insert(folder.to_owned(), names.clone());
        names
    }

    fn read(&self, path: &Path) -> Result<VarsFile, Diagnostic> {
        let loaded = self.reader.load(path)?;
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(loaded.warnings);
        let vars = variables(loaded.node).map_err(|node| {
            let path = str_repr(&path.to_string_lossy());
            let kind = node.to_value().type_name();
            let summary = format!(
                "Could not process {path}: failed to combine variables, expected dicts but got a 'dict' and a '{kind}'."
            );
            Diagnostic::error("bad-vars-file", summary).at(&node.span)
        })?;
        Ok(VarsFile { path: path.to_owned(), vars: Arc::new(vars) })
    }
}

/// A mapping's entries as variables; an empty file has none.
fn variables(node: Node) -> Result<Vars, Node> {
    match node.kind {
        NodeKind::Null => Ok(Vars::new()),
        NodeKind::Map(entries) => Ok(entries
            .into_iter()
            .map(|(key, value)| (py_str(&key.to_value()).into(), value.named_by(&key)))
            .collect()),
        kind => Err(Node::new(kind, node.span)),
    }
}

/// The names in a folder, sorted; none when there is no such folder.
fn entries(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
