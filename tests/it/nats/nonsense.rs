//! Servers that are none, or send what no server should.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use chinwag::cluster::nats::{Event, LinkError};

use super::{Driver, settings};

const INFO: &str = "INFO {\"version\":\"2.12.0\",\"max_payload\":1048576,\"headers\":true}\r\n";

/// Why the connection to a server that behaves so is not made, or is lost.
fn end(mut server: impl FnMut(TcpStream) + Send + 'static) -> LinkError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    // The thread ends with the test program.
    std::thread::spawn(move || listener.incoming().for_each(|stream| server(stream.unwrap())));
    Driver::new(&settings(&[&url])).until(|event| match event {
        Event::Unreachable { why, .. } | Event::Disconnected { why, .. } => Some(why),
        _ => None,
    })
}

/// Sends text, then reads until the client ends the connection.
fn send(text: impl Into<Vec<u8>>) -> impl FnMut(TcpStream) + Send + 'static {
    let text = text.into();
    move |mut stream| {
        // The client may have ended the connection before all is sent.
        let _ = stream.write_all(&text);
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

#[test]
fn servers_that_are_none_are_told_in_plain_words() {
    for (text, words) in [
        (
            "SSH-2.0-OpenSSH_9.2\r\n",
            "it is no NATS server: it sent an unknown operation; give the port for clients, by default 4222",
        ),
        ("INFO nonsense\r\n", "what it says of itself (INFO) is damaged: expected ident at line 1 column 2"),
        ("INFO {\"version\":\"2.9.25\"}\r\n", "its version is 2.9.25; nats-server 2.10 or later is needed"),
        ("INFO {}\r\n", "its version is unknown; nats-server 2.10 or later is needed"),
        (
            "INFO {\"version\":\"2.12.0\",\"auth_required\":true}\r\n",
            "it asks for a user and password, a token or a key; write nats://USER:PASSWORD@HOST:PORT, \
             nats://TOKEN@HOST:PORT or nats://SEED@HOST:PORT",
        ),
        (
            "INFO {\"version\":\"2.12.0\",\"tls_required\":true}\r\nPING\r\n",
            "it sent bytes without encryption where TLS begins",
        ),
    ] {
        assert_eq!(end(send(text)).to_string(), words);
    }
    let long = format!("INFO {{\"a\":\"{}\"}}\r\n", "x".repeat(100_000));
    assert_eq!(
        end(send(long)).to_string(),
        "it is no NATS server: it sent a line of more than 65536 bytes; give the port for clients, by default 4222"
    );
}

#[test]
fn nonsense_after_a_good_beginning_ends_the_connection() {
    for (text, words) in [
        ("+FINE\r\n", "it sent what is no NATS: an unknown operation"),
        ("MSG a 1 999999999999\r\n", "it sent what is no NATS: a message of 999999999999 bytes; 9437184 are allowed"),
        ("HMSG a 1 9 4\r\n", "it sent what is no NATS: damaged headers"),
        ("MSG a 1 1\r\nabc\r\n", "it sent what is no NATS: a message that does not end where it says"),
    ] {
        assert_eq!(end(send(format!("{INFO}PONG\r\n{text}"))).to_string(), words);
    }
}

#[test]
fn last_words_of_the_server_are_told() {
    // It closes the connection after its error.
    let why = end(|mut stream| {
        let text = format!("{INFO}PONG\r\n-ERR 'maximum connections exceeded'\r\n");
        let _ = stream.write_all(text.as_bytes());
    });
    assert_eq!(why.to_string(), "it ended the connection and said: maximum connections exceeded");
}

#[test]
fn messages_that_nobody_waits_for_are_dropped() {
    let noise = "MSG _INBOX.x.1 1 2\r\n{}\r\nMSG _INBOX.x.y 1 0\r\n\r\nMSG a 77 0\r\n\r\nPONG\r\n+OK\r\n\
                 MSG . 1 0\r\n\r\nHMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\nINFO {\"version\":5}\r\n";
    let why = end(send(format!("{INFO}PONG\r\n{noise}")));
    assert!(matches!(why, LinkError::Info(_)), "{why}");
}

#[test]
fn silent_server_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(&[&format!("nats://{}", listener.local_addr().unwrap())]);
    settings.limits.connect_timeout = std::time::Duration::from_secs(1);
    let why = Driver::new(&settings).until(|event| match event {
        Event::Unreachable { why, .. } => Some(why),
        _ => None,
    });
    assert_eq!(why.to_string(), "it did not complete the connection within 1 seconds");
}

#[test]
fn closed_port_is_told() {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let why = Driver::new(&settings(&[&format!("nats://{addr}")])).until(|event| match event {
        Event::Unreachable { why, .. } => Some(why),
        _ => None,
    });
    assert_eq!(why.to_string(), "no connection: connection refused");
}
