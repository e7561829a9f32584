//! Tests of KICK and INVITE.

use super::irc_den;

#[test]
fn reason_of_a_kick_reaches_irc_readers_and_the_kicked_member() {
    let (mut server, [alice, bob, carol, _]) = irc_den();
    server.check_irc(alice, "KICK #den bob :too loud", &[":alice KICK #den bob :too loud"]);
    assert_eq!(server.read_irc(bob), [":alice KICK #den bob :too loud"]);
    assert_eq!(server.read(carol), ["* bob left: kicked (2 here)"]);
    server.check_irc(bob, "PRIVMSG #den :again", &["404 bob #den :Cannot send to channel (+n)"]);
    server.check_irc(alice, "KICK #den carol", &[":alice KICK #den carol :alice"]);
    assert_eq!(server.read(carol)[0], "* You were kicked from den by alice.");
    let long = "x".repeat(400);
    server.say(bob, "JOIN #den");
    server.say(alice, &format!("KICK #den bob :{long}"));
    let line = format!(":alice KICK #den bob :{}", &long[..390]);
    assert_eq!(server.read_irc(bob).last(), Some(&line));
}

#[test]
fn several_members_are_kicked_one_by_one() {
    let (mut server, [alice, bob, carol, _]) = irc_den();
    server.check_irc(
        alice,
        "KICK #den,#den bob,carol :bye",
        &[":alice KICK #den bob :bye", ":alice KICK #den carol :bye"],
    );
    server.say(bob, "JOIN #den");
    server.say(carol, "/join den");
    server.check_irc(
        alice,
        "KICK #den bob,nobody,dave :bye",
        &[
            ":alice KICK #den bob :bye",
            "401 alice nobody :No such nick/channel",
            "441 alice dave #den :They aren't on that channel",
        ],
    );
}

#[test]
fn only_operators_of_a_channel_kick_and_nobody_from_the_lobby() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    server.check_irc(bob, "KICK #den alice", &["482 bob #den :You're not channel operator"]);
    server.check_irc(dave, "KICK #den alice", &["442 dave #den :You're not on that channel"]);
    server.check_irc(dave, "KICK #nowhere alice", &["403 dave #nowhere :No such channel"]);
    server.say(alice, "JOIN #lobby");
    let answer = server.answer_irc(alice, "KICK #lobby carol");
    assert!(answer.len() == 1 && answer[0].starts_with("48"), "{answer:?}");
}

#[test]
fn invitation_lets_a_member_in_once_past_invite_only_and_limit() {
    let (mut server, [alice, bob, carol, dave]) = irc_den();
    server.say(alice, "MODE #den +il 1");
    server.check_irc(dave, "JOIN #den", &["473 dave #den :Cannot join channel (+i)"]);
    server.read(bob);
    server.check_irc(alice, "INVITE dave #den", &["341 alice dave #den"]);
    assert_eq!(server.read_irc(dave), [":alice INVITE dave #den"]);
    assert_eq!((server.read_irc(bob).len(), server.read(carol).len()), (0, 2), "the members are not told");
    server.check_irc(dave, "INVITE", &["336 dave #den", "337 dave :End of /INVITE list"]);
    assert_eq!(server.answer_irc(dave, "JOIN #den")[0], ":dave JOIN #den");
    server.check_irc(dave, "INVITE", &["337 dave :End of /INVITE list"]);
    server.say(dave, "PART #den");
    server.check_irc(dave, "JOIN #den", &["473 dave #den :Cannot join channel (+i)"]);
}

#[test]
fn invitations_that_cannot_be_given_are_refused() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    server.check_irc(alice, "INVITE bob #den", &["443 alice bob #den :is already on channel"]);
    server.check_irc(bob, "INVITE dave #den", &["482 bob #den :You're not channel operator"]);
    server.check_irc(dave, "INVITE dave #den", &["442 dave #den :You're not on that channel"]);
    server.check_irc(alice, "INVITE dave #nowhere", &["403 alice #nowhere :No such channel"]);
    server.check_irc(alice, "INVITE nobody #den", &["401 alice nobody :No such nick/channel"]);
    server.check_irc(alice, "INVITE dave", &["461 alice INVITE :Not enough parameters"]);
    assert_eq!(server.read_irc(dave).len(), 0);
}

#[test]
fn invitation_is_shown_to_members_with_the_capability_alone() {
    let (mut server, [alice, bob, _, dave]) = irc_den();
    let eve = server.enter_irc("eve");
    server.say(bob, "CAP REQ :invite-notify");
    server.say(eve, "CAP REQ :away-notify");
    server.say(eve, "JOIN #den");
    [bob, eve].into_iter().for_each(|id| drop(server.read(id)));
    server.check_irc(alice, "INVITE dave #den", &["341 alice dave #den"][..]);
    assert_eq!(server.read_irc(bob), [":alice INVITE dave #den"]);
    assert_eq!(server.read_irc(eve).len(), 0);
    assert_eq!(server.read_irc(dave), [":alice INVITE dave #den"]);
}
