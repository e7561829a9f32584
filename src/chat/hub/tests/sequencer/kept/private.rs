//! What is not in the log: ignored names, read places, and whispers to those who are not there.

use std::time::Duration;

use super::world::{Bucket, World, alice};
use crate::chat::hub::tests::accounts::answer_to;
use crate::chat::hub::tests::test_hub::read_lines;
use crate::chat::id::ClientId;
use crate::chat::record::WHISPERS_PER_NAME;

#[test]
fn ignored_names_and_read_places_are_those_of_the_account_at_each_node() {
    let (mut world, here) = alice(2);
    let bob = world.enter(0, 2, &["bob", "/join den", "first"]);
    world.enter(0, 3, &["carol"]);
    world.enter(0, 4, &["dave"]);
    let there = world.enter(1, 1, &["alice", "secret"]);
    world.say(0, here, "/ignore carol");
    assert!(world.ask(1, there, "/ignore").contains("carol"));
    // Both nodes change something before they hear of each other.
    world.type_line(0, here, "/ignore bob");
    let id = world.nodes[1].hub.journal.last_message_id();
    world.type_line(1, there, &format!("/read #den {id}"));
    assert_eq!((world.put(0), world.put(1)), (1, 0), "the second one does not know the first value");
    world.settle();
    for node in 0..2 {
        let accounts = &world.nodes[node].hub.shared.accounts;
        let data = &accounts[accounts.find_key("alice").unwrap()].data;
        assert_eq!(
            (data.ignored.len(), accounts[accounts.find_key("alice").unwrap()].read_position("den")),
            (2, Some(id)),
            "node {node}"
        );
    }
    world.read(1, there);
    world.say(0, bob, "not for alice");
    assert!(!world.read(1, there).contains("not for alice"));
    world.say(1, there, "/unignore BOB");
    world.say(0, bob, "for alice");
    assert!(world.read(0, here).contains("for alice"));
    // A node that comes later, and then a full stop.
    world.say(0, here, "/ignore dave");
    world.add();
    let late = world.enter(2, 1, &["alice", "secret"]);
    assert!(world.ask(2, late, "/ignore").contains("dave"));
    let mut world = World::of(2, world.bucket);
    let alice = world.enter(1, 1, &["alice", "secret"]);
    let ignored = world.ask(1, alice, "/ignore");
    assert!(ignored.contains("carol") && !ignored.contains("bob"), "{ignored}");
}

#[test]
fn whispers_of_all_nodes_are_delivered_at_any_node_once() {
    let (mut world, alice) = alice(2);
    world.say(0, alice, "/quit");
    let bob = world.enter(0, 2, &["bob"]);
    let carol = world.enter(1, 2, &["carol"]);
    world.type_line(0, bob, "@alice one");
    world.type_line(1, carol, "@alice two");
    world.type_line(1, carol, "@alice two");
    assert_eq!((world.put(0), world.put(1)), (1, 0));
    world.settle();
    let alice = world.enter(1, 3, &["alice", "secret"]);
    let read = read_lines(&mut world.nodes[1].hub, alice).join("\n");
    assert_eq!((read.matches("one").count(), read.matches("two").count()), (1, 2), "{read}");
    // Another one was left while these were on their way to her.
    let key = b"whispers.alice";
    let mut more: serde_json::Value = serde_json::from_str(world.bucket.get("whispers.alice").unwrap()).unwrap();
    let mut late = more["whispers"][0].clone();
    late["text"] = "late".into();
    more["whispers"].as_array_mut().unwrap().push(late);
    world.bucket.put(key, Some(more.to_string().as_bytes()));
    world.settle();
    let read = world.read(1, alice);
    assert!(read.contains("late") && !read.contains("one"), "{read}");
    assert_eq!(world.bucket.get("whispers.alice"), None);
    world.say(1, alice, "/quit");
    let alice = world.enter(0, 3, &["alice", "secret"]);
    assert!(!world.read(0, alice).contains("stored"));
}

#[test]
fn newest_fifty_whispers_of_a_name_are_kept_also_over_a_full_stop() {
    let mut world = World::of(1, Bucket::default());
    let bob = world.enter(0, 2, &["bob"]);
    for number in 0..WHISPERS_PER_NAME + 10 {
        world.type_line(0, bob, &format!("@erin w{number}."));
        if number % 7 == 0 {
            world.settle();
        }
    }
    world.settle();
    let mut world = World::of(1, world.bucket);
    let erin = world.enter(0, 3, &["erin"]);
    let read = world.read(0, erin);
    assert!(!read.contains("w9.") && read.contains("w10.") && read.contains("w59."), "{read}");
    assert_eq!(world.bucket.keys(), [""; 0]);
}

