//! `user`: accounts, with the tools of the shadow suite.

use super::shadow::{self, Shadow};
use super::ssh_key::{self, Key};
use crate::modules::kit::users::{self, User as Account};
use crate::modules::kit::{Applied, Changed, Command, Failure, Module, Plan, Probe, Target};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

pub struct User;

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Args {
    #[serde(alias = "user")]
    name: String,
    #[serde(default)]
    state: State,
    uid: Option<u32>,
    /// Let several users have the number.
    #[serde(default)]
    non_unique: bool,
    /// The SELinux user.
    seuser: Option<String>,
    /// The primary group.
    group: Option<String>,
    /// The other groups.
    groups: Option<Vec<String>>,
    /// Keep groups that are not named.
    #[serde(default)]
    append: bool,
    comment: Option<String>,
    home: Option<String>,
    /// Move the old home directory to the new place.
    #[serde(default)]
    move_home: bool,
    #[serde(default = "yes", alias = "createhome")]
    create_home: bool,
    /// Where a new home directory is copied from.
    skeleton: Option<String>,
    umask: Option<String>,
    shell: Option<String>,
    /// A system account, with a low number (new accounts only).
    #[serde(default)]
    system: bool,
    /// The hash.
    password: Option<String>,
    #[serde(default)]
    update_password: UpdatePassword,
    password_lock: Option<bool>,
    password_expire_max: Option<i64>,
    password_expire_min: Option<i64>,
    password_expire_warn: Option<i64>,
    password_expire_account_disable: Option<i64>,
    /// Seconds since the epoch; a negative number is never.
    expires: Option<f64>,
    /// With `state=absent`: delete the home directory, too.
    #[serde(default)]
    remove: bool,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    generate_ssh_key: bool,
    ssh_key_bits: Option<u32>,
    #[serde(default = "rsa")]
    ssh_key_type: String,
    ssh_key_file: Option<String>,
    ssh_key_comment: Option<String>,
    ssh_key_passphrase: Option<String>,
    uid_min: Option<u32>,
    uid_max: Option<u32>,
    /// Look at this host's own files only.
    #[serde(default, rename = "local")]
    _local: bool,
    // Of other systems; they do nothing here.
    #[serde(rename = "login_class")]
    _login_class: Option<Value>,
    #[serde(rename = "authorization")]
    _authorization: Option<Value>,
    #[serde(rename = "profile")]
    _profile: Option<Value>,
    #[serde(rename = "role")]
    _role: Option<Value>,
    #[serde(rename = "hidden")]
    _hidden: Option<Value>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    #[default]
    Present,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum UpdatePassword {
    #[default]
    Always,
    OnCreate,
}

fn yes() -> bool {
    true
}

fn rsa() -> String {
    "rsa".into()
}

/// Everything that is to happen, in this order.
pub struct Todo {
    args: Args,
    /// The one command that creates, changes or deletes the account.
    main: Option<Command>,
    /// A hash to set.
    password: Option<String>,
    /// Commands after it (`chage`, `usermod -L`).
    rest: Vec<Command>,
    /// A home directory to make.
    home: Option<PathBuf>,
    key: Option<Key>,
    is_new: bool,
    /// A group that does not exist: a task before this one may be about to create it, so only applying fails.
    missing: Option<String>,
}

impl Module for User {
    const NAME: &'static str = "user";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        if let Some(hash) = args.password.as_deref().filter(|hash| shadow::looks_plain(hash)) {
            let _ = hash;
            host.warn("The input password appears not to have been hashed. The 'password' argument must be encrypted for this module to work properly.");
        }
        if args.append && args.groups.is_none() {
            host.warn("'append' is set, but no 'groups' are specified. Use 'groups' for appending new groups.This will change to an error in Ansible 2.14.");
        }
        let account = users::user_by_name(host, &args.name);
        let todo = |main| Todo {
            args: args.clone(),
            main,
            password: None,
            rest: Vec::new(),
            home: None,
            key: None,
            is_new: false,
            missing: missing_group(args, host),
        };
        match (args.state, account) {
            (State::Absent, None) => {
                Ok(Plan::unchanged(Value::object([("name", args.name.as_str()), ("state", "absent")])))
            }
            (State::Absent, Some(_)) => {
                let mut words = vec!["userdel"];
                words.extend(args.force.then_some("-f"));
                words.extend(args.remove.then_some("-r"));
                words.push(&args.name);
                Ok(Plan::change(todo(Some(Command::new(words))), Vec::new(), Value::Null))
            }
            (State::Present, None) => {
                let mut todo = todo(Some(creation(args, host)));
                todo.is_new = true;
                todo.password = args.password.as_ref().map(|hash| locked(hash, args.password_lock));
                todo.rest.extend(ages(args, &Shadow::default()));
                if args.password_lock == Some(true) && args.password.is_none() {
                    todo.rest.push(Command::new(["usermod", "-L", &args.name]));
                }
                let home =
                    args.home.as_deref().map_or_else(|| format!("/home/{}", args.name), |h| host.path(h));
                todo.key = key(args, host, Path::new(&home));
                Ok(Plan::change(todo, Vec::new(), Value::Null))
            }
            (State::Present, Some(account)) => {
                let mut todo = todo(None);
                modification(&mut todo, &account, host)?;
                let mut result = present(args, &account, false);
                let nothing = todo.main.is_none() && todo.password.is_none() && todo.rest.is_empty();
                let nothing = nothing && todo.home.is_none() && todo.key.is_none() && todo.missing.is_none();
                if args.generate_ssh_key && todo.key.is_none() {
                    let path = key_path(args, host, Path::new(&account.home));
                    host.warn(format!(
                        "Found existing ssh key private file \"{}\", no force, so skipping ssh-keygen generation",
                        path.display()
                    ));
                    ssh_key::describe(&path, host, &mut result);
                }
                match nothing {
                    true => Ok(Plan::Unchanged { result }),
                    false => Ok(Plan::Change { todo, diff: Vec::new(), result }),
                }
            }
        }
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        let args = &todo.args;
        if let Some(name) = &todo.missing {
            return Err(Failure::new(format!("Group {name} does not exist")));
        }
        let mut said = (String::new(), String::new());
        let mut run = |host: &mut Target, command: &Command| -> Result<(), Failure> {
            let output = super::run(host, &args.name, command)?;
            said.0.push_str(&output.stdout());
            said.1.push_str(&output.stderr());
            Ok(())
        };
        if todo.is_new
            && args.create_home
            && let Some(home) = &args.home
        {
            let home = PathBuf::from(host.probe().path(home));
            if let Some(parent) = home.parent() {
                std::fs::create_dir_all(parent)
                    .map_err(|error| Failure::new(format!("cannot create {}: {error}", parent.display())))?;
            }
        }
        if let Some(command) = &todo.main {
            run(host, command)?;
        }
        if let Some(hash) = &todo.password {
            // Arguments can be seen by everybody; what a program reads cannot.
            run(host, &Command::new(["chpasswd", "-e"]).stdin(format!("{}:{hash}\n", args.name)))?;
        }
        for command in &todo.rest {
            run(host, command)?;
        }
        let mut result = Map::new();
        match users::user_by_name(&host.probe(), &args.name) {
            Some(account) => {
                if let Some(home) = &todo.home {
                    make_home(home, args, &account)?;
                }
                if let Some(key) = &todo.key {
                    ssh_key::generate(host, &args.name, key, account.uid, account.gid)?;
                }
                result = present(args, &account, todo.is_new);
                if args.generate_ssh_key {
                    let path = key_path(args, &host.probe(), Path::new(&account.home));
                    ssh_key::describe(&path, &host.probe(), &mut result);
                }
            }
            None => {
                result.insert("name".into(), args.name.as_str().into());
                result.insert("state".into(), "absent".into());
                result.insert("force".into(), args.force.into());
                result.insert("remove".into(), args.remove.into());
            }
        }
        for (key, text) in [("stdout", said.0), ("stderr", said.1)] {
            if !text.is_empty() {
                result.insert(key.into(), text.into());
            }
        }
        Ok(Applied { result, changed: Changed::Yes, diff: None })
    }
}

