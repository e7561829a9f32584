//! What is counted. Around each counted part stands what makes it realistic, and what shows that it did its work.

use std::hint::black_box;
use std::time::Instant;

use chinwag::chat::{ClientId, Input};
use chinwag::wire::line::{Decoder, Item};

use crate::house::{House, name};

/// Said again and again; of the usual length.
const TEXT: &str = "shall we meet at noon by the fountain, as usual?";
const LINE: &str = "shall we meet at noon by the fountain, as usual?\n";
const LINE_ZH: &str = "我们中午还是在喷泉旁边见面好吗？\n";

const ROUNDS: usize = 1000;

/// A workload: what it is called, and what runs it and tells how many times it did the thing that is counted.
pub struct Workload {
    pub name: &'static str,
    pub run: fn() -> usize,
    /// Takes so long that it runs only if it is asked for.
    pub on_request: bool,
}

const fn workload(name: &'static str, run: fn() -> usize) -> Workload {
    Workload { name, run, on_request: false }
}

pub const WORKLOADS: &[Workload] = &[
    workload("append-1", || append(1)),
    workload("append-10000", || append(10_000)),
    Workload { on_request: true, ..workload("append-1000", || append(1000)) },
    Workload { on_request: true, ..workload("append-1000000", || append(1_000_000)) },
    workload("decode", || decode(LINE)),
    workload("decode-chinese", || decode(LINE_ZH)),
    workload("decode-split", decode_split),
    workload("flush-mixed", flush_mixed),
    workload("flush-plain", flush_plain),
    workload("leave", || visits(Part::Leave)),
    workload("login", || visits(Part::Login)),
    workload("message", message),
    workload("whisper", whisper),
];

/// Callgrind counts only what happens in here; it finds the function by its name.
#[inline(never)]
pub fn counted<R>(work: impl FnOnce() -> R) -> R {
    black_box(work())
}

/// A line, as it comes with one read, becomes text.
fn decode(line: &str) -> usize {
    let mut decoder = Decoder::default();
    for _ in 0..ROUNDS {
        let mut bytes = black_box(line.as_bytes());
        let item = counted(|| decoder.next(&mut bytes, 4096));
        assert_eq!(item, Some(Item::Line(line.trim_end().into())));
    }
    ROUNDS
}

/// The same where the line comes with two reads.
fn decode_split() -> usize {
    let mut decoder = Decoder::default();
    let (first, second) = LINE.as_bytes().split_at(20);
    for _ in 0..ROUNDS {
        let (mut first, mut second) = black_box((first, second));
        let item = counted(|| {
            let none = decoder.next(&mut first, 4096);
            (none, decoder.next(&mut second, 4096))
        });
        assert_eq!(item, (None, Some(Item::Line(TEXT.into()))));
    }
    ROUNDS
}

/// A line said in a room, to its log; nobody reads meanwhile.
fn append(members: usize) -> usize {
    let mut house = House::with_members(members);
    let speaker = ClientId::new(0);
    // A log in which segments have come and gone.
    for _ in 0..5 {
        for _ in 0..300 {
            house.say(0, LINE);
        }
        house.pass_time();
    }
    let last = members - 1;
    house.keep(last);
    let mut expected = String::new();
    for round in 0..ROUNDS {
        let text = format!("{round:03} {TEXT}");
        let now = house.now();
        counted(|| house.hub.line(speaker, Input::Line(black_box(&text)), now));
        expected += &said(0, &text);
    }
    house.write();
    assert_eq!(house.kept(last), if members == 1 { "" } else { &expected });
    // Who comes later is shown the end of it.
    house.connect(members);
    house.keep(members);
    house.type_in(members, &format!("{}\n", name(members)));
    house.name_given(members);
    let history: String = expected.split_inclusive('\n').skip(ROUNDS - 100).collect();
    assert!(house.kept(members).contains(&history));
    ROUNDS
}

/// How long it takes to say a line in a room, while nobody reads: the best of several times 1,000 lines.
pub fn append_nanoseconds(members: usize) -> f64 {
    let mut house = House::with_members(members);
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let now = house.now();
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            house.hub.line(ClientId::new(0), Input::Line(black_box(TEXT)), now);
        }
        best = best.min(begun.elapsed().as_nanos() as f64 / ROUNDS as f64);
        house.pass_time();
    }
    best
}

