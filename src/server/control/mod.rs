//! The control socket: where other processes of this program ask the server for something, such as a backup.

mod connection;
mod listen;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

use log::{info, warn};
use mio::{Interest, Registry, Token};
use rustix::process::geteuid;

use self::connection::{Connection, Work};
pub use self::listen::ControlPlace;
use super::connection::transport::UnixServer;
use super::store::writer::{CopyStatus, StoreWriter};
use crate::control::protocol::{Answer, Request};
use crate::util::tables::slots::Slots;

/// Connections at once; further ones are refused.
pub const MAX_CONNECTIONS: usize = 8;
/// Delay before the next try when nothing can be accepted; no event comes when descriptors are free again.
const RETRY: Duration = Duration::from_secs(1);
/// Why requests end when another process takes the server over.
const REPLACED: &str = "the server is being replaced by the program on disk; ask again";
/// Why requests are refused while the server ends.
const ENDING: &str = "the server is ending; ask again when it runs";

/// A control socket and its connections. The file of the socket is removed with the value.
pub struct Control {
    /// `None` while the server ends.
    listener: Option<UnixServer>,
    /// Connections may wait to be accepted.
    is_ready: bool,
    /// The time of the next try, while descriptors are out.
    retry: Option<Duration>,
    connections: Slots<Connection>,
    /// The connections that wait for a copy of the store, in their order; that of the first one is being made.
    copies: VecDeque<usize>,
    is_copying: bool,
    /// An upgrade is asked for.
    wants_upgrade: bool,
    /// Connections have the tokens from this one on.
    first_token: usize,
}

