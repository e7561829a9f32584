use super::*;

fn hear(session: &mut Session, lines: &[&str]) {
    lines.iter().for_each(|line| session.hear(&Shape::of(line)));
}

/// One who has come in as alice, with bob and carol.
fn entered() -> Session {
    let mut session = Session::default();
    hear(
        &mut session,
        &[
            "* Welcome to chinwag. Type a nickname and press Enter:",
            "* You are alice. 3 here: bob, carol and you. /help lists the commands.",
        ],
    );
    session
}

#[test]
fn entering_is_followed_step_by_step_in_both_languages() {
    let english = [
        "* The room is full. You are number 2 in line.",
        "* Welcome to chinwag. Type a nickname and press Enter:",
        "! The nickname alice is taken. Try another:",
        "* You are ann. 3 here: bob, carol and you. /help lists the commands.",
    ];
    let chinese = [
        "* 聊天室已满，您在等候队列中排第2位。",
        "* 请输入昵称:",
        "! 当前昵称已经存在，请重新输入:",
        "* 您是ann，当前3人：bob、carol和您。输入 /help 查看命令。",
    ];
    for lines in [english, chinese] {
        let mut session = Session::default();
        assert_eq!((session.stage(), session.is_ours()), (Stage::Unknown, false));
        for (line, stage) in lines.iter().zip([Stage::Waiting(2), Stage::Asked, Stage::Asked, Stage::Here]) {
            assert_eq!(session.name(), None);
            hear(&mut session, &[line]);
            assert_eq!((session.stage(), session.is_ours()), (stage, true), "{line}");
            assert_eq!(session.said("hello").is_some(), stage == Stage::Here);
        }
        assert_eq!((session.name(), session.here(), session.room()), (Some("ann"), Some(3), "lobby"));
        assert_eq!(session.names(), ["carol", "bob"]);
    }
    // Between the two lines of Chinese nobody has entered yet.
    let mut session = Session::default();
    hear(&mut session, &["* 请输入昵称:", "* 昵称设置成功"]);
    assert_eq!((session.stage(), session.said("hello")), (Stage::Asked, None));
}

#[test]
fn only_what_the_others_read_is_echoed() {
    let mut session = entered();
    assert_eq!(session.said("hello"), Some(Echo::Said("hello")));
    assert_eq!(session.said("//x"), Some(Echo::Said("/x")));
    assert_eq!(session.said("/say q"), Some(Echo::Said("q")));
    assert_eq!(session.said("/ME waves"), Some(Echo::Action("waves")));
    for line in ["", "  ", "/me ", "/say", "@bob hi", "/msg bob hi", "/r hi", "/who", "q", " QUIT ", "exit", "/x"] {
        assert_eq!(session.said(line), None, "{line:?}");
    }
    hear(&mut session, &["* You read your own lines from now on."]);
    assert_eq!((session.said("hello"), session.server_echoes()), (None, true));
    hear(&mut session, &["* 不再显示您自己说的话。"]);
    assert_eq!((session.said("hello"), session.server_echoes()), (Some(Echo::Said("hello")), false));
    hear(&mut session, &["* The server is shutting down."]);
    assert_eq!(session.said("hello"), None);
}

#[test]
fn what_was_echoed_can_be_said_again_by_the_line_that_is_given() {
    for line in ["hello", "//x", "@@x", "/say q", "/say /me x", "/me waves", "/me  two", "/say  exit "] {
        let mut session = entered();
        let echo = session.said(line).unwrap();
        assert_eq!(entered().said(&echo.line()), Some(echo), "{line}");
    }
    assert_eq!(Echo::Said("hello").line(), "hello");
}

#[test]
fn people_are_counted_and_known_as_they_come_go_and_speak() {
    let mut session = entered();
    hear(&mut session, &["* dan joined (4 here)", "[12:00:00] bob: hi", "[12:00:01] alice: hi"]);
    assert_eq!((session.here(), session.names()), (Some(4), vec!["bob", "dan", "carol"]));
    hear(&mut session, &["* bob left: idle (3 here)", "* dan is now called daniel"]);
    assert_eq!((session.here(), session.names()), (Some(3), vec!["daniel", "carol", "bob"]));
    hear(&mut session, &["* 9 joined, 2 left (10 here)", "! Nobody here is called BOB."]);
    assert_eq!((session.here(), session.names()), (Some(10), vec!["daniel", "carol"]));
    hear(&mut session, &["* 2 in den: erin and fred.", "* alice is now called alicia", "* 2 here: carol and you."]);
    assert_eq!((session.here(), session.name()), (Some(2), Some("alicia")));
    assert_eq!(session.names(), ["daniel", "carol", "fred", "erin"]);
}

