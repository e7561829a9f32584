//! A damaged file: what is read from it is right, or an error.

use super::*;
use crate::chat::record::{RoomRecord, TopicRecord};
use crate::util::test_support::Random;

const ROOMS: [&str; 3] = ["lobby", "tea", "鱼"];
const WORDS: [&str; 5] = ["red", "blue", "鱼", "green", "fish"];

/// Everything that can be read from a store.
#[derive(Clone, Debug, PartialEq)]
struct Everything {
    start: InitialState,
    pages: Vec<Vec<Message>>,
    whispers: Vec<Whisper>,
}

fn seeds(most: u64) -> u64 {
    std::env::var("CHINWAG_SEEDS").map_or(most, |seeds| seeds.parse().unwrap())
}

fn records(random: &mut Random, next: &mut u64) -> Vec<Record> {
    (0..1 + random.below(8))
        .map(|_| {
            let text: String = (0..random.below(30)).map(|_| format!("{} ", random.pick::<&str>(&WORDS))).collect();
            match random.below(20) {
                0 => {
                    let name = ["bob", "carol"].get(random.below(3)).copied();
                    Record::Ban(ban(&format!("10.{}.0.0/16", random.below(9)), name, None))
                }
                2 => Record::Delete {
                    room: random.pick::<&str>(&ROOMS).to_string(),
                    ids: (0..3).map(|_| 1 + random.below(*next as usize) as u64).collect(),
                },
                1 => {
                    let at = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
                    Record::Whisper(Whisper { to: "bob".into(), from: "carol".into(), at, text })
                }
                _ => {
                    *next += 1;
                    said(
                        *next - 1,
                        random.pick::<&str>(&ROOMS),
                        &if random.one_in(40) { text.repeat(50) } else { text },
                    )
                }
            }
        })
        .collect()
}

/// Reads everything, or fails. A search can find too little, since its index has no checksums, but nothing wrong.
fn read(options: &Options, good: Option<&Everything>) -> Result<Everything, Error> {
    let (mut store, start) = Store::open(options, NOW)?;
    read_more(&mut store, start, good)
}

fn read_more(store: &mut Store, start: InitialState, good: Option<&Everything>) -> Result<Everything, Error> {
    let mut pages = Vec::new();
    for room in ROOMS {
        let all = history(store, room, None, 1_000_000)?;
        assert_eq!(ids_after(store, room, 0, 1_000_000)?, all.iter().map(|message| message.id).collect::<Vec<_>>());
        pages.push(all);
        pages.push(history(store, room, Some(start.next_id / 2), 20)?);
    }
    for (room, all) in ROOMS.iter().zip(good.iter().flat_map(|good| good.pages.iter().step_by(2))) {
        for word in WORDS {
            // An error here is only about the index.
            let found = search(store, room, word, None, 50).unwrap_or_default().0;
            assert!(found.iter().all(|message| all.contains(message)), "a message that was not written was found");
        }
    }
    Ok(Everything { start, pages, whispers: store.whispers("Bob")? })
}

/// Changes some bytes, in one of several ways.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    let length = bytes.len();
    match random.below(8) {
        // An empty file would be a new store.
        0 => bytes.truncate(random.below(length).max(1)),
        1 => bytes.truncate((random.below(length) / 4096 * 4096).max(1)),
        2 => {
            let page = random.below(length / 4096) * 4096;
            bytes[page..page + 4096].fill(0);
        }
        3 => {
            let (from, to) = (random.below(length / 4096) * 4096, random.below(length / 4096) * 4096);
            bytes.copy_within(from..from + 4096, to);
        }
        4 => {
            let at = random.below(length - 600);
            (at..at + random.below(600)).for_each(|at| bytes[at] = random.next() as u8);
        }
        // The header of a page, where every byte matters.
        5 => bytes[random.below(length / 4096) * 4096 + random.below(40)] ^= 1 << random.below(8),
        _ => (0..1 + random.below(4)).for_each(|_| bytes[random.below(length)] ^= 1 << random.below(8)),
    }
}

