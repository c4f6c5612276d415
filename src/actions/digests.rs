//! Checksums of large files on the control machine: computed once for all hosts of a run.

use sha1::{Digest as _, Sha1};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that changed within so short a time may change again without a new time stamp.
const SETTLED: Duration = Duration::from_secs(2);

/// The SHA-1s that are known, by path.
#[derive(Default)]
pub struct Digests {
    known: Mutex<HashMap<PathBuf, Entry>>,
}

/// Locked while the file is read: whoever wants the same file meanwhile waits for the answer.
type Entry = Arc<Mutex<Option<(Stamp, String)>>>;

/// Differs when the file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    fn is_settled(&self) -> bool {
        let changed = Duration::from_secs(u64::try_from(self.changed.0).unwrap_or(0));
        SystemTime::now().duration_since(UNIX_EPOCH).is_ok_and(|now| now >= changed + SETTLED)
    }
}

impl Digests {
    /// The SHA-1 of a file, if it need not be read for that.
    pub fn known(&self, path: &Path) -> Option<String> {
        let entry = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()?;
        let entry = entry.try_lock().ok()?;
        let (stamp, digest) = entry.as_ref()?;
        (Stamp::of(&path.metadata().ok()?) == *stamp).then(|| digest.clone())
    }

    /// The SHA-1 of a file, read again only if the file has changed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_file(&self, path: &Path) -> io::Result<String> {
        let entry = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(path.to_owned()).or_default().clone()
        };
        let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        if let Some((known, digest)) = &*entry
            && *known == stamp
        {
            return Ok(digest.clone());
        }
        let settled = stamp.is_settled();
        let digest = sha1(&mut file)?;
        *entry = settled.then(|| (stamp, digest.clone()));
        Ok(digest)
    }
}

/// A file that is hashed when its digest is wanted, or beside its being sent.
pub struct Later {
    path: PathBuf,
    digests: Arc<Digests>,
    number: u64,
    running: Mutex<Option<JoinHandle<io::Result<String>>>>,
}

impl Later {
    pub fn new(path: PathBuf, digests: Arc<Digests>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { path, digests, number, running: Mutex::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the content is called until its digest is known; no other has that name.
    pub fn name(&self) -> String {
        format!("unread-{}", self.number)
    }

    /// Starts to hash it in the background.
    pub fn begin(&self) {
        let (path, digests) = (self.path.clone(), self.digests.clone());
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            // Without a thread it is hashed when it is asked for.
            let work = move || digests.of_file(&path);
            *running = std::thread::Builder::new().name("hash".into()).spawn(work).ok();
        }
    }

    /// The digest, waited for if it is being computed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn digest(&self) -> io::Result<String> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        match running.and_then(|running| running.join().ok()) {
            Some(result) => result,
            None => self.digests.of_file(&self.path),
        }
    }
}

fn sha1(file: &mut File) -> io::Result<String> {
    let mut hash = Sha1::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(super::contract::hex(&hash.finalize()));
        }
        hash.update(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_read_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("f");
        let digests = Digests::default();
        for (content, digest) in [
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            // The same size, perhaps within one tick of the clock.
            ("abd", "cb4cc28df0fdbe0ecf9d9662e294b118092a5735"),
        ] {
            std::fs::write(&path, content).expect("a file");
            assert_eq!(digests.of_file(&path).expect("readable"), digest, "{content}");
        }
        assert!(digests.known.lock().expect("unlocked")[&path].lock().expect("unlocked").is_none());
        std::fs::remove_file(&path).expect("it is there");
        assert!(digests.of_file(&path).is_err());
    }

    #[test]
    fn a_file_is_hashed_later_or_beside_something_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("f");
        std::fs::write(&path, "abc").expect("a file");
        let digests = Arc::new(Digests::default());
        assert_eq!(digests.known(&path), None);
        let [first, second] = [(); 2].map(|()| Later::new(path.clone(), digests.clone()));
        assert_ne!(first.name(), second.name());
        first.begin();
        for later in [&first, &second, &first] {
            assert_eq!(later.digest().expect("readable"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        }
        std::fs::remove_file(&path).expect("it is there");
        assert!(first.digest().is_err());
    }

    #[test]
    fn a_settled_file_is_read_once() {
        let digests = Digests::default();
        // Older than this test, and never written by it.
        let path = std::env::current_exe().expect("this program");
        let first = digests.of_file(&path).expect("readable");
        let entry = digests.known.lock().expect("unlocked")[&path].clone();
        let settled = Stamp::of(&path.metadata().expect("it is there")).is_settled();
        assert_eq!(entry.lock().expect("unlocked").is_some(), settled);
        if let Some((_, digest)) = &mut *entry.lock().expect("unlocked") {
            "remembered".clone_into(digest);
        }
        assert_eq!(digests.of_file(&path).expect("readable"), if settled { "remembered" } else { &first });
    }
}
