//! Checks the fuzzing properties in a few seconds, with the corpus of `tests/fuzz` and small changes to it.

pub mod properties;
#[path = "../../../src/util/test_support.rs"]
mod testing;

use std::panic::catch_unwind;
use std::path::Path;

use self::properties::{commands, frames, hub, hygiene, irc, irc_frames, lines, names, requests, sessions};
use self::testing::Random;

/// Changed inputs per target.
const CHANGED_INPUTS: usize = 10_000;
/// Average changes per input.
const MEAN_CHANGES: usize = 4;
/// Maximum bytes of an input.
const MAX_INPUT: usize = 1024;

/// Byte sequences that are special to some target, inserted into inputs.
const TOKENS: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b"\r\0",
    b"\x08",
    b"\x7f",
    b"\xff\xfd",
    b"\xff\xfa",
    b"\xff\xf0",
    b"\xf8",
    b"\x1b[",
    b"\x1b]",
    b"\x07",
    b"\x1b\\",
    b"\xc2\x9b",
    b"\xc2\x9d",
    b"\xcc\x81",
    b"\xe2\x80\x8d",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\xe4\xbd\xa0",
    b"@",
    b"/",
    b" ",
    b"quit",
    b"\x81\x82\0\0\0\0",
    b"\x01\x81\0\0\0\0",
    b"\x80\x80\0\0\0\0",
    b"\x89\x80\0\0\0\0",
    b"\x88\x82\0\0\0\0\x03\xe8",
    b"\xfe",
    b": ",
    b"HTTP/1.1",
    b"Connection: close\r\n",
    b" :",
    b"\x01",
    b"\x034,12",
    b"\x04ff00aa",
    b";+x=\\s",
    b"xxx",
    b"\n0",
    b"\n1@label=x ",
    b"\n3",
    b"0-1",
    b"#den",
    b"CHATHISTORY LATEST #den * 9",
];

/// Checks the corpus of a target and changed inputs, or only the input in `CHINWAG_FUZZ` (hexadecimal).
fn run(target: &str, check: fn(&[u8])) {
    if let Ok(digits) = std::env::var("CHINWAG_FUZZ") {
        return check(&from_hex(&digits));
    }
    let seeds = corpus(target);
    let mut random = Random(seeds.len() as u64);
    for seed in &seeds {
        try_one(target, check, seed);
    }
    for _ in 0..CHANGED_INPUTS {
        try_one(target, check, &changed(&seeds, &mut random));
    }
}

fn try_one(target: &str, check: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = catch_unwind(|| check(input)) {
        let digits: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("input: {}", input.escape_ascii());
        eprintln!("CHINWAG_FUZZ={digits} cargo test --test it fuzz::{target} replays it");
        std::panic::resume_unwind(panic);
    }
}

fn from_hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hexadecimal digits"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits in CHINWAG_FUZZ")).collect()
}

/// The inputs of a target, sorted by file name.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let files = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    assert!(paths.len() > 9, "the corpus of {target} is missing");
    paths.iter().map(|path| std::fs::read(path).expect("an input")).collect()
}

/// One of the seeds with some bytes removed, inserted, repeated or changed.
fn changed(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(seeds).clone();
    while !random.one_in(MEAN_CHANGES) {
        let at = random.below(input.len() + 1);
        let end = at + random.below(input.len() - at + 1);
        match random.below(6) {
            0 => drop(input.drain(at..end.min(at + 8))),
            1 => drop(input.splice(at..at, random.pick(TOKENS).iter().copied())),
            2 => {
                let other = random.pick(seeds);
                let from = random.below(other.len() + 1);
                let part = &other[from..from + random.below(other.len() - from + 1)];
                drop(input.splice(at..end, part.iter().copied()));
            }
            3 => drop(input.splice(at..at, input[at..end].to_vec())),
            _ if at == input.len() => input.push(random.next() as u8),
            4 => input[at] = random.next() as u8,
            _ => input[at] ^= 1 << random.below(8),
        }
    }
    input.truncate(MAX_INPUT);
    input
}

#[test]
fn lines_do_not_depend_on_how_input_is_split() {
    run("lines", lines::check);
}

#[test]
fn irc_lines_are_the_same_when_they_are_split_or_written_again() {
    run("irc", irc::check);
}

#[test]
fn irc_lines_in_frames_are_those_of_tungstenite() {
    run("irc_frames", irc_frames::check);
}

#[test]
fn irc_sessions_read_valid_lines() {
    run("sessions", sessions::check);
}

#[test]
fn frames_are_decoded_as_by_tungstenite() {
    run("frames", frames::check);
}

#[test]
fn requests_do_not_depend_on_how_input_is_split() {
    run("requests", requests::check);
}

#[test]
fn commands_keep_the_typed_text() {
    run("commands", commands::check);
}

#[test]
fn names_are_found_in_any_spelling() {
    run("names", names::check);
}

#[test]
fn sanitizing_removes_only_harmful_characters() {
    run("hygiene", hygiene::check);
}

#[test]
fn hub_survives_any_script() {
    run("hub", hub::check);
}

#[test]
fn sanitizing_is_right_for_every_character() {
    ('\0'..=char::MAX).for_each(hygiene::check_alone);
}

#[test]
fn names_of_one_character_are_valid_in_any_spelling() {
    for c in '\u{80}'..=char::MAX {
        names::accepted(c.encode_utf8(&mut [0; 4]));
    }
}
