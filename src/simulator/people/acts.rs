//! What persons and the operator type to govern rooms: keys, settings, roles, kicks, bans, mutes, deletions.

use super::names;
use crate::simulator::oracle::Surroundings;
use crate::util::test_support::Random;

/// Few keys, so that a typed one is often right.
const KEYS: [&str; 2] = ["fish", "wet"];

/// A name: mostly that of a member that is near.
fn name(random: &mut Random, people: usize, near: &Surroundings) -> String {
    match near.names.is_empty() || random.one_in(3) {
        _ if !near.own.is_empty() && random.one_in(12) => near.own.clone(),
        true => names::name(random, people).replace(' ', ""),
        false => random.pick(&near.names).clone(),
    }
}

/// A room; mostly the same one, so that several members meet there.
fn room(random: &mut Random) -> &'static str {
    if random.one_in(3) { names::room(random) } else { "den" }
}

/// `#room` before the other arguments, or nothing.
fn hash(random: &mut Random, one_in: usize) -> String {
    match random.one_in(one_in) {
        true => format!("#{} ", room(random)),
        false => String::new(),
    }
}

/// A setting and its value; more often off than on, so that rooms stay usable.
fn setting(random: &mut Random) -> String {
    let value = |random: &mut Random, words: [&str; 3]| (*random.pick(&words)).to_owned();
    match random.below(10) {
        0 | 9 => format!("key {}", value(random, [KEYS[0], KEYS[1], "off"])),
        1 => format!("invite-only {}", value(random, ["off", "OFF", ""])),
        2 => format!("Moderated {}", value(random, ["off", "off", "on"])),
        3 => format!("secret {}", value(random, ["off", "on", ""])),
        4 => format!("topic-lock {}", value(random, ["off", "on", ""])),
        5 if random.one_in(2) => format!("limit {}", 1 + random.below(5)),
        5 => "limit off".into(),
        6 if random.one_in(2) => format!("slow {}", [1, 30, 30][random.below(3)]),
        6 => "slow off".into(),
        7 => format!("{} off", ["key", "invite-only", "moderated"][random.below(3)]),
        _ => [
            "limit 0",
            "slow 0",
            "limit 1000001",
            "slow x",
            "key",
            "key two words",
            "KEY 0123456789012345678901234567890123456789012345678901234567890123456789",
            "moderated maybe",
            "nonsense on",
            "limit",
        ][random.below(10)]
        .into(),
    }
}

/// Minutes of a mute or ban; some are invalid.
fn minutes(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["", " 1", " 1", " 2", " 0", " x"])
}

/// A mask of a ban; some match no member, and one is invalid.
fn mask(random: &mut Random, name: &str) -> String {
    match random.below(8) {
        0 | 1 => format!("{name}!*@*"),
        2 | 3 => format!("m:{name}"),
        4 => format!("{}a:{name}", ["", "m:"][random.below(2)]),
        5 => ["a*", "?ob!", "m:*l*", "*!chat@*", "*!*@local.cloak"][random.below(5)].into(),
        6 => ["m:", "*", "m:a:*", "*@* 5"][random.below(4)].into(),
        _ => format!("m:{name}!chat@*"),
    }
}

/// What `/delete` deletes; `messages` were ever said.
fn deleted(random: &mut Random, name: &str, messages: u64) -> String {
    match random.below(8) {
        0..=2 => "last".into(),
        3..=5 => (messages + 2).saturating_sub(random.below(8) as u64).to_string(),
        6 => format!("@{name}"),
        _ => format!("@{name} {}", random.below(4)),
    }
}

