//! `find`: files that meet conditions.

use super::info::{Names, members};
use crate::modules::kit::digest::Algorithm;
use crate::modules::kit::glob::fnmatch;
use crate::modules::kit::mode::ModeArg;
use crate::modules::kit::regex::{Flags, Regex};
use crate::modules::kit::{Applied, Failure, Module, Never, Plan, Probe, Target, python_error, text};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub struct Find;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The directories to look in.
    #[serde(alias = "name", alias = "path")]
    paths: Vec<String>,
    /// Globs (or regular expressions) for the names of what is wanted; one has to match.
    #[serde(default, alias = "pattern")]
    patterns: Vec<String>,
    /// The same for what is not wanted.
    #[serde(default, alias = "exclude")]
    excludes: Vec<String>,
    /// Patterns are regular expressions that match from the start of the name.
    #[serde(default)]
    use_regex: bool,
    /// A regular expression for the content: at the start of a line, or anywhere with `read_whole_file`.
    contains: Option<String>,
    #[serde(default)]
    read_whole_file: bool,
    /// The encoding of the files that `contains` reads.
    encoding: Option<String>,
    #[serde(default)]
    file_type: FileType,
    /// At least this old (`2d`), or with a minus sign at most.
    age: Option<String>,
    #[serde(default)]
    age_stamp: Stamp,
    /// At least this large (`1k`), or with a minus sign at most.
    size: Option<String>,
    #[serde(default)]
    recurse: bool,
    /// How deep to go.
    depth: Option<usize>,
    /// Names that start with a dot, too.
    #[serde(default)]
    hidden: bool,
    /// Go into directories that links lead to.
    #[serde(default)]
    follow: bool,
    #[serde(default)]
    get_checksum: bool,
    #[serde(default, alias = "checksum", alias = "checksum_algo")]
    checksum_algorithm: Algorithm,
    /// The mode, exactly, or (without `exact_mode`) any of its bits.
    mode: Option<Value>,
    #[serde(default = "yes")]
    exact_mode: bool,
    /// Stop after so many.
    limit: Option<usize>,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum FileType {
    Any,
    Directory,
    #[default]
    File,
    Link,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stamp {
    Atime,
    Ctime,
    #[default]
    Mtime,
}

impl Module for Find {
    const NAME: &'static str = "find";
    type Args = Args;
    type Todo = Never;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Never>, Failure> {
        let mut search = Search::new(args, host)?;
        let mut skipped = Map::new();
        let mut all = true;
        for path in &args.paths {
            let path = host.path(path);
            if !Path::new(&path).is_dir() {
                let why = format!("'{path}' is not a directory");
                host.warn(format!("Skipped '{path}' path due to this access issue: {why}\n"));
                skipped.insert(path.into(), why.into());
                all = false;
                continue;
            }
            search.walk(Path::new(&path), 1, &mut skipped)?;
            if search.full() {
                break;
            }
        }
        let msg = match (search.full(), all) {
            (true, _) => "Limit of matches reached",
            (false, true) => "All paths examined",
            (false, false) => "Not all paths examined, check warnings for details",
        };
        Ok(Plan::unchanged(Value::object([
            ("matched", Value::from(search.found.len())),
            ("files", search.found.into()),
            ("examined", search.examined.into()),
            ("msg", msg.into()),
            ("skipped_paths", skipped.into()),
        ])))
    }

    fn apply(todo: Never, _: &mut Target) -> Result<Applied, Failure> {
        match todo {}
    }
}

/// A pattern for names.
enum Pattern<'s> {
    Glob(&'s str),
    Regex(Regex),
}

impl Pattern<'_> {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Glob(glob) => fnmatch(glob, name),
            Self::Regex(regex) => regex.matches_start(name),
        }
    }
}

/// One run over the directories.
struct Search<'s> {
    args: &'s Args,
    names: Names<'s>,
    patterns: Vec<Pattern<'s>>,
    excludes: Vec<Pattern<'s>>,
    contains: Option<Regex>,
    /// Seconds; negative for "at most".
    age: Option<i64>,
    /// Bytes; negative for "at most".
    size: Option<i64>,
    mode: Option<u32>,
    now: f64,
    found: Vec<Value>,
    examined: usize,
}

