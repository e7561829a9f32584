//! The server's side of a login with SCRAM-SHA-256: RFC 5802 and RFC 7677.
//!
//! The messages are those inside SASL, without its base64. Channel binding (`SCRAM-SHA-256-PLUS`) is not offered.

use std::borrow::Cow;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::chat::policy::nick::key_of;
use crate::chat::scram_keys::ScramKeys;

/// The longest message in bytes.
pub const MAX_MESSAGE: usize = 4096;

/// Why a login fails. As a text it is the word of RFC 5802, section 7, which a server may send as `e=` and the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    /// A message has another form, or is not UTF-8.
    #[error("invalid-encoding")]
    InvalidEncoding,
    /// The client needs an extension of SCRAM.
    #[error("extensions-not-supported")]
    ExtensionsNotSupported,
    /// The password is wrong.
    #[error("invalid-proof")]
    InvalidProof,
    /// The second message has another GS2 header than the first.
    #[error("channel-bindings-dont-match")]
    ChannelBindingsDontMatch,
    /// The client wants channel binding.
    #[error("channel-binding-not-supported")]
    ChannelBindingNotSupported,
    /// There are no keys for this name. A client that must not learn this is sent [`ScramError::InvalidProof`] instead.
    #[error("unknown-user")]
    UnknownUser,
    /// The name is empty, or has a `=` that is neither `=2C` nor `=3D`.
    #[error("invalid-username-encoding")]
    InvalidUsernameEncoding,
    /// The client wants to act as another account than the one whose password it has.
    #[error("other-error")]
    OtherAccount,
    /// The second message has another nonce than the server's.
    #[error("other-error")]
    OtherNonce,
    /// A message is longer than [`MAX_MESSAGE`], or comes too early.
    #[error("other-error")]
    Other,
}

/// One login: [`ScramExchange::begin`], [`ScramExchange::server_first`], [`ScramExchange::finish`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScramExchange {
    user: Box<str>,
    /// The GS2 header and the rest of the client's first message, as they came.
    header: Box<str>,
    client_first: Box<str>,
    offer: Option<Offer>,
}

/// What the server has answered to the first message.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Offer {
    nonce: Box<str>,
    message: Box<str>,
    keys: ScramKeys,
    /// The keys are those of the account, and not made up.
    is_known: bool,
}

impl ScramExchange {
    /// Reads the client's first message.
    ///
    /// # Errors
    /// If it is not one that can lead to a login; the exchange is over.
    pub fn begin(client_first: &[u8]) -> Result<Self, ScramError> {
        let text = text_of(client_first)?;
        let (flag, rest) = text.split_once(',').ok_or(ScramError::InvalidEncoding)?;
        match flag {
            // The client has no channel binding, or thinks that the server has none.
            "n" | "y" => {}
            _ if flag.starts_with("p=") => return Err(ScramError::ChannelBindingNotSupported),
            _ => return Err(ScramError::InvalidEncoding),
        }
        let (authzid, bare) = rest.split_once(',').ok_or(ScramError::InvalidEncoding)?;
        if bare.starts_with("m=") {
            return Err(ScramError::ExtensionsNotSupported);
        }
        let mut attributes = bare.split(',');
        let mut next = |name| attributes.next().and_then(|attribute| attribute.strip_prefix(name));
        let user = next("n=").ok_or(ScramError::InvalidEncoding)?;
        if !next("r=").is_some_and(is_nonce) {
            return Err(ScramError::InvalidEncoding);
        }
        check_extensions(attributes)?;
        let user = decode_name(user)?;
        if !authzid.is_empty() {
            let account = authzid.strip_prefix("a=").ok_or(ScramError::InvalidEncoding)?;
            if !is_same_name(&decode_name(account)?, &user) {
                return Err(ScramError::OtherAccount);
            }
        }
        let header = &text[..text.len() - bare.len()];
        Ok(ScramExchange { user: user.into(), header: header.into(), client_first: bare.into(), offer: None })
    }

