//! Many handshakes that never end.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use chinwag::util::fd_limit;

use super::hello::Hello;
use super::{TlsServer, open, trusting};
use crate::harness::Client;

/// Handshakes that stay unfinished, of as many connections as the limit of this process allows, from so many addresses.
fn unfinished_handshakes_from(addresses: u8) {
    // Other tests have connections, too.
    let many = 5000.min(fd_limit::raise() as usize / 4);
    let server = TlsServer::start(&["--rate", "0", "--max-clients", "6000"]);
    let config = trusting(&[super::certificate(&server.path("a.pem"))]);
    let mut people = server.people(["alice", "bob"]);
    let before = server.resident_kib();
    let hello = Hello::tls_1_3(&[0x1301]).records();
    let source = |number: usize| [127, 0, 0, 2 + (number % usize::from(addresses)) as u8];
    let mut waits = Vec::new();
    let mut half: Vec<Client> = Vec::with_capacity(many);
    for number in 0..many {
        let mut client = Client::connect_from(source(number), server.lines);
        client.send_bytes(&hello[..hello.len() / 2]);
        half.push(client);
        if number % 250 == 0 {
            let begun = Instant::now();
            people[0].send(&format!("{number}\n"));
            people[1].expect(&format!("[T] alice: {number}"));
            waits.push(begun.elapsed());
        }
    }
    let crowded = server.resident_kib();
    // From one of their addresses; the quickest of three counts, since other tests keep the machine busy.
    let mut entered = Duration::MAX;
    for number in 0..3 {
        let begun = Instant::now();
        let mut carol = open(server.lines, &config);
        carol.stream.sock = Client::connect_from(source(0), server.lines).stream;
        let mut carol = carol.log_in("carol");
        entered = entered.min(begun.elapsed());
        carol.send(&format!("over {number}\n"));
        carol.send("q\n");
        carol.until("* Goodbye.");
        let said = format!("[T] carol: over {number}");
        let lines = ["* carol joined (3 here)", &said, "* carol left (2 here)"];
        people.iter_mut().for_each(|one| one.expect_all(&lines));
    }
    assert!(entered < Duration::from_secs(1), "{entered:?} until a TLS client is in the room");
    waits.sort();
    let median = waits[waits.len() / 2];
    assert!(median < Duration::from_millis(500), "{median:?} between two members");
    for mut client in half {
        match client.stream.read(&mut [0; 100]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("not the end: {other:?}"),
        }
    }
    people[1].send("over\n");
    people[0].expect("[T] bob: over");
    let after = server.resident_kib();
    println!(
        "{many} from {addresses}: {before} KiB before, {crowded} KiB with all, {after} KiB after; {entered:?} to enter, \
         {median:?} between members"
    );
    // At most 4,096 at a time are kept; the allocator keeps some memory of the connections for later ones.
    assert!(crowded.saturating_sub(before) < 4096 * 8 + 8192, "{before} KiB and then {crowded} KiB");
    assert!(after.saturating_sub(before) < 16_384, "{before} KiB and then {after} KiB");
}

#[test]
fn unfinished_handshakes_of_one_address_keep_no_others_out() {
    unfinished_handshakes_from(1);
}

#[test]
fn unfinished_handshakes_of_many_addresses_keep_no_others_out() {
    unfinished_handshakes_from(50);
}
