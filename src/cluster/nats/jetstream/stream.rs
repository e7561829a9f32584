//! The settings of a stream, and what a server says of it.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::cluster::nats::protocol::is_subject;
use crate::util::is_default;

/// Whether a text can be the name of a stream, a consumer or a bucket: it is one word of a subject.
pub fn is_stream_name(name: &str) -> bool {
    is_subject(name) && name.len() <= 255 && !name.contains(['.', '*', '>', '/', '\\'])
}

/// Which messages a stream keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// All within its limits.
    #[default]
    Limits,
    /// Those that some consumer has not confirmed.
    Interest,
    /// Those that no consumer has confirmed.
    Workqueue,
}

/// What happens when a limit is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Discard {
    /// The oldest messages are removed.
    #[default]
    Old,
    /// New messages are refused.
    New,
}

/// Where messages are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    #[default]
    File,
    Memory,
}

/// The settings of a stream; those without a field here are kept as they are.
///
/// <https://docs.nats.io/nats-concepts/jetstream/streams#configuration>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamConfig {
    pub name: String,
    /// The messages with these subjects are stored; `*` stands for a word, `>` for the rest.
    pub subjects: Vec<String>,
    pub retention: Retention,
    pub discard: Discard,
    pub storage: Storage,
    /// The number of servers that have the stream: 1, 3 or 5.
    pub num_replicas: u32,
    /// Older messages are removed; zero: never.
    #[serde(serialize_with = "as_nanoseconds", deserialize_with = "from_nanoseconds")]
    pub max_age: Duration,
    /// For so long a message with the same `Nats-Msg-Id` is not stored again; not above `max_age`. Zero: what the
    /// server chooses when the stream is made.
    #[serde(serialize_with = "as_nanoseconds", deserialize_with = "from_nanoseconds")]
    #[serde(skip_serializing_if = "Duration::is_zero")]
    pub duplicate_window: Duration,
    /// Limits; -1: none.
    pub max_bytes: i64,
    pub max_msgs: i64,
    pub max_msgs_per_subject: i64,
    pub max_msg_size: i64,
    /// Whether each server that has the stream answers requests for one message.
    pub allow_direct: bool,
    /// Whether a message can replace all earlier ones with its subject.
    pub allow_rollup_hdrs: bool,
    /// Whether single messages cannot be deleted.
    pub deny_delete: bool,
    /// The number of the first message, when the stream is made; zero: 1.
    #[serde(skip_serializing_if = "is_default")]
    pub first_seq: u64,
    /// All other settings.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn as_nanoseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

fn from_nanoseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    i64::deserialize(deserializer).map(|time| Duration::from_nanos(time.try_into().unwrap_or_default()))
}

impl Default for StreamConfig {
    fn default() -> Self {
        StreamConfig {
            name: String::new(),
            subjects: Vec::new(),
            retention: Retention::Limits,
            discard: Discard::Old,
            storage: Storage::File,
            num_replicas: 1,
            max_age: Duration::ZERO,
            duplicate_window: Duration::ZERO,
            max_bytes: -1,
            max_msgs: -1,
            max_msgs_per_subject: -1,
            max_msg_size: -1,
            allow_direct: true,
            allow_rollup_hdrs: false,
            deny_delete: false,
            first_seq: 0,
            other: Map::new(),
        }
    }
}

impl StreamConfig {
    /// The settings of a bucket that keeps the last value of each key, as the tools of NATS make it.
    pub fn bucket(name: &str, num_replicas: u32) -> Self {
        StreamConfig {
            name: super::bucket_stream(name),
            subjects: vec![super::bucket_subject(name, ">")],
            discard: Discard::New,
            num_replicas,
            max_msgs_per_subject: 1,
            allow_rollup_hdrs: true,
            deny_delete: true,
            ..StreamConfig::default()
        }
    }
}

/// What a stream has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct StreamState {
    #[serde(default)]
    pub messages: u64,
    #[serde(default)]
    pub bytes: u64,
    /// The number of the oldest message; of the next one if there is none.
    pub first_seq: u64,
    /// The number of the newest message, also if it was removed.
    pub last_seq: u64,
}

/// What a server says of a stream.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct StreamInfo {
    pub config: StreamConfig,
    pub state: StreamState,
    /// When it was made, in RFC 3339: another stream with the same name has another time.
    pub created: String,
    /// The server that leads it; `None` while there is no leader.
    #[serde(default, rename = "cluster", deserialize_with = "leader")]
    pub leader: Option<String>,
}

fn leader<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Cluster {
        leader: Option<String>,
    }
    let cluster = Option::<Cluster>::deserialize(deserializer)?;
    Ok(cluster.and_then(|cluster| cluster.leader))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_without_a_field_are_kept() {
        let text = json!({
            "name": "S", "subjects": ["a.>"], "retention": "limits", "discard": "new", "storage": "memory",
            "num_replicas": 3, "max_age": 1_500_000_000, "max_bytes": 10, "max_msgs": -1, "max_msgs_per_subject": -1,
            "max_msg_size": -1, "allow_direct": false, "allow_rollup_hdrs": false, "deny_delete": true,
            "compression": "s2", "placement": {"tags": ["x"]},
        });
        let config: StreamConfig = serde_json::from_value(text.clone()).unwrap();
        assert_eq!((config.max_age, config.discard), (Duration::from_millis(1500), Discard::New));
        assert_eq!(serde_json::to_value(&config).unwrap(), text);
    }

    #[test]
    fn first_number_is_sent_only_if_given() {
        let json = |first_seq| serde_json::to_value(StreamConfig { first_seq, ..StreamConfig::default() }).unwrap();
        assert_eq!((json(0).get("first_seq"), &json(7)["first_seq"]), (None, &json!(7)));
        assert_eq!(json(0)["max_age"], 0);
        let ages =
            [json!(-5), json!(i64::MAX)].map(|age| serde_json::from_value::<StreamConfig>(json!({"max_age": age})));
        assert_eq!(ages.map(|config| config.unwrap().max_age), [Duration::ZERO, Duration::from_nanos(i64::MAX as u64)]);
        let longest = StreamConfig { max_age: Duration::MAX, ..StreamConfig::default() };
        assert_eq!(serde_json::to_value(longest).unwrap()["max_age"], i64::MAX);
    }

    #[test]
    fn names_are_single_words() {
        assert!(is_stream_name("chinwag_office-1") && is_stream_name("KV_x"));
        for name in ["", "a.b", "a b", "a*", ">", "a/b", "a\\b", "a\r\n", &"a".repeat(256)] {
            assert!(!is_stream_name(name), "{name:?}");
        }
    }
}
