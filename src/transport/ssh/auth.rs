//! Proving who we are: agent, key files, password, questions and answers; in OpenSSH's order.

use super::link::drive;
use super::plan::{Authentication, Plan, with_suffix};
use super::unreachable;
use crate::transport::Target;
use crate::transport::session::CallError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ssh2::{ErrorCode, KeyboardInteractivePrompt, Prompt, PublicKey, Session};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

/// A session that has yet to be let in.
pub struct Login<'a> {
    pub session: &'a Session,
    pub socket: &'a OwnedFd,
    /// When to give up.
    pub until: Instant,
}

impl Login<'_> {
    fn step<T>(&self, step: impl FnMut() -> Result<T, ssh2::Error>) -> Result<T, ssh2::Error> {
        drive(self.session, self.socket, self.until, step)
    }

    /// Authenticates, or says what was tried.
    ///
    /// # Errors
    /// [`CallError::Unreachable`], in Ansible's words.
    pub fn authenticate(&self, target: &Target, plan: &Plan) -> Result<(), CallError> {
        let session = self.session;
        // The question which methods there are is an attempt without any, which may succeed.
        let offered = self.step(|| match session.auth_methods(&plan.user) {
            // Success is told as an error without one.
            _ if session.authenticated() => Ok(String::new()),
            offered => offered.map(String::from),
        });
        if session.authenticated() {
            return Ok(());
        }
        let offered = offered.map_err(|error| unreachable(&format!("{}: {}", who(plan), error.message())))?;
        let mut notes = Vec::new();
        let mut password_refused = false;
        for method in &plan.authentications {
            let offers = |name: &str| offered.split(',').any(|method| method == name);
            match (method, &target.password) {
                (Authentication::PublicKey, _) if offers("publickey") => {
                    self.public_keys(target, plan, &mut notes);
                }
                (Authentication::Password, Some(password)) if offers("password") => {
                    if let Err(error) = self.step(|| session.userauth_password(&plan.user, password.expose()))
                    {
                        password_refused = true;
                        notes.push(format!("password ({})", cause(&error)));
                    }
                }
                (Authentication::KeyboardInteractive, Some(password)) if offers("keyboard-interactive") => {
                    let mut answers = Answers { password: password.expose(), asked: 0 };
                    let result =
                        self.step(|| session.userauth_keyboard_interactive(&plan.user, &mut answers));
                    if let Err(error) = result {
                        password_refused = true;
                        notes.push(format!("keyboard-interactive ({})", cause(&error)));
                    }
                }
                _ => {}
            }
            if session.authenticated() {
                return Ok(());
            }
        }
        Err(refusal(target, plan, &offered, &notes, password_refused))
    }

    /// Tries the agent's keys and the files, until one is accepted.
    fn public_keys(&self, target: &Target, plan: &Plan, notes: &mut Vec<String>) {
        // Which public keys belong to the files: the agent may have them unlocked.
        let own: Vec<Vec<u8>> = plan.identity_files.iter().filter_map(|file| public_half(file)).collect();
        let Some(mut agent) = agent(self.session, plan) else {
            self.key_files(target, plan, notes);
            return;
        };
        let identities = match agent.list_identities().and_then(|()| agent.identities()) {
            Ok(identities) => identities,
            Err(error) => {
                notes.push(format!("agent ({})", cause(&error)));
                Vec::new()
            }
        };
        // The files' own keys first: a server closes after a few wrong ones. For the same reason a file that
        // somebody named goes before keys that merely are in the agent.
        let belongs = |identity: &&PublicKey| own.iter().any(|blob| blob == identity.blob());
        let (chosen, others): (Vec<_>, Vec<_>) = identities.iter().partition(belongs);
        let mut try_agent = |keys: &[&PublicKey], notes: &mut Vec<String>| {
            keys.iter().any(|key| self.agent_key(plan, &mut agent, key, notes))
        };
        if try_agent(&chosen, notes) || (plan.identities_chosen && self.key_files(target, plan, notes)) {
            return;
        }
        if !plan.identities_only && try_agent(&others, notes) {
            return;
        }
        if !plan.identities_chosen {
            self.key_files(target, plan, notes);
        }
    }

    fn agent_key(
        &self,
        plan: &Plan,
        agent: &mut ssh2::Agent,
        key: &PublicKey,
        notes: &mut Vec<String>,
    ) -> bool {
        if let Err(error) = self.step(|| agent.userauth(&plan.user, key)) {
            notes.push(format!("agent key {} ({})", key.comment(), cause(&error)));
        }
        self.session.authenticated()
    }

    fn key_files(&self, target: &Target, plan: &Plan, notes: &mut Vec<String>) -> bool {
        let session = self.session;
        for file in &plan.identity_files {
            let passphrase = target.private_key_passphrase.as_ref().map(|secret| secret.expose());
            let why = match std::fs::read_to_string(file) {
                Err(error) => crate::modules::kit::os_error(&error),
                Ok(text) if passphrase.is_none() && is_encrypted(&text) => {
                    "it is encrypted, and neither an agent nor a passphrase opens it".to_owned()
                }
                Ok(text) => {
                    match self.step(|| session.userauth_pubkey_file(&plan.user, None, file, passphrase)) {
                        Ok(()) => return true,
                        Err(error) if error.code() != LIBSSH2_ERROR_FILE => cause(&error),
                        Err(_) if passphrase.is_some() && is_encrypted(&text) => {
                            "the passphrase is wrong".to_owned()
                        }
                        Err(_) => "no private key that libssh2 can read".to_owned(),
                    }
                }
            };
            notes.push(format!("{} ({why})", file.display()));
            if session.authenticated() {
                return true;
            }
        }
        false
    }
}

