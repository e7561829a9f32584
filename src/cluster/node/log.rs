//! Where the log is: found, made if it is missing, and read.

use std::time::Duration;

use log::{info, warn};

use super::MAX_MESSAGE;
use crate::cluster::nats::{
    ApiError, Client, Event, ReaderId, RequestError, SHORTER_FOR, SendError, StreamConfig, StreamInfo,
};
use crate::cluster::replica::Stream;
use crate::cluster::settings::ClusterSettings;

/// The pause before the log is asked for again.
const PAUSE: Duration = Duration::from_millis(250);
/// A log that is made anew begins so many positions after the last one that is known here: another node may have read more.
const MARGIN: u64 = 1_000_000;
/// The tag of requests about the log. Entries have tags from 1 on.
const TAG: u64 = 0;
/// Bytes of a message of a log that is made here at most; that is more than an entry needs.
const MADE_SIZE: i64 = 128 * 1024;

/// How far the log is open.
enum Stage {
    Closed,
    /// It is asked for at this time.
    Opening {
        at: Duration,
    },
    Asked,
    Made,
    /// It was found, and the caller has not begun to read.
    Found,
    Read(ReaderId),
}

/// What has happened to the log.
pub enum LogEvent {
    /// It is there, and can be read with [`Log::read`].
    Found(Stream),
    /// It was deleted or replaced.
    Lost(String),
    /// Its settings do not allow what the nodes write; it is asked for again.
    Unfit(String),
    /// An attempt has failed; another one follows.
    Failed(String),
}

/// The log in the engine.
pub struct Log {
    config: StreamConfig,
    /// The first position of a log that is made now.
    first_position: u64,
    cluster: String,
    /// What was read last.
    reached: u64,
    /// When the log was made, in the words of the engine.
    created: Option<String>,
    /// Since when the log is shorter than what was read of it.
    shorter_since: Option<Duration>,
    stage: Stage,
}

impl Log {
    pub fn new(settings: &ClusterSettings, first_position: u64) -> Log {
        let cluster = settings.cluster.as_str();
        let limit = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let config = StreamConfig {
            name: format!("chinwag_{cluster}"),
            subjects: vec![format!("chinwag.{cluster}.log.*")],
            num_replicas: settings.log.replicas,
            max_age: settings.log.max_age.unwrap_or_default(),
            max_bytes: settings.log.max_bytes.map_or(-1, limit),
            max_msg_size: MADE_SIZE,
            ..StreamConfig::default()
        };
        Log {
            config,
            first_position,
            cluster: cluster.to_owned(),
            reached: 0,
            created: None,
            shorter_since: None,
            stage: Stage::Closed,
        }
    }

    /// The name of the cluster.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The name of the stream.
    pub fn stream(&self) -> &str {
        &self.config.name
    }

    /// Begins to open the log, when there is a connection.
    pub fn open(&mut self) {
        self.stage = Stage::Opening { at: Duration::ZERO };
    }

    /// Begins to open the log after a pause.
    pub fn open_later(&mut self, now: Duration) {
        self.stage = Stage::Opening { at: now + PAUSE };
    }

    /// Stops reading.
    pub fn close(&mut self, client: &mut Client) {
        if let Stage::Read(reader) = self.stage {
            client.stop_reading(reader);
        }
        self.stage = Stage::Closed;
    }

    /// Whether this reader reads the log now.
    pub fn is_read_by(&self, reader: ReaderId) -> bool {
        matches!(self.stage, Stage::Read(current) if current == reader)
    }

