//! The receive loop: reads a socket, decodes the bytes, and passes lines to the hub while it accepts them.

use std::io;
use std::time::Duration;

use log::debug;
use serde::{Deserialize, Serialize};

use super::decoder::{Decoder, Item};
use super::flags::Flags;
use super::transport::Transport;
use crate::chat::{Allowance, ClientId, Hub, Input, Now};
use crate::wire::foreign::Verdict;

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Everything was read; an event announces more.
    All,
    /// There may be more.
    More,
    /// The client is over its rate limit until this time.
    Until(Duration),
    /// Other clients' lines have to be written first.
    AfterOthers,
    /// Its own replies have to be written first.
    AfterReplies,
    /// Its proposals have to be committed first; the hub names it then.
    AfterCommit,
    /// End of input.
    End,
    /// The connection broke.
    Lost,
}

/// The input of a connection that is kept between two reads.
#[derive(Default, Serialize, Deserialize)]
pub struct InputState<D> {
    pub decoder: D,
    /// Bytes that have been read and not processed.
    #[serde(with = "crate::util::base64_bytes")]
    pub held: Vec<u8>,
}

impl<D: Decoder> InputState<D> {
    /// Whether it is in its initial state, so that it need not be stored.
    pub fn is_idle(&self) -> bool {
        self.held.is_empty() && self.decoder.is_idle()
    }

    /// Bytes kept of the input.
    pub fn kept(&self) -> usize {
        self.held.len() + self.decoder.kept()
    }
}

/// The state of an input; `None` while there is nothing to keep, which is the common case.
pub type Kept<D> = Option<Box<InputState<D>>>;

/// An input that begins with bytes that have been read.
pub(super) fn begun_with<D: Decoder>(held: Vec<u8>) -> Kept<D> {
    (!held.is_empty()).then(|| Box::new(InputState { held, ..InputState::default() }))
}

/// Discards the held input and `read`; returns whether that contains a close frame.
pub(super) fn skip<D: Decoder>(kept: &mut Kept<D>, read: &[u8], max_line: usize) -> bool {
    with_input(kept, |input| {
        let held = std::mem::take(&mut input.held);
        input.decoder.skip(&held, max_line) || input.decoder.skip(read, max_line)
    })
}

/// Runs `run` on the kept input, or on a new one that is kept only if it holds something.
fn with_input<D: Decoder, R>(kept: &mut Kept<D>, run: impl FnOnce(&mut InputState<D>) -> R) -> R {
    match kept {
        Some(input) => {
            let result = run(input);
            if input.is_idle() {
                *kept = None;
            }
            result
        }
        None => {
            let mut fresh = InputState::default();
            let result = run(&mut fresh);
            if !fresh.is_idle() {
                *kept = Some(Box::new(fresh));
            }
            result
        }
    }
}

/// A connection's socket and the hub, for one read.
pub(super) struct Receiver<'a, S> {
    pub stream: &'a mut S,
    pub flags: &'a mut Flags,
    pub progress: &'a mut u64,
    pub hub: &'a mut Hub,
    pub id: ClientId,
    pub now: Now,
}

