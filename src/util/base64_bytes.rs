//! Bytes as base64 text (RFC 4648, section 4), for the state that a process hands over as JSON.
//!
//! Use it as `#[serde(with = "crate::util::base64_bytes")]`.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serializer, de};

/// Serializes bytes as base64 text.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(bytes: impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes.as_ref()))
}

/// Deserializes base64 text.
///
/// # Errors
/// If the text is not base64.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(text.as_bytes()).map_err(de::Error::custom)
}
