//! `ansible.posix.authorized_key`: keys that may log in.

use crate::modules::kit::mode::ModeArg;
use crate::modules::kit::{
    Applied, Attributes, Failure, Module, Plan, Probe, Target, attributes, file, path as paths, users,
};
use crate::protocol::Diff;
use crate::value::{Map, Value};
use serde::Deserialize;
use std::path::{Path, PathBuf};

pub struct AuthorizedKey;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    user: String,
    /// The keys, a line each; or `file://` and a path on the host.
    key: String,
    /// The file, if not the user's own.
    path: Option<String>,
    /// Create the directory, and see to its owner and mode.
    #[serde(default = "yes")]
    manage_dir: bool,
    #[serde(default)]
    state: State,
    /// What stands before the key.
    key_options: Option<String>,
    /// No other keys.
    #[serde(default)]
    exclusive: bool,
    comment: Option<String>,
    #[serde(default = "yes")]
    validate_certs: bool,
    /// Write to where a link leads.
    #[serde(default)]
    follow: bool,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    #[default]
    Present,
}

fn yes() -> bool {
    true
}

/// The new content, and where it goes.
pub struct Todo {
    path: PathBuf,
    content: String,
    uid: u32,
    gid: u32,
    /// The directory to see to.
    directory: Option<PathBuf>,
    describe: bool,
}

const TYPES: &[&str] = &[
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com",
    "ssh-rsa-cert-v01@openssh.com",
    "ssh-dss-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
];

/// A line that holds a key.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    options: Option<String>,
    kind: String,
    data: String,
    comment: String,
}

impl Key {
    fn parse(line: &str) -> Option<Self> {
        let words = split(line.trim());
        let at = words.iter().take(2).position(|word| TYPES.contains(word))?;
        Some(Self {
            options: (at == 1).then(|| words[0].to_owned()),
            kind: words[at].to_owned(),
            data: (*words.get(at + 1)?).to_owned(),
            comment: words[at + 2..].join(" "),
        })
    }

    /// The options one by one, sorted: their order says nothing.
    fn option_set(&self) -> Vec<String> {
        let mut options = separate(self.options.as_deref().unwrap_or_default(), ',');
        options.sort_unstable();
        options.iter().map(|option| (*option).to_owned()).collect()
    }

    fn same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.data == other.data
            && self.comment == other.comment
            && self.option_set() == other.option_set()
    }

    fn line(&self) -> String {
        let options = self.options.as_ref().map(|options| format!("{options} ")).unwrap_or_default();
        format!("{options}{} {} {}", self.kind, self.data, self.comment)
    }
}

/// Words at blanks that are not inside quotes.
fn split(line: &str) -> Vec<&str> {
    separate(line, ' ').into_iter().filter(|word| !word.is_empty()).collect()
}

fn separate(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted && (c == separator || separator == ' ' && c == '\t') => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

impl Module for AuthorizedKey {
    const NAME: &'static str = "authorized_key";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let Some(user) = users::user_by_name(host, &args.user) else {
            let name = &args.user;
            let why = format!("Failed to lookup user {name}: \"getpwnam(): name not found: '{name}'\"");
            let foretold = "Either user must exist or you must provide full path to key file in check mode";
            return Err(Failure::new(host.wording(&why, foretold)));
        };
        let given = given(args, host)?;
        let path = match &args.path {
            Some(path) => PathBuf::from(host.path(path)),
            None => Path::new(&user.home).join(".ssh/authorized_keys"),
        };
        let path = if args.follow { paths::real(&path) } else { path };
        let before = String::from_utf8_lossy(&host.read(&path)?.unwrap_or_default()).into_owned();
        let after = change(args, &before, given)?;
        let mut result = result(args, &path);
        if args.path.is_some() && path.exists() {
            attributes::describe(host, &path, &mut result);
        }
        if before == after {
            return Ok(Plan::Unchanged { result });
        }
        let shown = path.to_string_lossy().into_owned();
        let diff = Diff {
            before_header: Some(shown.clone()),
            after_header: Some(shown),
            before: before.into(),
            after: after.as_str().into(),
            prepared: None,
        };
        let todo = Todo {
            directory: path.parent().filter(|_| args.manage_dir).map(Path::to_owned),
            describe: args.path.is_some(),
            path,
            content: after,
            uid: user.uid,
            gid: user.gid,
        };
        Ok(Plan::Change { todo, diff: vec![diff], result })
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        let owned = |mode: u32| Attributes {
            mode: ModeArg::parse(&Value::from(format!("{mode:04o}"))).ok(),
            owner: Some(Ok(todo.uid)),
            group: Some(Ok(todo.gid)),
            ..Attributes::default()
        };
        match &todo.directory {
            Some(directory) => {
                let private = owned(0o700);
                if !directory.exists() {
                    file::create_directories(host, directory, &private)?;
                }
                private.apply(host, directory, true)?;
            }
            None => {
                if let Some(directory) = todo.path.parent().filter(|directory| !directory.exists()) {
                    let plain =
                        Attributes { mode: ModeArg::parse(&"0755".into()).ok(), ..Attributes::default() };
                    file::create_directories(host, directory, &plain)?;
                }
            }
        }
        let private = owned(0o600);
        let content = file::Content::Bytes(todo.content.into_bytes());
        file::replace(host, file::Replacement::new(&todo.path, content, &private))
            .map_err(file::Refused::into_failure)?;
        let mut result = Map::new();
        if todo.describe {
            attributes::describe(&host.probe(), &todo.path, &mut result);
        }
        Ok(Applied { result, ..Applied::default() })
    }
}

