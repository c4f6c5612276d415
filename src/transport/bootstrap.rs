//! Starting the helper on a host: one `sh` command, and what it and this side say to each other.
//!
//! The script answers with one line: it *has* the helper (whose hello follows), or *needs* it and says in which
//! form, or says why there will be none. So a start costs one round trip, or two where the helper is sent.

use super::embedded::{self, Embedded};
use super::session::CallError;
use super::wire::Wire;
use crate::protocol::{Hello, Reply, VERSION};
use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant};

/// So much may a login print before our script runs.
const NOISE: usize = 1024 * 1024;

/// How long a login's own programs, and the start of the helper, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The helper travels in pieces of this size.
const PIECE: usize = 64 * 1024;

/// A start in preparation: the command to run on the host, and the mark of its answers.
pub struct Bootstrap {
    pub command: String,
    mark: String,
}

impl Bootstrap {
    /// With `cache` unset nothing stays on the host.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(cache: bool) -> io::Result<Self> {
        let mut bytes = [0u8; 16];
        let count = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let nonce: String = bytes[..count].iter().map(|byte| format!("{byte:02x}")).collect();
        let script = script(&nonce, cache, embedded::all());
        Ok(Self { command: format!("exec sh -c '{script}'"), mark: format!("EKUMEN-{nonce} ") })
    }

    /// Speaks with the script until the helper has said hello. `host` is for messages.
    ///
    /// # Errors
    /// [`CallError`] in words.
    pub fn start(&self, wire: &mut Wire, host: &str) -> Result<Hello, CallError> {
        wire.stats.round_trips += 1;
        let answer = self.answer(wire, host)?;
        let words: Vec<&str> = answer.split(' ').collect();
        match words.as_slice() {
            ["have"] => hello(wire, host),
            ["need", arch, form] => {
                let helper = embedded::all()
                    .iter()
                    .find(|helper| machine_names(helper.arch).contains(arch))
                    .ok_or_else(|| helper_error(host, &embedded::missing(arch)))?;
                let plain;
                let payload = if *form == "packed" {
                    helper.packed
                } else {
                    plain = helper.unpack().map_err(|error| helper_error(host, &error.to_string()))?;
                    &plain
                };
                wire.stats.round_trips += 1;
                // Piece by piece: many hosts at once would otherwise each hold a whole copy.
                for piece in payload.chunks(PIECE) {
                    wire.push(piece.to_vec());
                    while wire.backlog() > 0 && wire.received().is_empty() {
                        let before = wire.backlog();
                        let moved = wire.exchange(PATIENCE).map_err(|error| ended(wire, host, &error))?;
                        if !moved && wire.backlog() == before {
                            return Err(silent(host));
                        }
                    }
                    if !wire.received().is_empty() {
                        break;
                    }
                }
                hello(wire, host)
            }
            ["architecture", system, arch] => Err(helper_error(
                host,
                &if *system == "Linux" {
                    embedded::missing(arch)
                } else {
                    format!("The host runs {system} ({arch}); Ekumen's helper is for Linux.")
                },
            )),
            ["nowhere"] => Err(helper_error(
                host,
                "There is no folder on it in which the login user may put a program and run it (tried ~/.cache, \
                 /var/tmp, /tmp, /dev/shm, /run/user and the home): they are full, not writable, or mounted noexec.",
            )),
            _ => Err(helper_error(host, &format!("It answers `{answer}`."))),
        }
    }

    /// The script's next line, whatever is printed before it.
    fn answer(&self, wire: &mut Wire, host: &str) -> Result<String, CallError> {
        let mark = self.mark.as_bytes();
        let until = Instant::now() + PATIENCE;
        loop {
            let received = wire.received();
            let found =
                received.windows(mark.len()).position(|window| window == mark).map(|at| at + mark.len());
            if let Some(start) = found
                && let Some(length) = received[start..].iter().position(|byte| *byte == b'\n')
            {
                let line = String::from_utf8_lossy(&received[start..start + length]).into_owned();
                wire.consume(start + length + 1);
                return Ok(line);
            }
            if received.len() > NOISE {
                return Err(helper_error(host, "Its login shell prints without an end."));
            }
            wait(wire, host, until)?;
        }
    }
}

