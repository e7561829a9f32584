//! TLS of the server: its certificates, and the settings of handshakes.

pub mod certificates;
pub mod expiry;
mod pem;
mod resolver;
pub mod self_signed;
#[cfg(test)]
pub mod test_support;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ResolvesServerCert};

use self::certificates::Certificate;
use self::expiry::Validity;
use self::resolver::Resolver;

/// The settings of TLS handshakes for each kind of listener.
#[derive(Clone, Debug)]
pub struct TlsConfigs {
    /// For line clients.
    pub lines: Arc<ServerConfig>,
    /// For IRC: it offers `irc` by ALPN.
    pub irc: Arc<ServerConfig>,
    /// For HTTP: it offers `http/1.1` by ALPN (RFC 7301).
    pub web: Arc<ServerConfig>,
}

/// Where the certificates of a server come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// PEM files: each chain of certificates with the file of its key.
    Files(Vec<(PathBuf, PathBuf)>),
    /// A folder in which the server keeps a key and a certificate that it makes itself.
    SelfSigned(PathBuf),
}

impl CertificateSource {
    /// Whether the server makes the certificate itself.
    pub fn is_self_signed(&self) -> bool {
        matches!(self, CertificateSource::SelfSigned(_))
    }

    /// The option that names the source.
    pub fn option(&self) -> &'static str {
        match self {
            CertificateSource::Files(_) => "tls-cert",
            CertificateSource::SelfSigned(_) => "tls-self-signed",
        }
    }

    /// Checks the files without writing any, and returns the dates of the certificates. A folder that does not exist yet is
    /// no error, and what is in it is made anew at the start if it ends.
    ///
    /// # Errors
    /// As [`Certificates::load`].
    pub fn check(&self) -> Result<Vec<Validity>, TlsError> {
        match self {
            CertificateSource::Files(files) => Ok(load_all(files)?.into_iter().map(|one| one.validity).collect()),
            CertificateSource::SelfSigned(dir) => self_signed::check(dir).map(|()| Vec::new()),
        }
    }
}

/// A file of TLS cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the TLS {what} {}: {why}", path.display())]
pub struct TlsError {
    /// What the file should be, such as `certificate`.
    pub what: &'static str,
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub why: String,
}

/// The certificates that a server shows, and the key of its session tickets.
#[derive(Debug)]
pub struct Certificates {
    list: Vec<Certificate>,
    /// Encrypts session tickets (RFC 8446, section 4.6.1; RFC 5077). Its keys change every 6 hours and serve for 12.
    ticketer: Arc<dyn ProducesTickets>,
}

impl Certificates {
    /// Loads certificates. `names`: what a certificate that the server makes itself is for.
    ///
    /// # Errors
    /// If a file cannot be read or written, or is not what it should be.
    pub fn load(source: &CertificateSource, names: &[String]) -> Result<Self, TlsError> {
        let list = load_from(source, names)?;
        let no_ticketer = |error: rustls::Error| TlsError {
            what: "certificate",
            path: list[0].file.clone(),
            why: format!("there are no random numbers for session tickets: {error}"),
        };
        let ticketer = ring::Ticketer::new().map_err(no_ticketer)?;
        Ok(Certificates { list, ticketer })
    }

    /// Loads the certificates of now. Tickets that were given before stay valid.
    ///
    /// # Errors
    /// As [`Certificates::load`].
    pub fn reload(&self, source: &CertificateSource, names: &[String]) -> Result<Self, TlsError> {
        Ok(Certificates { list: load_from(source, names)?, ticketer: self.ticketer.clone() })
    }

    /// Whether they are the same certificates in the same order.
    pub fn is_same(&self, other: &Certificates) -> bool {
        let chains = |from: &Certificates| from.list.iter().map(|one| one.key.cert.clone()).collect::<Vec<_>>();
        chains(self) == chains(other)
    }

    /// The first certificate, which is shown to clients that ask for no name that is known.
    pub fn first(&self) -> &Certificate {
        &self.list[0]
    }

    /// When each of them is valid.
    pub fn validities(&self) -> Vec<Validity> {
        self.list.iter().map(|one| one.validity.clone()).collect()
    }

    /// The settings of handshakes: TLS 1.2 and 1.3, with session tickets and without a cache of sessions, early data
    /// (which could be sent a second time by a third party) or client certificates.
    pub fn configs(&self) -> TlsConfigs {
        let keys = self.list.iter().map(|one| one.key.clone()).collect();
        let resolver: Arc<dyn ResolvesServerCert> = Arc::new(Resolver::new(keys));
        let config = |alpn: &[&str]| {
            let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("the provider has TLS 1.2 and 1.3")
                .with_no_client_auth()
                .with_cert_resolver(resolver.clone());
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.ticketer = self.ticketer.clone();
            // One connection needs one ticket to come back.
            config.send_tls13_tickets = 1;
            config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
            Arc::new(config)
        };
        TlsConfigs { lines: config(&[]), irc: config(&["irc"]), web: config(&["http/1.1"]) }
    }
}

