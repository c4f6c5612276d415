//! The HTTP client of the control machine: TCP or a Unix socket, TLS by OpenSSL.

mod tls;
mod unix;

use std::fmt;
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

/// How to connect.
#[derive(Debug)]
pub struct Options {
    /// What the client calls itself.
    pub agent: String,
    /// For connecting, for each read and each write.
    pub timeout: Option<Duration>,
    /// Ask the proxies of the environment.
    pub proxies: bool,
    /// The socket to connect to, whatever the address says.
    pub unix_socket: Option<PathBuf>,
    pub tls: Tls,
}

/// Why a client cannot be made, or TLS not be agreed on, as Python's `ssl` says it (without the line of its source).
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

impl Options {
    /// A client that follows no redirection and takes every status for an answer.
    ///
    /// # Errors
    /// Certificates, keys or ciphers that OpenSSL does not take.
    pub fn client(self) -> Result<Agent, TlsError> {
        let config = self.config(Agent::config_builder());
        let tls = TlsConnector::new(self.tls)?;
        Ok(match self.unix_socket {
            Some(path) => Agent::with_parts(config, ().chain(UnixConnector::new(path)).chain(tls), Nowhere),
            None => {
                let plain = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default());
                Agent::with_parts(config, plain.chain(tls), DefaultResolver::default())
            }
        })
    }

    fn config(&self, builder: ConfigBuilder<AgentScope>) -> Config {
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
        if !self.proxies || self.unix_socket.is_some() {
            builder = builder.proxy(None);
        }
        builder.build()
    }
}