/// The result for an account that exists.
fn present(args: &Args, account: &Account, is_new: bool) -> Map {
    let mut result = Map::new();
    let mut set = |key: &str, value: Value| result.insert(key.into(), value);
    set("name", args.name.as_str().into());
    set("state", "present".into());
    if is_new {
        set("system", args.system.into());
        set("create_home", args.create_home.into());
    } else {
        set("append", args.append.into());
        set("move_home", args.move_home.into());
    }
    set("uid", account.uid.into());
    set("group", account.gid.into());
    set("comment", account.gecos.as_str().into());
    set("home", account.home.as_str().into());
    set("shell", account.shell.as_str().into());
    if let Some(groups) = &args.groups {
        set("groups", groups.join(",").into());
    }
    if args.password.is_some() {
        set("password", "NOT_LOGGING_PASSWORD".into());
    }
    result
}

/// The group of that name or number.
fn group(host: &Probe, name: &str) -> Option<users::Group> {
    users::group_by_name(host, name)
        .or_else(|| name.parse().ok().and_then(|gid| users::group_by_id(host, gid)))
}

/// The groups asked for, as they are given.
fn group_names(args: &Args) -> Option<impl Iterator<Item = &str>> {
    let names = args.groups.as_ref()?;
    Some(names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()))
}

