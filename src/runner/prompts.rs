//! Questions to the user.

use super::Shared;
use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

/// Shows a prompt. With `seconds` it only waits (an answer is not awaited); without, it reads a line.
pub fn ask(shared: &Shared, text: &str, echo: bool, seconds: Option<u64>) -> Option<String> {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()));
    drop(out.flush());
    drop(out);
    match seconds {
        Some(seconds) => {
            shared.sleep(Duration::from_secs(seconds));
            println_now();
            None
        }
        None if !std::io::stdin().is_terminal() => {
            println_now();
            None
        }
        None => read_line(echo),
    }
}

fn println_now() {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(b"\n"));
    drop(out.flush());
}

/// A line from the terminal; without `echo` it is not shown.
pub fn read_line(echo: bool) -> Option<String> {
    if !echo {
        return rpassword::read_password().ok();
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    Some(line.trim_end_matches(['\n', '\r']).to_owned())
}
