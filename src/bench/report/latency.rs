//! How long things take: the whole distribution, and how it went over time.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::bench::driver::clock::{MILLISECOND, Nanos, SECOND, seconds};

/// The longest span told from longer ones: 100 s.
const MOST: Nanos = 100 * SECOND;

/// The shares of a distribution that are shown; the rest of the curve is between them.
const QUANTILES: [f64; 14] =
    [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.999_99, 1.0];

/// A distribution in figures; milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many spans were measured.
    pub count: u64,
    /// Half of them took at most so long.
    pub p50_ms: f64,
    /// Nine in ten.
    pub p90_ms: f64,
    /// 99 in 100.
    pub p99_ms: f64,
    /// 999 in 1,000.
    pub p99_9_ms: f64,
    /// The longest one.
    pub max_ms: f64,
    /// The curve: a share, and what it took at most.
    pub distribution: Vec<(f64, f64)>,
    /// How it went over time.
    pub timeline: Vec<Point>,
}

/// The spans that ended in one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Where the interval ends, in seconds of measured time.
    pub at_s: f64,
    /// How many spans.
    pub count: u64,
    /// Half of them took at most so long.
    pub p50_ms: f64,
    /// 99 in 100.
    pub p99_ms: f64,
    /// The longest one.
    pub max_ms: f64,
}

/// Records spans.
pub struct Latency {
    total: Histogram<u64>,
    current: Histogram<u64>,
    /// The interval before, and where it ended: it is told when the next one is over.
    last: (Nanos, Histogram<u64>),
    points: Vec<Point>,
    interval: Nanos,
    /// Measured time that is over, and since when more of it goes on.
    elapsed: Nanos,
    since: Option<Nanos>,
    /// When the current interval began, in measured time.
    began: Nanos,
}

impl Latency {
    /// For about `span` of measured time, which begins with [`Latency::resume`].
    pub fn new(span: Nanos) -> Self {
        let histogram = Histogram::new_with_bounds(1000, MOST, 3).expect("bounds are sound");
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

    /// Notes one span.
    #[inline]
    pub fn record(&mut self, span: Nanos) {
        self.current.saturating_record(span);
    }

    /// Notes a span that so many took.
    #[inline]
    pub fn record_n(&mut self, span: Nanos, count: u64) {
        // It would count none as the longest all the same.
        if count > 0 {
            self.current.saturating_record_n(span, count);
        }
    }

    /// Measured time goes on.
    pub fn resume(&mut self, now: Nanos) {
        self.since = Some(now);
    }

    /// Measured time stands still.
    pub fn pause(&mut self, now: Nanos) {
        if let Some(since) = self.since.take() {
            self.elapsed += now.saturating_sub(since);
        }
    }

    /// Closes the interval if it is over.
    pub fn roll(&mut self, now: Nanos) {
        let at = self.elapsed + self.since.map_or(0, |since| now.saturating_sub(since));
        if at >= self.began + self.interval {
            self.close(at);
        }
    }

    fn close(&mut self, at: Nanos) {
        if !self.current.is_empty() {
            self.tell_last();
            std::mem::swap(&mut self.current, &mut self.last.1);
            self.last.0 = at;
        }
        self.began = at;
    }

    /// Closes the last interval; one that is much shorter than the others is told with the one before.
    fn finish(&mut self) {
        if self.elapsed < self.began + self.interval / 2 && !self.last.1.is_empty() {
            self.last.1.add(&self.current).expect("the bounds are the same");
            self.current.reset();
            self.last.0 = self.elapsed;
        }
        self.close(self.elapsed);
        self.tell_last();
    }

    fn tell_last(&mut self) {
        let (at, spans) = &mut self.last;
        if !spans.is_empty() {
            let ms = |quantile| milliseconds(spans.value_at_quantile(quantile));
            self.points.push(Point {
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

    /// The last interval that has been told.
    pub fn last(&self) -> Option<&Point> {
        self.points.last()
    }

    /// Takes in what another one has measured after this one.
    pub fn append(&mut self, mut other: Latency) {
        self.finish();
        other.finish();
        let before = seconds(self.elapsed);
        self.points.extend(other.points.into_iter().map(|point| Point { at_s: before + point.at_s, ..point }));
        self.total.add(&other.total).expect("the bounds are the same");
        self.elapsed += other.elapsed;
    }

    /// How often each span was seen, to be merged elsewhere.
    pub fn counts(&mut self) -> Vec<(u64, u64)> {
        self.finish();
        self.total.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value())).collect()
    }

    /// Takes in what [`Latency::counts`] gave.
    pub fn merge(&mut self, counts: &[(u64, u64)]) {
        for &(value, count) in counts {
            self.total.saturating_record_n(value, count);
        }
    }

    /// The figures; `None` if nothing was recorded.
    pub fn summary(&mut self) -> Option<Summary> {
        self.finish();
        if self.total.is_empty() {
            return None;
        }
        let ms = |quantile| milliseconds(self.total.value_at_quantile(quantile));
        Some(Summary {
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
    // Three significant digits are all that the histogram keeps.
    (span as f64 / 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_the_spans() {
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
    fn time_that_stands_still_is_not_in_the_timeline() {
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
    fn slices_that_were_measured_apart_are_one_after_the_other_in_the_timeline() {
        let mut all = Latency::new(2 * SECOND);
        for slice in 0..2 {
            let mut latency = Latency::new(2 * SECOND);
            latency.resume(slice * 10 * SECOND);
            latency.record((1 + slice) * MILLISECOND);
            latency.pause(slice * 10 * SECOND + SECOND);
            // What comes late belongs to the slice all the same.
            latency.record(MILLISECOND);
            all.append(latency);
        }
        let summary = all.summary().unwrap();
        let told = summary.timeline.iter().map(|point| (point.at_s, point.count));
        assert_eq!(told.collect::<Vec<_>>(), [(1.0, 2), (2.0, 2)]);
        assert_eq!((summary.count, summary.max_ms), (4, 2.001));
    }

    #[test]
    fn a_short_rest_is_told_with_the_interval_before() {
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
    fn another_process_adds_its_counts() {
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
