//! A TLS client in memory that trusts every certificate, and folders, for tests.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection, SignatureScheme,
    SupportedProtocolVersion,
};

/// A file of `test_data`. The keys there are for tests only.
pub fn test_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/server/tls/test_data").join(name)
}

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("chinwag-tls-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a client offers.
pub struct Offer {
    pub versions: Vec<&'static SupportedProtocolVersion>,
    pub schemes: Vec<SignatureScheme>,
    pub alpn: Vec<&'static str>,
}

impl Default for Offer {
    fn default() -> Self {
        Offer {
            versions: rustls::ALL_VERSIONS.to_vec(),
            schemes: ring::default_provider().signature_verification_algorithms.supported_schemes(),
            alpn: Vec::new(),
        }
    }
}

/// A client that keeps its sessions from one handshake to the next.
pub struct Client(Arc<ClientConfig>);

impl Client {
    pub fn new(offer: Offer) -> Self {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&offer.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TrustAll(offer.schemes)))
            .with_no_client_auth();
        config.alpn_protocols = offer.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Client(Arc::new(config))
    }

    /// Shakes hands with a server, and reads the tickets that it sends.
    pub fn shake_hands(&self, server: &Arc<ServerConfig>, name: &str) -> io::Result<ClientConnection> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(self.0.clone(), name).map_err(io::Error::other)?;
        let mut server = ServerConnection::new(server.clone()).map_err(io::Error::other)?;
        while client.wants_write() || server.wants_write() {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes)?;
            }
            feed(&bytes, |bytes| server.read_tls(bytes))?;
            server.process_new_packets().map_err(io::Error::other)?;
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes)?;
            }
            feed(&bytes, |bytes| client.read_tls(bytes))?;
            client.process_new_packets().map_err(io::Error::other)?;
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        Ok(client)
    }
}

fn feed(mut bytes: &[u8], mut read: impl FnMut(&mut &[u8]) -> io::Result<usize>) -> io::Result<()> {
    while !bytes.is_empty() {
        read(&mut bytes)?;
    }
    Ok(())
}

/// Trusts every certificate; offers these ways to sign.
#[derive(Debug)]
struct TrustAll(Vec<SignatureScheme>);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
