//! What is stored of a password for SCRAM-SHA-256 (RFC 5802, RFC 7677).

use std::borrow::Cow;
use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac_array;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::password::Password;

/// Bytes of salt.
pub const SALT: usize = 16;

/// Bytes of each key.
const KEY: usize = 32;

/// The iterations of new keys. They take 10 to 20 ms where the processor has instructions for SHA-256, less than the
/// argon2id hash of the same password; each login takes a client as long. RFC 7677 asks for 4096 at least.
pub const ITERATIONS: u32 = 100_000;

/// The fewest iterations: RFC 7677, section 4.
const MIN_ITERATIONS: u32 = 4096;

/// The mechanism, with which the text begins.
const SCHEME: &str = "SCRAM-SHA-256";

/// The keys with which a server compares a client's proof, and proves that it has them.
///
/// As a text they are `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` with base64, as in RFC 5803 and
/// PostgreSQL. That is at most 140 bytes. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScramKeys {
    iterations: u32,
    salt: [u8; SALT],
    stored_key: [u8; KEY],
    server_key: [u8; KEY],
}

/// A text that is not that of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not that of SCRAM-SHA-256 keys")]
pub struct InvalidKeys;

impl ScramKeys {
    /// The keys of a password: RFC 5802, section 3. It takes so long that another process does it.
    ///
    /// The password is prepared with SASLprep (RFC 4013), as clients do. A password that SASLprep forbids, such as one
    /// with a character that is not in Unicode 3.2 (emoji), or of which nothing would be left, is used as it is, as
    /// PostgreSQL does.
    pub fn derive(password: &Password, salt: [u8; SALT], iterations: u32) -> Self {
        let salted = pbkdf2_hmac_array::<Sha256, KEY>(prepared(password.text()).as_bytes(), &salt, iterations);
        let stored_key = Sha256::digest(hmac(&salted, &[b"Client Key"])).into();
        ScramKeys { iterations, salt, stored_key, server_key: hmac(&salted, &[b"Server Key"]) }
    }

    /// The keys of a name that has none. No password belongs to them. They are the same for the same name and secret;
    /// salt and iterations look like those of others to a client, which does not know the secret.
    pub fn made_up(name: &str, secret: &[u8]) -> Self {
        let part = |label: &[u8]| hmac(secret, &[label, name.as_bytes()]);
        let mut salt = [0; SALT];
        salt.copy_from_slice(&part(b"salt ")[..SALT]);
        ScramKeys { iterations: ITERATIONS, salt, stored_key: part(b"stored "), server_key: part(b"server ") }
    }

    /// How often the password was hashed.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The salt.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Whether this is the proof of the password for these messages (RFC 5802: `AuthMessage`), in constant time.
    pub fn is_proof(&self, messages: &str, proof: &[u8; KEY]) -> bool {
        let mut client_key = hmac(&self.stored_key, &[messages.as_bytes()]);
        client_key.iter_mut().zip(proof).for_each(|(byte, proof)| *byte ^= proof);
        Sha256::digest(client_key).ct_eq(&self.stored_key).into()
    }

    /// The signature by which the client knows that the server has the keys (RFC 5802: `ServerSignature`).
    pub fn signature(&self, messages: &str) -> [u8; KEY] {
        hmac(&self.server_key, &[messages.as_bytes()])
    }
}

/// A password as it goes into the keys.
fn prepared(password: &str) -> Cow<'_, str> {
    match stringprep::saslprep(password) {
        Ok(prepared) if !prepared.is_empty() => prepared,
        _ => Cow::Borrowed(password),
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; KEY] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC has keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

impl Debug for ScramKeys {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("ScramKeys(...)")
    }
}

impl Display for ScramKeys {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let [salt, stored, server] = [&self.salt[..], &self.stored_key, &self.server_key].map(|key| BASE64.encode(key));
        write!(f, "{SCHEME}${}:{salt}${stored}:{server}", self.iterations)
    }
}

