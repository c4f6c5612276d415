//! `copy` (and what `template` and `assemble` send): contents to files.
//!
//! The control side has read the source; beside the documented arguments it sends
//! - for one file: `_digest` (SHA-1) or, if it is not hashed yet, `_content` (its name on the wire), and `_size` of the
//!   content, which travels as a blob, `_name` (the source's base name, for a destination that is a directory), `_mode` (the
//!   source's mode, for `mode: preserve`);
//! - for a directory: `_entries`, whose paths are relative to the destination;
//! - `_template`: the path of the template that the content was made of.
//!
//! With `remote_src` all of it happens here.

mod remote;
mod tree;

use crate::file_args;
use crate::modules::kit::diff::{self, Side};
use crate::modules::kit::digest::{self, Algorithm};
use crate::modules::kit::file::{self, Replacement};
use crate::modules::kit::{
    Applied, Attributes, Failure, FileArgs, Module, Plan, Probe, Purpose, Received, Target, attributes, path,
};
use crate::protocol::{Diff, Digest};
use crate::value::{Map, Value};
use rustix::fs::Access;
use serde::Deserialize;
use std::path::{Path, PathBuf};

pub struct Copy;

file_args! {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Args {
        /// The file or directory to copy, on the control machine or (`remote_src`) on the host.
        src: Option<String>,
        /// The content of the file, in place of `src`.
        content: Option<Value>,
        /// Where to; a slash at the end makes it a directory.
        dest: String,
        /// Keep the old file under a name with a time stamp.
        #[serde(default)]
        backup: bool,
        /// Replace files that differ.
        #[serde(default = "yes")]
        force: bool,
        /// The mode of directories that are created.
        directory_mode: Option<Value>,
        /// `src` is on the host.
        #[serde(default)]
        remote_src: bool,
        /// Write through a link at the destination.
        #[serde(default)]
        follow: bool,
        /// Look through links in the source.
        local_follow: Option<bool>,
        /// A command that must accept the file (`%s`) before it takes its place.
        validate: Option<String>,
        /// The SHA-1 the content should have.
        checksum: Option<String>,
        /// Decrypt a vaulted source (done on the control machine).
        decrypt: Option<bool>,
        _original_basename: Option<String>,
        _digest: Option<Digest>,
        _content: Option<Digest>,
        _size: Option<u64>,
        _name: Option<String>,
        _mode: Option<Value>,
        _template: Option<String>,
        _entries: Option<Vec<tree::Entry>>,
    }
}

fn yes() -> bool {
    true
}

pub enum Todo {
    File(FileTodo),
    /// Only the attributes of an existing file.
    Attributes {
        path: String,
        attributes: Attributes,
    },
    Tree(tree::Todo),
}

pub struct FileTodo {
    path: PathBuf,
    content: Source,
    /// Of the content, as far as it is known.
    size: Option<u64>,
    /// Create the directories above, with these attributes.
    directories: Option<Attributes>,
    attributes: Attributes,
    backup: bool,
    validate: Option<String>,
    result: Map,
}

/// Where a content comes from.
pub enum Source {
    Blob(Digest),
    File(PathBuf),
}

impl Source {
    /// With its sums, as far as `purpose` wants them and they are known without reading the content again.
    fn open(&self, target: &mut Target, purpose: &Purpose) -> Result<Received, Failure> {
        match self {
            Self::Blob(name) => target.content_for(name, purpose),
            Self::File(path) => match std::fs::File::open(path) {
                Ok(file) => Ok(Received { content: file::Content::File(file), sha1: None, md5: None }),
                Err(_) => Err(Failure::new(format!("Source {} not readable", path.display()))),
            },
        }
    }
}

impl Module for Copy {
    const NAME: &'static str = "copy";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let _ = (&args.content, args.decrypt, &args._original_basename);
        if let Some(command) = &args.validate
            && !command.contains("%s")
        {
            return Err(Failure::new(format!("validate must contain %s: {command}")));
        }
        if args.remote_src {
            return remote::plan(args, host);
        }
        if let Some(entries) = &args._entries {
            return tree::plan(args, entries, host);
        }
        match args._digest.as_ref().or(args._content.as_ref()) {
            Some(name) => plan_file(args, name, host),
            None => Err(Failure::new("src (or content) is required")),
        }
    }

    fn apply(todo: Todo, target: &mut Target) -> Result<Applied, Failure> {
        match todo {
            Todo::File(todo) => todo.apply(target),
            Todo::Tree(todo) => todo.apply(target),
            Todo::Attributes { path, attributes } => {
                let place = Path::new(&path);
                attributes
                    .apply(target, place, true)
                    .map_err(|failure| attributes::failure_at(&target.probe(), &path, "path", failure))?;
                let mut applied = Applied::default();
                attributes::describe(&target.probe(), place, &mut applied.result);
                Ok(applied)
            }
        }
    }
}

