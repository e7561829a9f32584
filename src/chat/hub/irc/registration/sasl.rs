//! AUTHENTICATE: how a session logs in to an account.
//!
//! Sources: <https://ircv3.net/specs/extensions/sasl-3.2>; PLAIN: RFC 4616; SCRAM-SHA-256: RFC 5802, RFC 7677.

use compact_str::format_compact;
use data_encoding::BASE64;
use siphasher::sip::SipHasher13;

use crate::chat::cause::Cause;
use crate::chat::change::Change;
use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::login::passwords::{PasswordUse, TOO_MANY_WRONG, WRONG_PASSWORD};
use crate::chat::id::{AccountId, ClientId, Now};
use crate::chat::input::Close;
use crate::chat::irc::scram::ScramExchange;
use crate::chat::policy::cidr::Network;
use crate::chat::session::irc::{Sasl, SaslStep};

/// The bytes of one piece of a message; a shorter one is the last.
const PIECE: usize = 400;
/// The most bytes of a message in base64.
const MAX_MESSAGE: usize = 5 * PIECE;

impl Hub {
    /// AUTHENTICATE
    pub(in crate::chat::hub::irc) fn irc_authenticate(&mut self, call: &Call) {
        let (id, text) = (call.id, call.text(0));
        let has_account = self.sessions[id].member.is_some_and(|slot| self.shared.members[slot].account().is_some());
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        if has_account || irc.unfinished().account.is_some() {
            return self.numeric(id, 907, &[], "You have already authenticated using SASL");
        }
        if text == "*" {
            irc.unfinished_mut().sasl = None;
            return self.numeric(id, 906, &[], "SASL authentication aborted");
        }
        let Some(sasl) = &mut irc.unfinished_mut().sasl else { return self.begin_sasl(call) };
        if text.len() > PIECE {
            irc.unfinished_mut().sasl = None;
            return self.numeric(id, 905, &[], "SASL message too long");
        }
        if text != "+" {
            sasl.received.push_str(text);
        }
        if sasl.received.len() > MAX_MESSAGE {
            return self.fail_sasl(id, "The message is too long");
        }
        if text.len() == PIECE {
            return;
        }
        let received = std::mem::take(&mut sasl.received);
        match BASE64.decode(received.as_bytes()) {
            Ok(message) => self.continue_sasl(id, &message, call.now),
            Err(_) => self.fail_sasl(id, "The message is not base64"),
        }
    }

