//! Statistics of the server, for `/stats` and for the metrics.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::chat::cause::Cause;
use crate::chat::encoding::Encoding;
use crate::chat::hub::Hub;
use crate::chat::id::{ClientId, Now};
use crate::chat::policy::peer::show_addr;
use crate::chat::session::Session;

/// Slow readers that `/stats` names at most.
const MAX_SLOW_READERS: usize = 5;

/// Counters since the start of the server.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Stats {
    /// When the server has begun, by its clock.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub began: Duration,
    /// Connections accepted.
    pub connections: u64,
    /// Messages sent in rooms.
    pub messages: u64,
    /// The rate of these messages.
    pub message_rate: MessageRate,
    /// Whispers.
    pub whispers: u64,
    /// Bytes written to clients.
    pub bytes_written: u64,
    /// Clients dropped as slow consumers.
    pub dropped: u64,
    /// Clients refused before the login.
    pub refused: u64,
    /// Lines received from clients.
    pub lines: u64,
    /// Room lines, each counted once for every session that reads the room.
    pub deliveries: u64,
    /// Bytes read from clients.
    pub bytes_received: u64,
    /// Ended sessions, by [`Cause::number`].
    pub left: [u64; Cause::NAMES.len()],
    /// The most members at one time.
    #[serde(default)]
    pub most_members: usize,
    /// When the first client connected.
    #[serde(default)]
    pub started: Option<OffsetDateTime>,
}

/// All statistics at one moment, for the metrics.
#[derive(Clone, Debug)]
pub struct StatsSnapshot {
    /// Connections of each encoding.
    pub plain: usize,
    pub web: usize,
    pub irc: usize,
    /// Members.
    pub here: usize,
    /// Admitted users, and their maximum.
    pub admitted: usize,
    pub max_clients: usize,
    pub waiting: usize,
    pub rooms: usize,
    pub accounts: usize,
    /// Sessions whose password is not compared yet.
    pub passwords: usize,
    /// Counters since the start of the server, from here on.
    pub connections: u64,
    pub refused: u64,
    pub lines: u64,
    pub messages: u64,
    pub whispers: u64,
    pub deliveries: u64,
    pub received: u64,
    pub sent: u64,
    pub wrong_passwords: u64,
    /// Ended sessions by cause.
    pub left: Vec<(&'static str, u64)>,
}

/// How many are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadCount {
    /// Members.
    pub here: usize,
    /// Clients in the admission queue.
    pub waiting: usize,
    /// Connections, with those that have not logged in.
    pub connected: usize,
}

/// A rate of events over the last [`MessageRate::SPAN`].
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct MessageRate {
    /// The number of the present span, and the events in it and in the span before.
    span: u64,
    present: u64,
    previous: u64,
}

impl MessageRate {
    /// The time over which the rate is measured.
    const SPAN: Duration = Duration::from_secs(10);

    /// Counts one event.
    pub fn count(&mut self, now: Duration) {
        self.move_to(now);
        self.present += 1;
    }

    /// Events per second. The previous span counts in proportion to the part that is still within the last ten
    /// seconds.
    pub fn per_second(&mut self, now: Duration) -> f64 {
        self.move_to(now);
        let over = now.as_secs_f64() / Self::SPAN.as_secs_f64() - self.span as f64;
        (self.present as f64 + self.previous as f64 * (1.0 - over)) / Self::SPAN.as_secs_f64()
    }

    fn move_to(&mut self, now: Duration) {
        let span = now.as_secs() / Self::SPAN.as_secs();
        if span != self.span {
            self.previous = if span == self.span + 1 { self.present } else { 0 };
            self.present = 0;
            self.span = span;
        }
    }
}

impl Hub {
    /// Bytes written to clients since the start.
    pub fn bytes_written(&self) -> u64 {
        self.stats.bytes_written
    }

    /// Counts bytes read from clients.
    pub fn count_received(&mut self, bytes: usize) {
        self.stats.bytes_received += bytes as u64;
    }

    /// The number of members, of clients in the admission queue, and of connections.
    pub fn head_count(&self) -> HeadCount {
        let (_, waiting) = self.admission.counts();
        HeadCount { here: self.shared.members.len(), waiting, connected: self.sessions.len() }
    }

