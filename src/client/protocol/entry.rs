//! Logs in, and logs in again after the connection was lost.
//!
//! After a reconnect the server shows the history again, but the user should see only the missed messages. The end of
//! the history is found with a `/ping`: the server writes everything before it writes the answer.

#[cfg(test)]
mod password_tests;

use std::time::Duration;

use super::passwords::Passwords;
use super::session::{LoginStage, Session};
use super::shape::{LineShape, ServerNotice, ServerRefusal};

/// The nickname is sent to a server that is not chinwag after this time without a prompt.
const NAME_DELAY: Duration = Duration::from_secs(1);

/// The nickname is tried again after this time if our lost connection still has it.
const NAME_RETRY: Duration = Duration::from_secs(3);

/// The text of the `/ping` that marks the end of the history.
const SYNC: &str = "back again";

/// The state of the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoginPhase {
    /// Not logged in.
    LoggedOut,
    /// Logged in, and on the way to another room; what was said in this one will be forgotten. But a session that is one
    /// more of its account can be in the other room already.
    ChangingRoom,
    /// Logged in again; messages before the answer to the `/ping` may have been missed.
    CatchingUp,
    /// Logged in, and the missed messages are known.
    Done,
}

/// What to do with a line of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineAction {
    Show,
    /// Do not show it.
    Hide,
    /// Collect it: a message of the history or one that follows it; only missed ones are shown later.
    Collect,
    /// Compare the collected lines now.
    CaughtUp,
}

/// The login on one connection.
#[derive(Debug)]
pub struct LoginFlow {
    /// The nickname to send without asking the user.
    name: Option<String>,
    /// Whether it has been sent on this connection.
    name_sent: bool,
    /// When it is sent even without a prompt.
    send_name_at: Option<Duration>,
    /// Whether this connection replaces a lost one that was logged in.
    is_reconnect: bool,
    phase: LoginPhase,
    /// Whether the lines that come now are the history.
    in_history: bool,
    /// Whether the user has not been told yet that the nickname is still taken.
    show_taken: bool,
    pub passwords: Passwords,
}

impl LoginFlow {
    /// Starts the login on a new connection; `is_reconnect` if it replaces a lost one that was logged in.
    pub fn new(name: Option<String>, is_reconnect: bool, now: Duration) -> Self {
        let send_name_at = name.is_some().then_some(now + NAME_DELAY);
        LoginFlow {
            name,
            name_sent: false,
            send_name_at,
            is_reconnect,
            phase: LoginPhase::LoggedOut,
            in_history: false,
            show_taken: true,
            passwords: Passwords::default(),
        }
    }

    /// The same login, with passwords that are sent without asking the user.
    pub fn with_passwords(self, passwords: Passwords) -> Self {
        LoginFlow { passwords, ..self }
    }

    /// When [`LoginFlow::take_due_line`] must be called.
    pub fn deadline(&self) -> Option<Duration> {
        [self.send_name_at, self.passwords.deadline()].into_iter().flatten().min()
    }

    /// Whether the login is done and the missed messages are known.
    pub fn is_over(&self) -> bool {
        self.phase == LoginPhase::Done
    }

    /// Whether the user is on the way to another room, so that what is said now is not for the user.
    pub fn is_changing_room(&self) -> bool {
        self.phase == LoginPhase::ChangingRoom
    }

    /// Whether the nickname is sent without asking the user.
    pub fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Whether the nickname has been sent.
    pub fn has_sent_name(&self) -> bool {
        self.name_sent
    }

    /// Returns the line to send at this time, if there is one.
    pub fn take_due_line(&mut self, session: &Session, now: Duration) -> Option<String> {
        self.take_due_name(session, now).or_else(|| self.passwords.take_due(session, now))
    }

    fn take_due_name(&mut self, session: &Session, now: Duration) -> Option<String> {
        self.send_name_at.take_if(|at| *at <= now)?;
        let wanted = match session.stage() {
            LoginStage::Asked => true,
            LoginStage::Unknown => !self.name_sent && !session.is_chinwag(),
            LoginStage::PasswordDue(_) | LoginStage::Queued(_) | LoginStage::LoggedIn => false,
        };
        if wanted { self.take_name() } else { None }
    }

