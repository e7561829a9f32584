//! Answers about passwords that were compared or hashed.

use super::{PasswordUse, PendingPassword, WRONG_PASSWORD};
use crate::chat::change::{Change, Register, Rename, SetScram};
use crate::chat::event::{Due, Refusal};
use crate::chat::hub::Hub;
use crate::chat::hub::check::check;
use crate::chat::id::{AccountId, ClientId, MemberId, Now};
use crate::chat::password::{PasswordAnswer, PasswordJob, PasswordRequest};
use crate::chat::policy::cidr::Network;

impl Hub {
    /// Processes the answer to a request, if the session that waits for it is still connected.
    pub fn handle_password(&mut self, request: &PasswordRequest, answer: PasswordAnswer, now: Now) {
        let id = request.origin.client;
        self.passwords.taken.retain(|taken| taken.origin != request.origin);
        let is_meant = |pending: &PendingPassword| pending.session == request.origin.session;
        if !self.passwords.pending.get(&id).is_some_and(is_meant) {
            return;
        }
        if self.sessions.find(request.origin).is_none_or(|session| session.is_leaving()) {
            return self.passwords.forget(id);
        }
        let Some(purpose) = self.end_password(id, now) else { return };
        self.resume_command(id);
        self.set_irc_command(id, &purpose);
        match answer {
            PasswordAnswer::Failed => {
                let due = self.due_after(id, &purpose);
                match purpose {
                    PasswordUse::Sasl(_) => self.refuse_irc_password(id, "Passwords cannot be compared now", &now),
                    _ => self.fanout().refuse(id, Refusal::PasswordsFail { due }),
                }
            }
            PasswordAnswer::Wrong => self.handle_wrong_password(id, &purpose, now),
            PasswordAnswer::Right { verifier, scram } => {
                self.set_scram(&request.job, &purpose, scram.as_deref(), now);
                self.handle_right_password(id, purpose, verifier.map(|verifier| (verifier, scram)), now);
            }
        }
        self.end_command(id);
    }

    pub(super) fn handle_wrong_password(&mut self, id: ClientId, purpose: &PasswordUse, now: Now) {
        let network = Network::of_client(self.sessions.ip(id));
        self.passwords.note_wrong(network, purpose.account(), now.at);
        match purpose {
            PasswordUse::LogIn(_) => self.ask_again(id, now),
            PasswordUse::Sasl(_) => self.refuse_irc_password(id, WRONG_PASSWORD, &now),
            _ => self.fanout().refuse(id, Refusal::WrongPassword { due: Due::Nothing }),
        }
    }

    /// Proposes keys that were made of the password of an account that had none. No session waits for that.
    fn set_scram(&mut self, job: &PasswordJob, purpose: &PasswordUse, scram: Option<&str>, now: Now) {
        let account = purpose.account().filter(|_| purpose.logs_in());
        let (PasswordJob::Verify { verifier, .. }, Some(account), Some(scram)) = (job, account, scram) else { return };
        let (verifier, scram) = (verifier.clone(), scram.into());
        let change = Change::SetScram(Box::new(SetScram { account, verifier, scram }));
        if check(&self.shared, &change, now.at).is_ok() {
            self.propose(None, change, &now);
        }
    }

    /// `made` is what is stored of a new password: verifier and keys.
    fn handle_right_password(
        &mut self,
        id: ClientId,
        purpose: PasswordUse,
        made: Option<(Box<str>, Option<Box<str>>)>,
        now: Now,
    ) {
        let member = self.sessions[id].member.map(|slot| self.shared.members.id(slot));
        // The store may have failed since the command was typed.
        if !purpose.logs_in() && self.shared.rooms.store_fails() {
            return self.fanout().refuse(id, Refusal::StoreFails);
        }
        match (purpose, member, made) {
            (PasswordUse::LogIn(account), None, _) => self.log_in_as(id, account, now),
            (PasswordUse::Sasl(account), ..) => self.finish_sasl(id, account, &now),
            (PasswordUse::Register(name), Some(member), Some((verifier, scram))) => {
                let network = Network::of_client(self.sessions.ip(id));
                let register = Box::new(Register { name, verifier, scram, network });
                self.propose_checked(id, Change::Register { member, register }, &now);
            }
            (PasswordUse::Change(account), Some(_), Some((verifier, scram))) => {
                self.propose_checked(id, Change::SetPassword { account, verifier, scram }, &now);
            }
            (PasswordUse::Unregister(account), Some(by), _) => {
                self.propose_checked(id, Change::Unregister { by, account }, &now);
            }
            (PasswordUse::Take(account), Some(member), _) => self.take_account(id, member, account, now),
            // The session has logged in or out meanwhile, which it cannot while it waits.
            _ => {}
        }
    }

    /// A member takes the name of an account, whose password it has given. If it has an account of its own, or the account
    /// has a member, its session leaves it and logs in as the account.
    fn take_account(&mut self, id: ClientId, member: MemberId, account: AccountId, now: Now) {
        let Some(found) = self.shared.accounts.get(account) else {
            return self.fanout().refuse(id, Refusal::AccountRemoved);
        };
        if found.member.is_some() || self.shared.members.account(member).is_some() {
            let refusal = found.member.and_then(|member| self.shared.check_one_more(member).err());
            return match refusal {
                Some(refusal) => self.fanout().refuse(id, refusal),
                None => self.switch_account(id, account, now),
            };
        }
        let network = Network::of_client(self.sessions.ip(id));
        let to = Box::new(Rename { name: found.name.clone(), network, account: Some(account) });
        self.propose_checked(id, Change::Rename { member, to }, &now);
    }
}
