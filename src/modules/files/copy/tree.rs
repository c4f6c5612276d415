//! Directories from the control machine, in one request.

use super::{Args, Source, purpose};
use crate::modules::kit::file::{self, Replacement};
use crate::modules::kit::{
    Applied, Attributes, Failure, FileArgs, Plan, Probe, Purpose, Target, digest, path,
};
use crate::protocol::Digest;
use crate::value::{Map, Value};
use serde::Deserialize;
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

/// One thing in a directory that is copied; what it is follows from the members it has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Relative to the destination.
    path: String,
    /// A file: its content.
    digest: Option<Digest>,
    size: Option<u64>,
    /// The source's mode, for `mode: preserve`.
    mode: Option<Value>,
    #[serde(default)]
    directory: bool,
    /// A symbolic link: where it leads.
    link: Option<String>,
}

pub struct Todo {
    pub(super) steps: Vec<Step>,
    pub(super) attributes: Attributes,
    pub(super) directories: Attributes,
    pub(super) backup: bool,
    pub(super) validate: Option<String>,
    /// Whose state the result tells at the end.
    pub(super) describe: Option<PathBuf>,
}

pub enum Step {
    /// With the mode it has to have, if that is not the directories' own.
    Directory {
        path: PathBuf,
        mode: Option<u32>,
    },
    File {
        path: PathBuf,
        content: Source,
        /// Of the content, as far as it is known.
        size: Option<u64>,
        attributes: Option<Attributes>,
    },
    Attributes {
        path: PathBuf,
        attributes: Attributes,
    },
    Link {
        path: PathBuf,
        target: PathBuf,
    },
}

pub(super) fn plan(args: &Args, entries: &[Entry], host: &Probe) -> Result<Plan<super::Todo>, Failure> {
    let dest = path::join(&host.path(&args.dest), "");
    let root = PathBuf::from(&dest);
    let attributes = args.file_attributes(host, None)?;
    let directories = args.directory_attributes(host)?;
    let preserve = args.mode.as_ref().and_then(Value::as_str) == Some("preserve");
    // A directory that holds files gets its attributes only when it is made.
    let holding: HashSet<&Path> = entries
        .iter()
        .filter(|entry| !entry.directory)
        .flat_map(|e| Path::new(&e.path).ancestors())
        .collect();
    let mut steps = Vec::new();
    let mut made = HashSet::new();
    let mut make_directory = |path: &Path, steps: &mut Vec<Step>| {
        if !path.is_dir() && made.insert(path.to_owned()) {
            steps.push(Step::Directory { path: path.to_owned(), mode: None });
        }
    };
    make_directory(&root, &mut steps);
    for entry in entries {
        let relative = Path::new(&entry.path);
        if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(Failure::new(format!("{} leads out of the destination", entry.path)));
        }
        let place = root.join(relative);
        if entry.directory {
            if place.is_dir() && !holding.contains(relative) {
                let differences = directories.differences(host, &place, true)?;
                if !differences.is_empty() {
                    let attributes = directories.clone();
                    steps.push(Step::Attributes { path: place, attributes });
                }
            } else {
                make_directory(&place, &mut steps);
            }
            continue;
        }
        if let Some(parent) = place.parent() {
            make_directory(parent, &mut steps);
        }
        if let Some(target) = &entry.link {
            if std::fs::read_link(&place).ok().as_deref() != Some(Path::new(target)) {
                steps.push(Step::Link { path: place, target: target.into() });
            }
            continue;
        }
        let Some(digest) = &entry.digest else { continue };
        let own = match (&entry.mode, preserve) {
            (Some(mode), true) => {
                Some(FileArgs { mode: Some(mode.clone()), ..args.file_args() }.resolve(host)?)
            }
            _ => None,
        };
        let place = file::destination(&place, args.follow);
        plan_entry(args, host, place, entry.size, digest, own, &attributes, &mut steps)?;
    }
    let mut result = Map::new();
    result.insert("dest".into(), dest.into());
    result.insert("src".into(), args.source().into());
    if steps.is_empty() {
        return Ok(Plan::Unchanged { result });
    }
    let todo = Todo {
        steps,
        attributes,
        directories,
        backup: args.backup,
        validate: args.validate.clone(),
        describe: None,
    };
    Ok(Plan::Change { todo: super::Todo::Tree(todo), diff: Vec::new(), result })
}

/// Plans one file of a tree; `own` are its attributes if they are not those of all.
#[expect(clippy::too_many_arguments, reason = "they are what a file is compared with")]
fn plan_entry(
    args: &Args,
    host: &Probe,
    place: PathBuf,
    size: Option<u64>,
    digest: &Digest,
    own: Option<Attributes>,
    attributes: &Attributes,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    let found = file::metadata(&place, false);
    if let Some(found) = &found {
        if !args.force {
            return Ok(());
        }
        if found.is_dir() {
            return Err(Failure::new(format!("Destination {} is a directory", place.display())));
        }
        let same_size = size.is_none_or(|size| size == found.len());
        if found.is_file() && same_size && digest::sha1_file(&place).is_ok_and(|sum| sum == *digest) {
            let wanted = own.as_ref().unwrap_or(attributes);
            if !wanted.differences(host, &place, false)?.is_empty() {
                steps.push(Step::Attributes { path: place, attributes: wanted.clone() });
            }
            return Ok(());
        }
    }
    let content = Source::Blob(digest.clone());
    steps.push(Step::File { path: place, content, size, attributes: own });
    Ok(())
}

impl Todo {
    pub(super) fn apply(self, target: &mut Target) -> Result<Applied, Failure> {
        let wanted: Vec<(Digest, Purpose)> = self
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::File { path, content: Source::Blob(digest), size, .. } => {
                    Some((digest.clone(), purpose(path, *size, false)))
                }
                _ => None,
            })
            .collect();
        target.announce(&wanted);
        for step in &self.steps {
            self.step(step, target)?;
        }
        let mut applied = Applied::default();
        if let Some(path) = &self.describe {
            crate::modules::kit::attributes::describe(&target.probe(), path, &mut applied.result);
        }
        Ok(applied)
    }

    fn step(&self, step: &Step, target: &mut Target) -> Result<(), Failure> {
        match step {
            Step::Directory { path, mode } => {
                let mut attributes = self.directories.clone();
                if let Some(bits) = mode {
                    attributes.mode = Some(crate::modules::kit::mode::ModeArg::Bits(*bits));
                }
                file::create_directories(target, path, &attributes)?;
            }
            Step::File { path, content, size, attributes } => {
                let content = content.open(target, &purpose(path, *size, false))?.content;
                let new = Replacement {
                    backup: self.backup,
                    validate: self.validate.as_deref(),
                    // Waiting for the disk after each file would take longer than all the rest; what a power cut
                    // leaves half done, the next run sees and does again.
                    durable: false,
                    ..Replacement::new(path, content, attributes.as_ref().unwrap_or(&self.attributes))
                };
                file::replace(target, new).map_err(file::Refused::into_failure)?;
            }
            Step::Attributes { path, attributes } => {
                attributes.apply(target, path, false)?;
            }
            Step::Link { path, target: to } => {
                file::symlink(target, path, to)?;
                Attributes { mode: None, ..self.attributes.clone() }.apply(target, path, false)?;
            }
        }
        Ok(())
    }
}
