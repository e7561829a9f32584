//! The shutdown of the server.

use super::Hub;
#[cfg(test)]
use super::tests::invariants::TraceEvent;
use crate::chat::event::{Cause, Event, Notice};
use crate::chat::id::{Author, ClientId, Now, RoomId};
use crate::chat::input::Close;
use crate::chat::room::segment_log::EntryKind;
use crate::chat::session::client::SessionStage;

impl Hub {
    /// Whether the server is shutting down: the operator asked for it, or the peer in p2p mode has left.
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// Starts the shutdown: sends the shutdown notice to all clients and the operator. No more lines may be given to
    /// the hub.
    pub fn handle_shutdown(&mut self, now: Now) {
        #[cfg(test)]
        self.heard.push(TraceEvent::ShutDown);
        self.ending = true;
        let notice = Event::Notice(Notice::ShuttingDown);
        self.send_to_operator(&notice);
        let occupied = self.rooms.occupied().map(|(id, _)| id).filter(|&id| id != RoomId::LOBBY);
        let rooms: Vec<RoomId> = std::iter::once(RoomId::LOBBY).chain(occupied).collect();
        for room in rooms {
            self.broadcast(room, Author::NONE, EntryKind::Notice, 0, &notice, now);
        }
        let others: Vec<ClientId> = self
            .clients
            .iter()
            .filter(|(_, client)| matches!(client.stage, SessionStage::Waiting(_) | SessionStage::LoggingIn))
            .map(|(id, _)| id)
            .collect();
        for id in others {
            self.send_event(id, &notice);
        }
    }

    /// Ends the session of a client during shutdown, after the shutdown notice. Its later input is ignored.
    pub fn disconnect_for_shutdown(&mut self, id: ClientId, now: Now) {
        self.end_session(id, Cause::ShutDown, Close::WhenRead, now);
    }
}