impl FromStr for ScramKeys {
    type Err = InvalidKeys;

    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let parse = || {
            let (parameters, keys) = text.strip_prefix(SCHEME)?.strip_prefix('$')?.split_once('$')?;
            let ((iterations, salt), (stored_key, server_key)) = (parameters.split_once(':')?, keys.split_once(':')?);
            // Written in one way only: no sign, no zeros before it.
            let iterations = Some(iterations.parse().ok()?).filter(|n: &u32| n.to_string() == iterations)?;
            let (salt, stored_key, server_key) = (bytes(salt)?, bytes(stored_key)?, bytes(server_key)?);
            Some(ScramKeys { iterations, salt, stored_key, server_key }).filter(|_| iterations >= MIN_ITERATIONS)
        };
        parse().ok_or(InvalidKeys)
    }
}

/// The bytes of a base64 text, if they are as many as these.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text.as_bytes()).ok()?.try_into().ok()
}

impl TryFrom<String> for ScramKeys {
    type Error = InvalidKeys;

    fn try_from(text: String) -> Result<Self, InvalidKeys> {
        text.parse()
    }
}

impl From<ScramKeys> for String {
    fn from(keys: ScramKeys) -> String {
        keys.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(password: &str) -> ScramKeys {
        ScramKeys::derive(&Password::new(password), *b"0123456789abcdef", MIN_ITERATIONS)
    }

    /// Computed with Python's `hashlib` and `hmac`.
    const PENCIL: &str = "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$\
                          nQpbZ77WudtqufPwikHXGRt6g2QJ4zns8bZLw273DRM=:jn2amWP1q1h+jgjy0YTO14S6/F02SV7taipOeB7ef20=";

    #[test]
    fn keys_are_those_that_others_compute() {
        assert_eq!(keys("pencil").to_string(), PENCIL);
        assert_eq!(PENCIL.parse(), Ok(keys("pencil")));
        let json = serde_json::to_string(&keys("pencil")).unwrap();
        assert_eq!(json, format!("\"{PENCIL}\""));
        assert_eq!(serde_json::from_str::<ScramKeys>(&json).unwrap(), keys("pencil"));
        assert_eq!(format!("{:?}", keys("pencil")), "ScramKeys(...)");
    }

    #[test]
    fn passwords_are_prepared_with_saslprep() {
        // RFC 4013, section 3: a soft hyphen is mapped to nothing, and compatible characters are equal.
        for (typed, prepared) in [("I\u{ad}X", "IX"), ("\u{2168}", "IX"), ("\u{aa}", "a"), ("USER", "USER")] {
            assert_eq!(keys(typed), keys(prepared), "{typed}");
        }
        assert_ne!(keys("USER"), keys("user"));
        // Forbidden, or nothing is left: as they are.
        for forbidden in ["a\u{7}b", "\u{1f41f}", "\u{627}1", "\u{ad}"] {
            assert_eq!(prepared(forbidden), forbidden);
        }
    }

    #[test]
    fn texts_of_other_shapes_are_no_keys() {
        let mut broken = vec![
            String::new(),
            "SCRAM-SHA-256".into(),
            "SCRAM-SHA-256$$".into(),
            PENCIL.replace("SCRAM", "scram"),
            PENCIL.replace("4096", "4095"),
            PENCIL.replace("4096", "+4096"),
            PENCIL.replace("4096", "04096"),
            PENCIL.replace("4096", "4294967296"),
            PENCIL.replace('=', ""),
            PENCIL.replace("MDEy", ""),
            format!("{PENCIL} "),
            format!("{PENCIL}$"),
        ];
        broken.extend((0..PENCIL.len()).map(|end| PENCIL[..end].to_owned()));
        for text in broken {
            assert_eq!(text.parse::<ScramKeys>(), Err(InvalidKeys), "{text}");
        }
        assert!(serde_json::from_str::<ScramKeys>("\"x\"").is_err());
    }

    #[test]
    fn made_up_keys_depend_on_name_and_secret_alone() {
        let of = |name, secret: &str| ScramKeys::made_up(name, secret.as_bytes());
        assert_eq!(of("alice", "secret"), of("alice", "secret"));
        for other in [of("bob", "secret"), of("alice", "other")] {
            assert_ne!(of("alice", "secret").salt, other.salt);
        }
        assert_eq!(of("alice", "secret").iterations(), ITERATIONS);
    }
}
