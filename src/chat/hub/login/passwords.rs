//! Passwords that wait to be compared or hashed, and the limits on wrong ones.

mod answers;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::password_queue::PasswordQueue;
use crate::chat::change::Origin;
use crate::chat::event::{Due, Refusal};
use crate::chat::hub::Hub;
use crate::chat::id::{AccountId, ClientId, Now, SessionId};
use crate::chat::password::{MAX_PASSWORD, Password, PasswordJob, PasswordRequest};
use crate::chat::policy::attempt_limit::AttemptLimit;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::Name;
use crate::chat::scram_keys::ScramKeys;
use crate::chat::session::{SessionFlags, SessionStage};

/// What an IRC client reads if its password is not compared.
pub const TOO_MANY_WRONG: &str = "Too many wrong passwords; try again later";
/// What it reads if the password is wrong, or if there is no such account.
pub const WRONG_PASSWORD: &str = "The account or the password is wrong";

/// Wrong passwords in a minute from one IPv4 address or one IPv6 /64, after which none is compared.
const MAX_FROM_NETWORK: u32 = 5;
/// Wrong passwords of one account in a minute, after which none is compared but from the network of its last login.
const MAX_FOR_ACCOUNT: u32 = 60;

/// Accounts that one IPv4 address or one IPv6 /64 can register in a minute.
const MAX_REGISTERED: u32 = 30;

/// What a password is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordUse {
    /// The session logs in as the account.
    LogIn(AccountId),
    /// The member registers this name, which is its nickname.
    Register(Name),
    /// The account gets another password.
    Change(AccountId),
    /// The account is removed.
    Unregister(AccountId),
    /// The member takes the name of the account, or its session logs in as the account.
    Take(AccountId),
    /// A session of IRC logs in to the account with SASL.
    Sasl(AccountId),
}

impl PasswordUse {
    /// Whether the session or its member is that of the account from now on, and the account stays as it is.
    fn logs_in(&self) -> bool {
        match self {
            PasswordUse::LogIn(_) | PasswordUse::Take(_) | PasswordUse::Sasl(_) => true,
            PasswordUse::Register(_) | PasswordUse::Change(_) | PasswordUse::Unregister(_) => false,
        }
    }

    /// The account whose password is compared.
    fn account(&self) -> Option<AccountId> {
        self.clone().account_mut().copied()
    }

    fn account_mut(&mut self) -> Option<&mut AccountId> {
        match self {
            PasswordUse::Register(_) => None,
            PasswordUse::LogIn(account)
            | PasswordUse::Change(account)
            | PasswordUse::Unregister(account)
            | PasswordUse::Take(account)
            | PasswordUse::Sasl(account) => Some(account),
        }
    }
}

/// A password that was given and whose answer is due.
#[derive(Serialize, Deserialize)]
struct PendingPassword {
    session: SessionId,
    purpose: PasswordUse,
    since: Duration,
}

/// A request that was taken and has no answer yet: it may be a wrong password.
#[derive(Serialize, Deserialize)]
struct TakenPassword {
    origin: Origin,
    network: Network,
    account: Option<AccountId>,
}

/// The passwords that wait, and the wrong ones of the last minute.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Passwords {
    /// Requests that have not been taken.
    waiting: PasswordQueue,
    taken: Vec<TakenPassword>,
    /// By session: what its password is for. Entries of sessions that have ended are removed with their connection.
    pending: BTreeMap<ClientId, PendingPassword>,
    networks: AttemptLimit<Network>,
    accounts: AttemptLimit<AccountId>,
    registrations: AttemptLimit<Network>,
    /// Wrong passwords since the start.
    wrong: u64,
}

impl Passwords {
    /// The number of sessions whose password is not compared yet.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Wrong passwords since the start.
    pub fn wrong(&self) -> u64 {
        self.wrong
    }

    /// The accounts of the passwords whose answers are due.
    pub fn accounts_mut(&mut self) -> impl Iterator<Item = &mut AccountId> {
        let pending = self.pending.values_mut().filter_map(|pending| pending.purpose.account_mut());
        pending.chain(self.taken.iter_mut().filter_map(|taken| taken.account.as_mut()))
    }

