//! Renders everything that the server can write in both languages, and checks that it is parsed as the same thing.

use std::net::SocketAddr;

use time::{Date, Duration, Month, PrimitiveDateTime};

use super::*;
use crate::chat;
use crate::chat::policy::nick::{InvalidNick, Name};
use crate::chat::{Cause, Event, LOBBY, Lang, Render};
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
    Plain { lang }.render(&event, &mut out);
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

/// Returns the expected result for a list: in Chinese two names in a row can be unclear, and are left out.
fn expected_people<'a>(people: &chat::People<'a>, lang: Lang) -> PeopleList<'a> {
    let mut names = people.names.to_vec();
    if let (Lang::Zh, 0, false, [.., one, other]) = (lang, people.more(), people.you, people.names) {
        let pair = format!("{one}和{other}");
        let ways = pair.match_indices('和').filter(|(at, and)| *at > 0 && at + and.len() < pair.len());
        if ways.count() > 1 {
            names.truncate(names.len() - 2);
        }
    }
    // A name that looks like a number of members is taken for that number if the sum allows it.
    if let Some(last) = people.names.last().filter(|_| people.more() == 0)
        && lang == Lang::Zh
        && (people.you || people.names.len() == 1)
        && *last == "另外1人"
    {
        names.pop();
    }
    PeopleList { here: people.here, names, you: people.you }
}

/// Returns the expected result for a notice; `None` if it stays text.
fn expected<'a>(notice: &chat::Notice<'a>, lang: Lang, cause: &'a str) -> Option<ServerNotice<'a>> {
    let people = |people| expected_people(people, lang);
    Some(match *notice {
        chat::Notice::Welcome => ServerNotice::Welcome,
        chat::Notice::NameSet => ServerNotice::NameSet,
        chat::Notice::Entered { name, people: ref p, .. } => ServerNotice::Entered { name, people: people(p) },
        chat::Notice::EnteredPeer { name } => ServerNotice::EnteredPeer { name },
        chat::Notice::EnteredRoom { room, people: ref p } => ServerNotice::EnteredRoom { room, people: people(p) },
        chat::Notice::HistoryBegins { messages, .. } => {
            ServerNotice::HistoryBegins { messages: (lang == Lang::En).then_some(messages) }
        }
        chat::Notice::HistoryEnds | chat::Notice::PageEnds { .. } => ServerNotice::HistoryEnds,
        chat::Notice::NoHistory => ServerNotice::NoHistory,
        chat::Notice::Joined { name, here } => ServerNotice::Joined { name, here },
        chat::Notice::Left { name, here, .. } => ServerNotice::Left { name, cause, here },
        chat::Notice::Renamed { old, new } => {
            // The first copy of the words is taken for the server's.
            let first = format!("{old}改名为").match_indices("改名为").map(|(at, _)| at).find(|&at| at > 0);
            if lang == Lang::Zh && first != Some(old.len()) {
                return None;
            }
            ServerNotice::Renamed { old, new }
        }
        chat::Notice::Summed { joined, left, here } => ServerNotice::Summed { joined, left, here },
        chat::Notice::Day(date) => ServerNotice::Day(date),
        chat::Notice::Waiting { number } => ServerNotice::Waiting { number },
        chat::Notice::Pong { text } => ServerNotice::Pong { text },
        chat::Notice::People { people: ref p, .. } => ServerNotice::People(people(p)),
        chat::Notice::PeopleIn { room, people: ref p } => ServerNotice::PeopleIn { room, people: people(p) },
        chat::Notice::Rooms { rooms, more } => ServerNotice::Rooms { rooms: rooms.to_vec(), more },
        chat::Notice::Echo { on } => ServerNotice::Echo { on },
        chat::Notice::Goodbye => ServerNotice::Goodbye,
        chat::Notice::Kicked { why } => ServerNotice::Kicked { why },
        chat::Notice::ShuttingDown => ServerNotice::ShuttingDown,
        // Has no text for people.
        chat::Notice::Hello { .. }
        | chat::Notice::Ignoring { .. }
        | chat::Notice::NoLongerIgnoring { .. }
        | chat::Notice::IgnoreList { .. }
        | chat::Notice::Line(_)
        | chat::Notice::Connected { .. }
        | chat::Notice::Disconnected { .. }
        | chat::Notice::PeerLeft { .. }
        | chat::Notice::Ban { .. }
        | chat::Notice::Unbanned { .. }
        | chat::Notice::NoBans
        | chat::Notice::Muted { .. }
        | chat::Notice::Unmuted { .. }
        | chat::Notice::NoMutes
        | chat::Notice::PageOf { .. }
        | chat::Notice::MoreRooms { .. }
        | chat::Notice::Detached
        | chat::Notice::FoundBegins { .. }
        | chat::Notice::FoundEnds { .. }
        | chat::Notice::WhisperStored { .. }
        | chat::Notice::OfflineWhispersBegin { .. }
        | chat::Notice::OfflineWhispersEnd
        | chat::Notice::StoreFails { .. }
        | chat::Notice::StoreWorks { .. }
        | chat::Notice::Lost { .. } => return None,
    })
}

