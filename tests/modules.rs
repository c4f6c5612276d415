//! Modules against a real file system: every case is data (`tests/modules/FAMILY/*.yml`) and runs four passes:
//! check, apply, apply, check. A check writes nothing, what it predicts is what is done, and the second apply
//! changes nothing. The format is described in `tests/modules/README.md`.

use ekumen::modules::kit::{BlobSource, Host, digest::Algorithm};
use ekumen::protocol::{Blob, Digest, INLINE_BLOB, Mode, Outcome, TaskRequest};
use ekumen::value::{Map, Value, to_json};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// What is in the directory before.
    #[serde(default)]
    setup: Vec<Thing>,
    /// What is on the control side, for `copy`.
    #[serde(default)]
    source: Vec<Thing>,
    module: String,
    #[serde(default)]
    args: Value,
    /// Members of the results of the passes.
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    check: Option<Value>,
    #[serde(default)]
    again: Option<Value>,
    /// Members that results must not have.
    #[serde(default)]
    lacks: Vec<String>,
    /// The whole diff of the change, a mapping per diff.
    #[serde(default)]
    diff: Option<Value>,
    /// What is in the directory after.
    #[serde(default)]
    files: Vec<Thing>,
    /// The message it fails with, in every pass that applies.
    #[serde(default)]
    failed: Option<String>,
    /// A failure that only applying can find.
    #[serde(default)]
    fails_late: bool,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    /// The second apply changes something by design (`touch`, a backup, a new temporary file).
    #[serde(default)]
    never_settles: bool,
    /// Predicted and made diffs differ by design (times).
    #[serde(default)]
    diff_varies: bool,
    /// A check cannot tell what will happen.
    #[serde(default)]
    unknown: bool,
    /// The file whose content the first apply sends.
    #[serde(default)]
    sent: Option<String>,
    /// Only for who may give files away.
    #[serde(default)]
    root: bool,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// What Ansible does differently, and why; for `compare.py`.
    #[serde(default)]
    #[allow(dead_code)]
    differs: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    path: String,
    content: Option<String>,
    /// So many bytes of a pattern.
    size: Option<usize>,
    mode: Option<String>,
    owner: Option<u32>,
    group: Option<u32>,
    #[serde(default)]
    directory: bool,
    link: Option<String>,
    /// Another name of the file at this path.
    hard: Option<String>,
    mtime: Option<i64>,
    #[serde(default)]
    absent: bool,
}

/// The control machine's part.
#[derive(Default)]
struct Control {
    contents: HashMap<Digest, Vec<u8>>,
    fetched: usize,
    received: Vec<u8>,
}

impl BlobSource for Control {
    fn fetch(&mut self, digest: &Digest) -> Result<std::fs::File, String> {
        use std::io::{Seek, Write};
        let content = self.contents.get(digest).ok_or("no such content")?;
        self.fetched += 1;
        let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
        file.write_all(content).and_then(|()| file.rewind()).map_err(|error| error.to_string())?;
        Ok(file)
    }

    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        self.received.extend_from_slice(data);
        Ok(())
    }

    fn output(&mut self, _: &str) {}
}

#[test]
fn cases() {
    let only = std::env::var("CASE").ok();
    let mut failures = Vec::new();
    let mut count = 0;
    let mut results = Vec::new();
    for file in case_files() {
        let text = std::fs::read_to_string(&file).expect("a case file");
        let cases: Vec<Case> =
            serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for case in cases {
            if only.as_ref().is_some_and(|only| !case.name.contains(only.as_str())) {
                continue;
            }
            if case.root && !rustix::process::geteuid().is_root() {
                continue;
            }
            count += 1;
            let mut run = Run::new(&case);
            run.passes();
            let name = format!("{}: {}", file.file_stem().unwrap_or_default().display(), case.name);
            failures.extend(run.problems.iter().map(|problem| format!("{name}: {problem}")));
            let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let outcomes = run.outcomes.into_iter().map(|outcome| run.neutral.value(&outcome)).collect();
            results.push(Value::object([
                ("file", file.into()),
                ("name", Value::str(&case.name)),
                ("results", Value::list(outcomes)),
                ("files", run.after.into()),
            ]));
        }
    }
    // For tests/modules/compare.py.
    if let Ok(path) = std::env::var("CASE_RESULTS") {
        std::fs::write(path, to_json(&Value::list(results))).expect("results can be written");
    }
    assert!(count > 0, "no case ran");
    assert!(failures.is_empty(), "{} problems in {count} cases:\n{}", failures.len(), failures.join("\n"));
}

