//! Measures the cost of encryption alone: records are encrypted in memory and sent nowhere.

use std::fmt::Display;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, ServerConfig, SupportedProtocolVersion};

use crate::bench::driver::clock::{MILLISECOND, Nanos};
use crate::bench::driver::tls::{AnyCertificate, Negotiated};
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::server::connection::transport::records::{Input, MAX_DATA, Records, Session};

/// A measurement takes about this much CPU time, and has at least this many rounds.
const LEAST: Nanos = 10 * MILLISECOND;
const ROUNDS: u64 = 32;

const NAME: &str = "localhost";

/// One TLS session in memory, whose server side encrypts.
///
/// It has the version and the cipher suite of the server that is measured. Its keys stay in the processor's caches, and so
/// its cost is the least that a server with many sessions can have.
pub struct Aead {
    server: Records,
    output: Vec<u8>,
}

impl Aead {
    /// A session with this version and cipher suite.
    ///
    /// # Errors
    /// If there is no such session.
    pub fn new(negotiated: Negotiated) -> Result<Self, Error> {
        let (mut client, mut server) = pair(negotiated).map_err(failure)?;
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        // A handshake is three flights.
        for _ in 0..3 {
            pass(&mut client, &mut to_client, &mut to_server)?;
            pass(&mut server, &mut to_server, &mut to_client)?;
        }
        assert!(!client.is_handshaking() && !server.is_handshaking(), "both sides have the same settings");
        Ok(Aead { server, output: Vec::new() })
    }

    /// How many bytes longer than its data a record is: 22 with TLS 1.3 (header 5, type 1, tag 16; RFC 8446, section 5.2),
    /// 29 with AES-GCM and TLS 1.2 (header 5, nonce 8, tag 16; RFC 5288).
    ///
    /// # Errors
    /// If too many records were encrypted.
    pub fn overhead(&mut self) -> Result<usize, Error> {
        self.encrypt(&[0; 64])?;
        Ok(self.output.len() - 64)
    }

    /// CPU time to encrypt `data` once, in nanoseconds; the mean of many times.
    ///
    /// # Errors
    /// If too many records were encrypted.
    pub fn measure(&mut self, data: &[u8]) -> Result<f64, Error> {
        let before = Process::own_cpu();
        let mut count = 0;
        loop {
            for _ in 0..ROUNDS {
                self.encrypt(data)?;
            }
            count += ROUNDS;
            let took = Process::own_cpu() - before;
            if took >= LEAST {
                return Ok(took as f64 / count as f64);
            }
        }
    }

    fn encrypt(&mut self, data: &[u8]) -> Result<(), Error> {
        self.output.clear();
        data.chunks(MAX_DATA).try_for_each(|data| self.server.encrypt(&mut [], data, &mut self.output)).map_err(failure)
    }
}

/// Both sides of a session whose handshake has not begun.
fn pair(
    Negotiated { version, suite }: Negotiated,
) -> Result<(Records<UnbufferedClientConnection>, Records), Box<dyn std::error::Error>> {
    let mut provider = default_provider();
    // Certificates with RSA keys cannot be made here. The records of both kinds of suites are the same.
    let name = suite.as_str().unwrap_or_default().replace("_ECDHE_RSA_", "_ECDHE_ECDSA_");
    provider.cipher_suites.retain(|one| one.suite().as_str() == Some(&name));
    let provider = Arc::new(provider);
    let versions: [&SupportedProtocolVersion; 1] = match version {
        ProtocolVersion::TLSv1_2 => [&rustls::version::TLS12],
        _ => [&rustls::version::TLS13],
    };
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new([NAME.to_owned()])?.self_signed(&key)?;
    let secret = PrivateKeyDer::try_from(key.serialize_der())?;
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)?;
    let verifier = Arc::new(AnyCertificate::new(&provider));
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let client = Records::of_client(Arc::new(client), ServerName::try_from(NAME)?)?;
    Ok((client, Records::new(Arc::new(server))?))
}

/// Lets one side process what the other has sent.
fn pass<S: Session>(side: &mut Records<S>, received: &mut Vec<u8>, output: &mut Vec<u8>) -> Result<(), Error> {
    let end = received.len();
    side.process(&mut Input { bytes: received, start: 0, seen: 0, end }, &mut [0; MAX_DATA], output)
        .map_err(failure)?;
    received.clear();
    Ok(())
}

fn failure(error: impl Display) -> Error {
    Error::Subprocess("cannot measure encryption", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_each_suite_are_longer_by_a_fixed_number_of_bytes() {
        for supported in default_provider().cipher_suites {
            let (suite, version) = (supported.suite(), supported.version().version);
            let name = suite.as_str().unwrap();
            let overhead = match version {
                ProtocolVersion::TLSv1_3 => 22,
                // The nonce of ChaCha20 is not sent: RFC 7905.
                _ if name.contains("CHACHA20") => 21,
                _ => 29,
            };
            let mut aead = Aead::new(Negotiated { version, suite }).unwrap();
            assert_eq!(aead.overhead().unwrap(), overhead, "{name}");
            assert_eq!(aead.overhead().unwrap(), overhead, "{name}");
        }
    }

    #[test]
    fn measurement_encrypts_all_bytes() {
        let negotiated =
            Negotiated { version: ProtocolVersion::TLSv1_3, suite: rustls::CipherSuite::TLS13_AES_128_GCM_SHA256 };
        let mut aead = Aead::new(negotiated).unwrap();
        assert!(aead.measure(&[b'x'; 4 * MAX_DATA]).unwrap() > 0.0);
        assert_eq!(aead.output.len(), 4 * (MAX_DATA + 22));
    }
}
