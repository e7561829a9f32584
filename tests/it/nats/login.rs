//! Users, passwords, tokens and TLS.

use std::fs;

use chinwag::cluster::nats::{Event, LinkError, Settings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::{Driver, Engine, host, settings};
use crate::store::TestDir;

/// Whether the first attempt succeeds, or why not.
fn attempt(settings: &Settings) -> Result<(), LinkError> {
    Driver::new(settings).until(|event| match event {
        Event::Connected { .. } => Some(Ok(())),
        Event::Unreachable { why, .. } => Some(Err(why)),
        _ => None,
    })
}

#[test]
#[ignore = "needs nats-server"]
fn user_and_password_are_checked() {
    let engine = Engine::start(&["--user", "bob", "--pass", "s@cret"]);
    let url = |who: &str| format!("nats://{who}{}", engine.addr());
    assert!(attempt(&settings(&[&url("bob:s%40cret@")])).is_ok());
    for who in ["bob:wrong@", "eve:s%40cret@", "token@"] {
        let error = attempt(&settings(&[&url(who)])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it refuses the user and password, the token or the key; compare them with the configuration of nats-server"
        );
    }
    let error = attempt(&settings(&[&url("")])).unwrap_err();
    assert!(matches!(error, LinkError::CredentialsMissing), "{error}");
}

#[test]
#[ignore = "needs nats-server"]
fn token_is_checked() {
    let engine = Engine::start(&["--auth", "sesame"]);
    let url = |who: &str| format!("nats://{who}@{}", engine.addr());
    assert!(attempt(&settings(&[&url("sesame")])).is_ok());
    let error = attempt(&settings(&[&url("other")])).unwrap_err();
    assert!(matches!(error, LinkError::CredentialsWrong), "{error}");
}

#[test]
#[ignore = "needs nats-server"]
fn key_is_checked() {
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    // The public key of another user.
    const OTHER: &str = "UAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTCQKRMFYYDENBWHA5DYPSBT2P";
    for (known, is_let_in) in [(PUBLIC, true), (OTHER, false)] {
        let dir = TestDir::new();
        let file = dir.0.join("nats.conf");
        fs::write(&file, format!("authorization {{ users = [ {{ nkey: {known} }} ] }}")).unwrap();
        let engine = Engine::start(&["--config", file.to_str().unwrap()]);
        let outcome = attempt(&settings(&[&format!("nats://{SEED}@{}", engine.addr())]));
        assert_eq!(outcome.is_ok(), is_let_in, "{outcome:?}");
    }
}

#[test]
#[ignore = "needs nats-server"]
fn next_server_is_tried_when_one_refuses() {
    let [first, second] = [Engine::start(&["--auth", "sesame"]), Engine::start(&[])];
    let mut driver = Driver::new(&settings(&[&first.url(), &second.url()]));
    let mut refusals = 0;
    let server = driver.until(|event| match event {
        Event::Unreachable { .. } => {
            refusals += 1;
            None
        }
        Event::Connected { server, version } => {
            assert!(version.starts_with("2."), "{version}");
            Some(server)
        }
        _ => None,
    });
    assert_eq!((server, refusals), (second.addr(), 1));
}

/// Writes an authority, `ca.pem`, and a certificate of it for a host, `a.pem` and `a.key`; starts a server with it.
fn start_with_certificate(dir: &TestDir, host: &str) -> Engine {
    let file = |name: &str| dir.0.join(name).to_str().unwrap().to_owned();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([host.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    fs::write(file("ca.pem"), authority.pem()).unwrap();
    fs::write(file("a.pem"), certificate.pem()).unwrap();
    fs::write(file("a.key"), key.serialize_pem()).unwrap();
    Engine::start(&["--tls", "--tlscert", &file("a.pem"), "--tlskey", &file("a.key")])
}

#[test]
#[ignore = "needs nats-server"]
fn server_with_tls_is_used_if_its_certificate_is_signed_for_its_host() {
    let dir = TestDir::new();
    let trusting = |url: &str| Settings { tls_ca: Some(dir.0.join("ca.pem")), ..settings(&[url]) };
    let engine = start_with_certificate(&dir, host());
    // With nats:// too, since the server asks for TLS.
    for scheme in ["tls", "nats"] {
        let url = format!("{scheme}://{}", engine.addr());
        let mut driver = Driver::new(&trusting(&url));
        driver.until_connected();
        driver.make_stream(&super::stream("log"));
        driver.publish("log.x", &"long".repeat(100_000));
        let error = attempt(&settings(&[&url])).unwrap_err().to_string();
        assert_eq!(error, "the TLS handshake failed: invalid peer certificate: UnknownIssuer");
    }
    let engine = start_with_certificate(&dir, "other.example");
    let error = attempt(&trusting(&engine.url())).unwrap_err().to_string();
    assert!(error.contains("certificate not valid for name"), "{error}");
}

#[test]
#[ignore = "needs nats-server"]
fn server_without_tls_is_refused_if_tls_is_asked_for() {
    let engine = Engine::start(&[]);
    let error = attempt(&settings(&[&format!("tls://{}", engine.addr())])).unwrap_err();
    assert!(matches!(error, LinkError::NoTls), "{error}");
}
