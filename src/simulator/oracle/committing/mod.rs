//! Public changes: proposed when a line is processed, and carried out when they are committed.

pub(super) mod effects;
pub(super) mod matching;
pub(super) mod proposed;
pub(super) mod refusals;

use crate::chat::Now;
use crate::chat::change::Change;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::irc::IrcCommand;
use crate::simulator::oracle::words::{OPERATOR, ReaderStage};

impl Oracle {
    /// Proposes a change, unless it is not allowed now.
    pub(super) fn propose_or_refuse(&mut self, proposed: Proposed, now: Now) {
        match (self.refusal(&proposed, now), proposed.actor()) {
            (None, _) => self.propose(proposed),
            (Some(refusal), Some(actor)) => {
                self.count_refusal(&proposed, &refusal);
                self.answer_to(actor, &refusal);
            }
            (Some(refusal), None) => panic!("{proposed:?} is refused: {refusal}"),
        }
    }

    /// A program posts lines in a room; `false` if they are refused at once.
    pub fn post(&mut self, room: &str, name: &str, lines: Vec<String>, now: Now) -> bool {
        let proposed = Proposed::Post { room: room.into(), name: name.into(), lines };
        let is_allowed = !self.ending && self.refusal(&proposed, now).is_none();
        if is_allowed {
            self.propose(proposed);
        }
        is_allowed
    }

    /// A public change is proposed.
    pub(super) fn propose(&mut self, proposed: Proposed) {
        let session = match &proposed {
            Proposed::Join { who, .. } => Some(*who),
            proposed => proposed.actor().filter(|&actor| actor != OPERATOR).map(|_| self.speaker),
        };
        if let Some(session) = session {
            match proposed.is_message() {
                true => self.readers[session].uncommitted_messages += 1,
                false => self.readers[session].uncommitted_changes += 1,
            }
        }
        let command = session.map_or_else(IrcCommand::default, |session| self.irc_command_of(session));
        self.proposed.push_back((session, command, proposed));
    }

    /// The server has committed a change: it must be the one that was proposed first.
    ///
    /// `time` is the time of the change, `now` that at which it is applied.
    pub(super) fn commit(&mut self, change: &Change, is_applied: bool, time: Now, now: Now) {
        let (session, command, proposed) =
            self.proposed.pop_front().unwrap_or_else(|| panic!("no session has proposed {change:?}"));
        assert!(proposed.is_like(change), "{proposed:?} should be committed, and not {change:?}");
        if let Some(session) = session {
            match proposed.is_message() {
                true => self.readers[session].uncommitted_messages -= 1,
                false => {
                    self.readers[session].uncommitted_changes -= 1;
                    self.readers[session].committed_at = now.at;
                }
            }
        }
        let session = session.filter(|&session| self.readers[session].stage != ReaderStage::Gone);
        match self.refusal(&proposed, time) {
            Some(refusal) => {
                assert!(!is_applied, "{proposed:?} is carried out although it is not allowed: {refusal}");
                self.counts.refused += 1;
                self.count_refusal(&proposed, &refusal);
                if proposed.actor() == Some(OPERATOR) {
                    self.send_to_console(&refusal);
                }
                if let Proposed::Post { .. } = proposed {
                    self.posted.push_back(None);
                }
                let is_notice = command.name == "NOTICE";
                if let Some(session) = session.filter(|_| !is_notice) {
                    self.irc_set_command(session, command.clone());
                    self.send_line(session, &refusal);
                    self.irc_set_command(session, IrcCommand::default());
                }
                if let (Some(session), Proposed::Join { .. }) = (session, &proposed) {
                    self.readers[session].active = now.at;
                }
                match (session, proposed) {
                    (Some(session), Proposed::Join { .. }) if self.is_irc(session) => self.irc_forget_nick(session),
                    (Some(session), Proposed::Join { account: Some(_), .. }) => self.ask_for_name(session),
                    _ => {}
                }
            }
            None => {
                assert!(is_applied, "{proposed:?} is refused although it is allowed");
                let newcomer = if let Proposed::Join { who, .. } = proposed { Some(who) } else { None };
                self.carry_out(session, proposed, time);
                newcomer.into_iter().for_each(|who| self.readers[who].active = now.at);
            }
        }
        self.irc_continue(now);
        self.irc_settle(now);
        while self.proposed.is_empty()
            && let Some(session) = self.registering.pop_front()
        {
            self.irc_register(session);
        }
    }
}
