//! Sessions with `openssl s_client`.

use std::fs;
use std::net::SocketAddr;

use super::{Ended, Program, TlsServer, WELCOME, suites};
use crate::harness::Signal;
use crate::process::tls::write_certificate;

/// Starts OpenSSL as a client for people.
fn quiet(addr: SocketAddr, args: &[&str]) -> Program {
    Program::start("openssl", &[&["s_client", "-quiet", "-connect", &addr.to_string()], args].concat())
}

/// Waits for the welcome, behind which come the session tickets, and ends.
fn visit(addr: SocketAddr, args: &[&str]) -> Ended {
    let mut program = Program::start("openssl", &[&["s_client", "-connect", &addr.to_string()], args].concat());
    let mut said = Vec::new();
    while said.last().is_none_or(|line| line != WELCOME) {
        said.push(program.output.next().expect("the welcome"));
    }
    let ended = program.end();
    Ended { stdout: said.join("\n") + "\n" + &ended.stdout, ..ended }
}

#[test]
#[ignore = "needs openssl"]
fn member_with_openssl_talks_with_a_plain_member() {
    for version in ["-tls1_2", "-tls1_3"] {
        let server = TlsServer::start(&[]);
        let mut alice = server.login("alice");
        let ca = server.path("a.pem");
        let trust = ["-verify_return_error", "-CAfile", ca.to_str().expect("UTF-8"), "-verify_hostname", "localhost"];
        let mut bob = quiet(server.lines, &[&trust[..], &[version]].concat());
        assert_eq!(bob.output.next().as_deref(), Some(WELCOME));
        bob.send("bob\n");
        assert_eq!(
            bob.output.next().as_deref(),
            Some("* You are bob. 2 here: alice and you. /help lists the commands.")
        );
        alice.expect("* bob joined (2 here)");
        bob.send("hello, 世界\n");
        alice.expect("[T] bob: hello, 世界");
        alice.send("@bob psst\n");
        assert!(bob.output.next().expect("a line").ends_with("] alice -> you: psst"));
        alice.expect("[T] you -> bob: psst");
        bob.send("q\n");
        assert_eq!(bob.output.next().as_deref(), Some("* Goodbye."));
        let ended = bob.end();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
        // Without an end of TLS it would say so.
        assert!(!ended.stderr.contains("unexpected eof"), "{}", ended.stderr);
        alice.expect("* bob left (1 here)");
    }
}

#[test]
#[ignore = "needs openssl"]
fn session_is_resumed_by_a_ticket_also_after_a_reload() {
    for version in ["-tls1_2", "-tls1_3"] {
        let mut server = TlsServer::start(&[]);
        let file = server.path("session");
        let file = file.to_str().expect("UTF-8");
        let first = visit(server.lines, &[version, "-sess_out", file]);
        assert!(first.stdout.contains("\nNew, TLSv1."), "{}", first.stdout);
        let back = visit(server.lines, &[version, "-sess_in", file]);
        assert!(back.stdout.contains("\nReused, TLSv1."), "{}", back.stdout);
        write_certificate(&server.dir.0, "a", 200);
        server.signal(Signal::HUP);
        server.log.until("reloaded, asked by SIGHUP; changed: tls-cert");
        let back = visit(server.lines, &[version, "-sess_in", file]);
        assert!(back.stdout.contains("\nReused, TLSv1."), "{}", back.stdout);
        // A ticket of another server leads to a full handshake.
        let other = TlsServer::start(&[]);
        let anew = visit(other.lines, &[version, "-sess_in", file]);
        assert!(anew.stdout.contains("\nNew, TLSv1."), "{}", anew.stdout);
    }
}

#[test]
#[ignore = "needs openssl"]
fn early_data_is_not_accepted() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    let (session, early) = (server.path("session"), server.path("early"));
    fs::write(&early, "mallory\nsaid twice\n").expect("a file");
    let path = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    visit(server.lines, &["-tls1_3", "-sess_out", &path(&session)]);
    // A ticket that allows early data would name how much.
    let told = Program::run("openssl", &["sess_id", "-in", &path(&session), "-noout", "-text"], "");
    assert!(told.stdout.contains("Max Early Data: 0"), "{}", told.stdout);
    let back = visit(server.lines, &["-tls1_3", "-sess_in", &path(&session), "-early_data", &path(&early)]);
    assert!(back.stdout.contains("\nEarly data was not sent\n"), "{}", back.stdout);
    alice.expect_nothing();
}

#[test]
#[ignore = "needs openssl"]
fn name_that_is_asked_for_chooses_the_certificate() {
    let server = suites::start(&[]);
    let pem = |name: &str| {
        let path = format!("{}/src/server/tls/test_data/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(path).expect("a file").trim().to_owned()
    };
    let (ec, rsa) = (pem("ec"), pem("rsa"));
    for (args, certificate) in [
        (&["-servername", "ec.example"][..], &ec),
        (&["-servername", "rsa.example"], &rsa),
        (&["-servername", "a.wild.example"], &rsa),
        (&["-servername", "other.example"], &ec),
        (&["-noservername"], &ec),
        (&["-servername", "ec.example", "-tls1_2", "-cipher", "aRSA"], &rsa),
    ] {
        let said = visit(server.lines, args).stdout;
        assert!(said.contains(certificate.as_str()), "{args:?}: {said}");
    }
}

#[test]
#[ignore = "needs openssl"]
fn renegotiation_is_refused_and_others_go_on() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    let addr = server.lines.to_string();
    // Without -quiet, a line that begins with R asks for a renegotiation.
    let mut mallory = Program::start("openssl", &["s_client", "-tls1_2", "-connect", &addr]);
    mallory.output.until(WELCOME);
    mallory.send("mallory\n");
    alice.expect("* mallory joined (2 here)");
    mallory.send("R\n");
    let ended = mallory.end();
    assert!(ended.stderr.contains("no renegotiation"), "{}", ended.stderr);
    alice.expect("* mallory left: connection lost (1 here)");
    alice.expect_nothing();
    server.tls_login("bob");
}

#[test]
#[ignore = "needs openssl"]
fn alpn_is_http_1_1_at_the_web_port_alone() {
    let server = TlsServer::start(&[]);
    let web = |protocols: &str| {
        let args = ["s_client", "-connect", &server.web.to_string(), "-alpn", protocols];
        let ended = Program::run("openssl", &args, "");
        ended.stdout + &ended.stderr
    };
    let said = web("h2,http/1.1");
    assert!(said.contains("\nALPN protocol: http/1.1\n"), "{said}");
    let said = web("h2");
    assert!(said.contains("alert no application protocol"), "{said}");
    let said = visit(server.lines, &["-alpn", "h2"]).stdout;
    assert!(said.contains("\nNo ALPN negotiated\n"), "{said}");
}