    /// Whether a session waits for an answer.
    pub fn awaits(&self, id: ClientId) -> bool {
        self.pending.contains_key(&id)
    }

    /// A connection is closed.
    pub fn forget(&mut self, id: ClientId) {
        self.pending.remove(&id);
    }

    /// Counts a wrong password from this network; `account`: whose it was, or `None` for that of the server.
    pub fn note_wrong(&mut self, network: Network, account: Option<AccountId>, now: Duration) {
        self.wrong += 1;
        self.networks.note(network, now);
        account.into_iter().for_each(|account| self.accounts.note(account, now));
    }

    /// Whether a password must wait for the answers to those that were taken: if all of these are wrong, it is one too many.
    fn must_wait(&self, network: Network, account: Option<AccountId>, now: Duration) -> bool {
        let of_network = self.taken.iter().filter(|taken| taken.network == network).count() as u32;
        let of_account = self.taken.iter().filter(|taken| account.is_some() && taken.account == account).count() as u32;
        let is_full = |wrong: u32, taken: u32, most: u32| taken > 0 && wrong + taken >= most;
        is_full(self.networks.count(network, now), of_network, MAX_FROM_NETWORK)
            || account.is_some_and(|account| is_full(self.accounts.count(account, now), of_account, MAX_FOR_ACCOUNT))
    }

    /// The time until a password from this network is compared, if there were too many wrong ones.
    pub fn wait_of_network(&self, network: Network, now: Duration) -> Option<Duration> {
        self.networks.wait(network, MAX_FROM_NETWORK, now)
    }
}

/// The whole seconds of a time, rounded up.
pub fn seconds_of(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000) as u64
}

impl Hub {
    /// Takes the next request for the process that hashes passwords. A session that must wait now is refused instead.
    pub fn poll_password(&mut self, now: Now) -> Option<PasswordRequest> {
        // Each network has one turn.
        for _ in 0..self.passwords.waiting.networks() {
            let network = self.passwords.waiting.next_network()?;
            let request = self.next_password(network, now);
            self.passwords.waiting.end_turn();
            if request.is_some() {
                return request;
            }
        }
        None
    }

    /// Takes the next request from a network, unless it must wait for the answers to others.
    fn next_password(&mut self, network: Network, now: Now) -> Option<PasswordRequest> {
        while let Some(request) = self.passwords.waiting.pop(network) {
            let id = request.origin.client;
            if self.sessions.find(request.origin).is_none_or(|session| session.is_leaving()) {
                continue;
            }
            // Others of its network may have given wrong passwords since it was queued.
            let account = self.passwords.pending.get(&id).and_then(|pending| pending.purpose.account());
            if let Some(wait) = self.password_wait(id, account, now) {
                self.refuse_password(id, wait, now);
                continue;
            }
            if self.passwords.must_wait(network, account, now.at) {
                self.passwords.waiting.put_back(network, request);
                return None;
            }
            self.passwords.taken.push(TakenPassword { origin: request.origin, network, account });
            return Some(request);
        }
        None
    }

    /// Whether there may be a request to take.
    pub fn has_passwords(&self) -> bool {
        !self.passwords.waiting.is_empty()
    }

    /// The keys with which a client proves the password of an account; `None` if the account was removed, or if its
    /// password has not been given since there are keys.
    pub fn scram_keys(&self, account: AccountId) -> Option<ScramKeys> {
        self.shared.accounts.get(account)?.scram.as_ref()?.parse().ok()
    }

    /// Whether a session waits for its password to be compared or hashed.
    pub fn awaits_password(&self, id: ClientId) -> bool {
        self.passwords.awaits(id)
    }

    /// Puts requests back that were taken and will not be answered; they are taken again first.
    pub fn return_passwords(&mut self, requests: Vec<PasswordRequest>) {
        for request in requests.into_iter().rev() {
            let Some(at) = self.passwords.taken.iter().position(|taken| taken.origin == request.origin) else {
                continue;
            };
            let network = self.passwords.taken.remove(at).network;
            self.passwords.waiting.put_back(network, request);
        }
    }

