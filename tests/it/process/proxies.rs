//! PROXY headers over real sockets.

use std::net::{Shutdown, TcpStream};

use crate::harness::{Client, Server};
use crate::web::WebServer;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const EXPECTED: &str = "! Connections from your address must begin with a PROXY header (--proxy-protocol). Let the proxy send one, \
                        or connect from another address.";
const TRUSTED: [&str; 2] = ["--proxy-protocol", "127.0.0.1"];

/// A header of version 1.
fn v1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 192.0.2.1 40000 4567\r\n").into_bytes()
}

/// A header of version 2, with an additional value.
fn v2(client: [u8; 4]) -> Vec<u8> {
    let more = [4, 0, 1, 0];
    let addresses = [&client[..], &[192, 0, 2, 1, 0x9c, 0x40, 0x11, 0xd7], &more].concat();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10"[..], &addresses].concat()
}

/// A connection that has sent a header.
fn connect(server: &Server, header: &[u8]) -> Client {
    let mut client = server.connect();
    client.send_bytes(header);
    client
}

fn start(args: &[&str]) -> Server {
    Server::start(&[&TRUSTED[..], &["--console"], args].concat())
}

#[test]
fn both_versions_name_the_client() {
    let mut server = start(&[]);
    let _alice = connect(&server, &v1("203.0.113.1")).log_in("alice");
    server.log.until("connected 203.0.113.1:40000 (1 connected)");
    server.log.until("alice logged in from 203.0.113.1:40000");
    let mut bob = connect(&server, &v2([203, 0, 113, 2])).log_in("bob");
    server.log.until("bob logged in from 203.0.113.2:40000");
    let _carol = connect(&server, b"PROXY TCP6 2001:db8::3 ::1 40000 4567\r\n").log_in("carol");
    server.log.until("carol logged in from [2001:db8::3]:40000");
    server.type_in("/who\n");
    let who = server.console.until("alice 203.0.113.1:40000");
    assert!(who.contains("bob 203.0.113.2:40000") && who.contains("carol [2001:db8::3]:40000"), "{who}");
    // Everything after the header is the client's.
    bob.until("* carol joined");
    bob.ask("/ping PROXY UNKNOWN", &["* pong PROXY UNKNOWN"]);
}

#[test]
fn header_may_come_byte_by_byte_and_with_the_first_lines() {
    let server = start(&[]);
    for (number, header) in [v1("203.0.113.1"), v2([203, 0, 113, 2])].iter().enumerate() {
        let mut client = server.connect();
        client.stream.set_nodelay(true).expect("TCP_NODELAY");
        header.chunks(1).for_each(|byte| client.send_bytes(byte));
        client.send(&format!("slow{number}\n"));
        client.expect(WELCOME);
        client.until(&format!("You are slow{number}."));
        let lines = format!("quick{number}\n/ping 1\n");
        let mut client = connect(&server, &[&header[..], lines.as_bytes()].concat());
        client.stream.shutdown(Shutdown::Write).expect("shutdown");
        client.until(&format!("You are quick{number}."));
        client.until("* pong 1");
    }
}

#[test]
fn bans_and_limits_are_for_the_client() {
    let mut server = start(&["--max-per-ip", "2", "--ban", "203.0.113.66"]);
    let mut alice = connect(&server, &v1("203.0.113.1")).log_in("alice");
    let mut bob = connect(&server, &v2([203, 0, 113, 2])).log_in("bob");
    alice.expect("* bob joined (2 here)");
    connect(&server, &v2([203, 0, 113, 66])).expect("! Your address is banned from this server.");
    server.type_in("/ban bob\n");
    server.console.until("* 203.0.113.2 is banned");
    bob.expect("! Your address is banned from this server.");
    alice.expect("* bob left: banned (1 here)");
    connect(&server, &v1("203.0.113.2")).expect("! Your address is banned from this server.");
    let _second = connect(&server, &v1("203.0.113.1")).log_in("ann");
    let refused = "! There are too many connections from your address (2 at most). Close one first.";
    connect(&server, &v1("203.0.113.1")).expect(refused);
    // The proxy has more connections than that.
    let _more: Vec<Client> =
        (10..14).map(|n| connect(&server, &v2([203, 0, 113, n])).log_in(&format!("m{n}"))).collect();
    // Its own ones have its address.
    let mut own: Vec<Client> = (0..3).map(|_| connect(&server, b"PROXY UNKNOWN\r\n")).collect();
    own[0].expect(WELCOME);
    own[1].expect(WELCOME);
    own[2].expect(refused);
}

#[test]
fn proxy_without_header_is_refused() {
    let mut server = start(&["-v"]);
    for first in ["alice\n", "GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 nonsense\r\n"] {
        let mut client = server.connect();
        client.send(first);
        client.expect(EXPECTED);
        client.expect_end();
    }
    server.log.until("the proxy 127.0.0.1:");
    // One that only looks whether the port is open.
    drop(server.connect());
    server.log.until("is refused: unexpected end of file");
    let mut client = Client::connect_from([127, 0, 0, 2], server.addr);
    client.send_bytes(&v1("203.0.113.1"));
    client.expect(WELCOME);
    client.until("! This port is for lines of text");
    let direct = Client::connect_from([127, 0, 0, 2], server.addr).log_in("bob");
    server.log.until(&format!("bob logged in from {}", direct.addr()));
}

#[test]
fn proxy_without_header_is_told_in_chinese() {
    let server = start(&["--lang", "zh"]);
    let mut client = connect(&server, b"alice\n");
    client.expect("! 来自您的地址的连接必须以PROXY头开始（--proxy-protocol）。请让代理发送PROXY头，或从其他地址连接。");
    client.expect_end();
}

#[test]
fn web_side_has_the_client_of_the_header_and_then_x_forwarded_for() {
    let mut server =
        WebServer::start(&[&TRUSTED[..], &["--trust-proxy", "203.0.113.0/24", "--max-per-ip", "1"]].concat());
    let request = |forwarded: &str| {
        format!(
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{forwarded}\r\n"
        )
    };
    let forwarded = "X-Forwarded-For: 198.51.100.7\r\n";
    let mut pages: Vec<TcpStream> = Vec::new();
    for (header, forwarded, expected) in [
        (v1("192.0.2.77"), forwarded, "connected 192.0.2.77:40000"),
        (v2([203, 0, 113, 5]), forwarded, "connected 198.51.100.7:40000"),
        (v2([203, 0, 113, 5]), "", "connected 203.0.113.5:40000"),
    ] {
        let mut client = Client::connect(server.web);
        client.send_bytes(&[&header[..], request(forwarded).as_bytes()].concat());
        assert_eq!(client.line(), "HTTP/1.1 101 Switching Protocols");
        server.log.until(expected);
        pages.push(client.stream);
    }
    let mut client = Client::connect(server.web);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.expect_end();
}
