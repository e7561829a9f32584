//! What an account keeps for itself: whom it ignores, and how far it has read. It is not in the log.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::{Parts, is_clean};
use crate::chat::account::Account;
use crate::chat::event::{Event, Notice};
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{AccountId, ClientId, MemberId};
use crate::chat::member::Ignored;
use crate::chat::member::markers::Markers;
use crate::chat::policy::nick::fold;
use crate::chat::record::AccountData;

/// Names and positions of one account at most.
const MAX_LISTED: usize = 1_000;
/// The longest name in bytes, also of a poster or a channel.
const MAX_NAME: usize = 512;

/// What the bucket keeps of an account that is not in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPrivate {
    /// When the account was registered, in Unix seconds: another account with its name has none of this.
    since: i64,
    #[serde(default)]
    ignored: Vec<CompactString>,
    #[serde(default)]
    read: Vec<(CompactString, u64)>,
    #[serde(default)]
    markers: Markers,
}

impl KeptPrivate {
    fn of(account: &Account) -> KeptPrivate {
        let AccountData { since, ignored, read, markers, .. } = &account.data;
        KeptPrivate { since: *since, ignored: ignored.clone(), read: read.clone(), markers: markers.clone() }
    }

    /// Whether there is nothing to keep.
    fn is_empty(&self) -> bool {
        self.ignored.is_empty() && self.read.is_empty() && self.markers.is_empty()
    }

    /// Reads a value; `None` if it is damaged.
    fn read(value: &[u8]) -> Option<KeptPrivate> {
        let private: KeptPrivate = serde_json::from_slice(value).ok()?;
        private.is_valid().then_some(private)
    }

    /// Whether there are not too many names, and all of them can be shown.
    fn is_valid(&self) -> bool {
        let KeptPrivate { ignored, read, markers, .. } = self;
        let is_short = [ignored.len(), read.len(), markers.iter().count()].iter().all(|count| *count <= MAX_LISTED);
        let read = read.iter().map(|(room, _)| &**room);
        let mut names = ignored.iter().map(|name| &**name).chain(read).chain(markers.iter().map(|(target, _)| target));
        is_short && names.all(|name| is_clean(name, MAX_NAME))
    }
}

impl Hub {
    /// The value of an account, which the bucket should have; only if it has none, unless something has changed here.
    pub(super) fn private_value(&self, name: &str, parts: Parts) -> Option<(Option<String>, bool)> {
        let Shared { accounts, .. } = &self.shared;
        let Some(account) = accounts.find_key(name).and_then(|id| accounts.get(id)) else {
            return Some((None, false));
        };
        let (private, if_missing) = (KeptPrivate::of(account), parts == Parts::default());
        if if_missing && private.is_empty() {
            return None;
        }
        Some((Some(serde_json::to_string(&private).expect("names and numbers")), if_missing))
    }

    /// Something of an account has changed here that is not in the log.
    pub(in crate::chat::hub) fn note_private(&mut self, account: AccountId, parts: Parts) {
        let Shared { accounts, .. } = &self.shared;
        if let Some(kept) = &mut self.kept
            && let Some(account) = accounts.get(account)
        {
            kept.note(Key::Private(account.name.key.clone()), parts);
        }
    }

    /// As [`Hub::note_private`], for the account of a member, if it has one.
    pub(in crate::chat::hub) fn note_private_of(&mut self, member: MemberId, parts: Parts) {
        let account = self.shared.members.account(member);
        account.into_iter().for_each(|account| self.note_private(account, parts));
    }

    /// An account was removed: what it has kept is deleted by the oldest node.
    pub(in crate::chat::hub) fn forget_kept_account(&mut self, key: &str) {
        let Some(kept) = &mut self.kept else { return };
        kept.early.remove(key);
        kept.mailboxes.remove(key);
        let keys = [Key::Account(key.into()), Key::Private(key.into()), Key::Whispers(key.into())];
        for key in keys {
            match kept.leads {
                true => kept.note(key, Parts::default()),
                false => drop(kept.changed.remove(&key)),
            }
        }
    }

    /// Takes what another node has put for an account.
    pub(super) fn take_private(&mut self, name: &str, value: Option<&[u8]>) {
        let Some(kept) = &mut self.kept else { return };
        kept.early.remove(name);
        // The value goes with its account.
        let Some(value) = value else { return };
        let Some(private) = KeptPrivate::read(value) else { return kept.skip(&Key::Private(name.into()).to_string()) };
        let account = self.shared.accounts.find_key(name);
        match account.filter(|account| self.shared.accounts[*account].data.since == private.since) {
            Some(account) => self.adopt_private(account, private),
            // This node may read of the account a little later.
            None => drop(kept.early.insert(name.into(), private)),
        }
    }