/// The first group asked for that does not exist.
fn missing_group(args: &Args, host: &Probe) -> Option<String> {
    let mut names = args.group.as_deref().into_iter().chain(group_names(args).into_iter().flatten());
    names.find(|name| group(host, name).is_none()).map(str::to_owned)
}

/// The names of the groups asked for.
fn wanted_groups(args: &Args, host: &Probe) -> Option<BTreeSet<String>> {
    Some(
        group_names(args)?
            .map(|name| group(host, name).map_or_else(|| name.into(), |group| group.name))
            .collect(),
    )
}

fn date(seconds: f64) -> String {
    let moment = jiff::Timestamp::from_second(seconds.floor() as i64).unwrap_or_default();
    moment.strftime("%Y-%m-%d").to_string()
}

/// A hash that cannot be logged in with, if that is wanted.
fn locked(hash: &str, lock: Option<bool>) -> String {
    match lock {
        Some(true) if !hash.starts_with('!') => format!("!{hash}"),
        _ => hash.to_owned(),
    }
}

fn creation(args: &Args, host: &Probe) -> Command {
    let mut words: Vec<String> = vec!["useradd".into()];
    if args.group.is_none() && users::group_by_name(host, &args.name).is_some() {
        // useradd would refuse to make another group of that name; the default group it is.
        words.push("-N".into());
    }
    let mut option = |flag: &str, value: &str| words.extend([flag.to_owned(), value.to_owned()]);
    if let Some(uid) = args.uid {
        option("-u", &uid.to_string());
    }
    if let Some(seuser) = &args.seuser {
        option("-Z", seuser);
    }
    if let Some(name) = &args.group {
        option("-g", name);
    }
    if let Some(groups) = wanted_groups(args, host).filter(|groups| !groups.is_empty()) {
        option("-G", &groups.into_iter().collect::<Vec<_>>().join(","));
    }
    if let Some(comment) = &args.comment {
        option("-c", comment);
    }
    if let Some(home) = &args.home {
        option("-d", &host.path(home));
    }
    if let Some(shell) = &args.shell {
        option("-s", &host.path(shell));
    }
    match args.expires {
        Some(seconds) if seconds < 0.0 => option("-e", ""),
        Some(seconds) => option("-e", &date(seconds)),
        None => {}
    }
    if let Some(days) = args.password_expire_account_disable {
        option("-f", &days.to_string());
    }
    if args.create_home {
        if let Some(skeleton) = &args.skeleton {
            option("-k", skeleton);
        }
        if let Some(umask) = &args.umask {
            option("-K", &format!("UMASK={umask}"));
        }
    }
    for (key, value) in [("UID_MIN", args.uid_min), ("UID_MAX", args.uid_max)] {
        if let Some(value) = value {
            option("-K", &format!("{key}={value}"));
        }
    }
    if args.uid.is_some() && args.non_unique {
        words.push("-o".into());
    }
    words.push(if args.create_home { "-m".into() } else { "-M".into() });
    if args.system {
        words.push("-r".into());
    }
    words.push(args.name.clone());
    Command::new(words)
}

