//! Errors of TLS that a user meets.

use std::io;
use std::path::PathBuf;

use crate::util::io_error::plain_words;
use crate::util::tls::fingerprint::{ExpectedFingerprint, Fingerprint};

use super::known_servers::KnownServersError;

/// Why there is no TLS connection. The first field of most is the server's address.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The first bytes that came are no TLS record.
    #[error("{0} does not speak TLS; try without --tls")]
    NotTls(String),
    #[error("{0} did not complete the TLS handshake within {1} seconds; perhaps it does not speak TLS")]
    Timeout(String, u64),
    #[error("{0} closed the connection during the TLS handshake; perhaps it does not speak TLS")]
    Closed(String),
    #[error("the TLS handshake with {0} failed: {why}", why = plain_words(.1))]
    Handshake(String, #[source] io::Error),
    /// The host of the address.
    #[error("no certificate can be for the host {0:?}; use a name of letters, digits, - and ., or an IP address")]
    Host(String),
    #[error("cannot use the authorities of --tls-ca {path}: {why}", path = .0.display(), why = plain_words(.1))]
    Authorities(PathBuf, #[source] io::Error),
    #[error(transparent)]
    KnownServers(#[from] KnownServersError),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl TlsError {
    /// Whether the same would happen at the next attempt, so that a person must decide.
    pub fn is_final(&self) -> bool {
        matches!(self, TlsError::KnownServers(_) | TlsError::Refused(_))
    }
}

/// Why the client does not trust a server's certificate; nothing that the user typed has been sent.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It has another key than before.
    #[error(
        "the key of {server} has changed. Another machine may answer in its place and could read and change all that \
         you write, so nothing was sent.\n  key so far: {old}\n              {old_words}\n  key now:    {new}\n              \
         {new_words}\n{signed}Ask the operator, in another way than over this connection. Only if the new key is right: remove \
         line {line} of {file}, and connect again.",
        old_words = old.words(), new_words = new.words(), file = file.display(),
        signed = if *is_signed { "A known authority has signed the new certificate.\n" } else { "" }
    )]
    Changed {
        server: String,
        old: Box<Fingerprint>,
        new: Box<Fingerprint>,
        /// Whether a known authority has signed the new certificate for the server's name.
        is_signed: bool,
        line: usize,
        file: PathBuf,
    },
    /// An authority had signed its certificate before.
    #[error(
        "the certificate of {server} is not signed by a known authority, but it was before. Another machine may answer \
         in its place and could read and change all that you write, so nothing was sent.\n  key now: {key}\n           \
         {words}\nIf you used --tls-ca before, use it again. Otherwise ask the operator, in another way than over this connection. Only if \
         the new key is right: remove line {line} of {file}, and connect again.",
        words = key.words(), file = file.display()
    )]
    NotSigned { server: String, key: Box<Fingerprint>, line: usize, file: PathBuf },
    /// It does not have the key of `--tls-fingerprint`.
    #[error(
        "{server} does not have the key of --tls-fingerprint. Another machine may answer in its place, so nothing was \
         sent.\n  expected: {expected}\n  key now:  {key}\n            {words}\nAsk the operator for the fingerprint once more.",
        expected = expected_text(expected), words = key.words()
    )]
    NotExpected { server: String, expected: Box<ExpectedFingerprint>, key: Box<Fingerprint> },
    /// It is not valid.
    #[error(
        "the certificate of {server} is not valid: {why}. Nothing was sent.\n  key now: {key}\n           {words}\nTell the operator. If \
         the operator reads out the same key, connect with --tls-fingerprint {key}",
        words = key.words()
    )]
    Invalid { server: String, why: String, key: Box<Fingerprint> },
}

fn expected_text(expected: &ExpectedFingerprint) -> String {
    match expected {
        ExpectedFingerprint::Whole(key) => key.to_string(),
        ExpectedFingerprint::Words(words) => words.clone(),
    }
}
