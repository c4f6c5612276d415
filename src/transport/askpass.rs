//! Answering the questions of a system `ssh`: it runs this program again (`SSH_ASKPASS`), which asks the first one
//! over a socket in a private folder. Secrets are in no argument, no environment and no file.

#![allow(clippy::disallowed_macros)] // `ssh` shows what its askpass program says.

use crate::value::Secret;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Where the socket is; that it is set tells the program that `ssh` wants an answer.
const VARIABLE: &str = "EKUMEN_ASKPASS_SOCKET";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that calls [`askpass_main`], where it is not the running one.
pub fn set_askpass_program(program: PathBuf) {
    // The first one stays: connections may have been told of it.
    let _ = PROGRAM.set(program);
}

/// To be called first in `main`: if `ssh` has started this program to ask for a password, answers and returns the
/// exit code.
pub fn askpass_main() -> Option<i32> {
    let socket = std::env::var_os(VARIABLE)?;
    let question = std::env::args_os().nth(1).unwrap_or_default();
    Some(match ask(&socket, &question) {
        Ok(answer) => i32::from(io::stdout().write_all(&answer).is_err()),
        Err(error) => {
            eprintln!("ekumen: cannot ask for the password: {error}");
            1
        }
    })
}

fn ask(socket: &OsString, question: &OsString) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(question.to_string_lossy().replace('\n', " ").as_bytes())?;
    stream.write_all(b"\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if answer.is_empty() { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(answer) }
}

/// Answers until it is dropped.
pub struct Answers {
    folder: PathBuf,
}

impl Answers {
    /// # Errors
    /// When no private folder can be made.
    pub fn serve(password: Option<Secret>, passphrase: Option<Secret>) -> io::Result<Self> {
        let folder = private_folder()?;
        let listener = UnixListener::bind(folder.join("socket"))?;
        let answers = Self { folder };
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                // One question is worth one answer; whoever does not listen gets none.
                match answer(stream, password.as_ref(), passphrase.as_ref()) {
                    Ok(true) | Err(_) => {}
                    Ok(false) => return,
                }
            }
        });
        Ok(answers)
    }

    /// Makes `ssh` ask here and nowhere else.
    ///
    /// # Errors
    /// When this program does not know where it is.
    pub fn set_environment(&self, command: &mut Command) -> io::Result<()> {
        let program = match PROGRAM.get() {
            Some(program) => program.clone(),
            None => std::env::current_exe()?,
        };
        command.env("SSH_ASKPASS", program).env("SSH_ASKPASS_REQUIRE", "force").env(VARIABLE, self.socket());
        // OpenSSH before 8.4 asks only where there is a display.
        if std::env::var_os("DISPLAY").is_none() {
            command.env("DISPLAY", "none");
        }
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }
}

/// Whether to go on.
fn answer(
    mut stream: UnixStream,
    password: Option<&Secret>,
    passphrase: Option<&Secret>,
) -> io::Result<bool> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    // Only this user can open the folder; root can anyway.
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    if peer.uid != rustix::process::getuid() {
        return Ok(true);
    }
    let mut question = String::new();
    if BufReader::new((&stream).take(4096)).read_line(&mut question)? == 0 {
        return Ok(false);
    }
    let question = question.to_ascii_lowercase();
    // What is neither (a new host key, a PIN) gets no answer.
    let secret = if question.contains("passphrase") {
        passphrase
    } else if question.contains("password") || question.contains("passcode") {
        password
    } else {
        None
    };
    if let Some(secret) = secret {
        stream.write_all(secret.expose().as_bytes())?;
        stream.write_all(b"\n")?;
    }
    Ok(true)
}

/// A folder that nobody else can enter, for a socket: short, since socket names are.
fn private_folder() -> io::Result<PathBuf> {
    let mut random = [0u8; 12];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::temp_dir().join(format!("ekumen-{name}"));
    let folder =
        if folder.as_os_str().len() > 80 { Path::new("/tmp").join(format!("ekumen-{name}")) } else { folder };
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

impl Drop for Answers {
    fn drop(&mut self) {
        // A connection without a question ends the thread.
        drop(UnixStream::connect(self.socket()));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_gets_its_answer() {
        let answers =
            Answers::serve(Some(Secret::new("wort-1")), Some(Secret::new("satz-2"))).expect("a socket");
        let socket = OsString::from(answers.socket());
        let ask = |question: &str| {
            ask(&socket, &question.into()).map(|answer| String::from_utf8_lossy(&answer).into_owned())
        };
        assert_eq!(ask("ann@web's password: ").expect("an answer"), "wort-1\n");
        assert_eq!(ask("Enter passphrase for key '/k': ").expect("an answer"), "satz-2\n");
        assert!(ask("Are you sure you want to continue connecting (yes/no/[fingerprint])? ").is_err());
        let folder = answers.folder.clone();
        drop(answers);
        assert!(!folder.exists());
    }
}
