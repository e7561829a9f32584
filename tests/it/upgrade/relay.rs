//! Connections with TLS when the server is replaced: the old process stays as their relay.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;

use rustix::process::{Pid, kill_process};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::json;

use super::{Replaceable, await_end, link_program};
use crate::harness::{Client, DEADLINE, Signal};
use crate::irc::{Irc, address};
use crate::process::tls::{files, write_certificate};
use crate::store::TestDir;
use crate::tls::{Tls, WELCOME, certificate, open, send_close_notify, trusting};
use crate::web::Page;

/// A server with ports for lines with and without TLS, and its clients' settings.
struct Rig {
    server: Replaceable,
    tls: SocketAddr,
    trust: Arc<ClientConfig>,
}

impl Rig {
    fn start(args: &[&str]) -> Rig {
        Self::start_in_shell("exec \"$0\" \"$@\"", args)
    }

    /// Starts a server from a shell script that ends in `exec "$0" "$@"`.
    fn start_in_shell(script: &str, args: &[&str]) -> Rig {
        let dir = TestDir::new();
        write_certificate(&dir.0, "a", 100);
        let trust = trusting(&[certificate(&dir.0.join("a.pem"))]);
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(link_program(&dir));
        command.args(["--listen", "127.0.0.1:0", "--listen", "tls://127.0.0.1:0"]);
        command.args(files(&dir.0, "a")).args(["--rate", "0"]).args(args);
        let mut server = Replaceable::run(dir, command);
        let tls = address(&mut server, "tls");
        Rig { server, tls, trust }
    }

    fn open(&self) -> Client<Tls> {
        open(self.tls, &self.trust)
    }

    /// Opens a connection with a tiny receive buffer, so that unread output stays with the server or the relay.
    fn open_slow(&self) -> Client<Tls> {
        let name = "localhost".try_into().expect("a name");
        let session = ClientConnection::new(self.trust.clone(), name).expect("a session");
        Client::over(StreamOwned::new(session, Client::connect_slow(self.tls).stream))
    }

    #[track_caller]
    fn log_in(&self, name: &str) -> Client<Tls> {
        self.open().log_in(name)
    }

    /// Has the server replaced; the old process has to stay as the relay of so many connections.
    #[track_caller]
    fn upgrade(&mut self, relayed: usize) -> Pid {
        self.server.ask_upgrade();
        self.await_relay(relayed)
    }

    #[track_caller]
    fn await_relay(&mut self, relayed: usize) -> Pid {
        let (relay, line) = self.server.await_successor();
        let expected = format!(" ms; this process stays as the relay of {relayed} with TLS");
        assert!(line.ends_with(&expected), "{line}");
        relay
    }
}

/// A line as one record.
fn record(client: &mut Client<Tls>, line: &str) -> Vec<u8> {
    client.stream.conn.writer().write_all(line.as_bytes()).expect("memory");
    let mut record = Vec::new();
    client.stream.conn.write_tls(&mut record).expect("memory");
    record
}

#[test]
fn session_in_the_midst_of_a_record_talks_across_two_upgrades() {
    let mut rig = Rig::start(&[]);
    let mut alice = rig.server.login("alice");
    let mut bob = rig.log_in("bob");
    alice.expect("* bob joined (2 here)");
    bob.send("before\n");
    alice.expect("[T] bob: before");
    let mut relays = Vec::new();
    for (round, relayed) in [1, 0].into_iter().enumerate() {
        let half = record(&mut bob, &format!("in halves {round}\n"));
        let (first, second) = half.split_at(half.len() / 2);
        bob.stream.sock.write_all(first).expect("write");
        match relayed {
            0 => rig.server.upgrade(),
            _ => relays.push(rig.upgrade(relayed)),
        }
        bob.stream.sock.write_all(second).expect("write");
        alice.expect(&format!("[T] bob: in halves {round}"));
        alice.send("to bob\n");
        bob.expect("[T] alice: to bob");
        // New keys, too.
        bob.stream.conn.refresh_traffic_keys().expect("TLS 1.3");
        bob.expect_nothing();
        alice.expect_nothing();
    }
    // A new session has the second relay.
    let mut carol = rig.log_in("carol");
    alice.expect("* carol joined (3 here)");
    bob.expect("* carol joined (3 here)");
    relays.push(rig.upgrade(1));
    carol.send("through the other relay\n");
    alice.expect("[T] carol: through the other relay");
    bob.expect("[T] carol: through the other relay");
    for (client, pid) in [(bob, relays[0]), (carol, relays[1])] {
        let mut client = client;
        client.send("q\n");
        client.until("* Goodbye.");
        send_close_notify(&mut client);
        client.expect_end();
        rig.server.log.until("the relay ends: the last of its 1 connections with TLS has ended");
        await_end(pid);
    }
    alice.expect_all(&["* bob left (2 here)", "* carol left (1 here)"]);
}

