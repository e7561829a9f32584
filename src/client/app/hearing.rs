//! What the server says.

use super::App;
use crate::chat::Now;
use crate::client::input::editor::{MAX_BYTES, cut};
use crate::client::protocol::entry::Heard;
use crate::client::protocol::session::Stage;
use crate::client::protocol::shape::{Notice, Shape};
use crate::client::ui::format;

/// Lines and bytes of a history that are collected before they are looked at.
const MAX_COLLECTED: usize = 50_000;
const MAX_COLLECTED_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a line of the server's that are shown and understood; the input holds as many.
const MAX_HEARD: usize = MAX_BYTES;

impl App {
    /// A line has been read. What of it is past [`MAX_HEARD`] is left out, and a mark says how much that is.
    pub fn hear(&mut self, text: &str, now: Now) {
        let heard = cut(text, MAX_HEARD);
        match text.len() - heard.len() {
            0 => self.take_in(heard, now),
            more => self.take_in(&format!("{heard} [{more} more bytes are not shown]"), now),
        }
    }

    fn take_in(&mut self, text: &str, now: Now) {
        self.prompt.clear();
        let shape = Shape::of(text);
        self.session.hear(&shape);
        if let Shape::Notice(Notice::Pong { text }) = shape
            && self.lag.answered(text, now.at)
        {
            self.seen.confirmed(self.mark);
            self.whispers.drain(..std::mem::take(&mut self.whispers_mark));
            return;
        }
        let heard = self.entry.hear(&shape, &self.session, now.at, &mut self.outgoing);
        match heard {
            Heard::Show => self.show(&shape, text),
            Heard::Hide => {}
            Heard::Collect => {
                self.collected_bytes += text.len();
                self.collected.get_or_insert_default().push(text.to_owned());
                // A history without an end is looked at in pieces.
                if self.has_collected_enough() {
                    self.catch_up();
                }
            }
            Heard::CaughtUp => self.catch_up(),
        }
        self.follow(&shape);
    }

    fn has_collected_enough(&self) -> bool {
        let lines = self.collected.as_ref().map_or(0, Vec::len);
        lines >= MAX_COLLECTED || self.collected_bytes >= MAX_COLLECTED_BYTES
    }

    /// What a line means for what comes after it.
    fn follow(&mut self, shape: &Shape) {
        match shape {
            Shape::Notice(Notice::Entered { .. } | Notice::EnteredPeer { .. }) => {
                self.entering = true;
                self.lag.wanted(self.up_since);
                match self.draft.take() {
                    Some(draft) if self.editor.is_empty() => drop(self.editor.set(&draft)),
                    Some(draft) => self.recall.push(&draft),
                    None => {}
                }
            }
            Shape::Notice(Notice::EnteredRoom { .. }) => {
                self.entering = true;
                // Coming back one has seen what the room said before.
                if self.entry.is_over() {
                    self.seen.clear();
                }
            }
            Shape::Notice(Notice::HistoryBegins { .. }) => self.in_history = true,
            Shape::Notice(Notice::HistoryEnds) => (self.in_history, self.entering) = (false, false),
            Shape::Refused(_) if self.session.stage() == Stage::Asked && self.entry.has_given() => {
                let first = !std::mem::replace(&mut self.names_typed, true);
                // What is typed from now on is taken for a nickname; what was typed before was no name.
                self.draft =
                    self.draft.take().or_else(|| first.then(|| self.editor.take()).filter(|text| !text.is_empty()));
            }
            _ => {}
        }
    }

    fn show(&mut self, shape: &Shape, text: &str) {
        // What `/history` shows again has been seen.
        if !self.in_history || self.entering {
            self.seen.shown(text, shape);
        }
        let (line, is_for_us) = format::heard(shape, text, &self.session);
        self.ring |= is_for_us && !self.in_history;
        self.lines.push_back(line);
    }

    /// Shows what was said while the connection was lost.
    fn catch_up(&mut self) {
        let history = self.collected.take().unwrap_or_default();
        self.collected_bytes = 0;
        let name = self.session.name().unwrap_or_default().to_owned();
        let missed = self.seen.missed(&history, &name);
        let count = missed.from.iter().filter(|&&at| !history[at].starts_with("* ")).count();
        match (count, missed.gap) {
            (0, _) => self.say("Connected again. Nothing was missed."),
            (_, true) => self.say("Connected again. More was missed than the server keeps; this is the rest of it:"),
            (1, false) => self.say("Connected again. One message was missed:"),
            (count, false) => self.say(&format!("Connected again. {count} messages were missed:")),
        }
        for &at in &missed.from {
            let shape = Shape::of(&history[at]);
            let (line, is_for_us) = format::heard(&shape, &history[at], &self.session);
            self.ring |= is_for_us;
            self.lines.push_back(line);
        }
        for text in missed.unsaid {
            self.say(&format!("This was not said any more (arrow up brings it back): {text}"));
            self.recall.push(&text);
        }
        // Whispers stand in no history.
        for text in std::mem::take(&mut self.whispers) {
            self.say(&format!("This may not have arrived (arrow up brings it back): {text}"));
            self.recall.push(&text);
        }
        self.whispers_mark = 0;
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
        let settings =
            Settings { host: "localhost".into(), port: 1, nick, colour: false, bell: true, full_screen: false };
        let mut app = App::new(&settings, NOW);
        app.connected(NOW);
        app
    }

    fn now() -> Now {
        Now { at: NOW, local: time::OffsetDateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_line_past_the_bound_is_cut_and_says_so() {
        let mut app = app();
        for (size, more) in [(MAX_HEARD, None), (MAX_HEARD + 1, Some(1)), (1 << 20, Some((1 << 20) - MAX_HEARD))] {
            app.hear(&"x".repeat(size), now());
            let line = app.take_lines().next().unwrap();
            let mark = more.map(|more| format!(" [{more} more bytes are not shown]")).unwrap_or_default();
            assert_eq!(line.text(), "x".repeat(size.min(MAX_HEARD)) + &mark);
        }
    }
    /// Megabytes of what is hard to take apart, without the bound: what looks back for each character, word, name or
    /// "and" would not end.
    #[test]
    fn the_work_for_a_line_grows_with_its_length_alone() {
        let mut app = app();
        app.hear("* You are alice. 2 here: bob and you. /help lists the commands.", now());
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
            app.take_in(&crate::wire::hygiene::clean(line), now());
            let shown = app.take_lines().next().expect("a line");
            assert!(shown.text().len() > half / 2);
            for columns in [1, 3, 80, 2000] {
                let rows = shown.rows(columns);
                // A space at the end of a full row is left out.
                assert!(rows.last().is_some_and(|row| row.end + 1 >= shown.text().len()));
            }
        }
        assert_eq!(app.session().name(), Some("alice"));
    }
}
