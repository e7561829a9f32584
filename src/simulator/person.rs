//! Simulated persons: what they type, and the bytes that their programs send.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::irc::IrcClient;
use super::network::Wire;
use super::oracle::Typed;
use super::page::SimulatedPage;
use super::program::LineProgram;
use crate::util::test_support::Random;

/// How a person reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingPace {
    /// All that comes, soon.
    Eager,
    /// A little now and then.
    Slow,
    /// Not until the pace changes.
    Stalled,
    /// Never again.
    Never,
}

/// A person with a connection.
pub struct Person {
    pub wire: Rc<RefCell<Wire>>,
    pub pace: ReadingPace,
    /// The browser page; `None` for a plain client.
    pub page: Option<SimulatedPage>,
    /// A program on the plain port; `None` for a person or a page.
    pub program: Option<LineProgram>,
    /// An IRC client.
    pub irc: Option<IrcClient>,
    /// The revision of the protocol that the page or program knows.
    pub revision: u32,
    /// Bytes that were typed and have not arrived.
    pub unsent: VecDeque<u8>,
    /// Nothing more will be typed; the end follows the unsent bytes.
    pub ends: bool,
    /// Telnet options that may still be asked for; past 100 the server answers no more.
    pub options: usize,
    /// The last line has no end, and must be processed before more is typed.
    pub pauses: bool,
    /// A line that is not empty has been typed.
    pub has_begun: bool,
    /// Time of the last write to the person.
    pub written_at: Duration,
    /// The connection is closed, and has been checked.
    pub done: bool,
}

/// Typed names; some are equal, some look like others. One is all Cyrillic.
pub const NAMES: &[&str] = &[
    "alice",
    "Alice",
    "ＡＬＩＣＥ",
    "bob",
    "carol",
    "dave",
    "张三",
    "É",
    "E\u{301}",
    "straße",
    "STRASSE",
    "erin",
    "frank",
    "A1ice",
    "b0b",
    "coco",
    "сосо",
    "Ivan",
    "lvan",
];
/// Names that nobody can have; the last ones look like reserved words, or have Cyrillic letters among Latin ones.
const BAD_NAMES: &[&str] = &[
    "a b",
    "a@b",
    "You",
    "server",
    "Admin",
    "10.0.0.1",
    "x!",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "y0u",
    "rne",
    "AIl",
    "sеrver",
    "саrоl",
    "аlice",
];
const ROOMS: &[&str] = &["lobby", "games", "Games", "den", "attic", "Lobby", "garnes", "1obby"];
/// Rooms in the commands about several rooms.
const MORE_ROOMS: &[&str] =
    &["lobby", "games", "Games", "den", "DEN", "attic", "tea", "chess", "Lobby", "GARNES", "Iobby", "lоbby", "chеss"];

const IAC: u8 = 255;

/// A name; with many persons mostly a unique one.
pub fn name(random: &mut Random, people: usize) -> String {
    match random.below(24) {
        0 => (*random.pick(BAD_NAMES)).into(),
        _ if people > 12 && random.one_in(12) => format!("p{}", random.below(2 * people)).replace('1', "l"),
        _ if people > 12 => format!("p{}", random.below(2 * people)),
        _ => (*random.pick(NAMES)).into(),
    }
}

/// The name of a room.
pub fn room(random: &mut Random) -> &'static str {
    random.pick::<&str>(MORE_ROOMS)
}

/// A text with a word that no other text has: `n` and six digits. `texts` counts them.
pub fn words(random: &mut Random, texts: &mut u32, long: usize, max_line: usize) -> String {
    *texts += 1;
    let word = format!("n{}", 100_000 + *texts);
    match random.below(12) {
        _ if random.one_in(long) => format!("{word} {}", "long ".repeat(random.below(max_line / 10))).trim().into(),
        0 => format!("{word} 你好 é ß 👋"),
        1 => format!("  {word}  "),
        _ => word,
    }
}

