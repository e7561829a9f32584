//! Clients of other protocols on the port for lines, above all browsers, which any web page can send there.

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const REFUSED: &str = "! This port is for lines of text: use nc, telnet or chinwag connect. HTTP, TLS, SSH and similar protocols are not supported.";
const REFUSED_IN_CHINESE: &str =
    "! 这个端口只收发文本行，请用 nc、telnet 或 chinwag connect 连接；这里不支持 HTTP、TLS、SSH 等协议。";

/// What a browser sends for `fetch(url, {method: 'POST', mode: 'no-cors', body})`.
fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:4567\r\nConnection: keep-alive\r\nContent-Length: {length}\r\nOrigin: http://evil.example\r\n\r\n{body}"
    )
}

#[test]
fn web_page_cannot_post_messages_through_a_browser() {
    let server = Server::start(&["--max-line", "20"]);
    let mut alice = server.login("alice");
    // The second line is longer than the maximum.
    for path in ["/", &format!("/{}", "a".repeat(3000))] {
        let mut browser = server.connect();
        browser.expect(WELCOME);
        browser.send(&post(path, "webpage\nhello\n@alice hi\n"));
        browser.expect(REFUSED);
        browser.expect_end();
    }
    alice.expect_nothing();
    let bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    drop(bob);
}

#[test]
fn greeting_of_another_protocol_in_any_pieces_ends_the_connection() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for greeting in [
        &b"GET / HTTP/1.1\r\n\r\neve\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\neve\n",
        b"SSH-2.0-OpenSSH_9.6\r\neve\r\n",
        b"\0\0\0\x54\xffSMBr\0\0\0\0\neve\n",
        b"PROXY TCP4 10.0.0.1 10.0.0.2 40000 4567\r\neve\r\n",
        b"\x03\0\0\x2c\x27\xe0\neve\n",
    ] {
        let mut whole = server.connect();
        whole.send_bytes(greeting);
        whole.expect_all(&[WELCOME, REFUSED]);
        whole.expect_end();
        let mut pieces = server.connect();
        pieces.stream.set_nodelay(true).expect("TCP_NODELAY");
        pieces.expect(WELCOME);
        for byte in greeting {
            // The server may have closed already.
            let _ = std::io::Write::write_all(&mut pieces.stream, &[*byte]);
        }
        pieces.expect(REFUSED);
        pieces.expect_end();
    }
    alice.expect_nothing();
}

#[test]
fn request_without_line_end_is_refused() {
    let server = Server::start(&["--eol-timeout", "50"]);
    for half_closes in [false, true] {
        let mut client = server.connect();
        client.expect(WELCOME);
        client.send("GET / HTTP/1.1");
        if half_closes {
            client.half_close();
        }
        client.expect(REFUSED);
        client.expect_end();
    }
}

#[test]
fn similar_names_and_later_lines_are_accepted() {
    let server = Server::start(&[]);
    let [mut alice, mut get] = server.people(["alice", "GET"]);
    get.send("GET / HTTP/1.1\nSSH-2.0-x\n");
    alice.expect_all(&["[T] GET: GET / HTTP/1.1", "[T] GET: SSH-2.0-x"]);
}

#[test]
fn request_is_refused_with_login_by_address() {
    let server = Server::start(&["--login", "address"]);
    let mut alice = server.connect();
    alice.until("* You are ");
    let mut browser = server.connect();
    let name = browser.addr();
    browser.until("* You are ");
    alice.expect(&format!("* {name} joined (2 here)"));
    browser.send(&post("/", "hello\n"));
    browser.expect(REFUSED);
    browser.expect_end();
    alice.expect(&format!("* {name} left: another protocol (1 here)"));
    alice.expect_nothing();
}

#[test]
fn browser_is_removed_from_the_admission_queue() {
    let server = Server::start(&["--max-clients", "1"]);
    let mut alice = server.login("alice");
    let number = |client: &mut Client, number| {
        client.expect(&format!("* The room is full. You are number {number} in line."));
    };
    let mut browser = server.connect();
    number(&mut browser, 1);
    let mut bob = server.connect();
    number(&mut bob, 2);
    browser.send(&post("/", "webpage\nhello\n"));
    browser.expect(REFUSED);
    browser.expect_end();
    number(&mut bob, 1);
    alice.ask("q", &["* Goodbye."]);
    bob.expect(WELCOME);
    bob.ask("bob", &["* You are bob. 1 here: you. /help lists the commands."]);
}

#[test]
fn browser_does_not_end_p2p() {
    let mut server = Server::start(&["--mode", "p2p"]);
    let mut browser = server.connect();
    browser.until("talking with the server's operator");
    browser.send(&post("/", "hello\n"));
    browser.expect(REFUSED);
    browser.expect_end();
    server.console.until(&format!("* {} left: another protocol (0 here)", browser.addr()));
    let mut peer = server.connect();
    peer.until("talking with the server's operator");
    peer.send("hello\n");
    server.console.until(&format!("] {}: hello", peer.addr()));
    peer.ask("q", &["* Goodbye."]);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn refusal_is_in_the_server_language() {
    let server = Server::start(&["--lang", "zh"]);
    let mut browser = server.connect();
    browser.send(&post("/", "网页\n你好\n"));
    browser.expect_all(&["* 请输入昵称:", REFUSED_IN_CHINESE]);
    browser.expect_end();
}
