//! The result as a table for people.

use std::fmt::Write;

use super::figures::{count, microseconds, milliseconds, significant, things};
use super::latency::LatencySummary;
use super::{DeliveryCheck, Measured, Outcome, OwnCost, Ratio, Report, ScenarioReport};
use crate::bench::scenario::churn::Churn;
use crate::bench::scenario::connections::Connections;
use crate::bench::scenario::fanout::{Fanout, SendRate};
use crate::bench::scenario::stalled::Stalled;
use crate::bench::scenario::whisper::Whisper;
use crate::bench::workload::encoding::Encoding;

/// Column where the values begin.
const COLUMN: usize = 24;

/// Rows of a name and a value.
type Rows = Vec<(&'static str, String)>;

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
        for (name, value) in rows(done, report.encoding) {
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
            let _ = writeln!(text, "  {:COLUMN$}{}", name(done), headline(done));
        }
    }
    text
}

fn rows(done: &ScenarioReport, encoding: Encoding) -> Rows {
    match &done.measured {
        None => Vec::new(),
        Some(Measured::Connections(it)) => connections(it, encoding),
        Some(Measured::Fanout(it)) => fanout(it),
        Some(Measured::Whisper(it)) => whisper(it),
        Some(Measured::Churn(it)) => churn(it),
        Some(Measured::Stalled(it)) => stalled(it),
    }
}

fn name(done: &ScenarioReport) -> &'static str {
    match &done.measured {
        None => "-",
        Some(Measured::Connections(_)) => "connections",
        Some(Measured::Fanout(it)) if matches!(it.parameters.pace, SendRate::Saturate { .. }) => "fanout, saturated",
        Some(Measured::Fanout(_)) => "fanout",
        Some(Measured::Whisper(_)) => "whisper",
        Some(Measured::Churn(_)) => "churn",
        Some(Measured::Stalled(_)) => "stalled",
    }
}

/// The most important figures in one line.
fn headline(done: &ScenarioReport) -> String {
    let mut parts = Vec::new();
    match &done.measured {
        None => {}
        Some(Measured::Connections(it)) => {
            parts.push(format!("{} clients", count(it.logged_in as u64)));
            parts.push(format!("{} logins/s", count(it.per_second.round() as u64)));
            parts.extend(it.user_bytes.map(|bytes| format!("{} bytes each", significant(bytes))));
            parts.extend(it.idle.map(|idle| format!("idle {}", milliseconds(idle.cpu_ms))));
        }
        Some(Measured::Fanout(it)) => {
            parts.push(format!("{} readers", count(it.parameters.readers as u64)));
            parts.push(format!("{} lines/s", count(it.per_second.round() as u64)));
            parts.extend(it.server_cpu_us.map(|us| format!("{} a line", microseconds(us))));
            parts.extend(it.ratio.as_ref().map(|ratio| format!("{:.2} x bare send", ratio.median)));
            parts.extend(it.latency.as_ref().map(|it| format!("p99 {}", milliseconds(it.p99_ms))));
        }
        Some(Measured::Whisper(it)) => {
            let p99 = |it: &LatencySummary| milliseconds(it.p99_ms);
            let alone = it.alone.as_ref().and_then(|it| it.latency.as_ref()).map(p99);
            let busy = it.busy.as_ref().and_then(|it| it.latency.as_ref()).map(p99);
            parts.extend(alone.map(|p99| format!("p99 {p99} in a quiet room")));
            parts.extend(busy.map(|p99| format!("p99 {p99} in a busy room of {}", count(it.parameters.idle as u64))));
        }
        Some(Measured::Churn(it)) => {
            parts.push(format!("{} visits/s", significant(it.per_second)));
            parts.extend(it.server_cpu_us.map(|us| format!("{} each", microseconds(us))));
            parts.extend(it.login.as_ref().map(|it| format!("login p99 {}", milliseconds(it.p99_ms))));
        }
        Some(Measured::Stalled(it)) => {
            parts.push(things(it.parameters.readers, "reader"));
            parts.extend(it.with.latency.as_ref().map(|it| format!("p99 {}", milliseconds(it.p99_ms))));
            let stalled = count(it.parameters.stalled as u64);
            parts.extend(it.p99_ratio.as_ref().map(|it| format!("{:.2} x that without {stalled} stalled", it.median)));
        }
    }
    match &done.outcome {
        Outcome::Passed => {}
        Outcome::Faulty => parts.push("FAULTY".into()),
        Outcome::Interrupted { .. } => parts.push("interrupted".into()),
        Outcome::Failed { .. } => parts.push("FAILED".into()),
    }
    parts.join(", ")
}