/// A line of a person who is, or expects to be, in a room.
pub fn line(random: &mut Random, texts: &mut u32, people: usize, long: usize, max_line: usize) -> String {
    let text = words(random, texts, long, max_line);
    let name = name(random, people);
    let room = *random.pick(ROOMS);
    match random.below(60) {
        0..=2 => format!("/me {text}"),
        3 | 4 => format!("/nick {name}"),
        5..=8 => format!("/join {room}"),
        9 => "/leave".into(),
        10 | 11 => format!("/history {}", 1 + random.below(6)),
        12 | 13 => format!("/ignore {name}"),
        14 => format!("/unignore {name}"),
        15 => format!("/echo {}", if random.one_in(2) { "on" } else { "off" }),
        16 => format!("/who {}", if random.one_in(2) { room } else { "" }),
        17 => "/rooms".into(),
        18 | 19 => format!("/ping {text}"),
        20 | 21 => format!("/r {text}"),
        22 => String::new(),
        23 if texts.is_multiple_of(2) => "/motd".into(),
        23 => "/help".into(),
        24 => format!("/msg {name} {text}"),
        25 => format!("@@{text}"),
        26 => format!("//{text}"),
        27 => format!("/say {text}"),
        28 => format!("/quit {text}").trim().into(),
        29 => ["q", "Quit", " exit "][random.below(3)].into(),
        30 => [
            "/nonsense",
            "/",
            "/kick bob",
            "/shutdown",
            "/nick",
            "/nick a@b",
            "/join",
            "/join x!",
            "/history 0",
            "/history x",
            "/history on 2026-11-20",
            "/history",
            "/ignore",
            "/unignore",
            "/ignore nobody",
            "/unignore nobody",
            "/echo maybe",
            "/msg bob",
            "@",
            "@bob",
            "@nobody hello",
            "/me ",
            "/say ",
            "/r ",
            "/who nowhere",
            "/who x!",
            "   ",
            "@server hello",
        ][random.below(27)]
        .into(),
        31..=38 => format!("@{name} {text}"),
        _ => text,
    }
}

/// A line of a member that knows of several rooms.
pub fn room_line(random: &mut Random, texts: &mut u32, people: usize, long: usize, max_line: usize) -> String {
    let text = words(random, texts, long, max_line);
    let name = name(random, people);
    let room = *random.pick(MORE_ROOMS);
    let hash = if random.one_in(4) { "#" } else { "" };
    match random.below(40) {
        0..=9 => format!("/follow {hash}{room}"),
        10 | 11 => format!("/unfollow {hash}{room}"),
        12..=20 => format!("#{room} {text}"),
        21 => format!("##{text}"),
        22 | 23 => format!("/history #{room} {}", 1 + random.below(6)),
        24 => format!("/who #{room}"),
        25 => format!("/join #{room}"),
        26 => format!("/topic #{room} {text}"),
        27 => [format!("/topic {text}"), "/topic -".into(), "/topic".into()][random.below(3)].clone(),
        28 => format!("/topic #{room}{}", [" -", "", " "][random.below(3)]),
        29 | 30 => format!("/quiet {}", if random.one_in(3) { "off" } else { "on" }),
        31 => format!("/away {text}"),
        32 => "/away".into(),
        33 | 34 => format!("/whois {name}"),
        35 => format!("@{name}: {text}"),
        36 => format!("/msg {name}, {text}"),
        37 => format!("/me #{room} {text}"),
        38 => format!("/topic {}", "t".repeat(380 + random.below(20))),
        _ => [
            "#",
            "# text",
            "#den",
            "#lobby  ",
            "#nosuch text",
            "#nosuch",
            "##",
            "/follow",
            "/follow #",
            "/follow x!",
            "/unfollow",
            "/unfollow nowhere",
            "/join #",
            "/whois",
            "/whois nobody",
            "/whois server",
            "/quiet",
            "/quiet maybe",
            "/topic #nosuch text",
            "/me #den",
            "/me #nosuch waves",
            "/history #den x",
            "/history #den Around 3 2",
            "/history #nosuch 2",
            "/history #lobby",
            "/who #nowhere",
            "/who #",
            "@bob:",
            "@: text",
            "@, text",
            "/json",
            "/json room=den",
            "/unfollow #nowhere",
        ][random.below(32)]
        .into(),
    }
}

/// What a program asks for when it connects: words such as `room=den`.
pub fn resume_words(random: &mut Random, revision: u32, messages: u64) -> String {
    let mut parts = Vec::new();
    if random.one_in(2) {
        let bad = ["", "x!", "server"];
        parts.push(format!("room={}", if random.one_in(8) { random.pick(&bad) } else { random.pick(MORE_ROOMS) }));
    }
    if revision > 1 && random.one_in(2) {
        let mut rooms: Vec<&str> = (0..1 + random.below(4)).map(|_| *random.pick(MORE_ROOMS)).collect();
        if random.one_in(10) {
            rooms.push(["", "x!", "you"][random.below(3)]);
        }
        parts.push(format!("follow={}", rooms.join(",")));
    }
    if random.one_in(2) {
        let run = if random.one_in(8) { "0000000000000001" } else { "0000000000000000" };
        parts.push(format!("run={run}"));
        parts.push(format!("after={}", random.below(messages as usize + 3)));
    }
    if random.one_in(12) {
        parts.push(["nonsense", "after=x", "run=0"][random.below(3)].into());
    }
    parts.join(" ")
}

