//! The workloads. Around each counted part is code that makes it realistic and checks its result.

use std::hint::black_box;
use std::time::Instant;

use chinwag::chat::{ClientId, Input};
use chinwag::wire::line::{LineDecoder, LineItem};

use crate::server::{TestServer, name};

/// A message of typical length.
const TEXT: &str = "shall we meet at noon by the fountain, as usual?";
const LINE: &str = "shall we meet at noon by the fountain, as usual?\n";
const LINE_ZH: &str = "我们中午还是在喷泉旁边见面好吗？\n";

const ROUNDS: usize = 1000;

/// A workload: its name, and a function that runs it and returns the number of repetitions.
pub struct Workload {
    pub name: &'static str,
    pub run: fn() -> usize,
    /// Too slow to run by default.
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
    workload("delete-10000", || delete(10_000)),
    workload("flush-mixed", flush_mixed),
    workload("flush-plain", flush_plain),
    workload("leave", || visits(VisitPart::Leave)),
    workload("login", || visits(VisitPart::Login)),
    workload("message", message),
    workload("whisper", whisper),
];

/// Callgrind counts only inside this function, which it finds by name.
#[inline(never)]
pub fn counted<R>(work: impl FnOnce() -> R) -> R {
    black_box(work())
}

/// A line at an aligned address: the instructions of a search for the line end depend on that.
#[repr(align(64))]
struct Aligned([u8; 64]);

impl Aligned {
    fn new(line: &str) -> Self {
        let mut bytes = [0; 64];
        bytes[..line.len()].copy_from_slice(line.as_bytes());
        Aligned(bytes)
    }
}

/// Decodes a line that arrives in one read.
fn decode(line: &str) -> usize {
    let mut decoder = LineDecoder::default();
    let aligned = Aligned::new(line);
    for _ in 0..ROUNDS {
        let mut bytes = black_box(&aligned.0[..line.len()]);
        let item = counted(|| decoder.next(&mut bytes, 4096));
        assert_eq!(item, Some(LineItem::Line(line.trim_end().into())));
    }
    ROUNDS
}

/// Decodes a line that arrives in two reads.
fn decode_split() -> usize {
    let mut decoder = LineDecoder::default();
    let aligned = Aligned::new(LINE);
    let (first, second) = aligned.0[..LINE.len()].split_at(20);
    for _ in 0..ROUNDS {
        let (mut first, mut second) = black_box((first, second));
        let item = counted(|| {
            let none = decoder.next(&mut first, 4096);
            (none, decoder.next(&mut second, 4096))
        });
        assert_eq!(item, (None, Some(LineItem::Line(TEXT.into()))));
    }
    ROUNDS
}

/// Appends a message to the log of a room, without readers meanwhile.
fn append(members: usize) -> usize {
    let mut server = TestServer::with_members(members);
    let speaker = ClientId::new(0);
    // A log whose first segments were already freed.
    for _ in 0..5 {
        for _ in 0..300 {
            server.say(0, LINE);
        }
        server.pass_time();
    }
    let last = members - 1;
    server.start_recording(last);
    let mut expected = String::new();
    for round in 0..ROUNDS {
        let text = format!("{round:03} {TEXT}");
        let now = server.now();
        counted(|| server.hub.handle_line(speaker, Input::Line(black_box(&text)), now));
        expected += &said(0, &text);
    }
    server.write();
    assert_eq!(server.stop_recording(last), if members == 1 { "" } else { &expected });
    // A later client is sent the end of the history.
    server.connect(members);
    server.start_recording(members);
    server.type_in(members, &format!("{}\n", name(members)));
    server.process_nickname(members);
    let history: String = expected.split_inclusive('\n').skip(ROUNDS - 100).collect();
    assert!(server.stop_recording(members).contains(&history));
    ROUNDS
}

/// Deletes the newest message of a room with a full history.
fn delete(members: usize) -> usize {
    let mut server = TestServer::with_members(members);
    for _ in 0..300 {
        server.say(1, LINE);
    }
    server.pass_time();
    let rounds = 100;
    for round in 0..rounds {
        server.say(0, &format!("deleted {round}\n"));
        let now = server.now();
        counted(|| server.hub.handle_line(ClientId::new(0), Input::Line(black_box("/delete last")), now));
        server.pass_time();
    }
    server.connect(members);
    server.start_recording(members);
    server.type_in(members, &format!("{}\n", name(members)));
    server.process_nickname(members);
    let shown = server.stop_recording(members);
    assert!(!shown.contains("deleted") && shown.contains(TEXT));
    rounds
}

/// Nanoseconds to append a message to a room without readers: the best of 20 times 1,000 messages.
pub fn append_nanoseconds(members: usize) -> f64 {
    let mut server = TestServer::with_members(members);
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let now = server.now();
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            server.hub.handle_line(ClientId::new(0), Input::Line(black_box(TEXT)), now);
        }
        best = best.min(begun.elapsed().as_nanos() as f64 / ROUNDS as f64);
        server.pass_time();
    }
    best
}

