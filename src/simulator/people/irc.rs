//! Simulated IRC clients: what they send, and the lines that they read.

use super::names;
use crate::simulator::oracle::Typed;
use crate::util::test_support::Random;

/// The reading side of an IRC client.
#[derive(Default)]
pub struct IrcClient {
    /// Received bytes that are no whole line yet.
    bytes: Vec<u8>,
}

impl IrcClient {
    /// Returns the lines in these bytes, as far as they are whole. Ids of messages for one member alone are cut, since nobody
    /// can know them.
    pub fn read(&mut self, fresh: &[u8]) -> Vec<u8> {
        self.bytes.extend_from_slice(fresh);
        let mut lines = Vec::new();
        while let Some(end) = self.bytes.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            lines.extend(without_private_id(line));
        }
        lines
    }
}

/// The line with `msgid=0-p` in place of `msgid=0-p` and a number.
fn without_private_id(mut line: Vec<u8>) -> Vec<u8> {
    let tags = line.iter().position(|&byte| byte == b' ').filter(|_| line[0] == b'@').unwrap_or(0);
    let id = b"msgid=0-p";
    if let Some(at) = line[..tags].windows(id.len()).position(|part| part == id) {
        let begin = at + id.len();
        let digits = line[begin..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        assert!(digits > 0, "a message has no id: {:?}", String::from_utf8_lossy(&line));
        line.drain(begin..begin + digits);
    }
    line
}

/// Capabilities, of which a client asks for all, for some or for none.
const CAPS: &[&str] = &[
    "away-notify",
    "draft/message-redaction",
    "draft/no-implicit-names",
    "draft/read-marker",
    "echo-message",
    "extended-join",
    "invite-notify",
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
    let caps: Vec<&str> = CAPS.iter().copied().filter(|_| every == 1 || random.one_in(every)).collect();
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
    match random.below(68) {
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
        59 => format!("QUIT{}", ["", " :gone", " :"][random.below(3)]),
        _ => format!("JOIN #{room}"),
    }
}

/// The bytes that a client sends for a line, and how the server should understand them.
pub fn bytes(random: &mut Random, line: String) -> (Vec<u8>, Vec<Typed>) {
    let end = *random.pick::<&[u8]>(&[&b"\r\n"[..], b"\n", b"\r\n\r\n"]);
    let (mut bytes, typed) = match random.below(60) {
        0 => (format!("PRIVMSG #den :{}", "x".repeat(500 + random.below(900))).into_bytes(), Typed::TooLong),
        1 => (b"PRIVMSG #den :caf\xe9".to_vec(), Typed::NotUtf8),
        2 => (line.replace(" :", " :\u{2}").into_bytes(), Typed::Line(line)),
        _ => (line.clone().into_bytes(), Typed::Line(line)),
    };
    bytes.extend_from_slice(end);
    (bytes, vec![typed])
}
