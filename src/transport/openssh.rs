//! A system `ssh` as the pipe: for what libssh2 cannot do, and for who wants it.

#![allow(clippy::disallowed_methods)] // The home of the processes that are connections.

use super::askpass::{Answers, Secrets};
use super::bootstrap::Bootstrap;
use super::link::ChildLink;
use super::session::CallError;
use super::{HostKeyPolicy, Opened, Target};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Starts `ssh`; `why` it and not libssh2. `tell` hears the command line.
///
/// # Errors
/// When there is no such program.
pub fn open(
    target: &Target,
    bootstrap: Bootstrap,
    why: &str,
    silence: Duration,
    tell: &dyn Fn(&str),
) -> Result<Opened, CallError> {
    let program = target.ssh_executable.as_deref().unwrap_or("ssh");
    let failed = |message: String| CallError::Unreachable {
        message: format!("Failed to connect to the host via ssh: {message}"),
    };
    let mut command = Command::new(program);
    let words = arguments(target);
    tell(&shown(program, &words, &target.address));
    command.args(words).arg("--").arg(&target.address).arg(&bootstrap.command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answers = match (&target.password, &target.private_key_passphrase) {
        (None, None) => None,
        (password, passphrase) => Some(
            Answers::serve(Secrets {
                password: password.clone(),
                passphrase: passphrase.clone(),
                prompt: target.openssh.prompt.clone(),
                patience: if target.openssh.leaves_open { target.connect_timeout } else { Duration::ZERO },
            })
            .map_err(|error| failed(format!("cannot prepare to answer ssh: {error}")))?,
        ),
    };
    if let Some(answers) = &answers {
        answers.set_environment(&mut command).map_err(|error| failed(error.to_string()))?;
    }
    let child = command.spawn().map_err(|error| failed(format!("cannot run {program}: {error}")))?;
    let link = ChildLink::new(child)
        .map_err(|error| failed(error.to_string()))?
        .with_ssh(target.password.is_some(), answers);
    let description = format!("openssh to {}, because {why}", target.address);
    Ok(Opened { link: Box::new(link), bootstrap: Some(bootstrap), description, silence })
}

/// The command line for people, up to the script that starts the helper.
fn shown(program: &str, words: &[String], address: &str) -> String {
    let words = [program].into_iter().chain(words.iter().map(String::as_str)).chain(["--", address]);
    format!("SSH: EXEC {} …", crate::modules::kit::words::join(words))
}

/// What variables say, after the words that the user wrote: for OpenSSH the first word counts, and so it does for
/// Ansible's `ssh_args`; variables stand before those, though.
fn arguments(target: &Target) -> Vec<String> {
    let mut words = vec!["-T".to_owned(), "-oRequestTTY=no".into()];
    words.extend((0..target.openssh.verbosity).map(|_| "-v".to_owned()));
    words.extend(target.port.map(|port| format!("-oPort={port}")));
    words.extend(target.user.as_ref().map(|user| format!("-oUser={user}")));
    words.extend(
        target.private_key_file.as_ref().map(|file| format!("-oIdentityFile=\"{}\"", file.display())),
    );
    match target.host_key_policy {
        HostKeyPolicy::Off => words.push("-oStrictHostKeyChecking=no".into()),
        HostKeyPolicy::Strict | HostKeyPolicy::AcceptNew => {}
    }
    if target.password.is_none() {
        words.extend(["-oPasswordAuthentication=no", "-oKbdInteractiveAuthentication=no"].map(String::from));
    }
    words.push("-oNumberOfPasswordPrompts=1".into());
    words.extend(target.ssh_args.iter().cloned());
    // These count only where the user's words say nothing.
    words.push(format!("-oConnectTimeout={}", target.connect_timeout.as_secs().max(1)));
    words.push(match target.host_key_policy {
        HostKeyPolicy::AcceptNew => "-oStrictHostKeyChecking=accept-new".into(),
        // The default would ask somebody at a terminal.
        _ => "-oStrictHostKeyChecking=yes".into(),
    });
    if target.password.is_none() && target.private_key_passphrase.is_none() {
        words.push("-oBatchMode=yes".into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::TransportKind;
    use crate::value::Secret;

    #[test]
    fn words_in_the_order_that_counts() {
        let target = Target {
            name: "web".into(),
            kind: TransportKind::OpenSsh,
            address: "web".into(),
            port: Some(2222),
            user: Some("ann".into()),
            password: Some(Secret::new("geheim-1")),
            private_key_file: Some("/k a".into()),
            private_key_passphrase: None,
            host_key_policy: HostKeyPolicy::Strict,
            ssh_args: vec!["-oConnectTimeout=3".into(), "-C".into()],
            ssh_executable: None,
            openssh: Default::default(),
            connect_timeout: Duration::from_secs(10),
            retries: 0,
            no_cache: false,
        };
        let words = arguments(&target).join(" ");
        assert_eq!(
            words,
            "-T -oRequestTTY=no -oPort=2222 -oUser=ann -oIdentityFile=\"/k a\" -oNumberOfPasswordPrompts=1 \
             -oConnectTimeout=3 -C -oConnectTimeout=10 -oStrictHostKeyChecking=yes"
        );
        let words =
            arguments(&Target { password: None, host_key_policy: HostKeyPolicy::Off, ..target }).join(" ");
        assert!(words.contains("-oStrictHostKeyChecking=no -oPasswordAuthentication=no"), "{words}");
        assert!(words.ends_with("-oBatchMode=yes"), "{words}");
    }
}
