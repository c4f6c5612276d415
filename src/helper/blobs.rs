//! Contents from the control machine: asked for, received into unlinked files, handed to modules.

use super::outbox::Outbox;
use crate::modules::kit::digest::hex;
use crate::modules::kit::{BlobSource, Fetched, Purpose};
use crate::protocol::{BLOB_CHUNK, Digest, HASHED_LATER, Reply, TaskRequest};
use md5::Md5;
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags};
use sha1::{Digest as _, Sha1};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Contents kept from one task to the next (a loop often sends the same file again).
const KEPT: u64 = 64 * 1024 * 1024;

/// Live output is for a status line: so often, and never more than so much at once.
const OUTPUT_INTERVAL: Duration = Duration::from_millis(200);
const OUTPUT_TAIL: usize = 2048;

/// Smaller contents stay in memory: a task may announce thousands, and files are few.
const IN_MEMORY: usize = 128 * 1024;

/// Larger contents are received where they are to stay, so that they are written once. (Not smaller ones: what is
/// kept for the next task must not keep a file system busy.)
const IN_PLACE: u64 = HASHED_LATER;

const CLOSED: &str = "the connection was closed";

enum Content {
    /// Asked for.
    Expected(Purpose),
    Receiving {
        purpose: Purpose,
        spool: Spool,
        sums: Box<Sums>,
        size: u64,
    },
    Ready {
        spool: Spool,
        size: u64,
        sha1: Digest,
        md5: Option<String>,
    },
    Failed(String),
}

enum Spool {
    Memory(Vec<u8>),
    Disk(File),
    /// In the directory that the content is for; whoever fetches it has it alone.
    InPlace(File),
}

/// Computed while a content arrives.
struct Sums {
    sha1: Sha1,
    md5: Option<Md5>,
}

impl Sums {
    fn new(purpose: &Purpose) -> Self {
        Self { sha1: Sha1::new(), md5: purpose.md5.then(Md5::new) }
    }

    fn update(&mut self, data: &[u8]) {
        self.sha1.update(data);
        if let Some(md5) = &mut self.md5 {
            md5.update(data);
        }
    }
}

/// The contents that this helper has or waits for.
#[derive(Default)]
pub struct Store {
    contents: Mutex<Contents>,
    arrived: Condvar,
}

#[derive(Default)]
struct Contents {
    by_name: HashMap<Digest, Content>,
    /// The SHA-1s that the control machine told.
    sums: HashMap<Digest, Digest>,
    closed: bool,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece from the control machine. One that nobody asked for, or no longer waits for, is dropped.
    /// With the last one comes the SHA-1 that the whole should have.
    pub fn receive(&self, name: &Digest, data: &[u8], end: Option<&Digest>) {
        let mut contents = self.lock();
        let Some(content) = contents.by_name.get_mut(name) else { return };
        let (purpose, spool, mut sums, size) =
            match std::mem::replace(content, Content::Failed(String::new())) {
                Content::Expected(purpose) => {
                    let sums = Box::new(Sums::new(&purpose));
                    (purpose, Spool::Memory(Vec::new()), sums, 0)
                }
                Content::Receiving { purpose, spool, sums, size } => (purpose, spool, sums, size),
                other => {
                    *content = other;
                    return;
                }
            };
        sums.update(data);
        let size = size + data.len() as u64;
        *content = match spool.append(data, &purpose) {
            Err(error) => Content::Failed(format!("cannot keep a file that was sent: {error}")),
            Ok(spool) => match end {
                None => Content::Receiving { purpose, spool, sums, size },
                Some(expected) => {
                    let sha1 = hex(&sums.sha1.finalize());
                    if sha1 == *expected {
                        let md5 = sums.md5.map(|md5| hex(&md5.finalize()));
                        Content::Ready { spool, size, sha1, md5 }
                    } else {
                        Content::Failed("the file changed while it was sent".into())
                    }
                }
            },
        };
        if !matches!(content, Content::Receiving { .. }) {
            self.arrived.notify_all();
        }
    }

    /// The control machine does not have it.
    pub fn refuse(&self, name: &Digest, why: String) {
        self.lock().by_name.insert(name.clone(), Content::Failed(why));
        self.arrived.notify_all();
    }

