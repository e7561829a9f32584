//! Messages of several lines that one of the sessions of an account sends.

use super::AccountHub;
use crate::chat::config::Config;
use crate::chat::record::Record;

#[test]
fn other_sessions_of_an_account_read_the_lines_once_and_they_are_stored() {
    let mut hub = AccountHub::new(Config::default());
    let (plain, bob) = (hub.register("alice"), hub.enter("bob"));
    let ((speaker, _), (other, _)) = (hub.log_in_on_irc(40), hub.log_in_on_irc(41));
    hub.say(bob, "before");
    for id in [speaker, other] {
        hub.say(id, "CAP REQ :batch message-tags draft/multiline");
    }
    hub.server.read(other);
    hub.server.read(plain);
    hub.records.clear();
    hub.say(bob, "unread");
    hub.say(speaker, "BATCH +1 draft/multiline #lobby");
    hub.say(speaker, "@batch=1 PRIVMSG #lobby :one");
    hub.say(speaker, "@batch=1 PRIVMSG #lobby :two");
    hub.say(speaker, "BATCH -1");
    hub.say(bob, "after");
    let said = |lines: &[String]| -> Vec<String> {
        let lines = lines.iter().filter_map(|line| Some(line.split_once("PRIVMSG #lobby :")?.1.to_owned()));
        lines.collect()
    };
    assert_eq!(said(&hub.server.read(speaker)), ["before", "unread", "after"]);
    let lines = hub.server.read(other);
    assert_eq!(said(&lines), ["unread", "one", "two", "after"]);
    assert_eq!(lines.iter().filter(|line| line.contains(" BATCH ")).count(), 2, "{lines:?}");
    let texts: Vec<String> =
        hub.server.read(plain).iter().filter_map(|line| Some(line.split_once("] ")?.1.to_owned())).collect();
    assert_eq!(texts, ["bob: unread", "alice: one", "alice: two", "bob: after"]);
    let stored = hub.records.iter().filter(|record| matches!(record, Record::Message(_))).count();
    assert_eq!(stored, 4);
}