/// A line of a program on the plain port before it has a name.
pub fn json_line(random: &mut Random, revision: u32, messages: u64) -> String {
    match random.below(12) {
        0 => ["/jsonx", " /json", "/JSON", "json"][random.below(4)].into(),
        1..=4 => "/json".into(),
        _ => format!("/json {}", resume_words(random, revision, messages)).trim_end().into(),
    }
}

/// A line of the operator.
pub fn order(random: &mut Random, people: usize, text: &str) -> String {
    let name = name(random, people).replace(' ', "");
    let ip = format!("10.0.0.{}", 1 + random.below(people));
    let room = *random.pick(MORE_ROOMS);
    match random.below(18) {
        16 => format!("#{room} {}", text.trim()),
        17 => [
            format!("/whois {name}"),
            format!("/me #{room} {}", text.trim()),
            format!("@{name}: {}", text.trim()),
            format!("##{}", text.trim()),
            "#den".into(),
            "#nosuch text".into(),
        ][random.below(6)]
        .clone(),
        0 => format!("/kick {name}"),
        1 => format!("/kick {name} rude"),
        2 if random.one_in(2) => format!("/ban {name} 1"),
        2 => format!("/ban {ip}"),
        3..=5 => format!("/unban {ip}"),
        6 => "/rooms".into(),
        7 | 8 => format!("@{name} {}", text.trim()),
        9 | 10 => format!("/mute {name} {}", 1 + random.below(3)),
        11 => format!("/mute {name}"),
        12 | 13 => format!("/unmute {name}"),
        14 => "/mutes".into(),
        _ => text.into(),
    }
}

/// A telnet command without effect on the text, and its expected answer.
fn command(random: &mut Random) -> (Vec<u8>, Option<Typed>) {
    let option = random.below(40) as u8;
    match random.below(5) {
        0 => (vec![IAC, 253, option], Some(Typed::Option([IAC, 252, option]))),
        1 => (vec![IAC, 251, option], Some(Typed::Option([IAC, 254, option]))),
        2 => (vec![IAC, 254, option], None),
        3 => (vec![IAC, 250, 31, 0, 80, IAC, IAC, b'\n', IAC, 240], None),
        _ => (vec![IAC, 241], None),
    }
}

/// The bytes that a program sends for a line, and how the server should understand them.
///
/// At most `options` telnet options are asked for.
pub fn bytes(random: &mut Random, line: String, max_line: usize, options: &mut usize) -> (Vec<u8>, Vec<Typed>) {
    let end = *random.pick::<&[u8]>(&[&b"\n"[..], b"\r\n", b"\r\0"]);
    let mut typed = Vec::new();
    let mut bytes = Vec::new();
    match random.below(40) {
        0 => {
            bytes = vec![b'x'; max_line + 1 + random.below(2 * max_line)];
            typed.push(Typed::TooLong);
        }
        1 => {
            bytes.extend_from_slice(line.as_bytes());
            let ends: [&[u8]; 3] = [b"\xc3\x28", b"\x80", &[b'a', IAC, IAC]];
            // An escaped IAC is telnet, too.
            let bad = *random.pick(if *options > 0 { &ends[..] } else { &ends[..2] });
            bytes.extend_from_slice(bad);
            typed.push(Typed::NotUtf8);
        }
        2..=6 => {
            // Each noise leaves the text unchanged, between any two characters.
            for c in line.chars() {
                if random.one_in(6) {
                    let noise =
                        *random.pick::<&[u8]>(&[&b"\x07"[..], b"x\x08", "é\x7f".as_bytes(), b"\x1b[31m", b"\0"]);
                    bytes.extend_from_slice(noise);
                } else if random.one_in(12) && *options > 0 {
                    let (noise, answer) = command(random);
                    *options -= 1;
                    bytes.extend(noise);
                    typed.extend(answer);
                }
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            typed.push(Typed::Line(line));
            if bytes.len() > max_line {
                // More noise does not fit into a line.
                let Some(Typed::Line(line)) = typed.pop() else { unreachable!() };
                return (format!("{line}\n").into_bytes(), vec![Typed::Line(line)]);
            }
        }
        _ => {
            bytes.extend_from_slice(line.as_bytes());
            typed.push(Typed::Line(line));
        }
    }
    bytes.extend_from_slice(end);
    (bytes, typed)
}
