//! What is in the directories of a case.

use ekumen::modules::kit::digest::Algorithm;
use ekumen::value::Value;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thing {
    pub path: String,
    content: Option<String>,
    /// So many bytes of a pattern.
    size: Option<usize>,
    mode: Option<String>,
    owner: Option<u32>,
    group: Option<u32>,
    #[serde(default)]
    directory: bool,
    link: Option<String>,
    /// Another name of the file at this path.
    hard: Option<String>,
    mtime: Option<i64>,
    #[serde(default)]
    absent: bool,
}

/// Replaces the run's directories by their placeholders, in both directions.
pub struct Neutral {
    pub pairs: Vec<(&'static str, String)>,
}

impl Neutral {
    pub fn fill(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, (name, path)| text.replace(name, path))
    }

    pub fn text(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, (name, path)| text.replace(path.as_str(), name))
    }

    pub fn value(&self, value: &Value) -> Value {
        map_strings(value, &|text| self.text(text))
    }
}

pub fn map_strings(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Str(text) => change(text).into(),
        Value::List(items) => Value::list(items.iter().map(|item| map_strings(item, change)).collect()),
        Value::Map(map) => {
            Value::map(map.iter().map(|(k, v)| (map_strings(k, change), map_strings(v, change))).collect())
        }
        other => other.clone(),
    }
}

impl Thing {
    pub fn make(&self, root: &Path, neutral: &Neutral) {
        let path = root.join(&self.path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("directories");
        if self.directory {
            std::fs::create_dir_all(&path).expect("a directory");
        } else if let Some(target) = &self.link {
            std::os::unix::fs::symlink(neutral.fill(target), &path).expect("a link");
        } else if let Some(source) = &self.hard {
            std::fs::hard_link(root.join(source), &path).expect("a hard link");
        } else {
            std::fs::write(&path, self.bytes(neutral)).expect("a file");
        }
        if self.owner.is_some() || self.group.is_some() {
            std::os::unix::fs::lchown(&path, self.owner, self.group).expect("root");
        }
        if self.link.is_none() && self.hard.is_none() {
            let mode = self.mode.as_deref().unwrap_or(if self.directory { "755" } else { "644" });
            let mode = u32::from_str_radix(mode, 8).expect("an octal mode");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        }
        if let Some(seconds) = self.mtime {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.unsigned_abs());
            let times = std::fs::FileTimes::new().set_modified(time).set_accessed(time);
            std::fs::File::open(&path).expect("it exists").set_times(times).expect("times");
        }
    }

    fn bytes(&self, neutral: &Neutral) -> Vec<u8> {
        match self.size {
            Some(size) => b"0123456789abcde\n".iter().copied().cycle().take(size).collect(),
            None => neutral.fill(self.content.as_deref().unwrap_or_default()).into_bytes(),
        }
    }

    pub fn check(&self, root: &Path, neutral: &Neutral) -> Result<(), String> {
        let path = root.join(&self.path);
        let found = std::fs::symlink_metadata(&path);
        if self.absent {
            return if found.is_err() { Ok(()) } else { Err("should not be there".into()) };
        }
        let found = found.map_err(|error| error.to_string())?;
        let compare = |what: &str, expected: String, found: String| {
            if expected == found { Ok(()) } else { Err(format!("{what} should be `{expected}`: `{found}`")) }
        };
        if let Some(mode) = &self.mode {
            let mode = u32::from_str_radix(mode, 8).expect("an octal mode");
            compare("mode", format!("{mode:o}"), format!("{:o}", found.mode() & 0o7777))?;
        }
        if let Some(owner) = self.owner {
            compare("owner", owner.to_string(), found.uid().to_string())?;
        }
        if let Some(group) = self.group {
            compare("group", group.to_string(), found.gid().to_string())?;
        }
        if let Some(mtime) = self.mtime {
            compare("mtime", mtime.to_string(), found.mtime().to_string())?;
        }
        if let Some(target) = &self.link {
            let leads = std::fs::read_link(&path).map_err(|_| "should be a link".to_owned())?;
            compare("link", neutral.fill(target), leads.display().to_string())?;
        }
        if let Some(other) = &self.hard {
            let other = std::fs::metadata(root.join(other)).map_err(|error| error.to_string())?;
            compare("inode", other.ino().to_string(), found.ino().to_string())?;
        }
        if self.directory && !found.is_dir() {
            return Err("should be a directory".into());
        }
        if self.content.is_some() || self.size.is_some() {
            if !found.is_file() {
                return Err("should be a file".into());
            }
            let content = std::fs::read(&path).map_err(|error| error.to_string())?;
            let (expected, content) = (self.bytes(neutral), String::from_utf8_lossy(&content).into_owned());
            compare("content", String::from_utf8_lossy(&expected).into_owned(), content)?;
        }
        Ok(())
    }
}

/// Everything about everything below `root` that a module could change; access times aside, since reading
/// changes them.
pub fn snapshot(root: &Path) -> BTreeMap<String, String> {
    let mut tree = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let found = std::fs::symlink_metadata(&path).expect("nothing else touches it");
        let content = match found.file_type() {
            kind if kind.is_dir() => {
                pending.extend(std::fs::read_dir(&path).expect("a directory").flatten().map(|e| e.path()));
                "directory".to_owned()
            }
            kind if kind.is_symlink() => {
                format!("link to {}", std::fs::read_link(&path).expect("a link").display())
            }
            kind if kind.is_file() => {
                format!("file {}", Algorithm::Sha1.of_file(&path).expect("a readable file"))
            }
            _ => "special".to_owned(),
        };
        let (mode, uid, gid) = (found.mode(), found.uid(), found.gid());
        let stamp = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec(), found.ino());
        let relative = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        tree.insert(relative, format!("{content} {mode:o} {uid}:{gid} {stamp:?}"));
    }
    tree
}
