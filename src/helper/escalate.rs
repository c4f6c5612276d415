//! Becoming another user: the command line of each method, and the start of a helper behind it.

#![allow(clippy::disallowed_methods)] // The home of `sudo` and its like, whose streams are a connection.

use super::processes;
use super::prompt::{Conversation, Ending, Prompt};
use super::relay::Started;
use crate::protocol::{Become, Hello, Reply, VERSION, read_frame};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a method is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Sudo,
    Su,
    Doas,
    Runuser,
}

impl Method {
    fn find(name: &str) -> Option<Self> {
        match name.rsplit('.').next() {
            Some("sudo") => Some(Self::Sudo),
            Some("su") => Some(Self::Su),
            Some("doas") => Some(Self::Doas),
            Some("runuser") => Some(Self::Runuser),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
            Self::Runuser => "runuser",
        }
    }
}

/// Whether there is a way to become another user of that name.
pub fn knows(method: &str) -> bool {
    Method::find(method).is_some()
}

/// Starts a helper as that identity.
pub fn start(identity: &Become) -> Result<Started, Refusal> {
    let method = Method::find(&identity.method).ok_or_else(|| {
        Refusal::new(format!("Ekumen does not know the become method {}.", identity.method))
    })?;
    let nonce = nonce().map_err(|error| Refusal::new(format!("The host gives no random bytes: {error}")))?;
    let attempt = |terminal| attempt(method, identity, &nonce, terminal);
    // `su` and `doas` look for a terminal to ask on.
    let terminal = identity.password.is_some() && matches!(method, Method::Su | Method::Doas);
    match attempt(terminal) {
        Err(Refusal { wants_terminal: true, .. }) if !terminal => attempt(true),
        other => other,
    }
}

/// How a helper is started as that identity, for people: the command line up to the script.
pub fn shown(identity: &Become) -> Option<String> {
    let words = command_line(Method::find(&identity.method)?, identity, "", "…").ok()?;
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    Some(words.join(" "))
}

/// Why there is no helper.
pub struct Refusal {
    /// The task's message.
    pub msg: String,
    /// Nothing happened in time.
    pub too_late: bool,
    wants_terminal: bool,
}

impl Refusal {
    fn new(msg: impl Into<String>) -> Self {
        Self { msg: msg.into(), too_late: false, wants_terminal: false }
    }
}

fn attempt(method: Method, identity: &Become, nonce: &str, terminal: bool) -> Result<Started, Refusal> {
    let program =
        File::open("/proc/self/exe").map_err(|e| Refusal::new(format!("cannot read the helper: {e}")))?;
    let size = program.metadata().map_or(0, |metadata| metadata.len());
    let words = command_line(method, identity, nonce, &script(nonce, size)).map_err(Refusal::new)?;
    let terminal = if terminal { open_terminal() } else { None };
    let mut command = match &terminal {
        Some((_, path)) => {
            let mut command = Command::new("/proc/self/exe");
            command.arg("--terminal").arg(path).args(&words);
            command
        }
        None => {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            command
        }
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let since = processes::Moment::now();
    let mut child = command.spawn().map_err(|error| {
        let program = words[0].to_string_lossy();
        Refusal::new(format!("Cannot run {program} to become {}: {error}", identity.user))
    })?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Refusal::new("no pipes to the become program"));
    };
    let mut conversation = Conversation::new(
        stdin,
        stdout,
        stderr,
        terminal.map(|(terminal, _)| terminal),
        format!("EKUMEN-{nonce} "),
        match method {
            Method::Sudo => Prompt::Exactly(prompt_text(nonce)),
            _ => Prompt::Saying(identity.prompts.clone()),
        },
        identity.password.as_deref(),
        Duration::from_secs(identity.patience.into()),
    );
    let mut ending = conversation.run();
    if ending == Ending::Marker("need".into()) {
        let sent = std::io::copy(&mut &program, &mut conversation.stdin());
        ending = if sent.is_ok() { Ending::Marker("ok".into()) } else { conversation.run() };
    }
    if ending != Ending::Marker("ok".into()) {
        let refusal = explain(method, identity, &ending, &conversation.said());
        conversation.hang_up();
        abandon(child, since);
        return Err(refusal);
    }
    let (stdin, stdout, stderr, terminal) = conversation.finish();
    let complaints = Arc::new(Mutex::new(String::new()));
    let heard = complaints.clone();
    std::thread::spawn(move || listen(stderr, &heard));
    let mut stdout: Box<dyn Read + Send> = Box::new(stdout);
    match read_frame::<Reply>(&mut stdout) {
        Ok(Reply::Hello(Hello { version: VERSION, .. })) => {
            Ok(Started { child, stdin, stdout, terminal, complaints })
        }
        _ => {
            drop((stdin, terminal));
            abandon(child, since);
            let said = complaints.lock().map(|text| text.trim().to_owned()).unwrap_or_default();
            Err(Refusal::new(format!("The helper does not start as user {}. {said}", identity.user)))
        }
    }
}

