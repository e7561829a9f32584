//! Clients at the wrong port.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::hello::Hello;
use super::{TlsServer, open, trusting};
use crate::harness::Client;
use crate::web::Raw;

const TLS_HERE: &str =
    "! This port speaks TLS. Connect with: chinwag connect --tls HOST:PORT, or ncat --ssl HOST PORT.";

#[test]
fn plain_client_at_a_tls_port_is_told_so() {
    let server = TlsServer::start(&[]);
    // Also one that has the first byte of no handshake, and one that sends much.
    for input in ["alice\n", "\n", "GET / HTTP/1.1\r\n\r\n", "\u{17}\u{3}\u{3}\n", &"x\n".repeat(20_000)] {
        let mut client = Client::connect(server.lines);
        client.send(input);
        client.expect(TLS_HERE);
        client.expect_end();
    }
    let chinese = TlsServer::start(&["--lang", "zh"]);
    let mut client = Client::connect(chinese.lines);
    client.send("你好\n");
    client.expect("! 此端口使用 TLS。请用以下命令连接：chinwag connect --tls HOST:PORT，或 ncat --ssl HOST PORT。");
}

#[test]
fn silent_clients_at_tls_ports_are_told_so_after_ten_seconds() {
    let server = TlsServer::start(&[]);
    let begun = Instant::now();
    let mut silent = Client::connect(server.lines);
    let mut web = Raw::connect(server.web);
    // One that has begun a handshake understands no line.
    let mut half = Client::connect(server.lines);
    half.send_bytes(&Hello::tls_1_3(&[0x1301]).records()[..20]);
    silent.expect(TLS_HERE);
    let waited = begun.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(13)).contains(&waited), "{waited:?}");
    silent.expect_end();
    assert!(String::from_utf8_lossy(&web.rest()).starts_with("HTTP/1.1 400 Bad Request\r\n"));
    half.expect_end();
}

#[test]
fn http_at_an_https_port_is_answered_with_400() {
    let server = TlsServer::start(&[]);
    let mut web = Raw::connect(server.web);
    web.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (head, body) = web.answer();
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n") && head.contains("Connection: close\r\n"), "{head}");
    assert_eq!(body, "This port speaks TLS: write https:// in front of the address.\r\n");
    assert_eq!(web.rest(), b"");
}

#[test]
fn tls_client_at_a_plain_port_is_refused_in_a_way_that_it_understands() {
    let mut server = TlsServer::start(&["-v"]);
    let mut web = Client::connect(server.plain_web).stream;
    web.write_all(&Hello::tls_1_3(&[0x1301]).records()).expect("write");
    let mut answer = Vec::new();
    web.read_to_end(&mut answer).expect("the end");
    assert_eq!(answer, [21, 3, 1, 0, 2, 2, 40]);
    let error = open(server.plain_web, &trusting(&[])).stream.read(&mut [0]).expect_err("an alert");
    assert!(error.to_string().contains("HandshakeFailure"), "{error}");
    // The port for lines has greeted already, in lines.
    let error = open(server.addr, &trusting(&[])).stream.read(&mut [0]).expect_err("no record");
    assert!(error.to_string().contains("corrupt message"), "{error}");
    server.log.until("speaks another protocol: Tls");
    let mut alice = server.login("alice");
    alice.expect_nothing();
}
