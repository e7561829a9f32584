//! A node that crashes and starts again.

use std::time::Duration;

use super::world::World;
use crate::chat::{ClientId, Input};
use crate::util::test_support::Random;

/// Something that a member does, or the operator.
fn act(world: &mut World, random: &mut Random, node: usize, id: ClientId) {
    let newest = 256 * world.log.len() as u64;
    let line = match random.below(12) {
        0 => format!("/join {}", random.pick(&["den", "tea", "lobby"])),
        1 => format!("/topic {}", random.below(9)),
        2 => format!("/room slow {}", random.below(3)),
        3 => format!("/delete {}", newest.saturating_sub(256 * random.below(30) as u64)),
        4 => format!("/name {}{}", random.pick(&["alice", "bob", "carol"]), random.below(3)),
        5 | 6 => {
            let line = format!("/{} 10.{}.0.0/16", random.pick(&["ban", "unban"]), random.below(3));
            let now = world.now();
            return world.node(node).hub.handle_line(ClientId::CONSOLE, Input::Line(&line), now);
        }
        n => format!("line {n} of {newest}"),
    };
    world.say(node, id, &line);
}

#[test]
fn store_of_a_node_that_crashes_has_the_same_as_one_of_a_node_that_does_not() {
    for seed in 0..6 {
        let (mut random, mut world) = (Random(seed), World::new(1000));
        world.start(0);
        world.run(5);
        let alice = world.enter(0, 0, "alice");
        world.start(1);
        world.run(5);
        let mut bob = world.enter(1, 0, "bob");
        let mut crashes = 0;
        for _ in 0..120 {
            let (node, id) = if random.one_in(2) { (0, alice) } else { (1, bob) };
            act(&mut world, &mut random, node, id);
            if random.one_in(15) {
                world.record_checkpoint(1);
            }
            if !random.one_in(10) {
                world.run(1);
                continue;
            }
            // It ends within a turn, perhaps before it has written.
            crashes += 1;
            world.at += Duration::from_millis(100);
            world.turn(0);
            world.write(0);
            world.turn(1);
            if random.one_in(2) {
                world.write(1);
            }
            world.nodes[1] = None;
            (0..random.below(4)).for_each(|_| act(&mut world, &mut random, 0, alice));
            world.run(random.below(8) as u64);
            world.start(1);
            world.run(5);
            assert!(world.node(1).replica.is_ready(), "seed {seed}");
            assert_eq!(world.state(0), world.state(1), "seed {seed}");
            bob = world.enter(1, 0, &format!("bob{crashes}"));
        }
        world.run(2);
        assert!(crashes > 3);
        let gaps = world.node(1).notices.clone();
        let [first, second] = [0, 1].map(|index| world.stored(index));
        assert!(first.rooms.iter().map(|room| room.messages.len()).sum::<usize>() > 20, "seed {seed}");
        assert_eq!(first, second, "seed {seed}: {gaps:?}");
    }
}