impl<S: Transport> Receiver<'_, S> {
    /// Processes the held bytes, reads once into `block` and processes that. `max_line` is the maximum line length in
    /// bytes, without the line end.
    pub fn receive<D: Decoder>(&mut self, kept: &mut Kept<D>, block: &mut [u8], max_line: usize) -> Received {
        with_input(kept, |input| self.receive_into(input, block, max_line))
    }

    /// Ends the unfinished line, as if a line end had come.
    pub fn end_line<D: Decoder>(&mut self, kept: &mut Kept<D>) {
        with_input(kept, |input| self.finish(input));
    }

    fn receive_into<D: Decoder>(&mut self, input: &mut InputState<D>, block: &mut [u8], max_line: usize) -> Received {
        if !input.held.is_empty() {
            let mut held = std::mem::take(&mut input.held);
            let (taken, stop) = self.process(&mut input.decoder, &held, max_line);
            if let Some(stop) = stop {
                held.drain(..taken);
                input.held = held;
                return stop;
            }
        }
        match self.stream.read(block) {
            Ok(0) => self.receive_end(input),
            Ok(n) => {
                *self.progress = self.now.at.as_millis() as u64;
                self.flags.remove(Flags::PINGED);
                self.hub.count_received(n);
                if self.is_foreign(input, Some(&block[..n])) {
                    return Received::All;
                }
                let (taken, stop) = self.process(&mut input.decoder, &block[..n], max_line);
                if let Some(stop) = stop {
                    input.held = block[taken..n].to_vec();
                    return stop;
                }
                // A short read has emptied the socket (epoll(7)), but an end may follow.
                let may_have_more =
                    n == block.len() || self.flags.contains(Flags::HUNG_UP) || self.stream.has_pending_read();
                if may_have_more { Received::More } else { Received::All }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::All,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Received::More,
            Err(_) => Received::Lost,
        }
    }

    /// Handles the end of input, which waits for commits and passwords as a line does: later the socket returns it again.
    fn receive_end<D: Decoder>(&mut self, input: &mut InputState<D>) -> Received {
        if let Some(wait) = self.end_must_wait() {
            return wait;
        }
        let is_over = self.finish(input);
        // The last line may have made a proposal, or have been a password.
        if let Some(wait) = self.end_must_wait() {
            return wait;
        }
        self.flags.insert(Flags::ENDED);
        if is_over { Received::All } else { Received::End }
    }

    fn end_must_wait(&self) -> Option<Received> {
        match self.hub.allowance(self.id, self.now) {
            Allowance::AfterCommit => Some(Received::AfterCommit),
            _ if self.hub.awaits_password(self.id) => Some(Received::AfterReplies),
            _ => None,
        }
    }

    /// Passes what the end of a line, or of the input, leaves; returns whether that ends the session.
    fn finish<D: Decoder>(&mut self, input: &mut InputState<D>) -> bool {
        if self.is_foreign(input, None) {
            return false;
        }
        input.decoder.finish().is_some_and(|item| self.pass(item))
    }

    /// Whether the next bytes, or `None` for the end of the line, show that another protocol is spoken.
    ///
    /// If so the client is refused, and all its input is ignored.
    fn is_foreign<D: Decoder>(&mut self, input: &mut InputState<D>, bytes: Option<&[u8]>) -> bool {
        if self.flags.contains(Flags::HAS_BEGUN) {
            return false;
        }
        let verdict = input.decoder.check_first_line(bytes);
        self.flags.set(Flags::HAS_BEGUN, verdict != Verdict::Undecided);
        let Verdict::Foreign(protocol) = verdict else { return false };
        debug!("client {} speaks another protocol: {protocol:?}", self.id.slot());
        *input = InputState::default();
        self.hub.handle_foreign_protocol(self.id, self.now);
        true
    }

    /// Decodes bytes and passes the items on; returns the number of processed bytes, and the reason to stop before
    /// the end.
    fn process<D: Decoder>(&mut self, decoder: &mut D, bytes: &[u8], max_line: usize) -> (usize, Option<Received>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let stop = match self.hub.allowance(self.id, self.now) {
                Allowance::Now => None,
                Allowance::At(time) => Some(Received::Until(time)),
                Allowance::AfterOthers => Some(Received::AfterOthers),
                Allowance::AfterReplies => Some(Received::AfterReplies),
                Allowance::AfterCommit => Some(Received::AfterCommit),
                Allowance::Never => {
                    if decoder.skip(rest, max_line) {
                        self.flags.insert(Flags::CLOSE_RECEIVED);
                    }
                    break;
                }
            };
            if stop.is_some() {
                return (bytes.len() - rest.len(), stop);
            }
            let Some(item) = decoder.next(&mut rest, max_line) else { break };
            if self.pass(item) {
                break;
            }
        }
        (bytes.len(), None)
    }

    /// Passes an item to the hub; returns whether it ends the session.
    fn pass(&mut self, item: Item) -> bool {
        let (id, now) = (self.id, self.now);
        let input = match &item {
            Item::Line(line) => Input::Line(line),
            Item::TooLong { command } => Input::TooLong { command: command.as_deref() },
            Item::NotUtf8 { command } => Input::NotUtf8 { command: command.as_deref() },
            Item::SeveralLines => Input::SeveralLines,
            Item::Answer(answer) => {
                self.hub.send_raw(id, answer);
                return false;
            }
            Item::Telnet(answer) => {
                self.hub.handle_telnet(id, *answer);
                return false;
            }
            Item::End { answer } => {
                self.flags.insert(Flags::CLOSE_SENT | Flags::CLOSE_RECEIVED);
                self.hub.handle_end_of_input(id, now);
                self.hub.send_raw(id, answer);
                return true;
            }
            Item::Broken { answer } => {
                self.flags.insert(Flags::CLOSE_RECEIVED);
                self.hub.handle_broken_input(id, now);
                if let Some(answer) = answer {
                    self.flags.insert(Flags::CLOSE_SENT);
                    self.hub.send_raw(id, answer);
                }
                return true;
            }
            Item::Nothing => return false,
        };
        self.hub.handle_line(id, input, now);
        false
    }
}
