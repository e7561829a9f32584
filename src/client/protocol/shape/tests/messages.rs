//! Parses messages, lines of other servers, and damaged lines.

use time::{Date, PrimitiveDateTime};

use super::*;

#[test]
fn messages_parse_as_messages_for_any_text() {
    let mut random = Random(2);
    let when = PrimitiveDateTime::new(Date::MIN, Time::from_hms(9, 5, 59).unwrap()).assume_utc();
    let at = when.time();
    for _ in 0..2000 {
        let named = name(&mut random);
        let name = *random.pick(&[&*named, "127.0.0.1:5000", "[::1]:5000#2", "server"]);
        let text = *random.pick(TEXTS);
        let shapes = [
            (Event::Said { id: 1, at: when, name, text }, LineShape::Said { at, name, text }),
            (Event::Action { id: 1, at: when, name, text }, LineShape::Action { at, name, text }),
            (Event::Whisper { at: when, from: name, text }, LineShape::Whisper { at, from: name, text }),
            (Event::Whispered { at: when, to: name, text }, LineShape::Whispered { at, to: name, text }),
        ];
        for (event, expected) in shapes {
            read(Lang::En, event, |shape, line| assert_eq!(shape, expected, "{line:?}"));
        }
    }
}

#[test]
fn other_lines_are_raw() {
    for line in [
        "",
        "*",
        "*x",
        "!",
        "hello",
        "[12:00:00]",
        "[12:00:00] ",
        "[12:00:00] bob",
        "[12:00:00] : hi",
        "[12:00:00] *  waves",
        "[24:00:00] bob: hi",
        "[1é:00:00] bob: hi",
        "[+1:00:00] bob: hi",
        "[12:00:00] a -> b: hi",
        "<bob> * alice joined (3 here)",
    ] {
        assert_eq!(LineShape::parse(line), LineShape::Raw(line));
    }
}

/// A damaged sentence (half of it, two of them, a part missing) stays text and causes no panic.
#[test]
fn damaged_lines_do_not_panic() {
    let lines = [
        "* You are alice. 3 here: bob, carol and you. /help lists the commands.",
        "* 4 in den: a, b, 2 more.",
        "* 3 rooms: lobby (3), den (1) and 1 more",
        "* Friday 20 November 2026",
        "* 2026年11月20日 星期五",
        "* 您进入了房间den，当前5人：a、b、另外2人和您。",
        "* 共3个房间：lobby（3人）、den（1人）以及另外1个",
        "* 3人进入了聊天室，4人退出了聊天室，当前9人",
        "! 5秒内没有输入昵称，再见。",
        "[12:00:00] alice -> you: hi",
    ];
    let mut random = Random(3);
    for _ in 0..20_000 {
        let mut chars: Vec<char> = random.pick(&lines).chars().collect();
        for _ in 0..1 + random.below(3) {
            let (from, end) = (random.below(chars.len()), random.below(chars.len() + 1));
            if from < end && end - from < chars.len() / 2 && random.one_in(2) {
                chars.drain(from..end);
            } else {
                chars[from] = *random.pick(&['9', '和', '、', '：', ' ', '.', ',', ')', '\u{301}', 'é']);
            }
        }
        let line: String = chars.into_iter().collect();
        let shape = LineShape::parse(&line);
        assert!(!line.starts_with("* ") || matches!(shape, LineShape::Notice(_)), "{line:?}");
    }
    let huge = format!("* {0} here: a, {0} more and you.", usize::MAX);
    assert!(matches!(LineShape::parse(&huge), LineShape::Notice(ServerNotice::Other(_))), "{huge}");
}
