//! Several nodes: hubs that apply the same changes, each with sessions of its own.

use super::{SequencedHub, now};
use crate::chat::change::{Committed, LogPlace, Proposal};
use crate::chat::id::{ClientId, Incarnation, LOBBY};
use crate::chat::policy::nick::Name;
use crate::chat::{Cause, Input, PostRefusal, Returned};

/// Two nodes with one log.
pub(super) struct Nodes {
    pub nodes: [SequencedHub; 2],
    seq: u64,
}

impl Nodes {
    pub fn new() -> Nodes {
        let mut nodes = [SequencedHub::new(), SequencedHub::new()];
        for (node, number) in nodes.iter_mut().zip(0..) {
            node.hub.use_cluster();
            node.hub.rejoin(Incarnation(number), now());
        }
        Nodes { nodes, seq: 0 }
    }

    /// Commits what the nodes have proposed, on both; each change is an entry of its own.
    pub fn commit(&mut self) {
        loop {
            let next = (0..2).find_map(|node| Some((node, self.nodes[node].proposals.pop_front()?)));
            let Some((by, Proposal { origin, change })) = next else { return };
            self.seq += 1;
            for (node, sequenced) in self.nodes.iter_mut().enumerate() {
                let place = Some(LogPlace { node: Incarnation(by as u64), first_id: 256 * self.seq });
                let (origin, change) = (origin.filter(|_| node == by), change.clone());
                let committed = Committed { seq: self.seq, time: now(), origin, place, change };
                sequenced.hub.handle_committed(&committed, &now());
                sequenced.proposals.extend(std::iter::from_fn(|| sequenced.hub.poll_proposal()));
            }
        }
    }

    fn enter(&mut self, node: usize, slot: usize, name: &str) -> ClientId {
        let id = self.nodes[node].connect(slot, name);
        self.commit();
        self.nodes[node].read(id);
        id
    }

    pub fn read(&mut self, node: usize, id: ClientId) -> String {
        self.nodes[node].read(id).join("\n")
    }

    pub fn say(&mut self, node: usize, id: ClientId, line: &str) {
        self.nodes[node].say(id, line);
        self.commit();
    }
}

#[test]
fn members_of_all_nodes_read_each_other_and_messages_have_the_same_ids() {
    let mut nodes = Nodes::new();
    let alice = nodes.enter(0, 0, "alice");
    let bob = nodes.enter(1, 0, "bob");
    assert_eq!(nodes.read(0, alice), "* bob joined (2 here)");
    nodes.say(1, bob, "hello");
    nodes.say(0, alice, "/join den");
    assert!(nodes.read(0, alice).starts_with("[12:00:00] bob: hello"));
    assert_eq!(nodes.read(1, bob), "* alice left (1 here)");
    nodes.say(1, bob, "/join DEN");
    nodes.say(0, alice, "in the den");
    assert!(nodes.read(1, bob).ends_with("[12:00:00] alice: in the den"));
    let ids = nodes.nodes.each_ref().map(|node| node.hub.journal.last_message_id());
    assert_eq!(ids, [256 * nodes.seq; 2]);
    // A name is that of one member on all nodes.
    let late = nodes.nodes[1].connect(1, "Alice");
    nodes.commit();
    assert!(nodes.read(1, late).contains("is taken"));
}

#[test]
fn members_of_a_node_that_ends_leave_the_others() {
    let mut nodes = Nodes::new();
    let alice = nodes.enter(0, 0, "alice");
    let bob = nodes.enter(1, 0, "bob");
    nodes.enter(1, 1, "carol");
    nodes.say(1, bob, "/quit");
    nodes.enter(1, 2, "dave");
    nodes.read(0, alice);
    nodes.nodes[0].hub.bury(Incarnation(1), &Cause::ConnectionLost, now());
    assert_eq!(nodes.read(0, alice), "* dave left: connection lost (2 here)\n* carol left: connection lost (1 here)");
    // It ends once.
    nodes.nodes[0].hub.bury(Incarnation(1), &Cause::ConnectionLost, now());
    assert_eq!(nodes.read(0, alice), "");
    let [first, _] = &mut nodes.nodes;
    let snapshot = serde_json::to_string(&first.hub.snapshot()).unwrap();
    first.hub.bury(Incarnation(0), &Cause::ConnectionLost, now());
    let mut restored = SequencedHub::new();
    restored.hub.use_cluster();
    restored.hub.restore_snapshot(serde_json::from_str(&snapshot).unwrap(), &now()).unwrap();
    restored.hub.bury(Incarnation(0), &Cause::ConnectionLost, now());
    let left = restored.hub.snapshot();
    assert_eq!(serde_json::to_string(&left).unwrap(), serde_json::to_string(&first.hub.snapshot()).unwrap());
}

