//! The socket to a server: TCP alone, then perhaps TLS over it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::error::LinkError;
use crate::util::tls::stream::{HandshakeError, TlsStream};

/// Makes the settings of TLS: which authorities sign the certificates of servers.
///
/// # Errors
/// If the file of authorities cannot be read, is damaged, or has no certificate.
pub fn tls_config(authorities: Option<&Path>) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => add_authorities(&mut roots, &fs::read(path)?)?,
        // Those that cannot be read are left out.
        None => _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_authorities(roots: &mut RootCertStore, pem: &[u8]) -> io::Result<()> {
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
        if added.is_none() {
            let text = format!("its certificate number {} is damaged, or is none of an authority", index + 1);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
    }
    if roots.is_empty() {
        let text = "it has no certificate; write PEM, which begins with -----BEGIN CERTIFICATE-----";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(())
}

/// A socket that is connected or becomes connected, or TLS over one.
#[derive(Debug)]
pub enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
    /// TLS could not begin.
    None,
}

impl Transport {
    /// Begins a connection; an event says when it is made.
    ///
    /// # Errors
    /// If it fails at once.
    pub fn connect(addr: SocketAddr, registry: &Registry, token: Token) -> Result<Self, LinkError> {
        let connect = || {
            let mut socket = TcpStream::connect(addr)?;
            registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
            socket.set_nodelay(true)?;
            Ok(Transport::Plain(socket))
        };
        connect().map_err(LinkError::Connect)
    }

    /// Whether the connection is made.
    ///
    /// # Errors
    /// If it could not be made.
    pub fn is_connected(&self) -> Result<bool, LinkError> {
        let Transport::Plain(socket) = self else { return Ok(true) };
        match socket.take_error() {
            Ok(Some(error)) | Err(error) => return Err(LinkError::Connect(error)),
            Ok(None) => {}
        }
        match socket.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(LinkError::Connect(error)),
        }
    }

    /// Begins TLS; [`Transport::handshake`] goes on.
    ///
    /// # Errors
    /// If no certificate can be for the host.
    pub fn encrypt(&mut self, config: &Arc<ClientConfig>, host: &str) -> Result<(), LinkError> {
        // The zone of an IPv6 address is in no certificate.
        let host = host.split('%').next().unwrap_or(host).to_owned();
        let name = ServerName::try_from(host).map_err(io::Error::other).map_err(LinkError::Tls)?;
        let session = ClientConnection::new(config.clone(), name).map_err(io::Error::other).map_err(LinkError::Tls)?;
        if let Transport::Plain(socket) = std::mem::replace(self, Transport::None) {
            *self = Transport::Tls(Box::new(TlsStream::new(socket, session)));
        }
        Ok(())
    }

    /// Goes on with the handshake; returns whether it is complete.
    ///
    /// # Errors
    /// If it fails, such as when the certificate is not trusted.
    pub fn handshake(&mut self) -> Result<bool, LinkError> {
        let Transport::Tls(stream) = self else { return Ok(true) };
        stream.handshake().map_err(|error| match error {
            HandshakeError::Socket(error) => LinkError::Tls(error),
            HandshakeError::Closed => LinkError::Closed,
            HandshakeError::Session(error) => LinkError::Tls(io::Error::other(error)),
        })
    }

    /// Reads bytes; zero once the server has closed its side.
    ///
    /// # Errors
    /// If nothing is there yet, or the connection is broken.
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.read(block),
            Transport::Tls(stream) => stream.read(block),
            Transport::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Writes bytes; returns how many it has accepted.
    ///
    /// # Errors
    /// If it accepts none now, or the connection is broken.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.write(bytes),
            Transport::Tls(stream) => stream.write(bytes),
            Transport::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Writes accepted bytes that wait here.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Tls(stream) => stream.flush().map(|_| ()),
            Transport::Plain(_) | Transport::None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::io_error::plain_words;

    #[test]
    fn files_without_authorities_are_refused() {
        let error = |pem: &[u8]| add_authorities(&mut RootCertStore::empty(), pem).map_err(|error| plain_words(&error));
        let none = "it has no certificate; write PEM, which begins with -----BEGIN CERTIFICATE-----";
        assert_eq!(error(b""), Err(none.into()));
        assert_eq!(error(b"hello\n"), Err(none.into()));
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(error(damaged), Err("its certificate number 1 is damaged, or is none of an authority".into()));
        let missing = tls_config(Some(Path::new("/no/such/file"))).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
