//! Where reporters write: the terminal around its live line, and the log file.

use super::palette::{Paint, Palette};
use super::status::Status;
use crate::value::Redactor;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

/// Shared by the reporters of a run. Secrets are made harmless here.
pub struct Sink {
    /// `None` if nothing is coloured.
    palette: Option<Palette>,
    /// What is only for who wants to know more goes to standard error (`verbose_to_stderr`).
    verbose_to_stderr: bool,
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
    verbosity: u8,
    silent: bool,
}

/// The settings of the log.
#[derive(Clone, Debug)]
pub struct LogFile {
    pub path: PathBuf,
    /// Who is at work, as each line says.
    pub user: String,
    /// `log_verbosity`: how much it is told where the terminal shows less.
    pub verbosity: u8,
    /// `log_filter` names what is logged here: the file stays empty.
    pub silent: bool,
}

impl Sink {
    /// `live` shows what hosts are doing at the bottom of the terminal.
    pub fn new(palette: Option<Palette>, live: bool) -> Self {
        Self {
            palette,
            verbose_to_stderr: false,
            live,
            status: Mutex::new(live.then(Status::new)),
            log: None,
        }
    }

    /// With a file that gets every line, too.
    ///
    /// # Errors
    /// Why it cannot be one, in Ansible's words.
    pub fn log_to(&mut self, file: LogFile) -> Result<(), String> {
        self.log = Some(Log::open(file)?);
        Ok(())
    }

    /// A line on standard output.
    pub fn line(&self, text: &str, colour: Option<Paint>) {
        self.logged_line(text, colour, Level::Info);
    }

    /// A line on standard output that has its own importance in the log.
    pub fn logged_line(&self, text: &str, colour: Option<Paint>, level: Level) {
        let text = self.prepared(text, colour, level);
        self.to_stdout(&text);
    }

    fn to_stdout(&self, text: &str) {
        self.around(|| {
            let mut out = std::io::stdout().lock();
            // A closed pipe (`| head`) is no reason to stop configuring hosts.
            drop(out.write_all(text.as_bytes()));
            drop(out.flush());
        });
    }

    #[must_use]
    pub fn with_verbose_to_stderr(self, verbose_to_stderr: bool) -> Self {
        Self { verbose_to_stderr, ..self }
    }

    /// A line for who wants to know more.
    fn verbose_line(&self, text: &str, colour: Option<Paint>) {
        let shown = self.prepared(text, colour, Level::Info);
        match self.verbose_to_stderr {
            true => self.to_stderr(&shown),
            false => self.to_stdout(&shown),
        }
    }

    /// A line on standard error.
    pub fn error_line(&self, text: &str, colour: Option<Paint>, level: Level) {
        let text = self.prepared(text, colour, level);
        self.to_stderr(&text);
    }

    fn to_stderr(&self, text: &str) {
        self.around(|| drop(std::io::stderr().lock().write_all(text.as_bytes())));
    }

    /// Says something to the log only.
    pub fn log(&self, text: &str, level: Level) {
        if let Some(log) = &self.log {
            log.write(&Redactor::global().redact(text), level);
        }
    }

    /// Says how something is done: on the terminal if `verbosity` is up to the remark's level, in the log also if that wants to know more.
    pub fn remark(&self, text: &str, colour: Option<Paint>, level: u8, verbosity: u8) {
        if level <= verbosity {
            self.verbose_line(text, colour);
        } else if self.log.as_ref().is_some_and(|log| log.verbosity >= level) {
            self.log(text, Level::Info);
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
    fn prepared(&self, text: &str, colour: Option<Paint>, level: Level) -> String {
        let text = Redactor::global().redact(text);
        if let Some(log) = &self.log {
            log.write(&text, level);
        }
        let painted = colour.map_or_else(|| text.clone(), |colour| self.painted(&text, colour));
        if text.ends_with('\n') { painted } else { painted + "\n" }
    }

    /// In the colour, if there are colours.
    pub fn painted(&self, text: &str, colour: Paint) -> String {
        self.palette.as_ref().map_or_else(|| text.to_owned(), |palette| palette.paint(text, colour))
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
    fn open(file: LogFile) -> Result<Self, String> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = file.path;
        if path.is_dir() {
            return Err(format!("DEFAULT_LOG_PATH can not be a directory '{}', aborting", path.display()));
        }
        let opened = File::options().create(true).append(true).mode(0o666).open(&path);
        let opened = opened.map_err(|_| {
            format!("log file at '{}' is not writeable and we cannot create it, aborting\n", path.display())
        })?;
        Ok(Self { file: Mutex::new(opened), user: file.user, verbosity: file.verbosity, silent: file.silent })
    }

    fn write(&self, text: &str, level: Level) {
        let text = console::strip_ansi_codes(text);
        let text = text.trim_start_matches('\n');
        if self.silent || text.trim().is_empty() {
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

    fn log(path: PathBuf) -> LogFile {
        LogFile { path, user: "me".into(), verbosity: 1, silent: false }
    }

    #[test]
    fn the_log_has_every_line_with_its_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut sink = Sink::new(None, false);
        sink.log_to(log(path.clone())).expect("it can be written");
        sink.log("\nPLAY [x] ***", Level::Info);
        sink.log("\n", Level::Info);
        sink.log("\x1b[0;31m[ERROR]: no\x1b[0m", Level::Error);
        sink.remark("how", None, 1, 0);
        sink.remark("how exactly", None, 2, 0);
        let text = std::fs::read_to_string(&path).expect("a log");
        let stamp =
            fancy_regex::Regex::new(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} p=\d+ u=me n=ansible ")
                .expect("a pattern");
        assert_eq!(
            stamp.replace_all(&text, "@ "),
            "@ INFO| PLAY [x] ***\n@ ERROR| [ERROR]: no\n@ INFO| how\n"
        );
    }

    #[test]
    fn a_log_that_cannot_be_written_is_told_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing/log");
        let error = Sink::new(None, false).log_to(log(path.clone())).expect_err("its folder does not exist");
        let wanted =
            format!("log file at '{}' is not writeable and we cannot create it, aborting\n", path.display());
        assert_eq!(error, wanted);
        let error = Sink::new(None, false).log_to(log(folder.path().to_owned())).expect_err("a folder");
        let wanted =
            format!("DEFAULT_LOG_PATH can not be a directory '{}', aborting", folder.path().display());
        assert_eq!(error, wanted);
    }
}
