//! Accounts, bans and rooms in the bucket: they follow from the log, so the same change gives the same bytes at each node.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use compact_str::CompactString;
use log::info;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::key::{Key, is_name_of};
use super::{SWEPT_PER_STEP, is_clean};
use crate::chat::account::Account;
use crate::chat::account::table::AccountTable;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{AccountId, Now, RoomId};
use crate::chat::member::markers::Markers;
use crate::chat::policy::bans::{Ban, Bans};
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::Name;
use crate::chat::record::{AccountData, AccountRecord, BanRecord, RoomRecord};
use crate::chat::room::{Room, record_of};

/// The longest text in a value, in bytes: `--max-line` is at most 32 KiB in a cluster.
const MAX_TEXT: usize = 32 * 1024;

/// What the bucket keeps of a room.
#[derive(Serialize, Deserialize)]
struct KeptRoom {
    name: CompactString,
    /// When it was made, in Unix seconds.
    #[serde(default)]
    created: i64,
    record: RoomRecord,
}

/// How far the oldest node has compared its state with the bucket: the last one that was compared, or what is left.
#[derive(Debug)]
pub enum Sweep {
    Accounts(Option<AccountId>),
    Bans(Option<Network>),
    Rooms(Vec<RoomId>),
    Whispers(Option<Box<str>>),
}

impl Default for Sweep {
    fn default() -> Self {
        Sweep::Accounts(None)
    }
}

/// The moment from which a time in the shared state counts: the clocks of a cluster began in 1970.
const EPOCH: Now = Now { at: Duration::ZERO, local: OffsetDateTime::UNIX_EPOCH };

/// The part of an account that is in the log.
fn shared_record(account: &Account) -> AccountRecord {
    let AccountRecord { name, verifier, scram, data } = account.record();
    let data = AccountData { ignored: Vec::new(), read: Vec::new(), markers: Markers::default(), ..data };
    AccountRecord { name, verifier, scram, data }
}

/// What is kept of a room; `None` if there is nothing.
fn room_record(room: &Room, accounts: &AccountTable) -> Option<KeptRoom> {
    let record = record_of(room.topic.as_deref(), &room.rules, accounts, &EPOCH);
    let RoomRecord { bans, roles, masks, .. } = &record;
    let is_kept = record.keeps_room() || !bans.is_empty() || !roles.is_empty() || !masks.is_empty();
    let record = RoomRecord { changed: None, ..record };
    is_kept.then(|| KeptRoom { name: (&*room.name).into(), created: room.created, record })
}

/// A ban; its end is in Unix seconds.
fn ban_record(network: Network, ban: &Ban) -> BanRecord {
    let until = ban.until.map(|until| i64::try_from(until.as_secs()).unwrap_or(i64::MAX));
    BanRecord { network: network.into(), name: ban.name.as_ref().map(ToString::to_string), until }
}

/// Whether the texts of a room can be shown.
fn is_clean_room(KeptRoom { record, .. }: &KeptRoom) -> bool {
    let RoomRecord { settings, topic, bans, masks, .. } = record;
    let key = settings.key.iter().map(|key| &**key);
    let topic = topic.iter().flat_map(|topic| [&*topic.name, &*topic.text]);
    let bans = bans.iter().map(|ban| &*ban.name);
    let masks = masks.iter().flat_map(|entry| [entry.mask.text(), &*entry.by]);
    key.chain(topic).chain(bans).chain(masks).all(|text| is_clean(text, MAX_TEXT))
}

impl Hub {
    /// The value of a key that follows from the log; `None` if there should be none.
    pub(super) fn shared_value(&self, key: &Key) -> Option<String> {
        let Shared { accounts, rooms, bans, .. } = &self.shared;
        let text = match key {
            Key::Account(name) => serde_json::to_string(&shared_record(accounts.get(accounts.find_key(name)?)?)),
            Key::Ban(network) => serde_json::to_string(&ban_record(*network, bans.get(*network)?)),
            Key::Room(name) => serde_json::to_string(&room_record(&rooms[rooms.find(name)?], accounts)?),
            Key::Private(_) | Key::Whispers(_) => return None,
        };
        Some(text.expect("names, texts and numbers"))
    }

    /// Adds some keys of the state to those that are compared with the bucket.
    pub(super) fn step_sweep(&mut self) {
        let Some(kept) = &mut self.kept else { return };
        if kept.changed.len() >= SWEPT_PER_STEP {
            return;
        }
        let Some(sweep) = kept.sweep.take() else { return };
        let Shared { accounts, rooms, bans, .. } = &self.shared;
        let mut keys = Vec::new();
        kept.sweep = match sweep {
            Sweep::Accounts(after) => {
                let mut last = None;
                for (id, account) in accounts.after(after).take(SWEPT_PER_STEP) {
                    keys.extend([Key::Account(account.name.key.clone()), Key::Private(account.name.key.clone())]);
                    last = Some(id);
                }
                Some(last.map_or(Sweep::Bans(None), |last| Sweep::Accounts(Some(last))))
            }
            Sweep::Bans(after) => {
                keys.extend(bans.after(after).take(SWEPT_PER_STEP).map(Key::Ban));
                match keys.last() {
                    Some(Key::Ban(last)) => Some(Sweep::Bans(Some(*last))),
                    _ => Some(Sweep::Rooms(rooms.numbers())),
                }
            }
            Sweep::Rooms(mut left) => {
                let some = left.split_off(left.len().saturating_sub(SWEPT_PER_STEP));
                keys.extend(some.into_iter().filter_map(|id| Some(Key::Room(rooms.get(id)?.key.clone()))));
                Some(if left.is_empty() { Sweep::Whispers(None) } else { Sweep::Rooms(left) })
            }
            Sweep::Whispers(after) => {
                let after = after.map_or(Bound::Unbounded, Bound::Excluded);
                let names =
                    kept.mailboxes.range::<Box<str>, _>((after, Bound::Unbounded)).map(|(name, _)| name.clone());
                let names: Vec<Box<str>> = names.take(SWEPT_PER_STEP).collect();
                let last = names.last().cloned();
                keys.extend(names.into_iter().map(Key::Whispers));
                last.map(|last| Sweep::Whispers(Some(last)))
            }
        };
        keys.into_iter().for_each(|key| kept.note(key, Default::default()));
    }

