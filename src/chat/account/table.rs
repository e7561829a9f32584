//! All accounts, by number and by name.

use std::collections::BTreeMap;
use std::ops::{Bound, Index, IndexMut};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Account;
use crate::chat::event::Source;
use crate::chat::id::{AccountId, MemberId, MemberSlot, Now};
use crate::chat::member::markers::Markers;
use crate::chat::member::table::MemberTable;
use crate::chat::policy::mutes::Mutes;
use crate::chat::policy::nick::key_of;
use crate::chat::policy::nick::look_index::LookIndex;

/// All accounts of the server.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "AccountTableState", into = "AccountTableState")]
pub struct AccountTable {
    accounts: BTreeMap<AccountId, Account>,
    /// By folded name.
    names: BTreeMap<Box<str>, AccountId>,
    looks: LookIndex,
    /// The newest number.
    last: Option<AccountId>,
}

/// The state of an [`AccountTable`] as plain data.
#[derive(Serialize, Deserialize)]
struct AccountTableState {
    accounts: Vec<(AccountId, Account)>,
    last: Option<AccountId>,
}

impl AccountTable {
    /// What is the same of the accounts on all nodes: all but their ignored names and how far they have read.
    pub fn shared(&self) -> AccountTable {
        let mut shared = self.clone();
        for Account { data, .. } in shared.accounts.values_mut() {
            (data.ignored, data.read, data.markers) = (Vec::new(), Vec::new(), Markers::default());
        }
        shared
    }

    /// Takes the accounts of another node; what is not the same on all nodes stays as it is here.
    pub fn restore_shared(&mut self, mut shared: AccountTable) {
        for account in shared.accounts.values_mut() {
            let own = self.find_key(&account.name.key).and_then(|id| self.accounts.get_mut(&id));
            // Another owner of the name has registered it at another time.
            if let Some(own) = own.filter(|own| own.data.since == account.data.since) {
                let (data, own) = (&mut account.data, std::mem::take(&mut own.data));
                (data.ignored, data.read, data.markers) = (own.ignored, own.read, own.markers);
            }
        }
        *self = shared;
    }

    /// The mutes of accounts that are in force, as a server has them that was just started. Those that are over are forgotten.
    pub fn mutes(&mut self, now: &Now) -> Mutes {
        let mut mutes = Mutes::default();
        for (&id, Account { name, data, .. }) in &mut self.accounts {
            let left = data.mute.map(|mute| mute.until.map(|until| until - now.local.unix_timestamp()));
            match left {
                None => {}
                Some(Some(..=0)) => data.mute = None,
                Some(left) => {
                    let until = left.map(|seconds| now.at + Duration::from_secs(seconds.unsigned_abs()));
                    mutes.restore(name, id, until);
                }
            }
        }
        mutes
    }

    /// No account has a member any more.
    pub fn forget_members(&mut self) {
        self.accounts.values_mut().for_each(|account| account.member = None);
    }

    /// The newest number that was given.
    pub fn last(&self) -> Option<AccountId> {
        self.last
    }

    /// Checks accounts that another node has given.
    ///
    /// # Errors
    /// What is wrong; `is_time` tells whether a Unix time can be one, `has` whether there is such a member.
    pub fn check(&self, is_time: impl Fn(i64) -> bool, has: impl Fn(MemberId) -> bool) -> Result<(), String> {
        let newest = self.accounts.last_key_value().map(|(&id, _)| id);
        if self.names.len() < self.accounts.len() || newest > self.last || self.last >= Some(AccountId::REMOVED) {
            return Err("two accounts have the same name, or a number is wrong".into());
        }
        for Account { name, data, member, .. } in self.accounts.values() {
            let mute = data.mute.and_then(|mute| mute.until);
            if name.key.is_empty()
                || !is_time(data.since)
                || mute.is_some_and(|until| until < 0)
                || !member.is_none_or(&has)
            {
                return Err(format!("the account {:?} is wrong", name.shown));
            }
        }
        Ok(())
    }

    /// The number of accounts.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// The account with this number, if it was not removed.
    pub fn get(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// As [`AccountTable::get`], mutable.
    pub fn get_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(&id)
    }

    /// Finds an account by its folded name.
    pub fn find_key(&self, key: &str) -> Option<AccountId> {
        self.names.get(key).copied()
    }

    /// Finds an account by its name as typed; case, width and Unicode composition do not matter.
    pub fn find(&self, name: &str) -> Option<AccountId> {
        if self.names.is_empty() { None } else { self.find_key(&key_of(name)?) }
    }

    /// Finds an account with a name that is equal to this one or looks like it; `own` does not count.
    pub fn find_alike(&self, name: &str, own: Option<AccountId>) -> Option<AccountId> {
        if self.names.is_empty() {
            return None;
        }
        let own = own.and_then(|own| self.get(own)).map(|own| &*own.name.key);
        self.find_key(self.looks.find(name, own)?)
    }

    /// Adds an account; no other may have its name.
    pub fn insert(&mut self, account: Account) -> AccountId {
        let id = AccountId::after(self.last);
        self.last = Some(id);
        self.names.insert(account.name.key.clone(), id);
        self.looks.add(&account.name.shown, &account.name.key);
        self.accounts.insert(id, account);
        id
    }

    /// Removes an account.
    pub fn remove(&mut self, id: AccountId) -> Option<Account> {
        let account = self.accounts.remove(&id)?;
        self.names.remove(&account.name.key);
        self.looks.remove(&account.name.shown, &account.name.key);
        Some(account)
    }

    /// All accounts, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter().map(|(&id, account)| (id, account))
    }

    /// The accounts after this one, or all; the oldest first.
    pub fn after(&self, id: Option<AccountId>) -> impl Iterator<Item = (AccountId, &Account)> {
        let begin = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.accounts.range((begin, Bound::Unbounded)).map(|(&id, account)| (id, account))
    }

    /// The name of an account; an empty text if it was removed.
    pub fn name(&self, id: AccountId) -> &str {
        self.get(id).map_or("", |account| &account.name.shown)
    }

    /// What IRC clients are shown of a member besides its nickname.
    pub fn source_of<'a>(&'a self, members: &'a MemberTable, slot: MemberSlot) -> Source<'a> {
        let member = &members[slot];
        Source {
            user: members.user(slot),
            host: member.host(),
            account: member.account().and_then(|id| self.get(id)).map(|account| &*account.name.shown),
            real_name: members.real_name(slot),
            is_bot: members.is_bot(slot),
        }
    }
}

impl From<AccountTable> for AccountTableState {
    fn from(table: AccountTable) -> Self {
        AccountTableState { accounts: table.accounts.into_iter().collect(), last: table.last }
    }
}

impl From<AccountTableState> for AccountTable {
    fn from(state: AccountTableState) -> Self {
        let accounts: BTreeMap<AccountId, Account> = state.accounts.into_iter().collect();
        let names = accounts.iter().map(|(&id, account)| (account.name.key.clone(), id)).collect();
        let mut looks = LookIndex::default();
        accounts.values().for_each(|account| looks.add(&account.name.shown, &account.name.key));
        AccountTable { accounts, names, looks, last: state.last }
    }
}

impl Index<AccountId> for AccountTable {
    type Output = Account;

    fn index(&self, id: AccountId) -> &Account {
        self.get(id).expect("the number of an account")
    }
}

impl IndexMut<AccountId> for AccountTable {
    fn index_mut(&mut self, id: AccountId) -> &mut Account {
        self.get_mut(id).expect("the number of an account")
    }
}
