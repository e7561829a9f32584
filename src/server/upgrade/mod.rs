//! An upgrade: the running server is replaced by the program that is on disk now, and its connections stay.
//!
//! The server starts the program as its successor, over a [`Channel`], and serves on while that reads its settings. Then,
//! between two turns, it hands over its state, its listeners, its connections and the standard input of its console, and
//! ends. Until the last message ([`Message::GoOn`]) every failure leaves the server as it was: it has only lent its
//! sockets. After that message it never serves again.
//!
//! - `channel`: the packets between the two processes.
//! - `inventory`: which descriptor is what.
//! - `program`: how the successor is started.
//! - `predecessor`, `successor`: the two sides of the handover.

mod channel;
pub mod inventory;
mod predecessor;
mod program;
pub mod successor;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::time::Duration;

use log::{error, info};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

pub use self::channel::{Channel, Message, Offer};
use self::inventory::SocketPairs;
use self::predecessor::{UNEXPECTED, hand_over, says};
pub use self::program::{Program, TAKE_OVER};
use super::connection::transport::ServerListener;
use super::console::Console;
use super::control::Control;
use super::engine::Engine;
use super::engine::state::moving::BlockingConnections;
use super::handover::VERSION;
use super::listen::Listening;
use super::password::Hasher;
use super::service::ServiceManager;
use crate::chat::Now;
use crate::cluster::node::Node;
use crate::util::clock::Clock;
use crate::util::io_error::plain_words;
use crate::util::stdio::is_ready;

/// How long the program on disk may take to read its settings.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How long TLS handshakes may take to end, and connections with TLS that cannot be relayed to read their last lines.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a process that is given up may take to end by itself.
const EXIT_TIMEOUT: Duration = Duration::from_millis(20);

/// How long the end of a killed process is waited for, if it may have opened the store.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a killed process is looked at until it has ended, which is nearly always at once.
const REAP_INTERVAL: Duration = Duration::from_millis(50);

/// The upgrades of a server: one at a time.
pub struct Upgrade {
    /// How the successor is started, or why it cannot be.
    program: Result<Program, String>,
    token: Token,
    offer: Offer,
    listening: Vec<Listening>,
    stage: Stage,
    /// Processes that were killed and have not ended yet, and when they are looked at again.
    killed: Vec<Child>,
    reap_at: Duration,
    /// What the last upgrade has led to, until it is taken.
    failure: Option<String>,
}

enum Stage {
    Idle,
    /// The successor reads its settings.
    Starting(Successor),
    /// Handshakes and connections with TLS that cannot be relayed come to their end. Then everything is handed over.
    Ending(Successor),
    /// The successor serves.
    Over(Replaced),
}

struct Successor {
    child: Child,
    channel: Channel,
    /// Something may have come.
    is_readable: bool,
    /// The end of the stage.
    until: Duration,
    /// Connections with TLS that had to end, since there were too many.
    ended: usize,
}

/// What is left in a process that was replaced.
pub struct Replaced {
    pub successor: Child,
    /// The ends of pairs of sockets to the successor, by the slots of the connections with TLS.
    pub pairs: HashMap<usize, OwnedFd>,
}

/// The parts of the server that an upgrade works on.
pub struct Parts<'a> {
    pub registry: &'a Registry,
    pub clock: &'a Clock,
    pub engine: &'a mut Engine<ServerListener>,
    pub console: Option<&'a mut Console>,
    pub hasher: Option<&'a mut Hasher>,
    pub manager: Option<&'a mut ServiceManager>,
    pub control: Option<&'a mut Control>,
    pub node: Option<&'a Node>,
}

impl Parts<'_> {
    fn tell_main_pid(&mut self, pid: u32, now: Now) {
        if let Some(manager) = &mut self.manager {
            manager.tell_main_pid(pid, now.at);
        }
    }
}

impl Upgrade {
    /// The upgrades of a server that listens so; events of the channel have this token.
    pub fn new(program: io::Result<Program>, token: Token, offer: Offer, listening: Vec<Listening>) -> Self {
        let program =
            program.map_err(|error| format!("the path of this program cannot be found: {}", plain_words(&error)));
        Upgrade {
            program,
            token,
            offer,
            listening,
            stage: Stage::Idle,
            killed: Vec::new(),
            reap_at: Duration::ZERO,
            failure: None,
        }
    }

