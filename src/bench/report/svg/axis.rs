//! Where values lie in a chart, and which of them are named at its edge.

/// What the histogram tells apart at best; nothing is shorter on a logarithmic axis.
const FINEST_MS: f64 = 0.001;

/// The steps of the latency axis: 1, 2 and 5 in each of so many powers of ten from [`FINEST_MS`] on.
const POWERS: i32 = 9;

/// So many latencies are named; if there are more steps, then only the powers of ten are.
const MOST_NAMED: usize = 8;

/// So many seconds are named, besides 0.
const MOST_SECONDS: f64 = 6.0;

/// The width of a character and the least space between two names, in pixels.
const DIGIT: f64 = 6.4;
const SPACE: f64 = 6.0;
/// How far a name may reach beyond the end of its axis.
const BEYOND: f64 = 26.0;

/// A line across the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where, in pixels.
    pub at: f64,
    /// What stands there, if there is room for it.
    pub name: Option<String>,
}

/// One direction of a chart.
#[derive(Clone, Debug)]
pub struct Axis {
    scale: fn(f64) -> f64,
    /// The scaled values at both ends, and where these are in pixels.
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    /// The lines across it, from the start on.
    pub ticks: Vec<Tick>,
}

impl Axis {
    /// For these latencies, in milliseconds; a decade at least, lest noise look like much.
    pub fn latency(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let steps: Vec<f64> = (0..3 * POWERS).map(latency_step).collect();
        let values: Vec<f64> = values.map(decimal).collect();
        let lowest = values.iter().copied().reduce(f64::min).unwrap_or(0.0);
        let highest = values.iter().copied().reduce(f64::max).unwrap_or(0.0);
        let mut first = steps.iter().rposition(|&step| decimal(step) <= lowest).unwrap_or(0);
        let mut last = steps.iter().position(|&step| decimal(step) >= highest).unwrap_or(steps.len() - 1);
        while last < first + 3 {
            first = first.saturating_sub(1);
            last = (last + 1).min(steps.len() - 1);
        }
        let mut axis = Axis::new(decimal, steps[first], steps[last], start, end);
        let all = last - first < MOST_NAMED;
        axis.ticks = (first..=last)
            .map(|step| axis.tick(decimal(steps[step]), (all || step % 3 == 0).then(|| round_latency(steps[step]))))
            .collect();
        axis
    }

    /// For seconds up to `last`.
    pub fn seconds(last: f64, start: f64, end: f64) -> Self {
        let last = within(last, 0.001, 1e9);
        let mut axis = Axis::new(even, 0.0, last, start, end);
        let (step, decimals) = (-3..=9)
            .flat_map(|power| [1, 2, 5].map(|digit| (f64::from(digit) * 10f64.powi(power), power)))
            .find(|(step, _)| last / step <= MOST_SECONDS)
            .map_or((last, 0), |(step, power)| (step, (-power).max(0) as usize));
        let count = (last / step + 1e-9) as u32;
        axis.ticks = (0..=count)
            .map(|number| f64::from(number) * step)
            .map(|at| axis.tick(at, Some(format!("{at:.decimals$}"))))
            .collect();
        axis
    }

    /// For shares of a distribution of so many, spread out towards 100 % as HdrHistogram does it.
    pub fn share(count: u64, start: f64, end: f64) -> Self {
        let mut axis = Axis::new(nines, 0.0, most_share(count), start, end);
        let tens = (1..=15).map(|nines| (nines as f64, nines)).take_while(|&(at, _)| at <= axis.high + 1e-9);
        let mut ticks = vec![axis.tick(0.0, Some("0 %".into())), axis.tick(nines(0.5), Some("50 %".into()))];
        ticks.extend(tens.map(|(at, nines)| axis.tick(at, Some(nines_name(nines)))));
        axis.ticks = ticks;
        axis.drop_crowded();
        axis
    }

