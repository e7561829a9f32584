//! Search: words are found in any script, and typed text contains no operators.

use super::*;
use crate::util::test_support::Random;

/// A store with these messages in the lobby; their ids count from 1.
fn store(directory: &Directory, messages: &[&str]) -> Store {
    let (mut store, _) = directory.open();
    let records: Vec<_> = messages.iter().zip(1..).map(|(text, id)| said(id, "lobby", text)).collect();
    store.write(&records).unwrap();
    store
}

fn found(store: &mut Store, words: &str) -> Vec<u64> {
    let (found, before) = search(store, "lobby", words, None, 100).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    assert_eq!(before, None);
    found.iter().map(|message| message.id).collect()
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
fn typed_operators_are_plain_words() {
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
fn random_search_text_is_no_error() {
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
        let answer = search(&mut store, "lobby", &typed, None, 5);
        assert!(answer.is_ok(), "seed {seed}: {typed:?}: {answer:?}");
    }
}

#[test]
fn search_is_limited_to_its_room_and_paged() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let records: Vec<_> = (1..=60).map(|id| said(id, ["lobby", "tea", "1"][id as usize % 3], "red 1 2 3")).collect();
    store.write(&records).unwrap();
    let (mut before, mut pages, mut ids) = (None, 0, Vec::new());
    loop {
        let (found, next) = search(&mut store, "TEA", "red", before, 7).unwrap();
        pages += 1;
        assert!(found.is_sorted_by_key(|message| message.id) && found.len() <= 7);
        ids.splice(0..0, found.iter().map(|message| message.id));
        before = next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(ids, (1..=60).filter(|id| id % 3 == 1).collect::<Vec<u64>>());
    assert_eq!(pages, 3);
    assert_eq!(search(&mut store, "nowhere", "red", None, 7), Ok((vec![], None)));
    assert_eq!(search(&mut store, "tea", "red", Some(0), 7), Ok((vec![], None)));
    assert_eq!(search(&mut store, "tea", "red", Some(1), 7), Ok((vec![], None)));
    assert_eq!(search(&mut store, "tea", "red", None, 0), Ok((vec![], None)));
}

/// Ids that FTS5 itself finds; only for small stores, since it has no time limit.
fn found_by_fts5(store: &Store, words: &str) -> Vec<u64> {
    let typed: String = words.chars().map(|c| if c == '"' { ' ' } else { c }).collect();
    let words: Vec<_> =
        typed.split_whitespace().filter(|word| crate::store::search::words::SearchWords::new(word).is_some()).collect();
    let words: Vec<_> =
        words.iter().take(8).map(|word| format!("\"{}\"", crate::store::search::words::spaced(word))).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let connection = store.connection().unwrap();
    let mut statement = connection.prepare("SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rowid").unwrap();
    let query = format!("text : ({})", words.join(" AND "));
    statement.query_map([query], |row| row.get::<_, i64>(0)).unwrap().map(|id| id.unwrap() as u64).collect()
}

#[test]
fn search_finds_what_fts5_finds() {
    let pieces = [
        "red",
        "Red",
        "blue",
        "a",
        "b",
        "鱼",
        "吃",
        "了",
        "的",
        "ラ",
        "ー",
        "メ",
        "ﾗ",
        "한",
        "국",
        "\u{1112}\u{1161}\u{11ab}",
        "é",
        "e\u{301}",
        "ß",
        "ё",
        "й",
        "ệ",
        "ά",
        "ก",
        "ข้",
        "न",
        "स्",
        "م",
        "ﷺ",
        "🦀",
        "🐟",
        "１",
        "1",
        "3.14",
        "_",
        "'",
        ",",
        "，",
        " ",
        " ",
        " ",
        " ",
        "\u{338}",
        "\u{345}",
        "\u{301}",
        "ᾳ",
        "Ⓐ",
        "ʼ",
        "\u{200d}",
        "𠮷",
        "々",
        "〇",
        "\u{e000}",
        "𞤀",
    ];
    let seeds = std::env::var("CHINWAG_SEEDS").map_or(20, |seeds| seeds.parse().unwrap());
    let mut hits = 0;
    for seed in 0..seeds {
        let mut random = Random(seed);
        let some: Vec<&str> = (0..5).map(|_| *random.pick(&pieces)).collect();
        let mut text = |most: usize| -> String {
            let length = random.below(most);
            (0..length).map(|_| if random.one_in(9) { *random.pick(&pieces) } else { *random.pick(&some) }).collect()
        };
        let directory = Directory::new();
        let texts: Vec<String> = (0..60).map(|_| text(12)).collect();
        let mut store = store(&directory, &texts.iter().map(String::as_str).collect::<Vec<_>>());
        for _ in 0..60 {
            let typed = text(5);
            let expected = found_by_fts5(&store, &typed);
            hits += expected.len();
            assert_eq!(found(&mut store, &typed), expected, "seed {seed}: {typed:?} in {texts:#?}");
        }
    }
    assert!(hits > 100 * seeds as usize, "{hits}");
}

#[test]
fn separators_match_fts5_for_every_character() {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE VIRTUAL TABLE t USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2');
             CREATE VIRTUAL TABLE v USING fts5vocab (t, instance);
             BEGIN;",
        )
        .unwrap();
    let mut insert = connection.prepare("INSERT INTO t (rowid, text) VALUES (?1, ?2)").unwrap();
    // All characters: one row per block of 256, each character inside its own word.
    let blocks: Vec<Vec<char>> =
        (0..0x1100u32).map(|block| (1..0x100).filter_map(|c| char::from_u32(block << 8 | c)).collect()).collect();
    for (block, characters) in blocks.iter().enumerate() {
        let text: String = characters.iter().map(|c| format!("q{c}q ")).collect();
        insert.execute((block as i64 + 1, text)).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    let mut all = connection.prepare("SELECT doc, \"offset\", term FROM v").unwrap();
    let mut there: Vec<Vec<(i64, String)>> = vec![Vec::new(); blocks.len()];
    let mut rows = all.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let block: i64 = row.get(0).unwrap();
        there[block as usize - 1].push((row.get(1).unwrap(), row.get(2).unwrap()));
    }
    for (mut there, characters) in there.into_iter().zip(blocks) {
        there.sort_unstable();
        let mut there = there.into_iter().map(|(_, token)| token);
        for c in characters {
            let first = there.next().unwrap();
            let is_ignored = first == "qq";
            let separates = first == "q";
            if separates {
                assert_eq!(there.next().as_deref(), Some("q"), "{c:?}");
            }
            assert_eq!(
                (
                    crate::store::search::separators::is_separator(c),
                    crate::store::search::separators::is_ignored_mark(c)
                ),
                (separates, is_ignored),
                "{c:?}"
            );
        }
    }
}

