//! One node: the whole server below its sockets, the protocol, and the connection with the simulated engine.

use std::time::Duration;

use time::OffsetDateTime;

use super::bucket::{NodeBucket, Server};
use super::person::Person;
use super::store::{Files, SimulatedStore};
use crate::chat::{Config, Hub, Incarnation, Lang, Now};
use crate::cluster::node::NodeStateView;
use crate::cluster::part::Part;
use crate::cluster::replica::world::engine::{Engine as LogEngine, Faults};
use crate::cluster::replica::world::link::Link;
use crate::cluster::replica::{Checkpoint, Node, NodeName, Notice, Replica, Start, Versions};
use crate::cluster::stored::{Beginning, Founding, note_end_of_log};
use crate::cluster::weakness::Weakness;
use crate::server::Limits;
use crate::server::connection::transport::ListenerKind;
use crate::server::engine::state::EngineSettings;
use crate::server::engine::{Budget, Engine};
use crate::server::handover::{Handover, HandoverView};
use crate::server::start;
use crate::simulator::network::{Event, Listener, Network};
use crate::simulator::processes::hasher::answer;
use crate::util::test_support::Random;
use crate::wire::renderers;

/// The time of the engine at step 0, since 1970.
const BEGIN: Duration = Duration::from_millis(1_800_000_000_000);
/// How long a server that ends waits until the others know that it has ended.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Entries that are processed in one turn at most.
const ENTRIES_PER_TURN: usize = 64;

const LIMITS: Limits =
    Limits { max_line: 4096, eol_timeout: Duration::ZERO, keepalive: Duration::ZERO, send_buffer: 0 };
const MAX_CONNECTIONS: usize = 64;
const CLUSTER: &str = "office";

/// What runs while a node runs.
pub struct Process {
    pub engine: Engine<Listener>,
    pub part: Part,
    pub bucket: NodeBucket,
    pub network: Network,
    /// The server ends, and waits until then for the others to know it.
    leaves_until: Option<Duration>,
    has_left: bool,
}

pub struct SimulatedNode {
    index: usize,
    name: NodeName,
    /// `None` while no process runs.
    pub process: Option<Process>,
    pub link: Link,
    pub store: Option<SimulatedStore>,
    /// The newest message that people have read here.
    shown: u64,
    /// What a node without a store remembers.
    checkpoint: Option<Checkpoint>,
    /// The next process gets another file, since the cluster has refused this one.
    is_refused: bool,
    /// The process ends within its next turn, before what it applies is stored.
    pub crashes: bool,
    /// Messages of a room that are kept in memory.
    history: usize,
    pub paused_until: usize,
    /// The step in which the next process begins, if none runs.
    pub begins_at: usize,
    /// How much its clock is ahead of that of the node that is most behind.
    skew: Duration,
    /// How many processes there were: those that began, and all.
    runs: u64,
    processes: u64,
}

/// What a turn has led to.
#[derive(Default)]
pub struct Outcome {
    pub notices: Vec<Notice>,
    /// The process has ended as planned.
    pub has_ended: bool,
}

impl SimulatedNode {
    /// A node that keeps so many messages of each room in memory.
    pub fn new(index: usize, history: usize, store: Option<SimulatedStore>, random: &mut Random) -> SimulatedNode {
        SimulatedNode {
            index,
            name: NodeName::try_from(format!("node-{index}")).expect("a name"),
            process: None,
            link: Link::default(),
            store,
            shown: 0,
            checkpoint: None,
            is_refused: false,
            crashes: false,
            history,
            paused_until: 0,
            begins_at: 1 + random.below(10),
            skew: Duration::from_millis(random.below(3_000) as u64),
            runs: 0,
            processes: 0,
        }
    }

    /// The bucket of the next process.
    fn new_bucket(&mut self) -> NodeBucket {
        self.processes += 1;
        NodeBucket::new(&self.name, CLUSTER, 10_000 * self.index as u64 + self.processes)
    }

    pub fn now(&self, step: usize) -> Now {
        let at = BEGIN + Duration::from_millis(step as u64 * 100) + self.skew;
        Now { at, local: OffsetDateTime::UNIX_EPOCH + at }
    }

    pub fn runs(&self, step: usize) -> bool {
        self.process.is_some() && self.paused_until <= step
    }

    fn config(&self) -> Config {
        let key = 100 * self.index as u64 + self.runs;
        let history = self.history;
        Config { rate: 0, history, hash_key: [key, 1], cloak_key: [key, 2], run: key, ..Config::default() }
    }

