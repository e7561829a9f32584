//! The operator's moderation commands: kick, ban and mute.

use std::time::Duration;

use log::{debug, warn};

use super::operator;
use crate::chat::change::Record;
use crate::chat::command::{is_blank, split};
use crate::chat::event::PendingDisconnect;
use crate::chat::event::{Cause, Event, Notice, Refusal};
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::input::Close;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::key_of;
use crate::chat::session::client::SessionStage;

impl Hub {
    pub(in crate::chat::hub) fn kick(&mut self, rest: &str, now: Now) {
        let (name, why) = split(rest);
        if name.is_empty() {
            return self.refuse_operator(Refusal::Usage("/kick name [reason]"));
        }
        let Some(id) = self.find_by_nick(name) else {
            return self.refuse_operator(Refusal::NoSuchMember { name });
        };
        let why = Some(why.trim()).filter(|why| !is_blank(why));
        self.notice(id, Notice::Kicked { why });
        self.end_session(id, Cause::Kicked(why.map(Box::from)), Close::WhenRead, now);
    }

    pub(in crate::chat::hub) fn ban(&mut self, rest: &str, now: Now) {
        const USAGE: Refusal = Refusal::Usage("/ban ADDRESS|name [minutes]");
        let (what, minutes) = split(rest);
        let Ok(minutes) = read_minutes(minutes) else {
            return self.refuse_operator(USAGE);
        };
        // A ban by name covers the whole IPv6 site, because the client could come back from its next address.
        let person = || Some(Network::of_client(self.clients[self.find_by_nick(what)?].ip()));
        let Some(network) = what.parse().ok().or_else(person) else {
            return self.refuse_operator(if what.is_empty() { USAGE } else { Refusal::NoSuchMember { name: what } });
        };
        self.bans.add(network, minutes.map(|minutes| after(minutes, now)));
        self.record_ban(network, minutes, now);
        warn!(target: operator::LOG, "{network} is banned");
        self.send_to_operator(&Event::Notice(Notice::Ban { network, minutes }));
        let mut hit: Vec<ClientId> =
            self.clients.iter().filter(|(_, client)| network.contains(client.ip())).map(|(id, _)| id).collect();
        // Waiting clients first, or one of them would get the place of a banned member.
        hit.sort_by_key(|&id| !matches!(self.clients[id].stage, SessionStage::Waiting(_)));
        for id in hit {
            let client = &self.clients[id];
            if client.stage != SessionStage::Leaving && client.pending_disconnect.is_none() {
                self.schedule_disconnect(id, PendingDisconnect::Banned);
            }
        }
    }

    pub(in crate::chat::hub) fn list_bans(&mut self, page: &str, now: Now) {
        let bans = self.bans.list(now.at);
        let notice =
            |&(network, left): &(Network, Option<Duration>)| Notice::Ban { network, minutes: left.map(minutes_of) };
        let list: Vec<Notice> = bans.iter().map(notice).collect();
        self.show_page_of("/bans", page, &list, Notice::NoBans);
    }

    pub(in crate::chat::hub) fn unban(&mut self, what: &str, now: Now) {
        if what.is_empty() {
            return self.refuse_operator(Refusal::Usage("/unban ADDRESS"));
        }
        // A ban by name covers the whole IPv6 site of the address.
        let site = what.parse().ok().map(Network::of_client);
        match what.parse().ok().into_iter().chain(site).find(|&network| self.bans.lift(network, now.at)) {
            Some(network) => {
                self.record(|| Record::Unban { network: network.into() });
                warn!(target: operator::LOG, "{network} is no longer banned");
                self.send_to_operator(&Event::Notice(Notice::Unbanned { network }));
            }
            None => self.refuse_operator(Refusal::NotBanned { what }),
        }
    }

    /// Mutes a member: only it sees its own messages from now on. It is not told.
    pub(in crate::chat::hub) fn mute(&mut self, rest: &str, now: Now) {
        let (name, minutes) = split(rest);
        let minutes = match read_minutes(minutes) {
            Ok(minutes) if !name.is_empty() => minutes,
            _ => return self.refuse_operator(Refusal::Usage("/mute name [minutes]")),
        };
        let Some(id) = self.find_by_nick(name) else {
            return self.refuse_operator(Refusal::NoSuchMember { name });
        };
        let client = &self.clients[id];
        let name = client.name.clone();
        let until = minutes.map(|minutes| after(minutes, now));
        self.mutes.add(&name, client.name_hash, client.session, client.ip(), until, now.at);
        warn!(target: operator::LOG, "{name} is muted");
        self.send_to_operator(&Event::Notice(Notice::Muted { name: &name, minutes }));
    }

    pub(in crate::chat::hub) fn list_mutes(&mut self, page: &str, now: Now) {
        let mutes = self.mutes.list(now.at);
        let list: Vec<Notice> =
            mutes.iter().map(|(name, left)| Notice::Muted { name, minutes: left.map(minutes_of) }).collect();
        self.show_page_of("/mutes", page, &list, Notice::NoMutes);
    }