    /// The name with which the client logs in, as it was sent. It may be no name that an account can have.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The server's first message.
    ///
    /// `nonce` is random for each login, at least 18 characters of `!` to `~` without a comma. `keys` are those of the
    /// account with this name. If it has none, the client is asked all the same, with a salt that depends on the name and
    /// `secret` alone; `secret` has at least 16 random bytes, and stays the same as long as the accounts.
    pub fn server_first(&mut self, nonce: &str, keys: Option<&ScramKeys>, secret: &[u8]) -> String {
        debug_assert!(is_nonce(nonce), "{nonce:?}");
        let own = self.client_first.split(',').find_map(|attribute| attribute.strip_prefix("r="));
        let nonce = format!("{}{nonce}", own.unwrap_or_default());
        let is_known = keys.is_some();
        let keys = keys.cloned().unwrap_or_else(|| ScramKeys::made_up(&folded(&self.user), secret));
        let message = format!("r={nonce},s={},i={}", BASE64.encode(keys.salt()), keys.iterations());
        let offer = Offer { nonce: nonce.into(), message: message.as_str().into(), keys, is_known };
        self.offer = Some(offer);
        message
    }

    /// Reads the client's last message; returns the server's, with which the client is logged in.
    ///
    /// # Errors
    /// If the client is not logged in. Whether the name is known makes a difference only if all is right but the proof.
    pub fn finish(self, client_final: &[u8]) -> Result<String, ScramError> {
        let Some(Offer { nonce, message, keys, is_known }) = self.offer else { return Err(ScramError::Other) };
        let text = text_of(client_final)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(ScramError::InvalidEncoding)?;
        let mut attributes = without_proof.split(',');
        let mut next = |name| attributes.next().and_then(|attribute| attribute.strip_prefix(name));
        let (binding, given) = (next("c="), next("r="));
        let (binding, given) = binding.zip(given).ok_or(ScramError::InvalidEncoding)?;
        check_extensions(attributes)?;
        let binding = BASE64.decode(binding.as_bytes()).map_err(|_| ScramError::InvalidEncoding)?;
        let proof = BASE64.decode(proof.as_bytes()).ok().and_then(|proof| proof.try_into().ok());
        let proof = proof.ok_or(ScramError::InvalidEncoding)?;
        if binding != self.header.as_bytes() {
            return Err(ScramError::ChannelBindingsDontMatch);
        }
        if *given != *nonce {
            return Err(ScramError::OtherNonce);
        }
        let messages = format!("{},{message},{without_proof}", self.client_first);
        match keys.is_proof(&messages, &proof) {
            true if is_known => Ok(format!("v={}", BASE64.encode(&keys.signature(&messages)))),
            _ if is_known => Err(ScramError::InvalidProof),
            _ => Err(ScramError::UnknownUser),
        }
    }
}

/// The text of a message.
fn text_of(message: &[u8]) -> Result<&str, ScramError> {
    if message.len() > MAX_MESSAGE {
        return Err(ScramError::Other);
    }
    let text = std::str::from_utf8(message).map_err(|_| ScramError::InvalidEncoding)?;
    if text.contains('\0') { Err(ScramError::InvalidEncoding) } else { Ok(text) }
}

/// Whether a text is `printable` in RFC 5802, section 7.
fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// Checks the attributes at the end of a message: those that are not known are skipped, `m` must not be skipped.
fn check_extensions<'a>(attributes: impl Iterator<Item = &'a str>) -> Result<(), ScramError> {
    for attribute in attributes {
        match attribute.as_bytes() {
            [b'm', b'=', ..] => return Err(ScramError::ExtensionsNotSupported),
            [name, b'=', _, ..] if name.is_ascii_alphabetic() => {}
            _ => return Err(ScramError::InvalidEncoding),
        }
    }
    Ok(())
}

/// A name without its escapes: `=2C` is a comma, `=3D` is `=`.
fn decode_name(text: &str) -> Result<String, ScramError> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (character, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(ScramError::InvalidUsernameEncoding),
        };
        name.push(character);
        name.push_str(rest);
    }
    if name.is_empty() { Err(ScramError::InvalidUsernameEncoding) } else { Ok(name) }
}

/// A name as accounts are found by it.
fn folded(name: &str) -> Cow<'_, str> {
    key_of(name).map_or(Cow::Borrowed(name), Cow::Owned)
}

fn is_same_name(one: &str, other: &str) -> bool {
    one == other || folded(one) == folded(other)
}

#[cfg(test)]
mod tests;
