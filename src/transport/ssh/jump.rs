//! `ProxyJump`: a connection through another host, as a tunnel on that host's connection.

use super::connect::{Connection, Refusal};
use super::link::SshLink;
use super::plan::{self, Jump, Plan};
use super::{options, unreachable};
use crate::transport::link::{Link, Outgoing, would_block};
use crate::transport::{HostKeyPolicy, Target, TransportKind};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// So much is taken from the near end before the far one has taken it.
const BUFFER: usize = 1024 * 1024;

/// The host to go through, if there is one, and how to get there. As with OpenSSH, a jump host has its own settings:
/// of the words only the name of the configuration file applies to it, and variables do not.
pub fn last_before(target: &Target, plan: &Plan) -> Result<Option<(Target, Plan)>, Refusal> {
    let Some((last, before)) = plan.jumps.split_last() else { return Ok(None) };
    let configuration = options::read_words(&target.ssh_args).configuration;
    let jump = Target {
        name: last.host.clone(),
        kind: TransportKind::Ssh,
        address: last.host.clone(),
        port: last.port,
        user: last.user.clone(),
        password: None,
        private_key_file: None,
        private_key_passphrase: None,
        host_key_policy: HostKeyPolicy::Strict,
        ssh_args: configuration.map_or_else(Vec::new, |file| vec!["-F".to_owned(), file]),
        ssh_executable: target.ssh_executable.clone(),
        openssh: Default::default(),
        connect_timeout: target.connect_timeout,
        retries: 0,
        no_cache: false,
    };
    let ssh = jump.ssh_executable.as_deref().unwrap_or("ssh");
    let asked = options::ask(&jump.ssh_args, &jump.address, jump.port, jump.user.as_deref(), ssh)
        .map_err(|why| unreachable(&why))?;
    let openssh = |why: String| Refusal::OpenSsh(format!("the jump host {} needs it: {why}", jump.address));
    let mut jump_plan = plan::plan(&jump, &asked).map_err(openssh)?;
    if !before.is_empty() {
        jump_plan.jumps = before.to_vec();
    }
    // A host that is reached through itself would be tried for ever.
    let own = Jump { user: last.user.clone(), host: last.host.clone(), port: last.port };
    if jump_plan.jumps.contains(&own) {
        return Err(
            unreachable(&format!("the jump host {} is to be reached through itself", jump.address)).into()
        );
    }
    Ok(Some((jump, jump_plan)))
}

/// A stream to that host and port through a connection, which lives as long as the stream.
pub fn tunnel(connection: Connection, host: &str, port: u16) -> Result<OwnedFd, Refusal> {
    let link = connection.forward(host, port)?;
    let pair = || -> io::Result<(UnixStream, UnixStream)> {
        let (near, far) = UnixStream::pair()?;
        far.set_nonblocking(true)?;
        Ok((near, far))
    };
    let (near, far) = pair().map_err(|error| unreachable(&error.to_string()))?;
    let pump = move || {
        // Both ends see the other's end as theirs.
        let _ = pump(link, far);
    };
    let named = std::thread::Builder::new().name(format!("tunnel to {host}")).stack_size(256 * 1024);
    named.spawn(pump).map_err(|error| unreachable(&error.to_string()))?;
    Ok(near.into())
}

/// Carries bytes until either end closes.
fn pump(mut link: SshLink, mut stream: UnixStream) -> io::Result<()> {
    let mut outgoing = Outgoing::default();
    let mut incoming: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut closed = false;
    loop {
        let mut moved = false;
        while outgoing.len() < BUFFER && !closed {
            match stream.read(&mut buffer) {
                Ok(0) => closed = true,
                Ok(count) => {
                    outgoing.push(buffer[..count].to_vec());
                    moved = true;
                }
                Err(error) if would_block(&error) => break,
                Err(error) => return Err(error),
            }
        }
        let (unsent, unread) = (outgoing.len(), incoming.len());
        let ended = match link.exchange(&mut outgoing, &mut incoming, Duration::ZERO) {
            Ok(()) => false,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
            Err(error) => return Err(error),
        };
        moved |= outgoing.len() < unsent || incoming.len() > unread;
        while !incoming.is_empty() {
            match stream.write(&incoming) {
                Ok(count) => {
                    incoming.drain(..count);
                    moved = true;
                }
                Err(error) if would_block(&error) => break,
                Err(error) => return Err(error),
            }
        }
        if (closed && outgoing.len() == 0) || (ended && incoming.is_empty()) {
            return Ok(());
        }
        if moved {
            continue;
        }
        let mut wanted = PollFlags::empty();
        if outgoing.len() < BUFFER && !closed {
            wanted |= PollFlags::IN;
        }
        if !incoming.is_empty() {
            wanted |= PollFlags::OUT;
        }
        match poll(&mut [PollFd::from_borrowed_fd(stream.as_fd(), wanted), link.poll_fd()], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