fn connections(it: &Connections, encoding: Encoding) -> Rows {
    let mut rows = Rows::new();
    let asked = it.parameters.count;
    rows.push(("clients", format!("{} of {} logged in", count(it.logged_in as u64), count(asked as u64))));
    if it.login.is_some() {
        rows.push((
            "logins",
            format!("{} a second, {} s in all", count(it.per_second.round() as u64), significant(it.seconds)),
        ));
    }
    latency(&mut rows, "login", it.login.as_ref());
    if let Some(us) = it.server_cpu_us {
        rows.push(("server CPU", format!("{} a login", microseconds(us))));
    }
    let calls = match encoding {
        Encoding::Plain => "a login (accept, recv, 2 sends)",
        // One read for the request, and one for the name.
        Encoding::WebSocket => "a login (accept, recvs, sends)",
    };
    baseline(&mut rows, "baseline (bare login)", calls, it.baseline_cpu_us, it.ratio.as_ref());
    if let Some(bytes) = it.user_bytes {
        rows.push(("server memory", format!("{} bytes a client", significant(bytes))));
    }
    if let Some(idle) = it.idle {
        rows.push(("server CPU, idle", format!("{} in {:.0} s", milliseconds(idle.cpu_ms), idle.seconds)));
    }
    if let Some(reach) = &it.reach {
        rows.push(("message to all", verdict(&reach.checked)));
        latency(&mut rows, "", reach.latency.as_ref());
    }
    if let Some(kept) = it.kept_bytes {
        rows.push(("memory kept after", format!("{} KiB after all have left", kept / 1024)));
    }
    own(&mut rows, it.own.as_ref(), "a login");
    rows
}

fn fanout(it: &Fanout) -> Rows {
    let mut rows = Rows::new();
    let p = &it.parameters;
    let pace = match p.pace {
        SendRate::Rate(rate) => format!("{} messages a second", significant(rate)),
        SendRate::Saturate { in_flight } => format!("{in_flight} messages of each sender in flight"),
    };
    rows.push((
        "room",
        format!("{}, {}, {pace}, {} bytes each", things(p.readers, "reader"), things(p.senders, "sender"), p.size),
    ));
    let per_second = count(it.per_second.round() as u64);
    rows.push(("messages", format!("{} in {} s", count(it.messages), significant(it.seconds))));
    rows.push(("delivered", format!("{} ({per_second} lines a second)", verdict(&it.checked))));
    latency(&mut rows, "latency", it.latency.as_ref());
    if let Some(us) = it.server_cpu_us {
        rows.push(("server CPU", format!("{} a delivered line of {} bytes", microseconds(us), it.line_bytes)));
    }
    baseline(&mut rows, "baseline (bare send)", "a delivered line", it.baseline_cpu_us, it.ratio.as_ref());
    latency(&mut rows, "baseline latency", it.baseline_latency.as_ref());
    if let Some(kept) = it.kept_bytes {
        rows.push(("memory kept after", format!("{} KiB after all had been read", kept / 1024)));
    }
    own(&mut rows, it.own.as_ref(), "a delivered line");
    rows
}

fn whisper(it: &Whisper) -> Rows {
    let mut rows = Rows::new();
    let p = &it.parameters;
    rows.push((
        "room",
        format!(
            "{} readers, {} of whisperers, {} whispers a second",
            count(p.idle as u64),
            things(p.pairs, "pair"),
            significant(p.rate)
        ),
    ));
    for (name, part) in [("quiet room", &it.alone), ("busy room", &it.busy)] {
        let Some(part) = part else { continue };
        rows.push((name, verdict(&part.checked)));
        latency(&mut rows, "  round trip", part.latency.as_ref());
        if let Some(us) = part.server_cpu_us {
            rows.push(("  server CPU", format!("{} a round trip", microseconds(us))));
        }
    }
    if it.busy.is_some() {
        rows.push(("  room messages", format!("{} ({} messages a second)", verdict(&it.room), significant(p.storm))));
        latency(&mut rows, "  room latency", it.room_latency.as_ref());
    }
    rows
}

