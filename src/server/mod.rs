//! The server: one thread, one poll, and all sockets.

pub mod connection;
pub(crate) mod console;
pub mod control;
pub mod engine;
mod error;
mod event_loop;
pub mod handover;
pub mod http;
pub(crate) mod limits;
mod listen;
pub mod listen_addr;
pub mod motd;
pub mod password;
mod password_file;
mod relay;
mod reload;
mod secret_file;
pub mod service;
mod settings;
pub(crate) mod start;
pub(crate) mod store;
pub mod tls;
pub mod trusted_peer;
pub mod upgrade;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path;

use log::{LevelFilter, info, warn};
use rustix::fs::fstat;

use self::connection::transport::{ListenerKind, ServerListener, TlsServer, TransportBuffers};
use self::console::{ScreenSettings, introduction};
pub use self::error::Error;
pub use self::limits::Limits;
use self::listen::{ListenOptions, Listening, PassedListener};
use self::listen_addr::{ListenAddr, ListenPlace};
pub use self::password_file::PasswordSource;
use self::reload::{AtStart, Reloader, read_motd, read_tokens};
pub use self::reload::{ReadSettings, Reloaded};
use self::service::ServiceManager;
use self::service::activation::{self, Activated};
pub use self::settings::{ConsoleMode, Settings};
use self::tls::self_signed::Introduction;
use self::tls::{CertificateSource, Certificates, expiry, self_signed};
use self::upgrade::inventory::take_listener;
use self::upgrade::successor::{self, TakenOver};
use self::upgrade::{Channel, Message, Offer, Program};
use crate::chat::{Config, ConsoleText, Hub, Lang, Mode, Notice, OPERATOR_LOG};
use crate::cluster::nats;
use crate::cluster::settings::ClusterSettings;
use crate::cluster::stored::Beginning;
use crate::util::logging::Style;
use crate::util::random::random;
use crate::util::stdio::allows_colour;
use crate::util::{clock, fd_limit, logging};
use crate::wire::renderers_of;

/// Bytes of incomplete and unsent TLS records that all connections may keep together.
const MAX_KEPT_BYTES: usize = 64 << 20;

/// Above every number of a run: each JSON reader can represent the numbers below.
const MAX_RUN: u64 = 1 << 53;

/// Runs a server until it ends; returns the exit code.
///
/// # Errors
/// If it cannot be started, or the kernel's poll fails.
pub fn run(settings: Settings) -> Result<u8, Error> {
    let channel = settings.takes_over.then(Channel::of_standard_input).transpose().map_err(Error::Start)?;
    let result = serve(settings, channel.as_ref());
    if let (Some(channel), Err(error)) = (&channel, &result) {
        // The server logs it; this process does so too, at its end.
        let _ = channel.send(&Message::Refused { why: error.to_string() });
    }
    result
}

