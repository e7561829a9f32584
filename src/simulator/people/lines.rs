//! What persons with plain clients and programs type, and the operator.

use super::names::{MORE_ROOMS, name, words};
use crate::util::test_support::Random;

const ROOMS: &[&str] = &["lobby", "games", "Games", "den", "attic", "Lobby", "garnes", "1obby"];

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
