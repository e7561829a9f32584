//! What this node writes to the log: proposals that wait, and entries in flight.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::application::Proposal;
use super::entry::{ChangeLine, Control, Entry, EntryWriter, Header};
use super::snapshot::Answer;
use crate::chat::Incarnation;

/// Entries in flight at most; further proposals wait, and so become larger entries.
pub const WINDOW: usize = 4;
/// After this time without its entry, a node sends it again, as after an error answer.
const RESEND_AFTER: Duration = Duration::from_secs(5);
/// Signs that an entry is lost count once within this time, which doubles up to five seconds while nothing comes back.
const RESEND_PAUSE: Duration = Duration::from_millis(500);

/// An entry for the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Whose entry it is, and which: the answer of the engine comes back with both.
    pub incarnation: Incarnation,
    pub n: u64,
    pub entry: String,
}

/// An entry that was handed out at least once, and has not been read back.
#[derive(Clone, Serialize, Deserialize)]
struct Sent<O> {
    n: u64,
    entry: String,
    /// For each change what waits for it, and whether it is lasting.
    origins: Vec<(Option<O>, bool)>,
    first_sent: Option<Duration>,
}

#[derive(Clone, Serialize, Deserialize)]
enum Item<O> {
    Proposal(Proposal<O>),
    Control(Control, String),
}

/// The proposals and entries of one incarnation of this node.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outbox<O> {
    incarnation: Incarnation,
    /// The number of the newest entry.
    last: u64,
    in_flight: VecDeque<Sent<O>>,
    /// The entries in flight, from the oldest, that were handed out on this connection.
    handed_out: usize,
    /// When an entry was handed out the last time, or read back.
    active_at: Duration,
    resent_at: Option<Duration>,
    resend_pause: Duration,
    waiting: VecDeque<Item<O>>,
    waiting_bytes: usize,
    /// Snapshots for nodes that join, one after the other. What waits besides takes turns with their pieces.
    #[serde(default)]
    answers: VecDeque<Answer>,
    /// Whether the entry that was made last has a piece.
    #[serde(default)]
    was_piece: bool,
    has_left: bool,
}

/// What an incarnation has proposed and has not seen applied.
#[derive(Serialize, Deserialize)]
pub struct Unsettled<O> {
    pub incarnation: Incarnation,
    /// With the number of the entry.
    pub sent: Vec<(u64, Proposal<O>)>,
    pub waiting: Vec<Proposal<O>>,
}

impl<O> Outbox<O> {
    /// An empty outbox.
    pub fn new(incarnation: Incarnation) -> Outbox<O> {
        Outbox {
            incarnation,
            last: 0,
            in_flight: VecDeque::new(),
            handed_out: 0,
            active_at: Duration::ZERO,
            resent_at: None,
            resend_pause: RESEND_PAUSE,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            answers: VecDeque::new(),
            was_piece: false,
            has_left: false,
        }
    }

    /// Queues a proposal.
    pub fn push(&mut self, proposal: Proposal<O>) {
        self.waiting_bytes += proposal.change.len();
        self.waiting.push_back(Item::Proposal(proposal));
    }

    /// Queues an entry with a control.
    pub fn push_control(&mut self, control: Control) {
        self.waiting.push_back(Item::Control(control, String::new()));
    }

    /// Queues a snapshot.
    pub fn push_answer(&mut self, answer: Answer) {
        self.answers.push_back(answer);
    }

    /// Makes an entry with a control at once, before what waits.
    pub fn push_first(&mut self, control: Control) {
        let entry = EntryWriter::new(&self.next_header(Some(control))).finish("");
        self.push_entry(entry, Vec::new());
    }

    /// Makes the last entry of a node that ends as planned, once.
    pub fn push_leave(&mut self) {
        if !std::mem::replace(&mut self.has_left, true) {
            self.push_first(Control::Leave);
        }
    }

    /// Whether the entry that ends the incarnation was made: nothing that follows it counts.
    pub fn has_left(&self) -> bool {
        self.has_left
    }

    /// Drops the snapshot for an incarnation that has ended.
    pub fn drop_answer(&mut self, to_nobody: Incarnation) {
        self.answers.retain(|answer| answer.to() != to_nobody);
        // A predecessor may have put its pieces there.
        let is_dropped = |control: &Control| matches!(control, Control::Snapshot { to, .. } if *to == to_nobody);
        self.waiting.retain(|item| !matches!(item, Item::Control(control, _) if is_dropped(control)));
    }

    fn next_header(&self, control: Option<Control>) -> Header {
        Header::new(self.incarnation, self.last + 1, control)
    }

    fn push_entry(&mut self, entry: String, origins: Vec<(Option<O>, bool)>) {
        self.last += 1;
        self.in_flight.push_back(Sent { n: self.last, entry, origins, first_sent: None });
    }

