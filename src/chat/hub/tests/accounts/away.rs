//! Members with several sessions of which some are away.

use super::AccountHub;
use crate::chat::config::Config;
use crate::chat::id::ClientId;

/// Alice, with an account and two sessions of IRC, of which the first has registered it; and bob, who reads who is away.
fn two_sessions() -> (AccountHub, [ClientId; 2], ClientId) {
    let mut hub = AccountHub::new(Config::default());
    let first = hub.enter_irc("alice");
    hub.say(first, "REGISTER * * fish");
    let bob = hub.enter_irc("bob");
    hub.say(bob, "CAP REQ :away-notify");
    [first, bob].into_iter().for_each(|id| hub.say(id, "JOIN #den"));
    let second = hub.log_in_irc(50);
    [first, second, bob].into_iter().for_each(|id| drop(hub.server.read(id)));
    (hub, [first, second], bob)
}

impl AccountHub {
    fn enter_irc(&mut self, name: &str) -> ClientId {
        let id = self.server.enter_irc(name);
        self.settle();
        id
    }

    /// One more session of alice.
    fn log_in_irc(&mut self, slot: usize) -> ClientId {
        let id = self.connect_irc(slot, [10, 0, 1, slot as u8]);
        for line in
            ["CAP REQ :sasl", "AUTHENTICATE PLAIN", "AUTHENTICATE AGFsaWNlAGZpc2g=", "NICK alice", "USER a 0 * :a"]
        {
            self.say(id, line);
        }
        self.say(id, "CAP END");
        id
    }

    fn leave_irc(&mut self, id: ClientId) {
        let now = self.server.now();
        self.say(id, "QUIT");
        while self.server.hub.poll_close().is_some() {}
        self.server.hub.handle_closed(id, now);
        self.settle();
    }

    /// What bob reads of whether alice is away, without the source.
    fn told(&mut self, bob: ClientId) -> Vec<String> {
        self.server.read(bob).iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }
}

#[test]
fn member_is_away_when_all_its_sessions_are() {
    let (mut hub, [first, second], bob) = two_sessions();
    let answer = hub.answer(first, "AWAY :lunch");
    assert!(answer.len() == 1 && answer[0].contains(" 306 "), "{answer:?}");
    assert_eq!((hub.server.read(second).len(), hub.told(bob).len()), (0, 0));
    assert!(hub.answer(second, "AWAY :asleep")[0].contains(" 306 "));
    assert_eq!((hub.server.read(first).len(), hub.told(bob)), (0, vec!["AWAY :asleep".to_owned()]));
    assert!(hub.answer(first, "AWAY")[0].contains(" 305 "));
    assert_eq!((hub.server.read(second).len(), hub.told(bob)), (0, vec!["AWAY".to_owned()]));
}

#[test]
fn member_is_as_away_as_the_sessions_that_it_has() {
    let (mut hub, [first, second], bob) = two_sessions();
    hub.say(first, "AWAY :lunch");
    hub.leave_irc(second);
    assert_eq!(hub.told(bob), ["AWAY :lunch"], "the one that was here has left");
    let third = hub.log_in_irc(51);
    assert_eq!(hub.told(bob), ["AWAY"]);
    assert!(hub.server.read(third).iter().all(|line| !line.contains(" 306 ")));
    hub.leave_irc(third);
    assert_eq!(hub.told(bob), ["AWAY :lunch"]);
    hub.leave_irc(first);
    hub.server.read(bob);
    let fourth = hub.log_in_irc(52);
    assert!(hub.server.read(fourth).iter().all(|line| !line.contains(" 306 ")), "away has ended with the session");
    assert!(hub.account("alice").data.away.is_none());
}

#[test]
fn away_of_a_session_without_irc_is_about_all_and_is_kept() {
    let (mut hub, [first, second], bob) = two_sessions();
    let plain = hub.log_in("alice");
    hub.server.read(bob);
    hub.say(first, "AWAY :lunch");
    hub.say(second, "AWAY :lunch");
    assert_eq!(hub.told(bob), [""; 0], "the other one is here");
    hub.check(plain, "/away asleep", "* You are away: asleep");
    assert_eq!(hub.told(bob), ["AWAY :asleep"]);
    let fourth = hub.log_in_irc(53);
    assert!(hub.server.read(fourth).iter().any(|line| line.contains(" 306 ")));
    assert!(hub.answer(fourth, "AWAY")[0].contains(" 305 "));
    assert_eq!((hub.server.read(plain), hub.told(bob)), (vec!["* You are back.".to_owned()], vec!["AWAY".to_owned()]));
}
