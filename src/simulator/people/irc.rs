//! Simulated IRC clients: what they send, and the lines that they read.

use std::collections::BTreeSet;

use super::names;
use super::page::{self, Frames};
use crate::simulator::oracle::Typed;
use crate::util::test_support::Random;

/// The most bytes of a line with its end, without its tags.
const MAX_LINE: usize = 512;

/// The reading side of an IRC client.
#[derive(Default)]
pub struct IrcClient {
    /// Received bytes that are no whole line yet.
    bytes: Vec<u8>,
    /// The references of batches that have begun and not ended.
    open_batches: BTreeSet<String>,
    /// The frames, if it uses a WebSocket, and whether it reads binary ones.
    frames: Option<(Frames, bool)>,
}

impl IrcClient {
    /// A client that uses a WebSocket.
    pub fn with_frames(is_binary: bool) -> IrcClient {
        IrcClient { frames: Some((Frames::default(), is_binary)), ..IrcClient::default() }
    }

    /// Whether it uses a WebSocket.
    pub fn has_frames(&self) -> bool {
        self.frames.is_some()
    }

    /// Returns the lines in these bytes, as far as they are whole. Parts that the oracle cannot know are left out: ids
    /// of messages for one member alone, references of batches, and for how long a member was silent.
    pub fn read(&mut self, fresh: &[u8]) -> Vec<u8> {
        let mut lines = Vec::new();
        match &mut self.frames {
            None => self.bytes.extend_from_slice(fresh),
            Some((frames, is_binary)) => {
                for (first, payload) in frames.read(fresh) {
                    assert_eq!(first, if *is_binary { 0x82 } else { 0x81 }, "a message of what kind?");
                    assert!(!payload.contains(&b'\n'), "a message is one line");
                    self.bytes.extend(payload);
                    self.bytes.extend_from_slice(b"\r\n");
                }
            }
        }
        while let Some(end) = self.bytes.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8(line).expect("a line of UTF-8");
            lines.extend(self.known_part(&line).into_bytes());
        }
        lines
    }

    fn known_part(&mut self, line: &str) -> String {
        let (tags, rest) = match line.strip_prefix('@') {
            Some(line) => line.split_once(' ').expect("a line behind its tags"),
            None => ("", line),
        };
        assert!(rest.len() <= MAX_LINE, "a line of {} bytes: {line:?}", rest.len());
        let mut shown = String::new();
        for tag in tags.split(';').filter(|tag| !tag.is_empty()) {
            shown.push(if shown.is_empty() { '@' } else { ';' });
            shown += match tag.split_once('=') {
                Some(("batch", reference)) => {
                    assert!(self.open_batches.contains(reference), "no batch has begun: {line:?}");
                    "batch="
                }
                Some(("msgid", id)) if id.starts_with("0-p") => {
                    let number = &id[3..];
                    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_hexdigit());
                    assert!(is_number, "a message has no id: {line:?}");
                    "msgid=0-p"
                }
                _ => tag,
            };
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        let mut words: Vec<&str> = rest.trim_end_matches("\r\n").split(' ').collect();
        match words.as_mut_slice() {
            [_, "BATCH", reference, ..] => {
                let (sign, name) = reference.split_at(1);
                let is_right = match sign {
                    "+" => self.open_batches.insert(name.into()),
                    _ => self.open_batches.remove(name),
                };
                assert!(is_right, "a batch begins twice, or has not begun: {line:?}");
                *reference = sign;
            }
            [_, "317", _, _, idle, ..] => {
                assert!(idle.parse::<u64>().is_ok(), "no seconds: {line:?}");
                *idle = "0";
            }
            _ => {}
        }
        assert!(rest.ends_with("\r\n"), "a line without an end: {line:?}");
        format!("{shown}{}\r\n", words.join(" "))
    }
}

/// Capabilities, of which a client asks for all, for some or for none.
const CAPS: &[&str] = &[
    "away-notify",
    "batch",
    "draft/chathistory",
    "draft/multiline",
    "draft/message-redaction",
    "draft/metadata-3",
    "draft/no-implicit-names",
    "draft/read-marker",
    "echo-message",
    "extended-join",
    "extended-monitor",
    "invite-notify",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "server-time",
    "setname",
    "userhost-in-names",
];
/// Rooms; mostly few, so that many meet there.
const ROOMS: &[&str] = &["den", "den", "lobby", "tea", "Games", "attic", "garnes", "chess"];

