//! Questions to the user: `pause`, `vars_prompt`, `--step`, the debugger.

use super::Shared;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

/// A question of `pause`.
#[derive(Clone, Debug)]
pub struct Question {
    /// Shown whether or not somebody can answer.
    pub intro: Option<String>,
    /// Shown where somebody can.
    pub text: String,
    pub echo: bool,
    /// Wait that long, whatever is typed; without it until there is an answer.
    pub seconds: Option<u64>,
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Text(String),
    /// Ctrl+C, then C: go on.
    Continued,
    /// Ctrl+C, then A.
    Aborted,
    TimeUp,
    /// Nobody is there who could answer.
    Nobody,
}

/// Asks, or waits.
pub fn ask(shared: &Shared, question: &Question) -> Answer {
    if let Some(intro) = &question.intro {
        say(&format!("{intro}\n"));
    }
    let deadline = question.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    if !is_interactive() {
        let Some(seconds) = question.seconds else { return Answer::Nobody };
        shared.sleep(Duration::from_secs(seconds));
        return Answer::TimeUp;
    }
    // Before the question, so that what is typed at once is taken for the answer, too.
    let Some(mut keys) = Keys::new() else { return Answer::Nobody };
    say(&format!("{}\r\n", question.text));
    let answer = keys.answer(question.echo, deadline, &|| shared.stopping());
    // What was typed and the question about going on are wiped off their line.
    say("\r\x1b[K");
    answer
}

/// Whether somebody sits at a terminal, and it is this program that they talk to.
pub fn is_interactive() -> bool {
    let input = std::io::stdin();
    input.is_terminal()
        && rustix::termios::tcgetpgrp(&input).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Shows a prompt and reads a line; without `echo` it is not shown. `None` at the end of input.
pub fn read_line(prompt: &str, echo: bool) -> Option<String> {
    let hidden = if echo { None } else { Terminal::change(|modes| modes.local_modes -= LocalModes::ECHO) };
    say(prompt);
    let mut line = String::new();
    let count = std::io::stdin().lock().read_line(&mut line);
    if hidden.is_some() {
        say("\n");
    }
    match count {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}

/// Writes to the terminal at once.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()));
    drop(out.flush());
}

/// The terminal in another state, until this is dropped.
struct Terminal(Termios);

impl Terminal {
    fn change(change: impl FnOnce(&mut Termios)) -> Option<Self> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut modes = before.clone();
        change(&mut modes);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &modes).ok()?;
        Some(Self(before))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// The keyboard, key by key.
struct Keys {
    terminal: Terminal,
}

impl Keys {
    fn new() -> Option<Self> {
        let terminal = Terminal::change(|modes| {
            modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        })?;
        Some(Self { terminal })
    }

    fn special(&self, index: SpecialCodeIndex) -> u8 {
        self.terminal.0.special_codes[index]
    }

    /// The next byte; `None` when the time is up, the input has ended or the run is to stop.
    fn byte(&mut self, deadline: Option<Instant>, stop: &dyn Fn() -> bool) -> Option<u8> {
        let input = std::io::stdin();
        while !stop() {
            let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return None;
            }
            let wait = left.min(Duration::from_millis(100));
            let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()).max(1) };
            match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(_) => return None,
            }
            let mut byte = [0];
            // Not through Rust's own buffer, of which `poll` would know nothing.
            return match rustix::io::read(&input, &mut byte) {
                Ok(1) => Some(byte[0]),
                _ => None,
            };
        }
        None
    }

    fn answer(&mut self, echo: bool, deadline: Option<Instant>, stop: &dyn Fn() -> bool) -> Answer {
        let mut typed: Vec<u8> = Vec::new();
        loop {
            let Some(byte) = self.byte(deadline, stop) else {
                return if deadline.is_some() { Answer::TimeUp } else { text(&typed) };
            };
            if byte == self.special(SpecialCodeIndex::VINTR) {
                return self.go_on(stop);
            }
            // With a time, only that ends the waiting.
            if deadline.is_some() {
                continue;
            }
            match byte {
                b'\n' | b'\r' => return text(&typed),
                byte if byte == self.special(SpecialCodeIndex::VEOF) && typed.is_empty() => {
                    return text(&typed);
                }
                byte if byte == self.special(SpecialCodeIndex::VERASE) || byte == 0x7f || byte == 0x08 => {
                    // A character may be several bytes.
                    while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                }
                byte if byte == self.special(SpecialCodeIndex::VKILL) => typed.clear(),
                byte if byte.is_ascii_control() => continue,
                byte => typed.push(byte),
            }
            if echo {
                say(&format!("\r\x1b[K{}", String::from_utf8_lossy(&typed)));
            }
        }
    }

    fn go_on(&mut self, stop: &dyn Fn() -> bool) -> Answer {
        say("\r\x1b[KPress 'C' to continue the play or 'A' to abort \r\n");
        loop {
            match self.byte(None, stop) {
                Some(b'c' | b'C') => return Answer::Continued,
                Some(b'a' | b'A') | None => return Answer::Aborted,
                Some(_) => {}
            }
        }
    }
}

fn text(typed: &[u8]) -> Answer {
    Answer::Text(String::from_utf8_lossy(typed).into_owned())
}
