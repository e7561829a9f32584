//! The relay of connections with TLS whose server was replaced.
//!
//! A TLS session cannot move to another process. So the process that was replaced keeps it, and the server has one end of a
//! pair of Unix sockets in its place ([`ClientStream::Relayed`]). This process does nothing but move bytes between the two, and
//! ends with the last of these connections.

mod pair;

use std::collections::{BTreeSet, VecDeque};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::process::Child;
use std::rc::Rc;
use std::time::Duration;

use log::{debug, info, warn};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;

use self::pair::{Pair, Step};
use super::connection::transport::{CONNECTIONS, ClientStream, Transport, TransportBuffers};
use super::limits::FAREWELL_TIMEOUT;
use crate::util::clock::Clock;
use crate::util::io_error::plain_words;
use crate::util::logging;

const SIGNALS: Token = Token(0);

/// Events of one poll at most.
const EVENTS: usize = 1024;

/// Bytes that are read at once: the data of one record, all of which a TLS stream takes.
const BLOCK: usize = 16 << 10;

/// How long this process goes on after a signal that ends it. Mostly the server has had the same signal, and sends its last
/// lines for up to 5 seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Delay before unread output of the log is tried again.
const LOG_RETRY: Duration = Duration::from_millis(100);

/// The name of the process in lists: comm in proc(5).
const NAME: &CStr = c"chinwag-relay";

/// The event loop of a relay.
pub struct Relay {
    poll: Poll,
    clock: Clock,
    signals: Signals,
    /// The process that has taken the server over, which is a child of this one.
    successor: Child,
    /// What the TLS streams keep together.
    buffers: Rc<TransportBuffers>,
    pairs: Slab<Pair<ClientStream>>,
    /// Pairs that may have something to move.
    ready: VecDeque<usize>,
    /// The deadlines of pairs whose server has ended its side.
    deadlines: BTreeSet<(Duration, usize)>,
    /// The time of the end, after a signal.
    ends_at: Option<Duration>,
    /// The signal that ends this process at once.
    killed_by: Option<i32>,
    block: Box<[u8]>,
}

impl Relay {
    /// A relay between clients with TLS and the server's ends of their pairs; none of these sockets is registered with a
    /// poll. `signals` go on from the server that was replaced. Standard input and output are given up. A connection that the
    /// kernel refuses to watch is lost.
    ///
    /// # Errors
    /// If the kernel refuses the poll or the signals.
    pub fn new(
        connections: Vec<(ClientStream, ClientStream)>,
        buffers: Rc<TransportBuffers>,
        mut signals: Signals,
        successor: Child,
    ) -> io::Result<Self> {
        // Without the name and /dev/null it works as well.
        let _ = rustix::thread::set_name(NAME);
        let _ = give_up_stdio();
        let poll = Poll::new()?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        signals.add_signal(SIGCHLD)?;
        let mut relay = Relay {
            poll,
            clock: Clock::start(),
            signals,
            successor,
            buffers,
            pairs: Slab::with_capacity(connections.len()),
            ready: VecDeque::new(),
            deadlines: BTreeSet::new(),
            ends_at: None,
            killed_by: None,
            block: vec![0; BLOCK].into_boxed_slice(),
        };
        for (mut client, mut server) in connections {
            let (slot, registry) = (relay.pairs.vacant_key(), relay.poll.registry());
            match client.watch(registry, 2 * slot).and_then(|()| server.watch(registry, 2 * slot + 1)) {
                Ok(()) => drop(relay.pairs.insert(Pair::new(client, server))),
                Err(error) => warn!("a connection with TLS is lost: {}", plain_words(&error)),
            }
            relay.make_ready(slot);
        }
        Ok(relay)
    }

    /// Moves bytes until the last connection has ended; returns the exit code.
    ///
    /// # Errors
    /// If the kernel's poll fails.
    pub fn run(mut self) -> io::Result<u8> {
        let mut events = Events::with_capacity(EVENTS);
        let count = self.pairs.len();
        reap(&mut self.successor);
        while !self.pairs.is_empty() {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = self.clock.elapsed();
            for event in &events {
                self.record_event(event, now);
            }
            for _ in 0..self.ready.len() {
                self.turn(now);
            }
            self.drop_slowest();
            self.expire(now);
            logging::flush();
            if let Some(signal) = self.killed_by {
                return Ok(128 + signal as u8);
            }
        }
        info!("the relay ends: the last of its {count} connections with TLS has ended");
        Ok(0)
    }

    fn timeout(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let ready = (!self.ready.is_empty()).then_some(now);
        let log = logging::has_pending().then_some(now + LOG_RETRY);
        let deadline = self.deadlines.first().map(|&(at, _)| at);
        [ready, log, deadline, self.ends_at].into_iter().flatten().min().map(|at| at.saturating_sub(now))
    }