#[test]
fn pages_and_clients_of_irc_go_on_and_are_known_as_before() {
    let mut rig = Rig::start(&["--irc", "ircs://127.0.0.1:0", "--web", "https://127.0.0.1:0"]);
    let (irc, web) = (address(&mut rig.server, "ircs"), address(&mut rig.server, "https"));
    let mut carol = Irc::over(open(irc, &rig.trust));
    carol.register("carol");
    carol.join("#lobby");
    let mut page = Page::over(open(web, &rig.trust).stream, web, "/ws", &[]);
    page.until("hello");
    page.log_in("page");
    page.until("live");
    carol.until(" JOIN #lobby");
    let secure = "671 carol carol :is using a secure connection";
    carol.send(&["WHOIS carol"]);
    carol.until(secure);
    let from = carol.until(" 378 carol carol :is connecting from 127.0.0.1:");
    // An exchange that is not over is relayed, too.
    let mut request = open(web, &rig.trust);
    request.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConn");
    request.stream.flush().expect("write");
    let relay = rig.upgrade(3);
    request.send("ection: close\r\n\r\n");
    assert_eq!(request.line(), "HTTP/1.1 200 OK");
    carol.send(&["WHOIS carol"]);
    carol.until(secure);
    assert_eq!(carol.until(" 378 "), from);
    carol.send(&["PRIVMSG #lobby :from IRC"]);
    assert_eq!(page.until("said")["text"], json!("from IRC"));
    page.send("from the page");
    carol.until("PRIVMSG #lobby :from the page");
    page.close();
    carol.send(&["QUIT"]);
    carol.until("ERROR ");
    drop((carol, request));
    await_end(relay);
}

#[test]
fn slow_reader_with_tls_gets_everything_that_was_unread() {
    let mut rig = Rig::start(&["--backlog-bytes", "100000000"]);
    let mut alice = rig.server.login("alice");
    let mut slow = rig.open_slow().log_in("slow");
    alice.expect("* slow joined (2 here)");
    let text = "x".repeat(4000);
    let mut said = 0;
    let mut say = |alice: &mut Client| {
        (0..1000).for_each(|n| alice.send(&format!("{} {text}\n", said + n)));
        said += 1000;
        alice.expect_nothing();
    };
    say(&mut alice);
    let relay = rig.upgrade(1);
    say(&mut alice);
    for n in 0..2000 {
        slow.expect(&format!("[T] alice: {n} {text}"));
    }
    // Much in the other direction.
    for n in 0..1000 {
        slow.send(&format!("{n} {text}\n"));
    }
    for n in 0..1000 {
        alice.expect(&format!("[T] slow: {n} {text}"));
    }
    drop(slow);
    alice.expect("* slow left: connection lost (1 here)");
    await_end(relay);
}

#[test]
fn announced_ends_and_lost_connections_are_told_apart_by_the_relay() {
    let mut rig = Rig::start(&[]);
    let mut alice = rig.server.login("alice");
    let [mut announced, mut cut, dropped] = ["announced", "cut", "dropped"].map(|name| {
        let client = rig.log_in(name);
        alice.until(" joined ");
        client
    });
    let relay = rig.upgrade(3);
    announced.send("unfinished");
    send_close_notify(&mut announced);
    alice.expect_all(&["[T] announced: unfinished", "* announced left (3 here)"]);
    announced.until("cut joined");
    announced.until("dropped joined");
    announced.expect_end();
    cut.send("whole\n/nick uncut");
    cut.stream.sock.shutdown(Shutdown::Write).expect("shutdown");
    alice.expect_all(&["[T] cut: whole", "* cut left: connection lost (2 here)"]);
    drop(dropped);
    alice.expect("* dropped left: connection lost (1 here)");
    await_end(relay);
}