    pub(in crate::chat::hub) fn unmute(&mut self, name: &str, now: Now) {
        if name.is_empty() {
            return self.refuse_operator(Refusal::Usage("/unmute name"));
        }
        match key_of(name).and_then(|key| self.mutes.lift(self.name_hash(&key), now.at)) {
            Some(name) => {
                warn!(target: operator::LOG, "{name} is no longer muted");
                self.send_to_operator(&Event::Notice(Notice::Unmuted { name: &name }));
            }
            None => self.refuse_operator(Refusal::NotMuted { name }),
        }
    }

    /// Whether `id` is muted, so that only it sees its messages.
    pub(in crate::chat::hub) fn is_muted(&self, id: ClientId, now: Now) -> bool {
        self.mutes.holds(self.clients[id].session, now.at)
    }

    /// Handles a message of a muted member: shows it to that member as if it was sent, and to the operator with
    /// `(muted)`.
    pub(in crate::chat::hub) fn say_muted(&mut self, id: ClientId, text: &str, action: bool, now: Now) {
        let client = &self.clients[id];
        let (room, name, echo) = (client.room, client.name.clone(), client.echo);
        debug!("{}: (muted) {name}{} {text}", self.rooms[room].name, if action { "" } else { ":" });
        self.begin_day(room, now);
        let shown = format!("(muted) {name}");
        let event = self.message_event(&shown, text, action, now);
        self.send_to_operator_from(room, &event);
        if echo {
            let event = self.message_event(&name, text, action, now);
            self.send_event(id, &event);
        }
        self.record_next_id();
    }
}

/// Parses an optional number of minutes; an error if it is not from 1 to 1,000,000,000.
fn read_minutes(text: &str) -> Result<Option<u64>, ()> {
    match text.trim() {
        "" => Ok(None),
        number => match number.parse() {
            // About 1900 years; the time does not overflow.
            Ok(minutes @ 1..=1_000_000_000) => Ok(Some(minutes)),
            _ => Err(()),
        },
    }
}

fn after(minutes: u64, now: Now) -> Duration {
    now.at + Duration::from_secs(60 * minutes)
}

/// The minutes that are left, rounded up.
fn minutes_of(left: Duration) -> u64 {
    left.as_millis().div_ceil(60_000) as u64
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use time::{Date, Month, PrimitiveDateTime, Time};

    use super::*;
    use crate::chat::Lang;
    use crate::chat::config::Config;
    use crate::wire::plain::Plain;

    #[test]
    fn unban_by_address_lifts_a_ban_by_name() {
        let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
        let now = Now { at: Duration::ZERO, local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() };
        let mut hub = Hub::new(Config::default(), Box::new(Plain { lang: Lang::En }));
        let (id, addr) = (ClientId::new(0), "[2001:db8::1]:1".parse::<SocketAddr>().unwrap());
        hub.handle_plain_connection(id, addr, now);
        hub.handle_line(id, crate::chat::Input::Line("alice"), now);
        hub.ban("alice", now);
        assert!(hub.bans.holds("2001:db8::2".parse().unwrap(), now.at));
        hub.unban("2001:db8::1", now);
        assert!(!hub.bans.holds(addr.ip(), now.at));
    }

    #[test]
    fn minutes_left_are_rounded_up() {
        let minutes = |ms| minutes_of(Duration::from_millis(ms));
        assert_eq!([minutes(1), minutes(60_000), minutes(60_500)], [1, 1, 2]);
    }

    /// How many clients from `addrs` are admitted while `banned` is banned.
    fn admitted(config: Config, banned: &str, addrs: &[&str]) -> usize {
        let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
        let now = Now { at: Duration::ZERO, local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() };
        let mut hub = Hub::new(config, Box::new(Plain { lang: Lang::En }));
        hub.ban(banned, now);
        for (slot, addr) in addrs.iter().enumerate() {
            hub.handle_plain_connection(ClientId::new(slot), SocketAddr::new(addr.parse().unwrap(), 1), now);
        }
        hub.clients.iter().filter(|(_, client)| client.stage == SessionStage::LoggingIn).count()
    }

    #[test]
    fn connections_of_one_ipv6_site_count_together() {
        let config = Config { max_per_ip: 2, ..Config::default() };
        let admitted = |addrs| admitted(config.clone(), "", addrs);
        assert_eq!(admitted(&["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]), 3);
        assert_eq!(admitted(&["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1", "10.0.0.2"]), 3);
    }

    #[test]
    fn mapped_ipv4_address_matches_bans_of_the_ipv4_address() {
        let admitted = |banned, addr| admitted(Config::default(), banned, &[addr]);
        assert_eq!(admitted("10.0.0.1", "::ffff:10.0.0.1"), 0);
        assert_eq!(admitted("::ffff:10.0.0.1", "10.0.0.1"), 0);
        assert_eq!(admitted("::/0", "10.0.0.1"), 1);
    }
}
