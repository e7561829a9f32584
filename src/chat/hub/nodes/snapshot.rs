//! What follows from the committed changes alone, as plain data: a node that has missed changes takes it from another node.

mod check;

use serde::{Deserialize, Serialize};

use super::joins::NodeJoins;
use super::settings::SharedSettings;
use crate::chat::account::table::AccountTable;
use crate::chat::hub::journal::Journal;
use crate::chat::hub::rooms::shared::SharedRooms;
use crate::chat::hub::store_queue::conversations::Conversations;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::Now;
use crate::chat::member::past::PastMembers;
use crate::chat::member::table::MemberTableState;
use crate::chat::policy::bans::Bans;
use crate::chat::policy::mutes::Mutes;

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
    settings: SharedSettings,
}

impl Snapshot {
    /// Reads a snapshot.
    ///
    /// # Errors
    /// If it cannot be read; if that may be since the Unicode tables of this program are others, the text says what to do.
    pub fn read(json: &str) -> Result<Snapshot, String> {
        #[derive(Deserialize)]
        struct Settings {
            settings: SharedSettings,
        }
        serde_json::from_str(json).or_else(|error| {
            // A name and its key do not belong together by other tables.
            let tables = serde_json::from_str(json).map_or(Ok(()), |Settings { settings }| settings.check_tables());
            tables.and(Err(error.to_string()))
        })
    }

    /// The run of the cluster: see [`InitialState`](crate::chat::record::InitialState).
    pub fn run(&self) -> u64 {
        self.run
    }
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
            settings: SharedSettings::of(&self.config),
        }
    }

    /// Begins the shared state anew, with what outlives a restart of a single server: accounts with their mutes, bans, rooms with
    /// their rules, and the messages that are kept in memory. `time` is that of the begin in the order of the changes.
    pub fn found(&mut self, time: &Now) {
        let mut snapshot = self.snapshot();
        let Snapshot { accounts, members, rooms, mutes, node_joins, settings, .. } = &mut snapshot;
        accounts.forget_members();
        *members = self.shared.members.emptied();
        rooms.forget_members(accounts, time);
        (*mutes, *node_joins) = (accounts.mutes(time), NodeJoins::default());
        *settings = SharedSettings::of(&self.config);
        self.take_snapshot(snapshot, time);
        self.adopt_founding(time);
    }

    /// Takes the shared state of another hub, in place of its own; the next change is the one after it. Sessions that are members
    /// wait for [`Hub::rejoin`].
    ///
    /// # Errors
    /// If it is damaged, or if the settings or the Unicode tables of the other nodes are not those of this one: the text says what
    /// to do.
    pub fn restore_snapshot(&mut self, snapshot: Snapshot, now: &Now) -> Result<(), String> {
        snapshot.check()?;
        snapshot.settings.check_tables()?;
        let differences = snapshot.settings.differences(&SharedSettings::of(&self.config));
        if !differences.is_empty() {
            return Err(format!(
                "the nodes of a cluster must have the same settings: {differences}. Give this node the values of the \
                 others; or, to change them, stop all nodes and start them with the new values"
            ));
        }
        self.take_snapshot(snapshot, now);
        self.adopt_early();
        self.bind_private();
        Ok(())
    }

    /// Takes the shared state of a cluster whose nodes have all ended, whatever their settings were. Then it may only be begun anew
    /// ([`Hub::found`]), or be replaced by that of another node ([`Hub::restore_snapshot`]).
    pub fn restore_ended(&mut self, snapshot: Snapshot, now: &Now) {
        self.take_snapshot(snapshot, now);
    }

    fn take_snapshot(&mut self, snapshot: Snapshot, now: &Now) {
        let recorded = self.recorded(now);
        self.detach_sessions();
        let before = self.shared.accounts.clone();
        let Snapshot {
            accounts, members, rooms, bans, mutes, node_joins, journal, past_members, run, cloak_key, ..
        } = snapshot;
        self.shared.accounts.restore_shared(accounts);
        self.renumber_accounts(&before);
        self.shared.members.restore(members);
        self.shared.rooms.restore_shared(rooms, now.local.offset());
        (self.shared.bans, self.shared.mutes, self.shared.node_joins) = (bans, mutes, node_joins);
        self.journal.restore(&journal);
        self.past_members = past_members;
        // They are of members that another one may be taken for.
        self.conversations = Conversations::default();
        self.change_run(run);
        self.cloak_key = cloak_key;
        self.counts = self.recount();
        self.note_most_members();
        self.adopt_config();
        if let Some(before) = recorded {
            self.record_replaced(before, now);
        }
    }
}
