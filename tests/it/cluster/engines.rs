//! The engine of a cluster: three servers with gates between them, and what tests do to the log.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use chinwag::cluster::nats::{Event, StreamConfig, StreamInfo};

use super::gate::Gate;
use crate::nats::{Driver, Engine, host_of_routes, settings};

/// The stream of the cluster `tests`.
pub const LOG: &str = "chinwag_tests";

/// Three servers that keep the log together.
pub struct Three {
    pub engines: Vec<Engine>,
    /// The gates from each server to each other one.
    between: Vec<((usize, usize), Gate)>,
}

impl Three {
    /// Starts three servers that reach each other through gates only.
    pub fn start() -> Three {
        // Ports for the servers among themselves; they are free until the servers take them, since nothing else listens at this address.
        let host = host_of_routes();
        let listeners: Vec<_> = (0..3).map(|_| TcpListener::bind((&*host, 0)).expect("a port")).collect();
        let addrs: Vec<_> = listeners.iter().map(|listener| listener.local_addr().expect("an address")).collect();
        let pairs = (0..3).flat_map(|from| (0..3).filter(move |to| *to != from).map(move |to| (from, to)));
        let between: Vec<_> = pairs.map(|pair| (pair, Gate::to(addrs[pair.1].to_string()))).collect();
        drop(listeners);
        let start = |index: usize| {
            let near = between.iter().filter(|((from, _), _)| *from == index);
            let routes = near.map(|(_, gate)| gate.url()).collect::<Vec<_>>().join(",");
            let (name, url) = (format!("s{index}"), format!("nats://{}", addrs[index]));
            let args = ["--name", &name, "--cluster_name", "tests", "--cluster", &url, "--routes", &routes];
            // No server listens at the first address: the servers must not find ways around the gates, and must not
            // tell the nodes of other servers.
            let hidden = ["--cluster_advertise", "127.0.0.1:1", "--connect_retries", "0", "--no_advertise"];
            Engine::start(&[&args[..], &hidden].concat())
        };
        let engines = (0..3).map(start).collect();
        Three { engines, between }
    }

    /// All addresses, for `--cluster`.
    pub fn urls(&self) -> String {
        self.engines.iter().map(Engine::url).collect::<Vec<_>>().join(",")
    }

    /// The gates between a server and the two others.
    pub fn gates_of(&self, number: usize) -> impl Iterator<Item = &Gate> {
        let is_near = move |pair: &(usize, usize)| pair.0 == number || pair.1 == number;
        self.between.iter().filter(move |(pair, _)| is_near(pair)).map(|(_, gate)| gate)
    }

    /// The number of the server that leads the log; waits while the servers choose one.
    pub fn leader(&self) -> usize {
        let urls: Vec<_> = self.engines.iter().map(Engine::url).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let mut driver = Driver::new(&settings(&urls));
        let mut asks = true;
        driver.drive(|event, client, now| {
            match event {
                Some(Event::Stream { result, .. }) => match result.ok().and_then(|info| info.leader) {
                    Some(leader) => return leader.strip_prefix('s')?.parse().ok(),
                    None => asks = true,
                },
                Some(Event::Connected { .. }) => asks = true,
                _ => {}
            }
            if std::mem::take(&mut asks) {
                asks = client.stream_info(1, LOG, now).is_err();
            }
            None
        })
    }
}

/// The log as the engine has it.
pub fn log_info(driver: &mut Driver) -> StreamInfo {
    let now = driver.now();
    driver.nats.client.stream_info(1, LOG, now).expect("it is sent");
    driver.until(|event| match event {
        Event::Stream { tag: 1, result } => Some(*result.expect("the log")),
        _ => None,
    })
}

/// Changes the settings of the log.
pub fn change_log(driver: &mut Driver, change: impl FnOnce(&mut StreamConfig)) {
    let mut config = log_info(driver).config;
    change(&mut config);
    let now = driver.now();
    driver.nats.client.update_stream(2, &config, now).expect("it is sent");
    driver.until(|event| match event {
        Event::Stream { tag: 2, result } => {
            result.expect("it is changed");
            Some(())
        }
        _ => None,
    });
}

/// Asks JetStream for something about the log, and waits for its answer.
pub fn ask_engine(driver: &mut Driver, what: &str, body: &str) {
    let (now, subject) = (driver.now(), format!("$JS.API.STREAM.{what}.{LOG}"));
    driver.nats.client.request(3, &subject, body.as_bytes(), crate::harness::DEADLINE, now).expect("it is sent");
    let answer = driver.until(|event| match event {
        Event::Answer { tag: 3, result } => Some(result.expect("an answer")),
        _ => None,
    });
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("\"success\":true"), "{answer}");
}

/// Copies the files of JetStream from one folder to another, which has none.
pub fn copy_files(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to.join("jetstream"));
    let status = Command::new("cp").arg("-a").args([&from.join("jetstream"), to]).status().expect("cp starts");
    assert!(status.success());
}
