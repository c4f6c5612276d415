//! What an action is given and what it gives back.

use super::digests::{Digests, Later};
use crate::playbook::Task;
use crate::protocol::{Blob, Digest, HASHED_LATER, INLINE_BLOB};
use crate::runner::{Answer, Delegate, Question, TaskResult};
use crate::source::Node;
use crate::template::{Context, Engine, LookupEnv};
use crate::transport::BlobStore;
use crate::value::{Map, Value};
use sha1::{Digest as _, Sha1};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The control half of a task.
pub trait Action: Sync {
    /// Arguments that must reach the action as they were written, because it evaluates them itself
    /// (`that` of `assert`, `var` of `debug`).
    fn raw_arguments(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether `async` is no reason to refuse the task: it means nothing to it, or what it calls may be a job.
    fn ignores_async(&self) -> bool {
        false
    }

    /// Whether `environment` counts for what it runs.
    fn takes_environment(&self) -> bool {
        true
    }

    /// Decides what to do with rendered arguments: nothing on the host, or one call of a module. Calls of a
    /// loop's items are sent together.
    fn prepare(&self, args: Map, scene: &Scene) -> Prepared;
}

/// What an action can see and use.
pub struct Scene<'a> {
    pub context: &'a Context,
    pub engine: &'a Arc<Engine>,
    pub env: &'a LookupEnv,
    pub loader: &'a crate::playbook::Loader,
    pub digests: &'a Arc<Digests>,
    pub settings: &'a crate::source::Settings,
    pub store: &'a crate::vars::Store,
    pub task: &'a Task,
    pub host: &'a str,
    pub check: bool,
    /// It is a drift check: what a check cannot know is told, not skipped.
    pub drift: bool,
    pub diff: bool,
    pub environment: &'a [(String, String)],
    pub no_log: bool,
    pub verbosity: u8,
    /// `timeout`, in seconds, for actions that wait by themselves.
    pub timeout: Option<u32>,
    /// The arguments as they were written, for `raw_arguments`.
    pub authored: &'a Node,
    /// The context with further variables that win over all others.
    pub with_locals: &'a dyn Fn(Map) -> Context,
    /// Runs a module at once, for actions that need more than one answer.
    pub call: &'a dyn Fn(Call) -> TaskResult,
    /// Drops the connection and makes it again; the error says why it cannot be made.
    pub reconnect: &'a dyn Fn() -> Result<(), String>,
    /// Asks the user (`pause`).
    pub prompt: Ask<'a>,
}

pub type Ask<'a> = &'a dyn Fn(&Question) -> Answer;

pub enum Prepared {
    Done(TaskResult),
    Call(Call),
}

/// One run of a module on the host.
pub struct Call {
    pub module: String,
    pub args: Map,
    pub blobs: Blobs,
    /// What to make of the answer.
    pub finish: Option<Box<dyn FnOnce(TaskResult) -> TaskResult + Send>>,
    /// Run it even when nothing may be changed (the module only reads, or decides itself).
    pub check: Option<bool>,
    pub diff: bool,
    /// A file of the control machine is sent ([`TaskResult::sends_file`]).
    pub sends_file: bool,
    pub no_log: bool,
    pub delegated: Option<Delegate>,
    /// `async` holds for it: it is the task itself, not a step of it.
    pub may_be_job: bool,
    /// To Ansible it is the work of a module, which tells its `invocation` and where it failed.
    pub by_module: bool,
}

impl Call {
    pub fn new(module: &str, args: Map) -> Self {
        Self {
            module: module.into(),
            args,
            blobs: Blobs::default(),
            finish: None,
            check: None,
            diff: false,
            sends_file: false,
            no_log: false,
            delegated: None,
            may_be_job: false,
            by_module: true,
        }
    }
}

impl Prepared {
    pub fn failed(msg: impl Into<String>) -> Self {
        Self::Done(TaskResult::failure(msg))
    }

    /// The arguments are wrong, or a file that they name is not there: the action did not even begin, so there is nothing that
    /// `failed_when` or `until` could judge.
    pub fn refused(msg: impl Into<String>) -> Self {
        Self::Done(TaskResult::refused(msg))
    }
}

/// A content on the control machine.
#[derive(Clone)]
pub enum Content {
    Bytes(Arc<Vec<u8>>),
    File(PathBuf),
    /// A file whose digest nobody knows yet.
    HashedLater(Arc<Later>),
}

/// How files of the control machine become contents.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    engine: &'a Engine,
    digests: &'a Arc<Digests>,
    /// Vaults are sent decrypted.
    decrypt: bool,
}