/// What to tell when nothing was accepted.
fn refusal(
    target: &Target,
    plan: &Plan,
    offered: &str,
    notes: &[String],
    password_refused: bool,
) -> CallError {
    let tried = if notes.is_empty() { "nothing that the host accepts".to_owned() } else { notes.join(", ") };
    let denied = format!("{}: Permission denied ({offered}).", who(plan));
    if password_refused {
        // What Ansible says when sshpass reports a refused password.
        return CallError::Unreachable {
            message: format!("Invalid/incorrect password: {denied} Tried: {tried}."),
        };
    }
    let wants_password = !offered.split(',').any(|method| method == "publickey");
    let hint = if target.password.is_none() && wants_password {
        " The host wants a password: give one with ansible_password or --ask-pass."
    } else {
        ""
    };
    unreachable(&format!("{denied} Tried: {tried}.{hint}"))
}

fn who(plan: &Plan) -> String {
    format!("{}@{}", plan.user, plan.host)
}

fn agent(session: &Session, plan: &Plan) -> Option<ssh2::Agent> {
    let socket = plan.identity_agent.as_deref();
    if socket == Some("none") {
        return None;
    }
    let own = socket.filter(|socket| *socket != "SSH_AUTH_SOCK");
    if own.is_none() && std::env::var_os("SSH_AUTH_SOCK").is_none_or(|socket| socket.is_empty()) {
        return None;
    }
    let mut agent = session.agent().ok()?;
    if let Some(socket) = own {
        agent.set_identity_path(Path::new(socket)).ok()?;
    }
    // An agent that is gone is no agent.
    agent.connect().ok()?;
    Some(agent)
}

/// A key file cannot be read, or not be decrypted.
const LIBSSH2_ERROR_FILE: ErrorCode = ErrorCode::Session(-16);
/// The server refused.
const REFUSED: [i32; 2] = [-18, -19];

fn cause(error: &ssh2::Error) -> String {
    match error.code() {
        ErrorCode::Session(code) if REFUSED.contains(&code) => "refused".to_owned(),
        _ => error.message().to_owned(),
    }
}

/// The public key that belongs to a key file.
fn public_half(file: &Path) -> Option<Vec<u8>> {
    let text = std::fs::read_to_string(with_suffix(file, ".pub")).ok()?;
    STANDARD.decode(text.split_whitespace().nth(1)?).ok()
}

/// Whether a key file cannot be used without a passphrase.
fn is_encrypted(text: &str) -> bool {
    if text.contains("ENCRYPTED") {
        return true;
    }
    // OpenSSH's own format: a magic, then the name of the cipher.
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let Ok(bytes) = STANDARD.decode(body.trim()) else { return false };
    let Some(rest) = bytes.strip_prefix(b"openssh-key-v1\0") else { return false };
    !rest.starts_with(b"\0\0\0\x04none")
}

/// Answers every question that hides its answer with the password.
struct Answers<'a> {
    password: &'a str,
    asked: usize,
}

impl KeyboardInteractivePrompt for Answers<'_> {
    fn prompt(&mut self, _: &str, _: &str, prompts: &[Prompt]) -> Vec<String> {
        // A second round of questions means that the first answers were wrong; a wrong password is given once.
        let answer = |prompt: &Prompt| {
            if prompt.echo || self.asked > 0 { String::new() } else { self.password.to_owned() }
        };
        let answers = prompts.iter().map(answer).collect();
        self.asked += usize::from(!prompts.is_empty());
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_keys_are_told_apart() {
        let openssh = |cipher: &[u8]| {
            let body =
                [b"openssh-key-v1\0".as_slice(), &(cipher.len() as u32).to_be_bytes(), cipher, b"rest"]
                    .concat();
            let body = STANDARD.encode(body);
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n")
        };
        assert!(!is_encrypted(&openssh(b"none")));
        assert!(is_encrypted(&openssh(b"aes256-ctr")));
        assert!(is_encrypted("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"));
        assert!(is_encrypted("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        assert!(!is_encrypted("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"));
    }
}
