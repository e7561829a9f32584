//! TLS of a client: the session over a socket, and fingerprints of certificates.

pub mod fingerprint;
pub(crate) mod stream;
