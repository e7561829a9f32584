//! Connects over TLS, and decides which servers to trust.

mod error;
mod known_servers;
#[cfg(test)]
pub(crate) mod tests;
mod verifier;

use std::io;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

pub use self::error::TlsError;
pub use self::known_servers::KnownServersError;
use self::known_servers::{KnownServer, KnownServers};
use self::verifier::{Authorities, Rule, Verdict, Verifier};
use crate::client::settings::{Settings, TlsTrust};
use crate::util::tls::stream::HandshakeError;
pub use crate::util::tls::stream::TlsStream;

/// Makes the TLS sessions with one server. A later session resumes an earlier one, if the server lets it.
pub struct Tls {
    /// `HOST:PORT`, as messages and the file of known servers have it.
    server: String,
    name: ServerName<'static>,
    verifier: Arc<Verifier>,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Loads what is needed to check the server's certificate.
    ///
    /// # Errors
    /// If the file of authorities cannot be used, or the host is no name that a certificate can be for.
    pub fn new(settings: &Settings, trust: &TlsTrust) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let rule = match trust {
            TlsTrust::FirstUse => Rule::FirstUse(Authorities::of_system(&provider)),
            TlsTrust::Authorities(path) => Rule::OnlyAuthorities(
                Authorities::of_file(path, &provider).map_err(|error| TlsError::Authorities(path.clone(), error))?,
            ),
            TlsTrust::Key(expected) => Rule::Key(expected.clone()),
        };
        let server = settings.addr().to_lowercase();
        let verifier = Verifier::new(server, rule, KnownServers::default_path(), &provider);
        Self::with_verifier(&settings.host, settings.addr(), verifier, provider)
    }

    fn with_verifier(
        host: &str,
        server: String,
        verifier: Verifier,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        // The zone of an IPv6 address is in no certificate.
        let name = host.split('%').next().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| TlsError::Host(host.into()))?;
        let verifier = Arc::new(verifier);
        let failed = |error| TlsError::Handshake(server.clone(), io::Error::other(error));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        Ok(Tls { server, name, verifier, config: Arc::new(config) })
    }

    /// Starts a session on a connected socket.
    ///
    /// # Errors
    /// If the session cannot be created.
    pub fn start(&self, socket: TcpStream) -> Result<TlsStream, TlsError> {
        self.verifier.take_verdict();
        match ClientConnection::new(self.config.clone(), self.name.clone()) {
            Ok(session) => Ok(TlsStream::new(socket, session)),
            Err(error) => Err(TlsError::Handshake(self.server.clone(), io::Error::other(error))),
        }
    }

    /// Continues the handshake; once it is complete, returns what to tell the user about the certificate.
    ///
    /// # Errors
    /// If the handshake fails, the certificate is not trusted, or the key that is seen for the first time cannot be kept.
    pub fn handshake(&self, stream: &mut TlsStream) -> Result<Option<Vec<String>>, TlsError> {
        match stream.handshake() {
            Ok(false) => Ok(None),
            Ok(true) => self.accept().map(Some),
            Err(error) => Err(self.error(error, stream)),
        }
    }

    fn error(&self, error: HandshakeError, stream: &TlsStream) -> TlsError {
        let server = self.server.clone();
        match (error, self.verifier.take_verdict()) {
            (_, Some(Err(refused))) => refused,
            (HandshakeError::Socket(error), _) => TlsError::Handshake(server, error),
            (HandshakeError::Closed, _) => TlsError::Closed(server),
            (HandshakeError::Session(rustls::Error::InvalidMessage(_)), _)
                if stream.session().protocol_version().is_none() =>
            {
                TlsError::NotTls(server)
            }
            (HandshakeError::Session(error), _) => TlsError::Handshake(server, io::Error::other(error)),
        }
    }

    /// Keeps what the handshake has shown about the server. It is not kept before the end of the handshake, because only
    /// then the server has shown that it has the key of its certificate.
    fn accept(&self) -> Result<Vec<String>, TlsError> {
        let verdict = self.verifier.take_verdict().transpose()?;
        let keep =
            |known| self.verifier.known_servers().and_then(|mut servers| servers.add(&self.verifier.server, known));
        match verdict {
            None | Some(Verdict::Expected) => Ok(Vec::new()),
            Some(Verdict::Signed) => match keep(KnownServer::Authority) {
                Ok(()) | Err(KnownServersError::NoPlace) => Ok(Vec::new()),
                Err(error @ KnownServersError::Write(..)) => {
                    Ok(vec![format!("The server is not kept as known: {error}.")])
                }
                Err(error) => Err(error.into()),
            },
            Some(Verdict::FirstUse(key)) => {
                keep(KnownServer::Key(key))?;
                let file = self.verifier.file.clone().unwrap_or_default();
                Ok(vec![
                    format!("The certificate of {} is not signed by a known authority. Its fingerprint:", self.server),
                    format!("  {key}"),
                    format!("  {}", key.words()),
                    format!(
                        "Compare it with what the operator reads out. It is kept in {}, and another one will be refused.",
                        file.display()
                    ),
                ])
            }
        }
    }
}