fn room(random: &mut Random) -> &'static str {
    random.pick::<&str>(ROOMS)
}

fn caps(random: &mut Random) -> String {
    let every = 1 + random.below(4);
    let mut caps: Vec<&str> = CAPS.iter().copied().filter(|_| every == 1 || random.one_in(every)).collect();
    if random.one_in(2) {
        // One of them alone is of no use.
        caps.extend(["batch", "labeled-response"]);
    }
    if random.one_in(3) {
        caps.extend(["batch", "draft/multiline", "message-tags"]);
    }
    caps.join(" ")
}

/// What a client sends first: mostly all that is needed.
pub fn first_lines(random: &mut Random, people: usize) -> Vec<String> {
    let mut lines = vec![nick(random, people)];
    if !random.one_in(8) {
        lines.push(format!("USER irc{} 0 * :{}", random.below(3), *random.pick(&["Real Name", "R", "真名"])));
    }
    if random.one_in(2) {
        let caps = caps(random);
        let at = random.below(lines.len() + 1);
        lines.insert(at, format!("CAP REQ :{caps}"));
        if random.one_in(2) {
            lines.insert(at, ["CAP LS", "CAP LS 302"][random.below(2)].into());
        }
        if !random.one_in(12) {
            lines.push("CAP END".into());
        }
    }
    if random.one_in(4) {
        lines.reverse();
    }
    for _ in 0..random.below(4) {
        lines.push(format!("JOIN #{}", room(random)));
    }
    lines
}

fn nick(random: &mut Random, people: usize) -> String {
    format!("NICK {}", names::name(random, people).replace(' ', ""))
}

/// A line of a client that is not registered.
pub fn early_line(random: &mut Random, people: usize) -> String {
    match random.below(12) {
        0 => format!("CAP REQ :{}", caps(random)),
        1 => "PING early".into(),
        2 => "JOIN #den".into(),
        3 => "nonsense".into(),
        4 | 5 => "CAP END".into(),
        6 | 7 => "USER late 0 * :Late Name".into(),
        _ => nick(random, people),
    }
}

/// A line of a client that is registered.
pub fn line(
    random: &mut Random,
    texts: &mut u32,
    people: usize,
    long: usize,
    recent: &[(String, u64)],
    (names, rooms): (&[String], &[String]),
) -> String {
    let text = names::words(random, texts, long, 420);
    let text = text.trim();
    let name = match names.is_empty() || random.one_in(3) {
        true => names::name(random, people).replace(' ', ""),
        false => random.pick(names).clone(),
    };
    // Mostly one of its own.
    let room = if rooms.is_empty() || random.one_in(3) { room(random) } else { random.pick(rooms) };
    match random.below(97) {
        0..=15 => format!("PRIVMSG #{room} :{text}"),
        16..=18 => format!("PRIVMSG #{room} :\u{1}ACTION {text}\u{1}"),
        19 | 20 => format!("NOTICE #{room} :{text}"),
        21..=26 => format!("JOIN #{room}{}", ["", "", " fish"][random.below(3)]),
        27..=29 => format!("PART #{room}{}", ["", " :see you", " bye"][random.below(3)]),
        30..=33 => format!("PRIVMSG {name} :{text}"),
        34 => format!("NOTICE {name} :{text}"),
        35 => format!("PRIVMSG {name} :\u{1}ACTION {text}\u{1}"),
        36..=38 => nick(random, people),
        39 | 40 => format!("TOPIC #{room} :{text}"),
        41 => format!("TOPIC #{room}{}", ["", " :"][random.below(2)]),
        42 => format!("AWAY :{text}"),
        43 => "AWAY".into(),
        44 => format!("NAMES #{room}"),
        45 => format!("CAP REQ :{}{}", ["", "-"][random.below(2)], *random.pick(CAPS)),
        46 => ["CAP LIST", "LUSERS", "MOTD", "PING x", "PONG x", "NICK", "JOIN", "NAMES"][random.below(8)].into(),
        47 => ["nonsense", "PRIVMSG", "PRIVMSG #den", "PART #nosuch", "JOIN x", "TOPIC #nosuch :x", "KICK #den"]
            [random.below(7)]
        .into(),
        48..=50 => format!("KICK #{room} {name}{}", ["", " :rude"][random.below(2)]),
        51..=53 => format!("MODE #{room} {}{} {name}", ["+", "-"][random.below(2)], ["o", "v"][random.below(2)]),
        54 => format!("MODE #{room} {}{}", ["+", "-", "-"][random.below(3)], ["i", "m", "s", "t"][random.below(4)]),
        55 => format!("MODE #{room} {}", ["+k fish", "+k wet", "-k *", "+l 3", "-l", "+x"][random.below(6)]),
        56 => format!("MODE #{room}"),
        57 | 58 => format!("INVITE {name} #{room}"),
        60 => format!("@+react=x TAGMSG #{room}"),
        61 => format!("@+typing=active TAGMSG #{room}"),
        62 => format!("SETNAME :{text}"),
        63 => format!("JOIN #{room},#tea,#den"),
        64 => format!("PART #{room},#tea"),
        65 => format!("PRIVMSG #den,{name},#{room} :{text}"),
        68..=71 | 82..=85 => history_line(random, room, &name, recent),
        72..=75 => query(random, room, &name, names),
        76..=78 | 86..=89 => format!("MODE #{room} {}", modes(random, names, &name)),
        90..=96 => metadata_line(random, room, &name),
        79 => format!("PRIVMSG {}#{room} :{text}", ["@", "+"][random.below(2)]),
        80 => format!("NOTICE @#{room} :{text}"),
        81 => format!("PRIVMSG +#{room} :\u{1}ACTION {text}\u{1}"),
        59 => format!("QUIT{}", ["", " :gone", " :"][random.below(3)]),
        _ => format!("JOIN #{room}"),
    }
}

