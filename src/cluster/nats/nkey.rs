//! Keys of users ("nkeys"): a user proves who it is by a signature, and the server knows the public key alone.
//!
//! <https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth>

use std::fmt::{self, Debug, Formatter};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// The first byte of a user's public key: a `U` in base 32.
const USER: u8 = 20 << 3;

/// The first two bytes of a user's seed: `SU` in base 32.
const USER_SEED: [u8; 2] = [18 << 3 | USER >> 5, (USER & 31) << 3];

/// What precedes the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The secret key of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Nkey([u8; 32]);

/// The key is in no log.
impl Debug for Nkey {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("Nkey(...)")
    }
}

impl Nkey {
    /// Reads the seed of a user, 58 characters that begin with `SU`; `None` if it is none.
    pub fn parse(seed: &str) -> Option<Self> {
        let bytes = BASE32_NOPAD.decode(seed.as_bytes()).ok()?;
        let (bytes, checksum) = bytes.split_last_chunk()?;
        if crc16(bytes) != u16::from_le_bytes(*checksum) {
            return None;
        }
        bytes.strip_prefix(&USER_SEED)?.try_into().map(Nkey).ok()
    }

    /// Signs what the server asks for; returns the public key and the signature as the protocol has them.
    pub fn sign(&self, nonce: &str) -> Option<(String, String)> {
        let der = [&PKCS8_PREFIX[..], &self.0].concat();
        let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(der)).ok()?;
        let signature = key.choose_scheme(&[SignatureScheme::ED25519])?.sign(nonce.as_bytes()).ok()?;
        let info = key.public_key()?;
        let mut public = vec![USER];
        public.extend_from_slice(info.last_chunk::<32>()?);
        public.extend_from_slice(&crc16(&public).to_le_bytes());
        Some((BASE32_NOPAD.encode(&public), BASE64URL_NOPAD.encode(&signature)))
    }
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    let shift = |crc: u16| (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 };
    bytes.iter().fold(0, |crc, &byte| (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| shift(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation.
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

    #[test]
    fn checksum_is_that_of_the_catalogue() {
        // https://reveng.sourceforge.io/crc-catalogue/16.htm#crc.cat.crc-16-xmodem
        assert_eq!((crc16(b"123456789"), crc16(b"")), (0x31c3, 0));
    }

    #[test]
    fn seed_gives_the_public_key_and_signatures() {
        let key = Nkey::parse(SEED).unwrap();
        let (public, signature) = key.sign("nonce").unwrap();
        assert_eq!(public, "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4");
        assert_eq!(BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap().len(), 64);
        assert_ne!(key.sign("other").unwrap().1, signature);
        assert_eq!(format!("{key:?}"), "Nkey(...)");
    }

    #[test]
    fn anything_else_is_no_seed() {
        let public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
        let damaged = SEED.replace("CSSL", "CSSM");
        for text in ["", "sesame", "SU", public, &damaged, &SEED[..57], &SEED.to_lowercase(), &format!("{SEED}A")] {
            assert_eq!(Nkey::parse(text), None, "{text}");
        }
    }
}