    /// Begins an upgrade: starts the program that is on disk now. What comes of it is logged; a failure can be taken with
    /// [`Upgrade::take_failure`], and after a success this process ends.
    ///
    /// # Errors
    /// If another upgrade is under way. That is no failure of it.
    pub fn begin(&mut self, parts: Parts, now: Duration) -> Result<(), String> {
        if !matches!(self.stage, Stage::Idle) {
            return Err("an upgrade is under way already; wait until it is over".into());
        }
        match self.start(&parts, now) {
            Ok(successor) => {
                self.failure = None;
                let pid = successor.child.id();
                info!("upgrade: process {pid} is started, and this one serves on until it is ready");
                self.stage = Stage::Starting(successor);
            }
            Err(why) => self.note_failure(why),
        }
        Ok(())
    }

    fn start(&mut self, parts: &Parts, now: Duration) -> Result<Successor, String> {
        if std::process::id() == 1 {
            return Err(
                "this process is the first of its container, which would end with it; start the container anew".into(),
            );
        }
        if parts.console.as_ref().is_some_and(|console| console.is_on_terminal()) {
            let why = "the operator's console is on a terminal, which the shell takes back when this process ends; end the \
                       server and start it again, or run it with --console off";
            return Err(why.into());
        }
        if !parts.engine.store_works() {
            return Err("the store does not work at present; try again when it does".into());
        }
        let program = self.program.as_ref().map_err(String::clone)?;
        let has_passed_sockets = self.listening.iter().any(|listening| listening.is_activated);
        let (channel, theirs) = Channel::pair().map_err(|error| plain_words(&error))?;
        // Sent before the program starts. If it was sent later, and the program had ended at once, sending would fail,
        // and the operator would not be told why the program has ended.
        let offered = channel.send(&Message::Offer(self.offer.clone()));
        offered.map_err(|error| format!("the channel to the new program {}", plain_words(&error)))?;
        let child = program.start(theirs, has_passed_sockets);
        let child =
            child.map_err(|error| format!("cannot run {}: {}", program.path().display(), plain_words(&error)))?;
        let successor = Successor { child, channel, is_readable: true, until: now + START_TIMEOUT, ended: 0 };
        let fd = successor.channel.raw_fd();
        if let Err(error) = parts.registry.register(&mut SourceFd(&fd), self.token, Interest::READABLE) {
            let said = self.end(successor.child, now);
            return Err(format!("the new program {}{said}", plain_words(&error)));
        }
        Ok(successor)
    }

    /// Records an event of the channel.
    pub fn notify(&mut self) {
        if let Stage::Starting(successor) | Stage::Ending(successor) = &mut self.stage {
            successor.is_readable = true;
        }
    }

    /// Whether an upgrade is under way.
    pub fn is_under_way(&self) -> bool {
        !matches!(self.stage, Stage::Idle)
    }

    /// When [`Upgrade::turn`] has to be called without an event.
    pub fn next_deadline(&self) -> Option<Duration> {
        let until = match &self.stage {
            Stage::Idle | Stage::Over(_) => None,
            Stage::Starting(successor) | Stage::Ending(successor) => Some(successor.until),
        };
        let reap = (!self.killed.is_empty()).then_some(self.reap_at);
        [until, reap].into_iter().flatten().min()
    }

    /// The process that serves now, after [`Upgrade::turn`] has returned `true`.
    pub fn successor(&self) -> Option<u32> {
        match &self.stage {
            Stage::Over(replaced) => Some(replaced.successor.id()),
            _ => None,
        }
    }

    /// What is left of this process, after [`Upgrade::turn`] has returned `true`.
    pub fn into_replaced(self) -> Option<Replaced> {
        match self.stage {
            Stage::Over(replaced) => Some(replaced),
            _ => None,
        }
    }

