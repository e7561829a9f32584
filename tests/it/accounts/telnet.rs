//! What a telnet client is sent while a password is due, byte for byte.

use std::io::Read;
use std::process::{Command, Stdio};

use super::register;
use crate::harness::{Client, Server};
use crate::store::TestDir;

/// IAC DO SUPPRESS-GO-AHEAD, as PuTTY begins, and the refusal of that option (RFC 854).
const BEGIN: &[u8] = b"\xff\xfd\x03";
const REFUSAL: &[u8] = b"\xff\xfc\x03";
/// WILL ECHO, WONT ECHO, DO ECHO, DONT ECHO (RFC 857).
const HIDE: &[u8] = b"\xff\xfb\x01";
const SHOW: &[u8] = b"\xff\xfc\x01";
const AGREE: &[u8] = b"\xff\xfd\x01";
const AGREE_TO_SHOW: &[u8] = b"\xff\xfe\x01";

fn expect(client: &mut Client, parts: &[&[u8]]) {
    let expected = parts.concat();
    let mut read = vec![0; expected.len()];
    client.stream.read_exact(&mut read).expect("bytes");
    assert_eq!(read.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

fn greeted(server: &Server) -> Client {
    let mut client = server.connect();
    client.send_bytes(BEGIN);
    expect(&mut client, &[b"* Welcome to chinwag. Type a nickname and press Enter:\r\n", REFUSAL]);
    client
}

#[test]
fn echo_is_off_from_the_prompt_to_the_login() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut alice = register(&server);
    alice.ask("q", &["* Goodbye."]);
    let mut client = greeted(&server);
    client.send_bytes(b"alice\r\n");
    expect(&mut client, &[HIDE, b"* alice is registered. Password:\r\n"]);
    // The consent of the client is not answered, or the two would go on for ever (RFC 1143).
    client.send_bytes(&[AGREE, b"bird\r\n"].concat());
    expect(&mut client, &[b"! Wrong password. Password:\r\n"]);
    client.send_bytes(b"fish\r\n");
    expect(&mut client, &[SHOW, b"* You are alice. 1 here: you. /help lists the commands.\r\n"]);
    client.send_bytes(&[AGREE_TO_SHOW, b"/ping\r\n"].concat());
    expect(&mut client, &[b"* pong\r\n"]);
    // Later the option is refused again.
    client.send_bytes(AGREE);
    expect(&mut client, &[SHOW]);
}

#[test]
fn echo_is_on_again_at_the_nickname_prompt() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut alice = register(&server);
    alice.ask("q", &["* Goodbye."]);
    let mut client = greeted(&server);
    client.send_bytes(b"alice\r\nx\r\nx\r\nx\r\n");
    let wrong = b"! Wrong password. Password:\r\n";
    let welcome = b"* Welcome to chinwag. Type a nickname and press Enter:\r\n";
    let prompt = b"* alice is registered. Password:\r\n";
    expect(&mut client, &[HIDE, prompt, wrong, wrong, b"! Wrong password.\r\n", SHOW, welcome]);
}

#[test]
fn client_that_begins_telnet_at_the_prompt_is_told_then() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut alice = register(&server);
    alice.ask("q", &["* Goodbye."]);
    let mut client = super::at_prompt(&server);
    client.send_bytes(b"\xff\xf1");
    expect(&mut client, &[HIDE]);
}

#[test]
fn client_without_telnet_is_sent_no_command() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut alice = register(&server);
    alice.ask("q", &["* Goodbye."]);
    let mut child = Command::new("nc");
    child.args(["-N", "127.0.0.1", &server.addr.port().to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().expect("nc");
    std::io::Write::write_all(&mut child.stdin.take().expect("stdin"), b"alice\nx\nfish\n").expect("write");
    let read = child.wait_with_output().expect("output").stdout;
    assert!(!read.contains(&0xff), "{}", read.escape_ascii());
}
