//! Logging in, the history, the waiting line, leaving.

use crate::harness::Server;

#[test]
fn people_log_in_and_read_of_each_other() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.connect();
    bob.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    bob.ask("alice", &["! The nickname alice is taken. Try another:"]);
    bob.ask("bob", &["* You are bob. 2 here: alice and you. /help lists the commands."]);
    alice.expect("* bob joined (2 here)");
    bob.send("hello\n");
    alice.expect("[T] bob: hello");
    bob.expect_nothing();
    bob.send("q\n");
    bob.expect("* Goodbye.");
    bob.expect_end();
    alice.expect("* bob left (1 here)");
}
