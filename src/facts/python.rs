//! The host's Python, if it has one: nothing here needs it, but playbooks ask for its version.

use super::packages::program;
use super::{Facts, Sources};
use crate::value::Value;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

/// The interpreter that `python3` is in the end, and its version as far as the file name tells it. What is first
/// in `PATH` may be a wrapper, which tells nothing.
fn interpreter() -> Option<(PathBuf, i64, i64)> {
    let usual = ["/usr/bin/python3", "/usr/bin/python", "/usr/local/bin/python3"].map(PathBuf::from);
    program("python3").into_iter().chain(usual).find_map(|path| {
        let real = std::fs::canonicalize(&path).ok()?;
        let name = real.file_name()?.to_str()?.strip_prefix("python")?.to_owned();
        let (major, minor) = name.split_once('.')?;
        Some((real, major.parse().ok()?, minor.parse().ok()?))
    })
}

/// The patch level of the last interpreter looked at, with the time it was changed.
static KNOWN: Mutex<Option<(PathBuf, SystemTime, Option<i64>)>> = Mutex::new(None);

/// The patch level. No file says it, but the program holds its version (`3.11.2`) as a text of its own, or its
/// library does; finding it is quicker than starting Python.
fn micro(path: &Path, major: i64, minor: i64) -> Option<i64> {
    let changed = path.metadata().and_then(|data| data.modified()).ok()?;
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, _, micro)) = known.as_ref().filter(|(p, time, _)| p == path && *time == changed) {
        return *micro;
    }
    let wanted = format!("\0{major}.{minor}.");
    let number = |bytes: Vec<u8>| {
        memchr::memmem::find_iter(&bytes, wanted.as_bytes()).find_map(|at| {
            let rest = &bytes[at + wanted.len()..];
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            (rest.get(digits) == Some(&0)).then(|| std::str::from_utf8(&rest[..digits]).ok()?.parse().ok())?
        })
    };
    let library = format!("libpython{major}.{minor}.so.1.0");
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    let places = ["/usr/lib64".into(), "/usr/lib".into(), format!("/usr/lib/{machine}-linux-gnu")];
    let libraries = places.iter().map(|place| Path::new(place).join(&library));
    let files = std::iter::once(path.to_owned()).chain(libraries);
    let micro = files.filter_map(|file| std::fs::read(file).ok()).find_map(number);
    *known = Some((path.to_owned(), changed, micro));
    micro
}

/// `3.11.2`, `None` if there is no Python.
pub fn version() -> Option<String> {
    let (path, major, minor) = interpreter()?;
    Some(match micro(&path, major, minor) {
        Some(micro) => format!("{major}.{minor}.{micro}"),
        None => format!("{major}.{minor}"),
    })
}

pub fn facts(_: &Sources) -> Facts {
    let mut facts = Facts::new();
    let Some((path, major, minor)) = interpreter() else { return facts };
    let micro = micro(&path, major, minor).unwrap_or(0);
    facts.set(
        "python",
        Value::object([
            (
                "version",
                Value::object([
                    ("major", Value::Int(major)),
                    ("minor", Value::Int(minor)),
                    ("micro", Value::Int(micro)),
                    ("releaselevel", "final".into()),
                    ("serial", Value::Int(0)),
                ]),
            ),
            (
                "version_info",
                vec![Value::Int(major), Value::Int(minor), Value::Int(micro), "final".into(), Value::Int(0)]
                    .into(),
            ),
            ("executable", path.to_string_lossy().into_owned().into()),
            ("has_sslcontext", Value::Bool(true)),
            ("type", "cpython".into()),
        ]),
    );
    facts
}
