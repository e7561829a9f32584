//! Renders everything that the server can write in both languages, and checks that it is parsed as the same thing.

mod messages;
mod notices;
mod refusals;

use super::*;
use crate::chat::policy::nick::Name;
use crate::chat::{Cause, Event, Lang, Render, RoomLabel};
use crate::util::test_support::Random;
use crate::wire::plain::Plain;

/// Parts for names that look like the words around them.
const PARTS: &[&str] = &[
    "a",
    "bob",
    "and",
    "more",
    "in",
    "here",
    "joined",
    "left",
    "is",
    "now",
    "pong",
    "lobby",
    "5",
    "12",
    "人",
    "和",
    "您",
    "张三",
    "当前",
    "房间",
    "另外",
    "改名为",
    "进入了聊天室",
    "退出了聊天室",
    "e\u{301}",
    "عل",
    "नि",
    "ｶﾞ",
    "_",
    "-",
    ".",
    "x.",
];

const TEXTS: &[&str] = &[
    "hi",
    " two  spaces ",
    "* alice joined (3 here)",
    "alice joined (3 here)",
    "left: \"x\" (2 here)",
    "\" (5 here)",
    "”，当前3人",
    "x退出了聊天室：“y”，当前9人",
    "] [12:00:00] bob: no",
    "a -> you: b",
    "you -> bob: b",
    ": :",
    "Try another:",
    "你好，世界。",
    "👩\u{200d}👩\u{200d}👧 e\u{301}",
];

fn name(random: &mut Random) -> String {
    loop {
        let name: String = (0..1 + random.below(3)).map(|_| *random.pick(PARTS)).collect();
        if let Ok(name) = Name::new(&name) {
            return name.shown.into();
        }
    }
}

fn names(random: &mut Random, most: usize) -> Vec<String> {
    let mut names: Vec<String> = (0..random.below(most + 1)).map(|_| name(random)).collect();
    names.sort();
    names.dedup();
    names
}

fn cause(random: &mut Random) -> Cause {
    match random.below(12) {
        0 => Cause::Quit(None),
        1 => Cause::Quit(Some((*random.pick(TEXTS)).into())),
        2 => Cause::EndOfInput,
        3 => Cause::Moved,
        4 => Cause::ConnectionLost,
        5 => Cause::Idle,
        6 => Cause::TooSlow,
        7 => Cause::Kicked(Some("why".into())),
        8 => Cause::Banned,
        9 => Cause::LoginTimeout,
        10 => Cause::OtherProtocol,
        _ => Cause::ShutDown,
    }
}

fn render(lang: Lang, event: Event) -> String {
    let mut out = Vec::new();
    Plain { lang }.render(&event, RoomLabel::Current("lobby"), &mut out);
    String::from_utf8(out).unwrap()
}

/// Renders and parses one event; `check` gets the result, unless the event has no text.
fn read(lang: Lang, event: Event, check: impl FnOnce(LineShape, &str)) {
    let line = render(lang, event);
    if !line.is_empty() {
        let line = line.strip_suffix("\r\n").expect("a line's end");
        check(LineShape::parse(line), line);
    }
}
