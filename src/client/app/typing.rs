//! Handles keys and pastes.

use super::{App, ConnectionStatus, TerminalRequest};
use crate::chat::Now;
use crate::chat::command::{Command, Typist, is_blank, words};
use crate::client::protocol::session::LoginStage;
use crate::client::ui::format;
use crate::terminal::input::completion::Candidates;
use crate::terminal::input::editor::Edit;
use crate::terminal::input::keys::KeyAction;
use crate::terminal::input::paste::Paste;

impl App {
    /// Handles a key.
    pub fn press_key(&mut self, action: KeyAction, now: Now) -> TerminalRequest {
        let interrupted = std::mem::take(&mut self.interrupted);
        let is_hidden = self.is_typing_hidden();
        if self.paste.is_some() && !is_hidden {
            self.confirm_paste(action, now);
            return TerminalRequest::Nothing;
        }
        if !matches!(action, KeyAction::Complete { .. }) {
            self.completer.reset();
        }
        match action {
            KeyAction::Edit(edit) => {
                self.login.passwords.cancel_retry();
                self.editor.apply(edit);
            }
            KeyAction::Submit if is_hidden => self.submit_password(now),
            KeyAction::Escape if is_hidden => drop(self.editor.take()),
            KeyAction::Older | KeyAction::Newer | KeyAction::Complete { .. } if is_hidden => {}
            KeyAction::Submit => self.submit(now),
            KeyAction::Older => {
                if let Some(text) = self.input_history.older(self.editor.text()) {
                    self.editor.set(text);
                }
            }
            KeyAction::Newer => {
                if let Some(text) = self.input_history.newer(self.editor.text()) {
                    self.editor.set(text);
                }
            }
            KeyAction::Complete { back } => self.complete(back),
            KeyAction::Interrupt if interrupted => self.leave(now.at),
            KeyAction::Interrupt => {
                self.interrupted = true;
                self.editor.take();
                self.input_history.reset();
            }
            KeyAction::EndOrDelete if self.editor.is_empty() => self.leave(now.at),
            KeyAction::EndOrDelete => self.editor.apply(Edit::Delete),
            KeyAction::Redraw => return TerminalRequest::Redraw,
            KeyAction::Suspend => return TerminalRequest::Suspend,
            KeyAction::PageUp => return TerminalRequest::Scroll { back: true },
            KeyAction::PageDown => return TerminalRequest::Scroll { back: false },
            KeyAction::Escape => {}
        }
        TerminalRequest::Nothing
    }

    /// Whether the last key was Ctrl-C, so that another Ctrl-C leaves.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    fn complete(&mut self, back: bool) {
        let commands: Vec<&str> = words(Typist::MEMBER).chain(["go", "close"]).collect();
        let candidates = Candidates { names: &self.session.names(), rooms: &self.session.rooms(), commands: &commands };
        let completed = self.completer.complete(self.editor.text(), self.editor.cursor(), back, &candidates);
        if let Some((text, cursor)) = completed {
            self.editor.set_at(&text, cursor);
        }
    }

    /// Handles a paste.
    pub fn paste_text(&mut self, text: &str, now: Now) {
        self.interrupted = false;
        self.completer.reset();
        self.login.passwords.cancel_retry();
        let paste = Paste::new(text);
        if paste.lines_to_send(&self.editor) > 0 && !self.can_say_several() {
            // The reason has been shown.
        } else if paste.needs_confirmation(&self.editor) {
            self.paste = Some(paste);
        } else {
            self.apply_paste(paste, now);
        }
    }

    /// Handles the key that answers whether many lines should be sent.
    fn confirm_paste(&mut self, action: KeyAction, now: Now) {
        match action {
            KeyAction::Edit(Edit::Insert('y' | 'Y')) => {
                if self.can_say_several()
                    && let Some(paste) = self.paste.take()
                {
                    self.apply_paste(paste, now);
                }
            }
            KeyAction::Edit(Edit::Insert('n' | 'N'))
            | KeyAction::Interrupt
            | KeyAction::EndOrDelete
            | KeyAction::Escape => {
                self.paste = None;
            }
            _ => {}
        }
    }

    fn apply_paste(&mut self, paste: Paste, now: Now) {
        let pasted = paste.apply(&mut self.editor, self.session.is_chinwag());
        if !pasted.is_whole {
            self.show_local("The pasted text does not fit into the input line (64 KiB at most).");
        }
        pasted.lines.into_iter().for_each(|line| self.send(line, now));
    }

    /// Whether the server would handle a submitted line as the user means it.
    fn can_say(&self) -> bool {
        // A line sent before the missed messages are compared would be searched for among them.
        let coming_back = match self.session.stage() {
            LoginStage::Unknown => self.session.name().is_some(),
            LoginStage::LoggedIn => !self.login.is_over(),
            // The password is sent without asking the user.
            LoginStage::PasswordDue(_) => true,
            LoginStage::Asked | LoginStage::Queued(_) => false,
        };
        self.status == ConnectionStatus::Connected && !(self.session.is_chinwag() && coming_back)
    }

    /// Whether several lines would be sent as messages and none taken as a nickname; if not, shows why.
    fn can_say_several(&mut self) -> bool {
        let is_in = !self.session.is_chinwag() || self.session.stage() == LoginStage::LoggedIn;
        let why = match self.can_say() || self.is_typing_hidden() {
            true if is_in => return true,
            true => "Not logged in yet: several lines can be pasted after the login.",
            false => "Not connected: several lines can be pasted once the connection is back.",
        };
        self.show_local(why);
        false
    }

    fn submit(&mut self, now: Now) {
        self.prompt.clear();
        match self.status {
            ConnectionStatus::WaitingToRetry { .. } | ConnectionStatus::Stopped if self.editor.is_empty() => {
                self.status = ConnectionStatus::Connecting
            }
            _ if !self.can_say() => {
                self.show_local(
                    "Not connected: your line is kept here; Ctrl-C clears it, Ctrl-D on an empty line leaves.",
                );
            }
            _ => {
                let line = self.editor.take();
                if self.session.stage() == LoginStage::Asked {
                    self.login.cancel_name();
                } else {
                    self.remember(&line);
                }
                self.send(line, now);
            }
        }
    }

    fn send(&mut self, line: String, now: Now) {
        self.sent_at = Some(now.at);
        self.login.passwords.record_command(&line);
        if let Some(echo) = self.session.echo_of(&line) {
            self.lines.push_back(format::own_line(&echo, now.local.time(), &self.session));
            self.known.record_sent(self.session.name().unwrap_or_default(), echo);
            if self.session.is_chinwag() {
                self.lag.request(now.at);
            }
        } else if self.session.is_chinwag() {
            match Command::parse(&line) {
                _ if is_blank(&line) => return,
                Command::Whisper { .. } | Command::Reply(_) if self.session.stage() == LoginStage::LoggedIn => {
                    self.whispers.push(line.clone());
                    self.lag.request(now.at);
                }
                _ => {}
            }
        }
        self.outgoing.push(line);
        self.run_timers(now.at);
    }
}
