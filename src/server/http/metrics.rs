//! The metrics of the server, for Prometheus

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cluster_figures::ClusterFigures;
use super::prometheus::{describe, line};
use crate::chat::StatsSnapshot;
use crate::server::connection::transport::{Handshakes, TransportBuffers};
use crate::server::store::writer::{StoreCounts, StoreWriter};
use crate::server::tls::expiry::Validity;

/// Upper bounds of the histogram's buckets, in microseconds.
const BOUNDS: [u64; 10] = [100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000, 1_000_000];

/// A histogram of the durations of turns.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct TurnHistogram {
    /// Turns by bucket; the last one counts turns longer than every bound.
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl TurnHistogram {
    /// Counts a turn of this duration.
    pub fn count(&mut self, took: Duration) {
        let micros = took.as_micros() as u64;
        self.counts[BOUNDS.partition_point(|&bound| bound < micros)] += 1;
        self.sum += took;
    }

    fn write(&self, text: &mut String) {
        let name = "chinwag_turn_seconds";
        describe(text, name, "histogram", "Duration of a turn of the event loop.");
        let mut total = 0;
        for (count, bound) in self.counts.iter().zip(BOUNDS) {
            total += count;
            line(text, name, &format!("_bucket{{le=\"{}\"}}", bound as f64 / 1e6), total);
        }
        total += self.counts[BOUNDS.len()];
        line(text, name, "_bucket{le=\"+Inf\"}", total);
        line(text, name, "_sum", self.sum.as_secs_f64());
        line(text, name, "_count", total);
    }
}

/// The figures of a server.
pub struct Metrics<'a> {
    pub figures: StatsSnapshot,
    /// HTTP connections.
    pub exchanges: usize,
    pub uptime: Duration,
    /// What TLS connections count, and the number of unfinished handshakes; `None` without TLS.
    pub tls: Option<(&'a TransportBuffers, usize)>,
    pub store_writer: Option<&'a StoreWriter>,
    pub turns: Option<&'a TurnHistogram>,
    /// When the certificates are valid; none without TLS.
    pub certificates: &'a [Validity],
    /// `None` without a cluster.
    pub cluster: Option<&'a ClusterFigures>,
}

