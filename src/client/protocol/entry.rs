//! Getting in, and getting in again after the connection was lost.
//!
//! Of the messages that the server shows to whoever enters, one who was there before is shown those
//! only that were missed. The server's last word on it is a `/ping`: what is owed comes before its answer.

use std::time::Duration;

use super::session::{Session, Stage};
use super::shape::{Notice, Refusal, Shape};

/// How long a server that is not ours may be silent before it is given the nickname.
const SILENCE: Duration = Duration::from_secs(1);

/// How long until a nickname that our lost connection still has is tried again.
const TAKEN: Duration = Duration::from_secs(3);

/// What the `/ping` of [`Entry`] says.
const SYNC: &str = "back again";

/// How far one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not in.
    Outside,
    /// In, but to go to another room: what the lobby shows was not missed.
    Passing,
    /// What comes before the answer to the ping may have been missed.
    CatchingUp,
    /// In.
    Inside,
}

/// What is to be done about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is to be shown.
    Show,
    /// It is not for people.
    Hide,
    /// It is one of the history or follows on it; of these only what was missed is to be shown.
    Collect,
    /// All that was collected may be looked at.
    CaughtUp,
}

/// One connection's way in.
#[derive(Debug)]
pub struct Entry {
    /// The nickname to be given without asking.
    name: Option<String>,
    /// It has been given on this connection.
    given: bool,
    /// When it is to be given, whatever the server says.
    give_at: Option<Duration>,
    /// We were in before.
    again: bool,
    phase: Phase,
    /// Whether lines of the history are coming.
    in_history: bool,
    /// Nobody has been told that the name is still taken.
    untold: bool,
}

impl Entry {
    /// A connection that has just been made; `again` if it replaces one on which one was in.
    pub fn new(name: Option<String>, again: bool, now: Duration) -> Self {
        let give_at = name.is_some().then_some(now + SILENCE);
        Entry { name, given: false, give_at, again, phase: Phase::Outside, in_history: false, untold: true }
    }

    /// When [`Entry::due`] is to be asked.
    pub fn deadline(&self) -> Option<Duration> {
        self.give_at
    }

