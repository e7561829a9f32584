//! Public changes: proposed when a line is processed, and carried out when they are committed.

use std::net::IpAddr;

use super::history::Replay;
use super::{OPERATOR, Oracle, ReaderStage, key};
use crate::chat::change::{Change, Place};
use crate::chat::{Cause, Now};

/// A public change that is not committed yet.
#[derive(Debug)]
pub enum Proposed {
    Join { who: usize, name: String, room: String, follow: Vec<String> },
    Move { who: usize, room: String },
    Follow { who: usize, room: String },
    Unfollow { who: usize, room: usize },
    Topic { who: usize, room: usize, text: Option<String> },
    Away { who: usize, text: Option<String> },
    Leave { who: usize, cause: Cause },
    Say { author: usize, room: usize, action: bool, text: String },
    Rename { who: usize, name: String },
    Kick { who: usize, name: String, why: Option<String> },
    Ban { ip: IpAddr, minutes: Option<u64> },
    Unban { ip: IpAddr },
    Mute { who: usize, name: String, minutes: Option<u64> },
    Unmute { key: String },
}

impl Proposed {
    /// The reader that waits for the commit.
    fn waits(&self) -> Option<usize> {
        match *self {
            Proposed::Join { who, .. }
            | Proposed::Move { who, .. }
            | Proposed::Follow { who, .. }
            | Proposed::Unfollow { who, .. }
            | Proposed::Topic { who, .. }
            | Proposed::Away { who, .. }
            | Proposed::Rename { who, .. } => Some(who),
            Proposed::Say { author, .. } => Some(author).filter(|&author| author != OPERATOR),
            _ => None,
        }
    }

    fn is_message(&self) -> bool {
        matches!(self, Proposed::Say { .. })
    }

    /// Whether the server has committed a change of this kind.
    fn is_like(&self, change: &Change) -> bool {
        match (self, change) {
            (Proposed::Say { text, action, .. }, Change::Say { text: said, action: acted, .. }) => {
                text == said && action == acted
            }
            (Proposed::Join { name, room, follow, .. }, Change::Join(join)) => {
                let follows = join.follow.iter().map(place_name);
                *name == *join.name.shown && *room == place_name(&join.place) && follows.eq(follow.iter().cloned())
            }
            (Proposed::Topic { text, .. }, Change::Topic { text: set, .. }) => text.as_deref() == set.as_deref(),
            (Proposed::Away { text, .. }, Change::Away { text: set, .. }) => text.as_deref() == set.as_deref(),
            (Proposed::Rename { name, .. }, Change::Rename { to, .. }) => *name == *to.name.shown,
            (Proposed::Leave { cause, .. }, Change::Leave { cause: given, .. }) => cause == given,
            (Proposed::Move { .. }, Change::Move { .. })
            | (Proposed::Follow { .. }, Change::Follow { .. })
            | (Proposed::Unfollow { .. }, Change::Unfollow { .. })
            | (Proposed::Kick { .. }, Change::Kick { .. })
            | (Proposed::Ban { .. }, Change::Ban { .. })
            | (Proposed::Unban { .. }, Change::Unban { .. })
            | (Proposed::Mute { .. }, Change::Mute { .. })
            | (Proposed::Unmute { .. }, Change::Unmute { .. }) => true,
            _ => false,
        }
    }
}

fn place_name(place: &Place) -> String {
    match place {
        Place::Lobby => "lobby".into(),
        Place::Named(name) => name.shown.to_string(),
    }
}

impl Oracle {
    /// A public change is proposed.
    pub(super) fn propose(&mut self, proposed: Proposed) {
        if let Some(who) = proposed.waits() {
            match proposed.is_message() {
                true => self.readers[who].uncommitted_messages += 1,
                false => self.readers[who].has_uncommitted_change = true,
            }
        }
        self.proposed.push_back(proposed);
    }

