//! Records in pieces, damaged records, and records of wrong sizes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::hello::{Hello, in_records};
use super::{TlsServer, WELCOME, open, trusting};
use crate::harness::Client;

/// Sends bytes and then an end; reads to the end of the connection.
fn send_and_end(socket: &mut TcpStream, bytes: &[u8]) {
    // The server may have ended the connection meanwhile.
    let _ = socket.write_all(bytes).and_then(|()| socket.shutdown(Shutdown::Write));
    let mut block = [0; 4096];
    loop {
        match socket.read(&mut block) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("the connection does not end: {error}"),
        }
    }
}

#[test]
fn handshake_in_pieces_of_one_byte_succeeds() {
    let server = TlsServer::start(&[]);
    // In one segment for each byte, and in one record for each byte.
    for in_segments in [true, false] {
        let mut client = server.open();
        let mut hello = Vec::new();
        client.stream.conn.write_tls(&mut hello).expect("memory");
        if !in_segments {
            hello = in_records(&hello[5..], 1);
        }
        for piece in hello.chunks(if in_segments { 1 } else { 6 }) {
            client.stream.sock.write_all(piece).expect("write");
        }
        let mut client = client.log_in("carol");
        // The rest of the session as well.
        client.stream.conn.writer().write_all(b"/ping pieces\n").expect("memory");
        let mut line = Vec::new();
        client.stream.conn.write_tls(&mut line).expect("memory");
        line.chunks(1).for_each(|byte| client.stream.sock.write_all(byte).expect("write"));
        client.expect("* pong pieces");
        client.ask("q", &["* Goodbye."]);
        client.expect_end();
    }
}

#[test]
fn long_lines_and_many_lines_pass_in_both_directions() {
    let server = TlsServer::start(&["--rate", "0", "--max-line", "60000"]);
    let mut alice = server.login("alice");
    let mut bob = server.tls_login("bob");
    alice.expect("* bob joined (2 here)");
    let long = "much ".repeat(11_000) + "!";
    bob.send(&format!("{long}\n"));
    alice.expect(&format!("[T] bob: {long}"));
    alice.send(&format!("{long}\n"));
    bob.expect(&format!("[T] alice: {long}"));
    // Records whose ends are not those of lines.
    let many: String = (0..2000).map(|number| format!("line {number}\n")).collect();
    for part in many.as_bytes().chunks(777) {
        bob.send_bytes(part);
    }
    (0..2000).for_each(|number| alice.expect(&format!("[T] bob: line {number}")));
}

#[test]
fn damaged_record_ends_its_connection_alone() {
    let mut random = fastrand::Rng::with_seed(21);
    let server = TlsServer::start(&[]);
    let config = trusting(&[super::certificate(&server.path("a.pem"))]);
    let mut alice = server.login("alice");
    let mut carol = server.tls_login("carol");
    alice.expect("* carol joined (2 here)");
    for round in 0..300 {
        let mut mallory = open(server.lines, &config);
        mallory.expect(WELCOME);
        mallory.stream.conn.writer().write_all(b"mallory\nsome text that is never said\n").expect("memory");
        let mut record = Vec::new();
        mallory.stream.conn.write_tls(&mut record).expect("memory");
        // rustls reads past the type and the version of an encrypted record; what counts is inside.
        let place = random.usize(3..record.len());
        record[place] ^= 1 << random.u8(..8);
        send_and_end(&mut mallory.stream.sock, &record);
        if round % 50 == 0 {
            carol.expect_nothing();
        }
    }
    alice.expect_nothing();
    carol.send("still here\n");
    alice.expect("[T] carol: still here");
}

#[test]
fn damaged_handshake_ends_its_connection_alone() {
    let mut random = fastrand::Rng::with_seed(22);
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    for _ in 0..300 {
        let mut records = Hello::tls_1_3(&[0x1301]).records();
        for _ in 0..random.usize(1..4) {
            let place = random.usize(..records.len());
            records[place] ^= 1 << random.u8(..8);
        }
        send_and_end(&mut Client::connect(server.lines).stream, &records);
    }
    alice.expect_nothing();
}

#[test]
fn records_of_wrong_sizes_end_their_connection_alone() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    let sized = |kind: u8, length: u16, content: usize| {
        let [high, low] = length.to_be_bytes();
        [&[kind, 3, 3, high, low][..], &vec![0; content]].concat()
    };
    let wrong = [
        // Longer than any record may be, without and with its content.
        sized(23, u16::MAX, 0),
        sized(23, u16::MAX, 65_535),
        sized(23, (1 << 14) + 257, (1 << 14) + 257),
        sized(22, u16::MAX, 10),
        // The longest, of which all is missing.
        sized(23, (1 << 14) + 256, 0),
        // Without content.
        sized(23, 0, 0),
        sized(22, 0, 0).repeat(10_000),
        sized(21, 0, 0).repeat(10_000),
        sized(20, 0, 0),
        // Of a kind that does not exist.
        sized(99, 16, 16),
        // More than one change of ciphers, and warnings without end.
        [20, 3, 3, 0, 1, 1].repeat(1000),
        [21, 3, 3, 0, 2, 1, 90].repeat(1000),
        // A second handshake.
        Hello::tls_1_3(&[0x1301]).records(),
        b"mallory\n".to_vec(),
    ];
    for (number, bytes) in wrong.iter().enumerate() {
        // Before the handshake, within it, and after it.
        send_and_end(&mut Client::connect(server.lines).stream, bytes);
        let mut within = Client::connect(server.lines).stream;
        within.write_all(&Hello::tls_1_3(&[0x1301]).records()).expect("write");
        send_and_end(&mut within, bytes);
        let mut after = server.open();
        after.expect(WELCOME);
        send_and_end(&mut after.stream.sock, bytes);
        alice.ask(&format!("/ping {number}"), &[&format!("* pong {number}")]);
    }
}

#[test]
fn tls_within_tls_is_another_protocol() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    let mut nested = server.open();
    nested.expect(WELCOME);
    nested.send_bytes(&Hello::tls_1_3(&[0x1301]).records());
    assert!(nested.line().starts_with("! This port is for lines of text: "));
    nested.expect_end();
    alice.expect_nothing();
}

#[test]
fn records_without_data_are_no_lines() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.tls_login("bob");
    alice.expect("* bob joined (2 here)");
    bob.send("one ");
    for _ in 0..20 {
        // rustls sends no empty records, but one of another kind: a new key.
        bob.stream.conn.refresh_traffic_keys().expect("TLS 1.3");
        bob.stream.flush().expect("write");
    }
    bob.send("line\n");
    alice.expect("[T] bob: one line");
    alice.send("hello\n");
    bob.expect("[T] alice: hello");
}