fn case_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("the cases")
        .flatten()
        .filter(|family| family.path().is_dir())
        .flat_map(|family| std::fs::read_dir(family.path()).expect("a family").flatten())
        .map(|file| file.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    files.sort();
    files
}

/// Replaces the run's directories by their placeholders, in both directions.
struct Neutral {
    pairs: Vec<(&'static str, String)>,
}

impl Neutral {
    fn fill(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, (name, path)| text.replace(name, path))
    }

    fn text(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, (name, path)| text.replace(path.as_str(), name))
    }

    fn value(&self, value: &Value) -> Value {
        map_strings(value, &|text| self.text(text))
    }
}

fn map_strings(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Str(text) => change(text).into(),
        Value::List(items) => Value::list(items.iter().map(|item| map_strings(item, change)).collect()),
        Value::Map(map) => {
            Value::map(map.iter().map(|(k, v)| (map_strings(k, change), map_strings(v, change))).collect())
        }
        other => other.clone(),
    }
}

struct Run<'c> {
    case: &'c Case,
    _temporary: tempfile::TempDir,
    dir: PathBuf,
    source: PathBuf,
    neutral: Neutral,
    problems: Vec<String>,
    outcomes: Vec<Value>,
    after: Vec<String>,
}

impl<'c> Run<'c> {
    fn new(case: &'c Case) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let root = temporary.path().canonicalize().expect("it exists");
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        let (dir, source) = (root.join("dir"), root.join("source"));
        let pairs = vec![("{dir}", dir.display().to_string()), ("{source}", source.display().to_string())];
        let neutral = Neutral { pairs };
        for (root, things) in [(&dir, &case.setup), (&source, &case.source)] {
            std::fs::create_dir(root).expect("a new directory");
            things.iter().for_each(|thing| thing.make(root, &neutral));
        }
        Self {
            case,
            _temporary: temporary,
            dir,
            source,
            neutral,
            problems: Vec::new(),
            outcomes: Vec::new(),
            after: Vec::new(),
        }
    }

    fn problem(&mut self, text: impl Into<String>) {
        let text = self.neutral.text(&text.into());
        self.problems.push(text);
    }

    fn passes(&mut self) {
        let before = snapshot(&self.dir);
        let first = self.pass("check", Mode::Check);
        self.unchanged("the first check wrote", &before);
        let applied = self.pass("apply", Mode::Apply);
        self.after = snapshot(&self.dir).into_iter().map(|(path, what)| format!("{path} {what}")).collect();
        if let Some(expected) = &self.case.failed {
            let message = |outcome: &Outcome| outcome.result.get("msg").map(ekumen::value::py_str);
            let expected = self.neutral.fill(expected);
            let mut outcomes = vec![("apply", &applied)];
            if !self.case.fails_late {
                outcomes.push(("check", &first));
            }
            for (pass, outcome) in outcomes {
                let found = message(outcome).unwrap_or_default();
                if !outcome.failed || found != expected {
                    self.problem(format!("{pass} should fail with `{expected}`, but: {}", shown(outcome)));
                }
            }
            self.members("apply", &self.case.result, &applied);
            self.expect_files();
            return;
        }
        self.members("check", &self.case.check, &first);
        self.members("apply", &self.case.result, &applied);
        self.expect_files();
        if first.unknown.is_some() != self.case.unknown {
            self.problem(format!("the check says unknown: {:?}", first.unknown));
        }
        if first.changed != applied.changed && !self.case.unknown {
            let text = format!("predicted changed={}, made changed={}", first.changed, applied.changed);
            self.problem(text);
        }
        if first.diff != applied.diff && !self.case.diff_varies {
            self.problem(format!("predicted {:?}, made {:?}", first.diff, applied.diff));
        }
        let settled = snapshot(&self.dir);
        let again = self.pass("second apply", Mode::Apply);
        self.members("second apply", &self.case.again, &again);
        if self.case.never_settles {
            return;
        }
        if again.changed {
            self.problem(format!("the second apply changed something: {}", shown(&again)));
        }
        self.unchanged("the second apply wrote", &settled);
        let last = self.pass("second check", Mode::Check);
        if last.changed {
            self.problem(format!("the second check would change something: {}", shown(&last)));
        }
        self.unchanged("the second check wrote", &settled);
    }

