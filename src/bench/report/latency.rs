//! Latency: the whole distribution, and percentiles over time.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::bench::driver::clock::{MILLISECOND, Nanos, SECOND, seconds};

/// Longer latencies count as this: 100 s.
const MAX_LATENCY: Nanos = 100 * SECOND;

/// The quantiles of the distribution in the report.
const QUANTILES: [f64; 14] =
    [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.999_99, 1.0];

/// A latency distribution; milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Number of measurements.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 90th percentile.
    pub p90_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p99_9_ms: f64,
    /// Maximum.
    pub max_ms: f64,
    /// Pairs of a quantile (0 to 1) and its latency.
    pub distribution: Vec<(f64, f64)>,
    /// Percentiles over time.
    pub timeline: Vec<LatencyPoint>,
}

/// The measurements of one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyPoint {
    /// End of the interval, in seconds of measured time.
    pub at_s: f64,
    /// Number of measurements.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// Maximum.
    pub max_ms: f64,
}

/// Pairs of a latency and how often it was measured.
pub type Spans = Vec<(u64, u64)>;

/// An empty distribution.
pub fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1000, MAX_LATENCY, 3).expect("bounds are sound")
}

/// A quantile (0 to 1) of a distribution in milliseconds.
pub fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    milliseconds(histogram.value_at_quantile(quantile))
}

/// Records latencies.
pub struct Latency {
    total: Histogram<u64>,
    current: Histogram<u64>,
    /// End and measurements of the interval before; added to the timeline when the next one ends.
    last: (Nanos, Histogram<u64>),
    points: Vec<LatencyPoint>,
    interval: Nanos,
    /// Measured time so far, and since when it is running.
    elapsed: Nanos,
    since: Option<Nanos>,
    /// When the current interval began, in measured time.
    began: Nanos,
}

impl Latency {
    /// For about `span` of measured time, which starts with [`Latency::resume`].
    pub fn new(span: Nanos) -> Self {
        let histogram = new_histogram();
        Latency {
            current: histogram.clone(),
            last: (0, histogram.clone()),
            total: histogram,
            points: Vec::new(),
            interval: (span / 60).max(100 * MILLISECOND),
            elapsed: 0,
            since: None,
            began: 0,
        }
    }

    /// Records one latency.
    #[inline]
    pub fn record(&mut self, span: Nanos) {
        self.current.saturating_record(span);
    }

    /// Records the same latency `count` times.
    #[inline]
    pub fn record_n(&mut self, span: Nanos, count: u64) {
        // With a count of 0 it would still become the maximum.
        if count > 0 {
            self.current.saturating_record_n(span, count);
        }
    }

    /// Starts measured time.
    pub fn resume(&mut self, now: Nanos) {
        self.since = Some(now);
    }

    /// Stops measured time.
    pub fn pause(&mut self, now: Nanos) {
        if let Some(since) = self.since.take() {
            self.elapsed += now.saturating_sub(since);
        }
    }

    /// Ends the interval if its time is over.
    pub fn roll(&mut self, now: Nanos) {
        let at = self.elapsed + self.since.map_or(0, |since| now.saturating_sub(since));
        if at >= self.began + self.interval {
            self.close(at);
        }
    }

    fn close(&mut self, at: Nanos) {
        if !self.current.is_empty() {
            self.add_last_point();
            std::mem::swap(&mut self.current, &mut self.last.1);
            self.last.0 = at;
        }
        self.began = at;
    }

    /// Ends the last interval; a short one is merged with the interval before.
    fn finish(&mut self) {
        if self.elapsed < self.began + self.interval / 2 && !self.last.1.is_empty() {
            self.last.1.add(&self.current).expect("the bounds are the same");
            self.current.reset();
            self.last.0 = self.elapsed;
        }
        self.close(self.elapsed);
        self.add_last_point();
    }

    fn add_last_point(&mut self) {
        let (at, spans) = &mut self.last;
        if !spans.is_empty() {
            let ms = |quantile| quantile_ms(spans, quantile);
            self.points.push(LatencyPoint {
                at_s: seconds(*at),
                count: spans.len(),
                p50_ms: ms(0.5),
                p99_ms: ms(0.99),
                max_ms: milliseconds(spans.max()),
            });
            self.total.add(&*spans).expect("the bounds are the same");
            spans.reset();
        }
    }

    /// The newest interval in the timeline.
    pub fn last(&self) -> Option<&LatencyPoint> {
        self.points.last()
    }

