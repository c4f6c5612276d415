//! Running commands on the host: argument vectors, never a shell (but for `shell` and `raw`).

use super::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};

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
    /// The user's own words: only `PATH` says where the program is. Others are also looked for where administrators have theirs.
    pub only_path: bool,
    pub umask: Option<u32>,
}

/// Where programs of the system are that an ordinary user's `PATH` may not lead to.
const ADMINISTRATORS: [&str; 3] = ["/sbin", "/usr/sbin", "/usr/local/sbin"];

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

    #[expect(clippy::disallowed_methods, reason = "the one place where a host's commands are started")]
    fn start(
        &self,
        program: &OsStr,
        arguments: &[OsString],
        environment: &[(String, String)],
    ) -> std::io::Result<Child> {
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
        process.spawn()
    }

    pub(super) fn run(
        &self,
        environment: &[(String, String)],
        live: &mut dyn FnMut(&str),
    ) -> Result<Output, Failure> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(Failure::new("no command given"));
        };
        let searched = !self.only_path && !program.as_encoded_bytes().contains(&b'/');
        let missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        let mut started = self.start(program, arguments, environment);
        if searched
            && started.as_ref().is_err_and(missing)
            && let Some(path) =
                ADMINISTRATORS.iter().map(|place| Path::new(place).join(program)).find(|path| path.exists())
        {
            started = self.start(path.as_os_str(), arguments, environment);
        }
        let mut child = started.map_err(|error| match searched && missing(&error) {
            true => Failure::new(nowhere(program, environment)),
            false => Failure::new(format!("cannot run {}: {error}", program.to_string_lossy()))
                .with("rc", i64::from(error.raw_os_error().unwrap_or(1)))
                .with("errno", i64::from(error.raw_os_error().unwrap_or(0))),
        })?;
        let mut output = Output::default();
        self.converse(&mut child, &mut output, live).map_err(|error| {
            Failure::new(format!("cannot talk to {}: {error}", program.to_string_lossy()))
        })?;
        let status = child.wait().map_err(|error| Failure::new(format!("cannot wait: {error}")))?;
        use std::os::unix::process::ExitStatusExt;
        output.rc = status.code().unwrap_or_else(|| -status.signal().unwrap_or(1));
        Ok(output)
    }

    /// Feeds the command and reads what it prints, until its output ends. A background process that keeps the
    /// output open does not hold us: once the command itself is gone, a second of silence is the end.
    fn converse(
        &self,
        child: &mut Child,
        output: &mut Output,
        live: &mut dyn FnMut(&str),
    ) -> std::io::Result<()> {
        let quiet = Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut input = self.stdin.as_deref().unwrap_or_default();
        let mut stdin = child.stdin.take().filter(|_| !input.is_empty());
        if let Some(pipe) = &stdin {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let mut buffer = [0; 16384];
        while stdin.is_some() || stdout.is_some() || stderr.is_some() {
            let mut watched = Vec::with_capacity(3);
            let fds = [
                stdin.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)),
                stdout.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)),
                stderr.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)),
            ];
            let places = fds.each_ref().map(Option::is_some);
            watched.extend(fds.into_iter().flatten());
            let count = match poll(&mut watched, Some(&quiet)) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let mut ready = watched.iter().map(|fd| !fd.revents().is_empty());
            let ready = places.map(|watched| watched && ready.next().unwrap_or(false));
            if ready[0]
                && let Some(pipe) = &mut stdin
            {
                match pipe.write(input) {
                    Ok(written) => input = &input[written..],
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => (),
                    // A command that does not read all of its input is no error.
                    Err(_) => input = &[],
                }
                if input.is_empty() {
                    stdin = None;
                }
            }
            if ready[1]
                && let Some(pipe) = &mut stdout
            {
                match pipe.read(&mut buffer)? {
                    0 => stdout = None,
                    count => {
                        output.stdout.extend_from_slice(&buffer[..count]);
                        live(&String::from_utf8_lossy(&buffer[..count]));
                    }
                }
            }
            if ready[2]
                && let Some(pipe) = &mut stderr
            {
                match pipe.read(&mut buffer)? {
                    0 => stderr = None,
                    count => output.stderr.extend_from_slice(&buffer[..count]),
                }
            }
            if count == 0 && child.try_wait()?.is_some() {
                break;
            }
        }
        Ok(())
    }
}

/// What Ansible says of a tool that the host does not have.
fn nowhere(program: &OsStr, environment: &[(String, String)]) -> String {
    let own = environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
    let path = own.or_else(|| std::env::var("PATH").ok()).unwrap_or_default();
    let mut places: Vec<&str> = path.split(':').filter(|place| !place.is_empty()).collect();
    places.extend(ADMINISTRATORS.iter().filter(|place| !path.split(':').any(|known| known == **place)));
    let program = program.to_string_lossy();
    format!("Failed to find required executable \"{program}\" in paths: {}", places.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn run(command: &Command) -> Output {
        command.run(&[("GREETING".into(), "hi".into())], &mut |_| ()).expect("it starts")
    }

    #[test]
    fn input_and_output_larger_than_a_pipe_flow_both_ways() {
        let data = vec![b'x'; 1 << 20];
        let output = run(&Command::new(["sh", "-c", "cat; echo $GREETING >&2; exit 3"]).stdin(data.clone()));
        assert_eq!((output.rc, output.stderr().as_str()), (3, "hi\n"));
        assert!(output.stdout == data);
    }

    #[test]
    fn unread_input_and_signals_are_no_trouble() {
        let output = run(&Command::new(["sh", "-c", "kill -9 $$"]).stdin(vec![b'x'; 1 << 20]));
        assert_eq!(output.rc, -9);
    }

    #[test]
    fn a_background_process_does_not_hold_the_task() {
        let output = run(&Command::new(["sh", "-c", "sleep 30 & echo $!"]));
        let process = output.stdout().trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        let process = process.expect("a process number");
        assert!(rustix::process::test_kill_process(process).is_ok(), "it still runs");
        rustix::process::kill_process(process, rustix::process::Signal::KILL).expect("ours to end");
    }

    #[test]
    fn what_cannot_start_says_why() {
        let error = Command::new(["/nowhere/at-all"]).run(&[], &mut |_| ()).expect_err("there is none");
        assert_eq!(error.result.get("errno"), Some(&Value::Int(2)));
        let path = [("PATH".to_owned(), "/nowhere:/usr/sbin".to_owned())];
        let error = Command::new(["no-such-tool"]).run(&path, &mut |_| ()).expect_err("there is none");
        let paths = "/nowhere:/usr/sbin:/sbin:/usr/local/sbin";
        assert_eq!(
            error.msg,
            format!("Failed to find required executable \"no-such-tool\" in paths: {paths}")
        );
    }
}
