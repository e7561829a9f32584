//! What the simulator asks of a hub: in which order it took things in, and whether it is sound.

use crate::chat::event::{Cause, Encoding};
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::RoomId;
use crate::chat::policy::nick::fold;
use crate::chat::session::client::Stage;

/// What has come to the hub. What a line held is not told: that is known by who typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Connected(ClientId),
    Line(ClientId),
    /// Bytes that go to the client as they are: the answer to a telnet option.
    Raw(ClientId),
    /// Leave is taken of a client, for that reason; perhaps not for the first time.
    Departed(ClientId, Cause),
    /// In a tick: whose time has run out is gone; sums and the numbers of the line come next.
    Ticked,
    ShutDown,
    Closed(ClientId),
}

/// How many are in which state, and what is kept for them.
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
    /// Bytes held by the fullest log.
    pub log: usize,
    /// Bytes held by the fullest outbox.
    pub outbox: usize,
    /// Deadlines set.
    pub deadlines: usize,
    /// Addresses of which connections are counted.
    pub addresses: usize,
}

impl Hub {
    /// Takes what has come since the last call.
    pub(crate) fn take_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// Counts people, and sees whether seats and rooms agree.
    ///
    /// # Errors
    /// What is wrong.
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
                Stage::Waiting(_) => census.waiting += 1,
                Stage::Asked => census.asked += 1,
                Stage::Leaving => census.leaving += 1,
                Stage::Here => {
                    census.here += 1;
                    let member = self.rooms[client.room].members.get(client.place as usize);
                    if member != Some(&id) {
                        return Err(format!("{id:?} is not where it should be in its room, but {member:?} is"));
                    }
                }
            }
            let private = client.private_bytes();
            census.outbox = census.outbox.max(private);
            let is_doomed = client.pending_disconnect.is_some() || self.slow_consumers.contains(&id);
            if client.blocked && private > self.config.backlog_bytes && !is_doomed {
                return Err(format!("{id:?} does not read, is owed {private} bytes, and will not be dropped"));
            }
        }
        let mut members = 0;
        for (id, room) in self.rooms.iter() {
            members += room.members.len();
            census.empty_rooms += usize::from(room.members.is_empty());
            census.log = census.log.max(room.held());
            if !self.ending
                && room.sum.is_none()
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
                "{:?} seats and places in line are counted, {admission:?} taken",
                self.admission.counts()
            ));
        }
        if members != census.here || self.names.len() != census.here {
            let named = self.names.len();
            return Err(format!("{} are here, {members} in rooms, {named} have a name", census.here));
        }
        Ok(census)
    }

    /// Bytes of the tables that grow with the number of connections.
    pub(crate) fn spare_bytes(&self) -> usize {
        let members: usize = self.rooms.iter().map(|(_, room)| room.members.capacity()).sum();
        let ids =
            members + self.names.capacity() + self.slow_consumers.capacity() + self.pending_disconnects.capacity();
        self.clients.bytes()
            + ids * size_of::<ClientId>()
            + self.queue.capacity() * size_of::<ClientId>()
            + (self.closing.capacity() + self.expired.capacity() + self.connections_per_ip.capacity()) * 32
    }

    /// Looks at every name, address, cursor and log.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn audit(&self) -> Result<(), String> {
        for (id, client) in self.clients.iter().filter(|(_, client)| client.stage == Stage::Here) {
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
