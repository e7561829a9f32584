//! Parses every notice that the server can write.

use std::net::SocketAddr;

use time::macros::datetime;
use time::{Date, Duration, Month, OffsetDateTime};

use super::*;
use crate::chat;
use crate::chat::change::{RestrictionKind, RoleChange};
use crate::chat::settings::{RoomSettings, Setting};
use crate::chat::{CertificateState, Help, LOBBY};
use crate::chat::{Role, RoomRole};

const AT: OffsetDateTime = datetime!(2026-12-13 12:01 UTC);

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
        chat::Notice::Welcome { .. } => ServerNotice::Welcome,
        chat::Notice::NameSet => ServerNotice::NameSet,
        chat::Notice::AskPassword { account, visible } => ServerNotice::AskPassword { account, visible },
        chat::Notice::Registered { name } => ServerNotice::Registered { name },
        chat::Notice::PasswordChanged => ServerNotice::PasswordChanged,
        chat::Notice::Unregistered { name } => ServerNotice::Unregistered { name },
        chat::Notice::LoggedInAs { name } => ServerNotice::LoggedInAs { name },
        chat::Notice::Entered { name, people: ref p, .. } => ServerNotice::Entered { name, people: people(p) },
        chat::Notice::EnteredPeer { name } => ServerNotice::EnteredPeer { name },
        chat::Notice::EnteredRoom { room, people: ref p, .. } => ServerNotice::EnteredRoom { room, people: people(p) },
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
        chat::Notice::Rooms { rooms, more } => {
            ServerNotice::Rooms { rooms: rooms.iter().map(|&(name, here, _)| (name, here)).collect(), more }
        }
        chat::Notice::Echo { on } => ServerNotice::Echo { on },
        chat::Notice::Goodbye => ServerNotice::Goodbye,
        chat::Notice::Kicked { why, .. } => ServerNotice::Kicked { why },
        chat::Notice::ShuttingDown => ServerNotice::ShuttingDown,
        // Has no text for people.
        chat::Notice::Hello { .. }
        | chat::Notice::Motd { .. }
        | chat::Notice::NoMotd
        | chat::Notice::Following { .. }
        | chat::Notice::Unfollowed { .. }
        | chat::Notice::TopicSet { .. }
        | chat::Notice::Topic(_)
        | chat::Notice::NoTopic
        | chat::Notice::YouAreAway { .. }
        | chat::Notice::Away { .. }
        | chat::Notice::Quiet { .. }
        | chat::Notice::Whois(_)
        | chat::Notice::Ignoring { .. }
        | chat::Notice::NoLongerIgnoring { .. }
        | chat::Notice::IgnoreList { .. }
        | chat::Notice::Line(_)
        | chat::Notice::Connected { .. }
        | chat::Notice::Disconnected { .. }
        | chat::Notice::PeerLeft { .. }
        | chat::Notice::Ban { .. }
        | chat::Notice::Unbanned { .. }
        | chat::Notice::ConfiguredBan { .. }
        | chat::Notice::NoBans
        | chat::Notice::Muted { .. }
        | chat::Notice::Unmuted { .. }
        | chat::Notice::NoMutes
        | chat::Notice::SettingChanged { .. }
        | chat::Notice::Settings(_)
        | chat::Notice::RoleChanged { .. }
        | chat::Notice::Restricted { .. }
        | chat::Notice::Deleted { .. }
        | chat::Notice::Removed { .. }
        | chat::Notice::Invited { .. }
        | chat::Notice::Moderator { .. }
        | chat::Notice::KickedBy { .. }
        | chat::Notice::PageOf { .. }
        | chat::Notice::MoreRooms { .. }
        | chat::Notice::Reloaded { .. }
        | chat::Notice::Detached
        | chat::Notice::FoundBegins { .. }
        | chat::Notice::FoundEnds { .. }
        | chat::Notice::WhisperStored { .. }
        | chat::Notice::Read { .. }
        | chat::Notice::OfflineWhispersBegin { .. }
        | chat::Notice::OfflineWhispersEnd
        | chat::Notice::StoreFails { .. }
        | chat::Notice::Certificate { .. }
        | chat::Notice::TlsCommand { .. }
        | chat::Notice::TlsWords { .. }
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
    let rooms: Vec<(&str, usize, Option<&str>)> =
        others.iter().chain([&"lobby"]).map(|&room| (room, random.below(3000), None)).collect();
    let here = random.below(2000);
    let pong = *random.pick(&["", "~17", "5", "a b", "x joined (3 her)"]);
    let why = *random.pick(TEXTS);
    let date = Date::from_calendar_date(2026, Month::January, 1).unwrap() + Duration::days(random.below(5000) as i64);
    check_notice(
        lang,
        match random.below(23) {
            19 => chat::Notice::AskPassword { account: Some(&one), visible: more > 0 },
            20 => chat::Notice::Registered { name: &one },
            21 => chat::Notice::Unregistered { name: &one },
            22 => chat::Notice::LoggedInAs { name: &one },
            0 => chat::Notice::Entered {
                name: &one,
                room: LOBBY,
                people: own,
                topic: None,
                role: Role::User,
                account: false,
            },
            1 => chat::Notice::EnteredPeer { name: &one },
            2 => chat::Notice::EnteredRoom { room: &room, people: own, topic: None },
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
            15 => chat::Notice::FoundEnds { room: None, words: why, older: (more > 0).then_some(more as u64) },
            16 => chat::Notice::Kicked { why: Some(why), by: Some(&one) },
            _ => chat::Notice::Kicked { why: Some(why), by: None },
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
    let room_settings = RoomSettings { moderated: true, slow: Some(3), ..RoomSettings::default() };
    let settings =
        chat::SettingsView { room: "den", settings: &room_settings, shows_key: true, operators: &["bob"], voices: &[] };
    let addr: SocketAddr = "[::1]:5".parse().unwrap();
    for lang in [Lang::En, Lang::Zh] {
        for notice in [
            chat::Notice::Welcome { server: "chinwag" },
            chat::Notice::Welcome { server: "chat.example-1_2" },
            chat::Notice::NameSet,
            chat::Notice::AskPassword { account: None, visible: true },
            chat::Notice::AskPassword { account: None, visible: false },
            chat::Notice::PasswordChanged,
            chat::Notice::Read { room: "den", id: 3, own: true },
            chat::Notice::HistoryEnds,
            chat::Notice::NoHistory,
            chat::Notice::Echo { on: true },
            chat::Notice::Echo { on: false },
            chat::Notice::Goodbye,
            chat::Notice::Kicked { why: None, by: None },
            chat::Notice::Kicked { why: None, by: Some("a.b") },
            chat::Notice::KickedBy { name: "bob", why: Some("rude"), by: "alice" },
            chat::Notice::SettingChanged { by: "bob", setting: &Setting::Slow(Some(3)) },
            chat::Notice::Settings(settings),
            chat::Notice::RoleChanged { by: "bob", name: "carol", change: RoleChange::Give(RoomRole::Operator) },
            chat::Notice::RoleChanged { by: "bob", name: "carol", change: RoleChange::Take(RoomRole::Voice) },
            chat::Notice::Restricted { by: "bob", name: "carol", kind: RestrictionKind::Mute, lifted: false },
            chat::Notice::Restricted { by: "bob", name: "carol", kind: RestrictionKind::Ban, lifted: true },
            chat::Notice::Deleted { by: "bob", name: "carol", ids: &[1, 2] },
            chat::Notice::Removed { room: "den", by: "bob", banned: false, why: None },
            chat::Notice::Removed { room: "den", by: "bob", banned: true, why: Some("rude") },
            chat::Notice::Invited { room: "den", by: "bob", name: "carol", to_you: true },
            chat::Notice::Moderator { by: "server", name: "carol", given: true, to_you: true },
            chat::Notice::Moderator { by: "server", name: "carol", given: false, to_you: false },
            chat::Notice::ShuttingDown,
            chat::Notice::Motd { text: "Be kind." },
            chat::Notice::Motd { text: "\n" },
            chat::Notice::NoMotd,
            chat::Notice::Ignoring { name: "bob" },
            chat::Notice::NoLongerIgnoring { name: "bob" },
            chat::Notice::IgnoreList { names: &[] },
            chat::Notice::IgnoreList { names: &["bob", "carol", "dan"] },
            chat::Notice::Line("12 messages"),
            chat::Notice::Connected { addr, connected: 3 },
            chat::Notice::Disconnected { addr, connected: 3 },
            chat::Notice::PeerLeft { name: "bob" },
            chat::Notice::Ban { what: "10.0.0.0/8", minutes: Some(5), by: None },
            chat::Notice::Ban { what: "bob", minutes: None, by: Some("alice") },
            chat::Notice::Unbanned { what: "10.0.0.0/8", by: None },
            chat::Notice::NoBans,
            chat::Notice::ConfiguredBan { network: "10.0.0.0/8".parse().unwrap() },
            chat::Notice::Muted { name: "bob", minutes: Some(1), by: None },
            chat::Notice::Muted { name: "bob", minutes: None, by: Some("alice") },
            chat::Notice::Unmuted { name: "bob", by: None },
            chat::Notice::NoMutes,
            chat::Notice::PageOf { command: "/bans", page: 1, pages: 3 },
            chat::Notice::PageOf { command: "/bans", page: 3, pages: 3 },
            chat::Notice::MoreRooms { rooms: 3 },
            chat::Notice::Detached,
            chat::Notice::Reloaded { changed: &[], fixed: &[] },
            chat::Notice::Reloaded { changed: &["rate".into(), "ban".into()], fixed: &["listen".into()] },
            chat::Notice::Lost { lines: 3 },
            chat::Notice::PageEnds { room: None, older: Some(17) },
            chat::Notice::PageEnds { room: None, older: None },
            chat::Notice::FoundEnds { room: None, words: "fish", older: None },
            chat::Notice::WhisperStored { name: "bob", account: false },
            chat::Notice::OfflineWhispersBegin { whispers: 1 },
            chat::Notice::OfflineWhispersBegin { whispers: 3 },
            chat::Notice::OfflineWhispersEnd,
            chat::Notice::StoreFails { why: "there is no space left for x; make some" },
            chat::Notice::Certificate { file: "c.pem", state: CertificateState::NotYetValid(AT) },
            chat::Notice::Certificate { file: "c.pem", state: CertificateState::Ends { at: AT, days: 0 } },
            chat::Notice::Certificate { file: "c.pem", state: CertificateState::Ends { at: AT, days: 14 } },
            chat::Notice::Certificate { file: "c.pem", state: CertificateState::Ended(AT) },
            chat::Notice::TlsCommand { command: "chinwag connect --tls box:4568 --tls-fingerprint SHA256:x" },
            chat::Notice::TlsWords { words: "zoo-zoo" },
            chat::Notice::StoreWorks { written: 3, lost: 0 },
            chat::Notice::StoreWorks { written: 3, lost: 1 },
        ] {
            check_notice(lang, notice);
        }
        for line in [Help::Moderator, Help::Operator].into_iter().flat_map(|reader| lang.help(reader)) {
            assert_eq!(LineShape::parse(&format!("* {line}")), LineShape::Notice(ServerNotice::Other(line)));
        }
    }
}
