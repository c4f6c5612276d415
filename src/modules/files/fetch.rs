//! `fetch`, the host's half: sends a file that the control side does not have.
//!
//! Nothing changes on the host; the plan is a change all the same, because what there is to do is done there:
//! the control side keeps what is sent, and says whether that changed anything.

use crate::modules::kit::digest::{self, Algorithm};
use crate::modules::kit::{Applied, Failure, Module, Plan, Probe, Target, error_at, os_error};
use crate::protocol::{BLOB_CHUNK, Digest};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

pub struct Fetch;

/// The member of the result that names the file, where its name was `~` or a variable: for the control side, which keeps it to itself.
pub const SOURCE: &str = "_source";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The file.
    src: String,
    /// The checksum of the copy on the control side, if there is one.
    _have: Option<Digest>,
    /// Whether it is an error if there is no such file.
    #[serde(default = "yes")]
    fail_on_missing: bool,
}

fn yes() -> bool {
    true
}

impl Module for Fetch {
    const NAME: &'static str = "fetch";
    type Args = Args;
    type Todo = PathBuf;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<PathBuf>, Failure> {
        let src = host.path(&args.src);
        let place = Path::new(&src);
        let refuse = |msg: &str, with_file: bool| {
            let mut result = Map::new();
            if args.fail_on_missing {
                return Err(Failure::new(
                    msg.trim_end_matches(SKIPPED).to_owned() + if with_file { SKIPPED } else { "" },
                ));
            }
            result.insert("msg".into(), format!("{}{SKIPPED}", msg.trim_end_matches(SKIPPED)).into());
            if with_file {
                result.insert("file".into(), src.as_str().into());
            }
            Ok(Plan::Unchanged { result })
        };
        match File::open(place).and_then(|file| file.metadata()) {
            Ok(found) if found.is_dir() => {
                return refuse("remote file is a directory, fetch cannot work on directories", false);
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return refuse("the remote file does not exist", true);
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied && args.fail_on_missing => {
                let failure = Failure::new(format!("File is not readable: {src}"));
                return Err(failure.because(error_at(&error, src.as_ref())));
            }
            Err(error) => {
                return refuse(&format!("the remote file cannot be read ({})", os_error(&error)), true);
            }
        }
        let checksum = digest::sha1_file(place)?;
        let mut result = Map::new();
        result.insert("checksum".into(), checksum.as_str().into());
        result.insert("md5sum".into(), Algorithm::Md5.of_file(place)?.into());
        if args._have.as_ref() == Some(&checksum) {
            result.insert("file".into(), src.into());
            return Ok(Plan::Unchanged { result });
        }
        result.insert("remote_checksum".into(), checksum.into());
        result.insert("remote_md5sum".into(), Value::Null);
        if src != args.src {
            // Only here it is known which file that is.
            result.insert(SOURCE.into(), src.as_str().into());
        }
        Ok(Plan::Change { todo: src.into(), diff: Vec::new(), result })
    }

    fn apply(path: PathBuf, target: &mut Target) -> Result<Applied, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(format!("cannot read {}: {}", path.display(), os_error(&error)))
        };
        let mut sending = Sending { file: File::open(&path).map_err(failed)?, target, error: None };
        // The file may have changed since it was looked at: what counts is what was sent.
        let checksum = Algorithm::Sha1.of_reader(&mut sending);
        if let Some(failure) = sending.error {
            return Err(failure);
        }
        let checksum = checksum.map_err(failed)?;
        Ok(Applied::new(Value::object([
            ("checksum", Value::from(checksum.as_str())),
            ("remote_checksum", checksum.into()),
        ])))
    }
}

/// What Ansible adds where it goes on without the file.
const SKIPPED: &str = ", not transferring, ignored";

/// A reader that sends what is read.
struct Sending<'t, 'h, 'a> {
    file: File,
    target: &'t mut Target<'h, 'a>,
    error: Option<Failure>,
}

impl Read for &mut Sending<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let limit = buffer.len().min(BLOB_CHUNK);
        let count = self.file.read(&mut buffer[..limit])?;
        if count > 0
            && let Err(failure) = self.target.send(&buffer[..count])
        {
            self.error = Some(failure);
            return Err(ErrorKind::BrokenPipe.into());
        }
        Ok(count)
    }
}
