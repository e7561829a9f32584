//! Words are found in any script, and nothing that is typed is more than words.

use super::*;
use crate::testing::Random;

/// A store in which these were said, one a room's message each.
fn store(directory: &Directory, said_there: &[&str]) -> Store {
    let (mut store, _) = directory.open();
    let records: Vec<_> = said_there.iter().zip(1..).map(|(text, id)| said(id, "lobby", text)).collect();
    store.write(&records).unwrap();
    store
}

fn found(store: &mut Store, words: &str) -> Vec<u64> {
    let found = store.search("lobby", words, None, 100).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    assert_eq!(found.before, None);
    found.messages.iter().map(|message| message.id).collect()
}

#[test]
fn words_are_found_in_any_script() {
    let directory = Directory::new();
    let mut store = store(
        &directory,
        &[
            "Anyone for lunch at the Café?",      // 1
            "今天中午吃鱼，好不好",               // 2
            "鱼吃虫",                             // 3
            "ラーメンを食べたい 한국어로 말하자", // 4
            "STRASSE und Łódź",                   // 5
            "อยากกินข้าว",                          // 6
            "ｆｕｌｌ ﾗｰﾒﾝ",                      // 7
            "C++ 3.14 foo_bar don't",             // 8
            "𠮷野家",                             // 9
        ],
    );
    for (words, ids) in [
        ("lunch", &[1][..]),
        ("LUNCH anyone", &[1]),
        ("cafe", &[1]),
        ("lun", &[]),
        ("lunch dinner", &[]),
        ("中午", &[2]),
        ("吃鱼", &[2]),
        ("鱼", &[2, 3]),
        ("鱼 吃", &[2, 3]),
        ("午今", &[]),
        ("好不好 今天", &[2]),
        ("ーメン", &[4, 7]),
        ("ﾗｰﾒﾝ", &[4, 7]),
        ("국어", &[4]),
        ("\u{1100}\u{116e}\u{11a8}어", &[4]),
        ("한국", &[4]),
        ("\u{1112}\u{1161}\u{11ab}국", &[4]),
        ("straße", &[5]),
        ("ข้าว", &[6]),
        ("full", &[7]),
        ("c++", &[8]),
        ("3.14", &[8]),
        ("14 foo", &[8]),
        ("don't", &[8]),
        ("吉野", &[]),
        ("𠮷", &[9]),
    ] {
        assert_eq!(found(&mut store, words), ids, "{words}");
    }
}

#[test]
fn nothing_that_is_typed_is_an_operator() {
    let directory = Directory::new();
    let mut store = store(&directory, &["red AND blue", "red", "near NEAR green not NOT or OR", "room 1"]);
    for (words, ids) in [
        ("red AND blue", &[1][..]),
        ("red OR green", &[]),
        ("red NOT blue", &[]),
        ("NEAR(green)", &[3]),
        ("text:red", &[]),
        ("room:1", &[4]),
        ("room : 1", &[4]),
        ("re*", &[]),
        ("^red", &[1, 2]),
        ("-red", &[1, 2]),
        ("\"red\"", &[1, 2]),
        ("red\"\" blue", &[1]),
        ("(red", &[1, 2]),
        ("red)", &[1, 2]),
        ("{text} : red", &[]),
        ("red + blue", &[1]),
        ("red' OR 1=1 --", &[]),
        ("red\0blue", &[]),
        ("", &[]),
        (" \t", &[]),
        ("\"", &[]),
        ("* ( ) : ^ -", &[]),
        ("\u{1f41f}", &[]),
        ("\u{301}", &[]),
    ] {
        assert_eq!(found(&mut store, words), ids, "{words:?}");
    }
    assert_eq!(found(&mut store, &"red ".repeat(10_000)), [1, 2]);
    assert_eq!(found(&mut store, &"红".repeat(10_000)), [0; 0]);
}

#[test]
fn what_is_typed_with_a_seed_is_no_error() {
    let directory = Directory::new();
    let mut store = store(&directory, &["red", "鱼"]);
    let pieces =
        ["red", "鱼", "\"", "'", "*", "(", ")", "{", "}", ":", "^", "+", "-", "AND", "OR", "NOT", "NEAR", ",", "\\"];
    let more = [" ", "\0", "\u{301}", "\u{fffd}", "\u{10ffff}", "ß", "ﷺ", ";", "text", "room", "/", "%", "\n"];
    let pieces = [&pieces[..], &more[..]].concat();
    let seeds = std::env::var("CHINWAG_SEEDS").map_or(300, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let mut random = Random(seed);
        let typed: String = (0..random.below(12)).map(|_| *random.pick(&pieces)).collect();
        let answer = store.search("lobby", &typed, None, 5);
        assert!(answer.is_ok(), "seed {seed}: {typed:?}: {answer:?}");
    }
}

#[test]
fn a_search_keeps_to_its_room_and_is_paged() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let records: Vec<_> = (1..=60).map(|id| said(id, ["lobby", "tea", "1"][id as usize % 3], "red 1 2 3")).collect();
    store.write(&records).unwrap();
    let (mut before, mut pages, mut ids) = (None, 0, Vec::new());
    loop {
        let found = store.search("TEA", "red", before, 7).unwrap();
        pages += 1;
        assert!(found.messages.is_sorted_by_key(|message| message.id) && found.messages.len() <= 7);
        ids.splice(0..0, found.messages.iter().map(|message| message.id));
        before = found.before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(ids, (1..=60).filter(|id| id % 3 == 1).collect::<Vec<u64>>());
    assert_eq!(pages, 3);
    assert_eq!(store.search("nowhere", "red", None, 7), Ok(Found::default()));
    assert_eq!(store.search("tea", "red", Some(0), 7), Ok(Found::default()));
    assert_eq!(store.search("tea", "red", Some(1), 7), Ok(Found::default()));
    assert_eq!(store.search("tea", "red", None, 0), Ok(Found::default()));
}

#[test]
fn one_search_goes_through_a_bounded_number_of_messages() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[said(1, "lobby", "red"), said(1_000_000, "lobby", "blue")]).unwrap();
    let (mut before, mut searches, mut ids) = (None, 0, Vec::new());
    loop {
        let found = store.search("lobby", "red", before, 5).unwrap();
        searches += 1;
        ids.extend(found.messages.iter().map(|message| message.id));
        assert!(found.before.is_none_or(|next| before.is_none_or(|before| next < before)));
        before = found.before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(ids, [1]);
    assert!(searches > 10, "{searches}");
}
