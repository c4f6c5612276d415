//! Access and modification times.

use super::{Draft, Step};
use crate::modules::kit::{Failure, file};
use crate::value::Value;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Times to set; `None` is the present.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    access: Option<Timespec>,
    modification: Option<Timespec>,
}

impl Times {
    pub(super) fn set(&self, path: &Path, follow: bool) -> std::io::Result<()> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps {
            last_access: self.access.unwrap_or(now),
            last_modification: self.modification.unwrap_or(now),
        };
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        Ok(rustix::fs::utimensat(CWD, path, &times, flags)?)
    }
}

/// What a time argument asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Preserve,
    Now,
    At(i64),
}

fn wanted(argument: Option<&str>, format: &str, default: &str) -> Result<Wanted, Failure> {
    match argument.unwrap_or(default) {
        "preserve" => Ok(Wanted::Preserve),
        "now" => Ok(Wanted::Now),
        text => {
            let parsed = jiff::fmt::strtime::parse(format, text).and_then(|time| {
                let civil = match (time.to_datetime(), time.to_date()) {
                    (Ok(datetime), _) => datetime,
                    (_, Ok(date)) => date.to_datetime(jiff::civil::Time::midnight()),
                    (Err(error), Err(_)) => return Err(error),
                };
                civil.to_zoned(jiff::tz::TimeZone::system())
            });
            match parsed {
                Ok(time) => Ok(Wanted::At(time.timestamp().as_second())),
                Err(_) => Err(Failure::new(format!(
                    "Error while obtaining timestamp for time {text} using format {format}: time data '{text}' does not match format '{format}'"
                ))),
            }
        }
    }
}

impl Draft<'_> {
    /// Access and modification time, as the arguments ask for them.
    fn wanted_times(&self, default: &str) -> Result<(Wanted, Wanted), Failure> {
        let args = self.args;
        Ok((
            wanted(args.access_time.as_deref(), &args.access_time_format, default)?,
            wanted(args.modification_time.as_deref(), &args.modification_time_format, default)?,
        ))
    }

    /// Plans the times of an existing file.
    pub(super) fn times(&mut self, path: &Path, default: &str) -> Result<(), Failure> {
        let (access, modification) = self.wanted_times(default)?;
        if (access, modification) == (Wanted::Preserve, Wanted::Preserve) {
            return Ok(());
        }
        let follow = self.args.follow;
        let Some(found) = file::metadata(path, follow) else { return Ok(()) };
        let accessed = Timespec { tv_sec: found.atime(), tv_nsec: found.atime_nsec() };
        let modified = Timespec { tv_sec: found.mtime(), tv_nsec: found.mtime_nsec() };
        let times =
            Times { access: resolve(access, accessed), modification: resolve(modification, modified) };
        if times.access == Some(accessed) && times.modification == Some(modified) {
            return Ok(());
        }
        for (name, old, new) in [("mtime", modified, times.modification), ("atime", accessed, times.access)] {
            if new != Some(old) {
                self.note(name, seconds(old), new.map_or_else(now, seconds));
            }
        }
        self.steps.push(Step::Times { path: path.to_owned(), follow, times });
        Ok(())
    }

    /// Plans the times of a file that another step creates: they are the present already.
    pub(super) fn times_of_new(&mut self, path: &Path) -> Result<(), Failure> {
        let (access, modification) = self.wanted_times("now")?;
        if matches!(access, Wanted::At(_)) || matches!(modification, Wanted::At(_)) {
            let present = |wanted| match wanted {
                Wanted::At(second) => Some(Timespec { tv_sec: second, tv_nsec: 0 }),
                _ => None,
            };
            let times = Times { access: present(access), modification: present(modification) };
            self.steps.push(Step::Times { path: path.to_owned(), follow: self.args.follow, times });
        }
        Ok(())
    }
}

fn resolve(wanted: Wanted, current: Timespec) -> Option<Timespec> {
    match wanted {
        Wanted::Preserve => Some(current),
        Wanted::Now => None,
        Wanted::At(second) => Some(Timespec { tv_sec: second, tv_nsec: 0 }),
    }
}

fn seconds(time: Timespec) -> Value {
    Value::Float(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

fn now() -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Value::Float(now.map(|since| since.as_secs_f64()).unwrap_or_default())
}
