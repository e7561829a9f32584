//! The history that a client is shown, and resuming a room after a reconnect.

use crate::chat::input::ResumeRequest;
use time::Date;

use crate::chat::config::Mode;
use crate::chat::event::Refusal;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::RoomId;
use crate::chat::policy::nick::Name;
use crate::chat::room::segment_log::{Cursor, Entry, EntryKind};

/// The part of the history that a client is shown.
pub(in crate::chat::hub) struct HistoryView {
    pub begin: Cursor,
    /// The number of messages, without those that the client ignores.
    pub messages: usize,
    /// The date of the first message.
    pub day: Option<Date>,
    /// Older messages that the client has not read are no longer in memory.
    pub gap: bool,
}

impl Hub {
    /// Takes the resume request of a client: the room to enter, and the last message that it has read there.
    pub(in crate::chat::hub) fn take_resume_request(&mut self, id: ClientId) -> (RoomId, Option<u64>) {
        // Checked first: most clients have no request, and a lookup costs a hash.
        let request = if self.resume_requests.is_empty() { None } else { self.resume_requests.remove(&id) };
        let Some(ResumeRequest { room, read }) = request else { return (RoomId::LOBBY, None) };
        // An id above the last one was never given, or was lost before it was stored.
        let is_known = |message| self.store.is_none() || message <= self.last_message_id;
        let read = read.filter(|&(run, message)| run == self.run && is_known(message)).map(|(_, message)| message);
        // In p2p mode there is one room.
        let Some(room) = room.filter(|_| self.config.mode == Mode::Hub) else { return (RoomId::LOBBY, read) };
        let found = match self.rooms.find_typed(&room) {
            Some(room) => Ok(room),
            None => Name::room(&room)
                .map_err(|_| Refusal::BadRoomName)
                // A stored room is in memory by now, unless the query failed.
                .and_then(|name| match self.find_stored(&name.key) {
                    Some(_) => Err(Refusal::LookupFails),
                    None => self.make_room(&name, id),
                }),
        };
        match found {
            Ok(room) => (room, read),
            Err(refusal) => {
                self.refuse(id, refusal);
                (RoomId::LOBBY, None)
            }
        }
    }

    /// Finds the last `n` messages of a room as `id` is shown them; with `after`, only those newer than that message.
    pub(in crate::chat::hub) fn history_for(
        &self,
        id: ClientId,
        room: RoomId,
        n: usize,
        after: Option<u64>,
    ) -> HistoryView {
        let (client, room) = (&self.clients[id], &self.rooms[room]);
        let log = room.log(client.encoding);
        let (missed, mut gap) = after.and_then(|id| room.said_since(id)).unwrap_or((n, false));
        if after.is_some() {
            gap |= missed > log.history_len().min(n);
        }
        let n = n.min(missed);
        let (begin, day) = log.history(n);
        let messages = match client.ignored {
            None => log.history_len().min(n),
            Some(_) => {
                let shown = |entry: &&Entry| entry.kind == EntryKind::Message && !client.skips_message(entry);
                log.entries_from(begin).filter(shown).count()
            }
        };
        // Otherwise the dates between ignored messages would be shown.
        let begin = if messages == 0 { log.end() } else { begin };
        HistoryView { begin, messages, day, gap }
    }
}
