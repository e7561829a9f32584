//! Certificates with their keys, from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_cert::certificate::Certificate as X509;
use x509_cert::der::Decode;

use super::expiry::Validity;
use super::{TlsError, pem};
use crate::util::tls::fingerprint::Fingerprint;

/// A certificate that the server can show.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The file that it was read from.
    pub file: PathBuf,
    /// The chain, and the key of its first certificate.
    pub key: Arc<CertifiedKey>,
    pub validity: Validity,
    pub fingerprint: Fingerprint,
}

/// Loads a chain and its key from PEM files. A certificate that has ended is no error: it is shown, and clients decide.
///
/// # Errors
/// If a file cannot be read, is not what it should be, or the key is not that of the first certificate.
pub fn load(certificate: &Path, key: &Path) -> Result<Certificate, TlsError> {
    let wrong = |why: String| TlsError { what: "certificate", path: certificate.to_owned(), why };
    let chain = pem::certificates(certificate)?;
    let invalid = |error: &dyn std::fmt::Display| wrong(format!("it is not a valid X.509 certificate: {error}"));
    let parsed = parse(&chain[0]).map_err(|error| invalid(&error))?;
    let fingerprint = Fingerprint::of(&chain[0]).map_err(|error| invalid(&error))?;
    let wrong_key = |why: String| TlsError { what: "key", path: key.to_owned(), why };
    let signer = any_supported_type(&pem::key(key)?).map_err(|_| {
        let kinds = "RSA of 2048 to 4096 bits, ECDSA with P-256 or P-384, or Ed25519";
        wrong_key(format!("it is damaged or of a kind that is not supported; allowed are {kinds}"))
    })?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        // `Unknown`: the key cannot tell.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(_) if is_of_a_later_one(&certified) => {
            return Err(wrong(
                "the certificate of the server must be the first one, before those of authorities".into(),
            ));
        }
        Err(_) => {
            let why = format!("it does not belong to the certificate in {}; give its own key", certificate.display());
            return Err(wrong_key(why));
        }
    }
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs() as i64;
    let dates = parsed.tbs_certificate().validity();
    let validity = Validity {
        file: certificate.display().to_string(),
        not_before: seconds(dates.not_before),
        not_after: seconds(dates.not_after),
    };
    Ok(Certificate { file: certificate.to_owned(), key: Arc::new(certified), validity, fingerprint })
}

/// Parses a certificate, for what rustls does not tell about it.
pub fn parse(certificate: &CertificateDer) -> Result<X509, x509_cert::der::Error> {
    X509::from_der(certificate)
}

/// Whether the key is that of a certificate behind the first one.
fn is_of_a_later_one(certified: &CertifiedKey) -> bool {
    let later = certified.cert.iter().skip(1);
    later.into_iter().any(|one| CertifiedKey::new(vec![one.clone()], certified.key.clone()).keys_match().is_ok())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::server::tls::test_support::{Folder, test_file};

    fn why(certificate: &Path, key: &Path) -> String {
        load(certificate, key).expect_err("an error").to_string()
    }

    #[test]
    fn certificate_has_dates_and_fingerprint_of_its_key() {
        let folder = Folder::new("dates");
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        params.not_before = datetime!(2020-01-02 03:04:05 UTC);
        // After 2049 the date has another form (RFC 5280, section 4.1.2.5).
        for not_after in [datetime!(2021-02-03 04:05:06 UTC), datetime!(2050-02-03 04:05:06 UTC)] {
            params.not_after = not_after;
            let made = params.self_signed(&key).unwrap();
            let (cert_file, key_file) = (folder.write("cert", made.pem()), folder.write("key", key.serialize_pem()));
            let loaded = load(&cert_file, &key_file).unwrap();
            let times = [loaded.validity.not_before, loaded.validity.not_after];
            assert_eq!(
                times.map(|time| OffsetDateTime::from_unix_timestamp(time).unwrap()),
                [params.not_before, not_after]
            );
            assert_eq!(loaded.fingerprint, Fingerprint::of(made.der()).unwrap());
            assert_eq!(loaded.validity.file, cert_file.display().to_string());
        }
    }

    #[test]
    fn key_must_be_that_of_the_first_certificate() {
        let text = why(&test_file("rsa.pem"), &test_file("ec.key"));
        assert_eq!(
            text,
            format!(
                "cannot use the TLS key {}: it does not belong to the certificate in {}; give its own key",
                test_file("ec.key").display(),
                test_file("rsa.pem").display()
            )
        );
        let folder = Folder::new("order");
        let chain = ["rsa.pem", "ec.pem"].map(|name| fs::read_to_string(test_file(name)).unwrap()).concat();
        let path = folder.write("chain", chain);
        let text = why(&path, &test_file("ec.key"));
        assert!(text.ends_with("the certificate of the server must be the first one, before those of authorities"));
        assert_eq!(load(&path, &test_file("rsa.key")).unwrap().key.cert.len(), 2);
    }

    #[test]
    fn damaged_certificates_and_unsupported_keys_are_refused() {
        let folder = Folder::new("damaged");
        let pem = |label: &str| format!("-----BEGIN {label}-----\nMAAA\n-----END {label}-----\n");
        let path = folder.write("cert", pem("CERTIFICATE"));
        let text = why(&path, &test_file("ec.key"));
        assert!(text.contains(": it is not a valid X.509 certificate: "), "{text}");
        let path = folder.write("key", pem("PRIVATE KEY"));
        let text = why(&test_file("ec.pem"), &path);
        assert!(text.contains("allowed are RSA of 2048 to 4096 bits, ECDSA "), "{text}");
    }
}