#[test]
fn end_of_the_server_is_read_to_the_last_line_and_ends_the_relay() {
    let mut rig = Rig::start(&[]);
    let mut alice = rig.server.login("alice");
    let mut bob = rig.log_in("bob");
    let relay = rig.upgrade(1);
    alice.expect("* bob joined (2 here)");
    alice.send("the last line\n");
    bob.expect("[T] alice: the last line");
    rig.server.send_signal(Signal::TERM);
    bob.until("The server is shutting down");
    // Without close_notify this is an error.
    bob.expect_end();
    drop(bob);
    await_end(rig.server.pid);
    await_end(relay);
    assert!(rig.server.log.rest().iter().any(|line| line.contains("the relay ends: ")));
}

#[test]
fn relay_goes_on_after_a_signal_and_ends_at_the_second_one() {
    let mut rig = Rig::start(&[]);
    let mut alice = rig.server.login("alice");
    let mut bob = rig.log_in("bob");
    alice.expect("* bob joined (2 here)");
    let relay = rig.upgrade(1);
    for signal in [Signal::HUP, Signal::USR2, Signal::USR1, Signal::TERM] {
        kill_process(relay, signal).expect("kill");
    }
    rig.server.log.until("signal 15: the relay ends with its last connection, or in 10 s");
    bob.send("still here\n");
    alice.expect("[T] bob: still here");
    kill_process(relay, Signal::TERM).expect("kill");
    alice.expect("* bob left: connection lost (1 here)");
    assert_eq!(rig.server.wait().code(), Some(128 + 15));
    alice.send("alone\n");
    alice.expect_nothing();
}

#[test]
fn relay_that_has_to_end_announces_the_end_to_its_clients() {
    let mut rig = Rig::start(&[]);
    let mut alice = rig.server.login("alice");
    let mut bob = rig.log_in("bob");
    alice.expect("* bob joined (2 here)");
    let relay = rig.upgrade(1);
    kill_process(relay, Signal::INT).expect("kill");
    // Without close_notify this is an error.
    bob.expect_end();
    alice.expect("* bob left: connection lost (1 here)");
    assert_eq!(rig.server.wait().code(), Some(0));
}

#[test]
fn client_that_reads_nothing_more_does_not_keep_the_relay() {
    let mut rig = Rig::start(&["--backlog-bytes", "100000"]);
    let mut alice = rig.server.login("alice");
    let stuck = rig.open_slow().log_in("stuck");
    alice.expect("* stuck joined (2 here)");
    let relay = rig.upgrade(1);
    let text = "x".repeat(4000);
    // Until the server has closed its side; what the relay and the sockets hold is never read.
    loop {
        alice.send(&format!("{text}\n/ping next\n"));
        let line = alice.line();
        if line.starts_with("* stuck left") {
            break;
        }
        assert_eq!(line, "* pong next");
    }
    await_end(relay);
    drop(stuck);
}

/// The open descriptors of a process, and what they are.
fn descriptors(process: &str) -> BTreeMap<u32, String> {
    let entries = std::fs::read_dir(format!("/proc/{process}/fd")).expect("descriptors");
    let open = entries.filter_map(|entry| {
        let path = entry.expect("a descriptor").path();
        // The one with which the folder is read is closed again.
        let target = std::fs::read_link(&path).ok()?;
        Some((path.file_name()?.to_str()?.parse().ok()?, target.display().to_string()))
    });
    open.collect()
}