fn check_notice(lang: Lang, notice: chat::Notice) {
    let cause = match notice {
        chat::Notice::Left { cause, .. } => cause_words(lang, cause),
        _ => String::new(),
    };
    read(lang, Event::Notice(notice), |shape, line| match expected(&notice, lang, &cause) {
        Some(expected) => assert_eq!(shape, LineShape::Notice(expected), "{line:?}"),
        // If the two names cannot be separated, it only matters that the line is parsed as a renaming.
        None if matches!(notice, chat::Notice::Renamed { .. }) => {
            assert!(matches!(shape, LineShape::Notice(ServerNotice::Renamed { .. })), "{line:?} is {shape:?}");
        }
        None => assert_eq!(shape, LineShape::Notice(ServerNotice::Other(&line[2..])), "{line:?}"),
    });
}

/// Returns the text of a cause, as the phrases have it.
fn cause_words(lang: Lang, cause: &Cause) -> String {
    let line = render(lang, Event::Notice(chat::Notice::Left { name: "x", cause, here: 1 }));
    let (before, after) = match lang {
        Lang::En => ("* x left", " (1 here)\r\n"),
        Lang::Zh => ("* x退出了聊天室", "，当前1人\r\n"),
    };
    let words = line.strip_prefix(before).and_then(|line| line.strip_suffix(after)).unwrap();
    words.strip_prefix(": ").or_else(|| words.strip_prefix("：")).unwrap_or(words).into()
}

/// Checks one of the notices with fields, with random values.
fn check_random_notice(random: &mut Random, lang: Lang) {
    let (one, other, room, cause) = (name(random), name(random), name(random), cause(random));
    let others = names(random, 6);
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let more = if random.one_in(2) { 0 } else { random.below(2000) };
    let own = chat::People { here: others.len() + more + 1, names: &others, you: true };
    let foreign = chat::People { here: others.len() + more, names: &others, you: false };
    let rooms: Vec<(&str, usize)> = others.iter().chain([&"lobby"]).map(|&room| (room, random.below(3000))).collect();
    let here = random.below(2000);
    let pong = *random.pick(&["", "~17", "5", "a b", "x joined (3 her)"]);
    let why = *random.pick(TEXTS);
    let date = Date::from_calendar_date(2026, Month::January, 1).unwrap() + Duration::days(random.below(5000) as i64);
    check_notice(
        lang,
        match random.below(18) {
            0 => chat::Notice::Entered { name: &one, room: LOBBY, people: own },
            1 => chat::Notice::EnteredPeer { name: &one },
            2 => chat::Notice::EnteredRoom { room: &room, people: own },
            3 => chat::Notice::HistoryBegins { messages: here, gap: false, before: (more > 0).then_some(more as u64) },
            4 => chat::Notice::Joined { name: &one, here },
            5 => chat::Notice::Left { name: &one, cause: &cause, here },
            6 => chat::Notice::Renamed { old: &one, new: &other },
            7 => chat::Notice::Summed { joined: more as u32, left: 1, here },
            8 => chat::Notice::Day(date),
            9 => chat::Notice::Waiting { number: more as u32 },
            10 => chat::Notice::Pong { text: pong },
            11 => chat::Notice::People { room: LOBBY, people: own },
            12 => chat::Notice::PeopleIn { room: &room, people: foreign },
            13 => chat::Notice::Rooms { rooms: &rooms, more },
            14 => chat::Notice::FoundBegins { words: why, messages: more },
            15 => chat::Notice::FoundEnds { words: why, older: (more > 0).then_some(more as u64) },
            _ => chat::Notice::Kicked { why: Some(why) },
        },
    );
}

