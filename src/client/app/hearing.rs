//! Handles the lines that the server sends.

use super::App;
use crate::chat::Now;
use crate::client::protocol::entry::LineAction;
use crate::client::protocol::session::LoginStage;
use crate::client::protocol::shape::{LineShape, ServerNotice, ServerRefusal};
use crate::client::ui::format;
use crate::terminal::input::editor::MAX_BYTES;
use crate::terminal::input::grapheme::cut;

/// Limits of the history that is collected after a reconnect before it is compared: lines and bytes.
const MAX_COLLECTED: usize = 50_000;
const MAX_COLLECTED_BYTES: usize = 16 * 1024 * 1024;

/// The longest server line that is shown and parsed, in bytes; as long as the longest input line.
const MAX_SHOWN_BYTES: usize = MAX_BYTES;

impl App {
    /// Handles a line from the server; a line longer than [`MAX_SHOWN_BYTES`] is cut, and a mark tells how much is
    /// missing.
    pub fn receive_line(&mut self, text: &str, now: Now) {
        let shown = cut(text, MAX_SHOWN_BYTES);
        match text.len() - shown.len() {
            0 => self.handle_line(shown, now),
            more => self.handle_line(&format!("{shown} [{more} more bytes are not shown]"), now),
        }
    }

    fn handle_line(&mut self, text: &str, now: Now) {
        self.prompt.clear();
        let shape = LineShape::parse(text);
        self.session.update(&shape);
        if let LineShape::Notice(ServerNotice::Pong { text }) = shape
            && self.lag.handle_pong(text, now.at)
        {
            self.known.confirm(self.ping_sent_count);
            self.whispers.drain(..std::mem::take(&mut self.ping_whispers));
            return;
        }
        let was_changing_room = self.login.is_changing_room();
        let action = self.login.process_line(&shape, &self.session, now.at, &mut self.outgoing);
        let is_there = matches!(shape, LineShape::Refused(ServerRefusal::InThatRoom { .. }));
        if was_changing_room && !self.login.is_changing_room() && !is_there {
            // It was said in another room.
            self.collected.iter_mut().for_each(Vec::clear);
            self.collected_bytes = 0;
        }
        self.update_editor();
        match action {
            LineAction::Show => self.show(&shape, text),
            LineAction::Hide => {}
            LineAction::Collect => {
                self.collected_bytes += text.len();
                self.collected.get_or_insert_default().push(text.to_owned());
                // A history without an end is compared in parts.
                if self.has_collected_enough() {
                    self.catch_up();
                }
            }
            LineAction::CaughtUp => self.catch_up(),
        }
        self.update_state(&shape);
    }

    fn has_collected_enough(&self) -> bool {
        let lines = self.collected.as_ref().map_or(0, Vec::len);
        lines >= MAX_COLLECTED || self.collected_bytes >= MAX_COLLECTED_BYTES
    }

    /// Updates the state that the following lines depend on: draft, history, messages of the room.
    fn update_state(&mut self, shape: &LineShape) {
        match shape {
            LineShape::Notice(ServerNotice::Entered { .. } | ServerNotice::EnteredPeer { .. }) => {
                self.entering_room = true;
                self.lag.request(self.up_since);
                match self.draft.take() {
                    Some(draft) if self.editor.is_empty() => drop(self.editor.set(&draft)),
                    Some(draft) => self.remember(&draft),
                    None => {}
                }
            }
            LineShape::Notice(ServerNotice::EnteredRoom { .. }) => {
                self.entering_room = true;
                // On a reconnect the messages of the room are still needed for the comparison.
                if self.login.is_over() {
                    self.known.clear();
                }
            }
            LineShape::Notice(ServerNotice::HistoryBegins { .. }) => self.in_history = true,
            LineShape::Notice(ServerNotice::HistoryEnds) => (self.in_history, self.entering_room) = (false, false),
            LineShape::Refused(_) if self.session.stage() == LoginStage::Asked && self.login.has_sent_name() => {
                let first = !std::mem::replace(&mut self.typing_name, true);
                // Input from now on is a nickname; the text in the input line was written as a message.
                self.draft =
                    self.draft.take().or_else(|| first.then(|| self.editor.take()).filter(|text| !text.is_empty()));
            }
            _ => {}
        }
    }

    fn show(&mut self, shape: &LineShape, text: &str) {
        // Messages that `/history` shows again were recorded before.
        if !self.in_history || self.entering_room {
            self.known.record_shown(text, shape);
        }
        let (line, is_for_us) = format::server_line(shape, shape.shown_part(text), &self.session);
        self.ring |= is_for_us && !self.in_history;
        self.lines.push_back(line);
    }

