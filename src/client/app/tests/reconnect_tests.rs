//! Connections that are lost and come back, and answers that do not come.

use super::*;

#[test]
fn endless_history_after_a_reconnect_keeps_the_newest() {
    let mut app = connected();
    app.connection_lost(None, now().at);
    app.connected(now().at);
    begin_json(&mut app, now());
    for line in [
        r#"{"t":"ask"}"#,
        r#"{"t":"entered","name":"alice","room":"lobby","here":2,"names":["bob"],"topic":null,"role":null,"account":false}"#,
        r#"{"t":"history","room":"lobby","messages":9,"gap":false}"#,
    ] {
        app.receive_line(line, now());
    }
    shown(&mut app);
    for id in 1..60_000 {
        let said = format!(r#"{{"t":"said","room":"lobby","id":{id},"at":0,"name":"bob","text":"x{id}"}}"#);
        assert_eq!(read(&mut app, &said), [""; 0]);
    }
    let lines = read(&mut app, r#"{"t":"live","room":"lobby"}"#);
    assert_eq!(lines.len(), 50_001);
    assert!(lines[0].contains("More was missed") && lines[50_000].ends_with("bob: x59999"), "{}", lines[0]);
}

/// The lines of a server that lets alice in after a reconnect.
fn come_back(app: &mut App) {
    app.connection_lost(None, now().at);
    app.connected(now().at);
    begin_json(app, now());
    app.receive_line(r#"{"t":"ask"}"#, now());
    assert_eq!(app.take_outgoing(), ["alice"]);
}

#[test]
fn run_that_a_server_does_not_know_yet_is_no_other_run() {
    let mut app = connected();
    let ask_again = |app: &mut App| {
        app.connection_lost(None, now().at);
        app.connected(now().at);
        app.receive_line(WELCOME, now());
        app.take_outgoing()
    };
    let request = ask_again(&mut app);
    assert!(request[0].ends_with(" run=r1 after=1"), "{request:?}");
    app.receive_line(&HELLO.replace("r1", ""), now());
    assert_eq!(ask_again(&mut app), request);
    app.receive_line(&HELLO.replace("r1", ""), now());
    app.receive_line(HELLO, now());
    assert_eq!(ask_again(&mut app), request);
}

#[test]
fn server_that_goes_on_with_another_run_enters_the_rooms_again_on_the_same_connection() {
    let mut app = connected();
    for line in [
        &HELLO.replace("r1", "r2"),
        r#"{"t":"entered","name":"alice","room":"lobby","here":1,"names":[],"topic":null,"role":null,"account":false}"#,
        r#"{"t":"history","room":"lobby","messages":0,"gap":false}"#,
        r#"{"t":"live","room":"lobby"}"#,
        r#"{"t":"following","room":"den","here":1,"names":[],"topic":null}"#,
        r#"{"t":"history","room":"den","messages":1,"gap":true}"#,
        r#"{"t":"said","room":"den","id":9,"at":0,"name":"bob","text":"nine"}"#,
    ] {
        app.receive_line(line, now());
    }
    shown(&mut app);
    let lines = read(&mut app, r#"{"t":"live","room":"den"}"#);
    assert!(lines[0].contains("More was missed") && lines[1].ends_with("bob: nine"), "{lines:?}");
    assert_eq!(app.take_outgoing(), ["/ping back again"]);
    app.receive_line(r#"{"t":"pong","text":"back again"}"#, now());
    assert!(app.login.is_over() && !app.positions.is_resuming());
    app.connection_lost(None, now().at);
    app.connected(now().at);
    app.receive_line(WELCOME, now());
    assert_eq!(app.take_outgoing(), ["/json room=lobby follow=den run=r2 after=9"]);
}

#[test]
fn followed_room_with_a_key_is_entered_again_before_all_is_known() {
    let mut app = connected();
    submit(&mut app, "/follow tea leaf");
    read(&mut app, r#"{"t":"following","room":"tea","here":1,"names":[],"topic":null}"#);
    read(&mut app, r#"{"t":"said","room":"tea","id":5,"at":0,"name":"bob","text":"five"}"#);
    come_back(&mut app);
    for line in [
        r#"{"t":"entered","name":"alice","room":"lobby","here":2,"names":["bob"],"topic":null,"role":null,"account":false}"#,
        r#"{"t":"history","room":"lobby","messages":0,"gap":false}"#,
        r#"{"t":"live","room":"lobby"}"#,
        r#"{"t":"refused","what":"wrong_key","text":"…","room":"tea"}"#,
        r#"{"t":"pong","text":"back again"}"#,
    ] {
        read(&mut app, line);
    }
    assert_eq!(app.take_outgoing(), ["/ping back again", "/follow tea leaf", "/ping back again"]);
    assert!(!app.login.is_over());
    read(&mut app, r#"{"t":"following","room":"tea","here":1,"names":[],"topic":null}"#);
    read(&mut app, r#"{"t":"history","room":"tea","messages":2,"gap":false}"#);
    for (id, text) in [(5, "five"), (7, "seven")] {
        read(&mut app, &format!(r#"{{"t":"said","room":"tea","id":{id},"at":0,"name":"bob","text":"{text}"}}"#));
    }
    let lines = read(&mut app, r#"{"t":"live","room":"tea"}"#);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("One message was missed") && lines[1].ends_with("bob: seven"), "{lines:?}");
    read(&mut app, r#"{"t":"pong","text":"back again"}"#);
    assert!(app.login.is_over());
    // If its history does not reach back far enough, a gap is told.
    come_back(&mut app);
    for line in [
        r#"{"t":"refused","what":"wrong_key","text":"…","room":"tea"}"#,
        r#"{"t":"following","room":"tea","here":1,"names":[],"topic":null}"#,
        r#"{"t":"history","room":"tea","messages":1,"gap":false}"#,
        r#"{"t":"said","room":"tea","id":99,"at":0,"name":"bob","text":"late"}"#,
    ] {
        read(&mut app, line);
    }
    assert!(read(&mut app, r#"{"t":"live","room":"tea"}"#)[0].contains("More was missed"));
    // A key that is wrong meanwhile is sent once.
    come_back(&mut app);
    shown(&mut app);
    let refused = r#"{"t":"refused","what":"wrong_key","text":"The key is wrong.","room":"tea"}"#;
    assert_eq!(read(&mut app, refused), [""; 0]);
    assert_eq!(app.take_outgoing(), ["/follow tea leaf", "/ping back again"]);
    assert_eq!(read(&mut app, refused), ["0: ! The key is wrong."]);
    assert_eq!(app.take_outgoing(), [""; 0]);
}

#[test]
fn nickname_that_was_sent_before_the_greeting_stays_in_plain_text() {
    let mut app = new_app();
    app.connected(now().at);
    app.run_timers(now().at + Duration::from_secs(2));
    assert_eq!(app.take_outgoing(), ["alice"]);
    assert_eq!(read(&mut app, WELCOME), [format!("0: {WELCOME}")]);
    read(&mut app, "* You are alice. 1 here: you. /help lists the commands.");
    submit(&mut app, "hello");
    assert_eq!((app.take_outgoing(), shown(&mut app)), (vec!["hello".to_owned()], vec!["0: > hello".into()]));
}

#[test]
fn another_server_in_the_place_of_chinwag_is_shown_as_it_is() {
    let mut app = connected();
    app.connection_lost(None, now().at);
    app.connected(now().at);
    shown(&mut app);
    submit(&mut app, "early");
    assert_eq!(app.take_outgoing(), [""; 0]);
    assert_eq!(read(&mut app, "220 ready")[1..], ["0: 220 ready"]);
    assert_eq!(app.press_key(KeyAction::Submit, now()), None);
    assert_eq!(app.take_outgoing(), ["early"]);
}

#[test]
fn request_to_go_on_fits_into_a_line() {
    let app = connected();
    let rooms: Vec<String> = (0..100).map(|number| format!("{number:0>90}")).collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let request = app.positions.request("lobby", &rooms);
    assert!(request.len() < 3200 && request.contains(",0") && request.ends_with("run=r1 after=1"), "{request}");
    assert_eq!(app.positions.request("lobby", &["den", "tea"]), "room=lobby follow=den,tea run=r1 after=1");
}

#[test]
fn refused_line_is_asked_for_and_then_no_longer_on_its_way() {
    let mut app = connected();
    app.run_timers(now().at + Duration::from_secs(10));
    app.take_outgoing();
    read(&mut app, r#"{"t":"pong","text":"lag 1"}"#);
    submit(&mut app, "@nobody x");
    app.take_outgoing();
    let after = |millis| now().at + Duration::from_millis(millis);
    app.run_timers(after(900));
    assert_eq!((app.take_outgoing(), app.late_lines(after(900))), (vec![], None));
    app.run_timers(after(1000));
    assert_eq!(app.take_outgoing(), ["/ping lag 2"]);
    assert_eq!(app.late_lines(after(2000)), Some(1));
    read(&mut app, r#"{"t":"refused","what":"nobody_called","text":"…","name":"nobody"}"#);
    read(&mut app, r#"{"t":"pong","text":"lag 2"}"#);
    assert_eq!(app.late_lines(after(9000)), None);
}

#[test]
fn server_that_owes_an_answer_and_says_nothing_is_given_up() {
    let mut app = connected();
    app.run_timers(now().at);
    assert_eq!(app.take_outgoing(), ["/ping lag 1"]);
    let later = |seconds| Now { at: now().at + Duration::from_secs(seconds), ..now() };
    assert!(!app.is_stalled(later(59).at));
    app.receive_line(r#"{"t":"note","text":"busy"}"#, later(50));
    assert!(!app.is_stalled(later(109).at) && app.is_stalled(later(110).at));
    app.receive_line(r#"{"t":"pong","text":"lag 1"}"#, later(111));
    assert!(!app.is_stalled(later(1000).at));
}

#[test]
fn what_was_typed_before_a_loss_is_not_said_in_another_room() {
    let mut app = connected();
    read(&mut app, r#"{"t":"room","room":"tea","here":1,"names":[],"topic":null}"#);
    "for tea".chars().for_each(|c| _ = app.press_key(KeyAction::Edit(Edit::Insert(c)), now()));
    come_back(&mut app);
    read(&mut app, r#"{"t":"refused","what":"banned_from","text":"…","room":"tea"}"#);
    assert_eq!(app.input.text(), "for tea");
    let entered =
        r#"{"t":"entered","name":"alice","room":"lobby","here":1,"names":[],"topic":null,"role":null,"account":false}"#;
    assert!(read(&mut app, entered).iter().any(|line| line.contains("arrow up brings it back")));
    app.press_key(KeyAction::Older, now());
    assert_eq!(app.input.text(), "for tea");
}
