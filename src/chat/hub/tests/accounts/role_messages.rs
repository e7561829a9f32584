//! Messages for members with a role, of accounts with several sessions.

use super::AccountHub;
use crate::chat::config::Config;

#[test]
fn message_for_a_role_reaches_accounts_and_the_other_sessions_of_its_author() {
    let mut hub = AccountHub::new(Config::default());
    let (page, bob) = (hub.register("alice"), hub.register("bob"));
    // Bob's account is an operator of den, and alice's is not.
    hub.say(bob, "/join den");
    hub.say(bob, "/op bob");
    hub.say(page, "/follow den");
    let (first, _) = hub.log_in_on_irc(40);
    let (second, _) = hub.log_in_on_irc(41);
    [page, bob, first, second].into_iter().for_each(|id| drop(hub.server.read(id)));
    hub.say(first, "PRIVMSG @#den :help");
    assert_eq!(hub.server.read(bob), ["[12:00:01] alice -> you: (@#den) help"]);
    assert_eq!(hub.server.read(page), ["[12:00:01] you -> @#den: help"]);
    assert!(hub.server.read(first).is_empty());
    let lines = hub.server.read(second);
    assert!(lines.len() == 1 && lines[0].ends_with(" PRIVMSG @#den :help"), "{lines:?}");
}