    /// The time until a password of a session is compared, if there were too many wrong ones.
    pub(in crate::chat::hub) fn password_wait(
        &self,
        id: ClientId,
        account: Option<AccountId>,
        now: Now,
    ) -> Option<Duration> {
        let network = Network::of_client(self.sessions.addr(id)?.ip());
        let of_account = || {
            let id = account?;
            let is_known = self.shared.accounts.get(id)?.network() == Some(network);
            self.passwords.accounts.wait(id, MAX_FOR_ACCOUNT, now.at).filter(|_| !is_known)
        };
        self.passwords.wait_of_network(network, now.at).or_else(of_account)
    }

    /// Ends the wait of a session for the answer; its lines go on. The time does not count for its login.
    fn end_password(&mut self, id: ClientId, now: Now) -> Option<PasswordUse> {
        let PendingPassword { purpose, since, .. } = self.passwords.pending.remove(&id)?;
        let session = &mut self.sessions[id];
        session.flags.remove(SessionFlags::AWAITS_ANSWER);
        if session.stage == SessionStage::LoggingIn {
            session.active += (now.at - since).as_micros() as u64;
        }
        self.outbound.resume(id);
        Some(purpose)
    }

    fn refuse_password(&mut self, id: ClientId, wait: Duration, now: Now) {
        let Some(purpose) = self.end_password(id, now) else { return };
        self.resume_command(id);
        self.set_irc_command(id, &purpose);
        let due = self.due_after(id, &purpose);
        match purpose {
            PasswordUse::Sasl(_) => self.refuse_irc_password(id, TOO_MANY_WRONG, &now),
            _ => self.fanout().refuse(id, Refusal::TooManyWrongPasswords { seconds: seconds_of(wait), due }),
        }
        self.end_command(id);
    }

    /// What is due after a refused password.
    fn due_after(&mut self, id: ClientId, purpose: &PasswordUse) -> Due {
        match purpose {
            PasswordUse::LogIn(_) => self.password_due(id),
            _ => Due::Nothing,
        }
    }

    /// Queues a password of a session.
    pub(in crate::chat::hub) fn queue_password(
        &mut self,
        id: ClientId,
        purpose: PasswordUse,
        job: PasswordJob,
        now: Now,
    ) {
        if let Some(wait) = self.password_wait(id, purpose.account(), now) {
            let due = self.due_after(id, &purpose);
            return self.fanout().refuse(id, Refusal::TooManyWrongPasswords { seconds: seconds_of(wait), due });
        }
        let network = Network::of_client(self.sessions.ip(id));
        let registers = matches!(purpose, PasswordUse::Register(_));
        let is_full = registers && self.passwords.registrations.count(network, now.at) >= MAX_REGISTERED;
        if is_full || !self.passwords.waiting.has_room(network) {
            return self.fanout().refuse(id, Refusal::TooManyLogins);
        }
        if registers {
            self.passwords.registrations.note(network, now.at);
        }
        let origin = self.sessions.origin(id);
        self.sessions[id].flags.insert(SessionFlags::AWAITS_ANSWER);
        self.passwords.pending.insert(id, PendingPassword { session: origin.session, purpose, since: now.at });
        self.passwords.waiting.push(network, PasswordRequest { origin, job });
        self.defer_answer(id);
    }

    /// Queues the comparison of a typed password with that of an account.
    pub(in crate::chat::hub) fn queue_account_password(
        &mut self,
        id: ClientId,
        purpose: PasswordUse,
        typed: &str,
        new: Option<&str>,
        now: Now,
    ) {
        let Some(account) = purpose.account().and_then(|account| self.shared.accounts.get(account)) else { return };
        let (password, verifier) = (Password::new(typed), account.verifier.clone());
        // Accounts of before there were keys get them now.
        let scram = purpose.logs_in() && account.scram.is_none();
        // It can be that of no account, and is not worth a hash.
        if password.text().len() > MAX_PASSWORD {
            return self.handle_wrong_password(id, &purpose, now);
        }
        let job = PasswordJob::Verify { password, verifier, new: new.map(Password::new), scram };
        self.queue_password(id, purpose, job, now);
    }
}
