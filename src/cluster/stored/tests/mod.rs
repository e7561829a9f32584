//! Nodes with stores on a log in memory: they crash and start again, come late, and have stores that do not fit.

mod crashes;
mod deletions;
mod gaps;
mod world;

use time::OffsetDateTime;

use self::world::{BEGIN, World, lobby};
use super::*;
use crate::chat::record::{Message, Record};
use crate::cluster::replica::{Notice, Stop};

#[test]
fn node_with_the_store_of_a_single_server_begins_a_cluster_and_does_not_join_one() {
    let mut world = World::new(100);
    for index in 0..2 {
        let (mut store, _) = world.folder.open(index);
        let at = OffsetDateTime::UNIX_EPOCH + BEGIN;
        let (room, name) = ("lobby".to_owned(), "alice".to_owned());
        let kind = crate::chat::MessageKind::Said;
        store.write(&[Record::Message(Message { id: 1, room, at, kind, name, text: "before".into() })]).unwrap();
    }
    world.start(0);
    world.run(5);
    world.start(1);
    world.run(5);
    let notices = &world.node(1).notices;
    let why = notices.iter().find_map(|notice| match notice {
        Notice::Stopped(Stop::CannotRestore(why)) => Some(why),
        _ => None,
    });
    assert!(why.is_some_and(|why| why.contains("name another file with --store")), "{notices:?}");
    assert!(world.node(0).replica.is_ready());
    world.nodes.clear();
    let names = [0, 1].map(|index| world.folder.open(index).1.cluster.map(|cluster| cluster.name));
    assert_eq!(names, [Some("office".into()), None]);
    let mut store = world.folder.open(1).0;
    assert_eq!(lobby(&mut store, 9).len(), 1, "it is as it was");
}

fn stored(next_id: u64, cluster: Option<&str>) -> InitialState {
    let cluster = cluster.map(|name| InitialCluster { name: name.into(), position: 4, checkpoint: None });
    InitialState { next_id, cluster, ..InitialState::default() }
}

#[test]
fn store_of_another_cluster_or_of_a_single_server_is_refused() {
    let (empty, used) = (Some(Stream { first: 1, last: 0 }), Some(Stream { first: 3, last: 9 }));
    let check = |next_id, of, log| check(&stored(next_id, of), "office", log);
    for log in [None, empty, used] {
        assert_eq!(check(1, None, log), Ok(()));
        assert_eq!(check(900, Some("office"), log), Ok(()));
        assert_eq!(check(900, Some("site"), log), Err(Unfit::OtherCluster("site".into(), "office".into())));
    }
    assert_eq!((check(900, None, None), check(900, None, empty)), (Ok(()), Ok(())));
    let refused = check(900, None, used).unwrap_err();
    assert_eq!(refused, Unfit::OfSingleServer("office".into()));
    assert!(refused.to_string().contains("name another file with --store"));
}

#[test]
fn new_log_begins_above_all_ids_of_the_store() {
    for (next_id, first) in [(0, 1), (1, 1), (256, 1), (257, 2), (512, 2), (513, 3), (5_000_000, 19_532)] {
        assert_eq!(first_position(next_id), first, "{next_id}");
        assert!(first * 256 >= next_id);
    }
}

#[test]
fn ids_of_positions_are_those_of_their_entries() {
    assert_eq!(ids_of(Some(1), 2), Gap { from: 512, to: 768 });
    assert_eq!(ids_of(None, 0), Gap { from: 0, to: 256 });
}