    fn new(scale: fn(f64) -> f64, low: f64, high: f64, start: f64, end: f64) -> Self {
        Axis { scale, low: scale(low), high: scale(high), start, end, ticks: Vec::new() }
    }

    /// Where a value is, in pixels; at the end of the axis if it is beyond.
    pub fn at(&self, value: f64) -> f64 {
        self.pixel((self.scale)(value))
    }

    /// Both ends in pixels.
    pub fn ends(&self) -> (f64, f64) {
        (self.start, self.end)
    }

    fn pixel(&self, scaled: f64) -> f64 {
        let part = (scaled.clamp(self.low, self.high) - self.low) / (self.high - self.low);
        self.start + part * (self.end - self.start)
    }

    fn tick(&self, scaled: f64, name: Option<String>) -> Tick {
        Tick { at: self.pixel(scaled), name }
    }

    /// 0 % comes last: it stands close to 50 %, which says more.
    fn drop_crowded(&mut self) {
        let mut taken = vec![(self.end + BEYOND, f64::INFINITY)];
        let Some((zero, others)) = self.ticks.split_first_mut() else { return };
        for tick in others.iter_mut().chain([zero]) {
            let half = tick.name.as_ref().map_or(0, |name| name.chars().count()) as f64 * DIGIT / 2.0;
            let (left, right) = (tick.at - half, tick.at + half);
            if taken.iter().any(|&(from, to)| left < to + SPACE && right + SPACE > from) {
                tick.name = None;
            } else {
                taken.push((left, right));
            }
        }
    }
}

/// Where a curve of so many ends: 100 % is infinitely far away, and the longest one stands for half of itself.
pub fn most_share(count: u64) -> f64 {
    (1.0 - 0.5 / count.max(1) as f64).min(1.0 - f64::EPSILON)
}

fn decimal(ms: f64) -> f64 {
    within(ms, FINEST_MS, f64::MAX).log10()
}

fn even(seconds: f64) -> f64 {
    within(seconds, 0.0, f64::MAX)
}

fn nines(share: f64) -> f64 {
    -(1.0 - within(share, 0.0, 1.0)).log10()
}

/// As `clamp`, which would leave what is not a number as it is.
fn within(value: f64, low: f64, high: f64) -> f64 {
    if value.is_nan() { low } else { value.clamp(low, high) }
}

fn nines_name(nines: usize) -> String {
    match nines {
        1 => "90 %".into(),
        2 => "99 %".into(),
        _ => format!("99.{} %", "9".repeat(nines - 2)),
    }
}

fn latency_step(number: i32) -> f64 {
    [1.0, 2.0, 5.0][(number % 3) as usize] * FINEST_MS * 10f64.powi(number / 3)
}

