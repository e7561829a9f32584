//! What follows from the committed changes alone, as plain data: a node that has missed changes takes it from another node.

use serde::{Deserialize, Serialize};

use super::joins::NodeJoins;
use crate::chat::account::table::AccountTable;
use crate::chat::hub::journal::Journal;
use crate::chat::hub::rooms::{RoomLimits, Rooms, SharedRooms};
use crate::chat::hub::{Hub, Shared};
use crate::chat::member::past::PastMembers;
use crate::chat::member::table::{MemberTable, MemberTableState};
use crate::chat::policy::bans::Bans;
use crate::chat::policy::mutes::Mutes;
use crate::chat::room::segment_log::Retention;

/// The state that is the same on all nodes after the same changes.
#[derive(Serialize, Deserialize)]
pub struct Snapshot {
    accounts: AccountTable,
    members: MemberTableState,
    rooms: SharedRooms,
    bans: Bans,
    mutes: Mutes,
    node_joins: NodeJoins,
    journal: Journal,
    past_members: PastMembers,
    run: u64,
    cloak_key: [u64; 2],
}

impl Hub {
    /// The shared state between two changes.
    pub fn snapshot(&self) -> Snapshot {
        let Shared { accounts, members, rooms, bans, mutes, node_joins, .. } = &self.shared;
        Snapshot {
            accounts: accounts.shared(),
            members: members.shared(),
            rooms: rooms.shared(),
            bans: bans.clone(),
            mutes: mutes.clone(),
            node_joins: node_joins.clone(),
            journal: self.journal.shared(),
            past_members: self.past_members.clone(),
            run: self.run,
            cloak_key: self.cloak_key,
        }
    }

    /// Empties the shared state, except for what outlives a restart: accounts and bans.
    pub fn found(&mut self) {
        let mut snapshot = self.snapshot();
        snapshot.accounts.forget_members();
        snapshot.members = MemberTable::new(self.config.hash_key).shared();
        snapshot.rooms = Rooms::new(Retention::of(&self.config), RoomLimits::of(&self.config)).shared();
        (snapshot.mutes, snapshot.node_joins) = Default::default();
        self.restore_snapshot(snapshot);
    }

    /// Takes the shared state of another hub, in place of its own; the next change is the one after it. Sessions that are members
    /// wait for [`Hub::rejoin`].
    pub fn restore_snapshot(&mut self, snapshot: Snapshot) {
        self.detach_sessions();
        let Snapshot { accounts, members, rooms, bans, mutes, node_joins, journal, past_members, run, cloak_key } =
            snapshot;
        self.shared.accounts = accounts;
        self.shared.members.restore(members);
        self.shared.rooms.restore_shared(rooms);
        (self.shared.bans, self.shared.mutes, self.shared.node_joins) = (bans, mutes, node_joins);
        self.journal.restore(&journal);
        self.past_members = past_members;
        self.run = run;
        self.outbound.set_run(run);
        self.cloak_key = cloak_key;
        self.counts = self.recount();
        self.note_most_members();
        self.adopt_config();
    }
}