/// Runs a server; `channel` is that to its predecessor, if it takes over from one.
fn serve(settings: Settings, channel: Option<&Channel>) -> Result<u8, Error> {
    let program = Program::of_this_process();
    let Settings {
        listen,
        irc,
        web: web_addrs,
        admin,
        api_tokens,
        control,
        sockets,
        tls,
        unix_mode,
        reuse_port,
        proxies,
        mut access,
        lang,
        console,
        level,
        log_format,
        limits,
        max_clients,
        store,
        password,
        motd,
        cluster,
        mut hub,
        takes_over: _,
        reload,
    } = settings;
    let console = match console {
        _ if hub.mode == Mode::P2p => true,
        ConsoleMode::On => true,
        ConsoleMode::Off => false,
        ConsoleMode::Auto => io::stdin().is_terminal() && io::stdout().is_terminal(),
    };
    let is_drawn = console && console::is_drawable();
    let style = Style { format: log_format, ..log_style(console, is_drawn, level) };
    logging::start(level, style).map_err(Error::Start)?;

    if let Some(source) = &password {
        hub.password = Some(source.read().map_err(|error| Error::Password(source.name(), error))?);
    }
    hub.motd = read_motd(motd)?;
    let tokens = read_tokens(api_tokens)?;
    check_authorities(cluster.as_ref())?;
    let fds = fd_limit::raise();
    let connections = limit_connections(&mut hub, max_clients, fds);
    hub.run = random() % MAX_RUN;
    hub.hash_key = [random(), random()];
    hub.cloak_key = [random(), random()];
    access.hosts.extend(http::machine_names());
    let node = cluster.as_ref().map(|cluster| [&cluster.cluster, &cluster.node].map(|name| name.as_str().to_owned()));
    let is_p2p = hub.mode == Mode::P2p;
    let mut offer = Offer { is_p2p, has_console: console, store: None, node, activated: Vec::new() };
    offer.store = store.as_ref().map(|store| path::absolute(&store.path).unwrap_or_else(|_| store.path.clone()));
    let activated = match channel {
        None => activation::take(&sockets)?,
        Some(_) => Vec::new(),
    };
    let passed: Vec<ListenAddr> = match channel {
        None => activated.iter().map(|socket| socket.addr.clone()).collect(),
        Some(channel) => successor::check_offer(channel, &offer)?,
    };
    offer.activated.clone_from(&passed);
    let all = [&passed[..], &listen, &irc, &web_addrs, &admin].concat();
    let load = |source: CertificateSource| Certificates::load(&source, &self_signed::names(&access.hosts, &all));
    let is_self_signed = tls.as_ref().is_some_and(CertificateSource::is_self_signed);
    let certificates = tls.map(load).transpose()?;
    let buffers = TransportBuffers::new(MAX_KEPT_BYTES);
    let tls = certificates.as_ref().map(|certificates| TlsServer::new(certificates.configs(), lang, &buffers));
    let kinds = vec![
        (ListenerKind::Plain, listen),
        (ListenerKind::Irc, irc),
        (ListenerKind::Web, web_addrs),
        (ListenerKind::Admin, admin),
    ];
    let options = ListenOptions { limits: &limits, unix_mode, reuse_port, tls: tls.as_ref() };
    let (mut handed_over, mut taken, taken_hub, taken_node) = match channel.map(successor::receive).transpose()? {
        None => (Vec::new(), None, None, None),
        Some(TakenOver { listeners, engine, hub, node }) => (listeners, Some(engine), Some(hub), node),
    };
    let mut passed_control = taken.as_mut().and_then(|taken| taken.control.take());
    let (listening, listeners) = listen_on(activated, kinds, options, &mut handed_over)?;
    let addrs: ByKind<ListenAddr> = listening.iter().map(|one| (one.kind, one.addr.clone())).collect();
    let (hub_config, name) = (hub.clone(), hub.name.clone());
    let renderers = renderers_of(lang, &name);
    let (hub, store_writer, beginning) = match (taken_hub, &mut taken) {
        (Some(state), Some(taken)) => {
            let kept = taken.state.store_writer.take().unwrap_or_default();
            let store_writer = store.map(|store| start::reopen(store, kept)).transpose().map_err(Error::Store)?;
            let mut hub = Hub::from_state(state, hub, renderers);
            if cluster.is_some() {
                hub.use_bucket();
            }
            (hub, store_writer, Beginning::default())
        }
        _ => start::begin(hub, renderers, store, cluster.as_ref())?,
    };
    // After the store: a second server with the same store is told about that first.
    let control = control.as_ref().map(|place| place.listen(&mut passed_control)).transpose()?.flatten();
    let has_accounts = hub.has_accounts();
    let screen = is_drawn.then(|| screen_settings(&hub_config, lang, &addrs, style.on_console));
    let mut event_loop = event_loop::EventLoop::new(hub, listeners, limits, connections, console, screen, taken)
        .map_err(Error::Start)?;
    event_loop.set_store_writer(store_writer);
    if let Some(cluster) = cluster {
        event_loop.join_cluster(&cluster, taken_node.ok_or(beginning)).map_err(Error::Cluster)?;
    }
    if let Some(control) = control {
        event_loop.set_control(control).map_err(Error::Start)?;
    }
    if has_accounts {
        event_loop.start_hasher();
    }
    let with_tls = |of: ListenerKind| {
        addrs.iter().filter_map(move |(kind, addr)| match addr {
            ListenAddr { place: ListenPlace::Tcp(place), tls: true } if *kind == of => Some(*place),
            _ => None,
        })
    };
    access.https_port = with_tls(ListenerKind::Web).next().map(|addr| addr.port());
    for (kind, addr) in &addrs {
        info!("{}", listen::describe(*kind, addr));
    }
    let tls_lines: Vec<SocketAddr> = with_tls(ListenerKind::Plain).collect();
    if let Some(tls) = tls {
        event_loop.set_tls(tls, buffers);
    }
    if let Some(certificates) = &certificates {
        event_loop.watch_certificates(certificates.validities());
        if is_self_signed && channel.is_none() {
            event_loop.tell_how_to_connect(&Introduction::new(&certificates.first().fingerprint, &tls_lines));
        }
    }
    event_loop.set_tokens(tokens.clone());
    let start = AtStart { certificates, https_port: access.https_port, listen: all, tls_lines };
    event_loop.set_reloader(Reloader::new(reload, password, hub_config, limits, start).with_tokens(tokens));
    event_loop.set_access(access);
    event_loop.set_proxies(proxies);
    event_loop.set_service_manager(ServiceManager::from_env());
    event_loop.set_upgrade(program, offer, listening);
    logging::flush();
    if let Some(channel) = channel {
        successor::await_go_on(channel)?;
        event_loop.own_files();
        close_unwanted(handed_over);
        if let Some((file, socket)) = passed_control {
            drop(socket);
            file.set_owned(true);
        }
        successor::tell_serving(channel);
    }
    let code = event_loop.run().map_err(Error::Poll)?;
    match event_loop.into_relay().map_err(Error::Relay)? {
        Some(relay) => relay.run().map_err(Error::Poll),
        None => Ok(code),
    }
}

