//! The event loop: one poll, and the parts that receive its events.
//!
//! In each turn the loop records the events; then the engine reads, the operator's console
//! is read, and the engine writes.

mod cluster;
mod reload;
mod requests;
mod setup;

use std::io;
use std::rc::Rc;
use std::time::Duration;

use log::info;
use mio::event::Event;
use mio::{Events, Interest, Poll, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGUSR2};
use signal_hook_mio::v1_0::Signals;

use self::cluster::Membership;
use crate::chat::{Hub, Now, OPERATOR_LOG};
use crate::server::connection::transport::{CONNECTIONS, ListenerKind, Readiness, ServerListener, TlsServer};
use crate::server::console::{Console, ScreenSettings};
use crate::server::control::{self, Control};
use crate::server::engine::state::{EngineSettings, Sockets};
use crate::server::engine::{Budget, Engine};
use crate::server::limits::Limits;
use crate::server::password::Hasher;
use crate::server::reload::Reloader;
use crate::server::service::ServiceManager;
use crate::server::tls::expiry::CertificateWatch;
use crate::server::upgrade::Upgrade;
use crate::server::upgrade::successor::TakenEngine;
use crate::terminal::session;
use crate::util::clock::Clock;
use crate::util::{logging, signals};

const SIGNALS: Token = Token(0);
const CONSOLE: Token = Token(1);
/// The console's or the log's output can be written; nothing to record, since each turn tries to write.
const CONSOLE_OUTPUT: Token = Token(2);
const LOG_OUTPUT: Token = Token(3);
const HASHER: Token = Token(4);
const UPGRADE: Token = Token(5);
const CONTROL: Token = Token(6);
const CLUSTER: Token = Token(7);
const CONTROL_CONNECTIONS: usize = 8;
const LISTENERS: usize = CONTROL_CONNECTIONS + control::MAX_CONNECTIONS;
/// Events of one poll at most.
const EVENTS: usize = 1024;

/// Delay before unread output of the console or the log is tried again.
const OUTPUT_RETRY: Duration = Duration::from_millis(100);

impl From<&Event> for Readiness {
    fn from(event: &Event) -> Self {
        Readiness {
            readable: event.is_readable(),
            urgent: event.is_priority(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed(),
            error: event.is_error(),
        }
    }
}

/// The event loop of one server process.
pub struct EventLoop {
    poll: Poll,
    clock: Clock,
    signals: Signals,
    /// A signal has arrived.
    signalled: bool,
    /// A signal has asked for a reload.
    hung_up: bool,
    reloader: Option<Reloader>,
    /// Warns of certificates that end, if there are any.
    certificates: Option<CertificateWatch>,
    console: Option<Console>,
    /// Compares and hashes passwords, if the server has accounts.
    hasher: Option<Hasher>,
    /// What TLS connections share, if there are any.
    tls: Option<Rc<TlsServer>>,
    /// Told how the server is, if one has started it.
    service_manager: Option<ServiceManager>,
    /// Replaces this process by its successor.
    upgrade: Option<Upgrade>,
    /// Where other processes of this program ask for something, if there is a socket for that.
    control: Option<Control>,
    /// The node, if the server takes part in a cluster.
    membership: Option<Membership>,
    engine: Engine<ServerListener>,
}

impl EventLoop {
    /// Sets up the poll; nothing is accepted before [`EventLoop::run`]. `screen`: the console is drawn on its terminal. `taken`:
    /// what goes on from a predecessor, whose listeners and hub the others are.
    ///
    /// # Errors
    /// If the kernel refuses the poll, the signals' pipe, or a registration.
    pub fn new(
        mut hub: Hub,
        mut listeners: Vec<(ListenerKind, ServerListener)>,
        limits: Limits,
        max_connections: usize,
        console: bool,
        screen: Option<ScreenSettings>,
        taken: Option<TakenEngine>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        for (number, (_, socket)) in listeners.iter_mut().enumerate() {
            if LISTENERS + number >= CONNECTIONS {
                return Err(io::Error::other(format!("more than {} addresses to listen on", CONNECTIONS - LISTENERS)));
            }
            registry.register(socket.source(), Token(LISTENERS + number), Interest::READABLE)?;
        }
        let mut signals = signals::watch_for_server()?;
        registry.register(&mut signals, SIGNALS, Interest::READABLE)?;
        let tokens = [CONSOLE, CONSOLE_OUTPUT];
        let mut console =
            console.then(|| Console::new(&mut hub, registry, tokens, limits.max_line, screen)).transpose()?;
        if console.as_ref().is_some_and(Console::is_drawn) {
            session::SIGNALS.into_iter().try_for_each(|signal| signals.add_signal(signal))?;
        }
        logging::watch(registry, LOG_OUTPUT)?;
        let budget = Budget::default();
        let (engine, clock) = match taken {
            None => (Engine::new(hub, listeners, limits, budget, max_connections), Clock::start()),
            Some(TakenEngine { state, streams, console: kept, at, .. }) => {
                if let (Some(console), Some(kept)) = (&mut console, kept) {
                    console.restore(kept);
                }
                let sockets = Sockets { streams, listeners };
                let settings = EngineSettings { limits, budget, max_connections };
                let engine = Engine::from_state(state, hub, sockets, settings, registry).map_err(io::Error::other)?;
                (engine, Clock::go_on_from(at))
            }
        };
        Ok(EventLoop {
            poll,
            clock,
            signals,
            signalled: false,
            hung_up: false,
            reloader: None,
            certificates: None,
            console,
            hasher: None,
            tls: None,
            service_manager: None,
            upgrade: None,
            control: None,
            membership: None,
            engine,
        })
    }

