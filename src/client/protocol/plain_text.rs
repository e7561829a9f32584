//! Handles the lines of a server that does not speak JSON, or does not do so yet.
//!
//! A chinwag server greets in plain text, and is then asked for JSON. Any other server is shown as it is.

use std::collections::VecDeque;

use compact_str::CompactString;

use super::event::ServerEvent;
use super::greeting::{self, Greeting};
use super::session::CloseReason;
use crate::chat::command::is_blank;

/// A server that shows our own lines to us does so within this number of lines.
const ECHO_WITHIN: u64 = 20;

/// The encoding of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Encoding {
    #[default]
    Text,
    /// JSON was asked for.
    JsonRequested,
    Json,
}

/// What to do with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextAction {
    Show,
    /// Do not show it: JSON will say the same.
    Hide,
    /// Ask for JSON, and do not show it.
    RequestJson,
    /// It is the first object in JSON.
    BeginJson,
    /// It is the answer of a web server.
    WebServer,
}

/// What is known of a server from its lines in plain text.
#[derive(Debug, Default)]
pub struct PlainText {
    encoding: Encoding,
    /// Whether it is a chinwag server that does not speak JSON on this connection.
    is_chinwag: bool,
    /// Why the server closes the connection, if it has said so.
    close_reason: Option<CloseReason>,
    /// Whether the server sends our own lines back to us; remembered for later connections.
    echoes: bool,
    /// The lines last sent, each with the number of lines read before.
    sent: VecDeque<(CompactString, u64)>,
    /// The lines read on this connection.
    lines: u64,
}

impl PlainText {
    /// Starts again on a new connection.
    pub fn reconnected(&mut self) {
        *self = PlainText { echoes: self.echoes, ..PlainText::default() };
    }

    /// Whether the connection has switched to JSON.
    pub fn is_json(&self) -> bool {
        self.encoding == Encoding::Json
    }

    /// Whether JSON was asked for, and the first object has not come.
    pub fn is_waiting_for_json(&self) -> bool {
        self.encoding == Encoding::JsonRequested
    }

    /// Whether the server speaks plain text, and does not change to JSON.
    pub fn is_text(&self) -> bool {
        self.encoding == Encoding::Text && self.lines > 0
    }

    /// Stays with plain text after the greeting of a chinwag server.
    pub fn keep_text(&mut self) {
        self.encoding = Encoding::Text;
        self.is_chinwag = true;
    }

    /// Whether lines that look like commands of chinwag are commands.
    pub fn is_chinwag(&self) -> bool {
        self.is_chinwag
    }

    /// Why the server closes the connection, if it has said so.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close_reason
    }

    /// Handles a line that was read.
    pub fn read(&mut self, line: &str) -> TextAction {
        self.lines += 1;
        let is_first = self.lines == 1;
        if self.encoding == Encoding::JsonRequested {
            return self.read_before_json(line);
        }
        if is_first && line.starts_with("! ") {
            self.close_reason = Some(CloseReason::Refused);
        }
        match is_first.then(|| Greeting::parse(line)).flatten() {
            Some(Greeting::Entered) => self.is_chinwag = true,
            Some(Greeting::Nickname | Greeting::Waiting | Greeting::ServerPassword) => {
                self.encoding = Encoding::JsonRequested;
                return TextAction::RequestJson;
            }
            Some(Greeting::AccountPassword) | None => {}
        }
        if self.is_chinwag {
            self.close_reason = greeting::close_reason(line).or(self.close_reason);
        }
        if is_first && is_web_answer(line) {
            return TextAction::WebServer;
        }
        self.detect_echo(line);
        TextAction::Show
    }

    fn read_before_json(&mut self, line: &str) -> TextAction {
        if matches!(ServerEvent::parse(line), Some(ServerEvent::Hello { .. })) {
            self.encoding = Encoding::Json;
            return TextAction::BeginJson;
        }
        // The server does not know `/json`, and has taken it for something else.
        if line.starts_with("! ") {
            self.keep_text();
            return TextAction::Show;
        }
        if Greeting::parse(line).is_some() { TextAction::Hide } else { TextAction::Show }
    }

    /// Takes a line that is being sent; returns it if it must be shown at once, because the server does not send it back.
    pub fn echo_of<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        if is_blank(line) || self.echoes {
            return None;
        }
        if self.sent.len() >= ECHO_WITHIN as usize {
            self.sent.pop_front();
        }
        self.sent.push_back((line.into(), self.lines));
        Some(line)
    }

    /// Checks whether the server has sent our line back; if so, it is expected to do this always.
    fn detect_echo(&mut self, line: &str) {
        let lines = self.lines;
        self.sent.retain(|(_, after)| lines - after <= ECHO_WITHIN);
        let is_end = |sent: &str| {
            // "hi" is not the end of "delhi".
            let is_joined =
                |before: &str| before.ends_with(char::is_alphanumeric) && sent.starts_with(char::is_alphanumeric);
            line.strip_suffix(sent).is_some_and(|before| !is_joined(before))
        };
        if self.sent.iter().any(|(sent, _)| is_end(sent)) {
            self.echoes = true;
            self.sent.clear();
        }
    }
}