    /// The server has committed a change: it must be the one that was proposed first.
    ///
    /// `time` is the time of the change, `now` that at which it is applied.
    pub(super) fn commit(&mut self, change: &Change, is_applied: bool, time: Now, now: Now) {
        let proposed = self.proposed.pop_front().unwrap_or_else(|| panic!("no session has proposed {change:?}"));
        assert!(proposed.is_like(change), "{proposed:?} should be committed, and not {change:?}");
        if let Some(who) = proposed.waits() {
            match proposed.is_message() {
                true => self.readers[who].uncommitted_messages -= 1,
                false => {
                    self.readers[who].has_uncommitted_change = false;
                    self.readers[who].committed_at = now.at;
                }
            }
        }
        match self.refusal(&proposed) {
            Some(refusal) => {
                assert!(!is_applied, "{proposed:?} is carried out although it is not allowed: {refusal}");
                self.counts.refused += 1;
                match proposed.waits() {
                    Some(who) if self.readers[who].stage != ReaderStage::Gone => self.send_line(who, &refusal),
                    None if matches!(proposed, Proposed::Kick { .. } | Proposed::Mute { .. }) => {
                        self.send_to_console(&refusal);
                    }
                    _ => {}
                }
            }
            None => {
                assert!(is_applied, "{proposed:?} is refused although it is allowed");
                let newcomer = if let Proposed::Join { who, .. } = proposed { Some(who) } else { None };
                self.carry_out(proposed, time);
                newcomer.into_iter().for_each(|who| self.readers[who].active = now.at);
            }
        }
    }

    /// The reason why a change cannot be carried out now.
    fn refusal(&self, proposed: &Proposed) -> Option<String> {
        let gone =
            |who: usize, name: &str| (!self.readers[who].is_member).then(|| format!("! Nobody here is called {name}."));
        match proposed {
            Proposed::Join { name, .. } => {
                let is_taken = self.names.contains_key(&key(name));
                is_taken.then(|| format!("! The nickname {name} is taken. Try another:"))
            }
            Proposed::Move { who, room } => gone(*who, "").or_else(|| self.refuse_room(*who, room)),
            Proposed::Follow { who, room } => gone(*who, "").or_else(|| self.refuse_following(*who, room)),
            Proposed::Unfollow { who, .. }
            | Proposed::Topic { who, .. }
            | Proposed::Away { who, .. }
            | Proposed::Leave { who, .. } => gone(*who, ""),
            Proposed::Say { author: OPERATOR, .. } => None,
            Proposed::Say { author, .. } => gone(*author, ""),
            Proposed::Rename { who, name } => {
                gone(*who, "").or_else(|| self.refuse_name(*who, &self.readers[*who].name, name))
            }
            Proposed::Kick { who, name, .. } | Proposed::Mute { who, name, .. } => gone(*who, name),
            Proposed::Ban { .. } | Proposed::Unban { .. } | Proposed::Unmute { .. } => None,
        }
    }

    fn carry_out(&mut self, proposed: Proposed, now: Now) {
        match proposed {
            Proposed::Join { who, name, room, follow } => {
                self.log_in(who, name, &room, &follow, now);
                if self.readers[who].stage == ReaderStage::Gone {
                    // Its session has ended in the meantime.
                    self.propose(Proposed::Leave { who, cause: Cause::ConnectionLost });
                }
            }
            Proposed::Move { who, room } => {
                let room = self.open(&room).expect("a room that can be opened");
                self.go(who, room, now);
            }
            Proposed::Follow { who, room } => {
                let room = self.open(&room).expect("a room that can be opened");
                self.commit_follow(who, room, Replay::ALL, now);
            }
            Proposed::Unfollow { who, room } => self.commit_unfollow(who, room, now),
            Proposed::Topic { who, room, text } => self.commit_topic(who, room, text, now),
            Proposed::Away { who, text } => self.commit_away(who, text),
            Proposed::Leave { who, cause } => self.remove(who, &cause, now),
            Proposed::Say { author, room, action, text } => self.say(author, room, action, &text, now),
            Proposed::Rename { who, name } => self.set_name(who, &name, now),
            Proposed::Kick { who, why, .. } => self.commit_kick(who, why.as_deref(), now),
            Proposed::Ban { ip, minutes } => self.commit_ban(ip, minutes, now),
            Proposed::Unban { ip } => self.commit_unban(ip, now),
            Proposed::Mute { who, minutes, .. } => self.commit_mute(who, minutes, now),
            Proposed::Unmute { key } => self.commit_unmute(&key, now),
        }
    }
}
