//! Which certificates the client trusts, and what it says about the others.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, date_time_ymd};
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};

use super::super::error::Refusal;
use super::*;
use crate::client::protocol::connection::tls::known_servers::KnownServersError;
use crate::client::settings::{Settings, TlsTrust};

/// An authority that the client knows, and the client's file of known servers.
struct World {
    directory: ScratchDirectory,
    authority: Authority,
}

impl World {
    fn new(name: &str) -> Self {
        World { directory: scratch_directory(name), authority: Authority::new() }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("state/known_servers")
    }

    fn lines(&self) -> String {
        fs::read_to_string(self.file()).unwrap_or_default()
    }

    /// Connects as a new process does; returns the notices.
    fn visit(&self, identity: &Identity) -> Result<Vec<String>, TlsError> {
        self.visit_with(Rule::FirstUse(self.authority.authorities()), identity)
    }

    fn visit_with(&self, rule: Rule, identity: &Identity) -> Result<Vec<String>, TlsError> {
        let (outcome, far) = connect(&tls(rule, Some(&self.file())), &identity.server(identity, &[&TLS13]));
        assert!(far.received.is_empty());
        outcome.map(|(_, notices)| notices)
    }

    fn signed(&self, name: &str) -> Identity {
        self.authority.sign(params(name))
    }
}

fn expired(name: &str) -> CertificateParams {
    let mut params = params(name);
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 3));
    params
}

#[test]
fn first_use_is_told_and_kept() {
    let world = World::new("first");
    let identity = Identity::self_signed("chat.example");
    let key = identity.fingerprint();
    let notices = world.visit(&identity).unwrap().join("\n");
    assert!(
        notices.starts_with("The certificate of chat.example:4568 is not signed by a known authority."),
        "{notices}"
    );
    for part in [key.to_string(), key.words(), world.file().display().to_string(), "the operator reads out".into()] {
        assert!(notices.contains(&part), "{part} in {notices}");
    }
    assert_eq!(world.lines(), format!("chat.example:4568 {key}\n"));
    assert_eq!(world.visit(&identity).unwrap(), [""; 0]);
}

#[test]
fn name_and_dates_of_a_pinned_key_do_not_matter() {
    let world = World::new("dates");
    let mut both = expired("other.example");
    both.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for (number, params) in [expired("chat.example"), params("other.example"), both].into_iter().enumerate() {
        let identity = Identity::self_signed_with(params);
        assert_eq!(world.visit(&identity).unwrap().len(), 4, "{number}");
        assert_eq!(world.visit(&identity).unwrap(), [""; 0], "{number}");
        fs::remove_file(world.file()).unwrap();
    }
}

