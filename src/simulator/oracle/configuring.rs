//! Other settings while the server runs.

use std::net::IpAddr;
use std::time::Duration;

use crate::chat::{Config, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::words::ReaderStage;

impl Oracle {
    /// The server has taken over the next settings.
    pub(super) fn configure(&mut self, now: Now) {
        let config = self.configs.pop_front().expect("settings that the server was given");
        self.config = Config { history_bytes: self.config.history_bytes, ..config };
        self.configured_at = now.at;
        self.counts.configured += 1;
        for number in 0..self.rooms.len() {
            if self.rooms[number].is_some() {
                self.drop_old_messages(number);
                self.remove_if_unkept(number);
            }
        }
        while self.rooms.iter().flatten().count() > self.config.max_rooms && self.remove_least_used() {}
        let interval = Duration::from_secs(1).checked_div(self.config.rate).unwrap_or_default();
        let latest = now.at + interval * self.config.burst;
        for reader in &mut self.readers {
            reader.bucket = reader.bucket.min(latest);
        }
        if self.config.max_per_ip > 0 {
            self.count_all();
        }
    }

    /// Counts the connections from each address that came while there was no limit.
    fn count_all(&mut self) {
        for who in self.slots.iter().copied().flatten() {
            let reader = &mut self.readers[who];
            if reader.stage != ReaderStage::Gone && !reader.counted {
                reader.counted = true;
                *self.per_ip.entry(reader.addr.ip()).or_default() += 1;
            }
        }
    }

    /// The operator and the log are told of the new settings.
    pub fn tell_configured(&mut self, words: &str) {
        self.send_to_console(words);
    }

    /// Whether the configuration bans an address.
    pub(super) fn is_banned_by_configuration(&self, ip: IpAddr) -> bool {
        self.config.bans.iter().any(|network| network.contains(ip))
    }

    /// Admits waiting sessions while there are free places.
    pub(super) fn admit(&mut self, now: Now) {
        while !self.ending && self.seats < self.config.max_clients {
            let Some(first) = self.line.pop_front() else { break };
            self.seats += 1;
            self.counts.admitted += 1;
            self.renumber_soon(now);
            self.seat(first, now);
        }
    }
}
