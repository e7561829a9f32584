//! Tests of the client without terminal and socket.

mod model_tests;
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
