//! What somebody is shown of what was said before, and coming back to where one was.

use crate::chat::input::ResumeRequest;
use time::Date;

use crate::chat::config::Mode;
use crate::chat::event::Refusal;
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::RoomId;
use crate::chat::policy::nick::Name;
use crate::chat::room::segment_log::{Cursor, Entry, Kind};

/// What somebody is shown of what was said before.
pub(in crate::chat::hub) struct HistoryView {
    pub begin: Cursor,
    /// How many messages it is for them.
    pub messages: usize,
    /// The day of the first one.
    pub day: Option<Date>,
    /// Others came before it that are no longer kept, and that they lack.
    pub gap: bool,
}

impl Hub {
    /// The room that somebody wants to enter, and the last message that they have read there.
    pub(in crate::chat::hub) fn take_resume_request(&mut self, id: ClientId) -> (RoomId, Option<u64>) {
        // Looked at first, since most have no wish and a look costs a hash.
        let wish = if self.resume_requests.is_empty() { None } else { self.resume_requests.remove(&id) };
        let Some(ResumeRequest { room, read }) = wish else { return (RoomId::LOBBY, None) };
        // Nobody has read what was not said, or was said and did not get to the file in time.
        let is_known = |message| self.store.is_none() || message <= self.messages;
        let read = read.filter(|&(run, message)| run == self.run && is_known(message)).map(|(_, message)| message);
        // In p2p there is one room.
        let Some(room) = room.filter(|_| self.config.mode == Mode::Hub) else { return (RoomId::LOBBY, read) };
        let found = match self.rooms.find_typed(&room) {
            Some(room) => Ok(room),
            None => Name::room(&room)
                .map_err(|_| Refusal::BadRoomName)
                // One that is only in the file has come back by now, or could not.
                .and_then(|name| match self.stored_room(&name.key) {
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

    /// The last `n` messages of a room, as `id` is to be shown them; only those younger than message `after`.
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
                let shown = |entry: &&Entry| entry.kind == Kind::Message && !client.skips_message(entry);
                log.entries_from(begin).filter(shown).count()
            }
        };
        // Else the dates between ignored messages would be shown.
        let begin = if messages == 0 { log.end() } else { begin };
        HistoryView { begin, messages, day, gap }
    }
}
