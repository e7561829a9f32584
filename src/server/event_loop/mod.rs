//! The event loop: one poll, and the parts that receive its events.
//!
//! In each turn the loop records the events; then the engine reads, the operator's console
//! is read, and the engine writes.

mod cluster;
mod requests;

use std::io;
use std::rc::Rc;
use std::time::Duration;

use log::{Level, info, warn};
use mio::event::Event;
use mio::{Events, Interest, Poll, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGUSR2};
use signal_hook_mio::v1_0::Signals;

use self::cluster::Membership;
use crate::chat::{ClientId, Hub, Notice, Now, OPERATOR_LOG};
use crate::cluster::node::{Node, NodeState};
use crate::cluster::settings::ClusterSettings;
use crate::cluster::stored::Beginning;
use crate::server::connection::transport::{
    CONNECTIONS, ListenerKind, Readiness, ServerListener, TlsServer, TransportBuffers, UnixServer,
};
use crate::server::console::{Console, ScreenSettings};
use crate::server::control::{self, Control};
use crate::server::engine::state::{EngineSettings, Sockets};
use crate::server::engine::{Budget, Engine};
use crate::server::http::Access;
use crate::server::http::api::ApiTokens;
use crate::server::limits::Limits;
use crate::server::listen::{self, Listening};
use crate::server::password::{Hasher, HasherCommand};
use crate::server::reload::{ProcessSettings, Reload, ReloadedCertificates, Reloader};
use crate::server::service::ServiceManager;
use crate::server::store_writer::StoreWriter;
use crate::server::tls::expiry::{CertificateWatch, Validity};
use crate::server::tls::self_signed::Introduction;
use crate::server::trusted_peer::TrustedPeer;
use crate::server::upgrade::successor::TakenEngine;
use crate::server::upgrade::{Offer, Program, Upgrade};
use crate::terminal::session;
use crate::util::clock::Clock;
use crate::util::random::random;
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

    /// Sets the access rules of the web side.
    pub fn set_access(&mut self, access: Access) {
        self.engine.set_access(access);
    }

    /// Sets the tokens with which programs may post; `None` if nobody may.
    pub fn set_tokens(&mut self, tokens: Option<ApiTokens>) {
        self.engine.set_tokens(tokens);
    }

    /// Sets the proxies whose connections begin with a header.
    pub fn set_proxies(&mut self, proxies: Vec<TrustedPeer>) {
        self.engine.set_proxies(proxies);
    }

    /// Sets what TLS connections share, and the buffers that they count.
    pub fn set_tls(&mut self, tls: Rc<TlsServer>, buffers: Rc<TransportBuffers>) {
        self.tls = Some(tls);
        self.engine.set_buffers(buffers);
    }

    /// Sets the store writer.
    pub fn set_store_writer(&mut self, store_writer: Option<StoreWriter>) {
        self.engine.set_store_writer(store_writer);
    }

    /// Sets who is told how the server is.
    pub fn set_service_manager(&mut self, service_manager: Option<ServiceManager>) {
        self.service_manager = service_manager;
    }

    /// Lets the process be replaced: by `program`, with settings for which `offer` holds.
    pub fn set_upgrade(&mut self, program: io::Result<Program>, offer: Offer, listening: Vec<Listening>) {
        self.upgrade = Some(Upgrade::new(program, UPGRADE, offer, listening));
    }

    /// Takes the files of the Unix sockets that a predecessor has made: they are removed at the end.
    pub fn own_files(&self) {
        self.engine.listeners().for_each(|(_, listener)| listener.set_owns_file(true));
        self.control.iter().filter_map(Control::listener).for_each(|listener| listener.set_owns_file(true));
    }

    /// Sets the control socket.
    ///
    /// # Errors
    /// If the kernel refuses to register it.
    pub fn set_control(&mut self, listener: UnixServer) -> io::Result<()> {
        let control = Control::new(listener, self.poll.registry(), CONTROL, CONTROL_CONNECTIONS)?;
        self.control = Some(control);
        Ok(())
    }

    /// Sets what reads the settings again.
    pub fn set_reloader(&mut self, reloader: Reloader) {
        self.reloader = Some(reloader);
    }

    /// Watches the certificates with these dates, from now on.
    pub fn watch_certificates(&mut self, validities: Vec<Validity>) {
        self.engine.set_certificates(validities.clone());
        self.certificates = Some(CertificateWatch::new(validities));
    }

    /// Tells the operator how clients connect with TLS, and know the server by its key.
    pub fn tell_how_to_connect(&mut self, introduction: &Introduction) {
        let hub = self.engine.hub_mut();
        for command in &introduction.commands {
            hub.tell_operator(Level::Info, &Notice::TlsCommand { command });
        }
        if !introduction.commands.is_empty() {
            hub.tell_operator(Level::Info, &Notice::TlsWords { words: &introduction.words });
        }
    }

    /// Lets the server take part in a cluster: as a node that begins there, or as what a predecessor has handed over. From now on
    /// its clock is one that began in 1970.
    ///
    /// # Errors
    /// If the authorities for TLS cannot be used, or the kernel refuses.
    pub fn join_cluster(&mut self, settings: &ClusterSettings, state: Result<NodeState, Beginning>) -> io::Result<()> {
        if state.is_err() {
            self.clock = Clock::since_1970();
            self.engine.set_began(self.clock.elapsed());
        }
        let (registry, now) = (self.poll.registry(), self.clock.elapsed());
        let node = match state {
            Err(beginning) => Node::new(settings, beginning, [random(), random()], registry, CLUSTER, now),
            Ok(state) => Node::restore(settings, state, random(), registry, CLUSTER, now),
        };
        self.membership = Some(Membership::new(node?));
        Ok(())
    }

    /// Starts the process that compares and hashes passwords.
    pub fn start_hasher(&mut self) {
        let now = self.clock.elapsed();
        self.hasher = Some(Hasher::start(HasherCommand::default(), self.poll.registry(), HASHER, now));
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

    /// Reads the settings again if a signal or sessions have asked for that.
    fn reload_if_asked(&mut self, now: Now) {
        if std::mem::take(&mut self.hung_up) {
            self.reload(None, now);
        }
        while let Some(id) = self.engine.hub_mut().poll_reload() {
            self.reload(Some(id), now);
        }
    }

    /// Reads the settings again, and tells the service manager about it.
    fn reload(&mut self, by: Option<ClientId>, now: Now) {
        self.service_manager.iter_mut().for_each(|manager| manager.tell_reloading(now.at));
        self.apply_settings(by, now);
        self.service_manager.iter_mut().for_each(|manager| manager.tell_reloaded(now.at));
    }

    /// Reads the settings again, applies them, and tells the result to the log, the console and the session that has asked.
    fn apply_settings(&mut self, by: Option<ClientId>, now: Now) {
        let Some(reloader) = &mut self.reloader else { return };
        let Reload { hub: config, process, certificates, changed, fixed } = match reloader.reload() {
            Ok(reload) => reload,
            Err(why) => return self.engine.hub_mut().tell_not_reloaded(by, &why),
        };
        if let Some(ProcessSettings { limits, access, proxies, tokens, level }) = process {
            logging::set_level(level);
            for (_, listener) in self.engine.listeners() {
                if let Err(error) = listen::set_options(listener, &limits) {
                    warn!("a listener keeps its options: {error}");
                }
            }
            self.engine.set_limits(limits);
            self.engine.set_access(access);
            self.engine.set_proxies(proxies);
            self.engine.set_tokens(tokens);
        }
        if let Some(ReloadedCertificates { configs, validities, introduction }) = certificates {
            if let (Some(tls), Some(configs)) = (&self.tls, configs) {
                tls.set_configs(configs);
            }
            self.watch_certificates(validities);
            if let Some(introduction) = introduction {
                self.tell_how_to_connect(&introduction);
            }
        }
        let hub = self.engine.hub_mut();
        hub.set_config(&config, now);
        hub.tell_reloaded(by, &changed, &fixed);
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