impl Control {
    /// Registers a listening socket under a token; its connections have the [`MAX_CONNECTIONS`] tokens from `first_token` on.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(mut listener: UnixServer, registry: &Registry, token: Token, first_token: usize) -> io::Result<Self> {
        registry.register(listener.socket_mut(), token, Interest::READABLE)?;
        Ok(Control {
            listener: Some(listener),
            is_ready: true,
            retry: None,
            connections: Slots::default(),
            copies: VecDeque::new(),
            is_copying: false,
            wants_upgrade: false,
            first_token,
        })
    }

    /// Records an event of the listening socket.
    pub fn notify_listener(&mut self) {
        self.is_ready = true;
    }

    /// Records an event of a connection.
    pub fn notify(&mut self, token: usize) {
        if let Some(connection) = self.connections.get_mut(token - self.first_token) {
            connection.notify();
        }
    }

    /// The time at which a connection has taken too long, or is accepted at last.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.connections.iter().filter_map(|(_, connection)| connection.due()).chain(self.retry).min()
    }

    /// Reads requests, works on them, and writes answers.
    pub fn process(&mut self, registry: &Registry, mut store: Option<&mut StoreWriter>, now: Duration) {
        self.is_ready |= self.retry.take_if(|at| *at <= now).is_some();
        if !self.is_ready && self.connections.is_empty() {
            return;
        }
        self.accept(registry, now);
        for slot in 0..MAX_CONNECTIONS {
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            if let Some(request) = connection.read(now) {
                self.begin(slot, request, store.is_some(), now);
            }
        }
        self.remove_closed(store.as_deref_mut(), now);
        if let Some(store) = store.as_deref_mut() {
            self.copy(store, now);
        }
        self.connections.iter_mut().for_each(Connection::write);
        self.remove_closed(store, now);
    }

    /// Refuses all requests, since the server ends, and gives up those that it works on.
    pub fn end(&mut self, store: Option<&mut StoreWriter>, now: Duration) {
        if self.listener.take().is_some() {
            self.give_up_requests(store, ENDING, now, |_| true);
        }
    }

    /// Whether an upgrade was asked for since the last call.
    pub fn take_upgrade_request(&mut self) -> bool {
        std::mem::take(&mut self.wants_upgrade)
    }

    /// Answers those that wait for an upgrade: with the number of the process that serves now, or the reason of a failure.
    pub fn answer_upgrade(&mut self, result: Result<u32, &str>, now: Duration) {
        for connection in self.connections.iter_mut().filter(|connection| connection.awaits_upgrade()) {
            match result {
                Ok(pid) => connection.finish(&Answer::Upgraded { pid }, now),
                Err(why) => connection.fail(why, now),
            }
            connection.write();
        }
    }

    /// Gives up all requests except for an upgrade, since another process takes the server over.
    pub fn interrupt(&mut self, store: Option<&mut StoreWriter>, now: Duration) {
        self.give_up_requests(store, REPLACED, now, |connection| !connection.awaits_upgrade());
    }

    /// The listening socket; `None` while the server ends.
    pub fn listener(&self) -> Option<&UnixServer> {
        self.listener.as_ref()
    }

    /// Gives up the copies, and the requests of the connections that are `meant`.
    fn give_up_requests(
        &mut self,
        store: Option<&mut StoreWriter>,
        why: &str,
        now: Duration,
        meant: impl Fn(&Connection) -> bool,
    ) {
        self.copies.clear();
        self.retry = None;
        if let Some(store) = store.filter(|_| std::mem::take(&mut self.is_copying)) {
            store.cancel_copy();
        }
        for connection in self.connections.iter_mut().filter(|connection| meant(connection)) {
            connection.end(why, now);
            connection.write();
        }
    }

    fn accept(&mut self, registry: &Registry, now: Duration) {
        let Some(listener) = self.listener.as_ref().filter(|_| self.is_ready) else { return };
        loop {
            let (stream, _) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    if error.kind() != ErrorKind::WouldBlock {
                        warn!("a request on the control socket was not accepted: {error}");
                        self.retry = Some(now + RETRY);
                    }
                    self.is_ready = false;
                    return;
                }
            };
            if self.connections.len() == MAX_CONNECTIONS {
                let why = format!("the server works on {MAX_CONNECTIONS} requests already; ask again later");
                connection::refuse(stream, &why);
                continue;
            }
            match connection::user_of(&stream) {
                Ok(user) if may_ask(user, geteuid().as_raw()) => {
                    let slot = self.connections.insert(Connection::new(stream, user, now));
                    let token = Token(self.first_token + slot);
                    if let Err(error) = self.connections[slot].watch(registry, token) {
                        warn!("a request on the control socket was not accepted: {error}");
                        self.connections.remove(slot);
                    }
                }
                Ok(user) => {
                    warn!("user {user} was refused on the control socket");
                    connection::refuse(stream, "only the user of the server and root may ask it");
                }
                Err(error) => warn!("a request on the control socket was not accepted: {error}"),
            }
        }
    }

    fn begin(&mut self, slot: usize, request: Request, has_store: bool, now: Duration) {
        let connection = &mut self.connections[slot];
        match request {
            Request::Upgrade => {
                info!("user {} asks for an upgrade", connection.user());
                connection.set_work(Work::Upgrade);
                self.wants_upgrade = true;
            }
            Request::Copy { .. } if !has_store => {
                connection.fail("this server has no store (--store FILE), so there is nothing to copy", now);
            }
            Request::Copy { to } if !to.is_absolute() => connection.fail("the path of a copy has to be absolute", now),
            Request::Copy { to } => {
                info!("user {} asks for a copy of the store in {}", connection.user(), to.display());
                if !self.copies.is_empty() {
                    connection.answer(&Answer::Waiting);
                }
                connection.set_work(Work::Copy(to));
                self.copies.push_back(slot);
            }
        }
    }

    /// Removes connections that have ended, or have taken too long; their copies are given up.
    fn remove_closed(&mut self, mut store: Option<&mut StoreWriter>, now: Duration) {
        for slot in 0..MAX_CONNECTIONS {
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            connection.expire(now);
            if !connection.is_closed() {
                continue;
            }
            if self.is_copying && self.copies.front() == Some(&slot) {
                info!("the client has closed the connection; the copy of the store is given up");
                self.is_copying = false;
                if let Some(store) = &mut store {
                    store.cancel_copy();
                }
            }
            self.copies.retain(|&copy| copy != slot);
            self.connections.remove(slot);
        }
    }

    /// Begins the next copy, and tells its client how far it is.
    fn copy(&mut self, store: &mut StoreWriter, now: Duration) {
        while let Some(&slot) = self.copies.front() {
            let connection = &mut self.connections[slot];
            if !self.is_copying {
                let begun = connection.copy_to().map_or(Ok(()), |to| store.begin_copy(to, now));
                if let Err(why) = begun {
                    self.copies.pop_front();
                    connection.fail(&why, now);
                    continue;
                }
                self.is_copying = true;
            }
            match store.poll_copy() {
                Some(CopyStatus::Running(percent)) => return connection.tell_progress(percent),
                Some(CopyStatus::Done(file)) => {
                    info!("the store is copied to {}", file.path().display());
                    connection.answer(&Answer::Copied { store: store.inode() });
                    connection.set_work(Work::Copied(file));
                }
                Some(CopyStatus::Failed(why)) => {
                    warn!("the copy of the store has failed: {why}");
                    connection.fail(&why, now);
                }
                None => connection.fail("the copy was given up", now),
            }
            self.copies.pop_front();
            self.is_copying = false;
        }
    }
}

/// Whether a process of this user may ask a server of that one. The mode of the socket says the same, where the file system
/// respects it.
fn may_ask(user: u32, own: u32) -> bool {
    user == own || user == 0
}

#[cfg(test)]
mod tests;
