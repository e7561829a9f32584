//! Handles the lines that the server sends.

use super::{App, ConnectionStatus};
use crate::chat::Now;
use crate::client::error::Error;
use crate::client::protocol::event::ServerEvent;
use crate::client::protocol::plain_text::TextAction;
use crate::client::ui::format;
use crate::terminal::input::editor::MAX_BYTES;
use crate::terminal::input::grapheme::cut;

/// The longest text of a server that is shown, in bytes; as long as the longest input line.
const MAX_SHOWN_BYTES: usize = MAX_BYTES;

/// Returns the beginning of a text that is longer than [`MAX_SHOWN_BYTES`], with a mark that tells how much is missing.
pub(super) fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    let part = cut(text, MAX_SHOWN_BYTES);
    match text.len() - part.len() {
        0 => text.into(),
        more => format!("{part} [{more} more bytes are not shown]").into(),
    }
}

impl App {
    /// Handles a line from the server.
    pub fn receive_line(&mut self, text: &str, now: Now) {
        // The rest of a page is not for this client.
        if self.error.is_some() {
            return;
        }
        (self.silent_at, self.heard_at) = (None, now.at);
        self.today = Some(now.local.date());
        if self.text.is_json() {
            match ServerEvent::parse(text) {
                Some(event) => self.handle_event(&event, now),
                None => self.show_text(text),
            }
            return;
        }
        self.prompt.clear();
        match self.text.read(text) {
            TextAction::Show => {
                self.show_text(text);
                self.answer_text();
            }
            TextAction::Hide => {}
            // The server was slow to greet, and takes the nickname that it has been given in plain text.
            TextAction::RequestJson if self.login.has_sent_name() => {
                self.text.keep_text();
                self.show_text(text);
            }
            TextAction::RequestJson => self.request_json(),
            TextAction::BeginJson => {
                if let Some(event) = ServerEvent::parse(text) {
                    self.handle_event(&event, now);
                }
            }
            TextAction::WebServer => {
                self.error = Some(Error::WebServer(self.web_addr.clone()));
                self.status = ConnectionStatus::Ended;
            }
        }
    }

    fn show_text(&mut self, text: &str) {
        self.show_line(format::text_line(&shown(text)));
    }

    /// Gives a server that is not chinwag the nickname after its first line.
    fn answer_text(&mut self) {
        if !self.text.is_chinwag() && self.text.close_reason().is_none() {
            let given = self.login.answer_prompt(&self.session);
            self.outgoing.extend(given);
        }
    }

    /// Tells that the server says nothing, and why that may be.
    pub(super) fn tell_silence(&mut self) {
        let text =
            format!("The server has said nothing so far. If it is a web page, open {} in a browser.", self.web_addr);
        self.show_local(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_and_the_rest_is_counted() {
        assert_eq!(shown("text"), "text");
        let long = "x".repeat(MAX_SHOWN_BYTES + 5);
        assert_eq!(shown(&long), format!("{} [5 more bytes are not shown]", &long[5..]));
    }
}
