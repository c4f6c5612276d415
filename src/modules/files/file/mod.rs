//! `file`: files, directories and links as such, whatever they contain.

mod link;
mod times;
mod tree;

use crate::file_args;
use crate::modules::kit::attributes::{self, state};
use crate::modules::kit::{
    Applied, Attributes, Differences, Failure, Module, Plan, Probe, Target, error_at_bytes, file, path,
    python_error,
};
use crate::protocol::Diff;
use crate::value::{Map, Value};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use times::Times;

pub struct FileModule;

file_args! {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Args {
        /// The file.
        #[serde(alias = "dest", alias = "name")]
        path: String,
        /// What it should be; by default what it is, a directory with `recurse`, else a file.
        state: Option<State>,
        /// Where a link leads; relative to the directory of the link.
        src: Option<String>,
        /// Look through links.
        #[serde(default = "yes")]
        follow: bool,
        /// Create links that lead nowhere, and in place of files.
        #[serde(default)]
        force: bool,
        /// Give the attributes to everything in the directory.
        #[serde(default)]
        recurse: bool,
        /// `preserve`, `now` or a time in `modification_time_format`.
        modification_time: Option<String>,
        #[serde(default = "time_format")]
        modification_time_format: String,
        /// `preserve`, `now` or a time in `access_time_format`.
        access_time: Option<String>,
        #[serde(default = "time_format")]
        access_time_format: String,
        /// A name for a file in a directory, given by other modules.
        _original_basename: Option<String>,
        _diff_peek: Option<Value>,
    }
}

fn yes() -> bool {
    true
}

fn time_format() -> String {
    "%Y%m%d%H%M.%S".into()
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    Directory,
    File,
    Hard,
    Link,
    Touch,
}

/// What is to be done, in this order.
pub struct Todo {
    steps: Vec<Step>,
    /// The member of the result that names the file.
    key: &'static str,
    path: String,
    attributes: Attributes,
}

enum Step {
    /// A directory with all that is missing above it.
    CreateDirectory(PathBuf),
    CreateFile(PathBuf),
    Symlink {
        path: PathBuf,
        target: String,
    },
    HardLink {
        path: PathBuf,
        source: PathBuf,
    },
    Remove(PathBuf),
    Attributes {
        path: PathBuf,
        follow: bool,
    },
    Times {
        path: PathBuf,
        follow: bool,
        times: Times,
    },
}

/// A plan in the making.
struct Draft<'p> {
    host: &'p Probe<'p>,
    args: &'p Args,
    attributes: Attributes,
    steps: Vec<Step>,
    before: Map,
    after: Map,
    result: Map,
    /// Whether the file itself will differ, beyond what the diff shows.
    changed: bool,
}

impl Module for FileModule {
    const NAME: &'static str = "file";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let mut path = host.path(&args.path);
        let state = args.state.unwrap_or_else(|| match state(Path::new(&path)) {
            "directory" => State::Directory,
            "link" => State::Link,
            "hard" => State::Hard,
            _ if args.recurse => State::Directory,
            _ => State::File,
        });
        let fail = |msg: &str| Err(attributes::failure_at(host, &path, "path", Failure::new(msg)));
        if args.recurse && state != State::Directory {
            return fail("recurse option requires state to be 'directory'");
        }
        if args.src.is_some() && !matches!(state, State::Link | State::Hard) {
            return fail("src option requires state to be 'link' or 'hard'");
        }
        if !matches!(state, State::Link | State::Absent) && Path::new(&path).is_dir() {
            let source = args.src.as_deref().map(|src| path::basename(src).to_owned());
            if let Some(name) = args._original_basename.clone().or(source).filter(|name| !name.is_empty()) {
                path = path::join(&path, &name);
            }
        }
        let key = if matches!(state, State::Touch | State::Hard | State::Link) { "dest" } else { "path" };
        let resolved = args.file_args().resolve(host);
        let attributes = resolved.map_err(|failure| attributes::failure_at(host, &path, "path", failure))?;
        let mut draft = Draft::new(host, args, attributes);
        match state {
            State::Absent => draft.absent(&path)?,
            State::File => draft.file(&mut path)?,
            State::Directory => draft.directory(&mut path)?,
            State::Link => draft.link(&path)?,
            State::Hard => draft.hard(&path)?,
            State::Touch => draft.touch(&path)?,
        }
        Ok(draft.finish(key, path, state == State::Absent))
    }

    fn apply(todo: Todo, target: &mut Target) -> Result<Applied, Failure> {
        let mut gone = false;
        for step in &todo.steps {
            gone = matches!(step, Step::Remove(_));
            step.run(&todo.attributes, target)
                .map_err(|failure| attributes::failure_at(&target.probe(), &todo.path, "path", failure))?;
        }
        let mut applied = Applied::default();
        if !gone {
            attributes::describe(&target.probe(), Path::new(&todo.path), &mut applied.result);
        }
        applied.result.insert(todo.key.into(), todo.path.into());
        Ok(applied)
    }
}