    /// The SHA-1 of a content that is called something else.
    pub fn learn(&self, name: Digest, digest: Digest) {
        self.lock().sums.insert(name, digest);
        self.arrived.notify_all();
    }

    /// A content that was expected is not needed.
    fn forget(&self, name: &Digest) {
        self.lock().by_name.remove(name);
    }

    /// The connection is gone: whoever waits, waits in vain.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Forgets what the next task will hardly need.
    pub fn tidy(&self) {
        let mut room = KEPT;
        let mut contents = self.lock();
        contents.sums.clear();
        contents.by_name.retain(|_, content| match content {
            Content::Ready { size, .. } if *size <= room => {
                room -= *size;
                true
            }
            _ => false,
        });
    }

    /// Marks contents as wanted; the ones that have to be asked for.
    fn expect(&self, wanted: &[(Digest, Purpose)]) -> Vec<Digest> {
        let mut contents = self.lock();
        let mut missing = Vec::new();
        for (name, purpose) in wanted {
            if matches!(contents.by_name.get(name), None | Some(Content::Failed(_))) {
                contents.by_name.insert(name.clone(), Content::Expected(purpose.clone()));
                missing.push(name.clone());
            }
        }
        missing
    }

    /// Waits for a SHA-1 that was asked for.
    fn wait_for_sum(&self, name: &Digest) -> Result<Digest, String> {
        let mut contents = self.lock();
        loop {
            if let Some(digest) = contents.sums.remove(name) {
                return Ok(digest);
            }
            if let Some(Content::Failed(why)) = contents.by_name.get(name) {
                let why = why.clone();
                contents.by_name.remove(name);
                return Err(why);
            }
            if contents.closed {
                return Err(CLOSED.into());
            }
            contents = self.arrived.wait(contents).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for a content that is expected.
    fn wait(&self, name: &Digest) -> Result<Fetched, String> {
        let mut contents = self.lock();
        loop {
            match contents.by_name.get(name) {
                Some(Content::Ready { .. }) => {
                    let no_room = |error: io::Error| format!("no room for a file that was sent: {error}");
                    // What lies in its place is given away, everything else stays for the next task.
                    let Some(Content::Ready { spool, size, sha1, md5 }) = contents.by_name.remove(name)
                    else {
                        return Err("the file was given up".into());
                    };
                    if let Spool::InPlace(mut file) = spool {
                        file.rewind().map_err(no_room)?;
                        return Ok(Fetched { file, unnamed: true, sha1, md5 });
                    }
                    let file = spool.open().map_err(no_room);
                    let kept = Content::Ready { spool, size, sha1: sha1.clone(), md5: md5.clone() };
                    contents.by_name.insert(name.clone(), kept);
                    return Ok(Fetched { file: file?, unnamed: false, sha1, md5 });
                }
                Some(Content::Failed(why)) => {
                    let why = why.clone();
                    contents.by_name.remove(name);
                    return Err(why);
                }
                Some(_) if contents.closed => return Err(CLOSED.into()),
                Some(_) => {}
                None => return Err("the file was given up".into()),
            }
            contents = self.arrived.wait(contents).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Spool {
    fn append(mut self, data: &[u8], purpose: &Purpose) -> io::Result<Self> {
        match self {
            Self::Memory(mut bytes) if bytes.len() + data.len() <= IN_MEMORY => {
                bytes.extend_from_slice(data);
                Ok(Self::Memory(bytes))
            }
            Self::Memory(bytes) => {
                let in_place = purpose.directory.as_ref().filter(|_| purpose.size > Some(IN_PLACE));
                let mut spool = match in_place.and_then(|directory| nameless_file(directory).ok()) {
                    Some(file) => Self::InPlace(file),
                    None => Self::Disk(scratch_file()?),
                };
                for data in [&bytes, data] {
                    spool = spool.append(data, purpose)?;
                }
                Ok(spool)
            }
            Self::Disk(ref mut file) | Self::InPlace(ref mut file) => {
                file.write_all(data)?;
                Ok(self)
            }
        }
    }

    /// An independent view, at its start.
    fn open(&self) -> io::Result<File> {
        match self {
            Self::Memory(bytes) => file_of(bytes),
            Self::Disk(file) | Self::InPlace(file) => reopen(file),
        }
    }
}

/// Bytes as a file without a name.
fn file_of(bytes: &[u8]) -> io::Result<File> {
    let mut file = memory_file().or_else(|_| scratch_file())?;
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// A second, independent view of an open file, at its start.
fn reopen(file: &File) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).or_else(|_| {
        let mut copy = file.try_clone()?;
        copy.seek(SeekFrom::Start(0))?;
        Ok(copy)
    })
}

/// A file without a name, on disk where possible: contents may be larger than memory.
fn scratch_file() -> io::Result<File> {
    let folders = [std::env::var_os("TMPDIR"), Some("/var/tmp".into()), Some("/tmp".into())];
    let files = folders.iter().flatten().filter_map(|folder| nameless_file(folder.as_ref()).ok());
    files.into_iter().next().map_or_else(memory_file, Ok)
}

fn nameless_file(directory: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, directory, flags, Mode::RUSR | Mode::WUSR)?.into())
}

fn memory_file() -> io::Result<File> {
    Ok(rustix::fs::memfd_create("ekumen-content", MemfdFlags::CLOEXEC)?.into())
}

/// What one running task may ask of the control machine.
pub struct TaskLink<'a> {
    request: &'a TaskRequest,
    store: Arc<Store>,
    outbox: Arc<Outbox>,
    /// When output was last shown; at first, when the task started, so that a short task says nothing live.
    shown: Instant,
}

impl<'a> TaskLink<'a> {
    pub fn new(request: &'a TaskRequest, store: Arc<Store>, outbox: Arc<Outbox>) -> Self {
        Self { request, store, outbox, shown: Instant::now() }
    }
}

impl BlobSource for TaskLink<'_> {
    fn fetch(&mut self, digest: &Digest, purpose: &Purpose) -> Result<Fetched, String> {
        if let Some((_, blob)) = self.request.blobs.iter().find(|(name, _)| name == digest) {
            let file = file_of(&blob.0).map_err(|error| error.to_string())?;
            return Ok(Fetched { file, unnamed: false, sha1: digest.clone(), md5: None });
        }
        self.announce(&[(digest.clone(), purpose.clone())]);
        self.store.wait(digest)
    }

