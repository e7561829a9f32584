//! How a session is registered: PASS, NICK, USER; and what it is welcomed with.

pub(super) mod account;
pub(super) mod cap;
pub(super) mod isupport;
pub(super) mod sasl;

use compact_str::CompactString;

use super::Call;
use crate::chat::cause::Cause;
use crate::chat::change::{Change, Rename};
use crate::chat::event::Refusal;
use crate::chat::hub::login::passwords::PasswordUse;
use crate::chat::hub::login::prompts::Prompt;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{ClientId, MemberId, Now};
use crate::chat::input::Close;
use crate::chat::member::identity::Identity;
use crate::chat::password::Password;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::session::SessionStage;
use crate::chat::session::irc::{Caps, Registration, Unfinished};

/// The longest user name, in bytes, with the sign before it.
const MAX_USER: usize = 18;
/// The longest real name, in bytes.
pub const MAX_REAL_NAME: usize = 150;

impl Hub {
    fn registration(&mut self, id: ClientId) -> Option<&mut Registration> {
        self.sessions.irc_mut(id)?.unfinished_mut().registration.as_mut()
    }

    /// PASS
    pub(in crate::chat::hub::irc) fn irc_pass(&mut self, call: &Call) {
        if self.sessions[call.id].member.is_some() {
            return self.numeric(call.id, 462, &[], "You may not reregister");
        }
        let pass = Password::new(call.text(0));
        if let Some(registration) = self.registration(call.id) {
            registration.pass = Some(pass);
        }
    }

    /// USER
    pub(in crate::chat::hub::irc) fn irc_user(&mut self, call: &Call) {
        let id = call.id;
        let (user, real_name) = (call.text(0), call.text(3));
        if self.sessions[id].member.is_some() || self.registration(id).is_some_and(|found| found.user.is_some()) {
            return self.numeric(id, 462, &[], "You may not reregister");
        }
        if user.is_empty() || real_name.is_empty() {
            return self.numeric(id, 461, &["USER"], "Not enough parameters");
        }
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let user: CompactString = std::iter::once('~').chain(user.chars().filter(allowed)).take(MAX_USER).collect();
        let user = if user.len() > 1 { user } else { "~user".into() };
        let real_name = first_bytes(real_name, MAX_REAL_NAME).into();
        if let Some(registration) = self.registration(id) {
            registration.user = Some((user, real_name));
        }
        self.register_irc(id, call.now);
    }

    /// NICK
    pub(in crate::chat::hub::irc) fn irc_nick(&mut self, call: &Call) {
        let id = call.id;
        let Some(nick) = call.param(0).filter(|nick| !nick.is_empty()) else {
            return self.numeric(id, 431, &[], "No nickname given");
        };
        let name = match Name::new(nick) {
            Ok(name) => name,
            Err(why) => return self.fanout().refuse(id, Refusal::BadName { why, name: nick, asked: false }),
        };
        match self.caller(call) {
            Some(asker) => {
                if *self.shared.members.name(asker.member) == *name.shown {
                    return;
                }
                let network = Network::of_client(self.sessions.ip(id));
                let account = self.shared.members.account(asker.member);
                let owner = self.shared.accounts.find_key(&name.key);
                if owner.is_some() && owner != account {
                    return self.numeric(id, 433, &[nick], "Nickname is reserved by a different account");
                }
                let rename = Box::new(Rename { name, network, account: None });
                self.propose_checked(id, Change::Rename { member: asker.member, to: rename }, call.now);
            }
            None => {
                // The name of an account may be its own: that is known when it has logged in.
                let members = &self.shared.members;
                let holder = members.find_key(&name.key).and_then(|member| members.get(member));
                if holder.is_some_and(|member| member.account().is_none()) {
                    return self.numeric(id, 433, &[nick], "Nickname is already in use");
                }
                if let Some(registration) = self.registration(id) {
                    registration.nick = Some(name.shown);
                }
                self.register_irc(id, call.now);
            }
        }
    }

    /// QUIT
    pub(in crate::chat::hub::irc) fn irc_quit(&mut self, call: &Call) {
        self.quit(call.id, call.text(0), *call.now);
    }

    /// Logs a session in when it has said all that is needed, and there is a place for it.
    pub(in crate::chat::hub) fn register_irc(&mut self, id: ClientId, now: &Now) {
        if self.sessions[id].stage != SessionStage::LoggingIn {
            return;
        }
        let Some(irc) = self.sessions.irc(id) else { return };
        let Unfinished { registration: Some(registration), account, .. } = irc.unfinished() else { return };
        let account = *account;
        let Registration { nick: Some(nick), user: Some(_), pass, negotiates: false, pending: false } = registration
        else {
            return;
        };
        let (nick, pass) = (nick.clone(), pass.clone());
        if let Some(Prompt::ServerPassword { .. }) = self.prompts.get(id) {
            return self.check_irc_password(id, pass.as_ref().map_or("", |pass| pass.text()), now);
        }
        if let Some((owner, password)) = pass.as_ref().and_then(|pass| pass.text().split_once(':'))
            && account.is_none()
            && self.config.password.is_none()
            && self.keeps_accounts()
        {
            if let Some(irc) = self.sessions.irc_mut(id) {
                irc.unfinished_mut().command = "PASS";
            }
            let (owner, password) = (owner.to_owned(), password.to_owned());
            return self.compare_irc_password(id, &owner, &password, now);
        }
        let Ok(name) = Name::new(&nick) else { return };
        let Shared { accounts, members, .. } = &self.shared;
        let holder = members.find_key(&name.key).and_then(|member| members.get(member)?.account());
        let owner = accounts.find_key(&name.key).or(holder);
        if owner.is_some() && owner != account {
            self.forget_nick(id);
            return self.numeric(id, 433, &[&nick], "Nickname is reserved by a different account");
        }
        match account {
            Some(account) => self.log_in_as(id, account, *now),
            None => self.log_in(id, name, None, *now),
        }
        // The nickname may be taken by now.
        if self.sessions.get(id).is_some_and(|session| session.stage == SessionStage::LoggingIn)
            && self.sessions[id].uncommitted.has_change()
            && let Some(registration) = self.registration(id)
        {
            registration.pending = true;
        }
    }