#[test]
fn random_notices_parse_to_the_same_notice() {
    for seed in 0..20_000 {
        let result = std::panic::catch_unwind(|| {
            let mut random = Random(seed);
            check_random_notice(&mut random, if seed % 2 == 0 { Lang::En } else { Lang::Zh });
        });
        assert!(result.is_ok(), "seed {seed}");
    }
}

#[test]
fn fixed_notices_parse_to_the_same_notice() {
    let network = "10.0.0.0/8".parse().unwrap();
    let addr: SocketAddr = "[::1]:5".parse().unwrap();
    for lang in [Lang::En, Lang::Zh] {
        for notice in [
            chat::Notice::Welcome,
            chat::Notice::NameSet,
            chat::Notice::HistoryEnds,
            chat::Notice::NoHistory,
            chat::Notice::Echo { on: true },
            chat::Notice::Echo { on: false },
            chat::Notice::Goodbye,
            chat::Notice::Kicked { why: None },
            chat::Notice::ShuttingDown,
            chat::Notice::Ignoring { name: "bob" },
            chat::Notice::NoLongerIgnoring { name: "bob" },
            chat::Notice::IgnoreList { names: &[] },
            chat::Notice::IgnoreList { names: &["bob", "carol", "dan"] },
            chat::Notice::Line("12 messages"),
            chat::Notice::Connected { addr, connected: 3 },
            chat::Notice::Disconnected { addr, connected: 3 },
            chat::Notice::PeerLeft { name: "bob" },
            chat::Notice::Ban { network, minutes: Some(5) },
            chat::Notice::Ban { network, minutes: None },
            chat::Notice::Unbanned { network },
            chat::Notice::NoBans,
            chat::Notice::Muted { name: "bob", minutes: Some(1) },
            chat::Notice::Muted { name: "bob", minutes: None },
            chat::Notice::Unmuted { name: "bob" },
            chat::Notice::NoMutes,
            chat::Notice::PageOf { command: "/bans", page: 1, pages: 3 },
            chat::Notice::PageOf { command: "/bans", page: 3, pages: 3 },
            chat::Notice::MoreRooms { rooms: 3 },
            chat::Notice::Detached,
            chat::Notice::Lost { lines: 3 },
            chat::Notice::PageEnds { older: Some(17) },
            chat::Notice::PageEnds { older: None },
            chat::Notice::FoundEnds { words: "fish", older: None },
            chat::Notice::WhisperStored { name: "bob" },
            chat::Notice::OfflineWhispersBegin { whispers: 1 },
            chat::Notice::OfflineWhispersBegin { whispers: 3 },
            chat::Notice::OfflineWhispersEnd,
            chat::Notice::StoreFails { why: "there is no space left for x; make some" },
            chat::Notice::StoreWorks { written: 3, lost: 0 },
            chat::Notice::StoreWorks { written: 3, lost: 1 },
        ] {
            check_notice(lang, notice);
        }
        for line in lang.help().iter().chain(lang.operator_help()) {
            assert_eq!(LineShape::parse(&format!("* {line}")), LineShape::Notice(ServerNotice::Other(line)));
        }
    }
}