#[test]
fn relay_holds_nothing_but_its_connections() {
    let dir = TestDir::new();
    let store = dir.file().display().to_string();
    let mut rig = Rig::start(&["--store", &store, "--console"]);
    let mut bob = rig.log_in("bob");
    let alice = rig.server.login("alice");
    let relay = rig.upgrade(1);
    bob.expect("* alice joined (2 here)");
    bob.expect_nothing();
    let name = std::fs::read_to_string(format!("/proc/{}/comm", relay.as_raw_nonzero())).expect("a name");
    assert_eq!(name, "chinwag-relay\n");
    // What the test itself was started with is inherited.
    let (inherited, held) = (descriptors("self"), descriptors(&relay.as_raw_nonzero().to_string()));
    let own = held.into_iter().filter(|(number, target)| *number <= 2 || inherited.get(number) != Some(target));
    let mut kinds: Vec<String> = own.map(|(_, target)| target.split(':').next().expect("a kind").to_owned()).collect();
    kinds.sort();
    // Standard input and output; the poll; the log: standard error twice, both ends of its pipe; TLS, the server's pair, and
    // both ends of that of the signals.
    let expected = [&["/dev/null"; 2][..], &["anon_inode"], &["pipe"; 4], &["socket"; 4]].concat();
    assert_eq!(kinds, expected);
    // The input of the console is the successor's alone.
    drop(alice);
    bob.expect("* alice left (1 here)");
    rig.server.type_in("/shutdown\n");
    bob.until("The server is shutting down");
    bob.expect_end();
}

#[test]
fn connections_past_the_limit_are_told_to_connect_again() {
    // 64 descriptors: 24 are reserved for the server and 16 for the relay, and each session needs three.
    let mut rig = Rig::start_in_shell("ulimit -n 64; exec \"$0\" \"$@\"", &["--max-clients", "20"]);
    let mut members: Vec<Client<Tls>> = (0..12).map(|n| rig.log_in(&format!("m{n}"))).collect();
    rig.server.ask_upgrade();
    let (_, line) = rig.server.await_successor();
    let (_, rest) = line.split_once("this process stays as the relay of ").expect("a relay");
    let relayed = rest.split(' ').next().and_then(|number| number.parse::<usize>().ok()).expect("a number");
    assert!((6..12).contains(&relayed), "{line}");
    assert!(line.ends_with(" more with TLS had to end"), "{line}");
    let told = members.split_off(relayed);
    for mut member in told {
        member.until("The server is shutting down");
        member.expect_end();
    }
    members[0].send("still here\n");
    for member in &mut members[1..] {
        member.until("m0: still here");
    }
}

#[test]
fn failed_upgrade_leaves_sessions_with_tls_as_they_were() {
    let config = TestDir::new();
    let file = config.0.join("chinwag.toml");
    std::fs::write(&file, "").expect("a file");
    let mut rig = Rig::start(&["--config", file.to_str().expect("a path")]);
    let mut alice = rig.server.login("alice");
    let mut bob = rig.log_in("bob");
    alice.expect("* bob joined (2 here)");
    let half = record(&mut bob, "in halves\n");
    bob.stream.sock.write_all(&half[..9]).expect("write");
    // It has everything when it fails.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    std::fs::write(&file, format!("web = \"{}\"\n", taken.local_addr().expect("an address"))).expect("a file");
    let why = rig.server.fail_to_upgrade();
    assert!(why.starts_with("the new program says: cannot listen on "), "{why}");
    bob.stream.sock.write_all(&half[9..]).expect("write");
    alice.expect("[T] bob: in halves");
    alice.send("to bob\n");
    bob.expect("[T] alice: to bob");
    drop(taken);
    rig.upgrade(1);
    bob.send("again\n");
    alice.expect("[T] bob: again");
}

#[test]
fn handshake_that_does_not_end_is_closed_and_one_that_ends_in_time_is_relayed() {
    let mut rig = Rig::start(&[]);
    let mut silent = TcpStream::connect(rig.tls).expect("connect");
    silent.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut late = rig.open();
    let mut hello = Vec::new();
    late.stream.conn.write_tls(&mut hello).expect("memory");
    late.stream.sock.write_all(&hello[..20]).expect("write");
    // The server has accepted both when a later connection is served.
    rig.log_in("bob").ask("q", &["* Goodbye."]);
    rig.server.ask_upgrade();
    rig.server.log.until("is started, and this one serves on");
    late.stream.sock.write_all(&hello[20..]).expect("write");
    late.expect(WELCOME);
    rig.await_relay(1);
    assert_eq!(silent.read(&mut [0; 10]).expect("an end"), 0);
    late.send("late\n");
    late.until("* You are late. ");
}
