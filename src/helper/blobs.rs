//! Contents from the control machine: asked for, received into unlinked files, handed to modules.

use super::outbox::Outbox;
use crate::modules::kit::BlobSource;
use crate::protocol::{BLOB_CHUNK, Digest, Reply, TaskRequest};
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags};
use sha1::{Digest as _, Sha1};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Contents kept from one task to the next (a loop often sends the same file again).
const KEPT: u64 = 64 * 1024 * 1024;

/// Live output is for a status line: so often, and never more than so much at once.
const OUTPUT_INTERVAL: Duration = Duration::from_millis(200);
const OUTPUT_TAIL: usize = 2048;

enum Content {
    Receiving { file: File, hash: Sha1, size: u64 },
    Ready { file: File, size: u64 },
    Failed(String),
}

/// The contents that this helper has or waits for.
#[derive(Default)]
pub struct Store {
    contents: Mutex<HashMap<Digest, Content>>,
    arrived: Condvar,
    closed: Mutex<bool>,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Content>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece from the control machine. One that nobody asked for, or no longer waits for, is dropped.
    pub fn receive(&self, digest: &Digest, data: &[u8], last: bool) {
        let mut contents = self.lock();
        let Some(Content::Receiving { file, hash, size }) = contents.get_mut(digest) else { return };
        let written = file.write_all(data);
        hash.update(data);
        *size += data.len() as u64;
        let next = match written {
            Err(error) => Content::Failed(format!("cannot keep a file that was sent: {error}")),
            Ok(()) if !last => return,
            Ok(()) => {
                let received: String =
                    hash.finalize_reset().iter().map(|byte| format!("{byte:02x}")).collect();
                match file.try_clone() {
                    Ok(file) if received == *digest => Content::Ready { file, size: *size },
                    Ok(_) => Content::Failed("the file changed while it was sent".into()),
                    Err(error) => Content::Failed(error.to_string()),
                }
            }
        };
        contents.insert(digest.clone(), next);
        self.arrived.notify_all();
    }

    /// The control machine does not have it.
    pub fn refuse(&self, digest: &Digest, why: String) {
        self.lock().insert(digest.clone(), Content::Failed(why));
        self.arrived.notify_all();
    }

    /// The connection is gone: whoever waits, waits in vain.
    pub fn close(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let mut contents = self.lock();
        for content in contents.values_mut().filter(|content| matches!(content, Content::Receiving { .. })) {
            *content = Content::Failed("the connection was closed".into());
        }
        self.arrived.notify_all();
    }

    /// Forgets what the next task will hardly need.
    pub fn tidy(&self) {
        let mut contents = self.lock();
        let mut room = KEPT;
        contents.retain(|_, content| match content {
            Content::Ready { size, .. } if *size <= room => {
                room -= *size;
                true
            }
            _ => false,
        });
    }

    fn fetch(&self, digest: &Digest, ask: impl FnOnce() -> Result<(), String>) -> Result<File, String> {
        let mut contents = self.lock();
        if !matches!(contents.get(digest), Some(Content::Ready { .. } | Content::Receiving { .. })) {
            if *self.closed.lock().unwrap_or_else(PoisonError::into_inner) {
                return Err("the connection was closed".into());
            }
            let file = scratch_file().map_err(|error| format!("no room for a file that is sent: {error}"))?;
            contents.insert(digest.clone(), Content::Receiving { file, hash: Sha1::new(), size: 0 });
            // The question is on its way before anybody else can look; the answer waits for the lock.
            ask()?;
        }
        loop {
            match contents.get(digest) {
                Some(Content::Ready { file, .. }) => return reopen(file).map_err(|error| error.to_string()),
                Some(Content::Failed(why)) => {
                    let why = why.clone();
                    contents.remove(digest);
                    return Err(why);
                }
                Some(Content::Receiving { .. }) => {}
                None => return Err("the file was given up".into()),
            }
            contents = self.arrived.wait(contents).unwrap_or_else(PoisonError::into_inner);
        }
    }
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
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let folders = [std::env::var_os("TMPDIR"), Some("/var/tmp".into()), Some("/tmp".into())];
    for folder in folders.iter().flatten() {
        if let Ok(file) = rustix::fs::openat(CWD, folder.as_os_str(), flags, Mode::RUSR | Mode::WUSR) {
            return Ok(file.into());
        }
    }
    memory_file()
}

