//! TLS over any connection.

use super::{Refused, Tls};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    self, HandshakeError, SslConnector, SslConnectorBuilder, SslMethod, SslStream, SslVerifyMode,
};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509VerifyResult};
use std::fmt;
use std::io::{Read, Write};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

/// Puts TLS on what the connectors before it opened, for `https`.
pub struct TlsConnector {
    connector: SslConnector,
    unverified: bool,
    server_name: Option<String>,
}

impl TlsConnector {
    /// # Errors
    /// Certificates, keys or ciphers that OpenSSL does not take.
    pub fn new(tls: Tls) -> Result<Self, Refused> {
        let mut builder = SslConnector::builder(SslMethod::tls()).map_err(|error| stack(&error))?;
        builder.set_alpn_protos(b"\x08http/1.1").map_err(|error| stack(&error))?;
        match (&tls.roots, tls.unverified) {
            (_, true) => builder.set_verify(SslVerifyMode::NONE),
            (Some(pem), false) => trust(&mut builder, pem)?,
            (None, false) => trust_system(&mut builder),
        }
        if let Some(ciphers) = &tls.ciphers {
            builder
                .set_cipher_list(ciphers)
                .map_err(|_| Refused("('No cipher can be selected.',)".to_owned()))?;
        }
        if let Some((certificates, key)) = &tls.identity {
            show(&mut builder, certificates, key).map_err(|error| stack(&error))?;
        }
        Ok(Self { connector: builder.build(), unverified: tls.unverified, server_name: tls.server_name })
    }

    fn agree<S: Read + Write>(&self, name: &str, stream: S) -> Result<SslStream<S>, Error> {
        let other = |error: &ErrorStack| Error::Other(Box::new(stack(error)));
        let configuration = self.connector.configure().map_err(|error| other(&error))?;
        let configuration = configuration.verify_hostname(!self.unverified);
        configuration.connect(name, stream).map_err(|error| match error {
            HandshakeError::SetupFailure(error) => other(&error),
            HandshakeError::Failure(middle) | HandshakeError::WouldBlock(middle) => {
                let verified = middle.ssl().verify_result();
                match middle.into_error().into_io_error() {
                    Ok(error) => error.into(),
                    Err(error) => Error::Other(Box::new(refusal(&error, verified, name))),
                }
            }
        })
    }
}

/// Only these authorities.
fn trust(builder: &mut SslConnectorBuilder, pem: &[u8]) -> Result<(), Refused> {
    let none = || Refused("[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found".to_owned());
    let certificates = X509::stack_from_pem(pem).map_err(|_| none())?;
    if certificates.is_empty() {
        return Err(none());
    }
    let mut store = X509StoreBuilder::new().map_err(|error| stack(&error))?;
    for certificate in certificates {
        store.add_cert(certificate).map_err(|error| stack(&error))?;
    }
    builder.set_cert_store(store.build());
    Ok(())
}

/// The system's authorities, also where OpenSSL was built for another system.
fn trust_system(builder: &mut SslConnectorBuilder) {
    let found = openssl_probe::probe();
    // A file that cannot be read trusts nobody: the connection will say so.
    if let Some(file) = found.cert_file {
        let _ = builder.set_ca_file(file);
    }
    for folder in found.cert_dir {
        let _ = builder.load_verify_locations(None, Some(&folder));
    }
}

fn show(builder: &mut SslConnectorBuilder, certificates: &[u8], key: &[u8]) -> Result<(), ErrorStack> {
    let mut certificates = X509::stack_from_pem(certificates)?.into_iter();
    if let Some(own) = certificates.next() {
        builder.set_certificate(&own)?;
    }
    for above in certificates {
        builder.add_extra_chain_cert(above)?;
    }
    let key = PKey::private_key_from_pem_callback(key, |_| Ok(0))?;
    builder.set_private_key(&key)?;
    builder.check_private_key()
}

/// `[SSL: WRONG_VERSION_NUMBER] wrong version number`.
fn stack(error: &ErrorStack) -> Refused {
    let first = error.errors().iter().find_map(|error| Some((error.library()?, error.reason()?)));
    let Some((library, reason)) = first else { return Refused(error.to_string()) };
    let library = if library.starts_with("SSL") { "SSL" } else { library };
    Refused(format!("[{library}: {}] {reason}", reason.to_uppercase().replace(' ', "_")))
}

fn refusal(error: &ssl::Error, verified: X509VerifyResult, name: &str) -> Refused {
    let Some(error) = error.ssl_error() else { return Refused(error.to_string()) };
    let Refused(text) = stack(error);
    if verified == X509VerifyResult::OK {
        return Refused(text);
    }
    let why = match verified.error_string() {
        "hostname mismatch" | "Hostname mismatch" => {
            format!("Hostname mismatch, certificate is not valid for '{name}'.")
        }
        "IP address mismatch" => format!("IP address mismatch, certificate is not valid for '{name}'."),
        other => other.to_owned(),
    };
    Refused(format!("{text}: {why}"))
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let address = details.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = self.server_name.as_deref().unwrap_or(address);
        let mut wire = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        wire.set_timeout(details.timeout);
        let stream = self.agree(name, wire)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { stream, buffers })))
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").finish_non_exhaustive()
    }
}

pub struct TlsTransport {
    stream: SslStream<TransportAdapter>,
    buffers: LazyBuffers,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        Ok(self.stream.write_all(&self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}
