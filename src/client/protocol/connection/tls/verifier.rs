//! Decides whether the client trusts a server's certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use time::OffsetDateTime;

use super::error::{Refusal, TlsError};
use super::known_servers::{KnownServer, KnownServers, KnownServersError};
use crate::util::tls::fingerprint::{ExpectedFingerprint, Fingerprint};

/// Which certificates are trusted.
#[derive(Debug)]
pub enum Rule {
    /// Only those with this key; their signers do not matter.
    Key(ExpectedFingerprint),
    /// Only those that an authority of `--tls-ca` has signed.
    OnlyAuthorities(Authorities),
    /// Those that an authority has signed, and the key that is kept in the file of known servers, or that is seen for
    /// the first time.
    FirstUse(Authorities),
}

/// The authorities that sign certificates.
#[derive(Debug)]
pub struct Authorities(Option<Arc<WebPkiServerVerifier>>);

impl Authorities {
    /// Takes the certificates of authorities; there may be none.
    pub fn new(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Self {
        // Without certificates there is no verifier.
        Authorities(WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build().ok())
    }

    /// Loads the authorities that the system trusts; those that cannot be read are left out.
    pub fn of_system(provider: &Arc<CryptoProvider>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::new(roots, provider)
    }

    /// Loads the authorities of a PEM file (RFC 7468).
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or has no certificate.
    pub fn of_file(path: &Path, provider: &Arc<CryptoProvider>) -> io::Result<Self> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
        let text = std::fs::read(path)?;
        let mut roots = RootCertStore::empty();
        for (index, certificate) in CertificateDer::pem_slice_iter(&text).enumerate() {
            let number = index + 1;
            let damaged = |_: pem::Error| invalid(format!("its certificate number {number} is damaged"));
            let added = roots.add(certificate.map_err(damaged)?);
            added.map_err(|_| invalid(format!("its certificate number {number} is no certificate of an authority")))?;
        }
        if roots.is_empty() {
            return Err(invalid(
                "it has no certificate; write PEM, which begins with -----BEGIN CERTIFICATE-----".into(),
            ));
        }
        Ok(Self::new(roots, provider))
    }

    fn check(&self, certificate: &Certificate, now: UnixTime) -> Standing {
        let error = match self.verify(certificate, now) {
            Ok(()) => return Standing::Signed,
            Err(error) => error,
        };
        // Dates are compared before signers are looked for: would it be signed by an authority at a right time?
        let right_time = match error {
            CertificateError::ExpiredContext { not_after, .. } => Some(not_after),
            CertificateError::NotValidYetContext { not_before, .. } => Some(not_before),
            _ => None,
        };
        let error_then = right_time.and_then(|time| self.verify(certificate, time).err());
        if [Some(&error), error_then.as_ref()].into_iter().flatten().any(has_no_authority) {
            Standing::Unsigned
        } else {
            Standing::Invalid(why(&error))
        }
    }

    fn verify(&self, certificate: &Certificate, now: UnixTime) -> Result<(), CertificateError> {
        let verifier = self.0.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        let Certificate { end_entity, intermediates, name } = certificate;
        match verifier.verify_server_cert(end_entity, intermediates, name, &[], now) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(error)) => Err(error),
            Err(error) => Err(CertificateError::Other(OtherError(Arc::new(error)))),
        }
    }
}

/// What the authorities say about a certificate.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Signed,
    /// None of them has signed it.
    Unsigned,
    /// It is not valid, for this reason.
    Invalid(String),
}

/// The certificate of a server, its chain, and the name that it should be for.
struct Certificate<'a> {
    end_entity: &'a CertificateDer<'a>,
    intermediates: &'a [CertificateDer<'a>],
    name: &'a ServerName<'a>,
}

