//! Every scenario is drawn, text is escaped, and odd data makes no broken picture.

use super::*;
use crate::bench::report::TransportKind;
use crate::bench::report::machine::Machine;
use crate::bench::scenario::churn::{Churn, ChurnParams};
use crate::bench::workload::delivery_check::DeliveryCheck;
use crate::bench::workload::encoding::Encoding;

fn report(scenarios: Vec<(&str, Option<Churn>)>) -> Report<Churn> {
    let machine = Machine {
        kernel: "Linux 6.1".into(),
        cpu: "A <fast> CPU".into(),
        cpus: 4,
        server_core: None,
        open_files: None,
    };
    let scenarios = scenarios.into_iter().map(|(command, measured)| ScenarioReport {
        command: command.into(),
        outcome: Outcome::Passed,
        notes: Vec::new(),
        measured,
    });
    Report {
        encoding: Encoding::Plain,
        transport: TransportKind::Tcp,
        chinwag: "1.2.3",
        build: "release",
        started: "2026-01-02T03:04:05Z".into(),
        machine,
        server: "own".into(),
        scenarios: scenarios.collect(),
    }
}

fn summary(count: u64, ms: &[f64], timeline: &[(f64, f64)]) -> LatencySummary {
    let at = |share: f64| ms[((ms.len() - 1) as f64 * share) as usize];
    let point = |&(at_s, ms): &(f64, f64)| LatencyPoint { at_s, count: 1, p50_ms: ms, p99_ms: ms, max_ms: ms * 2.0 };
    LatencySummary {
        count,
        p50_ms: at(0.5),
        p90_ms: at(0.9),
        p99_ms: at(0.99),
        p99_9_ms: at(0.999),
        max_ms: at(1.0),
        distribution: [0.0, 0.25, 0.5, 0.9, 0.99, 0.999, 0.999_99, 1.0].map(|share| (share, at(share))).to_vec(),
        timeline: timeline.iter().map(point).collect(),
    }
}