/// A file that was added: how the host knows it, and how many bytes are sent.
pub enum Added {
    Hashed(Digest, u64),
    /// By a name that is not its digest.
    HashedLater(Digest, u64),
}

impl Files<'_> {
    /// Adds a file to `blobs`; the digest and the size of what is sent.
    ///
    /// # Errors
    /// Why it cannot be read or decrypted, in one sentence.
    pub fn add(&self, path: &Path, blobs: &mut Blobs) -> Result<(Digest, u64), String> {
        self.add_with(path, blobs, Blobs::add_file)
    }

    /// The same, but a large file is not read before the host has said that it needs it.
    ///
    /// # Errors
    /// As [`Files::add`].
    pub fn add_unread(&self, path: &Path, blobs: &mut Blobs) -> Result<Added, String> {
        let found = std::fs::File::open(path).and_then(|file| file.metadata());
        let size = found.map_err(|error| cannot_read(path, &error))?.len();
        let known = self.digests.known(path).is_some();
        let vault = || self.decrypt && crate::source::vault::is_encrypted_file(path).unwrap_or(true);
        if size <= HASHED_LATER || known || vault() {
            return self.add(path, blobs).map(|(digest, size)| Added::Hashed(digest, size));
        }
        let later = Later::new(path.to_owned(), self.digests.clone());
        let name = later.name();
        blobs.contents.insert(name.clone(), Content::HashedLater(Arc::new(later)));
        Ok(Added::HashedLater(name, size))
    }

    /// The same for one of many files, of which the host will ask for some: none is kept in memory.
    ///
    /// # Errors
    /// As [`Files::add`].
    pub fn add_one_of_many(&self, path: &Path, blobs: &mut Blobs) -> Result<(Digest, u64), String> {
        self.add_with(path, blobs, Blobs::add_named)
    }

    fn add_with(
        &self,
        path: &Path,
        blobs: &mut Blobs,
        add: fn(&mut Blobs, &Path, &Digests) -> std::io::Result<(Digest, u64)>,
    ) -> Result<(Digest, u64), String> {
        let problem = |error: std::io::Error| cannot_read(path, &error);
        if self.decrypt && crate::source::vault::is_encrypted_file(path).map_err(problem)? {
            let bytes = self.engine.read_file(path)?;
            let size = bytes.len() as u64;
            return Ok((blobs.add_bytes(bytes), size));
        }
        add(blobs, path, self.digests).map_err(problem)
    }
}

/// Contents by digest, and where to put what a host sends.
#[derive(Default)]
pub struct Blobs {
    contents: HashMap<Digest, Content>,
    /// Nothing travels ahead of being asked for.
    on_demand: bool,
    /// The file that receives what the host sends.
    pub sink: Option<Mutex<std::fs::File>>,
}

impl Blobs {
    pub fn add_bytes(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = hex(&Sha1::digest(&bytes));
        self.contents.insert(digest.clone(), Content::Bytes(Arc::new(bytes)));
        digest
    }

    /// Adds a file that is sent as it is now; its digest and size.
    fn add_file(&mut self, path: &Path, digests: &Digests) -> std::io::Result<(Digest, u64)> {
        let size = path.metadata()?.len();
        if size <= INLINE_BLOB as u64 {
            let bytes = std::fs::read(path)?;
            let size = bytes.len() as u64;
            return Ok((self.add_bytes(bytes), size));
        }
        self.add_named(path, digests)
    }

    /// Adds a file of which only the name is kept.
    fn add_named(&mut self, path: &Path, digests: &Digests) -> std::io::Result<(Digest, u64)> {
        let size = path.metadata()?.len();
        let digest = digests.of_file(path)?;
        self.contents.insert(digest.clone(), Content::File(path.to_owned()));
        Ok((digest, size))
    }

    /// Adds the contents of another set.
    pub fn merge(&mut self, other: Blobs) {
        self.contents.extend(other.contents);
    }

    /// Contents travel only when the host asks for them.
    pub fn on_demand(&mut self) {
        self.on_demand = true;
    }