/// Ends what did not become a helper, with all that it started: a login shell that still runs would keep its user from being removed.
fn abandon(mut child: Child, since: processes::Moment) {
    // A setuid program cannot be killed by who started it; without input and terminal it ends itself.
    processes::kill_started_since(since);
    let _ = child.kill();
    std::thread::spawn(move || child.wait());
}

/// Keeps the last words on a stream.
fn listen(mut stream: impl Read, heard: &Mutex<String>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if let Ok(mut heard) = heard.lock() {
            if heard.len() > 4096 {
                heard.clear();
            }
            heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }
}

fn nonce() -> std::io::Result<String> {
    let mut bytes = [0u8; 16];
    let count = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes[..count].iter().map(|byte| format!("{byte:02x}")).collect())
}

fn prompt_text(nonce: &str) -> String {
    format!("[ekumen {nonce}] password: ")
}

/// What runs as the other user: this program's file if that user may read it, else a copy that it receives on its
/// input, in a private folder that goes as soon as the copy runs. No quotes of either kind that `su -c` would
/// have to quote again, no backslashes.
fn script(nonce: &str, size: u64) -> String {
    let own = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    let own = own.to_string_lossy().into_owned();
    let plain = |path: &str| path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+@".contains(&b));
    let mut candidates = format!("/proc/{}/exe", std::process::id());
    if plain(&own) && !own.is_empty() {
        candidates = format!("{own} {candidates}");
    }
    include_str!("become.sh")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join(" ")
        .replace("@NONCE@", nonce)
        .replace("@SIZE@", &size.to_string())
        .replace("@CANDIDATES@", &candidates)
}

/// The words that run `script` as the identity.
fn command_line(
    method: Method,
    identity: &Become,
    nonce: &str,
    script: &str,
) -> Result<Vec<OsString>, String> {
    if identity.user.starts_with('-') || identity.user.is_empty() {
        return Err(format!("`{}` is no user name.", identity.user));
    }
    let exe = identity.exe.as_deref().filter(|exe| !exe.is_empty()).unwrap_or(method.name());
    let mut words = split(exe)?;
    let default = if method == Method::Sudo { "-H -S -n" } else { "" };
    let mut flags = split(identity.flags.as_deref().unwrap_or(default))?;
    let password = identity.password.is_some();
    let user = identity.user.as_str();
    match method {
        Method::Sudo => {
            if password {
                flags.retain(|flag| flag != "-n" && flag != "--non-interactive");
                // The password comes on the input, whatever the flags say: there is no terminal to type it on.
                if !flags.iter().any(|flag| is_short_flag(flag, 'S') || flag == "--stdin") {
                    flags.push("-S".into());
                }
                flags.extend(["-p".to_owned(), prompt_text(nonce)]);
            }
            let by_shell = flags.iter().any(|flag| {
                is_short_flag(flag, 'i')
                    || is_short_flag(flag, 's')
                    || ["--login", "--shell"].contains(&flag.as_str())
            });
            let script = if by_shell { without_dollars(script) } else { script.to_owned() };
            words.extend(flags);
            words.extend(["-u", user, "/bin/sh", "-c", &script].map(String::from));
        }
        Method::Su => {
            words.extend(flags);
            words.extend([user.to_owned(), "-c".to_owned(), format!("/bin/sh -c '{script}'")]);
        }
        Method::Doas => {
            words.extend(flags);
            if !password {
                words.push("-n".into());
            }
            words.extend(["-u", user, "/bin/sh", "-c", script].map(String::from));
        }
        Method::Runuser => {
            words.extend(flags);
            words.extend(["-u", user, "--", "/bin/sh", "-c", script].map(String::from));
        }
    }
    Ok(words.into_iter().map(OsString::from).collect())
}

