//! Password prompts: which session is asked for a password, and what it types there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::passwords::{PasswordUse, seconds_of};
use crate::chat::cause::Cause;
use crate::chat::change::Change;
use crate::chat::command::{Command, is_blank};
use crate::chat::event::{Due, Event, Notice, Refusal};
use crate::chat::hub::Hub;
use crate::chat::id::{AccountId, ClientId, Now};
use crate::chat::input::{Close, ResumeRequest};
use crate::chat::policy::cidr::Network;
use crate::chat::query::{Lookup, RoomUse};
use crate::chat::session::SessionFlags;

/// Wrong passwords at one prompt, after which it ends.
const MAX_WRONG: u8 = 3;

/// The telnet option ECHO (RFC 857): the server says that it shows what is typed, and shows nothing.
const HIDE_TYPING: [u8; 3] = [255, 251, 1];
/// The server no longer says so: the client shows what is typed.
const SHOW_TYPING: [u8; 3] = [255, 252, 1];

/// What a session is asked for, or was asked for last, unless it is a nickname.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prompt {
    /// The password of the server.
    ServerPassword { wrong: u8 },
    /// The password of an account.
    AccountPassword { account: AccountId, wrong: u8 },
    /// Nothing: it has given the password of this account, and is logged in when its rooms are read from the store.
    LoggingIn(AccountId),
}

/// The prompts by session; a session at the nickname prompt has none.
#[derive(Default, Serialize, Deserialize)]
pub struct Prompts(BTreeMap<ClientId, Prompt>);

impl Prompts {
    /// The prompt of a session.
    pub fn get(&self, id: ClientId) -> Option<Prompt> {
        if self.0.is_empty() { None } else { self.0.get(&id).copied() }
    }

    /// The sessions that are asked for the password of the server.
    pub fn of_server(&self) -> Vec<ClientId> {
        let asked = self.0.iter().filter(|(_, prompt)| matches!(prompt, Prompt::ServerPassword { .. }));
        asked.map(|(&id, _)| id).collect()
    }

    /// Sets the prompt of a session.
    pub fn set(&mut self, id: ClientId, prompt: Prompt) {
        self.0.insert(id, prompt);
    }

    /// The session is at the nickname prompt, has logged in or has ended.
    pub fn clear(&mut self, id: ClientId) {
        self.0.remove(&id);
    }

    /// The accounts of the prompts.
    pub fn accounts_mut(&mut self) -> impl Iterator<Item = &mut AccountId> {
        self.0.values_mut().filter_map(|prompt| match prompt {
            Prompt::AccountPassword { account, .. } | Prompt::LoggingIn(account) => Some(account),
            Prompt::ServerPassword { .. } => None,
        })
    }

