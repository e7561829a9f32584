//! Accounts that have other numbers, since another table has taken the place of that of this node.

use std::collections::BTreeMap;

use crate::chat::account::Account;
use crate::chat::account::table::AccountTable;
use crate::chat::hub::Hub;
use crate::chat::id::AccountId;
use crate::chat::session::irc::SaslStep;

/// The present number of each account of the table before; empty if no number has changed.
#[derive(Default)]
pub struct Renumbering(BTreeMap<AccountId, AccountId>);

impl Renumbering {
    /// Compares two tables.
    fn of(before: &AccountTable, after: &AccountTable) -> Renumbering {
        let is_same = |a: &Account, b: &Account| a.name.key == b.name.key && a.data.since == b.data.since;
        let is_unchanged = |(id, account)| after.get(id).is_some_and(|other| is_same(account, other));
        // A number that was given and removed before may be that of another account now.
        let is_reused = |(id, _)| Some(id) <= before.last() && before.get(id).is_none();
        if before.iter().all(is_unchanged) && !after.iter().any(is_reused) {
            return Renumbering::default();
        }
        let present = |account: &Account| {
            let id = after.find_key(&account.name.key)?;
            after.get(id).is_some_and(|other| is_same(account, other)).then_some(id)
        };
        Renumbering(before.iter().map(|(id, account)| (id, present(account).unwrap_or(AccountId::REMOVED))).collect())
    }

    /// The present number of an account; [`AccountId::REMOVED`] if it is not there any more.
    pub fn of_account(&self, account: AccountId) -> AccountId {
        match self.0.is_empty() {
            true => account,
            false => self.0.get(&account).copied().unwrap_or(AccountId::REMOVED),
        }
    }
}

impl Hub {
    /// The present table has taken the place of `before`: logins, passwords and prompts that wait go on with the new numbers of their
    /// accounts.
    pub(super) fn renumber_accounts(&mut self, before: &AccountTable) {
        let numbers = Renumbering::of(before, &self.shared.accounts);
        if numbers.0.is_empty() {
            return;
        }
        let renumber = |account: &mut AccountId| *account = numbers.of_account(*account);
        self.prompts.accounts_mut().for_each(renumber);
        self.passwords.accounts_mut().for_each(renumber);
        self.rejoining.accounts_mut().for_each(renumber);
        let ids: Vec<_> = self.sessions.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(irc) = self.sessions.irc_mut(id) else { continue };
            let unfinished = irc.unfinished_mut();
            unfinished.account.iter_mut().for_each(renumber);
            if let Some(SaslStep::ScramDone(account)) = unfinished.sasl.as_mut().map(|sasl| &mut sasl.step) {
                renumber(account);
            }
        }
        // Those of proposals that come back follow.
        self.rejoining.numbers = numbers;
    }
}
