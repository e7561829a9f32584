//! What the operator types.

use std::net::IpAddr;
use std::time::Duration;

use super::rooms::clock;
use super::talking::split;
use super::{OPERATOR, Oracle, key};
use crate::chat::{Cause, Now};

impl Oracle {
    pub(super) fn is_banned(&self, ip: IpAddr, now: Now) -> bool {
        self.bans.get(&ip).is_some_and(|until| until.is_none_or(|until| until > now.at))
    }

    /// Whether an order is to lift a ban that holds no more.
    pub fn lifts_what_has_run_out(&self, order: &str, now: Now) -> bool {
        let ip = order.strip_prefix("/unban ").and_then(|ip| ip.parse().ok());
        ip.is_some_and(|ip| self.bans.contains_key(&ip) && !self.is_banned(ip, now))
    }

    /// Carries out a line of the operator's; who has to go on account of it goes when that is heard of.
    pub fn operate(&mut self, line: &str, now: Now) {
        let (word, rest) = split(line);
        match word {
            "/rooms" => {
                let list = self.list_of_rooms();
                self.tell_console(&list);
            }
            "/kick" => self.kick(rest),
            "/ban" => self.ban(rest, now),
            "/unban" => match rest.parse() {
                Ok(ip) if self.bans.remove(&ip).is_some() => {
                    self.tell_console(&format!("* {ip} is no longer banned."));
                }
                _ => self.tell_console(&format!("! {rest} is not a banned address. /bans lists them.")),
            },
            "/shutdown" => self.ending = true,
            _ if word.starts_with('@') => {
                let name = &word[1..];
                let Some(target) = self.names.get(&key(name)).copied() else {
                    return self.tell_console(&format!("! Nobody here is called {name}."));
                };
                let to = self.readers[target].name.clone();
                self.begin_console_day(now);
                self.tell_console(&format!("{} you -> {to}: {rest}", clock(now)));
                self.hear_whisper(target, OPERATOR, "server", rest, now);
            }
            _ => self.say(OPERATOR, 0, false, line, now),
        }
    }

    fn kick(&mut self, rest: &str) {
        let (name, why) = split(rest);
        let Some(&who) = self.names.get(&key(name)) else {
            return self.tell_console(&format!("! Nobody here is called {name}."));
        };
        let why = Some(why).filter(|why| !why.is_empty());
        let words = why.map_or("* You were kicked by the operator.".into(), |why| {
            format!("* You were kicked by the operator: {why}")
        });
        self.tell(who, &words);
        self.readers[who].due = Some(Cause::Kicked(why.map(Box::from)));
    }

    fn ban(&mut self, rest: &str, now: Now) {
        let (what, minutes) = split(rest);
        let named = self.names.get(&key(what)).map(|&who| self.readers[who].addr.ip());
        let Some(ip) = named.or_else(|| what.parse().ok()) else {
            return self.tell_console(&format!("! Nobody here is called {what}."));
        };
        let minutes: Option<u64> = minutes.parse().ok();
        self.bans.insert(ip, minutes.map(|minutes| now.at + Duration::from_secs(60 * minutes)));
        let words = match minutes {
            None => format!("* {ip} is banned."),
            Some(1) => format!("* {ip} is banned for another 1 minute."),
            Some(minutes) => format!("* {ip} is banned for another {minutes} minutes."),
        };
        self.tell_console(&words);
    }
}
