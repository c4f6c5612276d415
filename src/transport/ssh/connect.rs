//! From a plan to an authenticated session.

use super::link::{SshLink, TIMEOUT, drive};
use super::pace;
use super::plan::{Family, Plan};
use super::{auth, host_key, jump, unreachable};
use crate::transport::Target;
use crate::transport::session::CallError;
use ssh2::{MethodType, Session};
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Server logins (PAM, DNS of our address) take their time even where networks are fast.
const SLOWEST_LOGIN: Duration = Duration::from_secs(30);

/// Fast and unbroken key exchanges, the fastest first.
const KEX: &str = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,\
    ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,\
    diffie-hellman-group18-sha512,diffie-hellman-group14-sha256";
const CIPHERS: &str = "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-ctr,\
    aes192-ctr,aes256-ctr";
const MACS: &str = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,\
    hmac-sha2-256,hmac-sha2-512,hmac-sha1";

/// Why there is no session.
pub enum Refusal {
    Call(CallError),
    /// Something turned up that only OpenSSH can do.
    OpenSsh(String),
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// An authenticated session, nothing running on it.
pub struct Connection {
    pub session: Session,
    /// The session's socket.
    socket: OwnedFd,
    pub description: String,
}

/// Connects, verifies the host's key, authenticates.
pub fn connect(target: &Target, plan: &Plan) -> Result<Connection, Refusal> {
    let (socket, turn) = dial(target, plan)?;
    let known = host_key::Known::load(plan);
    if plan.policy != crate::transport::HostKeyPolicy::Off && known.needs_authority(plan) {
        return Err(Refusal::OpenSsh("the host's key is vouched for by a certificate authority".into()));
    }
    let mut session = Session::new().map_err(|error| unreachable(error.message()))?;
    prefer(&session, plan, &known.kinds(plan))?;
    session.set_tcp_stream(socket.try_clone().map_err(|error| unreachable(&error.to_string()))?);
    session.set_blocking(false);
    let until = Instant::now() + plan.connect_timeout.max(Duration::from_secs(5));
    // Another handle of the same session: the first is borrowed for waiting.
    let mut handle = session.clone();
    drive(&session, &socket, until, || handle.handshake())
        .map_err(|error| handshake_error(plan, &session, &error))?;
    known.verify(&session, plan)?;
    let login = auth::Login {
        session: &session,
        socket: &socket,
        until: Instant::now() + SLOWEST_LOGIN.max(plan.connect_timeout),
    };
    login.authenticate(target, plan)?;
    drop(turn);
    let methods = |kind| session.methods(kind).unwrap_or("?").to_owned();
    let description = format!(
        "ssh (libssh2) to {}@{} port {} ({}, {}{})",
        plan.user,
        plan.host,
        plan.port,
        methods(MethodType::Kex),
        methods(MethodType::CryptCs),
        if plan.jumps.is_empty() { "" } else { ", through a jump host" },
    );
    Ok(Connection { session, socket, description })
}

/// A stream to the host, over the network or through another host.
fn dial(target: &Target, plan: &Plan) -> Result<(OwnedFd, Option<pace::Turn>), Refusal> {
    match jump::last_before(target, plan)? {
        Some((jump, jump_plan)) => {
            let connection = connect(&jump, &jump_plan)?;
            Ok((jump::tunnel(connection, &plan.host, plan.port)?, None))
        }
        None => {
            let (stream, turn) = dial_tcp(plan)?;
            Ok((stream.into(), Some(turn)))
        }
    }
}

fn dial_tcp(plan: &Plan) -> Result<(TcpStream, pace::Turn), CallError> {
    let (host, port) = (plan.host.as_str(), plan.port);
    let no_name = |why: &str| unreachable(&format!("ssh: Could not resolve hostname {host}: {why}"));
    let addresses = (host, port).to_socket_addrs().map_err(|error| {
        let text = error.to_string();
        no_name(text.split_once(": ").map_or(text.as_str(), |(_, why)| why))
    })?;
    let wanted = |address: &SocketAddr| match plan.family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let mut why = None;
    for address in addresses.filter(wanted) {
        let turn = pace::wait_for_turn(address);
        match TcpStream::connect_timeout(&address, plan.connect_timeout.max(Duration::from_millis(1))) {
            Ok(stream) => {
                // Both only make things faster or tidier.
                let _ = stream.set_nodelay(true);
                let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
                return Ok((stream, turn));
            }
            Err(error) => why = Some(error),
        }
    }
    let Some(error) = why else { return Err(no_name("no address of the wanted family")) };
    let cause = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "Connection timed out".to_owned(),
        _ => crate::modules::kit::os_error(&error),
    };
    Err(unreachable(&format!("ssh: connect to host {host} port {port}: {cause}")))
}