    fn begin_sasl(&mut self, call: &Call) {
        let id = call.id;
        if !self.keeps_accounts() {
            return self.numeric(id, 904, &[], "SASL authentication failed: this server has no accounts");
        }
        let step = match &*call.text(0).to_ascii_uppercase() {
            "PLAIN" => SaslStep::Plain,
            "SCRAM-SHA-256" => SaslStep::ScramFirst,
            _ => {
                self.numeric(id, 908, &["PLAIN,SCRAM-SHA-256"], "are available SASL mechanisms");
                return self.fail_sasl(id, "There is no such mechanism");
            }
        };
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().sasl = Some(Box::new(Sasl { received: String::new(), step }));
        }
        self.server_line(id, "AUTHENTICATE", &["+"], None);
    }

    fn continue_sasl(&mut self, id: ClientId, message: &[u8], now: &Now) {
        let Some(sasl) = self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().sasl.take()) else { return };
        match sasl.step {
            SaslStep::Plain => self.sasl_plain(id, message, now),
            SaslStep::ScramFirst => self.scram_first(id, message, now),
            SaslStep::ScramFinal(exchange) => self.scram_final(id, *exchange, message, now),
            SaslStep::ScramDone(account) => self.finish_sasl(id, account, now),
            // It waits for its password to be compared.
            SaslStep::Pending => {}
        }
    }

    /// The message of PLAIN: the account to act as, the account to log in to, and its password, with NUL between them.
    fn sasl_plain(&mut self, id: ClientId, message: &[u8], now: &Now) {
        let parts: Vec<&[u8]> = message.split(|byte| *byte == 0).collect();
        let &[acts_as, owner, password] = &parts[..] else {
            return self.fail_sasl(id, "The message is not one of PLAIN");
        };
        let (Ok(acts_as), Ok(owner), Ok(password)) =
            (str::from_utf8(acts_as), str::from_utf8(owner), str::from_utf8(password))
        else {
            return self.fail_sasl(id, "The message is not UTF-8");
        };
        if !acts_as.is_empty() && !super::is_same(acts_as, owner) {
            return self.fail_sasl(id, "An account can act only as itself");
        }
        self.compare_irc_password(id, owner, password, now);
    }

    /// Compares a password with that of the account with this name; the answer comes later.
    pub(in crate::chat::hub::irc) fn compare_irc_password(
        &mut self,
        id: ClientId,
        owner: &str,
        password: &str,
        now: &Now,
    ) {
        let found = self.shared.accounts.find(owner);
        // The answer is the same whether the account exists or not.
        if self.password_wait(id, found, *now).is_some() {
            return self.refuse_irc_password(id, TOO_MANY_WRONG, now);
        }
        let Some(account) = found else {
            let network = Network::of_client(self.sessions.ip(id));
            self.passwords.note_wrong(network, None, now.at);
            return self.refuse_irc_password(id, WRONG_PASSWORD, now);
        };
        self.set_sasl(id, SaslStep::Pending);
        self.queue_account_password(id, PasswordUse::Sasl(account), password, None, *now);
        if !self.passwords.awaits(id) {
            // It was refused at once.
            self.fail_sasl(id, "Try again later");
        }
    }

    fn set_sasl(&mut self, id: ClientId, step: SaslStep) {
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().sasl = Some(Box::new(Sasl { received: String::new(), step }));
        }
    }

    fn scram_first(&mut self, id: ClientId, message: &[u8], now: &Now) {
        let mut exchange = match ScramExchange::begin(message) {
            Ok(exchange) => exchange,
            Err(error) => return self.fail_sasl(id, &error.to_string()),
        };
        let account = self.shared.accounts.find(exchange.user());
        if self.password_wait(id, account, *now).is_some() {
            return self.fail_sasl(id, TOO_MANY_WRONG);
        }
        let keys = account.and_then(|account| self.scram_keys(account));
        let [a, b] = self.cloak_key;
        let secret = [a.to_le_bytes(), b.to_le_bytes()].concat();
        let nonce = self.nonce(id, now);
        let answer = exchange.server_first(&nonce, keys.as_ref(), &secret);
        self.set_sasl(id, SaslStep::ScramFinal(Box::new(exchange)));
        self.send_sasl(id, answer.as_bytes());
    }

    fn scram_final(&mut self, id: ClientId, exchange: ScramExchange, message: &[u8], now: &Now) {
        let account = self.shared.accounts.find(exchange.user());
        // Others may have given wrong passwords since the first step.
        if self.password_wait(id, account, *now).is_some() {
            return self.fail_sasl(id, TOO_MANY_WRONG);
        }
        match (exchange.finish(message), account) {
            (Ok(answer), Some(account)) => {
                self.set_sasl(id, SaslStep::ScramDone(account));
                self.send_sasl(id, answer.as_bytes());
            }
            (Err(_), _) | (_, None) => {
                let network = Network::of_client(self.sessions.ip(id));
                self.passwords.note_wrong(network, account, now.at);
                self.fail_sasl(id, WRONG_PASSWORD);
            }
        }
    }

    /// A text that no client can guess, and that is not used again: keyed hashes of what has happened so far.
    fn nonce(&mut self, id: ClientId, now: &Now) -> String {
        let [a, b] = self.config.hash_key;
        let stamp = self.outbound.next_stamp();
        let hash = |part: u8| {
            let text =
                format!("{part} {stamp} {} {} {}", id.slot(), now.at.as_nanos(), now.local.unix_timestamp_nanos());
            SipHasher13::new_with_keys(a, b).hash(text.as_bytes())
        };
        format!("{:016x}{:016x}", hash(0), hash(1))
    }

    /// Sends a message of the server in pieces.
    fn send_sasl(&mut self, id: ClientId, message: &[u8]) {
        let text = BASE64.encode(message);
        let mut rest = &*text;
        loop {
            let (piece, more) = rest.split_at(rest.len().min(PIECE));
            self.server_line(id, "AUTHENTICATE", &[if piece.is_empty() { "+" } else { piece }], None);
            rest = more;
            if piece.len() < PIECE {
                return;
            }
        }
    }

    /// A session has proved that it has the password of an account.
    pub(in crate::chat::hub) fn finish_sasl(&mut self, id: ClientId, account: AccountId, now: &Now) {
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        irc.unfinished_mut().sasl = None;
        if self.shared.accounts.get(account).is_none() {
            return self.fail_sasl(id, "The account was removed");
        }
        let member = self.sessions[id].member.map(|slot| self.shared.members.id(slot));
        if let Some(member) = member {
            let is_used = self.shared.accounts.get(account).is_none_or(|account| account.member.is_some());
            if is_used || self.shared.members.account(member).is_some() {
                return self.fail_sasl(id, "The account has another session: connect again, and log in before that");
            }
            let network = Network::of_client(self.sessions.ip(id));
            // It is told when that is committed.
            return self.propose_checked(id, Change::LogIn { member, account, network }, now);
        }
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().account = Some(account);
        }
        let name = self.shared.accounts.name(account).to_owned();
        self.tell_logged_in(id, &name);
        let is_by_pass = self.sessions.irc(id).is_some_and(|irc| irc.unfinished().command == "PASS");
        if !is_by_pass {
            self.end_sasl(id);
        }
        self.register_irc(id, now);
    }

    /// 903
    pub(in crate::chat::hub) fn end_sasl(&mut self, id: ClientId) {
        self.numeric(id, 903, &[], "SASL authentication successful");
    }

    /// 900
    pub(in crate::chat::hub) fn tell_logged_in(&mut self, id: ClientId, account: &str) {
        let mask = match self.sessions[id].member {
            Some(slot) => self.shared.members.full_name(slot),
            None => format_compact!("{}!*@*", self.irc_name(id)),
        };
        self.numeric(id, 900, &[&mask, account], &format!("You are now logged in as {account}"));
    }

    /// 904
    fn fail_sasl(&mut self, id: ClientId, why: &str) {
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().sasl = None;
        }
        self.numeric(id, 904, &[], &format!("SASL authentication failed: {why}"));
    }

    /// Refuses the password of an account; a session that has sent it with PASS is closed.
    pub(in crate::chat::hub) fn refuse_irc_password(&mut self, id: ClientId, why: &str, now: &Now) {
        if self.sessions.irc(id).is_some_and(|irc| irc.unfinished().command == "PASS") {
            self.numeric(id, 464, &[], why);
            self.error_line(id, &format!("Closing link: {why}"));
            return self.end_session(id, Cause::WrongPassword, Close::WhenRead, *now);
        }
        self.fail_sasl(id, why);
    }
}