fn churn(login: Option<LatencySummary>, visit: Option<LatencySummary>) -> Option<Churn> {
    Some(Churn {
        parameters: ChurnParams { rate: 1.0, residents: 1, seconds: 1.0 },
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

/// Points of the curves: polylines in a colour of [`CURVES`].
fn curves(svg: &str) -> Vec<Vec<(i32, i32)>> {
    let is_curve = |tag: &&str| CURVES.iter().any(|it| tag.contains(&format!("#{:02X}{:02X}{:02X}", it.0, it.1, it.2)));
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("not a number: {text}"));
    let point = |point: &str| point.split_once(',').map(|(x, y)| (number(x), number(y)));
    let points = |tag: &str| tag.split(" points=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
    let tags = svg.split('<').filter(|tag| tag.starts_with("polyline ")).filter(is_curve);
    tags.filter_map(points).map(|points| points.split(' ').filter_map(point).collect()).collect()
}

/// Asserts that it is well-formed, and that everything is a number inside the picture.
fn check(svg: &str) {
    let mut open = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("not closed: {piece}"));
        let name = tag.split_whitespace().next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{svg}"),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
    let height: i32 = svg.split(" height=\"").nth(1).and_then(|it| it.split('"').next()?.parse().ok()).unwrap();
    for (x, y) in curves(svg).into_iter().flatten() {
        assert!((0..=WIDTH as i32).contains(&x) && (0..=height).contains(&y), "{x} {y}\n{svg}");
    }
}

#[test]
fn every_scenario_with_latencies_is_drawn_and_text_is_escaped() {
    let svg = draw(&report(vec![
        ("chinwag bench churn --rate 7", churn(Some(usual()), None)),
        ("chinwag bench fanout", None),
        ("chinwag bench churn --rate 8", churn(None, None)),
        ("chinwag bench churn --serve '<&\u{1b}>'", churn(Some(usual()), Some(usual()))),
    ]));
    check(&svg);
    for text in [
        "\nchinwag bench churn --rate 7\n",
        "\nchinwag bench churn --serve &apos;&lt;&amp;\u{fffd}&gt;&apos;\n",
        "chinwag 1.2.3, Linux 6.1, 4 x A &lt;fast&gt; CPU, 2026-01-02T03:04:05Z",
        "\nlogin, 1,000 measured: p50 1.00 ms, p99 3.00 ms, max 20.0 ms\n",
        "\nwhole visit, 1,000 measured: p50 1.00 ms",
        "churn --rate 7: login p50 1.00 ms, p99 3.00 ms, max 20.0 ms.",
    ] {
        assert!(svg.contains(text), "{text} is not in\n{svg}");
    }
    assert!(!svg.contains("fanout") && !svg.contains("--rate 8") && !svg.contains('\u{1b}'), "{svg}");
    // For each curve three percentiles over time and a distribution.
    assert_eq!(curves(&svg).len(), 3 * 4);
}

#[test]
fn both_charts_have_the_same_scale() {
    let flat = summary(1000, &[1.0, 1.0], &[(1.0, 1.0), (2.0, 1.0)]);
    let svg = draw(&report(vec![("", churn(Some(flat), None))]));
    let [_max, p99, p50, distribution] = &curves(&svg)[..] else { panic!("{svg}") };
    assert_eq!((p50[0].1, p99[0].1), (distribution[0].1, distribution[0].1), "{svg}");
    assert!(p50.iter().all(|point| point.0 < 480) && distribution.iter().all(|point| point.0 > 480), "{svg}");
}

#[test]
fn odd_data_makes_no_broken_picture() {
    let odd = f64::NAN;
    for odd in [
        summary(1, &[3.0], &[]),
        summary(1, &[3.0], &[(0.0, 3.0)]),
        summary(2, &[3.0, 3.0], &[(1.0, 3.0), (1.0, 3.0)]),
        summary(0, &[0.0], &[(0.0, 0.0), (1e-9, 0.0)]),
        summary(u64::MAX, &[1e-9, 1e300], &[(1e300, 0.0), (1e301, 1e300)]),
        summary(5, &[odd, f64::INFINITY, -1.0], &[(odd, odd), (f64::INFINITY, f64::INFINITY), (-1.0, -1.0)]),
    ] {
        let svg = draw(&report(vec![
            ("first", churn(Some(odd.clone()), None)),
            ("second", churn(Some(odd.clone()), Some(usual()))),
        ]));
        check(&svg);
        assert_eq!(svg.matches("\ndistribution\n").count(), 2, "{svg}");
    }
}

#[test]
fn chart_over_time_needs_two_intervals() {
    for (timeline, charts) in [(&[][..], 0), (&[(0.0, 1.0)], 0), (&[(1.0, 1.0), (2.0, 1.0)], 1)] {
        let svg = draw(&report(vec![("", churn(Some(summary(10, &[1.0, 2.0], timeline)), None))]));
        assert_eq!(svg.matches("\nover time").count(), charts, "{timeline:?}");
        assert_eq!(svg.matches("\ndistribution\n").count(), 1, "{timeline:?}");
    }
}

#[test]
fn each_distribution_ends_where_its_data_does() {
    let of = |count| quantiles(&summary(count, &[1.0, 2.0], &[])).last().map(|point| point.0);
    assert_eq!((of(1), of(100), of(1_000_000)), (Some(0.5), Some(0.995), Some(0.999)));
}

#[test]
fn failures_are_in_the_picture() {
    let mut report = report(vec![("", churn(Some(usual()), None))]);
    report.build = "debug";
    report.scenarios[0].outcome = Outcome::Failed { why: "it <broke>".into() };
    report.scenarios[0].notes.push("the moon was full".into());
    let svg = draw(&report);
    check(&svg);
    for text in ["\nFAILED: it &lt;broke&gt;\n", "\n(the moon was full)\n", "debug build"] {
        assert!(svg.contains(text), "{text} is not in\n{svg}");
    }
    report.scenarios[0].outcome = Outcome::Faulty;
    assert!(draw(&report).contains("\nFAULTY"));
    report.scenarios.clear();
    assert!(draw(&report).contains("No latency was measured"));
}

#[test]
fn lines_are_broken_between_words() {
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap("one two three", 13), ["one two three"]);
    assert_eq!(wrap("a bbbbbbbb c", 3), ["a", "bbb", "bbb", "bb", "c"]);
    assert_eq!(wrap("ééé ééé", 3), ["ééé", "ééé"]);
    assert_eq!(wrap("", 3), [""]);
}
