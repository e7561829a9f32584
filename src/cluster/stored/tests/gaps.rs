//! Messages that the store of a node lacks.

use super::world::{World, texts};
use crate::chat::gaps::Gap;
use crate::chat::record::{InitialRoom, InitialState, Message, RoomRecord};
use crate::chat::{Answer, ClientId, HistoryRange, Input, Lookup, read_lines};

#[test]
fn node_that_comes_late_stores_what_the_others_still_show_and_notes_a_gap_before_it() {
    let mut world = World::new(5);
    world.start(0);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    for n in 0..20 {
        world.say(0, alice, &format!("line {n}"));
        world.run(1);
    }
    world.say(0, alice, "/topic tea");
    let now = world.now();
    world.node(0).hub.handle_line(ClientId::CONSOLE, Input::Line("/ban 10.0.0.0/8"), now);
    world.run(1);
    world.start(1);
    world.run(5);
    world.say(0, alice, "the last line");
    world.run(1);
    let (first, second) = (world.stored(0), world.stored(1));
    assert_eq!((first.run, first.cloak_key, &first.bans), (second.run, second.cloak_key, &second.bans));
    let of_lobby = |stored: &InitialState| -> (Vec<Message>, RoomRecord) {
        let InitialRoom { messages, record, .. } = &stored.rooms[0];
        (messages.clone(), record.clone())
    };
    let ((all, record), (some, same)) = (of_lobby(&first), of_lobby(&second));
    assert_eq!((record, all.len(), first.gaps.is_empty()), (same, 21, true));
    assert!((5..21).contains(&some.len()) && all.ends_with(&some), "{} of {}", some.len(), all.len());
    let oldest = some[0].id;
    assert!(second.gaps.touch(all[0].id, all[0].id + 1) && second.gaps.touch(oldest - 256, oldest));
    assert!(!second.gaps.touch(oldest, u64::MAX));
}

/// Two nodes with the line "one"; the second one, which has a checkpoint, ends, and misses the line "two". Returns who says that.
fn world_with_a_node_that_misses_a_line() -> (World, ClientId) {
    world_where_a_line_is_missed(|world| world.record_checkpoint(1))
}

/// The same with another end of the second node.
fn world_where_a_line_is_missed(end: fn(&mut World)) -> (World, ClientId) {
    let mut world = World::new(100);
    world.start(0);
    world.run(5);
    world.start(1);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    world.say(0, alice, "one");
    world.run(1);
    end(&mut world);
    world.write(1);
    world.nodes[1] = None;
    world.say(0, alice, "two");
    world.run(1);
    (world, alice)
}

#[test]
fn node_that_begins_the_state_anew_after_the_log_was_trimmed_notes_a_gap() {
    let (mut world, _) = world_with_a_node_that_misses_a_line();
    world.nodes[0] = None;
    let last = world.log.len() as u64;
    world.first = last + 1;
    world.start(1);
    world.run(8);
    assert!(world.node(1).replica.is_ready());
    let bob = world.enter(1, 0, "bob");
    world.say(1, bob, "three");
    world.run(1);
    // Another node learns of the gap, too.
    world.start(2);
    world.run(5);
    let (all, founder, other) = (world.stored(0), world.stored(1), world.stored(2));
    let id = |number: usize| all.rooms[0].messages[number].id;
    assert_eq!([&founder, &other].map(texts), [["one", "three"], ["one", "three"]]);
    assert!(founder.gaps.touch(id(1), id(1) + 1) && !founder.gaps.touch(0, id(0) + 1));
    assert!(other.gaps.touch(id(1), id(1) + 1));
    let three = founder.rooms[0].messages[1].id;
    assert!(!founder.gaps.touch(three, u64::MAX) && !other.gaps.touch(three, u64::MAX));
}

#[test]
fn new_cluster_whose_first_node_was_started_twice_has_no_gap() {
    let mut world = World::new(100);
    world.start(0);
    world.run(2);
    assert_eq!(world.log.len(), 1, "there is a Hello and no Genesis");
    world.nodes[0] = None;
    world.start(0);
    world.run(5);
    assert!(world.node(0).replica.is_ready());
    let alice = world.enter(0, 0, "alice");
    world.say(0, alice, "one");
    world.run(1);
    let stored = world.stored(0);
    assert_eq!((texts(&stored), stored.gaps.is_empty()), (vec!["one"], true));
}

#[test]
fn node_that_did_not_know_the_state_notes_no_gap_if_it_is_given_the_messages_with_the_state() {
    let (mut world, _) = world_with_a_node_that_misses_a_line();
    world.forgets_state = true;
    world.start(1);
    world.run(5);
    let [first, second] = [0, 1].map(|index| world.stored(index));
    assert_eq!(second.rooms[0].messages.len(), 2);
    assert_eq!(first, second);
}

#[test]
fn node_that_did_not_know_the_state_and_begins_it_anew_notes_a_gap() {
    let (mut world, _) = world_with_a_node_that_misses_a_line();
    world.forgets_state = true;
    begin_anew_without_the_state(world);
}

#[test]
fn node_without_a_checkpoint_that_begins_the_state_anew_notes_a_gap() {
    begin_anew_without_the_state(world_where_a_line_is_missed(|_| {}).0);
}

/// The second node begins the state anew, and has a gap for the line "two" alone.
fn begin_anew_without_the_state(mut world: World) {
    world.nodes[0] = None;
    world.start(1);
    world.run(8);
    assert!(world.node(1).replica.is_ready());
    let [all, founder] = [0, 1].map(|index| world.stored(index));
    let ids: Vec<u64> = all.rooms[0].messages.iter().map(|message| message.id).collect();
    assert!(founder.gaps.touch(ids[1], ids[1] + 1) && !founder.gaps.touch(0, ids[0] + 1));
}

#[test]
fn member_that_pages_across_a_gap_is_told_so() {
    let mut world = World::new(100);
    world.start(0);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    for _ in 0..3 {
        world.say(0, alice, "a line");
        world.run(1);
    }
    let messages = world.lobby(0, 9);
    let gap = Gap { from: messages[0].id + 1, to: messages[1].id };
    world.node(0).hub.handle_lost_messages(gap);
    let now = world.now();
    let mut ask = |line: &str, expected: HistoryRange, found: &[Message]| {
        let hub = &mut world.node(0).hub;
        hub.handle_line(alice, Input::Line(line), now);
        let query = hub.poll_query().unwrap();
        assert!(matches!(query.lookup, Lookup::History { range, .. } if range == expected));
        let answer = match expected {
            HistoryRange::After { .. } => Answer::History { before: Vec::new(), after: found.to_vec() },
            _ => Answer::History { before: found.to_vec(), after: Vec::new() },
        };
        hub.handle_answer(query, answer, now);
        read_lines(hub, alice).iter().any(|line| line.contains("Some messages of this time are missing"))
    };
    assert!(ask("/history", HistoryRange::Latest, &messages));
    assert!(!ask("/history 1", HistoryRange::Latest, &messages[1..]), "there are older ones, on another page");
    let (second, third) = (messages[1].id, messages[2].id);
    assert!(!ask(&format!("/history after {second}"), HistoryRange::After { after: second }, &messages[2..]));
    assert!(ask(&format!("/history before {second}"), HistoryRange::Before(second), &messages[..1]));
    assert!(ask(&format!("/history before {third}"), HistoryRange::Before(third), &messages[..2]));
}
