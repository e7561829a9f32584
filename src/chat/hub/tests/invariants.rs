//! Checks of a hub for the simulator: the order of its inputs, and its invariants.

use crate::chat::event::{Cause, Encoding};
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::RoomId;
use crate::chat::policy::nick::fold;
use crate::chat::session::client::SessionStage;

/// One input of the hub, or a step of its tick. The text of a line is not recorded; the client that typed it knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    Connected(ClientId),
    Line(ClientId),
    /// Raw bytes for the client: the answer to a telnet option.
    Raw(ClientId),
    /// A session ended, with the cause. It may be recorded more than once for a client.
    Departed(ClientId, Cause),
    /// In a tick: the timeouts are done; summaries and the renumbering of the admission queue come next.
    Ticked,
    ShutDown,
    Closed(ClientId),
}

/// The number of clients in each state, and the sizes of tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    pub clients: usize,
    pub here: usize,
    pub asked: usize,
    pub waiting: usize,
    pub leaving: usize,
    /// Rooms without members.
    pub empty_rooms: usize,
    pub rooms: usize,
    /// Bytes of the largest log.
    pub log: usize,
    /// Bytes of the largest outbox.
    pub outbox: usize,
    /// Deadlines that are set.
    pub deadlines: usize,
    /// Networks with counted connections.
    pub addresses: usize,
}

impl Hub {
    /// Takes the inputs since the last call.
    pub(crate) fn poll_trace(&mut self) -> Vec<TraceEvent> {
        std::mem::take(&mut self.heard)
    }

    /// Counts the clients, and checks the admission queue and the rooms against them.
    ///
    /// # Errors
    /// Returns the first difference.
    pub(crate) fn census(&self) -> Result<Census, String> {
        let mut census = Census {
            clients: self.clients.len(),
            rooms: self.rooms.len(),
            deadlines: self.deadlines.pending() + self.expired.len(),
            addresses: self.connections_per_ip.len(),
            ..Census::default()
        };
        for (id, client) in self.clients.iter() {
            match client.stage {
                SessionStage::Waiting(_) => census.waiting += 1,
                SessionStage::LoggingIn => census.asked += 1,
                SessionStage::Leaving => census.leaving += 1,
                SessionStage::InRoom => {
                    census.here += 1;
                    let member = self.rooms[client.room].members.get(client.place as usize);
                    if member != Some(&id) {
                        return Err(format!("{id:?} is not where it should be in its room, but {member:?} is"));
                    }
                }
            }
            let private = client.private_bytes();
            census.outbox = census.outbox.max(private);
            let will_be_dropped = client.pending_disconnect.is_some() || self.slow_consumers.contains(&id);
            if client.blocked && private > self.config.backlog_bytes && !will_be_dropped {
                return Err(format!("{id:?} is blocked with {private} unsent bytes, and will not be dropped"));
            }
        }
        let mut members = 0;
        for (id, room) in self.rooms.iter() {
            members += room.members.len();
            census.empty_rooms += usize::from(room.members.is_empty());
            census.log = census.log.max(room.held());
            if !self.ending
                && room.summary.is_none()
                && id != RoomId::LOBBY
                && room.members.is_empty()
                && !room.has_history()
            {
                return Err(format!("the room {} has neither members nor history", room.name));
            }
        }
        let admission = (census.here + census.asked, census.waiting);
        if self.admission.counts() != admission {
            return Err(format!(
                "the admission queue counts {:?} admitted and waiting clients, there are {admission:?}",
                self.admission.counts()
            ));
        }
        if members != census.here || self.nicknames.len() != census.here {
            let named = self.nicknames.len();
            return Err(format!("{} are here, {members} in rooms, {named} have a name", census.here));
        }
        Ok(census)
    }

    /// The bytes of the tables that grow with the number of connections.
    pub(crate) fn spare_bytes(&self) -> usize {
        let members: usize = self.rooms.iter().map(|(_, room)| room.members.capacity()).sum();
        let ids =
            members + self.nicknames.capacity() + self.slow_consumers.capacity() + self.pending_disconnects.capacity();
        self.clients.bytes()
            + ids * size_of::<ClientId>()
            + self.flush_queue.capacity() * size_of::<ClientId>()
            + (self.closing.capacity() + self.expired.capacity() + self.connections_per_ip.capacity()) * 32
    }

    /// Checks every name, address, cursor and log.
    ///
    /// # Errors
    /// Returns the first difference.
    pub(crate) fn audit(&self) -> Result<(), String> {
        for (id, client) in self.clients.iter().filter(|(_, client)| client.stage == SessionStage::InRoom) {
            let owner = self.find_by_key(&fold(&client.name));
            if owner != Some(id) {
                return Err(format!("the name {} of {id:?} is that of {owner:?}", client.name));
            }
            if client.cursor > self.rooms[client.room].log(client.encoding).end() {
                return Err(format!("{id:?} has read past the end of its room"));
            }
        }
        self.rooms.audit()?;
        for (_, room) in self.rooms.iter() {
            for encoding in Encoding::ALL {
                let readers =
                    room.members.iter().map(|&id| &self.clients[id]).filter(|client| client.encoding == encoding);
                let cursors: Vec<_> = readers.map(|client| client.cursor).collect();
                room.audit(encoding, &cursors).map_err(|what| format!("room {}: {what}", room.name))?;
            }
        }
        let counted = self.clients.iter().filter(|(_, client)| client.counted).count();
        let connections_per_ip: usize = self.connections_per_ip.values().sum();
        if self.config.max_per_ip > 0 && counted != connections_per_ip {
            return Err(format!("{counted} connections are counted by address, {connections_per_ip} in the index"));
        }
        Ok(())
    }
}