impl<'s> Search<'s> {
    fn new(args: &'s Args, host: &'s Probe<'s>) -> Result<Self, Failure> {
        let compile = |pattern: &str| Regex::new(pattern, Flags::default()).map_err(Failure::new);
        let names = |patterns: &'s [String]| -> Result<Vec<Pattern<'s>>, Failure> {
            patterns
                .iter()
                .map(|pattern| match args.use_regex {
                    true => compile(pattern).map(Pattern::Regex),
                    false => Ok(Pattern::Glob(pattern)),
                })
                .collect()
        };
        if let Some(encoding) = &args.encoding
            && !matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "utf8" | "ascii" | "us-ascii")
        {
            return Err(Failure::new(format!("the encoding {encoding} is not supported, only utf-8 is")));
        }
        let age =
            measured(args.age.as_deref(), &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)]);
        let units = [("b", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];
        let size = measured(args.size.as_deref(), &units);
        let bad = |name: &str, text: &Option<String>| {
            Failure::new(format!("failed to process {name}")).with(name, text.clone())
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            args,
            names: Names::new(host),
            patterns: names(&args.patterns)?,
            excludes: names(&args.excludes)?,
            contains: args.contains.as_deref().map(compile).transpose()?,
            age: age.map_err(|()| bad("age", &args.age))?,
            size: size.map_err(|()| bad("size", &args.size))?,
            mode: args.mode.as_ref().map(|mode| Ok(ModeArg::parse(mode)?.bits(0, false, 0))).transpose()?,
            now: now.as_secs_f64(),
            found: Vec::new(),
            examined: 0,
        })
    }

    fn full(&self) -> bool {
        self.args.limit.is_some_and(|limit| limit > 0 && self.found.len() >= limit)
    }

    fn walk(&mut self, directory: &Path, depth: usize, skipped: &mut Map) -> Result<(), Failure> {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => {
                let path = directory.to_string_lossy();
                let why = format!("{}: '{path}'", python_error(&error));
                skipped.insert(Value::str(&path), why.into());
                return Ok(());
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let (directories, files): (Vec<PathBuf>, Vec<PathBuf>) =
            paths.into_iter().partition(|path| path.is_dir());
        self.examined += directories.len() + files.len();
        if self.args.depth.is_some_and(|most| depth > most && most > 0) {
            return Ok(());
        }
        for path in files.iter().chain(&directories) {
            self.consider(path)?;
            if self.full() {
                return Ok(());
            }
        }
        if self.args.recurse {
            for path in &directories {
                if self.args.follow || !path.is_symlink() {
                    self.walk(path, depth + 1, skipped)?;
                }
                if self.full() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn consider(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && !self.args.hidden {
            return Ok(());
        }
        // What vanished meanwhile is not there.
        let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
        let kind = match self.args.file_type {
            FileType::Any => true,
            FileType::Directory => found.is_dir(),
            FileType::File => found.is_file(),
            FileType::Link => found.is_symlink(),
        };
        let named = (self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(&name)))
            && !self.excludes.iter().any(|pattern| pattern.matches(&name));
        if !kind || !named || !self.old_enough(&found) || !self.has_mode(&found) {
            return Ok(());
        }
        if found.is_file() {
            let content = self.args.file_type != FileType::File || self.has_content(path);
            if !self.large_enough(&found) || !content {
                return Ok(());
            }
        }
        let mut file = Map::new();
        file.insert("path".into(), Value::str(path.to_string_lossy()));
        file.extend(members(&self.names, &found));
        if self.args.get_checksum && found.is_file() {
            file.insert("checksum".into(), self.args.checksum_algorithm.of_file(path)?.into());
        }
        self.found.push(file.into());
        Ok(())
    }

    fn old_enough(&self, found: &Metadata) -> bool {
        let Some(age) = self.age else { return true };
        let (whole, nanoseconds) = match self.args.age_stamp {
            Stamp::Atime => (found.atime(), found.atime_nsec()),
            Stamp::Ctime => (found.ctime(), found.ctime_nsec()),
            Stamp::Mtime => (found.mtime(), found.mtime_nsec()),
        };
        let passed = self.now - (whole as f64 + 1e-9 * nanoseconds as f64);
        if age >= 0 { passed >= age as f64 } else { passed <= age.unsigned_abs() as f64 }
    }

    fn large_enough(&self, found: &Metadata) -> bool {
        match self.size {
            None => true,
            Some(size) if size >= 0 => found.len() >= size.unsigned_abs(),
            Some(size) => found.len() <= size.unsigned_abs(),
        }
    }

    fn has_mode(&self, found: &Metadata) -> bool {
        match self.mode {
            None => true,
            Some(mode) if self.args.exact_mode => found.mode() & 0o7777 == mode,
            Some(mode) => found.mode() & mode != 0,
        }
    }

    fn has_content(&self, path: &Path) -> bool {
        let Some(wanted) = &self.contains else { return true };
        let Ok(content) = std::fs::read(path) else { return false };
        let content = text::decode(&content);
        match self.args.read_whole_file {
            true => wanted.is_match(&content),
            false => content.split_inclusive('\n').any(|line| wanted.matches_start(line)),
        }
    }
}

/// A number with a unit.
fn measured(text: Option<&str>, units: &[(&str, i64)]) -> Result<Option<i64>, ()> {
    let Some(text) = text.map(|text| text.trim().to_ascii_lowercase()) else { return Ok(None) };
    let end = text.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
    let (number, unit) = text.split_at(end);
    let number: i64 = number.parse().map_err(|_| ())?;
    let factor = match unit {
        "" => 1,
        unit => units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor).ok_or(())?,
    };
    number.checked_mul(factor).map(Some).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures() {
        let units = [("k", 1024)];
        assert_eq!(measured(Some("-2k"), &units), Ok(Some(-2048)));
        assert_eq!(measured(Some("7"), &units), Ok(Some(7)));
        assert_eq!(measured(Some("2q"), &units), Err(()));
        assert_eq!(measured(None, &units), Ok(None));
    }
}