    /// A login was refused: another nickname is needed.
    pub(in crate::chat::hub) fn forget_nick(&mut self, id: ClientId) {
        self.prompts.clear(id);
        if let Some(registration) = self.registration(id) {
            registration.nick = None;
            registration.pending = false;
        }
        let accounts = &self.shared.accounts;
        if let Some(irc) = self.sessions.irc_mut(id) {
            let unfinished = irc.unfinished_mut();
            unfinished.account = unfinished.account.filter(|&account| accounts.get(account).is_some());
        }
    }

    /// The account to which a session has logged in was removed before it was registered: it is logged out, and asked for
    /// another nickname, since the one that it wanted may have been that of the account.
    pub(in crate::chat::hub) fn forget_irc_login(&mut self, id: ClientId) {
        let nick = self.irc_name(id);
        self.forget_nick(id);
        self.numeric(id, 901, &[&format!("{nick}!*@*")], "You are now logged out");
        self.numeric(id, 433, &[&nick], "The account was removed: choose a nickname");
    }

    /// A password is compared or hashed: the answer is that of this command.
    pub(in crate::chat::hub) fn set_irc_command(&mut self, id: ClientId, purpose: &PasswordUse) {
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        let by_pass = irc.unfinished().registration.as_ref().is_some_and(|registration| registration.pass.is_some());
        let has_sasl = irc.caps.contains(Caps::SASL);
        irc.unfinished_mut().command = match purpose {
            PasswordUse::Register(_) => "REGISTER",
            PasswordUse::Sasl(_) if by_pass && !has_sasl => "PASS",
            _ => "AUTHENTICATE",
        };
    }

    /// The nickname that a session of IRC wants.
    pub(in crate::chat::hub) fn wanted_nick(&self, id: ClientId) -> Option<Name> {
        Name::new(self.sessions.irc(id)?.unfinished().registration.as_ref()?.nick.as_ref()?).ok()
    }

    fn check_irc_password(&mut self, id: ClientId, typed: &str, now: &Now) {
        let network = Network::of_client(self.sessions.ip(id));
        let waits = self.passwords.wait_of_network(network, now.at).is_some();
        if !waits && self.config.password.as_ref().is_none_or(|password| password.is(typed)) {
            self.prompts.clear(id);
            return self.register_irc(id, now);
        }
        if !waits && !typed.is_empty() {
            self.passwords.note_wrong(network, None, now.at);
        }
        self.numeric(id, 464, &[], "Password incorrect");
        self.error_line(id, "Closing link: the password of the server is wrong or missing");
        self.end_session(id, Cause::WrongPassword, Close::WhenRead, *now);
    }

    /// Sends the line before a connection is closed.
    pub(in crate::chat::hub::irc) fn error_line(&mut self, id: ClientId, text: &str) {
        use crate::chat::event::{IrcLine, Sender};
        let line =
            IrcLine::Command { from: Sender::Nobody, command: "ERROR", in_room: false, middle: &[], text: Some(text) };
        self.irc_reply(id, line);
    }

    /// What an IRC session has said of its user; `None` for other sessions.
    pub(in crate::chat::hub) fn identity_of(&self, id: ClientId) -> Option<Box<Identity>> {
        let (user, real_name) = self.sessions.irc(id)?.unfinished().registration.as_ref()?.user.as_ref()?;
        Some(Box::new(Identity::new(user, real_name)))
    }

    /// Welcomes a session that is registered now.
    pub(in crate::chat::hub) fn welcome_irc(&mut self, id: ClientId, member: MemberId, now: &Now) {
        if let Some(irc) = self.sessions.irc_mut(id) {
            (irc.unfinished_mut().registration, irc.unfinished_mut().account) = (None, None);
            irc.note_spoken(now.micros());
        }
        let mask = self.shared.members.full_name(member.slot);
        let server = self.config.name.clone();
        let version = super::server::VERSION;
        self.numeric(id, 1, &[], &format!("Welcome to the {server} Network, {mask}"));
        self.numeric(id, 2, &[], &format!("Your host is {server}, running version {version}"));
        let started = self.stats.started.unwrap_or(now.local);
        let at = format!("{} {:02}:{:02}", started.date(), started.hour(), started.minute());
        self.numeric(id, 3, &[], &format!("This server was created {at}"));
        self.numeric_without_text(id, 4, &[&server, version, "Bio", "bIeiklmnostv", "bIeklov"]);
        self.send_isupport(id);
        self.send_lusers(id);
        self.send_motd(id);
    }
}

/// The longest beginning of a text that has at most `most` bytes.
pub fn first_bytes(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// Whether two names are the same.
pub fn is_same(a: &str, b: &str) -> bool {
    key_of(a).is_some_and(|key| Some(key) == key_of(b))
}