    /// When [`Log::turn`] has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        match self.stage {
            Stage::Opening { at } => Some(at),
            _ => None,
        }
    }

    /// Asks for the log if it is time. `reached` is the position that was read last.
    pub fn turn(&mut self, client: &mut Client, reached: u64, now: Duration) -> Option<LogEvent> {
        self.reached = reached;
        match self.stage {
            Stage::Opening { at } if at <= now && client.is_connected() => {
                let sent = client.stream_info(TAG, &self.config.name, now);
                self.wait_for_answer(sent, Stage::Asked, now)
            }
            _ => None,
        }
    }

    fn wait_for_answer(&mut self, sent: Result<(), SendError>, stage: Stage, now: Duration) -> Option<LogEvent> {
        match sent {
            Ok(()) => self.stage = stage,
            Err(error) => return Some(self.fail(error.to_string(), now)),
        }
        None
    }

    fn fail(&mut self, why: String, now: Duration) -> LogEvent {
        self.open_later(now);
        LogEvent::Failed(why)
    }

    /// Handles an event of the client that is not an entry.
    pub fn handle(&mut self, event: Event, client: &mut Client, now: Duration) -> Option<LogEvent> {
        match event {
            Event::Stream { tag: TAG, result } => match (result, &self.stage) {
                (Ok(info), Stage::Asked | Stage::Made) => {
                    if matches!(self.stage, Stage::Made) {
                        let first = info.state.last_seq + 1;
                        info!("cluster: has made the log {}, whose first position is {first}", self.config.name);
                    }
                    self.handle_info(&info, now)
                }
                (Err(error), Stage::Asked) if is_error(&error, ApiError::NO_STREAM) => self.make(client, now),
                // Another node makes it at the same time.
                (Err(error), Stage::Made) if is_error(&error, ApiError::STREAM_EXISTS) => {
                    self.stage = Stage::Opening { at: now };
                    None
                }
                (Err(error), Stage::Made) if is_error(&error, ApiError::NO_SPACE) => {
                    let why = format!("{error}; its disk must have room for --cluster-max-bytes, see max_file_store");
                    Some(self.fail(why, now))
                }
                (Err(error), Stage::Asked | Stage::Made) => Some(self.fail(error.to_string(), now)),
                _ => None,
            },
            Event::Rewound { reader, .. } if self.is_read_by(reader) => {
                // The reader has waited for a leader that knows more.
                self.shorter_since = Some(now.saturating_sub(SHORTER_FOR));
                Some(LogEvent::Lost("it is shorter than before, or another one".into()))
            }
            Event::ReadFailed { reader, why } if self.is_read_by(reader) => match is_error(&why, ApiError::NO_STREAM) {
                true => Some(LogEvent::Lost(why.to_string())),
                // Until the log is found again, it is not known whether this node misses entries.
                false => {
                    self.close(client);
                    Some(self.fail(why.to_string(), now))
                }
            },
            _ => None,
        }
    }

    fn make(&mut self, client: &mut Client, now: Duration) -> Option<LogEvent> {
        let after = if self.reached > 0 { self.reached + MARGIN } else { 0 };
        let first_seq = self.first_position.max(after);
        let config = StreamConfig { first_seq, ..self.config.clone() };
        let sent = client.create_stream(TAG, &config, now);
        self.wait_for_answer(sent, Stage::Made, now)
    }

    fn handle_info(&mut self, info: &StreamInfo, now: Duration) -> Option<LogEvent> {
        let (state, size) = (info.state, info.config.max_msg_size);
        if (1..MAX_MESSAGE as i64).contains(&size) {
            let name = &self.config.name;
            let why = format!(
                "its max_msg_size is {size} bytes, and {MAX_MESSAGE} are needed; \
                 `nats stream edit {name} --max-msg-size -1` changes it"
            );
            self.open_later(now);
            return Some(LogEvent::Unfit(why));
        }
        let is_known = self.created.as_ref().is_none_or(|created| *created == info.created);
        if state.last_seq < self.reached && is_known {
            let since = *self.shorter_since.get_or_insert(now);
            if now < since + SHORTER_FOR {
                self.open_later(now);
                return None;
            }
        }
        if self.created.as_ref() != Some(&info.created) {
            self.compare(&info.config);
        }
        self.shorter_since = None;
        self.created = Some(info.created.clone());
        self.stage = Stage::Found;
        let first = if state.messages == 0 { state.last_seq + 1 } else { state.first_seq };
        Some(LogEvent::Found(Stream { first, last: state.last_seq }))
    }

    /// Tells the operator what differs from the settings: an existing log stays as it is.
    fn compare(&self, config: &StreamConfig) {
        let wanted = &self.config;
        let differs = [
            ("subjects", wanted.subjects != config.subjects),
            ("--cluster-replicas", wanted.num_replicas != config.num_replicas),
            ("--cluster-max-age", wanted.max_age != config.max_age),
            ("--cluster-max-bytes", wanted.max_bytes != config.max_bytes),
        ];
        let differs: Vec<&str> = differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect();
        if !differs.is_empty() {
            warn!(
                "cluster: the log {} was made with other settings ({}), and stays as it is; `nats stream edit` changes it",
                wanted.name,
                differs.join(", ")
            );
        }
    }

    /// Reads the log from this position on.
    pub fn read(&mut self, client: &mut Client, from: u64, now: Duration) {
        self.close(client);
        match client.read(&self.config.name, from, now) {
            Ok(reader) => self.stage = Stage::Read(reader),
            // The names of clusters are checked before.
            Err(error) => warn!("cluster: {error}"),
        }
    }
}

