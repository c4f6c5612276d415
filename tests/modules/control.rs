//! The control side, as far as the cases need it.

use ekumen::modules::commands::program::Style;
use ekumen::modules::kit::{BlobSource, Fetched, Purpose, digest::Algorithm};
use ekumen::protocol::{Blob, Digest, INLINE_BLOB};
use ekumen::transport::BlobStore;
use ekumen::value::{Map, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The control machine's part.
#[derive(Default)]
pub struct Control {
    contents: HashMap<Digest, Vec<u8>>,
    fetched: usize,
    received: RefCell<Vec<u8>>,
}

/// The same at the other end of a connection.
pub struct Store<'c>(&'c Control);

impl Control {
    pub fn store(&self) -> Store<'_> {
        Store(self)
    }

    /// What the host sent.
    pub fn received(&self) -> Vec<u8> {
        self.received.borrow().clone()
    }
}

impl BlobStore for Store<'_> {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read>, String> {
        let content = self.0.contents.get(digest).ok_or("no such content")?;
        Ok(Box::new(std::io::Cursor::new(content.clone())))
    }

    fn receive(&self, data: &[u8]) -> Result<(), String> {
        self.0.received.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    fn output(&self, _: &str) {}
}

impl BlobSource for Control {
    fn fetch(&mut self, digest: &Digest, _: &Purpose) -> Result<Fetched, String> {
        use std::io::{Seek, Write};
        let content = self.contents.get(digest).ok_or("no such content")?;
        self.fetched += 1;
        let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
        file.write_all(content).and_then(|()| file.rewind()).map_err(|error| error.to_string())?;
        Ok(Fetched { file, unnamed: false, sha1: digest.clone(), md5: None })
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        self.received.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    fn output(&mut self, _: &str) {}
}

/// What the control side makes of `script`'s arguments: the first word is a file here.
pub fn script_action(args: Value, control: &mut Control, blobs: &mut Vec<(Digest, Blob)>) -> Value {
    let mut args = args.as_map().cloned().unwrap_or_default();
    let line = args.get("_raw_params").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (file, words) = line.split_once(' ').unwrap_or((&line, ""));
    let content = std::fs::read(file).expect("the script");
    let digest = Algorithm::Sha1.of_bytes(&content);
    blobs.push((digest.clone(), Blob(Arc::new(content.clone()))));
    control.contents.insert(digest.clone(), content);
    let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy().into_owned();
    args.insert("_digest".into(), digest.into());
    args.insert("_name".into(), name.into());
    args.insert("_raw_params".into(), words.into());
    Value::map(args)
}

/// What the control side makes of a task whose module is a program: `program` is its file.
pub fn program_action(args: Value, control: &mut Control, blobs: &mut Vec<(Digest, Blob)>) -> Value {
    let mut args = args.as_map().cloned().unwrap_or_default();
    let file = args.shift_remove("program").map(|file| ekumen::value::py_str(&file)).expect("a program");
    let content = std::fs::read(&file).expect("the program");
    args.insert("style".into(), Style::of(&content).word().into());
    let digest = Algorithm::Sha1.of_bytes(&content);
    blobs.push((digest.clone(), Blob(Arc::new(content.clone()))));
    control.contents.insert(digest.clone(), content);
    args.insert("digest".into(), digest.into());
    args.insert("name".into(), "program.sh".into());
    args.insert("module".into(), "mine".into());
    Value::map(args)
}

/// What the control side makes of `copy`'s arguments.
pub fn copy_action(
    args: Value,
    root: &Path,
    control: &mut Control,
    blobs: &mut Vec<(Digest, Blob)>,
) -> Value {
    let mut args = args.as_map().cloned().unwrap_or_default();
    if args.get("remote_src").is_some_and(|value| value.ansible_bool() == Some(true)) {
        return Value::map(args);
    }
    let mut provide = |content: Vec<u8>| {
        let digest = Algorithm::Sha1.of_bytes(&content);
        if content.len() <= INLINE_BLOB {
            blobs.push((digest.clone(), Blob(Arc::new(content.clone()))));
        }
        control.contents.insert(digest.clone(), content);
        digest
    };
    let mut internal = Map::new();
    if let Some(content) = args.shift_remove("content") {
        let content = ekumen::value::py_str(&content).into_bytes();
        internal.insert("_size".into(), content.len().into());
        internal.insert("_digest".into(), provide(content).into());
    } else if let Some(src) = args.get("src").and_then(Value::as_str).map(str::to_owned) {
        let source = root.join(&src);
        internal.insert("src".into(), source.display().to_string().trim_end_matches('/').into());
        if source.is_dir() {
            let prefix = match src.ends_with('/') {
                true => PathBuf::new(),
                false => source.file_name().map(PathBuf::from).unwrap_or_default(),
            };
            let mut entries = Vec::new();
            let follow = args.get("local_follow").is_none_or(|value| value.ansible_bool() == Some(true));
            collect(&source, &prefix, follow, &mut entries, &mut provide);
            internal.insert("_entries".into(), Value::list(entries));
        } else {
            let content = std::fs::read(&source).expect("the source");
            let mode = std::fs::metadata(&source).expect("the source").mode() & 0o7777;
            internal.insert("_size".into(), content.len().into());
            internal.insert("_mode".into(), format!("0{mode:o}").into());
            internal.insert("_digest".into(), provide(content).into());
            let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
            internal.insert("_name".into(), name.into());
        }
    }
    args.extend(internal);
    Value::map(args)
}

fn collect(
    directory: &Path,
    prefix: &Path,
    follow: bool,
    entries: &mut Vec<Value>,
    provide: &mut dyn FnMut(Vec<u8>) -> Digest,
) {
    if !prefix.as_os_str().is_empty() {
        let path = prefix.to_string_lossy().into_owned();
        entries.push(Value::object([("path", Value::from(path)), ("directory", true.into())]));
    }
    let mut below: Vec<_> = std::fs::read_dir(directory).expect("a directory").flatten().collect();
    below.sort_by_key(std::fs::DirEntry::file_name);
    for entry in below {
        let (path, name) = (entry.path(), prefix.join(entry.file_name()));
        let text = name.to_string_lossy().into_owned();
        if path.is_symlink() && !follow {
            let target = std::fs::read_link(&path).expect("a link").to_string_lossy().into_owned();
            entries.push(Value::object([("path", text), ("link", target)]));
        } else if path.is_dir() {
            collect(&path, &name, follow, entries, provide);
        } else {
            let content = std::fs::read(&path).expect("a file");
            let mode = std::fs::metadata(&path).expect("a file").mode() & 0o7777;
            entries.push(Value::object([
                ("path", Value::from(text)),
                ("size", content.len().into()),
                ("mode", format!("0{mode:o}").into()),
                ("digest", provide(content).into()),
            ]));
        }
    }
}