/// Those who have read everything are written one more line.
fn flush_plain() -> usize {
    let (rounds, readers) = (10, 1000);
    let mut house = House::with_members(1 + readers);
    for round in 0..=rounds {
        house.say(0, LINE);
        let before = house.taken_by_all();
        checked_first(round, &mut house, readers, &said(0, TEXT), House::write);
        assert_eq!(house.taken_by_all() - before, readers * said(0, TEXT).len());
    }
    rounds * readers
}

/// One who ignores somebody is written what has been said since: by a friend, by themselves, by the one whom they
/// ignore, by the friend to them alone, and by the friend again.
fn flush_mixed() -> usize {
    let mut house = House::with_members(3);
    let (reader, friend, ignored) = (0, 1, 2);
    house.say(reader, &format!("/ignore {}\n", name(ignored)));
    house.pass_time();
    let whisper = format!("@{} {LINE}", name(reader));
    let heard = format!("[12:34:56] {} -> you: {TEXT}\r\n", name(friend));
    let expected = [said(friend, TEXT), heard, said(friend, TEXT)].concat();
    for round in 0..=ROUNDS {
        for (slot, line) in [(friend, LINE), (reader, LINE), (ignored, LINE), (friend, &whisper), (friend, LINE)] {
            house.say(slot, line);
        }
        checked_first(round, &mut house, reader, &expected, |house| house.flush(reader));
        house.pass_time();
    }
    ROUNDS
}

/// Which part of a visit is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Login,
    Leave,
}

/// People come and go in a room of 1,000, where a line is said between any two of them.
fn visits(part: Part) -> usize {
    let (slots, rounds) = (1001, 200);
    let mut house = House::with_members(slots - 1);
    let mut free = slots - 1;
    let mut welcome = 0;
    // The first rounds fill the history.
    let filling = 120;
    for round in 0..filling + rounds {
        let counts = |counted| counted == part && round >= filling;
        house.say((free + 1) % slots, LINE);
        house.pass_time();

        counted_if(counts(Part::Login), || house.connect(free));
        if round < filling {
            house.keep(free);
        }
        house.type_in(free, &format!("{}\n", name(free)));
        counted_if(counts(Part::Login), || house.name_given(free));
        let taken = house.taken(free);
        if round < filling {
            let shown = house.kept(free);
            assert_eq!(shown.matches(TEXT).count(), 100.min(round + 1));
            welcome = taken;
        }
        assert_eq!(taken, welcome, "the same welcome for everybody");

        free = (free + 7) % slots;
        let before = house.taken(free);
        house.type_in(free, "q\n");
        counted_if(counts(Part::Leave), || house.part(free));
        assert_eq!(house.taken(free) - before, "* Goodbye.\r\n".len());
    }
    rounds
}

/// The whole way of a line: from the bytes that come to those that ten others are written.
fn message() -> usize {
    let readers = 10;
    let mut house = House::with_members(1 + readers);
    for round in 0..=ROUNDS {
        house.type_in(0, LINE);
        let before = house.taken_by_all();
        checked_first(round, &mut house, readers, &said(0, TEXT), |house| {
            house.receive(0);
            house.write();
        });
        assert_eq!(house.taken_by_all() - before, readers * said(0, TEXT).len());
    }
    ROUNDS
}

/// The whole way of a whisper: from the bytes that come to those that the two are written.
fn whisper() -> usize {
    let mut house = House::with_members(11);
    let heard = format!("[12:34:56] {} -> you: {TEXT}\r\n", name(0));
    for round in 0..=ROUNDS {
        let before = house.taken_by_all();
        house.type_in(0, &format!("@{} {LINE}", name(5)));
        checked_first(round, &mut house, 5, &heard, |house| {
            house.receive(0);
            house.write_private();
        });
        assert_eq!(house.taken_by_all() - before, 2 * heard.len());
    }
    ROUNDS
}

/// How the others read what the client in that slot says.
fn said(slot: usize, text: &str) -> String {
    format!("[12:34:56] {}: {text}\r\n", name(slot))
}

/// Does something by which a client is written `expected`: in the first round compares the bytes and counts nothing,
/// in the others counts and compares the length alone.
fn checked_first(round: usize, house: &mut House, reader: usize, expected: &str, work: impl Fn(&mut House)) {
    let before = house.taken(reader);
    if round == 0 {
        house.keep(reader);
    }
    counted_if(round > 0, || work(house));
    if round == 0 {
        assert_eq!(house.kept(reader), expected);
    }
    assert_eq!(house.taken(reader) - before, expected.len());
}

fn counted_if<R>(counts: bool, work: impl FnOnce() -> R) -> R {
    if counts { counted(work) } else { work() }
}