    /// Whether one is in and has seen what was missed.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Inside
    }

    /// Whether the nickname has been given.
    pub fn has_given(&self) -> bool {
        self.given
    }

    /// What is to be sent at a time, if anything.
    pub fn due(&mut self, session: &Session, now: Duration) -> Option<String> {
        self.give_at.take_if(|at| *at <= now)?;
        let wanted = match session.stage() {
            Stage::Asked => true,
            Stage::Unknown => !self.given && !session.is_ours(),
            Stage::Waiting(_) | Stage::Here => false,
        };
        if wanted { self.give() } else { None }
    }

    /// A prompt without an end has come: of a server that is not ours.
    pub fn prompted(&mut self, session: &Session) -> Option<String> {
        let wanted = !self.given && !session.is_ours() && session.stage() == Stage::Unknown;
        if wanted { self.give() } else { None }
    }

    /// The person has typed a nickname instead.
    pub fn typed(&mut self) {
        self.give_at = None;
        self.name = None;
    }

    fn give(&mut self) -> Option<String> {
        self.given = true;
        self.give_at = None;
        self.name.clone()
    }

    /// A line has been read, of which `session` knows already; what is to be sent is put into `send`.
    pub fn hear(&mut self, shape: &Shape, session: &Session, now: Duration, send: &mut Vec<String>) -> Heard {
        match *shape {
            Shape::Notice(Notice::Welcome) if !self.given && self.name.is_some() => {
                send.extend(self.give());
                return Heard::Hide;
            }
            Shape::Refused(Refusal::Taken { asked: true, .. }) if self.again && self.name.is_some() => {
                self.give_at = Some(now + TAKEN);
                return if std::mem::take(&mut self.untold) { Heard::Show } else { Heard::Hide };
            }
            Shape::Notice(Notice::Entered { .. } | Notice::EnteredPeer { .. }) => return self.entered(session, send),
            Shape::Notice(Notice::EnteredRoom { .. }) if self.phase == Phase::Passing => self.phase = Phase::CatchingUp,
            Shape::Notice(Notice::Pong { text: SYNC }) if !self.is_over() => {
                self.phase = Phase::Inside;
                return Heard::CaughtUp;
            }
            Shape::Notice(Notice::Other(_)) | Shape::Raw(_) => send.extend(self.prompted(session)),
            _ => {}
        }
        self.in_block(shape)
    }

    fn entered(&mut self, session: &Session, send: &mut Vec<String>) -> Heard {
        self.give_at = None;
        if !self.again {
            self.phase = Phase::Inside;
            return Heard::Show;
        }
        self.phase = Phase::CatchingUp;
        if let Some(room) = session.back_to() {
            self.phase = Phase::Passing;
            send.push(format!("/join {room}"));
        }
        send.push(format!("/ping {SYNC}"));
        Heard::Show
    }

    /// What a line is that may be of the history.
    fn in_block(&mut self, shape: &Shape) -> Heard {
        let edge = matches!(shape, Shape::Notice(Notice::HistoryBegins { .. } | Notice::HistoryEnds));
        if edge {
            self.in_history = matches!(shape, Shape::Notice(Notice::HistoryBegins { .. }));
        }
        // What is said before the answer to the ping follows on the history, and so it is shown after that.
        let said = matches!(shape, Shape::Said { .. } | Shape::Action { .. } | Shape::Notice(Notice::Day(_)));
        match self.phase {
            Phase::Passing if edge || said || self.in_history => Heard::Hide,
            Phase::CatchingUp if edge => Heard::Hide,
            Phase::CatchingUp if said || self.in_history => Heard::Collect,
            _ => Heard::Show,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
    const ENTERED: &str = "* You are alice. 1 here: you. /help lists the commands.";
    const AT: Duration = Duration::from_secs(100);

    /// What becomes of lines, one after another, and what is sent upon each.
    fn hear(entry: &mut Entry, session: &mut Session, lines: &[&str]) -> Vec<(Heard, Vec<String>)> {
        let each = lines.iter().map(|line| {
            let shape = Shape::of(line);
            session.hear(&shape);
            let mut send = Vec::new();
            (entry.hear(&shape, session, AT, &mut send), send)
        });
        each.collect()
    }

    fn sent(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| line.to_string()).collect()
    }

    #[test]
    fn the_nickname_is_given_when_the_server_asks_and_once() {
        let (mut entry, mut session) = (Entry::new(Some("alice".into()), false, AT), Session::default());
        let heard = hear(
            &mut entry,
            &mut session,
            &["* The room is full. You are number 1 in line.", WELCOME, "! The nickname alice is taken. Try another:"],
        );
        assert_eq!(heard.iter().map(|(_, send)| send.clone()).collect::<Vec<_>>(), [vec![], sent(&["alice"]), vec![]]);
        assert_eq!(entry.due(&session, AT + SILENCE), None);
    }

    #[test]
    fn a_server_that_is_not_ours_gets_it_with_its_first_words_or_after_a_silence() {
        let session = Session::default();
        let mut entry = Entry::new(Some("alice".into()), false, AT);
        assert_eq!((entry.due(&session, AT), entry.deadline()), (None, Some(AT + SILENCE)));
        assert_eq!(entry.due(&session, AT + SILENCE), Some("alice".into()));
        assert_eq!(entry.prompted(&session), None, "given already");
        let mut entry = Entry::new(Some("alice".into()), false, AT);
        assert_eq!(entry.prompted(&session), Some("alice".into()));
        let mut entry = Entry::new(Some("alice".into()), false, AT);
        let heard = hear(&mut entry, &mut Session::default(), &["Your name?", "Hello alice"]);
        assert_eq!(heard, [(Heard::Show, sent(&["alice"])), (Heard::Show, vec![])]);
    }

    #[test]
    fn coming_back_one_sees_the_history_of_ones_own_room_alone_and_only_what_was_missed() {
        let mut session = Session::default();
        hear(&mut Entry::new(None, false, AT), &mut session, &[WELCOME, ENTERED, "* You are in den. 1 here: you."]);
        session.reconnected();
        let mut entry = Entry::new(Some("alice".into()), true, AT);
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
        let heard = hear(&mut entry, &mut session, &lines);
        use Heard::*;
        let expected = [Hide, Show, Hide, Hide, Hide, Hide, Show, Hide, Collect, Hide, Show, Collect, CaughtUp, Show];
        assert_eq!(heard.iter().map(|(heard, _)| *heard).collect::<Vec<_>>(), expected);
        assert_eq!(heard[0].1, ["alice"]);
        assert_eq!(heard[1].1, ["/join den", "/ping back again"]);
        assert!(entry.is_over());
    }

    #[test]
    fn a_name_that_our_lost_connection_still_has_is_tried_again_until_another_is_typed() {
        let taken = "! The nickname alice is taken. Try another:";
        let (mut entry, mut session) = (Entry::new(Some("alice".into()), true, AT), Session::default());
        let heard = hear(&mut entry, &mut session, &[WELCOME, taken]);
        assert_eq!(heard[1], (Heard::Show, vec![]));
        assert_eq!((entry.due(&session, AT), entry.due(&session, AT + TAKEN)), (None, Some("alice".into())));
        assert_eq!(hear(&mut entry, &mut session, &[taken]), [(Heard::Hide, vec![])]);
        entry.typed();
        assert_eq!(entry.due(&session, AT + TAKEN), None);
        assert_eq!(hear(&mut entry, &mut session, &[taken]), [(Heard::Show, vec![])]);
    }
}
