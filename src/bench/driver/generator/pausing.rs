//! Groups that stop reading for a while.

use std::net::SocketAddr;

use mio::Token;

use super::{Generator, Ready};
use crate::bench::error::Error;

impl Generator {
    /// Stops reading for all members of a group that are logged in; members that are not do not begin their TLS handshakes.
    pub fn pause(&mut self, group: usize) {
        self.groups[group].paused = true;
    }

    /// Begins the TLS handshake of a member of a group that was paused before.
    pub fn begin_handshake(&mut self, group: usize, index: usize) {
        if let Some(member) = self.members.get_mut(self.groups[group].keys[index]) {
            member.flush();
        }
    }

    /// Resumes reading. Reads at once what has arrived, since no event reports it again.
    ///
    /// # Errors
    /// As [`Generator::turn`].
    pub fn resume(&mut self, group: usize) -> Result<(), Error> {
        self.groups[group].paused = false;
        for at in 0..self.groups[group].keys.len() {
            let key = self.groups[group].keys[at];
            self.handle_member(key, Ready { token: Token(key), readable: true, writable: false, closing: true })?;
        }
        Ok(())
    }

    /// Local addresses of the open connections of a group.
    pub fn addrs(&self, group: usize) -> Vec<SocketAddr> {
        let members = self.groups[group].keys.iter().filter_map(|&key| self.members.get(key));
        members
            .filter(|member| member.group == group)
            .filter_map(|member| member.stream.socket().local_addr().ok())
            .collect()
    }
}
