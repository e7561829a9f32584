//! Logins whose changes are committed some time after they were proposed.

use super::AccountHub;
use crate::chat::change::{Committed, Proposal};
use crate::chat::config::Config;
use crate::chat::id::ClientId;

/// A hub with accounts, and the number of changes that are committed.
struct SequencedAccounts {
    hub: AccountHub,
    seq: u64,
}

impl SequencedAccounts {
    fn new() -> Self {
        let mut hub = AccountHub::new(Config::default());
        hub.server.hub.use_external_sequencer();
        SequencedAccounts { hub, seq: 0 }
    }

    /// Commits all changes that are proposed.
    fn commit(&mut self) {
        let now = self.hub.server.now();
        while let Some(Proposal { origin, change }) = self.hub.server.hub.poll_proposal() {
            self.seq += 1;
            self.hub
                .server
                .hub
                .handle_committed(&Committed { seq: self.seq, time: now, origin, place: None, change }, &now);
        }
        self.hub.settle();
    }

    /// What a session reads before and after the changes of its line are committed.
    fn answers(&mut self, id: ClientId, line: &str) -> [Vec<String>; 2] {
        self.hub.say(id, line);
        let before = self.hub.server.read(id);
        self.commit();
        [before, self.hub.server.read(id)]
    }

    fn enter_irc(&mut self, name: &str) -> ClientId {
        let id = self.hub.server.enter_irc(name);
        self.commit();
        self.answers(id, "CAP REQ :sasl batch labeled-response draft/account-registration");
        id
    }
}

#[test]
fn login_and_registration_are_told_when_they_are_committed() {
    let mut server = SequencedAccounts::new();
    let alice = server.enter_irc("alice");
    let [before, after] = server.answers(alice, "@label=1 REGISTER * * fish");
    assert!(before.is_empty() && after[0].starts_with("@label=1 "), "{before:?} {after:?}");
    assert!(after.iter().any(|line| line.contains("REGISTER SUCCESS alice")), "{after:?}");
    server.answers(alice, "NICK alicia");
    server.answers(alice, "QUIT");
    let bob = server.enter_irc("bob");
    server.answers(bob, "AUTHENTICATE PLAIN");
    let [before, after] = server.answers(bob, "@label=2 AUTHENTICATE AGFsaWNlAGZpc2g=");
    assert!(before.is_empty() && after[0].starts_with("@label=2 "), "{before:?} {after:?}");
    let codes: Vec<&str> = after
        .iter()
        .filter_map(|line| ["900", "903"].into_iter().find(|code| line.contains(&format!(" {code} "))))
        .collect();
    assert_eq!(codes, ["900", "903"]);
}

#[test]
fn login_that_is_refused_when_it_is_committed_fails() {
    let mut server = SequencedAccounts::new();
    let alice = server.enter_irc("alice");
    server.answers(alice, "REGISTER * * fish");
    server.answers(alice, "QUIT");
    let both = [server.enter_irc("bob"), server.enter_irc("carol")];
    for id in both {
        server.answers(id, "AUTHENTICATE PLAIN");
        server.hub.say(id, "@label=1 AUTHENTICATE AGFsaWNlAGZpc2g=");
    }
    server.commit();
    let [bob, carol] = both.map(|id| server.hub.server.read(id));
    assert!(bob.iter().any(|line| line.contains(" 903 ")), "{bob:?}");
    assert!(carol.len() == 1 && carol[0].starts_with("@label=1 ") && carol[0].contains(" 904 "), "{carol:?}");
}
