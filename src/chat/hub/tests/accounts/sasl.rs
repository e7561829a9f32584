//! How IRC clients log in to accounts.

use data_encoding::BASE64;

use super::{AccountHub, answer_to};
use crate::chat::config::Config;
use crate::chat::encoding::{Encoding, IrcShape};
use crate::chat::id::ClientId;
use crate::chat::input::{NewConnection, ResumeRequest};
use crate::chat::password::PasswordAnswer;

/// The name and the password of alice.
const PLAIN: &str = "AUTHENTICATE AGFsaWNlAGZpc2g=";

impl AccountHub {
    /// A connection of IRC that has done nothing yet.
    pub(super) fn connect_irc(&mut self, slot: usize, host: [u8; 4]) -> ClientId {
        let (id, now) = (ClientId::new(slot), self.server.now());
        let encoding = Encoding::Irc(IrcShape::empty());
        let resume_request = ResumeRequest::default();
        let arrival = NewConnection { addr: (host, 1).into(), encoding, preface: &[], resume_request };
        self.server.hub.handle_connection(id, arrival, now);
        id
    }

    /// Begins a login with SCRAM-SHA-256 as alice; returns the nonce of the server, or how it was refused.
    fn begin_scram(&mut self, id: ClientId) -> Result<String, String> {
        self.say(id, "AUTHENTICATE SCRAM-SHA-256");
        let first = self.answer(id, &format!("AUTHENTICATE {}", BASE64.encode(b"n,,n=alice,r=abc"))).remove(0);
        let Some((_, message)) = first.split_once("AUTHENTICATE ") else { return Err(first) };
        let message = String::from_utf8(BASE64.decode(message.as_bytes()).unwrap()).unwrap();
        Ok(message.split(',').next().unwrap()["r=".len()..].to_owned())
    }

    /// Ends a login with SCRAM-SHA-256 with a proof that is wrong.
    fn guess(&mut self, id: ClientId, nonce: &str) -> String {
        let last = format!("c=biws,r={nonce},p={}", BASE64.encode(&[7; 32]));
        self.answer(id, &format!("AUTHENTICATE {}", BASE64.encode(last.as_bytes()))).remove(0)
    }
}

const WRONG: &str = "The account or the password is wrong";
const TOO_MANY: &str = "Too many wrong passwords; try again later";

#[test]
fn limit_on_wrong_passwords_holds_for_exchanges_that_began_before() {
    let mut hub = AccountHub::new(Config::default());
    hub.register("alice");
    let guessers: Vec<ClientId> = (40..60).map(|slot| hub.connect_irc(slot, [10, 0, 1, 1])).collect();
    let nonces: Vec<String> = guessers.iter().map(|&id| hub.begin_scram(id).unwrap()).collect();
    let answers: Vec<String> = guessers.iter().zip(&nonces).map(|(&id, nonce)| hub.guess(id, nonce)).collect();
    assert!(answers[..5].iter().all(|answer| answer.ends_with(WRONG)), "{answers:?}");
    assert!(answers[5..].iter().all(|answer| answer.ends_with(TOO_MANY)), "{answers:?}");
    assert!(hub.begin_scram(guessers[0]).unwrap_err().ends_with(TOO_MANY));
}

#[test]
fn limit_on_wrong_passwords_of_an_account_holds_for_both_steps() {
    let mut hub = AccountHub::new(Config::default());
    hub.register("alice");
    let guessers: Vec<ClientId> = (0..62).map(|n| hub.connect_irc(40 + n, [10, 0, 1, n as u8])).collect();
    for &id in &guessers[..60] {
        let nonce = hub.begin_scram(id).unwrap();
        if id == guessers[59] {
            let early = hub.begin_scram(guessers[60]).unwrap();
            assert!(hub.guess(id, &nonce).ends_with(WRONG));
            assert!(hub.guess(guessers[60], &early).ends_with(TOO_MANY));
        } else {
            assert!(hub.guess(id, &nonce).ends_with(WRONG));
        }
    }
    assert!(hub.begin_scram(guessers[61]).unwrap_err().ends_with(TOO_MANY));
}

#[test]
fn session_whose_account_is_removed_before_it_is_registered_chooses_another_name() {
    let mut hub = AccountHub::new(Config::default());
    let page = hub.register("alice");
    let id = hub.connect_irc(40, [10, 0, 1, 1]);
    for line in ["CAP REQ :sasl", "NICK alice", "USER x 0 * :x", "AUTHENTICATE PLAIN", PLAIN] {
        hub.say(id, line);
    }
    hub.say(page, "/unregister fish");
    let answer = hub.answer(id, "CAP END");
    assert!(answer[0].ends_with("NOTICE alice :The account was removed."), "{answer:?}");
    assert!(answer[1].contains(" 901 * alice!*@* :") && answer[2].contains(" 433 * alice :"), "{answer:?}");
    assert!(hub.answer(id, "NICK erin")[0].contains(" 001 erin :"));
}