    /// Serves until a signal, the operator or the peer of p2p ends it; returns the exit code.
    ///
    /// # Errors
    /// If the kernel's poll fails.
    pub fn run(&mut self) -> io::Result<u8> {
        let mut events = Events::with_capacity(EVENTS);
        if let Some(console) = &mut self.console {
            console.start(self.engine.hub_mut());
        }
        let now = self.clock.elapsed();
        if let Some(manager) = &mut self.service_manager {
            manager.tell_ready(self.engine.hub().head_count(), now);
        }
        loop {
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = self.clock.now();
            for event in &events {
                self.record_event(event);
            }
            if std::mem::take(&mut self.signalled)
                && let Some(code) = self.take_signals(now)
            {
                return Ok(code);
            }
            self.engine.process_input(self.poll.registry(), now);
            if let Some(console) = &mut self.console {
                console.receive(self.engine.hub_mut(), self.poll.registry(), now);
            }
            self.reload_if_asked(now);
            if let Some(certificates) = &mut self.certificates {
                certificates.look(self.engine.hub_mut(), now);
            }
            if let Some(hasher) = &mut self.hasher {
                hash_passwords(hasher, self.engine.hub_mut(), self.poll.registry(), now);
            }
            self.take_part(now);
            self.engine.process_output(now);
            self.answer_control(now.at);
            self.tell_service_manager(now.at);
            let is_replaced = self.go_on_with_upgrade(now);
            self.answer_upgrade(is_replaced, now.at);
            if is_replaced {
                return Ok(0);
            }
            if let Some(console) = &mut self.console {
                console.show(self.engine.hub_mut(), now.at);
            }
            logging::flush();
            self.engine.count_turn(self.clock.elapsed().saturating_sub(now.at));
            if self.engine.is_done(now.at) && self.has_left(now.at) {
                if let Some(membership) = &mut self.membership {
                    membership.node.finish(self.engine.hub_mut(), now);
                }
                self.engine.finish_writing(now);
                if let Some(console) = &mut self.console {
                    console.finish(self.engine.hub_mut(), now.at, OUTPUT_RETRY);
                }
                return Ok(self.membership.as_ref().map_or(0, |membership| membership.exit_code));
            }
        }
    }