fn expected_refusal<'a>(refusal: &chat::Refusal<'a>, lang: Lang) -> Option<ServerRefusal<'a>> {
    Some(match *refusal {
        chat::Refusal::Taken { name, asked } => {
            ServerRefusal::Taken { name: (lang == Lang::En).then_some(name), asked }
        }
        chat::Refusal::BadName { asked, .. } => ServerRefusal::BadName { asked },
        chat::Refusal::StillWaiting => ServerRefusal::StillWaiting,
        chat::Refusal::LoginTimeout { seconds } => ServerRefusal::LoginTimeout { seconds },
        chat::Refusal::Idle { seconds } => ServerRefusal::Idle { seconds },
        chat::Refusal::OtherProtocol => ServerRefusal::OtherProtocol,
        chat::Refusal::Full => ServerRefusal::Full,
        chat::Refusal::Busy => ServerRefusal::Busy,
        chat::Refusal::Banned => ServerRefusal::Banned,
        chat::Refusal::TooManyFromAddress { most } => ServerRefusal::TooManyFromAddress { most },
        chat::Refusal::TooManyRooms { most } => ServerRefusal::TooManyRooms { most },
        chat::Refusal::InThatRoom { room } => ServerRefusal::InThatRoom { room },
        chat::Refusal::NoSuchMember { name } => ServerRefusal::NobodyCalled { name },
        chat::Refusal::AlreadyCalled { .. }
        | chat::Refusal::NamesAreAddresses
        | chat::Refusal::TooLong { .. }
        | chat::Refusal::NotUtf8
        | chat::Refusal::Yourself
        | chat::Refusal::NoWhisperYet
        | chat::Refusal::WhispererLeft
        | chat::Refusal::Usage(_)
        | chat::Refusal::NoCommand { .. }
        | chat::Refusal::BadRoomName
        | chat::Refusal::NoRoom { .. }
        | chat::Refusal::NotIgnored { .. }
        | chat::Refusal::TooManyIgnored { .. }
        | chat::Refusal::HistoryRange { .. }
        | chat::Refusal::NoStore
        | chat::Refusal::LookupFails
        | chat::Refusal::TooManyStoredRooms { .. }
        | chat::Refusal::TooManyCreated { .. }
        | chat::Refusal::NotBanned { .. }
        | chat::Refusal::NotMuted { .. }
        | chat::Refusal::NoPage { .. }
        | chat::Refusal::ConsoleDoesNotQuit => return None,
    })
}

#[test]
fn refusals_parse_to_the_same_refusal() {
    let mut random = Random(1);
    for _ in 0..500 {
        let (name, number) = (name(&mut random), random.below(3));
        let (name, seconds, most, asked) = (&*name, number as u64, number, random.one_in(2));
        for refusal in [
            chat::Refusal::Taken { name, asked },
            chat::Refusal::BadName { why: InvalidNick::Shape, name, asked },
            chat::Refusal::BadName { why: InvalidNick::Reserved, name, asked },
            chat::Refusal::AlreadyCalled { name },
            chat::Refusal::NamesAreAddresses,
            chat::Refusal::LoginTimeout { seconds },
            chat::Refusal::StillWaiting,
            chat::Refusal::OtherProtocol,
            chat::Refusal::Full,
            chat::Refusal::Busy,
            chat::Refusal::TooManyFromAddress { most },
            chat::Refusal::Banned,
            chat::Refusal::Idle { seconds },
            chat::Refusal::TooLong { most },
            chat::Refusal::NotUtf8,
            chat::Refusal::NoSuchMember { name },
            chat::Refusal::Yourself,
            chat::Refusal::NoWhisperYet,
            chat::Refusal::WhispererLeft,
            chat::Refusal::Usage("/me text"),
            chat::Refusal::NoCommand { word: name },
            chat::Refusal::BadRoomName,
            chat::Refusal::NoRoom { room: name },
            chat::Refusal::TooManyRooms { most },
            chat::Refusal::InThatRoom { room: name },
            chat::Refusal::NotIgnored { name },
            chat::Refusal::TooManyIgnored { most },
            chat::Refusal::HistoryRange { most },
            chat::Refusal::NoStore,
            chat::Refusal::LookupFails,
            chat::Refusal::TooManyStoredRooms { most },
            chat::Refusal::TooManyCreated { most },
            chat::Refusal::NotBanned { what: name },
            chat::Refusal::NoPage { command: "/bans", pages: most },
            chat::Refusal::NotMuted { name },
            chat::Refusal::ConsoleDoesNotQuit,
        ] {
            for lang in [Lang::En, Lang::Zh] {
                read(lang, Event::Refusal(refusal), |shape, line| {
                    let expected = expected_refusal(&refusal, lang).unwrap_or(ServerRefusal::Other(&line[2..]));
                    assert_eq!(shape, LineShape::Refused(expected), "{line:?}");
                });
            }
        }
    }
}

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