#[test]
fn sessions_of_a_node_that_was_taken_for_dead_are_members_again_and_miss_nothing() {
    let mut nodes = Nodes::new();
    let alice = nodes.enter(0, 0, "alice");
    let bob = nodes.enter(1, 0, "bob");
    let carol = nodes.enter(1, 1, "carol");
    nodes.say(1, bob, "/follow den");
    nodes.read(1, bob);
    nodes.say(1, carol, "read later");
    nodes.read(0, alice);
    nodes.nodes.iter_mut().for_each(|node| node.hub.bury(Incarnation(1), &Cause::ConnectionLost, now()));
    assert_eq!(nodes.read(0, alice), "* bob left: connection lost (2 here)\n* carol left: connection lost (1 here)");
    // Meanwhile alice says something, and another session takes the name of carol.
    nodes.say(0, alice, "meanwhile");
    let dave = nodes.enter(0, 1, "carol");
    nodes.read(0, alice);
    let SequencedHub { hub, proposals, .. } = &mut nodes.nodes[1];
    hub.rejoin(Incarnation(2), now());
    proposals.extend(std::iter::from_fn(|| hub.poll_proposal()));
    nodes.commit();
    let read = nodes.read(1, bob);
    for line in ["carol: read later", "[12:00:00] alice: meanwhile", "You are bob", "You follow den"] {
        assert_eq!(read.matches(line).count(), 1, "{line} in {read}");
    }
    let read = nodes.read(1, carol);
    assert!(read.contains("! The nickname carol is taken.\n* Welcome ") && !read.contains("You are carol"), "{read}");
    assert_eq!(nodes.read(0, alice), "* bob joined (3 here)");
    nodes.say(1, bob, "back again");
    assert_eq!(nodes.read(0, dave), "* bob joined (3 here)\n[12:00:00] bob: back again");
    // She takes another name.
    nodes.say(1, carol, "caroline");
    assert!(nodes.read(1, carol).contains("You are caroline"));
}

#[test]
fn poster_is_told_that_its_message_is_not_shown() {
    let mut node = SequencedHub::new();
    let name = Name::poster("ci").unwrap();
    let returned = [Returned::NotApplied, Returned::TooLong { most: 9 }, Returned::Unknown, Returned::Applied];
    let posted = returned.map(|returned| {
        let (hub, now) = (&mut node.hub, now());
        let origin = hub.handle_post(ClientId::new(0), LOBBY, name.clone(), vec!["built".into()], &now).unwrap();
        let proposal = hub.poll_proposal().unwrap();
        hub.return_proposal(proposal, returned, &now);
        hub.poll_posted().map(|posted| (posted.origin == origin, posted.result, posted.lines))
    });
    let refused = |why| Some((true, Err(why), 1));
    assert_eq!(posted, [refused(PostRefusal::CutOff), refused(PostRefusal::TooLong), None, None]);
}

/// The node has not read the entry in which it is, only the state after it.
#[test]
fn author_of_a_message_that_was_refused_elsewhere_is_told_that_it_may_not_have_been_said() {
    let mut nodes = Nodes::new();
    let alice = nodes.enter(0, 0, "alice");
    nodes.read(0, alice);
    for is_said in [true, false] {
        let node = &mut nodes.nodes[0];
        node.say(alice, "hello");
        let proposal = node.proposals.pop_front().unwrap();
        if is_said {
            node.proposals.push_back(Proposal { origin: None, change: proposal.change.clone() });
            nodes.commit();
        } else {
            node.hub.handle_line(alice, Input::Line("/delete last"), now());
            node.take_proposals();
            nodes.commit();
        }
        nodes.read(0, alice);
        nodes.nodes[0].hub.return_proposal(proposal, Returned::Applied, &now());
        let told = if is_said { "" } else { "! Perhaps not said: this server cannot tell. Look whether it is there." };
        assert_eq!(nodes.read(0, alice), told);
    }
}

#[test]
fn login_of_a_session_that_has_ended_is_withdrawn() {
    let mut nodes = Nodes::new();
    let node = &mut nodes.nodes[0];
    // Not handed out.
    let [alice, bob, carol] = [0, 1, 2].map(ClientId::new);
    node.hub.handle_plain_connection(alice, ([127, 0, 0, 1], 1).into(), now());
    node.hub.handle_line(alice, Input::Line("alice"), now());
    node.hub.handle_closed(alice, now());
    assert_eq!((node.hub.poll_proposal(), node.hub.take_withdrawn()), (None, vec![]));
    // Handed out; and a session that has given no name.
    node.connect(1, "bob");
    node.connect(2, "a name with spaces");
    let [proposal] = node.proposals.make_contiguous() else { panic!("{:?}", node.proposals) };
    let origin = proposal.origin;
    [bob, carol].into_iter().for_each(|id| node.hub.handle_closed(id, now()));
    assert_eq!(node.hub.take_withdrawn().first().copied(), origin);
    assert_eq!(node.hub.take_withdrawn(), []);
    // It was sent: it joins and leaves.
    let dave = nodes.enter(1, 0, "dave");
    nodes.say(1, dave, "/who");
    assert_eq!(nodes.read(1, dave), "* 1 here: you.");
}

#[test]
fn command_of_irc_whose_change_comes_back_is_answered_with_its_label() {
    let mut node = SequencedHub::new();
    let alice = node.enter_irc(0, "alice");
    node.say(alice, "CAP REQ :message-tags batch labeled-response");
    node.read(alice);
    node.say(alice, "@label=7 PRIVMSG #den :never said");
    let proposal = node.proposals.pop_front().unwrap();
    node.hub.return_proposal(proposal, Returned::NotApplied, &now());
    let read = node.read(alice).join("\n");
    assert!(
        read.starts_with("@label=7 ") && read.ends_with("Not said: this server is cut off from the others."),
        "{read}"
    );
    node.say(alice, "@label=8 PING x");
    assert!(node.read(alice).join("\n").starts_with("@label=8 "));
}
