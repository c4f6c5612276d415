//! The host as a module sees it.

use super::Failure;
use super::digest::Algorithm;
use super::file::Content;
use super::run::{Command, Output};
use crate::protocol::{Digest, Mode, Outcome, TaskRequest};
use crate::value::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to become of a content that is fetched.
#[derive(Clone, Debug, Default)]
pub struct Purpose {
    /// A file in this directory: a large content can be received there instead of being copied later.
    pub directory: Option<PathBuf>,
    /// In bytes, as far as it is known.
    pub size: Option<u64>,
    /// Its MD5 is wanted, too; it can be computed on the way.
    pub md5: bool,
}

/// A content that was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// Open at its start.
    pub file: File,
    /// Nobody else has the file and it has no name: it may get one.
    pub unnamed: bool,
    pub sha1: Digest,
    /// If it was computed on the way.
    pub md5: Option<String>,
}

/// Where contents come from that the control machine holds.
pub trait BlobSource {
    /// The whole content, fetched if it is not here yet.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn fetch(&mut self, digest: &Digest, purpose: &Purpose) -> Result<Fetched, String>;
    /// The SHA-1 of a content that is called something else. If it is not the one the host has already, the content will be
    /// fetched.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn digest(&self, name: &Digest, have: Option<(Digest, &Purpose)>) -> Result<Digest, String> {
        let _ = have;
        Ok(name.clone())
    }
    /// Says that these contents will be fetched, so that they can be asked for together.
    fn announce(&mut self, wanted: &[(Digest, Purpose)]) {
        let _ = wanted;
    }
    /// Sends a piece of a file to the control machine.
    ///
    /// # Errors
    /// When the connection is gone.
    fn send(&mut self, data: &[u8]) -> Result<(), String>;
    /// Shows what a running command prints, live.
    fn output(&mut self, text: &str);
}

/// The state of one task on this host.
pub struct Host<'a> {
    pub(super) mode: Mode,
    pub(super) diff: Option<u64>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) inline: HashMap<Digest, Arc<Vec<u8>>>,
    pub(super) source: &'a mut dyn BlobSource,
    pub(super) warnings: RefCell<Vec<String>>,
}

impl<'a> Host<'a> {
    pub fn new(request: &TaskRequest, source: &'a mut dyn BlobSource) -> Self {
        Self {
            mode: request.mode,
            diff: request.diff,
            environment: request.environment.clone(),
            inline: request.blobs.iter().map(|(digest, blob)| (digest.clone(), blob.0.clone())).collect(),
            source,
            warnings: RefCell::default(),
        }
    }

    /// Runs the module that `request` names.
    pub fn execute(request: &TaskRequest, source: &'a mut dyn BlobSource) -> Outcome {
        let mut host = Self::new(request, source);
        match crate::modules::registry::find(&request.module) {
            Some(entry) => entry.run(&request.args, &mut host),
            None => Outcome {
                failed: true,
                result: Value::object([("msg", format!("this helper has no module `{}`", request.module))]),
                ..Outcome::default()
            },
        }
    }
}

/// A view of the host without any method that writes.
pub struct Probe<'h> {
    environment: &'h [(String, String)],
    diff: Option<u64>,
    mode: Mode,
    inline: &'h HashMap<Digest, Arc<Vec<u8>>>,
    source: &'h dyn BlobSource,
    warnings: &'h RefCell<Vec<String>>,
}

impl<'h> Probe<'h> {
    pub(super) fn new(host: &'h Host) -> Self {
        Self {
            environment: &host.environment,
            diff: host.diff,
            mode: host.mode,
            inline: &host.inline,
            source: &*host.source,
            warnings: &host.warnings,
        }
    }

    /// The words for a message: what was done, or what would be (for texts only; what a plan decides must not
    /// depend on it).
    pub fn wording<'t>(&self, done: &'t str, predicted: &'t str) -> &'t str {
        match self.mode {
            Mode::Apply => done,
            Mode::Check => predicted,
        }
    }

    /// Whether somebody wants to see a diff (texts need not be read otherwise).
    pub fn wants_diff(&self) -> bool {
        self.diff.is_some()
    }

    /// Larger files than this are not shown in the diff of a file that is sent, in bytes.
    pub fn diff_limit(&self) -> u64 {
        self.diff.unwrap_or_default()
    }

