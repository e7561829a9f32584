//! The operator's console: standard input and standard output, whatever they are.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};
use rustix::stdio::stdout;

use crate::chat::{Hub, Now};
use crate::util::stdio::{Input, Read, Sink};
use crate::wire::line::Decoder;

/// Blocks read before the clients have their turn.
const READS_IN_A_ROW: usize = 16;

/// Bytes of output that are kept for an operator who goes on reading: what happens in a busy turn or two.
const MAX_PENDING: usize = 4 * 1024 * 1024;

/// The operator's input and output.
pub struct Console {
    input: Input,
    decoder: Decoder,
    /// Input that has been read and not been carried out.
    held: Vec<u8>,
    sink: Sink,
    max_line: usize,
}

impl Console {
    /// Attaches a console to `hub`, whose input and output have these tokens.
    ///
    /// # Errors
    /// If standard input or output can be registered in principle, but not now.
    pub fn new(hub: &mut Hub, registry: &Registry, tokens: [Token; 2], max_line: usize) -> io::Result<Self> {
        let input = Input::new(registry, tokens[0])?;
        hub.attach_operator();
        let sink = Sink::with_room(stdout(), MAX_PENDING);
        sink.watch(registry, tokens[1])?;
        Ok(Console { input, decoder: Decoder::default(), held: Vec::new(), sink, max_line })
    }

    /// Standard input has an event.
    pub fn notify(&mut self) {
        self.input.notify();
    }

    /// Whether there may be something to read, and the answers to what was read before have been read.
    pub fn is_ready(&self) -> bool {
        self.input.is_ready() && self.sink.wants_more(0)
    }

    /// Whether output waits for whoever reads it.
    pub fn has_pending(&self) -> bool {
        self.sink.has_pending()
    }

    /// Reads what is there and gives it to the hub, line by line.
    pub fn receive(&mut self, hub: &mut Hub, registry: &Registry, now: Now) {
        for _ in 0..READS_IN_A_ROW {
            if !self.is_ready() || !self.process_lines(hub, now) {
                return;
            }
            let mut block = [0; 4096];
            match self.input.read(&mut block) {
                Read::Bytes(n) => self.held.extend_from_slice(&block[..n]),
                Read::Later => return,
                Read::End => self.detach(hub, registry, now),
            }
        }
    }

    /// Carries out what has been read; `false` if the rest has to wait for those who read it.
    fn process_lines(&mut self, hub: &mut Hub, now: Now) -> bool {
        let held = std::mem::take(&mut self.held);
        let mut bytes = &held[..];
        while !bytes.is_empty() {
            // Nothing is shown before what is to be stored has been, at the end of the turn.
            if !hub.operator_may_speak() || !self.sink.wants_more(hub.operator_output_len()) {
                self.held = bytes.to_vec();
                return false;
            }
            match self.decoder.next(&mut bytes, self.max_line) {
                Some(item) => item.input().into_iter().for_each(|input| hub.operator_line(input, now)),
                None => break,
            }
        }
        true
    }

    fn detach(&mut self, hub: &mut Hub, registry: &Registry, now: Now) {
        if let Some(input) = self.decoder.finish().as_ref().and_then(|item| item.input()) {
            hub.operator_line(input, now);
        }
        self.input.close(registry);
        hub.detach_operator();
    }

    /// Shows what the hub has for the operator.
    pub fn show(&mut self, hub: &mut Hub) {
        self.pass_on(hub);
        self.sink.tell_lost(|lost| {
            hub.operator_lost(lost);
            without_cr(hub.take_operator_output())
        });
    }

    fn pass_on(&mut self, hub: &mut Hub) {
        let lines = hub.take_operator_output();
        if !lines.is_empty() {
            self.sink.push(&without_cr(lines));
        }
        self.sink.flush();
    }

    /// Shows what is left, for as long as the reader reads something within `most`.
    pub fn finish(&mut self, hub: &mut Hub, most: Duration) {
        self.show(hub);
        self.sink.finish(most);
    }
}

/// Lines as a terminal or file has them; text holds no CR, so each one there is belongs to the end of a line.
fn without_cr(mut lines: Vec<u8>) -> Vec<u8> {
    lines.retain(|&byte| byte != b'\r');
    lines
}
