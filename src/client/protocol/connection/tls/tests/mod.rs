//! A TLS server in the thread of the test, and a client's session with it.

mod transfer;
mod trust;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ServerSessionMemoryCache;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::verifier::{Authorities, Rule, Verifier};
use super::{Tls, TlsError, TlsStream};
use crate::util::tls::fingerprint::Fingerprint;

const DEADLINE: Duration = Duration::from_secs(30);

/// A directory that is removed after the test.
pub struct ScratchDirectory(PathBuf);

pub fn scratch_directory(name: &str) -> ScratchDirectory {
    let path = std::env::temp_dir().join(format!("chinwag-tls-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir(&path).unwrap();
    ScratchDirectory(path)
}

impl Deref for ScratchDirectory {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate and its key.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    pub fn self_signed(name: &str) -> Self {
        Self::self_signed_with(params(name))
    }

    pub fn self_signed_with(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Identity { certificate: params.self_signed(&key).unwrap().der().clone(), key }
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate).unwrap()
    }

    /// A server with this certificate, which has the key of `key_of`.
    pub fn server(&self, key_of: &Identity, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let provider = ring::default_provider();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key_of.key.serialize_der()));
        let key = provider.key_provider.load_private_key(key).unwrap();
        let builder = ServerConfig::builder_with_provider(provider.into()).with_protocol_versions(versions).unwrap();
        let resolver = SingleCertAndKey::from(CertifiedKey::new(vec![self.certificate.clone()], key));
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(resolver));
        config.session_storage = ServerSessionMemoryCache::new(16);
        config.into()
    }
}

pub fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// An authority that the client knows.
pub struct Authority {
    certificate: rcgen::CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = params("authority.example");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority { certificate: rcgen::CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        Identity { certificate: params.signed_by(&key, &self.certificate).unwrap().der().clone(), key }
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub fn authorities(&self) -> Authorities {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        Authorities::new(roots, &Arc::new(ring::default_provider()))
    }
}

/// The client's side for the server `chat.example:4568`.
pub fn tls(rule: Rule, known_servers: Option<&Path>) -> Tls {
    let provider = Arc::new(ring::default_provider());
    let server = "chat.example:4568".to_owned();
    let verifier = Verifier::new(server.clone(), rule, known_servers.map(Path::to_owned), &provider);
    Tls::with_verifier("chat.example", server, verifier, provider).unwrap()
}

/// The client's side that trusts one server only.
pub fn trusting(identity: &Identity) -> Tls {
    tls(Rule::Key(identity.fingerprint().to_string().parse().unwrap()), None)
}

/// Two ends of a connection, both non-blocking; with `size`, their buffers are that small.
pub fn socket_pair(size: Option<usize>) -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    for socket in [&near, &far] {
        socket.set_nonblocking(true).unwrap();
        let socket = socket2::SockRef::from(socket);
        size.into_iter().for_each(|size| socket.set_send_buffer_size(size).unwrap());
        size.into_iter().for_each(|size| socket.set_recv_buffer_size(size).unwrap());
    }
    (TcpStream::from_std(near), far)
}

/// The server's end of a connection.
pub struct FarEnd {
    socket: std::net::TcpStream,
    pub session: ServerConnection,
    outgoing: Vec<u8>,
    /// The most bytes that one step writes to the socket.
    pub pace: usize,
    /// What the client has sent.
    pub received: Vec<u8>,
    /// How the client's bytes ended.
    pub end: Option<FarEndState>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FarEndState {
    CloseNotify,
    Cut,
    Failed(rustls::Error),
}

impl FarEnd {
    pub fn new(socket: std::net::TcpStream, config: &Arc<ServerConfig>) -> Self {
        let mut session = ServerConnection::new(config.clone()).unwrap();
        session.set_buffer_limit(None);
        FarEnd { socket, session, outgoing: Vec::new(), pace: usize::MAX, received: Vec::new(), end: None }
    }

    /// Reads and writes what the socket accepts.
    pub fn step(&mut self) {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.outgoing).unwrap();
        }
        let n = self.outgoing.len().min(self.pace);
        if let Ok(n) = self.socket.write(&self.outgoing[..n]) {
            self.outgoing.drain(..n);
        }
        if self.end.is_some() || self.session.read_tls(&mut self.socket).is_err() {
            return;
        }
        if let Err(error) = self.session.process_new_packets() {
            self.end = Some(FarEndState::Failed(error));
            return;
        }
        let mut block = [0; 16384];
        self.end = loop {
            match self.session.reader().read(&mut block) {
                Ok(0) => break Some(FarEndState::CloseNotify),
                Ok(n) => self.received.extend_from_slice(&block[..n]),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break Some(FarEndState::Cut),
                Err(_) => break None,
            }
        };
    }

    /// Whether everything has been written to the socket.
    pub fn is_flushed(&self) -> bool {
        !self.session.wants_write() && self.outgoing.is_empty()
    }

    /// Ends the connection without close_notify, after everything that was written.
    pub fn cut(&mut self) {
        until(|| {
            self.step();
            self.is_flushed().then_some(())
        });
        self.socket.shutdown(Shutdown::Write).unwrap();
    }
}

/// Repeats until there is a result.
///
/// # Panics
/// After [`DEADLINE`].
pub fn until<T>(mut step: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(result) = step() {
            return result;
        }
        assert!(begun.elapsed() < DEADLINE, "nothing happens");
    }
}

/// Makes a connection; returns the client's session and notices, and the server's end after it has read everything.
pub fn connect(tls: &Tls, server: &Arc<ServerConfig>) -> (Result<(TlsStream, Vec<String>), TlsError>, FarEnd) {
    let (near, far) = socket_pair(None);
    let mut far = FarEnd::new(far, server);
    let outcome = shake_hands(tls, near, &mut far);
    (outcome, far)
}

/// Completes the handshake on both ends, if it succeeds.
pub fn shake_hands(tls: &Tls, near: TcpStream, far: &mut FarEnd) -> Result<(TlsStream, Vec<String>), TlsError> {
    let mut stream = tls.start(near).unwrap();
    let outcome = until(|| {
        far.step();
        tls.handshake(&mut stream).transpose()
    });
    let notices = match outcome {
        Ok(notices) => notices,
        Err(error) => {
            // The client closes the connection.
            drop(stream);
            until(|| {
                far.step();
                far.end.clone()
            });
            return Err(error);
        }
    };
    until(|| {
        far.step();
        (stream.flush().unwrap() && !far.session.is_handshaking()).then_some(())
    });
    Ok((stream, notices))
}
