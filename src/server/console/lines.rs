//! The lines of the operator that wait for the hub.

use serde::{Deserialize, Serialize};

use crate::chat::{Allowance, ClientId, Hub, Now};
use crate::wire::line::LineDecoder;

/// The most bytes that wait, in addition to one paste.
const MAX_BYTES: usize = 1024 * 1024;

/// Bytes that have been read and not processed.
pub struct OperatorLines {
    decoder: LineDecoder,
    held: Vec<u8>,
    max_line: usize,
}

/// The same bytes as plain data.
#[derive(Default, Serialize, Deserialize)]
pub struct LinesState {
    decoder: LineDecoder,
    #[serde(with = "crate::util::base64_bytes")]
    held: Vec<u8>,
}

impl OperatorLines {
    /// No lines; each may have at most `max_line` bytes.
    pub fn new(max_line: usize) -> Self {
        OperatorLines { decoder: LineDecoder::default(), held: Vec::new(), max_line }
    }

    /// Takes the bytes out.
    pub fn take_state(&mut self) -> LinesState {
        LinesState { decoder: std::mem::take(&mut self.decoder), held: std::mem::take(&mut self.held) }
    }

    /// Goes on with these bytes.
    pub fn restore(&mut self, state: LinesState) {
        (self.decoder, self.held) = (state.decoder, state.held);
    }

    /// Adds bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Whether no bytes wait; the decoder may hold an unfinished line all the same.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether no more lines should be added before some of them have been processed.
    pub fn is_full(&self) -> bool {
        self.held.len() >= MAX_BYTES
    }

    /// Passes the lines to the hub; `false` if the rest waits until output has been read. `wants_more` tells whether the
    /// operator can read more, while that many bytes of output are produced and not shown.
    pub fn process(&mut self, hub: &mut Hub, now: Now, wants_more: impl Fn(usize) -> bool) -> bool {
        let held = std::mem::take(&mut self.held);
        let mut bytes = &held[..];
        while !bytes.is_empty() {
            // Output is shown only after its records are stored, at the end of the turn.
            if hub.allowance(ClientId::CONSOLE, now) != Allowance::Now || !wants_more(hub.console_output_len()) {
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

    /// Passes an unended last line to the hub.
    pub fn finish(&mut self, hub: &mut Hub, now: Now) {
        if let Some(input) = self.decoder.finish().as_ref().and_then(|item| item.input()) {
            hub.handle_line(ClientId::CONSOLE, input, now);
        }
    }
}
