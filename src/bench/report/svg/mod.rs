//! The result as a picture: for each scenario, latency over time beside its distribution.

mod axis;
mod page;

use super::figures::{count, milliseconds};
use super::latency::{LatencyPoint, LatencySummary};
use super::{Outcome, Report, ScenarioReport};
use axis::{Axis, most_share};
use page::{Anchor, Page};

/// The width of the picture, and its margin; pixels.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
/// Between two lines of text.
const LINE: f64 = 18.0;
/// The height of a chart, without what is written around it.
const CHART: f64 = 220.0;
/// What the names of latencies take to the left of a chart.
const NAMES: f64 = 56.0;
/// Between the two charts.
const GAP: f64 = 16.0;
/// Characters in a line, of a command in bold and of a text.
const COMMAND_CHARS: usize = 112;
const TEXT_CHARS: usize = 124;

/// Colours that the style sheet has; with more curves they begin again.
const COLOURS: [&str; 3] = ["c0", "c1", "c2"];

/// Draws it.
pub fn draw(report: &Report) -> String {
    let panels: Vec<Panel> = report.scenarios.iter().filter_map(Panel::of).collect();
    let mut page = Page::new(WIDTH, MARGIN);
    header(&mut page, report);
    if panels.is_empty() {
        page.down(LINE * 1.5);
        page.text(MARGIN, "", Anchor::Start, "There is no latency to be shown: none was measured.");
    }
    for panel in &panels {
        panel.draw(&mut page);
    }
    let told: Vec<String> = panels.iter().map(Panel::told).collect();
    page.finish("Latency, measured by chinwag bench", &told.join("\n"))
}

fn header(page: &mut Page, report: &Report) {
    let machine = &report.machine;
    let build = if report.build == "debug" { ", a debug build: its figures mean little" } else { "" };
    let text = format!(
        "chinwag {}{build}, {}, {} x {}, {}",
        report.chinwag, machine.kernel, machine.cpus, machine.cpu, report.started
    );
    page.down(20.0);
    page.text(MARGIN, "title", Anchor::Start, "chinwag bench: latency");
    page.down(2.0);
    page.lines(MARGIN, "soft", &text, TEXT_CHARS, LINE);
}

/// A scenario that has latencies.
struct Panel<'a> {
    done: &'a ScenarioReport,
    curves: Vec<Curve<'a>>,
}

/// What was timed.
struct Curve<'a> {
    name: &'static str,
    summary: &'a LatencySummary,
}

impl Curve<'_> {
    /// Without the shortest one, a single one that may be far away from all others and squeeze them.
    fn distribution(&self) -> impl Iterator<Item = (f64, f64)> {
        self.summary.distribution.iter().copied().filter(|&(share, _)| share > 0.0)
    }

    /// As text, in the order of the colours.
    fn figures(&self) -> [String; COLOURS.len()] {
        let figures = [("p50", self.summary.p50_ms), ("p99", self.summary.p99_ms), ("max", self.summary.max_ms)];
        figures.map(|(name, ms)| format!("{name} {}", milliseconds(ms)))
    }

    fn has_course(&self) -> bool {
        self.summary.timeline.windows(2).any(|pair| pair[0].at_s < pair[1].at_s)
    }
}

/// A figure of each interval, as it goes over time.
struct Trend {
    class: String,
    figure: fn(&LatencyPoint) -> f64,
}

impl Trend {
    fn new(colour: &str, weight: &str, figure: fn(&LatencyPoint) -> f64) -> Self {
        Trend { class: format!("line {weight} {colour}"), figure }
    }
}

impl<'a> Panel<'a> {
    fn of(done: &'a ScenarioReport) -> Option<Self> {
        let curves: Vec<Curve> = done
            .measured
            .as_ref()?
            .latencies()
            .into_iter()
            .filter_map(|(name, summary)| Some(Curve { name, summary: summary? }))
            .filter(|curve| curve.distribution().next().is_some())
            .collect();
        (!curves.is_empty()).then_some(Panel { done, curves })
    }

    /// With one curve the colours tell its figures apart, with several they tell the curves apart.
    fn is_single(&self) -> bool {
        self.curves.len() == 1
    }

    fn coloured(&self) -> impl Iterator<Item = (&Curve<'a>, &'static str)> {
        self.curves.iter().zip(COLOURS.into_iter().cycle())
    }

