//! The state for a node that joins: its pieces, and the pauses between two tries, so that a large state does not fill the log.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entry::{Control, MAX_CHANGE, NodeName};
use super::peers::Peers;
use crate::chat::Incarnation;

/// Bytes of a snapshot at most.
pub const MAX_SNAPSHOT: usize = 256 << 20;
/// Pieces of a snapshot at most; each but the last one has [`MAX_CHANGE`] bytes, or up to three less.
pub const MAX_PIECES: u32 = (MAX_SNAPSHOT / (MAX_CHANGE - 3) + 1) as u32;
/// A piece says that there are more than [`MAX_PIECES`], and so that the state is not given; a greater number is nonsense.
const MOST_PIECES: u32 = 1 << 20;
/// The pause for each piece after a try that has failed: 8 MiB a second.
const PAUSE_OF_PIECE: Duration = Duration::from_millis(8);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(600);
/// How often a pause is doubled at most: then it is that of half a MiB a second.
const MAX_DOUBLINGS: u32 = 4;
/// Nodes that are given the state at the same time at most. Another one asks again.
const MAX_ANSWERS: usize = 4;
/// Nodes that were given the state and are remembered at most.
const MAX_ASKERS: usize = 1_024;

/// The bytes of the first piece of a text, which fits in an entry and ends between two characters.
fn first_piece(text: &str) -> usize {
    let mut end = text.len().min(MAX_CHANGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// The state for a node that has said Hello. Its pieces are made one by one, when they are sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answer {
    to: Incarnation,
    /// The position of the Hello.
    hello: u64,
    count: u32,
    text: String,
    /// The piece that is sent next, and where it begins in the text.
    next: u32,
    begin: usize,
}

impl Answer {
    /// The answer with this state; if it is too large, the answer says only this.
    pub fn new(to: Incarnation, hello: u64, text: String) -> Answer {
        if text.len() > MAX_SNAPSHOT {
            let count = too_many_pieces(text.len());
            return Answer { to, hello, count, text: String::new(), next: 0, begin: 0 };
        }
        let (mut count, mut begin) = (0, 0);
        while begin < text.len() {
            begin += first_piece(&text[begin..]);
            count += 1;
        }
        Answer { to, hello, count, text, next: 0, begin: 0 }
    }

    /// The node that it is for.
    pub fn to(&self) -> Incarnation {
        self.to
    }

    /// How many pieces the state has, also if it is too large.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many pieces are still to be sent.
    pub fn left(&self) -> usize {
        match is_too_large(self.count) {
            true => usize::from(self.next == 0),
            false => (self.count - self.next) as usize,
        }
    }

    /// Takes the next piece.
    pub fn take_piece(&mut self) -> (Control, &str) {
        let Answer { to, hello, count, next: piece, .. } = *self;
        let text = &self.text[self.begin..];
        let text = &text[..first_piece(text)];
        self.next += 1;
        self.begin += text.len();
        (Control::Snapshot { to, hello, piece, count }, text)
    }
}

/// The number of pieces by which a state of so many bytes is refused.
pub fn too_many_pieces(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(MAX_CHANGE)).unwrap_or(u32::MAX).clamp(MAX_PIECES + 1, MOST_PIECES)
}

/// Whether this number of pieces says that the state is too large to be given.
pub fn is_too_large(count: u32) -> bool {
    (MAX_PIECES + 1..=MOST_PIECES).contains(&count)
}

/// What operators read if the state has so many pieces, and is too large for a node that joins.
pub fn too_large(count: u32) -> String {
    let (size, most) = ((count as usize * MAX_CHANGE) >> 20, MAX_SNAPSHOT >> 20);
    format!(
        "cluster: no server can join: the state has about {size} MiB, and {most} MiB can be given at most. To make it smaller, \
         stop all nodes, and start them with a lower --history or --max-rooms"
    )
}

/// The pieces of a snapshot that have come so far. The text is held once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Whose answer it is.
    from: Incarnation,
    count: u32,
    /// The first piece that is missing, and the text before it.
    next: u32,
    text: String,
    /// Pieces after the missing one.
    early: BTreeMap<u32, Box<str>>,
}

impl Pieces {
    /// No piece yet of a snapshot that has `count` of them.
    pub fn new(from: Incarnation, count: u32) -> Pieces {
        Pieces { from, count, next: 0, text: String::new(), early: BTreeMap::new() }
    }

