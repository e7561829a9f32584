//! The keys of an account for SCRAM-SHA-256: they are always those of its present password.

use super::{AccountHub, answer_to, stored};
use crate::chat::change::Committed;
use crate::chat::config::Config;
use crate::chat::id::AccountId;
use crate::chat::password::{PasswordAnswer, PasswordRequest};
use crate::chat::record::{AccountRecord, InitialState};
use crate::chat::scram_keys::ScramKeys;

impl AccountHub {
    /// A server with the account `alice`, whose password is `fish`, and these keys.
    fn with_keys(scram: Option<&str>) -> Self {
        let (verifier, scram) = (stored("fish").0, scram.map(Into::into));
        let account = AccountRecord { name: "alice".into(), verifier, scram, data: Default::default() };
        Self::restored(Config::default(), InitialState { accounts: vec![account], ..super::start() })
    }

    fn alice(&self) -> AccountId {
        self.server.hub.shared.accounts.find("alice").expect("the account")
    }

    /// The password of which the account has keys.
    fn keys(&self) -> Option<&'static str> {
        let keys = self.server.hub.scram_keys(self.alice())?.to_string();
        ["fish", "cat"].into_iter().find(|password| *keys == *stored(password).1)
    }

    fn poll(&mut self) -> PasswordRequest {
        let now = self.server.now();
        self.server.hub.poll_password(now).expect("a password that waits")
    }

    fn handle(&mut self, request: &PasswordRequest) {
        let now = self.server.now();
        self.server.hub.handle_password(request, answer_to(&request.job), now);
    }

    /// Commits all changes that are proposed, in their order.
    fn commit_all(&mut self, seq: &mut u64) {
        let now = self.server.now();
        while let Some(proposal) = self.server.hub.poll_proposal() {
            *seq += 1;
            let committed =
                Committed { seq: *seq, time: now, origin: proposal.origin, place: None, change: proposal.change };
            self.server.hub.handle_committed(&committed, &now);
        }
    }
}

#[test]
fn registration_and_change_of_password_make_keys() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    assert_eq!(hub.keys(), Some("fish"));
    assert_eq!(hub.account("alice").scram, Some(stored("fish").1));
    hub.check(alice, "/password fish cat", "* The password is changed.");
    assert_eq!(hub.keys(), Some("cat"));
    assert_eq!(hub.account("alice").scram, Some(stored("cat").1));
    // They are there after a restart.
    assert_eq!(AccountHub::restored(Config::default(), hub.initial()).keys(), Some("cat"));
}

#[test]
fn account_without_keys_gets_them_at_a_login() {
    for broken in [None, Some("no keys")] {
        let mut hub = AccountHub::with_keys(broken);
        assert_eq!(hub.server.hub.scram_keys(hub.alice()), None);
        let alice = hub.enter("alice");
        hub.say(alice, "bird");
        assert_eq!(hub.keys(), None);
        assert!(hub.answer(alice, "fish")[0].starts_with("* You are alice."));
        assert_eq!(hub.keys(), Some("fish"));
        assert_eq!(hub.account("alice").scram, Some(stored("fish").1));
    }
    let mut hub = AccountHub::with_keys(None);
    let guest = hub.enter("guest");
    hub.say(guest, "/nick alice fish");
    assert_eq!(hub.keys(), Some("fish"));
    let mut hub = AccountHub::with_keys(None);
    let alice = hub.log_in("alice");
    hub.say(alice, "/unregister fish");
    assert!(hub.server.hub.shared.accounts.find("alice").is_none());
}

#[test]
fn keys_that_are_there_are_not_made_again() {
    let mut hub = AccountHub::with_keys(Some(&stored("fish").1));
    let alice = hub.enter("alice");
    hub.server.say(alice, "fish");
    let request = hub.poll();
    assert_eq!(request.job.makes(), (false, false));
    hub.handle(&request);
    hub.settle();
    assert_eq!(hub.keys(), Some("fish"));
}

#[test]
fn keys_of_an_old_password_are_not_stored() {
    let mut hub = AccountHub::with_keys(None);
    let alice = hub.enter("alice");
    hub.server.say(alice, "fish");
    let login = hub.poll();
    assert_eq!(login.job.makes(), (false, true));
    // Before the answer another password is set, of which there are no keys.
    let account = hub.alice();
    hub.server.hub.shared.accounts[account].verifier = stored("cat").0;
    hub.handle(&login);
    hub.settle();
    assert_eq!(hub.server.hub.scram_keys(account), None);
}

#[test]
fn keys_that_are_committed_after_another_password_are_refused() {
    let mut hub = AccountHub::with_keys(None);
    hub.server.hub.use_external_sequencer();
    let [first, second] = [hub.log_in("alice"), hub.enter("alice")];
    let (account, mut seq) = (hub.alice(), 0);
    hub.commit_all(&mut seq);
    assert_eq!(hub.keys(), Some("fish"));
    hub.server.hub.shared.accounts[account].scram = None;
    hub.server.say(first, "/password fish cat");
    hub.server.say(second, "fish");
    let requests = [hub.poll(), hub.poll()];
    assert_eq!(requests.each_ref().map(|request| request.job.makes()), [(true, true), (false, true)]);
    requests.iter().for_each(|request| hub.handle(request));
    hub.commit_all(&mut seq);
    assert_eq!(hub.keys(), Some("cat"));
    assert_eq!(hub.server.hub.shared.accounts[account].verifier, stored("cat").0);
    assert!(!hub.server.read(second).iter().any(|line| line.contains("Wrong password")), "nobody waits for it");
}

#[test]
fn first_of_two_keys_stay() {
    let mut hub = AccountHub::with_keys(None);
    let sessions = [hub.enter("alice"), hub.enter("alice")];
    sessions.iter().for_each(|&id| hub.server.say(id, "fish"));
    let requests = [hub.poll(), hub.poll()];
    assert!(requests.iter().all(|request| request.job.makes() == (false, true)));
    hub.handle(&requests[0]);
    assert_eq!(hub.keys(), Some("fish"));
    // Another salt makes other keys.
    let scram = Some(ScramKeys::made_up("fish", b"another salt").to_string().into());
    let now = hub.server.now();
    hub.server.hub.handle_password(&requests[1], PasswordAnswer::Right { verifier: None, scram }, now);
    hub.settle();
    assert_eq!(hub.keys(), Some("fish"));
}
