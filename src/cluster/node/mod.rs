//! One node of a cluster: connects the hub of this process with the log, by the protocol among the nodes.
//!
//! The caller passes the events of the node's socket with [`Node::notify`], and calls [`Node::turn`] in each turn of its
//! loop, after input was read and before output is written.

mod bucket;
mod counts;
mod events;
mod log;
mod repeats;
mod views;
mod whispers;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use ::log::{debug, info};
use mio::{Registry, Token};
use serde::{Deserialize, Serialize};

pub use self::bucket::KeptBucket;
pub use self::counts::NodeCounts;
use self::log::Log;
pub use self::repeats::Repeats;
use self::whispers::Whispers;
use super::nats::{Expected, Limits, LookUpCommand, Nats, Settings, SubscriptionId};
use super::part::Part;
use super::replica::{self, Append, Notice, Replica, Status, Stop, Versions};
use super::settings::ClusterSettings;
use super::stored::{Beginning, Founding, Unfit};
use crate::chat::change::Origin;
use crate::chat::{Hub, Incarnation, Now};

/// The versions of changes that this program speaks.
const VERSIONS: Versions = Versions { lowest: 1, highest: 1 };
/// Entries that are processed in one turn at most.
const ENTRIES_PER_TURN: usize = 64;
/// Bytes of a message that the engine and the log must take: an entry with its headers.
const MAX_MESSAGE: usize = replica::MAX_ENTRY + 1024;

/// The subjects of a cluster.
struct Subjects {
    /// The entries of this node.
    log: String,
    heartbeats: String,
}

impl Subjects {
    fn of(settings: &ClusterSettings) -> Subjects {
        let (cluster, node) = (settings.cluster.as_str(), settings.node.as_str());
        Subjects { log: format!("chinwag.{cluster}.log.{node}"), heartbeats: format!("chinwag.{cluster}.heartbeat") }
    }
}

/// What a node hands over to its successor.
#[derive(Serialize, Deserialize)]
pub struct NodeState {
    pub replica: Replica<Origin>,
    pub founding: Founding,
}

/// The same, borrowed from a node that may go on: it is written as a [`NodeState`] is.
#[derive(Serialize)]
pub struct NodeStateView<'a> {
    pub replica: &'a Replica<Origin>,
    pub founding: Founding,
}

/// A node of a cluster.
pub struct Node {
    name: String,
    subjects: Subjects,
    nats: Nats,
    part: Part,
    log: Log,
    bucket: KeptBucket,
    /// The log is opened when the bucket is known.
    opens_log: bool,
    heartbeats: SubscriptionId,
    whispers: Whispers,
    /// The entries that the engine has not confirmed, by the tags of their requests.
    unconfirmed: BTreeMap<u64, (Incarnation, u64)>,
    last_tag: u64,
    has_work: bool,
    founding: Founding,
    /// Why the store cannot be that of this node, once that is known.
    refused: Option<Unfit>,
    /// Whether the operator knows that the node takes part.
    takes_part: bool,
    counts: NodeCounts,
    repeats: Repeats,
    /// When the connection was made.
    connected_at: Option<Duration>,
    /// When JetStream has refused an entry, or has said that the log is unfit: then it is there.
    refused_at: Option<Duration>,
}

impl Node {
    /// A node that begins: `random` are two random numbers, and the socket has its events under `token`.
    ///
    /// # Errors
    /// If the authorities for TLS cannot be used, or the registry cannot be cloned.
    pub fn new(
        settings: &ClusterSettings,
        beginning: Beginning,
        random: [u64; 2],
        registry: &Registry,
        token: Token,
        now: Duration,
    ) -> io::Result<Node> {
        let node = replica::Node { name: settings.node.clone(), versions: VERSIONS };
        let Beginning { start, founding } = beginning;
        let state = NodeState { replica: Replica::new(node, random[0], start), founding };
        Node::restore(settings, state, random[1], registry, token, now)
    }

