//! Certificates that clients see: ended ones, and new ones after a reload.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustls::{CertificateError, Error};

use super::{TlsServer, certificate, open, trusting};
use crate::harness::Signal;
use crate::process::tls::{files, write_certificate};
use crate::store::TestDir;

#[test]
fn ended_certificate_is_shown_with_a_warning() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", -2);
    let args = files(&dir.0, "a");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut server = TlsServer::start_in(dir, &args);
    let line = server.log.until("has ended, at ");
    assert!(line.contains(" WARN "), "{line}");
    let mut client = server.open();
    let (session, socket) = (&mut client.stream.conn, &mut client.stream.sock);
    let error = session.complete_io(socket).expect_err("an ended certificate");
    let error = error.downcast::<Error>().expect("an error of TLS");
    assert!(matches!(error, Error::InvalidCertificate(CertificateError::ExpiredContext { .. })), "{error}");
    server.login("alice");
}

#[test]
fn key_that_everyone_may_read_is_used_with_a_warning() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", 100);
    let key = dir.0.join("a.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    let args = files(&dir.0, "a");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut server = TlsServer::start_in(dir, &args);
    server.tls_login("alice");
    // The warning of the start came before the addresses; a reload warns again.
    server.signal(Signal::HUP);
    let line = server.log.until("every user of this machine may read the key; chmod o-rwx ends that");
    assert!(line.contains(" WARN "), "{line}");
}

#[test]
fn certificates_are_replaced_while_a_hundred_clients_log_in() {
    let mut server = TlsServer::start(&["--rate", "0", "--announce-limit", "0"]);
    let path = server.path("a.pem");
    let mut alice = server.login("alice");
    let mut members = Vec::new();
    for round in 0..10 {
        let old = certificate(&path);
        write_certificate(&server.dir.0, "a", 100 + round);
        let new = certificate(&path);
        assert_ne!(old, new);
        let either = trusting(&[old, new.clone()]);
        // Their handshakes have begun when the signal comes.
        let mut newcomers: Vec<_> = (0..9).map(|_| open(server.lines, &either)).collect();
        for newcomer in &mut newcomers {
            newcomer.stream.conn.write_tls(&mut newcomer.stream.sock).expect("write");
        }
        server.signal(Signal::HUP);
        for (number, newcomer) in newcomers.into_iter().enumerate() {
            members.push(newcomer.log_in(&format!("m{round}-{number}")));
        }
        server.log.until("reloaded, asked by SIGHUP; changed: tls-cert");
        let late = open(server.lines, &trusting(std::slice::from_ref(&new))).log_in(&format!("late{round}"));
        assert_eq!(late.stream.conn.peer_certificates(), Some(&[new][..]));
        members.push(late);
    }
    // A key that is not that of the certificate: all stays.
    let last = certificate(&path);
    write_certificate(&server.dir.0, "b", 100);
    fs::copy(server.path("b.key"), server.path("a.key")).expect("a file");
    server.signal(Signal::HUP);
    server.log.until("not reloaded, asked by SIGHUP: cannot use the TLS key ");
    members.push(open(server.lines, &trusting(&[last])).log_in("last"));
    alice.send("are you there?\n");
    for member in &mut members {
        member.until("] alice: are you there?");
        member.send("q\n");
        member.expect("* Goodbye.");
        member.expect_end();
    }
    assert_eq!(members.len(), 101);
}
