//! Logs in, and logs in again after the connection was lost.

#[cfg(test)]
mod password_tests;

use std::time::Duration;

use super::event::ServerEvent;
use super::passwords::Passwords;
use super::session::{LoginStage, Session};

/// The nickname is sent to a server that is not chinwag after this time without a prompt.
const NAME_DELAY: Duration = Duration::from_secs(1);

/// The nickname is tried again after this time if our lost connection still has it.
const NAME_RETRY: Duration = Duration::from_secs(3);

/// The text of the `/ping` after a reconnect: the server answers it after the histories of all rooms.
const SYNC: &str = "back again";

/// The state of the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoginPhase {
    /// Not logged in.
    LoggedOut,
    /// Logged in again; the rooms come one after another.
    CatchingUp,
    /// Logged in, and the missed messages are known.
    Done,
}

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventAction {
    Show,
    /// Do not show it: it was answered without the user.
    Hide,
    /// Tell the user that the nickname is taken, perhaps by the lost connection, and will be tried again.
    TellTaken,
    /// Everything that was missed has come.
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
    /// How many answers to [`SYNC`] are due.
    syncs: usize,
    /// Whether the user has not been told yet that the nickname is still taken.
    tell_taken: bool,
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
            syncs: 0,
            tell_taken: true,
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

    /// Whether the nickname is sent without asking the user.
    pub fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Whether the nickname has been sent.
    pub fn has_sent_name(&self) -> bool {
        self.name_sent
    }

    /// The server lets us in again on the same connection, without asking for the name.
    pub fn expect_entry(&mut self) {
        (self.is_reconnect, self.phase) = (true, LoginPhase::LoggedOut);
    }

    /// Returns the line to send at this time, if there is one.
    pub fn take_due_line(&mut self, session: &Session, now: Duration) -> Option<String> {
        self.take_due_name(session, now).or_else(|| self.passwords.take_due(session, now))
    }

    fn take_due_name(&mut self, session: &Session, now: Duration) -> Option<String> {
        self.send_name_at.take_if(|at| *at <= now)?;
        if session.stage() == LoginStage::Asked { self.take_name() } else { self.answer_prompt(session) }
    }

    /// Answers a line or a prompt of a server that is not chinwag with the nickname, once.
    pub fn answer_prompt(&mut self, session: &Session) -> Option<String> {
        let is_wanted = !self.name_sent && !session.is_chinwag() && session.stage() == LoginStage::Unknown;
        if is_wanted { self.take_name() } else { None }
    }

    /// Waits for another answer, since a further room is entered again.
    pub fn sync_again(&mut self, send: &mut Vec<String>) {
        self.syncs += 1;
        send.push(format!("/ping {SYNC}"));
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

    /// Handles an event that `session` has already processed; adds the lines to send to `send`.
    pub fn process_event(
        &mut self,
        event: &ServerEvent,
        session: &Session,
        now: Duration,
        send: &mut Vec<String>,
    ) -> EventAction {
        if let Some(password) = self.passwords.process_event(event, session, now) {
            send.push(password);
            return EventAction::Hide;
        }
        match event {
            ServerEvent::Ask if !self.name_sent && self.name.is_some() => {
                send.extend(self.take_name());
                EventAction::Hide
            }
            ServerEvent::Refused(refused)
                if self.is_reconnect && self.name.is_some() && refused.asked && &*refused.what == "taken" =>
            {
                self.send_name_at = Some(now + NAME_RETRY);
                if std::mem::take(&mut self.tell_taken) { EventAction::TellTaken } else { EventAction::Hide }
            }
            ServerEvent::Entered { .. } if self.phase == LoginPhase::LoggedOut => {
                self.send_name_at = None;
                self.phase = LoginPhase::Done;
                if self.is_reconnect {
                    self.phase = LoginPhase::CatchingUp;
                    self.sync_again(send);
                }
                EventAction::Show
            }
            ServerEvent::Pong { text } if self.phase == LoginPhase::CatchingUp && &**text == SYNC => {
                self.syncs = self.syncs.saturating_sub(1);
                if self.syncs > 0 {
                    return EventAction::Hide;
                }
                self.phase = LoginPhase::Done;
                EventAction::CaughtUp
            }
            _ => EventAction::Show,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::protocol::session::tests::{ASK, ENTERED, TAKEN};

    const AT: Duration = Duration::from_secs(100);

    /// Returns what to do with each line and what is sent for it.
    fn process(login: &mut LoginFlow, session: &mut Session, lines: &[&str]) -> Vec<(EventAction, Vec<String>)> {
        let each = lines.iter().map(|line| {
            let event = ServerEvent::parse(line).unwrap();
            session.update(&event);
            let mut send = Vec::new();
            (login.process_event(&event, session, AT, &mut send), send)
        });
        each.collect()
    }

    fn sent(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| line.to_string()).collect()
    }

    #[test]
    fn nickname_is_sent_once_when_asked() {
        let (mut login, mut session) = (LoginFlow::new(Some("alice".into()), false, AT), Session::default());
        let actions = process(&mut login, &mut session, &[r#"{"t":"waiting","number":1}"#, ASK, TAKEN]);
        let send: Vec<_> = actions.iter().map(|(_, send)| send.clone()).collect();
        assert_eq!(send, [vec![], sent(&["alice"]), vec![]]);
        assert_eq!((actions[1].0, actions[2].0), (EventAction::Hide, EventAction::Show));
        assert_eq!(login.take_due_line(&session, AT + NAME_DELAY), None);
    }

    #[test]
    fn other_server_gets_nickname_once_after_a_prompt_or_delay() {
        let session = Session::default();
        let mut login = LoginFlow::new(Some("alice".into()), false, AT);
        assert_eq!((login.take_due_line(&session, AT), login.deadline()), (None, Some(AT + NAME_DELAY)));
        assert_eq!(login.take_due_line(&session, AT + NAME_DELAY), Some("alice".into()));
        assert_eq!(login.answer_prompt(&session), None, "given already");
        let mut login = LoginFlow::new(Some("alice".into()), false, AT);
        assert_eq!(login.answer_prompt(&session), Some("alice".into()));
    }

    #[test]
    fn answer_to_ping_after_a_reconnect_ends_the_login() {
        let (mut login, mut session) = (LoginFlow::new(Some("alice".into()), true, AT), Session::default());
        let pong = r#"{"t":"pong","text":"back again"}"#;
        let actions = process(&mut login, &mut session, &[ASK, ENTERED, r#"{"t":"pong","text":""}"#, pong]);
        assert_eq!(actions[1], (EventAction::Show, sent(&["/ping back again"])));
        assert_eq!((actions[2].0, actions[3].0, login.is_over()), (EventAction::Show, EventAction::CaughtUp, true));
        assert_eq!(process(&mut login, &mut session, &[pong]), [(EventAction::Show, vec![])]);
    }

    #[test]
    fn taken_name_is_retried_until_another_is_typed() {
        let (mut login, mut session) = (LoginFlow::new(Some("alice".into()), true, AT), Session::default());
        let actions = process(&mut login, &mut session, &[ASK, TAKEN]);
        assert_eq!(actions[1], (EventAction::TellTaken, vec![]));
        assert_eq!(
            (login.take_due_line(&session, AT), login.take_due_line(&session, AT + NAME_RETRY)),
            (None, Some("alice".into()))
        );
        assert_eq!(process(&mut login, &mut session, &[TAKEN]), [(EventAction::Hide, vec![])]);
        login.cancel_name();
        assert_eq!(login.take_due_line(&session, AT + NAME_RETRY), None);
        assert_eq!(process(&mut login, &mut session, &[TAKEN]), [(EventAction::Show, vec![])]);
    }
}