    /// The timeout of the next poll.
    fn timeout(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let is_ready = self.console.as_ref().is_some_and(|console| console.is_ready(now))
            || self.hasher.as_ref().is_some_and(Hasher::has_work)
            || self.membership.as_ref().is_some_and(|membership| membership.node.has_work(self.engine.hub()));
        if self.engine.has_work(now) || is_ready {
            return Some(Duration::ZERO);
        }
        let output = logging::has_pending() || self.console.as_ref().is_some_and(Console::has_pending);
        let retry = output.then_some(now + OUTPUT_RETRY);
        let hasher = self.hasher.as_ref().and_then(Hasher::next_deadline);
        let certificates = self.certificates.as_ref().map(CertificateWatch::next_deadline);
        let console = self.console.as_ref().and_then(|console| console.next_deadline(now));
        let manager = self.service_manager.as_ref().and_then(ServiceManager::next_deadline);
        let upgrade = self.upgrade.as_ref().and_then(Upgrade::next_deadline);
        let control = self.control.as_ref().and_then(Control::next_deadline);
        let node = self.membership.as_ref().and_then(|membership| membership.node.next_deadline());
        [self.engine.next_deadline(), hasher, retry, certificates, console, manager, upgrade, control, node]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.saturating_sub(now))
    }

    /// Tells the service manager, if there is one, what is due in this turn.
    fn tell_service_manager(&mut self, now: Duration) {
        let Some(manager) = &mut self.service_manager else { return };
        if self.engine.is_ending() {
            manager.tell_stopping(now);
        }
        manager.turn(self.engine.hub().head_count(), now);
    }

    /// Passes an event on.
    fn record_event(&mut self, event: &Event) {
        match event.token() {
            SIGNALS => self.signalled = true,
            CONSOLE => self.console.iter_mut().for_each(Console::notify),
            CONSOLE_OUTPUT | LOG_OUTPUT => {}
            HASHER => self.hasher.iter_mut().for_each(Hasher::notify),
            UPGRADE => self.upgrade.iter_mut().for_each(Upgrade::notify),
            CLUSTER => self.membership.iter_mut().for_each(|membership| membership.node.notify()),
            CONTROL => self.control.iter_mut().for_each(Control::notify_listener),
            Token(token) if token < LISTENERS => self.control.iter_mut().for_each(|control| control.notify(token)),
            Token(token) if token < CONNECTIONS => self.engine.notify_listener(token - LISTENERS),
            Token(token) => self.engine.record_event(token - CONNECTIONS, event.into()),
        }
    }

    /// Handles signals: the first one that ends the server begins the shutdown; a second one returns the exit code.
    fn take_signals(&mut self, now: Now) -> Option<u8> {
        let signals: Vec<i32> = self.signals.pending().collect();
        for signal in signals {
            if let Some(console) = self.console.as_mut().filter(|_| session::SIGNALS.contains(&signal)) {
                console.handle_signal(signal, self.engine.hub_mut());
                continue;
            }
            if signal == SIGHUP && !self.engine.hub().is_p2p() && !self.engine.is_ending() {
                self.hung_up = true;
                continue;
            }
            if signal == SIGUSR2 && !self.engine.is_ending() {
                self.begin_upgrade(now.at);
                continue;
            }
            if !signals::ends_server(signal, self.engine.hub().is_p2p()) {
                info!("signal {signal} is ignored");
                continue;
            }
            if self.engine.is_ending() {
                return Some(128 + signal as u8);
            }
            info!(target: OPERATOR_LOG, "signal {signal}: shutting down");
            self.engine.begin_shutdown(now);
        }
        None
    }
}

/// Gives the hub the answers about passwords, and the hasher as many requests as it takes.
fn hash_passwords(hasher: &mut Hasher, hub: &mut Hub, registry: &Registry, now: Now) {
    loop {
        for (request, answer) in hasher.process(registry, now.at) {
            hub.handle_password(&request, answer, now);
        }
        let mut is_done = true;
        while hasher.has_room()
            && let Some(request) = hub.poll_password(now)
        {
            hasher.submit(request);
            is_done = false;
        }
        if is_done {
            return;
        }
    }
}