/// Waits for the helper's first words.
pub fn hello(wire: &mut Wire, host: &str) -> Result<Hello, CallError> {
    let until = Instant::now() + PATIENCE;
    loop {
        if wire.received().starts_with(b"EKUMEN-") {
            let text = String::from_utf8_lossy(wire.received()).into_owned();
            if let Some(folder) = text.split_once(" damaged ").and_then(|(_, rest)| rest.split_once('\n')) {
                let folder = folder.0;
                return Err(helper_error(
                    host,
                    &format!("The helper did not arrive whole in {folder} (is it full?)."),
                ));
            }
        } else {
            match wire.take_frame() {
                Ok(Some(Reply::Hello(hello))) if hello.version == VERSION => return Ok(hello),
                Ok(Some(Reply::Hello(hello))) => {
                    let versions = format!("{} instead of {VERSION}", hello.version);
                    return Err(helper_error(
                        host,
                        &format!("Its helper speaks protocol version {versions}."),
                    ));
                }
                Ok(None) => {}
                Ok(Some(_)) => return Err(helper_error(host, "Its helper does not say hello.")),
                Err(error) => {
                    return Err(helper_error(host, &format!("Its helper does not start: {error}.")));
                }
            }
        }
        wait(wire, host, until)?;
    }
}

fn wait(wire: &mut Wire, host: &str, until: Instant) -> Result<(), CallError> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(silent(host));
    }
    wire.exchange(left).map(drop).map_err(|error| ended(wire, host, &error))
}

fn silent(host: &str) -> CallError {
    helper_error(host, &format!("It did not answer within {} seconds after the login.", PATIENCE.as_secs()))
}

/// The login ended before the helper ran.
fn ended(wire: &mut Wire, host: &str, error: &io::Error) -> CallError {
    if let Some(message) = wire.refusal() {
        return CallError::Unreachable { message };
    }
    if error.kind() == io::ErrorKind::Interrupted {
        return CallError::Unreachable { message: "The run was interrupted.".into() };
    }
    let said = [String::from_utf8_lossy(wire.received()).into_owned(), wire.complaints()].concat();
    let said = said.trim();
    helper_error(
        host,
        &match (error.kind(), said.is_empty()) {
            (io::ErrorKind::UnexpectedEof, true) => "The login ended at once and said nothing.".to_owned(),
            (io::ErrorKind::UnexpectedEof, false) => format!("The login ended and said: {said}"),
            _ => format!("The connection broke: {error}. {said}"),
        },
    )
}

fn helper_error(host: &str, why: &str) -> CallError {
    CallError::Helper { message: format!("The helper cannot be started on {host}. {why}") }
}

/// What `uname -m` says for an architecture.
fn machine_names(arch: &str) -> Vec<&str> {
    match arch {
        "x86_64" => vec!["x86_64", "amd64"],
        "aarch64" => vec!["aarch64", "arm64"],
        other => vec![other],
    }
}

fn script(nonce: &str, cache: bool, helpers: &[Embedded]) -> String {
    let mut architectures = String::new();
    for helper in helpers {
        let names = machine_names(helper.arch);
        let patterns: Vec<_> = names.iter().map(|name| format!("Linux/{name}")).collect();
        // Writing to a string cannot fail.
        let _ = write!(
            architectures,
            "{}) h={} r={} g={};; ",
            patterns.join("|"),
            helper.sha256,
            helper.size,
            helper.packed.len()
        );
    }
    include_str!("bootstrap.sh")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join(" ")
        .replace("@NONCE@", nonce)
        .replace("@CACHE@", if cache { "yes" } else { "no" })
        .replace("@ARCHITECTURES@", &architectures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_survives_any_login_shell() {
        let script = script("0123", true, embedded::all());
        // csh expands `!` and stops at a newline even inside of single quotes; fish knows \ there.
        assert!(!script.contains(['\'', '\\', '!', '\n']), "{script}");
        assert!(!script.replace("\"$@\"", "").contains('@'), "everything is filled in: {script}");
        assert!(script.len() < 8192, "{} bytes is much for a command line", script.len());
    }
}
