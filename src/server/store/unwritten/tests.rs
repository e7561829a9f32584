use super::*;
use crate::chat::MessageKind;
use crate::chat::record::TopicRecord;
use crate::util::test_json::through_json;

fn said(id: u64) -> Record {
    let (at, room) = (OffsetDateTime::UNIX_EPOCH, "lobby".to_owned());
    Record::Message(Message { id, room, at, kind: MessageKind::Said, name: "alice".into(), text: format!("text {id}") })
}

fn whisper(to: &str, text: impl ToString) -> Record {
    let at = OffsetDateTime::UNIX_EPOCH;
    Record::Whisper(Whisper { to: to.into(), from: "alice".into(), at, text: text.to_string() })
}

fn ids(waiting: &UnwrittenRecords, before: Option<u64>) -> Vec<u64> {
    waiting.newest_first(before).map(|message| message.id).collect()
}

fn whispers(waiting: &UnwrittenRecords, to: &str, stored: &[&str]) -> Vec<String> {
    let whisper_of = |text: &&str| match whisper(to, text) {
        Record::Whisper(whisper) => whisper,
        _ => unreachable!(),
    };
    let mut found: Vec<Whisper> = stored.iter().map(whisper_of).collect();
    waiting.append_whispers(to, &mut found);
    found.into_iter().map(|whisper| whisper.text).collect()
}

#[test]
fn messages_are_found_by_id_after_removals() {
    let mut waiting = UnwrittenRecords::default();
    waiting.extend(vec![said(3), Record::NextId(5), said(5), whisper("bob", "hi"), said(9)]);
    assert_eq!(ids(&waiting, None), [9, 5, 3]);
    assert_eq!(ids(&waiting, Some(9)), [5, 3]);
    assert_eq!(ids(&waiting, Some(6)), [5, 3]);
    assert_eq!(ids(&waiting, Some(3)), [0; 0]);
    assert_eq!(waiting.message(5).map(|message| &*message.text), Some("text 5"));
    assert_eq!(waiting.message(4), None);
    waiting = through_json(&waiting);
    waiting.remove_first(2);
    assert_eq!((ids(&waiting, None), waiting.message(3)), (vec![9, 5], None));
    assert_eq!(waiting.message(9).map(|message| &*message.text), Some("text 9"));
    assert_eq!(whispers(&waiting, "Bob", &[]), ["hi"]);
    waiting.remove_first(3);
    assert_eq!((waiting.len(), waiting.bytes(), ids(&waiting, None)), (0, 0, vec![]));
}

#[test]
fn oldest_messages_and_whispers_are_dropped_first() {
    let mut waiting = UnwrittenRecords::default();
    let ban = Record::Unban { network: "10.0.0.0/8".parse().unwrap() };
    waiting.extend(vec![ban.clone(), whisper("bob", "hi"), said(1), said(2), said(3)]);
    let most = waiting.bytes() - 1 - bytes(&said(1));
    let lost = Gap { from: 1, to: 2 };
    assert_eq!(waiting.drop_oldest(most), (2, Some(lost)));
    assert_eq!((ids(&waiting, None), waiting.first(2)), (vec![3, 2], &[Record::Gap(lost), ban][..]));
    assert_eq!(whispers(&waiting, "bob", &["stored"]), ["stored"]);
    assert!(waiting.bytes() <= most + RECORD_BYTES);
}

#[test]
fn position_is_written_with_all_records_of_its_turn() {
    let mut waiting = UnwrittenRecords::default();
    assert_eq!(waiting.end_of_turn(0), 0);
    waiting.extend(vec![said(1), said(2), Record::Position(5), said(3), said(4), Record::Position(6), said(5)]);
    let ends: Vec<usize> = (1..=7).map(|n| waiting.end_of_turn(n)).collect();
    assert_eq!(ends, [3, 3, 3, 6, 6, 6, 7]);
    // It is not dropped: what was lost stays so.
    let (dropped, lost) = waiting.drop_oldest(0);
    assert_eq!((dropped, lost), (5, Some(Gap { from: 1, to: 6 })));
    let left = [Record::Gap(Gap { from: 1, to: 6 }), Record::Position(5), Record::Position(6)];
    assert_eq!(waiting.first(waiting.len()), left);
}

