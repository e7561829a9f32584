//! TLS with the programs that people have, and with clients that attack it.

mod attacks;
mod certificates;
mod curl;
mod cut;
mod hello;
mod mistakes;
mod ncat;
mod openssl;
mod pieces;
mod suites;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Client, Lines, Server, wait};
use crate::process::tls::{files, write_certificate};
use crate::store::TestDir;

pub const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

/// A server with ports for lines and pages, with and without TLS.
pub struct TlsServer {
    server: Server,
    /// The folder of its certificates.
    pub dir: TestDir,
    /// The port for lines over TLS.
    pub lines: SocketAddr,
    /// The port for HTTPS.
    pub web: SocketAddr,
    /// The port for HTTP.
    pub plain_web: SocketAddr,
}

impl Deref for TlsServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for TlsServer {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

impl TlsServer {
    /// Starts a server with the certificate `a.pem`, which is for `localhost` and `127.0.0.1`.
    pub fn start(args: &[&str]) -> TlsServer {
        let dir = TestDir::new();
        write_certificate(&dir.0, "a", 100);
        let certificate = files(&dir.0, "a");
        let certificate: Vec<&str> = certificate.iter().map(String::as_str).collect();
        Self::start_in(dir, &[&certificate[..], args].concat())
    }

    /// Starts a server with certificates that the arguments name.
    pub fn start_in(dir: TestDir, args: &[&str]) -> TlsServer {
        let listeners = ["--listen", "tls://127.0.0.1:0", "--web", "https://127.0.0.1:0", "--web", "127.0.0.1:0"];
        let mut server = Server::start(&[&listeners, args].concat());
        let mut addr = |scheme: &str| -> SocketAddr {
            let line = server.log.until(&format!("listening on {scheme}://"));
            line.rsplit('/').next().and_then(|addr| addr.parse().ok()).expect("an address")
        };
        let (lines, web, plain_web) = (addr("tls"), addr("https"), addr("http"));
        TlsServer { server, dir, lines, web, plain_web }
    }

    /// The path of a file in the folder of certificates.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.0.join(name)
    }

    /// Opens a TLS connection that trusts `a.pem` alone.
    pub fn open(&self) -> Client<Tls> {
        open(self.lines, &trusting(&[certificate(&self.path("a.pem"))]))
    }

    /// Opens a TLS connection that logs in.
    #[track_caller]
    pub fn tls_login(&self, name: &str) -> Client<Tls> {
        self.open().log_in(name)
    }
}

/// A TLS connection; its end without `close_notify` is an error.
pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Reads the first certificate of a PEM file.
pub fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a certificate")
}

/// The settings of a client that trusts these certificates and resumes no session.
pub fn trusting(certificates: &[CertificateDer<'static>]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    certificates.iter().for_each(|one| roots.add(one.clone()).expect("a certificate"));
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

pub fn open(addr: SocketAddr, config: &Arc<ClientConfig>) -> Client<Tls> {
    let socket = Client::connect(addr).stream;
    socket.set_nodelay(true).expect("TCP_NODELAY");
    let session = ClientConnection::new(config.clone(), "localhost".try_into().expect("a name")).expect("a session");
    Client::over(StreamOwned::new(session, socket))
}

/// Announces the end of the client's data.
pub fn send_close_notify(client: &mut Client<Tls>) {
    client.stream.conn.send_close_notify();
    while client.stream.conn.wants_write() {
        client.stream.conn.write_tls(&mut client.stream.sock).expect("write");
    }
}

/// A program of others that is a client of the server.
pub struct Program {
    pub child: Child,
    pub output: Lines<ChildStdout>,
}

/// What a program has left.
pub struct Ended {
    pub code: Option<i32>,
    /// What it had written and was not read before.
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn start(program: &str, args: &[&str]) -> Program {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let output = Lines::new(child.stdout.take().expect("stdout"));
        Program { child, output }
    }

    /// Runs a program with this input to its end.
    pub fn run(program: &str, args: &[&str], input: &str) -> Ended {
        let mut program = Self::start(program, args);
        program.send(input);
        program.end()
    }

    pub fn send(&mut self, text: &str) {
        self.child.stdin.as_mut().expect("stdin").write_all(text.as_bytes()).expect("write");
    }

    pub fn end_input(&mut self) {
        self.child.stdin = None;
    }

    /// Ends its input, and waits for its end.
    pub fn end(mut self) -> Ended {
        self.end_input();
        let stdout = self.output.rest().join("\n");
        let code = wait(&mut self.child).code();
        let mut stderr = String::new();
        self.child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut stderr)).transpose().expect("stderr");
        Ended { code, stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
