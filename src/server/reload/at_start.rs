//! What a reload takes from the start of the server: its listeners and their certificates.

use std::net::SocketAddr;

use crate::server::http::Access;
use crate::server::listen_addr::ListenAddr;
use crate::server::tls::expiry::Validity;
use crate::server::tls::self_signed::Introduction;
use crate::server::tls::{CertificateSource, Certificates, TlsConfigs, self_signed};

const HTTPS_REDIRECT: &str = "https-redirect";
/// The options of certificates, which can change only if there have been listeners with TLS since the start.
const TLS: &[&str] = &["tls-cert", "tls-key", "tls-self-signed"];

/// Certificates that were read again.
pub struct ReloadedCertificates {
    /// The settings of handshakes, if the certificates are others than before.
    pub configs: Option<TlsConfigs>,
    pub validities: Vec<Validity>,
    /// How to connect, if the server has made itself another key.
    pub introduction: Option<Introduction>,
}

/// What a server has from its start, and what a reload builds on.
#[derive(Debug, Default)]
pub struct AtStart {
    /// The certificates, if it has listeners with TLS.
    pub certificates: Option<Certificates>,
    /// The port to which `--https-redirect` leads.
    pub https_port: Option<u16>,
    /// The addresses that it listens on.
    pub listen: Vec<ListenAddr>,
    /// The addresses of the line listeners with TLS, with the real ports.
    pub tls_lines: Vec<SocketAddr>,
}

impl AtStart {
    /// Reads the certificates again, if there are listeners with TLS.
    pub(super) fn read_certificates(
        &self,
        source: Option<&CertificateSource>,
        access: &Access,
    ) -> Result<Option<Certificates>, String> {
        let (Some(old), Some(source)) = (&self.certificates, source) else { return Ok(None) };
        let names = self_signed::names(&access.hosts, &self.listen);
        old.reload(source, &names).map(Some).map_err(|error| error.to_string())
    }

    /// Takes over certificates that were read; if they are others, their option is named among those that have changed.
    pub(super) fn take_certificates(
        &mut self,
        source: Option<&CertificateSource>,
        new: Option<Certificates>,
        changed: &mut Vec<String>,
        fixed: &mut Vec<String>,
    ) -> Option<ReloadedCertificates> {
        let (Some(old), Some(source), Some(new)) = (&self.certificates, source, new) else {
            // The listeners of the start have no TLS, or still have it.
            fixed.extend(changed.extract_if(.., |name| TLS.contains(&&**name)));
            return None;
        };
        let configs = (!new.is_same(old)).then(|| new.configs());
        if configs.is_some() && !changed.iter().any(|name| name == source.option()) {
            changed.push(source.option().into());
        }
        let (validities, fingerprint) = (new.validities(), new.first().fingerprint);
        let is_introduced = source.is_self_signed() && fingerprint != old.first().fingerprint;
        let introduction = is_introduced.then(|| Introduction::new(&fingerprint, &self.tls_lines));
        self.certificates = Some(new);
        Some(ReloadedCertificates { configs, validities, introduction })
    }

    /// Completes the access rules with what the listeners of the start allow.
    pub(super) fn take_access(&self, access: &mut Access, changed: &mut Vec<String>, fixed: &mut Vec<String>) {
        access.https_port = self.https_port;
        if access.https_redirect && self.https_port.is_none() {
            changed.retain(|name| name != HTTPS_REDIRECT);
            fixed.push(HTTPS_REDIRECT.into());
        }
    }
}
