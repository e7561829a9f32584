//! Groups that read nothing for a while.

use std::net::SocketAddr;

use mio::Token;

use super::{Generator, Ready};
use crate::bench::error::Error;

impl Generator {
    /// Has those of a group read nothing from now on, once they are in.
    pub fn pause(&mut self, group: usize) {
        self.groups[group].paused = true;
    }

    /// Has them read again, and first what has come meanwhile, of which no event tells any more.
    ///
    /// # Errors
    /// As [`Generator::turn`].
    pub fn resume(&mut self, group: usize) -> Result<(), Error> {
        self.groups[group].paused = false;
        for at in 0..self.groups[group].keys.len() {
            let key = self.groups[group].keys[at];
            self.see_to(key, Ready { token: Token(key), readable: true, writable: false, closing: true })?;
        }
        Ok(())
    }

    /// Where the connections of a group come from, but for those that have ended.
    pub fn addrs(&self, group: usize) -> Vec<SocketAddr> {
        let members = self.groups[group].keys.iter().filter_map(|&key| self.members.get(key));
        members.filter(|member| member.group == group).filter_map(|member| member.stream.local_addr().ok()).collect()
    }
}
