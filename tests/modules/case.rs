//! A case: a task, what is there before, what its results and its effects are. `README.md` describes the members.

use super::things::Thing;
use ekumen::value::Value;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// What is in the directory before.
    #[serde(default)]
    pub setup: Vec<Thing>,
    /// What is on the control side, for `copy`.
    #[serde(default)]
    pub source: Vec<Thing>,
    /// The kind of host it needs; a directory of this machine if it needs none.
    pub host: Option<Kind>,
    /// A package repository on the host, at `/srv/repository`.
    #[serde(default)]
    pub repository: bool,
    /// What the host's root does before.
    pub before: Option<String>,
    /// Who logs in, if not root.
    pub login: Option<String>,
    pub module: String,
    #[serde(default)]
    pub args: Value,
    /// Members of the results of the passes.
    pub result: Option<Value>,
    pub check: Option<Value>,
    pub again: Option<Value>,
    /// Members that results must not have.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// The whole diff of the change, a mapping per diff.
    pub diff: Option<Value>,
    /// What is in the directory after.
    #[serde(default)]
    pub files: Vec<Thing>,
    /// What commands on the host print after.
    #[serde(default)]
    pub shows: BTreeMap<String, String>,
    /// The message it fails with, in every pass that applies.
    pub failed: Option<String>,
    /// A failure that only applying can find.
    #[serde(default)]
    pub fails_late: bool,
    pub warnings: Option<Vec<String>>,
    /// The second apply changes something by design (`touch`, a backup, a new temporary file).
    #[serde(default)]
    pub never_settles: bool,
    /// Predicted and made diffs differ by design (times).
    #[serde(default)]
    pub diff_varies: bool,
    /// A check cannot tell what will happen.
    #[serde(default)]
    pub unknown: bool,
    /// The apply changes what the check did not count as a change, by design.
    #[serde(default)]
    pub unforeseen: bool,
    /// The file whose content the first apply sends.
    pub sent: Option<String>,
    /// Only for who may give files away.
    #[serde(default)]
    pub root: bool,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What Ansible does differently, and why; for `compare.py`.
    #[allow(dead_code)]
    pub differs: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Plain,
    Systemd,
    Dnf,
    Dnf5,
    Pacman,
}

/// All cases with their files, of which the environment's `CASE` names a part.
pub fn all() -> Vec<(PathBuf, Case)> {
    let only = std::env::var("CASE").ok();
    let mut cases = Vec::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("a case file");
        let found: Vec<Case> =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        cases.extend(found.into_iter().map(|case| (file.clone(), case)));
    }
    cases.retain(|(file, case)| only.as_ref().is_none_or(|only| label(file, case).contains(only.as_str())));
    cases
}

pub fn label(file: &Path, case: &Case) -> String {
    format!("{}: {}", file.file_stem().unwrap_or_default().display(), case.name)
}

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("the cases")
        .flatten()
        .filter(|family| family.path().is_dir())
        .flat_map(|family| std::fs::read_dir(family.path()).expect("a family").flatten())
        .map(|file| file.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    files.sort();
    files
}
