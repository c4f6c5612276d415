//! The SSH key of a user, made by `ssh-keygen`.

use crate::modules::kit::{Command, Failure, Probe, Target, private};
use crate::value::{Map, Value};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

/// A key to make.
pub struct Key {
    pub path: PathBuf,
    pub kind: String,
    pub bits: Option<u32>,
    pub comment: String,
    pub passphrase: Option<String>,
    pub overwrite: bool,
}

/// What results say about a key that exists.
pub fn describe(path: &Path, host: &Probe, result: &mut Map) {
    let Ok(output) = host.query(&Command::new(["ssh-keygen".as_ref(), "-l".as_ref(), "-f".as_ref(), path]))
    else {
        return;
    };
    let said = if output.success() { output.stdout() } else { output.stderr() };
    result.insert("ssh_fingerprint".into(), said.trim().into());
    result.insert("ssh_key_file".into(), path.to_string_lossy().into_owned().into());
    let public = host.read(format!("{}.pub", path.display())).ok().flatten().unwrap_or_default();
    result.insert("ssh_public_key".into(), Value::str(String::from_utf8_lossy(&public).trim()));
}

/// Makes the key, and its directory, for that user.
///
/// # Errors
/// What `ssh-keygen` says.
pub fn generate(host: &mut Target, name: &str, key: &Key, uid: u32, gid: u32) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::new(format!("Failed to create {}: {error}", key.path.display()));
    if let Some(directory) = key.path.parent().filter(|directory| !directory.exists()) {
        std::fs::DirBuilder::new().mode(0o700).create(directory).map_err(failed)?;
        chown(directory, Some(uid), Some(gid)).map_err(failed)?;
    }
    if key.overwrite && key.path.exists() {
        std::fs::remove_file(&key.path).map_err(failed)?;
    }
    let mut words = vec!["ssh-keygen".to_owned(), "-q".into(), "-t".into(), key.kind.clone()];
    if let Some(bits) = key.bits {
        words.extend(["-b".into(), bits.to_string()]);
    }
    words.extend(["-C".into(), key.comment.clone(), "-f".into(), key.path.to_string_lossy().into_owned()]);
    // A passphrase is asked for by a program of ours: an argument could be seen by everybody.
    let mut asker = None;
    if key.passphrase.is_none() {
        words.extend(["-N".into(), String::new()]);
    } else {
        asker = Some(private::executable("askpass", &b"#!/bin/sh\nprintf '%s\\n' \"$EKUMEN_ANSWER\"\n"[..])?);
    }
    let mut command = Command::new(words);
    if let (Some(asker), Some(passphrase)) = (&asker, &key.passphrase) {
        command.environment = vec![
            ("SSH_ASKPASS".into(), asker.path().to_string_lossy().into_owned()),
            ("SSH_ASKPASS_REQUIRE".into(), "force".into()),
            ("EKUMEN_ANSWER".into(), passphrase.clone()),
        ];
    }
    super::run(host, name, &command)?;
    for path in [key.path.clone(), format!("{}.pub", key.path.display()).into()] {
        chown(&path, Some(uid), Some(gid)).map_err(failed)?;
    }
    Ok(())
}