/// Writes one more line to clients that have read everything.
fn flush_plain() -> usize {
    let (rounds, readers) = (10, 1000);
    let mut server = TestServer::with_members(1 + readers);
    for round in 0..=rounds {
        server.say(0, LINE);
        let before = server.taken_by_all();
        checked_first(round, &mut server, readers, &said(0, TEXT), TestServer::write);
        assert_eq!(server.taken_by_all() - before, readers * said(0, TEXT).len());
    }
    rounds * readers
}

/// Writes to a member who ignores another: messages of a friend, of the member, of the ignored one, a whisper of the
/// friend, and another message of the friend.
fn flush_mixed() -> usize {
    let mut server = TestServer::with_members(3);
    let (reader, friend, ignored) = (0, 1, 2);
    server.say(reader, &format!("/ignore {}\n", name(ignored)));
    server.pass_time();
    let whisper = format!("@{} {LINE}", name(reader));
    let heard = format!("[12:34:56] {} -> you: {TEXT}\r\n", name(friend));
    let expected = [said(friend, TEXT), heard, said(friend, TEXT)].concat();
    for round in 0..=ROUNDS {
        for (slot, line) in [(friend, LINE), (reader, LINE), (ignored, LINE), (friend, &whisper), (friend, LINE)] {
            server.say(slot, line);
        }
        checked_first(round, &mut server, reader, &expected, |server| server.flush(reader));
        server.pass_time();
    }
    ROUNDS
}

/// The counted part of a visit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VisitPart {
    Login,
    Leave,
}

/// Clients log in and leave in a room of 1,000, with a message between any two.
fn visits(part: VisitPart) -> usize {
    let (slots, rounds) = (1001, 200);
    let mut server = TestServer::with_members(slots - 1);
    let mut free = slots - 1;
    let mut welcome = 0;
    // The first rounds fill the history.
    let filling = 120;
    for round in 0..filling + rounds {
        let counts = |counted| counted == part && round >= filling;
        server.say((free + 1) % slots, LINE);
        server.pass_time();

        counted_if(counts(VisitPart::Login), || server.connect(free));
        if round < filling {
            server.start_recording(free);
        }
        server.type_in(free, &format!("{}\n", name(free)));
        counted_if(counts(VisitPart::Login), || server.process_nickname(free));
        let taken = server.taken(free);
        if round < filling {
            let shown = server.stop_recording(free);
            assert_eq!(shown.matches(TEXT).count(), 100.min(round + 1));
            welcome = taken;
        }
        assert_eq!(taken, welcome, "the same welcome for every client");

        free = (free + 7) % slots;
        let before = server.taken(free);
        server.type_in(free, "q\n");
        counted_if(counts(VisitPart::Leave), || server.leave(free));
        assert_eq!(server.taken(free) - before, "* Goodbye.\r\n".len());
    }
    rounds
}

/// A message from input bytes to the output of ten readers.
fn message() -> usize {
    let readers = 10;
    let mut server = TestServer::with_members(1 + readers);
    for round in 0..=ROUNDS {
        server.type_in(0, LINE);
        let before = server.taken_by_all();
        checked_first(round, &mut server, readers, &said(0, TEXT), |server| {
            server.receive(0);
            server.write();
        });
        assert_eq!(server.taken_by_all() - before, readers * said(0, TEXT).len());
    }
    ROUNDS
}

/// A whisper from input bytes to the output of both clients.
fn whisper() -> usize {
    let mut server = TestServer::with_members(11);
    let heard = format!("[12:34:56] {} -> you: {TEXT}\r\n", name(0));
    for round in 0..=ROUNDS {
        let before = server.taken_by_all();
        server.type_in(0, &format!("@{} {LINE}", name(5)));
        checked_first(round, &mut server, 5, &heard, |server| {
            server.receive(0);
            server.write_private();
        });
        assert_eq!(server.taken_by_all() - before, 2 * heard.len());
    }
    ROUNDS
}

/// The line that others are sent for a message of a client.
fn said(slot: usize, text: &str) -> String {
    format!("[12:34:56] {}: {text}\r\n", name(slot))
}

/// Runs work that sends `expected` to a client: the first round compares the bytes and counts nothing, later rounds count
/// and compare only the length.
fn checked_first(round: usize, server: &mut TestServer, reader: usize, expected: &str, work: impl Fn(&mut TestServer)) {
    let before = server.taken(reader);
    if round == 0 {
        server.start_recording(reader);
    }
    counted_if(round > 0, || work(server));
    if round == 0 {
        assert_eq!(server.stop_recording(reader), expected);
    }
    assert_eq!(server.taken(reader) - before, expected.len());
}

fn counted_if<R>(counts: bool, work: impl FnOnce() -> R) -> R {
    if counts { counted(work) } else { work() }
}
