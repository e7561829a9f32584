//! What is measured of TLS handshakes.

use serde::Serialize;

use super::{HandshakesParams, STORMS};
use crate::bench::report::Figures;
use crate::bench::report::encryption::TlsSession;
use crate::bench::report::figures::{count, microseconds, milliseconds, significant};
use crate::bench::report::latency::LatencySummary;
use crate::bench::report::own_cost::OwnCost;
use crate::bench::report::rows::Rows;
use crate::bench::workload::encoding::Encoding;

/// The figures.
#[derive(Clone, Debug, Serialize)]
pub struct Handshakes {
    pub parameters: HandshakesParams,
    /// What the handshakes have agreed on.
    pub session: Option<TlsSession>,
    /// Full handshakes.
    pub full: Option<HandshakeCost>,
    /// Handshakes that go on from an earlier session.
    pub resumed: Option<HandshakeCost>,
    /// From the due time of a ping until its answer, while nothing else happens.
    pub quiet: Option<LatencySummary>,
    /// Many handshakes at once.
    pub storm: Option<HandshakeStorm>,
    /// Server memory after the last handshake minus that before the first; bytes.
    pub kept_bytes: Option<i64>,
}

/// The cost of handshakes.
#[derive(Clone, Debug, Serialize)]
pub struct HandshakeCost {
    /// Handshakes done.
    pub handshakes: u64,
    /// How many of them have gone on from an earlier session.
    pub resumed: u64,
    /// How long that took, until all clients had left.
    pub seconds: f64,
    /// Handshakes per second.
    pub per_second: f64,
    /// Server CPU time per handshake, with the connection and its end.
    pub server_cpu_us: Option<f64>,
    /// Handshakes per second of the server's CPU time.
    pub per_core_second: Option<f64>,
    /// From the connection attempt to the end of the handshake.
    pub latency: Option<LatencySummary>,
    /// Cost of the load test per handshake.
    pub own: OwnCost,
}

/// Many handshakes at once.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HandshakeStorm {
    /// Handshakes done.
    pub handshakes: u64,
    /// How long that took, from the first message of a handshake until all clients had left.
    pub seconds: f64,
    /// From the connection attempt to the end of the handshake.
    pub latency: Option<LatencySummary>,
    /// From the due time of the bystander's ping until its answer.
    pub ping: Option<LatencySummary>,
}

impl Handshakes {
    /// Before the first handshake.
    pub fn new(parameters: HandshakesParams) -> Self {
        Handshakes { parameters, session: None, full: None, resumed: None, quiet: None, storm: None, kept_bytes: None }
    }

    /// Remarks needed to understand the figures.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let full = self.resumed.as_ref().map_or(0, |it| it.handshakes - it.resumed);
        if full > 0 {
            notes.push(format!("the server resumed no session in {} of the handshakes that asked for it", count(full)));
        }
        if [&self.full, &self.resumed].into_iter().flatten().any(|it| it.own.is_bottleneck()) {
            notes.push("the load test itself was the bottleneck: the server can do more handshakes a second".into());
        }
        notes
    }
}

impl Figures for Handshakes {
    fn is_right(&self) -> bool {
        true
    }

    fn latencies(&self) -> Vec<(&'static str, Option<&LatencySummary>)> {
        let [full, resumed] = [&self.full, &self.resumed].map(|it| it.as_ref().and_then(|it| it.latency.as_ref()));
        let storm = self.storm.as_ref().and_then(|storm| storm.ping.as_ref());
        vec![("full handshake", full), ("resumed handshake", resumed), ("/ping, many handshakes", storm)]
    }

    fn rows(&self, _encoding: Encoding) -> Rows {
        let mut rows = Rows::default();
        rows.add_some("session", self.session.map(|session| session.name()));
        for (name, cost) in [("full handshakes", &self.full), ("resumed handshakes", &self.resumed)] {
            let Some(cost) = cost else { continue };
            rows.add(name, format!("{}, {} a second", count(cost.handshakes), significant(cost.per_second)));
            rows.latency("  handshake", cost.latency.as_ref());
            if let (Some(us), Some(per_core)) = (cost.server_cpu_us, cost.per_core_second) {
                let (us, per_core) = (microseconds(us), significant(per_core));
                rows.add("  server CPU", format!("{us} a handshake: {per_core} a second of one core"));
            }
            rows.own(Some(&cost.own), "a handshake");
        }
        rows.latency("/ping, quiet", self.quiet.as_ref());
        if let Some(storm) = &self.storm {
            let at_once = count(self.parameters.at_once as u64);
            let (done, took) = (count(storm.handshakes), significant(storm.seconds));
            rows.add("many at once", format!("{STORMS} times {at_once} full handshakes: {done} in {took} s"));
            rows.latency("  handshake", storm.latency.as_ref());
            rows.latency("  /ping", storm.ping.as_ref());
        }
        rows.kept(self.kept_bytes, "all have left");
        rows
    }

    fn headline(&self) -> Vec<String> {
        let per_core = |cost: &Option<HandshakeCost>, name: &str| {
            let per_core = cost.as_ref()?.per_core_second?;
            Some(format!("{} {name}/s of a core", significant(per_core)))
        };
        let mut parts: Vec<String> = per_core(&self.full, "full").into_iter().collect();
        parts.extend(per_core(&self.resumed, "resumed"));
        let ping = self.storm.as_ref().and_then(|storm| storm.ping.as_ref());
        let at_once = count(self.parameters.at_once as u64);
        parts.extend(ping.map(|ping| format!("/ping p99 {} during {at_once} at once", milliseconds(ping.p99_ms))));
        parts
    }
}
