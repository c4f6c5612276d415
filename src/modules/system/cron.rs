//! `cron`: jobs and variables of a crontab, of a user or in a file.

use super::crontab::{Crontab, Place};
use crate::modules::kit::diff::{self, Side};
use crate::modules::kit::file::{self, Content, Replacement};
use crate::modules::kit::mode::ModeArg;
use crate::modules::kit::{
    Applied, Attributes, Command, Failure, Module, Output, Plan, Probe, Target, os_error, private,
};
use crate::value::Map;
use serde::Deserialize;
use std::path::Path;

pub struct Cron;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// What the job is called in the comment before it, or the name of the variable.
    name: String,
    /// The command, or the value of the variable.
    #[serde(alias = "value")]
    job: Option<String>,
    /// Whose crontab; in a file, who runs the job.
    user: Option<String>,
    /// A file in place of a user's crontab, relative to `/etc/cron.d`.
    cron_file: Option<String>,
    #[serde(default)]
    state: State,
    #[serde(default = "every")]
    minute: String,
    #[serde(default = "every")]
    hour: String,
    #[serde(default = "every", alias = "dom")]
    day: String,
    #[serde(default = "every")]
    month: String,
    #[serde(default = "every", alias = "dow")]
    weekday: String,
    special_time: Option<SpecialTime>,
    /// Keep the job, as a comment.
    #[serde(default)]
    disabled: bool,
    /// It is about a variable.
    #[serde(default)]
    env: bool,
    insertafter: Option<String>,
    insertbefore: Option<String>,
    /// Keep the old crontab in a file.
    #[serde(default)]
    backup: bool,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    #[default]
    Present,
}

#[derive(Deserialize, Clone, Copy, Debug)]
#[serde(rename_all = "lowercase")]
enum SpecialTime {
    Annually,
    Daily,
    Hourly,
    Monthly,
    Reboot,
    Weekly,
    Yearly,
}

fn every() -> String {
    "*".into()
}

/// A crontab to write.
pub struct Todo {
    place: Place,
    before: String,
    after: String,
    backup: bool,
}

impl Module for Cron {
    const NAME: &'static str = "cron";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let place = args.place(host);
        let present = args.state == State::Present;
        args.check(present)?;
        if let Place::File(path) = &place {
            let name = path.rsplit('/').next().unwrap_or_default();
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
                host.warn(format!(
                    "Filename portion of cron_file (\"{name}\") should consist solely of upper- and lower-case \
                     letters, digits, underscores, and hyphens"
                ));
            }
        }
        let before = read(&place, host)?;
        let mut table = Crontab::parse(&before);
        match (args.env, present) {
            (true, true) => {
                let declaration = format!("{}=\"{}\"", args.name, args.job.as_deref().unwrap_or_default());
                let (after, other) = match (&args.insertafter, &args.insertbefore) {
                    (Some(other), _) => (true, Some(other)),
                    (None, other) => (false, other.as_ref()),
                };
                table
                    .set_variable(&args.name, &declaration, other.map(String::as_str), after)
                    .map_err(|missing| Failure::new(format!("Variable named '{missing}' not found.")))?;
            }
            (true, false) => table.remove_variable(&args.name),
            (false, true) => {
                if args.job().contains(['\r', '\n']) {
                    host.warn("Job should not contain line breaks");
                }
                table.set_job(&args.name, &args.line());
            }
            (false, false) => table.remove_job(&args.name),
        }
        let mut result = Map::new();
        result.insert("jobs".into(), table.jobs().into());
        result.insert("envs".into(), table.variables().into());
        if let Some(file) = &args.cron_file {
            result.insert("cron_file".into(), file.as_str().into());
        }
        if !table.is_changed() {
            return Ok(Plan::Unchanged { result });
        }
        let after = table.text();
        let header = place.describe();
        let diff = diff::texts(
            &Side::new(header.as_str(), before.as_bytes()),
            &Side::new(header.as_str(), after.as_bytes()),
            diff::UNLIMITED,
        );
        Ok(Plan::Change {
            todo: Todo { place, before, after, backup: args.backup },
            diff: vec![diff],
            result,
        })
    }

    fn apply(todo: Todo, target: &mut Target) -> Result<Applied, Failure> {
        let mut applied = Applied::default();
        if todo.backup {
            let backup = file::create_temporary(target, &std::env::temp_dir(), "crontab", "", false)?;
            std::fs::write(&backup, &todo.before).map_err(|error| {
                Failure::new(format!("cannot write {}: {}", backup.display(), os_error(&error)))
            })?;
            applied.result.insert("backup_file".into(), backup.to_string_lossy().as_ref().into());
        }
        match &todo.place {
            Place::File(path) => {
                let attributes = Attributes { mode: Some(ModeArg::Bits(0o644)), ..Attributes::default() };
                let content = Content::Bytes(todo.after.into_bytes());
                file::replace(target, Replacement::new(Path::new(path), content, &attributes))
                    .map_err(file::Refused::into_failure)?;
            }
            Place::User(user) => {
                let content = private::data("crontab", todo.after.as_bytes())?;
                let output = target.run(&crontab(user.as_deref(), &content.path().to_string_lossy()))?;
                if !output.success() {
                    return Err(Failure::new(output.stderr()));
                }
            }
        }
        Ok(applied)
    }
}