    /// The contents small enough to travel with the request. A diff is planned on the host, so with one more travels ahead.
    pub fn inline(&self, diff: Option<u64>) -> Vec<(Digest, Blob)> {
        if self.on_demand {
            return Vec::new();
        }
        let limit =
            diff.map_or(INLINE_BLOB, |limit| DIFF_BLOB.min(usize::try_from(limit).unwrap_or(DIFF_BLOB)));
        let limit = limit.max(INLINE_BLOB);
        let mut budget = 4 * limit;
        let mut inline = Vec::new();
        for (digest, content) in &self.contents {
            let bytes = match content {
                Content::Bytes(bytes) => bytes.clone(),
                Content::File(path) if path.metadata().is_ok_and(|meta| meta.len() <= limit as u64) => {
                    match std::fs::read(path) {
                        Ok(bytes) => Arc::new(bytes),
                        Err(_) => continue,
                    }
                }
                Content::File(_) | Content::HashedLater(_) => continue,
            };
            if bytes.len() <= limit.min(budget) {
                budget -= bytes.len();
                inline.push((digest.clone(), Blob(bytes)));
            }
        }
        inline
    }
}

/// Larger ones do not travel ahead, whatever may be shown of them.
const DIFF_BLOB: usize = 8 << 20;

/// The contents of several calls.
pub struct AllBlobs<'a> {
    pub blobs: Vec<&'a Blobs>,
    pub live: &'a dyn Fn(&str),
}

impl BlobStore for AllBlobs<'_> {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read>, String> {
        let content = self.blobs.iter().find_map(|blobs| blobs.contents.get(digest));
        match content {
            Some(Content::Bytes(bytes)) => Ok(Box::new(std::io::Cursor::new(bytes.to_vec()))),
            Some(Content::File(path)) => open(path),
            Some(Content::HashedLater(later)) => {
                later.begin();
                open(later.path())
            }
            None => Err("the host asked for a content that was not offered".into()),
        }
    }

    fn digest(&self, name: &Digest) -> Result<Digest, String> {
        match self.blobs.iter().find_map(|blobs| blobs.contents.get(name)) {
            Some(Content::HashedLater(later)) => {
                later.digest().map_err(|error| unreadable(later.path(), &error))
            }
            _ => Ok(name.clone()),
        }
    }

    fn receive(&self, data: &[u8]) -> Result<(), String> {
        use std::io::Write;
        let sink = self
            .blobs
            .iter()
            .find_map(|blobs| blobs.sink.as_ref())
            .ok_or("the host sent data nobody asked for")?;
        let mut file = sink.lock().map_err(|_| "the file cannot be written")?;
        file.write_all(data).map_err(|error| error.to_string())
    }

    fn output(&self, text: &str) {
        (self.live)(text);
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, String> {
    match std::fs::File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{} can no longer be read: {error}", path.display())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text argument.
pub fn text(args: &Map, name: &str) -> Option<String> {
    args.get(name).filter(|value| !value.is_null()).map(crate::value::py_str)
}

/// A boolean argument, read as Ansible does.
pub fn truth(args: &Map, name: &str, default: bool) -> bool {
    args.get(name).and_then(Value::ansible_bool).unwrap_or(default)
}

impl<'a> Scene<'a> {
    /// How files are sent; the argument `decrypt` says whether vaults are opened.
    pub fn files(&self, args: &Map) -> Files<'a> {
        Files { engine: self.engine, digests: self.digests, decrypt: truth(args, "decrypt", true) }
    }
    /// Looks for a file of the control machine: `kind` is `files`, `templates` or `vars`. The error is Ansible's sentence.
    ///
    /// # Errors
    /// The places searched.
    pub fn find(&self, kind: &str, name: &str) -> Result<PathBuf, String> {
        let name_path = match (name.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(name),
        };
        let hint =
            "If you are using a module and expect the file to exist on the remote, see the remote_src option";
        if name_path.is_absolute() {
            return match name_path.exists() {
                true => Ok(name_path),
                false => Err(format!("Could not find or access '{name}' on the Ansible Controller.\n{hint}")),
            };
        }
        let within = |folder: &PathBuf| [folder.join(kind).join(&name_path), folder.join(&name_path)];
        let mut searched = self.env.search_path.clone();
        // A task of the playbook itself: its folder is looked into as the task's, and as the playbook's.
        if self.task.level.directory.as_ref() == searched.last() {
            searched.extend(searched.last().cloned());
        }
        let tried: Vec<PathBuf> = searched.iter().flat_map(within).collect();
        if let Some(found) = tried.iter().find(|path| path.exists()) {
            return Ok(found.clone());
        }
        let tried: Vec<String> = tried.iter().map(|path| format!("\t{}", path.display())).collect();
        Err(format!(
            "Could not find or access '{name}'\nSearched in:\n{} on the Ansible Controller.\n{hint}",
            tried.join("\n")
        ))
    }
}
