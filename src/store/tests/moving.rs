//! Export and import of all messages.

use super::*;
use crate::util::test_support::Random;

fn exported(store: &Store, room: Option<&str>) -> Vec<Message> {
    let mut messages = Vec::new();
    let each = |message| {
        messages.push(message);
        Ok::<_, Error>(())
    };
    store.export(room, each).unwrap();
    messages
}

fn import(store: &mut Store, messages: &[Message]) -> Result<u64, Error> {
    store.import(messages.iter().cloned().map(Ok))
}

#[test]
fn exported_messages_can_be_imported_in_any_order() {
    for seed in 0..20 {
        let (mut random, directory, other) = (Random(seed), Directory::new(), Directory::new());
        let (mut store, _) = directory.open();
        let room = |random: &mut Random| *random.pick::<&str>(&["lobby", "tea", "鱼"]);
        let mut id = 0;
        let records: Vec<_> = (0..200)
            .map(|_| {
                id += 1 + random.below(3) as u64;
                said(id, room(&mut random), "red")
            })
            .collect();
        store.write(&records).unwrap();
        let all = exported(&store, None);
        assert_eq!(all.len(), 200);
        let tea: Vec<_> = all.iter().filter(|message| message.room == "tea").cloned().collect();
        assert_eq!(exported(&store, Some("TEA")), tea);

        // Import in several parts, not in order of id, and prune some in between.
        let mut mixed = all.clone();
        (0..mixed.len()).for_each(|at| mixed.swap(at, random.below(at + 1)));
        let options = Options { keep_messages: Some(60), history: 1000, ..other.options() };
        let (mut target, _) = Store::open(&options, NOW).unwrap();
        for part in mixed.chunks(70) {
            assert_eq!(import(&mut target, part), Ok(part.len() as u64), "seed {seed}");
        }
        target.prune(NOW, 50 + random.below(200)).unwrap();
        let kept = exported(&target, None);
        let pruned: Vec<_> = all.iter().filter(|message| !kept.contains(message)).cloned().collect();
        assert!(!pruned.is_empty(), "seed {seed}");
        import(&mut target, &pruned).unwrap();
        drop(target);
        let (mut target, start) = Store::open(&options, NOW).unwrap();
        assert_eq!((exported(&target, None), start.next_id), (all.clone(), id + 1), "seed {seed}");
        for InitialRoom { name, messages, .. } in &start.rooms {
            let there: Vec<_> = all.iter().filter(|message| message.room == *name).cloned().collect();
            assert_eq!((messages, search(&mut target, name, "red", None, 1000).unwrap().0), (&there, there.clone()));
        }
        assert_eq!(target.cached.state.messages, 200);
        target.write(&[said(id + 1, "tea", "more")]).unwrap();
    }
}

#[test]
fn failed_import_changes_nothing() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[said(5, "lobby", "five")]).unwrap();
    let taken = [message(3, "lobby", "three"), message(9, "tea", "nine"), message(5, "tea", "five")];
    let refused = |why: &str| Err(Error::Refused(directory.join("history"), why.into()));
    assert_eq!(import(&mut store, &taken), refused("message id 5 is already used"));
    assert_eq!(
        import(&mut store, &[message(3, "lobby", ""), message(3, "lobby", "")]),
        refused("message id 3 is already used")
    );
    assert_eq!(
        import(&mut store, &[message(3, "lobby", ""), message(0, "lobby", "")]),
        refused("0 is not a valid message id")
    );
    let broken = Error::NoRoom("x".into(), "y".into());
    assert_eq!(store.import([Ok(message(3, "lobby", "")), Err(broken.clone())]), Err(broken));
    assert_eq!(exported(&store, None), [message(5, "lobby", "five")]);
    drop(store);
    let (_, start) = directory.open();
    assert_eq!((start.next_id, start.rooms.len()), (6, 1));
}

#[test]
fn export_of_an_unknown_room_is_an_error() {
    let directory = Directory::new();
    let (store, _) = directory.open();
    let told = store.export(Some("tea"), |_| Ok::<_, Error>(())).unwrap_err().to_string();
    assert!(told.starts_with("there is no room tea in /"), "{told}");
}

#[test]
fn open_existing_does_not_create_a_file() {
    let directory = Directory::new();
    let told = Store::open_existing(&directory.options()).err().unwrap().to_string();
    assert!(told.ends_with("history: there is no such file"), "{told}");
    assert!(!directory.join("history").exists());
}
