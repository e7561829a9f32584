//! Tests of the client without terminal and socket.

mod model_tests;
mod reconnect_tests;
mod view_tests;

use super::*;
use crate::chat::Now;
use crate::terminal::input::editor::Edit;
use crate::terminal::input::keys::KeyAction;

pub const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const HELLO: &str = r#"{"t":"hello","rev":2,"name":"chinwag","run":"r1","version":"0","lang":"en","max_line":4096}"#;

/// Switches a new connection to JSON.
pub fn begin_json(app: &mut App, now: Now) {
    app.receive_line(WELCOME, now);
    let request = app.take_outgoing();
    assert!(matches!(&request[..], [line] if line.starts_with("/json")), "{request:?}");
    app.receive_line(HELLO, now);
}

fn now() -> Now {
    Now { at: Duration::from_secs(100), local: time::OffsetDateTime::UNIX_EPOCH }
}

/// A client with the nickname alice that is not connected yet.
fn new_app() -> App {
    let settings = Settings {
        host: "localhost".into(),
        port: 1,
        tls: None,
        nick: Some("alice".into()),
        password: None,
        server_password: None,
        colour: false,
        bell: true,
        full_screen: false,
    };
    App::new(&settings, now().at)
}

/// Types a line and presses Enter.
fn submit(app: &mut App, line: &str) {
    line.chars().for_each(|c| _ = app.press_key(KeyAction::Edit(Edit::Insert(c)), now()));
    assert_eq!(app.press_key(KeyAction::Submit, now()), None);
}

/// A client that is in the lobby and follows den, where one message was said.
fn connected() -> App {
    let mut app = new_app();
    app.connected(now().at);
    begin_json(&mut app, now());
    for line in [
        r#"{"t":"ask"}"#,
        r#"{"t":"entered","name":"alice","room":"lobby","here":2,"names":["bob"],"topic":null,"role":null,"account":false}"#,
        r#"{"t":"live","room":"lobby"}"#,
        r#"{"t":"following","room":"den","here":2,"names":["bob"],"topic":"fish"}"#,
        r#"{"t":"history","room":"den","messages":1,"gap":false}"#,
        r#"{"t":"said","room":"den","id":1,"at":0,"name":"bob","text":"before"}"#,
        r#"{"t":"live","room":"den"}"#,
    ] {
        app.receive_line(line, now());
    }
    app.take_outgoing();
    app
}

/// The lines that each view has got, and the headings of views that came on the screen.
fn shown(app: &mut App) -> Vec<String> {
    let text = |change| match change {
        ScreenChange::Line(id, line) => format!("{}: {}", id.0, line.text()),
        ScreenChange::Select(id, heading) => format!("select {}: {}", id.0, heading.text()),
        ScreenChange::Drop(id) => format!("drop {}", id.0),
        ScreenChange::Merge(from, into) => format!("merge {} {}", from.0, into.0),
    };
    app.take_changes().map(text).collect()
}

fn read(app: &mut App, line: &str) -> Vec<String> {
    app.receive_line(line, now());
    shown(app)
}