#[test]
fn damaged_file_is_read_right_or_is_an_error() {
    let directory = Directory::new();
    let (mut store, mut next, mut random) = (directory.open().0, 1, Random(1));
    for _ in 0..60 {
        store.write(&records(&mut random, &mut next)).unwrap();
    }
    drop(store);
    let options = Options { history: 30, ..directory.options() };
    let good = read(&options, None).unwrap();
    let bytes = fs::read(&options.path).unwrap();
    let (mut right, mut errors) = (0, 0);
    for seed in 0..seeds(600) {
        let mut random = Random(seed);
        let mut damaged = bytes.clone();
        damage(&mut random, &mut damaged);
        let _ = fs::remove_file(directory.join("history-wal"));
        fs::write(&options.path, &damaged).unwrap();
        let write_too = || {
            let (mut store, start) = Store::open(&options, NOW)?;
            let before = read_more(&mut store, start.clone(), Some(&good))?;
            let new = said(start.next_id, "tea", "new");
            store.write(std::slice::from_ref(&new))?;
            let tea = history(&mut store, "tea", None, 1_000_000)?;
            assert_eq!((tea.len(), tea.last()), (good.pages[2].len() + 1, Some(&message(start.next_id, "tea", "new"))));
            let _ = store.prune(NOW, 10);
            Ok::<_, Error>(before)
        };
        match write_too() {
            Ok(everything) => {
                assert_eq!(everything, good, "seed {seed}");
                right += 1;
            }
            Err(error) => {
                let line = error.to_string();
                assert!(!line.contains(['\n', '\r']), "seed {seed}: {line:?}");
                errors += 1;
            }
        }
    }
    assert!(right > 0 && errors > 0, "{right} right, {errors} errors");
}

#[test]
fn damaged_log_loses_whole_turns_or_is_an_error() {
    let directory = Directory::new();
    let (mut store, mut next, mut random) = (directory.open().0, 1, Random(2));
    let turns: Vec<_> = (0..20).map(|_| records(&mut random, &mut next)).collect();
    let mut states = vec![Vec::new()];
    for turn in &turns {
        store.write(turn).unwrap();
        states.push(history(&mut store, "lobby", None, 1_000_000).unwrap());
    }
    // As after SIGKILL: nothing was closed.
    let names = ["history", "history-wal"].map(|name| directory.join(name));
    let [file, log] = names.each_ref().map(|name| fs::read(name).unwrap());
    drop(store);
    let mut lost = 0;
    for seed in 0..seeds(200) {
        let mut damaged = log.clone();
        damage(&mut Random(seed), &mut damaged);
        fs::write(&names[0], &file).unwrap();
        fs::write(&names[1], &damaged).unwrap();
        let read = || history(&mut Store::open(&directory.options(), NOW)?.0, "lobby", None, 1_000_000);
        if let Ok(messages) = read() {
            let turns = states.iter().position(|state| *state == messages);
            assert!(turns.is_some(), "seed {seed}: {} messages", messages.len());
            lost += usize::from(messages != *states.last().unwrap());
        }
    }
    assert!(lost > 0);
}

#[test]
fn rows_changed_by_other_programs_are_detected() {
    let changes = [
        "UPDATE messages SET text = 'no' WHERE id = 2",
        "UPDATE messages SET name = 'eve' WHERE id = 2",
        "UPDATE messages SET at = at + 1 WHERE id = 2",
        "UPDATE messages SET kind = 7 WHERE id = 2",
        "UPDATE messages SET kind = 2 WHERE id = 2",
        "UPDATE messages SET kind = 2, name = '', text = '' WHERE id = 2",
        "UPDATE messages SET room = 2 WHERE id = 2",
        "DELETE FROM messages WHERE id = 1",
        "DELETE FROM messages WHERE id = 2",
        "DELETE FROM messages WHERE id = 3",
        "DELETE FROM messages",
        "UPDATE messages SET id = 9 WHERE id = 3",
        "UPDATE rooms SET last = 2 WHERE room = 1",
        "UPDATE rooms SET name = 'den' WHERE room = 1",
        "UPDATE state SET next_id = 9",
        "UPDATE state SET run = run + 1",
        "DELETE FROM state",
        "UPDATE bans SET network = '11.0.0.0/8'",
        "UPDATE bans SET until = 1",
        "UPDATE bans SET name = NULL",
        "UPDATE rooms SET record = NULL WHERE room = 2",
        "UPDATE rooms SET record = '{}' WHERE room = 1",
        "DROP TABLE whispers",
        "DROP TABLE removed_texts",
        "DROP TABLE messages",
    ];
    for change in changes {
        let directory = Directory::new();
        let (mut store, _) = directory.open();
        let ban = Record::Ban(ban("10.0.0.0/8", Some("bob"), None));
        store.write(&[said(1, "lobby", "a"), said(2, "lobby", "b"), said(3, "lobby", "c"), ban]).unwrap();
        let record = RoomRecord {
            topic: Some(TopicRecord { name: "bob".into(), text: "tea".into(), at: 0 }),
            ..Default::default()
        };
        store.write(&[Record::Settings { room: "tea".into(), record: record.into() }]).unwrap();
        drop(store);
        let path = directory.join("history");
        rusqlite::Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let opened = Store::open(&directory.options(), NOW).map(|(_, start)| start);
        assert!(matches!(&opened, Err(Error::Corrupt(..))), "{change}: {opened:?}");
    }
}
