//! The HTTP client of the control machine: TCP or a Unix socket, TLS by OpenSSL.

mod tls;
mod unix;

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;
use tls::TlsConnector;
use unix::{Nowhere, UnixConnector};
use ureq::Agent;
use ureq::config::{AutoHeaderValue, Config, ConfigBuilder};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};

/// How a server is trusted, and what it is shown.
#[derive(Debug, Default)]
pub struct Tls {
    /// Certificates and the name in them are not checked.
    pub unverified: bool,
    /// The authorities to trust, PEM; the system's where there are none.
    pub roots: Option<Vec<u8>>,
    /// The ciphers up to TLS 1.2, as OpenSSL lists them.
    pub ciphers: Option<String>,
    /// A certificate with its chain, and its private key: PEM of any kind that OpenSSL reads without a password.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The name in the server's certificate, where it is not the one in the address.
    pub server_name: Option<String>,
}

/// Whom to ask for a connection.
#[derive(Debug, Default)]
pub enum Proxy {
    /// The proxies of the environment (`https_proxy`, `no_proxy`, …).
    #[default]
    Environment,
    /// Nobody.
    None,
    /// The proxy at an address.
    At(String),
}

/// How to connect.
#[derive(Debug)]
pub struct Options {
    /// What the client calls itself.
    pub agent: String,
    /// For connecting, for each read and each write.
    pub timeout: Option<Duration>,
    pub proxy: Proxy,
    /// The socket to connect to, whatever the address says.
    pub unix_socket: Option<PathBuf>,
    pub tls: Tls,
}

/// Why a client cannot be made, or TLS not be agreed on; the latter as Python's `ssl` says it, without the line of its
/// source.
#[derive(Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl Options {
    /// A client that follows no redirection and takes every status for an answer.
    ///
    /// # Errors
    /// Certificates, keys or ciphers that OpenSSL does not take; a proxy that is no address.
    pub fn client(self) -> Result<Agent, Refused> {
        let config = self.config(Agent::config_builder())?;
        let tls = TlsConnector::new(self.tls)?;
        Ok(match self.unix_socket {
            Some(path) => Agent::with_parts(config, ().chain(UnixConnector::new(path)).chain(tls), Nowhere),
            None => {
                let plain = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default());
                Agent::with_parts(config, plain.chain(tls), DefaultResolver::default())
            }
        })
    }

    fn config(&self, builder: ConfigBuilder<AgentScope>) -> Result<Config, Refused> {
        let mut builder = builder
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(&self.agent)
            .accept(AutoHeaderValue::None)
            .accept_encoding("identity")
            .timeout_connect(self.timeout)
            .timeout_per_read(self.timeout)
            .timeout_per_write(self.timeout)
            .timeout_recv_response(self.timeout);
        builder = match &self.proxy {
            _ if self.unix_socket.is_some() => builder.proxy(None),
            Proxy::None => builder.proxy(None),
            Proxy::Environment => builder,
            Proxy::At(address) => {
                let proxy = ureq::Proxy::new(address);
                builder.proxy(Some(proxy.map_err(|error| Refused(format!("{address}: {error}")))?))
            }
        };
        Ok(builder.build())
    }
}

/// Why there was no answer, as Python words it: `[Errno 111] Connection refused`.
pub fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "[Errno -2] Name or service not known".to_owned(),
        ureq::Error::ConnectionFailed => "[Errno 111] Connection refused".to_owned(),
        ureq::Error::Timeout(_) => "timed out".to_owned(),
        ureq::Error::Io(error) if error.kind() == ErrorKind::TimedOut => "timed out".to_owned(),
        ureq::Error::Io(error) => {
            match error.to_string().strip_prefix("failed to lookup address information: ") {
                Some(reason) => format!("[Errno -2] {reason}"),
                None => crate::diag::errno(error),
            }
        }
        ureq::Error::Other(error) => error.to_string(),
        other => other.to_string(),
    }
}