    /// Appends what another one has measured after this one.
    pub fn append(&mut self, mut other: Latency) {
        self.finish();
        other.finish();
        let before = seconds(self.elapsed);
        self.points.extend(other.points.into_iter().map(|point| LatencyPoint { at_s: before + point.at_s, ..point }));
        self.total.add(&other.total).expect("the bounds are the same");
        self.elapsed += other.elapsed;
    }

    /// What was measured, for [`Latency::merge`].
    pub fn counts(&mut self) -> Spans {
        self.finish();
        self.total.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value())).collect()
    }

    /// Adds what [`Latency::counts`] returned.
    pub fn merge(&mut self, counts: &[(u64, u64)]) {
        for &(value, count) in counts {
            self.total.saturating_record_n(value, count);
        }
    }

    /// The summary; `None` if nothing was recorded.
    pub fn summary(&mut self) -> Option<LatencySummary> {
        self.finish();
        if self.total.is_empty() {
            return None;
        }
        let ms = |quantile| quantile_ms(&self.total, quantile);
        Some(LatencySummary {
            count: self.total.len(),
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p99_ms: ms(0.99),
            p99_9_ms: ms(0.999),
            max_ms: milliseconds(self.total.max()),
            distribution: QUANTILES.iter().map(|&quantile| (quantile, ms(quantile))).collect(),
            timeline: self.points.clone(),
        })
    }
}

fn milliseconds(span: Nanos) -> f64 {
    // The histogram keeps three significant digits.
    (span as f64 / 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_has_percentiles_of_recorded_latencies() {
        let mut latency = Latency::new(SECOND);
        latency.resume(0);
        for ms in 1..=1000 {
            latency.record(ms * MILLISECOND);
        }
        let summary = latency.summary().unwrap();
        let close = |is: f64, should: f64| assert!((is / should - 1.0).abs() < 0.002, "{is} {should}");
        assert_eq!(summary.count, 1000);
        close(summary.p50_ms, 500.0);
        close(summary.p90_ms, 900.0);
        close(summary.p99_ms, 990.0);
        close(summary.p99_9_ms, 999.0);
        close(summary.max_ms, 1000.0);
    }

    #[test]
    fn timeline_excludes_paused_time() {
        let mut latency = Latency::new(SECOND);
        for slice in 0..3 {
            let begin = slice * 10 * SECOND;
            latency.resume(begin);
            latency.record(MILLISECOND);
            latency.roll(begin + SECOND);
            latency.pause(begin + SECOND);
        }
        let summary = latency.summary().unwrap();
        assert_eq!(summary.timeline.iter().map(|point| point.at_s).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
        assert_eq!(summary.timeline.iter().map(|point| point.count).sum::<u64>(), 3);
    }

    #[test]
    fn timeline_appends_slices_in_order() {
        let mut all = Latency::new(2 * SECOND);
        for slice in 0..2 {
            let mut latency = Latency::new(2 * SECOND);
            latency.resume(slice * 10 * SECOND);
            latency.record((1 + slice) * MILLISECOND);
            latency.pause(slice * 10 * SECOND + SECOND);
            // A late measurement belongs to the slice too.
            latency.record(MILLISECOND);
            all.append(latency);
        }
        let summary = all.summary().unwrap();
        let told = summary.timeline.iter().map(|point| (point.at_s, point.count));
        assert_eq!(told.collect::<Vec<_>>(), [(1.0, 2), (2.0, 2)]);
        assert_eq!((summary.count, summary.max_ms), (4, 2.001));
    }

    #[test]
    fn short_last_interval_is_merged() {
        let mut latency = Latency::new(6 * SECOND);
        latency.resume(0);
        for (now, ms) in [(100, 1), (220, 1), (230, 9)] {
            latency.record(ms * MILLISECOND);
            latency.roll(now * MILLISECOND);
        }
        latency.pause(230 * MILLISECOND);
        let timeline = latency.summary().unwrap().timeline;
        assert_eq!(timeline.iter().map(|point| point.count).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(timeline[1].at_s, 0.23);
        assert!(timeline[1].p99_ms > 8.9, "{timeline:?}");
    }

    #[test]
    fn counts_of_another_process_are_merged() {
        let (mut here, mut there) = (Latency::new(SECOND), Latency::new(SECOND));
        here.record(MILLISECOND);
        there.record(3 * MILLISECOND);
        there.record(1 << 60);
        here.merge(&there.counts());
        let summary = here.summary().unwrap();
        assert_eq!(summary.count, 3);
        assert!(summary.max_ms >= 99_000.0 && summary.max_ms < 101_000.0, "{summary:?}");
        assert!(Latency::new(SECOND).summary().is_none());
    }
}
