//! Decodes messages in pieces of any size, and handed over between the pieces.

use super::*;
use crate::util::test_json::through_json;
use crate::util::test_support::Random;

const MASK: [u8; 4] = [1, 2, 3, 4];

/// A masked frame with this first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..126 => bytes.push(0x80 | len as u8),
        len @ 126..65536 => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn decode(bytes: &[u8], max: usize, mut piece: impl FnMut() -> usize) -> Vec<FrameItem> {
    let (mut decoder, mut items) = (FrameDecoder::default(), Vec::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (mut now, later) = rest.split_at(piece().min(rest.len()));
        rest = later;
        while let Some(item) = decoder.next(&mut now, max) {
            let is_end = matches!(item, FrameItem::Broken(_));
            items.push(item);
            if is_end {
                return items;
            }
        }
        assert!(now.is_empty() && decoder.kept() <= 2 * max + 256);
        if rest.len().is_multiple_of(2) {
            decoder = through_json(&decoder);
        }
    }
    items
}

#[test]
fn message_decodes_to_a_line_in_pieces_of_any_size() {
    let long = "x".repeat(3000);
    let bytes = [
        frame(0x81, b"hello"),
        frame(0x01, b"a \x1b[1mb \xe4"),
        frame(0x89, b"are you there"),
        frame(0x00, b""),
        frame(0x8a, b""),
        frame(0x80, b"\xbd\xa0\n\xe5\xa5\xbd"),
        frame(0x81, long.as_bytes()),
        frame(0x81, b""),
        frame(0x88, &[0x03, 0xe8, b'b', b'y', b'e']),
    ]
    .concat();
    let line = |text: &str| FrameItem::Line(text.into());
    let expected = [
        line("hello"),
        FrameItem::Ping(b"are you there".into()),
        FrameItem::Pong,
        line("a b 你 好"),
        line(&long),
        line(""),
        FrameItem::Close(1000),
    ];
    for seed in 0..200 {
        let mut random = Random(seed);
        let piece = || {
            let most = 1 << random.below(12);
            1 + random.below(most)
        };
        assert_eq!(decode(&bytes, 4096, piece), expected, "seed {seed}");
    }
}

#[test]
fn protocol_errors_have_their_close_codes() {
    let unmasked = vec![0x81, 1, b'x'];
    for (what, bytes, code) in [
        ("unmasked", unmasked, 1002),
        ("a reserved bit", frame(0xc1, b"x"), 1002),
        ("an undefined opcode", frame(0x83, b"x"), 1002),
        ("an undefined control opcode", frame(0x8b, b"x"), 1002),
        ("a ping in fragments", frame(0x09, b"x"), 1002),
        ("a long ping", frame(0x89, &[b'x'; 126]), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("a message in a message", [frame(0x01, b"x"), frame(0x81, b"y")].concat(), 1002),
        ("half a close code", frame(0x88, &[3]), 1002),
        ("an undefined close code", frame(0x88, &[0x03, 0xed]), 1002),
        ("a close code below 1000", frame(0x88, &[0, 0]), 1002),
        ("binary", frame(0x82, b"x"), 1003),
        ("not UTF-8", frame(0x81, b"a\xff"), 1007),
        ("an unended character", frame(0x81, b"a\xe4\xbd"), 1007),
        ("a surrogate", frame(0x81, b"\xed\xa0\x80"), 1007),
        ("a reason that is not UTF-8", frame(0x88, &[0x03, 0xe8, 0xff]), 1007),
        ("far too long", frame(0x81, &[b'x'; 1601]), 1009),
        ("far too long in all", [frame(0x01, &[b'x'; 1600]), frame(0x80, b"y")].concat(), 1009),
    ] {
        let items = decode(&bytes, 100, || 1);
        assert_eq!(items.last(), Some(&FrameItem::Broken(code)), "{what}");
    }
}

#[test]
fn invalid_utf8_is_reported_before_the_message_ends() {
    let mut decoder = FrameDecoder::default();
    let bytes = [frame(0x01, b"\xe4"), frame(0x00, b"\xbd"), frame(0x00, b"x")].concat();
    let mut rest = &bytes[..];
    assert_eq!(decoder.next(&mut rest, 100), Some(FrameItem::Broken(code::NOT_UTF8)));
}

#[test]
fn too_long_message_is_reported_once_and_dropped() {
    let bytes = [frame(0x01, &[b'x'; 101]), frame(0x00, &[0xff; 50]), frame(0x80, b"z"), frame(0x81, b"y")];
    let expected = [FrameItem::TooLong, FrameItem::Line("y".into())];
    assert_eq!(decode(&bytes.concat(), 100, || 7), expected);
    let mut decoder = FrameDecoder::default();
    assert_eq!(decoder.next(&mut &bytes[0][..8], 100), Some(FrameItem::TooLong));
    assert_eq!(decode(&frame(0x81, &[b'x'; 100]), 100, || 50), [FrameItem::Line("x".repeat(100))]);
}