#[test]
fn what_is_kept_of_an_account_ends_with_it() {
    let (mut world, alice) = alice(2);
    world.say(0, alice, "/ignore carol");
    world.say(0, alice, "/quit");
    let bob = world.enter(1, 2, &["bob", "@alice for the first owner"]);
    world.order("/unregister alice");
    assert_eq!(world.bucket.keys(), ["room.den"]);
    world.at += Duration::from_secs(5);
    let next = world.enter(0, 3, &["alice", "/register other"]);
    assert!(!world.read(0, next).contains("first owner"));
    assert!(!world.ask(0, next, "/ignore").contains("carol"));
    // A node that hears late has put something of the first owner.
    world.bucket.put(b"private.alice", Some(br#"{"since":1,"ignored":["bob"]}"#));
    world.bucket.put(
        b"whispers.alice",
        Some(br#"{"since":1,"whispers":[{"to":"alice","from":"bob","at":[2026,300,1,1,1,0,0,0,0],"text":"old"}]}"#),
    );
    world.settle();
    assert!(!world.ask(0, next, "/ignore").contains("bob"));
    world.say(0, next, "/quit");
    world.say(1, bob, "@alice new");
    let next = world.enter(1, 3, &["alice", "other"]);
    let read = world.read(1, next);
    assert!(read.contains("new") && !read.contains("old"), "{read}");
}

#[test]
fn whisper_that_is_delivered_while_it_is_on_its_way_is_not_delivered_again() {
    let (mut world, alice) = alice(2);
    world.say(0, alice, "/quit");
    let bob = world.enter(0, 2, &["bob"]);
    world.type_line(0, bob, "@alice early");
    // It is handed out; the hub is not told yet whether it was put.
    let sent = world.nodes[0].hub.poll_kept().unwrap();
    assert_eq!(sent.key, "whispers.alice");
    let (id, now) = (ClientId::new(3), world.now());
    world.nodes[0].hub.handle_plain_connection(id, ([10, 0, 0, 3], 1).into(), now);
    ["alice", "secret"].iter().for_each(|line| world.say(0, id, line));
    assert!(world.read(0, id).contains("early"));
    // Another node was faster.
    let other = sent.value.unwrap().replace("early", "other");
    world.bucket.put(b"whispers.alice", Some(other.as_bytes()));
    world.tell(0);
    world.nodes[0].hub.handle_kept_result("whispers.alice", false);
    world.settle();
    let read = world.read(0, id);
    assert!(read.contains("other") && !read.contains("early"), "{read}");
    assert_eq!(world.bucket.get("whispers.alice"), None);
}

#[test]
fn whisper_that_another_node_deletes_before_this_one_has_heard_of_it_is_forgotten() {
    let (mut world, alice) = alice(2);
    world.say(0, alice, "/quit");
    let bob = world.enter(0, 2, &["bob"]);
    world.type_line(0, bob, "@alice soon");
    let sent = world.nodes[0].hub.poll_kept().unwrap();
    world.bucket.put(b"whispers.alice", sent.value.as_ref().map(|value| value.as_bytes()));
    let (id, now) = (ClientId::new(3), world.now());
    world.nodes[0].hub.handle_plain_connection(id, ([10, 0, 0, 3], 1).into(), now);
    for line in ["alice", "secret"] {
        world.type_line(0, id, line);
        let hub = &mut world.nodes[0].hub;
        while let Some(request) = hub.poll_password(now) {
            hub.handle_password(&request, answer_to(&request.job), now);
        }
    }
    world.settle();
    read_lines(&mut world.nodes[0].hub, id);
    world.nodes[0].hub.acknowledge_kept_deliveries();
    // The other node has delivered and deleted it, too.
    world.bucket.put(b"whispers.alice", None);
    world.tell(0);
    world.nodes[0].hub.handle_kept_result("whispers.alice", true);
    world.say(0, bob, "@dave hello");
    let hub = serde_json::to_string(&world.nodes[0].hub.kept).unwrap();
    assert!(!hub.contains("soon") && hub.contains("hello"), "{hub}");
}