    fn trends(&self, colour: &str) -> Vec<Trend> {
        if self.is_single() {
            vec![
                Trend::new(COLOURS[2], "thin", |point| point.max_ms),
                Trend::new(COLOURS[1], "medium", |point| point.p99_ms),
                Trend::new(COLOURS[0], "thick", |point| point.p50_ms),
            ]
        } else {
            vec![Trend::new(colour, "thin", |point| point.p99_ms), Trend::new(colour, "thick", |point| point.p50_ms)]
        }
    }

    /// The same for who does not see it.
    fn told(&self) -> String {
        let curves: Vec<String> =
            self.curves.iter().map(|curve| format!("{} {}", curve.name, curve.figures().join(", "))).collect();
        format!("{}: {}.", self.done.command, curves.join("; "))
    }

    fn draw(&self, page: &mut Page) {
        page.down(24.0);
        page.rule();
        page.down(10.0);
        page.lines(MARGIN, "command", &self.done.command, COMMAND_CHARS, LINE);
        if let Some(warning) = warning(&self.done.outcome) {
            page.lines(MARGIN, "warning", &warning, TEXT_CHARS, LINE);
        }
        for note in &self.done.notes {
            page.lines(MARGIN, "soft", &format!("({note})"), TEXT_CHARS, LINE);
        }
        for (curve, colour) in self.coloured() {
            page.down(LINE + 2.0);
            page.runs(MARGIN, &self.legend(curve, colour));
        }
        page.down(34.0);
        self.charts(page);
        page.down(CHART + 36.0);
    }

    /// Texts, each after a dot in its colour if it has one.
    fn legend(&self, curve: &Curve, colour: &'static str) -> Vec<(Option<&'static str>, String)> {
        let (head, keys) =
            if self.is_single() { (None, COLOURS.map(Some)) } else { (Some(colour), [None; COLOURS.len()]) };
        let mut runs = vec![(head, format!("{}, {} measured:", curve.name, count(curve.summary.count)))];
        runs.extend(keys.into_iter().zip(curve.figures()));
        runs
    }

    /// Both charts; without a course over time, there is only the other one.
    fn charts(&self, page: &mut Page) {
        let (top, bottom) = (page.y(), page.y() + CHART);
        let latency = Axis::latency(self.shown(), bottom, top);
        let right = WIDTH - MARGIN;
        let mut left = MARGIN + NAMES;
        if let Some(last) = self.last() {
            let middle = (MARGIN + right) / 2.0;
            self.over_time(page, &Axis::seconds(last, left, middle - GAP / 2.0), &latency);
            left = middle + GAP / 2.0 + NAMES;
        }
        let most = self.curves.iter().map(|curve| curve.summary.count).max().unwrap_or(0);
        self.distribution(page, &Axis::share(most, left, right), &latency);
    }

    /// When the last interval ended; `None` if nothing went on for more than one.
    fn last(&self) -> Option<f64> {
        let times = self.curves.iter().flat_map(|curve| &curve.summary.timeline).map(|point| point.at_s);
        times.reduce(f64::max).filter(|_| self.curves.iter().any(Curve::has_course))
    }

    /// All latencies of both charts.
    fn shown(&self) -> impl Iterator<Item = f64> {
        self.coloured().flat_map(|(curve, colour)| {
            let trends = self.trends(colour).into_iter();
            let timeline = trends.flat_map(|trend| curve.summary.timeline.iter().map(trend.figure));
            timeline.chain(curve.distribution().map(|(_, ms)| ms))
        })
    }

    fn over_time(&self, page: &mut Page, time: &Axis, latency: &Axis) {
        let title = if self.is_single() { "over time" } else { "over time: p50, and p99 as a thin line" };
        frame(page, time, latency, title, "seconds of measured time");
        for (Curve { summary, .. }, colour) in self.coloured() {
            for Trend { class, figure } in self.trends(colour) {
                let points = summary.timeline.iter().map(|point| (time.at(point.at_s), latency.at(figure(point))));
                page.line(&class, points);
            }
        }
    }