    /// Accounts are known that were not before: takes what was put for them.
    pub(in crate::chat::hub) fn adopt_early(&mut self) {
        let Some(kept) = self.kept.as_mut().filter(|kept| !kept.early.is_empty()) else { return };
        let accounts = &self.shared.accounts;
        let known = |name: &str, private: &KeptPrivate| {
            accounts.find_key(name).filter(|account| accounts[*account].data.since == private.since)
        };
        let found: Vec<_> =
            kept.early.iter().filter_map(|(name, private)| Some((known(name, private)?, name.clone()))).collect();
        for (account, name) in found {
            let private = self.kept.as_mut().and_then(|kept| kept.early.remove(&name));
            private.into_iter().for_each(|private| self.adopt_private(account, private));
        }
    }

    /// Takes over what another node has put for an account, except for what has changed here since.
    fn adopt_private(&mut self, id: AccountId, private: KeptPrivate) {
        let Some(kept) = &self.kept else { return };
        let account = &mut self.shared.accounts[id];
        let own = kept.unsettled(&Key::Private(account.name.key.clone()));
        let before = KeptPrivate::of(account);
        let KeptPrivate { ignored, read, markers, .. } = private;
        if !own.ignored {
            account.data.ignored = ignored;
        }
        if own.read {
            for (room, id) in &read {
                account.note_read(room, *id);
            }
            account.data.markers.merge(&markers);
        } else {
            (account.data.read, account.data.markers) = (read, markers);
        }
        if KeptPrivate::of(account) == before {
            return;
        }
        let member = account.member;
        self.record_account(id);
        member.into_iter().for_each(|member| self.show_kept_private(member, id, &before));
    }

    /// Members that come with the state of another node have what their accounts keep here.
    pub(in crate::chat::hub) fn bind_private(&mut self) {
        let accounts = self.shared.accounts.iter();
        let bound: Vec<_> = accounts.filter_map(|(id, account)| Some((account.member?, id))).collect();
        bound.into_iter().for_each(|(member, account)| self.set_private(member, account));
    }

    /// A member has what its account keeps.
    fn set_private(&mut self, member: MemberId, account: AccountId) {
        let Shared { accounts, members, .. } = &mut self.shared;
        let AccountData { ignored, markers, .. } = &accounts[account].data;
        let hash = |key: &str| members.name_hash(key);
        let known = members[member.slot].ignored();
        let ignored: Vec<Ignored> = ignored
            .iter()
            .map(|name| {
                let same = known.iter().find(|ignored| fold(&ignored.name) == fold(name));
                same.cloned().unwrap_or_else(|| Ignored::of_name(name, hash))
            })
            .collect();
        if !(ignored.is_empty() && known.is_empty()) {
            *members[member.slot].ignored_mut() = ignored;
        }
        if !markers.is_empty() {
            *members[member.slot].markers_mut() = markers.clone();
        }
    }

    /// The member of an account ignores others from now on, and its sessions here are shown how far it has read.
    fn show_kept_private(&mut self, member: MemberId, account: AccountId, before: &KeptPrivate) {
        self.move_unread_of(member);
        self.set_private(member, account);
        self.note_ignoring(member);
        let Shared { accounts, members, rooms, .. } = &self.shared;
        let AccountData { read, markers, .. } = &accounts[account].data;
        let further = markers.iter().filter(|(target, at)| before.markers.get(target) < Some(*at));
        let further: Vec<(CompactString, i64)> = further.map(|(target, at)| (target.into(), at)).collect();
        let new = read.iter().filter(|read| !before.read.contains(read));
        let new = new.filter_map(|(room, id)| Some((rooms.name(rooms.find(&fold(room))?).to_owned(), *id)));
        let new: Vec<(String, u64)> = new.collect();
        let sessions: Vec<ClientId> = members[member.slot].sessions().collect();
        for id in sessions {
            for (room, read) in &new {
                let notice = Notice::Read { room, id: *read, own: false };
                self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Notice(notice));
            }
            further.iter().for_each(|(target, at)| self.show_marker(id, target, *at));
        }
    }
}