    /// Takes a piece; returns the snapshot when it is whole. A repeated piece is ignored, and one of another answer.
    pub fn take(&mut self, from: Incarnation, piece: u32, count: u32, text: &str) -> Option<String> {
        if (self.from, self.count) != (from, count) || piece >= count || piece < self.next {
            return None;
        }
        if piece > self.next {
            self.early.insert(piece, text.into());
            return None;
        }
        self.text.push_str(text);
        self.next += 1;
        while let Some(text) = self.early.remove(&self.next) {
            self.text.push_str(&text);
            self.next += 1;
        }
        (self.next == self.count).then(|| std::mem::take(&mut self.text))
    }
}

/// The pause after so many tries in a row that have failed, if the state has so many pieces.
fn pause(pieces: u32, failed: u32) -> Duration {
    let doubled = PAUSE_OF_PIECE * pieces.max(1) * (1 << failed.saturating_sub(1).min(MAX_DOUBLINGS));
    doubled.min(MAX_PAUSE)
}

/// The tries of this node to get the state, since it took part the last time.
#[derive(Default, Serialize, Deserialize)]
pub struct Tries {
    /// How many have failed.
    failed: u32,
    /// The pieces that the state has, as far as is known.
    pieces: u32,
    /// Until when the next Hello waits.
    until: Option<Duration>,
    /// Whether the operator knows that the state is too large.
    pub told: bool,
}

impl Tries {
    /// Notes of how many pieces an answer is.
    pub fn note_pieces(&mut self, count: u32) {
        if count <= MOST_PIECES {
            self.pieces = count;
        }
    }

    /// The try has failed: the next one begins after a pause, which grows.
    pub fn fail(&mut self, now: Duration) {
        self.failed = self.failed.saturating_add(1);
        self.until = Some(now + pause(self.pieces, self.failed));
    }

    /// Whether one has failed.
    pub fn have_failed(&self) -> bool {
        self.failed > 0
    }

