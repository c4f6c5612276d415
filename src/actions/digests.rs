//! Checksums of large files on the control machine: computed once for all hosts of a run.

use sha1::{Digest as _, Sha1};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
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