    /// Takes the next entry for the engine. `takes_waiting` says whether proposals may become entries now.
    pub fn poll(&mut self, now: Duration, takes_waiting: bool) -> Option<Append> {
        if self.handed_out == self.in_flight.len() && takes_waiting && self.in_flight.len() < WINDOW {
            self.make_entry();
        }
        let incarnation = self.incarnation;
        let sent = self.in_flight.get_mut(self.handed_out)?;
        sent.first_sent.get_or_insert(now);
        self.handed_out += 1;
        self.active_at = now;
        Some(Append { incarnation, n: sent.n, entry: sent.entry.clone() })
    }

    /// Makes an entry of what waits: a piece of a snapshot, one control, or changes until it is full.
    fn make_entry(&mut self) {
        let takes_piece = self.waiting.is_empty() || !self.was_piece;
        self.was_piece = takes_piece && !self.answers.is_empty();
        if self.was_piece
            && let Some(mut answer) = self.answers.pop_front()
        {
            let (control, piece) = answer.take_piece();
            let entry = EntryWriter::new(&self.next_header(Some(control))).finish(piece);
            if answer.left() > 0 {
                self.answers.push_front(answer);
            }
            return self.push_entry(entry, Vec::new());
        }
        if let Some(Item::Control(..)) = self.waiting.front() {
            let Some(Item::Control(control, piece)) = self.waiting.pop_front() else { return };
            let entry = EntryWriter::new(&self.next_header(Some(control))).finish(&piece);
            return self.push_entry(entry, Vec::new());
        }
        let mut writer = EntryWriter::new(&self.next_header(None));
        let mut origins = Vec::new();
        while let Some(Item::Proposal(_)) = self
            .waiting
            .front()
            .filter(|item| matches!(item, Item::Proposal(next) if writer.has_room(next.ids, &next.change)))
        {
            let Some(Item::Proposal(proposal)) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= proposal.change.len();
            let Proposal { origin, change, ids, must_understand, lasting } = proposal;
            writer.push(ChangeLine { must_understand, ids, text: &change });
            origins.push((origin, lasting));
        }
        if !origins.is_empty() {
            self.push_entry(writer.finish(""), origins);
        }
    }

    /// Notes that an entry was read back; returns what waits for its changes.
    pub fn confirm(&mut self, n: u64, now: Duration) -> Vec<Option<O>> {
        (self.active_at, self.resend_pause) = (now, RESEND_PAUSE);
        let mut origins = Vec::new();
        while self.in_flight.front().is_some_and(|sent| sent.n <= n)
            && let Some(sent) = self.in_flight.pop_front()
        {
            self.handed_out = self.handed_out.saturating_sub(1);
            origins = sent.origins;
        }
        origins.into_iter().map(|(origin, _)| origin).collect()
    }

    /// Hands all entries in flight out again: a new connection does not know them.
    pub fn resend_all(&mut self) {
        self.handed_out = 0;
    }

    /// Hands the entries from this number on out again, since it may be lost; not twice within a short time.
    pub fn resend_from(&mut self, n: u64, now: Duration) {
        if self.resent_at.is_none_or(|at| now >= at + self.resend_pause)
            && let Some(index) = self.in_flight.iter().position(|sent| sent.n >= n)
            && index < self.handed_out
        {
            self.handed_out = index;
            self.resent_at = Some(now);
            self.resend_pause = (2 * self.resend_pause).min(RESEND_AFTER);
        }
    }

    /// Hands all entries in flight out again if nothing was read back for some seconds.
    pub fn handle_tick(&mut self, now: Duration) {
        if self.handed_out == self.in_flight.len() && now >= self.active_at + RESEND_AFTER {
            self.handed_out = 0;
        }
    }

    /// Since when the oldest entry in flight is on its way.
    pub fn pending_since(&self) -> Option<Duration> {
        self.in_flight.front()?.first_sent
    }

    /// Whether nothing waits and nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && self.waiting.is_empty() && self.answers.is_empty()
    }

    /// Entries in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Proposals, controls and pieces of snapshots that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len() + self.pieces()
    }

    /// Snapshots that are not sent as a whole.
    pub fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Pieces of snapshots that wait.
    pub fn pieces(&self) -> usize {
        self.answers.iter().map(Answer::left).sum()
    }

    /// Bytes of the proposals that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Takes the proposals that wait and fulfil a condition.
    pub fn take_waiting(&mut self, is_taken: impl Fn(&Proposal<O>) -> bool) -> Vec<Proposal<O>> {
        let mut taken = Vec::new();
        for item in std::mem::take(&mut self.waiting) {
            match item {
                Item::Proposal(proposal) if is_taken(&proposal) => taken.push(proposal),
                item => self.waiting.push_back(item),
            }
        }
        self.waiting_bytes -= taken.iter().map(|proposal| proposal.change.len()).sum::<usize>();
        taken
    }
}

