//! Tests of what IRC clients with `account-notify` are told.

use super::AccountHub;
use crate::chat::config::Config;
use crate::chat::id::ClientId;

/// The lines about accounts that a session reads.
fn notified(hub: &mut AccountHub, id: ClientId) -> Vec<String> {
    let lines = hub.server.read(id).into_iter().filter(|line| line.contains(" ACCOUNT "));
    lines.map(|line| format!("{} {}", &line[1..line.find('!').unwrap()], line.split_once(' ').unwrap().1)).collect()
}

#[test]
fn account_of_a_member_is_told_to_its_rooms_watchers_and_itself() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.enter("alice");
    let [inside, watcher, plain] = ["inside", "watcher", "plain"].map(|name| hub.server.enter_irc(name));
    for id in [inside, watcher] {
        hub.say(id, "CAP REQ :account-notify extended-monitor");
        hub.say(id, "MONITOR + alice,inside");
    }
    hub.say(inside, "JOIN #lobby");
    hub.say(plain, "JOIN #lobby");
    let read = |hub: &mut AccountHub| [inside, watcher, plain].map(|id| notified(hub, id));
    read(&mut hub);

    hub.say(alice, "/register fish");
    let line = vec!["alice ACCOUNT alice".to_owned()];
    assert_eq!(read(&mut hub), [line.clone(), line, vec![]]);
    hub.say(alice, "/unregister fish");
    let line = vec!["alice ACCOUNT *".to_owned()];
    assert_eq!(read(&mut hub), [line.clone(), line, vec![]]);

    hub.say(inside, "REGISTER * * fish");
    let line = vec!["inside ACCOUNT inside".to_owned()];
    assert_eq!(read(&mut hub), [line.clone(), line, vec![]]);
    let whois = hub.answer(plain, "WHOIS inside");
    assert!(whois.iter().any(|line| line.ends_with(" 330 plain inside inside :is logged in as")), "{whois:?}");
    let who = hub.answer(plain, "WHO insid* a%na");
    assert!(who[0].ends_with(" 354 plain inside inside"), "{who:?}");
}
