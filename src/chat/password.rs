//! Passwords, and the work on them that another process does.

use std::fmt::{self, Debug, Formatter};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;

use super::change::Origin;

/// The longest password of an account in bytes.
pub const MAX_PASSWORD: usize = 1024;

/// A password as it was typed. It is never shown: not by `Debug`, so in no log either.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password(Box<str>);

impl Password {
    /// The password that was typed as this text.
    pub fn new(text: &str) -> Self {
        Password(normalized(text).into())
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Debug for Password {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("Password(...)")
    }
}

/// The password of the server, as a hash that takes the same time to compare whatever was typed.
#[derive(Clone)]
pub struct ServerPassword([u8; 32]);

impl ServerPassword {
    /// The password of this text.
    pub fn new(text: &str) -> Self {
        ServerPassword(digest(text))
    }

    /// Whether it is the same password as another one.
    pub fn is_same(&self, other: &ServerPassword) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Whether a typed text is the password.
    pub fn is(&self, typed: &str) -> bool {
        self.0.ct_eq(&digest(typed)).into()
    }
}

impl Debug for ServerPassword {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("ServerPassword(...)")
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(normalized(text)).into()
}

/// A typed password as it is compared: without white space around it, and in Unicode's composed form (NFC), which RFC 8265,
/// section 4.2, asks for.
pub fn normalized(text: &str) -> String {
    text.trim().nfc().collect()
}

/// One piece of work on passwords. It takes so long that another process does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordRequest {
    /// The session that waits for the answer.
    pub origin: Origin,
    pub job: PasswordJob,
}

/// What is done with passwords. Two texts are stored of a password: a verifier, which is an argon2id hash with its salt
/// and parameters, as a PHC string (<https://github.com/P-H-C/phc-string-format>), and the keys for SCRAM-SHA-256
/// ([`ScramKeys`](super::scram_keys::ScramKeys)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordJob {
    /// Makes verifier and keys.
    Hash { password: Password },
    /// Compares a password with a verifier. If it is right and there is a new password, makes verifier and keys of
    /// that; if there is none and `scram` is set, makes keys of the right one.
    Verify {
        password: Password,
        verifier: Box<str>,
        new: Option<Password>,
        #[serde(default)]
        scram: bool,
    },
}

impl PasswordJob {
    /// What a right password leads to: whether a verifier is made, and whether keys are.
    pub fn makes(&self) -> (bool, bool) {
        match *self {
            PasswordJob::Hash { .. } | PasswordJob::Verify { new: Some(_), .. } => (true, true),
            PasswordJob::Verify { new: None, scram, .. } => (false, scram),
        }
    }
}

/// The result of a [`PasswordJob`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordAnswer {
    /// The password is right, or there was none to compare; the verifier and the keys, if they were asked for.
    Right { verifier: Option<Box<str>>, scram: Option<Box<str>> },
    /// The password is wrong.
    Wrong,
    /// Passwords cannot be compared at present.
    Failed,
}
