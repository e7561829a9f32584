//! Tests of MODE.

use super::irc_den;
use crate::chat::id::ClientId;

#[test]
fn settings_are_changed_by_mode_and_shown_to_all() {
    let (mut server, [alice, bob, carol, _]) = irc_den();
    let lines = [":alice MODE #den +mlk 5 *"];
    server.check_irc(alice, "MODE #den +mlk 5 fish", &lines);
    assert_eq!(server.read_irc(bob), lines);
    assert_eq!(
        server.read(carol),
        ["moderated", "limit 5", "key"].map(|setting| format!("* alice changed the settings: {setting}"))
    );
    server.check_irc(alice, "MODE #den -k+t-l *", &[":alice MODE #den -k+t-l *"]);
    server.check_irc(alice, "MODE #den +m-l", &[]);
    server.read(bob);
    server.say(alice, "MODE #den +o carol");
    server.check(carol, "/room moderated off", "* carol changed the settings: moderated off");
    assert_eq!(server.read_irc(bob), [":alice MODE #den +o carol", ":carol MODE #den -m"]);
}

#[test]
fn modes_of_a_channel_are_shown_and_the_key_to_operators_alone() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    let created = server.now().local.unix_timestamp();
    let created = format!("329 alice #den {created}");
    server.check_irc(alice, "MODE #den", &["324 alice #den +n", &created]);
    server.say(alice, "MODE #den +kl fish 5");
    server.check_irc(alice, "MODE #den", &["324 alice #den +kln fish 5", &created]);
    assert_eq!(server.answer_irc(bob, "MODE #DEN")[0], "324 bob #den +kln * 5");
    assert_eq!(server.answer_irc(dave, "MODE #den")[0], "324 dave #den +kln * 5");
    server.say(alice, "MODE #den +s");
    server.check_irc(dave, "MODE #den", &["403 dave #den :No such channel"]);
}

#[test]
fn modes_that_cannot_be_changed_are_refused() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    let refused = ["482 bob #den :You're not channel operator"];
    server.check_irc(bob, "MODE #den +mo bob", &refused);
    server.check_irc(dave, "MODE #den +m", &["482 dave #den :You're not channel operator"]);
    server.check_irc(bob, "MODE #nowhere +m", &["403 bob #nowhere :No such channel"]);
    server.check_irc(
        alice,
        "MODE #den +Qo nobody",
        &["472 alice Q :is unknown mode char to me", "401 alice nobody :No such nick/channel"],
    );
    server.check_irc(alice, "MODE #den ::", &["472 alice * :is unknown mode char to me"]);
    server.check_irc(alice, "MODE #den +v dave", &["441 alice dave #den :They aren't on that channel"]);
    for (line, answer) in [
        ("+l x", "l x :The limit is a number from 1 to 1000000"),
        ("+k", "k * :A key has 1 to 64 bytes, without spaces and commas"),
    ] {
        server.check_irc(alice, &format!("MODE #den {line}"), &[&format!("696 alice #den {answer}")]);
    }
    let answer = server.answer_irc(alice, "MODE #den -n+n");
    assert_eq!(answer, ["NOTICE alice :Only members of a channel can send to it: +n stays."]);
}

#[test]
fn roles_are_given_and_taken_once() {
    let (mut server, [alice, bob, carol, _]) = irc_den();
    server.check_irc(alice, "MODE #den +vo bob carol", &[":alice MODE #den +vo bob carol"]);
    assert_eq!(server.read(carol), ["* alice gave bob voice", "* alice made carol an operator"]);
    server.check_irc(alice, "MODE #den +v bob", &[]);
    server.read(bob);
    server.check_irc(alice, "MODE #den -v bob", &[":alice MODE #den -v bob"]);
    assert_eq!(server.read_irc(bob), [":alice MODE #den -v bob"]);
}

#[test]
fn masks_are_listed_with_the_bans_by_name_and_lifted() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    let at = server.now().local.unix_timestamp();
    server.say(alice, "MODE #den +o carol");
    server.say(carol, "/ban dave");
    server.say(carol, "/ban eve!*@*");
    server.check_irc(alice, "MODE #den +e *!eve@*", &[":alice MODE #den +e *!eve@*"]);
    let (end, own) = ("368 bob #den :End of channel ban list", format!("367 bob #den eve!*@* carol {at}"));
    server.check_irc(bob, "MODE #den b", &["367 bob #den dave!*@*", &own, end]);
    server.check_irc(
        bob,
        "MODE #den -ee",
        &[&format!("348 bob #den *!eve@* alice {at}"), "349 bob #den :End of channel exception list"],
    );
    server.check_irc(bob, "MODE #den +I", &["347 bob #den :End of channel invite exception list"]);
    server.check_irc(dave, "MODE #den b", &["442 dave #den :You're not on that channel"]);
    server.check_irc(dave, "JOIN #den", &["474 dave #den :Cannot join channel (+b)"]);
    server.check_irc(alice, "MODE #den -bb dave!*@* EVE", &[":alice MODE #den -bb dave!*@* eve!*@*"]);
    server.check_irc(bob, "MODE #den b", &[end]);
    server.check_irc(alice, "MODE #den -b dave!*@*", &[]);
    assert_eq!(server.answer_irc(dave, "JOIN #den")[0], ":dave JOIN #den");
}

#[test]
fn user_modes_are_those_of_the_member_itself() {
    let (mut server, [alice, bob, ..]) = irc_den();
    server.check_irc(alice, "MODE alice", &["221 alice +"]);
    server.check_irc(alice, "MODE ALICE +iB", &[":alice MODE alice :+iB"]);
    server.check_irc(alice, "MODE alice +iBo", &[]);
    server.check_irc(alice, "MODE alice", &["221 alice +Bi"]);
    server.check_irc(alice, "MODE alice -i+Q", &["501 alice :Unknown MODE flag", ":alice MODE alice :-i"]);
    server.check_irc(alice, "MODE bob", &["502 alice :Can't change mode for other users"]);
    server.check_irc(alice, "MODE nobody +i", &["401 alice nobody :No such nick/channel"]);
    let is_bot = |server: &super::TestHub, id: ClientId| {
        let slot = server.hub.sessions[id].member.unwrap();
        server.hub.shared.members.is_bot(slot)
    };
    assert!(is_bot(&server, alice) && !is_bot(&server, bob));
}

#[test]
fn changes_of_one_mode_are_shown_in_one_line_and_elsewhere_one_by_one() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.say(alice, "MODE #den +it-Q+vo bob bob");
    assert_eq!(server.read_irc(bob), [":alice MODE #den +itvo bob bob"]);
    assert_eq!(server.read(carol).len(), 4);
    server.hub.attach_console();
    server.say(ClientId::CONSOLE, "/mod dave");
    server.read(dave);
    server.check_irc(dave, "MODE #den -it", &[":dave MODE #den -it"]);
    assert_eq!(server.read_irc(bob), [":dave MODE #den -it"]);
    server.say(ClientId::CONSOLE, "/mute bob");
    server.read(alice);
    server.check_irc(bob, "MODE #den +it", &[":bob MODE #den +it"]);
    assert_eq!(server.read_irc(alice), Vec::<String>::new(), "what a muted member changes is shown to itself alone");
    assert!(server.hub.mode_changes.is_none());
}
