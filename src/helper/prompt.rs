//! The conversation with a program that may ask for a password before it runs ours.

#![allow(clippy::disallowed_methods)] // Its tests talk to a shell.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

/// How a question for a password is known.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// By its text, where the program can be told one.
    Exactly(String),
    /// By a colon at the end, after one of these texts; after any if there are none.
    Saying(Vec<String>),
}

/// Lectures and complaints beyond this are of no use.
const MOST_SAID: usize = 16 * 1024;

/// How a conversation went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Our script runs, and says this.
    Marker(String),
    /// A password was asked for, and there is none.
    NoPassword,
    /// The password was asked for again.
    Refused,
    /// The program ended after it had the password.
    Dismissed,
    /// The program ended before our script ran.
    Closed,
    /// Nothing happened for too long.
    Silent,
}

/// What a read from one of the streams brought.
enum Heard {
    Something,
    End,
}

pub struct Conversation<'p> {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: ChildStderr,
    terminal: Option<File>,
    marker: String,
    prompt: Prompt,
    password: Option<&'p str>,
    /// So long may the program think before it asks or runs.
    patience: Duration,
    answers: u32,
    out: Vec<u8>,
    errors: Vec<u8>,
    shown: Vec<u8>,
    /// What of `errors` and `shown` was answered already.
    answered: (usize, usize),
}

impl<'p> Conversation<'p> {
    #[expect(clippy::too_many_arguments, reason = "streams, and what is known of the program")]
    pub fn new(
        stdin: ChildStdin,
        stdout: ChildStdout,
        stderr: ChildStderr,
        terminal: Option<OwnedFd>,
        marker: String,
        prompt: Prompt,
        password: Option<&'p str>,
        patience: Duration,
    ) -> Self {
        Self {
            stdin: Some(stdin),
            stdout,
            stderr,
            terminal: terminal.map(File::from),
            marker,
            prompt,
            password,
            patience,
            answers: 0,
            out: Vec::new(),
            errors: Vec::new(),
            shown: Vec::new(),
            answered: (0, 0),
        }
    }

    /// Answers prompts until something is decided.
    pub fn run(&mut self) -> Ending {
        let deadline = Instant::now() + self.patience;
        let (mut out_open, mut errors_open, mut terminal_open) = (true, true, self.terminal.is_some());
        loop {
            if let Some(text) = self.take_marker() {
                return Ending::Marker(text);
            }
            if let Some(ending) = self.answer() {
                return ending;
            }
            if !out_open {
                return if self.answers > 0 { Ending::Dismissed } else { Ending::Closed };
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ending::Silent;
            }
            let (out, errors, terminal) = self.wait(left, errors_open, terminal_open);
            // The complaints first: they say why the output ends.
            if errors && matches!(hear(&mut self.stderr, &mut self.errors), Heard::End) {
                errors_open = false;
            }
            if terminal {
                let heard = self.terminal.as_mut().map(|terminal| hear(terminal, &mut self.shown));
                terminal_open = matches!(heard, Some(Heard::Something));
            }
            if out && matches!(hear(&mut self.stdout, &mut self.out), Heard::End) {
                out_open = false;
                while errors_open && self.wait(Duration::from_millis(200), true, false).1 {
                    errors_open = matches!(hear(&mut self.stderr, &mut self.errors), Heard::Something);
                }
            }
        }
    }

    /// Which of output, errors and terminal have something.
    fn wait(&self, left: Duration, errors: bool, terminal: bool) -> (bool, bool, bool) {
        let timeout =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(1), tv_nsec: left.subsec_nanos().into() };
        let flags = |wanted| if wanted { PollFlags::IN } else { PollFlags::empty() };
        let mut streams = vec![
            PollFd::from_borrowed_fd(self.stdout.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.stderr.as_fd(), flags(errors)),
        ];
        if let Some(file) = self.terminal.as_ref().filter(|_| terminal) {
            streams.push(PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN));
        }
        if poll(&mut streams, Some(&timeout)).is_err() {
            return (false, false, false);
        }
        let ready = |index: usize| streams.get(index).is_some_and(|stream| !stream.revents().is_empty());
        let waiting = ready(0) || (errors && ready(1)) || ready(2);
        if !waiting {
            // A stream that ended reports itself without being asked; not to be busy over it.
            std::thread::sleep(Duration::from_millis(1));
        }
        (ready(0), errors && ready(1), ready(2))
    }

    /// A line of our script, and what follows it stays in `out`.
    fn take_marker(&mut self) -> Option<String> {
        let marker = self.marker.as_bytes();
        let start = self.out.windows(marker.len()).position(|window| window == marker)? + marker.len();
        let length = self.out[start..].iter().position(|byte| *byte == b'\n')?;
        let text = String::from_utf8_lossy(&self.out[start..start + length]).into_owned();
        self.out.drain(..=start + length);
        Some(text)
    }

    /// Types the password where it is asked for.
    fn answer(&mut self) -> Option<Ending> {
        let errors = asks(&self.errors[self.answered.0..], &self.prompt);
        let shown = asks(&self.shown[self.answered.1..], &self.prompt);
        if !errors && !shown {
            return None;
        }
        self.answered = (self.errors.len(), self.shown.len());
        let Some(password) = self.password else { return Some(Ending::NoPassword) };
        if self.answers > 0 {
            return Some(Ending::Refused);
        }
        self.answers += 1;
        let line = format!("{password}\n");
        // A program that does not listen any more has ended, which is noticed next.
        if shown {
            let _ = self.terminal.as_mut().map(|terminal| terminal.write_all(line.as_bytes()));
        } else {
            let _ = self.stdin.as_mut().map(|stdin| stdin.write_all(line.as_bytes()));
        }
        None
    }

    pub fn stdin(&mut self) -> impl Write + '_ {
        Input(self.stdin.as_mut())
    }

    /// Everything that was said by others than our script.
    pub fn said(&self) -> String {
        let all = [self.errors.as_slice(), self.shown.as_slice(), self.out.as_slice()].concat();
        let text = String::from_utf8_lossy(&all[..all.len().min(MOST_SAID)]).into_owned();
        match &self.prompt {
            Prompt::Exactly(prompt) => text.replace(prompt.as_str(), ""),
            Prompt::Saying(_) => text,
        }
    }

    /// Closes input and terminal.
    pub fn hang_up(&mut self) {
        self.stdin = None;
        self.terminal = None;
    }

    /// The streams, for the program that now runs behind them.
    #[allow(clippy::type_complexity)] // It is used in one place, which takes it apart.
    pub fn finish(self) -> (ChildStdin, impl Read + Send + 'static, ChildStderr, Option<OwnedFd>) {
        let stdin = self.stdin.expect("only `hang_up` closes it, and nothing follows that");
        (stdin, Cursor::new(self.out).chain(self.stdout), self.stderr, self.terminal.map(OwnedFd::from))
    }
}

