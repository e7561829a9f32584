//! The versions and cipher suites of the server, beside those of the manual, and what it refuses.

use std::net::SocketAddr;
use std::path::Path;

use super::hello::{
    ACCESS_DENIED, Answer, HANDSHAKE_FAILURE, Hello, PROTOCOL_VERSION, SSL_3_0, ServerHello, TLS_1_0, TLS_1_1, TLS_1_2,
    TLS_1_3,
};
use super::{Program, TlsServer};
use crate::harness::{Client, Server};
use crate::store::TestDir;

const MANUAL: &str = include_str!("../../../src/manual/tls.md");

/// What the server accepts: version, number and name of the IANA registry, name in OpenSSL.
const ACCEPTED: [(&str, u16, &str, &str); 9] = [
    ("TLS 1.3", 0x1302, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
    ("TLS 1.3", 0x1301, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
    ("TLS 1.3", 0x1303, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
    ("TLS 1.2", 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("TLS 1.2", 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("TLS 1.2", 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("TLS 1.2", 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLS 1.2", 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS 1.2", 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// What the server refuses, of each kind that the manual names: number and name.
const REFUSED: [(u16, &str); 18] = [
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0002, "TLS_RSA_WITH_NULL_SHA"),
    (0xc006, "TLS_ECDHE_ECDSA_WITH_NULL_SHA"),
    (0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"),
    (0x0008, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA"),
    (0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA"),
    (0x00a6, "TLS_DH_anon_WITH_AES_128_GCM_SHA256"),
    (0xc018, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"),
    (0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"),
];

/// A file of the keys for tests.
fn test_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/tls/test_data").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

/// A server with keys of both kinds: the first certificate is for `ec.example`, the second for `rsa.example`.
pub fn start(args: &[&str]) -> TlsServer {
    let files = ["ec.pem", "ec.key", "rsa.pem", "rsa.key"].map(test_file);
    let [ec, ec_key, rsa, rsa_key] = &files;
    let options = ["--tls-cert", ec, "--tls-key", ec_key, "--tls-cert", rsa, "--tls-key", rsa_key];
    TlsServer::start_in(TestDir::new(), &[&options, args].concat())
}

fn chosen(answer: Answer, what: &str) -> ServerHello {
    match answer {
        Answer::Hello(hello) => hello,
        other => panic!("{what}: {other:?}"),
    }
}

#[track_caller]
fn refused(answer: Answer, what: &str) {
    assert!(matches!(answer, Answer::Alert(HANDSHAKE_FAILURE | ACCESS_DENIED)), "{what}: {answer:?}");
}

#[test]
fn accepted_suites_are_those_of_the_manual_and_no_others() {
    let server = start(&[]);
    for (version, number, name, _) in ACCEPTED {
        let (hello, expected) = match version {
            "TLS 1.3" => (Hello::tls_1_3(&[number]), TLS_1_3),
            _ => (Hello::tls_1_2(&[number]), TLS_1_2),
        };
        let hello = chosen(hello.ask(server.lines), name);
        assert_eq!((hello.version, hello.suite, hello.compression), (expected, number, 0), "{name}");
    }
    for version in ["TLS 1.3", "TLS 1.2"] {
        let row = MANUAL.lines().find(|line| line.starts_with(&format!("| `{version}` | "))).expect("a row");
        let stated: Vec<&str> = row.split('`').skip(3).step_by(2).collect();
        let program: Vec<&str> = ACCEPTED.iter().filter(|one| one.0 == version).map(|one| one.2).collect();
        assert_eq!(stated, program);
    }
    // All other numbers, as many of them in one message as one record holds.
    let others: Vec<u16> = (0..=u16::MAX).filter(|number| !ACCEPTED.iter().any(|one| one.1 == *number)).collect();
    for some in others.chunks(8000) {
        for hello in [Hello::tls_1_2(some), Hello::tls_1_3(some)] {
            refused(hello.ask(server.lines), &format!("{:#06x} and later ones", some[0]));
        }
    }
    for (number, name) in REFUSED {
        assert!(others.contains(&number), "{name}");
        refused(Hello::tls_1_2(&[number]).ask(server.web), name);
    }
}

#[test]
fn versions_before_tls_1_2_are_refused_and_those_after_it_are_not() {
    let server = start(&[]);
    // Suites that those versions had, and one of ours.
    let suites = [0xc014, 0xc013, 0x0035, 0x002f, 0x000a, 0x0005, 0xc02f];
    for version in [SSL_3_0, TLS_1_0, TLS_1_1] {
        let hello = Hello { version, ..Hello::tls_1_2(&suites) };
        assert_eq!(hello.ask(server.lines), Answer::Alert(PROTOCOL_VERSION), "{version:#x}");
        let hello = Hello { versions: vec![version], ..Hello::tls_1_2(&suites) };
        assert_eq!(hello.ask(server.lines), Answer::Alert(PROTOCOL_VERSION), "{version:#x} as an extension");
    }
    // SSL 2.0 has no records, so that it is no TLS at all.
    let mut old = Client::connect(server.lines);
    old.send_bytes(&[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10]);
    assert!(old.line().starts_with("! This port speaks TLS."));
    old.expect_end();
    // Versions that do not exist yet are answered with the highest one that does.
    let hello = chosen(Hello { version: 0x0399, ..Hello::tls_1_2(&suites) }.ask(server.lines), "a later version");
    assert_eq!(hello.version, TLS_1_2);
    let later = Hello { versions: vec![0x0305, TLS_1_3], ..Hello::tls_1_2(&[0x1301]) };
    assert_eq!(chosen(later.ask(server.lines), "a later version").version, TLS_1_3);
}

#[test]
fn compression_is_never_chosen() {
    let server = start(&[]);
    let hello = Hello { compression: vec![1, 0], ..Hello::tls_1_2(&[0xc02f]) };
    assert_eq!(chosen(hello.ask(server.lines), "compression").compression, 0);
    let only = Hello { compression: vec![1], ..Hello::tls_1_2(&[0xc02f]) };
    assert!(matches!(only.ask(server.lines), Answer::Alert(_)));
}

#[test]
fn client_hello_longer_than_a_record_is_refused() {
    let server = start(&[]);
    let suites: Vec<u16> = (0..16_000).collect();
    let begun = std::time::Instant::now();
    assert_eq!(Hello::tls_1_2(&suites).ask(server.lines), Answer::None);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "only after the time for handshakes");
}

#[test]
fn downgrade_can_be_noticed_by_the_client() {
    let server = start(&[]);
    // RFC 8446, section 4.1.3: the end of the random says that the server has TLS 1.3.
    for suites in [&[0xc02f][..], &[0xc02f, 0x5600]] {
        let hello = chosen(Hello::tls_1_2(suites).ask(server.lines), "TLS 1.2");
        assert_eq!((hello.version, &hello.random[24..]), (TLS_1_2, &b"DOWNGRD\x01"[..]));
    }
    let hello = Hello { version: TLS_1_1, ..Hello::tls_1_2(&[0xc02f, 0x5600]) };
    assert!(matches!(hello.ask(server.lines), Answer::Alert(_)));
    let hello = chosen(Hello::tls_1_3(&[0x1301]).ask(server.lines), "TLS 1.3");
    assert_ne!(&hello.random[24..31], b"DOWNGRD");
}

/// Shakes hands with OpenSSL; returns what it says, with its errors.
fn handshake(addr: SocketAddr, args: &[&str]) -> String {
    let ended = Program::run("openssl", &[&["s_client", "-connect", &addr.to_string()], args].concat(), "");
    ended.stdout + &ended.stderr
}

#[test]
#[ignore = "needs openssl"]
fn openssl_agrees_about_versions_and_suites() {
    let server = start(&[]);
    for (version, _, _, name) in ACCEPTED {
        let args = if version == "TLS 1.3" { ["-tls1_3", "-ciphersuites", name] } else { ["-tls1_2", "-cipher", name] };
        let said = handshake(server.lines, &args);
        assert!(said.contains(&format!(", Cipher is {name}\n")), "{name}: {said}");
        assert!(said.contains("\nCompression: NONE\n"), "{name}: {said}");
    }
    for version in ["-tls1", "-tls1_1"] {
        for more in [&[][..], &["-fallback_scsv"]] {
            let said = handshake(server.lines, &[&[version, "-cipher", "ALL:@SECLEVEL=0"], more].concat());
            assert!(said.contains("SSL alert number ") && said.contains("Cipher is (NONE)"), "{version}: {said}");
        }
    }
    let said = handshake(server.lines, &["-tls1_2", "-fallback_scsv"]);
    // OpenSSL reads in the ServerHello that the server has TLS 1.3.
    assert!(said.contains("inappropriate fallback"), "{said}");
    for kind in [
        "AES128-SHA",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE+SHA384",
        "eNULL",
        "aNULL",
        "DHE",
        "kRSA",
        "AESCCM",
        "CAMELLIA",
        "ARIA",
    ] {
        let list = format!("{kind}:@SECLEVEL=0");
        let said = handshake(server.lines, &["-tls1_2", "-cipher", &list]);
        assert!(said.contains("SSL alert number ") && said.contains("Cipher is (NONE)"), "{kind}: {said}");
    }
    let mut last: Client = Server::connect(&server);
    last.expect(super::WELCOME);
}