    /// Shows the messages that were missed while the connection was down.
    fn catch_up(&mut self) {
        let history = self.collected.take().unwrap_or_default();
        self.collected_bytes = 0;
        let name = self.session.name().unwrap_or_default().to_owned();
        let missed = self.known.compare(&history, &name);
        let count = missed.to_show.iter().filter(|&&at| !history[at].starts_with("* ")).count();
        match (count, missed.gap) {
            (0, _) => self.show_local("Connected again. Nothing was missed."),
            (_, true) => {
                self.show_local("Connected again. More was missed than the server keeps; this is the rest of it:")
            }
            (1, false) => self.show_local("Connected again. One message was missed:"),
            (count, false) => self.show_local(&format!("Connected again. {count} messages were missed:")),
        }
        for &at in &missed.to_show {
            let shape = LineShape::parse(&history[at]);
            let (line, is_for_us) = format::server_line(&shape, &history[at], &self.session);
            self.ring |= is_for_us;
            self.lines.push_back(line);
        }
        for text in missed.undelivered {
            self.show_local(&format!("Not delivered (arrow up brings it back): {text}"));
            self.input_history.push(&text);
        }
        // The history contains no whispers.
        for text in std::mem::take(&mut self.whispers) {
            self.show_local(&format!("Perhaps not delivered (arrow up brings it back): {text}"));
            self.input_history.push(&text);
        }
        self.ping_whispers = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::Settings;

    const NOW: Duration = Duration::from_secs(100);

    fn app() -> App {
        let nick = Some("alice".to_owned());
        let settings = Settings {
            host: "localhost".into(),
            port: 1,
            tls: None,
            nick,
            password: None,
            server_password: None,
            colour: false,
            bell: true,
            full_screen: false,
        };
        let mut app = App::new(&settings, NOW);
        app.connected(NOW);
        app
    }

    fn now() -> Now {
        Now { at: NOW, local: time::OffsetDateTime::UNIX_EPOCH }
    }

    #[test]
    fn overlong_line_is_cut_and_marked() {
        let mut app = app();
        for (size, more) in
            [(MAX_SHOWN_BYTES, None), (MAX_SHOWN_BYTES + 1, Some(1)), (1 << 20, Some((1 << 20) - MAX_SHOWN_BYTES))]
        {
            app.receive_line(&"x".repeat(size), now());
            let line = app.take_lines().next().unwrap();
            let mark = more.map(|more| format!(" [{more} more bytes are not shown]")).unwrap_or_default();
            assert_eq!(line.text(), "x".repeat(size.min(MAX_SHOWN_BYTES)) + &mark);
        }
    }
    /// Lines of a megabyte that are expensive to parse without the length limit: any search that starts again for each
    /// character, word, name or "and" would take too long.
    #[test]
    fn line_work_is_linear_in_its_length() {
        let mut app = app();
        app.receive_line("* You are alice. 2 here: bob and you. /help lists the commands.", now());
        drop(app.take_lines());
        let half = 1 << 20;
        let long = |piece: &str| piece.repeat(half / piece.len());
        let (letters, and, he) = (long("a"), long(" and "), long("和"));
        let lines = [
            format!("[12:00:00] bob: {}", long("alice")),
            format!("[12:00:00] * bob {}", long("alice ")),
            format!("[12:00:00] {letters}: alice"),
            format!("[12:00:00] bob -> you: {}", long("a\u{301}")),
            format!("[12:00:00] bob: {}", long("\u{1f1eb}\u{1f1f7}")),
            format!("[12:00:00] bob: 👩{}", long("\u{200d}👩")),
            format!("[12:00:00] bob: {}", long("\u{200b}")),
            format!("[12:00:00] bob: क{}", long("\u{94d}ष")),
            format!("[12:00:00] bob: {}", long("a'")),
            format!("[12:00:00] bob: {}", long(" ")),
            format!("* {half} here: {letters}{and}."),
            format!("* 您是alice，当前{half}人：{he}!。输入 /help 查看命令。"),
            format!("* {half} here: {}a and b.", long("a, ")),
            format!("* {half} rooms: {}a (1)", long("a (1), ")),
            format!("* {letters} joined (2 here)"),
            format!("* You are {letters}. 2 here: bob and you. /help lists the commands."),
            format!("! You are in {letters} already."),
            format!("! Nobody here is called {letters}."),
            long("["),
        ];
        for line in &lines {
            app.handle_line(&crate::wire::sanitize::clean(line), now());
            let shown = app.take_lines().next().expect("a line");
            assert!(shown.text().len() > half / 2);
            for columns in [1, 3, 80, 2000] {
                let rows = shown.rows(columns);
                // A space at the end of a full row is not drawn.
                assert!(rows.last().is_some_and(|row| row.end + 1 >= shown.text().len()));
            }
        }
        assert_eq!(app.session().name(), Some("alice"));
    }
}
