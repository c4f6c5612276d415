//! Where reporters write: the terminal around its live line, and the log file.

use super::status::Status;
use crate::value::Redactor;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

/// Shared by the reporters of a run. Secrets are made harmless here.
pub struct Sink {
    pub colour: bool,
    live: bool,
    status: Mutex<Option<Status>>,
    log: Option<Log>,
}

/// The importance of a line in the log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Warning,
    Error,
}

struct Log {
    file: Mutex<File>,
    user: String,
}

impl Sink {
    /// `live` shows what hosts are doing at the bottom of the terminal; `log` is a file that gets every line, too.
    ///
    /// # Errors
    /// The log file cannot be opened.
    pub fn new(colour: bool, live: bool, log: Option<&Path>) -> Result<Self, String> {
        Ok(Self {
            colour,
            live,
            status: Mutex::new(live.then(Status::new)),
            log: log.map(Log::open).transpose()?,
        })
    }

    /// A line on standard output.
    pub fn line(&self, text: &str, colour: Option<&str>) {
        self.logged_line(text, colour, Level::Info);
    }

    /// A line on standard output that has its own importance in the log.
    pub fn logged_line(&self, text: &str, colour: Option<&str>, level: Level) {
        let text = self.prepared(text, colour, level);
        self.around(|| {
            let mut out = std::io::stdout().lock();
            // A closed pipe (`| head`) is no reason to stop configuring hosts.
            drop(out.write_all(text.as_bytes()));
            drop(out.flush());
        });
    }

    /// A line on standard error.
    pub fn error_line(&self, text: &str, colour: Option<&str>, level: Level) {
        let text = self.prepared(text, colour, level);
        self.around(|| drop(std::io::stderr().lock().write_all(text.as_bytes())));
    }

    /// Says something to the log only.
    pub fn log(&self, text: &str, level: Level) {
        if let Some(log) = &self.log {
            log.write(&Redactor::global().redact(text), level);
        }
    }

    /// Does something with the live line, where there is one.
    pub fn with_status(&self, work: impl FnOnce(&Status)) {
        if let Ok(status) = self.status.lock()
            && let Some(status) = &*status
        {
            work(status);
        }
    }

    /// The live line comes back.
    pub fn begin_status(&self) {
        if self.live
            && let Ok(mut status) = self.status.lock()
        {
            *status = Some(Status::new());
        }
    }

    pub fn end_status(&self) {
        if let Ok(mut status) = self.status.lock()
            && let Some(status) = status.take()
        {
            status.end();
        }
    }

    /// Redacted, logged, painted, with a newline at its end.
    fn prepared(&self, text: &str, colour: Option<&str>, level: Level) -> String {
        let text = Redactor::global().redact(text);
        if let Some(log) = &self.log {
            log.write(&text, level);
        }
        let painted = match colour.filter(|_| self.colour) {
            Some(colour) => {
                let lines: Vec<String> =
                    text.split('\n').map(|line| format!("\x1b[{colour}m{line}\x1b[0m")).collect();
                lines.join("\n")
            }
            None => text.clone(),
        };
        if text.ends_with('\n') { painted } else { painted + "\n" }
    }

    fn around(&self, print: impl FnOnce()) {
        match self.status.lock() {
            Ok(status) => match &*status {
                Some(status) => status.suspend(print),
                None => print(),
            },
            Err(_) => print(),
        }
    }
}

impl Log {
    fn open(path: &Path) -> Result<Self, String> {
        use std::os::unix::fs::OpenOptionsExt;
        let opened = File::options().create(true).append(true).mode(0o666).open(path);
        let file =
            opened.map_err(|error| format!("the log file {} cannot be written: {error}", path.display()))?;
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
        Ok(Self { file: Mutex::new(file), user })
    }

    fn write(&self, text: &str, level: Level) {
        let text = text.trim_start_matches('\n');
        if text.trim().is_empty() {
            return;
        }
        let level = match level {
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        };
        let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f");
        if let Ok(mut file) = self.file.lock() {
            let (process, user) = (std::process::id(), &self.user);
            drop(writeln!(file, "{now} p={process} u={user} n=ansible {level}| {text}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_every_line_with_its_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let sink = Sink::new(false, false, Some(&path)).expect("it can be written");
        sink.log("\nPLAY [x] ***", Level::Info);
        sink.log("\n", Level::Info);
        sink.log("[ERROR]: no", Level::Error);
        let text = std::fs::read_to_string(&path).expect("a log");
        let stamp =
            fancy_regex::Regex::new(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} p=\d+ u=\S* n=ansible ")
                .expect("a pattern");
        assert_eq!(stamp.replace_all(&text, "@ "), "@ INFO| PLAY [x] ***\n@ ERROR| [ERROR]: no\n");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing/log");
        let error = Sink::new(false, false, Some(&path)).err().expect("its folder does not exist");
        let wanted = format!("the log file {} cannot be written: No such file", path.display());
        assert!(error.starts_with(&wanted), "{error}");
    }
}