    fn distribution(&self, page: &mut Page, share: &Axis, latency: &Axis) {
        frame(page, share, latency, "distribution", "share that took at most so long");
        for (curve, colour) in self.coloured() {
            let it = curve.summary;
            let end = most_share(it.count);
            let at = |(part, ms): (f64, f64)| (share.at(part.min(end)), latency.at(ms));
            let colour = if self.is_single() { "plain" } else { colour };
            page.line(&format!("line thick {colour}"), curve.distribution().map(at));
            if self.is_single() {
                let marks = [at((0.5, it.p50_ms)), at((0.99, it.p99_ms)), at((1.0, it.max_ms))];
                for (mark, colour) in marks.into_iter().zip(COLOURS) {
                    page.dot(colour, mark);
                }
            }
        }
    }
}

/// What has to be said of figures that are not those of a scenario carried through.
fn warning(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Passed => None,
        Outcome::Faulty => Some("FAULTY: not every line came once, in order and whole".into()),
        Outcome::Interrupted { .. } => Some("interrupted: the figures are those up to then".into()),
        Outcome::Failed { why } => Some(format!("FAILED: {why}")),
    }
}

/// What is around and behind the curves.
fn frame(page: &mut Page, across: &Axis, up: &Axis, title: &str, caption: &str) {
    let ((left, right), (bottom, top)) = (across.ends(), up.ends());
    page.text_at((left, top - 8.0), "", Anchor::Start, title);
    page.text_at(((left + right) / 2.0, bottom + 34.0), "soft", Anchor::Middle, caption);
    for tick in &up.ticks {
        page.grid(tick.name.is_some(), (left, tick.at), (right, tick.at));
        if let Some(name) = &tick.name {
            page.text_at((left - 6.0, tick.at + 4.0), "soft name", Anchor::End, name);
        }
    }
    for tick in &across.ticks {
        page.grid(true, (tick.at, bottom), (tick.at, top));
        if let Some(name) = &tick.name {
            page.text_at((tick.at, bottom + 17.0), "soft name", Anchor::Middle, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::DeliveryCheck;
    use crate::bench::report::machine::Machine;
    use crate::bench::scenario::Measured;
    use crate::bench::scenario::churn::{self, Churn};
    use crate::bench::scenario::connections::{self, Connections};
    use crate::bench::workload::encoding::Encoding;

    fn report(scenarios: Vec<(&str, Option<Measured>)>) -> Report {
        let machine = Machine {
            kernel: "Linux 6.1".into(),
            cpu: "A <fast> CPU".into(),
            cpus: 4,
            server_core: None,
            open_files: None,
        };
        let done = |(command, measured): (&str, _)| ScenarioReport {
            command: command.into(),
            outcome: Outcome::Passed,
            notes: Vec::new(),
            measured,
        };
        Report {
            encoding: Encoding::Plain,
            chinwag: "1.2.3",
            build: "release",
            started: "2026-01-02T03:04:05Z".into(),
            machine,
            server: "own".into(),
            scenarios: scenarios.into_iter().map(done).collect(),
        }
    }

    fn summary(count: u64, ms: &[f64], timeline: &[(f64, f64)]) -> LatencySummary {
        let at = |share: f64| ms[((ms.len() - 1) as f64 * share) as usize];
        LatencySummary {
            count,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p99_9_ms: at(0.999),
            max_ms: at(1.0),
            distribution: [0.0, 0.25, 0.5, 0.9, 0.99, 0.999, 0.999_99, 1.0].map(|share| (share, at(share))).to_vec(),
            timeline: timeline
                .iter()
                .map(|&(at_s, ms)| LatencyPoint { at_s, count: 1, p50_ms: ms, p99_ms: ms, max_ms: ms * 2.0 })
                .collect(),
        }
    }

    fn one(login: Option<LatencySummary>) -> Measured {
        Measured::Connections(Connections {
            parameters: connections::ConnectionsParams { count: 1, seconds: 1.0 },
            logged_in: 1,
            seconds: 1.0,
            per_second: 1.0,
            login,
            server_cpu_us: None,
            baseline_cpu_us: None,
            ratio: None,
            user_bytes: None,
            idle: None,
            reach: None,
            kept_bytes: None,
            own: None,
        })
    }

    fn two(login: Option<LatencySummary>, visit: Option<LatencySummary>) -> Measured {
        Measured::Churn(Churn {
            parameters: churn::ChurnParams { rate: 1.0, residents: 1, seconds: 1.0 },
            came: 1,
            left: 1,
            seconds: 1.0,
            per_second: 1.0,
            checked: DeliveryCheck::default(),
            login,
            visit,
            server_cpu_us: None,
            kept_bytes: None,
            kept_descriptors: None,
            own: None,
        })
    }

    fn usual() -> LatencySummary {
        summary(1000, &[0.2, 1.0, 3.0, 20.0], &[(0.5, 1.0), (1.0, 3.0), (1.5, 2.0)])
    }

    /// Well-formed, and nothing in it that is not a number or lies outside.
    fn check(svg: &str) {
        let mut open = Vec::new();
        for piece in svg.split('<').skip(1) {
            let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("not closed: {piece}"));
            let name = tag.split_whitespace().next().unwrap_or_default();
            match name.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{svg}"),
                None if tag.ends_with('/') || tag.starts_with('?') => {}
                None => open.push(name),
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        }
        assert!(open.is_empty(), "{open:?}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let height: f64 = attribute(svg, "height").next().unwrap();
        for (name, end) in [("x", WIDTH), ("x1", WIDTH), ("x2", WIDTH), ("cx", WIDTH), ("y", height), ("cy", height)] {
            for value in attribute(svg, name) {
                assert!((0.0..=end).contains(&value), "{name} {value}\n{svg}");
            }
        }
        for (x, y) in curves(svg).into_iter().flatten() {
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=height).contains(&y), "{x} {y}\n{svg}");
        }
    }

    fn attribute<'a>(svg: &'a str, name: &str) -> impl Iterator<Item = f64> + use<'a> {
        let begin = format!(" {name}=\"");
        let values: Vec<&str> = svg.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        values.into_iter().map(|value| value.parse().unwrap_or_else(|_| panic!("not a number: {value}")))
    }

    fn curves(svg: &str) -> Vec<Vec<(f64, f64)>> {
        let point = |point: &str| {
            let (x, y) = point.split_once(',').expect("two coordinates");
            (x.parse().expect("a number"), y.parse().expect("a number"))
        };
        let points = svg.split(" points=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
        points.map(|points| points.split(' ').map(point).collect()).collect()
    }

    #[test]
    fn every_scenario_that_has_latencies_is_in_it() {
        let svg = draw(&report(vec![
            ("chinwag bench connections --count 7", Some(one(Some(usual())))),
            ("chinwag bench fanout", None),
            ("chinwag bench connections --count 8", Some(one(None))),
            ("chinwag bench churn --serve '<&>'", Some(two(Some(usual()), Some(usual())))),
        ]));
        check(&svg);
        for text in [
            ">chinwag bench connections --count 7</text>",
            ">chinwag bench churn --serve '&lt;&amp;&gt;'</text>",
            "chinwag 1.2.3, Linux 6.1, 4 x A &lt;fast&gt; CPU, 2026-01-02T03:04:05Z",
            ">login, 1,000 measured:</tspan>",
            ">whole visit, 1,000 measured:</tspan>",
            ">p50 1.00 ms</tspan>",
            "connections --count 7: login p50 1.00 ms, p99 3.00 ms, max 20.0 ms.",
        ] {
            assert!(svg.contains(text), "{text} is not in\n{svg}");
        }
        assert!(!svg.contains("fanout") && !svg.contains("--count 8"), "{svg}");
        // Three figures over time and a distribution; two figures each and two distributions.
        assert_eq!(curves(&svg).len(), 4 + 6);
    }

    #[test]
    fn both_charts_have_the_same_scale() {
        let svg = draw(&report(vec![("", Some(one(Some(summary(1000, &[1.0, 1.0], &[(1.0, 1.0), (2.0, 1.0)])))))]));
        let curves = curves(&svg);
        let [.., p50, distribution] = curves.as_slice() else { panic!("{svg}") };
        assert_eq!(p50[0].1, distribution[0].1);
        assert!(
            p50.iter().all(|point| point.0 < WIDTH / 2.0) && distribution.iter().all(|point| point.0 > WIDTH / 2.0)
        );
        assert_eq!(distribution.last().unwrap().0, WIDTH - MARGIN, "it ends where the data does");
    }

    #[test]
    fn the_shortest_one_does_not_squeeze_the_others() {
        let drawn = |ms: &[f64]| curves(&draw(&report(vec![("", Some(one(Some(summary(1000, ms, &[])))))])));
        assert_eq!(drawn(&[0.001, 1.0, 2.0, 4.0, 5.0]), drawn(&[1.0, 1.0, 2.0, 4.0, 5.0]));
    }

    #[test]
    fn little_data_makes_no_broken_picture() {
        let odd = f64::NAN;
        for one_of_them in [
            summary(1, &[3.0], &[]),
            summary(1, &[3.0], &[(0.0, 3.0)]),
            summary(2, &[3.0, 3.0], &[(1.0, 3.0), (1.0, 3.0)]),
            summary(2, &[0.0], &[(0.0, 0.0), (0.0, 0.0)]),
            summary(0, &[0.0], &[(0.0, 0.0), (1e-9, 0.0)]),
            summary(u64::MAX, &[1e-9, 1e300], &[(1e300, 0.0), (1e301, 1e300)]),
            summary(5, &[odd, f64::INFINITY, -1.0], &[(odd, odd), (f64::INFINITY, f64::INFINITY), (-1.0, -1.0)]),
        ] {
            let svg = draw(&report(vec![
                ("first", Some(one(Some(one_of_them.clone())))),
                ("second", Some(two(Some(one_of_them.clone()), Some(usual())))),
                ("third", Some(two(None, Some(one_of_them)))),
            ]));
            // What cannot be drawn can be told.
            check(&svg.replace("NaN µs", "").replace("inf s", ""));
            assert_eq!(svg.matches(">distribution<").count(), 3, "{svg}");
        }
    }

    #[test]
    fn there_is_no_chart_over_time_without_a_course() {
        for (timeline, charts) in
            [(&[][..], 0), (&[(0.0, 1.0)], 0), (&[(1.0, 1.0); 2], 0), (&[(1.0, 1.0), (2.0, 1.0)], 1)]
        {
            let svg = draw(&report(vec![("", Some(one(Some(summary(10, &[1.0, 2.0], timeline)))))]));
            assert_eq!(svg.matches(">over time<").count(), charts, "{timeline:?}");
            assert_eq!(svg.matches(">distribution<").count(), 1, "{timeline:?}");
        }
    }

    #[test]
    fn one_interval_each_is_no_course() {
        let login = |at_s| Some(summary(10, &[1.0, 2.0], &[(at_s, 1.0)]));
        let svg = draw(&report(vec![("", Some(two(login(1.0), login(2.0))))]));
        assert!(svg.contains(">distribution<") && !svg.contains("over time"), "{svg}");
        let svg = draw(&report(vec![("", Some(two(login(1.0), Some(usual()))))]));
        assert_eq!(svg.matches(r#"<circle class="line "#).count(), 2, "p50 and p99 of the one interval\n{svg}");
    }

    #[test]
    fn each_curve_ends_where_its_own_data_does() {
        let of = |count| Some(summary(count, &[1.0, 2.0, 3.0], &[]));
        let curves = curves(&draw(&report(vec![("", Some(two(of(100), of(10_000))))])));
        let ends: Vec<f64> = curves.iter().map(|curve| curve.last().expect("a point").0 - MARGIN - NAMES).collect();
        // The logarithms of twice the numbers.
        assert!((ends[0] / ends[1] - 2.301 / 4.301).abs() < 0.001, "{ends:?}");
    }

    #[test]
    fn a_report_without_latencies_says_so() {
        for scenarios in [vec![], vec![("chinwag bench churn", None)], vec![("", Some(one(None)))]] {
            let svg = draw(&report(scenarios));
            check(&svg);
            assert!(svg.contains("There is no latency"), "{svg}");
            assert!(attribute(&svg, "height").all(|height| height < 200.0), "{svg}");
        }
    }

    #[test]
    fn what_went_wrong_is_in_the_picture() {
        let mut report = report(vec![("", Some(one(Some(usual()))))]);
        report.build = "debug";
        report.scenarios[0].outcome = Outcome::Failed { why: "it <broke>".into() };
        report.scenarios[0].notes.push("the moon was full".into());
        let svg = draw(&report);
        check(&svg);
        for text in [">FAILED: it &lt;broke&gt;<", ">(the moon was full)<", "debug build"] {
            assert!(svg.contains(text), "{text} is not in\n{svg}");
        }
        report.scenarios[0].outcome = Outcome::Faulty;
        assert!(draw(&report).contains(">FAULTY"));
    }
}
