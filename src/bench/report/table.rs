//! The result as a table for people.

use std::fmt::Write;

use super::rows::COLUMN;
use super::{Figures, Outcome, Report, ScenarioReport, TransportKind};
use crate::bench::workload::encoding::Encoding;

/// Formats the whole result.
pub fn write<M: Figures>(report: &Report<M>) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    let _ = writeln!(
        text,
        "chinwag {} bench{}{}, {}, {} x {}{}{}",
        report.chinwag,
        match report.encoding {
            Encoding::Plain => "",
            Encoding::WebSocket => ", WebSocket encoding",
            Encoding::Irc => ", IRC",
        },
        if report.transport == TransportKind::Tcp { "" } else { ", TLS" },
        machine.kernel,
        machine.cpus,
        machine.cpu,
        machine.server_core.map(|core| format!(", the server alone on core {core}")).unwrap_or_default(),
        if report.build == "debug" { "\nthis is a debug build: its figures mean little" } else { "" }
    );
    for done in &report.scenarios {
        let _ = writeln!(text, "\n{}", done.command);
        for (name, value) in done.measured.iter().flat_map(|measured| measured.rows(report.encoding)) {
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
fn headline<M: Figures>(done: &ScenarioReport<M>) -> String {
    let mut parts = done.measured.as_ref().map(|measured| measured.headline()).unwrap_or_default();
    match &done.outcome {
        Outcome::Passed => {}
        Outcome::Faulty => parts.push("FAULTY".into()),
        Outcome::Interrupted { .. } => parts.push("interrupted".into()),
        Outcome::Failed { .. } => parts.push("FAILED".into()),
    }
    parts.join(", ")
}

impl<M> ScenarioReport<M> {
    /// The name of the scenario, from its command.
    fn name(&self) -> &str {
        self.command.split(' ').nth(2).unwrap_or("-")
    }
}
