//! The store of a node, when another shared state takes the place of the one that it has recorded.

use std::collections::BTreeSet;

use crate::chat::hub::{Hub, Shared};
use crate::chat::id::Now;
use crate::chat::policy::bans::Ban;
use crate::chat::policy::cidr::Network;
use crate::chat::record::{BanRecord, Record, RoomRecord};

/// What the store has of a shared state besides messages, by name.
pub struct Recorded {
    accounts: BTreeSet<Box<str>>,
    bans: BTreeSet<Network>,
    /// The folded names of the rooms that it has, and the names of those with rules or a topic.
    rooms: BTreeSet<Box<str>>,
    lasting: Vec<(Box<str>, Box<str>)>,
}

impl Hub {
    /// What the store has of the present shared state; `None` if there is no store, or no cluster.
    pub(super) fn recorded(&self, now: &Now) -> Option<Recorded> {
        if self.store.is_none() || !self.is_node() {
            return None;
        }
        let Shared { accounts, rooms, bans, .. } = &self.shared;
        let all = || rooms.numbers().into_iter().map(|id| (id, &rooms[id]));
        let lasting = all().filter(|&(id, _)| rooms.is_lasting(id));
        Some(Recorded {
            accounts: accounts.iter().map(|(_, account)| account.name.key.clone()).collect(),
            bans: bans.list(now.at).map(|(network, _)| network).collect(),
            rooms: all().filter(|(_, room)| room.is_stored).map(|(_, room)| room.key.clone()).collect(),
            lasting: lasting.map(|(_, room)| (room.key.clone(), room.name.clone())).collect(),
        })
    }

    /// Another shared state has taken the place of one: records what the store keeps of it, and that the rest of `before` is gone.
    pub(super) fn record_replaced(&mut self, before: Recorded, now: &Now) {
        let Recorded { accounts, bans, rooms, lasting } = before;
        for name in accounts.into_iter().filter(|key| self.shared.accounts.find_key(key).is_none()).collect::<Vec<_>>()
        {
            self.record(|| Record::AccountGone { name: name.into() });
        }
        let ids: Vec<_> = self.shared.accounts.iter().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.record_account(id));
        for network in bans.into_iter().filter(|&network| !self.shared.bans.has(network, now.at)).collect::<Vec<_>>() {
            self.record(|| Record::Unban { network: network.into() });
        }
        let present: Vec<BanRecord> =
            self.shared.bans.list(now.at).map(|(network, ban)| ban_record(network, ban, now)).collect();
        present.into_iter().for_each(|ban| self.record(|| Record::Ban(ban)));
        for id in self.shared.rooms.numbers() {
            let was_lasting = lasting.iter().any(|(key, _)| *key == self.shared.rooms[id].key);
            let is_lasting = self.shared.rooms.is_lasting(id);
            let room = &mut self.shared.rooms[id];
            room.is_stored |= rooms.contains(&room.key);
            if was_lasting || is_lasting {
                self.record_room(id, now);
            }
        }
        for (_, room) in
            lasting.into_iter().filter(|(key, _)| self.shared.rooms.find(key).is_none()).collect::<Vec<_>>()
        {
            let record = RoomRecord { changed: Some(now.local.unix_timestamp()), ..RoomRecord::default() };
            self.record(|| Record::Settings { room: room.into(), record: Box::new(record) });
        }
    }
}

/// A ban as it is stored, of this network.
fn ban_record(network: Network, ban: &Ban, now: &Now) -> BanRecord {
    let left = ban.until.map(|until| until.saturating_sub(now.at).as_secs());
    let until = left.map(|left| now.local.unix_timestamp().saturating_add_unsigned(left));
    BanRecord { network: network.into(), name: ban.name.as_deref().map(str::to_owned), until }
}
