//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};

/// The lines that come before a metric.
pub fn describe(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

/// A line with a value; `labels` with their brackets.
pub fn line(text: &mut String, name: &str, labels: &str, value: impl Display) {
    let _ = writeln!(text, "{name}{labels} {value}");
}