/// Whether the error says that no authority has signed the certificate.
fn has_no_authority(error: &CertificateError) -> bool {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => true,
        // `openssl req -x509` makes such certificates: they sign themselves, as authorities do.
        CertificateError::Other(OtherError(other)) => {
            matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// Returns why a certificate is not valid.
fn why(error: &CertificateError) -> String {
    let date = |time: &UnixTime| {
        let time = i64::try_from(time.as_secs()).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        time.map_or_else(|| "an unknown date".to_owned(), |time| time.date().to_string())
    };
    match error {
        CertificateError::ExpiredContext { not_after, .. } => format!("it expired on {}", date(not_after)),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("it begins on {}; is the clock of this computer right?", date(not_before))
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            // They are in Rust's notation, such as `DnsName("a.example")`.
            let names: Vec<_> = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name)).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
            format!("it is not for {} but for {names}", expected.to_str())
        }
        error => error.to_string(),
    }
}

/// What the client does about a certificate that it trusts.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: its key is the expected one.
    Expected,
    /// It keeps that an authority has signed the certificate.
    Signed,
    /// It keeps the key, and tells the user.
    FirstUse(Fingerprint),
}

/// Checks the certificates of one server.
///
/// rustls shares it between connections, and so between threads if there were several; the mutex is never waited for.
#[derive(Debug)]
pub struct Verifier {
    /// `HOST:PORT` in small letters, as in the file of known servers.
    pub(super) server: String,
    rule: Rule,
    /// The file of known servers.
    pub(super) file: Option<PathBuf>,
    algorithms: WebPkiSupportedAlgorithms,
    verdict: Mutex<Option<Result<Verdict, TlsError>>>,
}

impl Verifier {
    /// Without a file of known servers, nothing can be trusted on first use.
    pub fn new(server: String, rule: Rule, file: Option<PathBuf>, provider: &Arc<CryptoProvider>) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Verifier { server, rule, file, algorithms, verdict: Mutex::new(None) }
    }

    /// Takes the verdict about the last certificate; there is none if a session was resumed.
    pub fn take_verdict(&self) -> Option<Result<Verdict, TlsError>> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Reads the file of known servers.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or has no place.
    pub fn known_servers(&self) -> Result<KnownServers, KnownServersError> {
        self.file.as_deref().ok_or(KnownServersError::NoPlace).and_then(KnownServers::read)
    }

    fn decide(&self, certificate: &Certificate, key: Fingerprint, now: UnixTime) -> Result<Verdict, TlsError> {
        let server = self.server.clone();
        let invalid = |why: String| Refusal::Invalid { server: server.clone(), why, key: key.into() }.into();
        let authorities = match &self.rule {
            Rule::Key(expected) if key.is(expected) => return Ok(Verdict::Expected),
            Rule::Key(expected) => {
                return Err(Refusal::NotExpected { server, expected: expected.clone().into(), key: key.into() }.into());
            }
            Rule::OnlyAuthorities(authorities) => {
                return match authorities.check(certificate, now) {
                    Standing::Signed => Ok(Verdict::Signed),
                    Standing::Unsigned => Err(invalid("no authority of --tls-ca has signed it".into())),
                    Standing::Invalid(why) => Err(invalid(why)),
                };
            }
            Rule::FirstUse(authorities) => authorities,
        };
        let standing = authorities.check(certificate, now);
        let known = match self.known_servers() {
            Ok(servers) => servers.find(&self.server),
            // Nothing needs to be kept.
            Err(KnownServersError::NoPlace) if standing == Standing::Signed => None,
            Err(error) => return Err(error.into()),
        };
        let file = self.file.clone().unwrap_or_default();
        match (known, standing) {
            (Some((_, KnownServer::Key(old))), _) if old == key => Ok(Verdict::Expected),
            (Some((line, KnownServer::Key(old))), standing) => {
                let is_signed = standing == Standing::Signed;
                Err(Refusal::Changed { server, old: old.into(), new: key.into(), is_signed, line, file }.into())
            }
            (_, Standing::Signed) => Ok(Verdict::Signed),
            (_, Standing::Invalid(why)) => Err(invalid(why)),
            (Some((line, KnownServer::Authority)), Standing::Unsigned) => {
                Err(Refusal::NotSigned { server, key: key.into(), line, file }.into())
            }
            (None, Standing::Unsigned) => Ok(Verdict::FirstUse(key)),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = Fingerprint::of(end_entity)?;
        let verdict = self.decide(&Certificate { end_entity, intermediates, name }, key, now);
        let is_trusted = verdict.is_ok();
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        if is_trusted {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
