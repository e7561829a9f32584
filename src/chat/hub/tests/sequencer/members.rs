//! What members say of themselves on one node, as members on another one see it.

use super::super::accounts::answer_to;
use super::nodes::Nodes;
use super::now;
use crate::chat::id::ClientId;

impl Nodes {
    /// A member with an IRC client that is in den and has read everything; `first` is what it says before its name.
    fn enter_irc(&mut self, node: usize, slot: usize, name: &str, first: &str) -> ClientId {
        let id = self.nodes[node].connect_irc(slot);
        for line in [first, &format!("NICK {name}"), "USER a 0 * :Alice"] {
            self.say(node, id, line);
        }
        self.compare_passwords(node);
        self.say(node, id, "JOIN #den");
        self.read(node, id);
        id
    }

    fn compare_passwords(&mut self, node: usize) {
        let hub = &mut self.nodes[node].hub;
        while let Some(request) = hub.poll_password(now()) {
            hub.handle_password(&request, answer_to(&request.job), now());
        }
        self.nodes[node].take_proposals();
        self.commit();
    }
}

/// The value of the tag `msgid` of the line that has this command.
fn message_id(read: &str, command: &str) -> String {
    let line = read.lines().find(|line| line.contains(command)).unwrap_or_else(|| panic!("no {command} in {read}"));
    let (_, rest) = line.split_once("msgid=").expect("an id");
    rest.split([';', ' ']).next().unwrap().to_owned()
}

#[test]
fn tags_and_messages_for_a_role_have_the_same_id_on_all_nodes() {
    let mut nodes = Nodes::new();
    let alice = nodes.enter_irc(0, 0, "alice", "");
    let bob = nodes.enter_irc(0, 1, "bob", "");
    let carol = nodes.enter_irc(1, 0, "carol", "");
    for (node, id) in [(0, alice), (0, bob), (1, carol)] {
        nodes.say(node, id, "CAP REQ :message-tags");
    }
    nodes.say(0, alice, "MODE #den +vv bob carol");
    // The nodes have sent different numbers of lines.
    nodes.say(1, carol, "PING x");
    for (line, command) in [("@+typing=active TAGMSG #den", " TAGMSG #den"), ("PRIVMSG +#den :psst", " PRIVMSG ")] {
        nodes.read(0, bob);
        nodes.read(1, carol);
        nodes.say(0, alice, line);
        let ids = [nodes.read(0, bob), nodes.read(1, carol)].map(|read| message_id(&read, command));
        assert_eq!(ids[0], ids[1]);
    }
}

#[test]
fn invisible_and_other_modes_of_a_member_are_known_on_other_nodes() {
    let mut nodes = Nodes::new();
    let alice = nodes.enter_irc(0, 0, "alice", "");
    let dave = nodes.enter_irc(1, 0, "dave", "");
    nodes.say(1, dave, "PART #den");
    let listed = |nodes: &mut Nodes| {
        nodes.read(1, dave);
        nodes.say(1, dave, "WHO ali*");
        nodes.read(1, dave).contains(" alice ")
    };
    assert!(listed(&mut nodes));
    nodes.read(0, alice);
    nodes.say(0, alice, "MODE alice +iB");
    let read = nodes.read(0, alice);
    assert!(read.ends_with("MODE alice :+iB"), "{read}");
    assert!(!listed(&mut nodes));
    for node in 0..2 {
        assert_eq!(nodes.nodes[node].hub.invisible_members(), 1);
        nodes.nodes[node].hub.audit().unwrap();
    }
    nodes.say(1, dave, "WHO alice");
    assert!(nodes.read(1, dave).contains(" HB "), "a program");
    nodes.say(0, alice, "MODE alice");
    assert!(nodes.read(0, alice).ends_with(" 221 alice +Bi"));
    nodes.say(0, alice, "QUIT");
    assert_eq!(nodes.nodes.each_ref().map(|node| node.hub.invisible_members()), [0, 0]);
}

#[test]
fn member_is_away_only_if_its_sessions_on_all_nodes_are() {
    let mut nodes = Nodes::new();
    let first = nodes.enter_irc(0, 0, "alice", "");
    nodes.say(0, first, "CAP REQ :draft/account-registration");
    nodes.say(0, first, "REGISTER * * secret");
    nodes.compare_passwords(0);
    let second = nodes.enter_irc(1, 0, "alice", "PASS alice:secret");
    let is_away = |nodes: &Nodes| {
        nodes.nodes.each_ref().map(|node| {
            let members = &node.hub.shared.members;
            let alice = members.find("alice").expect("alice is here");
            (members[alice.slot].joins(), members[alice.slot].away().is_some())
        })
    };
    assert_eq!(is_away(&nodes), [(2, false); 2]);
    nodes.say(0, first, "AWAY :lunch");
    assert_eq!(is_away(&nodes), [(2, false); 2], "the other session is there");
    nodes.say(1, second, "QUIT");
    assert_eq!(is_away(&nodes), [(1, true); 2], "the one that is left is away");
    let third = nodes.enter_irc(1, 1, "alice", "PASS alice:secret");
    assert_eq!(is_away(&nodes), [(2, false); 2]);
    nodes.say(1, third, "AWAY :out");
    assert_eq!(is_away(&nodes), [(2, false); 2], "what those of other nodes have said is not known");
}