    /// A node that goes on as another process: `state` is what that one has handed over.
    ///
    /// # Errors
    /// As [`Node::new`].
    pub fn restore(
        settings: &ClusterSettings,
        NodeState { replica, founding }: NodeState,
        random: u64,
        registry: &Registry,
        token: Token,
        now: Duration,
    ) -> io::Result<Node> {
        let ClusterSettings { servers, tls_ca, cluster, node, .. } = settings;
        let subjects = Subjects::of(settings);
        let nats = Settings {
            servers: servers.clone(),
            // Each node begins with another server.
            first: crc32fast::hash(node.as_str().as_bytes()) as usize % servers.len().max(1),
            tls_ca: tls_ca.clone(),
            name: format!("chinwag {} {}", cluster.as_str(), node.as_str()),
            look_up: LookUpCommand::default(),
            limits: Limits { needed_payload: MAX_MESSAGE, ..Limits::default() },
        };
        let mut nats = Nats::new(&nats, random, registry, token, now)?;
        let heartbeats = nats.client.subscribe(&subjects.heartbeats).map_err(io::Error::other)?;
        let whispers = Whispers::new(settings, &mut nats.client).map_err(io::Error::other)?;
        Ok(Node {
            name: node.as_str().to_owned(),
            subjects,
            nats,
            part: Part::new(replica, now),
            log: Log::new(settings, founding.first_position),
            bucket: KeptBucket::new(settings),
            opens_log: false,
            heartbeats,
            whispers,
            unconfirmed: BTreeMap::new(),
            last_tag: 0,
            has_work: true,
            founding,
            refused: None,
            takes_part: false,
            counts: NodeCounts::default(),
            repeats: Repeats::default(),
            connected_at: None,
            refused_at: None,
        })
    }

