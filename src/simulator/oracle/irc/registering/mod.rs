//! How an IRC session is registered: CAP, NICK, USER.

mod welcome;

use super::{MAX_LINE, Oracle, lines_of};
use crate::chat::Now;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::entering::name;
use crate::simulator::oracle::words::ReaderStage;

/// The capabilities of a server without accounts.
const CAPS: &[&str] = &[
    "account-notify",
    "account-tag",
    "away-notify",
    "batch",
    "cap-notify",
    "draft/chathistory",
    "draft/message-redaction",
    "draft/metadata-3",
    "draft/multiline",
    "draft/no-implicit-names",
    "draft/read-marker",
    "echo-message",
    "extended-join",
    "extended-monitor",
    "invite-notify",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "server-time",
    "setname",
    "standard-replies",
    "userhost-in-names",
];

/// The capabilities with a value.
const VALUES: &[(&str, &str)] = &[
    ("draft/metadata-3", "max-subs=50,max-keys=20,max-value-bytes=300"),
    ("draft/multiline", "max-bytes=4096,max-lines=24"),
];

/// What a session has said of itself before it is registered.
#[derive(Default)]
pub struct Registration {
    pub nick: Option<String>,
    /// The user name and the real name.
    pub user: Option<(String, String)>,
    negotiates: bool,
    /// The login is proposed and not committed.
    pending: bool,
}

impl Oracle {
    fn registration(&mut self, session: usize) -> Option<&mut Registration> {
        self.irc_mut(session).registration.as_mut()
    }

    pub(super) fn irc_cap(&mut self, who: usize, params: &[String]) {
        let param = |index: usize| params.get(index).map_or("", |param| param);
        match param(0) {
            "LS" => {
                self.negotiate(who);
                if param(1) == "302" {
                    self.irc_mut(who).knows_values = true;
                    self.irc_mut(who).caps.insert("cap-notify".into());
                }
                let knows_values = self.irc_mut(who).knows_values;
                let value_of = |cap: &str| VALUES.iter().find(|(name, _)| knows_values && *name == cap);
                let words = CAPS.iter().map(|&cap| match value_of(cap) {
                    Some((_, value)) => format!("{cap}={value}"),
                    None => cap.into(),
                });
                self.send_caps(who, "LS", words.collect());
            }
            "LIST" => {
                let caps: Vec<String> = self.irc_mut(who).caps.iter().cloned().collect();
                self.send_caps(who, "LIST", caps);
            }
            "REQ" => {
                self.negotiate(who);
                let list = param(1).trim();
                let mut caps = self.irc_mut(who).caps.clone();
                let mut is_known = true;
                for word in list.split(' ').filter(|word| !word.is_empty()) {
                    let name = word.strip_prefix('-').unwrap_or(word);
                    is_known &= CAPS.contains(&name) && (word != "-cap-notify" || !self.irc_mut(who).knows_values);
                    if word == name {
                        caps.insert(name.into())
                    } else {
                        caps.remove(name)
                    };
                }
                if is_known {
                    self.irc_mut(who).caps = caps;
                }
                self.send_cap(who, if is_known { "ACK" } else { "NAK" }, list);
            }
            "END" => {
                if let Some(registration) = self.registration(who) {
                    registration.negotiates = false;
                    self.irc_register(who);
                }
            }
            other => self.irc_numeric(who, 410, &format!("{other} :Invalid CAP subcommand")),
        }
    }

    fn negotiate(&mut self, who: usize) {
        self.registration(who).into_iter().for_each(|registration| registration.negotiates = true);
    }

    /// Sends a list of capabilities, in several lines to those who know values.
    fn send_caps(&mut self, who: usize, subcommand: &str, caps: Vec<String>) {
        let knows_values = self.irc_mut(who).knows_values;
        let around = format!(":{} CAP* {} {subcommand} * :", self.config.name, self.irc_nick(who)).len();
        let mut lines = lines_of(&caps, MAX_LINE - around);
        lines.truncate(if knows_values { usize::MAX } else { 1 });
        let last = lines.pop().unwrap_or_default();
        lines.iter().for_each(|line| self.send_cap(who, &format!("{subcommand} *"), line));
        self.send_cap(who, subcommand, &last);
    }

    fn send_cap(&mut self, who: usize, subcommand: &str, text: &str) {
        let line = format!(":{} CAP {} {subcommand} :{text}", self.config.name, self.irc_nick(who));
        self.irc_send(who, &line);
    }

