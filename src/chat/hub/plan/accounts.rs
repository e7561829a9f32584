//! Plans for the commands about accounts: `/register`, `/password`, `/unregister`, `/read`, and `/nick name password`.

use super::{Asker, LocalChange, Plan, View, refuse};
use crate::chat::change::{Change, Kick, Rename};
use crate::chat::command::{Command, is_blank, split};
use crate::chat::config::Login;
use crate::chat::event::Refusal;
use crate::chat::hub::login::passwords::PasswordUse;
use crate::chat::id::AccountId;
use crate::chat::password::{MAX_PASSWORD, normalized};
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::{InvalidNick, Name};

const REGISTER_USAGE: Refusal = Refusal::Usage("/register PASSWORD");
const PASSWORD_USAGE: Refusal = Refusal::Usage("/password OLD NEW");
const UNREGISTER_USAGE: Refusal = Refusal::Usage("/unregister PASSWORD");
const READ_USAGE: Refusal = Refusal::Usage("/read [#room] ID");

/// Checks a new password. It can be typed at a prompt, so it is no command.
fn check_password(text: &str) -> Result<(), Refusal<'static>> {
    let is_command = text.starts_with('/') || matches!(Command::parse(text), Command::Quit(_));
    match normalized(text).len() > MAX_PASSWORD || text.contains(char::is_whitespace) || is_blank(text) || is_command {
        true => Err(Refusal::BadPassword { most: MAX_PASSWORD }),
        false => Ok(()),
    }
}

impl<'s> View<'s, '_> {
    /// Whether members can register.
    fn check_accounts(&self) -> Result<(), Refusal<'s>> {
        match self.has_accounts {
            false => Err(Refusal::NoAccounts),
            true if self.shared.rooms.store_fails() => Err(Refusal::StoreFails),
            true => Ok(()),
        }
    }

    /// The account of a member.
    fn own_account(&self, asker: Asker) -> Result<AccountId, Refusal<'s>> {
        let member = &self.shared.members[asker.member.slot];
        match member.account() {
            Some(account) => Ok(account),
            None if !self.has_accounts => Err(Refusal::NoAccounts),
            None => Err(Refusal::NoAccount { name: &member.name }),
        }
    }

    /// `/register PASSWORD`
    pub fn register<'l: 's>(&self, asker: Asker, password: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        self.check_accounts()?;
        if is_blank(password) {
            return Err(REGISTER_USAGE);
        }
        let member = &self.shared.members[asker.member.slot];
        if let Some(account) = member.account() {
            return Err(Refusal::RegisteredAlready { name: self.shared.accounts.name(account) });
        }
        check_password(password)?;
        let name = Name::new(&member.name).map_err(|why| Refusal::BadName { why, name: &member.name, asked: false })?;
        self.shared.check_register(&name).map_err(|refusal| match refusal {
            Refusal::TooManyAccounts { most } => Refusal::TooManyAccounts { most },
            _ => Refusal::Registered { name: &member.name, asked: false },
        })?;
        Ok(Plan::Register { name, password })
    }

    /// `/password OLD NEW`
    pub fn change_password<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let account = self.own_account(asker)?;
        self.check_accounts()?;
        let (old, new) = split(rest);
        let new = new.trim();
        if old.is_empty() || is_blank(new) {
            return Err(PASSWORD_USAGE);
        }
        check_password(new)?;
        Ok(Plan::Password { purpose: PasswordUse::Change(account), typed: old, new: Some(new) })
    }

    /// `/unregister PASSWORD`; at the console `/unregister name`
    pub fn unregister<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        if asker.is_console() {
            return self.remove_account(asker, rest);
        }
        let account = self.own_account(asker)?;
        self.check_accounts()?;
        if is_blank(rest) {
            return Err(UNREGISTER_USAGE);
        }
        self.shared.check_only_session(account)?;
        Ok(Plan::Password { purpose: PasswordUse::Unregister(account), typed: rest, new: None })
    }

    fn remove_account<'l: 's>(&self, asker: Asker, name: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        self.check_accounts()?;
        if name.is_empty() {
            return Err(Refusal::Usage("/unregister name"));
        }
        let account = self.shared.accounts.find(name).ok_or(Refusal::NotRegistered { name })?;
        let by = asker.member;
        let unregister = Change::Unregister { by, account };
        // Several sessions have one name only as long as they have the account.
        let member = self.shared.accounts.get(account).and_then(|account| account.member);
        Ok(match member.filter(|_| self.shared.check_only_session(account).is_err()) {
            Some(member) => {
                let kick = Box::new(Kick { by, room: None, name: name.into(), reason: None });
                Plan::ProposeBoth(Change::Kick { member, kick }, unregister)
            }
            None => Plan::Propose(unregister),
        })
    }

    /// `/read ID`, `/read #room ID`
    pub fn read<'l: 's>(&self, asker: Asker, rest: &'l str) -> Result<Plan<'s, 'l>, Refusal<'s>> {
        let account = self.own_account(asker)?;
        let (room, id) = self.room_argument(asker, rest)?;
        let id: u64 = id.trim().parse().map_err(|_| READ_USAGE)?;
        if id > self.last_message_id || id == 0 {
            return Err(Refusal::NoMessage { id, room: self.shared.rooms.name(room) });
        }
        Ok(Plan::Local(LocalChange::Read { account, room, id }))
    }

    /// `/nick name`, `/nick name password`
    pub fn rename<'l: 's>(&self, asker: Asker, text: &'l str) -> Plan<'s, 'l> {
        if self.config.login == Login::Address {
            return refuse(Refusal::NamesAreAddresses);
        }
        if is_blank(text) {
            return refuse(Refusal::Usage("/nick name"));
        }
        let (typed, password) = split(text);
        let own = self.shared.members[asker.member.slot].account();
        let text = match (self.shared.accounts.find(typed), password.trim()) {
            (Some(account), _) if Some(account) == own => typed,
            (Some(account), password) if !password.is_empty() => {
                return Plan::Password { purpose: PasswordUse::Take(account), typed: password, new: None };
            }
            // What may be a password is not shown again as a part of a bad name.
            (None, password) if !password.is_empty() && self.has_accounts => {
                return refuse(Refusal::BadName { why: InvalidNick::Shape, name: typed, asked: false });
            }
            _ => text,
        };
        match Name::new(text) {
            Ok(name) => {
                let network = Network::of_client(self.sessions.ip(asker.id));
                let to = Box::new(Rename { name, network, account: None });
                Plan::Propose(Change::Rename { member: asker.member, to })
            }
            Err(why) => refuse(Refusal::BadName { why, name: text, asked: false }),
        }
    }
}