    /// Begins a process, which finds its files like that; without a store it remembers its checkpoint if they are as they were.
    pub fn begin(&mut self, files: Files, weakness: Option<Weakness>, step: usize, random: &mut Random) -> Files {
        self.runs += 1;
        let files = if std::mem::take(&mut self.is_refused) { Files::Lost } else { files };
        let files = self.store.as_mut().map_or(files, |store| store.prepare(files));
        let options = self.store.as_ref().map(SimulatedStore::options);
        let (hub, store_writer, Beginning { start, .. }) =
            start::begin_node(self.config(), renderers(Lang::En), options, CLUSTER, self.now(step))
                .expect("the store of this node");
        let remembered = self.checkpoint.take().filter(|_| files == Files::AsTheyWere && self.store.is_none());
        let start = match (remembered, start) {
            (Some(checkpoint), _) => Start::Stored { checkpoint, has_state: false },
            // As with other settings than before.
            (_, Start::Stored { checkpoint, has_state }) => {
                Start::Stored { checkpoint, has_state: has_state && !random.one_in(4) }
            }
            (_, Start::Fresh) => Start::Fresh,
        };
        let node = Node { name: self.name.clone(), versions: Versions { lowest: 1, highest: 1 } };
        let mut part = Part::new(Replica::new(node, random.next(), start), self.now(step).at);
        part.weaken(weakness);
        let mut network = Network::default();
        let listeners = vec![(ListenerKind::Plain, network.listen())];
        let mut engine = Engine::new(hub, listeners, LIMITS, Budget::default(), MAX_CONNECTIONS);
        engine.set_store_writer(store_writer);
        let mut bucket = self.new_bucket();
        bucket.weaken(weakness);
        self.process = Some(Process { engine, part, bucket, network, leaves_until: None, has_left: false });
        self.paused_until = 0;
        self.link.forget_log();
        files
    }

    /// Whether a store that has begun as it was has all that people have read here.
    pub fn check_begin(&mut self, files: Files) -> Option<String> {
        let shown = std::mem::take(&mut self.shown);
        let stored = self.process.as_ref().and_then(|process| process.engine.hub().next_stored_id())?;
        let is_wrong = files == Files::AsTheyWere && shown >= stored;
        is_wrong.then(|| format!("{shown} was shown, and the store ends before {stored}"))
    }

    /// Notes what a person has read here, at the end of a process.
    pub fn note_shown(&mut self, person: &Person) {
        let newest = person.shown.last_key_value().map_or(0, |(&id, _)| id);
        self.shown = self.shown.max(newest);
    }

    /// Records the state for the store.
    pub fn record_checkpoint(&mut self, step: usize) {
        let now = self.now(step);
        if let Some(Process { engine, part, .. }) =
            self.process.as_mut().filter(|process| process.part.replica().is_ready())
        {
            part.record_checkpoint(engine.hub_mut(), now);
        }
    }

    /// The process is no more.
    pub fn end(&mut self, log: &mut LogEngine, server: &mut Server, step: usize, random: &mut Random) {
        self.drop_connection(log, server, step, random);
        if let Some(mut process) = self.process.take() {
            process.engine.release_store();
        }
        self.crashes = false;
    }

    pub fn drop_connection(&mut self, log: &mut LogEngine, server: &mut Server, step: usize, random: &mut Random) {
        let now = self.now(step).at;
        if let Some(process) = &mut self.process {
            self.link.drop(process.part.replica_mut(), log, now, random);
            process.bucket.disconnect(server, step, now, random);
        }
    }

    /// Replaces the process by a successor that gets its state as JSON, and its sockets.
    pub fn hand_over(
        &mut self,
        log: &mut LogEngine,
        server: &mut Server,
        weakness: Option<Weakness>,
        step: usize,
        random: &mut Random,
    ) {
        self.drop_connection(log, server, step, random);
        let (now, config, bucket) = (self.now(step).at, self.config(), self.new_bucket());
        let Some(process) = &mut self.process else { return };
        let settings = EngineSettings { limits: LIMITS, budget: Budget::default(), max_connections: MAX_CONNECTIONS };
        let node = NodeStateView { replica: process.part.replica(), founding: Founding::default() };
        let view = HandoverView::of(&process.engine, now).with_node(Some(node));
        let json = view.to_json().expect("a state that can be written");
        process.engine.release_store();
        let idle = Hub::new(Config::default(), renderers(Lang::En));
        let idle = Engine::new(idle, Vec::new(), settings.limits, settings.budget, 0);
        let (.., sockets) = std::mem::replace(&mut process.engine, idle).into_state();
        let Handover { mut engine, hub, node, .. } = Handover::from_json(&json).expect("a state that can be read");
        let kept = engine.store_writer.take().unwrap_or_default();
        let options = self.store.as_ref().map(SimulatedStore::options);
        let store_writer = options.map(|options| start::reopen(options, kept).expect("the same store"));
        let mut hub = Hub::from_state(hub, config, renderers(Lang::En));
        hub.use_bucket();
        process.engine =
            Engine::from_state(engine, hub, sockets, settings, &process.network).expect("the same sockets");
        process.engine.set_store_writer(store_writer);
        process.part = Part::new(node.expect("a node").replica, now);
        process.part.weaken(weakness);
        process.bucket = bucket;
        process.bucket.weaken(weakness);
        self.link.forget_log();
    }