/// Several changes of one MODE, with their parameters.
fn modes(random: &mut Random, names: &[String], name: &str) -> String {
    let (mut letters, mut params) = (String::new(), Vec::new());
    for _ in 0..2 + random.below(3) {
        let (sign, letter) =
            (["+", "-"][random.below(2)], ["o", "v", "v", "i", "m", "s", "t", "k", "l", "x"][random.below(10)]);
        if letters.contains(letter) && letter != "v" && letter != "o" {
            continue;
        }
        letters += &format!("{sign}{letter}");
        match (sign, letter) {
            (_, "o" | "v") if names.is_empty() => params.push(name),
            (_, "o" | "v") => params.push(random.pick(names).as_str()),
            (_, "k") => params.push("fish"),
            ("+", "l") => params.push("4"),
            _ => {}
        }
    }
    format!("{letters} {}", params.join(" ")).trim_end().into()
}

/// A line about older messages.
fn history_line(random: &mut Random, room: &str, name: &str, recent: &[(String, u64)]) -> String {
    let (known, id) = match recent.is_empty() || random.one_in(6) {
        true => (room, random.below(9) as u64),
        false => {
            let (room, id) = random.pick(recent);
            (&**room, *id)
        }
    };
    match random.below(11) {
        0..=2 => format!("CHATHISTORY LATEST #{room} * {}", [1, 3, 200][random.below(3)]),
        3 => format!("MARKREAD #{room}"),
        4 => format!("MARKREAD {name} timestamp=2026-11-2{}T12:00:00.000Z", random.below(10)),
        5 => format!("MARKREAD #{room} timestamp=2026-11-2{}T12:00:00.000Z", random.below(10)),
        6 => format!("REDACT {} {}", ["#nosuch", name][random.below(2)], ["0-1", "x"][random.below(2)]),
        _ => format!("REDACT #{known} 0-{id}{}", ["", " :a mistake"][random.below(2)]),
    }
}

/// A line of a client that asks who is there, once or from now on.
fn query(random: &mut Random, room: &str, name: &str, names: &[String]) -> String {
    match random.below(10) {
        0 | 1 => format!("WHO #{room}"),
        2 if !names.is_empty() => format!("WHO {}", random.pick(names)),
        2..=4 => format!("WHOIS {name}"),
        5 | 6 => format!("MONITOR + {name},{}", ["alice", "bob", "carol", "p3"][random.below(4)]),
        7 => format!("MONITOR - {name}"),
        _ => ["MONITOR L", "MONITOR S", "MONITOR C", "MONITOR L"][random.below(4)].into(),
    }
}

