//! Handles keys while the server asks the user for a password.

use super::{App, ConnectionStatus};
use crate::chat::Now;
use crate::chat::command::is_blank;
use crate::client::protocol::passwords::has_password;
use crate::client::protocol::session::{LoginStage, PasswordOf};

impl App {
    /// Whether the input is a password: it is typed in an editor of its own, of which nothing is shown or kept.
    pub fn is_typing_hidden(&self) -> bool {
        self.message_editor.is_some()
    }

    /// Whether a password was sent and its answer is due.
    pub fn is_checking_password(&self) -> bool {
        self.login.passwords.is_checking()
    }

    /// Begins or ends the input of a password.
    ///
    /// The text in the input line is not the beginning of the password. If it is a message, it is kept until the login;
    /// behind a typed nickname it may be anything, and is dropped. After the password was asked for, the input stays
    /// hidden until the server asks for something else, also while there is no connection.
    pub(super) fn update_editor(&mut self) {
        let LoginStage::PasswordDue(of) = self.session.stage() else {
            if let Some(editor) = self.message_editor.take() {
                self.editor = editor;
            }
            return;
        };
        if self.is_typing_hidden() || self.login.passwords.is_checking_stored() {
            return;
        }
        let text = self.editor.take();
        if self.login.has_name() && !self.typing_name && !text.is_empty() {
            self.draft.get_or_insert(text);
        }
        // What is typed after the password of an account is a nickname again, or the login is done.
        self.typing_name |= of == PasswordOf::Account;
        self.completer.reset();
        self.message_editor = Some(std::mem::take(&mut self.editor));
    }

    /// Sends the password that was typed.
    pub(super) fn submit_password(&mut self, now: Now) {
        match self.status {
            ConnectionStatus::WaitingToRetry { .. } | ConnectionStatus::Stopped => {
                self.editor.take();
                self.status = ConnectionStatus::Connecting;
            }
            _ if is_blank(self.editor.text()) => drop(self.editor.take()),
            ConnectionStatus::Connected if self.is_checking_password() => {
                self.show_local("The password is being checked.");
            }
            ConnectionStatus::Connected => {
                let line = self.editor.take();
                self.sent_at = Some(now.at);
                self.login.passwords.record_typed(&line, &self.session);
                self.outgoing.push(line);
            }
            _ => {}
        }
    }

    /// Adds a sent line to the input history, but no password.
    pub(super) fn remember(&mut self, line: &str) {
        if has_password(line) {
            // The unsent line is kept there during a walk through the history.
            self.input_history.reset();
        } else {
            self.input_history.push(line);
        }
    }
}