#[test]
fn session_logs_in_again_after_its_account_was_removed() {
    let mut hub = AccountHub::new(Config::default());
    let page = hub.register("alice");
    hub.leave(page);
    let id = hub.connect_irc(40, [10, 0, 1, 1]);
    for line in ["CAP REQ :sasl", "AUTHENTICATE PLAIN", PLAIN, "NICK alice", "USER x 0 * :x", "CAP END"] {
        hub.say(id, line);
    }
    hub.say(ClientId::CONSOLE, "/unregister alice");
    let answer = hub.answer(id, "AUTHENTICATE PLAIN");
    assert!(answer.iter().any(|line| line.ends_with("AUTHENTICATE +")), "{answer:?}");
}

#[test]
fn account_that_is_removed_while_a_password_is_compared_is_not_logged_in_to() {
    let mut hub = AccountHub::new(Config::default());
    let page = hub.register("alice");
    let id = hub.connect_irc(40, [10, 0, 1, 1]);
    hub.say(id, "AUTHENTICATE PLAIN");
    hub.server.say(id, PLAIN);
    let now = hub.server.now();
    let request = hub.server.hub.poll_password(now).unwrap();
    hub.say(page, "/unregister fish");
    hub.server.read(id);
    hub.server.hub.handle_password(&request, answer_to(&request.job), now);
    assert!(hub.server.read(id)[0].ends_with("SASL authentication failed: The account was removed"));
}

#[test]
fn answers_that_wait_for_a_password_have_the_label_of_their_command() {
    let mut hub = AccountHub::new(Config::default());
    hub.register("alice");
    let id = hub.connect_irc(40, [10, 0, 1, 1]);
    hub.say(id, "CAP REQ :sasl batch labeled-response draft/account-registration");
    let answer = hub.answer(id, "@label=1 AUTHENTICATE PLAIN");
    assert!(answer.len() == 1 && answer[0].starts_with("@label=1 "), "{answer:?}");
    let answer = hub.answer(id, &format!("@label=2 {PLAIN}"));
    assert!(answer.len() == 4 && answer[0].starts_with("@label=2 ") && answer[0].contains(" BATCH +"), "{answer:?}");
    assert!(answer[1].contains(" 900 ") && answer[2].contains(" 903 "), "{answer:?}");
    let bob = hub.server.enter_irc("bob");
    hub.say(bob, "CAP REQ :batch labeled-response draft/account-registration");
    let answer = hub.answer(bob, "@label=3 REGISTER * * catfish");
    assert!(answer[0].starts_with("@label=3 ") && !answer[0].contains(" ACK"), "{answer:?}");
    assert!(answer.iter().any(|line| line.contains("REGISTER SUCCESS")), "{answer:?}");
}

#[test]
fn login_can_begin_again_after_a_password_was_not_compared() {
    let mut hub = AccountHub::new(Config::default());
    hub.register("alice");
    let id = hub.connect_irc(40, [10, 0, 1, 1]);
    hub.say(id, "AUTHENTICATE PLAIN");
    hub.server.say(id, PLAIN);
    let now = hub.server.now();
    let request = hub.server.hub.poll_password(now).unwrap();
    hub.server.hub.handle_password(&request, PasswordAnswer::Failed, now);
    let answer = hub.server.read(id);
    assert!(
        answer.last().unwrap().ends_with("SASL authentication failed: Passwords cannot be compared now"),
        "{answer:?}"
    );
    assert!(hub.answer(id, "AUTHENTICATE PLAIN")[0].ends_with("AUTHENTICATE +"));
}

#[test]
fn guessers_are_not_told_which_accounts_there_are() {
    let mut hub = AccountHub::new(Config::default());
    hub.register("alice");
    for (name, network, first) in [("nobody", 1, 40), ("alice", 2, 50)] {
        let mut answers = Vec::new();
        for slot in first..first + 7 {
            let id = hub.connect_irc(slot, [10, 0, network, 1]);
            hub.say(id, "AUTHENTICATE PLAIN");
            let guess = BASE64.encode(format!("\0{name}\0wrong").as_bytes());
            answers.push(hub.answer(id, &format!("AUTHENTICATE {guess}")).remove(0));
        }
        assert!(answers[..5].iter().all(|answer| answer.ends_with(WRONG)), "{answers:?}");
        assert!(answers[5..].iter().all(|answer| answer.ends_with(TOO_MANY)), "{answers:?}");
    }
}
