//! Running commands on the host: argument vectors, never a shell (but for `shell` and `raw`).

use super::Failure;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};

/// A command to run.
#[derive(Clone, Debug, Default)]
pub struct Command {
    pub argv: Vec<OsString>,
    pub stdin: Option<Vec<u8>>,
    pub directory: Option<PathBuf>,
    /// Over the task's environment.
    pub environment: Vec<(String, String)>,
    /// Messages in English (`LC_ALL=C.UTF-8`), for commands whose output is parsed.
    pub english: bool,
    pub umask: Option<u32>,
}

/// How a command ended.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The exit status; a signal is its negative number.
    pub rc: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Output {
    pub fn success(&self) -> bool {
        self.rc == 0
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl Command {
    pub fn new<S: Into<OsString>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The output will be parsed: English messages.
    pub fn english(mut self) -> Self {
        self.english = true;
        self
    }

    pub fn stdin(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(data.into());
        self
    }

    pub(super) fn run(
        &self,
        environment: &[(String, String)],
        live: &mut dyn FnMut(&str),
    ) -> Result<Output, Failure> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(Failure::new("no command given"));
        };
        let mut process = Process::new(program);
        process.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        process.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        if self.english {
            process.env("LC_ALL", "C.UTF-8").env("LANG", "C.UTF-8").env("LANGUAGE", "C.UTF-8");
        }
        process.envs(environment.iter().cloned()).envs(self.environment.iter().cloned());
        if let Some(directory) = &self.directory {
            process.current_dir(directory);
        }
        let mut child = process.spawn().map_err(|error| {
            Failure::new(format!("cannot run {}: {error}", program.to_string_lossy()))
                .with("rc", i64::from(error.raw_os_error().unwrap_or(1)))
                .with("errno", i64::from(error.raw_os_error().unwrap_or(0)))
        })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut output = Output::default();
        std::thread::scope(|scope| {
            if let (Some(mut pipe), Some(data)) = (stdin, &self.stdin) {
                // A command that does not read all of its input is no error.
                scope.spawn(move || drop(pipe.write_all(data)));
            }
            let errors = scope.spawn(move || {
                let mut bytes = Vec::new();
                if let Some(mut pipe) = stderr {
                    drop(pipe.read_to_end(&mut bytes));
                }
                bytes
            });
            if let Some(mut pipe) = stdout {
                let mut buffer = [0; 8192];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    output.stdout.extend_from_slice(&buffer[..count]);
                    live(&String::from_utf8_lossy(&buffer[..count]));
                }
            }
            output.stderr = errors.join().unwrap_or_default();
        });
        let status = child.wait().map_err(|error| Failure::new(format!("cannot wait: {error}")))?;
        use std::os::unix::process::ExitStatusExt;
        output.rc = status.code().unwrap_or_else(|| -status.signal().unwrap_or(1));
        Ok(output)
    }
}
