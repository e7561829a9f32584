//! What people are told of the cluster: members, when the other nodes are out of reach; operators, when more is wrong.

use log::Level;

use crate::chat::event::{Event, NodeTrouble, Notice};
use crate::chat::hub::Hub;
use crate::chat::id::{Author, ClientId, Now, RoomId};
use crate::chat::member::Role;
use crate::chat::room::segment_log::EntryKind;
use crate::chat::session::{Session, SessionStage};

impl Hub {
    /// The other nodes are out of reach: tells the members here, once in each room, and those whose login waits.
    pub fn tell_lost_touch(&mut self, now: Now) {
        if self.nodes.note_lost_touch(true) {
            self.tell_here(Notice::LostTouch, &now);
        }
    }

    /// The other nodes are in reach again, as [`Hub::tell_lost_touch`].
    pub fn tell_connected(&mut self, now: Now) {
        if self.nodes.note_lost_touch(false) {
            self.tell_here(Notice::InTouchAgain, &now);
        }
    }

    /// Tells the operators here, at the console and elsewhere, and the log that something is wrong with the cluster.
    pub fn tell_operators(&mut self, trouble: NodeTrouble) {
        let notice = Notice::NodeTrouble(trouble);
        self.tell_operator(Level::Warn, &notice);
        let event = Event::Notice(notice);
        let members = &self.shared.members;
        let operators = members.iter().filter(|(_, member)| member.role() == Role::Operator);
        let sessions: Vec<ClientId> = operators.flat_map(|(_, member)| member.sessions()).collect();
        sessions.into_iter().for_each(|id| self.fanout().send(id, &event));
    }

    /// Shows the members here a notice: in each room that is read, and else to the session itself.
    fn tell_here(&mut self, notice: Notice, now: &Now) {
        let event = Event::Notice(notice);
        let occupied = self.shared.rooms.occupied().map(|(id, _)| id).filter(|&id| id != RoomId::LOBBY);
        let read = std::iter::once(RoomId::LOBBY).chain(occupied);
        let read: Vec<RoomId> = read.filter(|&id| self.shared.rooms[id].reader_count() > 0).collect();
        let is_outside = |session: &Session| match session.stage {
            SessionStage::LoggingIn => session.uncommitted.has_change(),
            // It may be in no room, and has no current one.
            SessionStage::Present => session.encoding.is_irc(),
            SessionStage::Waiting | SessionStage::Console | SessionStage::Leaving => false,
        };
        let outside = self.sessions.iter().filter(|(_, session)| is_outside(session));
        let outside: Vec<ClientId> = outside.map(|(id, _)| id).collect();
        let mut fanout = self.fanout().without_irc();
        fanout.send_to_console(&event);
        for room in read {
            fanout.append(room, Author::NONE, EntryKind::Server, 0, &event, now);
        }
        outside.into_iter().for_each(|id| fanout.send(id, &event));
    }
}
