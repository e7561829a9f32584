//! The client of NATS with real servers of NATS.

mod bucket;
mod cluster;
mod failures;
mod login;
mod names;
mod nonsense;
mod proxy;
mod streams;
mod talk;
mod trying;

use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chinwag::cluster::nats::{Client, Event, Limits, LookUpCommand, Nats, ServerAddr, Settings, StreamConfig};
use mio::{Events, Poll, Token};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::harness::{DEADLINE, Lines, PROGRAM};
use crate::store::TestDir;

/// The program nats-server: of `tests/run`, unless the variable names another.
fn program() -> PathBuf {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.nats/bin/nats-server");
    std::env::var_os("CHINWAG_NATS_SERVER").map_or_else(|| installed.into(), PathBuf::from)
}

/// An address of this machine that no other process uses, so that a port that was free for a moment still is.
pub fn host() -> &'static str {
    static HOST: LazyLock<String> = LazyLock::new(|| {
        let number = std::process::id();
        format!("127.{}.{}.{}", 1 + number / 62_500 % 250, 1 + number / 250 % 250, 1 + number % 250)
    });
    &HOST
}

/// An address of this machine at which no server listens for clients: one that starts at the same time could take the port.
pub fn host_of_routes() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (count, process) = (COUNT.fetch_add(1, Ordering::Relaxed), std::process::id());
    format!("127.{}.{}.{}", 251 + count % 4, 1 + process / 250 % 250, 1 + process % 250)
}

/// A server of NATS with JetStream; killed at the end.
pub struct Engine {
    child: Child,
    pub port: u16,
    /// Where it keeps its files.
    pub dir: TestDir,
    arguments: Vec<String>,
    /// The command that runs the server, if it is not run as it is.
    wrapper: Vec<String>,
    /// Kept open, so that the server can write to it.
    _log: Lines<ChildStderr>,
}

impl Engine {
    /// Starts a server on a free port with further arguments, and waits until it listens.
    pub fn start(arguments: &[&str]) -> Engine {
        Self::start_inside(&[], TestDir::new(), arguments)
    }

    /// As [`Engine::start`]; the server is run by another command, and keeps its files in this folder.
    pub fn start_inside(wrapper: &[String], dir: TestDir, arguments: &[&str]) -> Engine {
        let arguments: Vec<String> = arguments.iter().copied().map(str::to_owned).collect();
        let (child, log, port) = Self::spawn(wrapper, &dir, "-1", &arguments);
        Engine { child, port, dir, arguments, wrapper: wrapper.into(), _log: log }
    }

    fn spawn(wrapper: &[String], dir: &TestDir, port: &str, arguments: &[String]) -> (Child, Lines<ChildStderr>, u16) {
        let words: Vec<_> = wrapper.iter().map(Into::into).chain([program().into_os_string()]).collect();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(["--addr", host(), "--port", port, "--jetstream", "--store_dir"])
            .arg(&dir.0)
            .args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("nats-server starts; tests/run installs it");
        let mut log = Lines::new(child.stderr.take().expect("stderr"));
        let line = log.until("Listening for client connections on ");
        let port = line.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        (child, log, port)
    }

    /// Kills the server, as a crash would, and starts it again on the same port.
    pub fn crash_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// Starts the server again on the same port, after [`Engine::kill`].
    pub fn restart(&mut self) {
        let port = self.port.to_string();
        (self.child, self._log, self.port) = Self::spawn(&self.wrapper, &self.dir, &port, &self.arguments);
    }

    /// Changes the arguments for the next start.
    pub fn change_arguments(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().copied().map(str::to_owned).collect();
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("kill");
    }

    /// Stops the server as SIGSTOP does, and waits until all its threads stand still.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        let status = waitpid(Some(Pid::from_child(&self.child)), WaitOptions::UNTRACED).expect("waitpid");
        assert!(status.is_some_and(|(_, status)| status.stopped()));
    }

    /// `HOST:PORT`.
    pub fn addr(&self) -> String {
        format!("{}:{}", host(), self.port)
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.addr())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A stopped process ends, too.
        self.kill();
    }
}

