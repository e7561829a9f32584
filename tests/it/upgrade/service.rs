//! What systemd is told of an upgrade.

use std::os::unix::net::UnixDatagram;

use super::Replaceable;
use crate::harness::{DEADLINE, Signal};
use crate::store::TestDir;

#[test]
fn new_main_process_is_named_before_it_is_ready_and_has_the_watchdog() {
    let dir = TestDir::new();
    let path = dir.0.join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let next = || {
        let mut block = [0; 4096];
        let length = manager.recv(&mut block).expect("a datagram");
        String::from_utf8(block[..length].to_vec()).expect("UTF-8")
    };
    let next_state = || std::iter::repeat_with(next).find(|text| !text.starts_with("STATUS=")).expect("a datagram");
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "500000")];
    let mut server = Replaceable::start_in(dir, &[], &variables);
    let mut alice = server.login("alice");
    assert!(next().starts_with("READY=1\n"));
    for _ in 0..2 {
        while next_state() != "WATCHDOG=1" {}
        server.upgrade();
        let mut told = next_state();
        while told == "WATCHDOG=1" {
            told = next_state();
        }
        assert_eq!(told, format!("MAINPID={}", server.pid.as_raw_nonzero()));
        assert_eq!(next(), "READY=1\nSTATUS=1 member, 1 connection");
    }
    server.send_signal(Signal::TERM);
    let mut told = next_state();
    while told == "WATCHDOG=1" {
        told = next_state();
    }
    assert_eq!(told, "STOPPING=1\nSTATUS=Shutting down");
    alice.until("The server is shutting down");
}
