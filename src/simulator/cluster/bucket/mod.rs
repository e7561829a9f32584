//! The bucket of the nodes beside the simulated log: the real client and what fills it, over a simulated connection.

mod server;
mod stream;

use std::time::Duration;

pub use self::server::Server;
use crate::chat::{Hub, Now};
use crate::cluster::nats::{Client, Event, Limits, LinkError};
use crate::cluster::node::{KeptBucket, Repeats};
use crate::cluster::replica::NodeName;
use crate::cluster::settings::{ClusterSettings, LogSettings};
use crate::cluster::weakness::Weakness;
use crate::util::test_support::Random;

/// The bucket of one process.
pub struct NodeBucket {
    client: Client,
    bucket: KeptBucket,
    repeats: Repeats,
    connection: Option<u64>,
}

impl NodeBucket {
    /// The bucket of a process that begins: no other process has the same number.
    pub fn new(node: &NodeName, cluster: &str, number: u64) -> NodeBucket {
        let settings = ClusterSettings {
            servers: Vec::new(),
            tls_ca: None,
            cluster: NodeName::try_from(cluster.to_owned()).expect("a name"),
            node: node.clone(),
            log: LogSettings { replicas: 1, max_age: None, max_bytes: None },
        };
        NodeBucket {
            client: Client::new(node.as_str(), number, &Limits::default()),
            bucket: KeptBucket::new(&settings),
            repeats: Repeats::default(),
            connection: None,
        }
    }

    /// Leaves a rule out.
    pub fn weaken(&mut self, weakness: Option<Weakness>) {
        self.bucket.weaken(weakness);
    }

    /// The engine has gone back to an older state.
    pub fn note_restored(&mut self) {
        self.bucket.note_restored();
    }

    /// Whether the log may be read: there is a connection, and the hub has known the whole bucket.
    pub fn is_ready(&self) -> bool {
        self.connection.is_some() && self.bucket.is_ready()
    }

    /// Whether the bucket has all that it should have from this node.
    pub fn is_settled(&self, hub: &Hub) -> bool {
        self.bucket.is_settled(hub)
    }

    /// Whether this node lets the bucket have what follows from the log.
    pub fn leads(&self) -> bool {
        self.bucket.leads()
    }

    /// Connects with the engine, if it is there.
    pub fn connect(&mut self, server: &mut Server, step: usize) {
        if self.connection.is_none() {
            self.connection = Some(server.connect(step));
            self.client.open(&"nats://h:1".parse().expect("an address"));
        }
    }

    /// Ends the connection, if there is one.
    pub fn disconnect(&mut self, server: &mut Server, step: usize, now: Duration, random: &mut Random) {
        if let Some(connection) = self.connection.take() {
            server.disconnect(connection, step, random);
            self.client.close(LinkError::Closed, now);
            self.handle_events(now);
        }
    }

    /// Takes what the engine has sent; returns whether the connection goes on.
    pub fn receive(&mut self, server: &mut Server, step: usize, now: Duration) -> bool {
        let Some(connection) = self.connection else { return true };
        let bytes = server.receive(connection, step);
        let received = self.client.receive(&bytes, now).and_then(|()| self.client.tick(now));
        self.handle_events(now);
        received.is_ok()
    }

    fn handle_events(&mut self, now: Duration) {
        while let Some(event) = self.client.next_event() {
            match event {
                Event::Connected { .. } => self.bucket.open(),
                Event::Disconnected { .. } => self.bucket.close(),
                Event::Unreachable { .. } => {}
                other => {
                    let handled = self.bucket.handle(other, &mut self.client, &mut self.repeats, now);
                    handled.unwrap_or_else(|other| panic!("not of the bucket: {other:?}"));
                }
            }
        }
    }

    /// Whether the hub knows what the bucket has now.
    pub fn is_current(&self, hub: &Hub) -> bool {
        self.bucket.is_current(hub, &self.client)
    }

    /// Lets the hub and the bucket be equal.
    pub fn turn(&mut self, hub: &mut Hub, server: &mut Server, leads: bool, now: Now) {
        self.bucket.turn(hub, &mut self.client, (leads, true), &mut self.repeats, now);
        if let Some(connection) = self.connection {
            let bytes = self.client.unwritten();
            server.send(connection, bytes);
            self.client.advance(bytes.len());
        }
    }
}