    /// Why the last upgrade has failed, if it has.
    pub fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// The end of a turn: goes on with the upgrade. `true` if the successor serves: then this process must touch nothing
    /// except its connections with TLS, and end after them.
    pub fn turn(&mut self, mut parts: Parts, now: Now) -> bool {
        if self.reap_at <= now.at {
            self.killed.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            self.reap_at = now.at + REAP_INTERVAL;
        }
        if self.is_under_way() && parts.engine.is_ending() {
            self.stop(&mut parts, now.at);
            info!("the upgrade is given up, since the server ends");
        }
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => return false,
            Stage::Starting(successor) => self.await_hello(successor, &mut parts, now),
            stage => self.stage = stage,
        }
        let Stage::Ending(successor) = &mut self.stage else { return false };
        let BlockingConnections { opening, excess } = parts.engine.prepare_relay(now.at >= successor.until, now);
        successor.ended = successor.ended.max(excess);
        if opening + excess > 0 {
            return false;
        }
        match hand_over(successor, &self.listening, &mut parts, now) {
            Ok(pairs) => self.end_stage(pairs),
            Err(why) => {
                self.give_up(&why, &mut parts, now.at);
                // It may have opened the store, which is locked until it has ended.
                self.await_killed();
                parts.engine.take_back_store(now);
            }
        }
        matches!(self.stage, Stage::Over(_))
    }

    fn end_stage(&mut self, pairs: SocketPairs) {
        if let Stage::Ending(successor) = std::mem::replace(&mut self.stage, Stage::Idle) {
            self.stage = Stage::Over(Replaced { successor: successor.child, pairs: pairs.into_ours() });
        }
    }

    /// Waits for the end of the processes that were killed.
    fn await_killed(&mut self) {
        self.killed.retain_mut(|child| {
            if let Ok(fd) = pidfd_open(Pid::from_child(child), PidfdFlags::empty()) {
                is_ready(fd.as_fd(), PollFlags::IN, KILL_TIMEOUT);
            }
            matches!(child.try_wait(), Ok(None))
        });
    }

    fn await_hello(&mut self, mut successor: Successor, parts: &mut Parts, now: Now) {
        let message = match std::mem::take(&mut successor.is_readable) {
            true => successor.channel.try_receive(),
            false => Ok(None),
        };
        let is_late = now.at >= successor.until;
        self.stage = Stage::Starting(successor);
        match message {
            Ok(Some(Message::Hello { versions })) if versions.contains(&VERSION) => self.begin_ending(parts, now.at),
            Ok(Some(Message::Hello { versions })) => {
                let why = format!(
                    "the new program reads states of version {versions:?}, and this one writes version {VERSION}; end the \
                     server and start it again"
                );
                self.give_up(&why, parts, now.at);
            }
            Ok(Some(Message::Refused { why })) => self.give_up(&says(&why), parts, now.at),
            Ok(Some(_)) => self.give_up(UNEXPECTED, parts, now.at),
            Ok(None) if is_late => {
                let why = format!("the new program was not ready within {} s", START_TIMEOUT.as_secs());
                self.give_up(&why, parts, now.at);
            }
            Ok(None) => {}
            Err(error) => self.give_up(&format!("the new program {error}"), parts, now.at),
        }
    }

    /// Stops accepting connections, so that no new ones come that cannot be handed over.
    fn begin_ending(&mut self, parts: &mut Parts, now: Duration) {
        let Stage::Starting(mut successor) = std::mem::replace(&mut self.stage, Stage::Idle) else { return };
        parts.engine.set_accepting(false);
        successor.until = now + FAREWELL;
        self.stage = Stage::Ending(successor);
    }

    /// Ends the successor; this process goes on.
    fn give_up(&mut self, why: &str, parts: &mut Parts, now: Duration) {
        let said = self.stop(parts, now);
        self.note_failure(format!("{why}{said}"));
    }

    /// Ends the successor; gives how it has ended, in brackets.
    fn stop(&mut self, parts: &mut Parts, now: Duration) -> String {
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        let (Stage::Starting(successor) | Stage::Ending(successor)) = stage else { return String::new() };
        parts.engine.set_accepting(true);
        let fd = successor.channel.raw_fd();
        let _ = parts.registry.deregister(&mut SourceFd(&fd));
        drop(successor.channel);
        self.end(successor.child, now)
    }

    /// Kills a successor that has not ended; gives how it has ended, in brackets.
    fn end(&mut self, mut child: Child, now: Duration) -> String {
        if let Ok(fd) = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            // Its end of the channel is closed a moment before it has ended.
            is_ready(fd.as_fd(), PollFlags::IN, EXIT_TIMEOUT);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return format!(" ({status})");
        }
        let _ = child.kill();
        self.killed.push(child);
        self.reap_at = now + REAP_INTERVAL;
        String::new()
    }

    fn note_failure(&mut self, why: String) {
        error!("the upgrade has failed, and this process goes on: {why}");
        self.failure = Some(why);
    }

    /// Passes a signal on that has come while the server was handed over, if it ends the server or has it read its settings
    /// again. Only after [`Upgrade::turn`] has returned `true`.
    pub fn pass_on(&self, signal: i32) {
        let signal = [Signal::HUP, Signal::INT, Signal::TERM].into_iter().find(|known| known.as_raw() == signal);
        if let (Stage::Over(replaced), Some(signal)) = (&self.stage, signal) {
            let _ = kill_process(Pid::from_child(&replaced.successor), signal);
        }
    }
}
