use super::*;

pub const ASK: &str = r#"{"t":"ask"}"#;
pub const TAKEN: &str =
    r#"{"t":"refused","what":"taken","asked":true,"text":"The nickname alice is taken. Try another:","name":"alice"}"#;
pub const ENTERED: &str = r#"{"t":"entered","name":"alice","room":"lobby","here":3,"names":["bob","carol"],"topic":null,"role":null,"account":false}"#;

fn update(session: &mut Session, lines: &[&str]) {
    lines.iter().for_each(|line| session.update(&ServerEvent::parse(line).expect(line)));
}

/// Returns the session of alice in a room with bob and carol.
fn entered() -> Session {
    let mut session = Session::default();
    update(
        &mut session,
        &[r#"{"t":"hello","rev":2,"name":"x.y","run":"1","version":"0","lang":"zh","max_line":4096}"#],
    );
    update(&mut session, &[ASK, ENTERED]);
    session
}

fn rooms(session: &Session) -> Vec<(&str, Option<usize>)> {
    session.rooms().iter().map(|room| (&*room.name, room.members)).collect()
}

#[test]
fn login_stages_are_tracked() {
    let mut session = Session::default();
    for (line, stage) in [
        (r#"{"t":"waiting","number":2}"#, LoginStage::Queued(2)),
        (r#"{"t":"ask_password","for":"server"}"#, LoginStage::PasswordDue(PasswordOf::Server)),
        (ASK, LoginStage::Asked),
        (TAKEN, LoginStage::Asked),
        (r#"{"t":"ask_password","for":"account","name":"alice"}"#, LoginStage::PasswordDue(PasswordOf::Account)),
        (ENTERED, LoginStage::LoggedIn),
    ] {
        assert_eq!(session.name(), None);
        update(&mut session, &[line]);
        assert_eq!(session.stage(), stage, "{line}");
    }
    assert_eq!((session.name(), session.room()), (Some("alice"), "lobby"));
    assert_eq!((session.names(), rooms(&session)), (vec!["carol", "bob"], vec![("lobby", Some(3))]));
    let session = entered();
    assert!(session.is_chinwag() && session.server_name() == "x.y" && session.lang() == Lang::Zh);
}

#[test]
fn rooms_are_followed_entered_and_left() {
    let mut session = entered();
    update(
        &mut session,
        &[
            r#"{"t":"following","room":"den","here":2,"names":["dan"],"topic":null}"#,
            r#"{"t":"following","room":"tea","here":1,"names":[],"topic":"fish"}"#,
            r#"{"t":"joined","room":"DEN","name":"eve","here":3}"#,
            r#"{"t":"left","room":"lobby","name":"bob","here":2,"cause":"quit","reason":null}"#,
            r#"{"t":"summed","room":"tea","joined":8,"left":0,"here":9}"#,
        ],
    );
    assert_eq!(rooms(&session), [("lobby", Some(2)), ("den", Some(3)), ("tea", Some(9))]);
    assert_eq!(session.names(), ["eve", "dan", "carol", "bob"]);
    update(&mut session, &[r#"{"t":"room","room":"den","here":3,"names":["dan","eve"],"topic":null}"#]);
    assert_eq!((rooms(&session), session.is_current("DEN")), (vec![("den", Some(3)), ("tea", Some(9))], true));
    update(&mut session, &[r#"{"t":"removed","room":"tea","cause":"kicked","by":"bob","why":null}"#]);
    assert_eq!(rooms(&session), [("den", Some(3))]);
    assert_eq!(session.known_rooms()[..2], ["den", "tea"]);
}

#[test]
fn rooms_that_are_not_entered_again_are_given_up() {
    let mut session = entered();
    let following = r#"{"t":"following","room":"den","here":2,"names":[],"topic":null}"#;
    update(&mut session, &[following, r#"{"t":"following","room":"tea","here":2,"names":[],"topic":null}"#]);
    session.reconnected();
    assert_eq!((session.stage(), session.name()), (LoginStage::Unknown, Some("alice")));
    assert_eq!(rooms(&session), [("lobby", None), ("den", None), ("tea", None)]);
    update(&mut session, &[ASK, ENTERED, following]);
    session.give_up_rooms();
    assert_eq!(rooms(&session), [("lobby", Some(3)), ("den", Some(2))]);
}

#[test]
fn names_follow_renames_and_refusals() {
    let mut session = entered();
    update(
        &mut session,
        &[
            r#"{"t":"renamed","room":"lobby","old":"alice","new":"ann"}"#,
            r#"{"t":"renamed","room":"lobby","old":"bob","new":"bobby"}"#,
            r#"{"t":"refused","what":"nobody_called","text":"…","name":"carol"}"#,
            r#"{"t":"whisper","at":0,"from":"dora","text":"hi"}"#,
        ],
    );
    assert_eq!((session.name(), session.names()), (Some("ann"), vec!["bobby", "dora"]));
    assert!(session.mentions("look, ANN!") && !session.mentions("alice"));
}

#[test]
fn reason_of_the_end_is_known() {
    for (line, reason) in [
        (r#"{"t":"goodbye"}"#, CloseReason::Goodbye),
        (r#"{"t":"kicked","why":"x","by":null}"#, CloseReason::Kicked),
        (r#"{"t":"ending"}"#, CloseReason::ShuttingDown),
        (r#"{"t":"refused","what":"idle","text":"…","seconds":9}"#, CloseReason::Idle),
        (r#"{"t":"refused","what":"full","text":"…"}"#, CloseReason::Full),
    ] {
        let mut session = entered();
        update(&mut session, &[line]);
        assert_eq!(session.close_reason(), Some(reason), "{line}");
        session.reconnected();
        assert_eq!(session.close_reason(), None);
    }
    let mut session = Session::default();
    let wrong = r#"{"t":"refused","what":"wrong_password","text":"…"}"#;
    update(&mut session, &[wrong]);
    assert_eq!(session.close_reason(), None);
    update(&mut session, &[r#"{"t":"ask_password","for":"server"}"#, wrong]);
    assert_eq!(session.close_reason(), Some(CloseReason::WrongPassword));
}

#[test]
fn roles_are_remembered_in_each_room() {
    let mut session = entered();
    update(
        &mut session,
        &[
            r#"{"t":"role","room":"den","name":"Bob","role":"voice","by":"alice"}"#,
            r#"{"t":"role","room":"lobby","name":"bob","role":"op","by":"alice"}"#,
        ],
    );
    assert_eq!((session.role_in("Den", "bob"), session.role_in("lobby", "bob")), (RoomRole::Voice, RoomRole::Operator));
    update(&mut session, &[r#"{"t":"role","room":"den","name":"bob","role":null,"by":"alice"}"#]);
    assert_eq!(session.role_in("den", "bob"), RoomRole::Operator);
}

#[test]
fn password_is_due_only_where_chinwag_asks() {
    let (server, account) =
        (r#"{"t":"ask_password","for":"server"}"#, r#"{"t":"ask_password","for":"account","name":"x"}"#);
    for (before, prompt, is_due) in [
        (None, server, true),
        (None, account, false),
        (Some(ASK), server, false),
        (Some(ASK), account, true),
        (Some(ENTERED), server, false),
        (Some(ENTERED), account, false),
        (Some(r#"{"t":"waiting","number":1}"#), server, true),
    ] {
        let mut session = Session::default();
        before.iter().for_each(|line| update(&mut session, &[line]));
        update(&mut session, &[prompt]);
        assert_eq!(matches!(session.stage(), LoginStage::PasswordDue(_)), is_due, "{before:?} {prompt}");
    }
}

#[test]
fn another_member_of_the_session_brings_its_own_rooms() {
    let mut session = entered();
    let following = |room| format!(r#"{{"t":"following","room":"{room}","here":1,"names":[],"topic":null}}"#);
    update(&mut session, &[&following("den"), ENTERED, &following("tea")]);
    assert_eq!(rooms(&session), [("lobby", Some(3)), ("tea", Some(1))]);
}
