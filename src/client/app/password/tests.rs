use std::time::Duration;

use super::*;
use crate::chat::Password;
use crate::client::Settings;
use crate::client::app::tests::begin_json;
use crate::client::protocol::session::tests::{ASK, ENTERED};
use crate::client::ui::status::bottom;
use crate::terminal::input::editor::Edit;
use crate::terminal::input::keys::KeyAction;
use crate::terminal::screen::inline_screen::TerminalSize;

const PROMPT: &str = r#"{"t":"ask_password","for":"account","name":"alice"}"#;
const WRONG: &str = r#"{"t":"refused","what":"wrong_password","asked":true,"text":"Wrong password. Password:"}"#;
const BUSY: &str = r#"{"t":"refused","what":"too_many_logins","text":"Too many logins at once; try again."}"#;
const SECRET: &str = "Hunter2-xyzzy";

fn now() -> Now {
    Now { at: Duration::from_secs(100), local: time::OffsetDateTime::UNIX_EPOCH }
}

fn app(nick: Option<&str>, password: Option<&str>) -> App {
    let settings = Settings {
        host: "localhost".into(),
        port: 1,
        tls: None,
        nick: nick.map(str::to_owned),
        password: password.map(Password::new),
        server_password: None,
        colour: false,
        bell: false,
        full_screen: false,
    };
    assert!(!format!("{settings:?}").contains(SECRET));
    let mut app = App::new(&settings, now().at);
    app.connected(now().at);
    begin_json(&mut app, now());
    app
}

fn read(app: &mut App, lines: &[&str]) {
    lines.iter().for_each(|line| app.receive_line(line, now()));
}

fn type_in(app: &mut App, text: &str) {
    text.chars().for_each(|c| press(app, KeyAction::Edit(Edit::Insert(c))));
}

fn press(app: &mut App, action: KeyAction) {
    assert_eq!(app.press_key(action, now()), None);
}

/// Returns the input line as it is drawn.
fn input(app: &mut App) -> String {
    let rows = bottom(app, None, TerminalSize { columns: 80, rows: 24 }, now().at);
    assert!(!rows.status.text().contains(SECRET));
    format!("{}{}|{}", rows.prompt.text(), rows.input, rows.cursor)
}

#[test]
fn hidden_input_is_sent_and_leaves_no_trace() {
    let mut app = app(None, None);
    read(&mut app, &[ASK]);
    type_in(&mut app, "alice");
    press(&mut app, KeyAction::Submit);
    read(&mut app, &[PROMPT]);
    type_in(&mut app, SECRET);
    for action in [KeyAction::Older, KeyAction::Newer, KeyAction::Complete { back: false }] {
        press(&mut app, action);
        assert_eq!(input(&mut app), "password: |0");
    }
    press(&mut app, KeyAction::Edit(Edit::KillToStart));
    press(&mut app, KeyAction::Edit(Edit::Yank));
    press(&mut app, KeyAction::Submit);
    assert_eq!(app.take_outgoing(), ["alice", SECRET]);
    type_in(&mut app, "more");
    read(&mut app, &[ENTERED]);
    assert_eq!(input(&mut app), "> |0");
    for action in [KeyAction::Edit(Edit::Yank), KeyAction::Older, KeyAction::Older] {
        press(&mut app, action);
        assert_eq!(input(&mut app), "> |0");
    }
    assert!(app.take_changes().all(|change| !format!("{change:?}").contains(SECRET)));
}

#[test]
fn stored_password_does_not_interrupt_what_is_typed() {
    let mut app = app(Some("alice"), Some(SECRET));
    type_in(&mut app, "half");
    read(&mut app, &[ASK, PROMPT]);
    assert_eq!(app.take_outgoing(), ["alice", SECRET]);
    type_in(&mut app, " ty");
    press(&mut app, KeyAction::Submit);
    assert_eq!((input(&mut app), app.take_outgoing()), ("> half ty|7".into(), vec![]));
    read(&mut app, &[WRONG]);
    assert_eq!(input(&mut app), "password: |0");
    type_in(&mut app, "fish");
    press(&mut app, KeyAction::Submit);
    read(&mut app, &[ENTERED]);
    assert_eq!(input(&mut app), "> half ty|7");
}

#[test]
fn retry_does_not_show_a_half_typed_password() {
    let mut app = app(Some("alice"), Some(SECRET));
    read(&mut app, &[ASK, PROMPT, BUSY]);
    app.take_outgoing();
    let later = Duration::from_secs(1000);
    type_in(&mut app, "fi");
    app.run_timers(later);
    assert_eq!((input(&mut app), app.take_outgoing()), ("password: |0".into(), vec![]));
    let mut app = super::tests::app(Some("alice"), Some(SECRET));
    read(&mut app, &[ASK, PROMPT, BUSY]);
    app.take_outgoing();
    app.run_timers(later);
    assert_eq!((input(&mut app), app.take_outgoing()), ("password: |0".into(), vec![SECRET.to_owned()]));
}

#[test]
fn pasted_lines_wait_and_one_pasted_line_is_the_password() {
    let mut app = app(None, None);
    read(&mut app, &[ASK, PROMPT]);
    app.paste_text("one\ntwo\n", now());
    assert!(app.input.is_empty() && app.take_outgoing().is_empty());
    app.paste_text(&format!("{SECRET}\n"), now());
    press(&mut app, KeyAction::Submit);
    assert_eq!(app.take_outgoing(), [SECRET]);
}