    /// Takes a snapshot of all statistics. This visits every session.
    pub fn stats(&self) -> StatsSnapshot {
        let (admitted, waiting) = self.admission.counts();
        let web = self.sessions.iter().filter(|(_, session)| session.encoding == Encoding::JsonFrame).count();
        let irc = self.sessions.irc_count();
        let stats = &self.stats;
        StatsSnapshot {
            plain: self.sessions.len() - web - irc,
            irc,
            web,
            here: self.shared.members.len(),
            admitted,
            max_clients: self.config.max_clients,
            waiting,
            rooms: self.shared.rooms.len(),
            accounts: self.shared.accounts.len(),
            passwords: self.passwords.pending(),
            connections: stats.connections,
            refused: stats.refused,
            lines: stats.lines,
            messages: stats.messages,
            whispers: stats.whispers,
            deliveries: stats.deliveries,
            received: stats.bytes_received,
            sent: stats.bytes_written,
            wrong_passwords: self.passwords.wrong(),
            // A change of room does not end a session.
            left: Cause::NAMES.into_iter().zip(stats.left).filter(|&(cause, _)| cause != "moved").collect(),
        }
    }

    /// Sets when the server has begun, if that is not the zero of its clock.
    pub fn set_began(&mut self, began: Duration) {
        self.stats.began = began;
    }

    /// The lines of `/stats`.
    ///
    /// Those of the slowest readers have their addresses if `shows_addresses`.
    pub(in crate::chat::hub) fn stats_lines(&mut self, now: Now, shows_addresses: bool) -> Vec<String> {
        let (admitted, waiting) = self.admission.counts();
        let rate = self.stats.message_rate.per_second(now.at);
        let stats = &self.stats;
        let (connected, rooms, named) = (self.sessions.len(), self.shared.rooms.len(), self.shared.members.len());
        let here = match self.nodes.is_empty() {
            true => format!("{named} here"),
            false => format!("{named} on {} nodes, {} here", self.nodes.count(), self.members_here()),
        };
        let mut lines = vec![
            format!(
                "uptime {} s, {connected} connected, {admitted} admitted, {here}, {waiting} waiting, rooms: {rooms}",
                now.at.saturating_sub(stats.began).as_secs()
            ),
            format!(
                "{} connections, {} refused, {} dropped as too slow",
                stats.connections, stats.refused, stats.dropped
            ),
            format!(
                "{} messages, {rate:.1} a second, {} whispers, {} bytes written",
                stats.messages, stats.whispers, stats.bytes_written
            ),
        ];
        let slowest = self.slowest_readers();
        if slowest.is_empty() {
            lines.push("no client is behind".into());
        }
        for (id, behind) in slowest {
            let (slot, addr) = (self.sessions[id].member, self.sessions.addr(id));
            if let (Some(slot), Some(addr)) = (slot, addr) {
                let name = &self.shared.members[slot].name;
                let reader = if shows_addresses { format!("{name} {}", show_addr(addr)) } else { name.to_string() };
                lines.push(format!("{reader} is {behind} bytes behind"));
            }
        }
        lines
    }

    /// The unread bytes of a session: in the logs of its rooms, and in its outbox.
    pub(in crate::chat::hub) fn unread_bytes(&self, session: &Session) -> u64 {
        let rooms = self.sessions.subscriptions(session).map(|(is_current, subscription)| {
            let log = self.shared.rooms[subscription.room].log(session.encoding.of_log(is_current));
            log.bytes_from(subscription.cursor)
        });
        rooms.sum::<u64>() + session.private_bytes() as u64
    }

    /// The readers with the most unread bytes, the slowest first.
    fn slowest_readers(&self) -> Vec<(ClientId, u64)> {
        let behind = self.sessions.iter().filter_map(|(id, session)| {
            let behind = session.member.map_or(0, |_| self.unread_bytes(session));
            (behind > 0).then_some((id, behind))
        });
        let mut behind: Vec<(ClientId, u64)> = behind.collect();
        behind.sort_by_key(|&(_, behind)| std::cmp::Reverse(behind));
        behind.truncate(MAX_SLOW_READERS);
        behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_rate_covers_the_last_ten_seconds() {
        let at = |ms| Duration::from_millis(ms);
        let mut rate = MessageRate::default();
        assert_eq!(rate.per_second(at(0)), 0.0);
        for tenth in 0..100 {
            rate.count(at(100 * tenth));
        }
        assert_eq!(rate.per_second(at(9_999)), 10.0);
        assert_eq!(rate.per_second(at(15_000)), 5.0);
        assert_eq!(rate.per_second(at(20_000)), 0.0);
        rate.count(at(95_000));
        assert_eq!(rate.per_second(at(95_000)), 0.1);
        assert_eq!(rate.per_second(at(200_000)), 0.0);
    }
}
