//! How the server does, as the operator is told by `/stats`.

use std::time::Duration;

use super::Now;
use super::client::{Client, Stage};
use super::event::{Event, Notice};
use super::hub::Hub;

/// The slowest readers that are named.
const SLOWEST: usize = 5;

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Messages said in rooms.
    pub messages: u64,
    /// How many of them lately.
    pub pace: Pace,
    /// Whispers.
    pub whispers: u64,
    /// Bytes written to clients.
    pub bytes: u64,
    /// Clients closed because they did not read.
    pub dropped: u64,
    /// Clients not let in.
    pub refused: u64,
}

/// How often something happens, over the last [`Pace::SPAN`].
#[derive(Debug, Default)]
pub struct Pace {
    /// The number of the present span, and how often it happened in it and in the one before.
    span: u64,
    present: u64,
    past: u64,
}

impl Pace {
    /// The time that is looked back on.
    const SPAN: Duration = Duration::from_secs(10);

    /// It happens.
    pub fn count(&mut self, now: Duration) {
        self.move_to(now);
        self.present += 1;
    }

    /// How often a second: of the span before as much is taken as is within reach still.
    pub fn per_second(&mut self, now: Duration) -> f64 {
        self.move_to(now);
        let over = now.as_secs_f64() / Self::SPAN.as_secs_f64() - self.span as f64;
        (self.present as f64 + self.past as f64 * (1.0 - over)) / Self::SPAN.as_secs_f64()
    }

    fn move_to(&mut self, now: Duration) {
        let span = now.as_secs() / Self::SPAN.as_secs();
        if span != self.span {
            self.past = if span == self.span + 1 { self.present } else { 0 };
            self.present = 0;
            self.span = span;
        }
    }
}

impl Hub {
    pub(super) fn operator_stats(&mut self, now: Now) {
        let (seated, waiting) = self.seats.counts();
        let pace = self.stats.pace.per_second(now.at);
        let stats = &self.stats;
        let (connected, rooms, named) = (self.clients.len(), self.rooms.len(), self.names.len());
        let mut lines = vec![
            format!(
                "uptime {} s, {connected} connected, {seated} seated, {named} here, {waiting} waiting, rooms: {rooms}",
                now.at.as_secs()
            ),
            format!(
                "{} connections, {} refused, {} dropped as too slow",
                stats.connections, stats.refused, stats.dropped
            ),
            format!(
                "{} messages, {pace:.1} a second, {} whispers, {} bytes written",
                stats.messages, stats.whispers, stats.bytes
            ),
        ];
        let slowest = self.slowest_readers();
        if slowest.is_empty() {
            lines.push("everybody here is up to date".into());
        }
        for (client, behind) in slowest {
            lines.push(format!("{} {} is {behind} bytes behind", client.name, client.addr()));
        }
        for line in &lines {
            self.tell_operator(&Event::Notice(Notice::Line(line)));
        }
    }

    /// Those who have most to read still, the slowest first, with how many bytes that is.
    fn slowest_readers(&self) -> Vec<(&Client, u64)> {
        let mut behind: Vec<(&Client, u64)> = self
            .clients
            .iter()
            .filter(|(_, client)| client.stage == Stage::Here)
            .map(|(_, client)| {
                let room = self.rooms[client.room].log(client.dialect).bytes_from(client.cursor);
                (client, room + client.private_bytes() as u64)
            })
            .filter(|&(_, behind)| behind > 0)
            .collect();
        behind.sort_by_key(|&(_, behind)| std::cmp::Reverse(behind));
        behind.truncate(SLOWEST);
        behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_ten_seconds() {
        let at = |ms| Duration::from_millis(ms);
        let mut pace = Pace::default();
        assert_eq!(pace.per_second(at(0)), 0.0);
        for tenth in 0..100 {
            pace.count(at(100 * tenth));
        }
        assert_eq!(pace.per_second(at(9_999)), 10.0);
        assert_eq!(pace.per_second(at(15_000)), 5.0);
        assert_eq!(pace.per_second(at(20_000)), 0.0);
        pace.count(at(95_000));
        assert_eq!(pace.per_second(at(95_000)), 0.1);
        assert_eq!(pace.per_second(at(200_000)), 0.0);
    }
}
