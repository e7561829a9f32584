//! The operator's console on standard input and standard output, of any file type.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};
use rustix::stdio::stdout;

use crate::chat::{Allowance, ClientId, Hub, Now};
use crate::util::stdio::{Sink, Stdin, StdinRead};
use crate::wire::line::LineDecoder;

/// Blocks read in one turn.
const READS_IN_A_ROW: usize = 16;

/// Unread output kept, in bytes; enough for a busy turn or two.
const MAX_PENDING: usize = 4 * 1024 * 1024;

/// The operator's input and output.
pub struct Console {
    input: Stdin,
    decoder: LineDecoder,
    /// Bytes that have been read and not processed.
    held: Vec<u8>,
    sink: Sink,
    max_line: usize,
}

impl Console {
    /// Attaches a console to `hub`; `tokens` are those of its input and its output.
    ///
    /// # Errors
    /// If the kernel refuses to register standard input or output.
    pub fn new(hub: &mut Hub, registry: &Registry, tokens: [Token; 2], max_line: usize) -> io::Result<Self> {
        let input = Stdin::new(registry, tokens[0])?;
        hub.attach_console();
        let sink = Sink::with_room(stdout(), MAX_PENDING);
        sink.watch(registry, tokens[1])?;
        Ok(Console { input, decoder: LineDecoder::default(), held: Vec::new(), sink, max_line })
    }

    /// Records an event of standard input.
    pub fn notify(&mut self) {
        self.input.notify();
    }

    /// Whether input may be read: there may be some, and earlier answers have been read.
    pub fn is_ready(&self) -> bool {
        self.input.is_ready() && self.sink.wants_more(0)
    }

    /// Whether output waits to be read.
    pub fn has_pending(&self) -> bool {
        self.sink.has_pending()
    }

    /// Reads input and passes it to the hub, line by line.
    pub fn receive(&mut self, hub: &mut Hub, registry: &Registry, now: Now) {
        for _ in 0..READS_IN_A_ROW {
            if !self.is_ready() || !self.process_lines(hub, now) {
                return;
            }
            let mut block = [0; 4096];
            match self.input.read(&mut block) {
                StdinRead::Bytes(n) => self.held.extend_from_slice(&block[..n]),
                StdinRead::Later => return,
                StdinRead::End => self.detach(hub, registry, now),
            }
        }
    }

    /// Processes the lines that have been read; `false` if the rest waits until output has been read.
    fn process_lines(&mut self, hub: &mut Hub, now: Now) -> bool {
        let held = std::mem::take(&mut self.held);
        let mut bytes = &held[..];
        while !bytes.is_empty() {
            // Output is shown only after its records are stored, at the end of the turn.
            if hub.allowance(ClientId::CONSOLE, now) != Allowance::Now
                || !self.sink.wants_more(hub.console_output_len())
            {
                self.held = bytes.to_vec();
                return false;
            }
            match self.decoder.next(&mut bytes, self.max_line) {
                Some(item) => item.input().into_iter().for_each(|input| hub.handle_line(ClientId::CONSOLE, input, now)),
                None => break,
            }
        }
        true
    }

    fn detach(&mut self, hub: &mut Hub, registry: &Registry, now: Now) {
        if let Some(input) = self.decoder.finish().as_ref().and_then(|item| item.input()) {
            hub.handle_line(ClientId::CONSOLE, input, now);
        }
        self.input.close(registry);
        hub.handle_console_end();
    }

    /// Writes the hub's output for the operator.
    pub fn show(&mut self, hub: &mut Hub) {
        self.pass_on(hub);
        self.sink.report_lost(|lost| {
            hub.handle_lost_console_output(lost);
            without_cr(hub.poll_console_output())
        });
    }

    fn pass_on(&mut self, hub: &mut Hub) {
        let lines = hub.poll_console_output();
        if !lines.is_empty() {
            self.sink.push(&without_cr(lines));
        }
        self.sink.flush();
    }

    /// Writes the remaining output; gives up when nothing is read for the time `most`.
    pub fn finish(&mut self, hub: &mut Hub, most: Duration) {
        self.show(hub);
        self.sink.finish(most);
    }
}

/// Removes the CR of each line end; texts contain no CR.
fn without_cr(mut lines: Vec<u8>) -> Vec<u8> {
    lines.retain(|&byte| byte != b'\r');
    lines
}
