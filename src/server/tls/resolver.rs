//! Chooses the certificate for a client.

use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Certificates in the order in which they are preferred.
#[derive(Debug)]
pub struct Resolver {
    keys: Vec<Arc<CertifiedKey>>,
}

impl Resolver {
    pub fn new(keys: Vec<Arc<CertifiedKey>>) -> Self {
        Resolver { keys }
    }
}

impl ResolvesServerCert for Resolver {
    /// Returns the first certificate for the name that the client asks for (SNI, RFC 6066, section 3), else the first one:
    /// a client without a name (it was given an address) or with another one decides itself. Only certificates whose key
    /// can sign in a way that the client offers count.
    fn resolve(&self, hello: ClientHello) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let can_sign = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        let mut usable = self.keys.iter().filter(can_sign);
        let named = name.and_then(|name| usable.clone().find(|key| is_for(key, &name)));
        named.or_else(|| usable.next()).cloned()
    }
}

/// Whether the names of a certificate have this one.
fn is_for(key: &CertifiedKey, name: &ServerName) -> bool {
    let certificate = key.end_entity_cert().ok().and_then(|end| ParsedCertificate::try_from(end).ok());
    certificate.is_some_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

#[cfg(test)]
mod tests {
    use rustls::SignatureScheme;

    use crate::server::tls::test_support::{Client, Offer, test_file};
    use crate::server::tls::{CertificateSource, Certificates};

    #[test]
    fn certificate_is_that_of_the_name_else_the_first_that_can_sign() {
        let pair = |name: &str| (test_file(&format!("{name}.pem")), test_file(&format!("{name}.key")));
        let source = CertificateSource::Files(vec![pair("ec"), pair("rsa")]);
        let config = Certificates::load(&source, &[]).unwrap().configs().lines;
        let (all, ec, rsa) = (
            Offer::default().schemes,
            vec![SignatureScheme::ECDSA_NISTP256_SHA256],
            vec![SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256],
        );
        for (name, schemes, file) in [
            ("ec.example", &all, "ec.pem"),
            ("rsa.example", &all, "rsa.pem"),
            ("RSA.Example", &all, "rsa.pem"),
            ("a.wild.example", &all, "rsa.pem"),
            ("wild.example", &all, "ec.pem"),
            ("other.example", &all, "ec.pem"),
            ("127.0.0.1", &all, "ec.pem"),
            ("rsa.example", &ec, "ec.pem"),
            ("ec.example", &rsa, "rsa.pem"),
            ("127.0.0.1", &rsa, "rsa.pem"),
        ] {
            let client = Client::new(Offer { schemes: schemes.clone(), ..Offer::default() });
            let connection = client.shake_hands(&config, name).unwrap();
            let shown = connection.peer_certificates().unwrap();
            let expected = super::super::pem::certificates(&test_file(file)).unwrap();
            assert_eq!(shown, expected, "{name} with {schemes:?}");
        }
        let neither = Client::new(Offer { schemes: vec![SignatureScheme::ED25519], ..Offer::default() });
        assert!(neither.shake_hands(&config, "ec.example").is_err());
    }
}
