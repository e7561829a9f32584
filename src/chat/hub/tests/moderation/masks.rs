//! Tests of bans by masks, of exceptions from them, and of what is stored of them.

use time::macros::datetime;

use crate::chat::change::Change;
use crate::chat::config::Config;
use crate::chat::event::Refusal;
use crate::chat::hub::Hub;
use crate::chat::hub::check::check;
use crate::chat::hub::tests::store_queue::{StoreHub, start};
use crate::chat::hub::tests::test_hub::{TestHub, den};
use crate::chat::id::{ClientId, MemberId, RoomId};
use crate::chat::policy::host::Host;
use crate::chat::policy::mask::{Mask, MaskEntry, MaskKind};
use crate::chat::record::{InitialRoom, InitialState, Record, RoomRecord, TopicRecord};
use crate::chat::room::rules::MAX_LISTED;

fn room(hub: &Hub, name: &str) -> RoomId {
    hub.shared.rooms.find_typed(name).expect("a room")
}

fn change<'a>(hub: &Hub, kind: MaskKind, mask: &str, add: bool) -> Change<'a> {
    let mask = Mask::new(mask).unwrap();
    Change::SetMask { by: MemberId::OPERATOR, room: room(hub, "den"), kind, mask, add }
}

/// The operator adds a mask of a kind that no command sets.
fn set(server: &mut TestHub, kind: MaskKind, mask: &str) {
    let (change, now) = (change(&server.hub, kind, mask, true), server.now());
    check(&server.hub.shared, &change, now.at).expect("an allowed change");
    server.hub.propose(None, change, &now);
    server.hub.audit().unwrap();
}

const BANNED: &str = "! You are banned from den.";

#[test]
fn mask_keeps_out_who_matches_until_it_is_lifted() {
    let (mut server, [alice, bob, carol]) = den();
    server.check(alice, "/ban CAR*", "* alice banned car*!*@*");
    assert_eq!(server.read(bob), ["* alice banned car*!*@*"]);
    server.check(carol, "/join den", BANNED);
    server.check(carol, "/follow den", BANNED);
    server.check(alice, "/ban car*!*@*", "! That is set so already.");
    server.check(alice, "/bans", "* car*!*@* is banned by alice.");
    server.say(carol, "/nick dora");
    server.read(carol);
    assert_eq!(server.answer(carol, "/join den")[0], "* You are in den. 3 here: alice, bob and you.");
    server.check(alice, "/unban Car*", "* alice lifted the ban of car*!*@*");
    server.check(alice, "/unban car*", "! den has no mask car*!*@*. /bans lists them.");
    server.check(alice, "/bans", "* Nobody is banned.");
}

#[test]
fn host_of_a_member_can_be_banned_under_every_nickname() {
    let (mut server, [alice, bob, carol]) = den();
    let host = Host::of([10, 0, 0, 2].into(), [0, 0]);
    server.check(alice, &format!("/ban *!*@{host}"), &format!("* alice banned *!*@{host}"));
    server.say(carol, "/nick dora");
    server.check(carol, "/join den", BANNED);
    let other = server.connect("erin", 2);
    server.read(other);
    server.check(other, "/join den", BANNED);
    assert_eq!(server.answer(bob, "hi"), [""; 0], "bob has another one");
}

#[test]
fn who_matches_a_ban_or_a_mute_speaks_with_voice_alone() {
    for mask in ["bob!", "m:b?b", "m:*!chat@*"] {
        let (mut server, [alice, bob, carol]) = den();
        server.say(alice, &format!("/ban {mask}"));
        for line in ["hi", "/me waves", "/topic tea"] {
            server.check(bob, line, "! You are muted in den.");
        }
        server.read(alice);
        server.say(alice, "operators are not silenced");
        server.say(alice, "/voice bob");
        assert_eq!(server.answer(bob, "hi"), [""; 0], "{mask}");
        assert_eq!(server.read(alice).last().unwrap(), "[12:00:01] bob: hi");
        if mask.starts_with("m:") {
            assert!(server.answer(carol, "/join den")[0].starts_with("* You are in den."), "{mask} does not keep out");
        }
    }
}

#[test]
fn exceptions_and_invitations_undo_masks() {
    let (mut server, [alice, bob, carol]) = den();
    server.say(alice, "/ban *");
    server.check(carol, "/join den", BANNED);
    set(&mut server, MaskKind::Except, "carol");
    assert_eq!(server.read(alice).last().unwrap(), "* server excepted carol!*@* from bans");
    assert!(server.answer(carol, "/join den")[0].starts_with("* You are in den."));
    assert_eq!(server.answer(carol, "hi"), [""; 0]);
    server.check(bob, "hi", "! You are muted in den.");
    let dave = server.enter("dave");
    server.check(dave, "/join den", BANNED);
    server.say(alice, "/invite dave");
    server.read(dave);
    assert!(server.answer(dave, "/join den")[0].starts_with("* You are in den."));
    server.check(dave, "hi", "! You are muted in den.");
}

