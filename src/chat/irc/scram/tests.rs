//! The example of RFC 7677, and clients that do not keep to the rules.

use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac_array;
use sha2::{Digest, Sha256};

use super::*;
use crate::chat::password::Password;
use crate::util::test_support::Random;

const SECRET: &[u8] = b"a secret of the server";

/// RFC 7677, section 3.
const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const OFFER: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const FINAL: &str =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/// The keys of the password of the example.
fn keys() -> ScramKeys {
    let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    ScramKeys::derive(&Password::new("pencil"), salt.try_into().unwrap(), 4096)
}

fn begin(first: &str) -> Result<ScramExchange, ScramError> {
    ScramExchange::begin(first.as_bytes())
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().into()
}

/// The last message of a client, written by the RFC and not by the code of the server.
fn client_final(first: &str, offer: &str, binding: &str, password: &str) -> String {
    let attribute = |name: &str| offer.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
    let salt = BASE64.decode(attribute("s=").as_bytes()).unwrap();
    let salted = pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, attribute("i=").parse().unwrap());
    let client_key = hmac(&salted, b"Client Key");
    let without_proof = format!("c={},r={}", BASE64.encode(binding.as_bytes()), attribute("r="));
    let bare = first.splitn(3, ',').nth(2).unwrap();
    let signature = hmac(&Sha256::digest(client_key), format!("{bare},{offer},{without_proof}").as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect();
    format!("{without_proof},p={}", BASE64.encode(&proof))
}

/// A whole login with the keys of the example.
fn log_in(first: &str, binding: &str, password: &str) -> Result<String, ScramError> {
    let mut exchange = begin(first)?;
    let offer = exchange.server_first(NONCE, Some(&keys()), SECRET);
    exchange.finish(client_final(first, &offer, binding, password).as_bytes())
}

#[test]
fn example_of_rfc_7677_logs_in() {
    let mut exchange = begin(FIRST).unwrap();
    assert_eq!(exchange.user(), "user");
    assert_eq!(exchange.server_first(NONCE, Some(&keys()), SECRET), OFFER);
    assert_eq!(exchange.finish(FINAL.as_bytes()).unwrap(), LAST);
    // The client of these tests does the same.
    assert_eq!(client_final(FIRST, OFFER, "n,,", "pencil"), FINAL);
}

#[test]
fn exchange_goes_on_from_its_state() {
    let reload = |exchange: ScramExchange| {
        serde_json::from_str::<ScramExchange>(&serde_json::to_string(&exchange).unwrap()).unwrap()
    };
    let mut exchange = reload(begin(FIRST).unwrap());
    assert_eq!(exchange.server_first(NONCE, Some(&keys()), SECRET), OFFER);
    assert_eq!(reload(exchange).finish(FINAL.as_bytes()).unwrap(), LAST);
}

#[test]
fn wrong_password_is_refused() {
    for password in ["pencil2", "", "Pencil"] {
        assert_eq!(log_in(FIRST, "n,,", password), Err(ScramError::InvalidProof), "{password}");
    }
}

#[test]
fn clients_with_and_without_channel_binding_log_in_without_it() {
    for header in ["n,,", "y,,", "n,a=user,", "y,a=USER,"] {
        let first = format!("{header}n=user,r=abc,x=extension");
        assert!(log_in(&first, header, "pencil").unwrap().starts_with("v="), "{header}");
        // The header must be repeated, so that a change of it on the way is noticed.
        for other in ["n,,", "y,,", "n,a=user,", "p=tls-exporter,,", ""].into_iter().filter(|&other| other != header) {
            assert_eq!(log_in(&first, other, "pencil"), Err(ScramError::ChannelBindingsDontMatch), "{other}");
        }
    }
}

#[test]
fn names_are_unescaped() {
    for (sent, name) in [("a=2Cb", "a,b"), ("=3D", "="), ("=3D2C", "=2C"), ("a=2C=3D=2Cb", "a,=,b"), ("Ёж", "Ёж")] {
        assert_eq!(begin(&format!("n,,n={sent},r=x")).unwrap().user(), name);
    }
    for sent in ["", "=", "a=", "=2", "=2c", "=3d", "a=20b", "=2C="] {
        assert_eq!(begin(&format!("n,,n={sent},r=x")).unwrap_err(), ScramError::InvalidUsernameEncoding, "{sent}");
    }
}