/// Loads the certificates of a source, at least one.
fn load_from(source: &CertificateSource, names: &[String]) -> Result<Vec<Certificate>, TlsError> {
    match source {
        CertificateSource::Files(files) => load_all(files),
        CertificateSource::SelfSigned(dir) => {
            self_signed::load(dir, names, crate::util::clock::utc()).map(|one| vec![one])
        }
    }
}

fn load_all(files: &[(PathBuf, PathBuf)]) -> Result<Vec<Certificate>, TlsError> {
    files.iter().for_each(|(_, key)| pem::warn_if_open(key));
    files.iter().map(|(certificate, key)| certificates::load(certificate, key)).collect()
}

#[cfg(test)]
mod tests {
    use rustls::{HandshakeKind, ProtocolVersion};

    use super::test_support::{Client, Folder, Offer, test_file};
    use super::*;

    fn files(names: &[&str]) -> CertificateSource {
        let pair = |name: &&str| (test_file(&format!("{name}.pem")), test_file(&format!("{name}.key")));
        CertificateSource::Files(names.iter().map(pair).collect())
    }

    #[test]
    fn handshakes_have_both_versions_and_alpn_of_http_only_for_the_web() {
        let configs = Certificates::load(&files(&["ec"]), &[]).unwrap().configs();
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let client =
                Client::new(Offer { versions: vec![version], alpn: vec!["h2", "http/1.1"], ..Offer::default() });
            let ended = client.shake_hands(&configs.web, "ec.example").unwrap();
            assert_eq!(ended.alpn_protocol(), Some(&b"http/1.1"[..]));
            assert_eq!(ended.protocol_version(), Some(version.version));
            let lines = client.shake_hands(&configs.lines, "ec.example").unwrap();
            assert_eq!(lines.alpn_protocol(), None);
        }
        let h2 = Client::new(Offer { alpn: vec!["h2"], ..Offer::default() });
        assert!(h2.shake_hands(&configs.web, "ec.example").is_err());
        let config = &configs.lines;
        assert_eq!((config.send_tls13_tickets, config.max_early_data_size, config.max_fragment_size), (1, 0, None));
        assert!(!config.enable_secret_extraction && !config.session_storage.can_cache());
    }

    #[test]
    fn tickets_stay_valid_when_certificates_are_loaded_again() {
        for version in [ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3] {
            let versions = rustls::ALL_VERSIONS.iter().copied().filter(|one| one.version == version).collect();
            let client = Client::new(Offer { versions, ..Offer::default() });
            let folder = Folder::new("tickets");
            let made = CertificateSource::SelfSigned(folder.path("tls"));
            let old = Certificates::load(&files(&["ec"]), &[]).unwrap();
            client.shake_hands(&old.configs().lines, "ec.example").unwrap();
            let new = old.reload(&made, &["ec.example".into()]).unwrap();
            assert!(!new.is_same(&old) && old.is_same(&old.reload(&files(&["ec"]), &[]).unwrap()));
            let back = client.shake_hands(&new.configs().lines, "ec.example").unwrap();
            assert_eq!(back.handshake_kind(), Some(HandshakeKind::Resumed), "{version:?}");
            let other = Certificates::load(&files(&["ec"]), &[]).unwrap();
            let back = client.shake_hands(&other.configs().lines, "ec.example").unwrap();
            assert_eq!(back.handshake_kind(), Some(HandshakeKind::Full), "{version:?}");
        }
    }

    #[test]
    fn certificates_of_several_files_are_all_loaded_or_none() {
        let loaded = Certificates::load(&files(&["rsa", "ec"]), &[]).unwrap();
        assert_eq!(loaded.validities().len(), 2);
        assert_eq!(loaded.first().file, test_file("rsa.pem"));
        assert!(loaded.reload(&files(&["rsa", "missing"]), &[]).is_err());
        assert_eq!(files(&["ec"]).check().err().map(|error| error.to_string()), None);
        assert!(files(&["missing"]).check().is_err());
    }

    #[test]
    fn check_of_a_folder_writes_nothing() {
        let folder = Folder::new("check");
        let source = CertificateSource::SelfSigned(folder.path("tls"));
        source.check().unwrap();
        assert!(!folder.path("tls").exists());
        Certificates::load(&source, &["localhost".into()]).unwrap();
        source.check().unwrap();
        std::fs::write(folder.path("tls/key.pem"), "x").unwrap();
        assert!(source.check().is_err());
    }
}