/// The keys of the arguments, with the options and the comment asked for.
fn given(args: &Args, host: &Probe) -> Result<Vec<Key>, Failure> {
    let text = match args.key.strip_prefix("file://") {
        Some(path) => match host.read(path)? {
            Some(content) => String::from_utf8_lossy(&content).into_owned(),
            None => return Err(Failure::new(format!("Error getting key from: {}", args.key))),
        },
        None if args.key.starts_with("http") => {
            return Err(Failure::new(format!(
                "Error getting key from: {}: fetching keys is not supported yet",
                args.key
            )));
        }
        None => args.key.clone(),
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut key =
                Key::parse(line).ok_or_else(|| Failure::new(format!("invalid key specified: {line}")))?;
            if let Some(options) = &args.key_options {
                key.options = Some(options.clone());
            }
            if let Some(comment) = &args.comment {
                key.comment = comment.clone();
            }
            Ok(key)
        })
        .collect()
}

/// The file's text as it should be.
fn change(args: &Args, before: &str, given: Vec<Key>) -> Result<String, Failure> {
    let mut lines: Vec<(String, Option<Key>)> = before
        .lines()
        .map(|line| {
            (line.to_owned(), if line.trim_start().starts_with('#') { None } else { Key::parse(line) })
        })
        .collect();
    let mut wanted: Vec<Key> = Vec::new();
    for key in given {
        let is_this =
            |line: &(String, Option<Key>)| line.1.as_ref().is_some_and(|known| known.data == key.data);
        match args.state {
            State::Absent => lines.retain(|line| !is_this(line)),
            State::Present => {
                if !lines.iter().any(|line| line.1.as_ref().is_some_and(|known| known.same(&key))) {
                    // A key that is there with other words is replaced, at the end.
                    lines.retain(|line| !is_this(line));
                    lines.push((key.line(), Some(key.clone())));
                }
                wanted.push(key);
            }
        }
    }
    if args.exclusive && args.state == State::Present {
        let keeps = |line: &(String, Option<Key>)| {
            line.1.as_ref().is_some_and(|known| wanted.iter().any(|key| key.data == known.data))
        };
        if !lines.iter().all(keeps) {
            lines.retain(keeps);
        }
    }
    let after: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    Ok(if after.trim_end_matches('\n') == before.trim_end_matches('\n') { before.to_owned() } else { after })
}

fn result(args: &Args, path: &Path) -> Map {
    let state = if args.state == State::Present { "present" } else { "absent" };
    let result = Value::object([
        ("user", Value::str(&args.user)),
        ("key", args.key.as_str().into()),
        ("path", args.path.clone().into()),
        ("manage_dir", args.manage_dir.into()),
        ("state", state.into()),
        ("key_options", args.key_options.clone().into()),
        ("exclusive", args.exclusive.into()),
        ("comment", args.comment.clone().into()),
        ("validate_certs", args.validate_certs.into()),
        ("follow", args.follow.into()),
        ("keyfile", path.to_string_lossy().into_owned().into()),
    ]);
    result.as_map().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_parts() {
        let key = Key::parse(r#"no-pty,command="echo \"a b\", c" ssh-rsa AAAA a comment"#).expect("a key");
        assert_eq!(key.options.as_deref(), Some(r#"no-pty,command="echo \"a b\", c""#));
        assert_eq!(
            (key.kind.as_str(), key.data.as_str(), key.comment.as_str()),
            ("ssh-rsa", "AAAA", "a comment")
        );
        assert_eq!(key.option_set(), [r#"command="echo \"a b\", c""#, "no-pty"]);
        assert_eq!(Key::parse("broken line here"), None);
        assert_eq!(Key::parse("ssh-rsa"), None);
    }
}