    /// Runs the module once.
    fn pass(&mut self, pass: &str, mode: Mode) -> Outcome {
        let mut control = Control::default();
        let args = map_strings(&self.case.args, &|text| self.neutral.fill(text));
        let mut blobs = Vec::new();
        let args = match self.case.module.as_str() {
            "copy" => self.copy_action(args, &mut control, &mut blobs),
            _ => args,
        };
        let request = TaskRequest {
            id: 1,
            identity: None,
            module: self.case.module.clone(),
            args,
            mode,
            diff: true,
            environment: self
                .case
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), self.neutral.fill(value)))
                .collect(),
            timeout: None,
            blobs,
        };
        let outcome = Host::execute(&request, &mut control);
        self.outcomes.push(seen(&outcome));
        let sends = self.case.sent.as_ref().filter(|_| mode == Mode::Apply);
        let expected = sends.map(|file| std::fs::read(self.dir.join(file)).expect("the file to send"));
        if control.received != expected.unwrap_or_default() {
            self.problem(format!("{pass} sent {} bytes", control.received.len()));
        }
        if outcome.failed && self.case.failed.is_none() {
            self.problem(format!("{pass} failed: {}", shown(&outcome)));
        }
        if let Some(expected) = &self.case.warnings
            && pass == "apply"
            && expected.iter().map(|text| self.neutral.fill(text)).collect::<Vec<_>>() != outcome.warnings
        {
            self.problem(format!("{pass} warned {:?}", outcome.warnings));
        }
        for member in &self.case.lacks {
            if outcome.result.get(member).is_some() {
                self.problem(format!("{pass} has the member {member}: {}", shown(&outcome)));
            }
        }
        if let (Some(expected), true) = (&self.case.diff, outcome.changed) {
            let expected = map_strings(expected, &|text| self.neutral.fill(text));
            let found = diffs(&outcome);
            if expected != found && !pass.starts_with("second") {
                self.problem(format!("the diff of {pass} is {}", to_json(&found)));
            }
        }
        outcome
    }

    /// What the control side makes of `copy`'s arguments.
    fn copy_action(&self, args: Value, control: &mut Control, blobs: &mut Vec<(Digest, Blob)>) -> Value {
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
            let source = self.source.join(&src);
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

    fn members(&mut self, pass: &str, expected: &Option<Value>, outcome: &Outcome) {
        let Some(expected) = expected.as_ref().and_then(Value::as_map) else { return };
        for (name, expected) in expected {
            let expected = map_strings(expected, &|text| self.neutral.fill(text));
            let found = outcome.result.as_map().and_then(|map| map.get(name));
            if found != Some(&expected) {
                let text = format!(
                    "{pass}: {} should be {}: {}",
                    ekumen::value::py_str(name),
                    to_json(&expected),
                    shown(outcome)
                );
                self.problem(text);
            }
        }
    }

    fn unchanged(&mut self, what: &str, before: &BTreeMap<String, String>) {
        let now = snapshot(&self.dir);
        if now == *before {
            return;
        }
        let removed = before.iter().filter(|(path, _)| !now.contains_key(*path)).map(|(path, _)| path);
        let other = now.iter().filter(|(path, what)| before.get(*path) != Some(what)).map(|(path, _)| path);
        let paths: Vec<&String> = removed.chain(other).collect();
        self.problem(format!("{what} {paths:?}"));
    }

    fn expect_files(&mut self) {
        for thing in &self.case.files {
            if let Err(problem) = thing.check(&self.dir, &self.neutral) {
                self.problem(format!("{}: {problem}", thing.path));
            }
        }
        let left = snapshot(&self.dir);
        if let Some(left) = left.keys().find(|path| path.contains(".ekumen-")) {
            self.problem(format!("{left} was left behind"));
        }
    }
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

impl Thing {
    fn make(&self, root: &Path, neutral: &Neutral) {
        let path = root.join(&self.path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("directories");
        if self.directory {
            std::fs::create_dir_all(&path).expect("a directory");
        } else if let Some(target) = &self.link {
            std::os::unix::fs::symlink(neutral.fill(target), &path).expect("a link");
        } else if let Some(source) = &self.hard {
            std::fs::hard_link(root.join(source), &path).expect("a hard link");
        } else {
            std::fs::write(&path, self.bytes(neutral)).expect("a file");
        }
        if self.owner.is_some() || self.group.is_some() {
            std::os::unix::fs::lchown(&path, self.owner, self.group).expect("root");
        }
        if self.link.is_none() && self.hard.is_none() {
            let mode = self.mode.as_deref().unwrap_or(if self.directory { "755" } else { "644" });
            let mode = u32::from_str_radix(mode, 8).expect("an octal mode");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        }
        if let Some(seconds) = self.mtime {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.unsigned_abs());
            let times = std::fs::FileTimes::new().set_modified(time).set_accessed(time);
            std::fs::File::open(&path).expect("it exists").set_times(times).expect("times");
        }
    }

    fn bytes(&self, neutral: &Neutral) -> Vec<u8> {
        match self.size {
            Some(size) => b"0123456789abcde\n".iter().copied().cycle().take(size).collect(),
            None => neutral.fill(self.content.as_deref().unwrap_or_default()).into_bytes(),
        }
    }

    fn check(&self, root: &Path, neutral: &Neutral) -> Result<(), String> {
        let path = root.join(&self.path);
        let found = std::fs::symlink_metadata(&path);
        if self.absent {
            return if found.is_err() { Ok(()) } else { Err("should not be there".into()) };
        }
        let found = found.map_err(|error| error.to_string())?;
        let compare = |what: &str, expected: String, found: String| {
            if expected == found { Ok(()) } else { Err(format!("{what} should be `{expected}`: `{found}`")) }
        };
        if let Some(mode) = &self.mode {
            let mode = u32::from_str_radix(mode, 8).expect("an octal mode");
            compare("mode", format!("{mode:o}"), format!("{:o}", found.mode() & 0o7777))?;
        }
        if let Some(owner) = self.owner {
            compare("owner", owner.to_string(), found.uid().to_string())?;
        }
        if let Some(group) = self.group {
            compare("group", group.to_string(), found.gid().to_string())?;
        }
        if let Some(mtime) = self.mtime {
            compare("mtime", mtime.to_string(), found.mtime().to_string())?;
        }
        if let Some(target) = &self.link {
            let leads = std::fs::read_link(&path).map_err(|_| "should be a link".to_owned())?;
            compare("link", neutral.fill(target), leads.display().to_string())?;
        }
        if let Some(other) = &self.hard {
            let other = std::fs::metadata(root.join(other)).map_err(|error| error.to_string())?;
            compare("inode", other.ino().to_string(), found.ino().to_string())?;
        }
        if self.directory && !found.is_dir() {
            return Err("should be a directory".into());
        }
        if self.content.is_some() || self.size.is_some() {
            if !found.is_file() {
                return Err("should be a file".into());
            }
            let content = std::fs::read(&path).map_err(|error| error.to_string())?;
            let (expected, content) = (self.bytes(neutral), String::from_utf8_lossy(&content).into_owned());
            compare("content", String::from_utf8_lossy(&expected).into_owned(), content)?;
        }
        Ok(())
    }
}

/// A result as one value, with what travels beside it.
fn seen(outcome: &Outcome) -> Value {
    let mut map = outcome.result.as_map().cloned().unwrap_or_default();
    map.insert("changed".into(), outcome.changed.into());
    map.insert("failed".into(), outcome.failed.into());
    if !outcome.diff.is_empty() {
        map.insert("diff".into(), diffs(outcome));
    }
    if !outcome.warnings.is_empty() {
        map.insert("warnings".into(), outcome.warnings.clone().into());
    }
    Value::map(map)
}

fn shown(outcome: &Outcome) -> String {
    to_json(&seen(outcome))
}

fn diffs(outcome: &Outcome) -> Value {
    let diffs = outcome.diff.iter().map(|diff| {
        let mut map = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                map.insert(name.into(), value);
            }
        };
        set("before_header", diff.before_header.clone().into());
        set("after_header", diff.after_header.clone().into());
        set("before", diff.before.clone());
        set("after", diff.after.clone());
        set("prepared", diff.prepared.clone().into());
        Value::map(map)
    });
    Value::list(diffs.collect())
}

/// Everything about everything below `root` that a module could change; access times aside, since reading
/// changes them.
fn snapshot(root: &Path) -> BTreeMap<String, String> {
    let mut tree = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let found = std::fs::symlink_metadata(&path).expect("nothing else touches it");
        let content = match found.file_type() {
            kind if kind.is_dir() => {
                pending.extend(std::fs::read_dir(&path).expect("a directory").flatten().map(|e| e.path()));
                "directory".to_owned()
            }
            kind if kind.is_symlink() => {
                format!("link to {}", std::fs::read_link(&path).expect("a link").display())
            }
            kind if kind.is_file() => {
                format!("file {}", Algorithm::Sha1.of_file(&path).expect("a readable file"))
            }
            _ => "special".to_owned(),
        };
        let (mode, uid, gid) = (found.mode(), found.uid(), found.gid());
        let stamp = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec(), found.ino());
        let relative = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        tree.insert(relative, format!("{content} {mode:o} {uid}:{gid} {stamp:?}"));
    }
    tree
}