impl Args {
    /// The path of the source on the control machine, as results and diffs show it.
    fn source(&self) -> Option<&str> {
        self._template.as_deref().or(self.src.as_deref())
    }

    /// The attributes of files; `preserved` is the mode for `mode: preserve`.
    fn file_attributes(&self, host: &Probe, preserved: Option<&Value>) -> Result<Attributes, Failure> {
        let mut args = self.file_args();
        if args.mode.as_ref().and_then(Value::as_str) == Some("preserve") {
            args.mode = preserved.cloned();
        }
        args.resolve(host)
    }

    /// The attributes of directories that are created.
    fn directory_attributes(&self, host: &Probe) -> Result<Attributes, Failure> {
        let mode = self.directory_mode.clone();
        FileArgs { mode, attributes: None, ..self.file_args() }.resolve(host)
    }

    fn check_expected(&self, found: &str) -> Result<(), Failure> {
        match &self.checksum {
            Some(expected) if expected != found => {
                Err(Failure::new("Copied file does not match the expected checksum. Transfer failed.")
                    .with("checksum", found)
                    .with("expected_checksum", expected.as_str()))
            }
            _ => Ok(()),
        }
    }
}

fn plan_file(args: &Args, name: &Digest, host: &Probe) -> Result<Plan<Todo>, Failure> {
    let mut dest = host.path(&args.dest);
    let directory = dest.ends_with('/');
    if directory || Path::new(&dest).is_dir() {
        match &args._name {
            Some(name) => dest = path::join(&dest, name),
            None => return Err(Failure::new("can not use content with a dir as dest")),
        }
    }
    let header = dest.clone();
    if args.follow {
        dest = file::destination(Path::new(&dest), true).to_string_lossy().into_owned();
    }
    let place = PathBuf::from(&dest);
    let found = file::metadata(&place, false);
    let mut result = Map::new();
    result.insert("dest".into(), dest.as_str().into());
    if found.is_some() && !args.force {
        result.insert("src".into(), args.source().into());
        return Ok(Plan::Unchanged { result });
    }
    if let Some(digest) = &args._digest {
        args.check_expected(digest)?;
        result.insert("checksum".into(), digest.as_str().into());
    }
    let attributes = args.file_attributes(host, args._mode.as_ref())?;
    if let Some(found) = &found {
        if found.is_dir() {
            return Err(Failure::new(format!("Destination {dest} is a directory")));
        }
        let same_size = args._size.is_none_or(|size| size == found.len());
        if found.is_file()
            && same_size
            && let Ok(own) = digest::sha1_file(&place)
        {
            let digest = match &args._digest {
                Some(digest) => digest.clone(),
                None => host.digest_of(name, Some((own.clone(), &purpose(&place, args._size, true))))?,
            };
            result.insert("checksum".into(), digest.as_str().into());
            if digest == own {
                return plan_attributes(host, dest, attributes, result);
            }
        }
    }
    let create = (directory && !place.parent().is_some_and(Path::is_dir))
        .then(|| args.directory_attributes(host))
        .transpose()?;
    // Whether the folder is there is asked when it is written: an earlier task of the same run may make it.
    let diff = if host.wants_diff() {
        let after = host.inline_blob(name);
        let size = args._size.unwrap_or_else(|| after.map_or(u64::MAX, |bytes| bytes.len() as u64));
        let source = args.source().unwrap_or(&header).to_owned();
        let after = Side { header: Some(source), content: after, size };
        vec![file_diff(host, &place, header, &after)]
    } else {
        Vec::new()
    };
    result.insert("src".into(), args.source().unwrap_or(&dest).to_owned().into());
    let todo = Todo::File(FileTodo {
        path: place,
        content: Source::Blob(name.clone()),
        size: args._size,
        directories: create,
        attributes,
        backup: args.backup,
        validate: args.validate.clone(),
        result: result.clone(),
    });
    Ok(Plan::Change { todo, diff, result })
}

