//! When the shared state of a node is stored.

use std::time::Duration;

use crate::chat::config::Config;
use crate::chat::hub::tests::store_queue::{StoreHub, start};
use crate::chat::id::ClientId;
use crate::chat::record::Record;

/// A node with a store, with this history.
fn node(lines: usize, bytes: usize) -> StoreHub {
    let config = Config { history: 1_000, history_bytes: 8 << 20, backlog_bytes: 16 << 20, ..Config::default() };
    let mut fixture = StoreHub::new(config, start());
    fixture.hub.follow_log("office");
    let (alice, _) = fixture.enter("alice");
    let line = "x".repeat(bytes);
    (0..lines).for_each(|_| fixture.say(alice, &line));
    fixture.hub.note_position(7);
    fixture
}

/// Seconds after a checkpoint until the next one is due, if its last message is deleted or another entry is applied.
fn pause_after_checkpoint(fixture: &mut StoreHub, deletes: bool) -> u64 {
    fixture.hub.record_checkpoint(7, String::new(), fixture.now.at);
    fixture.hub.note_position(8);
    if deletes {
        fixture.say(ClientId::new(0), "/delete last");
        fixture.hub.poll_records();
    }
    let is_due = |seconds: &u64| fixture.hub.wants_checkpoint(fixture.now.at + Duration::from_secs(*seconds));
    (0..10_000).find(is_due).expect("a checkpoint")
}

#[test]
fn a_small_state_is_stored_every_five_minutes_and_soon_after_a_deletion() {
    let mut fixture = node(3, 100);
    assert!(fixture.hub.wants_checkpoint(fixture.now.at));
    assert_eq!(pause_after_checkpoint(&mut fixture, false), 300);
    assert_eq!(pause_after_checkpoint(&mut fixture, true), 5);
}

#[test]
fn a_large_state_is_stored_more_rarely() {
    let mut fixture = node(40, 100_000);
    fixture.hub.record_checkpoint(7, String::new(), fixture.now.at);
    let stored = fixture.hub.poll_records().into_iter().filter_map(|record| match record {
        Record::Checkpoint(record) => Some(record.snapshot.len()),
        _ => None,
    });
    let stored: Vec<usize> = stored.collect();
    assert!(matches!(stored[..], [4_000_000..4_100_000]), "{stored:?}");
    assert_eq!(pause_after_checkpoint(&mut fixture, true), 15);
    assert_eq!(pause_after_checkpoint(&mut fixture, false), 300);
}