impl<'p> Draft<'p> {
    fn new(host: &'p Probe<'p>, args: &'p Args, attributes: Attributes) -> Self {
        let (steps, before, after, result) = (Vec::new(), Map::new(), Map::new(), Map::new());
        Self { host, args, attributes, steps, before, after, result, changed: false }
    }

    fn finish(mut self, key: &'static str, path: String, gone: bool) -> Plan<Todo> {
        if !gone {
            attributes::describe(self.host, Path::new(&path), &mut self.result);
        }
        self.result.insert(key.into(), path.as_str().into());
        let with_path = |members: Map| {
            let mut map = Map::new();
            map.insert("path".into(), path.as_str().into());
            map.extend(members);
            Value::map(map)
        };
        let (before, after) = (with_path(self.before), with_path(self.after));
        if !self.changed && self.steps.is_empty() {
            // As with Ansible, `register` sees that nothing differs.
            if self.host.wants_diff() && !gone {
                let diff = Value::object([("before", before), ("after", after)]);
                self.result.insert("diff".into(), diff);
            }
            return Plan::Unchanged { result: self.result };
        }
        let diff = Diff { before, after, ..Diff::default() };
        let todo = Todo { steps: self.steps, key, path, attributes: self.attributes };
        Plan::Change { todo, diff: vec![diff], result: self.result }
    }

    /// A failure about `path`.
    fn failure(&self, path: &str, msg: impl Into<String>) -> Failure {
        attributes::failure_at(self.host, path, "path", Failure::new(msg))
    }

    fn note(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(name.into(), before.into());
        self.after.insert(name.into(), after.into());
    }

    fn note_differences(&mut self, differences: &Differences) {
        self.before.extend(differences.before.clone());
        self.after.extend(differences.after.clone());
    }

    /// Plans the attributes of an existing file.
    fn existing_attributes(&mut self, path: &Path, follow: bool) -> Result<(), Failure> {
        let differences = self
            .attributes
            .differences(self.host, path, follow)
            .map_err(|failure| attributes::failure_at(self.host, &path.to_string_lossy(), "path", failure))?;
        if !differences.is_empty() {
            self.note_differences(&differences);
            self.steps.push(Step::Attributes { path: path.to_owned(), follow });
        }
        Ok(())
    }

    /// Plans the attributes of a file that another step creates.
    fn new_attributes(&mut self, path: &Path, directory: bool) -> Result<(), Failure> {
        let differences = self.attributes.differences_of_new(self.host, path, directory)?;
        self.note_differences(&differences);
        if !self.attributes.is_empty() {
            self.steps.push(Step::Attributes { path: path.to_owned(), follow: false });
        }
        Ok(())
    }

    fn file(&mut self, path: &mut String) -> Result<(), Failure> {
        if self.args.follow && state(Path::new(path)) == "link" {
            *path = path::real(Path::new(path)).to_string_lossy().into_owned();
        }
        let found = state(Path::new(path));
        if !matches!(found, "file" | "hard") {
            let failure = self.failure(path, format!("file ({path}) is {found}, cannot continue"));
            return Err(failure.with("state", found));
        }
        self.existing_attributes(Path::new(path), self.args.follow)?;
        self.times(Path::new(path), "preserve")
    }

    fn touch(&mut self, path: &str) -> Result<(), Failure> {
        let found = state(Path::new(path));
        let place = file::destination(Path::new(path), self.args.follow);
        if found != "touch" {
            self.note("state", found, "touch");
        }
        if found == "absent" {
            // Whether its folder is there shows when it is made: an earlier task may make that.
            if path.is_empty() || path.ends_with('/') {
                return Err(self.failure(path, "Error, could not touch target."));
            }
            self.steps.push(Step::CreateFile(place.clone()));
            self.new_attributes(&place, false)?;
            return self.times_of_new(&place);
        }
        if !place.exists() {
            let place = place.display().to_string();
            return Err(self.failure(
                &place,
                format!(
                    "Error while updating modification or access time: [Errno 2] No such file or directory: b'{place}'"
                ),
            ));
        }
        self.existing_attributes(&place, self.args.follow)?;
        self.times(&place, "now")
    }
}

impl Step {
    fn run(&self, attributes: &Attributes, target: &mut Target) -> Result<(), Failure> {
        match self {
            Self::CreateDirectory(path) => {
                file::create_directories(target, path, attributes)?;
            }
            Self::CreateFile(path) => {
                file::create_empty(target, path).map_err(|error| {
                    let path = path.to_string_lossy();
                    let failure = Failure::new("Error, could not touch target.");
                    failure.because(error_at_bytes(&error, &path)).with("path", path.as_ref())
                })?;
            }
            Self::Symlink { path, target: to } => file::symlink(target, path, Path::new(to))?,
            Self::HardLink { path, source } => file::hard_link(target, path, source)?,
            Self::Remove(path) => file::remove(target, path)?,
            Self::Attributes { path, follow } => {
                attributes.apply(target, path, *follow)?;
            }
            Self::Times { path, follow, times } => {
                times.set(path, *follow).map_err(|error| {
                    Failure::new(format!(
                        "Error while updating modification or access time: {}",
                        python_error(&error)
                    ))
                })?;
            }
        }
        Ok(())
    }
}