    fn digest(&self, name: &Digest, have: Option<(Digest, &Purpose)>) -> Result<Digest, String> {
        let (have, expected) = match have {
            Some((have, purpose)) => (Some(have), self.store.expect(&[(name.clone(), purpose.clone())])),
            None => (None, Vec::new()),
        };
        let question = Reply::Sum { id: self.request.id, name: name.clone(), have: have.clone() };
        if self.outbox.send(&question).is_err() {
            self.store.close();
        }
        let digest = self.store.wait_for_sum(name)?;
        if !expected.is_empty() && have.as_ref() == Some(&digest) {
            self.store.forget(name);
        }
        Ok(digest)
    }

    fn announce(&mut self, wanted: &[(Digest, Purpose)]) {
        let inline = |digest: &Digest| self.request.blobs.iter().any(|(name, _)| name == digest);
        let wanted: Vec<_> = wanted.iter().filter(|(digest, _)| !inline(digest)).cloned().collect();
        let missing = self.store.expect(&wanted);
        if missing.is_empty() {
            return;
        }
        // A connection that cannot carry the question has ended, and so does the waiting for an answer.
        if self.outbox.send(&Reply::Need { id: self.request.id, names: missing }).is_err() {
            self.store.close();
        }
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        for piece in data.chunks(BLOB_CHUNK) {
            let reply = Reply::Data { id: self.request.id, data: piece.to_vec() };
            self.outbox.send(&reply).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn output(&mut self, text: &str) {
        if text.is_empty() || self.shown.elapsed() < OUTPUT_INTERVAL {
            return;
        }
        self.shown = Instant::now();
        let mut start = text.len().saturating_sub(OUTPUT_TAIL);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        // A live line that is lost is no loss; a lost connection shows elsewhere.
        let _ = self.outbox.send(&Reply::Output { id: self.request.id, text: text[start..].to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const HELLO: &str = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";

    fn read(store: &Store) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        store.wait(&HELLO.into())?.file.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// Fetches while another thread answers as `answer` says.
    fn fetch_while(store: &Store, answer: impl FnOnce(&Store) + Send) -> Result<Vec<u8>, String> {
        store.expect(&[(HELLO.into(), Purpose::default())]);
        std::thread::scope(|scope| {
            let fetched = scope.spawn(|| read(store));
            answer(store);
            fetched.join().expect("the fetching thread does not panic")
        })
    }

    #[test]
    fn large_contents_go_to_a_file() {
        let store = Store::default();
        let digest: Digest = "3b71f43ff30f4b15b5cd85dd9e95ebc7e84eb5a3".into();
        let wanted = [(digest.clone(), Purpose { md5: true, ..Purpose::default() })];
        assert_eq!(store.expect(&wanted), [digest.clone()]);
        assert!(store.expect(&wanted).is_empty(), "asked for once");
        let half = vec![0u8; 1 << 19];
        store.receive(&digest, &half, None);
        store.receive(&digest, &half, None);
        store.receive(&digest, b"", Some(&digest));
        let fetched = store.wait(&digest).expect("it arrived");
        assert_eq!(fetched.file.metadata().expect("an open file").len(), 1 << 20);
        assert_eq!(fetched.md5.as_deref(), Some("b6d81b360a5672d80c27430f39153e2c"));
        assert!(!fetched.unnamed, "it stays for the next task");
    }

    #[test]
    fn very_large_contents_are_received_where_they_stay() {
        let store = Store::default();
        let directory = tempfile::tempdir().expect("a directory");
        let digest: Digest = "3b71f43ff30f4b15b5cd85dd9e95ebc7e84eb5a3".into();
        let purpose =
            Purpose { directory: Some(directory.path().to_owned()), size: Some(IN_PLACE + 1), md5: false };
        // What is announced decides, so that the test can be small.
        let wanted = [(digest.clone(), purpose)];
        assert_eq!(store.expect(&wanted), [digest.clone()]);
        store.receive(&digest, &vec![0u8; 1 << 20], Some(&digest));
        let fetched = store.wait(&digest).expect("it arrived");
        assert!(fetched.unnamed && fetched.md5.is_none());
        let place = std::fs::read_link(format!("/proc/self/fd/{}", fetched.file.as_raw_fd()));
        assert!(place.is_ok_and(|place| place.starts_with(directory.path())));
        assert_eq!(std::fs::read_dir(directory.path()).expect("it").count(), 0, "it has no name yet");
        assert_eq!(store.expect(&wanted), [digest], "it was given away");
    }

    #[test]
    fn receives_in_pieces_and_keeps() {
        let store = Store::default();
        let received = fetch_while(&store, |store| {
            store.receive(&"somebody else's".into(), b"x", Some(&HELLO.into()));
            store.receive(&HELLO.into(), b"hel", None);
            store.receive(&HELLO.into(), b"lo", Some(&HELLO.into()));
        });
        assert_eq!(received.as_deref(), Ok(b"hello".as_slice()));
        store.tidy();
        assert!(
            store.expect(&[(HELLO.into(), Purpose::default())]).is_empty(),
            "it need not be asked for again"
        );
        assert_eq!(
            read(&store).as_deref(),
            Ok(b"hello".as_slice()),
            "kept for the next task, read from its start"
        );
    }

    #[test]
    fn a_content_that_is_not_what_it_says_is_refused() {
        let store = Store::default();
        let received =
            fetch_while(&store, |store| store.receive(&HELLO.into(), b"hullo", Some(&HELLO.into())));
        assert_eq!(received, Err("the file changed while it was sent".into()));
    }

    #[test]
    fn waiting_ends_with_a_refusal_or_the_connection() {
        let store = Store::default();
        let received = fetch_while(&store, |store| store.refuse(&HELLO.into(), "it vanished".into()));
        assert_eq!(received, Err("it vanished".into()));
        let received = fetch_while(&store, Store::close);
        assert_eq!(received, Err("the connection was closed".into()));
        store.expect(&[(HELLO.into(), Purpose::default())]);
        assert_eq!(read(&store), Err("the connection was closed".into()), "and nobody waits again");
    }
}
