//! Text that was deleted leaves all stores.

use super::world::{World, texts};
use crate::cluster::replica::Notice;

#[test]
fn deleted_text_leaves_the_checkpoint() {
    let mut world = World::new(100);
    world.start(0);
    world.run(5);
    let alice = world.enter(0, 0, "alice");
    world.say(0, alice, "a secret");
    world.run(1);
    let id = world.lobby(0, 1)[0].id;
    world.record_checkpoint(0);
    world.run(6);
    let at = world.at;
    assert!(!world.node(0).hub.wants_checkpoint(at), "nothing was deleted");
    world.say(0, alice, &format!("/delete {id}"));
    world.run(1);
    let at = world.at;
    assert!(world.node(0).hub.wants_checkpoint(at));
    world.record_checkpoint(0);
    world.write(0);
    world.nodes.clear();
    let checkpoint = world.folder.open(0).1.cluster.unwrap().checkpoint.unwrap();
    assert!(checkpoint.snapshot.contains("alice") && !checkpoint.snapshot.contains("a secret"));
}

#[test]
fn text_that_was_deleted_while_a_node_was_away_leaves_its_store() {
    come_back_after_a_deletion(|world| world.record_checkpoint(1), |_| {});
}

#[test]
fn text_that_was_deleted_meanwhile_leaves_the_store_also_if_the_node_is_upgraded_before_it_takes_part() {
    // The state of the checkpoint lacks the text.
    come_back_after_a_deletion(|_| {}, |world| world.hand_over(1));
}

/// A text is deleted while a node is away, whose store has it and a checkpoint of before. `end` is done before the node ends, and
/// `begin` when it has begun again.
fn come_back_after_a_deletion(end: fn(&mut World), begin: fn(&mut World)) {
    let mut world = World::new(100);
    world.start(0);
    world.run(5);
    world.start(1);
    world.run(5);
    world.record_checkpoint(1);
    let alice = world.enter(0, 0, "alice");
    for text in ["one", "a secret", "three"] {
        world.say(0, alice, text);
        world.run(1);
    }
    let secret = world.lobby(0, 9)[1].id;
    end(&mut world);
    world.write(1);
    world.nodes[1] = None;
    world.say(0, alice, &format!("/delete {secret}"));
    world.run(1);
    world.say(0, alice, "four");
    world.run(1);
    world.first = world.log.len() as u64;
    world.start(1);
    begin(&mut world);
    world.run(5);
    assert!(world.node(1).notices.iter().any(|notice| matches!(notice, Notice::Gap { after: Some(_), .. })));
    for index in 0..2 {
        assert_eq!(texts(&world.stored(index)), ["one", "three", "four"], "node {index}");
    }
}