struct Input<'a>(Option<&'a mut ChildStdin>);

impl Write for Input<'_> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        match &mut self.0 {
            Some(stdin) => stdin.write(data),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn hear(stream: &mut impl Read, heard: &mut Vec<u8>) -> Heard {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(count @ 1..) => {
            // Noise does not fill the memory; it can hide the marker, and then the patience ends.
            if heard.len() < 16 * MOST_SAID {
                heard.extend_from_slice(&buffer[..count]);
            }
            Heard::Something
        }
        _ => Heard::End,
    }
}

/// Whether a text ends in a question for a password.
fn asks(text: &[u8], prompt: &Prompt) -> bool {
    let text = String::from_utf8_lossy(text);
    match prompt {
        Prompt::Exactly(prompt) => text.contains(prompt.trim_end()),
        Prompt::Saying(texts) => {
            let line = text.rsplit(['\n', '\r']).next().unwrap_or_default().trim_end();
            let Some(question) = line.strip_suffix([':', '\u{ff1a}']) else { return false };
            let question = question.trim_end().to_lowercase();
            texts.is_empty() || texts.iter().any(|text| question.ends_with(&text.to_lowercase()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// Talks to a shell script that plays `su`.
    fn talk(script: &str, prompt: Prompt, password: Option<&str>) -> (Ending, String) {
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            panic!("pipes were asked for");
        };
        let patience =
            Duration::from_secs(if matches!(&prompt, Prompt::Saying(texts) if !texts.is_empty()) {
                1
            } else {
                30
            });
        let mut conversation =
            Conversation::new(stdin, stdout, stderr, None, "M ".into(), prompt, password, patience);
        let ending = conversation.run();
        let said = conversation.said();
        conversation.hang_up();
        child.wait().expect("the script ends without input");
        (ending, said)
    }

    #[test]
    fn endings() {
        let ask = "printf 'Lecture: be good.\\nPassword: ' >&2; read p || exit 1;";
        let ok = Ending::Marker("ok".into());
        let table = [
            ("echo motd; echo M ok".to_owned(), None, None, ok.clone()),
            (format!("{ask} [ $p = x ] && echo M ok; cat"), None, Some("x"), ok.clone()),
            (
                format!("{ask} [ $p = x ] && echo M ok || {{ echo no >&2; exit 1; }}"),
                None,
                Some("y"),
                Ending::Dismissed,
            ),
            (format!("{ask} {ask} cat"), None, Some("y"), Ending::Refused),
            (ask.to_owned(), None, None, Ending::NoPassword),
            ("echo 'unknown user: nosuch' >&2; exit 1".to_owned(), None, Some("x"), Ending::Closed),
            (format!("{ask} echo M ok"), Some("[nonce] "), Some("x"), Ending::Closed),
        ];
        for (script, prompt, password, expected) in table {
            let script =
                if expected == Ending::Closed { format!("exec 0</dev/null; {script}") } else { script };
            // A program that was never asked for by its exact prompt gets no password at all.
            let expected = if prompt.is_some() { Ending::Closed } else { expected };
            assert_eq!(
                talk(
                    &script,
                    prompt.map_or(Prompt::Saying(vec![]), |text: &str| Prompt::Exactly(text.into())),
                    password
                )
                .0,
                expected,
                "{script}"
            );
        }
    }

    #[test]
    fn prompts_that_nobody_expects() {
        let script = "printf \"ann's Password: \" >&2; read p || exit 1; echo M ok; cat";
        let saying = |text: &str| Prompt::Saying(vec![text.into()]);
        assert_eq!(talk(script, saying("password"), Some("x")).0, Ending::Marker("ok".into()));
        assert_eq!(talk(script, saying("Parole"), Some("x")).0, Ending::Silent);
    }

    #[test]
    fn complaints_are_kept() {
        let (ending, said) = talk("echo 'sudo: nope' >&2; exit 1", Prompt::Saying(vec![]), None);
        assert_eq!((ending, said.trim()), (Ending::Closed, "sudo: nope"));
    }
}
