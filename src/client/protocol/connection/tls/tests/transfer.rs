//! Bytes over a TLS session: in small pieces, in large amounts, and up to the end.

use rustls::version::{TLS12, TLS13};

use super::*;
use crate::client::protocol::connection::link::{Link, ReadOutcome};
use crate::client::protocol::connection::transport::Transport;

/// Connects a link to a server that is trusted.
fn link(size: Option<usize>, version: &'static SupportedProtocolVersion, pace: usize) -> (Link, FarEnd) {
    let identity = Identity::self_signed("chat.example");
    let client = trusting(&identity);
    let (near, far) = socket_pair(size);
    let mut far = FarEnd::new(far, &identity.server(&identity, &[version]));
    far.pace = pace;
    let (stream, _) = shake_hands(&client, near, &mut far).unwrap();
    (Link::new(Transport::Tls(stream.into())), far)
}

/// Reads until the socket and the session have nothing; returns whether the server has closed its side.
fn read_all(link: &mut Link, lines: &mut Vec<String>) -> io::Result<bool> {
    loop {
        match link.receive(|line| lines.push(line.to_owned()))? {
            ReadOutcome::More => {}
            ReadOutcome::All => return Ok(false),
            ReadOutcome::End => return Ok(true),
        }
    }
}

fn say(far: &mut FarEnd, text: &str) {
    far.session.writer().write_all(text.as_bytes()).unwrap();
}

#[test]
fn bytes_that_come_one_at_a_time_are_understood() {
    for version in [&TLS12, &TLS13] {
        let (mut link, mut far) = link(None, version, 1);
        say(&mut far, "* Welcome\n[12:00:00] bob: 你好\n");
        far.session.send_close_notify();
        let mut lines = Vec::new();
        until(|| {
            far.step();
            read_all(&mut link, &mut lines).unwrap().then_some(())
        });
        assert_eq!(lines, ["* Welcome", "[12:00:00] bob: 你好"]);
    }
}

#[test]
fn large_transfers_in_both_directions_arrive_whole() {
    for version in [&TLS12, &TLS13] {
        let (mut link, mut far) = link(Some(16 * 1024), version, usize::MAX);
        let sent: Vec<String> =
            (0..20_000).map(|number| format!("line {number} {}", "x".repeat(number % 90))).collect();
        sent.iter().for_each(|line| link.queue_line(line));
        link.finish();
        say(&mut far, &(sent.join("\n") + "\nlast\n"));
        far.session.send_close_notify();
        let (mut lines, mut is_over) = (Vec::new(), false);
        until(|| {
            link.flush().unwrap();
            far.step();
            is_over = is_over || read_all(&mut link, &mut lines).unwrap();
            (is_over && far.end.is_some()).then_some(())
        });
        assert_eq!(far.end, Some(FarEndState::CloseNotify));
        assert_eq!(far.received, (sent.join("\n") + "\n").as_bytes());
        assert_eq!(lines.pop().as_deref(), Some("last"));
        assert!(lines == sent, "{} of {} lines", lines.len(), sent.len());
        assert_eq!(link.unwritten(), 0);
    }
}

#[test]
fn decrypted_bytes_are_read_although_the_socket_has_none() {
    let identity = Identity::self_signed("chat.example");
    let client = trusting(&identity);
    let (outcome, mut far) = connect(&client, &identity.server(&identity, &[&TLS13]));
    let (mut stream, _) = outcome.unwrap();
    say(&mut far, "0123456789");
    let first = until(|| {
        far.step();
        let mut block = [0; 1];
        stream.read(&mut block).ok().map(|_| block[0])
    });
    let (mut rest, mut block) = (Vec::new(), [0; 4]);
    while let Ok(n) = stream.read(&mut block) {
        rest.extend_from_slice(&block[..n]);
    }
    assert_eq!((first, &rest[..]), (b'0', &b"123456789"[..]));
}

#[test]
fn end_without_close_notify_is_a_cut_connection() {
    for version in [&TLS12, &TLS13] {
        let (mut link, mut far) = link(None, version, usize::MAX);
        say(&mut far, "* whole\n[12:00:00] bob: pay 10");
        far.cut();
        let mut lines = Vec::new();
        let error = until(|| read_all(&mut link, &mut lines).err());
        assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::UnexpectedEof, "the connection was cut".into()));
        // What may be half a line is not shown.
        assert_eq!(lines, ["* whole"]);
    }
}

#[test]
fn close_notify_is_the_ordinary_end() {
    for version in [&TLS12, &TLS13] {
        let (mut link, mut far) = link(None, version, usize::MAX);
        say(&mut far, "* Goodbye\nunended");
        far.session.send_close_notify();
        far.cut();
        let mut lines = Vec::new();
        until(|| read_all(&mut link, &mut lines).unwrap().then_some(()));
        assert_eq!(lines, ["* Goodbye", "unended"]);
    }
}

#[test]
fn finish_sends_all_lines_then_close_notify_and_answers_are_read() {
    let (mut link, mut far) = link(None, &TLS13, usize::MAX);
    link.queue_line("/quit");
    link.finish();
    until(|| {
        link.flush().unwrap();
        far.step();
        far.end.clone()
    });
    assert_eq!((far.end.clone(), &far.received[..]), (Some(FarEndState::CloseNotify), &b"/quit\n"[..]));
    // The socket is shut down, too.
    assert_eq!(far.socket.read(&mut [0; 8]).unwrap(), 0);
    say(&mut far, "* Goodbye\n");
    far.session.send_close_notify();
    let mut lines = Vec::new();
    until(|| {
        link.flush().unwrap();
        far.step();
        read_all(&mut link, &mut lines).unwrap().then_some(())
    });
    assert_eq!(lines, ["* Goodbye"]);
}

#[test]
fn record_that_was_changed_breaks_the_connection() {
    let (mut link, mut far) = link(None, &TLS13, usize::MAX);
    say(&mut far, "* Welcome\n");
    far.session.write_tls(&mut far.outgoing).unwrap();
    *far.outgoing.last_mut().unwrap() ^= 1;
    let mut lines = Vec::new();
    let error = until(|| {
        far.step();
        read_all(&mut link, &mut lines).err()
    });
    assert_eq!((error.kind(), lines.len()), (io::ErrorKind::InvalidData, 0));
}