    /// The number of prompts.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Hub {
    /// Sends a session what it is asked for.
    pub(in crate::chat::hub) fn ask(&mut self, id: ClientId) {
        match self.prompts.get(id) {
            Some(Prompt::ServerPassword { .. }) => self.ask_password(id, None),
            Some(Prompt::AccountPassword { account, .. }) => self.ask_password(id, Some(account)),
            Some(Prompt::LoggingIn(_)) => {}
            None => {
                self.show_typing(id);
                let welcome = Notice::Welcome { server: &self.config.name };
                self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Notice(welcome));
            }
        }
    }

    /// Asks for a password: that of an account, or that of the server.
    fn ask_password(&mut self, id: ClientId, account: Option<AccountId>) {
        let visible = self.hide_typing(id);
        let name = account.map(|account| self.shared.accounts.name(account).to_owned());
        self.fanout().notice(id, Notice::AskPassword { account: name.as_deref(), visible });
    }

    /// Processes a line at a password prompt. An empty line is nothing.
    pub(in crate::chat::hub) fn line_at_password_prompt(&mut self, id: ClientId, prompt: Prompt, text: &str, now: Now) {
        if matches!(Command::parse(text), Command::Quit(_)) {
            return self.quit(id, "", now);
        }
        if is_blank(text) {
            return;
        }
        match prompt {
            Prompt::ServerPassword { .. } => self.check_server_password(id, text, now),
            Prompt::AccountPassword { account, .. } if self.shared.accounts.get(account).is_some() => {
                self.queue_account_password(id, PasswordUse::LogIn(account), text, None, now);
            }
            Prompt::AccountPassword { .. } => self.refuse_removed(id),
            Prompt::LoggingIn(_) => {}
        }
    }

    fn check_server_password(&mut self, id: ClientId, typed: &str, now: Now) {
        let network = Network::of_client(self.sessions.ip(id));
        if let Some(wait) = self.passwords.wait_of_network(network, now.at) {
            let due = self.password_due(id);
            return self.fanout().refuse(id, Refusal::TooManyWrongPasswords { seconds: seconds_of(wait), due });
        }
        if self.config.password.as_ref().is_none_or(|password| password.is(typed)) {
            return self.ask_for_nickname(id);
        }
        self.passwords.note_wrong(network, None, now.at);
        self.ask_again(id, now);
    }

    /// The session is at the nickname prompt from now on.
    pub(in crate::chat::hub) fn ask_for_nickname(&mut self, id: ClientId) {
        self.prompts.clear(id);
        self.ask(id);
    }

    /// The account whose password was due was removed in the meantime.
    fn refuse_removed(&mut self, id: ClientId) {
        self.fanout().refuse(id, Refusal::AccountRemoved);
        match self.sessions[id].encoding.is_irc() {
            true => self.forget_irc_login(id),
            false => self.ask_for_nickname(id),
        }
    }

    /// A session has given a wrong password: asks again, or ends the prompt after several wrong ones.
    pub(in crate::chat::hub) fn ask_again(&mut self, id: ClientId, now: Now) {
        let count = |wrong: u8| Some(wrong + 1).filter(|&wrong| wrong < MAX_WRONG);
        let next = match self.prompts.get(id) {
            Some(Prompt::ServerPassword { wrong }) => count(wrong).map(|wrong| Prompt::ServerPassword { wrong }),
            Some(Prompt::AccountPassword { account, wrong }) => match count(wrong) {
                Some(wrong) => Some(Prompt::AccountPassword { account, wrong }),
                None => {
                    self.fanout().refuse(id, Refusal::WrongPassword { due: Due::Nothing });
                    return self.ask_for_nickname(id);
                }
            },
            Some(Prompt::LoggingIn(_)) | None => return,
        };
        match next {
            Some(prompt) => {
                self.prompts.set(id, prompt);
                let due = self.password_due(id);
                self.fanout().refuse(id, Refusal::WrongPassword { due });
            }
            None => {
                self.fanout().refuse(id, Refusal::WrongPassword { due: Due::Goodbye });
                self.end_session(id, Cause::WrongPassword, Close::WhenRead, now);
            }
        }
    }

    /// That a password is due from a session.
    pub(in crate::chat::hub) fn password_due(&mut self, id: ClientId) -> Due {
        Due::Password { visible: self.hide_typing(id) }
    }

    /// Logs a session in as an account, whose password it has given, after the rooms that the account follows were read.
    pub(in crate::chat::hub) fn log_in_as(&mut self, id: ClientId, account: AccountId, now: Now) {
        let Some(found) = self.shared.accounts.get(account) else { return self.refuse_removed(id) };
        let (is_present, followed) = (found.member.is_some(), &found.data.followed);
        // On IRC, a member has the nickname that its session asked for.
        let name = self.wanted_nick(id).unwrap_or_else(|| found.name.clone());
        if self.prompts.get(id) != Some(Prompt::LoggingIn(account)) {
            if !is_present && !followed.is_empty() {
                let request = self.resume_requests.entry(id).or_default();
                let more: Vec<_> = followed.iter().filter(|room| !request.follow.contains(room)).cloned().collect();
                request.follow.extend(more);
            }
            self.prompts.set(id, Prompt::LoggingIn(account));
            self.show_typing(id);
        }
        match self.view(&now).stored_room(self.resume_requests.get(&id)).filter(|_| !is_present) {
            Some(room) => self.queue_query(id, Lookup::Room { room, then: RoomUse::LogIn { nickname: None } }),
            None => self.log_in(id, name, Some(account), now),
        }
    }

    /// A session leaves its member, and logs in as an account, whose password it has given. It goes to the same rooms.
    pub(in crate::chat::hub) fn switch_account(&mut self, id: ClientId, account: AccountId, now: Now) {
        let Some(slot) = self.sessions[id].member else { return };
        let (members, rooms) = (&self.shared.members, &self.shared.rooms);
        let room = members[slot].room().map(|room| rooms.name(room).to_owned());
        let follow = members.followed(slot).map(|room| rooms.name(room).into()).collect();
        let read = Some((self.run, self.journal.last_message_id()));
        if let Some(member) = self.detach_from_member(id, &Cause::Quit(None), Close::WhenRead) {
            self.propose(None, Change::Leave { member, cause: Cause::Quit(None) }, &now);
            self.update_away(member, None, &now);
        }
        self.begin_login(id, now);
        self.resume_requests.insert(id, ResumeRequest { room, follow, read, looked_up: 0 });
        self.log_in_as(id, account, now);
    }

    /// Lets a telnet client not show what is typed; returns whether it is visible all the same.
    pub(in crate::chat::hub) fn hide_typing(&mut self, id: ClientId) -> bool {
        let session = &mut self.sessions[id];
        if session.has(SessionFlags::TELNET) && !session.has(SessionFlags::TYPES_HIDDEN) {
            session.flags.insert(SessionFlags::TYPES_HIDDEN);
            self.send_raw(id, &HIDE_TYPING);
        }
        let session = &self.sessions[id];
        // A program knows from the object that it is asked for a password.
        !session.encoding.is_json() && !session.has(SessionFlags::TYPES_HIDDEN)
    }

    /// Lets a telnet client show again what is typed.
    fn show_typing(&mut self, id: ClientId) {
        if self.sessions[id].has(SessionFlags::TYPES_HIDDEN) {
            self.sessions[id].flags.remove(SessionFlags::TYPES_HIDDEN);
            self.send_raw(id, &SHOW_TYPING);
        }
    }

    /// A client has sent a telnet command; `answer` is the refusal of an option, which is sent unless the server itself has
    /// offered that option.
    pub fn handle_telnet(&mut self, id: ClientId, answer: Option<[u8; 3]>) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.flags.insert(SessionFlags::TELNET);
        let is_offered = session.has(SessionFlags::TYPES_HIDDEN) && answer == Some(SHOW_TYPING);
        if let Some(answer) = answer.filter(|_| !is_offered) {
            self.send_raw(id, &answer);
        }
        if matches!(self.prompts.get(id), Some(Prompt::ServerPassword { .. } | Prompt::AccountPassword { .. })) {
            self.hide_typing(id);
        }
    }
}
