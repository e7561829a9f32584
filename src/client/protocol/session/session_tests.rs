use super::*;

fn update(session: &mut Session, lines: &[&str]) {
    lines.iter().for_each(|line| session.update(&LineShape::parse(line)));
}

/// Whether the server sends our own lines back to us.
fn server_echoes(session: &Session) -> bool {
    session.chinwag_echoes || session.other_echoes
}

/// Returns the session of alice in a room with bob and carol.
fn entered() -> Session {
    let mut session = Session::default();
    update(
        &mut session,
        &[
            "* Welcome to chinwag. Type a nickname and press Enter:",
            "* You are alice. 3 here: bob, carol and you. /help lists the commands.",
        ],
    );
    session
}

#[test]
fn login_stages_are_tracked_in_both_languages() {
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
        assert_eq!((session.stage(), session.is_chinwag()), (LoginStage::Unknown, false));
        for (line, stage) in
            lines.iter().zip([LoginStage::Queued(2), LoginStage::Asked, LoginStage::Asked, LoginStage::LoggedIn])
        {
            assert_eq!(session.name(), None);
            update(&mut session, &[line]);
            assert_eq!((session.stage(), session.is_chinwag()), (stage, true), "{line}");
            assert_eq!(session.echo_of("hello").is_some(), stage == LoginStage::LoggedIn);
        }
        assert_eq!((session.name(), session.members(), session.room()), (Some("ann"), Some(3), "lobby"));
        assert_eq!(session.names(), ["carol", "bob"]);
    }
    // Between the two Chinese lines the login is not done yet.
    let mut session = Session::default();
    update(&mut session, &["* 请输入昵称:", "* 昵称设置成功"]);
    assert_eq!((session.stage(), session.echo_of("hello")), (LoginStage::Asked, None));
}

#[test]
fn only_messages_to_the_room_are_echoed() {
    let mut session = entered();
    assert_eq!(session.echo_of("hello"), Some(Echo::Said("hello")));
    assert_eq!(session.echo_of("//x"), Some(Echo::Said("/x")));
    assert_eq!(session.echo_of("/say q"), Some(Echo::Said("q")));
    assert_eq!(session.echo_of("/ME waves"), Some(Echo::Action("waves")));
    for line in ["", "  ", "/me ", "/say", "@bob hi", "/msg bob hi", "/r hi", "/who", "q", " QUIT ", "exit", "/x"] {
        assert_eq!(session.echo_of(line), None, "{line:?}");
    }
    update(&mut session, &["* You read your own lines from now on."]);
    assert_eq!((session.echo_of("hello"), server_echoes(&session)), (None, true));
    update(&mut session, &["* 不再显示您自己说的话。"]);
    assert_eq!((session.echo_of("hello"), server_echoes(&session)), (Some(Echo::Said("hello")), false));
    update(&mut session, &["* The server is shutting down."]);
    assert_eq!(session.echo_of("hello"), None);
}

#[test]
fn echo_line_sends_the_same_message() {
    for line in ["hello", "//x", "@@x", "/say q", "/say /me x", "/me waves", "/me  two", "/say  exit "] {
        let mut session = entered();
        let echo = session.echo_of(line).unwrap();
        assert_eq!(entered().echo_of(&echo.line()), Some(echo), "{line}");
    }
    assert_eq!(Echo::Said("hello").line(), "hello");
}

#[test]
fn members_and_names_follow_notices_and_messages() {
    let mut session = entered();
    update(&mut session, &["* dan joined (4 here)", "[12:00:00] bob: hi", "[12:00:01] alice: hi"]);
    assert_eq!((session.members(), session.names()), (Some(4), vec!["bob", "dan", "carol"]));
    update(&mut session, &["* bob left: idle (3 here)", "* dan is now called daniel"]);
    assert_eq!((session.members(), session.names()), (Some(3), vec!["daniel", "carol", "bob"]));
    update(&mut session, &["* 9 joined, 2 left (10 here)", "! Nobody here is called BOB."]);
    assert_eq!((session.members(), session.names()), (Some(10), vec!["daniel", "carol"]));
    update(&mut session, &["* 2 in den: erin and fred.", "* alice is now called alicia", "* 2 here: carol and you."]);
    assert_eq!((session.members(), session.name()), (Some(2), Some("alicia")));
    assert_eq!(session.names(), ["daniel", "carol", "fred", "erin"]);
}

#[test]
fn history_senders_are_known_but_not_present() {
    let mut session = entered();
    let history = ["* --- the last 2 messages ---", "[12:00:00] zoe: x", "* --- you are up to date ---"];
    update(&mut session, &history);
    assert_eq!(session.names(), ["carol", "bob", "zoe"]);
    update(&mut session, &["[12:00:05] zoe: y"]);
    assert_eq!(session.names(), ["zoe", "carol", "bob"]);
}

#[test]
fn room_to_rejoin_is_kept_until_joined_or_impossible() {
    let mut session = entered();
    update(&mut session, &["* You are in den. 2 here: erin and you.", "* You read your own lines from now on."]);
    assert_eq!((session.room(), session.members(), session.room_to_rejoin()), ("den", Some(2), None));
    assert_eq!(session.rooms(), ["den", "lobby"]);
    session.reconnected();
    // The connection drops again before the room is joined.
    session.reconnected();
    assert_eq!((session.stage(), session.members(), session.name()), (LoginStage::Unknown, None, Some("alice")));
    assert_eq!((session.room(), session.room_to_rejoin(), server_echoes(&session)), ("lobby", Some("den"), false));
    assert_eq!(session.echo_of("too early"), None, "the server is known to be ours");
    update(&mut session, &["* You are alice. 1 here: you. /help lists the commands."]);
    assert_eq!((session.room(), session.room_to_rejoin()), ("lobby", Some("den")));
    let mut given_up = Session::default();
    std::mem::swap(&mut given_up, &mut session);
    update(&mut given_up, &["! There are 256 rooms already, and no more can be made. /rooms lists them."]);
    assert_eq!((given_up.room(), given_up.room_to_rejoin()), ("lobby", None));
    let mut session = entered();
    update(&mut session, &["* 您进入了房间den，当前1人：您。"]);
    session.reconnected();
    update(&mut session, &["* You are alice. 1 here: you. /help lists the commands.", "! You are in den already."]);
    assert_eq!((session.room(), session.room_to_rejoin()), ("den", None));
}

