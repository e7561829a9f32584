//! Connections that end with `close_notify`, and such as are cut off.

use std::io::Write;
use std::net::Shutdown;

use super::{Program, TlsServer, WELCOME, send_close_notify};

#[test]
fn announced_end_carries_out_the_unfinished_line() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.tls_login("bob");
    alice.expect("* bob joined (2 here)");
    bob.send("whole\nunfinished");
    send_close_notify(&mut bob);
    alice.expect_all(&["[T] bob: whole", "[T] bob: unfinished", "* bob left (1 here)"]);
    // The server announces its end, too; otherwise this is an error.
    bob.expect_end();
}

#[test]
fn announced_end_of_a_sender_gets_its_answers() {
    let server = TlsServer::start(&[]);
    let mut carol = server.open();
    carol.send("carol\n/who\n/ping last");
    send_close_notify(&mut carol);
    carol.expect(WELCOME);
    carol.expect_all(&["* You are carol. 1 here: you. /help lists the commands.", "* 1 here: you.", "* pong last"]);
    carol.expect_end();
}

#[test]
fn end_without_announcement_is_a_lost_connection() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    for how in ["end of the sending side", "close"] {
        let mut bob = server.tls_login("bob");
        alice.expect("* bob joined (2 here)");
        bob.send("whole\n/nick bobby");
        match how {
            "close" => drop(bob),
            _ => bob.stream.sock.shutdown(Shutdown::Write).expect("shutdown"),
        }
        alice.expect_all(&["[T] bob: whole", "* bob left: connection lost (1 here)"]);
        alice.expect_nothing();
    }
}

#[test]
fn record_that_is_cut_is_not_carried_out() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.tls_login("bob");
    alice.expect("* bob joined (2 here)");
    bob.stream.conn.writer().write_all(b"whole in the record\n").expect("memory");
    let mut record = Vec::new();
    bob.stream.conn.write_tls(&mut record).expect("memory");
    bob.stream.sock.write_all(&record[..record.len() - 1]).expect("write");
    bob.stream.sock.shutdown(Shutdown::Write).expect("shutdown");
    alice.expect("* bob left: connection lost (1 here)");
    alice.expect_nothing();
}

#[test]
#[ignore = "needs openssl"]
fn killed_openssl_is_a_lost_connection_and_an_ended_one_is_not() {
    let server = TlsServer::start(&[]);
    let mut alice = server.login("alice");
    for is_killed in [true, false] {
        let args = ["s_client", "-quiet", "-no_ign_eof", "-connect", &server.lines.to_string()];
        let mut bob = Program::start("openssl", &args);
        bob.output.until(WELCOME);
        bob.send("bob\n");
        alice.expect("* bob joined (2 here)");
        bob.send("whole\n");
        alice.expect("[T] bob: whole");
        bob.send("/me unfinished");
        match is_killed {
            true => bob.child.kill().expect("SIGKILL"),
            false => drop(bob.end()),
        }
        if is_killed {
            alice.expect("* bob left: connection lost (1 here)");
        } else {
            alice.expect_all(&["[T] * bob unfinished", "* bob left (1 here)"]);
        }
        alice.expect_nothing();
    }
}