    /// Whether the next try is to wait.
    pub fn pause(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// A node that was given the state.
#[derive(Serialize, Deserialize)]
struct Asker {
    incarnation: Incarnation,
    /// How often in a row it was given the state and did not take part.
    times: u32,
    /// Until when it is not given the state again.
    until: Duration,
    /// Whether the operator knows that it has asked again.
    told: bool,
}

/// The nodes that this one has given the state.
#[derive(Default, Serialize, Deserialize)]
pub struct Askers {
    nodes: BTreeMap<NodeName, Asker>,
    /// The pieces of the newest snapshot.
    pieces: u32,
    /// Whether the operator knows that the state is too large.
    pub told: bool,
}

impl Askers {
    /// Notes who takes part now, and forgets who has not asked for long.
    pub fn handle_tick(&mut self, peers: &Peers, now: Duration) {
        self.nodes.retain(|_, asker| now < asker.until + MAX_PAUSE);
        for asker in self.nodes.values_mut() {
            if peers.is_ready(asker.incarnation) {
                asker.times = 0;
            }
        }
    }

    /// Whether a node that has asked for the state is given it now; if not, it asks again. `answers` other nodes are being given it,
    /// and `waiting` pieces for them are not sent yet.
    pub fn may_ask(&mut self, node: &NodeName, answers: usize, waiting: usize, now: Duration) -> bool {
        if answers >= MAX_ANSWERS {
            return false;
        }
        if waiting > 0 && waiting + self.pieces as usize > MAX_PIECES as usize {
            return false;
        }
        let Some(asker) = self.nodes.get_mut(node).filter(|asker| now < asker.until) else { return true };
        if asker.times > 1 && !std::mem::replace(&mut asker.told, true) {
            log::warn!(
                "cluster: the node {} was given the state {} times, and has not taken part; it is given it again in {} s",
                node.as_str(),
                asker.times,
                (asker.until - now).as_secs() + 1
            );
        }
        false
    }

    /// This node is given the state, or told that it is too large.
    pub fn note(&mut self, node: NodeName, incarnation: Incarnation, pieces: u32, now: Duration) {
        self.pieces = pieces;
        let times = self.nodes.get(&node).map_or(0, |asker| asker.times).saturating_add(1);
        let until = now + pause(pieces, times);
        if self.nodes.len() >= MAX_ASKERS && !self.nodes.contains_key(&node) {
            let first = self.nodes.iter().min_by_key(|(_, asker)| asker.until).map(|(name, _)| name.clone());
            first.and_then(|name| self.nodes.remove(&name));
        }
        self.nodes.insert(node, Asker { incarnation, times, until, told: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Incarnation = Incarnation(1);
    const B: Incarnation = Incarnation(2);

    #[test]
    fn pieces_of_a_snapshot_are_whole_characters() {
        let text = "x".to_string() + &"語".repeat(MAX_CHANGE);
        let mut answer = Answer::new(B, 7, text.clone());
        let (count, mut pieces) = (answer.count(), Vec::new());
        for number in 0..count {
            let (control, piece) = answer.take_piece();
            assert_eq!(control, Control::Snapshot { to: B, hello: 7, piece: number, count });
            pieces.push(piece.to_string());
        }
        assert_eq!((pieces.concat(), answer.left()), (text, 0));
        let last = pieces.pop().unwrap();
        assert!(pieces.iter().all(|piece| (MAX_CHANGE - 2..=MAX_CHANGE).contains(&piece.len())) && !last.is_empty());
    }

    #[test]
    fn the_answer_with_a_state_that_is_too_large_is_one_empty_piece() {
        let mut answer = Answer::new(B, 7, " ".repeat(MAX_SNAPSHOT + 1));
        assert!(is_too_large(answer.count()) && answer.left() == 1);
        assert_eq!(answer.take_piece().1, "");
        assert_eq!(answer.left(), 0);
    }

    #[test]
    fn pieces_are_put_together_in_any_order_and_each_once() {
        let mut pieces = Pieces::new(A, 4);
        for (from, piece, count, text) in
            [(A, 2, 4, "c"), (A, 0, 4, "a"), (A, 0, 4, "x"), (B, 1, 4, "x"), (A, 1, 5, "x"), (A, 4, 4, "x")]
        {
            assert_eq!(pieces.take(from, piece, count, text), None);
        }
        assert_eq!(pieces.take(A, 1, 4, "b"), None);
        assert_eq!(pieces.take(A, 3, 4, "d"), Some("abcd".into()));
    }

    #[test]
    fn a_state_that_is_too_large_is_told_from_any_other_and_from_nonsense() {
        assert_eq!([0, 1, MAX_PIECES, MAX_PIECES + 1, u32::MAX].map(is_too_large), [false, false, false, true, false]);
        for bytes in [MAX_SNAPSHOT + 1, 2 * MAX_SNAPSHOT, usize::MAX] {
            assert!(is_too_large(too_many_pieces(bytes)));
        }
        assert!(MAX_PIECES as usize * (MAX_CHANGE - 3) >= MAX_SNAPSHOT);
        assert!(too_large(too_many_pieces(300 << 20)).contains("the state has about 300 MiB, and 256 MiB can"));
    }

    #[test]
    fn pauses_grow_with_the_state_and_with_each_try_until_a_bound() {
        let mut tries = Tries::default();
        let mut pauses = Vec::new();
        tries.note_pieces(480);
        tries.note_pieces(u32::MAX);
        for _ in 0..20 {
            tries.fail(Duration::ZERO);
            pauses.push(tries.until.unwrap().as_millis());
        }
        assert_eq!(pauses[..4], [3_840, 7_680, 15_360, 30_720]);
        assert_eq!(pauses[4..], [61_440; 16]);
        tries.note_pieces(MOST_PIECES);
        tries.fail(Duration::ZERO);
        assert_eq!(tries.until, Some(MAX_PAUSE));
        assert!(tries.pause(MAX_PAUSE - PAUSE_OF_PIECE) && !tries.pause(MAX_PAUSE));
    }

    #[test]
    fn a_node_that_asks_again_and_again_is_given_the_state_more_and_more_rarely() {
        let (mut askers, node) = (Askers::default(), NodeName::try_from("b".to_string()).unwrap());
        let mut given = Vec::new();
        for second in 0..200 {
            let now = Duration::from_secs(second);
            askers.handle_tick(&Peers::default(), now);
            if askers.may_ask(&node, 0, 0, now) {
                given.push(second);
                askers.note(node.clone(), B, 1_000, now);
            }
        }
        assert_eq!(given, [0, 8, 24, 56, 120]);
        let mut may_ask = |answers, waiting| {
            askers.may_ask(&"c".to_string().try_into().unwrap(), answers, waiting, Duration::from_secs(200))
        };
        assert_eq!([may_ask(1, 3_000), may_ask(1, 4_000), may_ask(3, 3), may_ask(4, 4)], [true, false, true, false]);
        for number in 0..2 * MAX_ASKERS {
            askers.note(format!("n{number}").try_into().unwrap(), B, 1, Duration::from_secs(200));
        }
        assert_eq!(askers.nodes.len(), MAX_ASKERS);
        askers.handle_tick(&Peers::default(), Duration::from_secs(1_000));
        assert!(askers.nodes.is_empty());
    }
}