impl Metrics<'_> {
    fn write_store(text: &mut String, store_writer: &StoreWriter) {
        let StoreCounts { written, faults, lost } = store_writer.counts();
        for (name, kind, help, value) in [
            ("chinwag_store_up", "gauge", "Whether the store works.", u64::from(store_writer.works())),
            ("chinwag_store_waiting", "gauge", "Records that are not stored yet.", store_writer.unwritten() as u64),
            ("chinwag_store_records_total", "counter", "Records stored.", written),
            ("chinwag_store_faults_total", "counter", "Failures of the store.", faults),
            ("chinwag_store_lost_total", "counter", "Records dropped while the store failed.", lost),
        ] {
            describe(text, name, kind, help);
            line(text, name, "", value);
        }
    }

    fn write_tls(text: &mut String, buffers: &TransportBuffers, opening: usize) {
        let Handshakes { complete, resumed, failed } = buffers.handshakes();
        let name = "chinwag_tls_handshakes_total";
        describe(text, name, "counter", "TLS handshakes: full, resumed from an earlier session, and failed.");
        for (result, count) in [("full", complete - resumed), ("resumed", resumed), ("failed", failed)] {
            line(text, name, &format!("{{result=\"{result}\"}}"), count);
        }
        for (name, help, value) in [
            ("chinwag_tls_opening", "TLS handshakes that are not complete.", opening),
            ("chinwag_tls_kept_bytes", "Bytes of incomplete or unsent TLS records.", buffers.bytes()),
        ] {
            describe(text, name, "gauge", help);
            line(text, name, "", value);
        }
    }

    fn write_certificates(text: &mut String, certificates: &[Validity]) {
        let name = "chinwag_tls_certificate_not_after_seconds";
        describe(text, name, "gauge", "When the certificate in this file ends, in Unix time.");
        for Validity { file, not_after, .. } in certificates {
            line(text, name, &format!("{{file=\"{}\"}}", escaped(file)), not_after);
        }
    }

    /// All metrics, in the text format of Prometheus, version 0.0.4.
    pub fn text(&self) -> String {
        let figures = &self.figures;
        let mut text = String::new();
        let out = &mut text;
        let name = "chinwag_connections";
        describe(out, name, "gauge", "Open connections.");
        let counts =
            [("plain", figures.plain), ("websocket", figures.web), ("irc", figures.irc), ("http", self.exchanges)];
        for (encoding, count) in counts {
            line(out, name, &format!("{{dialect=\"{encoding}\"}}"), count);
        }
        for (name, help, value) in [
            ("chinwag_here", "Members.", figures.here),
            ("chinwag_seats_taken", "Users who count towards the maximum.", figures.admitted),
            ("chinwag_seats", "Maximum users.", figures.max_clients),
            ("chinwag_waiting", "Clients in the admission queue.", figures.waiting),
            ("chinwag_rooms", "Rooms.", figures.rooms),
            ("chinwag_accounts", "Registered nicknames.", figures.accounts),
            ("chinwag_passwords_waiting", "Sessions whose password is not compared yet.", figures.passwords),
        ] {
            describe(out, name, "gauge", help);
            line(out, name, "", value);
        }
        for (name, help, value) in [
            ("chinwag_connections_total", "Clients that have connected.", figures.connections),
            ("chinwag_refused_total", "Clients that were refused.", figures.refused),
            ("chinwag_lines_total", "Lines that clients have sent.", figures.lines),
            ("chinwag_messages_total", "Messages said in rooms.", figures.messages),
            ("chinwag_whispers_total", "Whispers.", figures.whispers),
            ("chinwag_deliveries_total", "Deliveries of room lines to readers.", figures.deliveries),
            ("chinwag_received_bytes_total", "Bytes that clients have sent.", figures.received),
            ("chinwag_sent_bytes_total", "Bytes sent to clients.", figures.sent),
            ("chinwag_wrong_passwords_total", "Wrong passwords.", figures.wrong_passwords),
        ] {
            describe(out, name, "counter", help);
            line(out, name, "", value);
        }
        let name = "chinwag_left_total";
        describe(out, name, "counter", "Sessions that have ended, by cause.");
        for (cause, count) in &figures.left {
            line(out, name, &format!("{{cause=\"{cause}\"}}"), count);
        }
        let name = "chinwag_uptime_seconds";
        describe(out, name, "gauge", "Time since the start.");
        line(out, name, "", self.uptime.as_secs());
        if let Some(store_writer) = self.store_writer {
            Self::write_store(out, store_writer);
        }
        if let Some((buffers, opening)) = self.tls {
            Self::write_tls(out, buffers, opening);
        }
        if !self.certificates.is_empty() {
            Self::write_certificates(out, self.certificates);
        }
        self.cluster.iter().for_each(|cluster| cluster.write(out));
        self.turns.iter().for_each(|turns| turns.write(out));
        text
    }
}

/// The value of a label, in which three characters are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_each_certificate_is_a_metric() {
        let mut text = String::new();
        let validity = |file: &str, not_after| Validity { file: file.into(), not_before: 0, not_after };
        Metrics::write_certificates(&mut text, &[validity("/a.pem", 1_800_000_000), validity("b\"\\\n", 7)]);
        assert_eq!(
            text,
            "# HELP chinwag_tls_certificate_not_after_seconds When the certificate in this file ends, in Unix time.\n\
             # TYPE chinwag_tls_certificate_not_after_seconds gauge\n\
             chinwag_tls_certificate_not_after_seconds{file=\"/a.pem\"} 1800000000\n\
             chinwag_tls_certificate_not_after_seconds{file=\"b\\\"\\\\\\n\"} 7\n"
        );
    }

    #[test]
    fn histogram_counts_turns_up_to_each_bound() {
        let mut turns = TurnHistogram::default();
        for micros in [0, 100, 101, 2_000_000] {
            turns.count(Duration::from_micros(micros));
        }
        let mut text = String::new();
        turns.write(&mut text);
        for expected in [
            "chinwag_turn_seconds_bucket{le=\"0.0001\"} 2\n",
            "chinwag_turn_seconds_bucket{le=\"0.00025\"} 3\n",
            "chinwag_turn_seconds_bucket{le=\"1\"} 3\n",
            "chinwag_turn_seconds_bucket{le=\"+Inf\"} 4\n",
            "chinwag_turn_seconds_sum 2.000201\n",
            "chinwag_turn_seconds_count 4\n",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