/// Fills in what must happen to an account that exists.
fn modification(todo: &mut Todo, account: &Account, host: &Probe) -> Result<(), Failure> {
    let args = &todo.args;
    let mut words: Vec<String> = Vec::new();
    let option =
        |words: &mut Vec<String>, flag: &str, value: &str| words.extend([flag.to_owned(), value.to_owned()]);
    if let Some(uid) = args.uid.filter(|uid| *uid != account.uid) {
        option(&mut words, "-u", &uid.to_string());
        words.extend(args.non_unique.then(|| "-o".to_owned()));
    }
    if let Some(wanted) = args.group.as_ref().and_then(|name| group(host, name))
        && wanted.gid != account.gid
    {
        option(&mut words, "-g", &wanted.gid.to_string());
    }
    if let Some(wanted) = wanted_groups(args, host) {
        let current = supplementary(host, account);
        let primary = users::group_by_id(host, account.gid).map(|group| group.name);
        let wanted: BTreeSet<String> =
            wanted.into_iter().filter(|name| Some(name) != primary.as_ref()).collect();
        let differs = if args.append { !wanted.is_subset(&current) } else { wanted != current };
        if differs {
            words.extend(args.append.then(|| "-a".to_owned()));
            option(&mut words, "-G", &wanted.into_iter().collect::<Vec<_>>().join(","));
        }
    }
    if let Some(comment) = args.comment.as_ref().filter(|comment| **comment != account.gecos) {
        option(&mut words, "-c", comment);
    }
    let home = args.home.as_deref().map(|home| host.path(home));
    if let Some(home) = home.as_deref().filter(|home| *home != account.home) {
        option(&mut words, "-d", home);
        words.extend(args.move_home.then(|| "-m".to_owned()));
    }
    if let Some(shell) = args.shell.as_deref().map(|shell| host.path(shell)).filter(|s| *s != account.shell) {
        option(&mut words, "-s", &shell);
    }
    let shadow = shadow::of(host, &args.name)?.unwrap_or_default();
    if let Some(seconds) = args.expires {
        let days = (seconds / 86400.0).floor() as i64;
        match shadow.expires {
            Some(_) if seconds < 0.0 => option(&mut words, "-e", ""),
            _ if seconds < 0.0 => {}
            current if current != Some(days) => option(&mut words, "-e", &date(seconds)),
            _ => {}
        }
    }
    if let Some(days) = args.password_expire_account_disable
        && shadow.inactive.unwrap_or(-1) != days.max(-1)
    {
        option(&mut words, "-f", &days.to_string());
    }
    let always = args.update_password == UpdatePassword::Always;
    if let Some(hash) = args.password.as_ref().filter(|_| always) {
        // Whether it is locked is another question, unless that is asked, too.
        let same = match args.password_lock {
            Some(_) => shadow.hash == locked(hash, args.password_lock),
            None => shadow.hash == *hash || (hash != "!" && shadow.hash.strip_prefix('!') == Some(hash)),
        };
        if !same {
            todo.password = Some(locked(hash, args.password_lock));
        }
    }
    if todo.password.is_none() {
        let is_locked = shadow.hash.starts_with('!');
        match args.password_lock {
            Some(true) if !is_locked => words.push("-L".into()),
            Some(false) if is_locked => words.push("-U".into()),
            _ => {}
        }
    }
    if !words.is_empty() {
        words.insert(0, "usermod".into());
        words.push(args.name.clone());
        todo.main = Some(Command::new(words));
    }
    todo.rest = ages(args, &shadow);
    let home = home.unwrap_or_else(|| account.home.clone());
    if args.create_home
        && !Path::new(&home).exists()
        && !(args.move_home && Path::new(&account.home).exists())
    {
        todo.home = Some(home.clone().into());
    }
    todo.key = key(args, host, Path::new(&home));
    Ok(())
}