/// The content is right; are the attributes?
fn plan_attributes(
    host: &Probe,
    dest: String,
    attributes: Attributes,
    mut result: Map,
) -> Result<Plan<Todo>, Failure> {
    let place = Path::new(&dest);
    let differences = attributes
        .differences(host, place, true)
        .map_err(|failure| attributes::failure_at(host, &dest, "path", failure))?;
    attributes::describe(host, place, &mut result);
    result.insert("path".into(), dest.as_str().into());
    if differences.is_empty() {
        return Ok(Plan::Unchanged { result });
    }
    let with_path = |members: &Map| {
        let mut map = Map::new();
        map.insert("path".into(), dest.as_str().into());
        map.extend(members.clone());
        Value::map(map)
    };
    let diff = Diff {
        before: with_path(&differences.before),
        after: with_path(&differences.after),
        ..Diff::default()
    };
    Ok(Plan::Change { diff: vec![diff], todo: Todo::Attributes { path: dest, attributes }, result })
}

/// `header` is what the destination is called, links not followed.
fn file_diff(host: &Probe, place: &Path, header: String, after: &Side) -> Diff {
    match file::metadata(place, true).filter(|found| found.is_file()) {
        None => diff::texts(&Side::absent(), after, host.diff_limit()),
        Some(found) => {
            let content = diff::readable(host, place);
            let before = Side { header: Some(header), content: content.as_deref(), size: found.len() };
            diff::texts(&before, after, host.diff_limit())
        }
    }
}

/// Whether a file can be created beside `dest`.
fn check_directory(dest: &str, unsafe_writes: bool) -> Result<(), Failure> {
    let parent = path::parent(dest);
    let directory = if parent.is_empty() { "." } else { parent };
    if !Path::new(directory).exists() {
        return Err(Failure::new(format!("Destination directory {directory} does not exist")));
    }
    if !unsafe_writes && rustix::fs::access(directory, Access::WRITE_OK).is_err() {
        return Err(Failure::new(format!("Destination {directory} not writable")));
    }
    Ok(())
}

/// What a content for this path is fetched for. The result of one file tells its MD5, that of a directory none.
fn purpose(place: &Path, size: Option<u64>, md5: bool) -> Purpose {
    Purpose { directory: place.parent().map(Path::to_owned), size, md5 }
}

impl FileTodo {
    fn apply(self, target: &mut Target) -> Result<Applied, Failure> {
        let mut checksum = self.result.get("checksum").cloned();
        let with_checksum = |failure: Failure, checksum: &Option<Value>| match checksum {
            Some(checksum) if !failure.result.contains_key("checksum") => {
                failure.with("checksum", checksum.clone())
            }
            _ => failure,
        };
        let ready = match (&self.directories, self.path.parent()) {
            (Some(attributes), Some(parent)) => {
                file::create_directories(target, parent, attributes).map(drop)
            }
            _ => check_directory(&self.path.to_string_lossy(), self.attributes.unsafe_writes),
        };
        if let Err(failure) = ready {
            // A content that does not travel is hashed for the message only.
            if let (None, Source::Blob(name)) = (&checksum, &self.content) {
                checksum = target.probe().digest_of(name, None).ok().map(Value::from);
            }
            return Err(with_checksum(failure, &checksum));
        }
        let Received { content, sha1, md5 } = self
            .content
            .open(target, &purpose(&self.path, self.size, true))
            .map_err(|failure| with_checksum(failure, &checksum))?;
        checksum = checksum.or(sha1.map(Value::from));
        let backup = file::replace(
            target,
            Replacement {
                backup: self.backup,
                validate: self.validate.as_deref(),
                ..Replacement::new(&self.path, content, &self.attributes)
            },
        )
        .map_err(|refused| with_checksum(refused.into_failure(), &checksum))?;
        let mut applied = Applied { result: self.result, ..Applied::default() };
        let result = &mut applied.result;
        result.extend(checksum.map(|checksum| ("checksum".into(), checksum)));
        if let Some(backup) = backup {
            result.insert("backup_file".into(), backup.into());
        }
        let md5 = md5.map_or_else(|| Algorithm::Md5.of_file(&self.path), Ok)?;
        result.insert("md5sum".into(), md5.into());
        attributes::describe(&target.probe(), &self.path, result);
        Ok(applied)
    }
}