/// Runs a search in steps of `most` units of work; returns the ids found, the number of steps, and the most work of a step.
fn in_steps(store: &mut Store, room: &str, words: &str, most: usize) -> (Vec<u64>, usize, usize) {
    let words = SearchWords::new(words).unwrap();
    let (mut ids, mut before, mut steps, mut asked_most) = (Vec::new(), None, 0, 0);
    loop {
        let mut asked = 0;
        let mut more = || {
            asked += 1;
            asked < most
        };
        let found = store.search(room, &words, before, 1000, &mut more).unwrap();
        asked_most = asked_most.max(asked);
        steps += 1;
        ids.extend(found.ids);
        assert!(found.before.is_none_or(|next| before.is_none_or(|before| next < before)), "no progress");
        before = found.before;
        if before.is_none() {
            return (ids, steps, asked_most);
        }
    }
}

#[test]
fn search_step_is_bounded_for_any_words_and_messages() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let repeated = format!("了{}", "的".repeat(1364));
    let text = |id: u64| match id % 4 {
        0 => "red 的 了 alpha".to_owned(),
        1 => "blue beta 1".to_owned(),
        2 if id % 100 == 2 => repeated.clone(),
        _ => format!("green {id}"),
    };
    let records: Vec<_> = (1..=2000).map(|id| said(id, ["lobby", "tea"][id as usize % 5 / 4], &text(id))).collect();
    store.write(&records).unwrap();
    // Words never in one message; a word that is a room's number; phrases that almost match, and very long ones.
    let phrases = [
        "red blue".to_owned(),
        "alpha beta 1".to_owned(),
        "1 1 1 1 1 1 1 1".to_owned(),
        "的".repeat(256),
        format!("{}了", "的".repeat(255)),
        "了的的的的的的的 的的了".to_owned(),
        "red 的 了 alpha beta blue green 1".to_owned(),
        "nowhere red".to_owned(),
    ];
    for typed in phrases {
        let expected: Vec<u64> =
            search(&mut store, "tea", &typed, None, 10_000).unwrap().0.iter().rev().map(|message| message.id).collect();
        for most in [0, 50] {
            let (ids, steps, asked) = in_steps(&mut store, "tea", &typed, most);
            assert_eq!(ids, expected, "{typed}");
            // At least one id of each list, and one more if the lists share an id.
            assert!(asked <= most + 20, "{typed}: {asked}");
            assert!(most > 0 || expected.is_empty() || steps >= expected.len(), "{typed}: {steps}");
        }
    }
}

#[test]
fn text_after_the_maximum_length_is_not_searched() {
    let directory = Directory::new();
    let long = |c: &str| format!("first {}last", format!("{c} ").repeat(crate::store::search::words::MAX_TEXT));
    let mut store = store(&directory, &[&long("x"), &long("é"), &long("鱼"), &long("ﷺ")]);
    assert_eq!(found(&mut store, "first"), [1, 2, 3, 4]);
    assert_eq!(found(&mut store, "last"), [0; 0]);
}
