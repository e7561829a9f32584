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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chat::Password;
    use crate::client::Settings;
    use crate::client::app::TerminalRequest;
    use crate::client::ui::status::bottom;
    use crate::terminal::input::editor::Edit;
    use crate::terminal::input::keys::KeyAction;
    use crate::terminal::screen::inline_screen::TerminalSize;

    const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
    const PROMPT: &str = "* alice is registered. Password: (visible as you type)";
    const ENTERED: &str = "* You are alice. 1 here: you. /help lists the commands.";
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
        app
    }

    fn read(app: &mut App, lines: &[&str]) {
        lines.iter().for_each(|line| app.receive_line(line, now()));
    }

    fn type_in(app: &mut App, text: &str) {
        text.chars().for_each(|c| press(app, KeyAction::Edit(Edit::Insert(c))));
    }

    fn press(app: &mut App, action: KeyAction) {
        assert_eq!(app.press_key(action, now()), TerminalRequest::Nothing);
    }

    /// Returns the input line as it is drawn.
    fn input(app: &mut App) -> String {
        let rows = bottom(app, "localhost:1", None, TerminalSize { columns: 80, rows: 24 }, now().at);
        assert!(!rows.status.text().contains(SECRET));
        format!("{}{}|{}", rows.prompt.text(), rows.input, rows.cursor)
    }

    #[test]
    fn hidden_input_is_sent_and_leaves_no_trace() {
        let mut app = app(None, None);
        read(&mut app, &[WELCOME]);
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
        assert!(app.take_lines().all(|line| !line.text().contains(SECRET) && !line.text().contains("visible")));
    }

    #[test]
    fn stored_password_does_not_interrupt_what_is_typed() {
        let mut app = app(Some("alice"), Some(SECRET));
        type_in(&mut app, "half");
        read(&mut app, &[WELCOME, PROMPT]);
        assert_eq!(app.take_outgoing(), ["alice", SECRET]);
        type_in(&mut app, " ty");
        press(&mut app, KeyAction::Submit);
        assert_eq!((input(&mut app), app.take_outgoing()), ("> half ty|7".into(), vec![]));
        read(&mut app, &["! Wrong password. Password:"]);
        assert_eq!(input(&mut app), "password: |0");
        type_in(&mut app, "fish");
        press(&mut app, KeyAction::Submit);
        read(&mut app, &[ENTERED]);
        assert_eq!(input(&mut app), "> half ty|7");
    }

    #[test]
    fn retry_does_not_show_a_half_typed_password() {
        let mut app = app(Some("alice"), Some(SECRET));
        read(&mut app, &[WELCOME, PROMPT, "! Too many logins at once; try again."]);
        app.take_outgoing();
        let later = Duration::from_secs(1000);
        type_in(&mut app, "fi");
        app.run_timers(later);
        assert_eq!((input(&mut app), app.take_outgoing()), ("password: |0".into(), vec![]));
        let mut app = super::tests::app(Some("alice"), Some(SECRET));
        read(&mut app, &[WELCOME, PROMPT, "! Too many logins at once; try again."]);
        app.take_outgoing();
        app.run_timers(later);
        assert_eq!((input(&mut app), app.take_outgoing()), ("password: |0".into(), vec![SECRET.to_owned()]));
    }

    #[test]
    fn pasted_lines_wait_and_one_pasted_line_is_the_password() {
        let mut app = app(None, None);
        read(&mut app, &[WELCOME, PROMPT]);
        app.paste_text("one\ntwo\n", now());
        assert!(app.editor.is_empty() && app.take_outgoing().is_empty());
        app.paste_text(&format!("{SECRET}\n"), now());
        press(&mut app, KeyAction::Submit);
        assert_eq!(app.take_outgoing(), [SECRET]);
    }
}
