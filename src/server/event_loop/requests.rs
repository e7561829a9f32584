//! Requests on the control socket, and upgrades.

use std::io;
use std::time::Duration;

use log::warn;

use super::EventLoop;
use crate::chat::Now;
use crate::server::connection::transport::{ClientStream, StreamKind};
use crate::server::relay::Relay;
use crate::server::upgrade::{Parts, Replaced, Upgrade};

impl EventLoop {
    /// Goes on with an upgrade; `true` if this process has been replaced, and must end.
    pub(super) fn go_on_with_upgrade(&mut self, now: Now) -> bool {
        let Some((upgrade, parts)) = self.upgrade_parts() else { return false };
        if !upgrade.turn(parts, now) {
            return false;
        }
        for signal in self.signals.pending() {
            self.upgrade.iter().for_each(|upgrade| upgrade.pass_on(signal));
        }
        true
    }

    /// Ends the event loop. In a process that was replaced, its connections with TLS are left: the relay goes on with them.
    ///
    /// # Errors
    /// If the kernel refuses to watch them.
    pub fn into_relay(mut self) -> io::Result<Option<Relay>> {
        let replaced = self.upgrade.take().and_then(Upgrade::into_replaced);
        let (Some(Replaced { successor, mut pairs }), Some(tls)) = (replaced, self.tls.take()) else { return Ok(None) };
        if pairs.is_empty() {
            return Ok(None);
        }
        let EventLoop { poll, mut signals, engine, .. } = self;
        let registry = poll.registry();
        registry.deregister(&mut signals)?;
        let mut connections = Vec::with_capacity(pairs.len());
        for (slot, mut client) in engine.into_streams() {
            if let Some(server) = pairs.remove(&slot) {
                registry.deregister(client.source())?;
                connections.push((client, ClientStream::from_fd(StreamKind::Unix, server)));
            }
        }
        drop(poll);
        Relay::new(connections, tls.buffers().clone(), signals, successor).map(Some)
    }

    /// Begins an upgrade, unless one is under way.
    pub(super) fn begin_upgrade(&mut self, now: Duration) {
        if let Some((upgrade, parts)) = self.upgrade_parts()
            && let Err(why) = upgrade.begin(parts, now)
        {
            warn!("{why}");
        }
    }

    /// Answers those that have asked for an upgrade through the control socket, if it is over. One that is asked for while
    /// another is under way is that one.
    pub(super) fn answer_upgrade(&mut self, is_replaced: bool, now: Duration) {
        let (Some(control), Some(upgrade)) = (&mut self.control, &mut self.upgrade) else { return };
        match (upgrade.take_failure(), upgrade.successor().filter(|_| is_replaced)) {
            (Some(why), _) => control.answer_upgrade(Err(&format!("the server goes on as before: {why}")), now),
            (None, Some(pid)) => control.answer_upgrade(Ok(pid), now),
            (None, None) => {}
        }
    }

    pub(super) fn upgrade_parts(&mut self) -> Option<(&mut Upgrade, Parts<'_>)> {
        let parts = Parts {
            registry: self.poll.registry(),
            clock: &self.clock,
            engine: &mut self.engine,
            console: self.console.as_mut(),
            hasher: self.hasher.as_mut(),
            manager: self.service_manager.as_mut(),
            control: self.control.as_mut(),
            node: self.membership.as_ref().map(|membership| &membership.node),
        };
        self.upgrade.as_mut().map(|upgrade| (upgrade, parts))
    }

    /// Works on what other processes ask for on the control socket.
    pub(super) fn answer_control(&mut self, now: Duration) {
        let Some(control) = &mut self.control else { return };
        if self.engine.is_ending() {
            control.end(self.engine.store_writer_mut(), now);
        }
        control.process(self.poll.registry(), self.engine.store_writer_mut(), now);
        if control.take_upgrade_request() && !self.upgrade.as_ref().is_some_and(Upgrade::is_under_way) {
            self.begin_upgrade(now);
        }
    }
}
