//! Fingerprints of certificates: short forms of a public key that people can compare.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use bip39::Language;
use data_encoding::BASE64_NOPAD;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};

/// The words of a spoken fingerprint, each of which stands for 11 bits: 88 bits, too many to find a second key for.
const WORDS: usize = 8;
const BITS: usize = 11;

const PREFIX: &str = "SHA256:";

/// The SHA-256 hash of a certificate's public key (its `SubjectPublicKeyInfo`, RFC 5280, section 4.1).
///
/// A new certificate for the same key has the same fingerprint. `curl --pinnedpubkey` has the same hash, as
/// `sha256//HASH=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate.
    ///
    /// # Errors
    /// If it is no X.509 certificate.
    pub fn of(certificate: &CertificateDer) -> Result<Self, rustls::Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        Ok(Fingerprint(Sha256::digest(&key).into()))
    }

    /// The first 88 bits as eight English words, to be read aloud; the words are those of BIP 39.
    pub fn words(&self) -> String {
        let list = Language::English.word_list();
        let bit = |number: usize| usize::from(self.0[number / 8] >> (7 - number % 8) & 1);
        let index = |word: usize| (word * BITS..(word + 1) * BITS).fold(0, |index, number| index << 1 | bit(number));
        (0..WORDS).map(|word| list[index(word)]).collect::<Vec<_>>().join("-")
    }

    /// Whether `expected` is its text or its words.
    pub fn is(&self, expected: &ExpectedFingerprint) -> bool {
        match expected {
            ExpectedFingerprint::Whole(whole) => self == whole,
            ExpectedFingerprint::Words(words) => self.words() == *words,
        }
    }
}

impl Display for Fingerprint {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{PREFIX}{}", BASE64_NOPAD.encode(&self.0))
    }
}

/// A text is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// It is neither of the forms.
    #[error(
        "write a fingerprint as the server shows it: {PREFIX} and 43 characters, or {WORDS} words with - between them"
    )]
    Form,
    /// A word is not in the list.
    #[error("{0:?} is not one of the words of fingerprints")]
    Word(String),
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let hash = text.strip_prefix(PREFIX).ok_or(FingerprintError::Form)?;
        let bytes = BASE64_NOPAD.decode(hash.trim_end_matches('=').as_bytes()).map_err(|_| FingerprintError::Form)?;
        bytes.try_into().map(Fingerprint).map_err(|_| FingerprintError::Form)
    }
}

/// A fingerprint that a person has been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedFingerprint {
    Whole(Fingerprint),
    /// The words with `-` between them.
    Words(String),
}

impl FromStr for ExpectedFingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        if text.starts_with(PREFIX) {
            return text.parse().map(ExpectedFingerprint::Whole);
        }
        let words: Vec<String> =
            text.split(['-', ' ']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        if words.len() != WORDS {
            return Err(FingerprintError::Form);
        }
        match words.iter().find(|word| Language::English.find_word(word).is_none()) {
            Some(word) => Err(FingerprintError::Word(word.clone())),
            None => Ok(ExpectedFingerprint::Words(words.join("-"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn text_and_words_are_read_back() {
        let zero = Fingerprint([0; 32]);
        assert_eq!((zero.to_string(), TEXT.parse()), (TEXT.into(), Ok(zero)));
        assert_eq!(zero.words(), ["abandon"; 8].join("-"));
        let mut bytes = [0xff; 32];
        bytes[10] = 0;
        let other = Fingerprint(bytes);
        assert_eq!(other.words(), "zoo-zoo-zoo-zoo-zoo-zoo-zoo-theme");
        assert_eq!(other.to_string().parse(), Ok(other));
        for (text, matches) in [
            (TEXT.to_owned(), [true, false]),
            (zero.words(), [true, false]),
            (other.words().replace('-', "  ").to_uppercase(), [false, true]),
        ] {
            let expected: ExpectedFingerprint = text.parse().unwrap();
            assert_eq!([zero, other].map(|one| one.is(&expected)), matches, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "SHA256:", "SHA256:AAAA", &TEXT[..49], "sha256:x", "zoo", &["zoo"; 9].join("-")] {
            assert_eq!(text.parse::<ExpectedFingerprint>(), Err(FingerprintError::Form), "{text}");
        }
        let text = "zoo-zoo-zoo-zoo-zoo-zoo-zoo-zzz";
        assert_eq!(text.parse::<ExpectedFingerprint>(), Err(FingerprintError::Word("zzz".into())));
    }
}
