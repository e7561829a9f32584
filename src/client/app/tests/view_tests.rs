//! Several rooms and conversations in the client.

use super::*;

#[test]
fn messages_come_into_the_view_of_their_room() {
    let mut app = connected();
    assert_eq!(
        shown(&mut app)[1..],
        [
            "0: * You follow den. 2 here: bob and you.",
            "1: * The topic: fish",
            "1: * --- the last 1 message ---",
            "1: [00:00:00] bob: before",
            "1: * --- you are up to date ---",
        ]
    );
    assert!(!app.take_bell());
    let said = r#"{"t":"said","room":"den","id":2,"at":86400,"name":"bob","text":"hi Alice"}"#;
    assert_eq!(read(&mut app, said), ["1: * Friday 2 January 1970", "1: [00:00:00] bob: hi Alice"]);
    assert!(app.take_bell());
    let (_, lobby) = app.views().active();
    assert_eq!((lobby.unread, app.views().list()[1].unread, app.views().list()[1].is_for_us), (0, 1, true));
    assert_eq!(app.press_key(KeyAction::Select(2), now()), None);
    assert_eq!(shown(&mut app), ["select 1: -- den: one new message"]);
    assert_eq!(read(&mut app, r#"{"t":"note","text":"an answer"}"#), ["1: * an answer"]);
    submit(&mut app, "hello");
    assert_eq!(app.take_outgoing()[0], "#den hello");
    submit(&mut app, "/go lobby");
    assert_eq!((shown(&mut app), app.take_outgoing()), (vec!["select 0: -- lobby".to_owned()], vec![]));
    let joined = r#"{"t":"joined","room":"den","name":"carol","here":3}"#;
    assert_eq!(read(&mut app, joined), ["1: * carol joined (3 here)"]);
    assert_eq!(app.views().list()[1].unread, 0, "only messages count");
}

#[test]
fn whispers_have_a_view_of_their_own_if_it_is_opened() {
    let mut app = connected();
    shown(&mut app);
    let whisper = r#"{"t":"whisper","at":0,"from":"bob","text":"psst"}"#;
    assert_eq!(read(&mut app, whisper), ["0: [00:00:00] bob -> you: psst"]);
    submit(&mut app, "/go @bob");
    assert_eq!(shown(&mut app), ["select 2: -- @bob"]);
    submit(&mut app, "what?");
    assert_eq!(app.take_outgoing()[0], "@bob what?");
    let whispered = r#"{"t":"whispered","at":0,"to":"bob","text":"what?"}"#;
    assert_eq!(read(&mut app, whispered), ["2: [00:00:00] you -> bob: what?"]);
    assert_eq!(app.sent.unconfirmed(), None);
    assert_eq!(read(&mut app, r#"{"t":"said","room":"lobby","id":9,"at":0,"name":"bob","text":"x"}"#).len(), 1);
    submit(&mut app, "/me waves");
    assert_eq!(app.take_outgoing(), [""; 0]);
    assert!(shown(&mut app)[0].contains("Actions cannot be whispered"));
    read(&mut app, r#"{"t":"renamed","room":"lobby","old":"bob","new":"ben"}"#);
    submit(&mut app, "and?");
    assert_eq!(app.take_outgoing()[0], "@ben and?");
    submit(&mut app, "/close");
    assert_eq!(shown(&mut app), ["select 0: -- lobby: one new message", "merge 2 0"]);
    assert_eq!(app.views().list().len(), 2);
    for (line, words) in [("/go tea", "You are not in tea."), ("/go", "/go needs"), ("/close", "/close ends")] {
        submit(&mut app, line);
        assert!(shown(&mut app)[0].contains(words), "{line}");
    }
}

#[test]
fn entered_room_comes_on_the_screen_and_left_rooms_end() {
    let mut app = connected();
    app.press_key(KeyAction::Select(2), now());
    shown(&mut app);
    let den = r#"{"t":"room","room":"den","here":2,"names":["bob"],"topic":null}"#;
    assert_eq!(read(&mut app, den)[..2], ["merge 1 0", "select 0: -- den"]);
    let tea = r#"{"t":"following","room":"tea","here":1,"names":[],"topic":null}"#;
    read(&mut app, tea);
    app.press_key(KeyAction::Select(2), now());
    submit(&mut app, "/leave");
    assert_eq!(app.take_outgoing()[0], "/unfollow tea");
    shown(&mut app);
    let left = r#"{"t":"unfollowed","room":"tea"}"#;
    assert_eq!(read(&mut app, left), ["merge 2 0", "select 0: -- den", "0: * You no longer follow tea."]);
}

#[test]
fn requested_history_is_shown_where_it_was_typed_and_again() {
    let mut app = connected();
    app.press_key(KeyAction::Select(2), now());
    shown(&mut app);
    submit(&mut app, "/history 1");
    assert_eq!(app.take_outgoing()[0], "/history #den 1");
    app.press_key(KeyAction::Select(1), now());
    shown(&mut app);
    let mut lines = Vec::new();
    for line in [
        r#"{"t":"history","room":"den","messages":1,"gap":false}"#,
        r#"{"t":"said","room":"den","id":1,"at":0,"name":"bob","text":"before"}"#,
        r#"{"t":"live","room":"den","older":null}"#,
    ] {
        lines.extend(read(&mut app, line));
    }
    assert_eq!(lines[1], "0: [00:00:00] bob: before");
    assert_eq!((app.views().list()[1].unread, app.take_bell()), (0, false));
}

#[test]
fn quiet_member_reads_no_joins_and_help_names_the_commands_of_the_client() {
    let mut app = connected();
    shown(&mut app);
    let joined = r#"{"t":"joined","room":"lobby","name":"carol","here":3}"#;
    read(&mut app, r#"{"t":"quiet","on":true}"#);
    assert_eq!(read(&mut app, joined), [""; 0]);
    assert_eq!(app.session().rooms()[0].members, Some(3));
    read(&mut app, r#"{"t":"quiet","on":false}"#);
    assert_eq!(read(&mut app, joined), ["0: * carol joined (3 here)"]);
    let help = read(&mut app, r#"{"t":"help","lines":["one"]}"#);
    assert_eq!(help[0], "0: * one");
    assert!(help.iter().any(|line| line.contains("/go room")));
}

/// A server that sends what it likes harms only what is shown.
#[test]
fn hostile_server_cannot_break_the_client() {
    let mut app = connected();
    shown(&mut app);
    // Ids that go back are shown, and the position does not.
    for id in [9, 3, 3, u64::MAX, 1] {
        let line = format!(r#"{{"t":"said","room":"lobby","id":{id},"at":{id},"name":"bob","text":"{id}"}}"#);
        let shown = read(&mut app, &line);
        assert!(id > i64::MAX as u64 || shown.last().is_some_and(|line| line.ends_with(&format!("bob: {id}"))));
    }
    assert!(app.positions.request("lobby", &[]).ends_with(&format!("after={}", 9)));
    // More rooms than views, and names as long as a line may be.
    for number in 0..200 {
        let name = format!("{number}{}", "x".repeat(if number % 2 == 0 { 500_000 } else { 900 }));
        read(&mut app, &format!(r#"{{"t":"following","room":"{name}","here":1,"names":["{name}"],"topic":"{name}"}}"#));
    }
    assert!(app.views().list().len() <= 128 && app.session().rooms().len() <= 101);
    for line in [
        r#"{"t":"live","room":"lobby"}"#,
        r#"{"t":"history","room":"lobby","messages":99,"gap":true}"#,
        r#"{"t":"history","room":"lobby","messages":0,"gap":true}"#,
        r#"{"t":"removed","room":"lobby","cause":"x","by":"bob","why":null}"#,
        r#"{"t":"unfollowed","room":"nowhere"}"#,
        r#"{"t":"renamed","room":"lobby","old":"alice","new":""}"#,
        r#"{"t":"hello","rev":2,"name":"again","run":"r2","version":"0","lang":"xx","max_line":0}"#,
        r#"{"t":"ask"}"#,
        r#"{"t":"entered","name":"bob","room":"den","here":0,"names":[],"topic":null,"role":"god","account":true}"#,
        r#"{"t":"pong","text":"back again"}"#,
        "not JSON at all",
        r#"{"t":"said","room":"lobby"}"#,
    ] {
        read(&mut app, line);
    }
    assert_eq!(app.session().name(), Some("bob"));
    submit(&mut app, "still here");
    assert!(app.take_outgoing().contains(&"still here".into()));
}

#[test]
fn password_of_a_command_is_neither_said_nor_shown_nor_sent_elsewhere() {
    let mut app = connected();
    submit(&mut app, "/password");
    app.paste_text("old\nnew\n", now());
    assert_eq!(app.take_outgoing(), [""; 0]);
    "Hunter".chars().for_each(|c| _ = app.press_key(KeyAction::Edit(Edit::Insert(c)), now()));
    app.connection_lost(None, now().at);
    assert!(app.input.is_hidden());
    app.connected(now().at);
    submit(&mut app, "2-xyzzy");
    assert_eq!((app.take_outgoing(), app.input.text(), app.input.is_hidden()), (vec![], "", false));
    let lines = shown(&mut app);
    assert!(lines.last().is_some_and(|line| line.contains("/password was given up")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("Hunter")));
}

#[test]
fn what_was_typed_for_a_view_is_not_said_in_another_one() {
    let mut app = connected();
    submit(&mut app, "/go @bob");
    let type_in = |app: &mut App, text: &str| {
        text.chars().for_each(|c| _ = app.press_key(KeyAction::Edit(Edit::Insert(c)), now()));
    };
    type_in(&mut app, "psst");
    // Another room is entered without a wish of the user: the conversation stays on the screen.
    read(&mut app, r#"{"t":"room","room":"tea","here":1,"names":[],"topic":null}"#);
    assert_eq!((app.views().active().1.target.label().as_str(), app.input.text()), ("@bob", "psst"));
    app.input.take();
    // The room on the screen is left: what is typed was meant for it.
    app.press_key(KeyAction::Select(2), now());
    type_in(&mut app, "for den");
    read(&mut app, r#"{"t":"removed","room":"den","cause":"kicked","by":"bob","why":null}"#);
    assert_eq!((app.views().active().1.target.label().as_str(), app.input.text()), ("tea", ""));
    app.press_key(KeyAction::Older, now());
    assert_eq!(app.input.text(), "for den");
    read(&mut app, r#"{"t":"room","room":"lobby","here":1,"names":[],"topic":null}"#);
    assert_eq!(app.input.text(), "", "the current room has changed");
    // After an own command what is typed meanwhile is for the new room.
    submit(&mut app, "/join tea");
    type_in(&mut app, "hello");
    read(&mut app, r#"{"t":"room","room":"tea","here":1,"names":[],"topic":null}"#);
    assert_eq!(app.input.text(), "hello");
}

#[test]
fn topic_that_was_asked_for_is_shown_where_it_was_typed() {
    let mut app = connected();
    submit(&mut app, "/topic #den");
    shown(&mut app);
    let topic = r#"{"t":"topic","room":"den","name":"bob","text":"fish"}"#;
    assert_eq!(read(&mut app, topic), ["0: * The topic, set by bob: fish"]);
    assert_eq!(read(&mut app, topic), ["1: * bob set the topic: fish"]);
}

#[test]
fn escape_gives_up_a_password_and_numbers_select_views() {
    let mut app = connected();
    submit(&mut app, "/register");
    app.press_key(KeyAction::Edit(Edit::Insert('x')), now());
    app.press_key(KeyAction::Escape, now());
    assert!(!app.input.is_hidden() && app.input.is_empty());
    assert!(shown(&mut app).last().is_some_and(|line| line.ends_with("/register was given up.")));
    submit(&mut app, "/go 2");
    assert_eq!(app.views().active().1.target.label(), "den");
    submit(&mut app, "/go 3");
    assert_eq!(app.views().active().1.target.label(), "den");
}

#[test]
fn password_prompt_in_a_room_is_not_shown() {
    let mut app = connected();
    shown(&mut app);
    for line in [r#"{"t":"ask_password","for":"server"}"#, r#"{"t":"ask_password","for":"account","name":"alice"}"#] {
        assert_eq!((read(&mut app, line), app.input.is_hidden()), (vec![], false));
    }
}