#[test]
fn close_reason_is_parsed() {
    for (line, ending) in [
        ("* Goodbye.", CloseReason::Goodbye),
        ("* You were kicked by the operator: rude", CloseReason::Kicked),
        ("* 服务器即将关闭。", CloseReason::ShuttingDown),
        ("! Your address is banned from this server.", CloseReason::Banned),
        ("! Nothing was heard from you for 5 seconds. Goodbye.", CloseReason::Idle),
        ("! No nickname was given within 1 second. Goodbye.", CloseReason::LoginTimeout),
        ("! The room and the waiting line are full. Try again later.", CloseReason::Full),
        (
            "! This port is for lines of text: use nc, telnet or chinwag connect. HTTP, TLS, SSH and similar protocols are not supported.",
            CloseReason::OtherProtocol,
        ),
        ("! The operator is talking with somebody else. Try again later.", CloseReason::Busy),
    ] {
        let mut session = entered();
        update(&mut session, &["! That is you.", "[12:00:00] bob: * Goodbye."]);
        assert_eq!(session.close_reason(), None);
        update(&mut session, &[line, "* bob left (2 here)"]);
        assert_eq!(session.close_reason(), Some(ending), "{line}");
        session.reconnected();
        assert_eq!(session.close_reason(), None);
    }
}

#[test]
fn echo_of_other_server_is_detected_and_remembered() {
    for (line, echoes) in [
        ("<me> hello", true),
        ("hello", true),
        ("[12:00:00] me: hello", true),
        ("* me hello", true),
        ("othello", false),
        ("<me> hello!", false),
    ] {
        let mut session = Session::default();
        assert_eq!(session.echo_of("hello"), Some(Echo::Said("hello")));
        update(&mut session, &["* welcome", line]);
        assert_eq!(server_echoes(&session), echoes, "{line}");
        session.reconnected();
        assert_eq!(session.echo_of("/join x").is_none(), echoes, "{line}");
        assert!(!session.is_chinwag());
    }
}

#[test]
fn late_copy_is_not_an_echo() {
    for (lines, echoes) in [(19, true), (20, false)] {
        let mut session = Session::default();
        session.echo_of("hello");
        (0..lines).for_each(|_| update(&mut session, &["something else"]));
        update(&mut session, &["<bob> hello"]);
        assert_eq!(server_echoes(&session), echoes, "after {lines} lines");
    }
}

#[test]
fn mention_uses_current_name() {
    let mut session = Session::default();
    assert!(!session.mentions("alice"));
    session = entered();
    assert!(session.mentions("Alice?"));
    update(&mut session, &["* alice is now called alicia"]);
    assert!(session.mentions("ALICIA!") && !session.mentions("alice"));
}

#[test]
fn password_prompts_count_only_where_chinwag_asks() {
    let (server, account) = (LoginStage::PasswordDue(PasswordOf::Server), LoginStage::PasswordDue(PasswordOf::Account));
    let welcome = "* Welcome to chinwag. Type a nickname and press Enter:";
    let of_server = ["* Password:", "* Password: (visible as you type)", "* 请输入密码:（输入时可见）"];
    let of_account = ["* alice is registered. Password:", "* 昵称alice已注册。请输入密码:（输入时可见）"];
    for prompt in of_server {
        let mut session = Session::default();
        update(&mut session, &[prompt]);
        assert_eq!((session.stage(), session.is_chinwag(), session.echo_of("x")), (server, true, None), "{prompt}");
        update(&mut session, &["! Wrong password. Password:"]);
        assert_eq!(session.stage(), server);
        update(&mut session, &[welcome]);
        assert_eq!(session.stage(), LoginStage::Asked);
        update(&mut session, &[prompt]);
        assert_eq!(session.stage(), LoginStage::Asked, "too late");
        let mut session = Session::default();
        update(&mut session, &["220 ready", prompt]);
        assert_eq!((session.stage(), session.is_chinwag()), (LoginStage::Unknown, false), "not the first line");
        session.reconnected();
        update(&mut session, &["* The room is full. You are number 2 in line.", prompt]);
        assert_eq!(session.stage(), server);
    }
    for prompt in of_account {
        let mut session = Session::default();
        update(&mut session, &[prompt]);
        assert_eq!((session.stage(), session.is_chinwag()), (LoginStage::Unknown, false));
        update(&mut session, &[welcome, prompt]);
        assert_eq!(session.stage(), account);
        update(&mut session, &["! Wrong password.", welcome]);
        assert_eq!(session.stage(), LoginStage::Asked);
        let mut session = entered();
        update(&mut session, &[prompt]);
        assert_eq!(session.stage(), LoginStage::LoggedIn);
        session.reconnected();
        update(&mut session, &[prompt]);
        assert_eq!(session.stage(), LoginStage::Unknown, "known from another connection only");
    }
}

#[test]
fn last_wrong_password_is_a_reason_to_close() {
    for line in ["! Wrong password. Goodbye.", "! 密码错误。再见。"] {
        let mut session = Session::default();
        update(&mut session, &["* Password:", line]);
        assert_eq!(session.close_reason(), Some(CloseReason::WrongPassword));
    }
}