/// What belongs to listeners, with the protocol of their connections.
type ByKind<T> = Vec<(ListenerKind, T)>;

/// Makes all listeners; returns what they are, with the real ports. Those of `handed_over` that can serve are used; those that
/// are not wanted stay in it.
fn listen_on(
    activated: Vec<Activated>,
    kinds: ByKind<Vec<ListenAddr>>,
    options: ListenOptions,
    handed_over: &mut Vec<PassedListener>,
) -> Result<(Vec<Listening>, ByKind<ServerListener>), Error> {
    let (mut listening, mut listeners) = (Vec::new(), Vec::new());
    for socket in activated {
        let (kind, addr) = (socket.kind, socket.addr.clone());
        listening.push(Listening { kind, asked: addr.place.clone(), addr, is_activated: true });
        listeners.push((kind, listen::adopt(socket, options)?));
    }
    for passed in handed_over.extract_if(.., |passed| passed.entry.is_activated) {
        let (kind, addr) = (passed.entry.kind, passed.entry.addr.clone());
        listeners.push((kind, listen::take_over(passed, kind, addr.tls, options)?));
        listening.push(Listening { kind, asked: addr.place.clone(), addr, is_activated: true });
    }
    for (kind, listen) in kinds {
        for addr in listen {
            let asked = addr.place.clone();
            let (place, socket) = match take_listener(handed_over, kind, &addr) {
                Some(passed) => (passed.entry.addr.place.clone(), listen::take_over(passed, kind, addr.tls, options)?),
                None => {
                    let socket = listen::listen(&addr, kind, options)?;
                    (socket.local_addr().map_or(addr.place, ListenPlace::Tcp), socket)
                }
            };
            listening.push(Listening { kind, addr: ListenAddr { place, ..addr }, asked, is_activated: false });
            listeners.push((kind, socket));
        }
    }
    Ok((listening, listeners))
}