/// Settings for these servers, with shorter times than usual.
pub fn settings(servers: &[&str]) -> Settings {
    Settings {
        servers: servers.iter().map(|url| url.parse::<ServerAddr>().expect("an address")).collect(),
        first: 0,
        tls_ca: None,
        name: "chinwag tests".into(),
        look_up: LookUpCommand { program: PROGRAM.into(), ..LookUpCommand::default() },
        limits: Limits {
            ping_interval: Duration::from_millis(200),
            silence: Duration::from_secs(1),
            heartbeat: Duration::from_millis(200),
            ..Limits::default()
        },
    }
}

/// A client and an event loop for it alone.
pub struct Driver {
    poll: Poll,
    events: Events,
    start: Instant,
    pub nats: Nats,
}

impl Driver {
    /// Makes a client; it is not connected yet.
    pub fn new(settings: &Settings) -> Driver {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let (poll, start) = (Poll::new().expect("a poll"), Instant::now());
        let nats = Nats::new(settings, id, poll.registry(), Token(0), Duration::ZERO).expect("a client");
        Driver { poll, events: Events::with_capacity(8), start, nats }
    }

    /// Makes a client that is connected to one server.
    pub fn connect(url: &str) -> Driver {
        let mut driver = Driver::new(&settings(&[url]));
        driver.until_connected();
        driver
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits for the socket or a deadline, then lets the client do its work; returns whether there is more to read.
    pub fn turn(&mut self) -> bool {
        let now = self.now();
        let has_more = self.nats.flush(now);
        let due = self.nats.deadline().map_or(DEADLINE, |at| at.saturating_sub(now));
        let wait = if has_more { Duration::ZERO } else { due };
        // Some tests wait for a time of their own.
        self.poll.poll(&mut self.events, Some(wait.min(Duration::from_millis(20)))).expect("poll");
        if !self.events.is_empty() {
            self.nats.notify();
        }
        self.nats.turn(self.now())
    }

    /// Handles all events until `step` returns something. It is called once in each turn without an event, too.
    #[track_caller]
    pub fn drive<T>(&mut self, mut step: impl FnMut(Option<Event>, &mut Client, Duration) -> Option<T>) -> T {
        // Three servers may need ten seconds to choose a leader.
        let end = Instant::now() + 3 * DEADLINE;
        loop {
            assert!(Instant::now() < end, "what is waited for does not happen");
            self.turn();
            let now = self.now();
            while let Some(event) = self.nats.client.next_event() {
                if let Some(outcome) = step(Some(event), &mut self.nats.client, now) {
                    return outcome;
                }
            }
            if let Some(outcome) = step(None, &mut self.nats.client, now) {
                return outcome;
            }
        }
    }

    /// Waits for an event that `pick` takes; the others are dropped.
    #[track_caller]
    pub fn until<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        self.drive(|event, _, _| pick(event?))
    }

    #[track_caller]
    pub fn until_connected(&mut self) {
        self.until(|event| matches!(event, Event::Connected { .. }).then_some(()));
    }

    /// Makes a stream; tries again while the servers choose a leader.
    #[track_caller]
    pub fn make_stream(&mut self, config: &StreamConfig) {
        let (config, mut asks) = (config.clone(), true);
        self.drive(|event, client, now| {
            match event {
                Some(Event::Stream { result: Ok(_), .. }) => return Some(()),
                Some(Event::Stream { .. } | Event::Connected { .. }) => asks = true,
                _ => {}
            }
            if std::mem::take(&mut asks) {
                // Without a connection it is asked again once there is one.
                let _ = client.create_stream(0, &config, now);
            }
            None
        });
    }

    /// Publishes a message and waits for its number.
    #[track_caller]
    pub fn publish(&mut self, subject: &str, payload: &str) -> u64 {
        let now = self.now();
        let sent = self.nats.client.js_publish(7, subject, payload.as_bytes(), Default::default(), now);
        sent.expect("it is sent");
        self.until(|event| match event {
            Event::Published { tag: 7, result } => Some(result.expect("it is stored")),
            _ => None,
        })
    }
}

/// A stream for the subjects that begin with its name.
pub fn stream(name: &str) -> StreamConfig {
    StreamConfig { name: name.into(), subjects: vec![format!("{name}.>")], ..StreamConfig::default() }
}