/// The groups that have the user as a member.
fn supplementary(host: &Probe, account: &Account) -> BTreeSet<String> {
    let text = host.read("/etc/group").ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let (name, gid) = (fields.next()?, fields.nth(1)?.parse::<u32>().ok()?);
            let members = fields.next()?;
            (gid != account.gid && members.split(',').any(|member| member == account.name))
                .then(|| name.to_owned())
        })
        .collect()
}

/// The `chage` that sets what differs.
fn ages(args: &Args, shadow: &Shadow) -> Vec<Command> {
    let mut words: Vec<String> = Vec::new();
    for (flag, wanted, current) in [
        ("-m", args.password_expire_min, shadow.min),
        ("-M", args.password_expire_max, shadow.max),
        ("-W", args.password_expire_warn, shadow.warn),
    ] {
        if let Some(days) = wanted.filter(|days| Some(*days) != current) {
            words.extend([flag.to_owned(), days.to_string()]);
        }
    }
    if words.is_empty() {
        return Vec::new();
    }
    words.insert(0, "chage".into());
    words.push(args.name.clone());
    vec![Command::new(words)]
}

fn key_path(args: &Args, host: &Probe, home: &Path) -> PathBuf {
    match &args.ssh_key_file {
        Some(file) => home.join(host.path(file)),
        None => home.join(format!(".ssh/id_{}", args.ssh_key_type)),
    }
}

fn key(args: &Args, host: &Probe, home: &Path) -> Option<Key> {
    let path = key_path(args, host, home);
    if !args.generate_ssh_key || path.exists() && !args.force {
        return None;
    }
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Some(Key {
        path,
        kind: args.ssh_key_type.clone(),
        bits: args.ssh_key_bits.filter(|bits| *bits > 0),
        comment: args.ssh_key_comment.clone().unwrap_or_else(|| format!("ansible-generated on {node}")),
        passphrase: args.ssh_key_passphrase.clone(),
        overwrite: args.force,
    })
}

/// A home directory like the skeleton, the user's own.
fn make_home(home: &Path, args: &Args, account: &Account) -> Result<(), Failure> {
    let skeleton = PathBuf::from(args.skeleton.as_deref().unwrap_or("/etc/skel"));
    let umask = args.umask.as_deref().and_then(|text| u32::from_str_radix(text, 8).ok());
    let umask = umask.or_else(login_umask).unwrap_or(0o022);
    let failed =
        |error: std::io::Error| Failure::new(format!("failed to create the home directory: {error}"));
    if let Some(parent) = home.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    copy_tree(&skeleton, home, account).map_err(failed)?;
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o777 & !umask)).map_err(failed)
}

fn login_umask() -> Option<u32> {
    let text = std::fs::read_to_string("/etc/login.defs").ok()?;
    let of = |key: &str| {
        text.lines().filter_map(|line| line.trim().strip_prefix(key)).find_map(|rest| {
            rest.starts_with([' ', '\t'])
                .then(|| u32::from_str_radix(rest.trim().trim_start_matches("0o"), 8).ok())?
        })
    };
    of("HOME_MODE").map(|mode| 0o777 & !mode).or_else(|| of("UMASK"))
}

fn copy_tree(from: &Path, to: &Path, account: &Account) -> std::io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(to)?;
    lchown(to, Some(account.uid), Some(account.gid))?;
    if !from.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_tree(&entry.path(), &target, account)?;
            let mode = entry.metadata()?.mode() & 0o7777;
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(mode))?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(entry.path())?, &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
        }
        lchown(&target, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}