#[test]
fn changed_key_is_refused() {
    let world = World::new("changed");
    let (old, new) = (Identity::self_signed("chat.example"), Identity::self_signed("chat.example"));
    world.visit(&old).unwrap();
    fs::write(world.file(), format!("# mine\n{}", world.lines())).unwrap();
    let lines = world.lines();
    let error = world.visit(&new).unwrap_err();
    assert!(error.is_final() && matches!(error, TlsError::Refused(Refusal::Changed { is_signed: false, line: 2, .. })));
    let text = error.to_string();
    assert!(text.starts_with("the key of chat.example:4568 has changed. Another machine may answer"), "{text}");
    let place = format!("remove line 2 of {}", world.file().display());
    let keys = [old.fingerprint(), new.fingerprint()].map(|key| [key.to_string(), key.words()]);
    for part in keys.iter().flatten().chain([&place]) {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(world.visit(&old).is_ok());
    // An authority does not make it right: the user has compared the old key.
    let error = world.visit(&world.signed("chat.example")).unwrap_err();
    assert!(matches!(error, TlsError::Refused(Refusal::Changed { is_signed: true, .. })), "{error}");
    assert_eq!(world.lines(), lines);
}

#[test]
fn authority_is_accepted_silently_and_kept() {
    let world = World::new("authority");
    assert_eq!(world.visit(&world.signed("chat.example")).unwrap(), [""; 0]);
    assert_eq!(world.lines(), "chat.example:4568 authority\n");
    // A new key, as each renewal may bring it.
    assert_eq!(world.visit(&world.signed("chat.example")).unwrap(), [""; 0]);
    let error = world.visit(&Identity::self_signed("chat.example")).unwrap_err();
    assert!(error.is_final() && matches!(error, TlsError::Refused(Refusal::NotSigned { line: 1, .. })), "{error}");
    assert!(error.to_string().contains("remove line 1 of /"), "{error}");
    assert_eq!(world.lines(), "chat.example:4568 authority\n");
}

#[test]
fn invalid_certificate_of_an_authority_is_not_trusted_on_first_use() {
    let world = World::new("invalid");
    let mut early = params("chat.example");
    early.not_before = date_time_ymd(2999, 5, 6);
    for (params, why) in [
        (params("other.example"), "it is not for chat.example but for other.example"),
        (expired("chat.example"), "it expired on 2020-02-03"),
        (expired("other.example"), "it expired on 2020-02-03"),
        (early, "it begins on 2999-05-06; is the clock of this computer right?"),
    ] {
        let identity = world.authority.sign(params);
        let error = world.visit(&identity).unwrap_err();
        assert!(error.is_final());
        let text = error.to_string();
        let begin = format!("the certificate of chat.example:4568 is not valid: {why}. Nothing was sent.");
        assert!(text.starts_with(&begin), "{text}");
        assert!(text.ends_with(&format!("connect with --tls-fingerprint {}", identity.fingerprint())), "{text}");
    }
    assert_eq!(world.lines(), "");
}

#[test]
fn authority_with_the_same_name_but_another_key_is_unknown() {
    let world = World::new("same-name");
    let identity = Authority::new().sign(params("chat.example"));
    assert_eq!(world.visit(&identity).unwrap().len(), 4);
}

#[test]
fn without_authorities_every_certificate_is_unknown() {
    let world = World::new("no-authorities");
    let none = Authorities::new(RootCertStore::empty(), &Arc::new(ring::default_provider()));
    assert_eq!(world.visit_with(Rule::FirstUse(none), &world.signed("chat.example")).unwrap().len(), 4);
}

#[test]
fn fingerprint_option_trusts_only_its_key() {
    let world = World::new("option");
    let identity = Identity::self_signed_with(expired("other.example"));
    let key = identity.fingerprint();
    for expected in [key.to_string(), key.words(), key.words().to_uppercase().replace('-', " ")] {
        let rule = || Rule::Key(expected.parse().unwrap());
        assert_eq!(world.visit_with(rule(), &identity).unwrap(), [""; 0]);
        let other = world.signed("chat.example");
        let error = world.visit_with(rule(), &other).unwrap_err();
        assert!(error.is_final());
        let text = error.to_string();
        assert!(text.starts_with("chat.example:4568 does not have the key of --tls-fingerprint."), "{text}");
        let shown = if expected.starts_with("SHA256") { &expected } else { &key.words() };
        for part in [shown, &other.fingerprint().to_string(), &other.fingerprint().words()] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    // The file is neither read nor written.
    assert!(!world.file().exists());
}

#[test]
fn file_of_authorities_replaces_those_of_the_system() {
    let world = World::new("ca");
    let path = world.directory.join("ca.pem");
    fs::write(&path, format!("a comment\n{}{}", Authority::new().pem(), world.authority.pem())).unwrap();
    let rule = || Rule::OnlyAuthorities(Authorities::of_file(&path, &Arc::new(ring::default_provider())).unwrap());
    assert_eq!(world.visit_with(rule(), &world.signed("chat.example")).unwrap(), [""; 0]);
    assert_eq!(world.lines(), "chat.example:4568 authority\n");
    // It says nothing about a key that was kept before.
    let kept = format!("chat.example:4568 {}\n", Identity::self_signed("chat.example").fingerprint());
    fs::write(world.file(), &kept).unwrap();
    assert_eq!(world.visit_with(rule(), &world.signed("chat.example")).unwrap(), [""; 0]);
    assert_eq!(world.lines(), kept);
    for (identity, why) in [
        (Identity::self_signed("chat.example"), "no authority of --tls-ca has signed it"),
        (world.signed("other.example"), "it is not for chat.example but for other.example"),
        (world.authority.sign(expired("chat.example")), "it expired on 2020-02-03"),
    ] {
        let error = world.visit_with(rule(), &identity).unwrap_err().to_string();
        assert!(error.contains(&format!("is not valid: {why}.")), "{error}");
    }
}

#[test]
fn file_of_authorities_that_cannot_be_used_is_named() {
    let directory = scratch_directory("ca-files");
    let settings = Settings {
        host: "chat.example".into(),
        port: 4568,
        tls: None,
        nick: None,
        password: None,
        server_password: None,
        colour: false,
        bell: false,
        full_screen: false,
    };
    let pem = Authority::new().pem();
    let damaged = |text: &str| text.replace("\nM", "\n!");
    fs::write(directory.join("empty"), "").unwrap();
    fs::write(directory.join("text"), "no certificate\n").unwrap();
    fs::write(directory.join("base64"), format!("{pem}{}", damaged(&pem))).unwrap();
    fs::write(directory.join("der"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for (name, why) in [
        ("none", "no such file or directory"),
        (".", "is a directory"),
        ("empty", "it has no certificate; write PEM, which begins with -----BEGIN CERTIFICATE-----"),
        ("text", "it has no certificate; write PEM, which begins with -----BEGIN CERTIFICATE-----"),
        ("base64", "its certificate number 2 is damaged"),
        ("der", "its certificate number 1 is no certificate of an authority"),
    ] {
        let path = directory.join(name);
        let error = Tls::new(&settings, &TlsTrust::Authorities(path.clone())).err().unwrap().to_string();
        assert_eq!(error, format!("cannot use the authorities of --tls-ca {}: {why}", path.display()));
    }
}

#[test]
fn damaged_file_of_known_servers_means_no_trust() {
    let world = World::new("file");
    fs::create_dir_all(world.file()).unwrap();
    let identities = [Identity::self_signed("chat.example"), world.signed("chat.example")];
    for identity in &identities {
        let error = world.visit(identity).unwrap_err();
        assert!(matches!(error, TlsError::KnownServers(KnownServersError::Read(..))) && error.is_final(), "{error}");
    }
    fs::remove_dir(world.file()).unwrap();
    fs::write(world.file(), "other:1 SHA256:damaged\n").unwrap();
    for identity in &identities {
        let error = world.visit(identity).unwrap_err();
        assert!(matches!(error, TlsError::KnownServers(KnownServersError::Damaged(_, 1))) && error.is_final());
    }
    assert_eq!(world.lines(), "other:1 SHA256:damaged\n");
}

#[test]
fn key_that_cannot_be_kept_is_not_trusted() {
    let world = World::new("write");
    let visit = |file: Option<&str>, identity: &Identity| {
        let rule = Rule::FirstUse(world.authority.authorities());
        let (outcome, _) = connect(&tls(rule, file.map(Path::new)), &identity.server(identity, &[&TLS13]));
        outcome.map(|(_, notices)| notices)
    };
    let identity = Identity::self_signed("chat.example");
    let unwritable = Some("/proc/none/known_servers");
    assert!(matches!(visit(unwritable, &identity), Err(TlsError::KnownServers(KnownServersError::Write(..)))));
    assert!(matches!(visit(None, &identity), Err(TlsError::KnownServers(KnownServersError::NoPlace))));
    // The signature of an authority is enough.
    let identity = world.signed("chat.example");
    assert_eq!(visit(None, &identity).unwrap(), [""; 0]);
    let notices = visit(unwritable, &identity).unwrap().join("\n");
    assert!(notices.starts_with("The server is not kept as known: cannot write the file"), "{notices}");
}

#[test]
fn server_without_the_key_of_its_certificate_is_refused() {
    for version in [&TLS12, &TLS13] {
        let world = World::new(&format!("key-{:?}", version.version));
        for (shown, rule) in [
            (Identity::self_signed("chat.example"), None),
            (world.signed("chat.example"), None),
            (Identity::self_signed("chat.example"), Some(())),
        ] {
            let rule = match rule {
                Some(()) => Rule::Key(shown.fingerprint().to_string().parse().unwrap()),
                None => Rule::FirstUse(world.authority.authorities()),
            };
            let server = shown.server(&Identity::self_signed("chat.example"), &[version]);
            let (outcome, far) = connect(&tls(rule, Some(&world.file())), &server);
            assert!(matches!(outcome, Err(TlsError::Handshake(..))));
            assert!(far.received.is_empty() && !world.file().exists());
        }
    }
}

#[test]
fn later_session_is_resumed_and_tells_nothing() {
    let world = World::new("resumed");
    let identity = Identity::self_signed("chat.example");
    for version in [&TLS12, &TLS13] {
        let tls = tls(Rule::FirstUse(world.authority.authorities()), Some(&world.file()));
        let server = identity.server(&identity, &[version]);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (outcome, mut far) = connect(&tls, &server);
            let (mut stream, notices) = outcome.unwrap();
            assert_eq!(stream.session().handshake_kind(), Some(kind));
            assert_eq!(notices.is_empty(), kind == HandshakeKind::Resumed || version.version == TLS13.version);
            // Tickets come after the handshake.
            far.session.send_close_notify();
            until(|| {
                far.step();
                stream.read(&mut [0; 8]).ok()
            });
        }
    }
}

#[test]
fn host_is_a_name_or_an_address() {
    let named = |host: &str| {
        let provider = Arc::new(ring::default_provider());
        let rule = Rule::FirstUse(Authority::new().authorities());
        let verifier = Verifier::new(String::new(), rule, None, &provider);
        Tls::with_verifier(host, String::new(), verifier, provider).map(|tls| tls.name.to_str().into_owned())
    };
    for (host, name) in [
        ("chat.example", "chat.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("my_host", "my_host"),
    ] {
        assert_eq!(named(host).unwrap(), name);
    }
    for host in ["bücher.example", "a..b", "-", "a/b"] {
        assert!(matches!(named(host), Err(TlsError::Host(_))), "{host}");
    }
}