/// A command about a member of a room.
fn about_member(random: &mut Random, people: usize, hash: &str, name: &str, near: &Surroundings) -> String {
    if !near.restricted.is_empty() && random.one_in(2) {
        let words = ["unmute", "unban", "invite"];
        let ((room, name), word) = (random.pick(&near.restricted).clone(), *random.pick(&words));
        return format!("/{word} #{room} {name}");
    }
    if near.moderates && random.one_in(6) {
        let any = format!("10.0.0.{}", 1 + random.below(people));
        let ip = if near.banned.is_empty() { any } else { random.pick(&near.banned).clone() };
        return match random.below(8) {
            0 => format!("/ban {ip} 1"),
            1 | 2 => format!("/unban {ip}"),
            3 => format!("/ban {name} 1"),
            4 => format!("/mute {name} 1"),
            5 => format!("/unmute {name}"),
            _ => format!("/unban {name}"),
        };
    }
    match random.below(17) {
        0 => format!("/invite {hash}{name}"),
        1 | 2 => format!("/op {hash}{name}"),
        3 => format!("/deop {hash}{name}"),
        4 | 5 => format!("/voice {hash}{name}"),
        6 => format!("/devoice {hash}{name}"),
        7 => format!("/kick {hash}{name}"),
        8 => format!("/kick {hash}{name} too loud "),
        9 | 12 => format!("/ban {hash}{name}{}", minutes(random)),
        10 | 14 => format!("/mute {hash}{name}{}", minutes(random)),
        11 => format!("/unmute {hash}{name}"),
        13 => format!("/unban {hash}{name}"),
        15 => format!("/{} {hash}{}", ["ban", "ban", "unban"][random.below(3)], mask(random, name)),
        _ => format!("/{} {hash}{}", ["mutes", "bans"][random.below(2)], ["", "1", "2", "x"][random.below(4)]),
    }
}

/// A line of a member that governs a room, or wants to.
pub fn member_line(random: &mut Random, people: usize, messages: u64, near: &Surroundings) -> String {
    let name = name(random, people, near);
    if near.is_silent && random.one_in(3) {
        return (*random.pick(&["/topic aloud", "/topic -", "/me aloud", "/quit aloud", "/quit aloud"])).into();
    }
    let (hash, key) = (hash(random, 3), *random.pick(&KEYS));
    let room = match near.rooms_with_key.is_empty() || random.one_in(4) {
        true => room(random),
        false => random.pick(&near.rooms_with_key),
    };
    // Who operates no room goes to one more often.
    match random.below(if near.operates { 28 } else { 36 }) {
        // A key makes no room.
        0..=2 | 28.. if near.rooms_with_key.is_empty() && !random.one_in(4) => format!("/join {room}"),
        0..=2 | 28.. => format!("/join {room} {key}"),
        3 | 4 => format!("/follow #{room} {key}"),
        5 => format!("/room {hash}"),
        6..=10 => format!("/room {hash}{}", setting(random)),
        11..=21 => about_member(random, people, &hash, &name, near),
        22..=25 => format!("/delete {hash}{}", deleted(random, &name, messages)),
        26 => format!("/{} {name}", ["mod", "unmod", "nonsense"][random.below(3)]),
        _ => [
            "/room #nosuch",
            "/kick #nosuch bob",
            "/kick #x! bob",
            "/kick #den",
            "/kick",
            "/ban",
            "/mute",
            "/unmute",
            "/unban",
            "/invite",
            "/op",
            "/devoice",
            "/delete",
            "/delete x",
            "/delete last x",
            "/delete @",
            "/delete @bob 101",
            "/delete @bob 0",
            "/op nobody",
            "/invite nobody",
            "/unban nobody",
            "/kick #lobby bob",
            "/op #lobby bob",
            "/room #lobby key fish",
            "/shutdown",
        ][random.below(25)]
        .into(),
    }
}

/// A line of the operator that governs a room or the server.
pub fn order(random: &mut Random, people: usize, text: &str, messages: u64, near: &Surroundings) -> String {
    let name = name(random, people, near);
    let (room, hash) = (room(random), hash(random, 1));
    match random.below(22) {
        20 | 21 if !near.operators.is_empty() => format!("/mute {} 1", random.pick(&near.operators)),
        20 | 21 => format!("/mute {name} 1"),
        0 => format!("/room {hash}"),
        1 | 2 => format!("/room {hash}{}", setting(random)),
        3..=6 => about_member(random, people, &hash, &name, near),
        7 => format!("/delete {hash}{}", deleted(random, &name, messages)),
        8 => format!("/delete {}", deleted(random, &name, messages)),
        9 => format!("/topic #{room} {text}"),
        10 => format!("/topic {}", ["", "-", text][random.below(3)]),
        11..=14 => format!("/mod {name}"),
        15 => format!("/unmod {name}"),
        16 => format!("/ban {name} 1"),
        17 => format!("/unban {name}"),
        18 => format!("/{} {}", ["bans", "mutes"][random.below(2)], ["", "1", "2", "0"][random.below(4)]).trim().into(),
        _ => [
            "/mod",
            "/unmod nobody",
            "/mod nobody",
            "/kick",
            "/ban bob x",
            "/mute bob 0",
            "/unban",
            "/room",
            "/op bob",
            "/kick #nosuch bob",
            "/delete #den @server",
        ][random.below(11)]
        .into(),
    }
}
