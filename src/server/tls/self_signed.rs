//! The key and the certificate that a server makes itself (`--tls-self-signed`).
//!
//! The key is made once. Clients that know its fingerprint need no authority, so that a new certificate for the same key
//! changes nothing for them.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use log::info;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::certificates::{self, Certificate};
use super::{TlsError, pem};
use crate::server::http;
use crate::server::listen_addr::{ListenAddr, ListenPlace};
use crate::util::io_error::plain_words;
use crate::util::tls::fingerprint::Fingerprint;

const KEY: &str = "key.pem";
const CERTIFICATE: &str = "cert.pem";

/// How long a certificate is valid. Browsers and systems refuse some certificates of more than 398 days.
const LIFE: Duration = Duration::days(397);
/// Clocks of clients may be behind.
const MARGIN: Duration = Duration::days(1);
/// A certificate with less time left is made anew. It is warned of 14 days before its end, thus only while a server runs
/// for a year.
const LEAST_LEFT: Duration = Duration::days(30);

/// The names of a certificate: this machine, the names that browsers may ask for, and the addresses that are listened on.
pub fn names(hosts: &[String], listen: &[ListenAddr]) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    names.extend(http::machine_names());
    names.extend(hosts.iter().cloned());
    names.extend(listen.iter().filter_map(|addr| match addr.place {
        ListenPlace::Tcp(socket) if addr.tls && !socket.ip().is_unspecified() => Some(socket.ip().to_string()),
        _ => None,
    }));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Loads the certificate of a folder. The folder, the key and the certificate are made if they are missing; the
/// certificate also if its end is near or its names are others.
///
/// # Errors
/// If the folder or its files cannot be read or written.
pub fn load(dir: &Path, names: &[String], now: OffsetDateTime) -> Result<Certificate, TlsError> {
    let failed = |error: io::Error| TlsError { what: "folder", path: dir.to_owned(), why: plain_words(&error) };
    let (key_file, file) = (dir.join(KEY), dir.join(CERTIFICATE));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    if !fs::exists(&key_file).map_err(failed)? {
        make_key(dir).map_err(failed)?;
        info!("{}: a new TLS key", key_file.display());
    }
    pem::warn_if_open(&key_file);
    match certificates::load(&file, &key_file) {
        Ok(certificate) if is_good(&certificate, names, now) => return Ok(certificate),
        // A damaged certificate is made anew as well, but a key that cannot be read is never replaced.
        _ => {}
    }
    let key = read_key(&key_file)?;
    let pem = make_certificate(&key, names, now).map_err(io::Error::other).map_err(failed)?;
    let temporary = write_temporary(dir, CERTIFICATE, 0o644, pem.as_bytes()).map_err(failed)?;
    fs::rename(&temporary, &file).map_err(failed)?;
    info!("{}: a new TLS certificate", file.display());
    certificates::load(&file, &key_file)
}

/// Checks the files of a folder without writing any; what is missing is no error.
///
/// # Errors
/// If the folder is something else, or its key cannot be used.
pub fn check(dir: &Path) -> Result<(), TlsError> {
    let failed = |why: String| TlsError { what: "folder", path: dir.to_owned(), why };
    match fs::metadata(dir) {
        Ok(found) if !found.is_dir() => {
            return Err(failed("is not a folder; name one, which is made if it is missing".into()));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(plain_words(&error))),
        _ => {}
    }
    let key_file = dir.join(KEY);
    match fs::exists(&key_file).map_err(|error| failed(plain_words(&error)))? {
        true => read_key(&key_file).map(drop),
        false => Ok(()),
    }
}

/// What clients have to know of a server whose certificate no authority has signed.
#[derive(Debug, PartialEq, Eq)]
pub struct Introduction {
    /// The command for each line listener with TLS.
    pub commands: Vec<String>,
    /// The words of the fingerprint.
    pub words: String,
}

impl Introduction {
    /// For a key with this fingerprint, and line listeners with TLS at these addresses.
    pub fn new(fingerprint: &Fingerprint, addrs: &[SocketAddr]) -> Self {
        let commands = addrs.iter().map(|&addr| connect_command(addr, fingerprint)).collect();
        Introduction { commands, words: fingerprint.words() }
    }
}

/// The command by which a client connects to a line listener at this address and knows the server by its key.
fn connect_command(addr: SocketAddr, fingerprint: &Fingerprint) -> String {
    let host = match addr.ip().is_unspecified().then(http::machine_name).flatten() {
        Some(name) => format!("{name}:{}", addr.port()),
        None if addr.ip().is_unspecified() => format!("localhost:{}", addr.port()),
        None => addr.to_string(),
    };
    format!("chinwag connect --tls {host} --tls-fingerprint {fingerprint}")
}

fn read_key(file: &Path) -> Result<KeyPair, TlsError> {
    let wrong = |error| TlsError {
        what: "key",
        path: file.to_owned(),
        why: format!("{error}; move it away, and the server makes another one, with another fingerprint"),
    };
    let key = pem::key(file)?;
    KeyPair::try_from(&key).map_err(wrong)
}

/// Whether a certificate has exactly these names, and enough time left.
fn is_good(certificate: &Certificate, names: &[String], now: OffsetDateTime) -> bool {
    let (from, to) = (certificate.validity.not_before, certificate.validity.not_after);
    let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let found = names_of(certificate).unwrap_or_default();
    from <= now.unix_timestamp()
        && (now + LEAST_LEFT).unix_timestamp() <= to
        && wanted == found.iter().map(String::as_str).collect()
}

/// The names of a certificate.
fn names_of(certificate: &Certificate) -> Option<Vec<String>> {
    let parsed = certificates::parse(certificate.key.end_entity_cert().ok()?).ok()?;
    let (_, names) = parsed.tbs_certificate().get_extension::<SubjectAltName>().ok()??;
    let text = |name| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => match bytes.as_bytes().len() {
            4 => <[u8; 4]>::try_from(bytes.as_bytes()).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(bytes.as_bytes()).ok().map(|bytes| IpAddr::from(bytes).to_string()),
        },
        _ => None,
    };
    names.0.into_iter().map(text).collect()
}

/// Makes the key of a folder, unless another server has made it meanwhile.
fn make_key(dir: &Path) -> io::Result<()> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(io::Error::other)?;
    let temporary = write_temporary(dir, KEY, 0o600, key.serialize_pem().as_bytes())?;
    // A link never replaces a file, which a renaming does.
    let linked = fs::hard_link(&temporary, dir.join(KEY));
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

fn make_certificate(key: &KeyPair, names: &[String], now: OffsetDateTime) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.not_before = now - MARGIN;
    params.not_after = params.not_before + LIFE;
    // Firefox refuses two certificates with the same number.
    params.serial_number = Some(SerialNumber::from(now.unix_timestamp_nanos() as u64));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "chinwag");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params.self_signed(key)?.pem())
}

/// Writes a whole file under a name that no other file has; returns its path.
fn write_temporary(dir: &Path, name: &str, mode: u32, bytes: &[u8]) -> io::Result<std::path::PathBuf> {
    let path = dir.join(format!(".{name}.{}.{:016x}", std::process::id(), fastrand::u64(..)));
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // The error of the write is what matters.
        let _ = fs::remove_file(&path);
    }
    written.map(|()| path)
}

#[cfg(test)]
mod tests;