/// Closes the listeners of the predecessor that the settings do not name any more.
fn close_unwanted(listeners: Vec<PassedListener>) {
    for PassedListener { entry, .. } in listeners {
        info!("not listening on {} any more", listen::address(entry.kind, &entry.addr));
        entry.file.iter().for_each(|file| file.set_owned(true));
    }
}

/// Checks what can be checked of settings without starting a server: the files that they name.
///
/// # Errors
/// If one of these cannot be read.
pub fn check(settings: &Settings) -> Result<(), Error> {
    logging::start(LevelFilter::Warn, Style::default()).map_err(Error::Start)?;
    if let Some(source) = &settings.password {
        source.read().map_err(|error| Error::Password(source.name(), error))?;
    }
    read_motd(settings.motd.clone())?;
    read_tokens(settings.api_tokens.clone())?;
    check_authorities(settings.cluster.as_ref())?;
    let certificates = settings.tls.as_ref().map(CertificateSource::check).transpose()?.unwrap_or_default();
    for (file, state) in expiry::warnings(&certificates, clock::utc().unix_timestamp()) {
        warn!("{}", Lang::En.notice(&Notice::Certificate { file, state }));
    }
    Ok(())
}

/// Checks the file of `--cluster-ca`: the client of NATS, which reads it later, does not know its option.
fn check_authorities(cluster: Option<&ClusterSettings>) -> Result<(), Error> {
    match cluster.and_then(|cluster| cluster.tls_ca.clone()) {
        Some(path) => nats::check_authorities(&path).map_err(|error| Error::ClusterCa(path, error)),
        None => Ok(()),
    }
}

/// Cuts the maximum users and the admission queue to what `fds` file descriptors allow; returns the number of connections
/// that may be open.
fn limit_connections(hub: &mut Config, max_clients: Option<usize>, fds: u64) -> usize {
    let seats = fd_limit::connection_limits(fds, max_clients, hub.max_waiting);
    if seats.exceeds_limit {
        warn!(
            "--max-clients {}: the limit of {fds} file descriptors allows about {} connections, and clients past that are not accepted; raise it (ulimit -n) or lower --max-clients",
            seats.max_clients, seats.connections
        );
    }
    (hub.max_clients, hub.max_waiting) = (seats.max_clients, seats.max_waiting);
    seats.connections
}

/// The settings of the operator's console on a terminal. `addrs` are the listeners with their real ports.
fn screen_settings(hub: &Config, lang: Lang, addrs: &[(ListenerKind, ListenAddr)], shows_log: bool) -> ScreenSettings {
    let speaking = match hub.mode {
        Mode::P2p => ConsoleText::OnePerson,
        Mode::Hub => ConsoleText::WhereYouSpeak { has_rooms: hub.has_followed_rooms() },
    };
    ScreenSettings {
        lang,
        colour: allows_colour(),
        shows_log,
        introduction: introduction::lines(addrs, &introduction::own_addresses(), speaking, lang),
        addr: addrs.first().map(|(kind, addr)| listen::address(*kind, addr)).unwrap_or_default(),
    }
}

/// Log targets that the console shows too, with the level that is logged all the same: warnings about the store at the start.
const SHOWN: &[(&str, LevelFilter)] = &[("chinwag::chat", LevelFilter::Warn), (OPERATOR_LOG, LevelFilter::Off)];

/// Chooses the log's style: one time zone on one screen, and no event twice unless more log was asked for. `is_drawn`: the
/// console draws on its terminal.
fn log_style(console: bool, is_drawn: bool, level: LevelFilter) -> Style {
    let (out, err) = (fstat(rustix::stdio::stdout()), fstat(rustix::stdio::stderr()));
    let (Ok(out), Ok(err)) = (out, err) else { return Style::default() };
    if !console {
        return Style::default();
    }
    let is_terminal = io::stdout().is_terminal() && io::stderr().is_terminal() && out.st_rdev == err.st_rdev;
    let is_one_file = (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino);
    let quiet = if is_terminal && level <= LevelFilter::Info { SHOWN } else { &[] };
    Style { local: is_one_file, on_console: is_drawn && is_terminal, quiet, ..Style::default() }
}
