//! What IRC clients of an account tell of how far it has read.

use super::AccountHub;
use crate::chat::config::Config;
use crate::chat::encoding::{Encoding, IrcShape};
use crate::chat::id::ClientId;
use crate::chat::input::{NewConnection, ResumeRequest};

impl AccountHub {
    /// A session of alice with IRC, which is shown how far it has read.
    pub(super) fn log_in_on_irc(&mut self, slot: usize) -> (ClientId, Vec<String>) {
        let (id, now) = (ClientId::new(slot), self.server.now());
        let (addr, encoding) = (([10, 0, 0, 9], 1).into(), Encoding::Irc(IrcShape::empty()));
        let arrival = NewConnection { addr, encoding, preface: &[], resume_request: ResumeRequest::default() };
        self.server.hub.handle_connection(id, arrival, now);
        // The name and the password of the account.
        let plain = "AUTHENTICATE AGFsaWNlAGZpc2g=";
        let caps = "CAP REQ :sasl draft/read-marker";
        for line in [caps, "AUTHENTICATE PLAIN", plain, "NICK alice", "USER x 0 * :x", "CAP END"] {
            self.say(id, line);
        }
        (id, self.server.read(id))
    }
}

fn markers(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| Some(line.split_once(" MARKREAD ")?.1)).collect()
}

#[test]
fn sessions_of_an_account_have_the_same_marker_which_is_kept() {
    let mut hub = AccountHub::new(Config::default());
    let (page, bob) = (hub.register("alice"), hub.enter("bob"));
    hub.say(page, "/follow den");
    hub.say(bob, "/join den");
    hub.say(bob, "one");
    hub.say(bob, "two");
    let (first, shown) = hub.log_in_on_irc(40);
    assert!(markers(&shown).contains(&"#den *"), "{shown:?}");
    let (second, _) = hub.log_in_on_irc(41);
    // All was said at 12:00:01.
    let at = "#den timestamp=2026-11-20T12:00:01.000Z";
    assert_eq!(markers(&hub.answer(first, &format!("MARKREAD {at}"))), [at]);
    assert_eq!(markers(&hub.server.read(second)), [at]);
    let data = &hub.account("alice").data;
    assert_eq!(data.read, [("den".into(), 2)]);
    let (third, shown) = hub.log_in_on_irc(42);
    assert!(markers(&shown).contains(&at), "{shown:?}");
    [page, first, second, third].into_iter().for_each(|id| drop(hub.answer(id, "/quit")));
    let kept = hub.initial();
    let mut hub = AccountHub::restored(Config::default(), kept);
    let (_, shown) = hub.log_in_on_irc(43);
    assert!(markers(&shown).contains(&at), "{shown:?}");
}

#[test]
fn what_the_page_has_read_is_a_marker_on_irc() {
    let mut hub = AccountHub::new(Config::default());
    let (page, bob) = (hub.register("alice"), hub.enter("bob"));
    hub.say(bob, "one");
    let (irc, _) = hub.log_in_on_irc(40);
    hub.server.read(irc);
    hub.say(page, "/read #lobby 1");
    assert_eq!(markers(&hub.server.read(irc)), ["#lobby timestamp=2026-11-20T12:00:01.000Z"]);
}