#[test]
fn client_cannot_act_as_another_account() {
    assert_eq!(begin("n,a=alice,n=bob,r=x").unwrap_err(), ScramError::OtherAccount);
    assert_eq!(begin("n,a==2C,n=bob,r=x").unwrap_err(), ScramError::OtherAccount);
    assert_eq!(begin("n,a=,n=bob,r=x").unwrap_err(), ScramError::InvalidUsernameEncoding);
    assert_eq!(begin("n,a==2C,n==2C,r=x").unwrap().user(), ",");
    assert_eq!(begin("n,a=Ａlice,n=alice,r=x").unwrap().user(), "alice");
}

#[test]
fn first_messages_of_other_shapes_are_refused() {
    use ScramError::*;
    for (first, error) in [
        ("", InvalidEncoding),
        ("n", InvalidEncoding),
        ("n,", InvalidEncoding),
        ("n,,", InvalidEncoding),
        ("n,,n=user", InvalidEncoding),
        ("n,,n=user,r=", InvalidEncoding),
        ("n,,n=user,r=a b", InvalidEncoding),
        ("n,,n=user,r=é", InvalidEncoding),
        ("n,,n=user,s=x", InvalidEncoding),
        ("n,,r=x,n=user", InvalidEncoding),
        ("n,,n=us\0er,r=x", InvalidEncoding),
        ("n,,n=user,r=x,", InvalidEncoding),
        ("n,,n=user,r=x,y", InvalidEncoding),
        ("n,,n=user,r=x,y=", InvalidEncoding),
        ("n,,n=user,r=x,1=y", InvalidEncoding),
        ("n,b=user,n=user,r=x", InvalidEncoding),
        ("N,,n=user,r=x", InvalidEncoding),
        ("x,,n=user,r=x", InvalidEncoding),
        ("n=user,r=x", InvalidEncoding),
        ("p=tls-unique,,n=user,r=x", ChannelBindingNotSupported),
        ("p=,,n=user,r=x", ChannelBindingNotSupported),
        ("n,,m=1,n=user,r=x", ExtensionsNotSupported),
        ("n,,n=user,r=x,m=1", ExtensionsNotSupported),
    ] {
        assert_eq!(begin(first).unwrap_err(), error, "{first}");
    }
    assert_eq!(ScramExchange::begin(b"n,,n=\xff,r=x").unwrap_err(), InvalidEncoding);
}

#[test]
fn last_messages_of_other_shapes_are_refused() {
    use ScramError::*;
    let (start, proof) = FINAL.rsplit_once(",p=").unwrap();
    let (_, nonce) = start.split_once(",r=").unwrap();
    for (last, error) in [
        (String::new(), InvalidEncoding),
        (start.into(), InvalidEncoding),
        (format!("{start},p="), InvalidEncoding),
        (format!("{start},p={}", &proof[4..]), InvalidEncoding),
        (format!("{start},p={proof} "), InvalidEncoding),
        (format!("{start},p={}", proof.trim_end_matches('=')), InvalidEncoding),
        (format!("{start},m=1,p={proof}"), ExtensionsNotSupported),
        (format!("{start},x,p={proof}"), InvalidEncoding),
        (format!("r={nonce},c=biws,p={proof}"), InvalidEncoding),
        (format!("c=*,r={nonce},p={proof}"), InvalidEncoding),
        (format!("c=biws,r={nonce}0,p={proof}"), OtherNonce),
        (format!("c=biws,r={},p={proof}", nonce.trim_end_matches(NONCE)), OtherNonce),
        (format!("c=biws,r=,p={proof}"), OtherNonce),
        (format!("c=eSws,r={nonce},p={proof}"), ChannelBindingsDontMatch),
        // An extension that the proof is not for.
        (format!("{start},x=y,p={proof}"), InvalidProof),
    ] {
        let mut exchange = begin(FIRST).unwrap();
        exchange.server_first(NONCE, Some(&keys()), SECRET);
        assert_eq!(exchange.finish(last.as_bytes()), Err(error), "{last}");
    }
    // Before the server has answered.
    assert_eq!(begin(FIRST).unwrap().finish(FINAL.as_bytes()), Err(Other));
}

