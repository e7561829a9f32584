//! The result as people read it.

use std::fmt::Write;

use super::figures::{count, microseconds, milliseconds, significant, things};
use super::latency::Summary;
use super::{Checked, Done, Measured, Outcome, Own, Ratio, Report};
use crate::bench::scenario::churn::Churn;
use crate::bench::scenario::connections::Connections;
use crate::bench::scenario::fanout::{Fanout, Pace};
use crate::bench::scenario::stalled::Stalled;
use crate::bench::scenario::whisper::Whisper;
use crate::bench::workload::encoding::Encoding;

/// Where the second column begins.
const COLUMN: usize = 22;

/// Rows of a name and a value.
type Rows = Vec<(&'static str, String)>;

/// The whole of it.
pub fn write(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    let _ = writeln!(
        text,
        "chinwag {} bench{}, {}, {} x {}{}{}",
        report.chinwag,
        if report.encoding == Encoding::Plain { "" } else { ", WebSocket dialect" },
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
            Outcome::Faulty => text.push_str("  FAULTY: not every line came once, in order and whole\n"),
            Outcome::Interrupted { .. } => {
                text.push_str(
                    "  interrupted: the figures are those up to then; what was under way is not counted as lost\n",
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

fn rows(done: &Done, encoding: Encoding) -> Rows {
    match &done.measured {
        None => Vec::new(),
        Some(Measured::Connections(it)) => connections(it, encoding),
        Some(Measured::Fanout(it)) => fanout(it),
        Some(Measured::Whisper(it)) => whisper(it),
        Some(Measured::Churn(it)) => churn(it),
        Some(Measured::Stalled(it)) => stalled(it),
    }
}

fn name(done: &Done) -> &'static str {
    match &done.measured {
        None => "-",
        Some(Measured::Connections(_)) => "connections",
        Some(Measured::Fanout(it)) if matches!(it.parameters.pace, Pace::Saturate { .. }) => "fanout, saturated",
        Some(Measured::Fanout(_)) => "fanout",
        Some(Measured::Whisper(_)) => "whisper",
        Some(Measured::Churn(_)) => "churn",
        Some(Measured::Stalled(_)) => "stalled",
    }
}

/// The one line that matters most.
fn headline(done: &Done) -> String {
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
            let p99 = |it: &Summary| milliseconds(it.p99_ms);
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
    rows.push(("clients", format!("{} of {} got in", count(it.logged_in as u64), count(asked as u64))));
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
    let bare = match encoding {
        Encoding::Plain => "accept, recv, 2 sends",
        // One for the head of the request, and one for the name.
        Encoding::WebSocket => "accept, recvs, sends",
    };
    baseline(&mut rows, bare, it.floor_cpu_us, it.ratio.as_ref());
    if let Some(bytes) = it.user_bytes {
        rows.push(("server memory", format!("{} bytes a client", significant(bytes))));
    }
    if let Some(idle) = it.idle {
        rows.push(("server CPU, idle", format!("{} in {:.0} s", milliseconds(idle.cpu_ms), idle.seconds)));
    }
    if let Some(reach) = &it.reach {
        rows.push(("a message to all", verdict(&reach.checked)));
        latency(&mut rows, "", reach.latency.as_ref());
    }
    if let Some(kept) = it.kept_bytes {
        rows.push(("memory kept after", format!("{} KiB when all have left", kept / 1024)));
    }
    own(&mut rows, it.own.as_ref(), "a login");
    rows
}

fn fanout(it: &Fanout) -> Rows {
    let mut rows = Rows::new();
    let p = &it.parameters;
    let pace = match p.pace {
        Pace::Rate(rate) => format!("{} messages a second", significant(rate)),
        Pace::Saturate { in_flight } => format!("{in_flight} messages of each on their way at any time"),
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
    baseline(&mut rows, "bare send", it.floor_cpu_us, it.ratio.as_ref());
    latency(&mut rows, "bare send's latency", it.floor_latency.as_ref());
    if let Some(kept) = it.kept_bytes {
        rows.push(("memory kept after", format!("{} KiB when all had been read", kept / 1024)));
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
            "{} who only read, {} who whisper, {} whispers a second",
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
        rows.push((
            "  meanwhile to all",
            format!("{} ({} messages a second)", verdict(&it.room), significant(p.storm)),
        ));
        latency(&mut rows, "  their latency", it.room_latency.as_ref());
    }
    rows
}

fn churn(it: &Churn) -> Rows {
    let mut rows = Rows::new();
    let (came, left) = (count(it.came as u64), count(it.left as u64));
    rows.push(("visits", format!("{left} of {came}, {} a second", significant(it.per_second))));
    rows.push((
        "what they said",
        format!("{} ({})", verdict(&it.checked), things(it.parameters.residents, "resident")),
    ));
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
    rows.push(("stalled", format!("{} more who read nothing in every other slice", count(p.stalled as u64))));
    rows.push(("delivered", verdict(&it.checked)));
    latency(&mut rows, "while all read", it.without.latency.as_ref());
    latency(&mut rows, "while some do not", it.with.latency.as_ref());
    ratio(&mut rows, "p99 while some do not", "that while all read", it.p99_ratio.as_ref());
    for (name, half) in [("CPU while all read", &it.without), ("CPU while some do not", &it.with)] {
        if let Some(us) = half.server_cpu_us {
            rows.push((name, format!("{} a delivered line", microseconds(us))));
        }
    }
    if let Some(unread) = it.unread_bytes {
        let held = it.kernel_bytes.map(|bytes| format!(", of which the kernel held {}", count(bytes)));
        rows.push(("owed to each stalled", format!("{} bytes{}", count(unread), held.unwrap_or_default())));
    }
    own(&mut rows, it.own.as_ref(), "a delivered line");
    rows
}

fn verdict(checked: &Checked) -> String {
    let Checked { expected, tally, lost } = checked;
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
        (tally.duplicates, "doubled"),
        (tally.out_of_order, "out of order"),
        (tally.damaged, "damaged"),
    ] {
        if number > 0 {
            let _ = write!(text, ", {} {what}", count(number));
        }
    }
    text
}

fn latency(rows: &mut Rows, name: &'static str, summary: Option<&Summary>) {
    if let Some(it) = summary {
        let shown =
            [("p50", it.p50_ms), ("p90", it.p90_ms), ("p99", it.p99_ms), ("p99.9", it.p99_9_ms), ("max", it.max_ms)];
        let shown: Vec<String> = shown.iter().map(|(name, ms)| format!("{name} {}", milliseconds(*ms))).collect();
        // How many, since not all that is counted elsewhere is measured, as in one half of a scenario.
        rows.push((name, format!("{}  ({} measured)", shown.join("  "), count(it.count))));
    }
}

/// What the least that the kernel asks of anybody costs, and how much more the server's CPU is.
fn baseline(rows: &mut Rows, name: &'static str, us: Option<f64>, of: Option<&Ratio>) {
    rows.extend(us.map(|us| (name, microseconds(us))));
    ratio(rows, "server to bare", "that", of);
}

/// The ratio is no quotient of two figures above it, which are of all slices together; so it says what it is.
fn ratio(rows: &mut Rows, name: &'static str, of: &str, ratio: Option<&Ratio>) {
    let Some(it) = ratio else { return };
    let shown = match it.slices {
        1 => format!("{:.2} times {of} (one pair of runs)", it.median),
        pairs => format!(
            "{:.2} times {of} (median of {} paired runs, {:.2} to {:.2})",
            it.median,
            count(pairs as u64),
            it.lowest,
            it.highest
        ),
    };
    rows.push((name, shown));
}

fn own(rows: &mut Rows, own: Option<&Own>, each: &str) {
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

    fn floor_rows(us: Option<f64>, of: Option<Ratio>) -> Rows {
        let mut rows = Rows::new();
        baseline(&mut rows, "bare send", us, of.as_ref());
        rows
    }

    #[test]
    fn a_ratio_says_of_how_many_pairs_it_is_the_median() {
        let ratio = Ratio { median: 1.02, lowest: 0.9, highest: 1.31, slices: 3 };
        let shown = "1.02 times that (median of 3 paired runs, 0.90 to 1.31)".to_owned();
        let bare = ("bare send", "4.00 µs".to_owned());
        assert_eq!(floor_rows(Some(4.0), Some(ratio.clone())), [bare.clone(), ("server to bare", shown)]);
        let one = Ratio { slices: 1, ..ratio };
        assert_eq!(floor_rows(Some(4.0), Some(one))[1].1, "1.02 times that (one pair of runs)");
        assert_eq!(floor_rows(Some(4.0), None), [bare]);
        assert_eq!(floor_rows(None, None), []);
    }

    #[test]
    fn names_leave_a_space_before_the_figures() {
        let names = ["bare send's latency", "p99 while some do not", "CPU while some do not", "load test's own CPU"];
        assert!(names.iter().all(|name| name.len() < COLUMN));
    }
}