    pub(super) fn irc_user(&mut self, who: usize, params: &[String]) {
        let registered = self.readers[who].member.is_some();
        if registered || self.registration(who).is_some_and(|registration| registration.user.is_some()) {
            return self.irc_numeric(who, 462, ":You may not reregister");
        }
        let user = format!("~{}", params[0].replace(|c: char| !c.is_ascii_alphanumeric(), ""));
        let real_name = params[3].clone();
        if let Some(registration) = self.registration(who) {
            registration.user = Some((user, real_name));
        }
        self.irc_register(who);
    }

    pub(super) fn irc_rename(&mut self, who: usize, params: &[String], now: Now) {
        let Some(typed) = params.first().filter(|typed| !typed.is_empty()) else {
            return self.irc_numeric(who, 431, ":No nickname given");
        };
        let new = match name(typed) {
            Ok(new) => new,
            Err(why) => {
                self.counts.unfit_names += usize::from(why.contains(" looks like ") || why.contains(" mixes "));
                return self.irc_numeric(who, 432, &format!("{typed} :{why}"));
            }
        };
        match self.readers[who].member {
            Some(member) if self.members[member].name == new => {}
            Some(member) => {
                let ip = self.readers[who].addr.ip();
                self.propose_or_refuse(Proposed::Rename { who: member, name: new, account: None, ip }, now);
            }
            None if self.find(&new).is_some() => {
                self.irc_numeric(who, 433, &format!("{typed} :Nickname is already in use"));
            }
            None => {
                self.irc_mut(who).nick = new.clone();
                if let Some(registration) = self.registration(who) {
                    registration.nick = Some(new);
                }
                self.irc_register(who);
            }
        }
    }

    /// Logs a session in when it has said all that is needed, and there is a place for it.
    pub(in crate::simulator::oracle) fn irc_register(&mut self, who: usize) {
        if self.readers[who].stage != ReaderStage::Asked {
            return;
        }
        let Some(Registration { nick: Some(nick), user: Some(_), negotiates: false, pending: false }) =
            self.registration(who)
        else {
            return;
        };
        let nick = nick.clone();
        if let Some(refusal) = self.refuse_login(&nick, None) {
            self.counts.alike_names += usize::from(refusal.contains(" looks like "));
            self.send_line(who, &refusal);
            return self.irc_forget_nick(who);
        }
        let pending = self.delayed;
        self.registration(who).into_iter().for_each(|registration| registration.pending = pending);
        self.propose(Proposed::Join { who, name: nick, room: String::new(), follow: Vec::new(), account: None });
    }

    /// A login was refused: another nickname is needed.
    pub(in crate::simulator::oracle) fn irc_forget_nick(&mut self, who: usize) {
        if let Some(registration) = self.registration(who) {
            (registration.nick, registration.pending) = (None, false);
        }
        self.irc_mut(who).nick = "*".into();
    }

    /// A session has a member from now on.
    pub(in crate::simulator::oracle) fn irc_begin(&mut self, session: usize, member: usize) {
        let name = self.members[member].name.clone();
        let irc = self.irc_mut(session);
        irc.nick = name;
        irc.registration = None;
        self.counts.irc_members += 1;
        self.irc_welcome(session, member);
    }

    /// A member says another real name. Of a muted one only itself is told that, and it stays.
    pub(in crate::simulator::oracle) fn irc_introduced(&mut self, who: usize, real_name: &str, now: Now) {
        let is_muted = self.is_muted(who, now);
        if !is_muted {
            self.members[who].identity.real_name = Some(real_name.into());
        }
        let name = self.members[who].name.clone();
        let own = self.sessions(who).into_iter().filter(|&session| self.is_irc(session)).collect();
        let readers = if is_muted { own } else { &self.irc_neighbours(who) | &own };
        for session in readers {
            if self.readers[session].has_cap("setname") {
                self.counts.irc_optional += 1;
                self.irc_event(session, who, &name, &format!("SETNAME :{real_name}"), now);
            }
        }
        if !is_muted {
            self.irc_show_watchers(who, "setname", &format!("SETNAME :{real_name}"), now);
        }
    }

    /// What the session of a login has said of its user.
    pub(in crate::simulator::oracle) fn introduce(&mut self, who: usize, session: usize) {
        let registration = self.readers[session].irc.as_ref().and_then(|irc| irc.registration.as_ref());
        if let Some((user, real_name)) = registration.and_then(|registration| registration.user.clone()) {
            let identity = &mut self.members[who].identity;
            (identity.user, identity.real_name) = (user, Some(real_name));
        }
    }
}
