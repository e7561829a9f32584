//! What is measured of a broadcast.

use serde::Serialize;

use super::{FanoutParams, Pace};
use crate::bench::report::Figures;
use crate::bench::report::addresses::AddressFigures;
use crate::bench::report::encryption::EncryptionCost;
use crate::bench::report::figures::{count, microseconds, milliseconds, significant, things};
use crate::bench::report::latency::LatencySummary;
use crate::bench::report::own_cost::OwnCost;
use crate::bench::report::ratio::Ratio;
use crate::bench::report::rows::Rows;
use crate::bench::workload::delivery_check::DeliveryCheck;
use crate::bench::workload::encoding::Encoding;

/// The figures.
#[derive(Clone, Debug, Serialize)]
pub struct Fanout {
    pub parameters: FanoutParams,
    /// Messages sent.
    pub messages: u64,
    /// How long that took, until all were read.
    pub seconds: f64,
    /// Lines delivered per second.
    pub per_second: f64,
    /// Whether all were delivered.
    pub checked: DeliveryCheck,
    /// Size of a delivered line in bytes.
    pub line_bytes: usize,
    /// From the due time of a message until it was read.
    pub latency: Option<LatencySummary>,
    /// The same at each address; empty if there is one.
    pub addresses: Vec<AddressFigures>,
    /// Server CPU time per delivered line.
    pub server_cpu_us: Option<f64>,
    /// CPU time per line of a bare send of the same bytes.
    pub baseline_cpu_us: Option<f64>,
    /// The server's CPU time as a multiple of the baseline's.
    pub ratio: Option<Ratio>,
    /// With TLS: the cost of encryption, which is not in the baseline.
    pub tls: Option<EncryptionCost>,
    /// Latency of the baseline.
    pub baseline_latency: Option<LatencySummary>,
    /// Server memory when everything had been read minus that after all logins; bytes.
    pub kept_bytes: Option<i64>,
    /// Cost of the load test per delivered line.
    pub own: Option<OwnCost>,
}

impl Figures for Fanout {
    fn is_right(&self) -> bool {
        self.checked.is_right()
    }

    fn latencies(&self) -> Vec<(&'static str, Option<&LatencySummary>)> {
        vec![("delivery", self.latency.as_ref()), ("baseline (bare send)", self.baseline_latency.as_ref())]
    }

    fn rows(&self, _encoding: Encoding) -> Rows {
        let mut rows = Rows::default();
        let FanoutParams { readers, senders, follow, pace, size, .. } = self.parameters;
        let pace = match Pace::from(pace) {
            Pace::Rate(rate) => format!("{} messages a second", significant(rate)),
            Pace::Saturate { in_flight } if follow > 0 => {
                format!("{in_flight} messages of each in each room in flight")
            }
            Pace::Saturate { in_flight } => format!("{in_flight} messages of each sender in flight"),
        };
        let (readers, senders) = (things(readers, "reader"), things(senders, "sender"));
        let rooms = if follow > 0 { format!(" in {} rooms", 1 + follow) } else { String::new() };
        rows.add("room", format!("{readers}, {senders}{rooms}, {pace}, {size} bytes each"));
        let per_second = count(self.per_second.round() as u64);
        rows.add("messages", format!("{} in {} s", count(self.messages), significant(self.seconds)));
        rows.add("delivered", format!("{} ({per_second} lines a second)", self.checked.verdict()));
        rows.latency("latency", self.latency.as_ref());
        AddressFigures::rows(&self.addresses, &mut rows);
        rows.cpu("server CPU", self.server_cpu_us, &format!("a delivered line of {} bytes", self.line_bytes));
        rows.baseline("baseline (bare send)", "a delivered line", self.baseline_cpu_us, self.ratio.as_ref());
        if let Some(tls) = &self.tls {
            tls.rows(&mut rows);
        }
        rows.latency("baseline latency", self.baseline_latency.as_ref());
        rows.kept(self.kept_bytes, "all had been read");
        rows.own(self.own.as_ref(), "a delivered line");
        rows
    }

    fn headline(&self) -> Vec<String> {
        let mut parts = Vec::from_iter(self.parameters.pace.saturate.then(|| "saturated".into()));
        parts.push(format!("{} readers", count(self.parameters.readers as u64)));
        parts.push(format!("{} lines/s", count(self.per_second.round() as u64)));
        parts.extend(self.server_cpu_us.map(|us| format!("{} a line", microseconds(us))));
        parts.extend(self.ratio.as_ref().map(|ratio| format!("{:.2} x baseline", ratio.median)));
        let tls = self.tls.as_ref().and_then(|tls| tls.ratio.as_ref());
        parts.extend(tls.map(|ratio| format!("{:.2} x baseline plus encryption", ratio.median)));
        parts.extend(self.latency.as_ref().map(|it| format!("p99 {}", milliseconds(it.p99_ms))));
        parts
    }
}