/// Which algorithms, in which order.
fn prefer(session: &Session, plan: &Plan, known_kinds: &[String]) -> Result<(), CallError> {
    let host_keys = plan.host_key_algorithms.clone().unwrap_or_else(|| host_key::algorithms(known_kinds));
    let ciphers = plan.ciphers.as_deref().unwrap_or(CIPHERS);
    let macs = plan.macs.as_deref().unwrap_or(MACS);
    let choices = [
        ("KexAlgorithms", MethodType::Kex, plan.kex.as_deref().unwrap_or(KEX)),
        ("HostKeyAlgorithms", MethodType::HostKey, &host_keys),
        ("Ciphers", MethodType::CryptCs, ciphers),
        ("Ciphers", MethodType::CryptSc, ciphers),
        ("MACs", MethodType::MacCs, macs),
        ("MACs", MethodType::MacSc, macs),
    ];
    for (setting, kind, list) in choices {
        session
            .method_pref(kind, list)
            .map_err(|_| unreachable(&format!("libssh2 supports none of the {setting} {list}")))?;
    }
    if plan.compression {
        session.set_compress(true);
    }
    Ok(())
}

/// libssh2's numbers for what goes wrong at the door.
const BANNER_RECV: i32 = -2;
const SOCKET_DISCONNECT: i32 = -13;
const SOCKET_RECV: i32 = -43;
const KEX_FAILURES: [i32; 2] = [-5, -8];

fn handshake_error(plan: &Plan, session: &Session, error: &ssh2::Error) -> CallError {
    let (host, port) = (&plan.host, plan.port);
    let code = match error.code() {
        ssh2::ErrorCode::Session(code) => code,
        ssh2::ErrorCode::SFTP(_) => 0,
    };
    // Newer servers tell why they close (`Exceeded MaxStartups`), which is no identification.
    let identified = session.banner().is_some_and(|banner| banner.starts_with("SSH-"));
    unreachable(&match code {
        BANNER_RECV | SOCKET_DISCONNECT | SOCKET_RECV if !identified => format!(
            "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by {host} port {port}"
        ),
        _ if error.code() == TIMEOUT => {
            format!(
                "Connection timed out during banner exchange\r\nConnection to {host} port {port} timed out"
            )
        }
        code if KEX_FAILURES.contains(&code) => format!(
            "Unable to negotiate with {host} port {port}: no algorithm that both sides accept ({}).",
            error.message()
        ),
        _ => format!("Connection to {host} port {port} failed: {}", error.message()),
    })
}

impl Connection {
    /// Opens a stream to a host that this one can reach.
    pub fn forward(self, host: &str, port: u16) -> Result<SshLink, CallError> {
        let until = Instant::now() + SLOWEST_LOGIN;
        let (session, socket) = (&self.session, &self.socket);
        let channel = drive(session, socket, until, || session.channel_direct_tcpip(host, port, None));
        let channel = channel.map_err(|error| {
            unreachable(&format!(
                "channel 0: open failed: connect to {host} port {port} through a jump host: {}",
                error.message()
            ))
        })?;
        Ok(SshLink::new(self.session, self.socket, channel))
    }

    /// Runs a command; the link is its input and output.
    pub fn start(self, command: &str) -> Result<SshLink, CallError> {
        let lost = |error: ssh2::Error| {
            unreachable(&format!("the host lets nobody run a command ({})", error.message()))
        };
        let until = Instant::now() + SLOWEST_LOGIN;
        let (session, socket) = (&self.session, &self.socket);
        let mut channel = drive(session, socket, until, || session.channel_session()).map_err(lost)?;
        drive(session, socket, until, || channel.exec(command)).map_err(lost)?;
        Ok(SshLink::new(self.session, self.socket, channel))
    }
}
