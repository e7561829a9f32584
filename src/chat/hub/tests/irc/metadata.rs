//! Tests of METADATA.

use super::{TestHub, irc_den};
use crate::chat::Lang;
use crate::chat::config::Config;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::irc::metadata::MAX_KEYS;
use crate::chat::member::Ignored;
use crate::wire::renderers;

const NOTHING: &[&str] = &[];

/// The lines of an answer without the batch around them.
fn inner(server: &mut TestHub, id: ClientId, line: &str) -> Vec<String> {
    let answer = server.answer_irc(id, line);
    assert!(answer.len() >= 2 && answer[0].starts_with("BATCH +"), "{answer:?}");
    let reference = answer[0]["BATCH +".len()..].split(' ').next().expect("a reference").to_owned();
    assert_eq!(answer[answer.len() - 1], format!("BATCH -{reference}"));
    let tag = format!("@batch={reference} :chinwag ");
    answer[1..answer.len() - 1].iter().map(|line| line.strip_prefix(&tag).expect("the tag").to_owned()).collect()
}

fn request_caps(server: &mut TestHub, ids: &[ClientId]) {
    for &id in ids {
        server.say(id, "CAP REQ :batch draft/metadata-3");
        server.read(id);
    }
}

#[test]
fn values_of_a_member_are_set_shown_and_removed() {
    let (mut server, [alice, bob, carol, _]) = irc_den();
    request_caps(&mut server, &[alice, bob]);
    server.check_irc(
        alice,
        "METADATA * SET url :https://a.example/ b",
        &["761 alice alice url * :https://a.example/ b"],
    );
    server.check_irc(alice, "METADATA Alice set url c", &["761 alice alice url * :c"]);
    server.say(alice, "METADATA * SET avatar :x");
    let values = ["761 bob alice avatar * :x", "761 bob alice url * :c"];
    assert_eq!(inner(&mut server, bob, "METADATA alice LIST"), values);
    let got = inner(&mut server, bob, "METADATA alice GET url other");
    assert_eq!(got, [values[1], "766 bob alice other :key not set"]);
    let whois: Vec<_> =
        server.answer_irc(bob, "WHOIS alice").into_iter().filter(|line| line.starts_with("760")).collect();
    assert_eq!(whois, ["760 bob alice avatar * :x", "760 bob alice url * :c"]);
    server.check_irc(alice, "METADATA * SET url", &["766 alice alice url :key not set"]);
    assert_eq!(inner(&mut server, alice, "METADATA * CLEAR"), ["766 alice alice avatar :key not set"]);
    assert_eq!(inner(&mut server, alice, "METADATA * LIST"), NOTHING);
    assert_eq!(server.read(carol), NOTHING, "nothing of it is shown elsewhere");
}

#[test]
fn wrong_requests_are_refused() {
    let (mut server, [alice, ..]) = irc_den();
    let long = "x".repeat(301);
    for (line, answer) in [
        ("METADATA nobody LIST", "FAIL METADATA INVALID_TARGET nobody :Invalid target"),
        ("METADATA #nowhere SYNC", "FAIL METADATA INVALID_TARGET #nowhere :Invalid target"),
        ("METADATA * SET A :x", "FAIL METADATA KEY_INVALID A :Invalid key"),
        ("METADATA * SET :a b", "FAIL METADATA KEY_INVALID * :Invalid key"),
        (&format!("METADATA * SET a :{long}"), "FAIL METADATA INVALID_VALUE a :A value has 300 bytes at most"),
        ("METADATA * DANCE", "FAIL METADATA SUBCOMMAND_INVALID DANCE :Unknown subcommand"),
        ("METADATA *", "461 alice METADATA :Not enough parameters"),
    ] {
        server.check_irc(alice, line, &[answer]);
    }
    for number in 0..MAX_KEYS {
        server.say(alice, &format!("METADATA * SET k{number} :x"));
    }
    server.check_irc(alice, "METADATA * SET more :x", &["FAIL METADATA LIMIT_REACHED * :No more than 20 keys"]);
    server.check_irc(alice, "METADATA * SET k7 :y", &["761 alice alice k7 * :y"]);
}

#[test]
fn only_its_operators_set_values_of_a_room() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    request_caps(&mut server, &[alice, bob, dave]);
    let text = ":You do not have permission to change that";
    server.check_irc(bob, "METADATA #den SET url :x", &[&format!("FAIL METADATA KEY_NO_PERMISSION #den url {text}")]);
    server.check_irc(bob, "METADATA alice SET url :x", &[&format!("FAIL METADATA KEY_NO_PERMISSION alice url {text}")]);
    server.check_irc(bob, "METADATA alice CLEAR", &[&format!("FAIL METADATA KEY_NO_PERMISSION alice * {text}")]);
    server.check_irc(alice, "METADATA #den SET url :x", &["761 alice #den url * :x"]);
    assert_eq!(inner(&mut server, dave, "METADATA #den LIST"), ["761 dave #den url * :x"]);
    server.say(alice, "MODE #den +i");
    for subcommand in ["GET url", "LIST", "SYNC"] {
        let answer = "FAIL METADATA KEY_NO_PERMISSION #den * :Only members of the channel are shown this";
        server.check_irc(dave, &format!("METADATA #den {subcommand}"), &[answer]);
    }
    assert_eq!(inner(&mut server, bob, "METADATA #den GET url"), ["761 bob #den url * :x"]);
}

