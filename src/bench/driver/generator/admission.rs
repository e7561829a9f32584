//! Opening and closing of connections.

use std::ops::Range;
use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Interest, Token};

use super::Generator;
use crate::bench::driver::clock;
use crate::bench::driver::clock::Nanos;
use crate::bench::driver::group::{Endpoint, Group, Role};
use crate::bench::driver::member::Member;
use crate::bench::driver::source;
use crate::bench::driver::stream::MemberStream;
use crate::bench::error::Error;

impl Generator {
    /// Opens one more connection, due at `due`. `own` are the streams that this member sends.
    ///
    /// # Errors
    /// If there are no file descriptors or ports left, or nothing listens there.
    pub fn connect(&mut self, group: usize, due: Nanos, own: Range<usize>) -> Result<(), Error> {
        let Group { endpoint: ref endpoint @ Endpoint { encoding, tls, .. }, role, ref keys, .. } = self.groups[group];
        let addr = endpoint.addr(keys.len());
        let small_buffers = role == Role::Stalled;
        let mut stream =
            source::connect(addr, self.connects, small_buffers).map_err(|error| Error::Connect(addr, error))?;
        self.connects += 1;
        let entry = self.members.vacant_entry();
        let token = Token(entry.key());
        let interest = Interest::READABLE | Interest::WRITABLE;
        let urgent = matches!(role, Role::Whisperer | Role::Bystander);
        let registered = self.poll.registry().register(&mut stream, token, interest).and_then(|()| {
            let fd = stream.as_raw_fd();
            if urgent { self.urgent.registry().register(&mut SourceFd(&fd), token, interest) } else { Ok(()) }
        });
        registered.map_err(|error| Error::System("cannot watch a connection", error))?;
        self.urgent_members += usize::from(urgent);
        let group_ref = &mut self.groups[group];
        group_ref.room.add_reader(own);
        group_ref.private.add_reader(0..0);
        let tls = tls.then_some(&self.context.tls);
        let stream = MemberStream::new(stream, tls).map_err(|error| Error::System("cannot begin TLS", error))?;
        let member = Member::new(stream, encoding, group, role, group_ref.keys.len(), due);
        group_ref.keys.push(token.0);
        entry.insert(member);
        Ok(())
    }

    /// Opens connections until there are `wanted`, with at most `at_once` logins in progress.
    ///
    /// # Errors
    /// As [`Generator::connect`].
    pub fn admit(&mut self, group: usize, wanted: usize, at_once: usize) -> Result<(), Error> {
        while self.groups[group].keys.len() < wanted
            && self.groups[group].keys.len() - self.groups[group].logged_in < at_once
        {
            self.connect(group, clock::now(), 0..0)?;
        }
        Ok(())
    }

    /// Lets members of a group follow rooms, with at most `at_once` members waiting for an answer.
    pub fn follow(&mut self, group: usize, rooms: &Range<usize>, at_once: usize) {
        let Group { keys, asked, following, .. } = &mut self.groups[group];
        while *asked < keys.len() && *asked - *following < at_once {
            if let Some(member) = self.members.get_mut(keys[*asked]) {
                member.follow(rooms.clone(), &self.context);
            }
            *asked += 1;
        }
    }

    /// Closes all connections of a group; new ones can be opened afterwards.
    pub fn dismiss(&mut self, group: usize) {
        let group = &mut self.groups[group];
        for key in group.keys.drain(..) {
            self.members.try_remove(key);
        }
        group.logged_in = 0;
        group.ready = 0;
        group.asked = 0;
        group.following = 0;
    }

    /// Closes all connections.
    pub fn dismiss_all(&mut self) {
        self.members.clear();
        self.urgent_members = 0;
    }
}