    /// Answers an unfinished line of a server that is not chinwag with the nickname, once.
    pub fn answer_prompt(&mut self, session: &Session) -> Option<String> {
        let wanted = !self.name_sent && !session.is_chinwag() && session.stage() == LoginStage::Unknown;
        if wanted { self.take_name() } else { None }
    }

    /// Stops sending the nickname, because the user has typed one.
    pub fn cancel_name(&mut self) {
        self.send_name_at = None;
        self.name = None;
    }

    fn take_name(&mut self) -> Option<String> {
        self.name_sent = true;
        self.send_name_at = None;
        self.name.clone()
    }

    /// Handles a line that `session` has already processed; adds the lines to send to `send`.
    pub fn process_line(
        &mut self,
        shape: &LineShape,
        session: &Session,
        now: Duration,
        send: &mut Vec<String>,
    ) -> LineAction {
        if let Some(password) = self.passwords.process_line(shape, session, now) {
            send.push(password);
            return LineAction::Hide;
        }
        match *shape {
            LineShape::Notice(ServerNotice::Welcome) if !self.name_sent && self.name.is_some() => {
                send.extend(self.take_name());
                return LineAction::Hide;
            }
            LineShape::Refused(ServerRefusal::Taken { asked: true, .. })
                if self.is_reconnect && self.name.is_some() =>
            {
                self.send_name_at = Some(now + NAME_RETRY);
                return if std::mem::take(&mut self.show_taken) { LineAction::Show } else { LineAction::Hide };
            }
            LineShape::Notice(ServerNotice::Entered { .. } | ServerNotice::EnteredPeer { .. }) => {
                return self.entered(session, send);
            }
            LineShape::Notice(ServerNotice::EnteredRoom { .. }) if self.phase == LoginPhase::ChangingRoom => {
                self.phase = LoginPhase::CatchingUp
            }
            LineShape::Refused(ServerRefusal::InThatRoom { .. })
                if matches!(self.phase, LoginPhase::ChangingRoom | LoginPhase::CatchingUp) =>
            {
                self.phase = LoginPhase::CatchingUp;
                return LineAction::Hide;
            }
            LineShape::Notice(ServerNotice::Pong { text: SYNC }) if !self.is_over() => {
                self.phase = LoginPhase::Done;
                return LineAction::CaughtUp;
            }
            LineShape::Notice(ServerNotice::Other(_)) | LineShape::Raw(_) => send.extend(self.answer_prompt(session)),
            _ => {}
        }
        self.history_action(shape)
    }

    fn entered(&mut self, session: &Session, send: &mut Vec<String>) -> LineAction {
        self.send_name_at = None;
        if !self.is_reconnect {
            self.phase = LoginPhase::Done;
            return LineAction::Show;
        }
        self.phase = LoginPhase::CatchingUp;
        if let Some(room) = session.room_to_rejoin() {
            self.phase = LoginPhase::ChangingRoom;
            send.push(format!("/join {room}"));
        }
        send.push(format!("/ping {SYNC}"));
        LineAction::Show
    }