    /// The cluster has refused the store: the process ends, and the next one gets another file.
    pub fn refuse_store(&mut self, step: usize) {
        self.is_refused = true;
        self.leave(step);
    }

    /// Begins to end as planned.
    pub fn leave(&mut self, step: usize) {
        let now = self.now(step);
        if let Some(process) = &mut self.process
            && !process.engine.is_ending()
        {
            process.engine.begin_shutdown(now);
        }
    }

    /// The run that takes part, or is to.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.process.as_ref().map(|process| process.part.replica().incarnation())
    }

    pub fn is_ending(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.engine.is_ending())
    }

    /// The first half of a turn: takes what people have typed, and what the log has.
    pub fn receive(
        &mut self,
        people: &[Person],
        log: &mut LogEngine,
        server: &mut Server,
        step: usize,
        faults: Faults,
        random: &mut Random,
    ) {
        let now = self.now(step);
        let Some(Process { engine, part, bucket, network, .. }) = &mut self.process else { return };
        let wires = people.iter().filter(|person| person.node == self.index && !person.wire.borrow().closed);
        for event in network.poll(wires.map(|person| &person.wire), usize::MAX) {
            match event {
                Event::Listener(number) => engine.notify_listener(number),
                Event::Stream(slot, readiness) => engine.record_event(slot, readiness),
            }
        }
        engine.process_input(network, now);
        let hub = engine.hub_mut();
        while let Some(request) = hub.poll_password(now) {
            hub.handle_password(&request, answer(&request.job), now);
        }
        if log.is_up && random.one_in(3) {
            bucket.connect(server, step);
        }
        // The log is read over the same connection, when the bucket is known.
        let mut goes_on = bucket.receive(server, step, now.at);
        if goes_on && (bucket.is_ready() || self.link.is_up()) {
            let (was_up, begins) = (self.link.is_up(), part.replica().read_from().is_none());
            if self.link.update(part.replica_mut(), log, now.at, faults, random) {
                note_end_of_log(engine.hub_mut(), log.last(), begins);
            }
            goes_on = self.link.is_up() || !was_up;
        } else if goes_on {
            goes_on = log.is_up && random.below(1_000) >= faults.drops;
        }
        if !goes_on {
            self.link.drop(part.replica_mut(), log, now.at, random);
            bucket.disconnect(server, step, now.at, random);
        }
        self.link.receive(part.replica_mut(), log, step, now.at, random);
        // At the end of a node its last changes are kept, too.
        let leads = part.replica().is_oldest() || part.replica().has_ended() && bucket.leads();
        bucket.turn(engine.hub_mut(), server, leads, now);
        part.replica_mut().hold_genesis(!bucket.is_current(engine.hub()));
    }

    /// Applies entries; `note` is called after each with its position.
    pub fn apply(&mut self, step: usize, mut note: impl FnMut(&Process, &Link)) {
        let now = self.now(step);
        let Some(process) = &mut self.process else { return };
        for _ in 0..ENTRIES_PER_TURN {
            let has_more = process.part.turn(process.engine.hub_mut(), now, 1);
            note(process, &self.link);
            if !has_more {
                break;
            }
        }
        process.part.record_checkpoint_if_due(process.engine.hub_mut(), now);
    }

    /// The second half of a turn: gives the engine what the node has for it, and people what they read.
    pub fn send(&mut self, log: &mut LogEngine, step: usize, faults: Faults, random: &mut Random) -> Outcome {
        let now = self.now(step);
        let mut outcome = Outcome::default();
        let Some(process) = &mut self.process else { return outcome };
        let Process { engine, part, bucket, leaves_until, has_left, .. } = process;
        engine.set_reading(!part.replica().wants_pause());
        engine.resume_committed();
        self.link.send(part.replica_mut(), log, step, now.at, faults, random);
        outcome.notices = std::iter::from_fn(|| part.poll_notice()).collect();
        for notice in &outcome.notices {
            match notice {
                Notice::LostTouch { .. } => engine.hub_mut().tell_lost_touch(now),
                Notice::Connected => engine.hub_mut().tell_connected(now),
                _ => {}
            }
        }
        *has_left |= outcome.notices.iter().any(|notice| matches!(notice, Notice::Left | Notice::Stopped(_)));
        engine.process_output(now);
        if let Some(checkpoint) = part.replica().checkpoint() {
            self.checkpoint = Some(checkpoint);
        }
        if outcome.notices.iter().any(|notice| matches!(notice, Notice::EngineRestored { .. })) {
            self.checkpoint = None;
            bucket.note_restored();
        }
        if engine.is_done(now.at) {
            let until = *leaves_until.get_or_insert(now.at + LEAVE_TIMEOUT);
            if !engine.hub().has_proposals() {
                part.replica_mut().leave();
            }
            outcome.has_ended = *has_left && bucket.is_settled(engine.hub()) || now.at >= until;
        }
        if outcome.has_ended {
            part.record_checkpoint(engine.hub_mut(), now);
            engine.finish_writing(now);
        }
        outcome
    }
}
