//! The result as a table for people.

use std::fmt::Write;

use super::figures::{count, microseconds, milliseconds};
use super::latency::LatencySummary;
use super::{DeliveryCheck, Outcome, OwnCost, Ratio, Report, ScenarioReport};
use crate::bench::workload::checker::Tally;
use crate::bench::workload::encoding::Encoding;

/// Column where the values begin.
const COLUMN: usize = 24;

/// Rows of a name and a value.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rows(Vec<(&'static str, String)>);

/// Formats the whole result.
pub fn write(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    let _ = writeln!(
        text,
        "chinwag {} bench{}, {}, {} x {}{}{}",
        report.chinwag,
        if report.encoding == Encoding::Plain { "" } else { ", WebSocket encoding" },
        machine.kernel,
        machine.cpus,
        machine.cpu,
        machine.server_core.map(|core| format!(", the server alone on core {core}")).unwrap_or_default(),
        if report.build == "debug" { "\nthis is a debug build: its figures mean little" } else { "" }
    );
    for done in &report.scenarios {
        let _ = writeln!(text, "\n{}", done.command);
        for (name, value) in done.measured.iter().flat_map(|measured| measured.rows(report.encoding).0) {
            let _ = writeln!(text, "  {name:COLUMN$}{value}");
        }
        for note in &done.notes {
            let _ = writeln!(text, "  ({note})");
        }
        match &done.outcome {
            Outcome::Passed => {}
            Outcome::Faulty => text.push_str("  FAULTY: not every line arrived once, in order and intact\n"),
            Outcome::Interrupted { .. } => {
                text.push_str(
                    "  interrupted: the figures are those measured until then; messages in flight do not count as lost\n",
                );
            }
            Outcome::Failed { why } => {
                let _ = writeln!(text, "  FAILED: {why}");
            }
        }
    }
    if report.scenarios.len() > 1 {
        text.push_str("\nsummary\n");
        for done in &report.scenarios {
            let _ = writeln!(text, "  {:COLUMN$}{}", done.name(), headline(done));
        }
    }
    text
}

/// The most important figures in one line.
fn headline(done: &ScenarioReport) -> String {
    let mut parts = done.measured.as_ref().map(|measured| measured.headline()).unwrap_or_default();
    match &done.outcome {
        Outcome::Passed => {}
        Outcome::Faulty => parts.push("FAULTY".into()),
        Outcome::Interrupted { .. } => parts.push("interrupted".into()),
        Outcome::Failed { .. } => parts.push("FAILED".into()),
    }
    parts.join(", ")
}

impl ScenarioReport {
    /// The name of the scenario, from its command.
    fn name(&self) -> &str {
        self.command.split(' ').nth(2).unwrap_or("-")
    }
}

impl DeliveryCheck {
    /// The counts as text.
    pub fn verdict(&self) -> String {
        let DeliveryCheck { expected, tally, lost } = *self;
        if expected == 0 && self.is_right() {
            return "nothing".into();
        }
        let mut text = format!("{} of {}", count(tally.delivered), count(expected));
        if self.is_right() {
            if tally.delivered == expected {
                text.push_str(", each once and in order");
            }
            return text;
        }
        let Tally { duplicates, out_of_order, damaged, .. } = tally;
        for (number, what) in
            [(lost, "lost"), (duplicates, "duplicated"), (out_of_order, "out of order"), (damaged, "damaged")]
        {
            if number > 0 {
                let _ = write!(text, ", {} {what}", count(number));
            }
        }
        text
    }
}

impl Rows {
    /// Adds a row.
    pub fn add(&mut self, name: &'static str, value: String) {
        self.0.push((name, value));
    }

    /// Adds a row, if there is a value.
    pub fn add_some(&mut self, name: &'static str, value: Option<String>) {
        self.0.extend(value.map(|value| (name, value)));
    }

    /// Adds the growth of the server's memory, if measured.
    pub fn kept(&mut self, bytes: Option<i64>, after: &str) {
        self.add_some("memory kept after", bytes.map(|bytes| format!("{} KiB after {after}", bytes / 1024)));
    }

    /// Adds a CPU time, if measured; `each` is what it is for.
    pub fn cpu(&mut self, name: &'static str, us: Option<f64>, each: &str) {
        self.add_some(name, us.map(|us| format!("{} {each}", microseconds(us))));
    }

    /// Adds the percentiles of a distribution, if measured.
    pub fn latency(&mut self, name: &'static str, summary: Option<&LatencySummary>) {
        let Some(it) = summary else { return };
        let shown =
            [("p50", it.p50_ms), ("p90", it.p90_ms), ("p99", it.p99_ms), ("p99.9", it.p99_9_ms), ("max", it.max_ms)];
        let shown = shown.map(|(name, ms)| format!("{name} {}", milliseconds(ms)));
        // The count is shown because some scenarios measure only a part of what they count.
        self.add(name, format!("{}  ({} measured)", shown.join("  "), count(it.count)));
    }

    /// Adds the baseline's CPU time, and the server's as a multiple of it.
    pub fn baseline(&mut self, name: &'static str, each: &str, us: Option<f64>, ratio: Option<&Ratio>) {
        self.cpu(name, us, each);
        self.ratio("server to baseline", "that", ratio);
    }

    /// Adds a ratio. It is not the quotient of the two figures above, which are totals over all slices; the row says so.
    pub fn ratio(&mut self, name: &'static str, of: &str, ratio: Option<&Ratio>) {
        let Some(Ratio { median, lowest, highest, slices }) = ratio else { return };
        let shown = match *slices {
            1 => format!("{median:.2} times {of} (one pair of slices)"),
            pairs => {
                let pairs = count(pairs as u64);
                format!("{median:.2} times {of} (median of {pairs} pairs of slices, {lowest:.2} to {highest:.2})")
            }
        };
        self.add(name, shown);
    }

    /// Adds the cost of the load test itself, if measured.
    pub fn own(&mut self, own: Option<&OwnCost>, each: &str) {
        let Some(OwnCost { cpu_us, busy, .. }) = own else { return };
        self.add("load test's own CPU", format!("{} {each}, {:.0} % of a core", microseconds(*cpu_us), busy * 100.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline_rows(us: Option<f64>, ratio: Option<Ratio>) -> Vec<(&'static str, String)> {
        let mut rows = Rows::default();
        rows.baseline("baseline (bare send)", "a delivered line", us, ratio.as_ref());
        rows.0
    }

    #[test]
    fn ratio_row_names_number_of_pairs() {
        let ratio = Ratio { median: 1.02, lowest: 0.9, highest: 1.31, slices: 3 };
        let shown = "1.02 times that (median of 3 pairs of slices, 0.90 to 1.31)".to_owned();
        let bare = ("baseline (bare send)", "4.00 µs a delivered line".to_owned());
        assert_eq!(baseline_rows(Some(4.0), Some(ratio.clone())), [bare.clone(), ("server to baseline", shown)]);
        let one = Ratio { slices: 1, ..ratio };
        assert_eq!(baseline_rows(Some(4.0), Some(one))[1].1, "1.02 times that (one pair of slices)");
        assert_eq!(baseline_rows(Some(4.0), None), [bare]);
        assert_eq!(baseline_rows(None, None), []);
    }

    #[test]
    fn row_names_fit_the_column() {
        let names = ["baseline latency", "p99 while some stalled", "CPU while some stalled", "load test's own CPU"];
        assert!(names.iter().all(|name| name.len() < COLUMN));
    }
}
