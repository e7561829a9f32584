//! The axes of a chart.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::bench::report::figures::rounded;

/// Highest quantile of the axis: the distance to 100 % grows without limit.
pub const LAST_QUANTILE: f64 = 0.9999;
/// Lowest and highest latency shown, in milliseconds.
const LATENCIES: Range<f64> = 0.001..500_000.0;
/// At most this many latencies have a label; with more steps, only powers of ten.
const MAX_LABELS: usize = 8;

/// One direction of a chart.
#[derive(Clone)]
pub struct Axis {
    /// The position of a value, and the positions of both ends.
    scale: fn(f64) -> f64,
    ends: (f64, f64),
    /// Values with a grid line, and their labels, which may be empty.
    grid: Vec<(f64, String)>,
}

impl Axis {
    /// Logarithmic, in milliseconds, with steps of 1, 2 and 5; a decade at least, so that noise stays small.
    pub fn latency(values: impl Iterator<Item = f64>) -> Self {
        let scale = |ms: f64| within(ms, LATENCIES.start, LATENCIES.end).log10();
        let (low, high) = values.map(scale).fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)));
        let steps: Vec<(f64, i32)> =
            (-3..=5).flat_map(|power| [1, 2, 5].map(|digit| (f64::from(digit) * 10f64.powi(power), digit))).collect();
        let mut first = steps.iter().rposition(|&(step, _)| scale(step) <= low + 1e-9).unwrap_or(0);
        let mut last = steps.iter().position(|&(step, _)| scale(step) >= high - 1e-9).unwrap_or(steps.len() - 1);
        while last < first + 3 {
            first = first.saturating_sub(1);
            last = (last + 1).min(steps.len() - 1);
        }
        let all = last - first < MAX_LABELS;
        let label = |&(ms, digit): &(f64, i32)| (ms, if all || digit == 1 { short(ms) } else { String::new() });
        let grid = steps[first..=last].iter().map(label).collect();
        Axis { scale, ends: (scale(steps[first].0), scale(steps[last].0)), grid }
    }

    /// Linear, from 0 to the last of these seconds.
    pub fn seconds(values: impl Iterator<Item = f64>) -> Self {
        let scale = |seconds: f64| within(seconds, 0.0, 1e9);
        let last = values.map(scale).fold(0.001, f64::max);
        let mut steps = (-4..=9).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)));
        let step = steps.find(|step| last / step <= 6.0).unwrap_or(last);
        let lines = (0..=(last / step + 1e-9) as u32).map(|number| rounded(f64::from(number) * step, 4));
        Axis { scale, ends: (0.0, last), grid: lines.map(|at| (at, at.to_string())).collect() }
    }

    /// From 50 % to [`LAST_QUANTILE`], spread out towards 100 % as in HdrHistogram's plots.
    pub fn quantile() -> Self {
        let scale = |quantile: f64| -(1.0 - within(quantile, 0.5, LAST_QUANTILE)).log10();
        let grid = [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (LAST_QUANTILE, "99.99 %")];
        let grid = grid.map(|(quantile, name)| (quantile, name.to_owned())).to_vec();
        Axis { scale, ends: (scale(0.5), scale(LAST_QUANTILE)), grid }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let part = ((self.scale)(*value) - self.ends.0) / (self.ends.1 - self.ends.0);
        start + (part * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.grid.iter().map(|line| line.0).collect() }
    }

    fn range(&self) -> Range<f64> {
        self.grid.first().map_or(0.0, |line| line.0)..self.grid.last().map_or(1.0, |line| line.0)
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.grid.iter().find(|line| line.0 == *value).map(|line| line.1.clone()).unwrap_or_default()
    }
}

/// As `clamp`, which would keep what is not a number.
fn within(value: f64, low: f64, high: f64) -> f64 {
    if value.is_nan() { low } else { value.clamp(low, high) }
}

/// A round latency without decimals.
fn short(ms: f64) -> String {
    match (ms * 1e3).round() as u64 {
        us @ 0..1_000 => format!("{us} µs"),
        us @ 1_000..1_000_000 => format!("{} ms", us / 1_000),
        us => format!("{} s", us / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_round_and_few() {
        let labels = |axis: &Axis| -> Vec<String> {
            axis.grid.iter().map(|line| line.1.clone()).filter(|label| !label.is_empty()).collect()
        };
        let latency = |values: [f64; 2]| labels(&Axis::latency(values.into_iter()));
        assert_eq!(latency([0.3, 4.0]), ["200 µs", "500 µs", "1 ms", "2 ms", "5 ms"]);
        assert_eq!(latency([3.0, 3.0]), ["1 ms", "2 ms", "5 ms", "10 ms"]);
        assert_eq!(latency([0.06, 130.0]), ["100 µs", "1 ms", "10 ms", "100 ms"]);
        assert_eq!(labels(&Axis::seconds([10.03].into_iter())), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(&Axis::seconds([0.3].into_iter())), ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]);
        assert_eq!(labels(&Axis::quantile()), ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
    }
}
