//! Reading by comparison with the transcript gives the same counts as reading line by line, for any server.

use mio::net::TcpStream;

use super::*;
use crate::bench::driver::clock::SECOND;
use crate::bench::driver::group::Endpoint;
use crate::bench::workload::streams::{self, Streams};
use crate::util::test_support::Random;
use crate::wire::frame::{pong_frame, text_frame};

const SEEDS: u64 = 3000;

struct Readers {
    group: Group,
    members: Vec<Member>,
}

fn readers(
    encoding: Encoding,
    count: usize,
    (streams, talkers): (Streams, usize),
    own: Range<usize>,
    transcript: bool,
    socket: &std::net::TcpStream,
) -> Readers {
    let addrs = ["127.0.0.1:1", "127.0.0.1:2"].map(|addr| addr.parse().unwrap()).into();
    let endpoint = Endpoint { addrs, encoding, prompt: true, welcome: true, tls: false };
    let mut group = Group::of_readers(endpoint, 0, streams, talkers, SECOND);
    group.transcript = group.transcript.filter(|_| transcript);
    let members = (0..count).map(|index| {
        group.room.add_reader(if index == 0 { own.clone() } else { 0..0 });
        let stream = MemberStream::Tcp(TcpStream::from_std(socket.try_clone().unwrap()));
        Member { state: State::In, ..Member::new(stream, encoding, 0, Role::Talker, index, 0) }
    });
    let members = members.collect();
    Readers { group, members }
}

/// A line or frame of a server with `text` in it, of a room.
fn unit(encoding: Encoding, room: usize, text: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Plain => {
            let label = if room > 0 { format!("({}) ", streams::name(room)) } else { String::new() };
            [b"[12:00:00] ", label.as_bytes(), b"name: ", text, b"\r\n"].concat()
        }
        Encoding::Irc => {
            let room = if room > 0 { streams::name(room) } else { "lobby".into() };
            [b":name!~name@host PRIVMSG #", room.as_bytes(), b" :", text, b"\r\n"].concat()
        }
        Encoding::WebSocket => {
            let mut out = Vec::new();
            text_frame(&mut out, |out| {
                let start = format!(r#"{{"t":"said","room":"{}","name":"name","text":""#, streams::name(room));
                out.extend([start.as_bytes(), text, br#""}"#].concat());
            });
            out
        }
    }
}

/// What a correct server sends to each client, and the number of messages of each stream in it.
fn lines(random: &mut Random, encoding: Encoding, context: &RunContext, talkers: usize) -> (Vec<Vec<u8>>, Vec<u32>) {
    let mut said = vec![0; context.streams.count(talkers)];
    let mut lines = Vec::new();
    for number in 0..5 + random.below(40) {
        let (mut line, mut room) = (Vec::new(), 0);
        match random.below(12) {
            0 => line = b"alice joined".to_vec(),
            1 => context.format.write(Tag { kind: MessageKind::Probe, stream: 0, seq: 0, time: 0 }, &mut line),
            _ => {
                let stream = random.below(said.len());
                room = context.streams.room(stream);
                let tag = Tag {
                    kind: MessageKind::Message,
                    stream: stream as u16,
                    seq: said[stream],
                    time: number as u64 / 3,
                };
                context.format.write(tag, &mut line);
                said[stream] += 1;
            }
        }
        lines.push(unit(encoding, room, &line));
    }
    (lines, said)
}

/// Loses, duplicates, swaps, damages, repeats or inserts a line, up to three times.
fn spoil(random: &mut Random, encoding: Encoding, lines: &mut Vec<Vec<u8>>) {
    for _ in 0..random.below(4) {
        if lines.len() < 2 {
            return;
        }
        let at = random.below(lines.len() - 1);
        match random.below(6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines.swap(at, at + 1),
            3 => {
                // Neither the line end nor the frame header.
                let (length, text) = (lines[at].len(), encoding.text(&lines[at]).len());
                let byte = random.below(text) + if encoding == Encoding::WebSocket { length - text } else { 0 };
                lines[at][byte] ^= 1;
            }
            4 => lines.insert(random.below(lines.len()), lines[at].clone()),
            _ if encoding == Encoding::WebSocket && random.below(2) == 0 => lines.insert(at, pong_frame(b"x")),
            _ => lines.insert(at, unit(encoding, 0, b"for you alone")),
        }
    }
}

fn run(seed: u64, encoding: Encoding, socket: &std::net::TcpStream) {
    let mut random = Random(seed);
    let context = RunContext::new(7, 40, random.below(3), String::new());
    let (count, talkers) = (1 + random.below(4), 1 + random.below(3));
    let own = if random.below(5) == 0 { context.streams.of_talker(0) } else { 0..0 };
    let (lines, said) = lines(&mut random, encoding, &context, talkers);
    let mut both = [true, false]
        .map(|transcript| readers(encoding, count, (context.streams, talkers), own.clone(), transcript, socket));
    let mut unread: Vec<Vec<u8>> = Vec::new();
    for _ in 0..count {
        let mut lines = lines.clone();
        spoil(&mut random, encoding, &mut lines);
        unread.push(lines.concat());
    }
    let mut now = 0;
    while unread.iter().any(|bytes| !bytes.is_empty()) {
        let index = random.below(count);
        let most = if random.below(2) == 0 { 20 } else { 400 };
        let n = (1 + random.below(most)).min(unread[index].len());
        let chunk: Vec<u8> = unread[index].drain(..n).collect();
        now += 1000;
        for Readers { group, members } in &mut both {
            members[index].take(group, &context, &chunk, now).unwrap();
        }
    }
    let [with, without] = both.map(|Readers { mut group, .. }| {
        let checked = (group.room.tally, group.room.missing(&said), group.room.orders(&said));
        let by_address = group.by_address.map(|by_address| by_address.counts());
        (checked, group.ready, group.notices, group.latency.counts(), by_address)
    });
    assert_eq!(with, without, "{encoding:?}, seed {seed}");
}

#[test]
fn transcript_comparison_counts_like_line_by_line_reading() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    for seed in 0..SEEDS {
        run(seed, Encoding::Plain, &socket);
        run(seed, Encoding::WebSocket, &socket);
        run(seed, Encoding::Irc, &socket);
    }
}
