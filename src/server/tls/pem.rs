//! Reads certificates and keys from PEM files (RFC 7468).

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use log::warn;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;
use crate::util::io_error::plain_words;

/// The longest file in bytes. A chain has about 5 KB.
const MAX_BYTES: u64 = 1 << 20;

/// The first byte of a certificate or key in DER: a sequence of ASN.1.
const DER: u8 = 0x30;

/// Reads a chain of certificates, of which the first is that of the server.
///
/// # Errors
/// If the file cannot be read or has no certificate.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |why| TlsError { what: "certificate", path: path.to_owned(), why };
    let bytes = read(path).map_err(error)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(chain) if chain.is_empty() => Err(error(missing("certificate", "x509", &bytes, path))),
        Ok(chain) => Ok(chain),
        Err(why) => Err(error(format!("it is not valid PEM: {why}"))),
    }
}

/// Reads a private key: PKCS#8 (RFC 5958), SEC1 (RFC 5915) or PKCS#1 (RFC 8017).
///
/// # Errors
/// If the file cannot be read, has no private key, or has an encrypted one.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let error = |why| TlsError { what: "key", path: path.to_owned(), why };
    let bytes = read(path).map_err(error)?;
    if is_encrypted(&bytes) {
        return Err(error(format!(
            "it is encrypted, and the server cannot ask for its password; `openssl pkey -in {} -out NEW` writes it without one",
            path.display()
        )));
    }
    let key = match PrivateKeyDer::pem_slice_iter(&bytes).next() {
        Some(key) => key.map_err(|why| error(format!("it is not valid PEM: {why}")))?,
        None => return Err(error(missing("private key", "pkey", &bytes, path))),
    };
    Ok(key)
}

/// Warns if every user can read a file with a key.
pub fn warn_if_open(key: &Path) {
    // A key for a group is usual: the server's user is a member of it.
    if key.metadata().is_ok_and(|metadata| is_open_to_all(metadata.permissions().mode())) {
        warn!("{}: every user of this machine may read the key; chmod o-rwx ends that", key.display());
    }
}

fn is_open_to_all(mode: u32) -> bool {
    mode & 0o004 != 0
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read.map_err(|error| plain_words(&error))? {
        length if length as u64 > MAX_BYTES => Err(format!("it is longer than {MAX_BYTES} bytes")),
        _ => Ok(bytes),
    }
}

/// Whether a key is encrypted: PKCS#8, or the older form that openssl has for the others.
fn is_encrypted(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// Says what a file has in place of `wanted`. `tool`: the command of openssl that converts it.
fn missing(wanted: &str, tool: &str, bytes: &[u8], path: &Path) -> String {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes);
    let found = sections.filter_map(Result::ok).map(|(kind, _)| kind).next();
    let advice = "; --tls-cert names the certificate, --tls-key its key";
    match (found, bytes.first()) {
        (Some(SectionKind::Certificate), _) => format!("it has a certificate and no {wanted}{advice}"),
        (Some(SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey), _) => {
            format!("it has a private key and no {wanted}{advice}")
        }
        (Some(SectionKind::Csr), _) => {
            format!("it has a request for a certificate, and no {wanted}; use what the authority answered")
        }
        (Some(SectionKind::PublicKey), _) => format!("it has a public key and no {wanted}"),
        (None, Some(&DER)) => format!(
            "it is DER and must be PEM; `openssl {tool} -inform der -in {} -out NEW` converts it",
            path.display()
        ),
        (None, None) => "it is empty".into(),
        _ => format!("it has no {wanted} in PEM, which begins with -----BEGIN"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tls::test_support::{Folder, test_file};

    fn why<T>(result: Result<T, TlsError>) -> String {
        result.err().expect("an error").to_string()
    }

    #[test]
    fn keys_have_any_of_three_forms() {
        let folder = Folder::new("forms");
        assert!(matches!(key(&test_file("ec.key")).unwrap(), PrivateKeyDer::Sec1(_)));
        assert!(matches!(key(&test_file("rsa.key")).unwrap(), PrivateKeyDer::Pkcs1(_)));
        let made = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let path = folder.write("pkcs8", format!("a comment\n{made}"));
        assert!(matches!(key(&path).unwrap(), PrivateKeyDer::Pkcs8(_)));
    }

    #[test]
    fn errors_say_what_a_file_has_in_place_of_a_certificate() {
        let folder = Folder::new("certificate");
        let der = certificates(&test_file("ec.pem")).unwrap().remove(0);
        let pem = std::fs::read_to_string(test_file("ec.pem")).unwrap();
        for (bytes, reason) in [
            (&b""[..], "it is empty"),
            (b"hello", "it has no certificate in PEM, which begins with -----BEGIN"),
            (&der, "it is DER and must be PEM; `openssl x509 -inform der -in "),
            (
                &std::fs::read(test_file("ec.key")).unwrap(),
                "it has a private key and no certificate; --tls-cert names ",
            ),
            (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "it has a public key and no certificate"),
            (
                b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
                "it has a request for a certificate, and no certificate",
            ),
            (&pem.as_bytes()[..pem.len() - 30], "it is not valid PEM: "),
            (pem.replacen("MII", "M?I", 1).as_bytes(), "it is not valid PEM: "),
            (&[b'x'; MAX_BYTES as usize + 1], "it is longer than 1048576 bytes"),
        ] {
            let path = folder.write("file", bytes);
            let start = format!("cannot use the TLS certificate {}: {reason}", path.display());
            let why = why(certificates(&path));
            assert!(why.starts_with(&start), "{why}");
        }
        let missing = folder.path("none");
        let text = format!("cannot use the TLS certificate {}: no such file or directory", missing.display());
        assert_eq!(why(certificates(&missing)), text);
        assert!(why(certificates(&folder.path(""))).ends_with(": is a directory"));
        // Both in one file, as some authorities give them.
        let both = [pem, std::fs::read_to_string(test_file("ec.key")).unwrap()].concat();
        let path = folder.write("both", both);
        assert!(certificates(&path).is_ok_and(|chain| chain.len() == 1) && key(&path).is_ok());
    }

    #[test]
    fn errors_say_what_a_file_has_in_place_of_a_key() {
        let folder = Folder::new("key");
        let der = key(&test_file("ec.key")).unwrap();
        let old_form = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        for (bytes, reason) in [
            (&b""[..], "it is empty"),
            (der.secret_der(), "it is DER and must be PEM; `openssl pkey -inform der -in "),
            (
                &std::fs::read(test_file("ec.pem")).unwrap(),
                "it has a certificate and no private key; --tls-cert names ",
            ),
            (
                &std::fs::read(test_file("encrypted.key")).unwrap(),
                "it is encrypted, and the server cannot ask for its ",
            ),
            (old_form.as_bytes(), "it is encrypted, and the server cannot ask for its password; `openssl pkey -in "),
        ] {
            let path = folder.write("file", bytes);
            let start = format!("cannot use the TLS key {}: {reason}", path.display());
            let why = why(key(&path));
            assert!(why.starts_with(&start), "{why}");
        }
        assert!(why(key(&folder.path("none"))).ends_with(": no such file or directory"));
        assert!(why(key(&folder.path(""))).ends_with(": is a directory"));
    }

    #[test]
    fn key_of_a_group_is_not_open_to_all() {
        assert!(is_open_to_all(0o644) && is_open_to_all(0o604));
        assert!(!is_open_to_all(0o600) && !is_open_to_all(0o640));
    }
}