impl Args {
    fn place(&self, host: &Probe) -> Place {
        match &self.cron_file {
            Some(file) => {
                let path = host.path(file);
                Place::File(if path.starts_with('/') { path } else { format!("/etc/cron.d/{path}") })
            }
            None => Place::User(self.user.clone()),
        }
    }

    fn check(&self, present: bool) -> Result<(), Failure> {
        let times = [&self.minute, &self.hour, &self.day, &self.month, &self.weekday];
        if self.insertafter.is_some() && self.insertbefore.is_some() {
            return Err(Failure::new("parameters are mutually exclusive: insertafter|insertbefore"));
        }
        if self.special_time.is_some() && times.iter().any(|time| *time != "*") {
            return Err(Failure::new(
                "You cannot combine special_time with any of the time or day/date parameters.",
            ));
        }
        if self.cron_file.is_some() && present && self.user.is_none() {
            return Err(Failure::new("To use cron_file=... parameter you must specify user=... as well"));
        }
        if present && self.job.is_none() {
            return Err(Failure::new("You must specify 'job' to install a new cron job or variable"));
        }
        Ok(())
    }

    fn job(&self) -> &str {
        self.job.as_deref().unwrap_or_default().trim_matches(['\r', '\n'])
    }

    /// The job's line.
    fn line(&self) -> String {
        let disabled = if self.disabled { "#" } else { "" };
        let time = match self.special_time {
            Some(time) => format!("@{time:?}").to_lowercase(),
            None => [&self.minute, &self.hour, &self.day, &self.month, &self.weekday]
                .map(String::as_str)
                .join(" "),
        };
        let job = self.job();
        match self.user.as_deref().filter(|_| self.cron_file.is_some()) {
            Some(user) => format!("{disabled}{time} {user} {job}"),
            None => format!("{disabled}{time} {job}"),
        }
    }
}

fn read(place: &Place, host: &Probe) -> Result<String, Failure> {
    match place {
        Place::File(path) => {
            Ok(host.read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
        }
        Place::User(user) => {
            let output: Output = host.query(&crontab(user.as_deref(), "-l").english())?;
            // 1 says that there is none.
            if output.rc > 1 {
                return Err(Failure::new("Unable to read crontab"));
            }
            Ok(if output.success() { output.stdout() } else { String::new() })
        }
    }
}

fn crontab(user: Option<&str>, last: &str) -> Command {
    let of_user = user.map(|user| ["-u", user]);
    Command::new(["crontab"].into_iter().chain(of_user.into_iter().flatten()).chain([last]))
}
