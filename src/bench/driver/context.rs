//! What all members of a load test share.

use crate::bench::workload::browser::Browser;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::{MessageFormat, Tag};

/// What all members of a run share.
pub struct RunContext {
    /// The number of the run.
    pub run: u16,
    /// The format of its messages.
    pub format: MessageFormat,
    /// The whisper command; `{name}` and `{text}` are replaced.
    pub whisper: String,
    /// What all browser members share.
    pub browser: Browser,
}

impl RunContext {
    /// Creates it for a run whose messages have `size` bytes.
    pub fn new(run: u16, size: usize, whisper: String) -> Self {
        RunContext { run, format: MessageFormat::new(run, size), whisper, browser: Browser::new(run) }
    }

    /// Appends a line in the given encoding; `write` appends the text of it.
    pub fn line(&self, encoding: Encoding, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        match encoding {
            Encoding::Plain => {
                write(out);
                out.push(b'\n');
            }
            Encoding::WebSocket => self.browser.line(out, write),
        }
    }

    /// A line that whispers to `name`, without a line end.
    pub fn whisper(&self, name: &str, tag: Tag) -> Vec<u8> {
        let (before, after) = self.whisper.split_once("{text}").unwrap_or((&self.whisper, ""));
        let mut line = before.replace("{name}", name).into_bytes();
        self.format.write(tag, &mut line);
        line.extend_from_slice(after.as_bytes());
        line
    }
}
