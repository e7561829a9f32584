//! What a hub offers to a cluster: snapshots of the shared state, the end of a node, and proposals that come back.

pub mod joins;
pub mod kept;
pub mod log_clock;
pub mod messages;
mod notices;
mod recording;
pub mod rejoining;
mod renumbering;
pub mod settings;
pub mod snapshot;
pub mod view;
mod whispers;

use super::Hub;
use super::posts::PostRefusal;
use crate::chat::cause::Cause;
use crate::chat::change::{Change, Origin, Proposal, TextLine};
use crate::chat::event::Refusal;
use crate::chat::id::{ClientId, Incarnation, Now};
use crate::chat::room::Room;

/// What is known of a proposal whose change is not applied before the eyes of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// It was applied, or refused when it was to be: the log has it.
    Applied,
    /// It was not applied and never will be.
    NotApplied,
    /// It is not known whether it was applied.
    Unknown,
    /// It does not fit in the log, which takes lines of so many bytes, whatever is in them.
    TooLong { most: usize },
}

impl Hub {
    /// This hub is a node from now on, or a node whose store was just read.
    pub(super) fn adopt_cluster(&mut self) {
        self.shared.rooms.use_cluster(self.journal.last_message_id());
    }

    /// The number of the change that is committed next.
    pub fn next_change(&self) -> u64 {
        self.journal.seq() + 1
    }

    /// A run of a node has ended, by this cause: its sessions are members no longer. `time` is that of the end in the order of the changes. If it
    /// is that of this node, the sessions stay and wait for [`Hub::rejoin`].
    pub fn bury(&mut self, node: Incarnation, cause: &Cause, time: Now) {
        if self.rejoining.node() == Some(node) {
            self.detach_sessions();
        }
        for (slot, joins) in self.shared.node_joins.take(node) {
            let member = self.shared.members.id(slot);
            let is_last = (0..joins).any(|_| self.shared.members[slot].count_leave());
            match is_last {
                true => self.remove_member(member, cause, time),
                false => self.update_away(member, None, &time),
            }
        }
    }

    /// Withdraws the login of a session that ends before it is a member.
    pub(super) fn withdraw_login(&mut self, id: ClientId) {
        if self.is_node() && self.sessions[id].uncommitted.has_change() {
            self.journal.withdraw_join(self.sessions.origin(id));
        }
    }

    /// Takes the sessions that have ended since the last call while they logged in: what they have proposed is not to be sent, unless it
    /// was. A login that is committed all the same is followed by a leave.
    pub fn take_withdrawn(&mut self) -> Vec<Origin> {
        self.journal.take_withdrawn()
    }

    /// A proposal comes back, since its change will not be committed here. A login is proposed again by [`Hub::rejoin`]. The session
    /// is told of any other change, unless it was applied; a message may have been refused then. A leave needs no answer.
    pub fn return_proposal(&mut self, proposal: Proposal, returned: Returned, now: &Now) {
        let Proposal { origin: Some(origin), change } = proposal else { return };
        if let Change::Post(post) = &change {
            match returned {
                Returned::NotApplied => self.posts.note_refused(origin, post.lines.len(), PostRefusal::CutOff),
                Returned::TooLong { .. } => self.posts.note_refused(origin, post.lines.len(), PostRefusal::TooLong),
                // It is told in time that it may be shown.
                Returned::Applied | Returned::Unknown => {}
            }
        }
        self.end_waiting(origin, &change);
        if self.sessions.find(origin).is_none() {
            return;
        }
        let id = origin.client;
        match change {
            Change::Join(join) => self.claim_again(id, join.name, join.account),
            Change::Leave { .. } => {}
            _ => match returned {
                Returned::Applied if self.is_in_memory(id, &change) => {}
                Returned::Applied | Returned::Unknown => self.fanout().refuse(id, Refusal::PerhapsNotSaid),
                Returned::NotApplied => self.fanout().refuse(id, Refusal::CutOff),
                Returned::TooLong { most } => self.fanout().refuse(id, Refusal::TooLong { most }),
            },
        }
        self.end_committed(id, now);
    }

    /// Whether its room has a message of this session in memory, in all its lines, after what the session has read. Any other change
    /// need not be there.
    fn is_in_memory(&self, id: ClientId, change: &Change) -> bool {
        let (member, room, texts) = match change {
            Change::Say { member, room, text, .. } => (*member, *room, vec![text.to_string()]),
            Change::SayLines(say) => (say.member, say.room, TextLine::join(&say.lines)),
            _ => return true,
        };
        let Some(history) = self.shared.rooms.get(room).map(Room::history) else { return false };
        let read = self.resume_requests.get(&id).and_then(|request| request.read);
        let (unread, _) = history.since(read.map_or(0, |(_, read)| read));
        let said = |text: &String| {
            let mut messages = history.last(unread);
            messages.any(|message| message.author().member == Some(member) && message.text() == text)
        };
        texts.iter().all(said)
    }
}