fn churn(it: &Churn) -> Rows {
    let mut rows = Rows::new();
    let (came, left) = (count(it.came as u64), count(it.left as u64));
    rows.push(("visits", format!("{left} of {came}, {} a second", significant(it.per_second))));
    rows.push(("room messages", format!("{} ({})", verdict(&it.checked), things(it.parameters.residents, "resident"))));
    latency(&mut rows, "login", it.login.as_ref());
    latency(&mut rows, "whole visit", it.visit.as_ref());
    if let Some(us) = it.server_cpu_us {
        rows.push(("server CPU", format!("{} a visit", microseconds(us))));
    }
    if let (Some(bytes), Some(descriptors)) = (it.kept_bytes, it.kept_descriptors) {
        rows.push(("kept after", format!("{} KiB, {descriptors} file descriptors", bytes / 1024)));
    }
    own(&mut rows, it.own.as_ref(), "a visit");
    rows
}

fn stalled(it: &Stalled) -> Rows {
    let mut rows = Rows::new();
    let p = &it.parameters;
    let readers = things(p.readers, "reader");
    rows.push(("room", format!("{readers}, {} messages a second, {} bytes each", significant(p.rate), p.size)));
    rows.push(("stalled", format!("{} more clients that stop reading in every other slice", count(p.stalled as u64))));
    rows.push(("delivered", verdict(&it.checked)));
    latency(&mut rows, "while all read", it.without.latency.as_ref());
    latency(&mut rows, "while some stalled", it.with.latency.as_ref());
    ratio(&mut rows, "p99 while some stalled", "that while all read", it.p99_ratio.as_ref());
    for (name, half) in [("CPU while all read", &it.without), ("CPU while some stalled", &it.with)] {
        if let Some(us) = half.server_cpu_us {
            rows.push((name, format!("{} a delivered line", microseconds(us))));
        }
    }
    if let Some(unread) = it.unread_bytes {
        let held = it.kernel_bytes.map(|bytes| format!(", of which the kernel held {}", count(bytes)));
        rows.push(("unread per stalled", format!("{} bytes{}", count(unread), held.unwrap_or_default())));
    }
    own(&mut rows, it.own.as_ref(), "a delivered line");
    rows
}

fn verdict(checked: &DeliveryCheck) -> String {
    let DeliveryCheck { expected, tally, lost } = checked;
    if *expected == 0 && checked.is_right() {
        return "nothing".into();
    }
    let mut text = format!("{} of {}", count(tally.delivered), count(*expected));
    if checked.is_right() {
        if tally.delivered == *expected {
            text.push_str(", each once and in order");
        }
        return text;
    }
    for (number, what) in [
        (*lost, "lost"),
        (tally.duplicates, "duplicated"),
        (tally.out_of_order, "out of order"),
        (tally.damaged, "damaged"),
    ] {
        if number > 0 {
            let _ = write!(text, ", {} {what}", count(number));
        }
    }
    text
}

fn latency(rows: &mut Rows, name: &'static str, summary: Option<&LatencySummary>) {
    if let Some(it) = summary {
        let shown =
            [("p50", it.p50_ms), ("p90", it.p90_ms), ("p99", it.p99_ms), ("p99.9", it.p99_9_ms), ("max", it.max_ms)];
        let shown: Vec<String> = shown.iter().map(|(name, ms)| format!("{name} {}", milliseconds(*ms))).collect();
        // The count is shown because some scenarios measure only a part of what they count.
        rows.push((name, format!("{}  ({} measured)", shown.join("  "), count(it.count))));
    }
}

/// The baseline's CPU time, and the server's as a multiple of it.
fn baseline(rows: &mut Rows, name: &'static str, each: &str, us: Option<f64>, of: Option<&Ratio>) {
    rows.extend(us.map(|us| (name, format!("{} {each}", microseconds(us)))));
    ratio(rows, "server to baseline", "that", of);
}

/// The ratio is not the quotient of the two figures above, which are totals over all slices; the row says so.
fn ratio(rows: &mut Rows, name: &'static str, of: &str, ratio: Option<&Ratio>) {
    let Some(it) = ratio else { return };
    let shown = match it.slices {
        1 => format!("{:.2} times {of} (one pair of slices)", it.median),
        pairs => format!(
            "{:.2} times {of} (median of {} pairs of slices, {:.2} to {:.2})",
            it.median,
            count(pairs as u64),
            it.lowest,
            it.highest
        ),
    };
    rows.push((name, shown));
}

fn own(rows: &mut Rows, own: Option<&OwnCost>, each: &str) {
    if let Some(it) = own {
        rows.push((
            "load test's own CPU",
            format!("{} {each}, {:.0} % of a core", microseconds(it.cpu_us), it.busy * 100.0),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline_rows(us: Option<f64>, of: Option<Ratio>) -> Rows {
        let mut rows = Rows::new();
        baseline(&mut rows, "baseline (bare send)", "a delivered line", us, of.as_ref());
        rows
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
