//! From a plan to an authenticated session.

use super::pace;
use super::plan::{Family, Plan};
use super::{auth, host_key, link::SshLink, unreachable};
use crate::transport::Target;
use crate::transport::session::CallError;
use ssh2::{MethodType, Session};
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Server logins (PAM, DNS of our address) take their time even where networks are fast.
const SLOWEST_LOGIN: Duration = Duration::from_secs(30);

/// How long a server that refuses connections at the door (`MaxStartups`) is asked again.
const DOOR_PATIENCE: Duration = Duration::from_secs(20);

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

pub fn connect(target: &Target, plan: &Plan) -> Result<Connection, Refusal> {
    let mut failed = 0;
    let started = Instant::now();
    let mut at_the_door = 0;
    loop {
        let error = match attempt(target, plan) {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        match error {
            Attempt::Final(refusal) => return Err(refusal),
            Attempt::Door(why) => {
                if started.elapsed() > DOOR_PATIENCE {
                    return Err(unreachable(&why).into());
                }
                std::thread::sleep(pace::pause(at_the_door));
                at_the_door += 1;
            }
            Attempt::Network(why) => {
                if failed >= target.retries {
                    return Err(unreachable(&why).into());
                }
                // As Ansible does between its attempts: twice as long each time, and never longer than 30 s.
                std::thread::sleep(Duration::from_secs((1u64 << failed.min(5)).saturating_sub(1).min(30)));
                failed += 1;
            }
        }
    }
}

/// How an attempt failed.
enum Attempt {
    /// No use in trying again.
    Final(Refusal),
    /// The server closes before it has said who it is: too many at once.
    Door(String),
    /// The network, which may be better next time.
    Network(String),
}

impl<T: Into<Refusal>> From<T> for Attempt {
    fn from(refusal: T) -> Self {
        Self::Final(refusal.into())
    }
}

fn attempt(target: &Target, plan: &Plan) -> Result<Connection, Attempt> {
    let (stream, turn) = dial(target, plan)?;
    let known = host_key::Known::load(plan);
    if plan.policy != crate::transport::HostKeyPolicy::Off && known.needs_authority(plan) {
        return Err(
            Refusal::OpenSsh("the host's key is vouched for by a certificate authority".into()).into()
        );
    }
    let mut session = Session::new().map_err(|error| unreachable(error.message()))?;
    prefer(&session, plan, &known.kinds(plan))?;
    session.set_timeout(milliseconds(plan.connect_timeout.max(Duration::from_secs(5))));
    let socket = stream.try_clone().map_err(|error| unreachable(&error.to_string()))?;
    session.set_tcp_stream(stream);
    session.handshake().map_err(|error| handshake_error(plan, &session, &error))?;
    known.verify(&session, plan)?;
    session.set_timeout(milliseconds(SLOWEST_LOGIN.max(plan.connect_timeout)));
    auth::authenticate(&session, target, plan)?;
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

/// A stream to the host, over the network or through other hosts.
fn dial(target: &Target, plan: &Plan) -> Result<(OwnedFd, Option<pace::Turn>), Attempt> {
    if plan.jumps.is_empty() {
        let (stream, turn) = dial_tcp(plan)?;
        return Ok((stream.into(), Some(turn)));
    }
    let _ = target;
    Err(Refusal::OpenSsh("jump hosts".into()).into())
}

fn dial_tcp(plan: &Plan) -> Result<(TcpStream, pace::Turn), Attempt> {
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
    let Some(error) = why else { return Err(no_name("no address of the wanted family").into()) };
    let cause = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "Connection timed out".to_owned(),
        _ => crate::modules::kit::os_error(&error),
    };
    Err(Attempt::Network(format!("ssh: connect to host {host} port {port}: {cause}")))
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

fn milliseconds(duration: Duration) -> u32 {
    duration.as_millis().try_into().unwrap_or(u32::MAX)
}

/// libssh2's numbers for what goes wrong at the door.
const BANNER_RECV: i32 = -2;
const SOCKET_DISCONNECT: i32 = -13;
const TIMEOUT: i32 = -9;
const SOCKET_RECV: i32 = -43;
const KEX_FAILURES: [i32; 2] = [-5, -8];

fn handshake_error(plan: &Plan, session: &Session, error: &ssh2::Error) -> Attempt {
    let ssh2::ErrorCode::Session(code) = error.code() else {
        return unreachable(error.message()).into();
    };
    let (host, port) = (&plan.host, plan.port);
    match code {
        BANNER_RECV | SOCKET_DISCONNECT | SOCKET_RECV if session.banner().is_none() => {
            Attempt::Door(format!(
                "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by {host} port {port}"
            ))
        }
        TIMEOUT => Attempt::Network(format!(
            "Connection timed out during banner exchange\r\nConnection to {host} port {port} timed out"
        )),
        code if KEX_FAILURES.contains(&code) => unreachable(&format!(
            "Unable to negotiate with {host} port {port}: no algorithm that both sides accept ({}).",
            error.message()
        ))
        .into(),
        _ => Attempt::Network(format!("Connection to {host} port {port} failed: {}", error.message())),
    }
}

impl Connection {
    /// Runs a command; the link is its input and output.
    pub fn start(self, command: &str) -> Result<SshLink, CallError> {
        let lost = |error: ssh2::Error| {
            unreachable(&format!("the host lets nobody run a command ({})", error.message()))
        };
        let mut channel = self.session.channel_session().map_err(lost)?;
        channel.exec(command).map_err(lost)?;
        Ok(SshLink::new(self.session, self.socket, channel))
    }
}
