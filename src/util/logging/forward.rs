//! Passes lines of the log on: from the internal pipe to standard error, or to another part of the program.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use log::Level;
use mio::{Registry, Token};

use super::{JsonLine, LogFormat, PIPE_PAGE};
use crate::util::line_queue::LineQueue;
use crate::util::stdio::Sink;

/// The way of the lines after they are made.
pub struct Forward {
    pipe: File,
    sink: Sink,
    /// Lines for [`Forward::take`], while another part of the program shows them.
    captured: Option<LineQueue>,
    format: LogFormat,
    /// Lines in the pipe, and the number of lines that always fit in it.
    lines: usize,
    max_lines: usize,
}

impl Forward {
    /// From the reading end of a pipe in which `max_lines` lines always fit, to `sink`.
    pub fn new(pipe: File, sink: Sink, format: LogFormat, max_lines: usize) -> Self {
        Forward { pipe, sink, captured: None, format, lines: 0, max_lines }
    }

    pub fn format(&self) -> LogFormat {
        self.format
    }

    /// Makes room in the pipe for one more line, and counts it.
    pub fn expect_line(&mut self) {
        if self.lines >= self.max_lines {
            self.run();
        }
        self.lines += 1;
    }

    /// Passes on lines that are not in the pipe.
    pub fn push(&mut self, lines: &[u8]) {
        match &mut self.captured {
            Some(captured) => captured.push(lines),
            None => self.sink.push(lines),
        }
    }

    /// Passes on the lines in the pipe, and writes what standard error takes.
    pub fn run(&mut self) {
        if self.lines > 0 {
            self.lines = 0;
            let mut lines = Vec::new();
            let mut block = [0; PIPE_PAGE];
            while let Ok(n @ 1..) = self.pipe.read(&mut block) {
                lines.extend_from_slice(&block[..n]);
            }
            self.push(&lines);
        }
        self.sink.flush();
        let format = self.format;
        self.sink.report_lost(|lost| lost_line(format, lost));
    }

    /// Keeps lines for [`Forward::take`] from now on, instead of writing them to standard error.
    pub fn capture(&mut self) {
        self.run();
        self.captured = Some(LineQueue::default());
    }

    /// Takes the captured lines.
    pub fn take(&mut self) -> Vec<u8> {
        self.run();
        let Some(captured) = &mut self.captured else { return Vec::new() };
        let (mut lines, lost) = (captured.take(usize::MAX), captured.take_lost());
        if lost > 0 {
            lines.extend(lost_line(self.format, lost));
        }
        lines
    }

    /// Ends [`Forward::capture`]; lines that were not taken are written to standard error.
    pub fn release(&mut self) {
        let rest = self.take();
        self.captured = None;
        self.sink.push(&rest);
        self.sink.flush();
    }

    /// Writes all lines to standard error; gives up when nothing is read for the time `most`.
    pub fn finish(&mut self, most: Duration) {
        // The error that ends the process is in the pipe and was not counted.
        self.lines = self.lines.max(1);
        self.release();
        self.sink.finish(most);
    }

    /// Registers for events under `token` when standard error becomes writable.
    ///
    /// # Errors
    /// If it cannot be registered.
    pub fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        self.sink.watch(registry, token)
    }

    /// Whether lines wait for the reader of the log.
    pub fn has_pending(&self) -> bool {
        self.sink.has_pending() || self.captured.as_ref().is_some_and(|lines| !lines.is_empty())
    }
}

/// The line that tells how many lines of the log were dropped.
fn lost_line(format: LogFormat, lost: u64) -> Vec<u8> {
    let told = format!("{lost} lines of the log were dropped, since they were not read in time or there was no space");
    match format {
        LogFormat::Text => format!("chinwag: {told}\n").into(),
        LogFormat::Json => JsonLine::bytes(Level::Warn, "chinwag::util::logging", &told),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[test]
    fn captured_lines_are_taken_and_the_rest_is_written_at_the_end() {
        let (mut reader, writer) = io::pipe().unwrap();
        let (pipe, _) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        let mut forward = Forward::new(pipe.into(), Sink::new(writer.as_fd()), LogFormat::Text, 1);
        forward.capture();
        forward.push(b"one\n");
        assert_eq!((forward.take(), forward.take()), (b"one\n".to_vec(), Vec::new()));
        let line = [b'x'; 1 << 20];
        (0..5).for_each(|_| forward.push(&[&line[..], b"\n"].concat()));
        let taken = forward.take();
        assert!(taken.ends_with(
            b"\nchinwag: 2 lines of the log were dropped, since they were not read in time or there was no space\n"
        ));
        forward.push(b"two\n");
        forward.release();
        forward.push(b"three\n");
        forward.run();
        drop((forward, writer));
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert_eq!(written, "two\nthree\n");
    }
}