/// Whether JetStream refused with this error.
fn is_error(error: &RequestError, number: u32) -> bool {
    matches!(error, RequestError::Refused(error) if error.err_code == number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::nats::{Limits, StreamState};
    use crate::cluster::replica::NodeName;
    use crate::cluster::settings::LogSettings;

    const NOW: Duration = Duration::from_secs(100);

    /// A log of which the entries up to 50 were read.
    fn read_until_50() -> (Log, Client) {
        let settings = ClusterSettings {
            servers: Vec::new(),
            tls_ca: None,
            cluster: NodeName::try_from("tests".to_owned()).unwrap(),
            node: NodeName::try_from("a".to_owned()).unwrap(),
            log: LogSettings { replicas: 1, max_age: None, max_bytes: None },
        };
        let mut log = Log::new(&settings, 1);
        let mut client = Client::new("tests", 1, &Limits::default());
        assert!(found(&mut log, &mut client, 50, NOW));
        log.read(&mut client, 51, NOW);
        log.turn(&mut client, 50, NOW);
        (log, client)
    }

    /// Whether the log counts as found when the engine says that its last entry is this one.
    fn found(log: &mut Log, client: &mut Client, last: u64, now: Duration) -> bool {
        log.stage = Stage::Asked;
        let state = StreamState { messages: 1, first_seq: 1, last_seq: last, ..StreamState::default() };
        let info = StreamInfo { config: log.config.clone(), state, created: "2026".into(), ..StreamInfo::default() };
        match tell(log, client, info, now) {
            Some(LogEvent::Found(stream)) => stream.last == last,
            Some(_) => panic!("neither found nor asked for again"),
            None => false,
        }
    }

    fn tell(log: &mut Log, client: &mut Client, info: StreamInfo, now: Duration) -> Option<LogEvent> {
        log.handle(Event::Stream { tag: TAG, result: Ok(Box::new(info)) }, client, now)
    }

    #[test]
    fn log_that_takes_no_long_entries_is_asked_for_until_it_was_changed() {
        let (mut log, mut client) = read_until_50();
        let mut found_with = |max_msg_size| {
            log.stage = Stage::Asked;
            let state = StreamState { messages: 1, first_seq: 1, last_seq: 50, ..StreamState::default() };
            let config = StreamConfig { max_msg_size, ..log.config.clone() };
            let info = StreamInfo { config, state, created: "2026".into(), ..StreamInfo::default() };
            match tell(&mut log, &mut client, info, NOW) {
                Some(LogEvent::Unfit(why)) => Err((why, log.deadline())),
                Some(LogEvent::Found(_)) => Ok(()),
                _ => panic!("neither found nor unfit"),
            }
        };
        let needed = MAX_MESSAGE as i64;
        for size in [1, 2000, needed - 1] {
            let words = format!(
                "its max_msg_size is {size} bytes, and {needed} are needed; \
                 `nats stream edit chinwag_tests --max-msg-size -1` changes it"
            );
            assert_eq!(found_with(size), Err((words, Some(NOW + PAUSE))));
        }
        for size in [needed, MADE_SIZE, -1, 0] {
            assert_eq!(found_with(size), Ok(()));
        }
    }

    #[test]
    fn shorter_log_is_asked_for_again_before_it_counts() {
        let (mut log, mut client) = read_until_50();
        let late = NOW + SHORTER_FOR;
        assert!(!found(&mut log, &mut client, 49, NOW) && !found(&mut log, &mut client, 49, late - PAUSE));
        assert!(found(&mut log, &mut client, 50, late - PAUSE), "the leader has learned of it");
        assert!(!found(&mut log, &mut client, 49, late) && found(&mut log, &mut client, 49, late + SHORTER_FOR));
    }

    #[test]
    fn log_that_its_reader_has_found_to_be_shorter_is_not_waited_for_again() {
        let (mut log, mut client) = read_until_50();
        let Stage::Read(reader) = log.stage else { panic!("it is not read") };
        let event = log.handle(Event::Rewound { reader, last: 49 }, &mut client, NOW);
        assert!(matches!(event, Some(LogEvent::Lost(_))));
        log.close(&mut client);
        assert!(found(&mut log, &mut client, 49, NOW));
        assert!(!found(&mut log, &mut client, 48, NOW), "that is another time");
    }
}