/// A line about metadata.
fn metadata_line(random: &mut Random, room: &str, name: &str) -> String {
    let key = ["url", "color", "avatar"][random.below(3)];
    let target = match random.below(6) {
        0 => format!("#{room}"),
        1 => name.into(),
        _ => "*".into(),
    };
    match random.below(13) {
        0..=3 => format!("METADATA {target} SET {key} :{} of {key}", ["one", "two"][random.below(2)]),
        4 => format!("METADATA {target} SET {key}{}", ["", " :"][random.below(2)]),
        5 => format!("METADATA {target} CLEAR"),
        6 => format!("METADATA {name} GET {key} url"),
        7 => format!("METADATA #{room} GET color"),
        8 => format!("METADATA {target} LIST"),
        9 => format!("METADATA #{room} SYNC"),
        10 => format!("METADATA * UNSUB {key}"),
        11 => "METADATA * SUBS".into(),
        _ => format!("METADATA * SUB {key} avatar"),
    }
}

/// The lines of a message of several lines; mostly all of them are right.
pub fn multiline(random: &mut Random, texts: &mut u32, rooms: &[String]) -> Vec<String> {
    let room = if rooms.is_empty() { room(random) } else { random.pick(rooms) };
    let command = if random.one_in(6) { "NOTICE" } else { "PRIVMSG" };
    let begin = ["", "", "@label=m1 ", "@+x=1 ", "@label=m2;+x=1 "][random.below(5)];
    let mut lines = vec![format!("{begin}BATCH +q draft/multiline #{room}")];
    let count = if random.one_in(12) { 26 } else { 1 + random.below(4) };
    for _ in 0..count {
        let text = match random.below(16) {
            0 | 1 => String::new(),
            2 => names::words(random, texts, 1, 4000).chars().take(480).collect(),
            _ => names::words(random, texts, 10, 420),
        };
        let concat = if random.one_in(4) { ";draft/multiline-concat" } else { "" };
        let (reference, target) =
            (if random.one_in(40) { "z" } else { "q" }, if random.one_in(40) { "tea" } else { room });
        lines.push(format!("@batch={reference}{concat} {command} #{target} :{text}"));
    }
    let end = ["", "", "@label=m3 "][random.below(3)];
    lines.push(format!("{end}BATCH -{}", if random.one_in(30) { "z" } else { "q" }));
    if random.one_in(20) {
        lines.remove(0);
    }
    lines
}

/// A line, mostly without a label. NAMES has none, since it may be cut.
pub fn with_label(random: &mut Random, line: String) -> String {
    if line.starts_with("NAMES") || !random.one_in(3) {
        return line;
    }
    let label = ["a1", "b-2", "x", "日"][random.below(4)];
    match line.strip_prefix('@') {
        Some(rest) => format!("@label={label};{rest}"),
        None => format!("@label={label} {line}"),
    }
}

/// The bytes that a client sends for a line, and how the server should understand them.
pub fn bytes(random: &mut Random, line: String, has_frames: bool) -> (Vec<u8>, Vec<Typed>) {
    let end = *random.pick::<&[u8]>(&[&b"\r\n"[..], b"\n", b"\r\n\r\n"]);
    let (mut bytes, typed) = match random.below(60) {
        0 => (format!("PRIVMSG #den :{}", "x".repeat(500 + random.below(900))).into_bytes(), Typed::TooLong),
        1 => (b"PRIVMSG #den :caf\xe9".to_vec(), Typed::NotUtf8),
        2 => (line.replace(" :", " :\u{2}").into_bytes(), Typed::Line(line)),
        _ => (line.clone().into_bytes(), Typed::Line(line)),
    };
    if has_frames {
        // A text must be UTF-8.
        let opcode = if typed == Typed::NotUtf8 { 2 } else { 1 + random.below(2) as u8 };
        if random.one_in(3) {
            bytes.extend_from_slice(end);
        }
        return (page::message(random, opcode, &bytes), vec![typed]);
    }
    bytes.extend_from_slice(end);
    (bytes, vec![typed])
}