fn round_latency(ms: f64) -> String {
    let us = (ms * 1e3).round() as u64;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{} s", us / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().filter_map(|tick| tick.name.as_deref()).collect()
    }

    fn latency(values: &[f64]) -> Axis {
        Axis::latency(values.iter().copied(), 200.0, 0.0)
    }

    #[test]
    fn a_narrow_range_of_latencies_is_named_step_by_step() {
        assert_eq!(names(&latency(&[0.3, 4.0])), ["200 µs", "500 µs", "1 ms", "2 ms", "5 ms"]);
        assert_eq!(names(&latency(&[20.0, 2000.0])), ["20 ms", "50 ms", "100 ms", "200 ms", "500 ms", "1 s", "2 s"]);
    }

    #[test]
    fn a_wide_range_of_latencies_is_named_by_powers_of_ten() {
        let axis = latency(&[0.06, 130.0]);
        assert_eq!(names(&axis), ["100 µs", "1 ms", "10 ms", "100 ms"]);
        assert_eq!(axis.ticks.len(), 12, "50 µs to 200 ms");
        assert_eq!(names(&latency(&[0.001, 100_059.316])).first(), Some(&"1 µs"));
        assert_eq!(names(&latency(&[0.001, 100_059.316])).last(), Some(&"100 s"));
    }

    #[test]
    fn latencies_are_spread_by_powers_of_ten() {
        let axis = latency(&[0.1, 10.0]);
        for (ms, pixel) in [(0.1, 200.0), (1.0, 100.0), (10.0, 0.0), (1000.0, 0.0), (0.0, 200.0)] {
            assert!((axis.at(ms) - pixel).abs() < 1e-6, "{ms} is at {}", axis.at(ms));
        }
    }

    #[test]
    fn latencies_that_are_all_the_same_lie_inside_a_decade() {
        for ms in [0.0, 0.001, 0.03, 1.0, 3.0, 100_000.0, 1e12, f64::NAN, f64::INFINITY] {
            let axis = latency(&[ms, ms]);
            assert!(axis.high - axis.low > 0.999, "{ms}: {axis:?}");
            assert!((0.0..=200.0).contains(&axis.at(ms)), "{ms} is at {}", axis.at(ms));
            assert!(names(&axis).len() >= 4, "{ms}: {axis:?}");
        }
        let middle = latency(&[3.0]).at(3.0);
        assert!(middle > 20.0 && middle < 180.0, "{middle}");
        assert!(latency(&[]).at(1.0).is_finite());
    }

    #[test]
    fn seconds_are_named_in_round_steps() {
        let seconds = |last| Axis::seconds(last, 0.0, 100.0);
        assert_eq!(names(&seconds(10.03)), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(names(&seconds(0.3)), ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30"]);
        assert_eq!(names(&seconds(2.99)), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
        assert_eq!(names(&seconds(1800.0)), ["0", "500", "1000", "1500"]);
        assert!((seconds(4.0).at(1.0) - 25.0).abs() < 1e-9);
        for last in [0.0, f64::NAN, f64::INFINITY] {
            assert!(seconds(last).at(last).is_finite(), "{last}");
            assert!(names(&seconds(last)).len() >= 2, "{last}");
        }
    }

    #[test]
    fn shares_are_named_as_far_as_the_data_goes() {
        let share = |count| Axis::share(count, 0.0, 400.0);
        assert_eq!(names(&share(1)), ["0 %", "50 %"]);
        assert_eq!(names(&share(49)), ["0 %", "50 %", "90 %"]);
        assert_eq!(names(&share(2000)), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
        assert_eq!(names(&share(20_000)), ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert_eq!(share(20_000).ticks.len(), 6, "0 % has a line");
    }

    #[test]
    fn shares_are_spread_by_their_distance_to_all() {
        let axis = Axis::share(500, 0.0, 300.0);
        for (share, pixel) in [(0.0, 0.0), (0.9, 100.0), (0.99, 200.0), (0.999, 300.0), (1.0, 300.0)] {
            assert!((axis.at(share) - pixel).abs() < 1e-6, "{share} is at {}", axis.at(share));
        }
    }

    #[test]
    fn names_of_shares_do_not_overlap() {
        for count in [0, 1, 2, 5, 1999, 500_000, 134_672_000, u64::MAX] {
            let axis = Axis::share(count, 0.0, 400.0);
            let named: Vec<_> =
                axis.ticks.iter().filter_map(|it| Some((it.at, it.name.as_ref()?.len() as f64))).collect();
            for pair in named.windows(2) {
                let [(left, left_len), (right, right_len)] = [pair[0], pair[1]];
                assert!(right - left > (left_len + right_len) / 2.0 * 6.0, "{count}: {axis:?}");
            }
            assert!(axis.ticks.iter().all(|tick| (0.0..=400.0).contains(&tick.at)));
            assert!(named.iter().all(|(at, len)| at + len * 3.0 < 424.0), "{count}: {axis:?}");
        }
        let many = Axis::share(134_672_000, 0.0, 400.0);
        assert_eq!(names(&many), ["50 %", "90 %", "99 %", "99.9 %", "99.999 %", "99.99999 %"]);
        assert_eq!(many.ticks.len(), 10, "all have a line");
    }
}