    fn record_event(&mut self, event: &Event, now: Duration) {
        let Some(number) = event.token().0.checked_sub(CONNECTIONS) else { return self.take_signals(now) };
        let (slot, is_server) = (number / 2, number % 2 == 1);
        let Some(pair) = self.pairs.get_mut(slot) else { return };
        if is_server && event.is_read_closed() && !pair.is_ending {
            pair.is_ending = true;
            pair.progress = now;
            self.deadlines.insert((now + FAREWELL_TIMEOUT, slot));
        }
        self.make_ready(slot);
    }

    fn make_ready(&mut self, slot: usize) {
        if let Some(pair) = self.pairs.get_mut(slot)
            && !std::mem::replace(&mut pair.is_queued, true)
        {
            self.ready.push_back(slot);
        }
    }

    /// Moves bytes of the next pair that is ready.
    fn turn(&mut self, now: Duration) {
        let Some(slot) = self.ready.pop_front() else { return };
        let Some(pair) = self.pairs.get_mut(slot) else { return };
        pair.is_queued = false;
        match pair.turn(&mut self.block, now) {
            Step::Wait if self.ends_at.is_some() && pair.is_output_over() => self.remove(slot),
            Step::Wait => {}
            Step::More => self.make_ready(slot),
            Step::Over => self.remove(slot),
        }
    }

    /// Closes both sides of a pair. Its slot is not used again, so that a late event of the pair is ignored.
    fn remove(&mut self, slot: usize) {
        drop(self.pairs.try_remove(slot));
    }

    /// Handles signals: the first one that ends a process sets the time of the end, the second one is the end.
    fn take_signals(&mut self, now: Duration) {
        let signals: Vec<i32> = self.signals.pending().collect();
        for signal in signals {
            match signal {
                SIGCHLD => reap(&mut self.successor),
                SIGINT | SIGTERM if self.ends_at.is_some() => self.killed_by = Some(signal),
                SIGINT | SIGTERM => {
                    let seconds = STOP_TIMEOUT.as_secs();
                    info!("signal {signal}: the relay ends with its last connection, or in {seconds} s");
                    self.ends_at = Some(now + STOP_TIMEOUT);
                    (0..self.pairs.capacity()).for_each(|slot| self.make_ready(slot));
                }
                _ => debug!("signal {signal} is ignored"),
            }
        }
    }

    /// Ends the connections that have kept bytes for the longest time, while all TLS streams keep too many.
    fn drop_slowest(&mut self) {
        let since = |(slot, pair): (usize, &Pair<ClientStream>)| Some((pair.client.keeps_since()?, slot));
        while self.buffers.is_full()
            && let Some((_, slot)) = self.pairs.iter().filter_map(since).min()
        {
            debug!("a relayed connection ends: all TLS connections together keep too many bytes");
            self.remove(slot);
        }
    }

    /// Ends pairs whose clients do not read the rest of the output in time, and all when this process has to end.
    fn expire(&mut self, now: Duration) {
        while let Some(&(at, slot)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            match self.pairs.get(slot).map(|pair| pair.progress + FAREWELL_TIMEOUT) {
                Some(due) if due > now => drop(self.deadlines.insert((due, slot))),
                _ => self.remove(slot),
            }
        }
        if self.ends_at.is_some_and(|at| at <= now) {
            for pair in self.pairs.drain() {
                let Pair { mut client, .. } = pair;
                // Peers of TLS are told that nothing follows.
                let _ = client.end_writing();
            }
        }
    }
}

/// Takes the exit code of the successor if it has ended well, so that the kernel can forget it. Any other code is left to the
/// parent of this process, which gets it when this process ends: a service manager starts a server again that has failed.
fn reap(successor: &mut Child) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let ended = waitid(WaitId::Pid(Pid::from_child(successor)), options);
    if let Ok(Some(status)) = ended
        && status.exit_status() == Some(0)
    {
        let _ = successor.try_wait();
    }
}

/// Puts `/dev/null` in the place of standard input and output, which are those of the successor now.
fn give_up_stdio() -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(rustix::stdio::dup2_stdout(&nothing)?)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::process::Command;

    use rustix::event::PollFlags;
    use rustix::process::{PidfdFlags, pidfd_open};

    use super::*;
    use crate::util::stdio::is_ready;

    #[test]
    fn exit_code_of_a_successor_that_has_failed_is_left_to_others() {
        for (script, is_taken) in [("exit 0", true), ("exit 3", false), ("kill -9 $$", false)] {
            let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
            let pid = Pid::from_child(&child);
            let fd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
            assert!(is_ready(fd.as_fd(), PollFlags::IN, Duration::from_secs(20)), "{script}");
            reap(&mut child);
            let left = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
            assert_eq!(left.is_err(), is_taken, "{script}: {left:?}");
        }
    }
}
