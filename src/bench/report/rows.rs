//! Rows of the table of one scenario: a name and a value each.

use super::figures::{count, microseconds, milliseconds};
use super::latency::LatencySummary;
use super::own_cost::OwnCost;
use super::ratio::Ratio;

/// Column where the values begin.
pub const COLUMN: usize = 24;

/// Rows of a name and a value.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rows(Vec<(&'static str, String)>);

impl IntoIterator for Rows {
    type Item = (&'static str, String);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
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
