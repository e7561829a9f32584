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
    let mut longest = Duration::ZERO;
    let mut half: Vec<Client> = Vec::with_capacity(many);
    for number in 0..many {
        let mut client = Client::connect_from(source(number), server.lines);
        client.send_bytes(&hello[..hello.len() / 2]);
        half.push(client);
        if number % 250 == 0 {
            let begun = Instant::now();
            people[0].send(&format!("{number}\n"));
            people[1].expect(&format!("[T] alice: {number}"));
            longest = longest.max(begun.elapsed());
        }
    }
    let crowded = server.resident_kib();
    // From one of their addresses.
    let begun = Instant::now();
    let socket = Client::connect_from(source(0), server.lines).stream;
    let mut carol = open(server.lines, &config);
    carol.stream.sock = socket;
    let mut carol = carol.log_in("carol");
    let entered = begun.elapsed();
    assert!(entered < Duration::from_secs(1), "{entered:?} until a TLS client is in the room");
    assert!(longest < Duration::from_secs(1), "{longest:?} between two members");
    people.iter_mut().for_each(|one| one.expect("* carol joined (3 here)"));
    for mut client in half {
        match client.stream.read(&mut [0; 100]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("not the end: {other:?}"),
        }
    }
    carol.send("over\n");
    people.iter_mut().for_each(|one| one.expect("[T] carol: over"));
    let after = server.resident_kib();
    println!(
        "{many} from {addresses}: {before} KiB before, {crowded} KiB with all, {after} KiB after; {entered:?} to enter, \
         {longest:?} between members"
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