#[test]
fn waiting_deletions_hide_messages_until_they_are_written() {
    let mut waiting = UnwrittenRecords::default();
    let delete = |room: &str, ids: &[u64]| Record::Delete { room: room.into(), ids: ids.to_vec() };
    waiting.extend(vec![said(1), said(2), said(3), delete("LOBBY", &[1, 7]), delete("den", &[2]), said(4)]);
    waiting = through_json(&waiting);
    let hidden = |waiting: &UnwrittenRecords| {
        let there = |id: &u64| waiting.deleted_in("Lobby").is_some_and(|deleted| deleted.contains(id));
        (
            (1..9).filter(there).collect::<Vec<_>>(),
            (1..9).filter(|&id| waiting.message(id).is_some()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(hidden(&waiting), (vec![1, 7], vec![2, 3, 4]));
    // Messages are dropped first.
    assert_eq!(waiting.drop_oldest(3 * RECORD_BYTES), (4, Some(Gap { from: 1, to: 5 })));
    assert_eq!(hidden(&waiting), (vec![1, 7], vec![]));
    waiting.remove_first(2);
    assert_eq!((hidden(&waiting), waiting.len()), ((vec![], vec![]), 1));
}

#[test]
fn only_the_newest_settings_of_a_room_wait() {
    let mut waiting = UnwrittenRecords::default();
    let settings = |room: &str, topic: &str| {
        let topic = Some(TopicRecord { name: "alice".into(), text: topic.into(), at: 0 });
        Record::Settings { room: room.into(), record: RoomRecord { topic, ..RoomRecord::default() }.into() }
    };
    waiting.extend(vec![
        settings("den", &"long ".repeat(100)),
        said(1),
        settings("tea", "one"),
        settings("DEN", "two"),
    ]);
    assert_eq!(waiting.first(3), [settings("DEN", "two"), said(1), settings("tea", "one")]);
    let sum = waiting.first(3).iter().map(bytes).sum::<usize>();
    assert_eq!((waiting.len(), waiting.bytes()), (3, sum));
    // The room that is removed in between is not the same one.
    waiting.extend(vec![Record::RoomGone { name: "den".into() }, settings("den", "three")]);
    assert_eq!(waiting.len(), 5);
    waiting.remove_first(1);
    waiting.extend(vec![settings("tea", "four"), settings("den", "five")]);
    assert_eq!(
        waiting.first(4)[1..],
        [settings("tea", "four"), Record::RoomGone { name: "den".into() }, settings("den", "five")]
    );
    waiting.remove_first(4);
    assert_eq!((waiting.len(), waiting.bytes()), (0, 0));
}

#[test]
fn unread_whispers_follow_stored_ones() {
    let mut waiting = UnwrittenRecords::default();
    waiting.extend(vec![whisper("bob", "one"), whisper("carol", "other"), whisper("BOB", "two")]);
    assert_eq!(whispers(&waiting, "Bob", &["stored"]), ["stored", "one", "two"]);
    waiting.extend(vec![Record::WhispersRead { to: "bob".into() }]);
    assert_eq!(whispers(&waiting, "bob", &["stored"]), [""; 0]);
    waiting.extend(vec![whisper("bob", "three")]);
    assert_eq!(whispers(&waiting, "bob", &["stored"]), ["three"]);
    assert_eq!(whispers(&waiting, "carol", &["stored"]), ["stored", "other"]);
    waiting.extend((0..WHISPERS_PER_NAME).map(|n| whisper("carol", n)).collect());
    let carol = whispers(&waiting, "carol", &["stored"]);
    assert_eq!((carol.len(), &*carol[0]), (WHISPERS_PER_NAME, "0"));
}
