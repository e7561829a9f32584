//! Tests of accounts: register, log in, several sessions, and what an account keeps.

mod away;
mod kept;
mod markers;
mod multiline;
mod notified;
mod passwords;
mod reloading;
mod role_messages;
mod sasl;
mod scram;
mod sequenced;
mod sessions;

use super::store_queue::start;
use super::test_hub::TestHub;
use crate::chat::config::Config;
use crate::chat::id::ClientId;
use crate::chat::password::{PasswordAnswer, PasswordJob};
use crate::chat::query::Answer;
use crate::chat::record::{AccountRecord, InitialState, Record};
use crate::chat::scram_keys::ScramKeys;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const PROMPT: &str = "* alice is registered. Password: (visible as you type)";

/// What is stored of a password: verifier and keys.
fn stored(password: &str) -> (Box<str>, Box<str>) {
    (format!("#{password}").into(), ScramKeys::made_up(password, b"").to_string().into())
}

/// The answer of a process that hashes passwords.
pub(super) fn answer_to(job: &PasswordJob) -> PasswordAnswer {
    let password = match job {
        PasswordJob::Verify { password, verifier, .. } if stored(password.text()).0 != *verifier => {
            return PasswordAnswer::Wrong;
        }
        PasswordJob::Hash { password } | PasswordJob::Verify { password, new: None, .. } => password,
        PasswordJob::Verify { new: Some(new), .. } => new,
    };
    let ((makes_verifier, makes_keys), (verifier, scram)) = (job.makes(), stored(password.text()));
    PasswordAnswer::Right { verifier: makes_verifier.then_some(verifier), scram: makes_keys.then_some(scram) }
}

/// A hub with a store, whose records are collected, and whose passwords are hashed by adding a letter.
struct AccountHub {
    server: TestHub,
    records: Vec<Record>,
}

/// Answers the requests for passwords and the queries of the store, which has nothing.
pub fn answer_all(server: &mut TestHub) {
    let now = server.now();
    loop {
        if let Some(request) = server.hub.poll_password(now) {
            server.hub.handle_password(&request, answer_to(&request.job), now);
        } else if let Some(query) = server.hub.poll_query() {
            server.hub.handle_answer(query, Answer::Nothing, now);
        } else {
            return;
        }
    }
}

impl AccountHub {
    fn new(config: Config) -> Self {
        Self::restored(config, start())
    }

    fn restored(config: Config, initial: InitialState) -> Self {
        let mut server = TestHub::with(config);
        let now = server.now();
        server.hub.restore(initial, now);
        AccountHub { server, records: Vec::new() }
    }

    /// Answers the requests for passwords and the queries of the store, which has nothing.
    fn settle(&mut self) {
        answer_all(&mut self.server);
        self.records.extend(self.server.hub.poll_records());
        self.server.hub.audit().unwrap();
    }

    fn say(&mut self, id: ClientId, line: &str) {
        self.server.say(id, line);
        self.settle();
    }

    fn answer(&mut self, id: ClientId, line: &str) -> Vec<String> {
        self.server.read(id);
        self.say(id, line);
        self.server.read(id)
    }

    fn check(&mut self, id: ClientId, line: &str, answer: &str) {
        assert_eq!(self.answer(id, line), [answer], "{line}");
    }

    fn enter(&mut self, name: &str) -> ClientId {
        let id = self.server.enter(name);
        self.settle();
        self.server.read(id);
        id
    }

    /// A member that has just registered.
    fn register(&mut self, name: &str) -> ClientId {
        let id = self.enter(name);
        let registered = format!("* {name} is registered now: who logs in as {name} is asked for the password.");
        self.check(id, "/register fish", &registered);
        id
    }

    /// One more session of an account.
    fn log_in(&mut self, name: &str) -> ClientId {
        let id = self.enter(name);
        self.say(id, "fish");
        self.server.read(id);
        id
    }

    fn leave(&mut self, id: ClientId) {
        self.say(id, "/quit");
        self.server.read(id);
        let now = self.server.now();
        while self.server.hub.poll_close().is_some() {}
        self.server.hub.handle_closed(id, now);
        self.server.hub.audit().unwrap();
    }

    /// The newest record of an account.
    fn account(&self, name: &str) -> &AccountRecord {
        let accounts = self.records.iter().rev().filter_map(|record| match record {
            Record::Account(account) if account.name == name => Some(&**account),
            _ => None,
        });
        accounts.into_iter().next().expect("a record of the account")
    }

    /// What a server starts with that reads these records.
    fn initial(&self) -> InitialState {
        let names: std::collections::BTreeSet<&str> = self
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Account(account) => Some(&*account.name),
                _ => None,
            })
            .collect();
        let accounts = names.into_iter().map(|name| self.account(name).clone()).collect();
        InitialState { accounts, ..start() }
    }
}