/// The script for a `sudo` that gives the command to a login shell: it quotes everything for that shell but `$`.
fn without_dollars(script: &str) -> String {
    format!("set -f; eval `echo '{}' | tr @ '\\044'`", script.replace('$', "@"))
}

/// Whether a word is a bundle of one-letter options with that one among them.
fn is_short_flag(word: &str, letter: char) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(letter)
}

/// Splits a text into words as a shell would, without expanding anything.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), close) if open == close => quote = None,
            (None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (Some('"'), '\\') => {
                let next = characters.next();
                let word = word.get_or_insert_default();
                if !matches!(next, Some('"' | '\\' | '$' | '`')) {
                    word.push('\\');
                }
                word.extend(next);
            }
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err(format!("The become flags `{text}` have an open quote."));
    }
    words.extend(word);
    Ok(words)
}

/// A new pseudoterminal, and the path of its other side; `None` where there are none.
fn open_terminal() -> Option<(std::os::fd::OwnedFd, OsString)> {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).ok()?;
    grantpt(&master).ok()?;
    unlockpt(&master).ok()?;
    let path = ptsname(&master, Vec::new()).ok()?.into_string().ok()?;
    Some((master, path.into()))
}

/// Words a refusal as Ansible does, where it has words for it.
fn explain(method: Method, identity: &Become, ending: &Ending, said: &str) -> Refusal {
    let name = method.name();
    let has = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    let missing = has(&[
        "password is required",
        "terminal is required",
        "no tty present",
        "uthorization required",
        "uthentication required",
    ]);
    let wrong = has(&["try again", "ncorrect password", "uthentication fail", "uthorization fail"]);
    let wants_terminal = has(&["must have a tty", "a tty is required", "must be run from a terminal"]);
    let mut refusal = Refusal::new(match ending {
        Ending::NoPassword => format!("Task failed: Missing {name} password"),
        Ending::Refused => format!("Task failed: Incorrect {name} password"),
        // It may have another reason, and says so.
        Ending::Dismissed if wrong || said.trim().is_empty() => {
            format!("Task failed: Incorrect {name} password")
        }
        _ if missing && identity.password.is_none() => format!("Task failed: Missing {name} password"),
        Ending::Silent => format!("{} {}", identity.too_late, said.trim()),
        Ending::Marker(_) => {
            format!("User {} has no folder on the host in which a program may be put and run.", identity.user)
        }
        Ending::Closed | Ending::Dismissed => {
            let why = if said.trim().is_empty() { "it said nothing" } else { said.trim() };
            format!("Task failed: {name} does not let {} become {}: {why}", super::user_name(), identity.user)
        }
    });
    refusal.wants_terminal = wants_terminal;
    refusal.too_late = *ending == Ending::Silent;
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(method: &str, flags: Option<&str>, password: bool) -> Become {
        Become {
            method: method.into(),
            exe: None,
            user: "ann".into(),
            flags: flags.map(Into::into),
            password: password.then(|| "pw".into()),
            prompts: vec![],
            patience: 5,
            too_late: "Timeout (5s) waiting for privilege escalation prompt:".into(),
        }
    }

    #[test]
    fn command_lines() {
        let table = [
            ("sudo", None, false, "sudo|-H|-S|-n|-u|ann|/bin/sh|-c|X"),
            ("sudo", None, true, "sudo|-H|-S|-p|[ekumen N] password: |-u|ann|/bin/sh|-c|X"),
            ("ansible.builtin.sudo", Some("-k 'a b'"), false, "sudo|-k|a b|-u|ann|/bin/sh|-c|X"),
            ("sudo", Some("-HE"), true, "sudo|-HE|-S|-p|[ekumen N] password: |-u|ann|/bin/sh|-c|X"),
            (
                "sudo",
                Some("-n -i"),
                false,
                r"sudo|-n|-i|-u|ann|/bin/sh|-c|set -f; eval `echo 'X' | tr @ '\044'`",
            ),
            ("su", None, true, "su|ann|-c|/bin/sh -c 'X'"),
            ("su", Some("-l"), false, "su|-l|ann|-c|/bin/sh -c 'X'"),
            ("community.general.doas", None, false, "doas|-n|-u|ann|/bin/sh|-c|X"),
            ("doas", None, true, "doas|-u|ann|/bin/sh|-c|X"),
            ("runuser", None, false, "runuser|-u|ann|--|/bin/sh|-c|X"),
        ];
        for (method, flags, password, expected) in table {
            let identity = identity(method, flags, password);
            let method = Method::find(&identity.method).expect("a known method");
            let words = command_line(method, &identity, "N", "X").expect("good flags");
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            assert_eq!(words.join("|"), expected);
            assert!(!words.iter().any(|word| word.contains("pw")), "the password is no argument");
        }
    }

    #[test]
    fn user_names_are_no_options() {
        let identity = Become { user: "-u".into(), ..identity("su", None, false) };
        assert!(command_line(Method::Su, &identity, "N", "X").is_err());
    }

    #[test]
    fn scripts_need_no_quoting() {
        let script = script("0123", 77);
        assert!(!script.contains(['\'', '\\', '!', '\n', '@']), "{script}");
        assert!(script.contains("head -c 77"));
    }

    #[test]
    fn splits_like_a_shell() {
        let table = [
            ("", vec![]),
            ("-H  -S", vec!["-H", "-S"]),
            (r#"-a 'b c' "d\"e" f\ g ''"#, vec!["-a", "b c", "d\"e", "f g", ""]),
            (r#""\x""#, vec!["\\x"]),
        ];
        for (text, words) in table {
            assert_eq!(split(text).expect("closed quotes"), words, "{text}");
        }
        assert!(split("'a").is_err());
    }

    #[test]
    fn refusals_in_ansibles_words() {
        let with = identity("sudo", None, true);
        let without = identity("sudo", None, false);
        let msg = |identity: &Become, ending, said: &str| explain(Method::Sudo, identity, &ending, said).msg;
        assert_eq!(msg(&with, Ending::Refused, "Sorry, try again."), "Task failed: Incorrect sudo password");
        assert_eq!(
            msg(&without, Ending::Closed, "sudo: a password is required"),
            "Task failed: Missing sudo password"
        );
        let stranger = msg(&with, Ending::Dismissed, "plain is not in the sudoers file.");
        assert!(stranger.contains("plain is not in the sudoers file"), "{stranger}");
        assert!(msg(&with, Ending::Closed, "sudo: unknown user nosuch").contains("unknown user nosuch"));
        let late = explain(Method::Sudo, &with, &Ending::Silent, "Password: ");
        assert!(late.too_late);
        assert_eq!(late.msg, "Timeout (5s) waiting for privilege escalation prompt: Password:");
        assert!(
            explain(Method::Sudo, &with, &Ending::Closed, "sudo: sorry, you must have a tty to run sudo")
                .wants_terminal
        );
    }
}