    /// Begins the shared state with what the bucket has, unless this node has the newest state, or the bucket has none of it:
    /// then what its own store has stays. `time` is that of the begin in the order of the changes.
    pub(in crate::chat::hub) fn adopt_founding(&mut self, time: &Now) {
        let Some(kept) = &mut self.kept else { return };
        let founding = std::mem::take(&mut kept.founding);
        if kept.has_state || founding.is_empty() {
            return;
        }
        let (mut accounts, mut bans, mut rooms) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (key, value) in founding {
            let is_valid = match &key {
                Key::Account(name) => read_account(name, &value).map(|account| accounts.push(account)),
                Key::Ban(network) => read_ban(*network, &value).map(|ban| bans.push(ban)),
                Key::Room(name) => read_room(name, &value).map(|(key, room)| drop(rooms.insert(key, room))),
                Key::Private(_) | Key::Whispers(_) => None,
            };
            if is_valid.is_none() {
                kept.skip(&key.to_string());
            }
        }
        info!(
            "cluster: takes {} accounts, {} bans and {} rooms from the bucket",
            accounts.len(),
            bans.len(),
            rooms.len()
        );
        let recorded = self.recorded(time);
        self.replace_accounts(accounts, time);
        self.replace_bans(bans, time);
        self.replace_rooms(rooms, time);
        if let Some(before) = recorded {
            self.record_replaced(before, time);
        }
    }

    /// Takes these accounts in place of its own. What an account with the same name keeps for itself stays.
    fn replace_accounts(&mut self, records: Vec<AccountRecord>, time: &Now) {
        let before = std::mem::take(&mut self.shared.accounts);
        self.restore_accounts(records, time);
        let accounts = std::mem::replace(&mut self.shared.accounts, before.clone());
        self.shared.accounts.restore_shared(accounts);
        self.renumber_accounts(&before);
        self.adopt_early();
    }

    fn replace_bans(&mut self, records: Vec<BanRecord>, time: &Now) {
        self.shared.bans = Bans::default();
        for BanRecord { network, name, until } in records {
            let until = match until.map(|until| until - time.local.unix_timestamp()) {
                Some(..=0) => continue,
                left => left.map(|seconds| time.at + Duration::from_secs(seconds.unsigned_abs())),
            };
            self.shared.bans.add(network.into(), Ban { until, name: name.map(CompactString::from) }, time.at);
        }
    }

    /// Rooms that are in memory alone keep their messages and nothing else: their roles are those of other accounts. Those of the
    /// bucket may have had messages.
    fn replace_rooms(&mut self, mut records: BTreeMap<Box<str>, (Name, KeptRoom)>, time: &Now) {
        let last_message = self.journal.last_message_id().max(1);
        let Shared { rooms, accounts, .. } = &mut self.shared;
        let before = rooms.numbers();
        for &id in &before {
            let room = &mut rooms[id];
            let record = records.remove(&room.key).map(|(_, kept)| kept.record).unwrap_or_default();
            (room.topic, room.rules) = Room::of_record(record, accounts, time);
        }
        for (name, KeptRoom { created, record, .. }) in records.into_values() {
            let id = rooms.add(&name);
            let room = &mut rooms[id];
            room.created = created;
            room.note_missed(last_message);
            (room.topic, room.rules) = Room::of_record(record, accounts, time);
        }
        before.into_iter().for_each(|id| self.remove_if_unkept(id));
    }
}

/// Reads an account; `None` if it is damaged.
fn read_account(key: &str, value: &[u8]) -> Option<AccountRecord> {
    let record: AccountRecord = serde_json::from_slice(value).ok()?;
    let AccountData { followed, away, .. } = &record.data;
    let mut texts = followed.iter().map(|room| &**room).chain(away.as_deref());
    (is_name_of(&record.name, key) && texts.all(|text| is_clean(text, MAX_TEXT))).then_some(record)
}

/// Reads a ban; `None` if it is damaged.
fn read_ban(network: Network, value: &[u8]) -> Option<BanRecord> {
    let record: BanRecord = serde_json::from_slice(value).ok()?;
    let is_valid =
        Network::from(record.network) == network && record.name.as_deref().is_none_or(|name| is_clean(name, MAX_TEXT));
    is_valid.then_some(record)
}

/// Reads a room; `None` if it is damaged.
fn read_room(key: &str, value: &[u8]) -> Option<(Box<str>, (Name, KeptRoom))> {
    let room: KeptRoom = serde_json::from_slice(value).ok().filter(is_clean_room)?;
    let name = Name::room(&room.name).ok().filter(|name| *name.key == *key)?;
    Some((key.into(), (name, room)))
}
