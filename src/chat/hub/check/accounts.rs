//! Whether what sessions do with accounts is allowed.

use super::nicknames::check_name;
use crate::chat::account::Account;
use crate::chat::change::{Join, Rename, SetScram};
use crate::chat::event::{Due, Refusal};
use crate::chat::hub::Shared;
use crate::chat::id::{AccountId, MemberId};
use crate::chat::policy::nick::Name;

/// The most sessions of an account: each line that its member reads is sent to all of them.
const MAX_SESSIONS: u32 = 20;

/// Checks the login of a session: the name is free, or its account has given the password.
pub fn check_join<'a>(shared: &'a Shared, join: &'a Join) -> Result<(), Refusal<'a>> {
    let name = &join.name;
    let account = match join.account {
        Some(account) => Some(shared.check_account(account)?),
        None => None,
    };
    if let Some(member) = account.and_then(|account| account.member) {
        return shared.check_one_more(member);
    }
    match account {
        // Its owner is not kept out by a name that looks like it.
        Some(_) if shared.members.find_key(&name.key).is_some() => {
            Err(Refusal::Taken { name: &name.shown, asked: true })
        }
        Some(_) => Ok(()),
        None => check_name(shared, name, None, None, true),
    }
}

/// Checks another name of a member, which is called `old`.
pub fn check_rename<'a>(shared: &'a Shared, member: MemberId, old: &'a str, to: &'a Rename) -> Result<(), Refusal<'a>> {
    let name = &to.name;
    if *name.shown == *old {
        return Err(Refusal::AlreadyCalled { name: old });
    }
    if let Some(account) = to.account {
        // Between password and commit it was removed, or another session has logged in as it.
        let found = shared.check_account(account)?;
        if found.member.is_some() {
            return Err(Refusal::Taken { name: &name.shown, asked: false });
        }
    }
    check_name(shared, name, Some(member), to.account.or(shared.members.account(member)), false)
}

impl Shared {
    /// The account with this number.
    ///
    /// # Errors
    /// It was removed.
    pub fn check_account(&self, account: AccountId) -> Result<&Account, Refusal<'_>> {
        self.accounts.get(account).ok_or(Refusal::AccountRemoved)
    }

    /// Checks whether a member with this name can register.
    ///
    /// # Errors
    /// There are too many accounts, or another member was faster.
    pub fn check_register(&self, name: &Name) -> Result<(), Refusal<'_>> {
        let most = self.max_accounts;
        match self.accounts.find_alike(&name.shown, None) {
            Some(account) => Err(Refusal::Registered { name: self.accounts.name(account), asked: false }),
            None if self.accounts.len() >= most => Err(Refusal::TooManyAccounts { most }),
            None => Ok(()),
        }
    }

    /// Checks whether keys are those of the present password of an account.
    ///
    /// # Errors
    /// The account was removed, or has another password: with the keys of the old one, that could still be used.
    pub fn check_set_scram(&self, set: &SetScram) -> Result<(), Refusal<'_>> {
        let is_present = self.check_account(set.account)?.verifier == set.verifier;
        if is_present { Ok(()) } else { Err(Refusal::WrongPassword { due: Due::Nothing }) }
    }

    /// Checks whether the member of an account can have one more session.
    pub fn check_one_more(&self, member: MemberId) -> Result<(), Refusal<'static>> {
        let others = self.members.get(member).map_or(0, |member| member.joins());
        if others < MAX_SESSIONS { Ok(()) } else { Err(Refusal::OtherSessions { others }) }
    }

    /// Checks that an account has at most one session, since its name has at most one without the account.
    pub fn check_only_session(&self, account: AccountId) -> Result<(), Refusal<'_>> {
        let member = self.accounts.get(account).and_then(|account| self.members.get(account.member?));
        match member.map_or(0, |member| member.joins().saturating_sub(1)) {
            0 => Ok(()),
            others => Err(Refusal::OtherSessions { others }),
        }
    }
}
