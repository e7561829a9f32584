//! What is typed and pasted.

use super::{App, Status, Wanted};
use crate::chat::Now;
use crate::chat::command::{Command, is_blank};
use crate::client::input::completion::Candidates;
use crate::client::input::editor::Edit;
use crate::client::input::keys::Action;
use crate::client::input::paste::Paste;
use crate::client::protocol::session::Stage;
use crate::client::ui::format;

impl App {
    /// A key has been pressed.
    pub fn act(&mut self, action: Action, now: Now) -> Wanted {
        let interrupted = std::mem::take(&mut self.interrupted);
        if self.paste.is_some() {
            self.answer(action, now);
            return Wanted::Nothing;
        }
        if !matches!(action, Action::Complete { .. }) {
            self.completer.reset();
        }
        match action {
            Action::Edit(edit) => self.editor.apply(edit),
            Action::Submit => self.submit(now),
            Action::Older => {
                if let Some(text) = self.recall.older(self.editor.text()) {
                    self.editor.set(text);
                }
            }
            Action::Newer => {
                if let Some(text) = self.recall.newer(self.editor.text()) {
                    self.editor.set(text);
                }
            }
            Action::Complete { back } => self.complete(back),
            Action::Interrupt if interrupted => self.leave(now.at),
            Action::Interrupt => {
                self.interrupted = true;
                self.editor.take();
                self.recall.reset();
            }
            Action::EndOrDelete if self.editor.is_empty() => self.leave(now.at),
            Action::EndOrDelete => self.editor.apply(Edit::Delete),
            Action::Redraw => return Wanted::Redraw,
            Action::Suspend => return Wanted::Suspend,
            Action::PageUp => return Wanted::Scroll { back: true },
            Action::PageDown => return Wanted::Scroll { back: false },
            Action::Escape => {}
        }
        Wanted::Nothing
    }

    /// Whether the last key was Ctrl-C, and another one leaves.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    fn complete(&mut self, back: bool) {
        let candidates = Candidates { names: &self.session.names(), rooms: &self.session.rooms() };
        let completed = self.completer.complete(self.editor.text(), self.editor.cursor(), back, &candidates);
        if let Some((text, cursor)) = completed {
            self.editor.set_at(&text, cursor);
        }
    }

    /// A text has been pasted.
    pub fn pasted(&mut self, text: &str, now: Now) {
        self.interrupted = false;
        self.completer.reset();
        let paste = Paste::new(text);
        if paste.lines_to_send(&self.editor) > 0 && !self.can_say_several() {
            // The person has been told.
        } else if paste.must_ask(&self.editor) {
            self.paste = Some(paste);
        } else {
            self.put(paste, now);
        }
    }

    /// The answer to whether many lines are to be sent.
    fn answer(&mut self, action: Action, now: Now) {
        match action {
            Action::Edit(Edit::Insert('y' | 'Y')) => {
                if self.can_say_several()
                    && let Some(paste) = self.paste.take()
                {
                    self.put(paste, now);
                }
            }
            Action::Edit(Edit::Insert('n' | 'N')) | Action::Interrupt | Action::EndOrDelete | Action::Escape => {
                self.paste = None;
            }
            _ => {}
        }
    }

    fn put(&mut self, paste: Paste, now: Now) {
        let pasted = paste.apply(&mut self.editor, self.session.is_ours());
        if !pasted.is_whole {
            self.say("The input has no room for all of that.");
        }
        pasted.lines.into_iter().for_each(|line| self.send(line, now));
    }

    /// Whether what is typed reaches the server as what it is meant to be.
    fn can_say(&self) -> bool {
        // What is said before all that was missed is known would be looked for in it.
        let coming_back = match self.session.stage() {
            Stage::Unknown => self.session.name().is_some(),
            Stage::Here => !self.entry.is_over(),
            Stage::Asked | Stage::Waiting(_) => false,
        };
        self.status == Status::Up && !(self.session.is_ours() && coming_back)
    }

    /// Whether several lines would be said, none of them taken for a nickname; if not, the person is told.
    fn can_say_several(&mut self) -> bool {
        let is_in = !self.session.is_ours() || self.session.stage() == Stage::Here;
        let why = match self.can_say() {
            true if is_in => return true,
            true => "You are not in yet: several lines can be pasted once you are.",
            false => "Not connected: several lines can be pasted once the connection is back.",
        };
        self.say(why);
        false
    }

    fn submit(&mut self, now: Now) {
        self.prompt.clear();
        match self.status {
            Status::Down { .. } | Status::Stopped if self.editor.is_empty() => self.status = Status::Dialling,
            _ if !self.can_say() => {
                self.say("Not connected: your line is kept here; Ctrl-C clears it, Ctrl-D on an empty line leaves.");
            }
            _ => {
                let line = self.editor.take();
                if self.session.stage() == Stage::Asked {
                    self.entry.typed();
                } else {
                    self.recall.push(&line);
                }
                self.send(line, now);
            }
        }
    }

    fn send(&mut self, line: String, now: Now) {
        self.sent_at = Some(now.at);
        if let Some(echo) = self.session.said(&line) {
            self.lines.push_back(format::own(&echo, now.local.time(), &self.session));
            self.seen.sent(self.session.name().unwrap_or_default(), echo);
            if self.session.is_ours() {
                self.lag.wanted(now.at);
            }
        } else if self.session.is_ours() {
            match Command::parse(&line) {
                _ if is_blank(&line) => return,
                Command::Whisper { .. } | Command::Reply(_) if self.session.stage() == Stage::Here => {
                    self.whispers.push(line.clone());
                    self.lag.wanted(now.at);
                }
                _ => {}
            }
        }
        self.outgoing.push(line);
        self.tick(now.at);
    }
}