    /// A content that travelled with the request, if it did (small ones do).
    pub fn inline_blob(&self, digest: &str) -> Option<&[u8]> {
        self.inline.get(digest).map(|data| data.as_slice())
    }

    /// The SHA-1 of a content of the control machine that is called something else. With what the host `has` in its place
    /// (and what the content is for), the content is on its way at once if it is another.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn digest_of(&self, name: &Digest, has: Option<(Digest, &Purpose)>) -> Result<Digest, Failure> {
        self.source.digest(name, has).map_err(Failure::new)
    }

    /// A variable of the environment that the task's processes have.
    pub fn variable(&self, name: &str) -> Option<String> {
        let own = self.environment.iter().rev().find(|(known, _)| known == name);
        own.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
    }

    /// All variables that the task's processes see, sorted by name.
    pub fn environment(&self) -> std::collections::BTreeMap<String, String> {
        let inherited =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        inherited.chain(self.environment.iter().cloned()).collect()
    }

    /// A path argument with `~` and `$NAME` replaced.
    pub fn path(&self, text: &str) -> String {
        super::path::expand(self, text)
    }

    /// A warning about what is done, or (`Mode::Check`) about a prediction; given only in that mode.
    pub fn warn_in(&self, mode: Mode, text: impl Into<String>) {
        if self.mode == mode {
            self.warn(text);
        }
    }

    /// A warning for the user (`[WARNING]: …`); the same one twice is one.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    /// The warnings of another result.
    pub fn warn_all(&self, warnings: &Value) {
        warnings.as_list().unwrap_or_default().iter().for_each(|text| self.warn(crate::value::py_str(text)));
    }

    /// Runs a command that only reads.
    ///
    /// # Errors
    /// When it cannot be started; its exit status is the caller's business.
    pub fn query(&self, command: &Command) -> Result<Output, Failure> {
        command.run(self.environment, &mut |_| ())
    }

    /// A file's bytes, `None` if there is none.
    ///
    /// # Errors
    /// Any other reason why it cannot be read.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Option<Vec<u8>>, Failure> {
        let path = path.as_ref();
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::crash(&super::error_at_bytes(&error, &path.to_string_lossy()))),
        }
    }
}

/// A content and what is known of it.
pub struct Received {
    pub content: Content,
    pub sha1: Option<Digest>,
    pub md5: Option<String>,
}

/// The host, to be changed.
pub struct Target<'h, 'a> {
    host: &'h mut Host<'a>,
}

impl<'h, 'a> Target<'h, 'a> {
    pub(super) fn new(host: &'h mut Host<'a>) -> Self {
        Self { host }
    }

    /// The read-only view, for what both halves need.
    pub fn probe(&self) -> Probe<'_> {
        Probe::new(self.host)
    }

    /// Runs a command; what it prints is shown live.
    ///
    /// # Errors
    /// When it cannot be started; its exit status is the caller's business.
    pub fn run(&mut self, command: &Command) -> Result<Output, Failure> {
        let source = &mut self.host.source;
        command.run(&self.host.environment, &mut |text| source.output(text))
    }

    /// A content that the control machine holds, in memory if it travelled with the request.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn content(&mut self, digest: &Digest) -> Result<Content, Failure> {
        self.content_for(digest, &Purpose::default()).map(|received| received.content)
    }

    /// As [`Self::content`], with its sums as far as they are known without reading the content again.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn content_for(&mut self, name: &Digest, purpose: &Purpose) -> Result<Received, Failure> {
        if let Some(bytes) = self.host.inline.get(name) {
            let md5 = purpose.md5.then(|| Algorithm::Md5.of_bytes(bytes));
            return Ok(Received { content: Content::Bytes(bytes.to_vec()), sha1: Some(name.clone()), md5 });
        }
        let Fetched { file, unnamed, sha1, md5 } =
            self.host.source.fetch(name, purpose).map_err(Failure::new)?;
        let content = if unnamed { Content::Unnamed(file) } else { Content::File(file) };
        Ok(Received { content, sha1: Some(sha1), md5 })
    }

    /// Says that these contents will be fetched, so that they can be asked for together.
    pub fn announce(&mut self, wanted: &[(Digest, Purpose)]) {
        self.host.source.announce(wanted);
    }

    /// Sends a piece of a file to the control machine.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.host.source.send(data).map_err(Failure::new)
    }

    /// A warning for the user (`[WARNING]: …`).
    pub fn warn(&mut self, text: impl Into<String>) {
        self.probe().warn(text);
    }
}
