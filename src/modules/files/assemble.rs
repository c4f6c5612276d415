//! `assemble`: a file of fragments that are on the host. (Fragments of the control machine are put together there
//! and sent by `copy`.)

use crate::file_args;
use crate::modules::kit::digest::Algorithm;
use crate::modules::kit::file::{self, Content, Refused, Replacement};
use crate::modules::kit::regex::{Flags, Regex};
use crate::modules::kit::{
    Applied, Attributes, Failure, Module, Plan, Probe, Target, attributes, os_error, path,
};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::path::{Path, PathBuf};

pub struct Assemble;

file_args! {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Args {
        /// The directory with the fragments, taken in the order of their names.
        src: String,
        /// The file to make of them.
        dest: String,
        /// What to put between fragments.
        delimiter: Option<String>,
        /// Only fragments whose names match.
        regexp: Option<String>,
        /// Leave out fragments whose names start with a dot.
        #[serde(default)]
        ignore_hidden: bool,
        /// Keep the old file under a name with a time stamp.
        #[serde(default)]
        backup: bool,
        /// A command that must accept the file (`%s`) before it takes its place.
        validate: Option<String>,
        /// The fragments are on the host (always so, here).
        remote_src: Option<bool>,
        /// Decrypt vaulted fragments (done on the control machine).
        decrypt: Option<bool>,
    }
}

pub struct Todo {
    path: PathBuf,
    /// `None` if only the attributes differ.
    content: Option<Vec<u8>>,
    attributes: Attributes,
    backup: bool,
    validate: Option<String>,
}

impl Module for Assemble {
    const NAME: &'static str = "assemble";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let _ = (args.remote_src, args.decrypt);
        let (src, dest) = (host.path(&args.src), host.path(&args.dest));
        if !Path::new(&src).exists() {
            return Err(Failure::new(format!("Source ({src}) does not exist")));
        }
        if !Path::new(&src).is_dir() {
            return Err(Failure::new(format!("Source ({src}) is not a directory")));
        }
        let content = args.assemble(Path::new(&src))?;
        let place = path::real(Path::new(&dest));
        let before = host.read(&place)?;
        let attributes = args.file_args().resolve(host)?;
        let differences = match before {
            Some(_) => attributes.differences(host, &place, true)?,
            None => attributes.differences_of_new(host, &place, false)?,
        };
        let mut result = Map::new();
        result.insert("src".into(), src.into());
        result.insert("dest".into(), dest.as_str().into());
        result.insert("checksum".into(), Algorithm::Sha1.of_bytes(&content).into());
        result.insert("md5sum".into(), Algorithm::Md5.of_bytes(&content).into());
        result.insert("msg".into(), "OK".into());
        attributes::describe(host, Path::new(&dest), &mut result);
        let same = before.as_ref() == Some(&content);
        if same && differences.is_empty() {
            return Ok(Plan::Unchanged { result });
        }
        let todo = Todo {
            path: place,
            content: (!same).then_some(content),
            attributes,
            backup: args.backup,
            validate: args.validate.clone(),
        };
        Ok(Plan::Change { todo, diff: Vec::new(), result })
    }

    fn apply(todo: Todo, target: &mut Target) -> Result<Applied, Failure> {
        let mut applied = Applied::default();
        match todo.content {
            None => {
                todo.attributes.apply(target, &todo.path, true)?;
            }
            Some(content) => {
                let new = Replacement {
                    backup: todo.backup,
                    validate: todo.validate.as_deref(),
                    ..Replacement::new(&todo.path, Content::Bytes(content), &todo.attributes)
                };
                let backup = file::replace(target, new).map_err(Refused::into_edit_failure)?;
                if let Some(backup) = backup {
                    applied.result.insert("backup_file".into(), Value::from(backup));
                }
            }
        }
        attributes::describe(&target.probe(), &todo.path, &mut applied.result);
        Ok(applied)
    }
}

impl Args {
    fn assemble(&self, directory: &Path) -> Result<Vec<u8>, Failure> {
        let cannot = |path: &Path, error: std::io::Error| {
            Failure::new(format!("cannot read {}: {}", path.display(), os_error(&error)))
        };
        let wanted = self.regexp.as_deref().map(|pattern| {
            Regex::new(pattern, Flags::default())
                .map_err(|error| Failure::new(format!("Invalid Regexp ({error}) in \"{pattern}\"")))
        });
        let wanted = wanted.transpose()?;
        let entries = std::fs::read_dir(directory).map_err(|error| cannot(directory, error))?;
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        let mut fragments = Vec::new();
        for name in names {
            let (path, text) = (directory.join(&name), name.to_string_lossy());
            let left_out = wanted.as_ref().is_some_and(|wanted| !wanted.is_match(&text))
                || !path.is_file()
                || (self.ignore_hidden && text.starts_with('.'));
            if !left_out {
                fragments.push(std::fs::read(&path).map_err(|error| cannot(&path, error))?);
            }
        }
        Ok(joined(fragments, self.delimiter.as_deref()))
    }
}

/// The file made of fragments: each begins on a line of its own, after the delimiter if there is one.
pub fn joined(fragments: Vec<Vec<u8>>, delimiter: Option<&str>) -> Vec<u8> {
    let delimiter = delimiter.map(unescape);
    let mut content = Vec::new();
    for (number, fragment) in fragments.into_iter().enumerate() {
        if number > 0 {
            if !content.ends_with(b"\n") {
                content.push(b'\n');
            }
            if let Some(delimiter) = &delimiter {
                content.extend_from_slice(delimiter.as_bytes());
                if !delimiter.ends_with('\n') {
                    content.push(b'\n');
                }
            }
        }
        content.extend(fragment);
    }
    content
}

/// `\n`, `\t` and the like in a delimiter.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.clone().next() } else { None };
        let plain = match escaped {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('\\') => '\\',
            Some('\'') => '\'',
            Some('"') => '"',
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        out.push(plain);
    }
    out
}