#[test]
fn messages_have_at_most_4096_bytes() {
    let fits = format!("n,,n=user,r={}", "x".repeat(MAX_MESSAGE - 12));
    assert_eq!(fits.len(), MAX_MESSAGE);
    assert!(begin(&fits).is_ok());
    assert_eq!(begin(&format!("{fits}x")).unwrap_err(), ScramError::Other);
    let mut exchange = begin(FIRST).unwrap();
    exchange.server_first(NONCE, Some(&keys()), SECRET);
    let long = FINAL.replace(",p=", &format!(",x={},p=", "y".repeat(MAX_MESSAGE)));
    assert_eq!(exchange.finish(long.as_bytes()), Err(ScramError::Other));
}

#[test]
fn unknown_name_is_asked_like_others_and_never_logs_in() {
    let offer = |name: &str, secret| {
        let mut exchange = begin(&format!("n,,n={name},r=abc")).unwrap();
        (exchange.server_first("123", None, secret), exchange)
    };
    let parts = |offer: &str| offer.split(',').map(str::len).collect::<Vec<_>>();
    let mut known = begin("n,,n=user,r=abc").unwrap();
    let salt = *b"0123456789abcdef";
    let usual = ScramKeys::derive(&Password::new("x"), salt, crate::chat::scram_keys::ITERATIONS);
    assert_eq!(parts(&offer("user", SECRET).0), parts(&known.server_first("123", Some(&usual), SECRET)));
    // The salt stays the same for a name, in any case, and depends on nothing that a client knows.
    assert_eq!(offer("user", SECRET).0, offer("USER", SECRET).0);
    assert_ne!(offer("user", SECRET).0, offer("other", SECRET).0);
    assert_ne!(offer("user", SECRET).0, offer("user", b"another").0);
    // Up to the proof the errors are the same.
    let first = "n,,n=user,r=abc";
    let (made_up, exchange) = offer("user", SECRET);
    let last = client_final(first, &made_up, "y,,", "");
    assert_eq!(exchange.finish(last.as_bytes()), Err(ScramError::ChannelBindingsDontMatch));
    let (_, exchange) = offer("user", SECRET);
    let last = client_final(first, &made_up, "n,,", "");
    assert_eq!(exchange.finish(last.as_bytes()), Err(ScramError::UnknownUser));
}

#[test]
fn errors_have_the_words_of_the_rfc() {
    let words =
        [ScramError::InvalidProof, ScramError::UnknownUser, ScramError::OtherNonce].map(|error| error.to_string());
    assert_eq!(words, ["invalid-proof", "unknown-user", "other-error"]);
}

/// A message with up to three changes.
fn changed(message: &str, random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 14] =
        [b",", b"=", b"n=", b"r=", b"p=", b"m=", b"a=", b"=2C", b"=3D", b"\0", b"\xff", b"c=biws", b"v=", b"A"];
    let mut bytes = message.as_bytes().to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            3 => bytes.extend_from_within(at..),
            _ => drop(bytes.splice(at..at, random.pick(&PIECES).iter().copied())),
        }
    }
    bytes
}

#[test]
fn changed_messages_never_log_in() {
    let (keys, mut reached) = (keys(), [0; 2]);
    for seed in 0..20_000 {
        let mut random = Random(seed);
        // The last message is a right one for the first; one of the two is changed, or both.
        let first = if random.one_in(2) { FIRST.into() } else { changed(FIRST, &mut random) };
        let Ok(mut exchange) = ScramExchange::begin(&first) else { continue };
        reached[0] += 1;
        let offer = exchange.server_first(NONCE, Some(&keys).filter(|_| !random.one_in(8)), SECRET);
        assert!(offer.len() <= 2 * MAX_MESSAGE);
        let last =
            if first != FIRST.as_bytes() && random.one_in(2) { FINAL.into() } else { changed(FINAL, &mut random) };
        let is_same = first == FIRST.as_bytes() && last == FINAL.as_bytes();
        let result = exchange.finish(&last);
        reached[1] += usize::from(matches!(result, Err(ScramError::InvalidProof | ScramError::UnknownUser)));
        assert!(result.is_err() || is_same, "seed {seed}: {first:?} {last:?}");
    }
    // The search is not in vain: many messages are well-formed.
    assert!(reached[0] > 10_000 && reached[1] > 500, "{reached:?}");
}
