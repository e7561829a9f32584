//! The operator's defences: throwing people out, and keeping them out.

use std::net::IpAddr;
use std::time::Duration;

use log::warn;

use super::Now;
use super::client::{ClientId, Stage};
use super::command::split;
use super::event::{Cause, Event, Notice, Refusal};
use super::hub::{Close, Hub};

impl Hub {
    pub(super) fn kick(&mut self, rest: &str, now: Now) {
        let (name, why) = split(rest);
        if name.is_empty() {
            return self.refuse_operator(Refusal::Usage("/kick name [why]"));
        }
        let Some(id) = self.called(name) else {
            return self.refuse_operator(Refusal::NobodyCalled { name });
        };
        let why = Some(why.trim()).filter(|why| !why.is_empty());
        self.notice(id, Notice::Kicked { why });
        self.depart(id, Cause::Kicked(why.map(Box::from)), Close::WhenRead, now);
    }

    pub(super) fn ban(&mut self, rest: &str, now: Now) {
        const USAGE: Refusal = Refusal::Usage("/ban ADDRESS|name [minutes]");
        let (what, minutes) = split(rest);
        let minutes: Option<u64> = match minutes.trim() {
            "" => None,
            number => match number.parse() {
                // Some thousand years, and no overflow.
                Ok(minutes @ 1..=1_000_000_000) => Some(minutes),
                _ => return self.refuse_operator(USAGE),
            },
        };
        let named = self.called(what).map(|id| self.clients[id].ip());
        let Some(addr) = named.or_else(|| what.parse::<IpAddr>().ok()) else {
            return self.refuse_operator(if what.is_empty() { USAGE } else { Refusal::NobodyCalled { name: what } });
        };
        self.bans.add(addr, minutes.map(|minutes| now.at + Duration::from_secs(60 * minutes)));
        warn!("{addr} is banned");
        self.tell_operator(&Event::Notice(Notice::Ban { addr, minutes }));
        let mut hit: Vec<ClientId> =
            self.clients.iter().filter(|(_, client)| client.ip() == addr).map(|(id, _)| id).collect();
        // Those in line first, or one of them would be given the seat of another.
        hit.sort_by_key(|&id| !matches!(self.clients[id].stage, Stage::Waiting(_)));
        for id in hit {
            if self.clients[id].stage != Stage::Leaving {
                self.refuse(id, Refusal::Banned);
                self.depart(id, Cause::Banned, Close::WhenRead, now);
            }
        }
    }

    pub(super) fn list_bans(&mut self, now: Now) {
        let bans = self.bans.list(now.at);
        if bans.is_empty() {
            return self.tell_operator(&Event::Notice(Notice::NoBans));
        }
        for (addr, left) in bans {
            let minutes = left.map(|left| left.as_secs().div_ceil(60));
            self.tell_operator(&Event::Notice(Notice::Ban { addr, minutes }));
        }
    }

    pub(super) fn unban(&mut self, what: &str) {
        match what.parse::<IpAddr>() {
            _ if what.is_empty() => self.refuse_operator(Refusal::Usage("/unban ADDRESS")),
            Ok(addr) if self.bans.lift(addr) => {
                warn!("{addr} is no longer banned");
                self.tell_operator(&Event::Notice(Notice::Unbanned { addr }));
            }
            _ => self.refuse_operator(Refusal::NotBanned { what }),
        }
    }
}