    /// Decides about a line that may belong to the history.
    fn history_action(&mut self, shape: &LineShape) -> LineAction {
        let edge = matches!(shape, LineShape::Notice(ServerNotice::HistoryBegins { .. } | ServerNotice::HistoryEnds));
        if edge {
            self.in_history = matches!(shape, LineShape::Notice(ServerNotice::HistoryBegins { .. }));
        }
        // Messages before the answer to the `/ping` follow the history, so they are shown after it.
        let said = matches!(
            shape,
            LineShape::Said { .. } | LineShape::Action { .. } | LineShape::Notice(ServerNotice::Day(_))
        );
        match self.phase {
            LoginPhase::ChangingRoom | LoginPhase::CatchingUp if edge => LineAction::Hide,
            LoginPhase::ChangingRoom | LoginPhase::CatchingUp if said || self.in_history => LineAction::Collect,
            _ => LineAction::Show,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
    const ENTERED: &str = "* You are alice. 1 here: you. /help lists the commands.";
    const AT: Duration = Duration::from_secs(100);

    /// Returns what to do with each line and what is sent for it.
    fn process_lines(login: &mut LoginFlow, session: &mut Session, lines: &[&str]) -> Vec<(LineAction, Vec<String>)> {
        let each = lines.iter().map(|line| {
            let shape = LineShape::parse(line);
            session.update(&shape);
            let mut send = Vec::new();
            (login.process_line(&shape, session, AT, &mut send), send)
        });
        each.collect()
    }

    fn sent(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| line.to_string()).collect()
    }

    #[test]
    fn nickname_is_sent_once_when_asked() {
        let (mut login, mut session) = (LoginFlow::new(Some("alice".into()), false, AT), Session::default());
        let actions = process_lines(
            &mut login,
            &mut session,
            &["* The room is full. You are number 1 in line.", WELCOME, "! The nickname alice is taken. Try another:"],
        );
        assert_eq!(
            actions.iter().map(|(_, send)| send.clone()).collect::<Vec<_>>(),
            [vec![], sent(&["alice"]), vec![]]
        );
        assert_eq!(login.take_due_line(&session, AT + NAME_DELAY), None);
    }

    #[test]
    fn other_server_gets_nickname_after_first_line_or_delay() {
        let session = Session::default();
        let mut login = LoginFlow::new(Some("alice".into()), false, AT);
        assert_eq!((login.take_due_line(&session, AT), login.deadline()), (None, Some(AT + NAME_DELAY)));
        assert_eq!(login.take_due_line(&session, AT + NAME_DELAY), Some("alice".into()));
        assert_eq!(login.answer_prompt(&session), None, "given already");
        let mut login = LoginFlow::new(Some("alice".into()), false, AT);
        assert_eq!(login.answer_prompt(&session), Some("alice".into()));
        let mut login = LoginFlow::new(Some("alice".into()), false, AT);
        let actions = process_lines(&mut login, &mut Session::default(), &["Your name?", "Hello alice"]);
        assert_eq!(actions, [(LineAction::Show, sent(&["alice"])), (LineAction::Show, vec![])]);
    }

    #[test]
    fn reconnect_collects_history_and_returns_to_own_room() {
        let mut session = Session::default();
        process_lines(
            &mut LoginFlow::new(None, false, AT),
            &mut session,
            &[WELCOME, ENTERED, "* You are in den. 1 here: you."],
        );
        session.reconnected();
        let mut login = LoginFlow::new(Some("alice".into()), true, AT);
        let lines = [
            WELCOME,
            ENTERED,
            "* --- the last 1 message ---",
            "[12:00:00] bob: in the lobby",
            "* --- you are up to date ---",
            "[12:00:01] bob: still in the lobby",
            "* You are in den. 1 here: you.",
            "* --- the last 1 message ---",
            "[12:00:00] bob: in the den",
            "* --- you are up to date ---",
            "* bob joined (2 here)",
            "[12:00:08] bob: before the answer",
            "* pong back again",
            "[12:00:09] bob: hi",
        ];
        let actions = process_lines(&mut login, &mut session, &lines);
        use LineAction::*;
        let expected =
            [Hide, Show, Hide, Collect, Hide, Collect, Show, Hide, Collect, Hide, Show, Collect, CaughtUp, Show];
        assert_eq!(actions.iter().map(|(action, _)| *action).collect::<Vec<_>>(), expected);
        assert_eq!(actions[0].1, ["alice"]);
        assert_eq!(actions[1].1, ["/join den", "/ping back again"]);
        assert!(login.is_over());
    }

    #[test]
    fn taken_name_is_retried_until_another_is_typed() {
        let taken = "! The nickname alice is taken. Try another:";
        let (mut login, mut session) = (LoginFlow::new(Some("alice".into()), true, AT), Session::default());
        let actions = process_lines(&mut login, &mut session, &[WELCOME, taken]);
        assert_eq!(actions[1], (LineAction::Show, vec![]));
        assert_eq!(
            (login.take_due_line(&session, AT), login.take_due_line(&session, AT + NAME_RETRY)),
            (None, Some("alice".into()))
        );
        assert_eq!(process_lines(&mut login, &mut session, &[taken]), [(LineAction::Hide, vec![])]);
        login.cancel_name();
        assert_eq!(login.take_due_line(&session, AT + NAME_RETRY), None);
        assert_eq!(process_lines(&mut login, &mut session, &[taken]), [(LineAction::Show, vec![])]);
    }
}