#[test]
fn subscribers_are_told_of_changes_in_their_rooms() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.check_irc(
        bob,
        "METADATA * SUB url avatar A",
        &["FAIL METADATA KEY_INVALID A :Invalid key", "770 bob url avatar", "774 bob #den"],
    );
    server.check_irc(dave, "METADATA * SUB url", &["770 dave url"]);
    server.say(alice, "METADATA * SET url :x");
    server.say(alice, "METADATA * SET other :x");
    server.say(alice, "METADATA #den SET url :y");
    assert_eq!(server.read_irc(bob), ["761 bob alice url * :x", "761 bob #den url * :y"]);
    server.say(alice, "METADATA * SET url :x");
    server.say(bob, "METADATA * UNSUB avatar");
    server.check_irc(bob, "METADATA * SUBS", &["772 bob url"]);
    server.say(alice, "METADATA * CLEAR");
    assert_eq!(server.read_irc(bob), ["766 bob alice url :key not set"], "a value that stays is not told");
    assert_eq!((server.read(carol), server.read(dave)), (vec![], vec![]));
    server.say(dave, "MONITOR + alice");
    server.read(dave);
    server.say(alice, "METADATA * SET url :z");
    assert_eq!(server.read_irc(dave), ["761 dave alice url * :z"]);
    server.say(dave, "QUIT");
    let now = server.now();
    server.hub.end_session(dave, crate::chat::cause::Cause::ConnectionLost, crate::chat::Close::AtOnce, now);
    assert_eq!(server.hub.subscribed_keys.watchers("url"), [bob]);
}

#[test]
fn subscriber_that_ignores_a_member_is_not_told_of_it() {
    let (mut server, [alice, bob, ..]) = irc_den();
    server.say(bob, "METADATA * SUB url");
    let members = &mut server.hub.shared.members;
    let [ignored, reader] = ["alice", "bob"].map(|name| members.find(name).unwrap());
    let author = members.author(ignored.slot);
    members[reader.slot].ignored_mut().push(Ignored { name: "alice".into(), author });
    server.hub.note_ignoring(reader);
    server.read(bob);
    server.say(alice, "METADATA * SET url :x");
    server.say(alice, "PART #den");
    server.read(bob);
    server.say(alice, "JOIN #den");
    assert!(server.read_irc(bob).iter().all(|line| !line.starts_with("761")));
}

#[test]
fn who_joins_is_shown_values_and_its_own_are_shown() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    for id in [bob, dave] {
        server.say(id, "METADATA * SUB url");
    }
    for (id, value) in [(alice, "a"), (bob, "b"), (dave, "d")] {
        server.say(id, &format!("METADATA * SET url :{value}"));
        server.say(id, "METADATA * SET other :x");
    }
    server.say(alice, "METADATA #den SET url :room");
    server.read(bob);
    let joined = server.answer_irc(dave, "JOIN #den");
    let shown: Vec<_> = joined.iter().filter(|line| line.starts_with("761")).collect();
    assert_eq!(shown, ["761 dave #den url * :room", "761 dave alice url * :a", "761 dave bob url * :b"]);
    assert_eq!(server.read_irc(bob), [":dave JOIN #den", "761 bob dave url * :d"].map(str::to_owned));
}

#[test]
fn what_a_muted_member_sets_is_shown_to_itself_alone() {
    let (mut server, [alice, bob, ..]) = irc_den();
    server.hub.attach_console();
    server.say(ClientId::CONSOLE, "/mute alice");
    server.say(bob, "METADATA * SUB url");
    server.read(bob);
    request_caps(&mut server, &[alice, bob]);
    server.check_irc(alice, "METADATA * SET url :x", &["761 alice alice url * :x"]);
    server.check_irc(alice, "METADATA #den SET url :y", &["761 alice #den url * :y"]);
    assert_eq!(server.read_irc(bob), NOTHING);
    assert_eq!(inner(&mut server, bob, "METADATA alice GET url"), ["766 bob alice url :key not set"]);
    assert_eq!(inner(&mut server, bob, "METADATA #den LIST"), NOTHING);
    assert_eq!(inner(&mut server, alice, "METADATA * LIST"), ["761 alice alice url * :x"]);
    server.say(ClientId::CONSOLE, "/unmute alice");
    assert_eq!(inner(&mut server, bob, "METADATA alice GET url"), ["761 bob alice url * :x"]);
}

#[test]
fn values_and_subscriptions_survive_a_handover() {
    let (mut server, [alice, bob, ..]) = irc_den();
    server.say(alice, "METADATA * SET url :x");
    server.say(alice, "METADATA #den SET url :y");
    server.say(bob, "METADATA * SUB url");
    server.read(bob);
    let hub = std::mem::replace(&mut server.hub, Hub::new(Config::default(), renderers(Lang::En)));
    let json = serde_json::to_string(&hub.into_state()).unwrap();
    server.hub = Hub::from_state(serde_json::from_str(&json).unwrap(), Config::default(), renderers(Lang::En));
    server.check_irc(bob, "METADATA #den SYNC", &["761 bob #den url * :y", "761 bob alice url * :x"]);
    server.say(alice, "METADATA * SET url :z");
    assert_eq!(server.read_irc(bob), ["761 bob alice url * :z"]);
}
