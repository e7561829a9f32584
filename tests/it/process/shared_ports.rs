//! Servers that share their ports.

use std::net::SocketAddr;
use std::process::Command;

use crate::harness::{Client, PROGRAM, Server};
use crate::store::TestDir;

/// Connects again and again until the server of that name greets. Linux chooses one for each connection.
pub fn await_connection(addr: SocketAddr, name: &str) {
    let greets = |_: &i32| Client::connect(addr).line().contains(&format!(" {name}. Type a nickname"));
    assert!((0..300).any(|number| greets(&number)), "{name} gets no connection");
}

/// The same for IRC.
fn await_irc_connection(addr: SocketAddr, name: &str) {
    let answers = |number: &i32| {
        let mut client = Client::connect(addr);
        client.send(&format!("NICK n{number}\r\nUSER n 0 * :n\r\n"));
        client.line().starts_with(&format!(":{name} "))
    };
    assert!((0..300).any(|number| answers(&number)), "{name} gets no connection");
}

/// The address in the next line of the log that has `scheme`.
fn logged_addr(server: &mut Server, scheme: &str) -> SocketAddr {
    let line = server.log.until(&format!("listening on {scheme}://"));
    line.rsplit('/').next().and_then(|addr| addr.parse().ok()).expect("an address")
}

/// What a server says that cannot start.
fn refused(args: &[&str]) -> String {
    let done = Command::new(PROGRAM).args(args).output().expect("the program");
    assert_eq!(done.status.code(), Some(1));
    String::from_utf8(done.stderr).expect("UTF-8")
}

#[test]
fn two_servers_share_the_ports_of_members_and_both_get_connections() {
    let dir = TestDir::new();
    let certificate = dir.0.join("tls");
    let common = ["--reuse-port", "--tls-self-signed", certificate.to_str().expect("UTF-8")];
    let addrs = ["--listen", "tls://127.0.0.1:0", "--irc", "127.0.0.1:0", "--web", "127.0.0.1:0"];
    let mut first = Server::start(&[&common[..], &addrs, &["--name", "first"]].concat());
    let [tls, irc, web] = ["tls", "irc", "http"].map(|scheme| logged_addr(&mut first, scheme));
    let [plain, tls, irc_arg, web] = [first.addr, tls, irc, web].map(|addr| addr.to_string());
    let mut command = Command::new(PROGRAM);
    command.args(common).args(["--name", "second", "--listen", &plain, "--listen", &format!("tls://{tls}")]);
    command.args(["--irc", &irc_arg, "--web", &web]);
    let second = Server::spawn(command);
    for name in ["first", "second"] {
        await_connection(second.addr, name);
        await_irc_connection(irc, name);
    }
    // The connections of one that ends go to the other.
    drop(first);
    for number in 0..20 {
        assert!(second.connect().line().contains(" second. Type a nickname"), "connection {number}");
    }
}

#[test]
fn port_is_shared_only_if_all_its_servers_have_the_option() {
    for (first, second) in [(&["--reuse-port"][..], &[][..]), (&[], &["--reuse-port"])] {
        let server = Server::start(first);
        let addr = server.addr.to_string();
        let error = refused(&[&["--listen", &addr], second].concat());
        assert!(error.contains("give --reuse-port to each server that shares this one"), "{error}");
    }
}

#[test]
fn port_of_programs_is_not_shared() {
    let mut server = Server::start(&["--reuse-port", "--admin", "127.0.0.1:0"]);
    let line = server.log.until("metrics on http://");
    let admin = line.split('/').nth(2).expect("an address");
    let error = refused(&["--reuse-port", "--listen", &server.addr.to_string(), "--admin", admin]);
    let expected = "address already in use; choose another port, since that of --admin is never shared";
    assert!(error.contains(&format!("cannot listen on {admin}: {expected}")), "{error}");
}