impl<O: Clone> Outbox<O> {
    /// The proposals in flight, with the numbers of their entries.
    pub fn sent(&self) -> impl Iterator<Item = (u64, Proposal<O>)> {
        self.in_flight.iter().flat_map(|sent| {
            let entry = Entry::decode(sent.entry.as_bytes()).expect("an entry of our own");
            entry.changes().zip(&sent.origins).map(|(ChangeLine { must_understand, ids, text }, (origin, lasting))| {
                let (origin, change) = (origin.clone(), text.to_string());
                (sent.n, Proposal { origin, change, ids, must_understand, lasting: *lasting })
            })
        })
    }

    /// Begins anew for another incarnation; returns what the one before has not seen applied.
    pub fn renew(&mut self, incarnation: Incarnation) -> Unsettled<O> {
        let sent = self.sent().collect();
        let old = std::mem::replace(self, Outbox::new(incarnation));
        let waiting = old.waiting.into_iter().filter_map(|item| match item {
            Item::Proposal(proposal) => Some(proposal),
            Item::Control(..) => None,
        });
        Unsettled { incarnation: old.incarnation, sent, waiting: waiting.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::MAX_CHANGE;
    use super::*;

    fn proposal(number: usize) -> Proposal<usize> {
        let change = number.to_string();
        Proposal { origin: Some(number), change, ids: 1, must_understand: false, lasting: number.is_multiple_of(2) }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn numbers(outbox: &mut Outbox<usize>, now: Duration) -> Vec<u64> {
        std::iter::from_fn(|| outbox.poll(now, true)).map(|append| append.n).collect()
    }

    #[test]
    fn proposals_wait_while_four_entries_are_in_flight() {
        let mut outbox = Outbox::new(Incarnation(1));
        for number in 0..10 {
            outbox.push(proposal(number));
            outbox.poll(seconds(0), true);
        }
        assert_eq!((outbox.in_flight(), outbox.waiting(), outbox.waiting_bytes()), (4, 6, 6));
        assert_eq!(outbox.confirm(1, seconds(0)), [Some(0)]);
        let entry = outbox.poll(seconds(0), true).unwrap().entry;
        assert_eq!(Entry::decode(entry.as_bytes()).unwrap().changes().count(), 6);
    }

    #[test]
    fn entries_are_sent_again_from_the_lost_one_on() {
        let mut outbox = Outbox::new(Incarnation(1));
        for number in 0..3 {
            outbox.push(proposal(number));
            outbox.poll(seconds(0), true);
        }
        outbox.resend_from(2, seconds(1));
        assert_eq!(numbers(&mut outbox, seconds(1)), [2, 3]);
        outbox.resend_from(2, seconds(1));
        assert!(numbers(&mut outbox, seconds(1)).is_empty());
        outbox.handle_tick(seconds(5));
        assert!(numbers(&mut outbox, seconds(5)).is_empty());
        outbox.handle_tick(seconds(6));
        assert_eq!(numbers(&mut outbox, seconds(6)), [1, 2, 3]);
        outbox.resend_all();
        outbox.confirm(2, seconds(7));
        assert_eq!(numbers(&mut outbox, seconds(7)), [3]);
    }

    #[test]
    fn proposals_and_pieces_of_a_snapshot_take_turns() {
        let mut outbox = Outbox::new(Incarnation(1));
        for (to, size) in [(2, MAX_CHANGE + 1), (3, 1)] {
            outbox.push_answer(Answer::new(Incarnation(to), 1, "x".repeat(size)));
        }
        outbox.push(proposal(1));
        assert_eq!((outbox.answers(), outbox.pieces(), outbox.waiting()), (2, 3, 4));
        let entries = [0, 0, 0].map(|_| outbox.poll(seconds(0), true).unwrap().entry);
        let ends = ["xxxx", "\n1 1", "\nx"];
        assert!(entries.iter().zip(ends).all(|(entry, end)| entry.ends_with(end)), "{entries:?}");
        assert_eq!((outbox.answers(), outbox.pieces()), (1, 1));
        outbox.drop_answer(Incarnation(2));
        assert_eq!(outbox.waiting(), 1);
        outbox.drop_answer(Incarnation(3));
        assert_eq!((outbox.pieces(), outbox.poll(seconds(0), true)), (0, None));
    }

    #[test]
    fn what_was_not_applied_comes_back_in_order() {
        let mut outbox = Outbox::new(Incarnation(1));
        outbox.push(proposal(1));
        outbox.poll(seconds(0), true);
        outbox.push(proposal(2));
        outbox.push(proposal(3));
        assert_eq!(outbox.take_waiting(|proposal| !proposal.lasting), [proposal(3)]);
        let unsettled = outbox.renew(Incarnation(2));
        assert_eq!((unsettled.sent, unsettled.waiting), (vec![(1, proposal(1))], vec![proposal(2)]));
        assert!(outbox.is_empty());
    }
}
