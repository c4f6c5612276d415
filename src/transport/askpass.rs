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
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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

/// What may be answered.
pub struct Secrets {
    pub password: Option<Secret>,
    pub passphrase: Option<Secret>,
    /// Only a question with this text in it is answered with the password.
    pub prompt: Option<String>,
    /// So long another question waits for an answer that nobody gives.
    pub patience: Duration,
}

/// Answers until it is dropped.
pub struct Answers {
    folder: PathBuf,
    /// The last question without an answer, and why there is none.
    unanswered: Arc<Mutex<Option<String>>>,
    /// Dropped to end the waiting.
    _end: Sender<()>,
}

impl Answers {
    /// # Errors
    /// When no private folder can be made.
    pub fn serve(secrets: Secrets) -> io::Result<Self> {
        let folder = private_folder()?;
        let listener = UnixListener::bind(folder.join("socket"))?;
        let (end, ended) = mpsc::channel();
        let unanswered = Arc::<Mutex<Option<String>>>::default();
        let answers = Self { folder, unanswered: unanswered.clone(), _end: end };
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                // One question is worth one answer; whoever does not listen gets none.
                let refuse = |why| {
                    *unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                };
                match answer(stream, &secrets, &ended, &refuse) {
                    Ok(true) | Err(_) => {}
                    Ok(false) => return,
                }
            }
        });
        Ok(answers)
    }

    /// A question that nobody answered, in a sentence.
    pub fn unanswered(&self) -> Option<String> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

/// Whether to go on. `refuse` hears, in a sentence, of a question that is not the one to be answered, before who asks does.
fn answer(
    mut stream: UnixStream,
    secrets: &Secrets,
    ended: &Receiver<()>,
    refuse: &dyn Fn(String),
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
    let asks_for = |words: &[&str]| {
        let question = question.to_ascii_lowercase();
        words.iter().any(|word| question.contains(word))
    };
    // What is neither (a new host key, a PIN) gets no answer.
    let secret = match &secrets.prompt {
        Some(prompt) if question.contains(prompt.as_str()) => &secrets.password,
        _ if asks_for(&["passphrase"]) => &secrets.passphrase,
        Some(prompt) => {
            // Who is asked and does not know the question stays silent, as long as a connection may take to be made.
            let _ = ended.recv_timeout(secrets.patience);
            refuse(format!(
                "The host's question `{}` was not answered: the password is for a question with `{prompt}` in it \
                 (`sshpass_prompt`).",
                question.trim()
            ));
            &None
        }
        None if asks_for(&["password", "passcode"]) => &secrets.password,
        None => &None,
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
        let secrets = |prompt: Option<&str>| Secrets {
            password: Some(Secret::new("wort-1")),
            passphrase: Some(Secret::new("satz-2")),
            prompt: prompt.map(str::to_owned),
            patience: Duration::ZERO,
        };
        let answers = Answers::serve(secrets(None)).expect("a socket");
        let socket = OsString::from(answers.socket());
        let ask = |question: &str| {
            super::ask(&socket, &question.into()).map(|answer| String::from_utf8_lossy(&answer).into_owned())
        };
        assert_eq!(ask("ann@web's password: ").expect("an answer"), "wort-1\n");
        assert_eq!(ask("Enter passphrase for key '/k': ").expect("an answer"), "satz-2\n");
        assert!(ask("Are you sure you want to continue connecting (yes/no/[fingerprint])? ").is_err());
        let folder = answers.folder.clone();
        drop(answers);
        assert!(!folder.exists());

        let answers = Answers::serve(secrets(Some("PIN for"))).expect("a socket");
        let socket = OsString::from(answers.socket());
        let ask = |question: &str| {
            super::ask(&socket, &question.into()).map(|answer| String::from_utf8_lossy(&answer).into_owned())
        };
        assert_eq!(ask("Enter PIN for card: ").expect("an answer"), "wort-1\n");
        assert_eq!(ask("Enter passphrase for key '/k': ").expect("an answer"), "satz-2\n");
        assert!(ask("ann@web's password: ").is_err());
        assert_eq!(
            answers.unanswered().as_deref(),
            Some(
                "The host's question `ann@web's password:` was not answered: the password is for a question with \
                 `PIN for` in it (`sshpass_prompt`)."
            )
        );
    }

    #[test]
    fn who_stays_silent_does_not_outlive_the_connection() {
        let answers = Answers::serve(Secrets {
            password: Some(Secret::new("wort-1")),
            passphrase: None,
            prompt: Some("PIN".into()),
            patience: Duration::from_secs(3600),
        })
        .expect("a socket");
        let socket = OsString::from(answers.socket());
        let asking = std::thread::spawn(move || ask(&socket, &"ann@web's password: ".into()));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!asking.is_finished());
        drop(answers);
        assert!(asking.join().expect("it ends").is_err());
    }
}