#[test]
fn mask_of_kind_invite_except_replaces_an_invitation_and_no_key() {
    let (mut server, [alice, _, carol]) = den();
    server.say(alice, "/room invite-only");
    server.check(carol, "/join den", "! den is invite-only. One of its operators can invite you.");
    set(&mut server, MaskKind::InviteExcept, "c*!*@*");
    server.say(alice, "/room key fish");
    server.check(carol, "/join den", "! den needs a key: /join den KEY");
    assert!(server.answer(carol, "/join den fish")[0].starts_with("* You are in den."));
    server.check(alice, "/bans", "* c*!*@* is let in without invitation by server.");
}

#[test]
fn masks_are_set_by_operators_of_the_room_and_not_in_the_lobby() {
    let (mut server, [alice, bob, _]) = den();
    server.check(bob, "/ban a*", "! Only operators of den can do that.");
    server.check(alice, "/ban a* 5", "! Usage: /ban MASK");
    let bad =
        "! A mask is NICK!USER@HOST with * and ?, a:ACCOUNT, or m: and one of these; 100 bytes at most, no spaces.";
    server.check(alice, "/ban m:", bad);
    server.check(ClientId::CONSOLE, "/ban #lobby a*", "! That does not apply to lobby.");
    assert!(server.answer(ClientId::CONSOLE, "/ban #lobby m:car*").contains(&"* server muted m:car*!*@*".to_owned()));
    let words = "! You are muted in lobby.";
    let [_, _, carol] = [0, 1, 2].map(ClientId::new);
    server.check(carol, "hi", words);
}

#[test]
fn list_of_masks_of_one_kind_is_limited() {
    let (mut server, _) = den();
    for number in 0..MAX_LISTED {
        set(&mut server, MaskKind::Ban, &format!("x{number}"));
    }
    let refusal = |server: &TestHub, kind, mask, add| {
        let change = change(&server.hub, kind, mask, add);
        check(&server.hub.shared, &change, server.now().at).map_err(|refusal| format!("{refusal:?}")).err()
    };
    let full = format!("{:?}", Refusal::ListFull { room: "den", most: MAX_LISTED });
    assert_eq!(refusal(&server, MaskKind::Ban, "more", true), Some(full));
    assert_eq!(refusal(&server, MaskKind::Ban, "x7", false), None);
    assert_eq!(refusal(&server, MaskKind::Except, "more", true), None);
    let absent = format!("{:?}", Refusal::NoMask { mask: "x7!*@*", room: "den" });
    assert_eq!(refusal(&server, MaskKind::Except, "x7", false), Some(absent));
}

#[test]
fn masks_are_recorded_and_restored() {
    let at = datetime!(2026-11-20 12:00:00 UTC).unix_timestamp();
    let mut fixture = StoreHub::new(Config::default(), start());
    let (alice, _) = fixture.enter("alice");
    for line in ["/join den", "/ban BOB!", "/ban m:b*", "/ban bob!*@*", "/unban m:b*"] {
        fixture.say(alice, line);
    }
    let entry = |mask| MaskEntry { kind: MaskKind::Ban, mask: Mask::new(mask).unwrap(), by: "alice".into(), at };
    let record = |masks: Vec<MaskEntry>| RoomRecord { masks, changed: Some(at), ..RoomRecord::default() };
    let (mute, ban) = (entry("m:b*"), entry("bob"));
    let records = [record(vec![ban.clone()]), record(vec![ban.clone(), mute]), record(vec![ban.clone()])];
    let expected = records.map(|record| Record::Settings { room: "den".into(), record: Box::new(record) });
    assert_eq!(fixture.hub.poll_records(), expected);

    let topic = Some(TopicRecord { name: "alice".into(), text: "tea".into(), at: 0 });
    let record = RoomRecord { topic, ..record(vec![ban]) };
    let rooms = vec![InitialRoom { name: "den".into(), record, messages: Vec::new() }];
    let mut fixture = StoreHub::new(Config::default(), InitialState { rooms, ..start() });
    let (bob, _) = fixture.enter("Bob");
    fixture.read(bob);
    fixture.say(bob, "/join den");
    assert_eq!(fixture.read(bob), [BANNED]);
}