fn memory_file() -> io::Result<File> {
    Ok(rustix::fs::memfd_create("ekumen-content", MemfdFlags::CLOEXEC)?.into())
}

/// What one running task may ask of the control machine.
pub struct TaskLink<'a> {
    request: &'a TaskRequest,
    store: Arc<Store>,
    outbox: Arc<Outbox>,
    shown: Option<Instant>,
}

impl<'a> TaskLink<'a> {
    pub fn new(request: &'a TaskRequest, store: Arc<Store>, outbox: Arc<Outbox>) -> Self {
        Self { request, store, outbox, shown: None }
    }
}

impl BlobSource for TaskLink<'_> {
    fn fetch(&mut self, digest: &Digest) -> Result<File, String> {
        if let Some((_, blob)) = self.request.blobs.iter().find(|(name, _)| name == digest) {
            let inline = || -> io::Result<File> {
                let mut file = memory_file().or_else(|_| scratch_file())?;
                file.write_all(&blob.0)?;
                file.seek(SeekFrom::Start(0))?;
                Ok(file)
            };
            return inline().map_err(|error| error.to_string());
        }
        let (outbox, id) = (&self.outbox, self.request.id);
        self.store.fetch(digest, || {
            let need = Reply::Need { id, digests: vec![digest.clone()] };
            outbox.send(&need).map_err(|error| error.to_string())
        })
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        for piece in data.chunks(BLOB_CHUNK) {
            let reply = Reply::Data { id: self.request.id, data: piece.to_vec() };
            self.outbox.send(&reply).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn output(&mut self, text: &str) {
        if text.is_empty() || self.shown.is_some_and(|shown| shown.elapsed() < OUTPUT_INTERVAL) {
            return;
        }
        self.shown = Some(Instant::now());
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

    fn fetch(store: &Store) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        store.fetch(&HELLO.into(), || Ok(()))?.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// Fetches while another thread answers as `answer` says.
    fn fetch_while(store: &Store, answer: impl FnOnce(&Store) + Send) -> Result<Vec<u8>, String> {
        std::thread::scope(|scope| {
            let fetched = scope.spawn(|| fetch(store));
            while store.lock().is_empty() {
                std::thread::yield_now();
            }
            answer(store);
            fetched.join().expect("the fetching thread does not panic")
        })
    }

    #[test]
    fn receives_in_pieces_and_keeps() {
        let store = Store::default();
        let received = fetch_while(&store, |store| {
            store.receive(&"somebody else's".into(), b"x", true);
            store.receive(&HELLO.into(), b"hel", false);
            store.receive(&HELLO.into(), b"lo", true);
        });
        assert_eq!(received.as_deref(), Ok(b"hello".as_slice()));
        store.tidy();
        assert_eq!(
            fetch(&store).as_deref(),
            Ok(b"hello".as_slice()),
            "kept for the next task, read from its start"
        );
    }

    #[test]
    fn a_content_that_is_not_what_it_says_is_refused() {
        let store = Store::default();
        let received = fetch_while(&store, |store| store.receive(&HELLO.into(), b"hullo", true));
        assert_eq!(received, Err("the file changed while it was sent".into()));
    }

    #[test]
    fn waiting_ends_with_a_refusal_or_the_connection() {
        let store = Store::default();
        let received = fetch_while(&store, |store| store.refuse(&HELLO.into(), "it vanished".into()));
        assert_eq!(received, Err("it vanished".into()));
        let received = fetch_while(&store, Store::close);
        assert_eq!(received, Err("the connection was closed".into()));
        assert_eq!(fetch(&store), Err("the connection was closed".into()), "and nobody asks again");
    }
}
