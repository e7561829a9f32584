//! What the members of a load test have in common.

use crate::bench::workload::browser::Browser;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::{Format, Tag};

/// What all members of a run have in common.
pub struct Common {
    /// The number of the run.
    pub run: u16,
    /// The form of its messages.
    pub format: Format,
    /// How one whispers: `{name}` and `{text}` are filled in.
    pub whisper: String,
    /// What those have in common who are in browsers.
    pub browser: Browser,
}

impl Common {
    /// For a run whose messages have so many bytes.
    pub fn new(run: u16, size: usize, whisper: String) -> Self {
        Common { run, format: Format::new(run, size), whisper, browser: Browser::new(run) }
    }

    /// Appends a line as it is sent, with what `write` writes.
    pub fn line(&self, encoding: Encoding, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        match encoding {
            Encoding::Plain => {
                write(out);
                out.push(b'\n');
            }
            Encoding::WebSocket => self.browser.line(out, write),
        }
    }

    /// A line that whispers to `name`, without its end.
    pub fn whisper(&self, name: &str, tag: Tag) -> Vec<u8> {
        let (before, after) = self.whisper.split_once("{text}").unwrap_or((&self.whisper, ""));
        let mut line = before.replace("{name}", name).into_bytes();
        self.format.write(tag, &mut line);
        line.extend_from_slice(after.as_bytes());
        line
    }
}
