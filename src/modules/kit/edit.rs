//! Changing the text of a file and its attributes together, as `lineinfile`, `blockinfile` and `replace` do.

use super::diff::{self, Side};
use super::file::{self, Content, Refused, Replacement};
use super::{Applied, Attributes, Differences, Failure, Plan, Probe, Target, path};
use crate::protocol::Diff;
use crate::value::{Map, Value};
use std::path::{Path, PathBuf};

/// A file as it is and as it should be.
pub struct Edit<'e> {
    /// As the task names it.
    pub path: &'e str,
    /// `None` if there is no file.
    pub before: Option<&'e [u8]>,
    pub after: Vec<u8>,
    pub attributes: Attributes,
    pub backup: bool,
    pub validate: Option<&'e str>,
    /// The member of the result that names the backup.
    pub backup_key: &'static str,
    /// What the change of the text is called.
    pub msg: String,
    /// Whether the headers of diffs say what they are about.
    pub headers: bool,
}

/// What is to be done.
pub struct EditTodo {
    path: PathBuf,
    content: Option<Vec<u8>>,
    attributes: Attributes,
    backup: bool,
    backup_key: &'static str,
    validate: Option<String>,
    result: Map,
}

impl Edit<'_> {
    /// The plan; `result` gets `msg`.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub fn plan(self, host: &Probe, mut result: Map) -> Result<Plan<EditTodo>, Failure> {
        let real = path::real(Path::new(self.path));
        let differences = match self.before {
            Some(_) => self.attributes.differences(host, &real, true)?,
            None => self.attributes.differences_of_new(host, &real, false)?,
        };
        let changed = self.before != Some(&self.after[..]);
        let mut msg = if changed { self.msg.clone() } else { String::new() };
        if !differences.is_empty() {
            if !msg.is_empty() {
                msg += " and ";
            }
            msg += "ownership, perms or SE linux context changed";
        }
        result.insert("msg".into(), msg.into());
        if self.headers {
            result.insert("diff".into(), self.registered(host, &differences));
        }
        if !changed && differences.is_empty() {
            return Ok(Plan::Unchanged { result });
        }
        let diff = self.diff(host, changed, &differences);
        let mut predicted = result.clone();
        // As with Ansible, a check does not speak of the attributes of a file that there is not.
        if let (None, Some(first)) =
            (self.before, result.get("diff").and_then(|both| both.as_list()?.first()))
        {
            predicted.insert("diff".into(), first.clone());
        }
        let todo = EditTodo {
            path: real,
            content: changed.then_some(self.after),
            attributes: self.attributes,
            backup: self.backup,
            backup_key: self.backup_key,
            validate: self.validate.map(str::to_owned),
            result,
        };
        Ok(Plan::Change { todo, diff, result: predicted })
    }

    /// What `register` sees of the diff, whether anything differs or not: the text (if a diff was asked for), and the attributes.
    fn registered(&self, host: &Probe, differences: &Differences) -> Value {
        let shown = |bytes: &[u8]| match host.wants_diff() {
            true => Value::from(String::from_utf8_lossy(bytes).into_owned()),
            false => Value::str(""),
        };
        let headed = |what: &str, sides: Option<(Value, Value)>| {
            let header = format!("{} ({what})", self.path);
            let mut map = Map::new();
            map.insert("before_header".into(), header.as_str().into());
            map.insert("after_header".into(), header.into());
            if let Some((before, after)) = sides {
                map.insert("before".into(), before);
                map.insert("after".into(), after);
            }
            Value::map(map)
        };
        let texts = (shown(self.before.unwrap_or_default()), shown(&self.after));
        let attributes = (!differences.is_empty())
            .then(|| (Value::map(differences.before.clone()), Value::map(differences.after.clone())));
        Value::list(vec![headed("content", Some(texts)), headed("file attributes", attributes)])
    }

    fn diff(&self, host: &Probe, changed: bool, differences: &Differences) -> Vec<Diff> {
        if !host.wants_diff() {
            return Vec::new();
        }
        let mut diffs = Vec::new();
        if changed {
            let header = if self.headers { format!("{} (content)", self.path) } else { self.path.to_owned() };
            let before = Side::new(header.clone(), self.before.unwrap_or_default());
            diffs.push(diff::texts(&before, &Side::new(header, &self.after), diff::UNLIMITED));
        }
        if !differences.is_empty() && self.headers {
            let header = Some(format!("{} (file attributes)", self.path));
            diffs.push(Diff {
                before_header: header.clone(),
                after_header: header,
                before: Value::map(differences.before.clone()),
                after: Value::map(differences.after.clone()),
                prepared: None,
            });
        }
        diffs
    }
}

impl EditTodo {
    /// Does it.
    ///
    /// # Errors
    /// Ansible's sentences.
    pub fn apply(self, target: &mut Target) -> Result<Applied, Failure> {
        let mut applied = Applied { result: self.result, ..Applied::default() };
        let Some(content) = self.content else {
            self.attributes.apply(target, &self.path, true)?;
            return Ok(applied);
        };
        if let Some(parent) = self.path.parent() {
            file::create_directories(target, parent, &Attributes::default())?;
        }
        let new = Replacement {
            backup: self.backup,
            validate: self.validate.as_deref(),
            ..Replacement::new(&self.path, Content::Bytes(content), &self.attributes)
        };
        let backup = file::replace(target, new).map_err(Refused::into_edit_failure)?;
        if let Some(backup) = backup {
            applied.result.insert(self.backup_key.into(), backup.into());
        }
        Ok(applied)
    }
}

/// The content of the file to be edited: `None` if there is none.
///
/// # Errors
/// A directory (with Ansible's return code), or a file that cannot be read.
pub fn read(host: &Probe, path: &str) -> Result<Option<Vec<u8>>, Failure> {
    if Path::new(path).is_dir() {
        return Err(Failure::new(format!("Path {path} is a directory !")).with("rc", 256));
    }
    host.read(path)
}