#[test]
fn who_spoke_in_the_history_is_known_but_not_taken_to_be_here() {
    let mut session = entered();
    let history = ["* --- the last 2 messages ---", "[12:00:00] zoe: x", "* --- you are up to date ---"];
    hear(&mut session, &history);
    assert_eq!(session.names(), ["carol", "bob", "zoe"]);
    hear(&mut session, &["[12:00:05] zoe: y"]);
    assert_eq!(session.names(), ["zoe", "carol", "bob"]);
}

#[test]
fn a_room_is_kept_over_a_reconnect_until_it_is_joined_or_given_up() {
    let mut session = entered();
    hear(&mut session, &["* You are in den. 2 here: erin and you.", "* You read your own lines from now on."]);
    assert_eq!((session.room(), session.here(), session.back_to()), ("den", Some(2), None));
    assert_eq!(session.rooms(), ["den", "lobby"]);
    session.reconnected();
    // And the connection drops again before the room is joined.
    session.reconnected();
    assert_eq!((session.stage(), session.here(), session.name()), (Stage::Unknown, None, Some("alice")));
    assert_eq!((session.room(), session.back_to(), session.server_echoes()), ("lobby", Some("den"), false));
    assert_eq!(session.said("too early"), None, "the server is known to be ours");
    hear(&mut session, &["* You are alice. 1 here: you. /help lists the commands."]);
    assert_eq!((session.room(), session.back_to()), ("lobby", Some("den")));
    let mut given_up = Session::default();
    std::mem::swap(&mut given_up, &mut session);
    hear(&mut given_up, &["! There are 256 rooms already, and no more can be made. /rooms lists them."]);
    assert_eq!((given_up.room(), given_up.back_to()), ("lobby", None));
    let mut session = entered();
    hear(&mut session, &["* 您进入了房间den，当前1人：您。"]);
    session.reconnected();
    hear(&mut session, &["* You are alice. 1 here: you. /help lists the commands.", "! You are in den already."]);
    assert_eq!((session.room(), session.back_to()), ("den", None));
}

#[test]
fn why_the_server_closes_is_known() {
    for (line, ending) in [
        ("* Goodbye.", Ending::Goodbye),
        ("* You were kicked by the operator: rude", Ending::Kicked),
        ("* 服务器即将关闭。", Ending::ShuttingDown),
        ("! Your address is banned from this server.", Ending::Banned),
        ("! Nothing was heard from you for 5 seconds. Goodbye.", Ending::Idle),
        ("! No nickname was given within 1 second. Goodbye.", Ending::LoginTimeout),
        ("! The room and the waiting line are full. Try again later.", Ending::Full),
        (
            "! This port is for lines of text: use nc, telnet or chinwag connect. HTTP, TLS, SSH and their like are not spoken here.",
            Ending::OtherProtocol,
        ),
        ("! The operator is talking with somebody else. Try again later.", Ending::Busy),
    ] {
        let mut session = entered();
        hear(&mut session, &["! That is you.", "[12:00:00] bob: * Goodbye."]);
        assert_eq!(session.ending(), None);
        hear(&mut session, &[line, "* bob left (2 here)"]);
        assert_eq!(session.ending(), Some(ending), "{line}");
        session.reconnected();
        assert_eq!(session.ending(), None);
    }
}

#[test]
fn a_foreign_server_that_shows_our_lines_is_found_out_for_good() {
    for (line, echoes) in [
        ("<me> hello", true),
        ("hello", true),
        ("[12:00:00] me: hello", true),
        ("* me hello", true),
        ("othello", false),
        ("<me> hello!", false),
    ] {
        let mut session = Session::default();
        assert_eq!(session.said("hello"), Some(Echo::Said("hello")));
        hear(&mut session, &["* welcome", line]);
        assert_eq!(session.server_echoes(), echoes, "{line}");
        session.reconnected();
        assert_eq!(session.said("/join x").is_none(), echoes, "{line}");
        assert!(!session.is_ours());
    }
}

#[test]
fn what_comes_much_later_is_no_echo() {
    for (lines, echoes) in [(19, true), (20, false)] {
        let mut session = Session::default();
        session.said("hello");
        (0..lines).for_each(|_| hear(&mut session, &["something else"]));
        hear(&mut session, &["<bob> hello"]);
        assert_eq!(session.server_echoes(), echoes, "after {lines} lines");
    }
}

#[test]
fn a_mention_is_of_the_name_that_is_ours_now() {
    let mut session = Session::default();
    assert!(!session.mentions("alice"));
    session = entered();
    assert!(session.mentions("Alice?"));
    hear(&mut session, &["* alice is now called alicia"]);
    assert!(session.mentions("ALICIA!") && !session.mentions("alice"));
}