/// Whether a line is the first one of a web server's answer.
pub fn is_web_answer(line: &str) -> bool {
    let is_html = |mark: &str| line.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    line.starts_with("HTTP/1.") || is_html("<!doctype html") || is_html("<html")
}

#[cfg(test)]
mod tests {
    use super::*;
    use TextAction::{BeginJson, Hide, RequestJson, Show, WebServer};

    const HELLO: &str = r#"{"t":"hello","rev":2,"name":"chinwag","run":"1","version":"0","lang":"en","max_line":9}"#;
    const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
    const WAITING: &str = "* The room is full. You are number 2 in line.";

    fn read(lines: &[&str]) -> (Vec<TextAction>, PlainText) {
        let mut text = PlainText::default();
        (lines.iter().map(|line| text.read(line)).collect(), text)
    }

    #[test]
    fn chinwag_server_is_asked_for_json_after_its_first_line() {
        for first in [WELCOME, "* 请输入昵称:", WAITING, "* Password: (visible as you type)"] {
            let (actions, text) = read(&[first, WAITING, HELLO]);
            assert_eq!((actions, text.is_json()), (vec![RequestJson, Hide, BeginJson], true), "{first}");
        }
        let (actions, text) = read(&["220 ready", WELCOME, HELLO]);
        assert_eq!((actions, text.is_json()), (vec![Show; 3], false));
        assert_eq!(read(&[HELLO]).0, [Show], "not asked for");
    }

    #[test]
    fn server_that_refuses_json_is_shown_as_it_is() {
        let bad = "! A nickname has 1 to 24 characters.";
        let (actions, text) = read(&[WELCOME, bad, WELCOME, HELLO]);
        assert_eq!((actions, text.is_json()), (vec![RequestJson, Show, Show, Show], false));
        let (actions, text) = read(&["* You are 127.0.0.1:5000. 1 here: you. /help lists the commands."]);
        assert_eq!((actions, text.is_chinwag()), (vec![Show], true));
    }

    #[test]
    fn refusal_and_web_server_are_known_by_the_first_line() {
        let banned = "! Your address is banned from this server.";
        let reason = |lines: &[&str]| read(lines).1.close_reason();
        assert_eq!((reason(&[banned]), reason(&["hello", banned])), (Some(CloseReason::Refused), None));
        let entered = "* You are 127.0.0.1:5000. 1 here: you. /help lists the commands.";
        let kicked = "* You were kicked by the operator: rude";
        assert_eq!((reason(&[entered, kicked]), reason(&["hello", kicked])), (Some(CloseReason::Kicked), None));
        assert_eq!(read(&["HTTP/1.1 400 Bad Request", "HTTP/1.1"]).0, [WebServer, Show]);
        assert_eq!((read(&["<!DOCTYPE HTML>"]).0, read(&["<html lang=x"]).0), (vec![WebServer], vec![WebServer]));
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
            let mut text = PlainText::default();
            assert_eq!((text.echo_of("hello"), text.echo_of(" ")), (Some("hello"), None));
            text.read("* welcome");
            text.read(line);
            assert_eq!(text.echoes, echoes, "{line}");
            text.reconnected();
            assert_eq!(text.echo_of("/join x").is_none(), echoes, "{line}");
        }
    }

    #[test]
    fn late_copy_is_not_an_echo() {
        for (lines, echoes) in [(19, true), (20, false)] {
            let mut text = PlainText::default();
            text.echo_of("hello");
            (0..lines).for_each(|_| _ = text.read("something else"));
            text.read("<bob> hello");
            assert_eq!(text.echoes, echoes, "after {lines} lines");
        }
    }
}
