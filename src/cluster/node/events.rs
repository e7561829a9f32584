//! What the engine has said: to the protocol, the log, the bucket and the hub.

use std::time::Duration;

use log::{info, warn};

use super::Node;
use super::log::LogEvent;
use crate::chat::{Hub, NodeUnreachable, Now};
use crate::cluster::nats::{ApiError, Event, RequestError};
use crate::cluster::stored::{Unfit, note_end_of_log};

/// A server through which nothing comes back for this time is left for another one.
const USELESS_AFTER: Duration = Duration::from_secs(2);
/// After a connection was made, it is kept at least for this time.
const STAYS_FOR: Duration = Duration::from_secs(5);
/// An entry that JetStream has refused shows for this time that the server is of use; it is sent again more often.
const REFUSAL_COUNTS_FOR: Duration = Duration::from_secs(10);

impl Node {
    pub(super) fn count_append_error(&mut self, why: &str, now: Duration) {
        self.counts.append_errors += 1;
        self.repeats.warn(format!("cluster: the log does not take an entry: {why}"), now);
    }

    /// Handles an event of the client of NATS.
    pub(super) fn handle(&mut self, event: Event, hub: &mut Hub, time: Now) {
        let now = time.at;
        match event {
            Event::Connected { server, version } => {
                self.counts.connections += 1;
                self.connected_at = Some(now);
                info!("cluster: connected to {server}, nats-server {version}");
                self.repeats.forget();
                self.bucket.open();
                self.opens_log = true;
            }
            Event::Disconnected { server, why } => {
                warn!("cluster: the connection to {server} is lost: {why}");
                self.bucket.close();
                self.close_log(now);
            }
            Event::Unreachable { server, why } => {
                self.repeats.warn(format!("cluster: no connection to {server}: {why}"), now);
            }
            Event::Complaint { text } => self.repeats.warn(format!("cluster: the engine complains: {text}"), now),
            Event::Message { subscription, payload, .. } if subscription == self.heartbeats => {
                self.part.replica_mut().handle_heartbeat(&payload, now);
            }
            Event::Message { subscription, payload, reply, .. } if self.whispers.come_by(subscription) => {
                self.whispers.handle(&payload, reply.as_deref(), hub, &mut self.nats.client, time);
            }
            Event::Answer { tag, result } => {
                let answer = result.as_deref().map_err(|_| NodeUnreachable);
                hub.handle_node_answer(tag, answer, time);
            }
            Event::Published { tag, result } if self.unconfirmed.contains_key(&tag) => {
                let entry = self.unconfirmed.remove(&tag);
                if let (Some((incarnation, n)), Err(why)) = (entry, result) {
                    self.count_append_error(&why.to_string(), now);
                    self.part.replica_mut().handle_append_error(incarnation, n, now);
                    self.handle_refusal(&why, now);
                }
            }
            Event::Entry { reader, entry } if self.log.is_read_by(reader) => {
                self.counts.entries += 1;
                self.counts.entry_bytes += entry.payload.len() as u64;
                self.part.replica_mut().handle_entry(entry.seq, Duration::from_nanos(entry.time), &entry.payload, now);
            }
            other => {
                let client = &mut self.nats.client;
                if let Err(other) = self.bucket.handle(other, client, &mut self.repeats, now)
                    && let Some(event) = self.log.handle(other, client, now)
                {
                    self.handle_log(event, hub, now);
                }
            }
        }
    }

    /// Takes the reason why the log does not have an entry.
    fn handle_refusal(&mut self, why: &RequestError, now: Duration) {
        let RequestError::Refused(error) = why else { return };
        self.refused_at = Some(now);
        if error.err_code == ApiError::TOO_LONG {
            // Its settings were changed: they are looked at before anything else is sent.
            self.close_log(now);
            self.log.open_later(now);
        }
    }

    pub(super) fn handle_log(&mut self, event: LogEvent, hub: &mut Hub, now: Duration) {
        match event {
            LogEvent::Found(stream) if self.founding.may_only_found && stream.first <= stream.last => {
                self.refused = Some(Unfit::OfSingleServer(self.log.cluster().into()));
            }
            LogEvent::Found(_) if std::mem::take(&mut self.founding.may_only_found) => {
                // Stored before this node says anything, so that it may go on after a crash.
                hub.record_cluster();
                self.log.open();
            }
            LogEvent::Found(stream) => {
                note_end_of_log(hub, stream.last, self.part.replica().read_from().is_none());
                self.part.replica_mut().handle_stream(stream, now);
                let from = self.part.replica().read_from().unwrap_or(stream.last + 1);
                self.log.read(&mut self.nats.client, from, now);
            }
            LogEvent::Lost(why) => {
                warn!("cluster: the log is not there any more: {why}");
                self.close_log(now);
                self.log.open();
            }
            LogEvent::Unfit(why) => {
                self.repeats.warn(format!("cluster: this server cannot take part with the log as it is: {why}"), now);
                // No other server of the engine would be of more use.
                self.refused_at = Some(now);
                self.part.replica_mut().handle_disconnected(now);
            }
            LogEvent::Failed(why) => {
                self.repeats.warn(format!("cluster: the log cannot be read: {why}"), now);
                self.part.replica_mut().handle_disconnected(now);
            }
        }
    }

    fn close_log(&mut self, now: Duration) {
        self.opens_log = false;
        self.log.close(&mut self.nats.client);
        self.unconfirmed.clear();
        self.part.replica_mut().handle_disconnected(now);
    }

    /// Leaves a server that is connected, and through which nothing comes back: it may be cut off from the other ones.
    pub(super) fn leave_useless_server(&mut self, now: Duration) {
        let is_over = |since: Option<Duration>, time: Duration| since.is_some_and(|since| now > since + time);
        let is_answered = self.refused_at.is_some_and(|at| now < at + REFUSAL_COUNTS_FOR);
        let unanswered = self.part.replica().unanswered_since();
        if is_over(unanswered, USELESS_AFTER) && is_over(self.connected_at, STAYS_FOR) && !is_answered {
            self.connected_at = None;
            self.nats.leave(now);
        }
    }
}
