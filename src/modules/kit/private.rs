//! Temporary files that nobody else can read or replace.

use super::Failure;
use rustix::fs::StatVfsMountFlags;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A directory that is ours alone; gone with all that is in it when this is dropped.
#[derive(Debug)]
pub struct PrivateFolder(PathBuf);

/// A file in a directory of its own, both ours alone; gone when this is dropped.
#[derive(Debug)]
pub struct PrivateFile {
    _folder: PrivateFolder,
    path: PathBuf,
}

impl PrivateFile {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl PrivateFolder {
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A program file in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn executable(&self, name: &str, content: impl Read) -> Result<PathBuf, Failure> {
        self.write(name, 0o700, content)
    }

    /// A data file in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn data(&self, name: &str, content: impl Read) -> Result<PathBuf, Failure> {
        self.write(name, 0o600, content)
    }

    fn write(&self, name: &str, mode: u32, mut content: impl Read) -> Result<PathBuf, Failure> {
        let path = self.0.join(Path::new(name).file_name().unwrap_or("file".as_ref()));
        let failed = |error| Failure::new(format!("cannot write {}: {error}", path.display()));
        let mut out: File =
            OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).map_err(failed)?;
        std::io::copy(&mut content, &mut out).map_err(failed)?;
        Ok(path)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // Whoever removed it first did what we wanted.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A program file of that name and content, in a place where programs may run.
///
/// # Errors
/// When no place can be written to.
pub fn executable(name: &str, content: impl Read) -> Result<PrivateFile, Failure> {
    let folder = for_programs()?;
    let path = folder.executable(name, content)?;
    Ok(PrivateFile { _folder: folder, path })
}

/// A data file of that name and content.
///
/// # Errors
/// When it cannot be written.
pub fn data(name: &str, content: impl Read) -> Result<PrivateFile, Failure> {
    let folder = create(&std::env::temp_dir())?;
    let path = folder.data(name, content)?;
    Ok(PrivateFile { _folder: folder, path })
}

/// A directory in a place where programs may run.
///
/// # Errors
/// When no place can be written to.
pub fn for_programs() -> Result<PrivateFolder, Failure> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let places = std::env::var_os("TMPDIR").map(PathBuf::from).into_iter();
    let mut places = places.chain(["/tmp".into(), "/var/tmp".into()]).chain(home);
    let place = places.find(|place| runs_programs(place));
    create(&place.unwrap_or_else(|| "/tmp".into()))
}

fn runs_programs(place: &Path) -> bool {
    let mount = rustix::fs::statvfs(place);
    let writable = rustix::fs::access(place, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    writable.is_ok() && mount.is_ok_and(|mount| !mount.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

fn create(place: &Path) -> Result<PrivateFolder, Failure> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| Failure::new(format!("cannot get random bytes: {error}")))?;
    let directory = place.join(format!(".ekumen-{:016x}", u64::from_ne_bytes(random)));
    let failed = |error| Failure::new(format!("cannot write {}: {error}", directory.display()));
    DirBuilder::new().mode(0o700).create(&directory).map_err(failed)?;
    Ok(PrivateFolder(directory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_private_file_is_ours_and_does_not_stay() {
        let file = executable("../s.sh", &b"#!/bin/sh\n"[..]).expect("a file");
        let mode = |path: &Path| path.metadata().expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode(file.path()), 0o700);
        let directory = file.path().parent().expect("it has a directory").to_owned();
        assert_eq!(mode(&directory), 0o700);
        drop(file);
        assert!(!directory.exists());
    }
}
