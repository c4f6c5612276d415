//! Directories: made with all that is missing above them, given attributes all the way down, and removed.

use super::{Draft, Step};
use crate::modules::kit::attributes::state;
use crate::modules::kit::{Failure, path};
use crate::value::Value;
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

impl Draft<'_> {
    pub(super) fn directory(&mut self, path: &mut String) -> Result<(), Failure> {
        if self.args.follow && state(Path::new(path)) == "link" {
            *path = path::real(Path::new(path)).to_string_lossy().into_owned();
        }
        let found = state(Path::new(path));
        let place = PathBuf::from(&*path);
        match found {
            "absent" => {
                if let Some(obstacle) = place.ancestors().find(|above| above.exists())
                    && !obstacle.is_dir()
                {
                    return Err(self.failure(
                        path,
                        format!(
                            "There was an issue creating {path} as requested: [Errno 20] Not a directory: b'{path}'"
                        ),
                    ));
                }
                self.note("state", "absent", "directory");
                self.steps.push(Step::CreateDirectory(place.clone()));
                let differences = self.attributes.differences_of_new(self.host, &place, true)?;
                self.note_differences(&differences);
                self.times_of_new(&place)
            }
            "directory" => {
                self.existing_attributes(&place, self.args.follow)?;
                self.times(&place, "preserve")?;
                if self.args.recurse {
                    let mut seen = HashSet::new();
                    self.recurse(&place, &mut seen)?;
                }
                Ok(())
            }
            other => Err(self.failure(path, format!("{path} already exists as a {other}"))),
        }
    }

    /// Plans the attributes of everything in `directory`; links are looked through if the task says so.
    fn recurse(&mut self, directory: &Path, seen: &mut HashSet<(u64, u64)>) -> Result<(), Failure> {
        if let Ok(found) = std::fs::metadata(directory)
            && !seen.insert((found.dev(), found.ino()))
        {
            return Ok(());
        }
        for entry in sorted(directory) {
            self.descendant(&entry)?;
            if !entry.is_symlink() {
                if entry.is_dir() {
                    self.recurse(&entry, seen)?;
                }
            } else if self.args.follow && entry.exists() {
                let target = path::real(&entry);
                self.descendant(&target)?;
                if target.is_dir() {
                    self.recurse(&target, seen)?;
                }
            }
        }
        Ok(())
    }

    fn descendant(&mut self, path: &Path) -> Result<(), Failure> {
        let differences = self.attributes.differences(self.host, path, false)?;
        if !differences.is_empty() {
            self.steps.push(Step::Attributes { path: path.to_owned(), follow: false });
        }
        Ok(())
    }

    pub(super) fn absent(&mut self, path: &str) -> Result<(), Failure> {
        let found = state(Path::new(path));
        self.result.insert("state".into(), "absent".into());
        if found == "absent" {
            return Ok(());
        }
        // A slash at the end would mean what a link leads to, not the link.
        let place = path.trim_end_matches('/');
        if place.is_empty() {
            return Err(Failure::new("rmtree failed: / is not removed"));
        }
        self.note("state", found, "absent");
        if found == "directory" && self.host.wants_diff() {
            let (mut directories, mut files) = (Vec::new(), Vec::new());
            contents(Path::new(path), &mut directories, &mut files);
            let content = Value::object([("directories", directories), ("files", files)]);
            self.before.insert("path_content".into(), content);
        }
        self.steps.push(Step::Remove(place.into()));
        Ok(())
    }
}

/// What is in a directory, by name.
fn sorted(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// All that is below a directory, level by level.
fn contents(directory: &Path, directories: &mut Vec<String>, files: &mut Vec<String>) {
    let (below, others): (Vec<PathBuf>, Vec<PathBuf>) =
        sorted(directory).into_iter().partition(|path| path.is_dir());
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    directories.extend(below.iter().map(text));
    files.extend(others.iter().map(text));
    for directory in below.iter().filter(|path| !path.is_symlink()) {
        contents(directory, directories, files);
    }
}