    /// What a successor goes on with.
    pub fn state(&self) -> NodeStateView<'_> {
        NodeStateView { replica: self.part.replica(), founding: self.founding }
    }

    /// Notes an event of the socket.
    pub fn notify(&mut self) {
        self.nats.notify();
    }

    /// Does a bounded amount of work: takes what the log has, gives it the changes of this process, and applies what was committed.
    pub fn turn(&mut self, hub: &mut Hub, now: Now) {
        let mut has_more = self.nats.turn(now.at);
        while self.wants_events()
            && let Some(event) = self.nats.client.next_event()
        {
            self.handle(event, hub, now);
        }
        self.turn_bucket(hub, now);
        // Entries that were read may wait.
        let replica = self.part.replica();
        let reached = replica.read_from().map_or(0, |next| next.saturating_sub(1)).max(replica.applied());
        if let Some(event) = self.log.turn(&mut self.nats.client, reached, now.at) {
            self.handle_log(event, hub, now.at);
        }
        has_more |= self.part.turn(hub, now, ENTRIES_PER_TURN);
        if self.part.has_ticked(now.at) {
            hub.set_nodes(&self.views(now.at));
        }
        self.part.record_checkpoint_if_due(hub, now);
        self.whispers.send(hub, self.part.replica(), &mut self.nats.client, now);
        self.send(now.at);
        let replica = self.part.replica();
        if !std::mem::replace(&mut self.takes_part, replica.is_ready()) && self.takes_part {
            let nodes = replica.status(now.at).nodes.len();
            info!("cluster: this server takes part; {nodes} in all");
        }
        self.leave_useless_server(now.at);
        has_more |= self.nats.flush(now.at);
        self.has_work = has_more;
    }

    /// Whether more events are handled: the log may have to wait, and after the end of the node nothing comes from it.
    fn wants_events(&self) -> bool {
        self.part.replica().wants_entries() || self.part.replica().has_ended()
    }

    /// Lets the hub and the bucket be equal. The log is opened when the hub knows the bucket, and the state is not begun anew unless
    /// it knows the present one.
    fn turn_bucket(&mut self, hub: &mut Hub, now: Now) {
        let (replica, is_drained) = (self.part.replica(), self.wants_events());
        // At the end of a node its last changes are kept, too.
        let leads = replica.is_oldest() || replica.has_ended() && self.bucket.leads();
        self.bucket.turn(hub, &mut self.nats.client, (leads, is_drained), &mut self.repeats, now);
        let is_current = is_drained && self.bucket.is_current(hub, &self.nats.client);
        self.part.replica_mut().hold_genesis(!is_current);
        if self.bucket.is_ready() && std::mem::take(&mut self.opens_log) {
            self.log.open();
        }
    }

    /// Gives the engine what the protocol has for it.
    fn send(&mut self, now: Duration) {
        if !self.nats.client.is_connected() {
            return;
        }
        if let Some(heartbeat) = self.part.replica_mut().poll_heartbeat(now)
            && let Err(error) = self.nats.client.publish(&self.subjects.heartbeats, &heartbeat)
        {
            debug!("a heartbeat is not sent: {error}");
        }
        while let Some(Append { incarnation, n, entry }) = self.part.replica_mut().poll_append(now) {
            self.last_tag += 1;
            let (tag, expected) = (self.last_tag, Expected { stream: Some(self.log.stream()), ..Expected::default() });
            match self.nats.client.js_publish(tag, &self.subjects.log, entry.as_bytes(), expected, now) {
                Ok(()) => {
                    self.counts.appends += 1;
                    self.counts.append_bytes += entry.len() as u64;
                    self.unconfirmed.insert(tag, (incarnation, n));
                }
                Err(error) => {
                    self.count_append_error(&error.to_string(), now);
                    self.part.replica_mut().handle_append_error(incarnation, n, now);
                    return;
                }
            }
        }
    }

    /// The name of this node.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes the next notice of the protocol.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        if let Some(unfit) = self.refused.take() {
            return Some(Notice::Stopped(Stop::CannotRestore(unfit.to_string())));
        }
        let notice = self.part.poll_notice();
        if matches!(notice, Some(Notice::EngineRestored { .. })) {
            self.bucket.note_restored();
        }
        notice
    }

    /// Ends as planned: what was proposed is applied first, and then [`Notice::Left`] comes.
    pub fn leave(&mut self) {
        self.part.replica_mut().leave();
    }

    /// Records the state for the store, at the end of the server.
    pub fn finish(&mut self, hub: &mut Hub, now: Now) {
        self.part.record_checkpoint(hub, now);
    }

    /// Whether the protocol was asked what is due in this turn: then the figures may have changed.
    pub fn has_ticked(&self, now: Duration) -> bool {
        self.part.has_ticked(now)
    }

    /// Whether there is work without a new event.
    pub fn has_work(&self, hub: &Hub) -> bool {
        self.has_work || hub.has_proposals() || self.bucket.has_work(hub)
    }

    /// Whether what outlives the nodes is in the bucket, as far as this one has to put it there.
    pub fn has_kept_all(&self, hub: &Hub) -> bool {
        self.bucket.is_settled(hub)
    }

    /// When the next turn is due if no event comes before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let (part, nats) = (Some(self.part.next_deadline()), self.nats.deadline());
        [part, nats, self.log.deadline(), self.bucket.deadline()].into_iter().flatten().min()
    }

    /// Whether the lines of members are to be left unread for a moment.
    pub fn wants_pause(&self) -> bool {
        self.part.replica().wants_pause()
    }

    /// Whether the node has the state and takes part, and is in touch with the others.
    pub fn is_ready(&self) -> bool {
        self.part.replica().is_ready() && !self.part.replica().has_lost_touch()
    }

    /// The state for operators.
    pub fn status(&self, now: Duration) -> Status {
        self.part.replica().status(now)
    }

    /// What was counted since the start.
    pub fn counts(&self, hub: &Hub) -> NodeCounts {
        let (bucket_puts, bucket_errors) = self.bucket.counts();
        NodeCounts { bucket_puts, bucket_errors, bucket_skipped: hub.skipped_kept(), ..self.counts }
    }
}
